/* packs.c - see packs.h. Most of what a batch tells is that a message was taken by one of a few
 * servers. As rows these cost PostgreSQL most of a settlement: two dozen columns to receive and
 * to write to WAL and table, all but six of them the same for dozens of recipients. A pack
 * writes them once, and the six as arrays; the view `deliveries` shows it as rows.
 *
 * Only what is final and delivered: nothing ever takes its place, so a pack is not changed (but
 * when somebody is erased). Numbers are differences to those of the pack's first, in 32 bits;
 * who does not fit begins another pack. */
#include "engine/store/packs.h"

#include "engine/base/hash.h"
#include "engine/store/outbox.h"
#include "engine/store/settle.h"

#define PACK_SIZE 2700     /* three to a page: (8192 - 24) / 3, less their pointers */
#define PACK_HEAD_SIZE 288 /* of tuple, numbers and six array headers, with padding */
#define MEMBER_SIZE 28     /* five numbers, a text's length and padding */

static const char copy_statement[] =
	"copy delivery_packs (campaign_id, slice_id, base_id, base_at, base_date, tenant_id, "
	"revision, status, class, stage, code, attempt, cause, provider, source, site, "
	"mx_host, "
	"ids, ats, dates, durations, sizes, texts) from stdin binary";
#define COLUMN_COUNT 23

struct pack {
	uint32_t first, last; /* places in the batch */
	uint32_t count, size;
};

static usec at_of(const struct store_outcome *o)
{
	return o->at_wall ? o->at_wall : 1;
}

static str cause_of(const struct store_outcome *o)
{
	return str_of(o->cause ? o->cause : "");
}

static bool may_be_packed(const struct store_outcome *o)
{
	return o->verdict == VERDICT_DELIVERED && o->final && o->origin == REPLY_REMOTE &&
	       o->date_wall;
}

static bool alike(const struct store_outcome *a, const struct store_outcome *b)
{
	return a->campaign_id == b->campaign_id && a->slice_id == b->slice_id &&
	       a->revision == b->revision && a->code == b->code && a->stage == b->stage &&
	       a->class == b->class && a->attempt == b->attempt &&
	       store_status_number(a->status) == store_status_number(b->status) &&
	       str_eq(a->site, b->site) && str_eq(a->mx_host, b->mx_host) &&
	       str_eq(a->source, b->source) && str_eq(cause_of(a), cause_of(b)) &&
	       str_eq(a->provider, b->provider);
}

static bool is_near(uint64_t a, uint64_t b)
{
	int64_t difference = (int64_t)(a - b);
	return difference >= INT32_MIN && difference <= INT32_MAX;
}

static uint32_t size_of(const struct store_outcome *o)
{
	return MEMBER_SIZE + (uint32_t)str_sub(o->text, 0, STORE_TEXT_LIMIT_DELIVERED).size;
}

static bool has_room(const struct pack *p, const struct store_outcome *first,
		     const struct store_outcome *o)
{
	return p->size + size_of(o) <= PACK_SIZE &&
	       is_near(o->subscriber_id, first->subscriber_id) &&
	       is_near((uint64_t)at_of(o), (uint64_t)at_of(first)) &&
	       is_near((uint64_t)o->date_wall, (uint64_t)first->date_wall);
}

static void begin(struct packs *x, uint32_t place, const struct store_outcome *o)
{
	x->packs[x->count++] = (struct pack){
		.first = place,
		.last = place,
		.count = 1,
		.size = PACK_HEAD_SIZE + size_of(o) +
			(uint32_t)(cause_of(o).size + o->provider.size + o->source.size +
				   o->site.size + o->mx_host.size),
	};
}

static void join(struct packs *x, struct pack *p, uint32_t place, const struct store_outcome *o)
{
	x->next[p->last] = place + 1;
	p->last = place;
	p->size += size_of(o);
	p->count++;
	x->packed_count += p->count == 2 ? 2 : 1;
	x->packed[p->first] = x->packed[place] = true;
}

static size_t slot_of(const struct store_outcome *o, size_t mask)
{
	uint64_t key[] = {o->slice_id, o->revision, o->code, o->attempt};
	uint64_t hash = hash_bytes(0, str_make((const char *)key, sizeof(key)));
	return hash_bytes(hash, o->mx_host) & mask;
}

