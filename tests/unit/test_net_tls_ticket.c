/* Which sessions are taken up again: nearly all with the same host and need, however the
 * server treats its tickets, and none across hosts and needs. */
#include "tests/unit/tls_world.h"

#include "engine/net/tls_state.h"

static const struct tls_need may = {.kind = TLS_NEED_MAY}, encrypt = {.kind = TLS_NEED_ENCRYPT},
			     pkix = {.kind = TLS_NEED_PKIX};

/* Single-use: tickets of TLS 1.3 that are forgotten once they were taken (RFC 8446 8.1). */
static SSL_CTX *resuming_server(bool single_use, int max_version)
{
	SSL_CTX *server = world_server(&world_good);
	SSL_CTX_set_max_proto_version(server, max_version);
	if (single_use)
		SSL_CTX_set_max_early_data(server, 16384);
	return server;
}

/* Meets, is resumed or not, and loses the line. */
static bool resumes(struct tls_context *client, SSL_CTX *server, const char *host,
		    const struct tls_need *need)
{
	struct meeting m;
	assert_int_equal(meet(&m, client, server, host, need), TLS_OPEN);
	bool resumed = tls_resumed(m.client);
	assert_int_equal(tls_verified(m.client), need->kind >= TLS_NEED_PKIX);
	assert_int_equal(SSL_session_reused(m.server), resumed);
	part(&m);
	return resumed;
}

static void test_net_tls_sessions_survive_lost_lines(void **)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	for (size_t v = 0; v < 2; v++) {
		struct tls_context *client = world_client(NULL, TLS_VERSION_1_2);
		SSL_CTX *server = resuming_server(false, versions[v]);
		assert_false(resumes(client, server, "mx.example", &pkix));
		for (int i = 0; i < 10; i++)
			assert_true(resumes(client, server, "mx.example", &pkix));
		SSL_CTX_free(server);
		tls_context_destroy(client);
	}
}

static void test_net_tls_sessions_survive_a_good_bye(void **)
{
	struct tls_context *client = world_client(NULL, TLS_VERSION_1_2);
	SSL_CTX *server = resuming_server(false, TLS1_3_VERSION);
	SSL_CTX_set_num_tickets(server, 1); /* no second one makes up for one that is lost */
	for (int i = 0; i < 4; i++) {
		struct meeting m;
		assert_int_equal(meet(&m, client, server, "mx.example", &may), TLS_OPEN);
		assert_int_equal(tls_resumed(m.client), i > 0);
		if (i % 2 == 1)
			tls_close(m.client);
		SSL_shutdown(m.server);
		meet_on(&m, 0);
		assert_int_equal(tls_state(m.client), TLS_CLOSED);
		part(&m);
	}
	SSL_CTX_free(server);
	tls_context_destroy(client);
}

enum { AT_ONCE = 20, RECONNECTS = 1000, TOGETHER = 300 };

/* So many connections to one host, of which the oldest breaks and is made anew. */
static int count_resumed(SSL_CTX *server)
{
	struct meeting ring[AT_ONCE];
	struct tls_context *client = world_client(NULL, TLS_VERSION_1_2);
	int resumed_count = 0;
	for (int i = 0; i < AT_ONCE + RECONNECTS; i++) {
		struct meeting *m = &ring[i % AT_ONCE];
		if (i >= AT_ONCE)
			part(m);
		assert_int_equal(meet(m, client, server, "mx.example", &may), TLS_OPEN);
		resumed_count += i >= AT_ONCE && tls_resumed(m->client);
	}
	for (int i = 0; i < AT_ONCE; i++)
		part(&ring[i]);
	tls_context_destroy(client);
	return resumed_count;
}

/* All break at once, and all come back before the first of them has a new ticket. */
static int count_resumed_together(SSL_CTX *server)
{
	struct meeting all[AT_ONCE];
	struct tls_context *client = world_client(NULL, TLS_VERSION_1_2);
	int resumed_count = 0;
	for (int round = 0; round <= TOGETHER / AT_ONCE; round++) {
		for (int i = 0; i < AT_ONCE; i++)
			meet_begin(&all[i], client, server, "mx.example", &may);
		for (int i = 0; i < AT_ONCE; i++) {
			meet_on(&all[i], 0);
			assert_int_equal(tls_state(all[i].client), TLS_OPEN);
			resumed_count += round > 0 && tls_resumed(all[i].client);
		}
		for (int i = 0; i < AT_ONCE; i++)
			part(&all[i]);
	}
	tls_context_destroy(client);
	return resumed_count;
}

