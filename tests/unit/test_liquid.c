/* What liquid.h promises beside the language: errors for people, escaping, what is read from
 * outside, runs, encodings, bounds. The language itself is held by test_liquid_golden. */
#include "liquid_case.h"

static void test_liquid_error_says_where_and_what(void **)
{
	struct liquid_case c;
	case_begin(&c);
	case_expect_error(&c, "one\ntwo {{ name | upcsae }}\nthree", NULL,
			  "unknown filter 'upcsae', did you mean 'upcase'?");
	assert_int_equal(c.error.line, 2);
	assert_int_equal(c.error.column, 15);
	assert_string_equal(c.error.excerpt, "two {{ name | upcsae }}");
	assert_int_equal(c.error.caret, 15);
	assert_true(str_eq(c.error.file, STR("test.html")));
	case_expect_error(&c, "\tgr\xc3\xb6\xc3\x9f\x65 \x1b[2J\xff {{ x | nothing }}\r\n",
			  NULL, "unknown filter");
	assert_string_equal(c.error.excerpt,
			    " gr\xc3\xb6\xc3\x9f\x65 \\x1b[2J\\xff {{ x | nothing }}");
	case_expect_error(&c, "{{ gr\xc3\xb6 }}", NULL, "for others write [\"name\"]");
	case_expect(&c, "{{ [\"gr\xc3\xb6\"] }}", "{\"gr\xc3\xb6\": 1}", "1");
	case_expect_error(&c, "{% include 'a\x1b[2J\xc2\x9b\xff' %}", NULL, "'a?[2J?");
	case_expect_error(&c, "{% iff x %}", NULL, "unknown tag 'iff', did you mean 'if'?");
	case_expect_error(&c, "{% if x %}\n{% for y in z %}{% endif %}", NULL,
			  "'endif' does not belong to 'for' of line 2");
	case_expect_error(&c, "a{% if x %}b", NULL, "'if' is never closed");
	assert_int_equal(c.error.column, 2);
	case_expect_error(&c, "{{ 'abc }}", NULL, "no closing quote");
	case_expect_error(&c, "{{ a | append }}", NULL, "'append' takes 1 argument, not 0");
	case_expect_error(&c, "{{ a | replace: 1, 2, 3 }}", NULL,
			  "takes 1 to 2 arguments, not 3");
	case_expect_error(&c, "{{ a | upcase: x: 1 }}", NULL, "takes no argument named 'x'");
	case_expect_error(&c, "{{ a b }}", NULL, "expected the end, found 'b'");
	case_expect_error(&c, "x {{ a", NULL, "'{{' is not closed");
	case_expect_error(&c, "x {% if a", NULL, "'{%' is not closed");
	case_expect_error(&c, "{% endif %}", NULL, "was not opened");
	case_end(&c);
}

/* A tab is one cell, a letter of two bytes too, a picture two, a byte shown as \xHH four; a
 * long line is cut around the column. */
static void test_liquid_error_caret_stands_under_the_column(void **)
{
	struct liquid_case c;
	char line[600];
	case_begin(&c);
	case_expect_error(&c, "\tgr\xc3\xbc\xc3\x9f {{ x | no }}", NULL, "unknown filter");
	assert_int_equal(c.error.column, 16);
	assert_int_equal(c.error.caret, 14);
	case_expect_error(&c, "\xf0\x9f\x98\x80 \xe6\x97\xa5 {{ x | no }}", NULL,
			  "unknown filter");
	assert_int_equal(c.error.caret, 14);
	case_expect_error(&c, "\x1b {{ x | no }}", NULL, "unknown filter");
	assert_int_equal(c.error.caret, 13);
	case_expect_error(&c, "{{ 'abc", NULL, "not closed");
	assert_int_equal(c.error.caret, 1);
	memset(line, 'a', sizeof(line));
	memcpy(line + 400, "{{ x | no }}", 12);
	line[599] = '\0';
	case_expect_error(&c, line, NULL, "unknown filter");
	assert_int_equal(c.error.column, 408);
	assert_true(c.error.caret > 0);
	assert_memory_equal(c.error.excerpt + c.error.caret - 1, "no }}", 5);
	case_end(&c);
}

