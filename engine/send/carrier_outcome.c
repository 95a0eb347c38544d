/* carrier_outcome.c - an envelope ends: reply -> class -> verdict -> journal.
 * The one place where an ending becomes a row. Retry and expiry are decided here, because here
 * the reply, the attempts and the clock meet; the ledger only writes what stands in the row. */
#include "engine/send/carrier.h"
#include "engine/send/verdict.h"

#include <string.h>

#include "engine/base/ahead.h"
#include "engine/base/assert.h"

#define REPLY_TEXT_KEPT 400
#define OUTCOME_AHEAD 384 /* bytes of one that are written for an ordinary reply */

static str keep(struct outcome *outcome, str text, size_t limit)
{
	size_t room = sizeof(outcome->text) - outcome->text_size;
	text = str_sub(text, 0, limit < room ? limit : room);
	char *at = outcome->text + outcome->text_size;
	memcpy(at, text.data ? text.data : "", text.size);
	outcome->text_size += text.size;
	return str_make(at, text.size);
}

static void fill_names(const struct carrier *carrier, struct outcome *outcome,
		       const struct carrier_path *path, const struct session *session)
{
	if (!path)
		return;
	const struct source *source = &carrier->settings->sources[path->source_index];
	outcome->row.provider = keep(outcome, str_of(path->route->provider), 32);
	outcome->row.source = keep(outcome, str_of(source->name), 64);
	const char *host = session ? session->host : path->route->hosts[0].name;
	outcome->row.mx_host = keep(outcome, str_of(host), 80);
	outcome->row.site = keep(outcome, str_of(path->route->site), 64);
}

/* Deferred, or in doubt and to be tried again: when. The policy speaks for the first unanswered
 * transaction of a broken connection; those behind it (CAUSE_CONNECTION_LOST) are always tried
 * again (design.md 1.5). A doubt is left alone for a while first. No time left: it has expired,
 * and keeps its last real reply. */
static void schedule(struct carrier *carrier, const struct envelope *envelope,
		     struct store_outcome *row, const struct classification *class,
		     bool behind_another)
{
	bool doubt_again = envelope->campaign->content->in_doubt_retry || behind_another;
	bool again = row->verdict == VERDICT_DEFERRED ||
		     (row->verdict == VERDICT_IN_DOUBT && doubt_again);
	row->final = !again;
	if (!again)
		return;
	row->due_wall = retry_next_at(&carrier->tuning.retry, class, row->attempt,
				      row->first_wall, row->at_wall, &carrier->prng);
	if (row->verdict == VERDICT_IN_DOUBT && !behind_another && row->due_wall != USEC_NEVER)
		row->due_wall = usec_max(
			row->due_wall,
			row->at_wall + envelope->campaign->content->policy.in_doubt_wait);
	usec expires = envelope_expires_wall(envelope);
	bool late = expires && row->due_wall > expires;
	if (row->due_wall != USEC_NEVER && !late)
		return;
	row->due_wall = 0;
	row->final = true;
	if (row->verdict == VERDICT_DEFERRED) {
		row->verdict = VERDICT_FAILED;
		row->class = CLASS_EXPIRED;
		row->cause = "expired";
	}
}

static void count(struct carrier_counts *counts, const struct store_outcome *row)
{
	_Atomic uint64_t *of[VERDICT_COUNT] = {
		[VERDICT_DELIVERED] = &counts->delivered,
		[VERDICT_DEFERRED] = &counts->deferred,
		[VERDICT_FAILED] = &counts->failed,
		[VERDICT_IN_DOUBT] = &counts->in_doubt,
		[VERDICT_SUPPRESSED] = &counts->suppressed,
		[VERDICT_CANCELLED] = &counts->cancelled,
	};
	/* In doubt and tried again is no ending. */
	enum verdict verdict = row->verdict == VERDICT_IN_DOUBT && !row->final
				       ? VERDICT_DEFERRED
				       : row->verdict;
	ASSERT(of[verdict]);
	atomic_fetch_add_explicit(of[verdict], 1, memory_order_relaxed);
}

/* A connection that has worn out says so in the words of too many connections. */
static bool is_worn_out(const struct session *session, const struct classification *class)
{
	return session && session->answered_count > 0 &&
	       strcmp(class->cause, "too-many-connections") == 0;
}

