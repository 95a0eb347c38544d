/* test_shape_rules.c - provider names from MX hosts, and limits in layers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/base/embedded.h"
#include "engine/shape/rules.h"

static char memory[256 * 1024];
static struct arena arena;

static struct rules *fresh_rules(void)
{
	arena_init_fixed(&arena, memory, sizeof(memory));
	struct rules *rules = rules_create(&arena);
	assert_non_null(rules);
	return rules;
}

static void check_provider(const struct rules *rules, const char *names, const char *expected)
{
	str hosts[8], rest = str_of(names);
	size_t count = 0;

	while (rest.size > 0)
		hosts[count++] = str_cut(&rest, ' ');
	str provider = rules_provider(rules, hosts, count);
	if (!str_eq(provider, str_of(expected)))
		fail_msg("%s: \"%.*s\", not \"%s\"", names, STR_FORMAT(provider), expected);
}

static void test_rules_know_providers_by_their_mx(void **)
{
	struct rules *rules = fresh_rules();

	check_provider(rules, "gmail-smtp-in.l.google.com alt1.gmail-smtp-in.l.google.com",
		       "gmail");
	check_provider(rules, "ASPMX.L.GOOGLE.COM. aspmx2.googlemail.com", "gmail");
	check_provider(rules, "mta5.am0.yahoodns.net", "yahoo");
	check_provider(rules, "outlook-com.olc.protection.outlook.com", "microsoft");
	check_provider(rules, "example-com.q-v1.mx.microsoft", "microsoft");
	check_provider(rules, "mx00.gmx.net mx01.gmx.net", "gmx");
	check_provider(rules, "mx00.t-online.de", "t-online");
	check_provider(rules, "smtp-in.orange.fr", "orange");
	check_provider(rules, "mx1a1.comcast.net mx2h1.comcast.net", "comcast");
	check_provider(rules, "mx01.mail.icloud.com", "icloud");
	check_provider(rules, "mx.example.com", "");
	check_provider(rules, "", "");
}

static void test_rules_match_whole_labels_of_every_host(void **)
{
	struct rules *rules = fresh_rules();

	check_provider(rules, "mx.notgoogle.com", "");
	check_provider(rules, "google.com.example.com", "");
	check_provider(rules, "google.com", "gmail");
	check_provider(rules, "aspmx.l.google.com backup.example.com", "");
	check_provider(rules, "mx00.gmx.net aspmx.l.google.com", "");
}

static void test_rules_limits_come_in_layers(void **)
{
	struct rules *rules = fresh_rules();
	struct path_limits l = rules_limits(rules, STR(""), STR("mx.example.com"));
	assert_int_equal(l.connections, 10);
	assert_int_equal(l.messages_per_connection, 100);
	assert_int_equal(l.message_rate.count, 100);
	assert_true(l.idle_close == USEC_MINUTE);

	l = rules_limits(rules, STR("gmail"), STR("aspmx.l.google.com"));
	assert_int_equal(l.connections, 5);
	assert_int_equal(l.messages_per_connection, 50);
	assert_int_equal(l.message_rate.count, 100); /* the default's */
	l = rules_limits(rules, STR("yahoo-jp"), STR(""));
	assert_int_equal(l.message_rate.count, 10);
	l = rules_limits(rules, STR("nobody-knows"), STR(""));
	assert_int_equal(l.connections, 10);
}

static void test_rules_of_the_configuration_win(void **)
{
	struct rules *rules = fresh_rules();
	const str ours[] = {STR("mx.corp.example"), STR(".google.com")};
	struct path_limits three = {.connections = 3}, many = {.connections = 99};
	struct path_limits one = {.connections = 1, .idle_close = USEC_SECOND};

	assert_int_equal(rules_add(rules, STR("default"), NULL, 0, &many, RULES_CONNECTIONS),
			 0);
	assert_int_equal(rules_add(rules, STR("gmail"), NULL, 0, &three, RULES_CONNECTIONS), 0);
	assert_int_equal(rules_add(rules, STR("corp"), ours, 2, &one,
				   RULES_CONNECTIONS | RULES_IDLE_CLOSE),
			 0);
	assert_int_equal(
		rules_add(rules, STR("mx1.slow.example"), NULL, 0, &one, RULES_CONNECTIONS), 0);

	check_provider(rules, "mx.corp.example aspmx.l.google.com", "corp");
	check_provider(rules, "aspmx2.googlemail.com", "gmail");
	assert_int_equal(rules_limits(rules, STR(""), STR("x")).connections, 99);
	struct path_limits l = rules_limits(rules, STR("gmail"), STR("x"));
	assert_int_equal(l.connections, 3);
	assert_int_equal(l.messages_per_connection, 50);
	l = rules_limits(rules, STR("corp"), STR("x"));
	assert_int_equal(l.connections, 1);
	assert_true(l.idle_close == USEC_SECOND);
	assert_int_equal(rules_limits(rules, STR("gmail"), STR("mx1.slow.example")).connections,
			 1);
	/* A built-in provider keeps its own against a new default. */
	assert_int_equal(rules_limits(rules, STR("icloud"), STR("x")).messages_per_connection,
			 5);
}

