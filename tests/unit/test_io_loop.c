/* The loop itself: time, sleeping, bells, files, and what it says where io_uring is missing. */
#include "tests/unit/io_world.h"

#include "engine/io/doorbell.h"
#include "engine/io/heap.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

static int done_count, done_result;
static void on_done(struct io_op *, int result)
{
	done_count++;
	done_result = result;
}

static void test_turn_sleeps_until_its_time(void **)
{
	usec start = clock_now();
	assert_int_equal(io_turn(world_loop, start + 20 * USEC_MS), 0);
	usec end = clock_now();
	assert_true(end - start >= 20 * USEC_MS && end - start < 2 * USEC_SECOND);
	assert_true(io_now(world_loop) >= start + 20 * USEC_MS && io_now(world_loop) <= end);
	assert_true(io_wall_now(world_loop) > 1600000000 * USEC_SECOND);
}

static void test_turn_with_a_past_time_does_not_wait(void **)
{
	usec start = clock_now();
	for (int i = 0; i < 100; i++)
		assert_int_equal(io_turn(world_loop, i), 0);
	assert_true(clock_now() - start < USEC_SECOND);
}

static struct io_bell *bell;
static _Atomic int pushed, ring_rounds;

static void *ring_later(void *)
{
	usleep(20000);
	io_bell_ring(bell);
	return NULL;
}

static void test_bell_wakes_a_sleeping_loop(void **)
{
	for (int i = 0; i < 3; i++) {
		pthread_t thread;
		assert_int_equal(io_bell_create(world_loop, &bell), 0);
		pthread_create(&thread, NULL, ring_later, NULL);
		usec start = clock_now();
		assert_true(io_turn(world_loop, start + 10 * USEC_SECOND) >= 0);
		assert_true(clock_now() - start < 5 * USEC_SECOND);
		pthread_join(thread, NULL);
		io_bell_destroy(bell);
	}
}

static void test_bell_rung_while_awake_is_not_lost(void **)
{
	assert_int_equal(io_bell_create(world_loop, &bell), 0);
	io_bell_ring(bell);
	usec start = clock_now();
	assert_true(io_turn(world_loop, start + 10 * USEC_SECOND) >= 0);
	assert_true(clock_now() - start < 5 * USEC_SECOND);
	io_bell_destroy(bell);
}

static void *push_many(void *)
{
	for (int i = 0; i < ring_rounds; i++) {
		atomic_fetch_add(&pushed, 1);
		io_bell_ring(bell);
		if (i % 64 == 0)
			usleep(50);
	}
	return NULL;
}

/* What was pushed before a ring is seen after the turn it ended; no wake-up is ever lost, or
 * the ten seconds would pass. */
static void test_bell_loses_no_push_under_load(void **)
{
	pthread_t thread;
	ring_rounds = 20000;
	pushed = 0;
	assert_int_equal(io_bell_create(world_loop, &bell), 0);
	pthread_create(&thread, NULL, push_many, NULL);
	usec start = clock_now();
	while (atomic_load(&pushed) < ring_rounds) {
		usec before = clock_now();
		assert_true(io_turn(world_loop, before + 10 * USEC_SECOND) >= 0);
		assert_true(clock_now() - before < 9 * USEC_SECOND);
	}
	assert_true(clock_now() - start < 60 * USEC_SECOND);
	pthread_join(thread, NULL);
	io_bell_destroy(bell);
}

static void *own_a_loop(void *context)
{
	world_loop = context;
	done_count = 0;
	struct io_op op = {.on_done = on_done};
	int fd = open("/dev/null", O_WRONLY);
	io_write(world_loop, &op, fd, "x", 1, 0);
	world_run_until(&done_count, 1);
	close(fd);
	return NULL;
}

static void test_loop_made_by_one_thread_runs_on_another(void **)
{
	struct io_loop *usual = world_loop, *other;
	char why[256];
	assert_int_equal(io_loop_create(&other, NULL, why, sizeof why), 0);
	pthread_t thread;
	pthread_create(&thread, NULL, own_a_loop, other);
	pthread_join(thread, NULL);
	io_loop_destroy(other);
	world_loop = usual;
}

static struct doorbell door;
static _Atomic bool door_open;

