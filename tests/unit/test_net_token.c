/* Tokens from a real web server on loopback: what is asked, what is understood, who waits. */
#include "tests/unit/https_world.h"

#include "engine/net/token.h"

static struct fetcher *fetcher;
static struct token_source *source;

struct asked {
	struct token_question question;
	int done;
	char token[100];
};

static void on_token(struct token_question *q)
{
	struct asked *a = CHAIN_OWNER(q, struct asked, question);
	assert_int_equal(q->token.size > 0, q->why[0] == '\0');
	assert_true(str_to_cstr(q->token, a->token, sizeof a->token));
	a->done++;
}

static struct asked get(void)
{
	struct asked a = {.question.on_token = on_token};
	token_get(source, &a.question);
	assert_int_equal(a.done, 0);
	world_run_until(&a.done, 1);
	return a;
}

static void open_source(const char *scheme, struct token_source_config config)
{
	char url[100];
	snprintf(url, sizeof url, "%s://127.0.0.1:%u/scripted", scheme,
		 scheme[4] ? web.https_port : web.http_port);
	config.endpoint = str_of(url);
	struct fetch_config trust = {.ca_file = web.ca_file};
	assert_int_equal(fetcher_create(&fetcher, world_loop, &trust), 0);
	assert_int_equal(token_source_create(&source, world_loop, fetcher, &config), 0);
}

static void close_source(void)
{
	fetcher_destroy(fetcher);
	token_source_destroy(source);
}

static const struct token_source_config refreshing = {.client_id = STR("me@example.com"),
						      .client_secret = STR("s3cr=t&"),
						      .refresh_token = STR("r/1"),
						      .scope = STR("https://mail.test/ a"),
						      .pause = 1};

static void test_token_fixed_is_given_as_it_is(void **)
{
	struct token_source_config config = {.fixed = STR("as-such")};
	assert_int_equal(token_source_create(&source, world_loop, NULL, &config), 0);
	assert_string_equal(get().token, "as-such");
	token_source_spent(source);
	assert_string_equal(get().token, "as-such");
	token_source_destroy(source);
}

static void test_token_is_refreshed_over_https(void **)
{
	char form[500];
	web_script(200,
		   "{\"access_token\":\"t1\",\"token_type\":\"Bearer\",\"expires_in\":3600}");
	open_source("https", refreshing);
	assert_string_equal(get().token, "t1");
	assert_int_equal(web_asked(form, sizeof form), 1);
	assert_string_equal(form, "grant_type=refresh_token&refresh_token=r%2F1&"
				  "client_id=me%40example.com&client_secret=s3cr%3Dt%26&"
				  "scope=https%3A%2F%2Fmail.test%2F%20a");
	assert_string_equal(get().token, "t1");
	assert_int_equal(web_asked(NULL, 0), 1);
	close_source();
}

static void test_token_by_client_credentials(void **)
{
	char form[500];
	struct token_source_config config = {.client_id = STR("c"), .client_secret = STR("s")};
	web_script(200, "{\"access_token\":\"t2\",\"token_type\":\"bearer\"}");
	open_source("http", config);
	assert_string_equal(get().token, "t2");
	web_asked(form, sizeof form);
	assert_string_equal(form, "grant_type=client_credentials&client_id=c&client_secret=s");
	close_source();
}

static void test_token_one_request_for_all_who_wait(void **)
{
	static struct asked many[50];
	web_script(200,
		   "{\"access_token\":\"t\",\"token_type\":\"bearer\",\"expires_in\":\"9\"}");
	open_source("http", refreshing);
	for (int i = 0; i < 50; i++) {
		many[i].question.on_token = on_token;
		token_get(source, &many[i].question);
	}
	token_drop(source, &many[7].question);
	for (int i = 0; i < 50; i++)
		if (i != 7)
			world_run_until(&many[i].done, 1);
	assert_int_equal(many[7].done, 0);
	assert_string_equal(many[49].token, "t");
	assert_int_equal(web_asked(NULL, 0), 1);
	close_source();
}

static void test_token_rotation_of_the_refresh_token(void **)
{
	char form[500];
	open_source("http", refreshing);
	web_script(200, "{\"access_token\":\"t1\",\"token_type\":\"bearer\","
			"\"refresh_token\":\"r2\"}");
	get();
	token_source_spent(source);
	web_script(200, "{\"access_token\":\"t2\",\"token_type\":\"bearer\"}");
	assert_string_equal(get().token, "t2");
	web_asked(form, sizeof form);
	assert_non_null(strstr(form, "refresh_token=r2&"));
	close_source();
}

