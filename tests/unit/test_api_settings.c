/* test_api_settings.c - relays, routes and sources as the engine gets them: indices, secrets
 * from files, providers that exist. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/api/settings.h"
#include "engine/api/settings_parts.h"
#include "engine/shape/rules.h"

static char memory[8 << 20], place[] = "/tmp/test_api_settings.XXXXXX";
static struct arena arena;

static int make_place(void **)
{
	return mkdtemp(place) ? 0 : -1;
}

static int remove_place(void **)
{
	return rmdir(place);
}

static char *path_of(const char *name)
{
	static char path[200];
	snprintf(path, sizeof(path), "%s/%s", place, name);
	return path;
}

static void write_file(const char *name, mode_t mode, str text)
{
	FILE *file = fopen(path_of(name), "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text.data, 1, text.size, file), text.size);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path_of(name), mode), 0);
}

static void remove_file(const char *name)
{
	assert_int_equal(unlink(path_of(name)), 0);
}

/* The whole way from the text of a configuration in that folder. */
static int open_text(const char *text, struct engine_settings *s, char *why, size_t why_size)
{
	static struct config config;
	arena_init_fixed(&arena, memory, sizeof(memory));
	int result =
		config_parse(&config, path_of("x.conf"), str_of(text), &arena, why, why_size);
	assert_string_equal(why, "");
	assert_int_equal(result, 0);
	*s = (struct engine_settings){};
	if (settings_rules(&config, &arena, &s->rules, why, why_size) != 0)
		return -1;
	if (settings_sources(&config, &arena, s, why, why_size) != 0)
		return -1;
	if (settings_limit_rules(&config, &arena, s, why, why_size) != 0)
		return -1;
	return settings_routes(&config, &arena, s, why, why_size);
}

static void open_good(const char *text, struct engine_settings *s)
{
	char why[400] = "";
	int result = open_text(text, s, why, sizeof(why));
	assert_string_equal(why, "");
	assert_int_equal(result, 0);
}

static void test_settings_limits_know_their_providers(void **)
{
	struct engine_settings s;
	char why[400] = "";
	open_good("provider \"acme\" { mx = { \".acme.test\" } }\n"
		  "limit \"a\" { provider = acme campaign = spring message_rate = 1000/h\n"
		  "  byte_rate = 2MB/s }\n"
		  "limit \"b\" { provider = gmail source = default connections = 9\n"
		  "  connection_rate = 3/s }\n",
		  &s);
	assert_int_equal(s.limit_rule_count, 2);
	const struct limit_rule *a = &s.limit_rules[0], *b = &s.limit_rules[1];
	assert_true(str_eq(a->name, STR("a")) && str_eq(a->provider, STR("acme")) &&
		    str_eq(a->campaign, STR("spring")) && a->list.size == 0);
	assert_int_equal(a->limits.message_rate.count, 1000);
	assert_int_equal(a->limits.byte_rate.count, 2000000);
	assert_int_equal(a->limits.connections, 0);
	assert_int_equal(b->limits.connections, 9);
	assert_int_equal(b->limits.connection_rate.count, 3);
	assert_int_equal(b->limits.message_rate.count, 0);
	assert_int_equal(open_text("\nlimit \"a\" { provider = gmial message_rate = 1/s }", &s,
				   why, sizeof(why)),
			 -1);
	assert_true(str_ends(str_of(why), STR("x.conf:2: limit \"a\".provider: there is no "
					      "provider \"gmial\", did you mean \"gmail\"?")));
}

