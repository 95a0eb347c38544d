/* test_locale.c - number, money, t and date as readers of several countries read them, and what
 * a template that asks for the impossible is told. ICU is asked about all locales and
 * currencies by tests/live/test_locale.py; what stands here was checked against it. */
#include "liquid_case.h"

#include "engine/data/locale_load.h"
#include "engine/data/zone_load.h"
#include "templates/message.h"
#include "templates/region.h"

#define NBSP "\xC2\xA0"
#define NARROW "\xE2\x80\xAF" /* U+202F */

static struct region region;

static void begin(struct liquid_case *c)
{
	case_begin(c);
	region = (struct region){
		.zones = zones_system,
		.locales = locales_icu,
		.locale = STR("de"),
		.zone_variable = STR("time_zone"),
		.locale_variable = STR("locale"),
	};
	c->now = (usec)1796115600 * USEC_SECOND; /* 2026-12-01 09:00:00 */
	c->options.region = &region;
}

static const char translations[] =
	"{\"de\": {\"greeting\": {\"hello\": \"Hallo {{ name }} & <Gruß>\","
	"  \"hello_html\": \"<b>Hallo {{name}}</b>\"}, \"only\": \"nur hier\","
	"  \"points\": {\"one\": \"{{ count }} Punkt\", \"other\": \"{{ count }} Punkte\"}},"
	" \"de-AT\": {\"greeting\": {\"hello\": \"Servus {{ name }}\"}},"
	" \"pl\": {\"points\": {\"one\": \"{{ count }} punkt\", \"few\": \"{{ count }} "
	"punkty\","
	"  \"many\": \"{{ count }} punktów\", \"other\": \"{{ count }} punktu\"}}}";

static void begin_texts(struct liquid_case *c)
{
	struct value locales;
	begin(c);
	assert_int_equal(
		value_from_json_text(&c->arena, str_of(translations), &locales, NULL, 0), 0);
	region.texts = texts_compile(&c->arena, &locales, region.locale, &c->error);
	assert_non_null(region.texts);
}

static void expect_refused(struct liquid_case *c, const char *text, const char *sentence)
{
	assert_int_equal(case_compile(c, str_of(text), NULL), -1);
	if (!strstr(c->error.message, sentence))
		fail_msg("%s: %s, not %s", text, c->error.message, sentence);
}

static void test_locale_numbers_as_the_reader_writes_them(void **)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{"{{ 1234.5 | number }}", "1.234,5"},
		{"{{ '1234.5' | number }}", "1.234,5"},
		{"{{ -1234567 | number }}", "-1.234.567"},
		{"{{ 1234.5 | number: locale: 'en' }}", "1,234.5"},
		{"{{ 1234.5 | number: locale: 'fr' }}", "1" NARROW "234,5"},
		{"{{ 1234.5 | number: locale: 'es' }}", "1234,5"},
		{"{{ 12345.5 | number: locale: 'es' }}", "12.345,5"},
		{"{{ 12345678 | number: locale: 'hi' }}", "1,23,45,678"},
		{"{{ 1234.5 | number: locale: 'de_CH' }}", "1\xE2\x80\x99"
							   "234.5"},
		{"{{ 42 | number: locale: 'fa' }}", "۴۲"},
		{"{{ 5 | number: decimals: 2 }}", "5,00"},
		{"{{ 0.125 | number: decimals: 2 }} {{ 0.375 | number: decimals: 2 }}",
		 "0,12 0,38"},
		{"{{ 2.675 | number: decimals: 2 }} {{ 1.005 | number: decimals: 2 }}",
		 "2,68 1,00"},
		{"{{ 0.5 | number: decimals: 0 }} {{ 1.5 | number: decimals: 0 }}", "0 2"},
		{"{{ 999.9996 | number }} {{ 0.0004 | number }} {{ -0.0004 | number }}",
		 "1.000 0 0"},
		{"{{ '0.05' | number }} {{ '+7' | number }} {{ ' 8 ' | number }}", "0,05 7 8"},
		{"{{ '123456789012345678901234567890.12' | number }}",
		 "123.456.789.012.345.678.901.234.567.890,12"},
		{"{{ '12 Äpfel' | number }}{{ nothing | number }}{{ true | number }}",
		 "12 Äpfeltrue"},
		{"{{ '1,5' | number }} {{ '.5' | number }} {{ '5.' | number }} {{ '' | number "
		 "}}|",
		 "1,5 .5 5. |"},
		{"{{ '1' | number: decimals: 99 }}", "1,00000000000000000000"},
	};
	struct liquid_case c;
	begin(&c);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		case_expect(&c, rows[i].text, NULL, rows[i].expected);
	case_expect(&c, "{{ n | number }}", "{\"n\": 1e22}", "10.000.000.000.000.000.000.000");
	case_end(&c);
}