static void learn(struct carrier *carrier, struct carrier_path *path,
		  const struct message *message, const struct reply *reply,
		  const struct classification *class)
{
	const struct session *session = message ? message->session : NULL;
	if (!path || ending_is_before_envelopes(reply->stage))
		return; /* round_failed() has told it once, not once a recipient */
	if (is_worn_out(session, class))
		return;
	struct classification of_path = *class;
	if (ending_wants_login(reply, class))
		of_path.class = CLASS_REMOTE_FAILURE; /* a run of them suspends the path */
	uint32_t open = path->site->open_count;
	const struct path_event event = {.kind = PATH_REPLY,
					 .classification = &of_path,
					 .origin = reply->origin,
					 .others = open > 0 ? open - 1 : 0,
					 .started_at = session ? message->started_at : 0};
	carrier_site_learn(carrier, path, &event, reply);
}

static void fill(struct carrier *carrier, struct outcome *outcome,
		 const struct envelope *envelope, const struct reply *reply,
		 const struct classification *class, bool in_doubt)
{
	const struct store_recipient *recipient = envelope->recipient;
	const struct message *message = envelope->message;
	usec wall = io_wall_now(carrier->loop);
	bool tried = reply->cause != CAUSE_SUPPRESSED && reply->cause != CAUSE_CANCELLED;
	outcome->row = (struct store_outcome){
		.campaign_id = envelope->campaign->id,
		.slice_id = envelope->slice->id,
		.subscriber_id = recipient->subscriber_id,
		.verdict = ending_verdict(reply, class, in_doubt),
		.suppress = class->suppress,
		.class = class->class,
		.cause = class->cause,
		.origin = reply->origin,
		.stage = reply->stage,
		.code = reply->code,
		.status = reply->status,
		.attempt = recipient->attempts + (tried ? 1 : 0),
		.revision = envelope->campaign->content->revision,
		.at_wall = wall,
		.date_wall = envelope->date_wall ? envelope->date_wall : recipient->date_wall,
		.first_wall = recipient->first_wall ? recipient->first_wall : wall,
	};
	if (message && message->session) {
		outcome->row.duration_ms =
			(uint32_t)((io_now(carrier->loop) - message->started_at) / USEC_MS);
		outcome->row.size = (uint32_t)(message->bytes.size + message->signature.size);
	}
}

/* There are as many as envelopes that may be in memory, and an envelope is only let go after
 * its outcome: what is missing here lies in the lane, and was perhaps not there a moment ago.
 */
static struct outcome *borrow(struct carrier *carrier)
{
	struct outcome *outcome = slab_borrow(&carrier->outcome_slab);
	ahead_write(slab_next(&carrier->outcome_slab), OUTCOME_AHEAD);
	if (outcome)
		return outcome;
	carrier_take_outcomes_back(carrier);
	return slab_borrow(&carrier->outcome_slab);
}

void carrier_outcome(struct carrier *carrier, struct envelope *envelope,
		     const struct reply *reply, bool in_doubt, const struct session *session)
{
	struct outcome *outcome = borrow(carrier);
	ASSERT(outcome && envelope->state != ENVELOPE_ENDED);
	struct carrier_path *path = envelope->path;
	str provider = path ? str_of(path->route->provider) : STR("");
	const struct classification class = classify(carrier->classifier, reply, provider);
	outcome->text_size = 0;
	outcome->envelope = envelope;
	outcome->mark_position = envelope->message ? envelope->message->mark_position : 0;
	fill(carrier, outcome, envelope, reply, &class, in_doubt);
	fill_names(carrier, outcome, path, session);
	outcome->row.text = keep(outcome, reply->text, REPLY_TEXT_KEPT);
	schedule(carrier, envelope, &outcome->row, &class,
		 reply->cause == CAUSE_CONNECTION_LOST);
	learn(carrier, path, envelope->message, reply, &class);
	carrier_count_answer(carrier, path, reply, &class);
	count(&carrier->counts, &outcome->row);
	carrier_state_ended(carrier, path, &outcome->row);
	envelope->state = ENVELOPE_ENDED;
	envelope->path = NULL;
	envelope->flow = NULL;
	outcome->position = journal_put_outcome(carrier->journal, &outcome->row);
	chain_push_back(&carrier->unwritten, &outcome->link);
}

void carrier_message_free(struct carrier *carrier, struct message *message)
{
	carrier_message_unhold(message);
	if (message->envelope)
		message->envelope->message = NULL;
	message->envelope = NULL;
	carrier->urgent_messages -= message->campaign->urgent;
	if (--message->campaign->message_count == 0 && message->campaign->told_to_leave)
		carrier_take_arrival(carrier, message->campaign);
	message->campaign = NULL;
	arena_reset(&message->arena);
	slab_give_back(&carrier->message_slab, message);
	carrier_given_back(carrier);
}
