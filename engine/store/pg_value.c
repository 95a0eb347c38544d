/* pg_value.c - numbers, texts, times and arrays in PostgreSQL's binary format, both ways.
 * Binary spares the server's and our own printing and parsing; the formats are those of its
 * send and receive functions. Times count from 2000-01-01. */
#include "engine/store/pg.h"

#include <endian.h>

#include "engine/mail/utf8.h"

#define EPOCH_2000 ((usec)946684800 * USEC_SECOND)

enum { OID_INT8 = 20, OID_INT4 = 23, OID_TEXT = 25, OID_BYTEA = 17, OID_TIMESTAMPTZ = 1184 };

static void put(struct store *s, const char *value, size_t size, int format)
{
	struct pg_params *p = &s->params;
	if (p->count == PG_PARAM_LIMIT || size > INT32_MAX) {
		p->failed = true;
		return;
	}
	p->values[p->count] = value;
	p->sizes[p->count] = (int)size;
	p->formats[p->count] = format;
	p->count++;
}

static void put_copy(struct store *s, const void *bytes, size_t size)
{
	char *copy = arena_bytes(&s->scratch, size + 1);
	if (!copy) {
		s->params.failed = true;
		return;
	}
	memcpy(copy, bytes, size);
	put(s, copy, size, 1);
}

void pg_put_null(struct store *s)
{
	put(s, NULL, 0, 1);
}

void pg_put_u32(struct store *s, uint32_t value)
{
	uint32_t big = htobe32(value);
	put_copy(s, &big, sizeof(big));
}

void pg_put_tenant(struct store *s)
{
	pg_put_u32(s, s->tenant);
}

void pg_put_u64(struct store *s, uint64_t value)
{
	uint64_t big = htobe64(value);
	put_copy(s, &big, sizeof(big));
}

void pg_put_bool(struct store *s, bool value)
{
	char byte = value ? 1 : 0;
	put_copy(s, &byte, 1);
}

void pg_put_time(struct store *s, usec wall)
{
	if (wall == 0)
		pg_put_null(s);
	else
		pg_put_u64(s, (uint64_t)(wall - EPOCH_2000));
}

void pg_put_bytes(struct store *s, str bytes)
{
	put(s, bytes.data ? bytes.data : "", bytes.size, 1);
}

void pg_put_text(struct store *s, str text)
{
	struct buf clean;
	if (!text.data) {
		pg_put_null(s);
		return;
	}
	buf_init_arena(&clean, &s->scratch, text.size + 4);
	pg_clean(&clean, text, SIZE_MAX);
	if (!buf_ok(&clean))
		s->params.failed = true;
	else
		put(s, clean.data ? clean.data : "", clean.size, 1);
}

void pg_put_raw_text(struct store *s, str text)
{
	str copy = {NULL, 0};
	if (text.data) {
		copy = arena_copy(&s->scratch, text);
		if (!copy.data)
			s->params.failed = true;
	}
	put(s, copy.data, copy.size, 0);
}

static void array_u32(struct buf *b, uint32_t value)
{
	uint32_t big = htobe32(value);
	buf_put(b, str_make((const char *)&big, sizeof(big)));
}

/* array_recv(): dimensions, has-null flag, element type, then per dimension size and lower
 * bound, then each element with its length. An empty array has no dimension. */
static void array_head(struct store *s, struct buf *b, uint32_t type, size_t count,
		       size_t element_size)
{
	buf_init_arena(b, &s->scratch, 20 + count * (4 + element_size));
	array_u32(b, count ? 1 : 0);
	array_u32(b, 0);
	array_u32(b, type);
	if (count) {
		array_u32(b, (uint32_t)count);
		array_u32(b, 1);
	}
}

static void array_put(struct store *s, const struct buf *b)
{
	if (!buf_ok(b))
		s->params.failed = true;
	else
		put(s, b->data, b->size, 1);
}

static void array_u64_element(struct buf *b, uint64_t value)
{
	uint64_t big = htobe64(value);
	array_u32(b, sizeof(big));
	buf_put(b, str_make((const char *)&big, sizeof(big)));
}

