/* Connecting, sending, receiving, accepting over real sockets on loopback; stopping at every
 * moment (the debug build runs under ASan, which sees a completion into freed memory). */
#include "tests/unit/io_world.h"

#include "engine/base/chain.h"

#include <fcntl.h>
#include <poll.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

struct counted {
	struct io_op op;
	int done, result;
};

static void on_counted(struct io_op *op, int result)
{
	struct counted *c = CHAIN_OWNER(op, struct counted, op);
	c->done++;
	c->result = result;
}

static int stopped_count;
static void on_stopped(struct io_op *, int)
{
	stopped_count++;
}

static int sent;
static void on_sent(struct io_op *, int result)
{
	sent = result;
}

/* A connected pair: [0] by io_connect, [1] by accept. */
static void connect_pair(int fds[2])
{
	struct net_address at;
	int listener = world_listen(&at);
	struct counted c = {.op.on_done = on_counted};
	io_connect(world_loop, &c.op, &at, NULL);
	assert_int_equal(c.done, 0);
	world_run_until(&c.done, 1);
	assert_true(c.result >= 0);
	fds[0] = c.result;
	fds[1] = accept(listener, NULL, NULL);
	assert_true(fds[1] >= 0);
	close(listener);
}

struct sink {
	struct io_stream stream;
	char *bytes;
	size_t size, capacity;
	int calls, ends, error;
	int stop_at_call, pause_at_call;
	bool free_when_stopped;
};

static void on_sink_bytes(struct io_stream *s, str bytes, int error)
{
	struct sink *sink = CHAIN_OWNER(s, struct sink, stream);
	assert_false(s->paused || s->stopped);
	if (bytes.size == 0) {
		sink->ends++;
		sink->error = error;
		return;
	}
	sink->calls++;
	if (sink->bytes) {
		assert_true(sink->size + bytes.size <= sink->capacity);
		memcpy(sink->bytes + sink->size, bytes.data, bytes.size);
	}
	sink->size += bytes.size;
	if (sink->calls == sink->stop_at_call)
		io_stream_stop(world_loop, s, on_stopped);
	if (sink->calls == sink->pause_at_call)
		io_stream_pause(world_loop, s);
}

static void test_connect_to_nobody_is_refused(void **)
{
	struct net_address at;
	close(world_listen(&at));
	struct counted c = {.op.on_done = on_counted};
	io_connect(world_loop, &c.op, &at, NULL);
	world_run_until(&c.done, 1);
	assert_int_equal(c.result, -ECONNREFUSED);
	assert_false(c.op.busy);
}

static void test_connect_uses_the_source_address(void **)
{
	struct net_address at, from, peer;
	int listener = world_listen(&at);
	assert_true(net_address_parse(STR("127.0.0.77"), 0, &from));
	struct counted c = {.op.on_done = on_counted};
	io_connect(world_loop, &c.op, &at, &from);
	world_run_until(&c.done, 1);
	assert_true(c.result >= 0);
	socklen_t size = sizeof peer;
	int fd = accept(listener, &peer.sa, &size);
	char text[64];
	net_address_format(&peer, text);
	assert_string_equal(text, "127.0.0.77");
	close(fd);
	close(c.result);
	close(listener);
}

static void test_connect_from_a_foreign_address_fails_in_the_callback(void **)
{
	struct net_address at, from;
	int listener = world_listen(&at);
	assert_true(net_address_parse(STR("192.0.2.1"), 0, &from));
	struct counted c = {.op.on_done = on_counted};
	io_connect(world_loop, &c.op, &at, &from);
	assert_int_equal(c.done, 0);
	world_run_until(&c.done, 1);
	assert_int_equal(c.result, -EADDRNOTAVAIL);
	close(listener);
}

/* A network of one's own with loopback and a single port to connect from. */
static bool enter_narrow_network(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return false;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	FILE *ports = fopen("/proc/sys/net/ipv4/ip_local_port_range", "w");
	bool done =
		ioctl(fd, SIOCSIFFLAGS, &lo) == 0 && ports && fputs("50000 50000", ports) >= 0;
	if (ports)
		done &= fclose(ports) == 0;
	close(fd);
	return done;
}

