/* test_lint.c - what is found in a letter, where, and what is not found in a good one. */
#include "tests/unit/cmocka_all.h"

#include <dirent.h>
#include <stdio.h>

#include "engine/io/heap.h"
#include "engine/sign/dkim.h"
#include "templates/lint_parts.h"

static struct arena arena;

static int setup(void **)
{
	arena_init(&arena, heap_source(), 0, 0);
	return 0;
}

static int teardown(void **)
{
	arena_done(&arena);
	return 0;
}

static struct lint_source good_source(const char *html)
{
	static const str domain = {"example.com", 11};
	return (struct lint_source){
		.subject = STR("News of June"),
		.html = str_of(html),
		.text = STR("News {{ unsubscribe_url }}\n"),
		.from_address = STR("ann@news.example.com"),
		.conf_file = STR("campaign.conf"),
		.html_file = STR("body.html"),
		.text_file = STR("body.txt"),
		.partials_folder = STR("partials"),
		.base_url = STR("https://news.example.com"),
		.dkim_domains = &domain,
		.dkim_domain_count = 1,
	};
}

/* "name severity line:column, ..." of all findings. */
static const char *findings_of(struct lint *lint)
{
	struct buf out;
	buf_init_arena(&out, &arena, 256);
	lint_sort(lint);
	for (size_t i = 0; i < lint->count; i++) {
		const struct lint_finding *f = &lint->findings[i];
		buf_printf(&out, "%s%s %c %u:%u", i ? ", " : "", lint_rules[f->rule].name,
			   lint_severity_names[f->severity][0], f->place.line, f->place.column);
	}
	buf_put_byte(&out, '\0');
	assert_false(lint->out_of_memory);
	return out.data;
}

static const char *look(const struct lint_source *source)
{
	struct lint lint;
	lint_begin(&lint, &arena);
	lint_content(&lint, source);
	return findings_of(&lint);
}

#define HEAD                                                                                   \
	"<html lang=en><title>News</title><div style=\"display:none\">Preheader of this "      \
	"letter, which has more letters than that, and some words</div>"
#define FOOT "<a href=\"{{ unsubscribe_url }}\">out</a>"

