/* test_classify_rules.c - every rule decides its own example. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/base/embedded.h"
#include "tests/unit/classify_fixture.h"

static enum smtp_stage first_stage(str stages)
{
	str name = str_cut(&stages, '|');

	for (int i = 0; i < STAGE_COUNT; i++) {
		if (name.size && str_eq(name, str_of(smtp_stage_names[i])))
			return (enum smtp_stage)i;
	}
	return STAGE_UNKNOWN;
}

/* Returns whether the rule of this line won. */
static bool check_rule(str line, uint32_t number)
{
	str columns[8] = {};

	for (size_t i = 0; i < 8; i++)
		columns[i] = str_cut(&line, '\t');
	if (columns[7].size == 0 || line.data) {
		print_error("rules.tsv:%u: not eight columns\n", number);
		return false;
	}
	struct reply reply = {.stage = first_stage(columns[4]), .text = columns[7]};
	struct classification c = classify(classifier, &reply, columns[5]);
	if (c.rule != number)
		print_error("rules.tsv:%u: \"%.*s\" is decided by line %u as %s\n", number,
			    STR_FORMAT(columns[7]), c.rule, bounce_class_names[c.class]);
	return c.rule == number && str_eq(columns[0], str_of(bounce_class_names[c.class]));
}

static void test_classify_every_rule_decides_its_example(void **)
{
	str table = embedded_find("engine/smtp/rules.tsv");
	size_t rules = 0, wrong = 0;

	for (uint32_t number = 1; table.size > 0; number++) {
		str line = str_cut(&table, '\n');
		if (line.size == 0 || line.data[0] == '#' || line.data[0] == '@')
			continue;
		rules++;
		wrong += !check_rule(line, number);
	}
	print_message("%zu rules\n", rules);
	assert_true(rules > 100);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classify_every_rule_decides_its_example),
	};

	return cmocka_run_group_tests(tests, classifier_setup, classifier_teardown);
}
