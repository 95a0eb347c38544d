/* shares_host.c - one site that takes everything, and counts whose it was. */
#include "tests/sim/shares/shares.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "tests/sim/peer.h"
#include "tests/sim/sim_store.h"

struct visit {
	struct peer peer; /* first: what is freed */
	struct truth *rcpt;
	usec mail_at;
	bool urgent;
	unsigned campaign;
};

static const struct shares_plan *plan;
struct shares_seen shares_seen;

void shares_host_begin(const struct shares_plan *p)
{
	plan = p;
	shares_seen = (struct shares_seen){};
}

int host_site_of(const struct net_address *address)
{
	return ntohl(address->in4.sin_addr.s_addr) >> 8 == 10u << 16 ? 0 : -1;
}

static void on_mail(void *context, str from, struct smtp_answer *a)
{
	struct visit *visit = context;
	(void)from;
	(void)a;
	visit->mail_at = visit->peer.world->now;
}

static void each_urgent(const struct visit *visit)
{
	size_t index = 0;
	while (&sim_outbox_row(index)->truth != visit->rcpt)
		index++;
	usec took = visit->mail_at - sim_outbox_row(index)->posted_at;
	shares_seen.urgent_count++;
	shares_seen.urgent_longest = usec_max(shares_seen.urgent_longest, took);
}

static void on_rcpt(void *context, str to, struct smtp_answer *a)
{
	struct visit *visit = context;
	struct world *w = visit->peer.world;
	(void)a;
	visit->rcpt = truth_by_email(w, to);
	if (!visit->rcpt) {
		world_fail(w, "mail to %.*s, who is nobody", STR_FORMAT(to));
		return;
	}
	visit->urgent = to.data[0] == 't';
	if (visit->urgent)
		each_urgent(visit);
	else
		visit->campaign =
			(unsigned)(sim_newsletter_to((uint64_t)(visit->rcpt - w->truths)) -
				   SHARES_CAMPAIGN);
}

static void count(unsigned campaign)
{
	struct shares_seen *seen = &shares_seen;
	uint64_t left = plan->sizes[campaign] - ++seen->arrived[campaign];
	seen->one_has_ended |= left <= plan->sizes[campaign] / 20;
	if (seen->all_have_come && !seen->one_has_ended) {
		seen->counted[campaign]++;
		seen->total++;
	}
	seen->all_have_come = true;
	for (unsigned i = 0; i < SHARES_CAMPAIGNS; i++)
		seen->all_have_come &= seen->arrived[i] > 0;
}

static void on_end(void *context, size_t size, struct smtp_answer *a)
{
	struct visit *visit = context;
	(void)size;
	(void)a;
	visit->rcpt->accepted_count++;
	if (!visit->urgent)
		count(visit->campaign);
}

static void on_gone(struct peer *peer)
{
	(void)peer;
}

struct peer *peer_open(struct world *w, int site, const struct net_address *from)
{
	struct visit *visit = calloc(1, sizeof(*visit));
	(void)site;
	(void)from;
	ASSERT(visit);
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
		.hooks = {.on_mail = on_mail,
			  .on_rcpt = on_rcpt,
			  .on_end = on_end,
			  .context = peer},
	};
	peer_begin(peer, fd, &options);
}
