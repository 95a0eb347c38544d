/* test_importer_seen.c - never a wrong no, seldom a wrong yes. */
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "importer/seen.h"

#define KEYS 1000000

static str key_of(char *to, size_t size, unsigned number)
{
	snprintf(to, size, "reader.%u@example.com", number);
	return str_of(to);
}

static void test_seen_knows_what_came_and_little_else(void **)
{
	char text[40];
	unsigned wrong = 0;
	struct seen *seen = seen_create();
	assert_non_null(seen);
	for (unsigned i = 0; i < KEYS; i++)
		wrong += seen_again(seen, key_of(text, sizeof(text), i));
	assert_in_range(wrong, 0, KEYS / 10000);
	for (unsigned i = 0; i < KEYS; i++)
		assert_true(seen_again(seen, key_of(text, sizeof(text), i)));
	seen_destroy(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seen_knows_what_came_and_little_else),
	};
	return cmocka_run_group_tests_name("importer seen", tests, NULL, NULL);
}
