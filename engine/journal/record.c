/* record.c - records written by msgpack-c, framed and read here. */
#include "engine/journal/record.h"

#include <endian.h>
#include <msgpack.h>
#include <stdio.h>

#include "engine/base/codec.h"

#define MARK_FIELDS 13
#define OUTCOME_FIELDS 26

static int write_bytes(void *context, const char *bytes, size_t size)
{
	struct buf *b = context;
	buf_put(b, str_make(bytes, size));
	return b->failed ? -1 : 0;
}

static size_t begin(struct buf *b, msgpack_packer *p, size_t field_count)
{
	static const char head[RECORD_HEAD_SIZE];
	size_t at = b->size;
	buf_put(b, str_make(head, sizeof(head)));
	msgpack_packer_init(p, b, write_bytes);
	msgpack_pack_array(p, field_count);
	return at;
}

static uint32_t sum_of(uint32_t size, str payload)
{
	uint32_t little = htole32(size);
	return crc32c(crc32c(0, str_make((const char *)&little, sizeof(little))), payload);
}

static void end(struct buf *b, size_t at)
{
	if (!buf_ok(b))
		return;
	uint32_t size = (uint32_t)(b->size - at - RECORD_HEAD_SIZE);
	uint32_t head[2] = {
		htole32(size),
		htole32(sum_of(size, str_make(b->data + at + RECORD_HEAD_SIZE, size)))};
	memcpy(b->data + at, head, sizeof(head));
}

static void pack_text(msgpack_packer *p, str text, size_t limit)
{
	str clipped = str_sub(text, 0, limit);
	msgpack_pack_bin(p, clipped.size);
	msgpack_pack_bin_body(p, clipped.data ? clipped.data : "", clipped.size);
}

/* Nil: there is no such time. */
static void pack_time(msgpack_packer *p, usec time, usec base)
{
	if (time == 0)
		msgpack_pack_nil(p);
	else
		msgpack_pack_int64(p, time - base);
}

/* type, campaign, slice, subscriber, attempt, revision, at, date, first, provider, site,
 * source, MX host */
static void put_mark(struct buf *b, enum record_type type, const struct journal_mark *m)
{
	msgpack_packer p;
	size_t at = begin(b, &p, MARK_FIELDS);
	msgpack_pack_int(&p, (int)type);
	msgpack_pack_uint64(&p, m->campaign_id);
	msgpack_pack_uint64(&p, m->slice_id);
	msgpack_pack_uint64(&p, m->subscriber_id);
	msgpack_pack_uint32(&p, m->attempt);
	msgpack_pack_uint32(&p, m->revision);
	msgpack_pack_int64(&p, m->at_wall);
	pack_time(&p, m->date_wall, m->at_wall);
	pack_time(&p, m->first_wall, m->at_wall);
	pack_text(&p, m->provider, RECORD_NAME_LIMIT);
	pack_text(&p, m->site, RECORD_NAME_LIMIT);
	pack_text(&p, m->source, RECORD_NAME_LIMIT);
	pack_text(&p, m->mx_host, RECORD_NAME_LIMIT);
	end(b, at);
}

void record_put_mark(struct buf *b, const struct journal_mark *m)
{
	put_mark(b, RECORD_MARK, m);
}

void record_put_void(struct buf *b, const struct journal_mark *m)
{
	put_mark(b, RECORD_VOID, m);
}

/* type, campaign, slice, subscriber, attempt, revision, at, date, first, provider, site,
 * source, MX host (so far as in a mark), verdict, flags, class, cause, origin, stage, code,
 * status as three, due, duration, size, text */
void record_put_outcome(struct buf *b, const struct store_outcome *o)
{
	msgpack_packer p;
	size_t at = begin(b, &p, OUTCOME_FIELDS + 1);
	msgpack_pack_int(&p, RECORD_OUTCOME);
	msgpack_pack_uint64(&p, o->campaign_id);
	msgpack_pack_uint64(&p, o->slice_id);
	msgpack_pack_uint64(&p, o->subscriber_id);
	msgpack_pack_uint32(&p, o->attempt);
	msgpack_pack_uint32(&p, o->revision);
	msgpack_pack_int64(&p, o->at_wall);
	pack_time(&p, o->date_wall, o->at_wall);
	pack_time(&p, o->first_wall, o->at_wall);
	pack_text(&p, o->provider, RECORD_NAME_LIMIT);
	pack_text(&p, o->site, RECORD_NAME_LIMIT);
	pack_text(&p, o->source, RECORD_NAME_LIMIT);
	pack_text(&p, o->mx_host, RECORD_NAME_LIMIT);
	msgpack_pack_int(&p, (int)o->verdict);
	msgpack_pack_int(&p, (o->final ? 1 : 0) | (o->suppress ? 2 : 0));
	msgpack_pack_int(&p, (int)o->class);
	pack_text(&p, str_of(o->cause ? o->cause : ""),
		  sizeof(((struct record *)0)->cause) - 1);
	msgpack_pack_int(&p, (int)o->origin);
	msgpack_pack_int(&p, (int)o->stage);
	msgpack_pack_uint16(&p, o->code);
	msgpack_pack_uint8(&p, o->status.class);
	msgpack_pack_uint16(&p, o->status.subject);
	msgpack_pack_uint16(&p, o->status.detail);
	pack_time(&p, o->due_wall, o->at_wall);
	msgpack_pack_uint32(&p, o->duration_ms);
	msgpack_pack_uint32(&p, o->size);
	pack_text(&p, o->text, RECORD_TEXT_LIMIT);
	end(b, at);
}

