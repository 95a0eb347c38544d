/* test_store_fields.c - members of an object are found whatever stands around them, and nothing
 * is read beyond its end, however it is cut. */
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>

#include "engine/store/fields.h"

static const str names[] = {STR("a"), STR("first name"), STR("\xc3\xa4"), STR("none")};
#define NAME_COUNT (sizeof(names) / sizeof(*names))

static void check(const char *object, const char *a, const char *first_name, const char *umlaut)
{
	const char *wanted[NAME_COUNT] = {a, first_name, umlaut, NULL};
	str values[NAME_COUNT];
	fields_find(str_of(object), names, NAME_COUNT, values);
	for (size_t i = 0; i < NAME_COUNT; i++) {
		if (wanted[i])
			assert_true(str_eq(values[i], str_of(wanted[i])));
		else
			assert_null(values[i].data);
	}
}

static void test_fields_are_found_among_others(void **)
{
	check("{}", NULL, NULL, NULL);
	check("{\"a\": 1}", "1", NULL, NULL);
	check("{\"a\": \"x\", \"b\": {\"a\": 2}, \"first name\": \"Ann\"}", "\"x\"", "\"Ann\"",
	      NULL);
	check("{\"b\": [1, {\"a\": 5}, \"}\"], \"a\": [], \"\xc3\xa4\": null}", "[]", NULL,
	      "null");
	check("{\"\\\"a\": 1, \"a\": \"\\\\\", \"first name\": \"\\\", \\\"a\\\": 7\"}",
	      "\"\\\\\"", "\"\\\", \\\"a\\\": 7\"", NULL);
	check("{\"a\": {\"x\": {\"y\": [true]}}, \"\xc3\xa4\": -1.5}",
	      "{\"x\": {\"y\": [true]}}", NULL, "-1.5");
}

static void test_fields_of_what_is_no_object_are_none(void **)
{
	check("", NULL, NULL, NULL);
	check("[\"a\", 1]", NULL, NULL, NULL);
	check("\"a\"", NULL, NULL, NULL);
	check("null", NULL, NULL, NULL);
}

/* In memory of exactly its size, so that the sanitizer sees a byte too many. */
static void test_fields_of_what_is_cut_off_end_with_it(void **)
{
	const str whole = STR("{\"a\": \"x\\\"\", \"first name\": [{\"b\": \"]\"}], \"\xc3\xa4\": 1}");
	for (size_t size = 1; size <= whole.size; size++) {
		str values[NAME_COUNT];
		char *part = malloc(size);
		assert_non_null(part);
		memcpy(part, whole.data, size);
		fields_find(str_make(part, size), names, NAME_COUNT, values);
		for (size_t i = 0; i < NAME_COUNT; i++)
			if (values[i].data)
				assert_true(values[i].data >= part &&
					    values[i].data + values[i].size <= part + size);
		free(part);
	}
}

static void test_fields_with_plain_names(void **)
{
	assert_true(fields_name_is_plain(STR("first name")));
	assert_true(fields_name_is_plain(STR("\xc3\xa4")));
	assert_false(fields_name_is_plain(STR("a\"b")));
	assert_false(fields_name_is_plain(STR("a\\b")));
	assert_false(fields_name_is_plain(STR("a\tb")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields_are_found_among_others),
		cmocka_unit_test(test_fields_of_what_is_no_object_are_none),
		cmocka_unit_test(test_fields_of_what_is_cut_off_end_with_it),
		cmocka_unit_test(test_fields_with_plain_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
