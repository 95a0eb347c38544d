/* prove_settle.c - settlement changes nothing twice, and nothing by half: against the real
 * PostgreSQL, whole tables compared with those of a journal that was settled once.
 *
 * A journal of a few hundred outcomes (all verdicts, several attempts, two campaigns, one with
 * variants, rows of the outbox, evidence against addresses and domains, replies that nobody
 * knows) is settled anew for each claim, and what is left in all tables is
 * compared as text. */
#include "tests/history/prove.h"

#include <stdio.h>
#include <string.h>

/* ---- replays ---- */

/* Every batch that is settled is asked again, each with the positions it had; and batches that
 * begin or end elsewhere. None of them may say anything but that it is fenced. */
static void replay(struct prove *p, const uint64_t *ends, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t from = i ? ends[i - 1] : 0;
		prove_equal(p, prove_settle(p, from, ends[i]), STORE_FENCED);
		if (ends[i] > from + 1)
			prove_equal(p, prove_settle(p, from, ends[i] - 1), STORE_FENCED);
	}
}

static void in_batches(struct prove *p, uint64_t size)
{
	uint64_t ends[PROVE_OUTCOMES];
	size_t count = 0;
	char before[64];
	prove_begin(p);
	for (uint64_t at = 0; at < PROVE_OUTCOMES;) {
		uint64_t end = at + size < PROVE_OUTCOMES ? at + size : PROVE_OUTCOMES;
		prove_equal(p, prove_settle(p, at, end), STORE_OK);
		ends[count++] = at = end;
		snprintf(before, sizeof(before), "%.63s", prove_digest(p));
		replay(p, ends, count);
		prove_same(p, before, "a prefix is replayed");
	}
	prove_same(p, p->reference, "batches of another size");
}

static void claim_replays(struct prove *p)
{
	static const uint64_t sizes[] = {PROVE_OUTCOMES, 100, 37, 16};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		in_batches(p, sizes[i]);
	prove_claim(p, "a prefix that is replayed changes nothing, in batches of 16 to 300");
}

/* ---- connections that break ---- */

/* What a ledger does: the position tells whether the batch is in. */
static void settle_surely(struct prove *p, uint64_t from, uint64_t to)
{
	int result = prove_settle(p, from, to);
	for (unsigned i = 0; i < 5 && result != STORE_OK; i++) {
		uint64_t position = 0;
		prove_equal(p, prove_position(p, &position), STORE_OK);
		if (position == to)
			return;
		prove_equal(p, (int)position, (int)from);
		result = prove_settle(p, from, to);
	}
	prove_equal(p, result, STORE_OK);
}

/* The connection is cut at each round trip of the transaction in turn, until one was reached at
 * which there is nothing left to cut. */
static unsigned cut_everywhere(struct prove *p, enum proxy_cut cut)
{
	unsigned trip = 0, struck = 0;
	for (bool more = true; more && trip < 100; trip++) {
		char before[64];
		prove_begin(p);
		settle_surely(p, 0, 100);
		snprintf(before, sizeof(before), "%.63s", prove_digest(p));
		proxy_arm(cut, trip);
		prove_equal(p, prove_settle(p, 100, PROVE_OUTCOMES), STORE_LOST);
		more = proxy_disarm() && proxy_trips() == trip + 1;
		struck++;
		prove_same(p, before, "a transaction that was cut");
		settle_surely(p, 100, PROVE_OUTCOMES);
		prove_same(p, p->reference, "cut, and asked again");
	}
	return struck;
}

static void claim_cuts(struct prove *p)
{
	unsigned cut = cut_everywhere(p, PROXY_BEFORE);
	prove_claim(p, "%u places to cut its transaction: nothing is written, asked again all is",
		    cut);
	unsigned killed = cut_everywhere(p, PROXY_KILL);
	prove_claim(p, "%u places to kill its backend: the same", killed);
	if (cut < 15 || killed < 15)
		prove_fail(p, "too few places were found");
	for (unsigned i = 0; i < 3; i++) {
		prove_begin(p);
		for (uint64_t at = 0; at < PROVE_OUTCOMES; at += 50) {
			proxy_arm(PROXY_AFTER, 0);
			prove_equal(p, prove_settle(p, at, at + 50), STORE_LOST);
			prove_equal(p, proxy_disarm(), true);
			uint64_t position = 0;
			prove_equal(p, prove_position(p, &position), STORE_OK);
			prove_equal(p, (int)position, (int)at + 50);
			prove_equal(p, prove_settle(p, at, at + 50), STORE_FENCED);
		}
		prove_same(p, p->reference, "each answer was lost");
	}
	prove_claim(p, "every commit's answer is lost: the position tells, and nothing is twice");
}

/* ---- refusals of the database ---- */

/* Asked while something is in its way, it says so, nothing is written, and it succeeds when the
 * way is free. */
static void refused(struct prove *p, const struct prove_obstacle *o, uint64_t from, uint64_t to)
{
	char before[64];
	snprintf(before, sizeof(before), "%.63s", prove_digest(p));
	prove_obstruct(p, o);
	int result = prove_settle(p, from, to);
	if (o->kills) /* the first one hears that its session is over */
		result = prove_settle(p, from, to);
	prove_clear(p);
	if (result != STORE_RETRY && result != STORE_LOST)
		prove_fail(p, "%s: result %d: %s", o->name, result, p->why);
	if (o->says && !strstr(p->why, o->says))
		prove_fail(p, "%s: it says: %s", o->name, p->why);
	prove_same(p, before, o->name);
	settle_surely(p, from, to);
}

static void claim_refusals(struct prove *p)
{
	for (const struct prove_obstacle *o = prove_obstacles; o->name; o++) {
		prove_begin(p);
		settle_surely(p, 0, 100);
		prove_reconnect(p, o);
		refused(p, o, 100, PROVE_OUTCOMES);
		prove_same(p, p->reference, o->name);
		prove_claim(p, "%s: nothing is written, then all is (%s)", o->name, p->said);
		prove_calm(p);
	}
}

int main(void)
{
	static struct prove p;
	if (!prove_setup(&p))
		return 2;
	claim_replays(&p);
	claim_cuts(&p);
	claim_refusals(&p);
	prove_teardown(&p);
	printf("settlement: %u passed, %u failed\n", p.passed, p.failed);
	return p.failed > 0;
}