void pg_put_u64_array(struct store *s, const uint64_t *values, size_t count)
{
	struct buf b;
	array_head(s, &b, OID_INT8, count, 8);
	for (size_t i = 0; i < count; i++)
		array_u64_element(&b, values[i]);
	array_put(s, &b);
}

void pg_put_u32_array(struct store *s, const uint32_t *values, size_t count)
{
	struct buf b;
	array_head(s, &b, OID_INT4, count, 4);
	for (size_t i = 0; i < count; i++) {
		array_u32(&b, 4);
		array_u32(&b, values[i]);
	}
	array_put(s, &b);
}

void pg_put_time_array(struct store *s, const usec *values, size_t count)
{
	struct buf b;
	array_head(s, &b, OID_TIMESTAMPTZ, count, 8);
	for (size_t i = 0; i < count; i++) {
		if (values[i] == 0)
			array_u32(&b, UINT32_MAX);
		else
			array_u64_element(&b, (uint64_t)(values[i] - EPOCH_2000));
	}
	array_put(s, &b);
}

static void put_str_array(struct store *s, uint32_t type, const str *values, size_t count)
{
	struct buf b;
	array_head(s, &b, type, count, 24);
	for (size_t i = 0; i < count; i++) {
		if (!values[i].data) {
			array_u32(&b, UINT32_MAX);
			continue;
		}
		if (type == OID_TEXT) {
			pg_copy_text(&b, values[i], SIZE_MAX);
		} else {
			array_u32(&b, (uint32_t)values[i].size);
			buf_put(&b, values[i]);
		}
	}
	array_put(s, &b);
}

void pg_put_text_array(struct store *s, const str *values, size_t count)
{
	put_str_array(s, OID_TEXT, values, count);
}

void pg_put_bytes_array(struct store *s, const str *values, size_t count)
{
	put_str_array(s, OID_BYTEA, values, count);
}

size_t pg_rows(const PGresult *result)
{
	return (size_t)PQntuples(result);
}

size_t pg_affected(const PGresult *result)
{
	uint64_t count = 0;
	str text = str_of(PQcmdTuples((PGresult *)result));
	return str_to_u64(text, &count) ? (size_t)count : 0;
}

bool pg_is_null(const PGresult *result, size_t row, int column)
{
	return PQgetisnull(result, (int)row, column);
}

uint64_t pg_u64(const PGresult *result, size_t row, int column)
{
	const char *value = PQgetvalue(result, (int)row, column);
	uint64_t v64;
	uint32_t v32;
	uint16_t v16;
	switch (PQgetlength(result, (int)row, column)) {
	case 8:
		memcpy(&v64, value, 8);
		return be64toh(v64);
	case 4:
		memcpy(&v32, value, 4);
		return (uint64_t)(int32_t)be32toh(v32);
	case 2:
		memcpy(&v16, value, 2);
		return (uint64_t)(int16_t)be16toh(v16);
	default:
		return 0;
	}
}

bool pg_bool(const PGresult *result, size_t row, int column)
{
	return PQgetlength(result, (int)row, column) == 1 &&
	       PQgetvalue(result, (int)row, column)[0] != 0;
}

str pg_str(const PGresult *result, size_t row, int column)
{
	if (pg_is_null(result, row, column))
		return (str){NULL, 0};
	return str_make(PQgetvalue(result, (int)row, column),
			(size_t)PQgetlength(result, (int)row, column));
}

/* As array_send() writes what array_head() describes. */
bool pg_u64_array(struct store *s, const PGresult *result, size_t row, int column,
		  uint64_t **ret_values, size_t *ret_count)
{
	enum { HEAD = 20, ELEMENT = 12 };
	str array = pg_str(result, row, column);
	size_t count = array.size > HEAD ? (array.size - HEAD) / ELEMENT : 0;
	uint64_t *values = pg_own(s, (count + 1) * sizeof(*values));
	if (!values || (count > 0 && array.size != HEAD + count * ELEMENT))
		return false;
	for (size_t i = 0; i < count; i++) {
		uint64_t big;
		memcpy(&big, array.data + HEAD + i * ELEMENT + 4, sizeof(big));
		values[i] = be64toh(big);
	}
	*ret_values = values;
	*ret_count = count;
	return true;
}

