/* test_api_report.c - a report's numbers add up, and it says so when they do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "engine/api/report.h"
#include <jansson.h>

static struct report sample(void)
{
	struct report r = {.name = STR("it's"),
			   .state = STR("finished"),
			   .subject = STR("News"),
			   .revision = STR("1"),
			   .fully_cut = true,
			   .launched_wall = 1000 * USEC_SECOND,
			   .first_wall = 1001 * USEC_SECOND,
			   .last_wall = 1011 * USEC_SECOND,
			   .targeted = 1000,
			   .attempted = 990,
			   .delivered_first = 900,
			   .delivered_later = 50,
			   .failed = 38,
			   .in_doubt = 2,
			   .suppressed = 7,
			   .cancelled = 3};
	r.failed_classes.items[0] =
		(struct report_group){.name = STR("bad-mailbox"), .count = 38};
	r.failed_classes.count = 1;
	r.providers.items[0] = (struct report_group){.name = STR("gmail"), .count = 990};
	r.providers.count = 1;
	r.examples[0] = (struct report_example){.verdict = STR("failed"),
						.class = STR("bad-mailbox"),
						.code = STR("550"),
						.status = STR("5.1.1"),
						.text = STR("no \x1b[31m\"such\" user\xFF"),
						.mx_host = STR("mx.test"),
						.count = 38};
	r.example_count = 1;
	return r;
}

static bool holds(const struct report *r, const char *text)
{
	static char memory[1 << 16];
	struct buf out;
	buf_init_fixed(&out, memory, sizeof(memory));
	report_put_text(r, &out);
	assert_true(buf_ok(&out));
	return str_find(buf_str(&out), str_of(text)) != STR_NONE;
}

static void test_report_adds_up_when_finished(void **)
{
	struct report r = sample();
	assert_int_equal(report_ended(&r), 1000);
	assert_int_equal(report_open(&r), 0);
	assert_true(report_holds(&r));
	assert_true(holds(&r, "Targeted 1,000 = delivered 950 + failed 38 + in doubt 2 + "
			      "suppressed 7 + cancelled 3 + held out 0\nIt adds up."));
}

static void test_report_says_when_it_does_not_add_up(void **)
{
	struct report r = sample();
	r.delivered_first--;
	assert_false(report_holds(&r));
	assert_true(holds(&r, "IT DOES NOT ADD UP"));
	r = sample();
	r.state = STR("running");
	r.delivered_first++; /* more endings than recipients */
	assert_false(report_holds(&r));
}

static void test_report_counts_the_open_ones_while_running(void **)
{
	struct report r = sample();
	r.state = STR("running");
	r.delivered_first -= 100;
	r.deferred_now = 40;
	assert_int_equal(report_open(&r), 100);
	assert_true(report_holds(&r));
	assert_true(holds(&r, "+ open 100"));
	assert_true(holds(&r, "waiting or under way"));
	r.deferred_now = 101;
	assert_false(report_holds(&r));
}

static void test_report_names_commands_a_shell_can_run(void **)
{
	struct report r = sample();
	assert_true(holds(&r, "recipients 'it'\\''s' --verdict failed --class bad-mailbox"));
	r.name = STR("spring-2026");
	assert_true(holds(&r, "recipients spring-2026 --verdict in-doubt"));
}

static void test_report_shows_replies_printable(void **)
{
	struct report r = sample();
	assert_true(holds(&r, "550 5.1.1 no \\x1b[31m\"such\" user\\xff  [mx.test]"));
	assert_false(holds(&r, "\x1b"));
}

static void test_report_rate_is_over_the_time_of_sending(void **)
{
	struct report r = sample();
	assert_true(report_rate(&r) > 98.9 && report_rate(&r) < 99.1);
	r.last_wall = r.first_wall;
	assert_true(report_rate(&r) == 0);
}

static struct report_variant variant(int number, const char *name, uint64_t chosen,
				     uint64_t delivered, uint64_t left)
{
	return (struct report_variant){.number = number,
				       .name = str_of(name),
				       .share = 1000,
				       .chosen = chosen,
				       .delivered = delivered,
				       .failed = chosen - delivered,
				       .left = left};
}