static const struct row {
	const char *html, *findings; /* behind HEAD and a line end, before FOOT */
} rows[] = {
	{"", ""},
	{"<a href=\"https://example.com/\">x</a>", ""},
	{"<a href='HTTP://example.com/'>x</a>", "http-link w 2:4"},
	{"\n <a class=x\n  href=http://example.com>x</a>", "http-link w 4:3"},
	{"<a href=\"{{ url }}\">x</a><a href={{ url }}>x</a>", ""},
	{"<a href=\"http://{{ host }}/\">x</a>", "http-link w 2:4"},
	{"<a href=\"{% if x %}https{% else %}http{% endif %}://example.com\">x</a>", ""},
	{"<a href=\"{{ a | append: \"http://x>\" }}\" title='>'>x</a>", ""},
	{"<a href=\"https://{{ x }}\" {% if a %}class=\"b>c\"{% endif %}>x</a>", ""},
	{"<a href=\"https://192.0.2.1/x\">x</a>", "ip-link w 2:4"},
	{"<a href=\"https://[2001:db8::1]:80/x\">x</a>", "ip-link w 2:4"},
	{"<a href=\"https://u:p@3221225985/x\">x</a>", "ip-link w 2:4"},
	{"<a href=\"https://localhost:8080/x\">x</a>", "ip-link w 2:4"},
	{"<a href=\"https://bit.ly/x\">x</a>", "shortener w 2:4"},
	{"<a href=\"https://www.TinyURL.com/x\">x</a>", "shortener w 2:4"},
	{"<a href=\"https://habit.ly/x\">x</a>", ""},
	{"<a href=\"\">x</a>", "empty-link w 2:4"},
	{"<a href>x</a>", "empty-link w 2:4"},
	{"<a href=\"#\">x</a>", "empty-link w 2:4"},
	{"<a href=\"#top\">x</a>", ""},
	{"<a>x</a>", "empty-link w 2:1"},
	{"<a name=top>x</a><a id=top></a><a {{ attributes }}>x</a>", ""},
	{"<a href=\"http://\">x</a>", "empty-link w 2:4"},
	{"<a href=\"mailto:\">x</a>", "empty-link w 2:4"},
	{"<a href=\"mailto:a@example.com\">x</a><a href=\"tel:+1\">x</a>", ""},
	{"<a href=\"www.example.com\">x</a>", "relative-link w 2:4"},
	{"<a href=\"//example.com\">x</a>", "relative-link w 2:4"},
	{"<img src=\"images/a.png\" alt=\"\">", "relative-link w 2:6"},
	{"<img src=\"https://example.com/a.png\">", "image-alt w 2:1"},
	{"<img src=\"https://example.com/a.png\" alt>", ""},
	{"<img src=\"https://example.com/a.png\" {% if x %}alt=\"{{ y }}\"{% endif %}/>", ""},
	{"<img src=\"https://example.com/a.png\" width=1 height=1>", ""},
	{"<img src=\"http://example.com/a.png\" alt=\"a\">", "http-link w 2:6"},
	{"<img src=\"cid:logo\" alt=\"a\"><img src=\"cid:{{ x }}\" alt=\"a\">", ""},
	{"<img src=\"cid:none\" alt=\"a\">", "broken-cid e 2:6"},
	{"<img alt=\"a\" src=\"\">", "empty-link w 2:14"},
	{"<script>a('<a href=#>')</script>", "javascript e 2:1"},
	{"<script type=\"application/ld+json\">{\"a\": \"<img>\"}</script>", ""},
	{"<a href=\"javascript:x()\">x</a>", "javascript e 2:4"},
	{"<p onclick=\"x()\">", "javascript e 2:4"},
	{"<form action=x></form>", "form w 2:1"},
	{"<iframe src=x></iframe>", "embedded w 2:1"},
	{"<meta charset=iso-8859-1>", "charset w 2:7"},
	{"<meta charset=UTF-8><meta name=x content=y>", ""},
	{"<meta http-equiv=content-type content=\"text/html; charset=windows-1252\">",
	 "charset w 2:31"},
	{"<!-- <a href=http://x.example.com> <img> -->", ""},
	{"<!--[if mso]><a href=\"http://x.example.com\"><![endif]-->", ""},
	{"{% comment %}<img>{% comment %}<img>{% endcomment %}<img>{% endcomment %}", ""},
	{"{% raw %}<img alt=\"{{ \">{% endraw %}<img src=\"{{ x }}\">", "image-alt w 2:37"},
	{"<style>a[href=\"http://x\"] { color: red }</style>", ""},
	{"<td background=\"http://example.com/x.png\">", "http-link w 2:5"},
	{"Dear *|FNAME|*, %%name%%, %recipient.x%", "foreign-tag w 2:6, foreign-tag w 2:17, "
						    "foreign-tag w 2:27"},
	{"100%% of 5 * 3 *| a |* b", ""},
	{"<a href=\"https://example.com/\"", ""},
	{"< a <3 <", ""},
	{"bad \xff byte", "not-utf8 e 2:5"},
};

static void test_lint_rows(void **)
{
	static const str logo = {"logo", 4};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char html[2000];
		snprintf(html, sizeof(html), HEAD "\n%s" FOOT, rows[i].html);
		struct lint_source source = good_source(html);
		source.cids = &logo;
		source.cid_count = 1;
		const char *found = look(&source);
		if (strcmp(found, rows[i].findings) != 0)
			fail_msg("%s\nexpected: %s\ngot: %s", rows[i].html, rows[i].findings,
				 found);
	}
}