/* ---- reading ---- */

/* The elements of an array, one after the other; bad sticks. Read by hand: the forms are few, and
 * a reader that asks for memory could fail for want of it, which must never look like the end of
 * a journal. */
struct elements {
	str in;
	size_t left;
	bool bad;
};

enum element_kind { ELEMENT_OTHER, ELEMENT_NUMBER, ELEMENT_NEGATIVE, ELEMENT_NIL, ELEMENT_BYTES };
struct element {
	enum element_kind kind;
	uint64_t number; /* of a negative one: as two's complement */
	str bytes;
};

static uint64_t big_endian(str in, size_t size)
{
	uint64_t value = 0;
	for (size_t i = 0; i < size; i++)
		value = value << 8 | (unsigned char)in.data[i];
	return value;
}

static uint64_t sign_extended(uint64_t value, size_t size)
{
	unsigned unused = 64 - 8 * (unsigned)size;
	return (uint64_t)((int64_t)(value << unused) >> unused);
}

/* A length, and so many bytes behind it. Returns the size of it all; 0: they are not there. */
static size_t bytes_element(str in, size_t length_size, struct element *ret)
{
	if (in.size < 1 + length_size)
		return 0;
	size_t head = 1 + length_size;
	uint64_t size = big_endian(str_from(in, 1), length_size);
	if (size > in.size - head)
		return 0;
	*ret = (struct element){ELEMENT_BYTES, 0, str_sub(in, head, (size_t)size)};
	return head + (size_t)size;
}

/* The element at the front, so far as its form is one that we write: integers, nil and bytes,
 * never anything that nests. Returns its size; 0: another form, or cut short. */
static size_t read_element(str in, struct element *ret)
{
	unsigned char form = in.size ? (unsigned char)in.data[0] : 0xc1;
	size_t size = (size_t)1 << (form & 3); /* of the numbers below */
	*ret = (struct element){.kind = ELEMENT_OTHER};
	if (form < 0x80) {
		*ret = (struct element){ELEMENT_NUMBER, form, {}};
		return 1;
	}
	if (form >= 0xe0) {
		*ret = (struct element){ELEMENT_NEGATIVE, sign_extended(form, 1), {}};
		return 1;
	}
	if (form == 0xc0) {
		ret->kind = ELEMENT_NIL;
		return 1;
	}
	if (form == 0xc4 || form == 0xc5)
		return bytes_element(in, form == 0xc4 ? 1 : 2, ret);
	if (form < 0xcc || form > 0xd3 || in.size < 1 + size)
		return 0;
	uint64_t value = big_endian(str_from(in, 1), size);
	if (form >= 0xd0)
		value = sign_extended(value, size);
	ret->kind = form >= 0xd0 && (int64_t)value < 0 ? ELEMENT_NEGATIVE : ELEMENT_NUMBER;
	ret->number = value;
	return 1 + size;
}

static struct element next(struct elements *e)
{
	struct element element = {};
	size_t size = e->left && !e->bad ? read_element(e->in, &element) : 0;
	if (size == 0) {
		e->bad = true;
		return (struct element){};
	}
	e->in = str_from(e->in, size);
	e->left--;
	return element;
}

static uint64_t take_number(struct elements *e, uint64_t limit)
{
	struct element element = next(e);
	e->bad |= element.kind != ELEMENT_NUMBER || element.number > limit;
	return e->bad ? 0 : element.number;
}

static str take_text(struct elements *e)
{
	struct element element = next(e);
	e->bad |= element.kind != ELEMENT_BYTES;
	return element.bytes;
}

