/* backoff.c - how long to wait after a failure: of a path, and of one recipient.
 * Class and cause decide the pace of a recipient, because a full mailbox empties in hours, a
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

/* How waits grow. */
struct pace {
	usec first, last;
	double growth;
};

static bool is_cause(const struct classification *c, const char *cause)
{
	return str_eq(str_of(c->cause), str_of(cause));
}

/* Volume passes within the hour. A mailbox that gets too much gets as much until then; one
 * connection too many is no fault of the message on it. */
static struct pace volume_pace(const struct retry_schedule *s, const struct classification *c)
{
	if (is_cause(c, "recipient-rate"))
		return (struct pace){3 * s->first, 3 * s->first, 1};
	if (is_cause(c, "too-many-connections"))
		return (struct pace){s->first / 3, s->first / 3, 1};
	return (struct pace){s->first, 2 * s->first, s->growth};
}

static struct pace built_in_pace(const struct retry_schedule *s, const struct classification *c)
{
	struct pace pace = {s->first, s->last, s->growth};
	switch (c->class) {
	case CLASS_RATE_LIMITED:
		return volume_pace(s, c);
	case CLASS_GREYLISTED:
		pace.first = s->greylist_first;
		break;
	case CLASS_MAILBOX_FULL:
		pace.first = s->last;
		break;
	case CLASS_REPUTATION:
	case CLASS_AUTH_FAILURE:
	case CLASS_SENDER_REJECTED:
	case CLASS_SPAM_CONTENT:
		pace.first = usec_max(s->first, s->last / 4);
		break;
	case CLASS_BAD_MAILBOX:
	case CLASS_INACTIVE_MAILBOX:
	case CLASS_RECIPIENT_REFUSED:
	case CLASS_POLICY:
		pace.first = s->first * 2;
		break;
	case CLASS_NETWORK: /* a name server that restarts is back soon, or not for long */
		if (is_cause(c, "dns-failure"))
			return (struct pace){s->first / 15, s->last, 4.5};
		break;
	default:
		break;
	}
	return pace;
}

/* Who configures a class speaks of all its causes. */
static struct pace pace_of(const struct retry_schedule *s, const struct classification *c)
{
	struct pace pace = built_in_pace(s, c);
	const struct retry_pace *own = &s->of_class[c->class];
	if (own->first > 0 || own->last > 0) {
		pace.growth = s->growth;
		pace.last = usec_max(own->last > 0 ? own->last : s->last, own->first);
		pace.first = own->first > 0 ? own->first : pace.first;
	} else {
		pace.last = usec_min(pace.last, s->last);
	}
	return pace;
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
	struct pace pace = pace_of(s, c);
	usec interval = grown(pace.first, pace.last, pace.growth, attempts - 1);
	interval = jittered(interval, s->jitter, usec_max(least, c->wait), prng);

	usec expires_at = first_attempt_at + s->expiry;
	return interval > expires_at - now ? USEC_NEVER : now + interval;
}
