/* test_preflight.c - what a check says about many states of a sender's DNS. The resolver here
 * is a table; answers come later and in any order, as the real one's do. */
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>

#include "engine/base/prng.h"
#include "engine/preflight/preflight.h"

enum kind { MX, ADDRESS, TEXT, NAME };

static const struct row {
	const char *zone; /* which case it belongs to; NULL: all */
	enum kind kind;
	const char *name;
	const char *value; /* MX: "10 host"; "!": time-out; "-": the name exists only */
} rows[] = {
	{"good", MX, "example.com", "20 mx2.example.com"},
	{"good", MX, "example.com", "10 mx1.example.com"},
	{"good", MX, "bounce.example.com", "10 mx1.example.com"},
	{"good", TEXT, "bounce.example.com", "v=spf1 ip4:192.0.2.7 -all"},
	{"good", TEXT, "bounce.example.com", "some-other-site-verification=1"},
	{"good", TEXT, "s1._domainkey.example.com", "OURS"},
	{"good", TEXT, "_dmarc.example.com", "v=DMARC1; p=reject; rua=mailto:d@example.com"},
	{"good", NAME, "192.0.2.7", "out1.example.com"},
	{"good", ADDRESS, "out1.example.com", "192.0.2.7"},

	{"null-mx", MX, "example.com", "0 "},
	{"address-only", MX, "example.com", "-"},
	{"address-only", ADDRESS, "example.com", "192.0.2.1"},
	{"nothing", MX, "example.com", "-"},
	{"nothing", ADDRESS, "example.com", "-"},
	{"time-out", MX, "example.com", "!"},
	{"time-out", TEXT, "bounce.example.com", "!"},
	{"time-out", TEXT, "s1._domainkey.example.com", "!"},
	{"time-out", TEXT, "_dmarc.example.com", "!"},
	{"time-out", NAME, "192.0.2.7", "!"},

	{"two-spf", TEXT, "bounce.example.com", "v=spf1 -all"},
	{"two-spf", TEXT, "bounce.example.com", "V=SPF1 mx -all"},
	{"spf10", TEXT, "bounce.example.com", "v=spf10 -all"},
	{"open-spf", TEXT, "bounce.example.com", "v=spf1 mx +all"},

	{"other-key", TEXT, "s1._domainkey.example.com", "v=DKIM1; k=ed25519; p=AAAA"},
	{"revoked", TEXT, "s1._domainkey.example.com", "v=DKIM1; p="},
	{"no-p", TEXT, "s1._domainkey.example.com", "v=DKIM1; pp=AAAA"},
	{"two-keys", TEXT, "s1._domainkey.example.com", "OURS"},
	{"two-keys", TEXT, "s1._domainkey.example.com", "v=DKIM1; p="},
	{"test-key", TEXT, "s1._domainkey.example.com", "OURS; t=s:y"},
	{"spaced", TEXT, "s1._domainkey.example.com", "SPACED"},

	{"two-dmarc", TEXT, "_dmarc.example.com", "v=DMARC1; p=none"},
	{"two-dmarc", TEXT, "_dmarc.example.com", "v=DMARC1; p=reject"},
	{"no-policy", TEXT, "_dmarc.example.com", "v=DMARC1; pct=10"},
	{"not-dmarc", TEXT, "_dmarc.example.com", "v=spf1 -all"},
	{"hostile", TEXT, "bounce.example.com", "v=spf1 \x1b[2J\r\n%s%n -all"},

	{"other-name", NAME, "192.0.2.7", "host7.example.net"},
	{"other-name", ADDRESS, "host7.example.net", "192.0.2.7"},
	{"astray", NAME, "192.0.2.7", "host7.example.net"},
	{"astray", ADDRESS, "host7.example.net", "192.0.2.8"},
};
#define ROW_COUNT (sizeof rows / sizeof *rows)

struct resolver {
	const char *zone;
	char ours[1024], spaced[1024];
	struct prng prng;
	struct {
		struct dns_question *question;
		enum kind kind;
		char name[DNS_NAME_SIZE + 16];
	} open[32];
	size_t open_count, asked_count;
};

