/* The filter itself: bytes in pieces of every size, output that stays where it was shown, a
 * peer that makes us write, and the channel binding. */
#include "tests/unit/tls_world.h"

static const struct tls_target target = {.host = {"mx.example", 10}};

/* Two sessions of ours. */
struct pair {
	struct tls_context *client_context, *server_context;
	struct tls_session *client, *server;
};

static bool carry(struct tls_session *from, struct tls_session *to)
{
	str output = tls_output(from);
	tls_feed(to, output);
	tls_sent(from, output.size);
	return output.size > 0;
}

static void read_nothing(struct tls_session *s)
{
	char byte;
	assert_int_equal(tls_read(s, &byte, 1), 0);
}

static struct pair open_pair(void)
{
	const struct tls_context_config config = {.role = TLS_SERVER,
						  .certificate_file = world_good.file};
	struct pair p = {.client_context = world_client(NULL, TLS_VERSION_1_2)};
	assert_int_equal(tls_context_create(&p.server_context, &config), 0);
	p.client = tls_session_create(p.client_context, &target);
	p.server = tls_session_create(p.server_context, NULL);
	while (carry(p.client, p.server) | carry(p.server, p.client))
		;
	assert_int_equal(tls_state(p.client), TLS_OPEN);
	assert_int_equal(tls_state(p.server), TLS_OPEN);
	read_nothing(p.client); /* but tickets */
	return p;
}

static void close_pair(struct pair *p)
{
	tls_session_destroy(p->client);
	tls_session_destroy(p->server);
	tls_context_destroy(p->client_context);
	tls_context_destroy(p->server_context);
}

static char pattern[200000];

static void put(struct tls_session *s, const char *data, size_t size)
{
	const struct iovec span = {(void *)(uintptr_t)data, size};
	tls_write(s, &span, 1);
}

static size_t record_count(str cipher)
{
	size_t count = 0;
	for (; cipher.size >= 5; count++) {
		size_t size = (size_t)(uint8_t)cipher.data[3] << 8 | (uint8_t)cipher.data[4];
		cipher = str_from(cipher, 5 + size);
	}
	assert_int_equal(cipher.size, 0);
	return count;
}

static void test_net_tls_handshake_in_pieces_of_every_size(void **)
{
	struct tls_context *client = world_client(NULL, TLS_VERSION_1_2);
	SSL_CTX *server = world_server(&world_good);
	for (size_t step = 1; step < 24; step++) {
		char host[32];
		struct meeting m;
		snprintf(host, sizeof host, "mx%zu.example", step);
		meet_begin(&m, client, server, host, NULL);
		meet_on(&m, step);
		assert_int_equal(tls_state(m.client), TLS_OPEN);
		part(&m);
	}
	SSL_CTX_free(server);
	tls_context_destroy(client);
}

/* A resumed one, whose flight is short enough to try them all. */
static void test_net_tls_handshake_split_at_every_point(void **)
{
	struct tls_context *client = world_client(NULL, TLS_VERSION_1_2);
	SSL_CTX *server = world_server(&world_good);
	struct meeting m;
	size_t size = 2;
	meet(&m, client, server, "mx.example", NULL);
	part(&m);
	for (size_t at = 1; at < size; at++) {
		char *data;
		meet_begin(&m, client, server, "mx.example", NULL);
		assert_true(to_server(&m));
		size = (size_t)BIO_get_mem_data(SSL_get_wbio(m.server), &data);
		tls_feed(m.client, str_make(data, at));
		assert_int_equal(tls_state(m.client), TLS_HANDSHAKE);
		tls_feed(m.client, str_make(data + at, size - at));
		assert_int_equal(tls_state(m.client), TLS_OPEN);
		assert_true(tls_resumed(m.client));
		(void)BIO_reset(SSL_get_wbio(m.server));
		meet_on(&m, 0);
		part(&m);
	}
	assert_in_range(size, 150, 600);
	SSL_CTX_free(server);
	tls_context_destroy(client);
}