static void test_locale_is_the_readers_own(void **)
{
	struct liquid_case c;
	begin(&c);
	const char *text = "{{ 12345.5 | number }}";
	case_expect(&c, text, "{\"locale\": \"en-US\"}", "12,345.5");
	case_expect(&c, text, "{\"locale\": \"de_AT\"}", "12" NBSP "345,5");
	case_expect(&c, text, "{\"locale\": \"de-at\"}", "12" NBSP "345,5");
	case_expect(&c, text, "{\"locale\": \"de_AT.UTF-8\"}", "12" NBSP "345,5");
	case_expect(&c, text, "{\"locale\": \"de-US-x-y\"}", "12.345,5");
	case_expect(&c, text, "{\"locale\": \"zh-TW\"}", "12,345.5");
	case_expect(&c, text, "{\"locale\": \"Klingon\"}", "12.345,5");
	case_expect(&c, text, "{\"locale\": 7}", "12.345,5");
	case_expect(&c, text, "{\"locale\": \"\"}", "12.345,5");
	case_expect(&c, "{{ 12345.5 | number: locale: l }}", "{\"l\": \"xx\"}", "12.345,5");
	region.locale = STR("");
	case_expect(&c, text, NULL, "12,345.5"); /* the root's */
	case_end(&c);
}

static void test_locale_money_by_currency(void **)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{"{{ 9.5 | money: 'EUR' }}", "9,50" NBSP "€"},
		{"{{ 9.5 | money: 'eur', locale: 'en' }}", "€9.50"},
		{"{{ -9.5 | money: 'USD', locale: 'en' }}", "-$9.50"},
		{"{{ 9.5 | money: 'CHF', locale: 'en' }}", "CHF" NBSP "9.50"},
		{"{{ -9.5 | money: 'CHF', locale: 'de-CH' }}", "CHF-9.50"},
		{"{{ 1234567.5 | money: 'INR', locale: 'en-IN' }}", "₹12,34,567.50"},
		{"{{ 1234.5 | money: 'JPY', locale: 'ja' }}", "￥1,234"},
		{"{{ 1235.5 | money: 'JPY', locale: 'ja' }}", "￥1,236"},
		{"{{ 1 | money: 'BHD', locale: 'en' }}", "BHD" NBSP "1.000"},
		{"{{ 1234.5 | money: 'EUR', locale: 'de-AT' }}", "€" NBSP "1.234,50"},
		{"{{ 9.5 | money: 'CVE', locale: 'pt-CV' }}", "9$50" NBSP "\xE2\x80\x8B"},
		{"{{ 9.5 | money: 'TRY', locale: 'tr' }}", "₺9,50"},
		{"{{ 9 | money: 'EUR', decimals: 0 }}", "9" NBSP "€"},
		{"{{ '12.345' | money: 'EUR' }}", "12,34" NBSP "€"},
		{"{{ -0.001 | money: 'EUR' }}", "0,00" NBSP "€"},
		{"{{ 'free' | money: 'EUR' }}", "free"},
	};
	struct liquid_case c;
	begin(&c);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		case_expect(&c, rows[i].text, NULL, rows[i].expected);
	case_expect(&c, "{{ 9.5 | money: code }}", "{\"code\": \"Points\"}",
		    "9,50" NBSP "Points");
	case_expect(&c, "{{ 9.5 | money: code }}", "{\"code\": null}", "9,50" NBSP);
	c.options.escape = LIQUID_ESCAPE_HTML;
	case_expect(&c, "{{ 9.5 | money: code }}", "{\"code\": \"<b>\"}",
		    "9,50" NBSP "&lt;b&gt;");
	case_end(&c);
}