static void ask(struct resolver *r, struct dns_question *q, enum kind kind, str name)
{
	assert_true(r->open_count < 32);
	r->open[r->open_count].question = q;
	r->open[r->open_count].kind = kind;
	assert_true(str_to_cstr(name, r->open[r->open_count].name, DNS_NAME_SIZE));
	r->open_count++;
	r->asked_count++;
}

void resolve_mx(struct resolver *r, struct dns_question *q, str domain)
{
	ask(r, q, MX, domain);
}

void resolve_address(struct resolver *r, struct dns_question *q, str host)
{
	ask(r, q, ADDRESS, host);
}

void resolve_text(struct resolver *r, struct dns_question *q, str name)
{
	ask(r, q, TEXT, name);
}

void resolve_name(struct resolver *r, struct dns_question *q, const struct net_address *address)
{
	char text[64];
	net_address_format(address, text);
	ask(r, q, NAME, str_of(text));
}

/* Rows of the zone replace those of "good" for the same question. */
static bool in_zone(const struct row *row, enum kind kind, const char *name, const char *zone)
{
	return row->kind == kind && strcmp(row->zone, zone) == 0 &&
	       strcmp(row->name, name) == 0;
}

struct answer_memory {
	struct dns_mx mx[4];
	struct net_address addresses[4];
	str texts[4];
};

static void add_value(struct resolver *r, const char *value, enum kind kind,
		      struct dns_answer *answer, struct answer_memory *m)
{
	if (*value == '!' || *value == '-') {
		answer->status = *value == '!' ? DNS_TEMPORARY : DNS_NO_DATA;
		strcpy(answer->why, *value == '!' ? "time-out asking 127.0.0.1" : "");
		return;
	}
	answer->status = DNS_OK;
	size_t i = answer->count++;
	str rest = str_of(value);
	uint64_t preference;
	if (kind == MX) {
		assert_true(str_to_u64(str_cut(&rest, ' '), &preference));
		m->mx[i].preference = (uint16_t)preference;
		assert_true(str_to_cstr(rest, m->mx[i].host, DNS_NAME_SIZE));
	} else if (kind == ADDRESS) {
		assert_true(net_address_parse(rest, 0, &m->addresses[i]));
	} else if (str_starts(rest, STR("OURS"))) {
		strcat(r->ours, value + 4);
		m->texts[i] = str_of(r->ours);
	} else {
		m->texts[i] = str_eq(rest, STR("SPACED")) ? str_of(r->spaced) : rest;
	}
}

static void answer_one(struct resolver *r)
{
	size_t pick = prng_below(&r->prng, r->open_count);
	struct dns_question *q = r->open[pick].question;
	enum kind kind = r->open[pick].kind;
	char name[DNS_NAME_SIZE + 16];
	strcpy(name, r->open[pick].name);
	r->open[pick] = r->open[--r->open_count];

	struct answer_memory *m = calloc(1, sizeof *m); /* gone right after the call */
	struct dns_answer answer = {.status = DNS_NO_NAME,
				    .mx = m->mx,
				    .texts = m->texts,
				    .addresses = m->addresses};
	bool replaced = false;
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (!in_zone(&rows[i], kind, name, r->zone))
			continue;
		replaced = true;
		add_value(r, rows[i].value, kind, &answer, m);
	}
	for (size_t i = 0; i < ROW_COUNT && !replaced; i++) {
		if (in_zone(&rows[i], kind, name, "good"))
			add_value(r, rows[i].value, kind, &answer, m);
	}
	q->on_answer(q, &answer);
	free(m);
}

static struct dkim_key *key;
static char memory[65536];
static struct arena arena;
static const struct preflight_report *found;

static int set_up(void **state)
{
	(void)state;
	char pem[1024], why[200];
	struct buf b;
	buf_init_fixed(&b, pem, sizeof pem);
	if (dkim_generate(DKIM_ED25519_SHA256, &b) < 0)
		return -1;
	key = dkim_key_create(buf_str(&b), STR("example.com"), STR("s1"), why, sizeof why);
	return key ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	dkim_key_destroy(key);
	return 0;
}

static void on_done(void *context, const struct preflight_report *report)
{
	assert_ptr_equal(context, memory);
	assert_null(found);
	found = report;
}

