/* Connections through real proxies, Debian's microsocks and HAProxy on loopback, to a listener
 * that greets as a mail server does. Without the packages these tests are reported as skipped.
 */
#include "tests/unit/conn_end.h"

#include <poll.h>

#define DIRECTORY "build/debug/test_net_proxy_live"
#define GREETING "220 hi\r\n"

enum which { SOCKS, SOCKS_LOGIN, HAPROXY, PROXY_COUNT };
static const char *const directories[PROXY_COUNT] = {
	DIRECTORY "/socks", DIRECTORY "/socks-login", DIRECTORY "/haproxy"};
static struct source sources[PROXY_COUNT];
static bool there[PROXY_COUNT];

#define NEEDS(which)                                                                           \
	do {                                                                                   \
		if (!there[which])                                                             \
			skip();                                                                \
	} while (0)

static int listen_at(const char *text, struct net_address *ret_address)
{
	struct net_address at;
	assert_true(net_address_parse(str_of(text), 0, &at));
	int fd = io_listen(&at, 16);
	assert_true(fd >= 0);
	socklen_t size = sizeof *ret_address;
	assert_int_equal(getsockname(fd, &ret_address->sa, &size), 0);
	return fd;
}

static struct end *new_end(void)
{
	struct end *e = calloc(1, sizeof *e);
	conn_init(&e->conn, world_loop, &end_events);
	return e;
}

static struct end *accept_end(int listener)
{
	struct end *e = new_end();
	struct pollfd ready = {.fd = listener, .events = POLLIN};
	for (usec end = clock_now() + 10 * USEC_SECOND; poll(&ready, 1, 0) == 0;) {
		assert_true(clock_now() < end);
		assert_true(io_turn(world_loop, clock_now() + USEC_MS) >= 0);
	}
	conn_adopt(&e->conn, accept(listener, NULL, NULL));
	return e;
}

static void check_dialogue(const struct source *from, const char *server_address)
{
	struct net_address at;
	int listener = listen_at(server_address, &at);
	struct end *client = new_end();
	conn_open(&client->conn, &at, from, client->why);
	struct end *server = accept_end(listener);
	put(server, GREETING, strlen(GREETING));
	await_bytes(client, strlen(GREETING));
	assert_memory_equal(client->in, GREETING, strlen(GREETING));
	assert_int_equal(client->opened, 1);
	put(client, "EHLO out1.example.com\r\n", 23);
	await_bytes(server, 23);
	assert_memory_equal(server->in, "EHLO out1.example.com\r\n", 23);
	close_end(server);
	world_run_until(&client->lost, 1);
	assert_int_equal(client->cause, CAUSE_NONE);
	close_end(client);
	close(listener);
}

static void check_lost(const struct source *from, const struct net_address *to,
		       enum local_cause cause, const char *why)
{
	struct end *client = new_end();
	conn_open(&client->conn, to, from, client->why);
	world_run_until(&client->lost, 1);
	assert_int_equal(client->cause, cause);
	assert_int_equal(client->opened, 0);
	if (!strstr(client->conn.why, why) || strstr(client->conn.why, "secret"))
		fail_msg("%s", client->conn.why);
	close_end(client);
}

static void test_proxy_microsocks_connects_on(void **)
{
	NEEDS(SOCKS);
	for (int i = 0; i < 20; i++)
		check_dialogue(&sources[SOCKS], "127.0.0.5");
	check_dialogue(&sources[SOCKS], "::1");
}

static void test_proxy_microsocks_tells_a_refused_connection(void **)
{
	NEEDS(SOCKS);
	struct net_address at;
	close(listen_at("127.0.0.5", &at));
	check_lost(&sources[SOCKS], &at, CAUSE_CONNECT_REFUSED,
		   "the proxy of source \"socks\" found the connection refused");
}

static void test_proxy_microsocks_with_a_login(void **)
{
	NEEDS(SOCKS_LOGIN);
	struct net_address at;
	int listener = listen_at("127.0.0.5", &at);
	struct source wrong = sources[SOCKS_LOGIN], none = sources[SOCKS_LOGIN];
	check_dialogue(&sources[SOCKS_LOGIN], "127.0.0.5");
	strcpy(wrong.proxy_password, "not the secret");
	check_lost(&wrong, &at, CAUSE_SOURCE_UNAVAILABLE, "refused the user or the password");
	none.proxy_user[0] = '\0';
	check_lost(&none, &at, CAUSE_SOURCE_UNAVAILABLE, "wants a user and a password");
	close(listener);
}

static void test_proxy_haproxy_connects_on(void **)
{
	NEEDS(HAPROXY);
	for (int i = 0; i < 20; i++)
		check_dialogue(&sources[HAPROXY], "127.0.0.5");
	check_dialogue(&sources[HAPROXY], "::1");
}

/* Nothing is answered to a header: the refusal shows as an end before any greeting. */
static void test_proxy_haproxy_ends_what_it_cannot_connect(void **)
{
	NEEDS(HAPROXY);
	struct net_address at;
	close(listen_at("127.0.0.5", &at));
	struct end *client = new_end();
	conn_open(&client->conn, &at, &sources[HAPROXY], client->why);
	world_run_until(&client->lost, 1);
	assert_int_equal(client->opened, 1);
	assert_int_equal(client->in_size, 0);
	close_end(client);
}

/* HAProxy knows SOCKS for no header and hangs up. */
static void test_proxy_of_the_wrong_kind_is_the_sources_trouble(void **)
{
	NEEDS(HAPROXY);
	struct source crossed = sources[HAPROXY];
	struct net_address at;
	int listener = listen_at("127.0.0.5", &at);
	crossed.via = SOURCE_SOCKS5;
	check_lost(&crossed, &at, CAUSE_SOURCE_UNAVAILABLE, "the proxy at 127.0.0.1 port");
	close(listener);
}

static void start(enum which which, const char *kind, const char *login)
{
	struct net_address at;
	char command[256], url[100], why[200];
	close(world_listen(&at));
	unsigned port = ntohs(at.in4.sin_port);
	snprintf(command, sizeof command, "mkdir -p %s && tests/live/proxy.sh %s %u %s %s",
		 DIRECTORY, kind, port, directories[which], login);
	there[which] = system(command) == 0;
	if (!there[which])
		print_message("%s is not available: its tests are skipped\n", kind);
	snprintf(url, sizeof url, "%s://%s127.0.0.1:%u",
		 which == HAPROXY ? "haproxy" : "socks5", *login ? "ann:secret@" : "", port);
	snprintf(sources[which].name, sizeof sources[which].name, "%s", kind);
	assert_int_equal(source_parse_proxy(str_of(url), &sources[which], why, sizeof why), 0);
}

static int open_all(void **state)
{
	start(SOCKS, "socks", "");
	start(SOCKS_LOGIN, "socks", "ann secret");
	start(HAPROXY, "haproxy", "");
	return world_open(state);
}

static int close_all(void **state)
{
	int result = 0;
	for (int i = 0; i < PROXY_COUNT; i++) {
		char command[256];
		snprintf(command, sizeof command, "tests/live/proxy.sh stop %s",
			 directories[i]);
		result |= system(command);
	}
	return world_close(state) || result;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proxy_microsocks_connects_on),
		cmocka_unit_test(test_proxy_microsocks_tells_a_refused_connection),
		cmocka_unit_test(test_proxy_microsocks_with_a_login),
		cmocka_unit_test(test_proxy_haproxy_connects_on),
		cmocka_unit_test(test_proxy_haproxy_ends_what_it_cannot_connect),
		cmocka_unit_test(test_proxy_of_the_wrong_kind_is_the_sources_trouble),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
