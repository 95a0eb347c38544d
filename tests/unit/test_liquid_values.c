/* Numbers, dates, letters and text of values, beyond what the golden cases ask. */
#include "liquid_case.h"

struct pair {
	const char *text, *expected;
};

static void expect_all(const struct pair *pairs, size_t count, const char *json)
{
	struct liquid_case c;
	case_begin(&c);
	c.now = (usec)1700000000 * USEC_SECOND; /* 2023-11-14 22:13:20 */
	for (size_t i = 0; i < count; i++)
		case_expect(&c, pairs[i].text, json, pairs[i].expected);
	case_end(&c);
}
#define EXPECT_ALL(pairs, json) expect_all(pairs, sizeof(pairs) / sizeof(*(pairs)), json)

static void test_liquid_numbers_count_in_decimals(void **)
{
	static const struct pair pairs[] = {
		{"{{ 0.1 | plus: 0.2 }}", "0.3"},
		{"{{ 1.1 | times: 1.1 }}", "1.21"},
		{"{{ 0.3 | divided_by: 0.1 }}", "3.0"},
		{"{{ 4.35 | times: 100 }}", "435.0"},
		{"{{ '19.99' | times: 3 }}", "59.97"},
		{"{{ -7 | divided_by: 2 }} {{ -7 | modulo: 3 }} {{ 7 | modulo: -3 }}",
		 "-4 2 -2"},
		{"{{ -7.5 | modulo: 2 }}", "0.5"},
		{"{{ 333333333333333312.0 | round }} {{ -333333333333333312.0 | floor }}",
		 "333333333333333300 -333333333333333300"},
		{"{{ -0.0 | minus: 0 }} {{ -0.0 | plus: 0 }} {{ 0.0 | minus: 0 }}",
		 "-0.0 0.0 0.0"},
		{"{{ 2.5 | round }} {{ -2.5 | round }} {{ 0.5 | round }} {{ 1.005 | round: 2 "
		 "}}",
		 "3 -3 1 1.01"},
		{"{{ 15 | round: -1 }} {{ -15 | round: -1 }} {{ 14 | round: -1 }} {{ 14 | "
		 "round: -20 }}",
		 "20 -20 10 0"},
		{"{{ 45.6 | round: -1 }} {{ 54.9 | round: -2 }} {{ 44.9 | round: -2 }}",
		 "50 100 0"},
		{"{{ 1.5 | ceil }} {{ -1.5 | ceil }} {{ -1.5 | floor }}", "2 -1 -2"},
		{"{{ big }} {{ tiny }} {{ 100000.0 | times: 10000000000.0 }}",
		 "1.0e+20 1.0e-05 1.0e+15"},
		{"{{ 99999999999999.0 | plus: 0.5 }}", "99999999999999.5"},
		{"{{ 0.0001 }} {{ 123456789.125 }}", "0.0001 123456789.125"},
		{"{{ max | plus: 1.0 }} {{ '-9223372036854775808' | plus: 0 }}",
		 "9.223372036854776e+18 -9223372036854775808"},
		{"{{ 0 | times: -2.5 }} {{ 0.0 | divided_by: -2 }} {{ -0.04 | round: 1 }}",
		 "-0.0 -0.0 -0.0"},
		{"{{ 1.0 | divided_by: 0 }} {{ -1 | divided_by: 0.0 }}", "Infinity -Infinity"},
		{"{{ ' 12abc' | plus: 1 }} {{ '1_000' | plus: 1 }} {{ 'x' | plus: 1 }}",
		 "13 1001 1"},
		{"{{ true | plus: 1 }}{{ l | plus: 1 }}", "11"},
		{"{{ 3 | at_least: 2.5 }} {{ 2 | at_most: 1.5 }}", "3 1.5"},
	};
	EXPECT_ALL(pairs,
		   "{\"big\": 1e20, \"tiny\": 1e-5, \"l\": [], \"max\": 9223372036854775807,"
		   " \"min\": -9223372036854775808}");
}