static void test_liquid_render_error_has_its_line(void **)
{
	struct liquid_case c;
	case_begin(&c);
	case_expect_error(&c, "a\n\n  {{ 1 | divided_by: n }}", "{\"n\": 0}", "divided by 0");
	assert_int_equal(c.error.line, 3);
	assert_int_equal(c.error.column, 3);
	c.options.strict_variables = true;
	case_expect_error(&c, "{{ missing }}", NULL, "undefined variable 'missing'");
	case_expect_error(&c, "{{ a.b }}", "{\"a\": {}}", "undefined variable 'b'");
	case_expect_error(&c, "{{ ['no' ] }}", NULL, "undefined variable 'no'");
	case_expect(&c, "{{ a.size }}", "{\"a\": [1]}", "1");
	case_expect_error(&c, "{{ frist_name }}", "{\"first_name\": \"Ann\", \"city\": 1}",
			  "undefined variable 'frist_name', did you mean 'first_name'?");
	case_expect_error(&c, "{% assign total = 1 %}{{ totl | plus: 1 }}", NULL,
			  "did you mean 'total'?");
	case_expect_error(&c, "{{ s.ctiy.zip }}", "{\"s\": {\"city\": {}}}",
			  "did you mean 'city'?");
	c.options.lax_filters = true;
	case_expect(&c, "{{ a | glitter: 'EUR', x: 1 | upcase }}", "{\"a\": \"b\"}", "B");
	case_end(&c);
}

static void test_liquid_html_is_escaped_once(void **)
{
	static const char data[] =
		"{\"x\": \"<a href='q'>Tom & \\\"Jo\\\"</a>\", \"t\": \"a<b\","
		" \"l\": [\"<\", \">\"], \"h\": {\"k\": \"<\"}, \"n\": \"1\\n<2\"}";
	static const char *const cases[][2] = {
		{"{{ x }}", "&lt;a href=&#39;q&#39;&gt;Tom &amp; &quot;Jo&quot;&lt;/a&gt;"},
		{"{{ t | raw }}", "a<b"},
		{"{{ t | escape }}{{ t | h }}{{ t | escape_once }}", "a&lt;ba&lt;ba&lt;b"},
		{"{{ t | escape | escape_once }}", "a&lt;b"},
		{"{{ 'a &amp; <b>' | escape_once }}", "a &amp; &lt;b&gt;"},
		{"{{ n | newline_to_br }}", "1<br />\n&lt;2"},
		{"{{ x | strip_html }}", "Tom &amp; &quot;Jo&quot;"},
		{"{{ '<p>a &amp; b</p>' | strip_html }}", "a &amp; b"},
		{"{{ t | url_encode }}", "a%3Cb"},
		{"{{ '%3Cb%3E' | url_decode }}", "&lt;b&gt;"},
		{"{{ '%3Cb%3E' | raw | url_decode }}", "&lt;b&gt;"},
		{"{{ 'PGI+' | raw | base64_decode }}", "&lt;b&gt;"},
		{"{{ l }}{{ l | join: ' ' }}{{ l | raw }}", "&lt;&gt;&lt; &gt;<>"},
		{"{{ h }}", "{&quot;k&quot;=&gt;&quot;&lt;&quot;}"},
		{"{% capture c %}<i>{{ t }}</i>{% endcapture %}{{ c }}", "<i>a&lt;b</i>"},
		{"{% capture c %}<i>{% endcapture %}{{ c | append: t }}", "<i>a&lt;b"},
		{"{% capture c %}<i>{% endcapture %}{{ t | append: c }}", "a&lt;b<i>"},
		{"{% capture c %}<i>{% endcapture %}{{ t | prepend: c }}", "<i>a&lt;b"},
		{"{% capture c %}<i>x{% endcapture %}{{ c | replace: 'x', t | upcase }}",
		 "<I>A&LT;B"},
		{"{% capture c %}<br>{% endcapture %}{{ l | join: c }}", "&lt;<br>&gt;"},
		{"{% capture c %}<b>,<i>{% endcapture %}{{ c | split: ',' | last }}", "<i>"},
		{"{{ t | default: 'x' }}{{ q | default: '<' }}", "a&lt;b&lt;"},
		{"{% for i in l %}{{ i }}{% endfor %}{% echo t %}", "&lt;&gt;a&lt;b"},
		{"{% cycle t, 'x' %}<u>", "a&lt;b<u>"},
		{"{% ifchanged %}<b>{{ t }}{% endifchanged %}", "<b>a&lt;b"},
		{"{% assign y = t | raw %}{{ y }}{{ t }}", "a<ba&lt;b"},
	};
	struct liquid_case c;
	case_begin(&c);
	c.options.escape = LIQUID_ESCAPE_HTML;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		case_expect(&c, cases[i][0], data, cases[i][1]);
	c.options.escape = LIQUID_ESCAPE_NONE;
	case_expect(&c, "{{ t }}{{ l | raw | join: '-' }}", data, "a<b<->");
	case_end(&c);
}

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

