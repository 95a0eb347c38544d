/* test_attribute_counts.c - the counts that imports keep are those that counting gives,
 * whatever has happened to the subscribers: imports, changes, leaving and coming back,
 * deletion, erasure, two at the same time, and names without number. */
#include "tests/unit/cmocka_all.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "engine/base/buf.h"
#include "engine/base/embedded.h"
#include "engine/base/prng.h"
#include "engine/io/heap.h"
#include "importer/list.h"
#include "tests/unit/live_db.h"

#define STEPS 50
#define PEOPLE 1500 /* more than a thousand at once are counted another way */

static void do_sql(const char *statement)
{
	assert_int_equal(live_exec(live_admin, statement), 0);
}

static void import_text(str text, const char *list, bool resubscribe)
{
	struct import_options options = {
		.conninfo = live_conninfo, .list = list, .resubscribe = resubscribe};
	struct import_result result;
	char why[300];
	int fd = memfd_create("csv", 0);
	assert_int_equal(write(fd, text.data, text.size), (ssize_t)text.size);
	lseek(fd, 0, SEEK_SET);
	if (import_list(fd, &options, &result, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	assert_false(result.noted);
	close(fd);
}

/* Lists and attributes whose count is not what counting gives, and by how much. */
static const char differences[] =
	"with kept as (select list_id, attribute, sum(n) as n from ("
	" select list_id, attribute, count as n from attribute_counts union all"
	" select list_id, attribute, change from attribute_changes) k group by 1, 2),"
	"counted as (select x.list_id, a.key as attribute, count(*) as n from subscriptions x"
	" join subscribers s on s.id = x.subscriber_id cross join lateral ("
	"  select '' as key union all select key from jsonb_each_text(s.attributes) where "
	"value <> '') a"
	" where x.state = 1 group by 1, 2)"
	"select coalesce(string_agg(list_id || ':' || attribute || ' ' || coalesce(k.n, 0) || "
	"'/' || "
	"coalesce(c.n, 0), ' '), '') from kept k full join counted c using (list_id, attribute)"
	" where coalesce(k.n, 0) <> coalesce(c.n, 0)";

static const char *run_step(struct prng *chance, struct arena *arena)
{
	static const char *const lists[] = {"one", "two", "three"};
	static const char *const columns[] = {"city", "plan", "a b", "points", "x"};
	char sql[600];
	struct buf b;
	uint64_t kind = prng_below(chance, 9), person = prng_below(chance, PEOPLE);
	uint64_t some = 1 + prng_below(chance, prng_below(chance, 4) ? 20 : PEOPLE);
	const char *list = lists[prng_below(chance, 3)];
	if (kind < 3) {
		uint64_t count = 1 + prng_below(chance, 4);
		buf_init_arena(&b, arena, 65536);
		buf_put_cstr(&b, "email");
		for (uint64_t c = 0; c < count; c++)
			buf_printf(&b, ",%s", columns[c]);
		for (uint64_t i = 0; i < some; i++) {
			buf_printf(&b, "\np%llu@example.com",
				   (unsigned long long)((person + i) % PEOPLE));
			for (uint64_t c = 0; c < count; c++)
				buf_printf(&b, ",%s", prng_below(chance, 3) ? "v" : "");
		}
		buf_put_byte(&b, '\n');
		import_text(buf_str(&b), list, prng_below(chance, 2));
		return "import";
	}
	static const char *const statements[] = {
		"update subscriptions set state = 2 where subscriber_id %% %llu = 1",
		"update subscriptions set state = 1 where subscriber_id %% %llu = 2",
		"update subscribers set attributes = attributes || '{\"city\": null, \"new\": "
		"1}' "
		"where id %% %llu = 0",
		"update subscribers set attributes = attributes - 'plan' || '{\"x\": \"\"}', "
		"suppressed = 100 where id %% %llu = 3",
		"delete from subscriptions where subscriber_id %% %llu = 4",
		"delete from subscribers where id %% %llu = 5",
	};
	snprintf(sql, sizeof(sql), statements[kind - 3],
		 (unsigned long long)(2 + prng_below(chance, 60)));
	do_sql(sql);
	return statements[kind - 3];
}

static void test_attribute_counts_are_what_counting_gives(void **)
{
	const char *given = getenv("SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : 7;
	struct prng chance;
	prng_init(&chance, seed);
	for (unsigned i = 0; i < STEPS; i++) {
		struct arena arena;
		arena_init(&arena, heap_source(), 0, 0);
		const char *step = run_step(&chance, &arena);
		const char *wrong = live_value(differences);
		if (wrong[0])
			fail_msg("SEED=%llu, step %u, %s: %s", (unsigned long long)seed, i,
				 step, wrong);
		if (i % 10 == 9)
			do_sql("select attribute_counts_fold(1)");
		assert_string_equal(live_value(differences), "");
		arena_done(&arena);
	}
	assert_string_equal(live_value("select count(*) > 5 from attribute_counts"), "t");
	assert_string_equal(live_value("select count(*) from attribute_changes where change is "
				       "null"),
			    "0");
}

/* As `subscriber erase` does it. */
static void test_attribute_counts_follow_an_erasure(void **)
{
	import_text(STR("email,city\nerased@example.com,Rom\nstays@example.com,Bonn\n"),
		    "erasure", false);
	const char *id = live_value("select id from subscribers where address_key = "
				    "'erased@example.com'");
	const char *values[] = {"1", id};
	PGresult *result = PQexecParams(
		live_admin, embedded_find("sql/queries/api_erase_subscriber.sql").data, 2, NULL,
		values, NULL, NULL, 0);
	assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
	PQclear(result);
	assert_string_equal(
		live_value("select count(*) from subscriptions x join lists l on l.id = "
			   "list_id where l.name = 'erasure'"),
		"1");
	assert_string_equal(live_value(differences), "");
}

/* An import changes somebody who unsubscribes at the same time: nobody waits, and the list is
 * counted again. */
static void test_attribute_counts_mark_what_met(void **)
{
	PGconn *other = PQconnectdb(live_conninfo);
	import_text(STR("email,city\nmet@example.com,Rom\nelse@example.com,\n"), "meeting",
		    false);
	assert_int_equal(live_exec(other,
				   "begin; update subscribers set attributes = '{\"plan\": "
				   "\"x\"}' where address_key = 'met@example.com'"),
			 0);
	do_sql("set statement_timeout = 5000");
	do_sql("update subscriptions set state = 2 where subscriber_id = (select id from "
	       "subscribers where address_key = 'met@example.com')");
	do_sql("reset statement_timeout");
	assert_int_equal(live_exec(other, "commit"), 0);
	PQfinish(other);
	assert_string_equal(
		live_value("select count(*) from attribute_changes where change is null"), "1");
	/* The next import of the list ends in order. */
	import_text(STR("email,city\nelse@example.com,Ulm\n"), "meeting", false);
	assert_string_equal(
		live_value("select count(*) from attribute_changes where change is null"), "0");
	assert_string_equal(live_value(differences), "");
}

static void test_attribute_counts_hold_odd_attributes(void **)
{
	do_sql("insert into lists (name, tenant_id) values ('odd', 1)");
	do_sql("insert into subscribers (tenant_id, address, address_key, domain, attributes) "
	       "select 1, 'o' || i, 'o' || i, 'x', (array['[1]', '\"text\"', '7', '{\"\": 1}', "
	       "jsonb_build_object(repeat('n', 5000), 1)::text, '{\"a''b%s\": true}'])[1 + i % "
	       "6]::jsonb from generate_series(1, 3000) i");
	do_sql("insert into subscriptions (tenant_id, list_id, subscriber_id) select 1, "
	       "(select id "
	       "from lists where name = 'odd'), id from subscribers where domain = 'x'");
	do_sql("update subscribers set attributes = '[2]' where domain = 'x' and id % 2 = 0");
	do_sql("update subscribers set attributes = '{\"%I\": 2}' where domain = 'x' and id % "
	       "2 = "
	       "1");
	assert_string_equal(
		live_value(
			"select string_agg(attribute || '=' || n, ' ' order by attribute) from "
			"(select attribute, sum(change) as n from attribute_changes c join "
			"lists "
			"l on l.id = list_id where l.name = 'odd' group by 1 having "
			"sum(change) "
			"<> 0) x"),
		"=3000 %I=1500");
	do_sql("delete from subscribers where domain = 'x'");
	assert_string_equal(live_value(differences), "");
}

/* A million names cost a million times what one costs, and no more is kept than 10,000. */
static void test_attribute_counts_are_bounded(void **)
{
	static const char kept[] =
		"select count(*) || ' ' || max(count) from attribute_counts a "
		"join lists l on l.id = list_id where l.name = 'many'";
	do_sql("insert into lists (name, tenant_id) values ('many', 1)");
	do_sql("insert into subscribers (tenant_id, address, address_key, domain, attributes) "
	       "select 1, 'm' || i, 'm' || i, 'many', jsonb_build_object('common', 1, 'n' || "
	       "i, 1, "
	       "'o' || i, 1) from generate_series(1, 12000) i");
	do_sql("insert into subscriptions (tenant_id, list_id, subscriber_id) select 1, "
	       "(select id "
	       "from lists where name = 'many'), id from subscribers where domain = 'many'");
	do_sql("select attribute_counts_fold(1)");
	assert_string_equal(live_value(kept), "10000 12000");
	/* No new name gets in, and what is kept stays right. */
	do_sql("update subscribers set attributes = attributes || '{\"late\": 1}' where domain "
	       "= "
	       "'many'");
	do_sql("update subscribers set attributes = attributes - 'common' where domain = "
	       "'many' and "
	       "id % 2 = 0");
	do_sql("select attribute_counts_fold(1)");
	assert_string_equal(live_value(kept), "10000 12000");
	assert_string_equal(live_value("select count from attribute_counts where attribute = "
				       "'common'"),
			    "6000");
	assert_string_equal(
		live_value("select count(*) from attribute_counts where attribute = "
			   "'late'"),
		"0");
	do_sql("select attribute_counts_recount(1, id) from lists where name = 'many'");
	assert_string_equal(live_value(kept), "10000 12000");
	assert_string_equal(live_value("select count from attribute_counts where attribute = "
				       "'late'"),
			    "12000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attribute_counts_are_what_counting_gives),
		cmocka_unit_test(test_attribute_counts_follow_an_erasure),
		cmocka_unit_test(test_attribute_counts_mark_what_met),
		cmocka_unit_test(test_attribute_counts_hold_odd_attributes),
		cmocka_unit_test(test_attribute_counts_are_bounded),
	};
	return cmocka_run_group_tests(tests, live_setup, live_teardown);
}
