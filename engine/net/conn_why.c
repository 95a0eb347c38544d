/* conn_why.c - errnos and answers of proxies become causes and sentences. Whose fault it is
 * decides what follows: a mail server that cannot be reached is backed off, a source that
 * cannot be used is set aside, and blaming the wrong one stops mail that could go. */
#include "engine/net/conn_why.h"

#include <errno.h>
#include <stdio.h>

#define PLACE_SIZE (INET6_ADDRSTRLEN + sizeof " port 65535")

static void put_place(char *out, const struct net_address *at)
{
	char text[INET6_ADDRSTRLEN];
	in_port_t port = at->sa.sa_family == AF_INET6 ? at->in6.sin6_port : at->in4.sin_port;
	net_address_format(at, text);
	snprintf(out, PLACE_SIZE, "%s port %u", text, ntohs(port));
}

static bool by_proxy(const struct source *from)
{
	return from && from->via != SOURCE_DIRECT;
}

enum local_cause conn_why_fault(char *out, const struct source *from, const char *phrase)
{
	char place[PLACE_SIZE];
	put_place(place, &from->proxy);
	snprintf(out, CONN_WHY_SIZE, "source \"%s\": the proxy at %s %s", from->name, place,
		 phrase);
	return CAUSE_SOURCE_UNAVAILABLE;
}

/* What this process or machine is short of says nothing of either end. */
static bool is_shortage(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS;
}

static enum local_cause cause_of(int error)
{
	switch (error) {
	case -ECONNREFUSED:
	case -ECONNRESET:
		return CAUSE_CONNECT_REFUSED;
	case -ETIMEDOUT:
		return CAUSE_CONNECT_TIMEOUT;
	default:
		return CAUSE_CONNECT_UNREACHABLE;
	}
}

static void put_phrase(char *out, size_t size, int error)
{
	switch (cause_of(error)) {
	case CAUSE_CONNECT_REFUSED:
		snprintf(out, size, "refused the connection");
		break;
	case CAUSE_CONNECT_TIMEOUT:
		snprintf(out, size, "does not answer");
		break;
	default:
		snprintf(out, size, "cannot be reached: %s",
			 error == -EAGAIN ? "no local address or port is free for it"
					  : strerror(-error));
	}
}

static enum local_cause why_address(char *out, const struct source *from, int family)
{
	char text[INET6_ADDRSTRLEN];
	net_address_format(source_address(from, family), text);
	snprintf(out, CONN_WHY_SIZE, "source \"%s\": %s is not an address of this machine",
		 from->name, text);
	return CAUSE_SOURCE_UNAVAILABLE;
}

enum local_cause conn_why_errno(char *out, const struct net_address *to,
				const struct source *from, int error)
{
	char place[PLACE_SIZE], phrase[80];
	put_phrase(phrase, sizeof phrase, error);
	if (by_proxy(from) && !is_shortage(error))
		return conn_why_fault(out, from, phrase);
	if (error == -EADDRNOTAVAIL && from && source_address(from, to->sa.sa_family))
		return why_address(out, from, to->sa.sa_family);
	put_place(place, to);
	snprintf(out, CONN_WHY_SIZE, "%s %s", place, phrase);
	return cause_of(error);
}

enum local_cause conn_why_family(char *out, const struct net_address *to,
				 const struct source *from)
{
	char text[INET6_ADDRSTRLEN];
	net_address_format(to, text);
	snprintf(out, CONN_WHY_SIZE, "source \"%s\" has no %s address to reach %s from",
		 from->name, to->sa.sa_family == AF_INET6 ? "IPv6" : "IPv4", text);
	return CAUSE_CONNECT_UNREACHABLE;
}

enum local_cause conn_why_proxy(char *out, const struct proxy *proxy)
{
	char place[PLACE_SIZE];
	if (proxy->cause == CAUSE_SOURCE_UNAVAILABLE)
		return conn_why_fault(out, proxy->source, proxy->why);
	put_place(place, &proxy->to);
	snprintf(out, CONN_WHY_SIZE, "%s: the proxy of source \"%s\" %s", place,
		 proxy->source->name, proxy->why);
	return proxy->cause;
}

enum local_cause conn_why_timeout(char *out, const struct net_address *to,
				  const struct source *from, bool asked)
{
	return conn_why_errno(out, to, asked ? NULL : from, -ETIMEDOUT);
}
