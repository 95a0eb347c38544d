/* test_store_packs.c - what was delivered is told in packs: the view shows each outcome as it
 * was told, whatever it shares with others, however far apart they lie, and whatever a server
 * said; and most of a batch takes few rows. Compared is with what was told, row by row. */
#include "tests/unit/cmocka_all.h"

#include "engine/base/embedded.h"
#include "engine/base/prng.h"
#include "engine/store/store.h"
#include "tests/unit/live_db.h"

#define COUNT 3000
#define START (1700000000 * USEC_SECOND)

static struct store *store;
static uint32_t engine_id, epoch;
static uint64_t position;
static struct store_outcome outcomes[COUNT];
static char texts[COUNT][400];

static void done(struct store_request *request)
{
	(void)request;
}

static void settle(size_t count)
{
	static const struct store_outcome *told[COUNT];
	for (size_t i = 0; i < count; i++)
		told[i] = &outcomes[i];
	struct store_settle r = {.request.on_done = done,
				 .engine_id = engine_id,
				 .epoch = epoch,
				 .outcomes = told,
				 .count = count,
				 .old_position = position,
				 .new_position = position + 10};
	store_settle(store, &r);
	assert_string_equal(r.request.why, "");
	assert_int_equal(r.request.result, STORE_OK);
	position += 10;
}

static int number(const char *sql)
{
	return atoi(live_value(sql));
}

static struct store_outcome delivered(uint64_t id)
{
	return (struct store_outcome){.campaign_id = 1,
				      .slice_id = 1 + (id - 1) / 500,
				      .subscriber_id = id,
				      .verdict = VERDICT_DELIVERED,
				      .final = true,
				      .cause = "delivered",
				      .stage = STAGE_END,
				      .code = 250,
				      .status = {2, 0, 0},
				      .attempt = 1,
				      .revision = 1,
				      .at_wall = START + (usec)id * 1001,
				      .date_wall = START + (usec)id,
				      .duration_ms = 7,
				      .size = 10000,
				      .text = STR("ok"),
				      .mx_host = STR("mx.one.test"),
				      .provider = STR(""),
				      .site = STR("one.test"),
				      .source = STR("out1")};
}

static void forget(void)
{
	assert_int_equal(live_exec(live_admin, "truncate delivery_rows, delivery_packs, asked"),
			 0);
}

/* What was told, as the test itself writes it. */
static void note(const struct store_outcome *o, const char *text)
{
	char sql[2000];
	char *quoted = PQescapeLiteral(live_admin, text, strlen(text));
	assert_non_null(quoted);
	snprintf(
		sql, sizeof(sql),
		"insert into asked values (%llu, %llu, %llu, to_timestamp(0) + %lld * interval "
		"'1 us', to_timestamp(0) + nullif(%lld, 0) * interval '1 us', %u, %u, %u, %u, "
		"%u, "
		"%s, '%s', '%s', %s)",
		(unsigned long long)o->campaign_id, (unsigned long long)o->slice_id,
		(unsigned long long)o->subscriber_id, (long long)o->at_wall,
		(long long)o->date_wall, o->revision, o->duration_ms, o->size, o->verdict,
		o->attempt, o->final ? "true" : "false", o->cause, o->mx_host.data, quoted);
	PQfreemem(quoted);
	assert_int_equal(live_exec(live_admin, sql), 0);
}

static const char differences[] =
	"with seen as (select campaign_id, slice_id, subscriber_id, at, date_at, revision, "
	"duration_ms, size, verdict, attempt, final, cause, mx_host, text from deliveries "
	"where tenant_id = 1 and stage = 10 and code = 250 and status = 2000000 and origin = 0 "
	"and class = 0 and provider = '' and source = 'out1' and site = 'one.test') "
	"select (select count(*) from (select * from asked except all select * from seen) x) + "
	"(select count(*) from (select * from seen except all select * from asked) x)";