static void test_lint_document_as_a_whole(void **)
{
	struct lint_source source = good_source("<p>Hi</p>");
	assert_string_equal(look(&source), "no-unsubscribe w 0:0, preheader i 0:0, "
					   "title i 0:0, language i 0:0");
	source = good_source(HEAD "<a href=\"https://example.com/Unsubscribe\">x</a>");
	assert_string_equal(look(&source), "");
	source.text_is_made = true;
	assert_string_equal(look(&source), "no-text i 0:0");
	source = good_source("<html lang=en><title>x</title><img class=preheader alt=\"\" "
			     "src=https://x.example.com/>" FOOT);
	assert_string_equal(look(&source), "image-only w 0:0");
	source = good_source("<html lang=en><title>x</title>{{ a }}{{ b }}{{ c }}<img "
			     "class=preheader alt=\"\" src=https://x.example.com/>" FOOT);
	assert_string_equal(look(&source), "");
	source = good_source(NULL);
	assert_string_equal(look(&source), "no-html i 0:0");
	source.text = STR("no way out\n");
	assert_string_equal(look(&source), "no-unsubscribe w 0:0, no-html i 0:0");
	source.transactional = true;
	source.base_url = STR("");
	assert_string_equal(look(&source), "no-html i 0:0");
}

/* A layout is a partial: what it has, the letter has, and its faults are told at its own lines.
 */
static void test_lint_looks_into_partials(void **)
{
	const struct value_pair pairs[] = {
		{STR("layout"),
		 value_string(STR(HEAD "\n\n <img src=\"https://x.example.com/\">" FOOT))}};
	const struct value partials = value_hash(pairs, 1);
	struct lint_source source = good_source("{% render 'layout' %}");
	struct lint lint;
	source.partials = &partials;
	lint_begin(&lint, &arena);
	lint_content(&lint, &source);
	assert_string_equal(findings_of(&lint), "image-alt w 3:2");
	assert_true(str_eq(lint.findings[0].place.file, STR("partials/layout")));
}

static void test_lint_sender_and_way_out(void **)
{
	struct lint_source source = good_source(HEAD FOOT);
	source.base_url = STR("http://news.example.com");
	assert_string_equal(look(&source), "one-click e 0:0");
	source.base_url = STR("");
	source.html = STR(HEAD);
	assert_string_equal(look(&source), "no-unsubscribe e 0:0, one-click e 0:0");
	source = good_source(HEAD FOOT);
	source.dkim_domain_count = 0;
	assert_string_equal(look(&source), "unsigned w 0:0");
	source = good_source(HEAD FOOT);
	source.from_address = STR("ann@other.test");
	assert_string_equal(look(&source), "alignment w 0:0");
	source.from_address = STR("ann@GMAIL.com");
	assert_string_equal(look(&source), "free-mailbox e 0:0");
	source = good_source(HEAD FOOT);
	source.reply_to = STR("ann@gmx.de");
	assert_string_equal(look(&source), "reply-to i 0:0");
	source.reply_to = STR("No-Reply@example.com");
	assert_string_equal(look(&source), "no-reply i 0:0");
}

static const struct pair {
	const char *from, *signer;
	bool aligned;
} pairs[] = {
	{"a@example.com", "example.com", true},
	{"a@news.example.com", "mail.example.com", true},
	{"a@example.co.uk", "other.co.uk", false},
	{"a@news.example.co.uk", "example.co.uk", true},
	{"a@example.com", "ample.com", false},
	{"a@EXAMPLE.com", "example.COM", true},
};

static void test_lint_alignment_is_of_organizations(void **)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct lint_source source = good_source(HEAD FOOT);
		str signer = str_of(pairs[i].signer);
		source.from_address = str_of(pairs[i].from);
		source.dkim_domains = &signer;
		if ((strcmp(look(&source), "") == 0) != pairs[i].aligned)
			fail_msg("%s %s", pairs[i].from, pairs[i].signer);
	}
}

