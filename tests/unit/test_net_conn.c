/* Connections, plain and TLS, both ends on one loop: what is written arrives, the end is told
 * once, and a connection can be closed at every moment. */
#include "tests/unit/conn_end.h"

#include "engine/net/tls_state.h"

static struct tls_context *client_tls, *server_tls;

static char pattern[150000];
static const struct tls_target target = {.host = {"mx.example", 10}};

static void start_tls(struct end *client, struct end *server)
{
	conn_start_tls(&server->conn, server_tls, NULL);
	conn_start_tls(&client->conn, client_tls, &target);
	world_run_until(&client->tls_ok, 1);
	world_run_until(&server->tls_ok, 1);
}

static void exchange(struct end *client, struct end *server)
{
	put(client, pattern, sizeof pattern);
	await_bytes(server, sizeof pattern);
	assert_memory_equal(server->in, pattern, sizeof pattern);
	put(server, pattern, 300);
	await_bytes(client, 300);
	assert_memory_equal(client->in, pattern, 300);
}

static void test_plain_bytes_go_both_ways(void **)
{
	struct end *client, *server;
	open_pair(&client, &server);
	exchange(client, server);
	conn_close(&client->conn);
	world_run_until(&server->lost, 1);
	assert_int_equal(server->cause, CAUSE_NONE);
	close_end(server);
	world_run_until(&client->closed, 1);
	free(client);
}

static void test_tls_bytes_go_both_ways(void **)
{
	struct end *client, *server;
	open_pair(&client, &server);
	start_tls(client, server);
	assert_true(conn_is_tls(&client->conn));
	assert_int_equal(conn_tls_fault(&client->conn), TLS_FAULT_NONE);
	assert_string_equal(conn_tls_describe(&client->conn), tls_describe(client->conn.tls));
	exchange(client, server);
	assert_non_null(strstr(tls_describe(client->conn.tls), "TLSv1.3"));
	conn_close(&client->conn);
	world_run_until(&server->lost, 1);
	assert_int_equal(server->cause, CAUSE_NONE);
	close_end(server);
	world_run_until(&client->closed, 1);
	free(client);
}

static void test_second_session_with_a_host_is_resumed(void **)
{
	for (int i = 0; i < 3; i++) {
		struct end *client, *server;
		open_pair(&client, &server);
		start_tls(client, server);
		if (i > 0)
			assert_true(tls_resumed(client->conn.tls));
		put(server, pattern, 100); /* the tickets come before it */
		await_bytes(client, 100);
		close_end(client);
		close_end(server);
	}
}

static void test_other_hosts_do_not_share_a_ticket(void **)
{
	const struct tls_target other = {.host = STR("other.example")};
	struct tls_session *s = tls_session_create(client_tls, &other);
	assert_non_null(s);
	assert_false(tls_resumed(s));
	assert_true(tls_output(s).size > 0);
	tls_session_destroy(s);
}

static void test_garbage_instead_of_a_handshake_fails(void **)
{
	struct end *client, *server;
	open_pair(&client, &server);
	conn_start_tls(&client->conn, client_tls, &target);
	put(server, "454 4.7.0 TLS not available, sorry\r\n", 36);
	world_run_until(&client->tls_bad, 1);
	assert_int_equal(client->tls_ok, 0);
	assert_int_equal(client->lost, 0);
	assert_int_equal(conn_tls_fault(&client->conn), TLS_FAULT_VALIDATION);
	assert_string_equal(conn_tls_describe(&client->conn),
			    "TLS failed: wrong version number");
	close_end(client);
	close_end(server);
}

