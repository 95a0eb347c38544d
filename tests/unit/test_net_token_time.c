/* When tokens are fetched: the token source on a clock and a fetcher of this file's own, which
 * take the place of engine/io and engine/net/fetch.c as in the simulation. */
#include "tests/unit/cmocka_all.h"

#include "engine/net/token.h"

#include <stdio.h>

struct io_loop {
	usec now;
	struct chain ready;
};

static struct io_loop loop;
static struct token_source *source;
static struct fetch_question *request; /* NULL: none is open */
static int request_count;

usec io_now(const struct io_loop *l)
{
	return l->now;
}

void io_defer(struct io_loop *l, struct io_op *op)
{
	assert_false(op->busy);
	op->busy = true;
	chain_link_init(&op->link);
	chain_push_back(&l->ready, &op->link);
}

void fetch(struct fetcher *, struct fetch_question *q)
{
	assert_null(request);
	assert_true(q->form.size > 0);
	request = q;
	request_count++;
}

void fetch_question_done(struct fetch_question *)
{
}

static void run(void)
{
	struct chain_link *link;
	while ((link = chain_pop(&loop.ready))) {
		struct io_op *op = CHAIN_OWNER(link, struct io_op, link);
		op->busy = false;
		op->on_done(op, 0);
	}
}

static void answer(long status, const char *body)
{
	struct fetch_question *q = request;
	assert_non_null(q);
	request = NULL;
	q->result = 0;
	q->status = status;
	q->body = str_of(body);
	q->on_fetched(q);
	run();
}

static void answer_token(const char *token, int seconds)
{
	char body[200];
	snprintf(body, sizeof body,
		 "{\"access_token\":\"%s\",\"token_type\":\"bearer\",\"expires_in\":%d}", token,
		 seconds);
	answer(200, body);
}

static struct token_question question;
static int told_count;
static char told[100];

static void on_token(struct token_question *q)
{
	assert_true(str_to_cstr(q->token, told, sizeof told));
	told_count++;
}

static void ask(void)
{
	int before = told_count;
	question.on_token = on_token;
	token_get(source, &question);
	assert_int_equal(told_count, before);
	run();
	assert_int_equal(told_count, before + !request);
}

/* Asks and is told at once, without a request. */
static void check_told(const char *token)
{
	ask();
	assert_null(request);
	assert_string_equal(told, token);
}

static int open_source(void **)
{
	struct token_source_config config = {.endpoint = STR("https://token.test/"),
					     .client_id = STR("c")};
	loop.now = 5 * USEC_SECOND;
	chain_init(&loop.ready);
	request = NULL;
	request_count = told_count = 0;
	return token_source_create(&source, &loop, NULL, &config);
}

static int close_source(void **)
{
	token_source_destroy(source);
	run();
	return 0;
}

static void check_renewed_after(int life, usec fresh)
{
	request_count = 0;
	ask();
	answer_token("first", life);
	assert_string_equal(told, "first");
	usec start = loop.now;
	loop.now = start + fresh - 1;
	check_told("first");
	loop.now = start + fresh;
	ask();
	answer_token("second", life);
	assert_string_equal(told, "second");
	assert_int_equal(request_count, 2);
	loop.now += 366 * USEC_DAY;
}

static void test_token_is_renewed_before_its_end(void **)
{
	check_renewed_after(3600, 3540 * USEC_SECOND);
	check_renewed_after(600, 540 * USEC_SECOND);
	check_renewed_after(100, 90 * USEC_SECOND);
	check_renewed_after(0, 900 * USEC_MS); /* a second at least */
	check_renewed_after(-5, 3540 * USEC_SECOND);
	check_renewed_after(2147483647, 30 * USEC_DAY - USEC_MINUTE);
}

static void test_token_serves_until_its_end_when_renewal_fails(void **)
{
	ask();
	answer_token("old", 3600);
	loop.now += 3550 * USEC_SECOND;
	ask();
	answer(503, "");
	assert_string_equal(told, "old");
	check_told("old"); /* quiet for ten seconds */
	loop.now += 45 * USEC_SECOND;
	ask();
	answer(503, "");
	assert_string_equal(told, "old");
	loop.now += 5 * USEC_SECOND;
	check_told(""); /* over, and quiet */
	assert_non_null(strstr(question.why, "503"));
	loop.now += 5 * USEC_SECOND;
	ask();
	answer_token("new", 3600);
	assert_string_equal(told, "new");
	assert_int_equal(request_count, 4);
}

static void test_token_failures_are_told_without_asking_again_at_once(void **)
{
	ask();
	answer(400, "{\"error\":\"invalid_grant\"}");
	assert_true(question.refused);
	for (int i = 0; i < 9; i++) {
		loop.now += USEC_SECOND;
		check_told("");
		assert_true(question.refused);
		assert_non_null(strstr(question.why, "invalid_grant"));
	}
	loop.now += USEC_SECOND;
	ask();
	answer_token("t", 60);
	assert_false(question.refused);
	assert_string_equal(question.why, "");
}

static void test_token_spent_is_heeded_once_a_minute(void **)
{
	ask();
	token_source_spent(source); /* one is under way */
	answer_token("first", 3600);
	token_source_spent(source);
	ask();
	answer_token("second", 3600);
	token_source_spent(source); /* from a connection that used the first */
	check_told("second");
	loop.now += 59 * USEC_SECOND;
	token_source_spent(source);
	check_told("second");
	loop.now += USEC_SECOND;
	token_source_spent(source);
	ask();
	answer_token("third", 3600);
	assert_string_equal(told, "third");
	assert_int_equal(request_count, 3);
}

static void on_token_again(struct token_question *q)
{
	if (++told_count < 5)
		token_get(source, q);
}

static void on_token_destroy(struct token_question *)
{
	told_count++;
	token_source_destroy(source);
	source = NULL;
}

static void test_token_asking_and_destroying_from_the_answer(void **)
{
	question.on_token = on_token_again;
	token_get(source, &question);
	run();
	answer_token("t", 3600);
	assert_int_equal(told_count, 5);
	struct token_question more[3] = {};
	told_count = 0;
	for (int i = 0; i < 3; i++) {
		more[i].on_token = on_token_destroy;
		token_get(source, &more[i]);
	}
	run();
	assert_int_equal(told_count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_token_is_renewed_before_its_end,
						open_source, close_source),
		cmocka_unit_test_setup_teardown(
			test_token_serves_until_its_end_when_renewal_fails, open_source,
			close_source),
		cmocka_unit_test_setup_teardown(
			test_token_failures_are_told_without_asking_again_at_once, open_source,
			close_source),
		cmocka_unit_test_setup_teardown(test_token_spent_is_heeded_once_a_minute,
						open_source, close_source),
		cmocka_unit_test_setup_teardown(
			test_token_asking_and_destroying_from_the_answer, open_source,
			close_source),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