static struct preflight_plan plan_of(struct source *source)
{
	static const struct dkim_key *keys[1];
	keys[0] = key;
	*source = (struct source){
		.name = "out1", .helo = "out1.example.com", .has_ipv4 = true};
	assert_true(net_address_parse(STR("192.0.2.7"), 0, &source->ipv4));
	return (struct preflight_plan){.domain = STR("example.com"),
				       .return_domain = STR("bounce.example.com"),
				       .keys = keys,
				       .key_count = 1,
				       .sources = source,
				       .source_count = 1};
}

static void run_check(const char *zone, const struct preflight_plan *plan, uint64_t seed)
{
	static struct resolver r;
	r = (struct resolver){.zone = zone};
	prng_init(&r.prng, seed);
	struct buf record;
	buf_init_fixed(&record, r.ours, sizeof r.ours / 2);
	dkim_key_record(key, &record);
	size_t p = str_find(buf_str(&record), STR("p="));
	for (size_t i = 0, out = 0; i < record.size; i++) {
		r.spaced[out++] = r.ours[i];
		if (i > p + 2 && i % 3 == 0)
			r.spaced[out++] = ' ';
	}
	arena_init_fixed(&arena, memory, sizeof memory);
	found = NULL;
	assert_int_equal(preflight_check(&r, plan, &arena, memory, on_done), 0);
	assert_null(found);
	for (int turns = 0; r.open_count; turns++) {
		assert_true(turns < 100);
		assert_null(found);
		answer_one(&r);
	}
	assert_non_null(found);
}

/* The finding of a subject (the last, where there are several). */
static const struct preflight_finding *finding(enum preflight_subject subject)
{
	for (size_t i = found->count; i-- > 0;) {
		if (found->findings[i].subject == subject)
			return &found->findings[i];
	}
	fail_msg("no finding about %s", preflight_subject_name(subject));
	return NULL;
}

static void test_preflight_of_a_good_domain_finds_nothing_wrong(void **state)
{
	(void)state;
	struct source source;
	struct preflight_plan plan = plan_of(&source);
	for (uint64_t seed = 0; seed < 20; seed++) {
		run_check("good", &plan, seed);
		assert_int_equal(found->count, 6); /* MX twice */
		assert_int_equal(found->warning_count + found->error_count, 0);
		assert_true(str_find(found->findings[0].sentence,
				     STR("mx1.example.com and others")) != STR_NONE);
		for (size_t i = 0; i < found->count; i++) {
			assert_int_equal(found->findings[i].level, PREFLIGHT_OK);
			assert_int_equal(found->findings[i].record.size, 0);
			if (i) /* the order does not depend on the answers' */
				assert_true(found->findings[i - 1].subject <=
					    found->findings[i].subject);
		}
	}
}