static void *open_door(void *)
{
	usleep(20000);
	atomic_store(&door_open, true);
	doorbell_ring(&door);
	return NULL;
}

static void test_doorbell_wakes_and_times_out(void **)
{
	doorbell_init(&door);
	usec start = clock_now();
	doorbell_wait(&door, doorbell_look(&door), 10 * USEC_MS);
	assert_true(clock_now() - start >= 9 * USEC_MS);
	pthread_t thread;
	pthread_create(&thread, NULL, open_door, NULL);
	start = clock_now();
	while (true) {
		uint32_t looked = doorbell_look(&door);
		if (atomic_load(&door_open))
			break;
		doorbell_wait(&door, looked, USEC_NEVER);
	}
	assert_true(clock_now() - start < 5 * USEC_SECOND);
	pthread_join(thread, NULL);
	uint32_t looked = doorbell_look(&door);
	doorbell_ring(&door);
	doorbell_wait(&door, looked, 100 * USEC_SECOND); /* rung since the look: no sleep */
}

static void test_write_puts_all_bytes_in_their_place(void **)
{
	char path[] = "/tmp/test_io_XXXXXX", back[10000], data[10000];
	int fd = mkstemp(path);
	unlink(path);
	memset(data, 'd', sizeof data);
	struct io_op write_op = {.on_done = on_done}, sync_op = {.on_done = on_done};
	done_count = 0;
	io_write(world_loop, &write_op, fd, data, sizeof data, 500);
	world_run_until(&done_count, 1);
	assert_int_equal(done_result, sizeof data);
	io_fdatasync(world_loop, &sync_op, fd);
	world_run_until(&done_count, 2);
	assert_int_equal(done_result, 0);
	assert_int_equal(pread(fd, back, sizeof back, 500), sizeof back);
	assert_memory_equal(back, data, sizeof data);
	io_write(world_loop, &write_op, fd, data, 0, 0);
	world_run_until(&done_count, 3);
	assert_int_equal(done_result, 0);
	close(fd);
}

static void test_write_to_a_full_disk_says_so(void **)
{
	int fd = open("/dev/full", O_WRONLY);
	struct io_op op = {.on_done = on_done};
	done_count = 0;
	io_write(world_loop, &op, fd, "abc", 3, 0);
	world_run_until(&done_count, 1);
	assert_int_equal(done_result, -ENOSPC);
	close(fd);
}

/* The limit of a file's size cuts the first write short; the rest then fails. */
static void test_short_write_is_continued(void **)
{
	char path[] = "/tmp/test_io_XXXXXX", data[8192] = "";
	int fd = mkstemp(path);
	unlink(path);
	struct rlimit before, small;
	getrlimit(RLIMIT_FSIZE, &before);
	small = before;
	small.rlim_cur = 5000;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	struct io_op op = {.on_done = on_done};
	done_count = 0;
	io_write(world_loop, &op, fd, data, sizeof data, 0);
	world_run_until(&done_count, 1);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(done_result, -EFBIG);
	assert_int_equal(lseek(fd, 0, SEEK_END), 5000);
	close(fd);
}

static void test_more_operations_than_entries(void **)
{
	struct io_loop *usual = world_loop;
	char why[256];
	struct io_options options = {.entries = 8};
	assert_int_equal(io_loop_create(&world_loop, &options, why, sizeof why), 0);
	static struct io_op ops[1000];
	int fd = open("/dev/null", O_WRONLY);
	done_count = 0;
	for (int i = 0; i < 1000; i++) {
		ops[i] = (struct io_op){.on_done = on_done};
		io_write(world_loop, &ops[i], fd, "x", 1, 0);
	}
	world_run_until(&done_count, 1000);
	io_loop_destroy(world_loop);
	world_loop = usual;
	close(fd);
}

/* A filter like a container's: io_uring_setup gets that error. */
static void deny_io_uring(unsigned error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof code / sizeof code[0], code};
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void test_missing_io_uring_is_explained(void **)
{
	static const unsigned errors[] = {EPERM, ENOSYS};
	for (int i = 0; i < 2; i++) {
		pid_t child = fork();
		if (child == 0) {
			struct io_loop *loop;
			char why[256] = "";
			deny_io_uring(errors[i]);
			int result = io_loop_create(&loop, NULL, why, sizeof why);
			_exit(result == -(int)errors[i] && strstr(why, "seccomp") ? 0 : 1);
		}
		int status;
		waitpid(child, &status, 0);
		assert_int_equal(status, 0);
	}
}

