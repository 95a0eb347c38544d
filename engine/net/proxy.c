/* proxy.c - PROXY protocol v2 headers and the client side of SOCKS5.
 *
 *   methods  = %x05 count 1*method         answer: %x05 method            (RFC 1928 3)
 *   login    = %x01 size user size password        version status         (RFC 1929 2)
 *   request  = %x05 %x01 %x00 address      answer: %x05 reply %x00 address
 *   address  = ( %x01 4OCTET / %x03 size *OCTET / %x04 16OCTET ) 2OCTET  (RFC 1928 4 to 6)
 *   header   = %x0D0A0D0A000D0A515549540A %x21 family size source destination 2port 2port
 *                                                              (proxy-protocol.txt 2.2)
 *
 * The surprising thing: an answer that says no is believed at its second byte. Many proxies
 * hang up right behind it, and the address that follows means nothing. */
#include "engine/net/proxy.h"

#include "engine/base/assert.h"
#include "engine/base/buf.h"

#define SOCKS_VERSION 5
#define METHOD_NONE 0
#define METHOD_LOGIN 2
#define METHOD_REFUSED 0xff
#define ADDRESS_IPV4 1
#define ADDRESS_NAME 3
#define ADDRESS_IPV6 4

static void set_state(struct proxy *p, enum proxy_state next)
{
	static const unsigned legal[PROXY_STATE_COUNT] = {
		[PROXY_HEADER] = 1 << PROXY_DONE | 1 << PROXY_FAILED,
		[PROXY_METHODS] = 1 << PROXY_LOGIN | 1 << PROXY_REQUEST | 1 << PROXY_FAILED,
		[PROXY_LOGIN] = 1 << PROXY_REQUEST | 1 << PROXY_FAILED,
		[PROXY_REQUEST] = 1 << PROXY_DONE | 1 << PROXY_FAILED,
	};
	ASSERT(legal[p->state] & 1U << next);
	p->state = next;
	p->answer_size = 0;
}

/* The address's bytes as they go over the wire, without the port. */
static str address_bytes(const struct net_address *a)
{
	if (a->sa.sa_family == AF_INET6)
		return str_make((const char *)&a->in6.sin6_addr, sizeof a->in6.sin6_addr);
	return str_make((const char *)&a->in4.sin_addr, sizeof a->in4.sin_addr);
}

static str port_bytes(const struct net_address *a)
{
	if (a->sa.sa_family == AF_INET6)
		return str_make((const char *)&a->in6.sin6_port, sizeof a->in6.sin6_port);
	return str_make((const char *)&a->in4.sin_port, sizeof a->in4.sin_port);
}

/* The source's own address of the family, as far as it has one. Not the command LOCAL where it
 * has none: a LOCAL header's destination is thrown away. */
static struct net_address header_source(const struct source *source, int family)
{
	struct net_address from = {.sa.sa_family = (sa_family_t)family};
	if (family == AF_INET6 && source->has_ipv6)
		from.in6.sin6_addr = source->ipv6.in6.sin6_addr;
	else if (family == AF_INET && source->has_ipv4)
		from.in4.sin_addr = source->ipv4.in4.sin_addr;
	return from;
}

static void put_header(struct buf *out, const struct source *source,
		       const struct net_address *to)
{
	bool is_ipv6 = to->sa.sa_family == AF_INET6;
	struct net_address from = header_source(source, to->sa.sa_family);
	buf_put(out, STR("\r\n\r\n\0\r\nQUIT\n"));
	buf_put_byte(out, 0x21);                  /* version 2, PROXY */
	buf_put_byte(out, is_ipv6 ? 0x21 : 0x11); /* TCP */
	buf_put_byte(out, 0);
	buf_put_byte(out, is_ipv6 ? 36 : 12);
	buf_put(out, address_bytes(&from));
	buf_put(out, address_bytes(to));
	buf_put(out, port_bytes(&from));
	buf_put(out, port_bytes(to));
}

static void put_methods(struct buf *out, const struct source *source)
{
	bool has_login = source->proxy_user[0] != '\0';
	buf_put_byte(out, SOCKS_VERSION);
	buf_put_byte(out, has_login ? 2 : 1);
	buf_put_byte(out, METHOD_NONE);
	if (has_login)
		buf_put_byte(out, METHOD_LOGIN);
}

static void put_login(struct buf *out, const struct source *source)
{
	str user = str_of(source->proxy_user), password = str_of(source->proxy_password);
	buf_put_byte(out, 1);
	buf_put_byte(out, (char)user.size);
	buf_put(out, user);
	buf_put_byte(out, (char)password.size);
	buf_put(out, password);
}

static void put_request(struct buf *out, const struct net_address *to)
{
	buf_put(out, STR("\5\1\0"));
	buf_put_byte(out, to->sa.sa_family == AF_INET6 ? ADDRESS_IPV6 : ADDRESS_IPV4);
	buf_put(out, address_bytes(to));
	buf_put(out, port_bytes(to));
}

/* What the state says when it is entered. */
static void speak(struct proxy *p)
{
	struct buf out;
	buf_init_fixed(&out, p->output, sizeof p->output);
	switch (p->state) {
	case PROXY_HEADER:
		put_header(&out, p->source, &p->to);
		break;
	case PROXY_METHODS:
		put_methods(&out, p->source);
		break;
	case PROXY_LOGIN:
		put_login(&out, p->source);
		break;
	case PROXY_REQUEST:
		put_request(&out, &p->to);
		break;
	default:
		break;
	}
	ASSERT(buf_ok(&out));
	p->output_size = out.size;
}

