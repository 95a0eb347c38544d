/* Many streams, sends and polls that start, pause, resume, stop and close in an order drawn
 * from a seed, on a loop with few entries and few buffers. Whatever the order: bytes arrive in
 * sequence, nothing is told after a stop, every stop is told once, and (ASan) nothing freed is
 * touched. IO_STORM_SEED=n build/debug/tests/unit/test_io_storm runs one seed again. */
#include "tests/unit/io_world.h"

#include "engine/base/chain.h"
#include "engine/base/prng.h"

#include <fcntl.h>

#define PAIR_COUNT 24
#define STEP_COUNT 1500
#define CHUNK_SIZE 20000

struct pair {
	struct io_stream stream;
	struct io_send send;
	struct iovec span;
	char chunk[CHUNK_SIZE];
	int fds[2]; /* sender, receiver */
	uint8_t next_out, next_in;
	bool stopping, sending, shut, ended;
};

static struct prng prng;
static struct pair *pairs[PAIR_COUNT];
static int stopped_count, asked_count;
static size_t received_size;

static unsigned draw(unsigned bound)
{
	return (unsigned)prng_below(&prng, bound);
}

static void free_when_done(struct pair *p)
{
	if (p->sending || p->stream.op.busy)
		return;
	close(p->fds[0]);
	free(p);
}

static void on_stopped(struct io_op *op, int)
{
	struct io_stream *s = CHAIN_OWNER(op, struct io_stream, op);
	stopped_count++;
	free_when_done(CHAIN_OWNER(s, struct pair, stream));
}

/* The receiving end closes in the same breath; the sender's end when its send has ended. */
static void stop(size_t i)
{
	struct pair *p = pairs[i];
	pairs[i] = NULL;
	p->stopping = true;
	asked_count++;
	io_stream_stop(world_loop, &p->stream, on_stopped);
	io_close(world_loop, p->fds[1]);
	if (draw(2))
		io_cancel(world_loop, &p->send.op);
	else
		shutdown(p->fds[0], SHUT_RDWR);
}

static void on_bytes(struct io_stream *s, str bytes, int error)
{
	struct pair *p = CHAIN_OWNER(s, struct pair, stream);
	assert_false(p->stopping || p->ended || s->paused);
	p->ended = bytes.size == 0;
	assert_int_equal(error, 0);
	for (size_t i = 0; i < bytes.size; i++)
		if ((uint8_t)bytes.data[i] != p->next_in++)
			fail_msg("a byte out of order");
	received_size += bytes.size;
	if (draw(4) == 0)
		io_stream_pause(world_loop, s);
	if (draw(40) == 0) {
		size_t i = 0;
		while (pairs[i] != p)
			i++;
		stop(i);
	}
}

static void on_sent(struct io_op *op, int result)
{
	struct io_send *send = CHAIN_OWNER(op, struct io_send, op);
	struct pair *p = CHAIN_OWNER(send, struct pair, send);
	p->sending = false;
	if (p->stopping)
		free_when_done(p);
	else
		assert_true(result > 0);
}

static void start(size_t i)
{
	struct pair *p = calloc(1, sizeof *p);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->fds), 0);
	pairs[i] = p;
	p->stream.on_bytes = on_bytes;
	io_stream_start(world_loop, &p->stream, p->fds[1]);
}

static void send_some(struct pair *p)
{
	if (p->sending || p->shut)
		return;
	size_t size = 1 + draw(CHUNK_SIZE - 1);
	for (size_t i = 0; i < size; i++)
		p->chunk[i] = (char)p->next_out++;
	p->span = (struct iovec){p->chunk, size};
	p->sending = true;
	p->send.op.on_done = on_sent;
	io_send(world_loop, &p->send, p->fds[0], &p->span, 1);
}

static void step(void)
{
	size_t i = draw(PAIR_COUNT);
	struct pair *p = pairs[i];
	unsigned what = draw(20);
	if (!p)
		start(i);
	else if (what < 10)
		send_some(p);
	else if (what < 12)
		io_stream_pause(world_loop, &p->stream);
	else if (what < 17)
		io_stream_resume(world_loop, &p->stream);
	else if (what == 17 && !p->sending)
		p->shut = shutdown(p->fds[0], SHUT_WR) == 0;
	else if (what == 18)
		stop(i);
	if (draw(3) == 0)
		assert_true(io_turn(world_loop, draw(2) ? 0 : clock_now() + USEC_MS / 4) >= 0);
}

static void run_seed(uint64_t seed, bool mask_new)
{
	struct io_options options = {.entries = 8, .buffer_count = 4, .mask_new = mask_new};
	char why[256];
	print_message("IO_STORM_SEED=%llu\n", (unsigned long long)seed);
	assert_int_equal(io_loop_create(&world_loop, &options, why, sizeof why), 0);
	prng_init(&prng, seed);
	stopped_count = asked_count = 0;
	received_size = 0;
	for (int i = 0; i < STEP_COUNT; i++)
		step();
	for (size_t i = 0; i < PAIR_COUNT; i++)
		if (pairs[i])
			stop(i);
	world_run_until(&stopped_count, asked_count);
	world_run_for(2 * USEC_MS);
	assert_int_equal(stopped_count, asked_count);
	assert_true(received_size > 100000);
	io_loop_destroy(world_loop);
}

static void test_storm_of_streams(void **)
{
	const char *text = getenv("IO_STORM_SEED");
	uint64_t first = text ? strtoull(text, NULL, 10) : 1, count = text ? 1 : 20;
	for (uint64_t seed = first; seed < first + count; seed++)
		run_seed(seed, seed % 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_storm_of_streams)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
