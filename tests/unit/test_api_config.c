/* test_api_config.c - the configuration says what was written, and where a mistake stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "engine/api/config.h"
#include "engine/api/suggest.h"
#include "engine/api/units.h"

static char memory[4 << 20];

static int parse(const char *text, struct config *config, char *why, size_t why_size)
{
	static struct arena arena;
	arena_init_fixed(&arena, memory, sizeof(memory));
	return config_parse(config, "etc/test.conf", str_of(text), &arena, why, why_size);
}

static void test_config_defaults_are_all_legal(void **)
{
	struct config config;
	char why[300] = "";
	assert_int_equal(parse("", &config, why, sizeof(why)), 0);
	assert_string_equal(why, "");
	assert_int_equal(config.smtp.port, 25);
	assert_int_equal(config.retry.first, 15 * USEC_MINUTE);
	assert_int_equal(config.default_limits.message_rate.count, 100);
	assert_int_equal(config.source_count, 0);
}

static void test_config_reads_every_section(void **)
{
	struct config config;
	char why[300] = "";
	const char *text =
		"in_doubt = retry\n"
		"database { conninfo = \"host=/tmp password=hunter2\" }\n"
		"dns { server = 127.0.0.1\n port = 5353 ipv6 = no }\n"
		"source \"a\" { address = 127.0.0.9 helo = a.example.com }\n"
		"source \"b\" {}\n"
		"route \"*\" { host = 127.0.0.1 port = 2525 }\n"
		"provider \"gmail\" { mx = {\".google.com\", \".googlemail.com\"}\n"
		"  connections = 5 message_rate = 20000/d }\n"
		"dkim \"k\" { domain = example.com selector = s1 key = dkim/s1.pem }\n"
		"sending { secret = /abs/secret }\n"
		"retry { first = 2s growth = 1.5 }\n";
	int result = parse(text, &config, why, sizeof(why));
	assert_string_equal(why, "");
	assert_int_equal(result, 0);
	assert_int_equal(config.in_doubt, IN_DOUBT_RETRY);
	assert_int_equal(config.dns.port, 5353);
	assert_false(config.dns.ipv6);
	assert_int_equal(config.source_count, 2);
	assert_true(str_eq(config.sources[0].helo, STR("a.example.com")));
	assert_true(str_eq(config.sources[1].name, STR("b")));
	assert_int_equal(config.providers[0].mx.count, 2);
	assert_true(str_eq(config.providers[0].mx.items[1], STR(".googlemail.com")));
	assert_int_equal(config.providers[0].own, LIMIT_CONNECTIONS | LIMIT_MESSAGE_RATE);
	assert_int_equal(config.providers[0].message_rate.per, USEC_DAY);
	assert_true(str_eq(config.dkims[0].key, STR("etc/dkim/s1.pem")));
	assert_true(str_eq(config.sending.secret, STR("/abs/secret")));
	assert_int_equal(config.retry.first, 2 * USEC_SECOND);
}

static void test_config_tells_file_line_and_cure(void **)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"smtp {\n  prot = 25\n}",
		 "etc/test.conf:2: unknown key 'prot' in smtp, did you mean 'port'?"},
		{"databse { }",
		 "etc/test.conf:1: unknown key 'databse', did you mean 'database'?"},
		{"smtp {\n\n  port = 70000\n}",
		 "etc/test.conf:3: port: '70000' is out of range: 1 to 65535"},
		{"smtp { port = x1 }", "etc/test.conf:1: port: 'x1' is not a whole number"},
		{"retry { first = 10 }",
		 "etc/test.conf:1: first: '10' is not a duration (write "
		 "200ms, 30s, 10m, 1h30m or 2d)"},
		{"retry { first = 1ms }",
		 "etc/test.conf:1: first: '1ms' is out of range: 100ms to 1d"},
		{"default_limits { message_rate = fast }",
		 "etc/test.conf:1: message_rate: 'fast' is not a rate (write 100/s, 1000/h, "
		 "20000/d, \"5/min,burst=3\" or unlimited)"},
		{"in_doubt = maybe",
		 "etc/test.conf:1: in_doubt: 'maybe' is not one of assume, retry"},
		{"dns { ipv6 = perhaps }",
		 "etc/test.conf:1: ipv6: 'perhaps' is neither true nor false"},
		{"source \"a\" {}\nsource \"a\" {}",
		 "etc/test.conf:2: found duplicate title 'a'"},
		{"retry { growth = 2,0 }", NULL},
		{"smtp { port = \"25", NULL},
		{"smtp { port = 25\n",
		 "etc/test.conf:3: section smtp is not closed: a } is missing"},
		{"}", NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config config;
		char why[300] = "";
		assert_int_equal(parse(cases[i].text, &config, why, sizeof(why)), -1);
		if (cases[i].why)
			assert_string_equal(why, cases[i].why);
		else
			assert_true(str_starts(str_of(why), STR("etc/test.conf:")));
	}
}

static void test_config_explains_without_secrets(void **)
{
	static char out_memory[64 << 10];
	struct config config;
	struct buf out;
	char why[300] = "";
	assert_int_equal(
		parse("database { conninfo = \"password=hunter2\" }\nsmtp {\nport = 2525\n}\n"
		      "source \"a\" { helo = a.test }",
		      &config, why, sizeof(why)),
		0);
	buf_init_fixed(&out, out_memory, sizeof(out_memory));
	config_explain(&config, &out);
	assert_true(buf_ok(&out));
	assert_int_equal(str_find(buf_str(&out), STR("hunter2")), STR_NONE);
	assert_int_not_equal(str_find(buf_str(&out), STR("conninfo = (set, not shown)")),
			     STR_NONE);
	size_t at = str_find(buf_str(&out), STR("smtp.port = 2525"));
	assert_int_not_equal(at, STR_NONE);
	str line = str_from(buf_str(&out), at);
	line = str_cut(&line, '\n');
	assert_true(str_ends(line, STR("# etc/test.conf:3")));
	assert_int_not_equal(str_find(buf_str(&out), STR("source \"a\".helo = a.test")),
			     STR_NONE);
}

static void test_config_manual_names_every_key(void **)
{
	static char out_memory[64 << 10];
	struct buf out;
	buf_init_fixed(&out, out_memory, sizeof(out_memory));
	keys_manual(&config_table, &out);
	assert_true(buf_ok(&out));
	for (const struct key_section *s = config_table.sections; s->name; s++) {
		for (const struct key *k = s->keys; k->name; k++) {
			char line[80];
			struct buf b;
			buf_init_fixed(&b, line, sizeof(line));
			buf_printf(&b, "\n  %s ", k->name);
			assert_int_not_equal(str_find(buf_str(&out), buf_str(&b)), STR_NONE);
			assert_true(strlen(k->sentence) > 4);
		}
	}
}

static void test_units_read_what_they_write(void **)
{
	static const struct {
		const char *text;
		usec value;
	} good[] = {
		{"0", 0},
		{"200ms", 200000},
		{"1s", USEC_SECOND},
		{"90s", 90000000},
		{"1h30m", 5400000000},
		{"2d", 2 * USEC_DAY},
		{"1w", 7 * USEC_DAY},
	};
	static const char *const bad[] = {"",
					  "10",
					  "m",
					  "10x",
					  "-1s",
					  "1s2",
					  "1 s",
					  "1.5h",
					  "99999999999999999999s",
					  "9999999999999999d"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char text[40];
		struct buf b;
		usec value = -1, again = -1;
		assert_true(duration_from_text(str_of(good[i].text), &value));
		assert_int_equal(value, good[i].value);
		buf_init_fixed(&b, text, sizeof(text));
		duration_format(&b, value);
		assert_true(duration_from_text(buf_str(&b), &again));
		assert_int_equal(again, value);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		usec value;
		assert_false(duration_from_text(str_of(bad[i]), &value));
	}
	uint64_t size;
	assert_true(size_parse(STR("64k"), &size) && size == 65536);
	assert_false(size_parse(STR("64kb"), &size));
	assert_false(size_parse(STR("99999999999G"), &size));
}

static void test_units_group_thousands(void **)
{
	char text[40];
	struct buf b;
	buf_init_fixed(&b, text, sizeof(text));
	count_format(&b, 999);
	buf_put_byte(&b, ' ');
	count_format(&b, 1234567);
	assert_true(str_eq(buf_str(&b), STR("999 1,234,567")));
}

static void test_suggest_finds_slips_only(void **)
{
	static const char *const known[] = {"connections", "message_rate", "port"};
	assert_string_equal(suggest(STR("conections"), known, 3), "connections");
	assert_string_equal(suggest(STR("mesage_rate"), known, 3), "message_rate");
	assert_string_equal(suggest(STR("prot"), known, 3), "port");
	assert_null(suggest(STR("zzzzzz"), known, 3));
	assert_null(suggest(STR(""), known, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_defaults_are_all_legal),
		cmocka_unit_test(test_config_reads_every_section),
		cmocka_unit_test(test_config_tells_file_line_and_cure),
		cmocka_unit_test(test_config_explains_without_secrets),
		cmocka_unit_test(test_config_manual_names_every_key),
		cmocka_unit_test(test_units_read_what_they_write),
		cmocka_unit_test(test_units_group_thousands),
		cmocka_unit_test(test_suggest_finds_slips_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