usec pg_time(const PGresult *result, size_t row, int column)
{
	if (pg_is_null(result, row, column))
		return 0;
	return (usec)pg_u64(result, row, column) + EPOCH_2000;
}

void pg_copy_head(struct buf *b)
{
	static const char head[19] = "PGCOPY\n\377\r\n";
	buf_put(b, str_make(head, sizeof(head)));
}

static void copy_be16(struct buf *b, uint16_t value)
{
	uint16_t big = htobe16(value);
	buf_put(b, str_make((const char *)&big, sizeof(big)));
}

void pg_copy_row(struct buf *b, uint16_t column_count)
{
	copy_be16(b, column_count);
}

void pg_copy_tail(struct buf *b)
{
	copy_be16(b, UINT16_MAX);
}

void pg_copy_u16(struct buf *b, uint16_t value)
{
	array_u32(b, sizeof(value));
	copy_be16(b, value);
}

void pg_copy_u32(struct buf *b, uint32_t value)
{
	array_u32(b, sizeof(value));
	array_u32(b, value);
}

void pg_copy_u64(struct buf *b, uint64_t value)
{
	array_u64_element(b, value);
}

void pg_copy_bool(struct buf *b, bool value)
{
	array_u32(b, 1);
	buf_put_byte(b, value ? 1 : 0);
}

void pg_copy_time(struct buf *b, usec wall)
{
	if (wall == 0)
		array_u32(b, UINT32_MAX);
	else
		pg_copy_u64(b, (uint64_t)(wall - EPOCH_2000));
}

static void put_size(struct buf *b, size_t begun)
{
	if (!buf_ok(b))
		return;
	uint32_t size = htobe32((uint32_t)(b->size - begun - 4));
	memcpy(b->data + begun, &size, sizeof(size));
}

void pg_copy_text(struct buf *b, str text, size_t limit_size)
{
	size_t at = b->size;
	array_u32(b, 0);
	pg_clean(b, text, limit_size);
	put_size(b, at);
}

#define ARRAY_HEAD_SIZE 20

static void copy_array_head(struct buf *b, uint32_t type, size_t count)
{
	array_u32(b, 1);
	array_u32(b, 0);
	array_u32(b, type);
	array_u32(b, (uint32_t)count);
	array_u32(b, 1);
}

void pg_copy_u32_array(struct buf *b, size_t count)
{
	array_u32(b, ARRAY_HEAD_SIZE + 8 * (uint32_t)count);
	copy_array_head(b, OID_INT4, count);
}

size_t pg_copy_text_array(struct buf *b, size_t count)
{
	size_t begun = b->size;
	array_u32(b, 0);
	copy_array_head(b, OID_TEXT, count);
	return begun;
}

void pg_copy_text_array_end(struct buf *b, size_t begun)
{
	put_size(b, begun);
}

/* Bytes of the character that begins here, 0: none. PostgreSQL takes no NUL. */
static size_t unit_size(str text)
{
	if (text.size && (unsigned char)text.data[0] < 0x80)
		return text.data[0] != 0;
	return utf8_char_size(text);
}

void pg_clean(struct buf *b, str text, size_t limit_size)
{
	size_t room = limit_size;
	while (text.size) {
		size_t good = 0;
		for (size_t unit; good < text.size; good += unit) {
			unit = unit_size(str_from(text, good));
			if (unit == 0 || good + unit > room)
				break;
		}
		buf_put(b, str_sub(text, 0, good));
		text = str_from(text, good);
		room -= good;
		if (text.size == 0 || room == 0 || unit_size(text) > room)
			return;
		buf_put_byte(b, '?');
		text = str_from(text, 1);
		room--;
	}
}
