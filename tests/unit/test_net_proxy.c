/* What is said to a proxy, and what its answers mean: whole, byte by byte and torn everywhere.
 */
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>

#include "engine/net/proxy.h"

#define LOGIN "\5\2"
#define NO_LOGIN "\5\0"
#define ENDPOINT "\0\1\177\0\0\1\4\70" /* reserved, IPv4, 127.0.0.1 port 1080 */

static struct net_address address_of(const char *text)
{
	struct net_address a;
	assert_true(net_address_parse(str_of(text), 25, &a));
	return a;
}

static struct source socks_source(const char *user, const char *password)
{
	struct source s = {.name = "out1", .via = SOURCE_SOCKS5};
	assert_true(str_to_cstr(str_of(user), s.proxy_user, sizeof s.proxy_user));
	assert_true(str_to_cstr(str_of(password), s.proxy_password, sizeof s.proxy_password));
	return s;
}

static void check_output(struct proxy *p, str wanted)
{
	str output = proxy_output(p);
	assert_int_equal(output.size, wanted.size);
	assert_memory_equal(output.data, wanted.data, wanted.size);
}

/* Feeds in memory of exactly its size. */
static enum proxy_step feed(struct proxy *p, str bytes, size_t *ret_taken)
{
	enum proxy_step step;
	char *copy = malloc(bytes.size);
	memcpy(copy, bytes.data, bytes.size);
	*ret_taken = proxy_feed(p, str_make(copy, bytes.size), &step);
	free(copy);
	assert_true(*ret_taken <= bytes.size);
	return step;
}

/* Feeds one answer in two pieces; *ret_taken counts both. */
static enum proxy_step feed_torn(struct proxy *p, str bytes, size_t split, size_t *ret_taken)
{
	size_t taken;
	enum proxy_step step = feed(p, str_sub(bytes, 0, split), ret_taken);
	if (step != PROXY_MORE || split >= bytes.size)
		return step;
	step = feed(p, str_from(bytes, split), &taken);
	*ret_taken += taken;
	return step;
}

/* A proxy that has been asked to connect to the mail server. */
static struct proxy asked(const struct source *source, const char *to)
{
	struct proxy p;
	struct net_address at = address_of(to);
	size_t taken;
	proxy_init(&p, source, &at);
	assert_int_equal(proxy_sent(&p), PROXY_MORE);
	assert_int_equal(feed(&p, STR(NO_LOGIN), &taken), PROXY_MORE);
	assert_int_equal(proxy_sent(&p), PROXY_MORE);
	return p;
}

static void test_proxy_header_names_both_ends(void **)
{
	struct source s = {.via = SOURCE_PROXY_V2, .has_ipv4 = true};
	struct net_address four = address_of("198.51.100.25"), six = address_of("2001:db8::25");
	struct proxy p;
	s.ipv4 = address_of("192.0.2.1");
	proxy_init(&p, &s, &four);
	check_output(&p, STR("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\14"
			     "\300\0\2\1\306\63\144\31\0\0\0\31"));
	assert_int_equal(proxy_sent(&p), PROXY_READY);
	assert_int_equal(proxy_output(&p).size, 0);
	proxy_init(&p, &s, &six); /* no IPv6 address of its own: any */
	check_output(&p, STR("\r\n\r\n\0\r\nQUIT\n\x21\x21\0\44"
			     "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
			     "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x25\0\0\0\31"));
	s.has_ipv6 = true;
	s.ipv6 = address_of("2001:db8::1");
	proxy_init(&p, &s, &six);
	check_output(&p, STR("\r\n\r\n\0\r\nQUIT\n\x21\x21\0\44"
			     "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
			     "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x25\0\0\0\31"));
}

static void test_proxy_that_answers_a_header_too_early_is_bad(void **)
{
	struct source s = {.via = SOURCE_PROXY_V2};
	struct net_address to = address_of("198.51.100.25");
	struct proxy p;
	size_t taken;
	proxy_init(&p, &s, &to);
	assert_int_equal(feed(&p, STR("2"), &taken), PROXY_BAD);
	assert_int_equal(p.cause, CAUSE_SOURCE_UNAVAILABLE);
}

