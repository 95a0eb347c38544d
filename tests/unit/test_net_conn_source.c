/* Connections of a source: from its address, or by its proxy; and whose fault it is when there
 * is none. The proxy here is a listener whose words the tests choose; test_net_proxy_live.c has
 * real ones. */
#include "tests/unit/conn_end.h"

#include <poll.h>

#define METHODS "\5\1\0"
#define REQUEST "\5\1\0\1\306\63\144\31\0\31" /* CONNECT 198.51.100.25 port 25 */
#define GRANTED "\5\0\0\1\0\0\0\0\0\0"
#define GREETING "220 hi\r\n"

static struct net_address server_address; /* nobody's: only the proxy is ever asked for it */
static struct net_address proxy_address;
static int proxy_listener;
static struct source socks;

static struct end *new_end(void)
{
	struct end *e = calloc(1, sizeof *e);
	conn_init(&e->conn, world_loop, &end_events);
	return e;
}

static struct end *open_end(const struct net_address *to, const struct source *from)
{
	struct end *e = new_end();
	conn_open(&e->conn, to, from, e->why);
	assert_int_equal(e->opened + e->lost, 0);
	return e;
}

static bool is_called(int listener)
{
	struct pollfd ready = {.fd = listener, .events = POLLIN};
	return poll(&ready, 1, 0) > 0;
}

/* The proxy's end of the connection that the client is opening; it says first before the client
 * has done anything but connect. */
static struct end *accept_saying(str first)
{
	struct end *e = new_end();
	usec end = clock_now() + 10 * USEC_SECOND;
	while (!is_called(proxy_listener)) {
		assert_true(clock_now() < end);
		assert_true(io_turn(world_loop, clock_now() + USEC_MS) >= 0);
	}
	int fd = accept(proxy_listener, NULL, NULL);
	assert_true(fd >= 0);
	if (first.size > 0)
		assert_int_equal(send(fd, first.data, first.size, 0), first.size);
	conn_adopt(&e->conn, fd);
	return e;
}

static struct end *accept_end(void)
{
	return accept_saying((str){});
}

/* The proxy has heard exactly this, and forgets it. */
static void expect_heard(struct end *proxy, str bytes)
{
	await_bytes(proxy, bytes.size);
	assert_memory_equal(proxy->in, bytes.data, bytes.size);
	proxy->in_size = 0;
}

static void say(struct end *proxy, str bytes)
{
	if (bytes.size > 0)
		put(proxy, bytes.data, bytes.size);
}

/* In two pieces that arrive apart; the client has had time for the first. */
static void say_torn(struct end *proxy, str bytes, size_t split)
{
	say(proxy, str_sub(bytes, 0, split));
	if (split > 0 && split < bytes.size)
		world_run_for(USEC_MS);
	say(proxy, str_from(bytes, split));
}

static void await_lost(struct end *e, enum local_cause cause, const char *why)
{
	world_run_until(&e->lost, 1);
	assert_int_equal(e->opened, 0);
	assert_int_equal(e->cause, cause);
	assert_string_equal(e->conn.why, why);
}

static const char *at_proxy(const char *name, const char *phrase)
{
	static char why[200];
	snprintf(why, sizeof why, "source \"%s\": the proxy at 127.0.0.1 port %u %s", name,
		 ntohs(proxy_address.in4.sin_port), phrase);
	return why;
}

static struct source source_from(const char *address)
{
	struct source s = {.name = "out1"};
	struct net_address a;
	assert_true(net_address_parse(str_of(address), 0, &a));
	s.has_ipv6 = a.sa.sa_family == AF_INET6;
	s.has_ipv4 = !s.has_ipv6;
	s.ipv4 = s.ipv6 = a;
	return s;
}

static void test_conn_leaves_from_the_sources_address(void **)
{
	struct net_address at, peer;
	int listener = world_listen(&at);
	struct source from = source_from("127.0.0.77");
	struct end *e = open_end(&at, &from);
	world_run_until(&e->opened, 1);
	socklen_t size = sizeof peer;
	char text[64];
	int fd = accept(listener, &peer.sa, &size);
	net_address_format(&peer, text);
	assert_string_equal(text, "127.0.0.77");
	assert_string_equal(e->conn.why, "");
	close(fd);
	close(listener);
	close_end(e);
}

static void test_conn_from_a_foreign_address_is_the_sources_trouble(void **)
{
	struct net_address at;
	int listener = world_listen(&at);
	struct source from = source_from("192.0.2.1");
	struct end *e = open_end(&at, &from);
	await_lost(e, CAUSE_SOURCE_UNAVAILABLE,
		   "source \"out1\": 192.0.2.1 is not an address of this machine");
	close_end(e);
	close(listener);
}