static void test_preflight_says_what_is_wrong_and_what_to_publish(void **state)
{
	(void)state;
	static const struct {
		const char *zone;
		enum preflight_subject subject;
		enum preflight_level level;
		const char *says, *record; /* record "": none to publish */
	} cases[] = {
		{"two-spf", PREFLIGHT_SPF, PREFLIGHT_ERROR, "2 SPF records", ""},
		{"spf10", PREFLIGHT_SPF, PREFLIGHT_ERROR, "no SPF record",
		 "bounce.example.com. IN TXT \"v=spf1 ip4:192.0.2.7 ~all\""},
		{"open-spf", PREFLIGHT_SPF, PREFLIGHT_WARNING, "+all", "ip4:192.0.2.7 ~all"},
		{"hostile", PREFLIGHT_SPF, PREFLIGHT_OK, "\\x1b[2J\\x0d\\x0a%s%n", ""},
		{"other-key", PREFLIGHT_DKIM, PREFLIGHT_ERROR, "not the one we sign with",
		 "s1._domainkey.example.com. IN TXT"},
		{"revoked", PREFLIGHT_DKIM, PREFLIGHT_ERROR, "revoked", "k=ed25519; p="},
		{"no-p", PREFLIGHT_DKIM, PREFLIGHT_ERROR, "holds no key", "k=ed25519; p="},
		{"two-keys", PREFLIGHT_DKIM, PREFLIGHT_ERROR, "2 records", "k=ed25519; p="},
		{"test-key", PREFLIGHT_DKIM, PREFLIGHT_WARNING, "t=y", "k=ed25519; p="},
		{"spaced", PREFLIGHT_DKIM, PREFLIGHT_OK, "the one we sign with", ""},
		{"two-dmarc", PREFLIGHT_DMARC, PREFLIGHT_ERROR, "2 DMARC records", ""},
		{"no-policy", PREFLIGHT_DMARC, PREFLIGHT_WARNING, "names no policy", "p=none"},
		{"not-dmarc", PREFLIGHT_DMARC, PREFLIGHT_ERROR, "no DMARC record",
		 "_dmarc.example.com. IN TXT \"v=DMARC1; p=none\""},
		{"other-name", PREFLIGHT_PTR, PREFLIGHT_WARNING,
		 "says out1.example.com in EHLO", ""},
		{"astray", PREFLIGHT_PTR, PREFLIGHT_ERROR, "does not lead back", ""},
		{"time-out", PREFLIGHT_SPF, PREFLIGHT_WARNING, "time-out asking 127.0.0.1", ""},
		{"time-out", PREFLIGHT_DKIM, PREFLIGHT_WARNING, "check again later", ""},
		{"time-out", PREFLIGHT_DMARC, PREFLIGHT_WARNING, "check again later", ""},
		{"time-out", PREFLIGHT_PTR, PREFLIGHT_WARNING, "about 192.0.2.7", ""},
	};
	struct source source;
	struct preflight_plan plan = plan_of(&source);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		run_check(cases[i].zone, &plan, i);
		const struct preflight_finding *f = finding(cases[i].subject);
		if (f->level != cases[i].level ||
		    str_find(f->sentence, str_of(cases[i].says)) == STR_NONE)
			fail_msg("%s: %s: %.*s", cases[i].zone, preflight_level_name(f->level),
				 STR_FORMAT(f->sentence));
		bool publishes = str_find(f->record, str_of(cases[i].record)) != STR_NONE;
		if (!publishes || (cases[i].record[0] == '\0' && f->record.size))
			fail_msg("%s: publish %.*s", cases[i].zone, STR_FORMAT(f->record));
	}
}

static void test_preflight_mx_of_the_from_domain(void **state)
{
	(void)state;
	static const struct {
		const char *zone;
		enum preflight_level level;
		const char *says;
	} cases[] = {
		{"null-mx", PREFLIGHT_ERROR, "null MX"},
		{"address-only", PREFLIGHT_WARNING, "no MX record"},
		{"nothing", PREFLIGHT_ERROR, "neither an MX record nor an address"},
		{"time-out", PREFLIGHT_WARNING, "check again later"},
	};
	struct source source;
	struct preflight_plan plan = plan_of(&source);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		run_check(cases[i].zone, &plan, i);
		assert_int_equal(found->findings[0].level, cases[i].level);
		assert_true(str_find(found->findings[0].sentence, str_of(cases[i].says)) !=
			    STR_NONE);
		assert_int_equal(found->findings[1].level,
				 PREFLIGHT_OK); /* the return domain's */
	}
	plan.return_domain = (str){NULL, 0};
	run_check("null-mx", &plan, 1);
	assert_int_equal(found->findings[1].subject, PREFLIGHT_SPF); /* one MX finding only */
}

static void test_preflight_of_an_unknown_domain_names_every_record(void **state)
{
	(void)state;
	struct source source;
	struct preflight_plan plan = plan_of(&source);
	plan.domain = STR("a.b.unknown.test");
	plan.return_domain = plan.domain;
	run_check("good", &plan, 4);
	assert_true(str_find(found->findings[0].sentence, STR("does not exist")) != STR_NONE);
	assert_int_equal(finding(PREFLIGHT_SPF)->level, PREFLIGHT_ERROR);
	assert_true(str_starts(finding(PREFLIGHT_DMARC)->record,
			       STR("_dmarc.a.b.unknown.test. IN TXT")));
	/* The key of example.com is published, but helps this domain little. */
	assert_int_equal(finding(PREFLIGHT_DKIM)->level, PREFLIGHT_WARNING);
	assert_true(str_find(finding(PREFLIGHT_DKIM)->sentence, STR("DMARC")) != STR_NONE);
}

