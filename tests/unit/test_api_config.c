/* test_api_config.c - the configuration says what was written, and where a mistake stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

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
		"relay \"m\" { host = mx.example.com implicit_tls = on user = u password = p\n"
		"  mechanisms = {PLAIN, login} weight = 3 preference = 10 }\n"
		"route \"*\" { host = 127.0.0.1 port = 2525 }\n"
		"route \"list:n\" { relays = {m} tls = encrypt }\n"
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
	const struct config_relay *relay = &config.relays[0];
	assert_int_equal(config.relay_count, 1);
	assert_int_equal(config_relay_port(&config, relay), 465);
	assert_int_equal(config_relay_tls(&config, relay), TLS_WISH_VERIFY);
	assert_true(str_eq(relay->password, STR("etc/p")));
	assert_int_equal(relay->mechanisms.count, 2);
	assert_int_equal(relay->weight, 3);
	assert_int_equal(relay->preference, 10);
	assert_int_equal(config.route_count, 2);
	assert_int_equal(config.routes[0].tls, CONFIG_TLS_AUTO);
	assert_int_equal(config.routes[1].tls, 1 + TLS_WISH_ENCRYPT);
	assert_true(str_eq(config.routes[1].relays.items[0], STR("m")));
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

/* Whole files that are right, each by itself. */
static void test_config_accepts_what_fits_together(void **)
{
	static const char *const good[] = {
		"database { conninfo = \"host=a,b port=5432 target_session_attrs=primary\" }",
		"database { conninfo = \"host=a,b port=1,2\" pooler = \"host=/run port=6432\" }",
		"dns { trust_ad = on server = 127.0.0.1 }",
		"dns { trust_ad = on server = \"::1\" }\nsmtp { tls = dane }",
		"dns { ipv6 = off }\nsmtp { ip = only-ipv4 }",
		"smtp { congestion = \"\" }",
		"smtp { certificate = a.pem certificate_key = a.key ca_file = ca.pem }",
		"smtp { tls_minimum = 1.3 policy_port = 8443 address_literals = on dsn = on }",
		"source \"a\" { address = 192.0.2.1 address6 = \"2001:db8::1\" }",
		"source \"a\" { address6 = \"2001:db8::1\" }",
		"source \"a\" { proxy = \"socks5://192.0.2.1:1080\" }",
		"source \"a\" { proxy = \"socks5://[2001:db8::1]:1080\" proxy_user = u "
		"proxy_password = p }",
		"source \"a\" { proxy = \"haproxy://192.0.2.1:25\" address = 192.0.2.2 }",
		"relay \"a\" { host = mail_hub }",
		"relay \"a\" { host = \"2001:db8::1\" tls = none }",
		"relay \"a\" { host = localhost protocol = lmtp port = 24 }",
		"relay \"a\" { host = a.test user = u password_env = P }",
		"relay \"a\" { host = a.test user = u token = t auth_in_clear = on }",
		"relay \"a\" { host = a.test user = u token_endpoint = \"https://a.test/t\" "
		"client_id = c refresh_token = r }",
		"relay \"a\" { host = a.test token_endpoint = \"http://127.0.0.1:8080/t\" "
		"client_id = c client_secret = s token_scope = x }",
		"relay \"a\" { host = a.test token_endpoint = \"http://[::1]:8080\" client_id "
		"= c "
		"client_secret = s }",
		"route \"*\" { tls = verify }",
		"route \"example.com\" { host = a.test port = 26 tls = none }",
		"route \"b\303\274cher.example\" { host = a.test }",
		"route \"[192.0.2.1]\" { host = a.test }",
		"route \"provider:gmail\" { relays = {b, a} }\n"
		"relay \"a\" { host = a.test }\nrelay \"b\" { host = b.test }",
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct config config;
		char why[300] = "";
		int result = parse(good[i], &config, why, sizeof(why));
		assert_string_equal(why, "");
		assert_int_equal(result, 0);
	}
}