/* Not from whatever address the kernel would choose; and the source is not to blame. */
static void test_conn_to_a_family_without_an_address_is_not_tried(void **)
{
	struct net_address at;
	int listener = world_listen(&at);
	struct source from = source_from("::1");
	struct end *e = open_end(&at, &from);
	await_lost(e, CAUSE_CONNECT_UNREACHABLE,
		   "source \"out1\" has no IPv4 address to reach 127.0.0.1 from");
	close_end(e);
	from.via = SOURCE_SOCKS5;
	from.proxy = proxy_address;
	e = open_end(&at, &from);
	close_end(e);
	assert_false(is_called(listener) || is_called(proxy_listener));
	close(listener);
}

static void test_conn_refused_says_so(void **)
{
	struct net_address at;
	char why[100];
	close(world_listen(&at));
	struct end *e = open_end(&at, NULL);
	snprintf(why, sizeof why, "127.0.0.1 port %u refused the connection",
		 ntohs(at.in4.sin_port));
	await_lost(e, CAUSE_CONNECT_REFUSED, why);
	close_end(e);
}

static void test_conn_errors_have_a_cause_and_a_sentence(void **)
{
	static const struct {
		int error;
		enum local_cause direct, bound, by_proxy;
		const char *why; /* of the direct one */
	} rows[] = {
		{ECONNREFUSED, CAUSE_CONNECT_REFUSED, CAUSE_CONNECT_REFUSED,
		 CAUSE_SOURCE_UNAVAILABLE, "refused the connection"},
		{ECONNRESET, CAUSE_CONNECT_REFUSED, CAUSE_CONNECT_REFUSED,
		 CAUSE_SOURCE_UNAVAILABLE, "refused the connection"},
		{ETIMEDOUT, CAUSE_CONNECT_TIMEOUT, CAUSE_CONNECT_TIMEOUT,
		 CAUSE_SOURCE_UNAVAILABLE, "does not answer"},
		{ENETUNREACH, CAUSE_CONNECT_UNREACHABLE, CAUSE_CONNECT_UNREACHABLE,
		 CAUSE_SOURCE_UNAVAILABLE, "cannot be reached: Network is unreachable"},
		{EAGAIN, CAUSE_CONNECT_UNREACHABLE, CAUSE_CONNECT_UNREACHABLE,
		 CAUSE_SOURCE_UNAVAILABLE,
		 "cannot be reached: no local address or port is free for it"},
		{EADDRNOTAVAIL, CAUSE_CONNECT_UNREACHABLE, CAUSE_SOURCE_UNAVAILABLE,
		 CAUSE_SOURCE_UNAVAILABLE, "cannot be reached: "},
		/* what this machine is short of is nobody's fault */
		{EMFILE, CAUSE_CONNECT_UNREACHABLE, CAUSE_CONNECT_UNREACHABLE,
		 CAUSE_CONNECT_UNREACHABLE, "cannot be reached: Too many open files"},
		{ENOMEM, CAUSE_CONNECT_UNREACHABLE, CAUSE_CONNECT_UNREACHABLE,
		 CAUSE_CONNECT_UNREACHABLE, "cannot be reached: Cannot allocate memory"},
	};
	struct source bound = source_from("192.0.2.1");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char why[CONN_WHY_SIZE];
		assert_int_equal(conn_why_errno(why, &server_address, &bound, -rows[i].error),
				 rows[i].bound);
		assert_int_equal(conn_why_errno(why, &server_address, &socks, -rows[i].error),
				 rows[i].by_proxy);
		assert_int_equal(conn_why_errno(why, &server_address, NULL, -rows[i].error),
				 rows[i].direct);
		assert_ptr_equal(strstr(why, "198.51.100.25 port 25 "), why);
		assert_non_null(strstr(why, rows[i].why));
	}
}

static void test_conn_without_its_proxy_is_the_sources_trouble(void **)
{
	for (enum source_via via = SOURCE_PROXY_V2; via <= SOURCE_SOCKS5; via++) {
		struct source from = {.name = "gone", .via = via};
		char why[100];
		close(world_listen(&from.proxy));
		struct end *e = open_end(&server_address, &from);
		snprintf(why, sizeof why,
			 "source \"gone\": the proxy at 127.0.0.1 port %u refused the "
			 "connection",
			 ntohs(from.proxy.in4.sin_port));
		await_lost(e, CAUSE_SOURCE_UNAVAILABLE, why);
		close_end(e);
	}
}

