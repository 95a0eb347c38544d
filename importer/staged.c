/* staged.c - checking a row and writing it down for COPY. */
#include "importer/staged.h"

#include <endian.h>
#include <string.h>

#include "engine/mail/address.h"

#define NAME_LIMIT 500
#define VALUE_LIMIT 65536 /* of an attribute */

/* The size of a field stands before it; of what is not yet written it is set behind it. */
static void set_size(struct buf *out, size_t at)
{
	if (!buf_ok(out))
		return;
	uint32_t size = htobe32((uint32_t)(out->size - at - sizeof(size)));
	memcpy(out->data + at, &size, sizeof(size));
}

static size_t begin_field(struct buf *out)
{
	size_t at = out->size;
	buf_put(out, str_make("\0\0\0\0", 4));
	return at;
}

static void put_text(struct buf *out, str text)
{
	uint32_t size = htobe32((uint32_t)text.size);
	buf_put(out, str_make((const char *)&size, sizeof(size)));
	buf_put(out, text);
}

/* RFC 8259 7. */
static void put_json_string(struct buf *out, str text)
{
	static const char hex[] = "0123456789abcdef";
	size_t plain = 0;
	buf_put_byte(out, '"');
	for (size_t i = 0; i < text.size; i++) {
		unsigned char byte = (unsigned char)text.data[i];
		if (byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7f)
			continue;
		buf_put(out, str_sub(text, plain, i - plain));
		plain = i + 1;
		buf_put_byte(out, '\\');
		if (byte == '"' || byte == '\\') {
			buf_put_byte(out, (char)byte);
		} else {
			buf_put_cstr(out, "u00");
			buf_put_byte(out, hex[byte >> 4]);
			buf_put_byte(out, hex[byte & 15]);
		}
	}
	buf_put(out, str_from(text, plain));
	buf_put_byte(out, '"');
}

static size_t digits(str text, size_t at)
{
	size_t from = at;
	while (at < text.size && text.data[at] >= '0' && text.data[at] <= '9')
		at++;
	return at - from;
}

/* number = [ "-" ] int [ "." 1*DIGIT ] ; RFC 8259 6, without exponent. A leading zero is none:
 * 01234 is a postal code. */
static bool is_number(str text)
{
	size_t at = text.size && text.data[0] == '-' ? 1 : 0;
	size_t whole = digits(text, at);
	if (whole == 0 || whole > 15 || (whole > 1 && text.data[at] == '0'))
		return false;
	at += whole;
	if (at == text.size)
		return true;
	size_t part = text.data[at] == '.' ? digits(text, at + 1) : 0;
	return part > 0 && part <= 15 && at + 1 + part == text.size;
}

static void put_attributes(struct buf *out, const struct header *h, const struct csv_row *row,
			   bool numbers)
{
	bool first = true;
	size_t at = begin_field(out);
	buf_put_byte(out, 1); /* the version of jsonb's binary form */
	buf_put_byte(out, '{');
	for (size_t k = 0; k < h->order_count; k++) {
		size_t i = h->order[k];
		if (row->fields[i].size == 0)
			continue;
		if (!first)
			buf_put_byte(out, ',');
		first = false;
		put_json_string(out, h->attributes[i]);
		buf_put_byte(out, ':');
		if (numbers && is_number(row->fields[i]))
			buf_put(out, row->fields[i]);
		else
			put_json_string(out, row->fields[i]);
	}
	buf_put_byte(out, '}');
	set_size(out, at);
}

static const char *check_values(const struct header *h, const struct csv_row *row)
{
	if (row->field_count < h->count)
		return "fewer fields than the header has columns";
	if (row->field_count > h->count)
		return "more fields than the header has columns";
	if (h->name != HEADER_NONE && row->fields[h->name].size > NAME_LIMIT)
		return "the name is longer than 500 bytes";
	for (size_t i = 0; i < h->count; i++)
		if (row->fields[i].size > VALUE_LIMIT)
			return "a value longer than 64 KiB";
	return NULL;
}

const char *staged_put(struct buf *out, const struct header *h, const struct csv_row *row,
		       bool literals, bool numbers)
{
	char memory[3 * ADDRESS_LIMIT];
	struct buf key;
	struct address address;
	const char *fault = check_values(h, row);
	if (fault)
		return fault;
	str text = str_trim(row->fields[h->email]);
	enum address_fault bad =
		literals ? address_parse_any(text, &address) : address_parse(text, &address);
	if (bad != ADDRESS_OK)
		return address_fault_texts[bad];
	buf_init_fixed(&key, memory, sizeof(memory));
	if (!address_key(&key, &address))
		return "the domain is no name that exists in IDNA";
	put_text(out, buf_str(&key));
	put_text(out, text);
	put_text(out, str_from(buf_str(&key), str_rfind_byte(buf_str(&key), '@') + 1));
	if (h->name != HEADER_NONE)
		put_text(out, row->fields[h->name]);
	put_attributes(out, h, row, numbers);
	return NULL;
}

unsigned staged_columns(const struct header *h)
{
	return h->name == HEADER_NONE ? 4 : 5;
}