struct mistake {
	const char *text, *why;
};

static void check_refused(const struct mistake *mistakes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct config config;
		char why[300] = "", wanted[300];
		snprintf(wanted, sizeof(wanted), "etc/test.conf:%s", mistakes[i].why);
		assert_int_equal(parse(mistakes[i].text, &config, why, sizeof(why)), -1);
		assert_string_equal(why, wanted);
	}
}

static void test_config_refuses_ways_to_no_database(void **)
{
	static const struct mistake mistakes[] = {
		{"database {\nconninfo = \"host=a nonsense=b\"\n}",
		 "2: database.conninfo: invalid connection option \"nonsense\""},
		{"database { conninfo = \"host=a,b target_session_attrs=standby\" }",
		 "1: database.conninfo: target_session_attrs=standby looks for a database that "
		 "takes no writes; leave it out"},
		{"database { conninfo = \"host=a,b port=1,2,3\" }",
		 "1: database.conninfo: 3 ports for 2 hosts: name one for all, or one for each"},
		{"database { pooler = \"host=a options='-c jit=off'\" }",
		 "1: database.pooler: a pooler takes no options: set them for the database's user "
		 "(alter role ... set ...)"},
	};
	check_refused(mistakes, sizeof(mistakes) / sizeof(mistakes[0]));
}

static void test_config_refuses_smtp_that_contradicts_itself(void **)
{
	static const struct mistake mistakes[] = {
		{"dns {\ntrust_ad = on\n}",
		 "2: dns.trust_ad: is believed of a dns.server on a loopback address only: "
		 "anybody on the way could forge what comes from elsewhere"},
		{"dns { trust_ad = on server = 192.0.2.1 }",
		 "1: dns.trust_ad: is believed of a dns.server on a loopback address only: "
		 "anybody on the way could forge what comes from elsewhere"},
		{"smtp { tls = dane }",
		 "1: smtp.tls: dane needs dns.trust_ad, and a dns.server "
		 "that validates DNSSEC"},
		{"smtp { tls = opportunistic }", "1: tls: 'opportunistic' is not one of none, "
						 "may, encrypt, verify, mta-sts, dane"},
		{"smtp { tls_minimum = 1.1 }", "1: tls_minimum: '1.1' is not one of 1.2, 1.3"},
		{"smtp { certificate = a }",
		 "1: smtp.certificate: certificate and certificate_key go together"},
		{"smtp { certificate_key = a }",
		 "1: smtp.certificate_key: certificate and certificate_key go together"},
		{"smtp { ip = only-ipv6 }\ndns { ipv6 = off }",
		 "1: smtp.ip: only-ipv6 needs dns.ipv6, which is off"},
		{"smtp { policy_port = 0 }", "1: policy_port: '0' is out of range: 1 to 65535"},
		{"smtp { congestion = \"a b\" }",
		 "1: smtp.congestion: is the name of an algorithm, as cubic or bbr: see sysctl "
		 "net.ipv4.tcp_available_congestion_control"},
	};
	check_refused(mistakes, sizeof(mistakes) / sizeof(mistakes[0]));
}

static void test_config_refuses_sources_that_are_none(void **)
{
	static const struct mistake mistakes[] = {
		{"source \"a\" { address = out1.test }",
		 "1: source \"a\".address: 'out1.test' is not an IP address"},
		{"source \"a\" { address6 = 192.0.2.1 }",
		 "1: source \"a\".address6: '192.0.2.1' is not an IPv6 address"},
		{"source \"a\" {\naddress = \"2001:db8::1\"\naddress6 = \"2001:db8::2\" }",
		 "3: source \"a\".address6: address is an IPv6 address already; a second one "
		 "makes a second source"},
		{"source \"a\" { proxy = \"http://192.0.2.1:80\" }",
		 "1: source \"a\".proxy: a proxy is written socks5://[user@]ADDRESS:PORT or "
		 "haproxy://ADDRESS:PORT"},
		{"source \"a\" { proxy = \"socks5://u:hunter2@192.0.2.1:80\" }",
		 "1: source \"a\".proxy: the login goes into proxy_user and proxy_password"},
		{"source \"a\" { proxy = \"socks5://192.0.2.1:80\" proxy_user = u }",
		 "1: source \"a\".proxy_user: proxy_user and proxy_password go together"},
		{"source \"a\" { proxy_user = u proxy_password = p }",
		 "1: source \"a\".proxy_user: there is no proxy to log in to"},
		{"source \"a\" { proxy = \"haproxy://192.0.2.1:80\" proxy_user = u "
		 "proxy_password = p }",
		 "1: source \"a\".proxy_user: haproxy:// takes no user, the PROXY protocol has "
		 "none"},
	};
	check_refused(mistakes, sizeof(mistakes) / sizeof(mistakes[0]));
}