static usec take_time(struct elements *e, usec base)
{
	struct element element = next(e);
	usec time = 0;
	if (element.kind == ELEMENT_NIL)
		return 0;
	bool small = element.kind == ELEMENT_NEGATIVE ||
		     (element.kind == ELEMENT_NUMBER && element.number <= INT64_MAX);
	e->bad |= !small || __builtin_add_overflow(base, (int64_t)element.number, &time);
	return e->bad ? 0 : time;
}

static void take_mark(struct elements *e, struct journal_mark *m)
{
	m->campaign_id = take_number(e, INT64_MAX);
	m->slice_id = take_number(e, INT64_MAX);
	m->subscriber_id = take_number(e, INT64_MAX);
	m->attempt = (uint32_t)take_number(e, UINT32_MAX);
	m->revision = (uint32_t)take_number(e, UINT32_MAX);
	m->at_wall = take_time(e, 0);
	m->date_wall = take_time(e, m->at_wall);
	m->first_wall = take_time(e, m->at_wall);
	m->provider = take_text(e);
	m->site = take_text(e);
	m->source = take_text(e);
	m->mx_host = take_text(e);
}

static void take_outcome(struct elements *e, const struct journal_mark *m, struct record *r)
{
	struct store_outcome *o = &r->outcome;
	*o = (struct store_outcome){.campaign_id = m->campaign_id,
				    .slice_id = m->slice_id,
				    .subscriber_id = m->subscriber_id,
				    .attempt = m->attempt,
				    .revision = m->revision,
				    .at_wall = m->at_wall,
				    .date_wall = m->date_wall,
				    .first_wall = m->first_wall,
				    .provider = m->provider,
				    .site = m->site,
				    .source = m->source,
				    .mx_host = m->mx_host};
	o->verdict = (enum verdict)take_number(e, VERDICT_COUNT - 1);
	uint64_t flags = take_number(e, 3);
	o->final = flags & 1;
	o->suppress = flags & 2;
	o->class = (enum bounce_class)take_number(e, CLASS_COUNT - 1);
	str cause = take_text(e);
	o->origin = (enum reply_origin)take_number(e, REPLY_LOCAL);
	o->stage = (enum smtp_stage)take_number(e, STAGE_COUNT - 1);
	o->code = (uint16_t)take_number(e, 999);
	o->status.class = (uint8_t)take_number(e, UINT8_MAX);
	o->status.subject = (uint16_t)take_number(e, UINT16_MAX);
	o->status.detail = (uint16_t)take_number(e, UINT16_MAX);
	o->due_wall = take_time(e, o->at_wall);
	o->duration_ms = (uint32_t)take_number(e, UINT32_MAX);
	o->size = (uint32_t)take_number(e, UINT32_MAX);
	o->text = take_text(e);
	snprintf(r->cause, sizeof(r->cause), "%.*s", STR_FORMAT(cause));
	o->cause = r->cause;
}

#define ELEMENT_LIMIT 64

/* An array of a few elements. Texts stay where they are. Fields that a newer engine writes behind
 * those known here must be whole, and are passed over. */
static bool unpack(str payload, struct record *ret)
{
	unsigned char form = payload.size ? (unsigned char)payload.data[0] : 0;
	struct elements e = {str_from(payload, 1), form & 0x0f, false};
	if (form == 0xdc && payload.size >= 3)
		e = (struct elements){str_from(payload, 3),
				      (size_t)big_endian(str_from(payload, 1), 2), false};
	else if ((form & 0xf0) != 0x90)
		return false;
	if (e.left > ELEMENT_LIMIT)
		return false;
	ret->type = (enum record_type)take_number(&e, RECORD_VOID);
	take_mark(&e, &ret->mark);
	if (ret->type == RECORD_OUTCOME)
		take_outcome(&e, &ret->mark, ret);
	while (e.left > 0 && !e.bad)
		next(&e);
	return !e.bad && e.in.size == 0 && ret->type >= RECORD_MARK;
}

enum record_step record_take(str *in, struct record *ret)
{
	uint32_t head[2];
	if (in->size < sizeof(head))
		return RECORD_MORE;
	memcpy(head, in->data, sizeof(head));
	uint32_t size = le32toh(head[0]);
	if (size == 0 || size > RECORD_SIZE_LIMIT)
		return RECORD_BAD;
	if (in->size - sizeof(head) < size)
		return RECORD_MORE;
	str payload = str_sub(*in, sizeof(head), size);
	if (sum_of(size, payload) != le32toh(head[1]) || !unpack(payload, ret))
		return RECORD_BAD;
	*in = str_from(*in, sizeof(head) + size);
	return RECORD_READY;
}