static void test_proxy_socks_without_a_login(void **)
{
	struct source s = socks_source("", "");
	struct net_address to = address_of("198.51.100.25");
	for (size_t split = 1; split <= 2; split++) {
		struct proxy p;
		size_t taken;
		proxy_init(&p, &s, &to);
		check_output(&p, STR("\5\1\0"));
		assert_int_equal(proxy_sent(&p), PROXY_MORE);
		assert_int_equal(feed_torn(&p, STR(NO_LOGIN), split, &taken), PROXY_MORE);
		check_output(&p, STR("\5\1\0\1\306\63\144\31\0\31"));
	}
}

static void test_proxy_socks_with_a_login(void **)
{
	struct source s = socks_source("ann", "secret");
	struct net_address to = address_of("2001:db8::25");
	for (size_t split = 1; split <= 2; split++) {
		struct proxy p;
		size_t taken;
		proxy_init(&p, &s, &to);
		check_output(&p, STR("\5\2\0\2"));
		assert_int_equal(proxy_sent(&p), PROXY_MORE);
		assert_int_equal(feed_torn(&p, STR(LOGIN), split, &taken), PROXY_MORE);
		check_output(&p, STR("\1\3ann\6secret"));
		assert_int_equal(proxy_sent(&p), PROXY_MORE);
		assert_null(memmem(&p, sizeof p, "secret", 6)); /* kept no longer than needed */
		assert_int_equal(feed_torn(&p, STR("\1\0"), split, &taken), PROXY_MORE);
		check_output(&p, STR("\5\1\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x25\0\31"));
	}
}

static void test_proxy_socks_login_of_the_largest_size(void **)
{
	struct source s = {.via = SOURCE_SOCKS5};
	struct net_address to = address_of("198.51.100.25");
	struct proxy p;
	size_t taken;
	memset(s.proxy_user, 'u', 255);
	memset(s.proxy_password, 'p', 255);
	proxy_init(&p, &s, &to);
	assert_int_equal(proxy_sent(&p), PROXY_MORE);
	assert_int_equal(feed(&p, STR(LOGIN), &taken), PROXY_MORE);
	str login = proxy_output(&p);
	assert_int_equal(login.size, PROXY_OUTPUT_LIMIT);
	assert_int_equal((uint8_t)login.data[1], 255);
	assert_int_equal((uint8_t)login.data[257], 255);
	assert_int_equal(login.data[512], 'p');
}

/* The end of the answer is found at every split, and the greeting behind it is left alone. */
static void test_proxy_socks_answer_ends_before_the_greeting(void **)
{
	char named[4 + 1 + 255 + 2] = "\5\0\0\3\377";
	const str answers[] = {
		STR("\5\0" ENDPOINT),
		STR("\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\4\70"),
		STR("\5\0\0\3\11localhost\4\70"),
		STR("\5\0\0\3\0\4\70"),
		STR("\5\0\11\1\0\0\0\0\0\0"), /* the reserved byte is nobody's business */
		str_make(named, sizeof named),
	};
	struct source s = socks_source("", "");
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		char whole[300];
		memcpy(whole, answers[i].data, answers[i].size);
		memcpy(whole + answers[i].size, "220 hi\r\n", 8);
		str bytes = str_make(whole, answers[i].size + 8);
		for (size_t split = 1; split <= bytes.size; split++) {
			struct proxy p = asked(&s, "198.51.100.25");
			size_t taken;
			assert_int_equal(feed_torn(&p, bytes, split, &taken), PROXY_READY);
			assert_int_equal(taken, answers[i].size);
			assert_int_equal(proxy_output(&p).size, 0);
		}
		for (size_t size = 1; size < answers[i].size; size++) {
			struct proxy p = asked(&s, "198.51.100.25");
			size_t taken;
			assert_int_equal(feed(&p, str_sub(bytes, 0, size), &taken), PROXY_MORE);
			assert_int_equal(taken, size);
		}
	}
}