static void expect_variables(struct liquid_case *c, const char *text, const char *expected)
{
	struct buf names;
	buf_init_arena(&names, &c->arena, 64);
	assert_int_equal(case_compile(c, str_of(text), NULL), 0);
	for (size_t i = 0; i < liquid_variable_count(c->liquid); i++) {
		buf_put_cstr(&names, i ? " " : "");
		buf_put(&names, liquid_variable(c->liquid, i));
	}
	buf_put_byte(&names, '\0');
	assert_string_equal(names.data, expected);
}

static void test_liquid_lists_what_it_reads_from_outside(void **)
{
	struct liquid_case c;
	case_begin(&c);
	c.options.load_partial = load_partial;
	expect_variables(&c, "", "");
	expect_variables(&c, "{{ b }}{{ a }}{{ b }}", "b a");
	expect_variables(&c, "{{ s.city.zip }}{{ s['x'] }}{{ s[k].y }}", "s.city.zip s.x k s");
	expect_variables(
		&c,
		"{% for p in list limit: n %}{{ p.t }}{{ forloop.index }}{% endfor %}{{ p }}",
		"list n p");
	expect_variables(&c, "{% assign x = y | default: z %}{{ x }}", "y z");
	expect_variables(&c, "{% if q == 1 %}{% assign x = 1 %}{% endif %}{{ x }}", "q x");
	expect_variables(&c, "{% assign x = x | upcase %}{{ x }}", "x");
	expect_variables(&c, "{% for i in l %}{% assign x = i %}{{ x }}{% endfor %}", "l");
	expect_variables(&c, "{% for i in l %}{% assign x = i %}{% endfor %}{{ x }}", "l x");
	expect_variables(&c, "{% capture x %}{{ y }}{% endcapture %}{{ x }}", "y");
	expect_variables(&c, "{% case a %}{% when b %}{{ c }}{% endcase %}(1..{{ d }})",
			 "a b c d");
	expect_variables(&c, "{% render 'card', card: product %}", "product note site.name");
	expect_variables(&c, "{% for card in cards %}{% include 'card', note: 1 %}{% endfor %}",
			 "cards site.name");
	case_end(&c);
}

static void test_liquid_partials_see_arguments_and_data(void **)
{
	struct liquid_case c;
	case_begin(&c);
	c.options.load_partial = load_partial;
	case_expect(&c, "{% assign note = '!' %}{% render 'card' with p as card %}",
		    "{\"p\": {\"title\": \"T\"}, \"site\": {\"name\": \"S\"}}", "[TS]");
	case_expect(&c, "{% assign note = '!' %}{% include 'card' with p %}",
		    "{\"p\": {\"title\": \"T\"}}", "[T!]");
	case_expect(&c, "{% assign n = 'card' %}{% include n with p %}{{ card.title }}",
		    "{\"p\": {\"title\": \"T\"}}", "[T]");
	/* The variable that include binds hides an argument of its name: as the reference. */
	case_expect(&c, "{% include 'card', card: p %}{% assign n = 'card' %}{% include n %}",
		    "{\"p\": {\"title\": \"T\"}}", "[][]");
	case_expect(&c, "{% include 'card', note: 1 %}{% include 'card' with no %}",
		    "{\"card\": {\"title\": \"T\"}}", "[T1][]");
	case_expect(&c,
		    "{% include 'card' with p, x: 2, note: x %}{% render 'card', x: 2, note: x "
		    "%}{{ x }}",
		    "{\"p\": {\"title\": \"T\"}, \"x\": 1}", "[T2][1]1");
	case_expect_error(&c, "{% assign x? = 1 %}", NULL, "does not end in '?'");
	case_expect_error(&c, "{% include 'crad' %}", NULL, "no partial named 'crad'");
	case_expect_error(&c, "{% include n %}", "{\"n\": \"crad\"}",
			  "no partial named 'crad'");
	case_expect_error(&c, "{% render 'loop' %}", NULL, "nested deeper than");
	case_expect_error(&c, "{% include 'broken' %}", NULL, "unknown filter 'nothing'");
	assert_true(str_eq(c.error.file, STR("broken")));
	assert_int_equal(c.error.line, 2);
	case_expect_error(&c, "{% include n %}", "{\"n\": \"broken\"}",
			  "unknown filter 'nothing'");
	c.options.load_partial = NULL;
	case_expect_error(&c, "{% include 'card' %}", NULL, "no partial");
	case_end(&c);
}

