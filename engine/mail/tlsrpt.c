/* tlsrpt.c - RFC 8460 3:
 *
 *   tlsrpt-record    = tlsrpt-version 1*(field-delim tlsrpt-field) [field-delim]
 *   field-delim      = *WSP ";" *WSP
 *   tlsrpt-field     = tlsrpt-rua / tlsrpt-extension
 *   tlsrpt-version   = %s"v=TLSRPTv1"
 *   tlsrpt-rua       = %s"rua=" tlsrpt-uri *(*WSP "," *WSP tlsrpt-uri)
 *   tlsrpt-extension = tlsrpt-ext-name "=" tlsrpt-ext-value
 *   tlsrpt-ext-name  = (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / ".")
 *   tlsrpt-ext-value = 1*(%x21-3A / %x3C / %x3E-7E)
 *
 * Commas, exclamation points and semicolons of a URI are percent-encoded, so it ends at the
 * first of them. */
#include "engine/mail/tlsrpt.h"

#include "engine/base/codec.h"
#include "engine/mail/address.h"
#include "engine/mail/header.h"

#define EXTENSION_NAME_LIMIT 32
#define URI_SIZE_LIMIT 1000

static const str version = {"v=TLSRPTv1", 10};

bool tlsrpt_is_record(str text)
{
	str rest = str_from(text, version.size);
	return str_starts(text, version) && str_starts(str_trim(rest), STR(";"));
}

static bool is_name(str name)
{
	for (size_t i = 0; i < name.size; i++) {
		char c = name.data[i];
		bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') ||
			    (i > 0 && (c == '_' || c == '-' || c == '.'));
		if (!good)
			return false;
	}
	return name.size > 0 && name.size <= EXTENSION_NAME_LIMIT;
}

/* Visible ASCII without what the text says. */
static bool is_visible(str text, const char *without)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] < 0x21 || text.data[i] > 0x7e ||
		    str_find_byte(str_of(without), text.data[i]) != STR_NONE)
			return false;
	return text.size > 0;
}

static void keep_uri(struct tlsrpt_record *record, enum tlsrpt_way way, str text)
{
	if (record->count < TLSRPT_URI_LIMIT)
		record->uris[record->count++] = (struct tlsrpt_uri){way, text};
}

/* Other schemes than the two are left out, RFC 8460 3. */
static bool parse_rua(str value, struct tlsrpt_record *record)
{
	while (value.data) {
		str uri = str_trim(str_cut(&value, ','));
		if (!is_visible(uri, "!;,") || uri.size > URI_SIZE_LIMIT)
			return false;
		if (str_starts_nocase(uri, STR("mailto:")))
			keep_uri(record, TLSRPT_MAIL, uri);
		else if (str_starts_nocase(uri, STR("https://")))
			keep_uri(record, TLSRPT_HTTPS, uri);
	}
	return true;
}

bool tlsrpt_parse(str text, struct tlsrpt_record *ret_record)
{
	struct tlsrpt_record record = {};
	bool has_rua = false;
	if (!tlsrpt_is_record(text))
		return false;
	str rest = str_from(text, str_find_byte(text, ';') + 1);
	while (rest.data) {
		str field = str_trim(str_cut(&rest, ';'));
		if (field.size == 0 && !rest.data)
			break; /* the delimiter at the end */
		str value = field, name = str_cut(&value, '=');
		if (!value.data || !is_name(name))
			return false;
		bool is_rua = str_eq(name, STR("rua"));
		if (is_rua ? !parse_rua(value, &record) : !is_visible(value, "=;"))
			return false;
		has_rua = has_rua || is_rua;
	}
	if (has_rua)
		*ret_record = record;
	return has_rua;
}

static bool percent_decode(struct buf *out, str text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] != '%') {
			buf_put_byte(out, text.data[i]);
			continue;
		}
		if (text.size - i < 3 || !hex_decode(out, str_sub(text, i + 1, 2)))
			return false;
		i += 2;
	}
	return buf_ok(out);
}

bool tlsrpt_mailbox(struct buf *out, str uri)
{
	char memory[ADDRESS_LIMIT];
	struct buf mailbox;
	struct address address;
	if (!str_starts_nocase(uri, STR("mailto:")))
		return false;
	str rest = str_from(uri, sizeof("mailto:") - 1);
	buf_init_fixed(&mailbox, memory, sizeof(memory));
	if (!percent_decode(&mailbox, str_cut(&rest, '?')) ||
	    address_parse(buf_str(&mailbox), &address) != ADDRESS_OK ||
	    !header_address_ok(buf_str(&mailbox)))
		return false;
	buf_put(out, buf_str(&mailbox));
	return buf_ok(out);
}
