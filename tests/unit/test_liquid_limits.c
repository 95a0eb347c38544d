/* What no template and no data can do to us: each limit with its error, text that is no UTF-8,
 * data and partials nested without end. */
#include "liquid_case.h"

static bool load_partial(void *, str name, struct arena *, str *ret_source)
{
	if (str_eq(name, STR("card")))
		*ret_source = STR("[{{ card.title }}{{ note }}{{ site.name }}]");
	else if (str_eq(name, STR("loop")))
		*ret_source = STR("{% render 'loop' %}");
	else if (str_eq(name, STR("twice")))
		*ret_source = STR("{% include 'twice' %}{% include 'twice' %}");
	else if (str_eq(name, STR("broken")))
		*ret_source = STR("one\n{{ x | nothing }}");
	else
		return false;
	return true;
}

#define LONG_TEXT(tag)                                                                         \
	"{% assign s = ' ' %}{% for i in (1..18) %}{% assign s = s | append: s %}{% endfor %}" \
	"{% for i in (1..1000000) %}" tag "{% endfor %}"

static void test_liquid_bounds_end_every_rendering(void **)
{
	static const char *const endless[] = {
		"{% for i in (1..1000000000000) %}{% endfor %}",
		"{% for i in (1..100000) %}{% for j in (1..100000) %}x{% endfor %}{% endfor %}",
		"{% assign s = 'x' %}{% for i in (1..64) %}{% assign s = s | append: s %}{% "
		"endfor %}",
		"{{ (1..1000000000000) | join: ',' }}",
		"{{ (1..9223372036854775807) | join: ',' }}",
		"{% assign a = (1..2000) %}{% for i in (1..64) %}{% assign a = a | concat: l %}"
		"{% assign l = a %}{% endfor %}",
		"{% for i in (1..100000) %}{% capture x %}{{ x }}aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"{% endcapture %}{{ x }}{% endfor %}",
		"{% include 'twice' %}",
		"{% assign l = (1..20000) | map: 0 | sort %}{% for i in (1..100000) %}"
		"{% assign q = l | uniq | sort_natural %}{% endfor %}",
		"{% for i in (1..1000000) %}{% cycle i: 1, 2 %}{% endfor %}",
		/* Long texts that are read over and over. */
		LONG_TEXT("{% if s == blank %}{% endif %}"),
		LONG_TEXT("{% assign x = s | plus: 1 %}"),
		LONG_TEXT("{{ [s] }}"),
		LONG_TEXT("{% assign x = s.size %}"),
		LONG_TEXT("{% if s contains 'x' or s < s %}{% endif %}"),
	};
	struct liquid_case c;
	case_begin(&c);
	c.options.load_partial = load_partial;
	for (size_t i = 0; i < sizeof(endless) / sizeof(*endless); i++) {
		case_expect_error(&c, endless[i], "{\"l\": [1, 2, 3]}", "e");
		assert_true(c.error.line == 1 && c.error.message[0]);
		arena_reset(&c.arena);
	}
	case_end(&c);
}