static void test_token_answers_that_are_none(void **)
{
	static const struct {
		int status;
		const char *body, *why;
		bool refused;
	} rows[] = {
		{400, "{\"error\":\"invalid_grant\",\"error_description\":\"was revoked\"}",
		 "refuses, status 400, invalid_grant: was revoked", true},
		{401, "{\"error\":\"invalid_client\"}", "status 401, invalid_client", true},
		{400, "{\"error\":\"bad\",\"error_description\":\"no r/1 here\"}", "status 400",
		 true},
		{400, "{\"error\":\"s3cr=t&\"}", "status 400", true},
		{400, "{\"error\":\"\\u001b[31m\"}", "status 400, \\x1b[31m", true},
		{400, "[]", "status 400", true},
		{400, "", "status 400", true},
		{403, "<html>", "status 403", true},
		{429, "{\"error\":\"slow_down\"}", "status 429, slow_down", false},
		{503, "later", "status 503", false},
		{301, "", "status 301", false},
		{200, "", "no JSON object", false},
		{200, "garbage", "no JSON object", false},
		{200, "[\"access_token\"]", "no JSON object", false},
		{200, "{\"access_token\":\"t\",\"token_type\":\"bearer\"} x", "no JSON object",
		 false},
		{200, "{}", "without a usable token", false},
		{200, "{\"access_token\":\"\",\"token_type\":\"bearer\"}",
		 "without a usable token", false},
		{200, "{\"access_token\":7,\"token_type\":\"bearer\"}",
		 "without a usable token", false},
		{200, "{\"access_token\":\"a b\",\"token_type\":\"bearer\"}",
		 "without a usable token", false},
		{200, "{\"access_token\":\"a\\u0001\",\"token_type\":\"bearer\"}",
		 "without a usable token", false},
		{200, "{\"access_token\":\"t\",\"token_type\":\"mac\"}",
		 "not of type bearer: mac", false},
		{200, "{\"access_token\":\"t\"}", "not of type bearer", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		open_source("http", refreshing);
		web_script(rows[i].status, rows[i].body);
		struct asked a = get();
		assert_string_equal(a.token, "");
		if (!strstr(a.question.why, rows[i].why))
			fail_msg("row %zu: %s", i, a.question.why);
		if (strstr(a.question.why, "r/1") || strstr(a.question.why, "s3cr"))
			fail_msg("row %zu tells a secret: %s", i, a.question.why);
		assert_int_equal(a.question.refused, rows[i].refused);
		/* And then it works, in a later turn. */
		world_run_for(2 * USEC_MS);
		web_script(200, "{\"access_token\":\"t\",\"token_type\":\"bearer\"}");
		assert_string_equal(get().token, "t");
		close_source();
	}
}

static void test_token_service_that_is_not_there(void **)
{
	struct net_address at;
	char url[100];
	close(world_listen(&at));
	struct token_source_config config = refreshing;
	snprintf(url, sizeof url, "http://127.0.0.1:%u/", ntohs(at.in4.sin_port));
	config.endpoint = str_of(url);
	assert_int_equal(fetcher_create(&fetcher, world_loop, NULL), 0);
	assert_int_equal(token_source_create(&source, world_loop, fetcher, &config), 0);
	struct asked a = get();
	assert_false(a.question.refused);
	assert_non_null(strstr(a.question.why, "cannot be asked: 127.0.0.1: "));
	close_source();
}

static void test_token_source_refuses_what_is_too_long(void **)
{
	static char huge[10000];
	memset(huge, 'x', sizeof huge);
	struct token_source_config config = {.endpoint = str_make(huge, 512)};
	assert_int_equal(token_source_create(&source, world_loop, NULL, &config), -EINVAL);
	config = (struct token_source_config){.client_secret = str_make(huge, sizeof huge)};
	assert_int_equal(token_source_create(&source, world_loop, NULL, &config), -EINVAL);
}

static void test_token_source_is_destroyed_while_it_asks(void **)
{
	struct asked a = {.question.on_token = on_token};
	web_script(200, "{}");
	for (int turns = 0; turns < 4; turns++) {
		open_source("https", refreshing);
		token_get(source, &a.question);
		for (int i = 0; i < turns; i++)
			assert_true(io_turn(world_loop, clock_now() + USEC_MS) >= 0);
		close_source();
		a.done = 0;
		world_run_for(2 * USEC_MS);
		assert_int_equal(a.done, 0);
	}
}

static int open_all(void **state)
{
	return web_open("build/debug/test_net_token") || world_open(state);
}

static int close_all(void **state)
{
	int result = world_close(state);
	return web_close() || result;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_token_fixed_is_given_as_it_is),
		cmocka_unit_test(test_token_is_refreshed_over_https),
		cmocka_unit_test(test_token_by_client_credentials),
		cmocka_unit_test(test_token_one_request_for_all_who_wait),
		cmocka_unit_test(test_token_rotation_of_the_refresh_token),
		cmocka_unit_test(test_token_answers_that_are_none),
		cmocka_unit_test(test_token_service_that_is_not_there),
		cmocka_unit_test(test_token_source_refuses_what_is_too_long),
		cmocka_unit_test(test_token_source_is_destroyed_while_it_asks),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
