/* refusal.c - see refusal.h. */
#include "engine/send/refusal.h"

#include <stdio.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/journal/record.h"

#define TRIES 3 /* of a batch as it is */

static_assert(sizeof(((struct refusal *)0)->bytes) >= RECORD_HEAD_SIZE + RECORD_SIZE_LIMIT);

size_t refusal_size(const struct refusal *refusal, size_t count)
{
	return refusal->limit && refusal->limit < count ? refusal->limit : count;
}

void refusal_put(struct refusal *refusal, struct store_settle *settle)
{
	struct buf record;
	if (!refusal->said[0])
		return;
	ASSERT(settle->count == 1);
	buf_init_fixed(&record, refusal->bytes, sizeof(refusal->bytes));
	record_put_outcome(&record, settle->outcomes[0]);
	settle->refused = refusal->said;
	settle->record = buf_str(&record);
}

static void say(const struct refusal *refusal, const struct store_outcome *o)
{
	log_event(LOG_ERROR, "outcome-set-aside",
		  "campaign=%llu recipient=%llu attempt=%u verdict=%s why=\"%s\" "
		  "see=\"rundbrief journal --aside\"",
		  (unsigned long long)o->campaign_id, (unsigned long long)o->subscriber_id,
		  o->attempt, verdict_names[o->verdict], log_str(str_of(refusal->said)));
}

bool refusal_pauses(struct refusal *refusal, const struct store_settle *settle)
{
	if (refusal->said[0] || settle->count == 0)
		return true; /* not even that: it is not this outcome's fault */
	if (refusal->limit == 0 && ++refusal->tries < TRIES)
		return true;
	if (settle->count == 1 && settle->closed_count == 0) {
		snprintf(refusal->said, sizeof(refusal->said), "%s", settle->request.why);
		say(refusal, settle->outcomes[0]);
		return false;
	}
	refusal->limit = (settle->count + 1) / 2;
	return false;
}

/* Behind what was at fault the steps grow again: few are. */
void refusal_settled(struct refusal *refusal, size_t rest)
{
	refusal->said[0] = '\0';
	refusal->limit *= 2;
	if (rest == 0)
		refusal->limit = refusal->tries = 0;
}
