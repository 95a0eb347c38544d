/* Templates of other senders: what Liquid becomes of them, and what is told. */
#include "cmocka_all.h"

#include "liquid_case.h"

#include "engine/io/heap.h"
#include "templates/convert.h"

struct row {
	const char *source, *liquid;
};

static const struct row mailchimp[] = {
	{"Dear *|FNAME|* *|LNAME|*", "Dear {{ first_name }} {{ last_name }}"},
	{"*|CITY|* *|MERGE3|* *|MERGE1|*", "{{ city }} {{ merge3 }} {{ first_name }}"},
	{"*|IF:CITY|*a*|ELSE:|*b*|END:IF|*",
	 "{% if city != blank and city != 0 %}a{% else %}b{% endif %}"},
	{"*|IF:PLAN=gold|*a*|ELSEIF:PLAN = tin|*b*|END:IF|*",
	 "{% if plan == \"gold\" %}a{% elsif plan == \"tin\" %}b{% endif %}"},
	{"*|IFNOT:PLAN=gold|*a*|END:IF|*", "{% if plan != \"gold\" %}a{% endif %}"},
	{"*|IFNOT:CITY|*a*|END:IF|*", "{% if city == blank or city == 0 %}a{% endif %}"},
	{"*|IF:AGE>=18|*a*|END:IF|*",
	 "{% assign value_1 = age | plus: 0 %}{% if value_1 >= 18 %}a{% endif %}"},
	{"*|IF:A|**|IF:B|*x*|END:IF|**|END:IF|*",
	 "{% if a != blank and a != 0 %}{% if b != blank and b != 0 %}x{% endif %}{% endif %}"},
	{"*|UNSUB|* *|ARCHIVE|* *|UPDATE_PROFILE|*",
	 "{{ unsubscribe_url }} {{ view_url }} {{ preferences_url }}"},
	{"*|LIST:COMPANY|* *|LIST:ADDRESS|*",
	 "{% render 'list_company' %} {% render 'list_address' %}"},
	{"*|LIST:NAME|*", "{{ list.name }}"},
	{"*|DATE:d/m/y|* *|DATE:l, F j, Y H:i\\h|* *|CURRENT_YEAR|*",
	 "{{ \"now\" | date: \"%d/%m/%y\" }} {{ \"now\" | date: \"%A, %B %-d, %Y %H:%Mh\" }} "
	 "{{ \"now\" | date: \"%Y\" }}"},
	{"*|MC:SUBJECT|* *|EMAIL|*", "{{ campaign.subject }} {{ email }}"},
	{"*|TITLE:FNAME|* *|UPPER:X|* *|LOWER:X|* *|HTML:X|* *|URL:X|*",
	 "{{ first_name | capitalize }} {{ x | upcase }} {{ x | downcase }} {{ x | raw }} "
	 "{{ x | url_encode }}"},
	{"*|IF:MC_PREVIEW_TEXT|**|MC_PREVIEW_TEXT|**|END:IF|*",
	 "{% if true %}{% render 'preview_text' %}{% endif %}"},
	{"a*|REWARDS|*b", "ab"},
	{"*|no tag at all", "*|no tag at all"},
	{"*| x *|FNAME|*", "*| x {{ first_name }}"},
	{"{{ x }} *|EMAIL|*", "{% raw %}{{ x }} {% endraw %}{{ email }}"},
	{"{*|EMAIL|*}", "{% raw %}{{% endraw %}{{ email }}}"},
	{"{%*|EMAIL|*\n%}", "{% raw %}{%{% endraw %}{{ email }}\n%}"},
	{"a { b }} c", "a { b }} c"},
	{"x{% endraw %}y", "x{% raw %}{%{% endraw %} endraw %}y"},
	{"*|IF:X=say \"it's\"|*a*|END:IF|*", "{% if x == 'say \"it s\"' %}a{% endif %}"},
	{"*|IF:X=a}b|*a*|END:IF|*", "{% if x == \"a b\" %}a{% endif %}"},
	{"*|BLANK|*", "{{ [\"blank\"] }}"},
};