static void test_liquid_each_limit_has_its_error(void **)
{
	static const char data[] = "{\"l\": [\"abc\", \"def\", \"ghi\"], \"n\": \"card\"}";
	struct liquid_case c;
	case_begin(&c);
	c.options.load_partial = load_partial;
	c.limits = (struct liquid_limits){.steps = 10};
	case_expect_error(&c, "{% for i in (1..20) %}{% endfor %}", NULL,
			  "takes more than 10 steps");
	case_expect_error(&c,
			  "{{ 1 | plus: 1 | plus: 1 | plus: 1 | plus: 1 | plus: 1 | plus: 1 "
			  "| plus: 1 | plus: 1 | plus: 1 | plus: 1 }}",
			  NULL, "takes more than 10 steps");
	case_expect(&c, "{{ 1 | plus: 1 | plus: 1 }}{{ 3 }}", NULL, "33");
	c.limits = (struct liquid_limits){.output_size = 5};
	case_expect_error(&c, "abcdef", NULL, "writes more than 5 bytes");
	case_expect_error(&c, "{{ l }}", data, "writes more than 5 bytes");
	case_expect_error(&c, "{% for i in l %}{{ i }}{% endfor %}", data,
			  "writes more than 5 bytes");
	case_expect_error(&c, "{% capture x %}{{ l }}{% endcapture %}", data,
			  "writes more than 5 bytes");
	case_expect(&c, "abcde", NULL, "abcde");
	c.limits = (struct liquid_limits){.turns = 5};
	case_expect_error(&c, "{% for i in (1..6) %}{% endfor %}", NULL, "more than 5 turns");
	case_expect_error(&c,
			  "{% for i in (1..2) %}{% for j in (1..2) %}{% endfor %}{% endfor %}",
			  NULL, "loops of the template take more than 5 turns");
	case_expect_error(&c, "{% tablerow i in (1..6) %}{% endtablerow %}", NULL,
			  "more than 5 turns");
	case_expect_error(&c, "{% render 'card' for (1..6) %}", NULL, "more than 5 turns");
	case_expect_error(&c, "{% include 'card' for m %}", "{\"m\": [1, 2, 3, 4, 5, 6]}",
			  "more than 5 turns");
	case_expect(&c, "{% for i in (1..5) %}{{ i }}{% endfor %}", NULL, "12345");
	c.limits = (struct liquid_limits){.depth = 3};
	case_expect_error(
		&c, "{% if true %}{% if true %}{% if true %}x{% endif %}{% endif %}{% endif %}",
		NULL, "tags are nested deeper than 3");
	case_expect(&c, "{% if true %}{% if true %}x{% endif %}{% endif %}", NULL, "x");
	c.limits = (struct liquid_limits){.memory_size = 8192};
	case_expect_error(&c, "{% assign a = (1..1000) | reverse %}", NULL,
			  "makes more than 8192 bytes of data");
	case_expect_error(&c,
			  "{% assign a = 'ab' %}{% for i in (1..20) %}"
			  "{% assign a = a | append: a %}{% endfor %}",
			  NULL, "makes more than 8192 bytes of data");
	case_expect(&c, "{% assign a = 'ab' | append: 'c' %}{{ a }}", NULL, "abc");
	c.limits = (struct liquid_limits){};
	case_expect_error(&c, "{% for i in (1..100001) %}{% endfor %}", NULL,
			  "more than 100000 turns");
	case_end(&c);
}

/* Partials that call themselves, in every way, end at the depth, or at the steps. */
static void test_liquid_recursion_is_bounded(void **)
{
	struct liquid_case c;
	case_begin(&c);
	c.options.load_partial = load_partial;
	case_expect_error(&c, "{% render 'loop' %}", NULL, "nested deeper than");
	case_expect_error(&c, "{% include 'twice' %}", NULL, "nested deeper than");
	case_expect_error(&c, "{% assign n = 'twice' %}{% include n %}", NULL,
			  "nested deeper than");
	c.limits.depth = 1000000; /* never more than the stack bears */
	case_expect_error(&c, "{% render 'loop' %}", NULL, "nested deeper than 200");
	case_end(&c);
}

static void test_liquid_text_that_is_no_utf8_is_an_error(void **)
{
	struct value_pair pair = {STR("x"), value_string(STR("Gr\xfc\xdf"))};
	struct liquid_case c;
	case_begin(&c);
	case_expect_error(&c, "one\nGr\xfc\xdf", NULL, "this byte (0xfc) is no UTF-8");
	assert_int_equal(c.error.line, 2);
	assert_int_equal(c.error.column, 3);
	case_expect_error(&c, "\xed\xa0\x80", NULL, "no UTF-8"); /* a surrogate */
	case_expect_error(&c, "{{ '%FC' | url_decode }}", NULL, "no UTF-8");
	case_expect_error(&c, "{{ '/w==' | base64_decode }}", NULL, "0xff");
	case_expect(&c, "{{ 'gr\xc3\xbc\xc3\x9f' | upcase }}", NULL, "GR\xc3\x9cSS");
	assert_int_equal(case_compile(&c, STR("a {{ x }}"), NULL), 0);
	c.data = value_hash(&pair, 1);
	assert_int_equal(case_run(&c), -1);
	assert_non_null(strstr(c.error.message, "a byte (0xfc) that is no UTF-8"));
	assert_int_equal(c.error.column, 3);
	c.data = value_hash(NULL, 0);
	char problem[200];
	assert_int_equal(value_from_json_text(&c.arena, STR("{\"x\": \"\xff\"}"), &c.data,
					      problem, sizeof(problem)),
			 -1);
	assert_non_null(strstr(problem, "line 1, column"));
	case_end(&c);
}