static void test_a_verifying_client_refuses_a_self_signed_server(void **)
{
	const struct tls_need need = {.kind = TLS_NEED_PKIX};
	const struct tls_target strict = {.host = STR("mx.example"), .need = &need};
	struct end *client, *server;
	open_pair(&client, &server);
	conn_start_tls(&server->conn, server_tls, NULL);
	conn_start_tls(&client->conn, client_tls, &strict);
	world_run_until(&client->tls_bad, 1);
	assert_int_equal(client->tls_ok, 0);
	assert_int_equal(conn_tls_fault(&client->conn), TLS_FAULT_NOT_TRUSTED);
	assert_non_null(strstr(conn_tls_describe(&client->conn), "self-signed"));
	conn_close(&client->conn); /* it can still be asked why */
	assert_int_equal(conn_tls_fault(&client->conn), TLS_FAULT_NOT_TRUSTED);
	world_run_until(&client->closed, 1);
	free(client);
	close_end(server);
}

static void test_handshake_that_cannot_begin_fails(void **)
{
	struct tls_context *odd;
	const struct tls_context_config config = {.role = TLS_CLIENT,
						  .min_version = TLS_VERSION_1_3};
	struct end *client, *server;
	assert_int_equal(tls_context_create(&odd, &config), 0);
	SSL_CTX_set_max_proto_version(odd->ssl, TLS1_2_VERSION); /* as openssl.cnf may */
	open_pair(&client, &server);
	conn_start_tls(&client->conn, odd, &target);
	assert_int_equal(client->tls_bad, 0);
	world_run_until(&client->tls_bad, 1);
	assert_int_equal(conn_tls_fault(&client->conn), TLS_FAULT_VALIDATION);
	close_end(client);
	close_end(server);
	tls_context_destroy(odd);
}

static void test_end_in_the_handshake_fails_it(void **)
{
	struct end *client, *server;
	open_pair(&client, &server);
	conn_start_tls(&client->conn, client_tls, &target);
	world_run_for(USEC_MS);
	close_end(server);
	world_run_until(&client->tls_bad, 1);
	assert_int_equal(client->lost, 0);
	assert_int_equal(conn_tls_fault(&client->conn), TLS_FAULT_VALIDATION);
	assert_string_equal(conn_tls_describe(&client->conn),
			    "TLS failed: the connection ended in the handshake");
	close_end(client);
}

static void test_refused_connection_is_lost_with_its_cause(void **)
{
	struct net_address at;
	close(world_listen(&at));
	struct end *e = calloc(1, sizeof *e);
	conn_init(&e->conn, world_loop, &end_events);
	conn_open(&e->conn, &at, NULL, e->why);
	world_run_until(&e->lost, 1);
	assert_int_equal(e->cause, CAUSE_CONNECT_REFUSED);
	close_end(e);
}

