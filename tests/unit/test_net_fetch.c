/* The fetcher against a real web server on loopback, over TLS with a CA made for it. */
#include "tests/unit/https_world.h"

struct asked {
	struct fetch_question question;
	int done;
};

static struct fetcher *fetcher;

static void on_fetched(struct fetch_question *q)
{
	CHAIN_OWNER(q, struct asked, question)->done++;
}

static void begin(struct asked *a, const char *scheme, const char *host, unsigned port,
		  const char *path)
{
	a->question.on_fetched = on_fetched;
	snprintf(a->question.url, sizeof a->question.url, "%s://%s:%u%s", scheme, host, port,
		 path);
	fetch(fetcher, &a->question);
	assert_int_equal(a->done, 0);
}

static void ask(struct asked *a, const char *path)
{
	a->done = 0;
	begin(a, "https", "127.0.0.1", web.https_port, path);
	world_run_until(&a->done, 1);
}

static void check_fails(struct asked *a, const char *why, bool untrusted)
{
	world_run_until(&a->done, 1);
	assert_int_equal(a->question.result, -1);
	assert_int_equal(a->question.untrusted, untrusted);
	if (!strstr(a->question.why, why))
		fail_msg("%s", a->question.why);
	fetch_question_done(&a->question);
}

static int open_fetcher(void **)
{
	struct fetch_config config = {.ca_file = web.ca_file};
	return fetcher_create(&fetcher, world_loop, &config);
}

static int close_fetcher(void **)
{
	fetcher_destroy(fetcher);
	fetcher = NULL;
	return 0;
}

static void test_fetch_gives_status_type_and_body(void **)
{
	struct asked a = {};
	ask(&a, "/policy");
	assert_int_equal(a.question.result, 0);
	assert_int_equal(a.question.status, 200);
	assert_string_equal(a.question.media_type, "text/plain");
	assert_true(str_eq(a.question.body, STR("version: STSv1\r\n")));
	ask(&a, "/nothing"); /* the same question again */
	assert_int_equal(a.question.result, 0);
	assert_int_equal(a.question.status, 404);
	assert_true(str_eq(a.question.body, STR("no such thing")));
	fetch_question_done(&a.question);
}

static void test_fetch_follows_no_redirect(void **)
{
	struct asked a = {};
	ask(&a, "/moved");
	assert_int_equal(a.question.result, 0);
	assert_int_equal(a.question.status, 301);
	assert_true(str_eq(a.question.body, STR("elsewhere")));
	fetch_question_done(&a.question);
}

static void test_fetch_takes_64_kib_and_no_more(void **)
{
	struct asked a = {};
	ask(&a, "/size/65536");
	assert_int_equal(a.question.result, 0);
	assert_int_equal(a.question.body.size, FETCH_BODY_LIMIT);
	ask(&a, "/size/65537");
	check_fails(&a, "127.0.0.1: the answer is longer than 64 KiB", false);
	ask(&a, "/endless");
	check_fails(&a, "longer than 64 KiB", false);
	ask(&a, "/size/0");
	assert_int_equal(a.question.result, 0);
	assert_int_equal(a.question.body.size, 0);
	fetch_question_done(&a.question);
}

static void test_fetch_posts_a_form(void **)
{
	struct asked a = {.question.form = STR("grant_type=x&secret=%26")};
	ask(&a, "/echo");
	assert_int_equal(a.question.result, 0);
	assert_true(str_eq(a.question.body,
			   STR("application/x-www-form-urlencoded grant_type=x&secret=%26")));
	fetch_question_done(&a.question);
}

static void test_fetch_connects_to_the_address_given(void **)
{
	struct asked a = {};
	assert_true(net_address_parse(STR("127.0.0.1"), 1, &a.question.address));
	begin(&a, "https", "mta-sts.good.test", web.https_port, "/host");
	world_run_until(&a.done, 1);
	assert_int_equal(a.question.result, 0);
	char host[100];
	int size = snprintf(host, sizeof host, "mta-sts.good.test:%u", web.https_port);
	assert_true(str_eq(a.question.body, str_make(host, (size_t)size)));
	fetch_question_done(&a.question);
}