static const struct row handlebars[] = {
	{"Hello {{name}}, {{{html}}} {{&html}}",
	 "Hello {{ name }}, {{ html | raw }} {{ html | raw }}"},
	{"{{#if a.b}}x{{else if c}}y{{else}}z{{/if}}",
	 "{% if a.b != blank and a.b != 0 %}x{% elsif c != blank and c != 0 %}y{% else %}z"
	 "{% endif %}"},
	{"{{#unless a}}x{{/unless}}", "{% if a == blank or a == 0 %}x{% endif %}"},
	{"{{#each items}}{{name}} {{this}} {{@index}} {{../title}}{{/each}}",
	 "{% for item in items %}{{ item.name }} {{ item }} {{ forloop.index0 }} {{ title }}"
	 "{% endfor %}"},
	{"{{#each a.rows}}{{#each cells}}{{../id}}{{x}}{{@../index}}{{/each}}{{/each}}",
	 "{% for row in a.rows %}{% for cell in row.cells %}{{ row.id }}{{ cell.x }}"
	 "{{ forloop.parentloop.index0 }}{% endfor %}{% endfor %}"},
	{"{{#each items}}{{#if @last}}x{{/if}}{{/each}}{{#each items}}{{x}}{{/each}}",
	 "{% for item in items %}{% if forloop.last %}x{% endif %}{% endfor %}"
	 "{% for item in items %}{{ item.x }}{% endfor %}"},
	{"{{#each items}}{{item}}{{/each}}",
	 "{% for item_2 in items %}{{ item_2.item }}{% endfor %}"},
	{"{{#each map}}{{@key}}={{this}}{{/each}}",
	 "{% for item in map %}{{ item[0] }}={{ item[1] }}{% endfor %}"},
	{"{{#each a as |v i|}}{{v.x}}{{i}}{{/each}}",
	 "{% for item in a %}{{ item.x }}{{ forloop.index0 }}{% endfor %}"},
	{"{{#with a.b}}{{c}} {{../d}} {{@root.e}}{{else}}{{c}}{{/with}}",
	 "{% if a.b != blank and a.b != 0 %}{{ a.b.c }} {{ d }} {{ e }}{% else %}{{ c }}"
	 "{% endif %}"},
	{"{{#s}}{{x}}{{/s}}",
	 "{% if s != blank and s != 0 %}{% assign item_list = s | compact %}"
	 "{% for item in item_list %}{{ item.x | default: x, allow_false: true }}{% endfor %}"
	 "{% endif %}"},
	{"{{^s}}{{x}}{{/s}}", "{% if s == blank or s == 0 %}{{ x }}{% endif %}"},
	{"a {{~b~}} c", "a{{ b }}c"},
	{"a\n  {{#if b}}  \n c\n {{/if}}\nd",
	 "a\n{% if b != blank and b != 0 %} c\n{% endif %}d"},
	{"a\n {{! x }}\nb", "a\nb"},
	{"a {{!-- }} --}} b", "a  b"},
	{"{{> head}} {{> head a=b c=\"d\"}}",
	 "{% include \"head\" %} {% include \"head\", a: b, c: \"d\" %}"},
	{"\\{{a}} \\\\{{a}}", "{% raw %}{{a}} \\{% endraw %}{{ a }}"},
	{"{{[a b]}} {{a.[b c]}} {{a.[0]}} {{a.length}} {{empty}}",
	 "{{ [\"a b\"] }} {{ a[\"b c\"] }} {{ a[0] }} {{ a.size }} {{ [\"empty\"] }}"},
	{"{{#if (eq a \"b\")}}x{{/if}}{{#equals a b}}x{{else}}y{{/equals}}",
	 "{% if a == \"b\" %}x{% endif %}{% if a == b %}x{% else %}y{% endif %}"},
	{"{{#if (or (and a b) (and c d))}}x{{/if}}",
	 "{% assign value_1 = false %}{% if c != blank and c != 0 and d != blank and d != 0 %}"
	 "{% assign value_1 = true %}{% endif %}"
	 "{% if value_1 or a != blank and a != 0 and b != blank and b != 0 %}x{% endif %}"},
	{"{{insert a \"default=Friend\"}}", "{{ a | default: \"Friend\" }}"},
	{"{% if x %}{{a}}", "{% raw %}{% if x %}{% endraw %}{{ a }}"},
};