static void test_liquid_whole_numbers_beyond_64_bits_are_errors(void **)
{
	static const char *const templates[] = {
		"{{ max | plus: 1 }}",
		"{{ min | minus: 1 }}",
		"{{ min | abs }}",
		"{{ max | times: 2 }}",
		"{{ min | divided_by: -1 }}",
		"{{ '9223372036854775808' | plus: 0 }}",
		"{{ '-99999999999999999999 apples' | abs }}",
		"{{ max | round: -1 }}",
		"{{ 100000000000.0 | times: 100000000000.0 | ceil }}",
		"{{ list | sum }}",
	};
	struct liquid_case c;
	case_begin(&c);
	for (size_t i = 0; i < sizeof(templates) / sizeof(*templates); i++)
		case_expect_error(
			&c, templates[i],
			"{\"max\": 9223372036854775807, \"min\": -9223372036854775808,"
			" \"list\": [9223372036854775807, 1]}",
			"larger than 64 bits hold");
	case_expect_error(&c, "a\n{{ 9223372036854775808 }}", NULL,
			  "this whole number is larger than 64 bits hold");
	assert_int_equal(c.error.line, 2);
	assert_int_equal(c.error.column, 4);
	case_expect(&c, "{{ 9223372036854775807 }} {{ -9223372036854775808 }}", NULL,
		    "9223372036854775807 -9223372036854775808");
	case_expect_error(&c, "{{ 1.0 | divided_by: 0 | floor }}", NULL,
			  "no whole number is infinite");
	case_expect_error(&c, "{{ 5 | round: 99999999999 }}", NULL, "so many digits");
	case_end(&c);
}

static void test_liquid_dates_are_read_as_people_write_them(void **)
{
	static const struct pair pairs[] = {
		{"{{ 'March 14, 2016' | date: '%F' }}", "2016-03-14"},
		{"{{ '14 March 2016' | date: '%F' }}", "2016-03-14"},
		{"{{ 'Mon, 14th of Mar 2016 10:20 PM' | date: '%F %T' }}",
		 "2016-03-14 22:20:00"},
		{"{{ '2016-03-14' | date: '%F' }}", "2016-03-14"},
		{"{{ '2016/3/4' | date: '%F' }}", "2016-03-04"},
		{"{{ '20160314' | date: '%F' }}", "1970-08-22"},
		{"{{ '14.03.2016' | date: '%F' }}", "2016-03-14"},
		{"{{ '2016-03-14T10:20:30Z' | date: '%s %T %z' }}",
		 "1457950830 10:20:30 +0000"},
		{"{{ '2016-03-14T10:20:30+02:00' | date: '%s %T %z %:z' }}",
		 "1457943630 10:20:30 +0200 +02:00"},
		{"{{ '2016-03-14 10:20:30.125 -0730' | date: '%s %L %N %z' }}",
		 "1457977830 125 125000000 -0730"},
		{"{{ '2016-03-14 10:20:30.123456789' | date: '%6N %N' }}", "123456 123456789"},
		{"{{ '14 Mar 2016 10pm' | date: '%F %T' }}", "2016-03-14 22:00:00"},
		{"{{ '14 Mar 2016 at 12 a.m.' | date: '%F %T' }}", "2016-03-14 00:00:00"},
		{"{{ '14 March 2016 22h' | date: '%F %T' }}", "2016-03-14 22:00:00"},
		{"{{ '2016-03-14 10' | date: '%F %T' }}", "2016-03-14 10:00:00"},
		{"{{ '20160314T220102Z' | date: '%F %T %z' }}", "2016-03-14 22:01:02 +0000"},
		{"{{ '20160314T996102Z' | date: '%F' }}", "20160314T996102Z"},
		{"{{ '14-03-2016' | date: '%F' }}", "2016-03-14"},
		{"{{ 'on 14 March 2016 at 22:01' | date: '%F %R' }}", "2016-03-14 22:01"},
		{"{{ 'item 5' | date: '%F' }}{{ '-7' | date: '%F' }}{{ '2016-074' | date: '' "
		 "}}",
		 "item 5-72016-074"},
		{"{{ 'Fri Jul 16 01:00:00 2004' | date: '%c' }}", "Fri Jul 16 01:00:00 2004"},
		{"{{ 'now' | date: '%Y-%m-%d %H:%M' }}", "2023-11-14 22:13"},
		{"{{ 'today' | date: '%s' }}", "1700000000"},
		{"{{ '12:30' | date: '%F %T' }}", "2023-11-14 12:30:00"},
		{"{{ 1152098955 | date: '%m/%d/%Y' }}", "07/05/2006"},
		{"{{ '1152098955' | date: '%m/%d/%Y' }}", "07/05/2006"},
		{"{{ 'February 30, 2016' | date: '%F' }}", "February 30, 2016"},
		{"{{ 'February 29, 2016' | date: '%F' }}", "2016-02-29"},
		{"{{ 'soon' | date: '%F' }}", "soon"},
		{"{{ '' | date: '%F' }}{{ nil | date: '%F' }}{{ 'now' | date: '' }}", "now"},
		{"{{ 99999999999999 | date: '%F' }}", "99999999999999"},
		{"{{ -1 | date: '%F %T' }}", "1969-12-31 23:59:59"},
		{"{{ '25:00' | date: '%F' }}{{ '2016-13-01' | date: '%F' }}",
		 "25:002016-13-01"},
	};
	EXPECT_ALL(pairs, NULL);
}