static void test_config_refuses_relays_that_are_none(void **)
{
	static const struct mistake mistakes[] = {
		{"relay \"a\" {}", " relay \"a\".host: must be set"},
		{"relay \"a,b\" { host = a.test }",
		 "1: relay \"a,b\": a relay's name has 1 to 63 bytes, and no comma"},
		{"relay \"a\" { host = \"a.test:587\" }",
		 "1: relay \"a\".host: is a name or an address alone; the port goes into port"},
		{"relay \"a\" { host = \"a test\" }",
		 "1: relay \"a\".host: is neither the name of a host nor an address"},
		{"relay \"a\" { host = a.test tls = none\nimplicit_tls = on }",
		 "1: relay \"a\".tls: none contradicts implicit_tls"},
		{"relay \"a\" { host = a.test protocol = lmtp }",
		 "1: relay \"a\".port: lmtp needs a port of its own, not 25 (RFC 2033 5)"},
		{"relay \"a\" { host = a.test tls = dane }",
		 "1: relay \"a\".tls: dane needs dns.trust_ad, and a dns.server that validates "
		 "DNSSEC"},
		{"relay \"a\" { weight = 0 }", "1: weight: '0' is out of range: 1 to 1000"},
		{"relay \"a\" { preference = 65536 }",
		 "1: preference: '65536' is out of range: 0 to 65535"},
	};
	check_refused(mistakes, sizeof(mistakes) / sizeof(mistakes[0]));
}

static void test_config_refuses_logins_that_are_half(void **)
{
	static const struct mistake mistakes[] = {
		{"relay \"a\" { host = a.test user = u }",
		 "1: relay \"a\".user: needs a password, a password_env, a token or a "
		 "token_endpoint"},
		{"relay \"a\" { host = a.test password = p }",
		 "1: relay \"a\".user: must be set: there is a password"},
		{"relay \"a\" { host = a.test user = u password = p password_env = P }",
		 "1: relay \"a\".password_env: password or password_env, not both"},
		{"relay \"a\" { host = a.test mechanisms = {PLAIN,\nPLIAN} }",
		 "2: relay \"a\".mechanisms: 'PLIAN' is not known; `rundbrief help config` "
		 "lists "
		 "them"},
		{"relay \"a\" { host = a.test token = t token_endpoint = \"https://a.test\" }",
		 "1: relay \"a\".token: token or token_endpoint, not both"},
		{"relay \"a\" { host = a.test client_id = c }",
		 "1: relay \"a\".token_endpoint: must be set: client_id, client_secret, "
		 "refresh_token and token_scope are for it"},
		{"relay \"a\" { host = a.test token_endpoint = \"http://192.0.2.1/\" }",
		 "1: relay \"a\".token_endpoint: is an https URL without a login, or http on a "
		 "loopback address"},
		{"relay \"a\" { host = a.test token_endpoint = \"https://u:p@a.test/\" }",
		 "1: relay \"a\".token_endpoint: is an https URL without a login, or http on a "
		 "loopback address"},
		{"relay \"a\" { host = a.test token_endpoint = \"https://a.test/\" }",
		 "1: relay \"a\".client_id: must be set: token_endpoint asks for it"},
		{"relay \"a\" { host = a.test token_endpoint = \"https://a.test/\" client_id = "
		 "c }",
		 "1: relay \"a\".refresh_token: token_endpoint needs refresh_token, "
		 "client_secret "
		 "or both"},
	};
	check_refused(mistakes, sizeof(mistakes) / sizeof(mistakes[0]));
}

