/* address.h - a mail address as SMTP knows it (RFC 5321 4.1.2 Mailbox, RFC 6531 for UTF-8):
 * no display name, no comments, no source route. Parsing only looks; the
 * parts are views into the text. Two forms are written from them: the one that a command may
 * carry, and the key under which two spellings of one mailbox meet. */
#pragma once

#include "engine/base/buf.h"

#define ADDRESS_LOCAL_LIMIT 64 /* RFC 5321 4.5.3.1.1 */
#define ADDRESS_LIMIT 254      /* a path of 256 without its angle brackets, 4.5.3.1.3 */

enum address_fault {
	ADDRESS_OK,
	ADDRESS_EMPTY,
	ADDRESS_NO_AT,
	ADDRESS_TOO_LONG,
	ADDRESS_LOCAL_EMPTY,
	ADDRESS_LOCAL_TOO_LONG,
	ADDRESS_LOCAL_SYNTAX,
	ADDRESS_DOMAIN_SYNTAX,
	ADDRESS_DOMAIN_LITERAL, /* user@[192.0.2.1] */
	ADDRESS_NOT_UTF8,
	ADDRESS_FAULT_COUNT,
};
/* What is wrong, for people: "no @ sign", ... */
extern const char *const address_fault_texts[ADDRESS_FAULT_COUNT];

struct address {
	str local;      /* as written, quotes included */
	str domain;     /* as written */
	bool is_quoted; /* the local part is a quoted string */
	bool is_utf8;   /* the local part is not ASCII: SMTPUTF8 is needed (RFC 6531 3.2) */
	bool is_idn;    /* the domain is not ASCII: it has an A-label form (RFC 5891 5) */
	bool is_literal; /* the domain is an IP address in brackets */
};

/* The whole text is one address; surrounding white space is the caller's to trim. */
[[nodiscard]] enum address_fault address_parse(str text, struct address *ret_address);
/* The same, and takes address literals, too: "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321
 * 4.1.3). Only their letters are looked at: what they name is for whoever connects there. */
[[nodiscard]] enum address_fault address_parse_any(str text, struct address *ret_address);

/* The form for envelopes: local part as written, "@", the domain as lower-case A-labels. False
 * when IDNA knows no such domain or the buffer failed. */
[[nodiscard]] bool address_wire(struct buf *out, const struct address *);
/* The form for comparing: as address_wire(), but without quotes that are not needed and the
 * local part's ASCII letters in lower case. A server may tell Ann from ann, but no list means
 * two people by it. Never send to a key. */
[[nodiscard]] bool address_key(struct buf *out, const struct address *);
