/* HTML to text: what people would read, with Liquid where it stood. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "engine/api/html_text.h"
#include "engine/base/buf.h"
#include "engine/io/heap.h"

static const struct row {
	const char *html, *text;
} rows[] = {
	{"", "\n"},
	{"<p>Hello {{ first_name }},</p><p>welcome.</p>",
	 "Hello {{ first_name }},\n\nwelcome.\n"},
	{"a\n  b\t<b>c</b>&nbsp;d", "a b c d\n"},
	{"one<br>two<br><br><br>three", "one\ntwo\n\nthree\n"},
	{"<h1>Title</h1><ul><li>a<li>b</ul>end", "Title\n\n* a\n* b\n\nend\n"},
	{"See <a href=\"https://a.example.com/x?y=1&amp;z=2\">the shop</a>.",
	 "See the shop <https://a.example.com/x?y=1&z=2>.\n"},
	{"<a href=\"https://a.example.com\">https://a.example.com</a>",
	 "https://a.example.com\n"},
	{"<a href=\"mailto:a@example.com\">a@example.com</a>", "a@example.com\n"},
	{"<a href=\"#top\">up</a>", "up\n"},
	{"<a href=\"{{ unsubscribe_url }}\">Unsubscribe</a>",
	 "Unsubscribe <{{ unsubscribe_url }}>\n"},
	{"<a href=\"{{ base | append: \"/x>\" }}\">x</a>",
	 "x <{{ base | append: \"/x>\" }}>\n"},
	{"<a href=\"https://x.example.com\"><img src=\"a.png\" alt=\"Shop of {{ name }}\"></a>",
	 "Shop of {{ name }} <https://x.example.com>\n"},
	{"<table>{% for item in items %}<tr><td>{{ item.name }}</td><td>{{ item.price "
	 "}}</td></tr>"
	 "{% endfor %}</table>end",
	 "{% for item in items %}{{ item.name }} {{ item.price }}\n{% endfor %}\nend\n"},
	{"<p>A</p>{% if x %}<p>B</p>{% endif %}<p>C</p>", "A\n\n{% if x %}B\n\n{% endif %}C\n"},
	{"<head><title>no</title><style>p{}</style></head><body>yes<script>no</script>",
	 "yes\n"},
	{"<div style=\"display:none; x\">preheader {{ x }}</div>shown", "shown\n"},
	{"&#123;&#123; not liquid }}", "{{ '{{' }} not liquid }}\n"},
	{"{% raw %}{{ kept }}{% endraw %}", "{% raw %}{{ kept }}{% endraw %}\n"},
	{"<!-- a comment -->x<!--liquid 99-->", "x\n"},
	{"{{ never ends", "{{ '{{' }} never ends\n"},
	{"a &lt; b {% if a < b %}c{% endif %}", "a < b {% if a < b %}c{% endif %}\n"},
	{"x&zwnj;&#8203;y", "xy\n"},
};

static void test_html_text_rows(void **)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct arena arena;
		arena_init(&arena, heap_source(), 0, 0);
		str text = html_text(&arena, str_of(rows[i].html));
		assert_non_null(text.data);
		if (!str_eq(text, str_of(rows[i].text)))
			fail_msg("%s\nexpected: %s\ngot: %.*s", rows[i].html, rows[i].text,
				 STR_FORMAT(text));
		arena_done(&arena);
	}
}

static void test_html_text_deep_nesting_does_not_recurse(void **)
{
	struct arena arena;
	struct buf html;
	arena_init(&arena, heap_source(), 0, 0);
	buf_init_arena(&html, &arena, 0);
	for (int i = 0; i < 20000; i++)
		buf_put(&html, STR("<b>"));
	buf_put(&html, STR("deep"));
	assert_true(str_eq(html_text(&arena, buf_str(&html)), STR("deep\n")));
	arena_done(&arena);
}

static void test_html_text_says_when_memory_ends(void **)
{
	char memory[100];
	struct arena arena;
	arena_init_fixed(&arena, memory, sizeof(memory));
	assert_null(
		html_text(&arena, STR("<p>some text that needs more than there is</p>")).data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_html_text_rows),
		cmocka_unit_test(test_html_text_deep_nesting_does_not_recurse),
		cmocka_unit_test(test_html_text_says_when_memory_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
