/* scenario_host.c - the hosts of a scenario: they know exactly what they let in, and tell
 * nobody. Site k's hosts are 10.0.k.1 and .2; the sources 10.9.0.1 and on. */
#include "tests/sim/scenario.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/mail/address.h"
#include "tests/sim/peer.h"

struct tokens {
	double level;
	usec at;
};

/* What a provider remembers of one source. */
struct account {
	struct tokens tokens;
	uint32_t connections, in_window;
	int64_t window;
	uint64_t told; /* messages that he was asked about, in all */
};

struct visit {
	struct peer peer; /* first: what is freed */
	const struct regime *regime;
	struct account *account;
	struct tokens *all;
	unsigned index, source;
	struct truth *rcpt;
	uint32_t taken;
	bool counted; /* among the account's connections */
};

static const struct plan *plan;
static usec started_at;
static struct account accounts[SCENARIO_PROVIDERS][SCENARIO_SOURCES];
static struct tokens all_tokens[SCENARIO_PROVIDERS];
struct scenario_seen scenario_seen;

void scenario_hosts_begin(const struct plan *p, usec start)
{
	plan = p;
	started_at = start;
	memset(accounts, 0, sizeof(accounts));
	memset(&scenario_seen, 0, sizeof(scenario_seen));
	for (unsigned i = 0; i < p->regime_count; i++) {
		for (unsigned k = 0; k < SCENARIO_SOURCES; k++)
			accounts[i][k].tokens = (struct tokens){p->regimes[i].burst, start};
		all_tokens[i] = (struct tokens){p->regimes[i].all_burst, start};
	}
}

int host_site_of(const struct net_address *address)
{
	uint32_t ip = ntohl(address->in4.sin_addr.s_addr);
	int site = (int)(ip >> 8 & 255);
	return ip >> 16 == (10u << 8) && site < SCENARIO_SITES ? site : -1;
}

static unsigned regime_of(int site)
{
	unsigned i = 0;
	for (int first = 0; i < plan->regime_count; i++) {
		first += (int)plan->regimes[i].sites;
		if (site < first)
			return i;
	}
	UNREACHABLE();
}

static struct scenario_minute *minute_of(const struct visit *visit)
{
	usec minute = (visit->peer.world->now - started_at) / USEC_MINUTE;
	ASSERT(minute >= 0);
	if (minute >= SCENARIO_MINUTES)
		minute = SCENARIO_MINUTES - 1;
	return &scenario_seen.minutes[visit->index][visit->source][minute];
}

struct scenario_sum scenario_sum_of(int regime, int source, usec from, usec until)
{
	struct scenario_sum sum = {};
	for (int i = 0; i < SCENARIO_PROVIDERS; i++)
		for (int k = 0; k < SCENARIO_SOURCES; k++)
			for (usec m = from / USEC_MINUTE; m < until / USEC_MINUTE; m++) {
				const struct scenario_minute *minute =
					&scenario_seen.minutes[i][k][m];
				if ((regime >= 0 && regime != i) ||
				    (source >= 0 && source != k))
					continue;
				sum.tries += minute->tries;
				sum.refused += minute->refused;
				sum.accepted += minute->accepted;
			}
	return sum;
}

bool scenario_is_dead(const struct world *w, const struct regime *r, const struct truth *truth)
{
	return r->dead_every && (uint64_t)(truth - w->truths) % r->dead_every == 0;
}

static bool has_token(struct tokens *t, double per_second, double burst, usec now)
{
	if (per_second <= 0)
		return true;
	t->level += per_second * (double)(now - t->at) / (double)USEC_SECOND;
	t->level = t->level < burst ? t->level : burst;
	t->at = now;
	return t->level >= 1;
}

static void answer(struct smtp_answer *a, uint16_t code, const char *status, const char *text)
{
	a->code = code;
	a->status = status;
	a->text = text;
}

static void throttle(struct visit *visit, struct smtp_answer *a)
{
	const struct regime *r = visit->regime;
	minute_of(visit)->refused++;
	answer(a, 421, r->over_status, r->over_text);
	a->close = true;
	scenario_seen.throttled++;
}

static bool storms(const struct visit *visit)
{
	usec at = visit->peer.world->now - started_at;
	return at >= visit->regime->storm_from && at < visit->regime->storm_until;
}

static void on_connect(void *context, struct smtp_answer *a)
{
	struct visit *visit = context;
	const struct regime *r = visit->regime;
	if (storms(visit)) {
		answer(a, 421, "4.3.2", "the service is not available, try again later");
		a->close = true;
	} else if (r->connections && visit->account->connections >= r->connections) {
		answer(a, 421, "4.7.0", "too many concurrent connections from your address");
		a->close = true;
		scenario_seen.refused_connections++;
	} else {
		visit->counted = true;
		visit->account->connections++;
	}
}

/* Whether the source has room in the window that is now. */
static bool has_quota(struct visit *visit)
{
	const struct regime *r = visit->regime;
	if (r->quota == 0)
		return true;
	int64_t window =
		(visit->peer.world->now - started_at + r->window - r->window_from) / r->window;
	if (window != visit->account->window) {
		visit->account->window = window;
		visit->account->in_window = 0;
	}
	return visit->account->in_window < r->quota;
}

