/* test_api_pools.c - pools and warm-ups of the configuration: what is refused and where, and
 * what the engine gets. */
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "engine/api/settings.h"
#include "engine/api/settings_parts.h"
#include "engine/shape/warmup.h"

static char memory[4 << 20];
static struct arena arena;
static struct config config;

static int parse(const char *text, char *why, size_t why_size)
{
	arena_init_fixed(&arena, memory, sizeof(memory));
	return config_parse(&config, "etc/test.conf", str_of(text), &arena, why, why_size);
}

static void test_pools_are_refused_with_line_and_reason(void **)
{
	static const struct {
		const char *text, *why;
	} mistakes[] = {
		{"source \"out1\" {}\npool \"p\" {\nsources = { out1, out2 }\n}",
		 "3: pool \"p\".sources: there is no source \"out2\", did you mean \"out1\"?"},
		{"pool \"p\" { weights = {1} }",
		 "1: pool \"p\".sources: must be set: a pool is some sources"},
		{"source \"a\" {}\npool \"p\" { sources = { a, a } }",
		 "2: pool \"p\".sources: a source stands there twice; weights say who gets "
		 "more"},
		{"source \"a\" {}\nsource \"b\" {}\npool \"p\" {\nsources = {a, b}\nweights = "
		 "{1, "
		 "0}\n}",
		 "5: pool \"p\".weights: each source has one, a number from 1 to 1000"},
		{"source \"a\" {}\npool \"p\" { sources = {a} weights = {-1} }",
		 "2: pool \"p\".weights: each source has one, a number from 1 to 1000"},
		{"source \"a\" {}\nsource \"b\" {}\npool \"p\" { sources = {a, b} weights = "
		 "{1} }",
		 "3: pool \"p\".weights: each source has one, a number from 1 to 1000"},
		{"source \"a\" {}\npool \"p\" { sources = {a} weights = {1, 1} }",
		 "2: pool \"p\".weights: there are more of them than sources"},
		{"route \"*\" { pool = p }", "1: route \"*\".pool: there is no pool \"p\""},
		{"source \"a\" {\nwarmup = slow\n}",
		 "2: source \"a\".warmup: there is no warmup \"slow\""},
		{"source \"a\" { warmup = standart }",
		 "1: source \"a\".warmup: there is no warmup \"standart\", did you mean "
		 "\"standard\"?"},
	};
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		char why[300] = "", wanted[300];
		snprintf(wanted, sizeof(wanted), "etc/test.conf:%s", mistakes[i].why);
		assert_int_equal(parse(mistakes[i].text, why, sizeof(why)), -1);
		assert_string_equal(why, wanted);
	}
}

static void test_pools_curves_are_refused_with_the_key(void **)
{
	static const struct {
		const char *keys, *why;
	} mistakes[] = {
		{"days = { 200, 200 }",
		 "days: 200 is not more than 200: each day allows more than the one before"},
		{"days = { 1k, 500 }",
		 "days: 500 is not more than 1000: each day allows more than the one before"},
		{"days = { 0 }", "days: '0' is no number of messages, as 500 or 20k"},
		{"days = { 5G }", "days: '5G' is no number of messages, as 500 or 20k"},
		{"days = { 9999999999 }",
		 "days: '9999999999' is no number of messages, as 500 or 20k"},
		{"hours = \"20:00-08:00\"",
		 "hours: '20:00-08:00' is no window of one day, as 08:00-20:00"},
		{"hours = \"8-20\"", "hours: '8-20' is no window of one day, as 08:00-20:00"},
		{"hours = \"00:00-24:01\"",
		 "hours: '00:00-24:01' is no window of one day, as 08:00-20:00"},
		{"start = soon", "start: 'soon' is no date, as 2026-03-01"},
		{"defer_limit = 0.1", "defer_limit: '0.1' is no share, as 10% or 0.1%"},
		{"complaint_limit = 101%",
		 "complaint_limit: '101%' is no share, as 10% or 0.1%"},
		{"least_used = \"-1%\"", "least_used: '-1%' is no share, as 10% or 0.1%"},
	};
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		char why[300] = "", text[200], wanted[300];
		snprintf(text, sizeof(text), "warmup \"w\" {\n%s\n}", mistakes[i].keys);
		snprintf(wanted, sizeof(wanted), "etc/test.conf:2: warmup \"w\".%s",
			 mistakes[i].why);
		assert_int_equal(parse(text, why, sizeof(why)), -1);
		assert_string_equal(why, wanted);
	}
	char why[300] = "";
	assert_int_equal(parse("sending { day_zone = Berlin }", why, sizeof(why)), -1);
	assert_string_equal(why,
			    "etc/test.conf:1: sending.day_zone: is UTC, or an offset from it "
			    "such as +02:00");
}