static const struct subject {
	const char *text, *findings;
} subjects[] = {
	{"", "subject-empty e 0:0"},
	{"   ", "subject-empty e 0:0"},
	{"BUY IT NOW OR NEVER", "subject-capitals w 0:0"},
	{"NASA and the EU", ""},
	{"\xc3\x84RGER", ""},
	{"Now!!", "subject-exclamation w 0:0"},
	{"a! b! c!", "subject-exclamation w 0:0"},
	{"a! b!", ""},
	{"Re: your order", "subject-fake-reply w 0:0"},
	{"Review", ""},
	{"FWD: x", "subject-fake-reply w 0:0"},
	{"*|FNAME|*", "foreign-tag w 0:0"},
};

static void test_lint_subjects(void **)
{
	char longest[2 * 151 + 1];
	for (size_t i = 0; i < sizeof(subjects) / sizeof(*subjects); i++) {
		struct lint_source source = good_source(HEAD FOOT);
		source.subject = str_of(subjects[i].text);
		assert_string_equal(look(&source), subjects[i].findings);
	}
	for (size_t i = 0; i < 151; i++)
		memcpy(longest + 2 * i, "\xc3\xa4", 2);
	struct lint_source source = good_source(HEAD FOOT);
	source.subject = str_make(longest, 300);
	assert_string_equal(look(&source), "");
	source.subject = str_make(longest, 302);
	assert_string_equal(look(&source), "subject-long w 0:0");
}

static const char *look_at_message(const char *subject, const struct lint_sample *sample)
{
	struct lint lint;
	struct lint_source source = good_source(HEAD FOOT);
	source.subject = str_of(subject);
	lint_begin(&lint, &arena);
	lint_message(&lint, &source, sample);
	return findings_of(&lint);
}

/* A subject that Liquid has a hand in is judged as it came out. */
static void test_lint_message_as_it_is_sent(void **)
{
	char line[1100];
	memset(line, 'x', sizeof(line));
	memcpy(line + 998, "\r\nyy\r\n", 6);
	struct lint_sample sample = {STR(""), str_make(line, 1004), 102 * 1024};
	assert_string_equal(look_at_message("{{ x }}", &sample), "subject-empty e 0:0");
	sample.subject = STR("Re: x");
	assert_string_equal(look_at_message("x", &sample), "");
	assert_string_equal(look_at_message("{{ x }}", &sample), "subject-fake-reply w 0:0");
	sample = (struct lint_sample){STR("x"), str_make(line, 998), 102 * 1024 + 1};
	assert_string_equal(look_at_message("{{ x }}", &sample), "size w 0:0");
	line[998] = line[999] = 'x';
	sample = (struct lint_sample){STR("x"), str_make(line, 1004), 0};
	assert_string_equal(look_at_message("{{ x }}", &sample), "long-line e 0:0");
}

static void test_lint_silence_and_bound(void **)
{
	struct lint lint;
	struct buf html;
	struct lint_source source = good_source("");
	buf_init_arena(&html, &arena, 65536);
	buf_put_cstr(&html, HEAD FOOT);
	for (size_t i = 0; i < 100000; i++)
		buf_put_cstr(&html, "<a href=\"http://example.com\">x</a>\n<img>");
	source.html = buf_str(&html);
	lint_begin(&lint, &arena);
	assert_true(lint_silence(&lint, STR("image-alt")));
	assert_true(lint_silence(&lint, STR("many-images")));
	assert_false(lint_silence(&lint, STR("image-atl")));
	lint_content(&lint, &source);
	lint_sort(&lint);
	assert_int_equal(lint.count, LINT_PLACES);
	assert_int_equal(lint.findings[LINT_PLACES - 1].more, 100000 - LINT_PLACES);
	assert_int_equal(lint_count(&lint, LINT_WARNING), LINT_PLACES);
}