static void test_proxy_socks_refusals_say_whose_fault_it_is(void **)
{
	static const struct {
		uint8_t code;
		enum local_cause cause, ipv6_cause;
	} rows[] = {
		{1, CAUSE_SOURCE_UNAVAILABLE, CAUSE_SOURCE_UNAVAILABLE},
		{2, CAUSE_SOURCE_UNAVAILABLE, CAUSE_SOURCE_UNAVAILABLE},
		{3, CAUSE_CONNECT_UNREACHABLE, CAUSE_CONNECT_UNREACHABLE},
		{4, CAUSE_CONNECT_UNREACHABLE, CAUSE_CONNECT_UNREACHABLE},
		{5, CAUSE_CONNECT_REFUSED, CAUSE_CONNECT_REFUSED},
		{6, CAUSE_CONNECT_TIMEOUT, CAUSE_CONNECT_TIMEOUT},
		{7, CAUSE_SOURCE_UNAVAILABLE, CAUSE_SOURCE_UNAVAILABLE},
		{8, CAUSE_SOURCE_UNAVAILABLE, CAUSE_CONNECT_UNREACHABLE},
		{9, CAUSE_SOURCE_UNAVAILABLE, CAUSE_SOURCE_UNAVAILABLE},
		{255, CAUSE_SOURCE_UNAVAILABLE, CAUSE_SOURCE_UNAVAILABLE},
	};
	struct source s = socks_source("", "");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char answer[] = "\5?" ENDPOINT;
		answer[1] = (char)rows[i].code;
		for (size_t split = 1; split < sizeof answer; split++) {
			struct proxy p = asked(&s, "198.51.100.25");
			size_t taken;
			str bytes = str_make(answer, sizeof answer - 1);
			assert_int_equal(feed_torn(&p, bytes, split, &taken), PROXY_BAD);
			assert_int_equal(p.cause, rows[i].cause);
			assert_true(strlen(p.why) > 0);
			p = asked(&s, "2001:db8::25");
			assert_int_equal(feed_torn(&p, bytes, split, &taken), PROXY_BAD);
			assert_int_equal(p.cause, rows[i].ipv6_cause);
		}
	}
}

/* stage: how many answers came before this one. */
static void check_bad(const char *user, int stage, str answer, const char *why)
{
	struct source s = socks_source(user, "secret");
	struct net_address to = address_of("198.51.100.25");
	for (size_t split = 1; split <= answer.size; split++) {
		struct proxy p;
		size_t taken;
		proxy_init(&p, &s, &to);
		assert_int_equal(proxy_sent(&p), PROXY_MORE);
		if (stage > 0) {
			assert_int_equal(feed(&p, STR(LOGIN), &taken), PROXY_MORE);
			assert_int_equal(proxy_sent(&p), PROXY_MORE);
		}
		if (stage > 1) {
			assert_int_equal(feed(&p, STR("\1\0"), &taken), PROXY_MORE);
			assert_int_equal(proxy_sent(&p), PROXY_MORE);
		}
		assert_int_equal(feed_torn(&p, answer, split, &taken), PROXY_BAD);
		assert_int_equal(p.cause, CAUSE_SOURCE_UNAVAILABLE);
		if (!strstr(p.why, why))
			fail_msg("%s", p.why);
	}
}

static void test_proxy_socks_faults_of_the_proxy(void **)
{
	check_bad("ann", 0, STR("HTTP/1.0 400"), "does not speak SOCKS5");
	check_bad("ann", 0, STR("\4\0"), "does not speak SOCKS5");
	check_bad("ann", 0, STR("\5\377"), "neither a login nor none");
	check_bad("", 0, STR("\5\377"), "wants a user");
	check_bad("ann", 0, STR("\5\1"), "not offered");
	check_bad("", 0, STR("\5\2"), "not offered");
	check_bad("ann", 0, STR("\5\2\1\0"), "out of turn");
	check_bad("ann", 0, STR("\5\0\5\0" ENDPOINT), "out of turn");
	check_bad("ann", 1, STR("\1\1"), "refused the user");
	check_bad("ann", 1, STR("\5\377"), "refused the user");
	check_bad("ann", 1, STR("\1\0\5\0"), "out of turn");
	check_bad("ann", 2, STR("\4\0\0\1"), "broke the SOCKS protocol");
	check_bad("ann", 2, STR("\5\0\0\2\0\0\0"), "broke the SOCKS protocol");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proxy_header_names_both_ends),
		cmocka_unit_test(test_proxy_that_answers_a_header_too_early_is_bad),
		cmocka_unit_test(test_proxy_socks_without_a_login),
		cmocka_unit_test(test_proxy_socks_with_a_login),
		cmocka_unit_test(test_proxy_socks_login_of_the_largest_size),
		cmocka_unit_test(test_proxy_socks_answer_ends_before_the_greeting),
		cmocka_unit_test(test_proxy_socks_refusals_say_whose_fault_it_is),
		cmocka_unit_test(test_proxy_socks_faults_of_the_proxy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