static const struct row listmonk[] = {
	{"{{ .Subscriber.Email }} {{ .Subscriber.Name }} {{ .Subscriber.FirstName }}",
	 "{{ email }} {{ name }} {{ name | split: \" \" | first }}"},
	{"{{ .Subscriber.Attribs.city | upper | default \"x\" }} {{ .Tx.Data.order.id }}",
	 "{{ city | upcase | default: \"x\" }} {{ order.id }}"},
	{"{{ UnsubscribeURL }} {{ MessageURL . }} {{ ManageURL }}{{ TrackView }}",
	 "{{ unsubscribe_url }} {{ view_url }} {{ preferences_url }}"},
	{"{{ TrackLink \"https://a.example.com\" . }} https://b.example.com@TrackLink",
	 "https://a.example.com https://b.example.com"},
	{"{{ if .Subscriber.Attribs.a }}x{{ else if eq .Subscriber.Attribs.b 1 2 }}y{{ end }}",
	 "{% if a != blank and a != 0 %}x{% elsif b == 1 or b == 2 %}y{% endif %}"},
	{"{{ if not (and .Subscriber.Attribs.a (ne .Subscriber.Attribs.b `c`)) }}x{{ end }}",
	 "{% if a == blank or a == 0 or b == \"c\" %}x{% endif %}"},
	{"{{ range .Subscriber.Attribs.items }}{{ .n }}{{ . }}{{ $.Subscriber.Email }}{{ else "
	 "}}-"
	 "{{ end }}",
	 "{% for item in items %}{{ item.n }}{{ item }}{{ email }}{% else %}-{% endfor %}"},
	{"{{ range $i, $e := .Tx.Data.a }}{{ $i }}{{ $e.x }}{{ end }}",
	 "{% for item in a %}{{ forloop.index0 }}{{ item.x }}{% endfor %}"},
	{"{{ with .Tx.Data.a }}{{ .b }}{{ else }}{{ .Campaign.Name }}{{ end }}",
	 "{% if a != blank and a != 0 %}{{ a.b }}{% else %}{{ campaign.name }}{% endif %}"},
	{"{{ index .Subscriber.Attribs \"odd name\" }} {{ index .Tx.Data.a 1 \"b\" }}",
	 "{{ [\"odd name\"] }} {{ a[1].b }}"},
	{"{{ Date \"Mon, 2 Jan 2006 15:04\" }}",
	 "{{ \"now\" | date: \"%a, %-d %b %Y %H:%M\" }}"},
	{"a {{- .Subscriber.Email -}} b {{/* no }} */}}c", "a{{ email }}b c"},
	{"{{ $x := .Subscriber.Name }}{{ $x | lower }}",
	 "{% assign x_2 = name %}{{ x_2 | downcase }}"},
	{"{{ template \"content\" . }}", "{% include \"content\" %}"},
	{"{{ Safe .Tx.Data.h }} {{ len .Tx.Data.l }}", "{{ h | raw }} {{ l | size }}"},
	{"{% x %}", "{% raw %}{% x %}{% endraw %}"},
};

static const struct row mjml_merge[] = {
	{"{{var:firstname:\"reader\"}} {{data:a.b}} {{ var:x:a word }}",
	 "{{ firstname | default: \"reader\" }} {{ a.b }} {{ x | default: \"a word\" }}"},
	{"{% if var:x = \"y\" %}a{% elseif var:n >= 3 %}b{% else %}c{% endif %}",
	 "{% if x == \"y\" %}a{% else %}{% assign value_1 = n | plus: 0 %}{% if value_1 >= 3 "
	 "%}b"
	 "{% else %}c{% endif %}{% endif %}"},
	{"{% if var:a AND (data:b or not var:c) %}x{% endif %}",
	 "{% if a != blank and a != 0 and c == blank or c == 0 or b != blank and b != 0 %}x"
	 "{% endif %}"},
	{"{% for item in var:items %}{{item.name}}{% endfor %}",
	 "{% for item in items %}{{ item.name }}{% endfor %}"},
	{"{% set a = var:b %}{{ Upper(var:a) }} {{ Replace(a, \"x\", \"y\") }}",
	 "{% assign a = b %}{{ a | upcase }} {{ a | replace: \"x\", \"y\" }}"},
	{"[[UNSUB_LINK_EN]] [[PERMALINK]] [[EMAIL_TO]] [[DATA:a:\"b\"]]",
	 "{{ unsubscribe_url }} {{ view_url }} {{ email }} {{ a | default: \"b\" }}"},
	{"<!--[if mso]><![endif]--> [[x]] *|A|*", "<!--[if mso]><![endif]--> [[x]] *|A|*"},
};