static void test_settings_lead_from_routes_to_relays(void **)
{
	struct engine_settings s;
	open_good("smtp { port = 2525 tls = encrypt ip = only-ipv4 policy_port = 8443\n"
		  "  address_literals = on }\n"
		  "relay \"a\" { host = a.test implicit_tls = on weight = 3 preference = 7 }\n"
		  "relay \"b\" { host = b.test protocol = lmtp tls = none port = 24 }\n"
		  "route \"Example.COM\" { relays = {b, a} }\n"
		  "route \"provider:gmail\" { host = 192.0.2.1 }\n"
		  "route \"list:news\" { tls = verify }\n"
		  "route \"*\" { host = c.test port = 26 tls = none }\n",
		  &s);
	const struct relay *r = s.route.relays;
	assert_int_equal(s.route.relay_count, 4);
	assert_int_equal(r[0].port, 465);
	assert_int_equal(r[0].weight, 3);
	assert_int_equal(r[0].preference, 7);
	assert_int_equal(r[0].tls, TLS_WISH_ENCRYPT);
	assert_true(r[0].implicit_tls && !r[0].lmtp);
	assert_true(r[1].lmtp && r[1].tls == TLS_WISH_NONE && r[1].port == 24);
	assert_true(str_eq(r[2].name, STR("192.0.2.1:2525")));
	assert_true(str_eq(r[3].host, STR("c.test")) && r[3].port == 26);
	for (size_t i = 0; i < 4; i++)
		assert_false(s.logins[i].wanted);

	const struct static_route *route = s.route.static_routes;
	assert_int_equal(s.route.static_route_count, 4);
	assert_int_equal(route[0].match, ROUTE_DOMAIN);
	assert_true(str_eq(route[0].name, STR("example.com")));
	assert_int_equal(route[0].relay_count, 2);
	assert_int_equal(route[0].relays[0], 1);
	assert_int_equal(route[0].relays[1], 0);
	assert_false(route[0].has_tls);
	assert_int_equal(route[1].match, ROUTE_PROVIDER);
	assert_true(str_eq(route[1].name, STR("gmail")));
	assert_int_equal(route[1].relays[0], 2);
	assert_int_equal(route[2].match, ROUTE_LIST);
	assert_true(str_eq(route[2].name, STR("news")));
	assert_int_equal(route[2].relay_count, 0);
	assert_true(route[2].has_tls && route[2].tls == TLS_WISH_VERIFY);
	assert_int_equal(route[3].match, ROUTE_ALL);
	assert_true(route[3].has_tls && route[3].tls == TLS_WISH_NONE);

	assert_int_equal(s.route.port, 2525);
	assert_int_equal(s.route.sts_port, 8443);
	assert_int_equal(s.route.ipv6, IP_ONLY_IPV4);
	assert_true(s.route.allow_address_literals);
}

static void test_settings_name_domains_as_recipients_have_them(void **)
{
	struct engine_settings s;
	open_good("route \"B\303\274cher.example\" { tls = may }", &s);
	assert_true(str_eq(s.route.static_routes[0].name, STR("xn--bcher-kva.example")));
}

static void test_settings_know_providers_that_rules_know(void **)
{
	struct engine_settings s;
	char why[400] = "";
	open_good("provider \"ours\" { mx = {\".ours.test\"} }\n"
		  "route \"provider:ours\" { tls = verify }",
		  &s);
	assert_int_equal(
		open_text("route \"provider:gmial\" { tls = may }", &s, why, sizeof(why)), -1);
	assert_string_equal(why,
			    "route \"provider:gmial\": no provider is called that, did you "
			    "mean \"provider:gmail\"?");
	why[0] = '\0';
	assert_int_equal(
		open_text("route \"provider:zzzzzz\" { tls = may }", &s, why, sizeof(why)), -1);
	assert_string_equal(why, "route \"provider:zzzzzz\": no provider is called that; a "
				 "section provider \"zzzzzz\" with mx makes one");
}

/* line 0: whichever. */
static void check_said(const struct rules *rules, str provider, uint32_t which, str file,
		       uint32_t line)
{
	struct rule_word word;
	assert_true(rules_words(rules, provider, STR(""), which, &word, 1) >= 1);
	if (!str_ends(word.place.file, file) || (line && word.line != line))
		fail_msg("%.*s:%u, not %s:%u", STR_FORMAT(word.place.file), word.line,
			 file.data, line);
}