static void test_liquid_dates_are_written_in_any_format(void **)
{
	static const struct pair pairs[] = {
		{"{{ d | date: '%a %A %b %B %h' }}", "Tue Tuesday Mar March Mar"},
		{"{{ d | date: '%-d.%-m.%y %e|%3d|%_m|%05e' }}", "1.3.05  1|001| 3|00001"},
		{"{{ d | date: '%^a %^B %#b %10A|%-l' }}", "TUE MARCH MAR    Tuesday|2"},
		{"{{ d | date: '%I:%M:%S %p %P %#p %k %l %H' }}", "02:07:09 PM pm pm 14  2 14"},
		{"{{ d | date: '%j %U %W %V %G %g %u %w %C' }}", "060 09 09 09 2005 05 2 2 20"},
		{"{{ d | date: '%D %x %R %r %T %X %v' }}",
		 "03/01/05 03/01/05 14:07 02:07:09 PM 14:07:09 14:07:09  1-MAR-2005"},
		{"{{ d | date: '%Z %z %:z %::z %n%t%%' }}", "UTC +0000 +00:00 +00:00:00 \n\t%"},
		{"{{ d | date: '%Q %:y %+ %Ey %Od %Ed %:10z %10:z' }}",
		 "%Q %:y %+ 05 01 %Ed %:10z +000000:00"},
		{"{{ 'January 1, 2005' | date: '%G-%V %U %W' }}", "2004-53 00 00"},
		{"{{ 'December 31, 2008' | date: '%G-%V %j' }}", "2009-01 366"},
		{"{{ 'December 31, 2009' | date: '%G-%V' }}", "2009-53"},
		{"{{ 'March 1, 2000' | date: '%j' }} {{ 'March 1, 1900' | date: '%j %F' }}",
		 "061 060 1900-03-01"},
		{"{{ d | date: '%3N %6N %L' }}", "000 000000 000"},
	};
	EXPECT_ALL(pairs, "{\"d\": \"2005-03-01 14:07:09\"}");
}

static void test_liquid_letters_of_many_alphabets_change_case(void **)
{
	static const struct pair pairs[] = {
		{"{{ 'größe ÿ' | upcase }}", "GRÖSSE Ÿ"},
		{"{{ 'ÄÖÜ Łódź ŽĎ' | downcase }}", "äöü łódź žď"},
		{"{{ 'éa École' | capitalize }}", "Éa école"},
		{"{{ 'привет Ёж' | upcase }}{{ 'ПРИВЕТ Ё' | downcase }}", "ПРИВЕТ ЁЖпривет ё"},
		{"{{ 'ωςά' | upcase }}{{ 'ΩΣΆ' | downcase }}", "ΩΣΆωσά"},
		{"{{ 'việt ǎ' | upcase }}", "VIỆT Ǎ"},
		{"{{ '日本 ÷ × → 😀' | upcase | downcase }}", "日本 ÷ × → 😀"},
		{"{{ 'größe' | size }} {{ 'größe' | slice: 2, 2 }} {{ 'größe' | truncate: 4, "
		 "'…' }}",
		 "5 öß grö…"},
		{"{% if ' \u00a0\u2003\u3000\f' == blank %}blank{% endif %}"
		 "{% if '\u200b' == blank %}blank{% endif %}",
		 "blank"},
		{"{{ 'aé😀' | split: '' | reverse | join: '-' }}", "😀-é-a"},
		{"{{ 'é' | replace: '', '.' }}{{ bad | size }}", ".é.3"},
	};
	EXPECT_ALL(pairs, "{\"bad\": \"a\\u0000b\"}");
}