/* The intervals are those of Agresti and Caffo, computed by hand. */
static void test_report_compares_variants_and_says_what_chance_makes(void **)
{
	struct report r = sample();
	struct report_variant v[] = {variant(1, "a", 10000, 9900, 20),
				     variant(2, "b", 10000, 9800, 25),
				     variant(0, "", 50000, 0, 0), variant(-1, "", 500, 0, 3)};
	r.variants = v;
	r.variant_count = 4;
	r.for_winner = 50000;
	r.held_out = 500;
	assert_true(holds(&r, "b against a: delivered -1.00 points (-1.34 to -0.66: more than "
			      "chance), left +0.05 points (-0.08 to +0.18: may be chance)"));
	assert_true(holds(&r, "the rest (no winner)"));
	assert_true(holds(&r, "50,000 wait: rundbrief campaign winner 'it'\\''s' VARIANT"));
	assert_true(holds(&r, "held out                        500"));
	v[2].name = STR("b");
	assert_true(holds(&r, "the rest: b"));
}

/* Of few nothing follows, and nothing is said. */
static void test_report_compares_no_handful(void **)
{
	struct report r = sample();
	struct report_variant v[] = {variant(1, "a", 29, 29, 0),
				     variant(2, "b", 2000, 1000, 0)};
	r.variants = v;
	r.variant_count = 2;
	assert_false(holds(&r, "against"));
}

static void test_report_json_has_variants(void **)
{
	static char memory[1 << 16];
	struct report r = sample();
	struct report_variant v[] = {variant(1, "a", 1000, 990, 2),
				     variant(2, "b", 1000, 990, 2),
				     variant(0, "b", 5000, 4000, 0), variant(-1, "", 50, 0, 0)};
	struct buf out;
	json_error_t error;
	r.variants = v;
	r.variant_count = 4;
	buf_init_fixed(&out, memory, sizeof(memory));
	report_put_json(&r, &out);
	json_t *json = json_loadb(out.data, out.size, 0, &error);
	json_t *variants = json_object_get(json, "variants");
	assert_int_equal(json_array_size(variants), 4);
	json_t *b = json_array_get(variants, 1), *held_out = json_array_get(variants, 3);
	assert_string_equal(json_string_value(json_object_get(b, "variant")), "b");
	assert_true(json_is_object(json_object_get(b, "delivered_against_first")));
	assert_string_equal(json_string_value(json_object_get(held_out, "kind")), "held-out");
	assert_true(json_is_null(json_object_get(held_out, "variant")));
	json_decref(json);
}

static void test_report_json_is_json(void **)
{
	static char memory[1 << 16];
	struct report r = sample();
	struct buf out;
	json_error_t error;
	buf_init_fixed(&out, memory, sizeof(memory));
	report_put_json(&r, &out);
	json_t *json = json_loadb(out.data, out.size, 0, &error);
	assert_non_null(json);
	assert_int_equal(json_integer_value(json_object_get(json, "delivered")), 950);
	assert_true(json_is_true(json_object_get(json, "holds")));
	json_t *failed = json_object_get(json, "failed_by_class");
	assert_int_equal(json_integer_value(json_object_get(failed, "bad-mailbox")), 38);
	json_decref(json);
	struct report empty = {.name = STR("x"), .state = STR("draft")};
	buf_reset(&out);
	report_put_json(&empty, &out);
	json = json_loadb(out.data, out.size, 0, &error);
	assert_non_null(json);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report_adds_up_when_finished),
		cmocka_unit_test(test_report_says_when_it_does_not_add_up),
		cmocka_unit_test(test_report_counts_the_open_ones_while_running),
		cmocka_unit_test(test_report_names_commands_a_shell_can_run),
		cmocka_unit_test(test_report_shows_replies_printable),
		cmocka_unit_test(test_report_rate_is_over_the_time_of_sending),
		cmocka_unit_test(test_report_compares_variants_and_says_what_chance_makes),
		cmocka_unit_test(test_report_compares_no_handful),
		cmocka_unit_test(test_report_json_has_variants),
		cmocka_unit_test(test_report_json_is_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