static void expect_rows(enum convert_from from, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct arena arena;
		struct convert_result result;
		arena_init(&arena, heap_source(), 0, 0);
		if (convert_run(&arena, str_of(rows[i].source), from, &result) != 0)
			fail_msg("%s: %s", rows[i].source, result.why);
		if (!str_eq(result.liquid, str_of(rows[i].liquid)))
			fail_msg("%s\nexpected: %s\ngot:      %.*s", rows[i].source,
				 rows[i].liquid, STR_FORMAT(result.liquid));
		if (result.lost_count > 0)
			fail_msg("%s: %s", rows[i].source, result.notes->text);
		arena_done(&arena);
	}
}
#define EXPECT_ROWS(from, rows) expect_rows(from, rows, sizeof(rows) / sizeof(*(rows)))

static void test_convert_mailchimp_tags(void **)
{
	EXPECT_ROWS(CONVERT_MAILCHIMP, mailchimp);
}

static void test_convert_handlebars_and_mustache(void **)
{
	EXPECT_ROWS(CONVERT_HANDLEBARS, handlebars);
}

static void test_convert_listmonk_templates(void **)
{
	EXPECT_ROWS(CONVERT_LISTMONK, listmonk);
}

static void test_convert_mjml_merge_tags(void **)
{
	EXPECT_ROWS(CONVERT_MJML_MERGE, mjml_merge);
}

/* What has no equivalent: where, and that the rest is converted all the same. */
static const struct lost_row {
	enum convert_from from;
	const char *source, *liquid;
	uint32_t line, column;
	const char *text;
} lost[] = {
	{CONVERT_MAILCHIMP, "a\n b *|FORWARD|*",
	 "a\n b {% comment %}not converted: forwarding: *|FORWARD|*{% endcomment %}", 2, 4,
	 "forwarding: *|FORWARD|*"},
	{CONVERT_MAILCHIMP, "*|INTERESTED:G:a|*x*|END:INTERESTED|*",
	 "{% comment %}not converted: a part for groups is shown to nobody: "
	 "*|INTERESTED:G:a|*{% endcomment %}{% if false %}x{% endif %}",
	 1, 1, "a part for groups is shown to nobody: *|INTERESTED:G:a|*"},
	{CONVERT_MAILCHIMP, "*|END:IF|*",
	 "{% comment %}not converted: closes what is not open: *|END:IF|*{% endcomment %}", 1,
	 1, "closes what is not open: *|END:IF|*"},
	{CONVERT_MAILCHIMP, "*|DATE:jS|*",
	 "{% comment %}not converted: a letter of this date: *|DATE:jS|*{% endcomment %}"
	 "{{ \"now\" | date: \"%-d\" }}",
	 1, 1, "a letter of this date: *|DATE:jS|*"},
	{CONVERT_HANDLEBARS, "a\n{{formatDate b \"%}\"}}{{#if c}}",
	 "a\n{% comment %}not converted: unknown helper:   formatDate b \"  \"  {% endcomment "
	 "%}"
	 "{% if c != blank and c != 0 %}"
	 "{% comment %}not converted: never closed:   #if c  {% endcomment %}{% endif %}",
	 2, 1, "unknown helper: {{formatDate b \"%}\"}}"},
	{CONVERT_HANDLEBARS, "{{#fancy a}}x{{else}}y{{/fancy}}",
	 "{% comment %}not converted: unknown block:   #fancy a  {% endcomment %}{% if true %}x"
	 "{% else %}y{% endif %}",
	 1, 1, "unknown block: {{#fancy a}}"},
	{CONVERT_HANDLEBARS, "{{a}} {{b {{c",
	 "{{ a }} {% comment %}not converted: never closed:   b   c{% endcomment %}"
	 "{% raw %}{{b {{c{% endraw %}",
	 1, 7, "never closed: {{b {{c"},
	{CONVERT_HANDLEBARS, "{{../a}}",
	 "{% comment %}not converted: no such name here:   ../a  {% endcomment %}", 1, 1,
	 "no such name here: {{../a}}"},
	{CONVERT_LISTMONK, "{{ OptinURL }}",
	 "{% comment %}not converted: not understood:    OptinURL   {% endcomment %}", 1, 1,
	 "not understood: {{ OptinURL }}"},
	{CONVERT_MJML_MERGE, "{% if x ~ y %}z{% endif %}",
	 "{% comment %}not converted: a condition:    if x ~ y   {% endcomment %}{% if false "
	 "%}z"
	 "{% endif %}",
	 1, 1, "a condition: {% if x ~ y %}"},
};