static void check_torn(size_t method_split, size_t answer_split)
{
	struct end *e = open_end(&server_address, &socks), *proxy = accept_end();
	expect_heard(proxy, STR(METHODS));
	say_torn(proxy, STR("\5\0"), method_split);
	expect_heard(proxy, STR(REQUEST));
	assert_int_equal(e->opened, 0);
	say_torn(proxy, STR(GRANTED GREETING), answer_split);
	await_bytes(e, strlen(GREETING));
	assert_int_equal(e->opened, 1);
	assert_memory_equal(e->in, GREETING, strlen(GREETING));
	put(e, "EHLO", 4);
	expect_heard(proxy, STR("EHLO"));
	assert_string_equal(e->conn.why, "");
	close_end(proxy);
	world_run_until(&e->lost, 1);
	assert_int_equal(e->cause, CAUSE_NONE);
	close_end(e);
}

static void test_conn_by_socks_with_answers_torn_everywhere(void **)
{
	for (size_t split = 0; split < 2; split++)
		check_torn(split, 0);
	for (size_t split = 1; split < strlen(GREETING) + 10; split++)
		check_torn(0, split);
}

static void test_conn_by_socks_with_a_login(void **)
{
	struct source from = socks;
	strcpy(from.proxy_user, "ann");
	strcpy(from.proxy_password, "secret");
	for (int refused = 0; refused < 2; refused++) {
		struct end *e = open_end(&server_address, &from), *proxy = accept_end();
		expect_heard(proxy, STR("\5\2\0\2"));
		say(proxy, STR("\5\2"));
		expect_heard(proxy, STR("\1\3ann\6secret"));
		say(proxy, refused ? STR("\1\1") : STR("\1\0"));
		if (refused) {
			await_lost(e, CAUSE_SOURCE_UNAVAILABLE,
				   at_proxy("out2", "refused the user or the password"));
		} else {
			expect_heard(proxy, STR(REQUEST));
			say(proxy, STR(GRANTED));
			world_run_until(&e->opened, 1);
		}
		close_end(e);
		close_end(proxy);
	}
}

static void test_conn_by_socks_tells_what_the_proxy_says_of_the_server(void **)
{
	struct end *e = open_end(&server_address, &socks), *proxy = accept_end();
	expect_heard(proxy, STR(METHODS));
	say(proxy, STR("\5\0"));
	expect_heard(proxy, STR(REQUEST));
	say(proxy, STR("\5\5\0\1\0\0\0\0\0\0"));
	await_lost(e, CAUSE_CONNECT_REFUSED,
		   "198.51.100.25 port 25: the proxy of source \"out2\" found the connection "
		   "refused");
	world_run_for(USEC_MS);
	assert_int_equal(e->lost, 1);
	assert_int_equal(e->bytes_calls, 0);
	close_end(e);
	close_end(proxy);
}

/* Before it was asked anything, after the first answer, with the request under way, or in the
 * middle of its answer. */
static void test_conn_by_a_proxy_that_hangs_up_is_the_sources_trouble(void **)
{
	for (int stage = 0; stage < 4; stage++) {
		struct end *e = open_end(&server_address, &socks), *proxy = accept_end();
		expect_heard(proxy, STR(METHODS));
		if (stage > 0)
			say(proxy, STR("\5\0"));
		if (stage > 1)
			expect_heard(proxy, STR(REQUEST));
		if (stage > 2)
			say(proxy, STR("\5\0\0\1\0"));
		close_end(proxy);
		await_lost(e, CAUSE_SOURCE_UNAVAILABLE,
			   at_proxy("out2", "ended the connection"));
		close_end(e);
	}
}

static void test_conn_by_a_proxy_that_talks_without_end_is_bad(void **)
{
	static char much[100000];
	struct end *e = open_end(&server_address, &socks), *proxy = accept_end();
	put(proxy, much, sizeof much);
	await_lost(e, CAUSE_SOURCE_UNAVAILABLE, at_proxy("out2", "does not speak SOCKS5"));
	world_run_for(USEC_MS);
	assert_int_equal(e->bytes_calls, 0);
	close_end(e);
	close_end(proxy);
}

static void test_conn_that_waits_too_long_knows_for_whom(void **)
{
	struct end *e = open_end(&server_address, &socks);
	assert_int_equal(conn_timed_out(&e->conn), CAUSE_SOURCE_UNAVAILABLE);
	assert_string_equal(e->conn.why, at_proxy("out2", "does not answer"));
	struct end *proxy = accept_end();
	expect_heard(proxy, STR(METHODS));
	assert_int_equal(conn_timed_out(&e->conn), CAUSE_SOURCE_UNAVAILABLE);
	say(proxy, STR("\5\0"));
	expect_heard(proxy, STR(REQUEST));
	assert_int_equal(conn_timed_out(&e->conn), CAUSE_CONNECT_TIMEOUT);
	assert_string_equal(e->conn.why, "198.51.100.25 port 25 does not answer");
	close_end(e);
	close_end(proxy);
	e = open_end(&proxy_address, NULL);
	assert_int_equal(conn_timed_out(&e->conn), CAUSE_CONNECT_TIMEOUT);
	close_end(e);
	close_end(accept_end());
}