static void test_net_tls_nearly_all_reconnects_resume(void **)
{
	const struct {
		bool single_use;
		int version;
	} servers[] = {
		{false, TLS1_2_VERSION}, {false, TLS1_3_VERSION}, {true, TLS1_3_VERSION}};
	for (size_t i = 0; i < 3; i++) {
		SSL_CTX *server = resuming_server(servers[i].single_use, servers[i].version);
		int in_turn = count_resumed(server), together = count_resumed_together(server);
		print_message("%s, %s: %d of %d in turn and %d of %d together\n",
			      servers[i].version == TLS1_2_VERSION ? "TLS 1.2" : "TLS 1.3",
			      servers[i].single_use ? "once" : "many times", in_turn,
			      RECONNECTS, together, TOGETHER);
		assert_in_range(in_turn, RECONNECTS * 99 / 100, RECONNECTS);
		assert_in_range(together, TOGETHER * 99 / 100, TOGETHER);
		SSL_CTX_free(server);
	}
}

static void test_net_tls_no_session_is_shared_across_needs_or_hosts(void **)
{
	struct tls_need ee = {.kind = TLS_NEED_DANE, .tlsa_count = 1}, ta = ee;
	ee.tlsa[0] = tlsa_of(&world_good, 3, 1, 1);
	ta.tlsa[0] = tlsa_of(&world_ca, 2, 0, 1);
	const struct tls_need *needs[] = {&may, &encrypt, &pkix, &ee, &ta};
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		struct tls_context *client = world_client(NULL, TLS_VERSION_1_2);
		SSL_CTX *server = resuming_server(false, version);
		for (int again = 0; again < 2; again++)
			for (size_t i = 0; i < 5; i++)
				assert_int_equal(
					resumes(client, server, "mx.example", needs[i]), again);
		assert_false(resumes(client, server, "b.example", &may));
		SSL_CTX_free(server);
		tls_context_destroy(client);
	}
}

static void test_net_tls_the_order_of_records_does_not_matter(void **)
{
	struct tls_context *client = world_client(NULL, TLS_VERSION_1_2);
	SSL_CTX *server = resuming_server(false, TLS1_3_VERSION);
	struct tls_need one = {.kind = TLS_NEED_DANE, .tlsa_count = 2}, turned = one;
	one.tlsa[0] = turned.tlsa[1] = tlsa_of(&world_good, 3, 1, 1);
	one.tlsa[1] = turned.tlsa[0] = tlsa_of(&world_alone, 3, 1, 1);
	turned.tlsa[0].data[40] = 1; /* behind the digest: nothing */
	turned.tlsa[5].data[0] = 1;
	assert_false(resumes(client, server, "mx.example", &one));
	assert_true(resumes(client, server, "mx.example", &turned));
	/* A record that came or went makes another set. */
	turned.tlsa_count = 3;
	turned.tlsa[2] = tlsa_of(&world_expired, 3, 1, 1);
	assert_false(resumes(client, server, "mx.example", &turned));
	SSL_CTX_free(server);
	tls_context_destroy(client);
}

/* Should a ticket come to the wrong place after all: the session tells how it was made. */
static void test_net_tls_unverified_tickets_never_pass_for_verified(void **)
{
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		struct tls_context *client = world_client(NULL, TLS_VERSION_1_2);
		SSL_CTX *server = resuming_server(false, version);
		struct tls_ticket_key made, used;
		uint64_t serial;
		struct meeting m;
		tls_ticket_key_make(&made, STR("mx.example"), TLS_NEED_MAY, NULL, 0);
		tls_ticket_key_make(&used, STR("mx.example"), TLS_NEED_PKIX, NULL, 0);
		assert_false(resumes(client, server, "mx.example", &may));
		SSL_SESSION *session = tls_tickets_take(client->tickets, &made, &serial);
		assert_non_null(session);
		tls_tickets_put(client->tickets, &used, session);
		assert_int_equal(meet(&m, client, server, "mx.example", &pkix), TLS_FAILED);
		assert_int_equal(tls_fault(m.client), TLS_FAULT_VALIDATION);
		assert_string_equal(tls_describe(m.client),
				    "TLS failed: the session resumed was not verified");
		part(&m);
		SSL_CTX_free(server);
		tls_context_destroy(client);
	}
}

static void test_net_tls_a_refused_ticket_takes_older_ones_with_it(void **)
{
	struct tls_context *client = world_client(NULL, TLS_VERSION_1_2);
	SSL_CTX *before = resuming_server(false, TLS1_3_VERSION);
	SSL_CTX *after = resuming_server(false, TLS1_3_VERSION);
	SSL_CTX_set_num_tickets(after, 0);
	assert_false(resumes(client, before, "mx.example", &may)); /* two tickets */
	assert_false(resumes(client, after, "mx.example", &may));
	assert_false(resumes(client, before, "mx.example", &may));
	SSL_CTX_free(before);
	SSL_CTX_free(after);
	tls_context_destroy(client);
}

static void test_net_tls_a_server_with_new_keys_is_asked_once(void **)
{
	struct tls_context *client = world_client(NULL, TLS_VERSION_1_2);
	for (int restarts = 0; restarts < 3; restarts++) {
		SSL_CTX *server = resuming_server(false, TLS1_3_VERSION);
		assert_false(resumes(client, server, "mx.example", &may));
		assert_true(resumes(client, server, "mx.example", &may));
		SSL_CTX_free(server);
	}
	tls_context_destroy(client);
}

