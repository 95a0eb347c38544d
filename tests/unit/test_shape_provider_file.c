/* test_shape_provider_file.c - the user's table of providers: what is taken, and for each way
 * of getting it wrong the place and the sentence. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/base/buf.h"
#include "engine/shape/provider_file.h"

static char memory[4 << 20];
static struct arena arena;
static char why[PROVIDER_FILE_WHY_SIZE];

static int read_text(const char *text, struct rules **ret_rules)
{
	arena_init_fixed(&arena, memory, sizeof(memory));
	*ret_rules = rules_create(&arena);
	assert_non_null(*ret_rules);
	const struct provider_file file = {
		.path = "my.tsv", .text = str_of(text), .origin = RULE_FILE};
	why[0] = '\0';
	return provider_file_read(*ret_rules, &file, why, sizeof(why));
}

static struct rules *good(const char *text)
{
	struct rules *rules;
	int result = read_text(text, &rules);
	assert_string_equal(why, "");
	assert_int_equal(result, 0);
	return rules;
}

static str provider_of(const struct rules *rules, const char *host)
{
	const str hosts[] = {str_of(host)};
	return rules_provider(rules, hosts, 1);
}

static void check_provider(const struct rules *rules, const char *host, const char *expected)
{
	str name = provider_of(rules, host);
	if (!str_eq(name, str_of(expected)))
		fail_msg("%s: \"%.*s\", not \"%s\"", host, STR_FORMAT(name), expected);
}

static void test_provider_file_overrides_cell_by_cell(void **)
{
	struct rules *rules = good("# ours\r\n"
				   "message_rate\tprovider\tmx_suffixes\tconnections\r\n"
				   "\r\n"
				   "7/s\tGmail\t\t\r\n"
				   "\tdefault\t\t33\t\t\r\n"
				   "\tMX1.Example.com.\t\t2\r\n");
	struct path_limits l = rules_limits(rules, STR("gmail"), STR("x"));

	assert_int_equal(l.message_rate.count, 7);
	assert_int_equal(l.connections, 5); /* as shipped */
	assert_int_equal(l.messages_per_connection, 50);
	check_provider(rules, "aspmx.l.google.com", "gmail");
	l = rules_limits(rules, STR(""), STR("x"));
	assert_int_equal(l.connections, 33);
	assert_int_equal(l.message_rate.count, 100);
	assert_int_equal(rules_limits(rules, STR(""), STR("mx1.example.com")).connections, 2);
}

static void test_provider_file_knows_all_columns(void **)
{
	struct rules *rules = good(
		"\xef\xbb\xbfprovider\tmx_suffixes\tconnections\tmessages_per_connection\t"
		"message_rate\tconnection_rate\tbyte_rate\tidle_seconds\tscope\ttls\tflight\t"
		"flight_limit\twindow\tsource\tdate\n"
		"acme\t .Acme.Example. mx.acme.test "
		"\t3\t0\t5/min,burst=2\tunlimited\t10MB/min\t0\t"
		"provider\tverify\tgroup\tnext\t4\ttheir page\t2026-02-28\n");
	struct path_limits l = rules_limits(rules, STR("acme"), STR("x"));
	struct rule_match match;
	struct rule_word word;
	const str hosts[] = {STR("A.ACME.example."), STR("mx.acme.test")};

	assert_int_equal(l.connections, 3);
	assert_int_equal(l.messages_per_connection, 0);
	assert_int_equal(l.message_rate.burst, 2);
	assert_int_equal(l.connection_rate.count, 0);
	assert_int_equal(l.byte_rate.count, 10000000);
	assert_true(l.idle_close == 0 && l.shared && l.habits.pinned);
	assert_int_equal(l.tls, PATH_TLS_VERIFY);
	assert_int_equal(l.habits.flight, FLIGHT_GROUP);
	assert_int_equal(l.habits.limit, FLIGHT_NEXT);
	assert_int_equal(l.habits.window, 4);
	assert_true(rules_match(rules, hosts, 2, &match));
	assert_true(str_eq(match.name, STR("acme")) &&
		    str_eq(match.suffix, STR("acme.example")));
	assert_int_equal(rules_words(rules, STR("acme"), STR("x"), RULES_BYTE_RATE, &word, 1),
			 2);
	assert_true(str_eq(word.place.file, STR("my.tsv")) && word.line == 2);
	assert_true(str_eq(word.place.source, STR("their page")));
	assert_true(str_eq(word.place.date, STR("2026-02-28")));
}