static void test_fetch_trusts_nobody_it_should_not(void **)
{
	struct asked a = {};
	/* The right CA, another name. */
	assert_true(net_address_parse(STR("127.0.0.1"), 0, &a.question.address));
	begin(&a, "https", "mta-sts.bad.test", web.https_port, "/policy");
	check_fails(&a, "mta-sts.bad.test: ", true);
	/* Another CA, and the system's. */
	char other[200];
	snprintf(other, sizeof other, "%s/other.pem", web.directory);
	const char *const files[] = {other, NULL, "/nowhere/ca.pem"};
	struct fetcher *right = fetcher;
	for (size_t i = 0; i < 3; i++) {
		struct asked b = {};
		struct fetch_config config = {.ca_file = files[i]};
		assert_int_equal(fetcher_create(&fetcher, world_loop, &config), 0);
		ask(&b, "/policy");
		check_fails(&b, "certificate", true);
		fetcher_destroy(fetcher);
	}
	fetcher = right;
}

static void test_fetch_gives_up_in_time(void **)
{
	struct asked a = {.question.timeout = 200 * USEC_MS};
	ask(&a, "/slow");
	check_fails(&a, "127.0.0.1: ", false);
}

static void test_fetch_one_slow_server_holds_up_no_other(void **)
{
	struct asked slow = {}, quick = {};
	begin(&slow, "https", "127.0.0.1", web.https_port, "/slow");
	ask(&quick, "/policy");
	assert_int_equal(quick.question.status, 200);
	assert_int_equal(slow.done, 0);
	fetch_question_done(&quick.question);
	close_fetcher(NULL); /* the slow question is a local */
	assert_int_equal(open_fetcher(NULL), 0);
}

static void test_fetch_answers_a_refused_connection(void **)
{
	struct net_address at;
	struct asked a = {};
	int fd = world_listen(&at);
	close(fd);
	begin(&a, "https", "127.0.0.1", ntohs(at.in4.sin_port), "/policy");
	check_fails(&a, "127.0.0.1: ", false);
}

static void test_fetch_refuses_other_urls(void **)
{
	static const char *const urls[] = {
		"http://mta-sts.example.com/",
		"http://192.0.2.1/",
		"http://localhost/",
		"ftp://127.0.0.1/",
		"file:///etc/hostname",
		"https://user:secret@127.0.0.1/",
		"https:///",
		"no url",
		"",
	};
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		struct asked a = {.question.on_fetched = on_fetched};
		strcpy(a.question.url, urls[i]);
		fetch(fetcher, &a.question);
		check_fails(&a, "fetched", false);
		assert_null(strstr(a.question.why, "secret"));
	}
	struct asked a = {};
	assert_true(net_address_parse(STR("192.0.2.1"), 0, &a.question.address));
	begin(&a, "http", "127.0.0.1", web.http_port, "/policy");
	check_fails(&a, "only https", false);
}

static void test_fetch_speaks_http_to_loopback(void **)
{
	struct asked a = {};
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	begin(&a, "http", "127.0.0.1", web.http_port, "/policy");
	world_run_until(&a.done, 1);
	assert_int_equal(a.question.result, 0);
	assert_int_equal(a.question.status, 200);
	fetch_question_done(&a.question);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}

static void test_fetch_makes_hostile_text_printable(void **)
{
	struct net_address at;
	struct asked a = {};
	int listener = world_listen(&at);
	begin(&a, "http", "127.0.0.1", ntohs(at.in4.sin_port), "/");
	int fd = accept(listener, NULL, NULL);
	static const char garbage[] = "HTTP/1.1 200 \x1b[31m\r\nContent-Type: \x1b[31m/\xff"
				      ";x\r\nContent-Length: 0\r\n\r\n";
	assert_int_equal(write(fd, garbage, sizeof garbage - 1), sizeof garbage - 1);
	world_run_until(&a.done, 1);
	assert_int_equal(a.question.result, 0);
	assert_string_equal(a.question.media_type, "?[31m/?");
	close(fd);
	a.done = 0;
	begin(&a, "http", "127.0.0.1", ntohs(at.in4.sin_port), "/");
	fd = accept(listener, NULL, NULL);
	assert_int_equal(write(fd, "\x1b[31m\n", 6), 6);
	close(fd);
	check_fails(&a, "127.0.0.1: ", false);
	close(listener);
}

