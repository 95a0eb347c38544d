/* dns_channel.c - see dns_channel.h. Each socket of c-ares is polled by the loop; one timer
 * descriptor ticks while questions are under way, because c-ares keeps its time-outs only when
 * it is called. */
#include "engine/net/dns_channel.h"

#include <ares.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "engine/base/assert.h"

#define TIMEOUT_DEFAULT (5 * USEC_SECOND)
#define TRIES_DEFAULT 3
#define TICK (50 * USEC_MS) /* how exactly c-ares' time-outs are kept */
#define UDP_SIZE 1232       /* EDNS, unfragmented on any path (DNS flag day 2020) */
#define PACKED_LIMIT 16384  /* bytes of a packed answer */

/* A descriptor under poll; it outlives the channel until the loop has let go of it. */
struct watch {
	struct io_poll poll;
	struct chain_link link;
	struct dns_channel *channel; /* NULL: being stopped */
};

struct query {
	struct dns_channel *channel;
	void *context;
	enum dns_type type;
};

static void on_watch_stopped(struct io_op *op, int)
{
	free(CHAIN_OWNER(op, struct watch, poll.op));
}

static void watch_stop(struct dns_channel *c, struct watch *w)
{
	chain_remove(&c->watches, &w->link);
	w->channel = NULL;
	io_poll_stop(c->loop, &w->poll, on_watch_stopped);
}

static bool watch_start(struct dns_channel *c, int fd, int events,
			void (*on_ready)(struct io_poll *, int))
{
	struct watch *w = calloc(1, sizeof *w);
	if (!w)
		return false; /* the time-out of c-ares will end its questions */
	w->channel = c;
	w->poll.on_ready = on_ready;
	chain_link_init(&w->link);
	chain_push_back(&c->watches, &w->link);
	io_poll_start(c->loop, &w->poll, fd, events);
	return true;
}

static struct watch *watch_find(struct dns_channel *c, int fd)
{
	for (struct chain_link *l = chain_first(&c->watches); l;
	     l = chain_next(&c->watches, l)) {
		struct watch *w = CHAIN_OWNER(l, struct watch, link);
		if (w->poll.fd == fd)
			return w;
	}
	return NULL;
}

static void on_socket_ready(struct io_poll *poll, int events)
{
	struct dns_channel *c = CHAIN_OWNER(poll, struct watch, poll)->channel;
	bool broken = events < 0 || events & (POLLERR | POLLHUP);
	bool readable = broken || events & POLLIN, writable = broken || events & POLLOUT;
	int fd = poll->fd;
	ares_process_fd(c->ares, readable ? fd : ARES_SOCKET_BAD,
			writable ? fd : ARES_SOCKET_BAD);
}

static void on_socket_state(void *context, ares_socket_t fd, int readable, int writable)
{
	struct dns_channel *c = context;
	int events = (readable ? POLLIN : 0) | (writable ? POLLOUT : 0);
	struct watch *w = watch_find(c, fd);
	if (w && w->poll.events == events)
		return;
	if (w)
		watch_stop(c, w);
	if (events)
		watch_start(c, fd, events, on_socket_ready);
}

static void set_timer(struct dns_channel *c, usec interval)
{
	struct timespec t = {.tv_nsec = (long)interval * 1000};
	timerfd_settime(c->timer_fd, 0, &(struct itimerspec){t, t}, NULL);
	c->ticking = interval > 0;
}

