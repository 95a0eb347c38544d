/* source.c - where mail leaves from: which address for which peer, the proxy's URL, and whether
 * the addresses are there.
 *
 *   proxy    = "socks5://" [ user [ ":" password ] "@" ] endpoint / "haproxy://" endpoint
 *   endpoint = IPv4address ":" port / "[" IPv6address "]" ":" port           (RFC 3986 3.2) */
#include "engine/net/source.h"

#include <errno.h>
#include <stdio.h>

#define LOGIN_SIZE sizeof((struct source *)NULL)->proxy_user

const struct net_address *source_address(const struct source *source, int family)
{
	if (source->via != SOURCE_DIRECT)
		return NULL;
	if (family == AF_INET && source->has_ipv4)
		return &source->ipv4;
	if (family == AF_INET6 && source->has_ipv6)
		return &source->ipv6;
	return NULL;
}

bool source_can_reach(const struct source *source, const struct net_address *to)
{
	if (!source->has_ipv4 && !source->has_ipv6)
		return true;
	return to->sa.sa_family == AF_INET6 ? source->has_ipv6 : source->has_ipv4;
}

size_t source_pool_pick(const struct source_pool *pool, const bool *may, uint64_t id)
{
	uint64_t total = 0;
	for (size_t i = 0; i < pool->count; i++)
		total += may[i] ? pool->weights[i] : 0;
	if (total == 0)
		return SIZE_MAX;
	uint64_t at = id % total;
	size_t i = 0;
	while (!may[i] || at >= pool->weights[i]) {
		at -= may[i] ? pool->weights[i] : 0;
		i++;
	}
	return i;
}

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	char lower = (char)(digit | 0x20);
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Takes %XX apart; a NUL would end the C string early and is none of a login. */
static bool decode_login(str text, char *out)
{
	size_t size = 0;
	for (size_t i = 0; i < text.size; i++) {
		char byte = text.data[i];
		if (byte == '%') {
			if (i + 2 >= text.size)
				return false;
			int high = hex_value(text.data[i + 1]);
			int low = hex_value(text.data[i + 2]);
			if (high < 0 || low < 0)
				return false;
			byte = (char)(high << 4 | low);
			i += 2;
		}
		if (byte == '\0' || size + 1 >= LOGIN_SIZE)
			return false;
		out[size++] = byte;
	}
	out[size] = '\0';
	return true;
}

static bool parse_endpoint(str text, struct net_address *ret_address)
{
	size_t colon = str_rfind_byte(text, ':');
	uint64_t port;
	if (colon == STR_NONE || !str_to_u64(str_from(text, colon + 1), &port) || port == 0 ||
	    port > UINT16_MAX)
		return false;
	str host = str_sub(text, 0, colon);
	bool bracketed = host.size >= 2 && host.data[0] == '[' && str_ends(host, STR("]"));
	if (bracketed)
		host = str_sub(host, 1, host.size - 2);
	struct net_address address;
	if (!net_address_parse(host, (uint16_t)port, &address) ||
	    bracketed != (address.sa.sa_family == AF_INET6))
		return false;
	*ret_address = address;
	return true;
}

static int refuse(char *ret_why, size_t why_size, const char *sentence)
{
	snprintf(ret_why, why_size, "%s", sentence);
	return -EINVAL;
}

int source_parse_proxy(str url, struct source *source, char *ret_why, size_t why_size)
{
	const str socks = STR("socks5://"), haproxy = STR("haproxy://");
	char user[LOGIN_SIZE] = "", password[LOGIN_SIZE] = "";
	struct net_address proxy;
	bool is_socks = str_starts_nocase(url, socks);
	if (!is_socks && !str_starts_nocase(url, haproxy))
		return refuse(ret_why, why_size,
			      "a proxy is written socks5://[user@]ADDRESS:PORT or "
			      "haproxy://ADDRESS:PORT");
	str rest = str_from(url, is_socks ? socks.size : haproxy.size);
	size_t at = str_rfind_byte(rest, '@');
	if (at != STR_NONE) {
		str login = str_sub(rest, 0, at);
		str name = str_cut(&login, ':');
		rest = str_from(rest, at + 1);
		if (!is_socks)
			return refuse(ret_why, why_size,
				      "haproxy:// takes no user: the PROXY protocol has none");
		if (name.size == 0 || !decode_login(name, user) ||
		    !decode_login(login, password))
			return refuse(ret_why, why_size,
				      "user and password of a proxy have at most 255 bytes "
				      "each, with '@', ':' and '%' written %40, %3A and %25");
	}
	if (!parse_endpoint(rest, &proxy))
		return refuse(ret_why, why_size,
			      "a proxy is named by IP address and port, as in 192.0.2.1:1080 "
			      "or [2001:db8::1]:1080");
	source->via = is_socks ? SOURCE_SOCKS5 : SOURCE_PROXY_V2;
	source->proxy = proxy;
	memcpy(source->proxy_user, user, sizeof user);
	memcpy(source->proxy_password, password, sizeof password);
	return 0;
}

int source_probe(const struct source *source, char *ret_why, size_t why_size)
{
	static const int families[] = {AF_INET, AF_INET6};
	for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
		const struct net_address *address = source_address(source, families[i]);
		int result = address ? io_probe_bind(address) : 0;
		if (result == 0)
			continue;
		char text[INET6_ADDRSTRLEN];
		net_address_format(address, text);
		if (result == -EADDRNOTAVAIL)
			snprintf(ret_why, why_size,
				 "source \"%s\": %s is not an address of this machine (ip "
				 "address add %s/%d dev ..., or take it out of the "
				 "configuration)",
				 source->name, text, text, families[i] == AF_INET ? 32 : 128);
		else
			snprintf(ret_why, why_size, "source \"%s\": %s cannot be used: %s",
				 source->name, text, strerror(-result));
		return result;
	}
	return 0;
}