/* A provider is split in two: the order of the rows does not matter. */
static void test_provider_file_endings_replace_endings(void **)
{
	struct rules *rules = good("provider\tmx_suffixes\n"
				   "outlook\t.olc.protection.outlook.com\n"
				   "microsoft\t.mail.protection.outlook.com .mx.microsoft\n");

	check_provider(rules, "x.olc.protection.outlook.com", "outlook");
	check_provider(rules, "x.mail.protection.outlook.com", "microsoft");
	assert_int_equal(rules_limits(rules, STR("microsoft"), STR("x")).connections, 5);
	assert_int_equal(rules_limits(rules, STR("outlook"), STR("x")).connections, 10);
}

static void test_provider_file_may_say_nothing(void **)
{
	good("");
	good("\n# only a remark\n");
	good("provider\tconnections");
}

struct bad {
	const char *text, *why; /* how the sentence begins after the file's name */
};

static void check_bad(const struct bad *bad)
{
	struct rules *rules;
	int result = read_text(bad->text, &rules);
	size_t size = strlen(bad->why);

	if (result != PROVIDER_FILE_REFUSED || strncmp(why, "my.tsv:", 7) != 0 ||
	    strncmp(why + 7, bad->why, size) != 0)
		fail_msg("result %d: \"%s\", not \"my.tsv:%s\", of\n%s", result, why, bad->why,
			 bad->text);
}

#define HEADER "provider\tmx_suffixes\tconnections\tmessage_rate\tbyte_rate\tdate\n"

