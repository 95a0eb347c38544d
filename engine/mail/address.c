/* address.c - the grammar of a mailbox.
 *
 *   Mailbox       = Local-part "@" ( Domain / address-literal )       (RFC 5321 4.1.2)
 *   Local-part    = Dot-string / Quoted-string
 *   Dot-string    = Atom *("."  Atom)
 *   Atom          = 1*atext
 *   Quoted-string = DQUOTE *QcontentSMTP DQUOTE
 *   QcontentSMTP  = qtextSMTP / quoted-pairSMTP
 *   quoted-pairSMTP = %d92 %d32-126
 *   qtextSMTP     = %d32-33 / %d35-91 / %d93-126
 *   atext =/ UTF8-non-ascii   qtextSMTP =/ UTF8-non-ascii   sub-domain =/ U-label
 *                                                                     (RFC 6531 3.3) */
#include "engine/mail/address.h"
#include "engine/mail/domain.h"
#include "engine/mail/utf8.h"

const char *const address_fault_texts[ADDRESS_FAULT_COUNT] = {
	[ADDRESS_OK] = "valid",
	[ADDRESS_EMPTY] = "no address",
	[ADDRESS_NO_AT] = "no @ sign",
	[ADDRESS_TOO_LONG] = "longer than 254 bytes",
	[ADDRESS_LOCAL_EMPTY] = "nothing before the @ sign",
	[ADDRESS_LOCAL_TOO_LONG] = "more than 64 bytes before the @ sign",
	[ADDRESS_LOCAL_SYNTAX] = "not valid before the @ sign",
	[ADDRESS_DOMAIN_SYNTAX] = "not a domain behind the @ sign",
	[ADDRESS_DOMAIN_LITERAL] = "an IP address instead of a domain",
	[ADDRESS_NOT_UTF8] = "not valid UTF-8",
};

static bool is_atext(char byte)
{
	if ((unsigned char)byte >= 0x80)
		return true;
	if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	    (byte >= '0' && byte <= '9'))
		return true;
	return byte != 0 && memchr("!#$%&'*+-/=?^_`{|}~", byte, 19) != NULL;
}

static bool is_dot_string(str text)
{
	bool after_atext = false;
	for (size_t i = 0; i < text.size; i++) {
		bool dot = text.data[i] == '.';
		if (dot ? !after_atext : !is_atext(text.data[i]))
			return false;
		after_atext = !dot;
	}
	return after_atext;
}

/* Bytes of the quoted string at the front, quotes included; 0: there is none. */
static size_t quoted_size(str text)
{
	for (size_t i = 1; i < text.size; i++) {
		unsigned char byte = (unsigned char)text.data[i];
		if (byte == '"')
			return i + 1;
		if (byte == '\\' && ++i < text.size)
			byte = (unsigned char)text.data[i];
		if (byte < ' ' || byte == 0x7f)
			return 0;
	}
	return 0;
}

static bool is_utf8(str text)
{
	while (text.size > 0) {
		size_t size = utf8_char_size(text);
		if (size == 0)
			return false;
		text = str_from(text, size);
	}
	return true;
}

static bool is_ascii(str text)
{
	for (size_t i = 0; i < text.size; i++)
		if ((unsigned char)text.data[i] >= 0x80)
			return false;
	return true;
}

static enum address_fault check_local(const struct address *a)
{
	if (a->local.size == 0)
		return ADDRESS_LOCAL_EMPTY;
	if (a->local.size > ADDRESS_LOCAL_LIMIT)
		return ADDRESS_LOCAL_TOO_LONG;
	if (!a->is_quoted && !is_dot_string(a->local))
		return ADDRESS_LOCAL_SYNTAX;
	return ADDRESS_OK;
}

static enum address_fault check_domain(const struct address *a)
{
	if (a->is_literal)
		return ADDRESS_DOMAIN_LITERAL;
	if (a->domain.size > 0 && a->domain.data[0] == '[')
		return ADDRESS_DOMAIN_SYNTAX;
	char memory[DOMAIN_LIMIT + 1];
	struct buf ascii;
	buf_init_fixed(&ascii, memory, sizeof(memory));
	bool valid =
		a->is_idn ? domain_to_ascii(&ascii, a->domain) : domain_is_valid(a->domain);
	return valid ? ADDRESS_OK : ADDRESS_DOMAIN_SYNTAX;
}