static void test_rules_say_what_shares_a_limit(void **)
{
	struct rules *rules = fresh_rules();
	struct path_limits volume = {.byte_rate = {1000, USEC_SECOND, 1}, .shared = true};

	assert_true(rules_shared(rules, STR("gmail")));
	assert_true(rules_shared(rules, STR("GMX")));
	assert_false(rules_shared(rules, STR("mimecast")));
	assert_false(rules_shared(rules, STR("nobody-knows")));
	assert_false(rules_shared(rules, STR("")));

	assert_int_equal(rules_add(rules, STR("cisco"), NULL, 0, &volume, RULES_BYTE_RATE), 0);
	assert_false(rules_shared(rules, STR("cisco")));
	assert_int_equal(rules_limits(rules, STR("cisco"), STR("")).byte_rate.count, 1000);
	assert_int_equal(rules_limits(rules, STR("zoho"), STR("")).byte_rate.count, 0);
	assert_int_equal(rules_add(rules, STR("cisco"), NULL, 0, &volume, RULES_SCOPE), 0);
	assert_true(rules_shared(rules, STR("cisco")));
}

static void test_rules_refuse_what_is_no_rule(void **)
{
	struct rules *rules = fresh_rules();
	struct path_limits zero = {};
	struct path_limits no_burst = {.message_rate = {.count = 1, .per = 1, .burst = 0}};
	const str suffix[] = {STR(".example.com")};
	char name[64];

	memset(name, 'n', sizeof(name));
	assert_int_equal(rules_add(rules, STR(""), NULL, 0, &zero, 0), -1);
	assert_int_equal(rules_add(rules, STR("a"), NULL, 0, &zero, RULES_CONNECTIONS), -1);
	assert_int_equal(rules_add(rules, STR("a"), NULL, 0, &no_burst, RULES_MESSAGE_RATE),
			 -1);
	assert_int_equal(rules_add(rules, str_make(name, 64), suffix, 1, &zero, 0), -1);
	assert_int_equal(rules_add(rules, str_make(name, 64), NULL, 0, &zero, 0), 0);
}

static void test_rules_end_of_memory_is_an_answer(void **)
{
	char *little = malloc(2000);
	for (size_t size = 0; size < 2000; size += 50) {
		struct arena small;
		arena_init_fixed(&small, little, size);
		assert_null(rules_create(&small));
	}
	free(little);
}

/* Every row has a name, values, a source and a date. */
static void test_rules_table_is_whole(void **)
{
	str table = embedded_find("engine/shape/providers.tsv");
	size_t rows = 0;

	while (table.size > 0) {
		str line = str_cut(&table, '\n'), last = {};
		size_t cells = 0;
		if (line.size == 0 || line.data[0] == '#')
			continue;
		while (line.data) {
			last = str_cut(&line, '\t');
			cells++;
		}
		assert_int_equal(cells, 11);
		assert_true(last.size > 0);
		rows++;
	}
	assert_true(rows > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules_know_providers_by_their_mx),
		cmocka_unit_test(test_rules_match_whole_labels_of_every_host),
		cmocka_unit_test(test_rules_limits_come_in_layers),
		cmocka_unit_test(test_rules_of_the_configuration_win),
		cmocka_unit_test(test_rules_say_what_shares_a_limit),
		cmocka_unit_test(test_rules_refuse_what_is_no_rule),
		cmocka_unit_test(test_rules_end_of_memory_is_an_answer),
		cmocka_unit_test(test_rules_table_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