static void test_provider_file_refuses_bad_cells_with_their_place(void **)
{
	static const struct bad table[] = {
		{"provider\tconnection\n", "1:10: 'connection': there is no such column"},
		{"provider connections\n", "1:1: 'provider connections': there is no such"},
		{"provider\tdate\tdate\n", "1:15: 'date': this column is named already"},
		{"provider\t\tdate\n", "1:10: there is no such column"},
		{"\n# x\nconnections\n", "3:1: the column provider is missing"},
		{HEADER "gmail\t\t0\n", "2:8: connections '0': is out of range"},
		{HEADER "gmail\t\t10001\n", "2:8: connections '10001': is out of range"},
		{HEADER "gmail\t\tten\n", "2:8: connections 'ten': is not a whole number"},
		{HEADER "gmail\t\t-1\n", "2:8: connections '-1': is not a whole number"},
		{HEADER "gmail\t\t5\t100/sek\n", "2:10: message_rate '100/sek': is not a rate"},
		{HEADER "gmail\t\t5\t 100 \n", "2:11: message_rate '100': is not a rate"},
		{HEADER "gmail\t\t\t\t100/s\n", "2:10: byte_rate '100/s': is not a rate of"},
		{HEADER "gmail\t\t\t\t100kb/s\n", "2:10: byte_rate '100kb/s': is not a rate"},
		{HEADER "gmail\t\t5\t\t\t2026-13\n", "2:12: date '2026-13': is no date"},
		{HEADER "gmail\t\t5\t\t\t2026-9\n", "2:12: date '2026-9': is no date"},
		{HEADER "gmail\t\t5\t\t\t2026-09-32\n", "2:12: date '2026-09-32': is no"},
		{HEADER "gmail\t\t5\t\t\t\tmore\n", "2:13: 'more': the header names 6 columns"},
		{HEADER "\t.example.com\t5\n", "2:1: the row has no name"},
		{HEADER ".\t.example.com\t5\n", "2:1: provider '.': a name has letters"},
		{HEADER "gmail 5\n", "2:1: provider 'gmail 5': a name has letters"},
		{HEADER "gmail\n", "2:1: 'gmail': this row says nothing"},
		{HEADER "default\t.example.com\t5\n", "2:1: 'default': default is for"},
		{HEADER "a\t*.example.com\n", "2:3: mx_suffixes '*.example.com': an ending"},
		{HEADER "a\t.a.test,.b.test\n", "2:3: mx_suffixes '.a.test,.b.test': endings"},
		{HEADER "a\t.a.test .b..test\n", "2:11: mx_suffixes '.b..test': is no ending"},
		{HEADER "a\t.b\xc3\xa4.test\n", "2:3: mx_suffixes '.b\\xc3\\xa4.test': is no"},
		{HEADER "a\t.com\n", "2:3: mx_suffixes '.com': is a whole top-level"},
		{HEADER "gm\033ail\t\t5\n", "2:3: '\\x1b': a control character"},
		{HEADER "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\t.a.test\n",
		 "2:1: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa': a provider's name has at most 31"},
		{"provider\tflight\ngmail\tfast\n", "2:7: flight 'fast': is none of lockstep"},
		{"provider\tflight_limit\ngmail\tlearn\n",
		 "2:7: flight_limit 'learn': is none"},
		{"provider\twindow\ngmail\t1\n", "2:7: window '1': is out of range"},
		{"provider\ttls\ngmail\tmaybe\n", "2:7: tls 'maybe': is none of any"},
		{"provider\tscope\ngmail\tall\n", "2:7: scope 'all': is neither site"},
		{"provider\tidle_seconds\ngmail\t601\n", "2:7: idle_seconds '601': is out"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		check_bad(&table[i]);
}

static void test_provider_file_refuses_rows_that_disagree(void **)
{
	static const struct bad table[] = {
		{HEADER "gmail\t\t5\nGMAIL\t\t6\n",
		 "3:1: 'gmail': has its row already, in line 2"},
		{HEADER "a\t.a.test\nb\t.b.test .A.test.\n",
		 "3:11: mx_suffixes 'a.test': belongs to a (my.tsv:2) already"},
		{HEADER "a\t.a.test a.test\n",
		 "2:11: mx_suffixes 'a.test': stands twice in this row"},
		{HEADER "a\t.a.test .mx.a.test\n",
		 "2:11: mx_suffixes 'mx.a.test': is below 'a.test' of the same row"},
		{HEADER "a\t.a.test\nb\t.x.b.test .mx.a.test\n",
		 "3:13: mx_suffixes 'mx.a.test': is below 'a.test' of a (my.tsv:2)"},
		{HEADER "b\t.x.b.test .mx.a.test\na\t.a.test\n",
		 "2:13: mx_suffixes 'mx.a.test': is below 'a.test' of a (my.tsv:3)"},
		{HEADER "ours\t.google.com\n",
		 "2:6: mx_suffixes 'google.com': belongs to gmail "
		 "(engine/shape/providers.tsv:"},
		{HEADER "ours\t.l.google.com\n",
		 "2:6: mx_suffixes 'l.google.com': is below 'google.com' of gmail (engine/"},
		{HEADER "ours\t.outlook.com\n",
		 "2:6: mx_suffixes 'outlook.com': takes in 'olc.protection.outlook.com' of "
		 "microsoft (engine/"},
		{HEADER "gmial\t\t5\n", "2:1: provider 'gmial': this row never counts"},
		{HEADER "mx+1\t\t5\n", "2:1: provider 'mx+1': this row never counts"},
		{HEADER "relay:\t\t5\n", "2:1: provider 'relay:': this row never counts"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		check_bad(&table[i]);
	good(HEADER "mx1.a.test,mx2.a.test\t\t5\nmx1.b.test+8#0123456789abcdef\t\t5\n"
		    "relay:main\t\t5\nlater.x\t\t5\nnew\t.new.test\n");
}

static void test_provider_file_has_limits(void **)
{
	static char text[400 * 1024];
	struct buf b;
	struct rules *rules;

	buf_init_fixed(&b, text, sizeof(text) - 1);
	buf_put_cstr(&b, HEADER "a\t");
	for (int i = 0; i <= RULES_SUFFIX_LIMIT; i++)
		buf_printf(&b, " .a%d.test", i);
	text[b.size] = '\0';
	assert_int_equal(read_text(text, &rules), PROVIDER_FILE_REFUSED);
	assert_non_null(strstr(why, ": too many: a provider has at most 64 endings"));

	buf_reset(&b);
	buf_put_cstr(&b, HEADER);
	for (int i = 0; i <= RULES_LIMIT; i++)
		buf_printf(&b, "p%d\t.p%d.test\n", i, i);
	text[b.size] = '\0';
	assert_int_equal(read_text(text, &rules), PROVIDER_FILE_REFUSED);
	assert_non_null(strstr(why, ": too many rows: "));
}

static void test_provider_file_end_of_memory_is_an_answer(void **)
{
	const struct provider_file file = {.path = "my.tsv",
					   .text = STR(HEADER "a\t.a.test\nb\t.b.test\n"),
					   .origin = RULE_FILE};
	int result = PROVIDER_FILE_NO_MEMORY;

	for (size_t size = 16384; result != 0 && size < 200000; size += 64) {
		char *block = malloc(size);
		struct arena small;
		assert_non_null(block);
		arena_init_fixed(&small, block, size);
		struct rules *rules = rules_create(&small);
		result = rules ? provider_file_read(rules, &file, why, sizeof(why))
			       : PROVIDER_FILE_NO_MEMORY;
		assert_int_not_equal(result, PROVIDER_FILE_REFUSED);
		free(block);
	}
	assert_int_equal(result, 0);
}

static void test_provider_file_built_in_rows_owe_their_source(void **)
{
	const struct provider_file file = {.path = "t.tsv",
					   .text = STR("provider\tmx_suffixes\tsource\tdate\n"
						       "a\t.a.test\tsomebody\t\n"),
					   .origin = RULE_BUILT_IN};
	struct rules *rules = good("");

	assert_int_equal(provider_file_read(rules, &file, why, sizeof(why)),
			 PROVIDER_FILE_REFUSED);
	assert_string_equal(why, "t.tsv:2:1: 'a': a built-in row needs a source and a date");
}

/* Whoever holds the rules sees the new ones, and what it got before stays good. */
static void test_rules_are_replaced_as_a_whole(void **)
{
	static char other_memory[1 << 20];
	struct rules *rules = good("");
	struct arena other;
	str name = provider_of(rules, "mx.gmx.net");

	arena_init_fixed(&other, other_memory, sizeof(other_memory));
	struct rules *newer = rules_create(&other);
	const struct provider_file file = {
		.path = "my.tsv",
		.text = STR(HEADER "gmx\t.gmx.test\t9\nnew\t.gmx.net .web.de\t8\n"),
		.origin = RULE_FILE};
	assert_int_equal(provider_file_read(newer, &file, why, sizeof(why)), 0);
	assert_int_equal(rules_generation(rules), 0);
	assert_true(rules_fingerprint(rules) != rules_fingerprint(newer));
	rules_replace(rules, newer);
	assert_int_equal(rules_generation(rules), 1);
	assert_true(rules_fingerprint(rules) == rules_fingerprint(newer));
	assert_true(str_eq(name, STR("gmx")));
	check_provider(rules, "mx.gmx.net", "new");
	assert_int_equal(rules_limits(rules, STR("new"), STR("")).connections, 8);
	assert_int_equal(rules_limits(rules, STR("gmx"), STR("")).connections, 9);
}

#define EXCHANGES 2000

struct reader {
	const struct rules *rules;
	_Atomic bool stop, running;
	_Atomic uint64_t torn, reads;
};

/* In every table both numbers are the same. */
static void *read_on(void *context)
{
	struct reader *reader = context;
	const str host = STR("mx.gmx.net");

	while (!atomic_load(&reader->stop)) {
		str name = rules_provider(reader->rules, &host, 1);
		struct path_limits l = rules_limits(reader->rules, STR("gmx"), STR(""));
		if (!str_eq(name, STR("gmx")) || l.connections != l.messages_per_connection)
			atomic_fetch_add(&reader->torn, 1);
		atomic_fetch_add(&reader->reads, 1);
		atomic_store(&reader->running, true);
	}
	return NULL;
}

static void test_rules_are_read_while_they_are_replaced(void **)
{
	static char other_memory[2][256 * 1024];
	static const char *const texts[2] = {
		"provider\tconnections\tmessages_per_connection\ngmx\t7\t7\n",
		"provider\tconnections\tmessages_per_connection\ngmx\t9\t9\n"};
	struct rules *rules = good(texts[0]), *newer[2];
	struct reader reader = {.rules = rules};
	struct arena others[2];
	pthread_t thread;

	for (int i = 0; i < 2; i++) {
		const struct provider_file file = {
			.path = "my.tsv", .text = str_of(texts[i]), .origin = RULE_FILE};
		arena_init_fixed(&others[i], other_memory[i], sizeof(other_memory[i]));
		newer[i] = rules_create(&others[i]);
		assert_int_equal(provider_file_read(newer[i], &file, why, sizeof(why)), 0);
	}
	assert_int_equal(pthread_create(&thread, NULL, read_on, &reader), 0);
	while (!atomic_load(&reader.running))
		sched_yield();
	for (int i = 0; i < EXCHANGES; i++)
		rules_replace(rules, newer[i % 2]);
	atomic_store(&reader.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&reader.torn), 0);
	assert_true(atomic_load(&reader.reads) > 0);
	assert_int_equal(rules_generation(rules), EXCHANGES);
}

static void test_rules_sections_leave_a_provider_something(void **)
{
	const struct rule_place place = {
		.origin = RULE_SETTINGS, .file = STR("x.conf"), .line = 12};
	const struct path_limits limits = {.connections = 1};
	const str one[] = {STR(".Google.com")}, both[] = {STR("google.com"), STR("com")};
	struct rules *rules = good("");

	assert_int_equal(rules_add_at(rules, STR("part"), one, 1, &limits, 1, &place), 0);
	assert_int_equal(rules_check_reach(rules, why, sizeof(why)), 0);
	assert_int_equal(rules_add_at(rules, STR("all"), both, 2, &limits, 1, &place), 0);
	assert_int_equal(rules_check_reach(rules, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "x.conf:12: provider \"all\" takes every ending of gmail "
				    "(engine/shape/providers.tsv:"));
	/* Under the provider's own name that is an override. */
	rules = good("");
	assert_int_equal(rules_add_at(rules, STR("gmail"), both, 1, &limits, 1, &place), 0);
	assert_int_equal(rules_check_reach(rules, why, sizeof(why)), 0);
	check_provider(rules, "mx.googlemail.com", "");
	check_provider(rules, "mx.google.com", "gmail");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_provider_file_overrides_cell_by_cell),
		cmocka_unit_test(test_provider_file_knows_all_columns),
		cmocka_unit_test(test_provider_file_endings_replace_endings),
		cmocka_unit_test(test_provider_file_may_say_nothing),
		cmocka_unit_test(test_provider_file_refuses_bad_cells_with_their_place),
		cmocka_unit_test(test_provider_file_refuses_rows_that_disagree),
		cmocka_unit_test(test_provider_file_has_limits),
		cmocka_unit_test(test_provider_file_end_of_memory_is_an_answer),
		cmocka_unit_test(test_provider_file_built_in_rows_owe_their_source),
		cmocka_unit_test(test_rules_are_replaced_as_a_whole),
		cmocka_unit_test(test_rules_are_read_while_they_are_replaced),
		cmocka_unit_test(test_rules_sections_leave_a_provider_something),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