static void test_config_refuses_routes_that_lead_nowhere(void **)
{
	static const struct mistake mistakes[] = {
		{"route \"*\" {}", " route \"*\": relays, host, tls or pool must be set"},
		{"route \"no domain\" { tls = may }",
		 "1: route \"no domain\": a route is for a domain, provider:NAME, list:NAME or "
		 "*"},
		{"route \"list:\" { tls = may }",
		 "1: route \"list:\": a route is for a domain, provider:NAME, list:NAME or *"},
		{"relay \"a\" { host = a.test }\nroute \"*\" { relays = {a} host = b.test }",
		 "2: route \"*\".host: relays or host, not both"},
		{"route \"*\" { tls = may port = 25 }",
		 "1: route \"*\".port: is that of host, which is not set"},
		{"relay \"backup\" { host = a.test }\nroute \"*\" { relays = {bakcup} }",
		 "2: route \"*\".relays: there is no relay \"bakcup\", did you mean "
		 "\"backup\"?"},
		{"route \"*\" { relays = {a} }",
		 "1: route \"*\".relays: there is no relay \"a\""},
		{"relay \"a\" { host = a.test }\nroute \"*\" { relays = {a,a,a,a,a,a,a,a,a} }",
		 "2: route \"*\".relays: 9 relays; at most 8 of a route are tried"},
		{"route \"*\" { host = \"a.test:26\" }",
		 "1: route \"*\".host: is a name or an address alone; the port goes into port"},
	};
	check_refused(mistakes, sizeof(mistakes) / sizeof(mistakes[0]));
}

static void test_config_relay_asks_no_less_tls_than_mail_does(void **)
{
	static const struct {
		int relay, general;
		bool login;
		enum tls_wish wish;
	} cases[] = {
		{CONFIG_TLS_AUTO, TLS_WISH_NONE, false, TLS_WISH_MAY},
		{CONFIG_TLS_AUTO, TLS_WISH_MAY, false, TLS_WISH_MAY},
		{CONFIG_TLS_AUTO, TLS_WISH_ENCRYPT, false, TLS_WISH_ENCRYPT},
		{CONFIG_TLS_AUTO, TLS_WISH_NONE, true, TLS_WISH_VERIFY},
		{CONFIG_TLS_AUTO, TLS_WISH_DANE, true, TLS_WISH_VERIFY},
		{1 + TLS_WISH_NONE, TLS_WISH_ENCRYPT, true, TLS_WISH_NONE},
		{1 + TLS_WISH_DANE, TLS_WISH_MAY, false, TLS_WISH_DANE},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct config config = {.smtp = {.tls = cases[i].general}};
		const struct config_relay relay = {
			.tls = cases[i].relay,
			.user = cases[i].login ? STR("u") : (str){},
		};
		assert_int_equal(config_relay_tls(&config, &relay), cases[i].wish);
	}
}

/* The words of tls are those of tls_policy.h, one further on. */
static void test_config_tls_of_relays_and_routes_has_all_wishes(void **)
{
	for (int wish = 0; wish < TLS_WISH_COUNT; wish++) {
		struct config config;
		char text[200], why[300] = "";
		snprintf(text, sizeof(text),
			 "dns { trust_ad = on server = 127.0.0.1 }\n"
			 "relay \"a\" { host = a.test tls = %s }\nroute \"*\" { tls = %s }",
			 tls_wish_names[wish], tls_wish_names[wish]);
		int result = parse(text, &config, why, sizeof(why));
		assert_string_equal(why, "");
		assert_int_equal(result, 0);
		assert_int_equal(config.relays[0].tls, 1 + wish);
		assert_int_equal(config.routes[0].tls, 1 + wish);
	}
}