int packs_make(struct store *s, struct packs *x, const struct store_outcome *const *outcomes,
	       size_t count)
{
	size_t slots = 64;
	while (slots < count * 2)
		slots *= 2;
	*x = (struct packs){};
	x->packs = pg_own(s, (count + 1) * sizeof(*x->packs));
	x->next = pg_own(s, (count + 1) * sizeof(*x->next));
	x->packed = pg_own(s, count + 1);
	uint32_t *table =
		pg_own(s, slots * sizeof(*table)); /* the newest pack of a kind, plus one */
	if (!x->packs || !x->next || !x->packed || !table)
		return -1;
	for (uint32_t i = 0; i < count; i++) {
		const struct store_outcome *o = outcomes[i];
		if (!may_be_packed(o))
			continue;
		size_t at = slot_of(o, slots - 1);
		while (table[at] && !alike(outcomes[x->packs[table[at] - 1].first], o))
			at = (at + 1) & (slots - 1);
		struct pack *p = table[at] ? &x->packs[table[at] - 1] : NULL;
		if (p && has_room(p, outcomes[p->first], o)) {
			join(x, p, i, o);
			continue;
		}
		begin(x, i, o);
		table[at] = (uint32_t)x->count;
	}
	return 0;
}

/* ---- as rows ---- */

enum member { MEMBER_ID, MEMBER_AT, MEMBER_DATE, MEMBER_DURATION, MEMBER_SIZES, MEMBER_END };

static uint32_t member_of(enum member what, const struct store_outcome *o,
			  const struct store_outcome *first)
{
	switch (what) {
	case MEMBER_ID:
		return (uint32_t)(o->subscriber_id - first->subscriber_id);
	case MEMBER_AT:
		return (uint32_t)(at_of(o) - at_of(first));
	case MEMBER_DATE:
		return (uint32_t)(o->date_wall - first->date_wall);
	case MEMBER_DURATION:
		return o->duration_ms;
	default:
		return o->size;
	}
}

static void put_arrays(struct buf *b, const struct packs *x, const struct pack *p,
		       const struct store_outcome *const *outcomes)
{
	for (enum member what = 0; what < MEMBER_END; what++) {
		pg_copy_u32_array(b, p->count);
		for (uint32_t i = p->first + 1; i; i = x->next[i - 1])
			pg_copy_u32(b, member_of(what, outcomes[i - 1], outcomes[p->first]));
	}
	size_t begun = pg_copy_text_array(b, p->count);
	for (uint32_t i = p->first + 1; i; i = x->next[i - 1])
		pg_copy_text(b, outcomes[i - 1]->text, STORE_TEXT_LIMIT_DELIVERED);
	pg_copy_text_array_end(b, begun);
}

static void put_pack(struct store *s, struct buf *b, const struct packs *x,
		     const struct pack *p, const struct store_outcome *const *outcomes)
{
	const struct store_outcome *o = outcomes[p->first];
	pg_copy_row(b, COLUMN_COUNT);
	pg_copy_u64(b, o->campaign_id);
	pg_copy_u64(b, o->slice_id);
	pg_copy_u64(b, o->subscriber_id);
	pg_copy_time(b, at_of(o));
	pg_copy_time(b, o->date_wall);
	pg_copy_u32(b, s->tenant);
	pg_copy_u32(b, o->revision);
	pg_copy_u32(b, store_status_number(o->status));
	pg_copy_u16(b, (uint16_t)o->class);
	pg_copy_u16(b, (uint16_t)o->stage);
	pg_copy_u16(b, o->code);
	pg_copy_u16(b, (uint16_t)(o->attempt < INT16_MAX ? o->attempt : INT16_MAX));
	pg_copy_text(b, cause_of(o), STORE_NAME_LIMIT);
	pg_copy_text(b, o->provider, STORE_NAME_LIMIT);
	pg_copy_text(b, o->source, STORE_NAME_LIMIT);
	pg_copy_text(b, o->site, STORE_NAME_LIMIT);
	pg_copy_text(b, o->mx_host, STORE_NAME_LIMIT);
	put_arrays(b, x, p, outcomes);
}

enum pg_next packs_send(struct store *s, const struct packs *x,
			const struct store_outcome *const *outcomes)
{
	struct buf b;
	if (x->packed_count == 0)
		return PG_DONE;
	buf_init_arena(&b, &s->scratch, x->packed_count * 120 + 64);
	pg_copy_head(&b);
	for (size_t i = 0; i < x->count; i++)
		if (x->packs[i].count > 1)
			put_pack(s, &b, x, &x->packs[i], outcomes);
	pg_copy_tail(&b);
	if (!buf_ok(&b))
		return pg_fail(s, STORE_RETRY, "no memory for a batch of outcomes");
	return pg_copy(s, copy_statement, buf_str(&b));
}