static void test_locale_texts_by_locale_and_key(void **)
{
	struct liquid_case c;
	begin_texts(&c);
	const char *hello = "{{ 'greeting.hello' | t: name: who }}";
	case_expect(&c, hello, "{\"who\": \"Ann\"}", "Hallo Ann & <Gruß>");
	case_expect(&c, hello, "{\"who\": \"Ann\", \"locale\": \"de-AT\"}", "Servus Ann");
	case_expect(&c, hello, "{\"who\": \"Ann\", \"locale\": \"de_CH\"}",
		    "Hallo Ann & <Gruß>");
	case_expect(&c, hello, "{\"who\": \"Ann\", \"locale\": \"pl\"}", "Hallo Ann & <Gruß>");
	case_expect(&c, "{{ 'greeting.hello' | t: name: 'A', locale: 'de-AT' }}", NULL,
		    "Servus A");
	case_expect(&c, "{{ key | t | default: 'none' }}", "{\"key\": \"no.such\"}", "none");
	case_expect(&c, "{{ key | t }}{{ nothing | t }}", "{\"key\": \"only\"}", "nur hier");
	c.options.strict_variables = true;
	assert_int_equal(case_compile(&c, STR("{{ 'a' | append: 'b' | t }}"), NULL), 0);
	assert_int_equal(case_run(&c), -1);
	assert_string_equal(c.error.message, "no locale has a text 'ab'");
	case_end(&c);
}

static void test_locale_texts_are_escaped_unless_html(void **)
{
	struct liquid_case c;
	begin_texts(&c);
	c.options.escape = LIQUID_ESCAPE_HTML;
	const char *json = "{\"who\": \"<Ann>\"}";
	case_expect(&c, "{{ 'greeting.hello' | t: name: who }}", json,
		    "Hallo &lt;Ann&gt; &amp; &lt;Gruß&gt;");
	case_expect(&c, "{{ 'greeting.hello_html' | t: name: who }}", json,
		    "<b>Hallo &lt;Ann&gt;</b>");
	case_expect(&c, "{% assign w = who | escape %}{{ 'greeting.hello' | t: name: w }}",
		    json, "Hallo &lt;Ann&gt; &amp; &lt;Gruß&gt;");
	case_expect(&c,
		    "{% capture w %}<i>{{ who }}</i>{% endcapture %}"
		    "{{ 'greeting.hello_html' | t: name: w }}",
		    json, "<b>Hallo <i>&lt;Ann&gt;</i></b>");
	case_expect(&c, "{{ 'greeting.hello' | t: name: who | upcase }}", json,
		    "HALLO &lt;ANN&gt; &amp; &lt;GRUSS&gt;");
	c.options.escape = LIQUID_ESCAPE_NONE;
	case_expect(&c, "{{ 'greeting.hello_html' | t: name: who }}", json,
		    "<b>Hallo <Ann></b>");
	case_end(&c);
}

static void test_locale_texts_have_plurals(void **)
{
	static const struct {
		const char *json, *expected;
	} rows[] = {
		{"{\"n\": 1}", "1 Punkt"},
		{"{\"n\": 2}", "2 Punkte"},
		{"{\"n\": \"1\"}", "1 Punkt"},
		{"{\"n\": 1.0}", "1.0 Punkte"},
		{"{\"n\": \"viele\"}", "viele Punkte"},
		{"{}", " Punkte"},
		{"{\"n\": 1, \"locale\": \"pl\"}", "1 punkt"},
		{"{\"n\": 3, \"locale\": \"pl\"}", "3 punkty"},
		{"{\"n\": 12, \"locale\": \"pl\"}", "12 punktów"},
		{"{\"n\": 22, \"locale\": \"pl\"}", "22 punkty"},
		{"{\"n\": 1.5, \"locale\": \"pl\"}", "1.5 punktu"},
		/* Words that are the default's go by the default's rules. */
		{"{\"n\": 0, \"locale\": \"fr\"}", "0 Punkte"},
	};
	struct liquid_case c;
	begin_texts(&c);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		case_expect(&c, "{{ 'points' | t: count: n }}", rows[i].json, rows[i].expected);
	case_end(&c);
}