static void test_config_refuses_policy_that_says_nothing(void **)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"campaigns { sample = 0% }",
		 "etc/test.conf:1: campaigns.sample: write a share of the audience, 1%, or a "
		 "number "
		 "of recipients; ramp = false sends to all at once"},
		{"campaigns { hard = 5 }",
		 "etc/test.conf:1: hard: '5' is not a share (write 5% or 0.3%, at most 100%)"},
		{"campaigns { complaints = 0.1%\n complaints_alarm = 0.2% }",
		 "etc/test.conf:2: campaigns.complaints_alarm: is above complaints, which "
		 "pause a "
		 "campaign before"},
		{"retry_class \"mailbox-ful\" { first = 1h }",
		 "etc/test.conf:1: retry_class \"mailbox-ful\": there is no class of deferrals "
		 "\"mailbox-ful\", did you mean \"mailbox-full\"?"},
		{"retry_class \"complaint\" { first = 1h }",
		 "etc/test.conf:1: retry_class \"complaint\": there is no class of deferrals "
		 "\"complaint\""},
		{"retry_class \"network\" { }",
		 "etc/test.conf: retry_class \"network\": says nothing: set first, or last"},
		{"retry_class \"network\" { first = 2h\n last = 1h }",
		 "etc/test.conf:2: retry_class \"network\".last: is shorter than first"},
		{"retry_class \"greylisted\" { first = 1m }",
		 "etc/test.conf:1: retry_class \"greylisted\".first: is shorter than "
		 "retry.greylist_first allows"},
		{"limit \"a\" { provider = gmail }",
		 "etc/test.conf:1: limit \"a\": limits nothing: set message_rate, byte_rate, "
		 "connection_rate or connections"},
		{"limit \"a\" { message_rate = unlimited }",
		 "etc/test.conf:1: limit \"a\": limits nothing: set message_rate, byte_rate, "
		 "connection_rate or connections"},
		{"limit \"a\" { campaign = spring connections = 5 }",
		 "etc/test.conf:1: limit \"a\".connections: does not go with campaign: a "
		 "connection "
		 "carries the mail of all campaigns"},
		{"limit \"a\" { list = news\n connection_rate = 5/s }",
		 "etc/test.conf:2: limit \"a\".connection_rate: does not go with list: a "
		 "connection "
		 "carries the mail of all campaigns"},
		{"source \"one\" {}\nlimit \"a\" { source = oen message_rate = 5/s }",
		 "etc/test.conf:2: limit \"a\".source: there is no source \"oen\", did you "
		 "mean "
		 "\"one\"?"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config config;
		char why[300] = "";
		assert_int_equal(parse(cases[i].text, &config, why, sizeof(why)), -1);
		assert_string_equal(why, cases[i].why);
	}
}

/* Sections limit of these kinds, so many of each. */
static int parse_limits(unsigned same, unsigned sources, char *why, size_t why_size)
{
	static char text_memory[64 << 10];
	struct config config;
	struct buf text;
	buf_init_fixed(&text, text_memory, sizeof(text_memory) - 1);
	for (unsigned i = 0; i < sources; i++)
		buf_printf(&text,
			   "source \"s%u\" { address = 127.0.1.%u }\n"
			   "limit \"of s%u\" { source = s%u message_rate = 5/s }\n",
			   i, i + 1, i, i);
	for (unsigned i = 0; i < same; i++)
		buf_printf(&text, "limit \"all%u\" { connections = 5 }\n", i);
	assert_true(buf_ok(&text));
	text.data[text.size] = '\0';
	return parse(text.data, &config, why, why_size);
}

