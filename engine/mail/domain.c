/* domain.c - domain names for the wire.
 *
 *   Domain     = sub-domain *("." sub-domain)                         (RFC 5321 4.1.2)
 *   sub-domain = Let-dig [Ldh-str]
 *   Ldh-str    = *( ALPHA / DIGIT / "-" ) Let-dig */
#include "engine/mail/domain.h"
#include <idn2.h>

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_let_dig(char byte)
{
	return is_digit(byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool label_is_valid(str label)
{
	if (label.size == 0 || label.size > DOMAIN_LABEL_LIMIT)
		return false;
	for (size_t i = 0; i < label.size; i++)
		if (!is_let_dig(label.data[i]) && label.data[i] != '-')
			return false;
	return is_let_dig(label.data[0]) && is_let_dig(label.data[label.size - 1]);
}

static bool is_number(str label)
{
	for (size_t i = 0; i < label.size; i++)
		if (!is_digit(label.data[i]))
			return false;
	return true;
}

bool domain_is_valid(str domain)
{
	if (domain.size == 0 || domain.size > DOMAIN_LIMIT ||
	    domain.data[domain.size - 1] == '.')
		return false;
	str label = {};
	while (domain.size > 0) {
		label = str_cut(&domain, '.');
		if (!label_is_valid(label))
			return false;
	}
	return !is_number(label);
}

static bool is_ascii(str text)
{
	for (size_t i = 0; i < text.size; i++)
		if ((unsigned char)text.data[i] >= 0x80)
			return false;
	return true;
}

static void put_lower(struct buf *out, str text)
{
	char *to = buf_reserve(out, text.size);
	if (!to)
		return;
	for (size_t i = 0; i < text.size; i++) {
		char byte = text.data[i];
		to[i] = byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
	}
	buf_advance(out, text.size);
}

/* What IDNA makes of it may still break our limits or hold an ASCII byte that no host name
 * has, so it is looked at like any other. */
static bool put_idn(struct buf *out, str domain)
{
	char text[4 * DOMAIN_LIMIT + 1], *ascii = NULL;
	if (!str_to_cstr(domain, text, sizeof(text)) || memchr(domain.data, 0, domain.size))
		return false;
	int flags = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL;
	if (idn2_to_ascii_8z(text, &ascii, flags) != IDN2_OK)
		return false;
	bool valid = domain_is_valid(str_of(ascii));
	if (valid)
		put_lower(out, str_of(ascii));
	idn2_free(ascii);
	return valid;
}

bool domain_to_ascii(struct buf *out, str domain)
{
	if (!is_ascii(domain))
		return put_idn(out, domain) && buf_ok(out);
	if (!domain_is_valid(domain))
		return false;
	put_lower(out, domain);
	return buf_ok(out);
}