static void test_lint_names_are_unique_and_have_advice(void **)
{
	for (unsigned i = 0; i < LINT_RULE_COUNT; i++) {
		assert_non_null(lint_rules[i].name);
		assert_true(strlen(lint_rules[i].advice) > 10);
		assert_int_equal(lint_rule_find(str_of(lint_rules[i].name)), i);
	}
	assert_int_equal(lint_rule_find(STR("")), LINT_RULE_COUNT);
}

/* ---- fields ---- */

static const char *fields_of(const char *html, const struct value *partials)
{
	struct lint_source source = good_source(html);
	struct lint_field *fields;
	size_t count;
	struct buf out;
	source.text = (str){};
	source.partials = partials;
	assert_int_equal(lint_fields(&arena, &source, &fields, &count), 0);
	buf_init_arena(&out, &arena, 256);
	for (size_t i = 0; i < count; i++)
		buf_printf(&out, "%s%.*s%s %u:%u", i ? ", " : "", STR_FORMAT(fields[i].name),
			   fields[i].bare ? "!" : "", fields[i].place.line,
			   fields[i].place.column);
	buf_put_byte(&out, '\0');
	return out.data;
}

static const struct field_row {
	const char *html, *fields; /* !: printed bare */
} field_rows[] = {
	{"{{ email }}{{ name }}{{ unsubscribe_url }}{{ campaign.x }}", ""},
	{"{{ a }}", "a! 1:1"},
	{"\n {{ subscriber.a | upcase }}", "a! 2:2"},
	{"{{ a | default: 'x' }}", "a 1:1"},
	{"{{ a | default: 'x' }}\n{{ a }}", "a! 2:1"},
	{"{{ a }}\n{{ a | default: 'x' }}", "a! 1:1"},
	{"{% if a %}{{ a }}{% endif %}", "a 1:1"},
	{"{% if a != blank %}{{ b }}{% else %}{{ a }}{% endif %}", "a 1:1, b! 1:20"},
	{"{% unless a %}x{% else %}{{ a }}{% endunless %}{{ a }}", "a! 1:48"},
	{"{% case a %}{% when 'x' %}{{ a }}{% endcase %}", "a 1:1"},
	{"{% assign n = a %}{{ n }}", "a! 1:19"},
	{"{% assign n = a | default: 'x' %}{{ n }}", "a 1:1"},
	{"{% for i in items %}{{ i.name }}{{ a }}{% endfor %}", "items 0:0, a! 1:33"},
	{"{% capture c %}{{ a }}{% endcapture %}", "a! 1:16"},
	{"{{ 'x' | append: a }}", "a 0:0"},
};

static void test_lint_fields_that_are_printed_bare(void **)
{
	for (size_t i = 0; i < sizeof(field_rows) / sizeof(*field_rows); i++) {
		const char *found = fields_of(field_rows[i].html, NULL);
		if (strcmp(found, field_rows[i].fields) != 0)
			fail_msg("%s\nexpected: %s\ngot: %s", field_rows[i].html,
				 field_rows[i].fields, found);
	}
}

/* Two partials that render each other twice would take two to the hundredth steps. */
static void test_lint_fields_of_partials_end(void **)
{
	const struct value_pair sources[] = {
		{STR("a"), value_string(STR("{{ x }}{% render 'b' %}{% render 'b' %}"))},
		{STR("b"),
		 value_string(STR("{% render 'a' %}{% render 'a' %}{{ y | default: 1 }}"))},
	};
	const struct value partials = value_hash(sources, 2);
	assert_string_equal(fields_of("{% render 'a' %}", &partials), "x! 1:1, y 1:33");
}

static void test_lint_fields_of_what_does_not_compile(void **)
{
	struct lint_source source = good_source("{{ a | nofilter }}");
	struct lint_field *fields;
	size_t count;
	assert_int_equal(lint_fields(&arena, &source, &fields, &count), -1);
}

