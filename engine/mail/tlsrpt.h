/* tlsrpt.h - where a domain wants its TLS reports: the TXT record at _smtp._tls.DOMAIN (RFC
 * 8460 3). Pure; the parts are views into the record's text. */
#pragma once

#include "engine/base/buf.h"

#define TLSRPT_URI_LIMIT 8 /* what is named beyond gets no report */

enum tlsrpt_way { TLSRPT_MAIL, TLSRPT_HTTPS };

struct tlsrpt_record {
	struct tlsrpt_uri {
		enum tlsrpt_way way;
		str text; /* the whole URI */
	} uris[TLSRPT_URI_LIMIT];
	size_t count; /* may be 0: every scheme is one that we do not know */
};

/* Is this one of the records that count? A name with more than one of them has none. */
bool tlsrpt_is_record(str text);
/* The whole record, its strings joined; false: it breaks the grammar. */
[[nodiscard]] bool tlsrpt_parse(str text, struct tlsrpt_record *ret_record);
/* The mailbox of a "mailto:" URI (RFC 6068), its header fields left out; false (and nothing
 * appended) when it is not exactly one address. */
[[nodiscard]] bool tlsrpt_mailbox(struct buf *out, str uri);