/* What the store does, without handshakes. */
static SSL_SESSION *session_of(unsigned number)
{
	unsigned char id[32] = {};
	SSL_SESSION *session = SSL_SESSION_new();
	memcpy(id, &number, sizeof number);
	assert_int_equal(SSL_SESSION_set1_id(session, id, sizeof id), 1);
	assert_int_equal(SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION), 1);
	return session;
}

static struct tls_ticket_key key_of(int host)
{
	char name[32];
	struct tls_ticket_key key;
	snprintf(name, sizeof name, "mx%d.example", host);
	tls_ticket_key_make(&key, str_of(name), TLS_NEED_MAY, NULL, 0);
	return key;
}

/* The number of the ticket that is taken, 0: none. */
static unsigned take(struct tls_tickets *t, int host, uint64_t *ret_serial)
{
	struct tls_ticket_key key = key_of(host);
	unsigned size, number = 0;
	SSL_SESSION *session = tls_tickets_take(t, &key, ret_serial);
	if (session)
		memcpy(&number, SSL_SESSION_get_id(session, &size), sizeof number);
	SSL_SESSION_free(session);
	return number;
}

static void put(struct tls_tickets *t, int host, unsigned number)
{
	struct tls_ticket_key key = key_of(host);
	tls_tickets_put(t, &key, session_of(number));
}

static void test_net_tls_tickets_are_given_newest_first_and_the_last_lent(void **)
{
	struct tls_tickets *t;
	uint64_t serial;
	assert_int_equal(tls_tickets_create(&t), 0);
	assert_int_equal(take(t, 1, &serial), 0);
	for (unsigned i = 1; i <= 100; i++)
		put(t, 1, i);
	for (unsigned i = 100; i > 69; i--)
		assert_int_equal(take(t, 1, &serial), i);
	for (int i = 0; i < 3; i++)
		assert_int_equal(take(t, 1, &serial), 69); /* 32 are kept */
	tls_tickets_destroy(t);
}

static void test_net_tls_tickets_no_newer_than_a_refused_one_go(void **)
{
	struct tls_tickets *t;
	struct tls_ticket_key key = key_of(1);
	uint64_t serial, later;
	assert_int_equal(tls_tickets_create(&t), 0);
	for (unsigned i = 1; i <= 4; i++)
		put(t, 1, i);
	assert_int_equal(take(t, 1, &later), 4);
	assert_int_equal(take(t, 1, &serial), 3);
	put(t, 1, 5);
	tls_tickets_refused(t, &key, serial);
	for (int i = 0; i < 2; i++)
		assert_int_equal(take(t, 1, &later), 5);
	tls_tickets_refused(t, &key, later);
	assert_int_equal(take(t, 1, &later), 0);
	tls_tickets_refused(t, &key, later);
	tls_tickets_destroy(t);
}

static void test_net_tls_tickets_of_hosts_long_unused_go(void **)
{
	struct tls_tickets *t;
	uint64_t serial;
	assert_int_equal(tls_tickets_create(&t), 0);
	for (int host = 0; host < 50000; host++) {
		put(t, host, (unsigned)host + 1);
		assert_int_equal(take(t, 0, &serial), 1);
	}
	assert_int_equal(take(t, 50000 - 4095, &serial), 50000 - 4095 + 1);
	assert_int_equal(take(t, 50000 - 4096, &serial), 0);
	/* And before there are more than 16384 tickets altogether. */
	for (int host = 0; host < 1000; host++)
		for (unsigned i = 1; i <= 32; i++)
			put(t, host, i);
	assert_int_equal(take(t, 999 - 512, &serial), 0);
	assert_int_equal(take(t, 999 - 511, &serial), 32);
	tls_tickets_destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_net_tls_sessions_survive_lost_lines),
		cmocka_unit_test(test_net_tls_sessions_survive_a_good_bye),
		cmocka_unit_test(test_net_tls_nearly_all_reconnects_resume),
		cmocka_unit_test(test_net_tls_no_session_is_shared_across_needs_or_hosts),
		cmocka_unit_test(test_net_tls_the_order_of_records_does_not_matter),
		cmocka_unit_test(test_net_tls_unverified_tickets_never_pass_for_verified),
		cmocka_unit_test(test_net_tls_a_refused_ticket_takes_older_ones_with_it),
		cmocka_unit_test(test_net_tls_a_server_with_new_keys_is_asked_once),
		cmocka_unit_test(test_net_tls_tickets_are_given_newest_first_and_the_last_lent),
		cmocka_unit_test(test_net_tls_tickets_no_newer_than_a_refused_one_go),
		cmocka_unit_test(test_net_tls_tickets_of_hosts_long_unused_go),
	};
	return cmocka_run_group_tests(tests, tls_world_open, tls_world_close);
}