static void test_locale_dates_on_the_readers_clock(void **)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{"{{ '2026-12-01T09:00:00Z' | date: '%A %H:%M %Z %z', zone: 'Europe/Berlin' }}",
		 "Tuesday 10:00 CET +0100"},
		{"{{ '2026-12-01T09:00:00+05:00' | date: '%H:%M' }}", "23:00"},
		{"{{ '2026-12-01T09:00:00Z' | date: '%H:%M %Z' }}", "04:00 EST"},
		{"{{ 'now' | date: '%H:%M' }} {{ 1796115600 | date: '%H:%M' }}", "04:00 04:00"},
		/* A clock's time, and a day, are what they are. */
		{"{{ '2026-12-01 09:00' | date: '%H:%M' }}", "09:00"},
		{"{{ '2026-12-01' | date: '%F' }}", "2026-12-01"},
		{"{{ '2026-12-01 09:00' | date: '%H:%M', zone: 'Europe/Berlin' }}", "10:00"},
		{"{{ '2026-12-01' | date: '%F %H', zone: 'America/New_York' }}",
		 "2026-12-01 00"},
		/* What only the data can say is no reason to fail. */
		{"{{ 'now' | date: '%H:%M', zone: where }}", "04:00"},
		{"{{ '1890-01-01T00:00:00Z' | date: '%T %::z %Z', zone: 'Europe/Berlin' }}",
		 "00:53:28 +00:53:28 LMT"},
	};
	struct liquid_case c;
	begin(&c);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		case_expect(&c, rows[i].text,
			    "{\"time_zone\": \"America/New_York\", \"where\": \"Nowhere\"}",
			    rows[i].expected);
	const char *now = "{{ 'now' | date: '%H:%M %Z' }}";
	case_expect(&c, now, "{\"time_zone\": \"Mars/Olympus\"}", "09:00 UTC");
	case_expect(&c, now, "{\"time_zone\": 5}", "09:00 UTC");
	region.zone = STR("Europe/Berlin");
	case_expect(&c, now, NULL, "10:00 CET");
	case_expect(&c, now, "{\"time_zone\": \"asia/tokyo\"}", "18:00 JST");
	case_end(&c);
}

static void test_locale_mistakes_of_a_template_are_told(void **)
{
	struct liquid_case c;
	begin_texts(&c);
	expect_refused(&c, "{{ 1 | date: '%F', zone: 'Europe/Berln' }}",
		       "no time zone is called 'Europe/Berln', did you mean 'Europe/Berlin'?");
	expect_refused(&c, "{{ 1 | date: '%F', zon: 'UTC' }}",
		       "takes no argument named 'zon', did you mean 'zone'?");
	expect_refused(&c, "{{ 1 | number: locale: 'xx' }}", "no locale is called 'xx'");
	expect_refused(&c, "{{ 1 | number: digits: 2 }}", "takes no argument named 'digits'");
	expect_refused(&c, "{{ 1 | money }}", "takes 1 argument, not 0");
	expect_refused(&c, "{{ 1 | money: 'EURO' }}",
		       "no currency has the code 'EURO', did you mean 'EUR'?");
	expect_refused(&c, "{{ 1 | upcase: x: 1 }}", "takes no argument named 'x'");
	expect_refused(
		&c, "{{ 'greeting.helo' | t }}",
		"locale 'de' has no text 'greeting.helo', did you mean 'greeting.hello'?");
	expect_refused(&c, "{{ 'greeting.hello' | t }}",
		       "the text 'greeting.hello' asks for 'name', which is not given");
	expect_refused(&c, "{{ 'points' | t }}", "has a plural: say which with count:");
	region.locale = region.texts->usual_name;
	region.texts = NULL;
	expect_refused(&c, "{{ 'points' | t }}", "there are no translations");
	region.locales = NULL;
	expect_refused(&c, "{{ 1 | number }}", "there is no table of locales here");
	region.zones = NULL;
	expect_refused(&c, "{{ 1 | date: '%F', zone: 'UTC' }}", "package tzdata");
	case_expect(&c, "{{ 0 | date: '%F' }}", NULL, "1970-01-01");
	c.options.region = NULL;
	expect_refused(&c, "{{ 1 | number }}", "there is no table of locales here");
	expect_refused(&c, "{{ 'a' | t }}", "there are no translations");
	case_expect(&c, "{{ 0 | date: '%F %Z' }}", NULL, "1970-01-01 UTC");
	case_end(&c);
}