/* What is shipped, then the user's table, then the sections: each cell for itself. */
static void test_settings_limits_come_from_three_places(void **)
{
	const str table = STR("engine/shape/providers.tsv");
	struct engine_settings s;
	write_file("p.tsv", 0644,
		   STR("provider\tmx_suffixes\tconnections\tbyte_rate\n"
		       "gmail\t\t7\t1MB/s\nnew\t.new.test\t3\n"));
	open_good("providers_file = p.tsv\n"
		  "default_limits { window = 3 }\n"
		  "provider \"gmail\" {\n  mx = { .google.com }\n  connections = 9\n}\n"
		  "provider \"new\" { scope = provider tls = verify }\n"
		  "provider \"mx1.small.test\" { connections = 1 }\n"
		  "provider \"2001:db8::1\" { connections = 1 }\n",
		  &s);
	struct path_limits l = rules_limits(s.rules, STR("gmail"), STR(""));
	assert_int_equal(l.connections, 9);
	assert_int_equal(l.byte_rate.count, 1000000);
	assert_int_equal(l.messages_per_connection, 50);
	assert_int_equal(l.habits.window, 3);
	assert_true(rules_shared(s.rules, STR("new")));
	l = rules_limits(s.rules, STR("new"), STR(""));
	assert_int_equal(l.tls, PATH_TLS_VERIFY);
	check_said(s.rules, STR("gmail"), RULES_CONNECTIONS, STR("/x.conf"), 5);
	check_said(s.rules, STR("gmail"), RULES_BYTE_RATE, STR("/p.tsv"), 2);
	check_said(s.rules, STR("gmail"), RULES_MESSAGES_PER_CONNECTION, table, 0);
	check_said(s.rules, STR("new"), RULES_SCOPE, STR("/x.conf"), 7);
	check_said(s.rules, STR("new"), RULES_WINDOW, STR("/x.conf"), 2);
	remove_file("p.tsv");
}

