/* test_store_schema.c - migrations apply once and refuse what they do not know; the numbers in
 * the tables are those of the program. */
#include "tests/unit/cmocka_all.h"

#include "engine/base/codec.h"
#include "engine/smtp/classify.h"
#include "engine/store/pg.h"
#include "engine/store/reasons.h"
#include "tests/unit/live_db.h"

static void test_schema_applies_once(void **)
{
	char why[256] = "";
	struct store_migration m;
	assert_int_equal(store_check_schema(live_admin, why, sizeof(why)), 0);
	assert_int_equal(store_migrate(live_conninfo, &m, why, sizeof(why)), 0);
	assert_int_equal(m.applied_count, 0);
	assert_int_equal(m.version, atoi(live_value("select max(number) from migrations")));
	assert_int_equal(m.version, atoi(live_value("select count(*) from migrations")));
	assert_true(m.version >= 6);
}

static void test_schema_refuses_another_program(void **)
{
	char why[256];
	struct store_migration m;
	assert_int_equal(live_exec(live_admin,
				   "insert into migrations values (99, 'sql/0099_x.sql', 'y')"),
			 0);
	assert_int_equal(store_migrate(live_conninfo, &m, why, sizeof(why)), STORE_REFUSED);
	assert_non_null(strstr(why, "newer"));
	assert_int_equal(store_check_schema(live_admin, why, sizeof(why)), STORE_REFUSED);
	assert_int_equal(live_exec(live_admin,
				   "delete from migrations where number = 99;"
				   "update migrations set checksum = 'x' where number = 2"),
			 0);
	assert_int_equal(store_migrate(live_conninfo, &m, why, sizeof(why)), STORE_REFUSED);
	assert_non_null(strstr(why, "another form"));
	assert_int_equal(live_exec(live_admin, "drop table migrations"), 0);
	assert_int_equal(store_check_schema(live_admin, why, sizeof(why)), STORE_REFUSED);
	assert_non_null(strstr(why, "rundbrief init"));
}

static void compare(const char *table, uint32_t number, const char *name)
{
	char statement[200];
	snprintf(statement, sizeof(statement), "select name from %s where number = %u", table,
		 number);
	assert_string_equal(live_value(statement), name);
}

static void test_schema_names_numbers_as_the_program_does(void **)
{
	for (uint32_t i = 0; i < CLASS_COUNT; i++)
		compare("classes", i, bounce_class_names[i]);
	for (uint32_t i = 0; i < VERDICT_COUNT; i++)
		compare("verdicts", i, verdict_names[i]);
	for (uint32_t i = 0; i < STAGE_COUNT; i++)
		compare("stages", i, smtp_stage_names[i]);
	unsigned reasons = 0;
	for (uint32_t i = 0; i < 256; i++) {
		if (strcmp(store_reason_name(i), "unknown") == 0 && i != CLASS_UNKNOWN)
			continue;
		compare("reasons", i, store_reason_name(i));
		assert_int_equal(store_reason_number(store_reason_name(i)), i);
		reasons++;
	}
	assert_int_equal(reasons, atoi(live_value("select count(*) from reasons")));
}

static void test_schema_codes_ids_as_the_program_does(void **)
{
	const uint64_t ids[] = {1, 127, 128, 300, STORE_OUTBOX_FIRST_ID};
	char memory[64], hex[200];
	struct buf coded, text;
	buf_init_fixed(&coded, memory, sizeof(memory));
	delta_encode(&coded, ids, 5);
	buf_init_fixed(&text, hex, sizeof(hex));
	hex_encode(&text, buf_str(&coded));
	buf_put_byte(&text, 0);
	assert_string_equal(live_value("select encode(id_bytes('{1, 127, 128, 300, "
				       "1099511627776}'), 'hex')"),
			    hex);
	assert_int_equal(STORE_OUTBOX_FIRST_ID, 1099511627776);
}

static void test_pg_text_is_clean(void **)
{
	static const struct {
		str in;
		const char *out;
		size_t limit;
	} cases[] = {
		{STR("plain"), "plain", 100},
		{STR("a\0b"), "a?b", 100},
		{STR("\xc3\xa4\xff\xc3"), "\xc3\xa4??", 100},
		{STR("\xed\xa0\x80\xf4\x90\x80\x80"), "???????", 100},
		{STR("ab\xc3\xa4"), "ab", 3},
		{STR("ab\xff\xff"), "ab?", 3},
		{STR(""), "", 3},
	};
	char memory[64];
	struct buf b;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		buf_init_fixed(&b, memory, sizeof(memory));
		pg_clean(&b, cases[i].in, cases[i].limit);
		assert_true(str_eq(buf_str(&b), str_of(cases[i].out)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schema_applies_once),
		cmocka_unit_test(test_schema_names_numbers_as_the_program_does),
		cmocka_unit_test(test_schema_codes_ids_as_the_program_does),
		cmocka_unit_test(test_pg_text_is_clean),
		cmocka_unit_test(test_schema_refuses_another_program),
	};
	return cmocka_run_group_tests_name("store schema", tests, live_setup, live_teardown);
}
