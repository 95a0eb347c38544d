/* address.c - IP addresses as text and back. No names: those are the resolver's. */
#include "engine/io/io.h"

#include <arpa/inet.h>

bool net_address_parse(str text, uint16_t port, struct net_address *ret_address)
{
	char copy[INET6_ADDRSTRLEN];
	struct net_address a = {};
	if (!str_to_cstr(text, copy, sizeof copy))
		return false;
	if (inet_pton(AF_INET, copy, &a.in4.sin_addr) == 1) {
		a.in4.sin_family = AF_INET;
		a.in4.sin_port = htons(port);
	} else if (inet_pton(AF_INET6, copy, &a.in6.sin6_addr) == 1) {
		a.in6.sin6_family = AF_INET6;
		a.in6.sin6_port = htons(port);
	} else {
		return false;
	}
	*ret_address = a;
	return true;
}

void net_address_format(const struct net_address *a, char *out)
{
	const void *bytes = a->sa.sa_family == AF_INET6 ? (const void *)&a->in6.sin6_addr
							: (const void *)&a->in4.sin_addr;
	out[0] = '\0';
	inet_ntop(a->sa.sa_family, bytes, out, INET6_ADDRSTRLEN);
}

/* 127.0.0.0/8, ::1, and the addresses that reach this machine too: 0.0.0.0/8, :: and either
 * written as IPv4 in IPv6. */
bool net_address_is_loopback(const struct net_address *a)
{
	if (a->sa.sa_family == AF_INET) {
		uint32_t first = ntohl(a->in4.sin_addr.s_addr) >> 24;
		return first == 127 || first == 0;
	}
	const struct in6_addr *in6 = &a->in6.sin6_addr;
	if (IN6_IS_ADDR_V4MAPPED(in6))
		return in6->s6_addr[12] == 127 || in6->s6_addr[12] == 0;
	return IN6_IS_ADDR_LOOPBACK(in6) || IN6_IS_ADDR_UNSPECIFIED(in6);
}

/* 2000::/3 is all of the global IPv6 addresses. */
bool net_address_is_public(const struct net_address *a)
{
	if (a->sa.sa_family == AF_INET6)
		return (a->in6.sin6_addr.s6_addr[0] & 0xe0) == 0x20;
	uint32_t ip = ntohl(a->in4.sin_addr.s_addr);
	uint32_t first = ip >> 24, first_two = ip >> 16;
	return a->sa.sa_family == AF_INET && first != 0 && first != 10 && first != 127 &&
	       first < 224 && first_two != 0xc0a8 && first_two != 0xa9fe &&
	       (first_two & 0xfff0) != 0xac10 && (first_two & 0xffc0) != 0x6440;
}

socklen_t net_address_size(const struct net_address *a)
{
	return a->sa.sa_family == AF_INET6 ? sizeof a->in6 : sizeof a->in4;
}
