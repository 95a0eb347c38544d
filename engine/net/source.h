/* source.h - where mail leaves from: the addresses, the name said in EHLO, and the proxy in
 * between when the addresses are not this machine's.
 * A source that goes by a proxy is bound to nothing here: its addresses are those that the
 * proxy sends from, and stand here for DNS checks and for the PROXY header. */
#pragma once

#include "engine/io/io.h"

enum source_via { SOURCE_DIRECT, SOURCE_PROXY_V2, SOURCE_SOCKS5 };

struct source {
	char name[64]; /* as in the configuration and in reports */
	char helo[256];
	bool has_ipv4, has_ipv6; /* neither: the kernel (or the proxy) chooses */
	struct net_address ipv4, ipv6;
	enum source_via via;
	struct net_address proxy; /* with its port; of via only */
	/* SOCKS5 with RFC 1929; an empty user: none. The password is never shown. */
	char proxy_user[256], proxy_password[256];
};

/* Sources that share mail: indices and, as many, weights (>= 1). */
struct source_pool {
	str name;
	const uint32_t *sources, *weights;
	size_t count;
};

/* The member of a pool that falls to an id by weight, among those that may; the same for the
 * same id as long as they do. SIZE_MAX: none may. */
size_t source_pool_pick(const struct source_pool *, const bool *may, uint64_t id);

/* The local address to bind towards a peer of that family (AF_INET, AF_INET6); NULL: any. */
const struct net_address *source_address(const struct source *, int family);
/* Mail of a source with addresses of one family does not leave by the other: from an address
 * that nobody has named for it. */
bool source_can_reach(const struct source *, const struct net_address *to);
/* Reads "socks5://[user[:password]@]ADDRESS:PORT" or "haproxy://ADDRESS:PORT" into via, proxy
 * and the login; IPv6 in brackets, user and password with %XX where needed. A password is
 * better kept in a file and set by the caller. Returns 0, or -EINVAL with a sentence that
 * repeats nothing of the text; the source is then as before. */
[[nodiscard]] int source_parse_proxy(str url, struct source *, char *ret_why, size_t why_size);
/* Whether the source's addresses can be bound on this machine now (a system call each). By a
 * proxy: always, only a connection shows it. Returns 0, or -errno with a sentence. */
[[nodiscard]] int source_probe(const struct source *, char *ret_why, size_t why_size);