static void open_good(const char *text, struct engine_settings *s)
{
	char why[400] = "";
	int result = parse(text, why, sizeof(why));
	assert_string_equal(why, "");
	assert_int_equal(result, 0);
	*s = (struct engine_settings){};
	assert_int_equal(settings_sources(&config, &arena, s, why, sizeof(why)), 0);
	assert_int_equal(settings_pools(&config, &arena, s, why, sizeof(why)), 0);
	assert_int_equal(settings_routes(&config, &arena, s, why, sizeof(why)), 0);
}

static void test_pools_and_curves_reach_the_engine(void **)
{
	struct engine_settings s;
	open_good("sending { day_zone = \"-08:30\" }\n"
		  "source \"a\" {}\nsource \"b\" { warmup = standard }\n"
		  "source \"c\" { warmup = gentle }\n"
		  "pool \"even\" { sources = { c, a } }\n"
		  "pool \"odd\" { sources = { a, b, c } weights = { 5, 1, 2 } }\n"
		  "warmup \"gentle\" { days = { 50, 1k, 2M } hours = \"08:00-20:30\"\n"
		  "  start = 2026-03-01 defer_limit = 5% complaint_limit = 0.05% least_used = "
		  "0%\n"
		  "  idle_days = 7 }\n"
		  "route \"list:news\" { pool = odd }\nroute \"*\" { tls = may }\n",
		  &s);
	assert_int_equal(s.pool_count, 2);
	assert_true(str_eq(s.pools[0].name, STR("even")));
	assert_int_equal(s.pools[0].count, 2);
	assert_int_equal(s.pools[0].sources[0], 2);
	assert_int_equal(s.pools[0].weights[0], 1);
	assert_int_equal(s.pools[1].weights[0], 5);
	assert_int_equal(s.pools[1].weights[2], 2);
	assert_int_equal(s.route.static_routes[0].pool, 2);
	assert_int_equal(s.route.static_routes[1].pool, 0);
	assert_null(s.warmups[0]);
	assert_int_equal(s.warmups[1]->step_count, 29);
	assert_int_equal(s.warmups[1]->closes, USEC_DAY);
	const struct warmup_curve *c = s.warmups[2];
	assert_int_equal(c->step_count, 3);
	assert_int_equal(c->steps[1], 1000);
	assert_int_equal(c->steps[2], 2000000);
	assert_int_equal(c->opens, 8 * USEC_HOUR);
	assert_int_equal(c->closes, 20 * USEC_HOUR + 30 * USEC_MINUTE);
	assert_int_equal(c->first_day, 20513);
	assert_int_equal(c->defer_limit, 50000);
	assert_int_equal(c->complaint_limit, 500);
	assert_int_equal(c->used_limit, 0);
	assert_int_equal(c->idle_days, 7);
	assert_int_equal(c->zone, -(8 * USEC_HOUR + 30 * USEC_MINUTE));
	assert_int_equal(s.store.day_zone, c->zone);
}

static void test_pools_lose_sources_that_are_not_here(void **)
{
	struct engine_settings s;
	const struct command command = {.name = "test"};
	open_good("source \"gone\" { address = 192.0.2.1 }\n"
		  "source \"here\" { address = 127.0.0.1 warmup = standard }\n"
		  "pool \"both\" { sources = { gone, here } weights = { 3, 4 } }\n"
		  "pool \"none\" { sources = { gone } }\n",
		  &s);
	struct cli cli = {.command = &command, .arena = &arena, .config = config};
	assert_null(s.warmups[0]);
	assert_int_equal(settings_use_sources(&cli, &s), CLI_GO);
	assert_int_equal(s.source_count, 1);
	assert_non_null(s.warmups[0]);
	assert_int_equal(s.pools[0].count, 1);
	assert_int_equal(s.pools[0].sources[0], 0);
	assert_int_equal(s.pools[0].weights[0], 4);
	assert_int_equal(s.pools[1].count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pools_are_refused_with_line_and_reason),
		cmocka_unit_test(test_pools_curves_are_refused_with_the_key),
		cmocka_unit_test(test_pools_and_curves_reach_the_engine),
		cmocka_unit_test(test_pools_lose_sources_that_are_not_here),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
