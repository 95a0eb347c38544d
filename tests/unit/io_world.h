/* io_world.h - what the tests of engine/io and engine/net share: a loop, a listener on
 * loopback, and turning until something has happened or too much time has passed. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/io/clock.h"
#include "engine/io/io.h"

static struct io_loop *world_loop;

static inline int world_open(void **)
{
	char why[256] = "";
	int result = io_loop_create(&world_loop, NULL, why, sizeof why);
	if (result)
		print_error("%s\n", why);
	return result;
}

static inline int world_close(void **)
{
	io_loop_destroy(world_loop);
	world_loop = NULL;
	return 0;
}

/* Turns until *count reaches wanted; fails the test after ten seconds. */
static inline void world_run_until(const int *count, int wanted)
{
	usec end = clock_now() + 10 * USEC_SECOND;
	while (*count < wanted) {
		assert_true(clock_now() < end);
		assert_true(io_turn(world_loop, clock_now() + 100 * USEC_MS) >= 0);
	}
}

/* Turns for a while, whatever happens. */
static inline void world_run_for(usec time)
{
	usec end = clock_now() + time;
	while (clock_now() < end)
		assert_true(io_turn(world_loop, end) >= 0);
}

/* A listening socket on a port of the kernel's choice. */
static inline int world_listen(struct net_address *ret_address)
{
	struct net_address at;
	assert_true(net_address_parse(STR("127.0.0.1"), 0, &at));
	int fd = io_listen(&at, 128);
	assert_true(fd >= 0);
	socklen_t size = sizeof *ret_address;
	assert_int_equal(getsockname(fd, &ret_address->sa, &size), 0);
	return fd;
}
