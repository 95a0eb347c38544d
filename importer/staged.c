/* staged.c - checking a row and writing it down for COPY. */
#include "importer/staged.h"

#include "engine/mail/address.h"

#define NAME_LIMIT 500
#define VALUE_LIMIT 65536 /* of an attribute */

/* PostgreSQL's COPY text format: backslash, tab and line ends are escaped. */
static void put_copy(struct buf *out, str text)
{
	size_t plain = 0;
	for (size_t i = 0; i < text.size; i++) {
		const char *escape = text.data[i] == '\\'   ? "\\\\"
				     : text.data[i] == '\t' ? "\\t"
				     : text.data[i] == '\n' ? "\\n"
				     : text.data[i] == '\r' ? "\\r"
							    : NULL;
		if (!escape)
			continue;
		buf_put(out, str_sub(text, plain, i - plain));
		buf_put_cstr(out, escape);
		plain = i + 1;
	}
	buf_put(out, str_from(text, plain));
}

/* RFC 8259 7, inside COPY's format: a backslash of JSON is two of COPY's. */
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
		buf_put_cstr(out, "\\\\");
		if (byte == '"') {
			buf_put_byte(out, '"');
		} else if (byte == '\\') {
			buf_put_cstr(out, "\\\\");
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
	buf_put_byte(out, '{');
	for (size_t i = 0; i < h->count; i++) {
		if (h->attributes[i].size == 0 || row->fields[i].size == 0)
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
	buf_put_u64(out, row->line);
	buf_put_byte(out, '\t');
	put_copy(out, buf_str(&key));
	buf_put_byte(out, '\t');
	put_copy(out, text);
	buf_put_byte(out, '\t');
	put_copy(out, str_from(buf_str(&key), str_rfind_byte(buf_str(&key), '@') + 1));
	buf_put_byte(out, '\t');
	if (h->name == HEADER_NONE)
		buf_put_cstr(out, "\\N");
	else
		put_copy(out, row->fields[h->name]);
	buf_put_byte(out, '\t');
	put_attributes(out, h, row, numbers);
	buf_put_byte(out, '\n');
	return NULL;
}