static void test_config_counts_limits_that_hold_at_once(void **)
{
	char why[300] = "";
	assert_int_equal(parse_limits(7, 0, why, sizeof(why)), 0);
	assert_int_equal(parse_limits(6, 100, why, sizeof(why)), 0);
	assert_string_equal(why, "");
	assert_int_equal(parse_limits(7, 1, why, sizeof(why)), -1);
	assert_true(
		str_ends(str_of(why), STR("more than 7 may hold for one message at once; that "
					  "many are too many")));
	assert_int_equal(parse_limits(8, 0, why, sizeof(why)), -1);
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

/* What two files say of the same keys, by name: what a reload takes, and what needs a restart. */
static void test_config_names_what_has_changed(void **)
{
	static const struct {
		const char *before, *after, *live, *dead;
	} rows[] = {
		{"", "", "", ""},
		{"smtp { port = 25 }", "smtp { port = 26 }", "", "smtp.port"},
		{"smtp { end_timeout = 5m }", "smtp { end_timeout = 4m port = 25 }",
		 "smtp.end_timeout", "smtp.port"},
		{"limit \"a\" { message_rate = 5/s }\nlimit \"b\" { message_rate = 6/s }",
		 "limit \"a\" { message_rate = 6/s }\nlimit \"b\" { message_rate = 6/s }",
		 "limit.message_rate", ""},
		{"limit \"a\" { message_rate = 5/s }", "", "limit.message_rate", ""},
		{"", "provider \"x\" { connections = 3 mx = { \".x.test\" } scope = site }",
		 "provider.mx, provider.connections", "provider.scope"},
		{"retry { first = 5m }\ndefault_limits { connections = 3 }",
		 "default_limits { connections = 4 }\nengine { name = b }",
		 "default_limits.connections, retry.first", "engine.name"},
		{"", "campaigns { ramp = no }", "", ""}, /* commands read it each time */
	};
	static char more[4 << 20];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config before, after;
		struct arena arena;
		str live, dead;
		char why[300] = "";
		arena_init_fixed(&arena, more, sizeof(more));
		assert_int_equal(config_parse(&before, "a", str_of(rows[i].before), &arena, why,
					      sizeof(why)),
				 0);
		assert_int_equal(config_parse(&after, "b", str_of(rows[i].after), &arena, why,
					      sizeof(why)),
				 0);
		assert_int_equal(
			keys_differ(before.settings, after.settings, &arena, &live, &dead), 0);
		char got[300], wanted[300];
		snprintf(got, sizeof(got), "%.*s|%.*s", STR_FORMAT(live), STR_FORMAT(dead));
		snprintf(wanted, sizeof(wanted), "%s|%s", rows[i].live, rows[i].dead);
		assert_string_equal(got, wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_defaults_are_all_legal),
		cmocka_unit_test(test_config_reads_every_section),
		cmocka_unit_test(test_config_names_what_has_changed),
		cmocka_unit_test(test_config_tells_file_line_and_cure),
		cmocka_unit_test(test_config_accepts_what_fits_together),
		cmocka_unit_test(test_config_refuses_ways_to_no_database),
		cmocka_unit_test(test_config_refuses_smtp_that_contradicts_itself),
		cmocka_unit_test(test_config_refuses_sources_that_are_none),
		cmocka_unit_test(test_config_refuses_relays_that_are_none),
		cmocka_unit_test(test_config_refuses_logins_that_are_half),
		cmocka_unit_test(test_config_refuses_routes_that_lead_nowhere),
		cmocka_unit_test(test_config_relay_asks_no_less_tls_than_mail_does),
		cmocka_unit_test(test_config_tls_of_relays_and_routes_has_all_wishes),
		cmocka_unit_test(test_config_refuses_policy_that_says_nothing),
		cmocka_unit_test(test_config_counts_limits_that_hold_at_once),
		cmocka_unit_test(test_config_explains_without_secrets),
		cmocka_unit_test(test_config_manual_names_every_key),
		cmocka_unit_test(test_units_read_what_they_write),
		cmocka_unit_test(test_units_group_thousands),
		cmocka_unit_test(test_suggest_finds_slips_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
