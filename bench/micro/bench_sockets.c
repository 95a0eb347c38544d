/* bench_sockets.c - the least that a message takes over so many connections: CPU time of a sender
 * that knows no recipients, renders nothing, signs nothing and keeps nothing. It writes the same
 * message again and again (BDAT, RFC 3030), so many at once, each with all three commands and the text,
 * and waits for the three replies to each; its ring, its direct descriptors and the buffers that the kernel puts
 * replies into are those of the engine. What is left is nearly all the kernel's TCP, so that what an
 * engine takes can be held against it.
 *
 * One line: microseconds of CPU a message, of it in the kernel, and messages a second. */
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_LIMIT 100000
#define ADDRESSES_LIMIT 256
#define TEXT_LIMIT (1 << 20)
#define OPENING_LIMIT 200	 /* at once: listeners have queues */
#define WARM_UP 2.0		 /* seconds after the last connection is open */
#define PATIENCE 60.0		 /* seconds until all are open */
#define TURN_NSEC 2000000	 /* as long an engine that is busy waits for more to do */
#define ENDS 64			 /* as many wake it sooner */
#define REPLIES 3		 /* to MAIL, RCPT and the last chunk */
#define TOGETHER_LIMIT 16	 /* messages of a flight */
#define COMMANDS_SIZE 128	 /* of a message */
#define BUFFERS 4096		 /* for replies, of all connections; a power of two */
#define BUFFER_SIZE 256
#define BUFFER_GROUP 0

enum what { CONNECTED, HEARD, SENT, MADE };
#define WHAT_BITS 2

struct connection {
	enum { GREETED, ASKED, READY } state;
	uint32_t replies; /* to what is under way */
	char *commands; /* COMMANDS_SIZE for each message of a flight */
	struct msghdr message;
};

struct sender {
	struct io_uring ring;
	struct io_uring_buf_ring *buffers;
	char *memory; /* theirs */
	struct connection *connections;
	struct iovec *pieces; /* of all connections: two a message */
	uint32_t count, opened, ready, together;
	struct sockaddr_in to[ADDRESSES_LIMIT];
	size_t to_count;
	char *text, *commands; /* those of all connections */
	size_t size;
	uint64_t answered;
};

_Noreturn static void fail(const char *what, int error)
{
	fprintf(stderr, "bench_sockets: %s: %s\n", what, strerror(error));
	exit(1);
}

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double wall_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct io_uring_sqe *next_entry(struct sender *s)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(&s->ring);
	if (!entry && io_uring_submit(&s->ring) >= 0)
		entry = io_uring_get_sqe(&s->ring);
	if (!entry)
		fail("the ring is full", EBUSY);
	return entry;
}

/* After io_uring_prep_*, which clears what is set before. */
static void label(struct io_uring_sqe *entry, unsigned flags, enum what what, uint32_t index)
{
	io_uring_sqe_set_flags(entry, flags);
	io_uring_sqe_set_data64(entry, (uint64_t)index << WHAT_BITS | what);
}

/* Once for all that comes, unless the kernel says that it has ended. */
static void listen_for(struct sender *s, uint32_t index)
{
	struct io_uring_sqe *entry = next_entry(s);
	io_uring_prep_recv_multishot(entry, (int)index, NULL, 0, 0);
	label(entry, IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT, HEARD, index);
	entry->buf_group = BUFFER_GROUP;
}

static char *buffer_at(const struct sender *s, unsigned buffer)
{
	return s->memory + (size_t)buffer * BUFFER_SIZE;
}

static void give_buffer(struct sender *s, unsigned buffer)
{
	io_uring_buf_ring_add(s->buffers, buffer_at(s, buffer), BUFFER_SIZE,
			      (unsigned short)buffer, io_uring_buf_ring_mask(BUFFERS), 0);
	io_uring_buf_ring_advance(s->buffers, 1);
}

static void open_next(struct sender *s)
{
	uint32_t index = s->opened++;
	struct sockaddr_in *to = &s->to[index % s->to_count];
	struct io_uring_sqe *entry = next_entry(s);
	io_uring_prep_socket_direct(entry, AF_INET, SOCK_STREAM, 0, index, 0);
	label(entry, IOSQE_IO_LINK, MADE, index);
	entry = next_entry(s);
	io_uring_prep_connect(entry, (int)index, (struct sockaddr *)to, sizeof(*to));
	label(entry, IOSQE_FIXED_FILE, CONNECTED, index);
}

