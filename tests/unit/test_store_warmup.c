/* test_store_warmup.c - a day's starts are counted in a real PostgreSQL, whoever asks for them;
 * settlements say what became of them. */
#include "tests/unit/store_flow.h"

#include "engine/base/prng.h"

#define DAY 20000
#define ENGINES 3

static const usec noon = DAY * USEC_DAY + 12 * USEC_HOUR;

static struct store_warmup ask_of(struct store *s, str source, str provider, usec now_wall,
				  uint32_t wanted)
{
	struct store_warmup r = {.request.on_done = done,
				 .source = source,
				 .provider = provider,
				 .curve = &warmup_standard,
				 .now_wall = now_wall,
				 .wanted = wanted};
	store_warmup(s, &r);
	assert_int_equal(r.request.result, STORE_OK);
	return r;
}

static struct store_warmup ask(usec now_wall, uint32_t wanted)
{
	return ask_of(store, STR("cold"), STR("gmail"), now_wall, wanted);
}

static void forget_all(void)
{
	assert_int_equal(live_exec(live_admin, "truncate warmups, source_days"), 0);
}

static void test_store_warmup_keeps_its_state(void **)
{
	forget_all();
	struct store_warmup r = ask(noon, 30);
	assert_int_equal(r.ret_granted, 30);
	assert_int_equal(r.ret_state.step, 0);
	assert_int_equal(r.ret_state.day, DAY);
	r = ask(noon + USEC_HOUR, 0);
	assert_int_equal(r.ret_state.counted, 30);
	assert_int_equal(r.ret_state.mailed_day, DAY);
	assert_int_equal(r.ret_state.step_since, DAY);
	r = ask_of(store, STR("cold"), STR("yahoo"), noon, 500);
	assert_int_equal(r.ret_granted, 200);
	r = ask_of(store, STR("cold"), STR(""), noon, 500);
	assert_int_equal(r.ret_granted, 200);
	r = ask(noon, 500);
	assert_int_equal(r.ret_granted, 170);
	assert_int_equal(number("select count(*) from warmups"), 3);
	assert_string_equal(live_value("select day from warmups where provider = 'gmail'"),
			    "2024-10-04");
}

static void test_store_warmup_takes_back_on_the_same_day_only(void **)
{
	forget_all();
	assert_int_equal(ask(noon, 200).ret_granted, 200);
	struct store_warmup r = {.request.on_done = done,
				 .source = STR("cold"),
				 .provider = STR("gmail"),
				 .curve = &warmup_standard,
				 .now_wall = noon,
				 .unused = 7,
				 .unused_day = DAY - 1};
	store_warmup(store, &r);
	assert_int_equal(ask(noon, 9).ret_granted, 0);
	r.unused_day = DAY;
	store_warmup(store, &r);
	assert_int_equal(ask(noon, 9).ret_granted, 7);
}

static void put_day(const char *values)
{
	char statement[300];
	snprintf(statement, sizeof(statement),
		 "insert into source_days values (1, 'cold', 'gmail', %s)", values);
	assert_int_equal(live_exec(live_admin, statement), 0);
}

static void test_store_warmup_is_judged_by_what_was_settled(void **)
{
	forget_all();
	assert_int_equal(ask(noon, 200).ret_granted, 200);
	put_day("'2024-10-04', 200, 190, 10, 0");
	struct store_warmup r = ask(noon + USEC_DAY, 1000);
	assert_int_equal(r.ret_state.step, 1);
	assert_int_equal(r.ret_granted, 500);
	put_day("'2024-10-05', 500, 400, 100, 0");
	r = ask(noon + 2 * USEC_DAY, 1000);
	assert_int_equal(r.ret_granted, 500);
	assert_string_equal(r.ret_state.held,
			    "20.0 % of 500 attempts were deferred; the limit is 10 %");
	put_day("'2024-10-06', 500, 500, 0, 1");
	r = ask(noon + 3 * USEC_DAY, 1000);
	assert_int_equal(r.ret_state.step, 1);
	assert_non_null(strstr(r.ret_state.held, "complained of"));
	/* An engine whose clock is behind gets nothing of a day that is over. */
	r = ask(noon, 1000);
	assert_int_equal(r.ret_granted, 0);
	assert_int_equal(r.ret_state.day, DAY + 3);
	assert_int_equal(number("select counted from warmups"), 500);
}

/* Engines that ask in any order, lose chunks and start anew. */
static void test_store_warmup_never_grants_more_than_a_day(void **)
{
	struct store *engines[ENGINES];
	struct store_config config = {.conninfo = live_conninfo};
	struct prng prng;
	char why[256];
	uint64_t granted = 0;
	prng_init(&prng, 12);
	forget_all();
	for (int i = 0; i < ENGINES; i++)
		assert_int_equal(store_open(&engines[i], NULL, &config, why, sizeof(why)), 0);
	for (int i = 0; i < 150; i++) {
		struct store *s = engines[prng_below(&prng, ENGINES)];
		uint32_t wanted = (uint32_t)prng_below(&prng, 5);
		granted += ask_of(s, STR("cold"), STR("gmail"), noon + i, wanted).ret_granted;
	}
	assert_int_equal(granted, 200);
	for (int i = 0; i < ENGINES; i++)
		store_close(engines[i]);
}

static void test_store_warmup_counts_what_servers_answered(void **)
{
	uint64_t campaign = new_campaign("warm", "fully_cut = true");
	struct store_outcome o[8];
	forget_all();
	for (int i = 0; i < 8; i++) {
		o[i] = outcome_of(campaign, 1, (uint64_t)i + 1);
		o[i].at_wall = noon;
	}
	o[1].verdict = VERDICT_DEFERRED;
	o[1].final = false;
	o[1].class = CLASS_RATE_LIMITED;
	o[2] = o[1];
	o[2].class = CLASS_GREYLISTED; /* counts as an attempt, not against the source */
	o[3].verdict = VERDICT_FAILED;
	o[3].class = CLASS_REPUTATION;
	o[4].origin = REPLY_LOCAL; /* no server was reached */
	o[4].verdict = VERDICT_DEFERRED;
	o[4].final = false;
	o[4].class = CLASS_NETWORK;
	o[5].provider = STR("");
	o[6].site = STR("relay:main");
	o[7].at_wall = noon + USEC_DAY;
	for (int i = 0; i < 8; i++)
		o[i].subscriber_id = (uint64_t)i + 1;
	assert_int_equal(settle(o, 8, NULL, 0), STORE_OK);
	assert_string_equal(
		live_value("select string_agg(concat_ws(' ', source, provider, day, started, "
			   "delivered, deferred, complained), ', ' order by provider, day) "
			   "from source_days"),
		"out1  2024-10-04 1 1 0 0, out1 gmail 2024-10-04 4 1 2 0, "
		"out1 gmail 2024-10-05 1 1 0 0");
	assert_int_equal(settle(o, 8, NULL, 0), STORE_OK);
	assert_int_equal(number("select sum(started) from source_days"), 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_warmup_keeps_its_state),
		cmocka_unit_test(test_store_warmup_takes_back_on_the_same_day_only),
		cmocka_unit_test(test_store_warmup_is_judged_by_what_was_settled),
		cmocka_unit_test(test_store_warmup_never_grants_more_than_a_day),
		cmocka_unit_test(test_store_warmup_counts_what_servers_answered),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