/* In the child: 0 as it should be, 1 not, 2 could not be tried. */
static int connect_twice_from_one_port(void)
{
	struct net_address at, from;
	if (!enter_narrow_network() || world_open(NULL) != 0 ||
	    !net_address_parse(STR("127.0.0.1"), 2525, &at) ||
	    !net_address_parse(STR("127.0.0.1"), 0, &from))
		return 2;
	int listener = io_listen(&at, 16);
	struct counted c[2] = {};
	for (int i = 0; i < 2; i++) {
		c[i].op.on_done = on_counted;
		io_connect(world_loop, &c[i].op, &at, &from);
		world_run_until(&c[i].done, 1);
	}
	return listener < 0 || c[0].result < 0 || c[1].result != -EAGAIN;
}

/* The address is there, so that the source must not be blamed as one whose address is gone. */
static void test_connect_without_a_free_port_is_no_foreign_address(void **)
{
	int status;
	pid_t child = fork();
	if (child == 0)
		_exit(connect_twice_from_one_port());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 2)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_probe_tells_own_addresses_from_foreign_ones(void **)
{
	struct net_address own, six, foreign, taken;
	int listener = world_listen(&taken);
	assert_true(net_address_parse(STR("127.0.0.77"), 0, &own));
	assert_true(net_address_parse(STR("::1"), 0, &six));
	assert_true(net_address_parse(STR("192.0.2.1"), 0, &foreign));
	assert_int_equal(io_probe_bind(&own), 0);
	assert_int_equal(io_probe_bind(&six), 0);
	assert_int_equal(io_probe_bind(&taken), 0); /* its port is not looked at */
	assert_int_equal(io_probe_bind(&foreign), -EADDRNOTAVAIL);
	close(listener);
}

static void test_cancelled_connect_ends(void **)
{
	/* A full backlog: the third connection gets no answer. */
	struct net_address at, bound;
	assert_true(net_address_parse(STR("127.0.0.1"), 0, &at));
	int listener = io_listen(&at, 0);
	socklen_t size = sizeof bound;
	getsockname(listener, &bound.sa, &size);
	struct counted c[4] = {};
	for (int i = 0; i < 4; i++) {
		c[i].op.on_done = on_counted;
		io_connect(world_loop, &c[i].op, &bound, NULL);
	}
	world_run_for(50 * USEC_MS);
	int cancelled = 0;
	for (int i = 0; i < 4; i++) {
		if (c[i].op.busy) {
			io_cancel(world_loop, &c[i].op);
			world_run_until(&c[i].done, 1);
			assert_int_equal(c[i].result, -ECANCELED);
			cancelled++;
		} else {
			close(c[i].result);
		}
	}
	assert_true(cancelled > 0);
	close(listener);
}

static void test_large_send_arrives_whole(void **)
{
	int fds[2];
	connect_pair(fds);
	size_t size = 8u << 20;
	char *data = malloc(size);
	for (size_t i = 0; i < size; i++)
		data[i] = (char)(i * 2654435761u >> 24);
	struct sink sink = {
		.stream.on_bytes = on_sink_bytes, .bytes = malloc(size), .capacity = size};
	io_stream_start(world_loop, &sink.stream, fds[1]);
	struct io_send send = {.op.on_done = on_sent};
	struct iovec spans[3] = {{data, 1}, {data + 1, 5000}, {data + 5001, size - 5001}};
	sent = 0;
	io_send(world_loop, &send, fds[0], spans, 3);
	world_run_until(&sent, (int)size);
	for (usec end = clock_now() + 10 * USEC_SECOND; sink.size < size;) {
		assert_true(clock_now() < end);
		assert_true(io_turn(world_loop, end) >= 0);
	}
	assert_memory_equal(sink.bytes, data, size);
	stopped_count = 0;
	io_stream_stop(world_loop, &sink.stream, on_stopped);
	world_run_until(&stopped_count, 1);
	free(sink.bytes);
	free(data);
	close(fds[0]);
	close(fds[1]);
}

static void test_send_to_a_closed_peer_fails(void **)
{
	int fds[2];
	connect_pair(fds);
	close(fds[1]);
	static char data[65536];
	int failures = 0;
	for (int i = 0; i < 10 && !failures; i++) {
		struct io_send send = {.op.on_done = on_sent};
		struct iovec span = {data, sizeof data};
		io_send(world_loop, &send, fds[0], &span, 1);
		while (send.op.busy)
			assert_true(io_turn(world_loop, USEC_NEVER) >= 0);
		failures += sent == -EPIPE || sent == -ECONNRESET;
	}
	assert_int_equal(failures, 1);
	close(fds[0]);
}