static void test_net_tls_records_split_at_every_point(void **)
{
	struct pair p = open_pair();
	size_t size = 2;
	for (size_t at = 1; at < size; at++) {
		char plain[400];
		put(p.server, pattern, 100);
		put(p.server, pattern + 100, 150);
		str cipher = tls_output(p.server);
		size = cipher.size;
		size_t got = 0, count;
		for (int half = 0; half < 2; half++) {
			tls_feed(p.client,
				 half ? str_from(cipher, at) : str_sub(cipher, 0, at));
			while ((count = tls_read(p.client, plain + got, sizeof plain - got)))
				got += count;
			assert_int_equal(got, half ? 250 : at < 122 ? 0 : 100);
		}
		assert_memory_equal(plain, pattern, 250);
		tls_sent(p.server, size);
	}
	assert_int_equal(size, 2 * 22 + 250);
	close_pair(&p);
}

static void test_net_tls_bytes_wait_until_they_are_read(void **)
{
	struct pair p = open_pair();
	static char plain[sizeof pattern];
	size_t got = 0, count;
	for (size_t at = 0; at < sizeof pattern; at += 500) {
		put(p.server, pattern + at, 500);
		carry(p.server, p.client);
		if (at % 3000 == 0) /* reads less than has come */
			got += tls_read(p.client, plain + got, 700);
	}
	while ((count = tls_read(p.client, plain + got, 333)) > 0)
		got += count;
	assert_int_equal(got, sizeof pattern);
	assert_memory_equal(plain, pattern, sizeof pattern);
	close_pair(&p);
}

/* The plain text of so many spans arrives, in as few records as there can be. */
static void check_spans(struct pair *p, const struct iovec *spans, size_t count)
{
	static char plain[sizeof pattern];
	size_t size = 0, got = 0, more;
	for (size_t i = 0; i < count; i++)
		size += spans[i].iov_len;
	tls_write(p->client, spans, count);
	str cipher = tls_output(p->client);
	size_t records = record_count(cipher);
	assert_true(records >= (size + 16383) / 16384);
	assert_true(records <= (size + 16383) / 16384 + count);
	if (size <= 16384)
		assert_int_equal(records, size > 0);
	carry(p->client, p->server);
	while ((more = tls_read(p->server, plain + got, sizeof plain - got)) > 0)
		got += more;
	assert_int_equal(got, size);
	assert_memory_equal(plain, pattern, size);
}

static void test_net_tls_spans_become_full_records(void **)
{
	static const size_t sizes[][4] = {
		{80, 600, 9555, 5},    {0, 0, 0, 0},
		{1, 16383, 0, 0},      {16384, 0, 0, 1},
		{16384, 16384, 1, 0},  {5, 16384, 16384, 7},
		{100000, 3, 60000, 1}, {16383, 1, 16385, 32768},
		{0, 32768, 0, 0},
	};
	struct pair p = open_pair();
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct iovec spans[4];
		size_t at = 0;
		for (size_t k = 0; k < 4; k++) {
			spans[k] = (struct iovec){pattern + at, sizes[i][k]};
			at += sizes[i][k];
		}
		check_spans(&p, spans, 4);
	}
	close_pair(&p);
}

static void test_net_tls_shown_output_stays_put(void **)
{
	struct pair p = open_pair();
	char copy[1100], plain[4000];
	put(p.client, pattern, 1000);
	str shown = tls_output(p.client);
	memcpy(copy, shown.data, shown.size);
	size_t total = 1000, sent = 0, got = 0, count;
	for (int i = 0; i < 10; i++) {
		put(p.client, pattern + total, 250);
		total += 250;
		str now = tls_output(p.client);
		assert_ptr_equal(now.data, shown.data + sent);
		assert_int_equal(now.size, shown.size - sent);
		assert_memory_equal(now.data, copy + sent, now.size);
		tls_feed(p.server, str_sub(now, 0, 100));
		tls_sent(p.client, 100);
		sent += 100;
	}
	tls_close(p.client);
	carry(p.client, p.server);              /* the rest of what was shown */
	assert_true(carry(p.client, p.server)); /* what came meanwhile, in one go */
	assert_int_equal(tls_output(p.client).size, 0);
	while ((count = tls_read(p.server, plain + got, sizeof plain - got)) > 0)
		got += count;
	assert_int_equal(got, 3500);
	assert_memory_equal(plain, pattern, 3500);
	assert_int_equal(tls_state(p.server), TLS_CLOSED);
	close_pair(&p);
}

