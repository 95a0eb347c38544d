/* carrier_habit.c - what sessions teach about their hosts, and what they are told of it.
 * The rules stand in engine/shape/habit.h; here they meet the session, the configuration, the
 * log and, by way of the ledger, the database. A carrier whose table of hosts is full treats
 * further hosts as unknown ones. */
#include "engine/send/carrier.h"

#include <stdio.h>

#include "engine/base/log.h"

struct carrier_habit *carrier_habit_get(struct carrier *carrier, const char *host)
{
	struct carrier_habit *habit = map_get(&carrier->habits, str_of(host));
	if (habit)
		return habit;
	habit = slab_borrow(&carrier->habit_slab);
	if (!habit)
		return NULL;
	*habit = (struct carrier_habit){};
	habit_init(&habit->habit);
	chain_link_init(&habit->changed);
	snprintf(habit->host, sizeof(habit->host), "%s", host);
	if (map_put(&carrier->habits, str_of(habit->host), habit) == 0)
		return habit;
	slab_give_back(&carrier->habit_slab, habit);
	return NULL;
}

static const struct habit_rule *rule_of(const struct session *session)
{
	const struct habit_rule *rule = &session->path->site->shaping.limits.habits;
	return rule->window ? rule : &habit_rule_default;
}

static usec wall_of(const struct session *session)
{
	return io_wall_now(session->carrier->loop);
}

/* To be kept: at the next sweep it goes to the ledger. */
static void note(struct session *session, const char *why)
{
	struct carrier_habit *habit = session->habit;
	habit->changed_wall = wall_of(session);
	snprintf(habit->note, sizeof(habit->note), "%s", why);
	if (!chain_linked(&habit->changed))
		chain_push_back(&session->carrier->changed_habits, &habit->changed);
}

void session_plan(struct session *session)
{
	struct habit unknown;
	if (!session->habit)
		habit_init(&unknown);
	session->plan = habit_plan(session->habit ? &session->habit->habit : &unknown, rule_of(session),
				   smtp_client_swallows_chunks(&session->client),
				   session->submitted_count, wall_of(session));
	uint32_t window = session->plan.window;
	if (session->plan.flight == FLIGHT_CHUNK)
		window = carrier_path_is_slow(session->path) ? 1 : 2;
	smtp_client_set_flight(&session->client, session->plan.flight, window);
}

void session_learn_ready(struct session *session)
{
	session->answered_count = session->cut_count = 0;
	session->cut_within = false;
	session_plan(session);
}

bool session_in_clear(const struct session *session)
{
	return session->habit && wall_of(session) < session->habit->habit.clear_until;
}

void session_learn_broken_tls(struct session *session)
{
	if (!session->habit)
		return;
	session->habit->habit.clear_until = wall_of(session) + HABIT_CLEAR_TIME;
	note(session, "TLS handshake failed");
}

static void tell_change(const struct session *session, const char *change, const char *why)
{
	const struct habit_plan *plan = &session->plan;
	log_event(LOG_INFO, "flight",
		  "host=%s change=%s now=%s window=%u messages=%u why=\"%s\"",
		  log_str(str_of(session->host)), change, smtp_flight_names[plan->limit],
		  plan->limit == FLIGHT_WINDOW ? plan->window : 1, plan->messages, why);
}

/* A proof is worth keeping each time it has doubled. */
static bool is_milestone(uint32_t before, uint32_t after)
{
	return after > before && (after & (after - 1)) == 0;
}

void session_learn_clean(struct session *session)
{
	const struct smtp_caps *caps = smtp_client_caps(&session->client);
	session->answered_count++;
	if (!session->habit)
		return;
	struct habit_plan before = session->plan;
	bool known = smtp_client_swallows_chunks(&session->client);
	struct habit *habit = &session->habit->habit;
	uint32_t proven = habit->proven;
	if (habit_clean(habit, rule_of(session), &before, session->answered_count,
			caps->chunking, known, wall_of(session)) ||
	    is_milestone(proven, habit->proven))
		note(session, "clean transactions");
	session_plan(session);
	if (session->plan.limit != before.limit || session->plan.window != before.window)
		tell_change(session, "up", "clean transactions");
}

/* Transactions that had left and were not answered. One whose commands stood behind a message
 * that the server never answered comes back unsent, and yet may be what it broke at: Dovecot
 * 2.3's submission aborts on a RCPT behind the body. */
static uint32_t under_way(const struct session *session)
{
	bool behind = session->cut_within && session->returned_count > 0;
	return session->cut_count + behind;
}

/* A close of an idle connection says nothing; nor does one whose cause we are ourselves. */
void session_learn_close(struct session *session, const struct reply *reply)
{
	bool lost = reply->cause == CAUSE_CONNECTION_LOST;
	bool sync = reply->cause == CAUSE_OUT_OF_SYNC || reply->cause == CAUSE_PROTOCOL;
	if (!session->habit || !(lost || sync))
		return;
	bool idle = session->cut_count == 0 && session->returned_count == 0;
	struct habit_plan before = session->plan;
	uint32_t answered = lost && !idle ? session->answered_count : 0;
	if (!habit_trouble(&session->habit->habit, &before, sync ? TROUBLE_SYNC : TROUBLE_CUT,
			   under_way(session), answered, wall_of(session)))
		return;
	const char *why = sync ? "replies out of step" : "it hung up";
	note(session, why);
	session_plan(session);
	tell_change(session, "down", why);
}