static void test_locale_mistakes_in_translations_are_told(void **)
{
	static const struct {
		const char *json, *message;
	} rows[] = {
		{"{\"de\": []}", "is no JSON object of keys and texts"},
		{"{\"de\": {\"a\": {\"b\": 5}}}",
		 "a.b: is neither a text nor an object of texts"},
		{"{\"de\": {\"a\": \"{{ x | upcase }}\"}}", "a: between {{ and }}"},
		{"{\"de\": {\"a\": \"{{ x\"}}", "a: between {{ and }}"},
		{"{\"de\": {\"a\": \"{{}}\"}}", "a: between {{ and }}"},
	};
	struct liquid_case c;
	struct value locales;
	begin(&c);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(
			value_from_json_text(&c.arena, str_of(rows[i].json), &locales, NULL, 0),
			0);
		assert_null(texts_compile(&c.arena, &locales, STR("de"), &c.error));
		assert_true(str_eq(c.error.file, STR("locales/de.json")));
		if (!strstr(c.error.message, rows[i].message))
			fail_msg("%s: %s", rows[i].json, c.error.message);
	}
	case_end(&c);
}

static void test_locale_what_is_used_is_known_when_compiled(void **)
{
	struct liquid_case c;
	begin_texts(&c);
	assert_int_equal(case_compile(&c, STR("{{ x | upcase }}"), NULL), 0);
	assert_false(liquid_uses_zone(c.liquid) || liquid_uses_locale(c.liquid));
	assert_int_equal(
		case_compile(&c, STR("{% if a %}{{ x | date: '%F' }}{% endif %}"), NULL), 0);
	assert_true(liquid_uses_zone(c.liquid) && !liquid_uses_locale(c.liquid));
	assert_int_equal(case_compile(&c, STR("{% assign x = 1 | number %}"), NULL), 0);
	assert_true(!liquid_uses_zone(c.liquid) && liquid_uses_locale(c.liquid));
	assert_int_equal(case_compile(&c, STR("{{ 'only' | t }}"), NULL), 0);
	assert_true(liquid_uses_locale(c.liquid));
	assert_int_equal(liquid_variable_count(c.liquid), 0);
	case_end(&c);
}

static void test_locale_a_plan_asks_for_the_readers_own(void **)
{
	struct liquid_case c;
	begin(&c);
	const struct message_source source = {
		.subject = STR("{{ 1 | number }} {{ first_name }}"),
		.text = STR("{{ 'now' | date: '%F' }} {{ 2 | number }} {{ locale }}"),
		.from_address = STR("ann@example.com"),
		.return_domain = STR("example.com"),
		.region = &region,
	};
	static const char *const fields[] = {"first_name", "locale", "time_zone"};
	const struct message_plan *plan = message_compile(&c.arena, &source, &c.error);
	assert_non_null(plan);
	assert_int_equal(message_field_count(plan), 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(str_eq(message_field(plan, i), str_of(fields[i])));
	case_end(&c);
}

static void test_locale_rules_of_plurals_that_are_none(void **)
{
	static const char *const texts[] = {
		"x = 1",           "n % 0 = 1", "n = ",
		"n = 1..",         "n % = 1",   "n = 1 and",
		"n = 1 xor n = 2", "n < 5",     "n = 99999999999999999999"};
	struct liquid_case c;
	case_begin(&c);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		str rules[PLURAL_COUNT] = {[PLURAL_ONE] = str_of(texts[i])};
		if (plural_rules_read(&c.arena, rules))
			fail_msg("'%s' is taken", texts[i]);
	}
	case_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_locale_numbers_as_the_reader_writes_them),
		cmocka_unit_test(test_locale_is_the_readers_own),
		cmocka_unit_test(test_locale_money_by_currency),
		cmocka_unit_test(test_locale_texts_by_locale_and_key),
		cmocka_unit_test(test_locale_texts_are_escaped_unless_html),
		cmocka_unit_test(test_locale_texts_have_plurals),
		cmocka_unit_test(test_locale_dates_on_the_readers_clock),
		cmocka_unit_test(test_locale_mistakes_of_a_template_are_told),
		cmocka_unit_test(test_locale_mistakes_in_translations_are_told),
		cmocka_unit_test(test_locale_what_is_used_is_known_when_compiled),
		cmocka_unit_test(test_locale_a_plan_asks_for_the_readers_own),
		cmocka_unit_test(test_locale_rules_of_plurals_that_are_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
