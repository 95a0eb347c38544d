/* test_links.c - which links a template has, what they are rewritten to, where they lead. What
 * a browser's parser makes of real newsletters is tests/golden/links.py's part. */
#include "tests/unit/cmocka_all.h"

#include <stdio.h>

#include "engine/mail/token.h"
#include "templates/links.h"
#include "templates/liquid.h"
#include "tests/golden/invariants.h"

#define BASE "https://n.test"
#define TOKEN "{{ click_token }}"

static struct arena arena;
static struct links links;

static int setup(void **)
{
	arena_init(&arena, &test_heap, 0, 0);
	return 0;
}

static int teardown(void **)
{
	arena_done(&arena);
	return 0;
}

static str rewritten(const struct links_options *options, enum links_form form,
		     const char *source)
{
	struct links_part part = {STR("body"), str_of(source), form};
	assert_int_equal(links_rewrite(&arena, options, &part, 1, &links), 0);
	return part.source;
}

static const struct links_options individual = {.base_url = STR(BASE),
						.tracking = LINKS_INDIVIDUAL};
static const struct links_options anonymous = {
	.base_url = STR(BASE), .tracking = LINKS_ANONYMOUS, .campaign_token = STR("atoken")};
static const struct links_options only_utm = {.base_url = STR(BASE),
					      .utm = STR("utm_source=n&utm_medium=e")};
static const struct links_options off = {.base_url = STR(BASE)};

static void expect(const struct links_options *options, enum links_form form,
		   const char *source, const char *wanted)
{
	str got = rewritten(options, form, source);
	if (!str_eq(got, str_of(wanted ? wanted : source)))
		fail_msg("%s\n became %.*s\n instead of %s", source, STR_FORMAT(got),
			 wanted ? wanted : source);
}

static void expect_target(size_t at, uint32_t index, const char *target, const char *text)
{
	assert_in_range(at, 0, links.count - 1);
	const struct link *link = &links.items[at];
	if (link->index != index || !str_eq(link->target, str_of(target)) ||
	    !str_eq(link->text, str_of(text)))
		fail_msg("%u %.*s '%.*s' instead of %u %s '%s'", link->index,
			 STR_FORMAT(link->target), STR_FORMAT(link->text), index, target, text);
}

/* Each row: what stands there, and what it becomes; NULL: it stays. %: our own page. */
static void test_links_are_found_where_a_browser_finds_them(void **)
{
	static const struct {
		const char *source, *wanted;
	} rows[] = {
		{"<a href=\"https://a.test/\">x</a>", "<a href=\"%/1\">x</a>"},
		{"<A HREF='HTTP://a.test/'>x</A>", "<A HREF='%/1'>x</A>"},
		{"<a href=https://a.test/>x</a>", "<a href=\"%/1\">x</a>"},
		{"<a href=https://a.test/ id=b>x</a>", "<a href=\"%/1\" id=b>x</a>"},
		{"<a href = \" https://a.test/ \">x</a>", "<a href = \"%/1\">x</a>"},
		{"<a title='>' href=\"http://a.test\">x</a>",
		 "<a title='>' href=\"%/1\">x</a>"},
		{"<a\nhref=\"http://a.test\"\n>x</a>", "<a\nhref=\"%/1\"\n>x</a>"},
		{"<a href=\"http://a.test/\n  b\">x</a>", "<a href=\"%/1\"\n>x</a>"},
		{"<a href=\"http://a.test\"href=\"http://b.test\">x</a>",
		 "<a href=\"%/1\"href=\"http://b.test\">x</a>"},
		{"<map><area shape=\"rect\" href=\"https://a.test\"/></map>",
		 "<map><area shape=\"rect\" href=\"%/1\"/></map>"},
		{"<!--[if mso]><a href=\"http://a.test\">x</a><![endif]-->",
		 "<!--[if mso]><a href=\"%/1\">x</a><![endif]-->"},
		{"<!--[if !mso]><!--><a href=\"http://a.test\">x</a><!--<![endif]-->",
		 "<!--[if !mso]><!--><a href=\"%/1\">x</a><!--<![endif]-->"},
		{"<!--> <a href=\"http://a.test\">x</a>", "<!--> <a href=\"%/1\">x</a>"},
		{"<!---> <a href=\"http://a.test\">x</a>", "<!---> <a href=\"%/1\">x</a>"},
		{"< a href=\"http://a.test\">", NULL},
		{"<!-- <a href=\"http://a.test\">x</a> -->", NULL},
		{"<style>/* <a href=\"http://a.test\"> */</style>", NULL},
		{"<script>'<a href=\"http://a.test\">' </scripty></script>", NULL},
		{"<title><a href=\"http://a.test\"></title>", NULL},
		{"<style></style><a href=\"http://a.test\">x",
		 "<style></style><a href=\"%/1\">x"},
		{"<link href=\"http://a.test\"><base href=\"http://b.test\">", NULL},
		{"<abbr href=\"http://a.test\">", NULL},
		{"</a href=\"http://a.test\">", NULL},
		{"<a href=\"http://a.test\"", NULL},
		{"<a href=\"http://a.test>x</a>", NULL},
		{"<a data-href=\"http://a.test\" name=href>", NULL},
		{"<a href>x</a><a href=\"\">x</a>", NULL},
		{"<a href=\"mailto:a@b.test\">x</a><a href=\"#top\">x</a><a href=\"/x\">x</a>"
		 "<a href=\"tel:1\">x</a><a href=\"//a.test\">x</a><a href=\"httpx://a\">",
		 NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char wanted[400] = "";
		for (const char *c = rows[i].wanted; c && *c; c++)
			snprintf(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted),
				 *c == '%' ? BASE "/c/" TOKEN : "%c", *c);
		expect(&individual, LINKS_HTML, rows[i].source, rows[i].wanted ? wanted : NULL);
	}
}