static void test_like_outcomes_take_few_rows(void **)
{
	forget();
	for (uint64_t i = 0; i < COUNT; i++)
		outcomes[i] = delivered(i + 1);
	settle(COUNT);
	assert_int_equal(number("select count(*) from delivery_rows"), 0);
	assert_in_range(number("select count(*) from delivery_packs"), 1, COUNT / 40);
	assert_int_equal(number("select count(distinct subscriber_id) from deliveries"), COUNT);
	/* Three to a page, none of it moved out of line. */
	assert_int_equal(
		number("select count(*) from delivery_packs p where pg_column_size(p) > "
		       "2712"),
		0);
	assert_in_range(number("select pg_relation_size('delivery_packs_1') / 8192"), 1,
			COUNT / 40 / 3 + 1);
	assert_int_equal(number("select pg_relation_size(reltoastrelid) from pg_class where "
				"relname = 'delivery_packs_1'"),
			 0);
}

static void vary(struct prng *random, uint64_t i)
{
	static const char *const said[] = {"", "ok", "2.0.0 Ok: queued as 4XyZ", "caf\xc3\xa9",
					   "it's {a,\"b\"} \\ NULL"};
	struct store_outcome *o = &outcomes[i];
	*o = delivered(1 + prng_below(random, 2000)); /* some of them twice */
	o->slice_id = 1 + prng_below(random, 3);
	o->campaign_id = 1 + prng_below(random, 2);
	o->mx_host = prng_below(random, 4) ? STR("mx.one.test") : STR("mx.two.test");
	o->revision = prng_below(random, 5) ? 1 : 2;
	o->attempt = prng_below(random, 5) ? 1 : 3;
	o->cause = prng_below(random, 9) ? "delivered" : "accepted";
	o->duration_ms = (uint32_t)prng_below(random, 1000);
	o->size = (uint32_t)prng_below(random, 1 << 20);
	if (prng_below(random, 20) == 0)
		o->subscriber_id += (uint64_t)1 << 40; /* a row of the outbox */
	if (prng_below(random, 20) == 0)
		o->at_wall += USEC_HOUR * (usec)(1 + prng_below(random, 50));
	if (prng_below(random, 20) == 0)
		o->date_wall = prng_below(random, 2) ? 0 : START - 3 * USEC_DAY;
	if (prng_below(random, 20) == 0) {
		o->verdict = VERDICT_FAILED;
		o->cause = "refused";
	}
	if (prng_below(random, 20) == 0) {
		memset(texts[i], 'x', 399);
		texts[i][399] = 0;
		o->text = str_of(texts[i]);
	} else {
		o->text = str_of(said[prng_below(random, 5)]);
	}
}

static void test_each_outcome_is_shown_as_it_was_told(void **)
{
	struct prng random;
	prng_init(&random, 7);
	forget();
	for (uint64_t i = 0; i < 600; i++)
		vary(&random, i);
	settle(600);
	for (uint64_t i = 0; i < 600; i++) {
		char text[400];
		size_t most = outcomes[i].verdict == VERDICT_DELIVERED ? 160 : 399;
		snprintf(text, sizeof(text), "%.*s", (int)most, outcomes[i].text.data);
		note(&outcomes[i], text);
	}
	assert_string_equal(live_value(differences), "0");
	assert_in_range(number("select count(*) from delivery_packs"), 20, 300);
	assert_in_range(number("select count(*) from delivery_rows"), 20, 300);
	assert_int_equal(number("select count(*) from delivery_rows where verdict = 1 and "
				"date_at is null"),
			 number("select count(*) from asked where verdict = 1 and date_at is "
				"null"));
}

static void test_what_no_utf8_is_becomes_question_marks(void **)
{
	forget();
	for (uint64_t i = 0; i < 3; i++) {
		outcomes[i] = delivered(i + 1);
		outcomes[i].text = STR("a\xff"
				       "b");
	}
	settle(3);
	assert_int_equal(number("select count(*) from delivery_packs"), 1);
	assert_int_equal(number("select count(*) from deliveries where text = 'a?b'"), 3);
}

/* Whoever is alone is a row: a pack would take more. */
static void test_one_alone_is_a_row(void **)
{
	forget();
	outcomes[0] = delivered(1);
	settle(1);
	assert_int_equal(number("select count(*) from delivery_rows"), 1);
	assert_int_equal(number("select count(*) from delivery_packs"), 0);
}