static void test_settings_refuse_tables_and_sections_with_their_place(void **)
{
	static const struct {
		const char *table, *conf, *why; /* how it begins, after the folder */
	} rows[] = {
		{"provider\tconnections\ngmail\tmany\n", "providers_file = p.tsv",
		 "/p.tsv:2:7: connections 'many': is not a whole number"},
		{"", "providers_file = q.tsv", "/q.tsv"},
		{"", "\nprovider \"all\" { mx = { .yahoodns.net } }",
		 "/x.conf:2: provider \"all\" takes every ending of yahoo"},
		{"", "provider \"gmial\" { connections = 3 }",
		 "/x.conf:1: provider \"gmial\" never counts: no provider"},
		{"", "\nprovider \"odd\" {\nmx = { \"*.odd.test\" } }",
		 "/x.conf:3: provider \"odd\": its name"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char why[SETTINGS_WHY_SIZE] = "";
		struct engine_settings s;
		write_file("p.tsv", 0644, str_of(rows[i].table));
		assert_int_equal(open_text(rows[i].conf, &s, why, sizeof(why)), -1);
		if (!strstr(why, rows[i].why))
			fail_msg("\"%s\" has no \"%s\"", why, rows[i].why);
		remove_file("p.tsv");
	}
}

/* A table that is taken up later has to know whom routes are for. */
static void test_settings_routes_hold_later_tables_to_their_providers(void **)
{
	const str knows = STR("provider\tmx_suffixes\nnew\t.new.test\n");
	static struct config config;
	struct rules *rules;
	char why[SETTINGS_WHY_SIZE] = "";
	arena_init_fixed(&arena, memory, sizeof(memory));
	config = (struct config){};
	assert_int_equal(config_parse(&config, "x",
				      STR("route \"provider:new\" { tls = verify }"), &arena,
				      why, sizeof(why)),
			 0);
	assert_int_equal(settings_rules_of(&config, knows, &arena, &rules, why, sizeof(why)),
			 0);
	assert_int_equal(settings_check_routes(&config, rules, &arena, why, sizeof(why)), 0);
	assert_int_equal(
		settings_rules_of(&config, STR("# none\n"), &arena, &rules, why, sizeof(why)),
		0);
	assert_int_equal(settings_check_routes(&config, rules, &arena, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "route \"provider:new\": no provider is called that"));
}

/* The manual's defaults and the shipped row are the same numbers. */
static void test_settings_manual_tells_the_shipped_default(void **)
{
	struct engine_settings s;
	struct config config;
	char why[400];
	open_good("", &s);
	assert_int_equal(config_parse(&config, "x", STR(""), &arena, why, sizeof(why)), 0);
	struct path_limits manual = settings_limits(&config.default_limits);
	struct path_limits row = rules_limits(s.rules, STR(""), STR(""));
	assert_int_equal(row.connections, manual.connections);
	assert_int_equal(row.messages_per_connection, manual.messages_per_connection);
	assert_memory_equal(&row.message_rate, &manual.message_rate, sizeof(struct rate));
	assert_memory_equal(&row.connection_rate, &manual.connection_rate, sizeof(struct rate));
	assert_memory_equal(&row.byte_rate, &manual.byte_rate, sizeof(struct rate));
	assert_true(row.idle_close == manual.idle_close && row.shared == manual.shared);
	assert_true(row.habits.pinned == manual.habits.pinned);
	assert_int_equal(row.habits.limit, manual.habits.limit);
	assert_int_equal(row.habits.window, manual.habits.window);
}

static void test_settings_read_secrets_from_files_and_the_environment(void **)
{
	struct engine_settings s;
	write_file("p", 0600, STR("pass word \n"));
	write_file("t", 0640, STR("token\r\n"));
	write_file("r", 0400, STR("refresh"));
	setenv("TEST_RELAY_PASSWORD", "from outside", 1);
	open_good(
		"relay \"a\" { host = a.test user = ann password = p\n"
		"  mechanisms = {PLAIN, login} auth_in_clear = on }\n"
		"relay \"b\" { host = b.test user = ben password_env = TEST_RELAY_PASSWORD }\n"
		"relay \"c\" { host = c.test token = t }\n"
		"relay \"d\" { host = d.test user = dan token_endpoint = \"https://d.test/t\"\n"
		"  client_id = me refresh_token = r client_secret = p token_scope = mail }\n"
		"relay \"e\" { host = e.test }\n",
		&s);
	unsetenv("TEST_RELAY_PASSWORD");
	remove_file("p");
	remove_file("t");
	remove_file("r");
	const struct relay_login *l = s.logins;
	assert_true(l[0].wanted && l[0].in_clear && !l[0].has_token);
	assert_true(str_eq(l[0].user, STR("ann")));
	assert_true(str_eq(l[0].password, STR("pass word ")));
	assert_true(str_eq(l[0].mechanisms, STR("PLAIN login")));
	assert_true(l[1].wanted && !l[1].in_clear);
	assert_true(str_eq(l[1].password, STR("from outside")));
	assert_int_equal(l[1].mechanisms.size, 0);
	assert_true(l[2].wanted && l[2].has_token);
	assert_true(str_eq(l[2].token.fixed, STR("token")));
	assert_true(l[3].wanted && l[3].has_token);
	assert_true(str_eq(l[3].token.endpoint, STR("https://d.test/t")));
	assert_true(str_eq(l[3].token.client_id, STR("me")));
	assert_true(str_eq(l[3].token.client_secret, STR("pass word ")));
	assert_true(str_eq(l[3].token.refresh_token, STR("refresh")));
	assert_true(str_eq(l[3].token.scope, STR("mail")));
	assert_int_equal(l[3].token.fixed.size, 0);
	assert_false(l[4].wanted);
}

static void test_settings_refuse_secrets_that_are_none(void **)
{
	static char large[10000];
	memset(large, 'x', sizeof(large));
	const struct {
		mode_t mode;
		str text;
		const char *why;
	} cases[] = {
		{0604, STR("hunter2"), "everybody may use it; chmod 600 "},
		{0602, STR("hunter2"), "everybody may use it; chmod 600 "},
		{0600, STR(""), "is empty"},
		{0600, STR("\r\n"), "is empty"},
		{0600, STR("hunter2\nmore\n"), "has more than one line"},
		{0600, STR("hunter2\0\n"), "holds NUL bytes: it is not a text file"},
		{0600, str_make(large, sizeof(large)), "is larger than may be"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct engine_settings s;
		char why[400] = "", wanted[400];
		write_file("p", cases[i].mode, cases[i].text);
		assert_int_equal(
			open_text("relay \"a\" { host = a.test user = u password = p }", &s,
				  why, sizeof(why)),
			-1);
		snprintf(wanted, sizeof(wanted), "relay \"a\".password: %s: %s", path_of("p"),
			 cases[i].why);
		assert_true(str_starts(str_of(why), str_of(wanted)));
		assert_int_equal(str_find(str_of(why), STR("hunter2")), STR_NONE);
		remove_file("p");
	}
}

static void test_settings_tell_which_secret_is_missing(void **)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"relay \"a\" { host = a.test user = u password = /nowhere/p }",
		 "relay \"a\".password: /nowhere/p: No such file or directory"},
		{"relay \"a\" { host = a.test token = /nowhere/t }",
		 "relay \"a\".token: /nowhere/t: No such file or directory"},
		{"relay \"a\" { host = a.test token_endpoint = \"https://a.test/\" client_id = "
		 "c "
		 "client_secret = /nowhere/c }",
		 "relay \"a\".client_secret: /nowhere/c: No such file or directory"},
		{"relay \"a\" { host = a.test token_endpoint = \"https://a.test/\" client_id = "
		 "c "
		 "refresh_token = /nowhere/r }",
		 "relay \"a\".refresh_token: /nowhere/r: No such file or directory"},
		{"relay \"a\" { host = a.test user = u password_env = TEST_IS_NOT_SET }",
		 "relay \"a\".password_env: the environment has no variable TEST_IS_NOT_SET, "
		 "or "
		 "it is empty"},
		{"source \"a\" { proxy = \"socks5://192.0.2.1:80\" proxy_user = u "
		 "proxy_password = /nowhere/p }",
		 "source \"a\".proxy_password: /nowhere/p: No such file or directory"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct engine_settings s;
		char why[400] = "";
		assert_int_equal(open_text(cases[i].text, &s, why, sizeof(why)), -1);
		assert_string_equal(why, cases[i].why);
	}
}