static void send_until_stuck(int fd, struct io_send *send, struct iovec *span)
{
	io_send(world_loop, send, fd, span, 1);
	world_run_for(20 * USEC_MS);
	assert_true(send->op.busy);
}

static void test_stuck_send_ends_by_cancel_and_by_shutdown(void **)
{
	size_t size = 64u << 20;
	char *data = calloc(1, size);
	for (int round = 0; round < 2; round++) {
		int fds[2];
		connect_pair(fds);
		struct io_send send = {.op.on_done = on_stopped};
		struct iovec span = {data, size};
		stopped_count = 0;
		send_until_stuck(fds[0], &send, &span);
		if (round == 0)
			io_cancel(world_loop, &send.op);
		else
			shutdown(fds[0], SHUT_RDWR);
		world_run_until(&stopped_count, 1);
		assert_true(send.op.result < 0);
		close(fds[0]);
		close(fds[1]);
	}
	free(data);
}

static void test_stream_tells_the_end_once(void **)
{
	int fds[2];
	connect_pair(fds);
	struct sink sink = {.stream.on_bytes = on_sink_bytes};
	io_stream_start(world_loop, &sink.stream, fds[1]);
	assert_int_equal(write(fds[0], "hello", 5), 5);
	close(fds[0]);
	world_run_until(&sink.ends, 1);
	assert_int_equal(sink.size, 5);
	assert_int_equal(sink.error, 0);
	assert_false(sink.stream.op.busy);
	world_run_for(5 * USEC_MS);
	assert_int_equal(sink.ends, 1);
	close(fds[1]);
}

static void test_stream_tells_a_reset(void **)
{
	int fds[2];
	connect_pair(fds);
	struct sink sink = {.stream.on_bytes = on_sink_bytes};
	io_stream_start(world_loop, &sink.stream, fds[1]);
	world_run_for(2 * USEC_MS);
	struct linger hard = {.l_onoff = 1, .l_linger = 0};
	setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(fds[0]);
	world_run_until(&sink.ends, 1);
	assert_int_equal(sink.error, -ECONNRESET);
	close(fds[1]);
}

/* Stopped before, during and after bytes and the end; the struct is freed when it is said that
 * it may be. */
static void on_stopped_free(struct io_op *op, int)
{
	stopped_count++;
	free(CHAIN_OWNER(op, struct sink, stream.op));
}

static void test_stream_stopped_at_any_moment(void **)
{
	for (int moment = 0; moment < 24; moment++) {
		int fds[2];
		connect_pair(fds);
		struct sink *sink = calloc(1, sizeof *sink);
		sink->stream.on_bytes = on_sink_bytes;
		io_stream_start(world_loop, &sink->stream, fds[1]);
		if (moment & 1)
			assert_true(io_turn(world_loop, 0) >= 0);
		if (moment & 2)
			assert_int_equal(write(fds[0], "0123456789", 10), 10);
		if (moment & 4)
			assert_true(io_turn(world_loop, 0) >= 0);
		if (moment & 8)
			shutdown(fds[0], SHUT_WR);
		if (moment & 16)
			assert_true(io_turn(world_loop, 0) >= 0);
		stopped_count = 0;
		int calls = sink->calls, ends = sink->ends;
		io_stream_stop(world_loop, &sink->stream, on_stopped_free);
		assert_int_equal(stopped_count, 0);
		assert_int_equal(calls, sink->calls);
		assert_int_equal(ends, sink->ends);
		io_close(world_loop, fds[1]);
		world_run_until(&stopped_count, 1);
		close(fds[0]);
		world_run_for(USEC_MS);
		assert_int_equal(stopped_count, 1);
	}
}

