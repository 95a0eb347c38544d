/* record.c - records by msgpack-c, framed here. */
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

/* The elements of an array, one after the other; bad sticks. */
struct elements {
	const msgpack_object *at;
	size_t left;
	bool bad;
};

static const msgpack_object *next(struct elements *e, int type)
{
	if (e->left == 0 || e->bad) {
		e->bad = true;
		return NULL;
	}
	const msgpack_object *o = e->at++;
	e->left--;
	if ((int)o->type != type) {
		e->bad = true;
		return NULL;
	}
	return o;
}

static uint64_t take_number(struct elements *e, uint64_t limit)
{
	const msgpack_object *o = next(e, MSGPACK_OBJECT_POSITIVE_INTEGER);
	if (!o)
		return 0;
	if (o->via.u64 > limit)
		e->bad = true;
	return e->bad ? 0 : o->via.u64;
}

static str take_text(struct elements *e)
{
	const msgpack_object *o = next(e, MSGPACK_OBJECT_BIN);
	return o ? str_make(o->via.bin.ptr, o->via.bin.size) : (str){NULL, 0};
}

static bool is_integer(const msgpack_object *o)
{
	return o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER ||
	       (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER && o->via.u64 <= INT64_MAX);
}

static usec take_time(struct elements *e, usec base)
{
	usec time;
	if (e->left && e->at->type == MSGPACK_OBJECT_NIL) {
		next(e, MSGPACK_OBJECT_NIL);
		return 0;
	}
	if (e->left == 0 || !is_integer(e->at) ||
	    __builtin_add_overflow(base, e->at->via.i64, &time)) {
		e->bad = true;
		return 0;
	}
	e->at++;
	e->left--;
	return time;
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

static bool take_fields(const msgpack_object *array, struct record *ret)
{
	if (array->type != MSGPACK_OBJECT_ARRAY)
		return false;
	struct elements e = {array->via.array.ptr, array->via.array.size, false};
	ret->type = (enum record_type)take_number(&e, RECORD_VOID);
	take_mark(&e, &ret->mark);
	if (ret->type == RECORD_OUTCOME)
		take_outcome(&e, &ret->mark, ret);
	return !e.bad && ret->type >= RECORD_MARK;
}

#define ELEMENT_LIMIT 64

/* Bytes of the element at the front, so far as its form is one that we write: integers, nil and
 * bytes, never anything that nests. 0: another form, or cut short. */
static size_t element_size(str in)
{
	unsigned char form = (unsigned char)in.data[0];
	const unsigned char *length = (const unsigned char *)in.data + 1;
	if (form < 0x80 || form >= 0xe0 || form == 0xc0) /* small integers, nil */
		return 1;
	if (form >= 0xcc && form <= 0xcf) /* unsigned of 1, 2, 4, 8 bytes */
		return 1 + ((size_t)1 << (form - 0xcc));
	if (form >= 0xd0 && form <= 0xd3) /* signed */
		return 1 + ((size_t)1 << (form - 0xd0));
	if (form == 0xc4 && in.size >= 2) /* bytes, length of 1 or 2 bytes */
		return 2 + (size_t)length[0];
	if (form == 0xc5 && in.size >= 3)
		return 3 + ((size_t)length[0] << 8 | length[1]);
	return 0;
}

/* The library trusts a claimed count and asks for memory accordingly: it is not shown any that
 * the bytes do not keep. */
static bool is_flat_array(str in)
{
	unsigned char form = in.size ? (unsigned char)in.data[0] : 0;
	size_t count = form & 0x0f, head = 1;
	if (form == 0xdc && in.size >= 3) {
		count = (size_t)(unsigned char)in.data[1] << 8 | (unsigned char)in.data[2];
		head = 3;
	} else if ((form & 0xf0) != 0x90) {
		return false;
	}
	in = str_from(in, head);
	for (size_t i = 0; i < count; i++) {
		size_t size = in.size && count <= ELEMENT_LIMIT ? element_size(in) : 0;
		if (size == 0 || size > in.size)
			return false;
		in = str_from(in, size);
	}
	return in.size == 0;
}

/* Texts stay where they are: the unpacker refers to the bytes it was given. */
static bool unpack(str payload, struct record *ret)
{
	msgpack_unpacked unpacked;
	size_t offset = 0;
	msgpack_unpacked_init(&unpacked);
	bool good = is_flat_array(payload) &&
		    msgpack_unpack_next(&unpacked, payload.data, payload.size, &offset) ==
			    MSGPACK_UNPACK_SUCCESS &&
		    offset == payload.size && take_fields(&unpacked.data, ret);
	msgpack_unpacked_destroy(&unpacked);
	return good;
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
