/* test_base_str.c - views: comparing, searching, cutting, numbers. */
#include "tests/unit/cmocka_all.h"

#include "engine/base/str.h"

static const str none = {NULL, 0};

static void test_str_compares_by_bytes_and_length(void **state)
{
	(void)state;
	assert_true(str_eq(STR("abc"), STR("abc")));
	assert_false(str_eq(STR("abc"), STR("abd")));
	assert_false(str_eq(STR("abc"), STR("ab")));
	assert_true(str_eq(none, STR("")));
	assert_true(str_eq_nocase(STR("MaIl FrOm"), STR("mAiL fRoM")));
	assert_false(str_eq_nocase(STR("@"), STR("`"))); /* 0x40 and 0x60 are no letters */
	assert_false(str_eq_nocase(STR("\xc4"), STR("\xe4"))); /* nor is Latin-1 ours to fold */
	assert_int_equal(str_compare(STR("a"), STR("b")), -1);
	assert_int_equal(str_compare(STR("b"), STR("a")), 1);
	assert_int_equal(str_compare(STR("a"), STR("aa")), -1);
	assert_int_equal(str_compare(none, STR("")), 0);
	assert_int_equal(str_compare(STR("\xff"), STR("a")), 1);
}

static void test_str_starts_and_ends(void **state)
{
	(void)state;
	assert_true(str_starts(STR("250-PIPELINING"), STR("250")));
	assert_false(str_starts(STR("25"), STR("250")));
	assert_true(str_starts_nocase(STR("Subject: x"), STR("sUBJECT:")));
	assert_true(str_ends(STR("mx.example"), STR(".example")));
	assert_false(str_ends(STR("ple"), STR("example")));
	assert_true(str_ends_nocase(STR("MX.EXAMPLE"), STR(".example")));
	assert_true(str_starts(none, none) && str_ends(none, none));
}

static void test_str_finds_first_and_last(void **state)
{
	(void)state;
	assert_int_equal(str_find_byte(STR("a@b@c"), '@'), 1);
	assert_int_equal(str_rfind_byte(STR("a@b@c"), '@'), 3);
	assert_true(str_find_byte(STR("abc"), '@') == STR_NONE);
	assert_true(str_rfind_byte(none, '@') == STR_NONE);
	assert_int_equal(str_find(STR("one two two"), STR("two")), 4);
	assert_true(str_find(STR("tw"), STR("two")) == STR_NONE);
	assert_int_equal(str_find(none, STR("")), 0);
}

static void test_str_parts_are_clipped(void **state)
{
	(void)state;
	assert_true(str_eq(str_sub(STR("abcdef"), 2, 3), STR("cde")));
	assert_true(str_eq(str_sub(STR("abc"), 2, SIZE_MAX), STR("c")));
	assert_int_equal(str_sub(STR("abc"), 9, 1).size, 0);
	assert_int_equal(str_from(STR("abc"), SIZE_MAX).size, 0);
	assert_true(str_eq(str_trim(STR(" \t a b\r\n")), STR("a b")));
	assert_int_equal(str_trim(STR(" \r\n")).size, 0);
}

static void test_str_cut_walks_a_list(void **state)
{
	(void)state;
	str rest = STR("a,,b");
	assert_true(str_eq(str_cut(&rest, ','), STR("a")));
	assert_int_equal(str_cut(&rest, ',').size, 0);
	assert_non_null(rest.data);
	assert_true(str_eq(str_cut(&rest, ','), STR("b")));
	assert_null(rest.data);
	rest = STR("a,");
	assert_true(str_eq(str_cut(&rest, ','), STR("a")));
	assert_non_null(rest.data); /* an empty last part is still a part */
	assert_int_equal(rest.size, 0);
}

static void test_str_reads_numbers_to_the_edge_of_their_type(void **state)
{
	(void)state;
	uint64_t u = 7;
	int64_t i = 7;
	assert_true(str_to_u64(STR("18446744073709551615"), &u));
	assert_true(u == UINT64_MAX);
	u = 7;
	static const char *const bad[] = {
		"",  "18446744073709551616", "99999999999999999999999", "1a", " 1", "+1", "-1",
		"1 "};
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
		assert_false(str_to_u64(str_of(bad[k]), &u));
	assert_int_equal(u, 7);
	assert_true(str_to_u64(STR("000"), &u) && u == 0);
	assert_true(str_to_i64(STR("-9223372036854775808"), &i) && i == INT64_MIN);
	assert_true(str_to_i64(STR("9223372036854775807"), &i) && i == INT64_MAX);
	assert_false(str_to_i64(STR("9223372036854775808"), &i));
	assert_false(str_to_i64(STR("-9223372036854775809"), &i));
	assert_false(str_to_i64(STR("-"), &i));
	assert_false(str_to_i64(STR("--1"), &i));
}

static void test_str_to_cstr_refuses_what_c_would_cut(void **state)
{
	(void)state;
	char out[4] = "zzz";
	assert_true(str_to_cstr(STR("abc"), out, sizeof out));
	assert_string_equal(out, "abc");
	assert_false(str_to_cstr(STR("abcd"), out, sizeof out));
	assert_string_equal(out, "");
	assert_false(str_to_cstr(STR("a\0b"), out, sizeof out));
	assert_true(str_to_cstr(none, out, sizeof out));
	assert_false(str_to_cstr(none, out, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_str_compares_by_bytes_and_length),
		cmocka_unit_test(test_str_starts_and_ends),
		cmocka_unit_test(test_str_finds_first_and_last),
		cmocka_unit_test(test_str_parts_are_clipped),
		cmocka_unit_test(test_str_cut_walks_a_list),
		cmocka_unit_test(test_str_reads_numbers_to_the_edge_of_their_type),
		cmocka_unit_test(test_str_to_cstr_refuses_what_c_would_cut),
	};
	return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