static void test_stream_stopped_in_its_callback(void **)
{
	int fds[2];
	connect_pair(fds);
	static char data[100000];
	struct sink *sink = calloc(1, sizeof *sink);
	sink->stream.on_bytes = on_sink_bytes;
	sink->stop_at_call = 2;
	stopped_count = 0;
	io_stream_start(world_loop, &sink->stream, fds[1]);
	assert_int_equal(write(fds[0], data, sizeof data), sizeof data);
	world_run_until(&stopped_count, 1);
	assert_int_equal(sink->calls, 2);
	free(sink);
	close(fds[0]);
	close(fds[1]);
}

static void test_paused_stream_is_silent_and_loses_nothing(void **)
{
	int fds[2];
	connect_pair(fds);
	size_t size = 200000;
	char *data = malloc(size);
	for (size_t i = 0; i < size; i++)
		data[i] = (char)(i * 40503u >> 8);
	struct sink sink = {.stream.on_bytes = on_sink_bytes,
			    .bytes = malloc(size),
			    .capacity = size,
			    .pause_at_call = 1};
	io_stream_start(world_loop, &sink.stream, fds[1]);
	struct io_send send = {.op.on_done = on_stopped};
	struct iovec span = {data, size};
	stopped_count = 0;
	io_send(world_loop, &send, fds[0], &span, 1);
	for (int round = 0; round < 40 && sink.ends == 0; round++) {
		world_run_for(2 * USEC_MS);
		assert_true(sink.stream.paused || sink.size == size);
		int calls = sink.calls;
		world_run_for(USEC_MS);
		assert_int_equal(calls, sink.calls);
		sink.pause_at_call = sink.calls + 1 + round % 3;
		io_stream_resume(world_loop, &sink.stream);
		if (sink.size == size && stopped_count == 1)
			shutdown(fds[0], SHUT_WR);
		if (round == 5) { /* a pause that is taken back at once, and the reverse */
			io_stream_pause(world_loop, &sink.stream);
			io_stream_resume(world_loop, &sink.stream);
			io_stream_pause(world_loop, &sink.stream);
		}
		if (round > 20)
			sink.pause_at_call = 0;
	}
	world_run_until(&stopped_count, 1);
	shutdown(fds[0], SHUT_WR);
	io_stream_resume(world_loop, &sink.stream);
	world_run_until(&sink.ends, 1);
	assert_int_equal(sink.size, size);
	assert_memory_equal(sink.bytes, data, size);
	free(sink.bytes);
	free(data);
	close(fds[0]);
	close(fds[1]);
}

static void test_paused_stream_with_held_bytes_can_be_stopped(void **)
{
	for (int resumed = 0; resumed < 2; resumed++) {
		int fds[2];
		connect_pair(fds);
		static char data[60000];
		struct sink *sink = calloc(1, sizeof *sink);
		sink->stream.on_bytes = on_sink_bytes;
		sink->pause_at_call = 1;
		io_stream_start(world_loop, &sink->stream, fds[1]);
		assert_int_equal(write(fds[0], data, sizeof data), sizeof data);
		world_run_until(&sink->calls, 1);
		if (resumed)
			io_stream_resume(world_loop, &sink->stream);
		stopped_count = 0;
		io_stream_stop(world_loop, &sink->stream, on_stopped_free);
		world_run_until(&stopped_count, 1);
		close(fds[0]);
		close(fds[1]);
	}
}

/* More streams than receive buffers: some find none and are armed again. */
static void test_streams_share_few_buffers(void **)
{
	struct io_loop *few;
	char why[256];
	struct io_options options = {.entries = 16, .buffer_count = 2, .mask_new = true};
	assert_int_equal(io_loop_create(&few, &options, why, sizeof why), 0);
	struct io_loop *usual = world_loop;
	world_loop = few;
	enum { PAIRS = 40 };
	static char data[50000];
	static struct sink sinks[PAIRS];
	int fds[PAIRS][2];
	for (int i = 0; i < PAIRS; i++) {
		connect_pair(fds[i]);
		sinks[i] = (struct sink){.stream.on_bytes = on_sink_bytes};
		io_stream_start(few, &sinks[i].stream, fds[i][1]);
	}
	for (int i = 0; i < PAIRS; i++) {
		assert_int_equal(write(fds[i][0], data, sizeof data), sizeof data);
		close(fds[i][0]);
	}
	for (int i = 0; i < PAIRS; i++) {
		world_run_until(&sinks[i].ends, 1);
		assert_int_equal(sinks[i].size, sizeof data);
		close(fds[i][1]);
	}
	io_loop_destroy(few);
	world_loop = usual;
}

