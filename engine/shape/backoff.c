/* backoff.c - how long to wait after a failure: of a path, and of one recipient.
 * The class decides the pace of a recipient, because a full mailbox empties in hours, a
 * greylist opens after minutes, and a block is lifted by people. All paces are fractions of the
 * configured schedule, so that a schedule of seconds (a demonstration) stays one of seconds. */
#include "engine/shape/backoff.h"

#include "engine/base/assert.h"

#define LEVEL_LIMIT 40 /* 2^40 us is 12 days: beyond every sensible last */

const struct retry_schedule retry_schedule_default = {
	.first = 15 * USEC_MINUTE,
	.last = 4 * USEC_HOUR,
	.greylist_first = 5 * USEC_MINUTE,
	.expiry = 2 * USEC_DAY,
	.growth = 2.0,
	.jitter = 0.2,
};

void backoff_init(struct backoff *b, usec first, usec last)
{
	ASSERT(first > 0 && last >= first);
	*b = (struct backoff){.first = first, .last = last};
}

usec backoff_fail(struct backoff *b)
{
	usec interval = b->first;

	for (uint32_t i = 0; i < b->level && interval < b->last; i++)
		interval = interval > b->last / 2 ? b->last : interval * 2;
	if (b->level < LEVEL_LIMIT)
		b->level++;
	return usec_min(interval, b->last);
}

void backoff_succeed(struct backoff *b)
{
	b->level /= 2;
}

/* Where the growth of a class begins. */
static usec pace_first(const struct retry_schedule *s, enum bounce_class class)
{
	switch (class) {
	case CLASS_GREYLISTED:
		return s->greylist_first;
	case CLASS_MAILBOX_FULL:
		return s->last;
	case CLASS_REPUTATION:
	case CLASS_AUTH_FAILURE:
	case CLASS_SENDER_REJECTED:
	case CLASS_SPAM_CONTENT:
		return usec_max(s->first, s->last / 4);
	case CLASS_BAD_MAILBOX:
	case CLASS_INACTIVE_MAILBOX:
	case CLASS_RECIPIENT_REFUSED:
	case CLASS_POLICY:
		return s->first * 2;
	default:
		return s->first;
	}
}

static usec grown(usec first, usec last, double growth, uint32_t failures)
{
	double interval = (double)first;

	for (uint32_t i = 0; i < failures && interval < (double)last; i++)
		interval *= growth;
	return interval < (double)last ? (usec)interval : usec_max(last, 1);
}

/* Uniform in [-jitter, +jitter] of the interval; least is what must not be undercut. */
static usec jittered(usec interval, double jitter, usec least, struct prng *prng)
{
	usec spread = (usec)((double)interval * jitter);
	if (spread <= 0)
		return usec_max(interval, least);

	usec shift = (usec)prng_below(prng, 2 * (uint64_t)spread + 1) - spread;
	if (interval + shift >= least)
		return interval + shift;
	return least + (shift < 0 ? -shift : shift);
}

usec retry_next_at(const struct retry_schedule *s, const struct classification *c,
		   uint32_t attempts, usec first_attempt_at, usec now, struct prng *prng)
{
	ASSERT(attempts >= 1);
	ASSERT(s->first > 0 && s->last >= s->first && s->growth >= 1.0);
	ASSERT(s->jitter >= 0.0 && s->jitter < 1.0);

	if (c->retry_limit && attempts > c->retry_limit)
		return USEC_NEVER;
	usec least = c->class == CLASS_GREYLISTED ? s->greylist_first : 1;
	usec interval = grown(pace_first(s, c->class), s->last, s->growth, attempts - 1);
	interval = jittered(interval, s->jitter, usec_max(least, c->wait), prng);

	usec expires_at = first_attempt_at + s->expiry;
	return interval > expires_at - now ? USEC_NEVER : now + interval;
}