static void on_tick(struct io_poll *poll, int)
{
	struct dns_channel *c = CHAIN_OWNER(poll, struct watch, poll)->channel;
	uint64_t count;
	if (read(c->timer_fd, &count, sizeof count) < 0)
		return;
	ares_process_fd(c->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	if (c->under_way_count == 0)
		set_timer(c, 0);
}

static uint16_t random_id(struct dns_channel *c)
{
	if (c->id_count == 0) {
		if (getrandom(c->ids, sizeof c->ids, 0) != sizeof c->ids)
			ASSERT(!"the kernel has no randomness");
		c->id_count = sizeof c->ids / sizeof c->ids[0];
	}
	return c->ids[--c->id_count];
}

static const char *rcode_sentence(uint8_t rcode)
{
	switch (rcode) {
	case 1:
		return "FORMERR from";
	case 2:
		return "SERVFAIL from";
	case 4:
		return "NOTIMP from";
	case 5:
		return "REFUSED by";
	default:
		return "an unknown error from";
	}
}

static const char *ares_sentence(int status)
{
	switch (status) {
	case ARES_ETIMEOUT:
		return "time-out asking";
	case ARES_ECONNREFUSED:
		return "no usable answer from";
	case ARES_ESERVFAIL:
		return "SERVFAIL from";
	case ARES_EREFUSED:
		return "REFUSED by";
	case ARES_ENOTIMP:
		return "NOTIMP from";
	case ARES_ENOMEM:
		return "out of memory asking";
	default:
		return "a broken answer from";
	}
}

static size_t record_limit(enum dns_type type)
{
	if (type == DNS_MX)
		return DNS_MX_LIMIT;
	if (type == DNS_TLSA)
		return DNS_TLSA_LIMIT;
	return type == DNS_TXT || type == DNS_PTR ? DNS_TEXTS_LIMIT : DNS_ADDRESS_LIMIT / 2;
}

static void on_ares_reply(void *context, int status, int, unsigned char *bytes, int size)
{
	struct query q = *(struct query *)context;
	free(context);
	if (status == ARES_EDESTRUCTION)
		return;
	char memory[PACKED_LIMIT];
	struct buf packed;
	struct dns_reply reply = {.status = DNS_TEMPORARY};
	const char *what = ares_sentence(status);
	str message = {(const char *)bytes, bytes && size > 0 ? (size_t)size : 0};
	buf_init_fixed(&packed, memory, sizeof memory);
	if (message.size > 0) {
		if (dns_message_read(message, q.type, record_limit(q.type), &packed, &reply))
			what = rcode_sentence(reply.rcode);
		else
			what = "a broken answer from";
	}
	q.channel->under_way_count--;
	q.channel->on_reply(q.context, q.type, &reply, buf_str(&packed), what);
}

/* Recursion desired; AD set to ask for it in the answer (RFC 6840 5.7). */
bool dns_channel_ask(struct dns_channel *c, const char *name, enum dns_type type, void *context)
{
	unsigned char *bytes = NULL;
	int size = 0;
	struct query *q = malloc(sizeof *q);
	if (!q || ares_create_query(name, 1, (int)type, random_id(c), 1, &bytes, &size,
				    UDP_SIZE) != ARES_SUCCESS) {
		free(q);
		return false;
	}
	bytes[3] |= 0x20;
	*q = (struct query){c, context, type};
	c->under_way_count++;
	if (!c->ticking)
		set_timer(c, TICK);
	ares_send(c->ares, bytes, size, on_ares_reply, q);
	ares_free_string(bytes);
	return true;
}

static int set_server(struct dns_channel *c, const struct resolver_config *config)
{
	char csv[80];
	struct net_address a;
	unsigned port = config->port ? config->port : 53;
	if (config->server.size == 0) {
		snprintf(c->server, sizeof c->server, "the system's DNS servers");
		return 0;
	}
	if (!net_address_parse(config->server, 0, &a))
		return -EINVAL;
	snprintf(csv, sizeof csv, a.sa.sa_family == AF_INET6 ? "[%.*s]:%u" : "%.*s:%u",
		 STR_FORMAT(config->server), port);
	snprintf(c->server, sizeof c->server, "%.*s port %u", STR_FORMAT(config->server), port);
	return ares_set_servers_ports_csv(c->ares, csv) == ARES_SUCCESS ? 0 : -EINVAL;
}

static int open_ares(struct dns_channel *c, const struct resolver_config *config)
{
	usec timeout = config->timeout ? config->timeout : TIMEOUT_DEFAULT;
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS,
		.timeout = (int)(timeout / USEC_MS),
		.tries = config->tries ? (int)config->tries : TRIES_DEFAULT,
		.ednspsz = UDP_SIZE,
		.udp_port = config->port,
		.tcp_port = config->port,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = c,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
		   ARES_OPT_SOCK_STATE_CB;
	/* A server that says SERVFAIL or REFUSED: c-ares goes to the next one, and at the end calls
	 * it a refused connection. With one server there is no next one, and we can tell the truth. */
	if (config->server.size > 0)
		options.flags |= ARES_FLAG_NOCHECKRESP;
	if (config->port)
		mask |= ARES_OPT_UDP_PORT | ARES_OPT_TCP_PORT;
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return -ENOMEM;
	if (ares_init_options(&c->ares, &options, mask) != ARES_SUCCESS) {
		ares_library_cleanup();
		return -ENOMEM;
	}
	return set_server(c, config);
}

int dns_channel_open(struct dns_channel *c, struct io_loop *loop,
		     const struct resolver_config *config, dns_on_reply *on_reply)
{
	*c = (struct dns_channel){.loop = loop, .on_reply = on_reply};
	chain_init(&c->watches);
	c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (c->timer_fd < 0)
		return -errno;
	int result = open_ares(c, config);
	if (result < 0)
		return result;
	return watch_start(c, c->timer_fd, POLLIN, on_tick) ? 0 : -ENOMEM;
}

void dns_channel_close(struct dns_channel *c)
{
	if (c->ares) {
		ares_destroy(c->ares); /* ends every query with ARES_EDESTRUCTION */
		ares_library_cleanup();
	}
	c->ares = NULL;
	while (!chain_empty(&c->watches))
		watch_stop(c, CHAIN_OWNER(chain_first(&c->watches), struct watch, link));
	if (c->timer_fd >= 0)
		io_close(c->loop, c->timer_fd);
	c->timer_fd = -1;
}