static void on_mail(void *context, str from, struct smtp_answer *a)
{
	struct visit *visit = context;
	const struct regime *r = visit->regime;
	usec now = visit->peer.world->now;
	(void)from;
	minute_of(visit)->tries++;
	bool in_turn = r->alternates && visit->account->told++ % 2;
	if (in_turn || storms(visit) ||
	    !has_token(&visit->account->tokens, r->per_second, r->burst, now) ||
	    !has_token(visit->all, r->all_per_second, r->all_burst, now) || !has_quota(visit)) {
		throttle(visit, a);
		return;
	}
	visit->account->tokens.level -= 1;
	visit->all->level -= 1;
	visit->account->in_window++;
}

static bool is_listed(const struct visit *visit)
{
	usec from = visit->regime->blocks_from;
	return from && visit->source == 0 && visit->peer.world->now - started_at >= from;
}

static bool is_hectic(const struct visit *visit)
{
	usec day = (visit->peer.world->now - started_at) / USEC_DAY;
	return visit->source == 0 && day < 32 && (visit->regime->hectic_days >> day & 1);
}

/* True when the provider does not know him, or says so. */
static bool is_unknown(const struct visit *visit)
{
	const struct regime *r = visit->regime;
	struct world *w = visit->peer.world;
	usec at = w->now - started_at;
	bool lies = at >= r->lies_from && at < r->lies_until &&
		    world_below(w, 1000) < r->lies_per_mille;
	bool dead = scenario_is_dead(w, r, visit->rcpt);
	scenario_seen.lied += lies && !dead;
	return lies || dead;
}

/* Codes that nobody has defined, and some that mean another thing here. */
static void talk_nonsense(struct visit *visit, struct smtp_answer *a)
{
	static const uint16_t codes[] = {421, 451, 450, 0, 299, 350, 777, 999};
	uint16_t code = codes[world_below(visit->peer.world, 8)];
	answer(a, code, NULL, "la la la");
	a->drop = code == 0;
	minute_of(visit)->refused++;
}

static void on_rcpt(void *context, str to, struct smtp_answer *a)
{
	struct visit *visit = context;
	struct world *w = visit->peer.world;
	const struct regime *r = visit->regime;
	visit->rcpt = truth_by_email(w, to);
	if (!visit->rcpt) {
		world_fail(w, "mail to %.*s, who is nobody", STR_FORMAT(to));
		return;
	}
	usec first = visit->rcpt->first_seen ? visit->rcpt->first_seen : w->now;
	bool again = visit->rcpt->first_seen != 0;
	visit->rcpt->first_seen = first;
	unsigned busy = is_hectic(visit) ? 250 : r->busy_per_mille;
	if (is_listed(visit)) {
		answer(a, 554, "5.7.1",
		       "Service unavailable; client host [10.9.0.1] blocked using "
		       "bl.example.com; listed, see https://bl.example.com/10.9.0.1");
		minute_of(visit)->refused++;
	} else if (is_unknown(visit)) {
		answer(a, 550, "5.1.1",
		       "the email account that you tried to reach does not exist");
	} else if (r->greylist && w->now - first < r->greylist) {
		answer(a, 451, "4.7.1", "greylisted, please try again in a few minutes");
	} else if (!again && world_below(w, 1000) < busy) {
		answer(a, 450, "4.2.1",
		       "the user you are trying to contact is receiving mail at a rate that "
		       "prevents more https://support.example.com/mail/?p=ReceivingRate");
		minute_of(visit)->refused++;
	} else if (world_below(w, 1000) < r->nonsense_per_mille) {
		talk_nonsense(visit, a);
	}
}

static void on_end(void *context, size_t size, struct smtp_answer *a)
{
	struct visit *visit = context;
	const struct regime *r = visit->regime;
	struct world *w = visit->peer.world;
	usec at = w->now - started_at;
	(void)size;
	a->delay = r->service;
	visit->rcpt->accepted_count++;
	minute_of(visit)->accepted++;
	scenario_seen.accepted++;
	scenario_seen.steady_accepted += at >= plan->steady_from && at < plan->until;
	if (r->messages_per_connection && ++visit->taken >= r->messages_per_connection)
		a->close = true;
}

static void on_gone(struct peer *peer)
{
	struct visit *visit = (struct visit *)(void *)peer;
	visit->account->connections -= visit->counted;
}

struct peer *peer_open(struct world *w, int site, const struct net_address *from)
{
	struct visit *visit = calloc(1, sizeof(*visit));
	ASSERT(visit && from);
	unsigned source = (ntohl(from->in4.sin_addr.s_addr) & 255) - 1;
	unsigned index = regime_of(site);
	ASSERT(source < plan->source_count);
	visit->regime = &plan->regimes[index];
	visit->index = index;
	visit->source = source;
	visit->account = &accounts[index][source];
	visit->all = &all_tokens[index];
	peer_init(&visit->peer, w, on_gone);
	return &visit->peer;
}

void peer_attach(struct peer *peer, int fd)
{
	const struct smtp_server_options options = {
		.name = STR("mx.test"),
		.size_limit = 1000000,
		.offer_pipelining = true,
		.offer_enhanced = true,
		.hooks = {.on_connect = on_connect,
			  .on_mail = on_mail,
			  .on_rcpt = on_rcpt,
			  .on_end = on_end,
			  .context = peer},
	};
	peer_begin(peer, fd, &options);
}