static void test_convert_lost_has_a_comment_and_a_place(void **)
{
	for (size_t i = 0; i < sizeof(lost) / sizeof(*lost); i++) {
		const struct lost_row *row = &lost[i];
		struct arena arena;
		struct convert_result result;
		arena_init(&arena, heap_source(), 0, 0);
		assert_int_equal(convert_run(&arena, str_of(row->source), row->from, &result),
				 0);
		if (!str_eq(result.liquid, str_of(row->liquid)))
			fail_msg("%s\nexpected: %s\ngot:      %.*s", row->source, row->liquid,
				 STR_FORMAT(result.liquid));
		const struct convert_note *note = result.notes;
		while (note && !note->lost)
			note = note->next;
		assert_non_null(note);
		assert_string_equal(note->text, row->text);
		assert_int_equal(note->line, row->line);
		assert_int_equal(note->column, row->column);
		arena_done(&arena);
	}
}

/* What a reader sees of what was converted. */
static const struct seen_row {
	enum convert_from from;
	const char *source, *json, *seen;
} seen[] = {
	{CONVERT_MAILCHIMP, "*|IF:A|*y*|ELSE:|*n*|END:IF|*", "{}", "n"},
	{CONVERT_MAILCHIMP, "*|IF:A|*y*|ELSE:|*n*|END:IF|*", "{\"a\": \" \"}", "n"},
	{CONVERT_MAILCHIMP, "*|IF:A|*y*|ELSE:|*n*|END:IF|*", "{\"a\": \"0\"}", "y"},
	{CONVERT_MAILCHIMP, "*|IF:A>=18|*y*|ELSEIF:A>9|*m*|ELSE:|*n*|END:IF|*",
	 "{\"a\": \"18\"}", "y"},
	{CONVERT_MAILCHIMP, "*|IF:A>=18|*y*|ELSEIF:A>9|*m*|ELSE:|*n*|END:IF|*",
	 "{\"a\": \"10\"}", "m"},
	{CONVERT_MAILCHIMP, "*|IF:A>=18|*y*|ELSEIF:A>9|*m*|ELSE:|*n*|END:IF|*", "{}", "n"},
	{CONVERT_MAILCHIMP, "*|IFNOT:A=x|*y*|END:IF|*", "{\"a\": \"x\"}", ""},
	{CONVERT_MAILCHIMP, "*|INTERESTED:G:a|*for a*|ELSE:|*others*|END:INTERESTED|*", "{}",
	 "others"},
	{CONVERT_MAILCHIMP, "{{ a }} {% b %} {{{*|A|*}}}", "{\"a\": 1}",
	 "{{ a }} {% b %} {{{1}}}"},
	{CONVERT_MAILCHIMP, "{% raw %}{{ a }}{% endraw %} *|A|*", "{\"a\": 1}",
	 "{% raw %}{{ a }}{% endraw %} 1"},
	{CONVERT_LISTMONK,
	 "{{ if and (or .Tx.Data.a .Tx.Data.b) (or .Tx.Data.c .Tx.Data.d) }}y{{ else }}n{{ end "
	 "}}",
	 "{\"a\": 1, \"d\": 1}", "y"},
	{CONVERT_LISTMONK,
	 "{{ if and (or .Tx.Data.a .Tx.Data.b) (or .Tx.Data.c .Tx.Data.d) }}y{{ else }}n{{ end "
	 "}}",
	 "{\"c\": 1, \"d\": 1}", "n"},
	{CONVERT_LISTMONK, "{{ if not (or .Tx.Data.a (and .Tx.Data.b .Tx.Data.c)) }}y{{ end }}",
	 "{\"b\": 1}", "y"},
	{CONVERT_LISTMONK, "{{ if not (or .Tx.Data.a (and .Tx.Data.b .Tx.Data.c)) }}y{{ end }}",
	 "{\"b\": 1, \"c\": true}", ""},
	{CONVERT_LISTMONK, "{{ range .Tx.Data.l }}[{{ range .rows }}{{ . }}{{ end }}]{{ end }}",
	 "{\"l\": [{\"rows\": [1, 2]}, {\"rows\": []}]}", "[12][]"},
	{CONVERT_LISTMONK, "{{ .Subscriber.FirstName }}-{{ .Subscriber.LastName }}",
	 "{\"name\": \"Ann B. Example\"}", "Ann-Example"},
	{CONVERT_LISTMONK, "{{ $n := 1 }}{{ if .Tx.Data.a }}{{ $n = 2 }}{{ end }}{{ $n }}",
	 "{\"a\": true}", "2"},
	{CONVERT_MJML_MERGE,
	 "{% if not (var:a = \"x\" or var:n > 3) and var:b %}y{% else %}n{% endif %}",
	 "{\"a\": \"z\", \"n\": \"3\", \"b\": [1]}", "y"},
	{CONVERT_MJML_MERGE,
	 "{% if not (var:a = \"x\" or var:n > 3) and var:b %}y{% else %}n{% endif %}",
	 "{\"a\": \"z\", \"n\": \"4\", \"b\": [1]}", "n"},
	{CONVERT_MJML_MERGE, "{{var:a:\"d\"}}{{var:b:\"d\"}}", "{\"a\": \"x\"}", "xd"},
};