/* An encoding that shows what it is given: literals in <>, outputs in (). */
static bool prepare_literal(void *, str text, struct arena *arena, str *ret_prepared)
{
	struct buf out;
	buf_init_arena(&out, arena, text.size + 2);
	buf_put_byte(&out, '<');
	buf_put(&out, text);
	buf_put_byte(&out, '>');
	*ret_prepared = buf_str(&out);
	return buf_ok(&out);
}

static void put_literal(void *, struct liquid_place *, str prepared, struct buf *out)
{
	buf_put(out, prepared);
}

static void encode_output(void *, struct liquid_place *, str text, struct buf *out)
{
	buf_put_byte(out, '(');
	buf_put(out, text);
	buf_put_byte(out, ')');
}

static const struct liquid_encoding shown = {prepare_literal, put_literal, encode_output, NULL};

static void test_liquid_encodes_literals_once_and_outputs_each(void **)
{
	struct liquid_case c;
	case_begin(&c);
	c.options.encoding = &shown;
	case_expect(&c, "a{{ x }}b{{ 1 }}{{ nothing }}", "{\"x\": \"X\"}", "<a>(X)<b>(1)");
	case_expect(&c, "a{% comment %}-{% endcomment %}b{% raw %}{{{% endraw %}c", NULL,
		    "<ab{{c>");
	case_expect(
		&c,
		"{% if x %}y{% else %}n{% endif %}{% for i in (1..2) %}-{{ i }}{% endfor %}",
		NULL, "<n><->(1)<->(2)");
	case_expect(&c, "{% capture c %}a{{ x }}b{% endcapture %}{{ c }}!", "{\"x\": \"X\"}",
		    "(aXb)<!>");
	case_expect(&c, "{% ifchanged %}a{{ x }}{% endifchanged %}", "{\"x\": \"X\"}", "(aX)");
	case_expect(&c, "{% case 1 %}{% when 1, 1 %}w{% endcase %}", NULL, "<w><w>");
	case_expect(&c, "{% increment n %}{% cycle 'p', 'q' %}", NULL, "(0)(p)");
	c.options.escape = LIQUID_ESCAPE_HTML;
	case_expect(&c, "{{ x }}", "{\"x\": \"<\"}", "(&lt;)");
	case_end(&c);
}

static void expect_runs(struct liquid_case *c, const char *text, const char *json,
			const char *expected)
{
	struct buf out;
	assert_int_equal(case_compile(c, str_of(text), json), 0);
	buf_init_arena(&out, &c->arena, 64);
	struct liquid_frame *frame =
		liquid_frame_begin(c->liquid, &c->data, NULL, 0, &c->arena);
	assert_non_null(frame);
	for (size_t run = 0; run < liquid_run_count(c->liquid); run++) {
		str literal;
		if (liquid_frame_stopped(frame))
			break;
		if (liquid_run_literal(c->liquid, run, &literal))
			buf_put(&out, literal);
		else
			assert_int_equal(liquid_frame_run(frame, run, &out, &c->error), 0);
		buf_put_byte(&out, '|');
	}
	buf_put_byte(&out, '\0');
	assert_string_equal(out.data, expected);
}

static void test_liquid_runs_alternate_and_share_state(void **)
{
	struct liquid_case c;
	case_begin(&c);
	expect_runs(&c, "Hi {{ a }}, {{ b | upcase }}.", "{\"a\": \"A\", \"b\": \"b\"}",
		    "Hi |A|, |B|.|");
	expect_runs(&c, "{% assign x = 1 %}{{ x }}{% increment n %}-{% increment n %}", NULL,
		    "|1|0|-|1|");
	expect_runs(&c, "a{% break %}b", NULL, "a||");
	case_end(&c);
}

static void test_liquid_finds_roots_in_any_order(void **)
{
	struct liquid_case c;
	struct buf text, json;
	case_begin(&c);
	case_expect(&c, "{{ a }}{{ b }}{{ c }}", "{\"c\": 3, \"x\": 9, \"b\": 2, \"a\": 1}",
		    "123");
	case_expect(&c, "{{ a }}", "[1]", "");
	assert_int_equal(liquid_render(c.liquid, NULL, NULL, 0, &c.arena, &c.out, &c.error), 0);
	buf_init_arena(&text, &c.arena, 64);
	buf_init_arena(&json, &c.arena, 64);
	for (int i = 0; i < 300; i++) {
		buf_printf(&text, "{{ v%d }}", i);
		buf_printf(&json, "%s\"v%d\": %d", i ? ", " : "{", 299 - i, i % 2);
	}
	buf_put_cstr(&json, "}");
	buf_put_byte(&json, '\0');
	assert_int_equal(case_compile(&c, buf_str(&text), json.data), 0);
	assert_int_equal(case_run(&c), 0);
	assert_int_equal(c.out.size, 300);
	for (size_t i = 0; i < 300; i++)
		assert_int_equal(c.out.data[i], i % 2 ? '0' : '1');
	case_end(&c);
}