/* ---- what others have written ---- */

#define CORPUS "../shared/corpus/newsletters"

/* The good letters of others have no error, only what is so: placeholders for links, http, no
 * way to unsubscribe. */
static void test_lint_finds_no_error_in_the_corpus(void **)
{
	DIR *folder = opendir(CORPUS);
	size_t count = 0;
	if (!folder)
		skip();
	for (struct dirent *entry; (entry = readdir(folder));) {
		static char html[1 << 20];
		char path[500];
		if (!str_ends(str_of(entry->d_name), STR(".html")))
			continue;
		snprintf(path, sizeof(path), CORPUS "/%s", entry->d_name);
		FILE *file = fopen(path, "r");
		assert_non_null(file);
		size_t size = fread(html, 1, sizeof(html) - 1, file);
		fclose(file);
		html[size] = '\0';
		struct lint lint;
		struct lint_source source = good_source(html);
		lint_begin(&lint, &arena);
		lint_content(&lint, &source);
		const char *found = findings_of(&lint);
		assert_int_equal(lint_count(&lint, LINT_ERROR), 0);
		assert_non_null(strstr(found, "no-unsubscribe"));
		static const char *const not_there[] = {"image-alt", "relative-link", "charset",
							"foreign-tag", "image-only"};
		for (size_t i = 0; i < sizeof(not_there) / sizeof(*not_there); i++)
			if (strstr(found, not_there[i]))
				fail_msg("%s: %s", entry->d_name, found);
		count++;
	}
	closedir(folder);
	assert_true(count >= 10);
}

/* RFC 8058 4: both fields of one-click unsubscribing are signed. */
static void test_lint_one_click_is_covered_by_our_signature(void **)
{
	char why[200];
	struct buf pem, signature;
	static const char message[] =
		"From: a@example.com\r\nList-Unsubscribe: <https://x>\r\n"
		"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n";
	buf_init_arena(&pem, &arena, 4096);
	buf_init_arena(&signature, &arena, 4096);
	assert_int_equal(dkim_generate(DKIM_ED25519_SHA256, &pem), 0);
	struct dkim_key *key =
		dkim_key_create(buf_str(&pem), STR("example.com"), STR("s"), why, sizeof(why));
	assert_non_null(key);
	const struct dkim_key *keys[] = {key};
	struct dkim_signer *signer = dkim_signer_create(keys, 1);
	assert_int_equal(
		dkim_signer_sign(signer, STR(message), sizeof(message) - 1, 0, &signature), 0);
	str h = str_from(buf_str(&signature), str_find(buf_str(&signature), STR(" h=")));
	assert_true(str_find(h, STR("List-Unsubscribe-Post")) != STR_NONE ||
		    str_find(h, STR("list-unsubscribe-post")) != STR_NONE);
	dkim_signer_destroy(signer);
	dkim_key_destroy(key);
}

static void test_lint_answers_a_lack_of_memory(void **)
{
	char memory[2000];
	struct arena small;
	struct lint lint;
	struct lint_source source = good_source(HEAD "<img>" FOOT);
	arena_init_fixed(&small, memory, sizeof(memory));
	lint_begin(&lint, &small);
	lint_content(&lint, &source);
	lint_sort(&lint);
	assert_true(lint.out_of_memory);
	assert_int_equal(lint.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lint_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lint_document_as_a_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lint_looks_into_partials, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lint_sender_and_way_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lint_alignment_is_of_organizations, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_lint_subjects, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lint_message_as_it_is_sent, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_lint_silence_and_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lint_names_are_unique_and_have_advice,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_lint_fields_that_are_printed_bare, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_lint_fields_of_partials_end, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_lint_fields_of_what_does_not_compile,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_lint_finds_no_error_in_the_corpus, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_lint_one_click_is_covered_by_our_signature,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_lint_answers_a_lack_of_memory, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