static void test_reset_connection_is_lost(void **)
{
	struct end *client, *server;
	open_pair(&client, &server);
	struct linger hard = {.l_onoff = 1, .l_linger = 0};
	setsockopt(server->conn.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close_end(server);
	world_run_until(&client->lost, 1);
	assert_int_equal(client->cause, CAUSE_CONNECTION_LOST);
	world_run_for(2 * USEC_MS);
	assert_int_equal(client->lost, 1);
	close_end(client);
}

static void test_close_while_a_write_is_stuck(void **)
{
	static char much[30000000];
	for (int tls = 0; tls < 2; tls++) {
		struct end *client, *server;
		open_pair(&client, &server);
		if (tls)
			start_tls(client, server);
		conn_pause(&server->conn);
		struct iovec span = {much, sizeof much};
		conn_write(&client->conn, &span, 1);
		world_run_for(20 * USEC_MS);
		assert_int_equal(client->written, 0);
		close_end(client);
		close_end(server);
	}
}

static void test_close_at_any_moment(void **)
{
	for (int tls = 0; tls < 2; tls++) {
		for (int rounds = 0; rounds < 12; rounds++) {
			struct end *client, *server;
			open_pair(&client, &server);
			if (tls) {
				conn_start_tls(&server->conn, server_tls, NULL);
				conn_start_tls(&client->conn, client_tls, &target);
			}
			for (int i = 0; i < rounds; i++) {
				assert_true(io_turn(world_loop, clock_now() + USEC_MS) >= 0);
				if (conn_writable(&client->conn)) {
					struct iovec span = {pattern, sizeof pattern};
					conn_write(&client->conn, &span, 1);
				}
			}
			close_end(rounds % 2 ? client : server);
			close_end(rounds % 2 ? server : client);
		}
	}
}

static void test_close_while_connecting(void **)
{
	for (int turned = 0; turned < 2; turned++) {
		struct net_address at;
		int listener = world_listen(&at);
		struct end *e = calloc(1, sizeof *e);
		conn_init(&e->conn, world_loop, &end_events);
		conn_open(&e->conn, &at, NULL, e->why);
		if (turned)
			assert_true(io_turn(world_loop, 0) >= 0);
		close_end(e);
		close(listener);
	}
}

static void test_conn_can_be_opened_again(void **)
{
	struct net_address at;
	int listener = world_listen(&at);
	struct end *e = calloc(1, sizeof *e);
	conn_init(&e->conn, world_loop, &end_events);
	for (int i = 0; i < 3; i++) {
		conn_open(&e->conn, &at, NULL, e->why);
		world_run_until(&e->opened, i + 1);
		conn_close(&e->conn);
		world_run_until(&e->closed, i + 1);
	}
	free(e);
	close(listener);
}

static void test_paused_conn_is_silent_and_loses_nothing(void **)
{
	for (int tls = 0; tls < 2; tls++) {
		struct end *client, *server;
		open_pair(&client, &server);
		if (tls)
			start_tls(client, server);
		server->pause_each = true;
		struct iovec span = {pattern, sizeof pattern};
		conn_write(&client->conn, &span, 1);
		for (int i = 0; i < 1000 && server->in_size < sizeof pattern; i++) {
			assert_true(io_turn(world_loop, clock_now() + 2 * USEC_MS) >= 0);
			int calls = server->bytes_calls;
			if (!server->conn.paused)
				continue;
			world_run_for(USEC_MS / 2);
			assert_int_equal(calls, server->bytes_calls);
			if (client->written)
				shutdown(client->conn.fd, SHUT_WR);
			conn_resume(&server->conn);
		}
		assert_int_equal(server->in_size, sizeof pattern);
		assert_memory_equal(server->in, pattern, sizeof pattern);
		close_end(client);
		close_end(server);
	}
}

static int open_all(void **state)
{
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (char)(i * 2654435761u >> 20);
	struct tls_context_config config = {.role = TLS_CLIENT};
	if (tls_context_create(&client_tls, &config))
		return -1;
	config.role = TLS_SERVER;
	if (tls_context_create(&server_tls, &config))
		return -1;
	return world_open(state);
}

static int close_all(void **state)
{
	tls_context_destroy(client_tls);
	tls_context_destroy(server_tls);
	return world_close(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_bytes_go_both_ways),
		cmocka_unit_test(test_tls_bytes_go_both_ways),
		cmocka_unit_test(test_second_session_with_a_host_is_resumed),
		cmocka_unit_test(test_other_hosts_do_not_share_a_ticket),
		cmocka_unit_test(test_garbage_instead_of_a_handshake_fails),
		cmocka_unit_test(test_a_verifying_client_refuses_a_self_signed_server),
		cmocka_unit_test(test_handshake_that_cannot_begin_fails),
		cmocka_unit_test(test_end_in_the_handshake_fails_it),
		cmocka_unit_test(test_refused_connection_is_lost_with_its_cause),
		cmocka_unit_test(test_reset_connection_is_lost),
		cmocka_unit_test(test_close_while_a_write_is_stuck),
		cmocka_unit_test(test_close_at_any_moment),
		cmocka_unit_test(test_close_while_connecting),
		cmocka_unit_test(test_conn_can_be_opened_again),
		cmocka_unit_test(test_paused_conn_is_silent_and_loses_nothing),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