static bool is_hex_digit(char byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') ||
	       (byte >= 'A' && byte <= 'F');
}

static bool is_literal(str domain)
{
	if (domain.size < 3 || domain.data[0] != '[' || !str_ends(domain, STR("]")))
		return false;
	str inner = str_sub(domain, 1, domain.size - 2);
	if (str_starts_nocase(inner, STR("IPv6:")))
		inner = str_from(inner, 5);
	for (size_t i = 0; i < inner.size; i++)
		if (!is_hex_digit(inner.data[i]) && inner.data[i] != '.' &&
		    inner.data[i] != ':')
			return false;
	return inner.size > 0;
}

static enum address_fault parse(str text, bool literals, struct address *ret_address)
{
	if (text.size == 0)
		return ADDRESS_EMPTY;
	struct address a = {.is_quoted = text.data[0] == '"'};
	size_t at = a.is_quoted ? quoted_size(text) : str_find_byte(text, '@');
	if (a.is_quoted && at == 0)
		return ADDRESS_LOCAL_SYNTAX;
	if (at == STR_NONE || at == text.size || text.data[at] != '@')
		return a.is_quoted && at < text.size ? ADDRESS_LOCAL_SYNTAX : ADDRESS_NO_AT;
	a.local = str_sub(text, 0, at);
	a.domain = str_from(text, at + 1);
	a.is_utf8 = !is_ascii(a.local);
	a.is_idn = !is_ascii(a.domain);
	a.is_literal = is_literal(a.domain);
	if ((a.is_utf8 || a.is_idn) && !is_utf8(text))
		return ADDRESS_NOT_UTF8;
	if (text.size > ADDRESS_LIMIT)
		return ADDRESS_TOO_LONG;
	enum address_fault fault = check_local(&a);
	if (fault == ADDRESS_OK && !(literals && a.is_literal))
		fault = check_domain(&a);
	if (fault == ADDRESS_OK)
		*ret_address = a;
	return fault;
}

enum address_fault address_parse(str text, struct address *ret_address)
{
	return parse(text, false, ret_address);
}

enum address_fault address_parse_any(str text, struct address *ret_address)
{
	return parse(text, true, ret_address);
}

static bool put_domain(struct buf *out, const struct address *a)
{
	for (size_t i = 0; a->is_literal && i < a->domain.size; i++) {
		char byte = a->domain.data[i];
		buf_put_byte(out, byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte);
	}
	return (a->is_literal || domain_to_ascii(out, a->domain)) && buf_ok(out);
}

bool address_wire(struct buf *out, const struct address *a)
{
	buf_put(out, a->local);
	buf_put_byte(out, '@');
	return put_domain(out, a);
}

/* The content of a local part without its quotes and quoted pairs, in lower case. */
static str local_content(const struct address *a, char memory[ADDRESS_LOCAL_LIMIT])
{
	size_t size = 0;
	str rest = a->is_quoted ? str_sub(a->local, 1, a->local.size - 2) : a->local;
	for (size_t i = 0; i < rest.size; i++) {
		if (a->is_quoted && rest.data[i] == '\\')
			i++;
		char byte = rest.data[i];
		memory[size++] = byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
	}
	return str_make(memory, size);
}

static void put_quoted(struct buf *out, str content)
{
	buf_put_byte(out, '"');
	for (size_t i = 0; i < content.size; i++) {
		if (content.data[i] == '"' || content.data[i] == '\\')
			buf_put_byte(out, '\\');
		buf_put_byte(out, content.data[i]);
	}
	buf_put_byte(out, '"');
}

bool address_key(struct buf *out, const struct address *a)
{
	char memory[ADDRESS_LOCAL_LIMIT];
	str content = local_content(a, memory);
	if (is_dot_string(content))
		buf_put(out, content);
	else
		put_quoted(out, content);
	buf_put_byte(out, '@');
	return put_domain(out, a);
}