static void greet(struct sender *s, uint32_t index)
{
	static const char hello[] = "EHLO bench.test\r\n";
	struct io_uring_sqe *entry = next_entry(s);
	io_uring_prep_send(entry, (int)index, hello, sizeof(hello) - 1, MSG_NOSIGNAL);
	label(entry, IOSQE_FIXED_FILE, SENT, index);
}

static void send_flight(struct sender *s, uint32_t index)
{
	struct connection *c = &s->connections[index];
	for (uint32_t i = 0; i < s->together; i++) {
		char *commands = c->commands + (size_t)i * COMMANDS_SIZE;
		int size = snprintf(commands, COMMANDS_SIZE,
				    "MAIL FROM:<bench@bench.test>\r\n"
				    "RCPT TO:<%u.%llu@bench.test>\r\nBDAT %zu LAST\r\n",
				    index, (unsigned long long)s->answered + i, s->size);
		c->message.msg_iov[2 * i] = (struct iovec){commands, (size_t)size};
		c->message.msg_iov[2 * i + 1] = (struct iovec){s->text, s->size};
	}
	c->replies = 0;
	struct io_uring_sqe *entry = next_entry(s);
	io_uring_prep_sendmsg(entry, (int)index, &c->message, MSG_NOSIGNAL | MSG_WAITALL);
	label(entry, IOSQE_FIXED_FILE, SENT, index);
}

/* The sink says its greeting and what it offers in one piece each, and never refuses. */
static void hear(struct sender *s, uint32_t index, const char *reply, size_t size)
{
	struct connection *c = &s->connections[index];
	if (c->state == GREETED) {
		c->state = ASKED;
		greet(s, index);
	} else if (c->state == ASKED) {
		c->state = READY;
		s->ready++;
		send_flight(s, index);
	} else {
		for (size_t i = 0; i < size; i++)
			c->replies += reply[i] == '\n';
		if (c->replies == REPLIES * s->together) {
			s->answered += s->together;
			send_flight(s, index);
		}
	}
}

/* Without buffers the kernel stops listening; the next turn has given some back. */
static void end_hearing(struct sender *s, uint32_t index, const struct io_uring_cqe *ended)
{
	if (ended->res == 0)
		fail("recv", ECONNRESET);
	if (ended->res > 0) {
		unsigned buffer = ended->flags >> IORING_CQE_BUFFER_SHIFT;
		hear(s, index, buffer_at(s, buffer), (size_t)ended->res);
		give_buffer(s, buffer);
	}
	if ((ended->flags & IORING_CQE_F_MORE) == 0)
		listen_for(s, index);
}

static void end(struct sender *s, const struct io_uring_cqe *ended)
{
	uint32_t index = (uint32_t)(ended->user_data >> WHAT_BITS);
	enum what what = (enum what)(ended->user_data & ((1 << WHAT_BITS) - 1));
	if (ended->res < 0 && !(what == HEARD && ended->res == -ENOBUFS))
		fail(what == CONNECTED ? "connect" : what == HEARD ? "recv" : "send", -ended->res);
	if (what == CONNECTED)
		listen_for(s, index);
	if (what == HEARD)
		end_hearing(s, index, ended);
}

static void turn(struct sender *s)
{
	while (s->opened < s->count && s->opened - s->ready < OPENING_LIMIT)
		open_next(s);
	struct __kernel_timespec most = {.tv_nsec = TURN_NSEC};
	struct io_uring_cqe *ended;
	unsigned ends = s->count < ENDS ? s->count : ENDS;
	int code = io_uring_submit_and_wait_timeout(&s->ring, &ended, ends, &most, NULL);
	if (code < 0 && code != -ETIME && code != -EINTR)
		fail("io_uring", -code);
	unsigned head, seen = 0;
	io_uring_for_each_cqe(&s->ring, head, ended) {
		end(s, ended);
		seen++;
	}
	io_uring_cq_advance(&s->ring, seen);
}

static void turn_until(struct sender *s, double end)
{
	while (wall_seconds() < end)
		turn(s);
}

