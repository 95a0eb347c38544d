/* Layouts and their blocks. */
#include "liquid_case.h"

static bool load(void *, str name, struct arena *, str *ret_source)
{
	static const char *const texts[][2] = {
		{"page", "<h1>{{ title }}</h1>{% block %}nothing{% endblock %}"
			 "[{% block foot %}bye {{ a }}{% endblock %}]"},
		{"shop",
		 "{% layout 'page' %}{% block foot %}shop: {% block inner %}in{% endblock %}"
		 "{% endblock %}<p>{% block %}{% endblock %}</p>"},
		{"self", "{% layout 'self' %}"},
		{"broken", "one\n{% block x %}{{ x | nothing }}{% endblock %}"},
		{"divides", "one\n{% block x %}{% endblock %}\n{{ 1 | divided_by: 0 }}"},
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (!str_eq(name, str_of(texts[i][0])))
			continue;
		*ret_source = str_of(texts[i][1]);
		return true;
	}
	return false;
}

static void test_liquid_layout_takes_blocks_and_the_rest(void **)
{
	struct liquid_case c;
	case_begin(&c);
	c.options.load_partial = load;
	case_expect(&c, "{% layout 'page' %}{% assign title = 'T' %}", NULL,
		    "<h1>T</h1>nothing[bye ]");
	case_expect(&c,
		    "{% layout 'page' %}Hello {{ a }}{% block foot %}f{{ a }}{% endblock %}!",
		    "{\"a\": 1}", "<h1></h1>Hello 1![f1]");
	case_expect(&c, "{% layout \"shop\" %}Hello", NULL, "<h1></h1><p>Hello</p>[shop: in]");
	case_expect(&c, "{% layout 'shop' %}{% block inner %}I{% endblock %}", NULL,
		    "<h1></h1><p></p>[shop: I]");
	case_expect(&c, "{% layout 'shop' %}{% block foot %}mine{% endblock %}x", NULL,
		    "<h1></h1><p>x</p>[mine]");
	case_expect(&c, "a{% block b %}own{% endblock %}c", NULL, "aownc");
	case_expect(&c, "{% include 'page' %}{% render 'shop' %}", "{\"a\": 2}",
		    "<h1></h1>nothing[bye 2]<h1></h1><p></p>[shop: in]");
	c.options.escape = LIQUID_ESCAPE_HTML;
	case_expect(&c, "{% layout 'page' %}<b>{{ a }}</b>", "{\"a\": \"<\"}",
		    "<h1></h1><b>&lt;</b>[bye &lt;]");
	case_end(&c);
}

static void test_liquid_layout_errors_have_their_place(void **)
{
	struct liquid_case c;
	case_begin(&c);
	c.options.load_partial = load;
	case_expect_error(&c, "{% layout 'pgae' %}", NULL, "no layout named 'pgae'");
	case_expect_error(&c, "{% layout page %}", NULL, "in quotes");
	case_expect_error(&c, "{% if a %}{% layout 'page' %}{% endif %}", NULL,
			  "outside of all");
	case_expect_error(&c, "{% layout 'page' %}{% layout 'page' %}", NULL, "stands once");
	case_expect_error(&c, "{% layout 'self' %}", NULL, "layouts are nested deeper");
	case_expect_error(&c, "{% layout 'page' %}\n{% block foto %}{% endblock %}", NULL,
			  "the layout has no block named 'foto'");
	assert_int_equal(c.error.line, 2);
	case_expect_error(&c,
			  "{% layout 'page' %}{% block foot %}1{% endblock %}"
			  "{% block foot %}2{% endblock %}",
			  NULL, "two blocks named 'foot'");
	case_expect_error(&c, "{% layout 'page' %}{% block foot %}", NULL, "never closed");
	case_expect_error(&c, "{% layout 'broken' %}", NULL, "unknown filter 'nothing'");
	assert_true(str_eq(c.error.file, STR("broken")));
	assert_int_equal(c.error.line, 2);
	case_expect_error(&c, "{% layout 'divides' %}", NULL, "divided by 0");
	assert_true(str_eq(c.error.file, STR("divides")));
	assert_int_equal(c.error.line, 3);
	case_expect_error(
		&c, "{% layout 'divides' %}\n{% block x %}{{ 2 | modulo: 0 }}{% endblock %}",
		NULL, "divided by 0");
	assert_true(str_eq(c.error.file, STR("test.html")));
	assert_int_equal(c.error.line, 2);
	case_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_liquid_layout_takes_blocks_and_the_rest),
		cmocka_unit_test(test_liquid_layout_errors_have_their_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