enum { HELD = 60, HELD_FILES = 48 };

/* Of a pair both ends stand in the loop's table; bytes go from one to the other. */
static void hold_pair(int fds[2])
{
	connect_pair(fds);
	fds[1] = io_hold(world_loop, fds[1]);
	struct sink sink = {.stream.on_bytes = on_sink_bytes, .bytes = malloc(9), .capacity = 9};
	io_stream_start(world_loop, &sink.stream, fds[1]);
	struct io_send send = {.op.on_done = on_sent};
	const struct iovec spans[2] = {{"four", 4}, {"five.", 5}};
	sent = 0;
	io_send(world_loop, &send, fds[0], spans, 2);
	world_run_until(&sent, 9);
	for (usec end = clock_now() + 10 * USEC_SECOND; sink.size < 9;) {
		assert_true(clock_now() < end);
		assert_true(io_turn(world_loop, end) >= 0);
	}
	assert_memory_equal(sink.bytes, "fourfive.", 9);
	stopped_count = 0;
	io_stream_stop(world_loop, &sink.stream, on_stopped);
	world_run_until(&stopped_count, 1);
	free(sink.bytes);
}

/* More connections than the process may open files; and their places are used again. */
static void test_held_sockets_are_no_open_files(void **)
{
	struct io_loop *usual = world_loop;
	const struct io_options options = {.direct_count = 2 * HELD};
	char why[256];
	static int fds[HELD][2];
	struct rlimit before;
	getrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(io_loop_create(&world_loop, &options, why, sizeof why), 0);
	struct rlimit low = {HELD_FILES, before.rlim_max};
	setrlimit(RLIMIT_NOFILE, &low);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < HELD; i++)
			hold_pair(fds[i]);
		for (int i = 0; i < HELD; i++) {
			io_close(world_loop, fds[i][0]);
			io_close(world_loop, fds[i][1]);
		}
		world_run_for(20 * USEC_MS);
	}
	setrlimit(RLIMIT_NOFILE, &before);
	io_loop_destroy(world_loop);
	world_loop = usual;
}

/* One more than there are places is a descriptor of the process, as it was. */
static void test_held_sockets_beyond_the_table_are_open_files(void **)
{
	struct io_loop *usual = world_loop;
	const struct io_options options = {.direct_count = 1};
	char why[256];
	int fds[2];
	assert_int_equal(io_loop_create(&world_loop, &options, why, sizeof why), 0);
	connect_pair(fds);
	assert_int_equal(io_hold(world_loop, fds[1]), fds[1]);
	assert_true(fcntl(fds[0], F_GETFD) < 0);
	assert_true(fcntl(fds[1], F_GETFD) >= 0);
	io_close(world_loop, fds[0]);
	io_close(world_loop, fds[1]);
	world_run_for(20 * USEC_MS);
	io_loop_destroy(world_loop);
	world_loop = usual;
}

struct door {
	struct io_accept accept;
	int fds[64];
	int count, failures;
};

static void on_door(struct io_accept *a, int fd)
{
	struct door *d = CHAIN_OWNER(a, struct door, accept);
	if (fd >= 0)
		d->fds[d->count++] = fd;
	else
		d->failures++;
}

static void test_accept_goes_on_until_stopped(void **)
{
	struct net_address at;
	int listener = world_listen(&at);
	struct door door = {.accept.on_accept = on_door};
	io_accept_start(world_loop, &door.accept, listener);
	struct counted c[20] = {};
	for (int i = 0; i < 20; i++) {
		c[i].op.on_done = on_counted;
		io_connect(world_loop, &c[i].op, &at, NULL);
	}
	world_run_until(&door.count, 20);
	stopped_count = 0;
	io_accept_stop(world_loop, &door.accept, on_stopped);
	io_close(world_loop, listener);
	world_run_until(&stopped_count, 1);
	for (int i = 0; i < 20; i++) {
		world_run_until(&c[i].done, 1);
		close(c[i].result);
		close(door.fds[i]);
	}
}