void proxy_init(struct proxy *p, const struct source *source, const struct net_address *to)
{
	ASSERT(source->via != SOURCE_DIRECT);
	*p = (struct proxy){.source = source,
			    .to = *to,
			    .state = source->via == SOURCE_SOCKS5 ? PROXY_METHODS
								  : PROXY_HEADER};
	speak(p);
}

str proxy_output(const struct proxy *p)
{
	return str_make(p->output, p->output_size);
}

enum proxy_step proxy_sent(struct proxy *p)
{
	ASSERT(p->output_size > 0);
	explicit_bzero(p->output, p->output_size); /* it may have been a password */
	p->output_size = 0;
	if (p->state != PROXY_HEADER)
		return PROXY_MORE;
	set_state(p, PROXY_DONE);
	return PROXY_READY;
}

static enum proxy_step fail(struct proxy *p, enum local_cause cause, const char *why)
{
	set_state(p, PROXY_FAILED);
	p->cause = cause;
	p->why = why;
	return PROXY_BAD;
}

static enum proxy_step fault(struct proxy *p, const char *why)
{
	return fail(p, CAUSE_SOURCE_UNAVAILABLE, why);
}

static enum proxy_step go_on(struct proxy *p, enum proxy_state next)
{
	set_state(p, next);
	speak(p);
	return PROXY_MORE;
}

static enum proxy_step take_method(struct proxy *p)
{
	bool has_login = p->source->proxy_user[0] != '\0';
	if (p->head[0] != SOCKS_VERSION)
		return fault(p, "does not speak SOCKS5");
	if (p->head[1] == METHOD_NONE)
		return go_on(p, PROXY_REQUEST);
	if (p->head[1] == METHOD_LOGIN && has_login)
		return go_on(p, PROXY_LOGIN);
	if (p->head[1] == METHOD_REFUSED && !has_login)
		return fault(p, "wants a user and a password");
	return fault(p, p->head[1] == METHOD_REFUSED ? "takes neither a login nor none"
						     : "chose a login that was not offered");
}

/* Not by its first byte: some proxies answer with SOCKS's version, some with the login's. */
static enum proxy_step take_login(struct proxy *p)
{
	if (p->head[1] != 0)
		return fault(p, "refused the user or the password");
	return go_on(p, PROXY_REQUEST);
}

/* RFC 1928 6. What it says of the way to the mail server is the mail server's; what it says of
 * itself is the source's. One that knows no IPv6 is still good for IPv4. */
static enum proxy_step refused(struct proxy *p)
{
	switch (p->head[1]) {
	case 2:
		return fault(p, "does not allow the connection");
	case 3:
		return fail(p, CAUSE_CONNECT_UNREACHABLE, "found the network unreachable");
	case 4:
		return fail(p, CAUSE_CONNECT_UNREACHABLE, "found the host unreachable");
	case 5:
		return fail(p, CAUSE_CONNECT_REFUSED, "found the connection refused");
	case 6:
		return fail(p, CAUSE_CONNECT_TIMEOUT, "found that the connection timed out");
	case 7:
		return fault(p, "does not know CONNECT");
	case 8:
		if (p->to.sa.sa_family == AF_INET6)
			return fail(p, CAUSE_CONNECT_UNREACHABLE, "knows no IPv6");
		return fault(p, "knows no IPv4");
	default:
		return fault(p, "failed (general SOCKS failure)");
	}
}

/* The size of the whole answer as far as its head tells, 0 when more must come first. */
static size_t request_answer_size(const struct proxy *p)
{
	if (p->answer_size < sizeof p->head)
		return 0;
	switch (p->head[3]) {
	case ADDRESS_IPV4:
		return 4 + 4 + 2;
	case ADDRESS_IPV6:
		return 4 + 16 + 2;
	default:
		return 4 + 1 + (size_t)p->head[4] + 2;
	}
}

static enum proxy_step take_request(struct proxy *p)
{
	uint8_t type = p->head[3];
	if (p->head[0] != SOCKS_VERSION)
		return fault(p, "broke the SOCKS protocol");
	if (p->answer_size >= 2 && p->head[1] != 0)
		return refused(p);
	if (p->answer_size >= 4 && type != ADDRESS_IPV4 && type != ADDRESS_NAME &&
	    type != ADDRESS_IPV6)
		return fault(p, "broke the SOCKS protocol");
	if (p->answer_size != request_answer_size(p))
		return PROXY_MORE;
	set_state(p, PROXY_DONE);
	return PROXY_READY;
}

static enum proxy_step take_byte(struct proxy *p, uint8_t byte)
{
	if (p->output_size > 0 || p->state == PROXY_HEADER)
		return fault(p, "spoke out of turn");
	if (p->answer_size < sizeof p->head)
		p->head[p->answer_size] = byte;
	p->answer_size++;
	switch (p->state) {
	case PROXY_METHODS:
		return p->answer_size == 2 ? take_method(p) : PROXY_MORE;
	case PROXY_LOGIN:
		return p->answer_size == 2 ? take_login(p) : PROXY_MORE;
	case PROXY_REQUEST:
		return take_request(p);
	default:
		UNREACHABLE();
	}
}

size_t proxy_feed(struct proxy *p, str in, enum proxy_step *ret_step)
{
	ASSERT(p->state != PROXY_DONE && p->state != PROXY_FAILED);
	size_t taken = 0;
	enum proxy_step step = PROXY_MORE;
	while (taken < in.size && step == PROXY_MORE)
		step = take_byte(p, (uint8_t)in.data[taken++]);
	*ret_step = step;
	return taken;
}