static void test_links_with_liquid(void **)
{
	static const struct {
		const char *source, *wanted;
	} rows[] = {
		{"<a href=\"https://a.test/{{ id }}?a={{ b | append: \">\" }}\">x</a>",
		 "<a href=\"" BASE "/c/" TOKEN "/1\">x</a>"},
		{"<a {% if a > b %} class=\"{{ \"x\" }}\" {% endif %} href=\"http://a.test\">",
		 "<a {% if a > b %} class=\"{{ \"x\" }}\" {% endif %} href=\"" BASE "/c/" TOKEN
		 "/1\">"},
		{"<a href=\"http://{% if a %}a{% else %}b{% endif %}.test\">",
		 "<a href=\"" BASE "/c/" TOKEN "/1\">"},
		{"<a href=\"{{ url }}\">x</a>",
		 "<a href=\"{% capture link_url %}{{ url }}{% endcapture %}{{ link_url | "
		 "link_track: \"" BASE "\", click_token, \"1\" }}\">x</a>"},
		{"{% raw %}<a href=\"http://a.test\">{{ x }}</a>{% endraw %}",
		 "{% raw %}<a href=\"" BASE "/c/{% endraw %}" TOKEN
		 "{% raw %}/1\">{{ x }}</a>{% endraw %}"},
		/* Tags that are not closed within the address; names that only the template
		 * knows; our own pages; comments. */
		{"{% if a %}<a href=\"http://a.test{% else %}<a href=\"http://b.test{% endif %}"
		 "\">",
		 NULL},
		{"{% for p in items %}<a href=\"http://a.test/{{ p.id }}\">x</a>{% endfor %}",
		 NULL},
		{"{% for p in items %}{% assign u = p %}<a href=\"{{ u }}\">x</a>{% endfor %}",
		 NULL},
		{"{% assign u = unsubscribe_url %}<a href=\"{{ u }}\">x</a>", NULL},
		{"{% capture x %}{% assign u = 'http://a.test' %}<a href=\"{{ u }}\">{% "
		 "endcapture %}",
		 NULL},
		{"<a href=\"{{ unsubscribe_url }}\">x</a><a href=\"{{ preferences_url "
		 "}}\">x</a>"
		 "<a href=\"{{ view_url }}\">x</a>",
		 NULL},
		{"<a href=\"http://x.test/?to={{ unsubscribe_url | url_encode }}\">x</a>",
		 NULL},
		{"<a href=\"" BASE "/u/abc\">x</a>", NULL},
		{"{% comment %}<a href=\"http://a.test\">{% endcomment %}", NULL},
		{"{% comment %}{% comment %}{% endcomment %}<a href=\"http://a.test\">{% "
		 "endcomment %}",
		 NULL},
		{"{% doc %}<a href=\"http://a.test\">{% enddoc %}", NULL},
		{"{{ '<a href=\"http://a.test\">' }}", NULL},
		{"{% case x %}<a href=\"http://a.test\">{% when 1 %}b{% endcase %}", NULL},
		{"<a href=\"http://a.test/&#123;{ x }}{{ y }}\">x</a>", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		expect(&individual, LINKS_HTML, rows[i].source, rows[i].wanted);
}

static void test_links_that_are_not_to_be_tracked(void **)
{
	static const struct {
		const char *source, *wanted;
	} rows[] = {
		{"<a data-track=\"false\" href=\"http://a.test\">x</a>",
		 "<a href=\"http://a.test\">x</a>"},
		{"<a href=\"http://a.test\" track=false>x</a>",
		 "<a href=\"http://a.test\">x</a>"},
		{"<a href=\"http://a.test\"\nTRACK='False'>x</a>",
		 "<a href=\"http://a.test\"\n>x</a>"},
		{"<a href=\"{{ url | track: false }}\">x</a>", NULL},
		{"<a href=\"https://a.test/{{ url | upcase | track:false }}\">x</a>", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		expect(&individual, LINKS_HTML, rows[i].source, rows[i].wanted);
		assert_int_equal(links.tracked_count, 0);
		/* The attribute is ours: it goes when nothing is tracked, too. */
		expect(&off, LINKS_HTML, rows[i].source, rows[i].wanted);
	}
	expect(&individual, LINKS_HTML, "<a data-track=\"yes\" href=\"http://a.test\">x</a>",
	       "<a href=\"" BASE "/c/" TOKEN "/1\">x</a>");
}

static void test_links_targets_and_texts(void **)
{
	struct links_options options = individual;
	options.utm = STR("utm_source=n");
	(void)rewritten(
		&options, LINKS_HTML,
		"<a href=\"http://a.test/?a=1&amp;b=2#f\">  Read\n <b>more</b> &amp; "
		"more </a>\n"
		"<a href=\"https://b.test\" track=\"false\"><img src=x alt=\"A cup\"></a>"
		"<a href=\"https://c.test/{{ id }}\">{{ name }}</a>"
		"<a href=\"{{ url }}\">never closed");
	assert_int_equal(links.count, 4);
	assert_int_equal(links.tracked_count, 3);
	expect_target(0, 1, "http://a.test/?a=1&b=2&utm_source=n#f", "Read more & more");
	expect_target(1, 0, "https://b.test?utm_source=n", "A cup");
	expect_target(
		2, 2,
		"{% capture link_url %}https://c.test/{{ id }}{% endcapture %}{{ link_url "
		"| link_utm: \"utm_source=n\" }}",
		"{{ name }}");
	expect_target(3, 3,
		      "{% capture link_url %}{{ url }}{% endcapture %}{{ link_url | link_utm: "
		      "\"utm_source=n\" }}",
		      "never closed");
	assert_false(links.items[0].is_liquid);
	assert_true(links.items[2].is_liquid && links.items[3].is_liquid);
}

static void expect_rendered(enum liquid_escape escape, const char *source, str url,
			    const char *wanted)
{
	const struct liquid_options options = {.file = STR("x"), .escape = escape};
	struct value_pair pairs[] = {{STR("url"), value_string(url)},
				     {STR("click_token"), value_string(STR("tok"))}};
	const struct value roots = value_hash(pairs, 2);
	struct liquid_error error;
	struct arena scratch;
	struct buf out;
	char memory[1000];
	arena_init(&scratch, &test_heap, 0, 0);
	buf_init_fixed(&out, memory, sizeof(memory));
	struct liquid *liquid = liquid_compile(&arena, str_of(source), &options, &error);
	if (!liquid || liquid_render(liquid, &roots, NULL, 0, &scratch, &out, &error))
		fail_msg("%s: %s", source, error.message);
	if (!str_eq(buf_str(&out), str_of(wanted)))
		fail_msg("%s: %.*s instead of %s", source, STR_FORMAT(buf_str(&out)), wanted);
	arena_done(&scratch);
}

/* Names that the template made before the link: its tags go along, what they show does not. */
static void test_links_of_assigned_names_take_their_tags_along(void **)
{
	static const struct {
		const char *source, *target, *rendered;
	} rows[] = {
		{"{% assign u = 'http://a.test' %}<p>{{ x }}<a href=\"{{ u }}\">x</a>",
		 "{% capture link_before %}{% assign u = 'http://a.test' %}{% endcapture %}{{ "
		 "u }}",
		 "http://a.test"},
		{"{% comment %}{% endcomment %}{% raw %}{{{% endraw %}{% capture u %}a{{ url "
		 "}}{% "
		 "endcapture %}{% echo 'x' %}{% if url %}{% assign v = 'b' %}<a "
		 "href=\"http://x.test/{{ u }}/{{ v }}\">",
		 "{% capture link_before %}{% capture u %}a{{ url }}{% endcapture %}{% if url "
		 "%}{% "
		 "assign v = 'b' %}{% endif %}{% endcapture %}http://x.test/{{ u }}/{{ v }}",
		 "http://x.test/aU/b"},
		{"{% for i in (1..2) %}{% assign u = i %}{{ i }}{% endfor %}{% liquid\nassign "
		 "w = u\n"
		 "%}<a href=\"http://x.test/{{ w }}\">",
		 "{% capture link_before %}{% for i in (1..2) %}{% assign u = i %}{% endfor "
		 "%}{% "
		 "liquid\nassign w = u\n%}{% endcapture %}http://x.test/{{ w }}",
		 "http://x.test/2"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		(void)rewritten(&individual, LINKS_HTML, rows[i].source);
		assert_int_equal(links.tracked_count, 1);
		if (!str_eq(links.items[0].target, str_of(rows[i].target)))
			fail_msg("%.*s", STR_FORMAT(links.items[0].target));
		expect_rendered(LIQUID_ESCAPE_NONE, rows[i].target, STR("U"), rows[i].rendered);
	}
}

static void test_links_anonymous_are_the_same_for_all(void **)
{
	expect(&anonymous, LINKS_HTML, "<a href=\"http://a.test\">x</a>",
	       "<a href=\"" BASE "/c/atoken/1\">x</a>");
	/* Where somebody is to be led nobody can be. */
	expect(&anonymous, LINKS_HTML, "<a href=\"http://a.test/{{ id }}\">x</a>", NULL);
}

static void test_links_pixel_ends_the_body(void **)
{
	struct links_options options = individual;
	options.opens = true;
	static const char pixel[] =
		"<img src=\"" BASE "/o/" TOKEN ".gif\" width=\"1\" height=\"1\" alt=\"\">";
	static const struct {
		const char *before, *after;
	} rows[] = {
		{"<html><body>x", "</body></html>"},
		{"<html><p>x", "</html>"},
		{"<p>x</p>", ""},
		{"<!-- </body> --><body></body><p>{{ x }}", "</BODY >"},
		{"{% comment %}</body>{% endcomment %}<style></body></style>", "</body>"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char source[200], wanted[400];
		snprintf(source, sizeof(source), "%s%s", rows[i].before, rows[i].after);
		snprintf(wanted, sizeof(wanted), "%s%s%s", rows[i].before, pixel,
			 rows[i].after);
		expect(&options, LINKS_HTML, source, wanted);
	}
	expect(&options, LINKS_TEXT, "x", NULL);
	options.tracking = LINKS_OFF;
	expect(&options, LINKS_HTML, "<body></body>", NULL);
}

static void test_links_of_partials_go_on_counting(void **)
{
	struct links_options options = individual;
	options.opens = true;
	struct links_part parts[] = {
		{STR("body.html"), STR("{% render 'foot' %}<a href=\"http://a.test\">a</a>"),
		 LINKS_HTML},
		{STR("foot"),
		 STR("<a href=\"http://b.test\">b</a><a href=\"http://c.test/{{ x "
		     "}}\"></a></body>"),
		 LINKS_PARTIAL},
		{STR("body.txt"), STR("http://a.test"), LINKS_TEXT},
	};
	assert_int_equal(links_rewrite(&arena, &options, parts, 3, &links), 0);
	assert_true(str_eq(parts[0].source,
			   STR("{% render 'foot' %}<a href=\"" BASE "/c/" TOKEN "/1\">a</a>")));
	assert_true(
		str_starts(parts[1].source, STR("<a href=\"" BASE "/c/" TOKEN "/2\">b</a><a "
						"href=\"http://c.test/{{ x }}\"></a><img")));
	assert_true(str_ends(parts[1].source, STR("</body>")));
	assert_true(str_eq(parts[2].source, STR("http://a.test")));
	assert_int_equal(links.tracked_count, 2);
	assert_int_equal(links.count, 4);
}

/* Forms of one letter (A/B): each with its own pixel, and numbers of its own. */
static void test_links_of_variants_are_told_apart(void **)
{
	struct links_options options = individual;
	options.opens = true;
	struct links_part parts[] = {
		{STR("body.html"), STR("<a href=\"http://a.test\">a</a></body>"), LINKS_HTML},
		{STR("body.html"), STR("<a href=\"http://a.test\">b</a>"), LINKS_HTML},
	};
	assert_int_equal(links_rewrite(&arena, &options, parts, 2, &links), 0);
	assert_int_equal(links.tracked_count, 2);
	for (size_t i = 0; i < 2; i++)
		assert_true(str_find(parts[i].source, STR("/o/" TOKEN ".gif")) != STR_NONE);
	assert_true(str_find(parts[1].source, STR("/c/" TOKEN "/2\">b")) != STR_NONE);
}

static void test_links_in_text(void **)
{
	struct links_options options = individual;
	options.text = true;
	static const struct {
		const char *source, *wanted;
	} rows[] = {
		{"See http://a.test.", "See " BASE "/c/" TOKEN "/1."},
		{"(https://a.test/x_(y)) <http://b.test>",
		 "(" BASE "/c/" TOKEN "/1) <" BASE "/c/" TOKEN "/2>"},
		{"http://a.test/{{ id }}/x?\nnext", BASE "/c/" TOKEN "/1?\nnext"},
		{"http://a.test/{% if x %}y{% endif %}",
		 BASE "/c/" TOKEN "/1{% if x %}y{% endif %}"},
		{"xhttp://a.test http:// {{ unsubscribe_url }} mailto:a@b.test", NULL},
		{"http://a.test/{{ unsubscribe_url }}", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		expect(&options, LINKS_TEXT, rows[i].source, rows[i].wanted);
	expect(&individual, LINKS_TEXT, "http://a.test", NULL);
	expect(&only_utm, LINKS_TEXT, "http://a.test/?x=1, and {{ unsubscribe_url }}",
	       "http://a.test/?x=1&utm_source=n&utm_medium=e, and {{ unsubscribe_url }}");
}

static void test_links_get_utm_parameters_once(void **)
{
	static const struct {
		const char *url, *html, *plain;
	} rows[] = {
		{"http://a.test", "http://a.test?s=1&amp;m=2", "http://a.test?s=1&m=2"},
		{"http://a.test/#f", "http://a.test/?s=1&amp;m=2#f",
		 "http://a.test/?s=1&m=2#f"},
		{"http://a.test/?x=1", "http://a.test/?x=1&amp;s=1&amp;m=2",
		 "http://a.test/?x=1&s=1&m=2"},
		{"http://a.test/?", "http://a.test/?s=1&amp;m=2", "http://a.test/?s=1&m=2"},
		{"http://a.test/?S=9#?", "http://a.test/?S=9&amp;m=2#?",
		 "http://a.test/?S=9&m=2#?"},
		{"http://a.test/?x&", "http://a.test/?x&s=1&amp;m=2",
		 "http://a.test/?x&s=1&m=2"},
		{"http://a.test/?xs=1&s=", "http://a.test/?xs=1&s=&amp;m=2",
		 "http://a.test/?xs=1&s=&m=2"},
		{"http://a.test/{{ '#?' }}", "http://a.test/{{ '#?' }}?s=1&amp;m=2",
		 "http://a.test/{{ '#?' }}?s=1&m=2"},
	};
	char memory[400];
	struct buf out;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (int html = 0; html < 2; html++) {
			buf_init_fixed(&out, memory, sizeof(memory));
			links_put_with_utm(&out, str_of(rows[i].url), STR("s=1&m=2"), html);
			const char *wanted = html ? rows[i].html : rows[i].plain;
			if (!str_eq(buf_str(&out), str_of(wanted)))
				fail_msg("%s: %.*s instead of %s", rows[i].url,
					 STR_FORMAT(buf_str(&out)), wanted);
		}
	}
	buf_init_fixed(&out, memory, sizeof(memory));
	links_put_with_utm(&out, STR("http://a.test/?a=1&amp;s=3&#38;b=1#f"), STR("s=1&m=2"),
			   true);
	assert_true(str_eq(buf_str(&out), STR("http://a.test/?a=1&amp;s=3&#38;b=1&amp;m=2#f")));
}

static void test_links_utm_is_escaped(void **)
{
	char memory[200];
	struct buf out;
	buf_init_fixed(&out, memory, sizeof(memory));
	links_put_utm(&out, "source", STR("news & more"));
	links_put_utm(&out, "medium", STR(""));
	links_put_utm(&out, "campaign", STR("\"Fr\xC3\xBChling'{{"));
	assert_true(str_eq(buf_str(&out), STR("utm_source=news%20%26%20more&utm_campaign="
					      "%22Fr%C3%BChling%27%7B%7B")));
}

static void test_links_utm_in_html(void **)
{
	static const struct {
		const char *source, *wanted;
	} rows[] = {
		{"<a href='http://a.test?x=1&amp;y'>x</a>",
		 "<a href='http://a.test?x=1&amp;y&amp;utm_source=n&amp;utm_medium=e'>x</a>"},
		{"<a href=http://a.test/>x</a>",
		 "<a href=\"http://a.test/?utm_source=n&amp;utm_medium=e\">x</a>"},
		{"<a href=\"http://a.test/?x={{ y }}#z\">x</a>",
		 "<a href=\"http://a.test/?x={{ y "
		 "}}&amp;utm_source=n&amp;utm_medium=e#z\">x</a>"},
		{"<a href=\"http://a.test/{{ y }}\">x</a>",
		 "<a href=\"{% capture link_url %}http://a.test/{{ y }}{% endcapture %}{{ "
		 "link_url | link_utm: \"utm_source=n&utm_medium=e\", \"" BASE "\" }}\">x</a>"},
		{"{% for p in q %}<a href=\"{{ p }}\">x</a>{% endfor %}",
		 "{% for p in q %}<a href=\"{% capture link_url %}{{ p }}{% endcapture %}{{ "
		 "link_url | link_utm: \"utm_source=n&utm_medium=e\", \"" BASE
		 "\" }}\">x</a>{% endfor %}"},
		{"<a href=\"{{ unsubscribe_url }}\">x</a><a href=\"mailto:a@b\">x</a>", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		expect(&only_utm, LINKS_HTML, rows[i].source, rows[i].wanted);
}

/* What was written for them does what it says, whatever the address turns out to be. */
static void test_links_dynamic_ones_are_told_by_their_scheme(void **)
{
	static const struct {
		const char *url, *tracked, *utm;
	} rows[] = {
		{"https://a.test/?x=1&y=\"", "<a href=\"" BASE "/c/tok/1\">x</a>",
		 "<a "
		 "href=\"https://a.test/?x=1&amp;y=&quot;&amp;utm_source=n&amp;utm_medium=e\">"
		 "x</a>"},
		{"mailto:a@b.test?subject=x", "<a href=\"mailto:a@b.test?subject=x\">x</a>",
		 "<a href=\"mailto:a@b.test?subject=x\">x</a>"},
		{BASE "/u/abc", "<a href=\"" BASE "/u/abc\">x</a>",
		 "<a href=\"" BASE "/u/abc\">x</a>"},
		{"", "<a href=\"\">x</a>", "<a href=\"\">x</a>"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		str source = rewritten(&individual, LINKS_HTML, "<a href=\"{{ url }}\">x</a>");
		expect_rendered(LIQUID_ESCAPE_HTML, arena_copy(&arena, source).data,
				str_of(rows[i].url), rows[i].tracked);
		source = rewritten(&only_utm, LINKS_HTML, "<a href=\"{{ url }}\">x</a>");
		expect_rendered(LIQUID_ESCAPE_HTML, arena_copy(&arena, source).data,
				str_of(rows[i].url), rows[i].utm);
	}
	struct links_options both = individual;
	both.utm = only_utm.utm;
	(void)rewritten(&both, LINKS_HTML, "<a href=\"{{ url }}\">x</a>");
	assert_true(links.count == 1 && links.items[0].is_liquid);
	expect_rendered(LIQUID_ESCAPE_NONE, arena_copy(&arena, links.items[0].target).data,
			STR("https://a.test/?x=1&y=\""),
			"https://a.test/?x=1&y=\"&utm_source=n&utm_medium=e");
}

static void test_links_paths_are_read(void **)
{
	static const struct {
		const char *url, *token;
		enum link_page page;
		uint32_t index;
	} good[] = {
		{"/c/abc/7", "abc", LINK_CLICK, 7},
		{"https://n.test/x/c/abc/2000?a=/c/z/1#/u/y", "abc", LINK_CLICK, 2000},
		{"/o/abc.gif", "abc", LINK_OPEN, 0},
		{BASE "/u/abc", "abc", LINK_UNSUBSCRIBE, 0},
		{"/v/abc", "abc", LINK_VIEW, 0},
		{"/p/abc", "abc", LINK_PREFERENCES, 0},
	};
	static const char *const bad[] = {
		"",
		"/",
		"/c/abc",
		"/c/abc/",
		"/c/abc/0",
		"/c/abc/01",
		"/c/abc/-1",
		"/c/abc/1/2",
		"/c/abc/2001",
		"/c//1",
		"/o/abc",
		"/o/.gif",
		"/x/abc",
		"/u/",
		"/u/a/b",
		"u/abc",
		"/c/abc/1x2",
		"/C/abc/1",
		"/c/a/99999999999999999999",
	};
	struct link_path path;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_true(link_path_read(str_of(good[i].url), &path));
		assert_int_equal(path.page, good[i].page);
		assert_int_equal(path.index, good[i].index);
		assert_true(str_eq(path.token, str_of(good[i].token)));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (link_path_read(str_of(bad[i]), &path))
			fail_msg("%s", bad[i]);
}

/* Beyond the limit they stay as they are; and it does not take long. */
static void test_links_have_a_limit(void **)
{
	struct buf source;
	buf_init_arena(&source, &arena, 1 << 20);
	for (int i = 0; i < LINK_LIMIT_COUNT + 10; i++)
		buf_put_cstr(&source, "<a href=\"http://a.test\">x</a><a <!-- {{ ");
	struct links_part part = {STR("body"), buf_str(&source), LINKS_HTML};
	assert_int_equal(links_rewrite(&arena, &individual, &part, 1, &links), 0);
	assert_in_range(links.tracked_count, 1, LINK_LIMIT_COUNT);
	buf_reset(&source);
	for (int i = 0; i < LINK_LIMIT_COUNT + 10; i++)
		buf_put_cstr(&source, "<a href=\"http://a.test\">x</a>");
	part.source = buf_str(&source);
	assert_int_equal(links_rewrite(&arena, &individual, &part, 1, &links), 0);
	assert_int_equal(links.tracked_count, LINK_LIMIT_COUNT);
	assert_true(str_ends(part.source, STR("<a href=\"http://a.test\">x</a>")));
}

/* Whatever memory there is: all or nothing, and nothing is left half done. */
static void test_links_without_memory(void **)
{
	static char memory[1 << 20];
	static const char source[] = "<a href=\"http://a.test/{{ x }}\">x</a>{% assign y = 1 %}"
				     "<a href=http://b.test track=false>y</a></body>";
	struct links_options options = individual;
	options.opens = true;
	options.utm = STR("utm_source=n");
	bool done = false;
	for (size_t size = 0; size < sizeof(memory) && !done; size += size / 16 + 64) {
		struct arena small;
		struct links_part part = {STR("body"), STR(source), LINKS_HTML};
		arena_init_fixed(&small, memory, size);
		done = links_rewrite(&small, &options, &part, 1, &links) == 0;
		assert_true(done || part.source.data == source);
	}
	assert_true(done && links.count == 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links_are_found_where_a_browser_finds_them),
		cmocka_unit_test(test_links_with_liquid),
		cmocka_unit_test(test_links_that_are_not_to_be_tracked),
		cmocka_unit_test(test_links_targets_and_texts),
		cmocka_unit_test(test_links_of_assigned_names_take_their_tags_along),
		cmocka_unit_test(test_links_anonymous_are_the_same_for_all),
		cmocka_unit_test(test_links_pixel_ends_the_body),
		cmocka_unit_test(test_links_of_partials_go_on_counting),
		cmocka_unit_test(test_links_of_variants_are_told_apart),
		cmocka_unit_test(test_links_in_text),
		cmocka_unit_test(test_links_get_utm_parameters_once),
		cmocka_unit_test(test_links_utm_is_escaped),
		cmocka_unit_test(test_links_utm_in_html),
		cmocka_unit_test(test_links_dynamic_ones_are_told_by_their_scheme),
		cmocka_unit_test(test_links_paths_are_read),
		cmocka_unit_test(test_links_have_a_limit),
		cmocka_unit_test(test_links_without_memory),
	};
	return cmocka_run_group_tests_name("links", tests, setup, teardown);
}
