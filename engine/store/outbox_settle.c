/* outbox_settle.c - rows of the outbox are told what came of them, in the transaction that
 * settles it. A batch that is about subscribers alone costs a look at its ids and no
 * statement. */
#include "engine/store/outbox.h"

#include <stdlib.h>

#include "engine/store/reasons.h"

#define REPLY_LIMIT 480

/* The numbers of the table outbox_states. */
enum outbox_state {
	OUTBOX_QUEUED,
	OUTBOX_SENDING,
	OUTBOX_DEFERRED,
	OUTBOX_DELIVERED,
	OUTBOX_FAILED,
	OUTBOX_IN_DOUBT,
	OUTBOX_EXPIRED,
	OUTBOX_CANCELLED,
	OUTBOX_SUPPRESSED,
};

static enum outbox_state state_of(const struct store_outcome *o)
{
	switch (o->verdict) {
	case VERDICT_DELIVERED:
		return OUTBOX_DELIVERED;
	case VERDICT_DEFERRED:
		return OUTBOX_DEFERRED;
	case VERDICT_IN_DOUBT:
		return OUTBOX_IN_DOUBT;
	case VERDICT_SUPPRESSED:
		return OUTBOX_SUPPRESSED;
	case VERDICT_CANCELLED:
		return OUTBOX_CANCELLED;
	default:
		return o->class == CLASS_EXPIRED ? OUTBOX_EXPIRED : OUTBOX_FAILED;
	}
}

struct columns {
	uint64_t *ids;
	uint32_t *states, *classes, *attempts, *codes, *statuses;
	str *replies;
	usec *due, *ended;
	size_t count;
};

static bool alloc_columns(struct store *s, struct columns *c, size_t count)
{
	return (c->ids = pg_own(s, count * 8)) && (c->states = pg_own(s, count * 4)) &&
	       (c->classes = pg_own(s, count * 4)) && (c->attempts = pg_own(s, count * 4)) &&
	       (c->codes = pg_own(s, count * 4)) && (c->statuses = pg_own(s, count * 4)) &&
	       (c->replies = pg_own(s, count * sizeof(str))) &&
	       (c->due = pg_own(s, count * 8)) && (c->ended = pg_own(s, count * 8));
}

static void fill(struct columns *c, const struct store_outcome *o)
{
	size_t at = c->count++;
	c->ids[at] = o->subscriber_id;
	c->states[at] = state_of(o);
	c->classes[at] = store_class_number(o);
	c->attempts[at] = o->attempt < INT16_MAX ? o->attempt : INT16_MAX;
	c->codes[at] = o->code;
	c->statuses[at] = store_status_number(o->status);
	c->replies[at] = o->text.data ? str_sub(o->text, 0, REPLY_LIMIT) : STR("");
	c->due[at] = o->final ? 0 : o->due_wall ? o->due_wall : o->at_wall;
	c->ended[at] = o->final ? o->at_wall : 0;
}

/* By id, and of one row the last of the batch first: a journal that is read again tells of
 * every attempt. */
static int compare(const void *a, const void *b)
{
	const struct store_outcome *const *const *x = a, *const *const *y = b;
	uint64_t left = (**x)->subscriber_id, right = (**y)->subscriber_id;
	if (left != right)
		return left < right ? -1 : 1;
	return *x < *y ? 1 : *x > *y ? -1 : 0;
}

static enum pg_next send_columns(struct store *s, const struct columns *c)
{
	pg_put_tenant(s);
	pg_put_u64_array(s, c->ids, c->count);
	pg_put_u32_array(s, c->states, c->count);
	pg_put_u32_array(s, c->classes, c->count);
	pg_put_u32_array(s, c->attempts, c->count);
	pg_put_u32_array(s, c->codes, c->count);
	pg_put_u32_array(s, c->statuses, c->count);
	pg_put_text_array(s, c->replies, c->count);
	pg_put_time_array(s, c->due, c->count);
	pg_put_time_array(s, c->ended, c->count);
	return pg_run_kept(s, "outbox_settle");
}

enum pg_next outbox_send_settled(struct store *s, const struct store_outcome *const *outcomes,
				 size_t count)
{
	struct columns c = {};
	size_t n = 0, rows = 0;
	for (size_t i = 0; i < count; i++)
		rows += outcomes[i]->subscriber_id >= STORE_OUTBOX_FIRST_ID;
	if (rows == 0)
		return PG_DONE;
	const struct store_outcome *const **found = pg_own(s, rows * sizeof(*found));
	if (!found || !alloc_columns(s, &c, rows))
		return pg_fail(s, STORE_RETRY, "no memory for what came of the outbox");
	for (size_t i = 0; i < count; i++)
		if (outcomes[i]->subscriber_id >= STORE_OUTBOX_FIRST_ID)
			found[n++] = &outcomes[i];
	qsort(found, n, sizeof(*found), compare);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || (*found[i])->subscriber_id != (*found[i - 1])->subscriber_id)
			fill(&c, *found[i]);
	return send_columns(s, &c);
}
