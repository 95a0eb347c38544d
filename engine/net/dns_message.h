/* dns_message.h - reading a DNS reply (RFC 1035 4.1). Pure: bytes in, a packed answer out.
 * A packed answer is what the cache keeps: the records one after the other, without the 256
 * bytes a name could have had. Each record of a packed answer is
 *   MX       preference (2 bytes), size (1), host name
 *   address  family size 4 or 16 (1), address bytes
 *   text     size (2), bytes (TXT: its strings joined; PTR: the name)
 *   TLSA     usage (1), selector (1), matching (1), size (1), digest; size 0: unusable
 * with numbers in network order. Names are lower case, without the last dot; "" is the root. */
#pragma once

#include "engine/base/buf.h"
#include "engine/net/resolve.h"

enum dns_type {
	DNS_A = 1,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_TLSA = 52
};

#define DNS_NEGATIVE_DEFAULT 60 /* seconds, where the reply holds no SOA (RFC 2308 5) */

struct dns_reply {
	enum dns_status status;
	bool secure;
	uint8_t rcode;
	uint32_t ttl_seconds;
	size_t count; /* records appended */
};

/* The records of that type are appended to packed, at most limit of them and only those that
 * fit; false (nothing appended) when the reply breaks the grammar. */
[[nodiscard]] bool dns_message_read(str message, enum dns_type, size_t limit,
				    struct buf *packed, struct dns_reply *ret_reply);

/* Taking a packed answer apart; each takes one record off the front of *packed. */
[[nodiscard]] bool dns_packed_mx(str *packed, struct dns_mx *ret_mx);
[[nodiscard]] bool dns_packed_address(str *packed, struct net_address *ret_address);
[[nodiscard]] bool dns_packed_text(str *packed, str *ret_text);
[[nodiscard]] bool dns_packed_tlsa(str *packed, struct tlsa *ret_tlsa); /* size 0: unusable */