static void measure(struct sender *s, double seconds)
{
	struct rusage before, after;
	double patience = wall_seconds() + PATIENCE;
	while (s->ready < s->count && wall_seconds() < patience)
		turn(s);
	if (s->ready < s->count)
		fail("not all connections could be opened", ETIMEDOUT);
	turn_until(s, wall_seconds() + WARM_UP);
	uint64_t answered = s->answered;
	double began = wall_seconds();
	getrusage(RUSAGE_SELF, &before);
	turn_until(s, began + seconds);
	getrusage(RUSAGE_SELF, &after);
	double count = (double)(s->answered - answered);
	if (count == 0)
		fail("nothing was answered", ETIMEDOUT);
	double system = seconds_of(after.ru_stime) - seconds_of(before.ru_stime);
	double user = seconds_of(after.ru_utime) - seconds_of(before.ru_utime);
	printf("%.2f %.2f %.0f\n", (user + system) / count * 1e6, system / count * 1e6,
	       count / (wall_seconds() - began));
}

static void make_buffers(struct sender *s)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	s->buffers = aligned_alloc(page, BUFFERS * sizeof(struct io_uring_buf));
	s->memory = malloc((size_t)BUFFERS * BUFFER_SIZE);
	if (!s->buffers || !s->memory)
		fail("no memory", ENOMEM);
	struct io_uring_buf_reg reg = {
		.ring_addr = (uint64_t)(uintptr_t)s->buffers,
		.ring_entries = BUFFERS,
		.bgid = BUFFER_GROUP,
	};
	int code = io_uring_register_buf_ring(&s->ring, &reg, 0);
	if (code < 0)
		fail("io_uring", -code);
	io_uring_buf_ring_init(s->buffers);
	for (unsigned i = 0; i < BUFFERS; i++)
		give_buffer(s, i);
}

static void prepare(struct sender *s)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_CQSIZE,
		.cq_entries = 65536,
	};
	int code = io_uring_queue_init_params(4096, &s->ring, &params);
	if (code == 0)
		code = io_uring_register_files_sparse(&s->ring, s->count);
	if (code < 0)
		fail("io_uring", -code);
	make_buffers(s);
	s->connections = calloc(s->count, sizeof(*s->connections));
	size_t messages = (size_t)s->count * s->together;
	s->commands = malloc(messages * COMMANDS_SIZE);
	s->pieces = calloc(2 * messages, sizeof(*s->pieces));
	s->text = malloc(s->size);
	if (!s->connections || !s->commands || !s->pieces || !s->text)
		fail("no memory", ENOMEM);
	for (uint32_t i = 0; i < s->count; i++) {
		size_t first = (size_t)i * s->together;
		s->connections[i].commands = s->commands + first * COMMANDS_SIZE;
		s->connections[i].message = (struct msghdr){
			.msg_iov = s->pieces + 2 * first, .msg_iovlen = 2 * (size_t)s->together};
	}
	for (size_t i = 0; i < s->size; i++)
		s->text[i] = i % 78 == 76 ? '\r' : i % 78 == 77 ? '\n' : 'x';
}

static bool read_address(struct sender *s, const char *text, unsigned port)
{
	struct sockaddr_in *to = &s->to[s->to_count++];
	*to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	return inet_pton(AF_INET, text, &to->sin_addr) == 1;
}

int main(int argc, char **argv)
{
	struct sender s = {};
	double seconds = argc > 2 ? strtod(argv[2], NULL) : 0;
	s.count = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	s.size = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
	s.together = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 0;
	unsigned long port = argc > 5 ? strtoul(argv[5], NULL, 10) : 0;
	bool good = argc > 6 && argc - 6 <= ADDRESSES_LIMIT && s.count > 0 &&
		    s.together > 0 && s.together <= TOGETHER_LIMIT &&
		    s.count <= CONNECTIONS_LIMIT && s.size > 0 && s.size <= TEXT_LIMIT &&
		    seconds > 0 && seconds <= PATIENCE && port > 0 && port <= UINT16_MAX;
	for (int i = 6; good && i < argc; i++)
		good = read_address(&s, argv[i], (unsigned)port);
	if (!good) {
		fprintf(stderr, "usage: bench_sockets CONNECTIONS SECONDS BYTES TOGETHER PORT "
				"ADDRESS...\n");
		return 2;
	}
	prepare(&s);
	measure(&s, seconds);
	free(s.connections);
	free(s.text);
	free(s.commands);
	free(s.pieces);
	io_uring_queue_exit(&s.ring);
	free(s.buffers);
	free(s.memory);
	return 0;
}