static void test_conn_by_a_proxy_can_be_closed_at_any_moment(void **)
{
	for (int turns = 0; turns < 12; turns++) {
		struct end *e = open_end(&server_address, &socks);
		struct end *proxy = NULL;
		for (int i = 0; i < turns; i++) {
			assert_true(io_turn(world_loop, clock_now() + USEC_MS) >= 0);
			if (!proxy && i > 0)
				proxy = accept_end();
			if (proxy && i == 4)
				say(proxy, STR("\5\0"));
			if (proxy && i == 8)
				say(proxy, STR("\5\0\0\1\0"));
		}
		close_end(e);
		close_end(proxy ? proxy : accept_end());
	}
}

static void test_conn_closed_in_on_open_hears_nothing_more(void **)
{
	struct end *e = open_end(&server_address, &socks), *proxy = accept_end();
	e->close_on_open = true;
	expect_heard(proxy, STR(METHODS));
	say(proxy, STR("\5\0"));
	expect_heard(proxy, STR(REQUEST));
	say(proxy, STR(GRANTED GREETING));
	world_run_until(&e->closed, 1);
	assert_int_equal(e->opened, 1);
	assert_int_equal(e->bytes_calls, 0);
	free(e);
	close_end(proxy);
}

static void test_conn_by_a_relay_begins_with_the_header(void **)
{
	struct source from = socks;
	from.via = SOURCE_PROXY_V2;
	struct end *e = open_end(&server_address, &from), *proxy = accept_end();
	expect_heard(proxy, STR("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\14"
				"\0\0\0\0\306\63\144\31\0\0\0\31"));
	world_run_until(&e->opened, 1);
	say(proxy, STR(GREETING));
	await_bytes(e, strlen(GREETING));
	put(e, "EHLO", 4);
	expect_heard(proxy, STR("EHLO"));
	close_end(proxy);
	world_run_until(&e->lost, 1);
	assert_int_equal(e->cause, CAUSE_NONE);
	close_end(e);
}

/* The greeting is on its way before the header: it waits for on_open. */
static void test_conn_by_a_relay_that_speaks_at_once(void **)
{
	struct source from = socks;
	from.via = SOURCE_PROXY_V2;
	struct end *e = open_end(&server_address, &from);
	struct end *proxy = accept_saying(STR(GREETING));
	await_bytes(e, strlen(GREETING));
	assert_int_equal(e->opened, 1);
	assert_memory_equal(e->in, GREETING, strlen(GREETING));
	close_end(e);
	close_end(proxy);
}

static int open_all(void **state)
{
	if (world_open(state))
		return -1;
	proxy_listener = world_listen(&proxy_address);
	socks = (struct source){.name = "out2", .via = SOURCE_SOCKS5, .proxy = proxy_address};
	return net_address_parse(STR("198.51.100.25"), 25, &server_address) ? 0 : -1;
}

static int close_all(void **state)
{
	close(proxy_listener);
	return world_close(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conn_leaves_from_the_sources_address),
		cmocka_unit_test(test_conn_from_a_foreign_address_is_the_sources_trouble),
		cmocka_unit_test(test_conn_to_a_family_without_an_address_is_not_tried),
		cmocka_unit_test(test_conn_refused_says_so),
		cmocka_unit_test(test_conn_errors_have_a_cause_and_a_sentence),
		cmocka_unit_test(test_conn_without_its_proxy_is_the_sources_trouble),
		cmocka_unit_test(test_conn_by_socks_with_answers_torn_everywhere),
		cmocka_unit_test(test_conn_by_socks_with_a_login),
		cmocka_unit_test(test_conn_by_socks_tells_what_the_proxy_says_of_the_server),
		cmocka_unit_test(test_conn_by_a_proxy_that_hangs_up_is_the_sources_trouble),
		cmocka_unit_test(test_conn_by_a_proxy_that_talks_without_end_is_bad),
		cmocka_unit_test(test_conn_that_waits_too_long_knows_for_whom),
		cmocka_unit_test(test_conn_by_a_proxy_can_be_closed_at_any_moment),
		cmocka_unit_test(test_conn_closed_in_on_open_hears_nothing_more),
		cmocka_unit_test(test_conn_by_a_relay_begins_with_the_header),
		cmocka_unit_test(test_conn_by_a_relay_that_speaks_at_once),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