static void test_convert_readers_see_the_same(void **)
{
	for (size_t i = 0; i < sizeof(seen) / sizeof(*seen); i++) {
		struct liquid_case c;
		struct convert_result result;
		case_begin(&c);
		if (convert_run(&c.arena, str_of(seen[i].source), seen[i].from, &result) != 0)
			fail_msg("%s: %s", seen[i].source, result.why);
		str liquid = arena_copy(&c.arena, result.liquid);
		case_expect(&c, liquid.data, seen[i].json, seen[i].seen);
		case_end(&c);
	}
}

static str repeated(struct arena *arena, const char *unit, size_t times)
{
	struct buf out;
	buf_init_arena(&out, arena, strlen(unit) * times + 1);
	for (size_t i = 0; i < times; i++)
		buf_put_cstr(&out, unit);
	return buf_str(&out);
}

static void test_convert_limits_are_told(void **)
{
	static const struct {
		enum convert_from from;
		const char *unit;
		size_t times;
		const char *why;
	} rows[] = {
		{CONVERT_HANDLEBARS, "{{#if a}}", 100, "blocks are nested more than 60 deep"},
		{CONVERT_LISTMONK, "{{ range .Tx.Data.a }}", 100,
		 "blocks are nested more than 60 deep"},
		{CONVERT_LISTMONK, "{{ $x := .Tx.Data.a }}", 100, "more than 64 variables"},
		{CONVERT_MAILCHIMP, "*|X=1|*", 1000000,
		 "the result would be larger than 16 MiB"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct arena arena;
		struct convert_result result;
		arena_init(&arena, heap_source(), 0, 0);
		str source = repeated(&arena, rows[i].unit, rows[i].times);
		assert_int_equal(convert_run(&arena, source, rows[i].from, &result), -1);
		assert_string_equal(result.why, rows[i].why);
		arena_done(&arena);
	}
}

static void test_convert_notes_end_at_their_limit(void **)
{
	struct arena arena;
	struct convert_result result;
	size_t count = 0;
	arena_init(&arena, heap_source(), 0, 0);
	str source = repeated(&arena, "{{a b}}\n", CONVERT_NOTE_LIMIT + 5);
	assert_int_equal(convert_run(&arena, source, CONVERT_HANDLEBARS, &result), 0);
	for (const struct convert_note *note = result.notes; note; note = note->next)
		assert_int_equal(note->line, ++count);
	assert_int_equal(count, CONVERT_NOTE_LIMIT);
	assert_int_equal(result.dropped_count, 5);
	assert_int_equal(result.lost_count, CONVERT_NOTE_LIMIT + 5);
	arena_done(&arena);
}

static void test_convert_says_when_memory_ends(void **)
{
	for (size_t limit = 20000; limit < 60000; limit += 1000) {
		char memory[60000];
		struct arena arena;
		struct convert_result result;
		arena_init_fixed(&arena, memory, limit);
		str source = STR("{{#each items}}{{#if (or (and a b) (and c d))}}{{x "
				 "y}}{{/if}}{{/each}}");
		int code = convert_run(&arena, source, CONVERT_HANDLEBARS, &result);
		assert_true(code == 0 || strcmp(result.why, "out of memory") == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_convert_mailchimp_tags),
		cmocka_unit_test(test_convert_handlebars_and_mustache),
		cmocka_unit_test(test_convert_listmonk_templates),
		cmocka_unit_test(test_convert_mjml_merge_tags),
		cmocka_unit_test(test_convert_readers_see_the_same),
		cmocka_unit_test(test_convert_lost_has_a_comment_and_a_place),
		cmocka_unit_test(test_convert_limits_are_told),
		cmocka_unit_test(test_convert_notes_end_at_their_limit),
		cmocka_unit_test(test_convert_says_when_memory_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