static void test_masked_loop_works(void **)
{
	setenv("RUNDBRIEF_IO_MASK_NEW", "1", 1);
	test_more_operations_than_entries(NULL);
	unsetenv("RUNDBRIEF_IO_MASK_NEW");
}

static void test_heap_feeds_arenas(void **)
{
	struct arena arena;
	arena_init(&arena, heap_source(), 0, 0);
	for (int i = 0; i < 1000; i++)
		assert_non_null(arena_alloc(&arena, 1000));
	arena_done(&arena);
}

static void check_address(const char *text, bool valid, bool loopback)
{
	struct net_address a;
	char out[46];
	assert_int_equal(net_address_parse(str_of(text), 25, &a), valid);
	if (!valid)
		return;
	net_address_format(&a, out);
	assert_string_equal(out, text);
	assert_int_equal(net_address_is_loopback(&a), loopback);
}

static void test_addresses_of_private_networks_are_not_public(void **)
{
	static const struct {
		const char *text;
		bool is_public;
	} cases[] = {
		{"192.0.2.1", true},        {"9.255.255.255", true},
		{"11.0.0.1", true},         {"172.15.0.1", true},
		{"172.32.0.1", true},       {"100.63.0.1", true},
		{"100.128.0.1", true},      {"2001:db8::1", true},
		{"3fff::1", true},          {"0.0.0.0", false},
		{"127.0.0.1", false},       {"10.1.2.3", false},
		{"172.16.0.1", false},      {"172.31.255.1", false},
		{"192.168.0.1", false},     {"169.254.169.254", false},
		{"100.64.0.1", false},      {"224.0.0.1", false},
		{"255.255.255.255", false}, {"::1", false},
		{"fd00::1", false},         {"fe80::1", false},
		{"::ffff:10.0.0.1", false}, {"ff02::1", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net_address a;
		assert_true(net_address_parse(str_of(cases[i].text), 443, &a));
		if (net_address_is_public(&a) != cases[i].is_public)
			fail_msg("%s", cases[i].text);
	}
}

static void test_addresses_as_text(void **)
{
	check_address("127.0.0.1", true, true);
	check_address("127.200.3.4", true, true);
	check_address("0.0.0.0", true, true);
	check_address("192.0.2.1", true, false);
	check_address("::1", true, true);
	check_address("::", true, true);
	check_address("::ffff:127.0.0.1", true, true);
	check_address("::ffff:192.0.2.1", true, false);
	check_address("2001:db8::1", true, false);
	check_address("", false, false);
	check_address("mx.example", false, false);
	check_address("1.2.3", false, false);
	check_address("1.2.3.4.5", false, false);
	check_address("1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb", false, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turn_sleeps_until_its_time),
		cmocka_unit_test(test_turn_with_a_past_time_does_not_wait),
		cmocka_unit_test(test_bell_wakes_a_sleeping_loop),
		cmocka_unit_test(test_bell_rung_while_awake_is_not_lost),
		cmocka_unit_test(test_bell_loses_no_push_under_load),
		cmocka_unit_test(test_loop_made_by_one_thread_runs_on_another),
		cmocka_unit_test(test_doorbell_wakes_and_times_out),
		cmocka_unit_test(test_write_puts_all_bytes_in_their_place),
		cmocka_unit_test(test_write_to_a_full_disk_says_so),
		cmocka_unit_test(test_short_write_is_continued),
		cmocka_unit_test(test_more_operations_than_entries),
		cmocka_unit_test(test_missing_io_uring_is_explained),
		cmocka_unit_test(test_masked_loop_works),
		cmocka_unit_test(test_heap_feeds_arenas),
		cmocka_unit_test(test_addresses_as_text),
		cmocka_unit_test(test_addresses_of_private_networks_are_not_public),
	};
	return cmocka_run_group_tests(tests, world_open, world_close);
}
