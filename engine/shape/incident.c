/* incident.c - the window is a ring of steps: one that comes round again begins at nothing. */
#include "engine/shape/incident.h"

#include <stdio.h>

#include "engine/base/assert.h"

const struct incident_rules incident_rules_default = {
	.window = 10 * USEC_MINUTE,
	.counted_min = 200,
	.share_min = 0.05,
	.usual_factor = 4.0,
};

const struct incident_rules incident_rules_slow = {
	.window = 2 * USEC_HOUR,
	.counted_min = 200,
	.share_min = 0.05,
	.usual_factor = 4.0,
};

static usec step_size(const struct incident *i)
{
	return i->rules.window / INCIDENT_BUCKETS;
}

void incident_clear(struct incident *i)
{
	for (size_t b = 0; b < INCIDENT_BUCKETS; b++)
		i->buckets[b] = (struct incident_bucket){.step = -1};
}

void incident_init(struct incident *i, const struct incident_rules *rules, double usual)
{
	ASSERT(rules->window >= INCIDENT_BUCKETS);
	*i = (struct incident){.rules = *rules, .usual = usual};
	incident_clear(i);
}

void incident_record(struct incident *i, bool bad_mailbox, usec now)
{
	int64_t step = now / step_size(i);
	struct incident_bucket *bucket = &i->buckets[(size_t)(step % INCIDENT_BUCKETS)];

	if (bucket->step != step)
		*bucket = (struct incident_bucket){.step = step};
	bucket->counted++;
	bucket->bad += bad_mailbox;
}

struct incident_finding incident_judge(const struct incident *i, usec now)
{
	struct incident_finding f = {.usual = i->usual, .from = now};
	int64_t step = now / step_size(i);

	for (size_t b = 0; b < INCIDENT_BUCKETS; b++) {
		const struct incident_bucket *bucket = &i->buckets[b];
		if (bucket->step < 0 || bucket->step <= step - INCIDENT_BUCKETS)
			continue;
		f.counted += bucket->counted;
		f.bad += bucket->bad;
		f.from = usec_min(f.from, bucket->step * step_size(i));
	}
	f.limit = i->usual * i->rules.usual_factor;
	if (f.limit < i->rules.share_min)
		f.limit = i->rules.share_min;
	f.rate = f.counted ? (double)f.bad / (double)f.counted : 0.0;
	f.found = f.counted >= i->rules.counted_min && f.rate > f.limit;
	return f;
}

void incident_say(const struct incident_finding *f, const char *provider, char *out,
		  size_t size)
{
	snprintf(
		out, size,
		"%s says of %.3g %% of the mailboxes that they do not exist (%u of %u answers; "
		"usually %.3g %%): nothing goes there until `rundbrief incidents` is answered",
		provider, 100 * f->rate, f->bad, f->counted, 100 * f->usual);
}