static void test_liquid_values_truncated_to_less_than_nothing_are_the_ending(void **)
{
	static const struct pair pairs[] = {
		{"{{ 'abcd' | truncate: min }}", "..."},
		{"{{ 'abcd' | truncate: -1, '!' }}", "!"},
		{"{{ 'abcd' | truncate: 2 }}", "..."},
		{"{{ 'abcd' | truncate: 3, '!' }}", "ab!"},
	};
	EXPECT_ALL(pairs, "{\"min\": -9223372036854775808}");
}

static void test_liquid_values_show_as_the_reference_shows_them(void **)
{
	static const struct pair pairs[] = {
		{"{{ h }}", "{\"a\"=>[1, nil, true, 2.5], \"b\"=>{\"c\"=>\"x\\\"y\\n\"}}"},
		{"{{ l }}", "123{\"k\"=>nil}"},
		{"{{ l | append: '' }}", "[1, 2, [3], {\"k\"=>nil}]"},
		{"{{ (1..3) }}{{ (3..1) | size }}{% assign r = (5..7) %}{{ r.last }}{{ r.size "
		 "}}",
		 "1..3073"},
		{"{{ true }}{{ false }}{{ nil }}", "truefalse"},
		{"{{ l.first }}{{ l.size }}{{ h.size }}{{ h.first.first }}{{ s.size }}",
		 "142a3"},
		{"{{ s[0] }}{{ h['a'][-1] }}{{ l[9] }}{{ h[0] }}", "2.5"},
		{"{% if (1..3) contains 2 %}y{% endif %}{% if (1..3) contains 4 %}n{% endif %}",
		 "y"},
		{"{% if h contains 'a' %}y{% endif %}{% if nil contains 'a' %}n{% endif %}",
		 "y"},
		{"{% if 1 == 1.0 %}y{% endif %}{% if l == l and h == h %}y{% endif %}", "yy"},
		{"{% if '  ' == blank %}y{% endif %}{% if 0 == blank %}n{% endif %}", "y"},
		{"{% if nil < 1 or l > 1 or true < false %}n{% endif %}", ""},
	};
	static const struct pair nested[] = {
		{"{% for i in (1..6) offset: -2, limit: 4 %}{{ i }}{% endfor %}", "12"},
		{"{% for i in (1..6) limit: -1 %}{{ i }}{% else %}none{% endfor %}", "none"},
		{"{% for i in (1..6) reversed limit: 2 offset: 1 %}{{ i }}{% endfor %}", "32"},
		{"{% for i in (1..3) %}{% for j in (1..3) %}{% if j == 2 %}{% break %}{% endif "
		 "%}{{ j }}"
		 "{% endfor %}{% if i == 2 %}{% continue %}{% endif %}-{% endfor %}",
		 "1-11-"},
		{"{% tablerow i in (1..3) cols: 2 %}{% if i == 2 %}{% continue %}{% endif %}{{ "
		 "i }}"
		 "{% endtablerow %}",
		 "<tr class=\"row1\">\n<td class=\"col1\">1</td><td class=\"col2\"></td></tr>\n"
		 "<tr class=\"row2\"><td class=\"col1\">3</td></tr>\n"},
		{"{{ none | where: 'a' | slice: 5 | slice: 0, 3 | size }}", "0"},
		{"{% assign x = %}[{{ x }}]{% echo %}{{ }}", "[]"},
	};
	EXPECT_ALL(pairs,
		   "{\"h\": {\"a\": [1, null, true, 2.5], \"b\": {\"c\": \"x\\\"y\\n\"}},"
		   " \"l\": [1, 2, [3], {\"k\": null}], \"s\": \"abc\"}");
	EXPECT_ALL(nested, NULL);
}

static void test_liquid_refuses_to_compare_text_with_numbers(void **)
{
	struct liquid_case c;
	case_begin(&c);
	case_expect_error(&c, "{% if 'a' < 1 %}{% endif %}", NULL, "cannot be compared");
	case_expect_error(&c, "{{ l | sort }}", "{\"l\": [1, \"a\"]}", "incompatible types");
	case_expect_error(&c, "{{ 'abc' | base64_decode }}", NULL, "base64");
	case_end(&c);
}