static void test_fetch_many_at_once_are_all_answered(void **)
{
	enum { COUNT = 100 };
	static struct asked many[COUNT];
	for (int i = 0; i < COUNT; i++)
		begin(&many[i], "http", "127.0.0.1", web.http_port, "/policy");
	for (int i = 0; i < COUNT; i++) {
		world_run_until(&many[i].done, 1);
		assert_int_equal(many[i].question.status, 200);
		fetch_question_done(&many[i].question);
	}
}

static void test_fetcher_is_destroyed_at_any_moment(void **)
{
	for (int turns = 0; turns < 8; turns++) {
		struct asked many[20] = {};
		for (int i = 0; i < 20; i++)
			begin(&many[i], i % 2 ? "http" : "https", "127.0.0.1",
			      i % 2 ? web.http_port : web.https_port,
			      i % 5 ? "/policy" : "/slow");
		for (int i = 0; i < turns; i++)
			assert_true(io_turn(world_loop, clock_now() + 3 * USEC_MS) >= 0);
		usec before = clock_now();
		close_fetcher(NULL);
		assert_true(clock_now() - before < 10 * USEC_SECOND); /* /slow takes 30 s */
		for (int i = 0; i < 20; i++) {
			many[i].done = 0;
			fetch_question_done(&many[i].question);
		}
		world_run_for(2 * USEC_MS);
		for (int i = 0; i < 20; i++)
			assert_int_equal(many[i].done, 0);
		assert_int_equal(open_fetcher(NULL), 0);
	}
}

static int destroyed;
static void on_fetched_destroy(struct fetch_question *q)
{
	fetch_question_done(q);
	close_fetcher(NULL);
	destroyed++;
}

static void test_fetcher_is_destroyed_from_an_answer(void **)
{
	struct asked a[3] = {};
	destroyed = 0;
	for (int i = 0; i < 3; i++) {
		strcpy(a[i].question.url, "ftp://127.0.0.1/");
		a[i].question.on_fetched = on_fetched_destroy;
		fetch(fetcher, &a[i].question);
	}
	world_run_until(&destroyed, 1);
	world_run_for(2 * USEC_MS);
	assert_int_equal(destroyed, 1);
	assert_int_equal(open_fetcher(NULL), 0);
}

static int open_all(void **state)
{
	if (web_open("build/debug/test_net_fetch") || world_open(state))
		return -1;
	return open_fetcher(state);
}

static int close_all(void **state)
{
	close_fetcher(state);
	int result = world_close(state);
	return web_close() || result;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fetch_gives_status_type_and_body),
		cmocka_unit_test(test_fetch_follows_no_redirect),
		cmocka_unit_test(test_fetch_takes_64_kib_and_no_more),
		cmocka_unit_test(test_fetch_posts_a_form),
		cmocka_unit_test(test_fetch_connects_to_the_address_given),
		cmocka_unit_test(test_fetch_trusts_nobody_it_should_not),
		cmocka_unit_test(test_fetch_gives_up_in_time),
		cmocka_unit_test(test_fetch_one_slow_server_holds_up_no_other),
		cmocka_unit_test(test_fetch_answers_a_refused_connection),
		cmocka_unit_test(test_fetch_refuses_other_urls),
		cmocka_unit_test(test_fetch_speaks_http_to_loopback),
		cmocka_unit_test(test_fetch_makes_hostile_text_printable),
		cmocka_unit_test(test_fetch_many_at_once_are_all_answered),
		cmocka_unit_test(test_fetcher_is_destroyed_at_any_moment),
		cmocka_unit_test(test_fetcher_is_destroyed_from_an_answer),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