/* RFC 8446 4.6.3: each request is answered; a peer that never reads would fill our memory. */
static void test_net_tls_answers_nobody_reads_end_the_session(void **)
{
	struct tls_context *client = world_client(NULL, TLS_VERSION_1_2);
	SSL_CTX *server = world_server(&world_good);
	struct meeting m;
	int count = 0;
	assert_int_equal(meet(&m, client, server, "mx.example", NULL), TLS_OPEN);
	for (; count < 30000 && tls_state(m.client) == TLS_OPEN; count++) {
		assert_int_equal(SSL_key_update(m.server, SSL_KEY_UPDATE_REQUESTED), 1);
		assert_int_equal(SSL_write(m.server, "x", 1), 1);
		assert_true(to_client(&m, 0));
	}
	assert_in_range(count, 1000, 29999);
	assert_int_equal(tls_state(m.client), TLS_FAILED);
	part(&m);
	SSL_CTX_free(server);
	tls_context_destroy(client);
}

static void test_net_tls_broken_records_fail_the_session(void **)
{
	struct pair p = open_pair();
	char broken[200];
	put(p.server, pattern, 100);
	str cipher = tls_output(p.server);
	memcpy(broken, cipher.data, cipher.size);
	broken[60] = (char)(broken[60] ^ 1);
	tls_feed(p.client, str_make(broken, cipher.size));
	read_nothing(p.client);
	assert_int_equal(tls_state(p.client), TLS_FAILED);
	assert_int_equal(tls_fault(p.client), TLS_FAULT_VALIDATION);
	assert_true(tls_output(p.client).size > 0); /* the alert */
	close_pair(&p);
}

static void test_net_tls_channel_binding_is_the_same_at_both_ends(void **)
{
	unsigned char at_client[40] = {}, at_server[40] = {}, other[32];
	struct pair p = open_pair();
	assert_int_equal(tls_channel_binding(p.client, at_client, 40), 32);
	assert_int_equal(tls_channel_binding(p.server, at_server, 40), 32);
	assert_memory_equal(at_client, at_server, 40);
	assert_int_equal(tls_channel_binding(p.client, other, 31), 0);
	close_pair(&p);
	p = open_pair();
	assert_int_equal(tls_channel_binding(p.client, other, 32), 32);
	assert_memory_not_equal(at_client, other, 32);
	close_pair(&p);
}

static void test_net_tls_channel_binding_under_tls_1_2(void **)
{
	for (int extended = 0; extended < 2; extended++) {
		struct tls_context *client = world_client(NULL, TLS_VERSION_1_2);
		SSL_CTX *server = world_server(&world_good);
		unsigned char here[32], there[32];
		struct meeting m;
		SSL_CTX_set_max_proto_version(server, TLS1_2_VERSION);
		if (!extended)
			SSL_CTX_set_options(server, SSL_OP_NO_EXTENDED_MASTER_SECRET);
		meet_begin(&m, client, server, "mx.example", NULL);
		assert_int_equal(tls_channel_binding(m.client, here, 32), 0); /* too early */
		meet_on(&m, 0);
		assert_int_equal(tls_channel_binding(m.client, here, 32), extended ? 32 : 0);
		if (extended) {
			assert_int_equal(
				SSL_export_keying_material(m.server, there, 32,
							   "EXPORTER-Channel-Binding", 24,
							   (const unsigned char *)"", 0, 1),
				1);
			assert_memory_equal(here, there, 32);
		}
		part(&m);
		SSL_CTX_free(server);
		tls_context_destroy(client);
	}
}

static int open_all(void **state)
{
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (char)(i * 2654435761u >> 20);
	return tls_world_open(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_net_tls_handshake_in_pieces_of_every_size),
		cmocka_unit_test(test_net_tls_handshake_split_at_every_point),
		cmocka_unit_test(test_net_tls_records_split_at_every_point),
		cmocka_unit_test(test_net_tls_bytes_wait_until_they_are_read),
		cmocka_unit_test(test_net_tls_spans_become_full_records),
		cmocka_unit_test(test_net_tls_shown_output_stays_put),
		cmocka_unit_test(test_net_tls_answers_nobody_reads_end_the_session),
		cmocka_unit_test(test_net_tls_broken_records_fail_the_session),
		cmocka_unit_test(test_net_tls_channel_binding_is_the_same_at_both_ends),
		cmocka_unit_test(test_net_tls_channel_binding_under_tls_1_2),
	};
	return cmocka_run_group_tests(tests, open_all, tls_world_close);
}