static void test_settings_make_sources_of_addresses_and_proxies(void **)
{
	struct engine_settings s;
	write_file("p", 0600, STR("hunter2\n"));
	open_good("source \"a\" { address = 127.0.0.9 address6 = \"::1\" helo = a.test }\n"
		  "source \"b\" { proxy = \"socks5://[::1]:1080\" proxy_user = u\n"
		  "  proxy_password = p address = 192.0.2.9 }\n",
		  &s);
	remove_file("p");
	assert_int_equal(s.source_count, 2);
	const struct source *a = &s.sources[0], *b = &s.sources[1];
	assert_true(a->has_ipv4 && a->has_ipv6 && a->via == SOURCE_DIRECT);
	assert_string_equal(a->helo, "a.test");
	assert_true(b->has_ipv4 && !b->has_ipv6 && b->via == SOURCE_SOCKS5);
	assert_string_equal(b->proxy_user, "u");
	assert_string_equal(b->proxy_password, "hunter2");
	assert_true(b->helo[0] != '\0');
	open_good("", &s);
	assert_int_equal(s.source_count, 1);
	assert_string_equal(s.sources[0].name, "default");
}

static void test_settings_set_sources_aside_that_are_not_here(void **)
{
	struct engine_settings s;
	const struct command command = {.name = "test"};
	struct cli cli = {.command = &command, .arena = &arena};
	open_good("source \"gone\" { address = 192.0.2.1 }\n"
		  "source \"here\" { address = 127.0.0.1 }\n"
		  "source \"proxied\" { address = 192.0.2.2 proxy = \"haproxy://127.0.0.1:1\" "
		  "}\n",
		  &s);
	assert_int_equal(settings_use_sources(&cli, &s), CLI_GO);
	assert_int_equal(s.source_count, 2);
	assert_string_equal(s.sources[0].name, "here");
	assert_string_equal(s.sources[1].name, "proxied");
	open_good("source \"gone\" { address = 192.0.2.1 }\n", &s);
	assert_int_equal(settings_use_sources(&cli, &s), EXIT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings_limits_know_their_providers),
		cmocka_unit_test(test_settings_lead_from_routes_to_relays),
		cmocka_unit_test(test_settings_name_domains_as_recipients_have_them),
		cmocka_unit_test(test_settings_know_providers_that_rules_know),
		cmocka_unit_test(test_settings_limits_come_from_three_places),
		cmocka_unit_test(test_settings_refuse_tables_and_sections_with_their_place),
		cmocka_unit_test(test_settings_routes_hold_later_tables_to_their_providers),
		cmocka_unit_test(test_settings_manual_tells_the_shipped_default),
		cmocka_unit_test(test_settings_read_secrets_from_files_and_the_environment),
		cmocka_unit_test(test_settings_refuse_secrets_that_are_none),
		cmocka_unit_test(test_settings_tell_which_secret_is_missing),
		cmocka_unit_test(test_settings_make_sources_of_addresses_and_proxies),
		cmocka_unit_test(test_settings_set_sources_aside_that_are_not_here),
	};
	return cmocka_run_group_tests(tests, make_place, remove_place);
}