/* Data nested without end: refused when read, and bounded wherever values are walked. */
static void test_liquid_deep_data_is_an_error_or_bounded(void **)
{
	static const char *const walks[] = {
		"{{ x }}",
		"{{ x | join: ',' }}",
		"{% if x == x %}{% endif %}",
		"{{ x | uniq | sort | size }}",
		"{{ x | compact | concat: x | map: 'a' }}",
		"{% for i in x %}{{ i }}{% endfor %}",
		"{{ x | append: x }}",
	};
	enum { DEEP = 100000 };
	struct liquid_case c;
	struct buf json;
	char problem[200];
	case_begin(&c);
	buf_init_arena(&json, &c.arena, 64);
	for (int i = 0; i < DEEP; i++)
		buf_put_byte(&json, '[');
	for (int i = 0; i < DEEP; i++)
		buf_put_byte(&json, ']');
	assert_int_equal(value_from_json_text(&c.arena, buf_str(&json), &c.data, problem,
					      sizeof(problem)),
			 -1);
	assert_non_null(strstr(problem, "depth"));
	struct value *nests = ARENA_ARRAY(&c.arena, struct value, DEEP);
	assert_non_null(nests);
	for (int i = 1; i < DEEP; i++)
		nests[i] = value_array(&nests[i - 1], 1);
	struct value_pair pair = {STR("x"), nests[DEEP - 1]};
	for (size_t i = 0; i < sizeof(walks) / sizeof(*walks); i++) {
		assert_int_equal(case_compile(&c, str_of(walks[i]), NULL), 0);
		c.data = value_hash(&pair, 1);
		if (case_run(&c) != 0)
			assert_true(c.error.message[0] != '\0');
	}
	case_end(&c);
}

/* Thousands of filters, of comparisons, of brackets behind each other: long is not deep. */
static void test_liquid_long_expressions_work(void **)
{
	enum { LONG = 5000 };
	struct liquid_case c;
	struct buf text;
	case_begin(&c);
	buf_init_arena(&text, &c.arena, 64);
	buf_put_cstr(&text, "{{ 0");
	for (int i = 0; i < LONG; i++)
		buf_put_cstr(&text, " | plus: 1");
	buf_put_cstr(&text, " }}{% if true");
	for (int i = 0; i < LONG; i++)
		buf_put_cstr(&text, " and 1 < 2");
	buf_put_cstr(&text, " %}yes{% endif %}{{ a");
	for (int i = 0; i < LONG; i++)
		buf_put_cstr(&text, "[0].b");
	buf_put_cstr(&text, " }}{% case 7 %}{% when 0");
	for (int i = 0; i < LONG; i++)
		buf_put_cstr(&text, ", 1");
	buf_put_cstr(&text, " or 7 %}!{% endcase %}");
	buf_put_byte(&text, '\0');
	case_expect(&c, text.data, NULL, "5000yes!");
	case_end(&c);
}

static void test_liquid_nesting_is_bounded(void **)
{
	struct liquid_case c;
	struct buf text;
	case_begin(&c);
	buf_init_arena(&text, &c.arena, 64);
	for (int i = 0; i < 5000; i++)
		buf_put_cstr(&text, "{% if a %}");
	assert_int_equal(case_compile(&c, buf_str(&text), NULL), -1);
	assert_non_null(strstr(c.error.message, "nested deeper than 100"));
	buf_reset(&text);
	buf_put_cstr(&text, "{{ a");
	for (int i = 0; i < 5000; i++)
		buf_put_cstr(&text, "[a");
	buf_put_cstr(&text, "}}");
	assert_int_equal(case_compile(&c, buf_str(&text), NULL), -1);
	assert_non_null(strstr(c.error.message, "nested deeper than 100"));
	case_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_liquid_bounds_end_every_rendering),
		cmocka_unit_test(test_liquid_each_limit_has_its_error),
		cmocka_unit_test(test_liquid_recursion_is_bounded),
		cmocka_unit_test(test_liquid_text_that_is_no_utf8_is_an_error),
		cmocka_unit_test(test_liquid_deep_data_is_an_error_or_bounded),
		cmocka_unit_test(test_liquid_long_expressions_work),
		cmocka_unit_test(test_liquid_nesting_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