/* A template cut off anywhere is an error or another template, never a crash; and so is one
 * with any byte changed. */
static void test_liquid_takes_any_prefix_and_any_byte(void **)
{
	static const char whole[] =
		"a {%- if x == 'y' and z contains 1.5 -%} b {{- s | split: \",\" | join -}} {% "
		"else %}"
		"{% for i in (1..n) reversed, limit: 2 %}{{ forloop.index }}{% cycle 'a': 1, 2 "
		"%}"
		"{% endfor %}{% endif %}{% raw %}{{{% endraw %}{% comment %}{%{% endcomment %}"
		"{% liquid\n assign q = a[0]['b'].c\n echo q\n%}{% render 'card' with p as q, "
		"r: 1 %}"
		"{% case a %}{% when 1 or 2 %}{% endcase %}{{ 'now' | date: '%-d.%^B' }}{% # x "
		"%}";
	struct liquid_case c;
	case_begin(&c);
	c.options.load_partial = load_partial;
	for (size_t size = 0; size < sizeof(whole); size++) {
		if (case_compile(&c, str_make(whole, size), "{\"n\": 3}") == 0)
			assert_int_equal(case_run(&c), 0);
		else
			assert_true(c.error.line > 0 && c.error.message[0]);
		arena_reset(&c.arena);
	}
	for (size_t at = 0; at + 1 < sizeof(whole); at++) {
		char changed[sizeof(whole)];
		memcpy(changed, whole, sizeof(whole));
		changed[at] = "}{%|'-\0 "[at % 8];
		if (case_compile(&c, str_make(changed, sizeof(whole) - 1), "{\"n\": 3}") == 0)
			(void)!case_run(&c);
		arena_reset(&c.arena);
	}
	case_end(&c);
}

/* Every allocation may fail: an error each time, nothing lost. */
static void test_liquid_survives_running_out_of_memory(void **)
{
	static const char text[] =
		"{% for i in (1..40) %}{{ i | append: 'abc' | upcase }}"
		"{% capture x %}{{ x }}{{ i }}{% endcapture %}{% endfor %}{{ x }}";
	bool done = false;
	for (size_t size = 600; !done; size += 200) {
		static char memory[1 << 18];
		struct arena arena;
		struct liquid_options options = {.file = STR("m")};
		struct liquid_error error;
		struct value data = value_hash(NULL, 0);
		struct buf out;
		assert_true(size < sizeof(memory));
		arena_init_fixed(&arena, memory, size);
		buf_init_arena(&out, &arena, 0);
		struct liquid *liquid = liquid_compile(&arena, STR(text), &options, &error);
		done = liquid &&
		       liquid_render(liquid, &data, NULL, 0, &arena, &out, &error) == 0;
		assert_true(done || error.message[0]);
	}
}

static void test_liquid_puts_behind_what_is_there(void **)
{
	struct liquid_case c;
	case_begin(&c);
	c.limits.output_size = 3;
	assert_int_equal(case_compile(&c, STR("abc"), NULL), 0);
	buf_init_arena(&c.out, &c.arena, 64);
	buf_put_cstr(&c.out, "header: ");
	assert_int_equal(
		liquid_render(c.liquid, &c.data, &c.limits, 0, &c.arena, &c.out, &c.error), 0);
	assert_true(str_eq(buf_str(&c.out), STR("header: abc")));
	case_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_liquid_error_says_where_and_what),
		cmocka_unit_test(test_liquid_error_caret_stands_under_the_column),
		cmocka_unit_test(test_liquid_render_error_has_its_line),
		cmocka_unit_test(test_liquid_html_is_escaped_once),
		cmocka_unit_test(test_liquid_lists_what_it_reads_from_outside),
		cmocka_unit_test(test_liquid_partials_see_arguments_and_data),
		cmocka_unit_test(test_liquid_encodes_literals_once_and_outputs_each),
		cmocka_unit_test(test_liquid_runs_alternate_and_share_state),
		cmocka_unit_test(test_liquid_finds_roots_in_any_order),
		cmocka_unit_test(test_liquid_takes_any_prefix_and_any_byte),
		cmocka_unit_test(test_liquid_survives_running_out_of_memory),
		cmocka_unit_test(test_liquid_puts_behind_what_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