static int run_query(const char *name, const char *second)
{
	char path[80];
	const char *parameters[] = {"1", second};
	snprintf(path, sizeof(path), "sql/queries/%s.sql", name);
	PGresult *result = PQexecParams(live_admin, embedded_find(path).data, 2, NULL,
					parameters, NULL, NULL, 0);
	int good = PQresultStatus(result) == PGRES_COMMAND_OK;
	fprintf(stderr, "%s", PQresultErrorMessage(result));
	PQclear(result);
	return good ? 0 : -1;
}

/* Nothing else of a pack changes. */
static void test_who_is_erased_has_no_words_left_in_a_pack(void **)
{
	forget();
	for (uint64_t i = 0; i < 5; i++) {
		outcomes[i] = delivered(i + 7);
		outcomes[i].text = STR("ok for ann@example.com");
	}
	settle(5);
	assert_int_equal(run_query("api_erase_replies", "9"), 0);
	assert_int_equal(number("select count(*) from deliveries where text = ''"), 1);
	assert_int_equal(number("select subscriber_id from deliveries where text = ''"), 9);
	assert_int_equal(number("select count(*) from delivery_packs"), 1);
	assert_int_equal(number("select count(*) from deliveries where text = 'ok for "
				"ann@example.com' and subscriber_id between 7 and 11"),
			 4);
}

static void test_a_row_of_the_outbox_that_is_erased_has_none_either(void **)
{
	forget();
	assert_int_equal(
		live_exec(live_admin,
			  "update campaigns set kind = 1 where id = 2; insert into outbox "
			  "(template, address, campaign_id, address_key, size, state, "
			  "due_at, ended_at) select 'b', a, 2, a, 1, 4, now(), now() from "
			  "unnest(array['x@example.com', 'y@example.com']) a"),
		0);
	uint64_t first = strtoull(live_value("select min(id) from outbox"), NULL, 10);
	for (uint64_t i = 0; i < 2; i++) {
		outcomes[i] = delivered(first + i);
		outcomes[i].campaign_id = 2;
		outcomes[i].slice_id = 1;
	}
	settle(2);
	assert_int_equal(number("select count(*) from delivery_packs"), 1);
	assert_int_equal(run_query("api_erase_outbox", "y@example.com"), 0);
	assert_int_equal(number("select count(*) from deliveries where text = ''"), 1);
	assert_int_equal(number("select count(*) from deliveries where text = 'ok'"), 1);
}

static int set_up(void **state)
{
	char why[256] = "";
	if (live_setup(state) != 0)
		return -1;
	struct store_config config = {.conninfo = live_conninfo,
				      .application = "rundbrief packs"};
	if (store_open(&store, NULL, &config, why, sizeof(why)) != 0)
		return -1;
	struct store_join r = {.request.on_done = done, .name = STR("packs")};
	store_join(store, &r);
	engine_id = r.ret_engine_id;
	epoch = r.ret_epoch;
	return live_exec(
		live_admin,
		"insert into campaigns (tenant_id, id, name, state) values (1, 1, 'a', "
		"1), (1, 2, 'b', 1); select campaign_partition(id) from campaigns; "
		"create table asked as select campaign_id, slice_id, subscriber_id, at, "
		"date_at, revision, duration_ms, size, verdict, attempt, final, cause, "
		"mx_host, text from deliveries limit 0");
}

static int tear_down(void **state)
{
	store_close(store);
	return live_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_like_outcomes_take_few_rows),
		cmocka_unit_test(test_each_outcome_is_shown_as_it_was_told),
		cmocka_unit_test(test_what_no_utf8_is_becomes_question_marks),
		cmocka_unit_test(test_one_alone_is_a_row),
		cmocka_unit_test(test_who_is_erased_has_no_words_left_in_a_pack),
		cmocka_unit_test(test_a_row_of_the_outbox_that_is_erased_has_none_either),
	};
	return cmocka_run_group_tests_name("store packs", tests, set_up, tear_down);
}