static void test_accept_survives_lack_of_descriptors(void **)
{
	struct net_address at;
	int listener = world_listen(&at);
	struct door door = {.accept.on_accept = on_door};
	int client = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(client, &at.sa, net_address_size(&at)), 0);
	struct rlimit before, none;
	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = (rlim_t)client + 1;
	setrlimit(RLIMIT_NOFILE, &none);
	int taken[1024], taken_count = 0;
	for (int fd; taken_count < 1024 && (fd = dup(client)) >= 0;)
		taken[taken_count++] = fd;
	io_accept_start(world_loop, &door.accept, listener);
	world_run_until(&door.failures, 1);
	int failures = door.failures;
	world_run_for(250 * USEC_MS);
	assert_true(door.failures - failures <= 4);
	setrlimit(RLIMIT_NOFILE, &before);
	while (taken_count > 0)
		close(taken[--taken_count]);
	world_run_until(&door.count, 1);
	stopped_count = 0;
	io_accept_stop(world_loop, &door.accept, on_stopped);
	world_run_until(&stopped_count, 1);
	close(door.fds[0]);
	close(client);
	close(listener);
}

struct watch {
	struct io_poll poll;
	int ready, limit;
};

static void on_watch(struct io_poll *p, int events)
{
	struct watch *w = CHAIN_OWNER(p, struct watch, poll);
	assert_true(events & POLLIN);
	if (++w->ready == w->limit)
		io_poll_stop(world_loop, p, on_stopped);
}

static void test_poll_is_level_triggered(void **)
{
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	struct watch w = {.poll.on_ready = on_watch, .limit = 5};
	io_poll_start(world_loop, &w.poll, pipes[0], POLLIN);
	world_run_for(2 * USEC_MS);
	assert_int_equal(w.ready, 0);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	stopped_count = 0;
	world_run_until(&stopped_count, 1);
	assert_int_equal(w.ready, 5); /* nobody read the byte */
	close(pipes[0]);
	close(pipes[1]);
}

static void test_poll_stopped_while_waiting(void **)
{
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	for (int submitted = 0; submitted < 2; submitted++) {
		struct watch *w = calloc(1, sizeof *w);
		w->poll.on_ready = on_watch;
		io_poll_start(world_loop, &w->poll, pipes[0], POLLIN);
		if (submitted)
			assert_true(io_turn(world_loop, 0) >= 0);
		stopped_count = 0;
		io_poll_stop(world_loop, &w->poll, on_stopped);
		world_run_until(&stopped_count, 1);
		free(w);
	}
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connect_to_nobody_is_refused),
		cmocka_unit_test(test_connect_uses_the_source_address),
		cmocka_unit_test(test_connect_from_a_foreign_address_fails_in_the_callback),
		cmocka_unit_test(test_connect_without_a_free_port_is_no_foreign_address),
		cmocka_unit_test(test_probe_tells_own_addresses_from_foreign_ones),
		cmocka_unit_test(test_cancelled_connect_ends),
		cmocka_unit_test(test_large_send_arrives_whole),
		cmocka_unit_test(test_send_to_a_closed_peer_fails),
		cmocka_unit_test(test_stuck_send_ends_by_cancel_and_by_shutdown),
		cmocka_unit_test(test_stream_tells_the_end_once),
		cmocka_unit_test(test_stream_tells_a_reset),
		cmocka_unit_test(test_stream_stopped_at_any_moment),
		cmocka_unit_test(test_stream_stopped_in_its_callback),
		cmocka_unit_test(test_paused_stream_is_silent_and_loses_nothing),
		cmocka_unit_test(test_paused_stream_with_held_bytes_can_be_stopped),
		cmocka_unit_test(test_streams_share_few_buffers),
		cmocka_unit_test(test_held_sockets_are_no_open_files),
		cmocka_unit_test(test_held_sockets_beyond_the_table_are_open_files),
		cmocka_unit_test(test_accept_goes_on_until_stopped),
		cmocka_unit_test(test_accept_survives_lack_of_descriptors),
		cmocka_unit_test(test_poll_is_level_triggered),
		cmocka_unit_test(test_poll_stopped_while_waiting),
	};
	int failed = cmocka_run_group_tests(tests, world_open, world_close);
	/* Once more with what Linux 6.1 has. */
	setenv("RUNDBRIEF_IO_MASK_NEW", "1", 1);
	return failed + cmocka_run_group_tests(tests, world_open, world_close);
}
