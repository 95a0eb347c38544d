/* tally.c - see tally.h. */
#include "tests/sim/limits/tally.h"

#include <stdio.h>

const char *const tally_kind_names[TALLY_KINDS] = {
	[TALLY_MESSAGES] = "messages",
	[TALLY_BYTES] = "bytes",
	[TALLY_OPENS] = "connection-rate",
	[TALLY_OPEN] = "connections",
	[TALLY_EACH] = "messages-per-connection",
};
uint64_t tally_met[TALLY_KINDS];

static size_t largest_size; /* of all messages */

void tally_init(struct tally *t, const char *name, const struct quota_limits *limits)
{
	*t = (struct tally){.limits = *limits};
	snprintf(t->name, sizeof(t->name), "%s", name);
}

void tally_change(struct tally *t, const struct quota_limits *limits,
		  uint32_t messages_per_connection, usec at)
{
	t->limits = *limits;
	t->messages_per_connection = messages_per_connection;
	t->changed_at = at;
	t->messages = t->bytes = t->opens = (struct tally_level){};
}

static double per_usec(const struct rate *rate)
{
	return (double)rate->count / (double)rate->per;
}

static bool is_changing(const struct world *w, const struct tally *t)
{
	return t->changed_at && w->now < t->changed_at + TALLY_GRACE;
}

static void sink(struct world *w, struct tally_level *l, const struct rate *rate)
{
	l->level -= (double)(w->now - l->at) * per_usec(rate);
	l->level = l->level < 0 ? 0 : l->level;
	l->at = w->now;
}

static void arrive(struct world *w, struct tally *t, enum tally_kind kind,
		   struct tally_level *l, const struct rate *rate, double amount, double beyond)
{
	if (rate->count == 0 || is_changing(w, t))
		return;
	/* A microsecond's worth is lost to rounding. */
	double most = rate->burst + beyond + per_usec(rate) + 1e-6;
	sink(w, l, rate);
	bool busy = l->level > 0;
	l->level += amount;
	tally_met[kind] += busy && l->level > 0.9 * rate->burst;
	if (l->level > most)
		world_fail(w, "%s: %s: %.6f at once, of %u in %.0f s with a burst of %u",
			   t->name, tally_kind_names[kind], l->level - beyond, rate->count,
			   (double)rate->per / 1e6, rate->burst);
}

void tally_opened(struct world *w, struct tally *t, uint32_t unknown)
{
	uint32_t most = t->limits.connections, count = ++t->open_count - unknown;
	tally_met[TALLY_OPEN] += count == most;
	if (most && count > most && !is_changing(w, t))
		world_fail(w, "%s: %u connections, whose limit is %u", t->name, count, most);
	arrive(w, t, TALLY_OPENS, &t->opens, &t->limits.connection_rate, 1, 0);
}

void tally_closed(struct tally *t)
{
	t->open_count--;
}

static double grace(const struct rate *rate, usec time)
{
	return per_usec(rate) * (double)time;
}

void tally_message(struct world *w, struct tally *t)
{
	const struct rate *rate = &t->limits.message_rate;
	if (rate->count)
		arrive(w, t, TALLY_MESSAGES, &t->messages, rate, 1, grace(rate, TALLY_GRACE));
}

void tally_bytes(struct world *w, struct tally *t, size_t size)
{
	const struct rate *rate = &t->limits.byte_rate;
	largest_size = size > largest_size ? size : largest_size;
	if (rate->count)
		arrive(w, t, TALLY_BYTES, &t->bytes, rate, (double)size,
		       (double)largest_size + grace(rate, TALLY_END_GRACE));
}

void tally_on_connection(struct world *w, const struct tally *t, uint32_t count)
{
	uint32_t most = t->messages_per_connection;
	tally_met[TALLY_EACH] += count == most;
	if (most && count > most && !is_changing(w, t))
		world_fail(w, "%s: message %u of a connection, whose limit is %u", t->name,
			   count, most);
}