static void test_value_json_scalar_reads_only_plain_scalars(void **)
{
	static const char *const no[] = {"",    "\"",    "\"a\\n\"", "[1]", "{}",  "01",   "-",
					 "1e5", "nulls", "1.",       ".5",  "--1", "1.2.3"};
	struct value value;
	assert_true(value_from_json_scalar(STR("\"Ann \xc3\xa9\""), &value));
	assert_true(str_eq(value.string, STR("Ann \xc3\xa9")));
	assert_true(value_from_json_scalar(STR(" -12 "), &value));
	assert_true(value.kind == VALUE_INT && value.integer == -12);
	assert_true(value_from_json_scalar(STR("2.5"), &value));
	assert_true(value.kind == VALUE_FLOAT && value.number > 2.4 && value.number < 2.6);
	assert_true(value_from_json_scalar(STR("true"), &value) && value.boolean);
	assert_true(value_from_json_scalar(STR("null"), &value) && value.kind == VALUE_NIL);
	assert_true(value_from_json_scalar(STR("12345678901234567890"), &value));
	assert_true(str_eq(value.string, STR("12345678901234567890"))); /* beyond 64 bits */
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		if (value_from_json_scalar(str_of(no[i]), &value))
			fail_msg("'%s' is no plain scalar", no[i]);
}

/* What the oracle's reference is too old for, and is not asked. */
static void test_liquid_does_what_later_versions_do(void **)
{
	static const struct pair pairs[] = {
		{"{% tablerow i in a cols: 2 %}{% if i == 2 %}{% break %}{% endif %}{{ i }}"
		 "{% endtablerow %}",
		 "<tr class=\"row1\">\n<td class=\"col1\">1</td><td "
		 "class=\"col2\"></td></tr>\n"},
		{"{% tablerow i in a cols: 2 %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}"
		 "{% endtablerow %}",
		 "<tr class=\"row1\">\n<td class=\"col1\">1</td><td class=\"col2\"></td></tr>\n"
		 "<tr class=\"row2\"><td class=\"col1\">3</td></tr>\n"},
		{"{% for i in a %}{% tablerow j in a %}{% break %}{% endtablerow %}{{ i }}"
		 "{% break %}{% endfor %}",
		 "<tr class=\"row1\">\n<td class=\"col1\"></td></tr>\n1"},
		{"{% for i in a, limit: 2, offset: 1 %}{{ i }}{% endfor %}", "23"},
		{"{% for i in a %}{% case i %}{% when 2 %}{% continue %}{% when 3 %}x{% break "
		 "%}y"
		 "{% else %}{{ i }}{% endcase %}.{% endfor %}",
		 "1.x"},
		{"{% comment %}{% if %}{{ 'x }}{% comment %}{% endcomment %}{% when %}"
		 "{% endcomment %}z",
		 "z"},
		{"{% comment %}{% raw %}{% endcomment %}{% endraw %}{% endcomment %}z", "z"},
		{"a {%- raw -%} {{ x }} {%- endraw -%} b", "a {{ x }} b"},
		{"{% liquid\nliquid echo 'x'\nliquid\necho 'y' %}", "xy"},
		{"{% capture q? %}x{% endcapture %}{{ q }}", "x"},
		{"{{ list | where: 'n' | map: 'n' | join }}|{{ list | has: 'n', 2 }}|"
		 "{{ list | find_index: 'n', 2 }}|{{ list | sum: 'n' }}",
		 "1 2|true|1|3"},
		{"{{ nums | sum }} {{ 'YQ' | base64_url_safe_decode }}", "0.6 a"},
	};
	EXPECT_ALL(pairs, "{\"a\": [1, 2, 3], \"nums\": [0.1, \"0.2\", [0.3]], "
			  "\"list\": [{\"n\": 1}, {\"n\": 2}, {\"n\": null}]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_liquid_numbers_count_in_decimals),
		cmocka_unit_test(test_liquid_whole_numbers_beyond_64_bits_are_errors),
		cmocka_unit_test(test_liquid_dates_are_read_as_people_write_them),
		cmocka_unit_test(test_liquid_dates_are_written_in_any_format),
		cmocka_unit_test(test_liquid_letters_of_many_alphabets_change_case),
		cmocka_unit_test(
			test_liquid_values_truncated_to_less_than_nothing_are_the_ending),
		cmocka_unit_test(test_liquid_values_show_as_the_reference_shows_them),
		cmocka_unit_test(test_liquid_refuses_to_compare_text_with_numbers),
		cmocka_unit_test(test_value_json_scalar_reads_only_plain_scalars),
		cmocka_unit_test(test_liquid_does_what_later_versions_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
