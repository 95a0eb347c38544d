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
};

struct visit {
	struct peer peer; /* first: what is freed */
	const struct regime *regime;
	struct account *account;
	struct tokens *all;
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
	scenario_seen = (struct scenario_seen){};
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
	if (storms(visit) ||
	    !has_token(&visit->account->tokens, r->per_second, r->burst, now) ||
	    !has_token(visit->all, r->all_per_second, r->all_burst, now) || !has_quota(visit)) {
		throttle(visit, a);
		return;
	}
	visit->account->tokens.level -= 1;
	visit->all->level -= 1;
	visit->account->in_window++;
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
	if (r->greylist && w->now - first < r->greylist)
		answer(a, 451, "4.7.1", "greylisted, please try again in a few minutes");
	else if (!again && world_below(w, 1000) < r->busy_per_mille)
		answer(a, 450, "4.2.1",
		       "the user you are trying to contact is receiving mail at a rate that "
		       "prevents more https://support.example.com/mail/?p=ReceivingRate");
	else if (world_below(w, 1000) < r->nonsense_per_mille)
		answer(a, world_below(w, 2) ? 421 : 451, NULL, "la la la");
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