static void test_preflight_finds_the_policy_of_a_parent(void **state)
{
	(void)state;
	struct source source;
	struct preflight_plan plan = plan_of(&source);
	plan.domain = STR("may.news.example.com");
	run_check("good", &plan, 5);
	assert_int_equal(finding(PREFLIGHT_DMARC)->level, PREFLIGHT_OK);
	assert_true(str_find(finding(PREFLIGHT_DMARC)->sentence, STR("_dmarc.example.com")) !=
		    STR_NONE);
	assert_int_equal(finding(PREFLIGHT_DKIM)->level,
			 PREFLIGHT_OK); /* example.com is aligned */
}

static void test_preflight_without_key_or_public_address(void **state)
{
	(void)state;
	struct source source;
	struct preflight_plan plan = plan_of(&source);
	static const char *const private_addresses[] = {
		"127.0.0.1",  "10.1.2.3", "172.16.0.1", "192.168.1.1",
		"100.64.0.1", "fe80::1",  "::1",        "fd00::1"};
	plan.key_count = 0;
	for (size_t i = 0; i < sizeof private_addresses / sizeof *private_addresses; i++) {
		struct net_address address;
		assert_true(net_address_parse(str_of(private_addresses[i]), 0, &address));
		source.ipv4 = source.ipv6 = address;
		source.has_ipv6 = address.sa.sa_family == AF_INET6;
		source.has_ipv4 = !source.has_ipv6;
		run_check("spf10", &plan, i);
		assert_int_equal(finding(PREFLIGHT_DKIM)->level, PREFLIGHT_ERROR);
		for (size_t k = 0; k < found->count; k++)
			assert_int_not_equal(found->findings[k].subject, PREFLIGHT_PTR);
		assert_int_equal(finding(PREFLIGHT_SPF)->record.size, 0);
	}
	source.has_ipv6 = true;
	assert_true(net_address_parse(STR("2001:db8::7"), 0, &source.ipv6));
	run_check("spf10", &plan, 1);
	assert_true(str_find(finding(PREFLIGHT_SPF)->record, STR("ip6:2001:db8::7")) !=
		    STR_NONE);
}

static void test_preflight_refuses_what_is_no_domain(void **state)
{
	(void)state;
	struct source source;
	struct preflight_plan plan = plan_of(&source);
	static struct resolver r;
	static const char *const bad[] = {"", "exa mple.com", "a\"b.test", ".com", "x\r\ny"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		plan.domain = str_of(bad[i]);
		arena_init_fixed(&arena, memory, sizeof memory);
		assert_int_equal(preflight_check(&r, &plan, &arena, memory, on_done), -1);
	}
	plan.domain = STR("example.com");
	arena_init_fixed(&arena, memory, 100);
	assert_int_equal(preflight_check(&r, &plan, &arena, memory, on_done), -1);
	assert_int_equal(r.asked_count, 0);
}

static void test_preflight_ends_in_a_small_arena(void **state)
{
	(void)state;
	struct source source;
	struct preflight_plan plan = plan_of(&source);
	for (size_t size = 0; size < sizeof memory; size += 97) {
		static struct resolver r;
		r = (struct resolver){.zone = "good"};
		prng_init(&r.prng, size);
		arena_init_fixed(&arena, memory, size);
		found = NULL;
		if (preflight_check(&r, &plan, &arena, memory, on_done) < 0)
			continue;
		while (r.open_count)
			answer_one(&r);
		assert_non_null(found);
		for (size_t i = 0; i < found->count; i++)
			assert_true(found->findings[i].sentence.size > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_preflight_of_a_good_domain_finds_nothing_wrong),
		cmocka_unit_test(test_preflight_says_what_is_wrong_and_what_to_publish),
		cmocka_unit_test(test_preflight_mx_of_the_from_domain),
		cmocka_unit_test(test_preflight_of_an_unknown_domain_names_every_record),
		cmocka_unit_test(test_preflight_finds_the_policy_of_a_parent),
		cmocka_unit_test(test_preflight_without_key_or_public_address),
		cmocka_unit_test(test_preflight_refuses_what_is_no_domain),
		cmocka_unit_test(test_preflight_ends_in_a_small_arena),
	};
	return cmocka_run_group_tests_name("preflight", tests, set_up, tear_down);
}
