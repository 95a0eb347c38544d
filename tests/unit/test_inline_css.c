/* test_inline_css.c - Liquid goes through a command that knows nothing of it, or nothing goes.
 */
#include "tests/unit/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/api/filter_command.h"
#include "engine/api/inline_css.h"
#include "engine/base/buf.h"
#include "engine/io/clock.h"
#include "engine/io/heap.h"

static struct arena arena;
static char why[600];

static int setup(void **)
{
	arena_init(&arena, heap_source(), 0, 0);
	signal(SIGPIPE, SIG_IGN); /* as main() does */
	why[0] = '\0';
	return 0;
}

static int teardown(void **)
{
	arena_done(&arena);
	return 0;
}

static const struct row {
	const char *html, *safe; /* W: the word */
} rows[] = {
	{"", ""},
	{"<p>a {b} c</p>", "<p>a {b} c</p>"},
	{"<p>{{ a }}</p>", "<p><!--W0x--></p>"},
	{"<table>{% for x in y %}<tr>{% endfor %}</table>",
	 "<table><!--W0x--><tr><!--W1x--></table>"},
	{"<a href=\"{{ a }}/{{ b }}\">", "<a href=\"W0x/W1x\">"},
	{"<a href='{{ a }}'>{{ b }}", "<a href='W0x'><!--W1x-->"},
	{"<a href={{ a }}>{{ b }}", "<a href=W0x><!--W1x-->"},
	{"<a href = {{ a }}/x y>", "<a href = W0x/x y>"},
	{"<a href=\"{{ a | append: \"x>\" }}\">{{ b }}", "<a href=\"W0x\"><!--W1x-->"},
	{"<tr {% if a %}class=\"x\"{% endif %}>", "<tr W0x=\"\"class=\"x\"W1x=\"\">"},
	{"<!-- {{ a }} -->{{ b }}", "<!-- W0x --><!--W1x-->"},
	{"<title>{{ a }} < b</title>{{ b }}", "<title>W0x < b</title><!--W1x-->"},
	{"<style>p { color: red }</style>{{ b }}", "<style>p { color: red }</style><!--W0x-->"},
	{"<style>p { color: {{ a }} }</style>{{ b }}", "<!--W0x--><!--W1x-->"},
	{"<STYLE media=x>{% if a %}p{}{% endif %}</STYLE >x", "<!--W0x-->x"},
	{"{% raw %}<b>{{ a }}</b>{% endraw %}c", "<!--W0x-->c"},
	{"{%- comment -%}{% x %}{%- endcomment -%}c", "<!--W0x-->c"},
	{"<style>never ends {{ a }}", "<style>never ends W0x"},
	{"{{ never ends", "{{ never ends"},
	{"1 < 2 {{ a }}", "1 < 2 <!--W0x-->"},
};

/* The word is put in place of W. */
static str with_word(const char *text, const char *word)
{
	struct buf out;
	buf_init_arena(&out, &arena, 256);
	for (; *text; text++) {
		if (*text == 'W')
			buf_put_cstr(&out, word);
		else
			buf_put_byte(&out, *text);
	}
	return buf_str(&out);
}

static void test_inline_css_protects_and_restores(void **)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct inline_tags tags;
		str safe, back;
		assert_int_equal(inline_css_protect(str_of(rows[i].html), &arena, &tags, &safe,
						    why, sizeof(why)),
				 0);
		if (!str_eq(safe, with_word(rows[i].safe, tags.word)))
			fail_msg("%s\nexpected: %s\ngot: %.*s", rows[i].html, rows[i].safe,
				 STR_FORMAT(safe));
		assert_int_equal(
			inline_css_restore(safe, &arena, &tags, &back, why, sizeof(why)), 0);
		assert_true(str_eq(back, str_of(rows[i].html)));
	}
}

static void test_inline_css_refuses_two_attributes_of_one_name(void **)
{
	struct inline_tags tags;
	str safe;
	str html = STR("<p>\n<td {% if a %}class='x'{% else %}CLASS='y'{% endif %}>");
	assert_int_equal(inline_css_protect(html, &arena, &tags, &safe, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "line 2: two attributes CLASS"));
}

static const struct change {
	const char *made, *why; /* of "a{{ x }}b{{ y }}" */
} changes[] = {
	{"a<!--W0x-->b", "line 2: {{ y }} was lost"},
	{"a<!--W1x-->b<!--W0x-->", "line 1: {{ x }} was lost or moved"},
	{"a<!--W0x--><!--W0x-->b<!--W1x-->", "line 1: {{ x }} was doubled or moved"},
	{"a<!--W0x-->b<!--W9x-->", "changed a place of Liquid"},
	{"a<!--Wx-->b<!--W1x-->", "changed a place of Liquid"},
	{"a<!--W0", "changed a place of Liquid"},
	{"", "line 1: {{ x }} was lost"},
};

static void test_inline_css_tells_what_was_changed(void **)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		struct inline_tags tags;
		str safe, back = STR("untouched");
		assert_int_equal(inline_css_protect(STR("a{{ x }}\nb{{ y }}"), &arena, &tags,
						    &safe, why, sizeof(why)),
				 0);
		assert_int_equal(inline_css_restore(with_word(changes[i].made, tags.word),
						    &arena, &tags, &back, why, sizeof(why)),
				 -1);
		if (!strstr(why, changes[i].why))
			fail_msg("%s: %s", changes[i].made, why);
		assert_true(str_eq(back, STR("untouched")));
	}
}

static const struct command {
	const char *text;
	const char *words[4];
} commands[] = {
	{"juice", {"juice"}},
	{"  a  b ", {"a", "b"}},
	{"a 'b c' \"d \\\" e\"", {"a", "b c", "d \" e"}},
	{"a\\ b c'd'e", {"a b", "cde"}},
	{"'' x", {"", "x"}},
	{"a $HOME;b", {"a", "$HOME;b"}},
};

static void test_command_split_rows(void **)
{
	char *words[COMMAND_WORD_LIMIT + 1];
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		assert_int_equal(command_split(str_of(commands[i].text), &arena, words), 0);
		for (size_t k = 0; k < 4; k++) {
			if (!commands[i].words[k]) {
				assert_null(words[k]);
				break;
			}
			assert_string_equal(words[k], commands[i].words[k]);
		}
	}
	assert_int_equal(command_split(STR(""), &arena, words), -1);
	assert_int_equal(command_split(STR("a 'b"), &arena, words), -1);
	char many[2 * COMMAND_WORD_LIMIT + 3];
	memset(many, ' ', sizeof(many));
	for (size_t i = 0; i <= COMMAND_WORD_LIMIT; i++)
		many[2 * i] = 'x';
	assert_int_equal(command_split(str_make(many, sizeof(many)), &arena, words), -1);
}

/* What a shell does with standard input; milliseconds that it may take. */
static int run(const char *script, str input, usec timeout, str *ret_output)
{
	char *const words[] = {"/bin/sh", "-c", (char *)(uintptr_t)script, NULL};
	const struct filter_limits limits = {timeout, 1 << 20};
	why[0] = '\0';
	return filter_run(words, input, &limits, &arena, ret_output, why, sizeof(why));
}

static str large(size_t size)
{
	char *memory = arena_bytes(&arena, size);
	memset(memory, 'x', size);
	return str_make(memory, size);
}

static void test_filter_takes_all_and_gives_all(void **)
{
	str output, input = large(1 << 20);
	assert_int_equal(run("cat", input, 20 * USEC_SECOND, &output), 0);
	assert_true(str_eq(output, input));
	assert_int_equal(run("cat; echo y >&2", STR("a"), 20 * USEC_SECOND, &output), 0);
	assert_true(str_eq(output, STR("a")));
	assert_int_equal(run("true", STR(""), 20 * USEC_SECOND, &output), 0);
	assert_int_equal(output.size, 0);
}

static void test_filter_bounds_hostile_commands(void **)
{
	str output = STR("untouched"), input = large(1 << 20);
	usec before = clock_now();
	assert_int_equal(run("sleep 100", input, 200 * USEC_MS, &output), -1);
	assert_non_null(strstr(why, "had not ended after 200 ms"));
	/* Ends, and leaves behind what holds its output open. */
	assert_int_equal(run("sleep 100 & exit 0", input, 200 * USEC_MS, &output), -1);
	/* Closes everything, and goes on. */
	assert_int_equal(run("exec <&- >&- 2>&-; sleep 100", input, 200 * USEC_MS, &output),
			 -1);
	assert_int_equal(
		run("trap '' TERM INT; while :; do :; done", input, 200 * USEC_MS, &output),
		-1);
	assert_int_equal(run("yes", input, 20 * USEC_SECOND, &output), -1);
	assert_non_null(strstr(why, "wrote more than 1048576 bytes"));
	assert_int_equal(run("yes >&2 & wait", input, 200 * USEC_MS, &output), -1);
	assert_int_equal(
		run("echo no such\x1b[2J style >&2; exit 3", input, 20 * USEC_SECOND, &output),
		-1);
	assert_string_equal(why, "'/bin/sh' ended with status 3: no such\\x1b[2J style");
	assert_int_equal(run("kill -9 $$", input, 20 * USEC_SECOND, &output), -1);
	assert_non_null(strstr(why, "signal 9"));
	assert_true(str_eq(output, STR("untouched")));
	assert_true(clock_now() - before < 60 * USEC_SECOND);
}

/* Who needs no more may stop reading. */
static void test_filter_may_close_its_input_early(void **)
{
	str output;
	assert_int_equal(
		run("head -c 3; exec <&-; echo", large(1 << 20), 20 * USEC_SECOND, &output), 0);
	assert_true(str_eq(output, STR("xxx\n")));
}

static void test_filter_leaves_nothing_running(void **)
{
	str output;
	assert_int_equal(run("(sleep 100 >/dev/null 2>&1; echo) & echo $!", STR(""),
			     500 * USEC_MS, &output),
			 -1);
	assert_int_equal(
		run("sleep 100 >/dev/null 2>&1 & echo $!", STR(""), 20 * USEC_SECOND, &output),
		0);
	uint64_t pid = 0;
	assert_true(str_to_u64(str_trim(output), &pid));
	for (int i = 0; i < 500 && kill((pid_t)pid, 0) == 0; i++) {
		char state[64] = "";
		char path[64];
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
		FILE *file = fopen(path, "r");
		if (!file || (fgets(state, sizeof(state), file) && strstr(state, ") Z")))
			i = 500; /* gone, or waiting for somebody to bury it */
		if (file)
			fclose(file);
		usleep(10000);
		assert_true(i != 499);
	}
}

static void test_inline_css_runs_a_command(void **)
{
	str html = STR("<p class=\"a\">{{ x }}</p>"), made;
	assert_int_equal(inline_css(STR("sed 's/class=.a./style=\"b\"/'"), html, &arena, &made,
				    why, sizeof(why)),
			 0);
	assert_true(str_eq(made, STR("<p style=\"b\">{{ x }}</p>")));
	assert_int_equal(
		inline_css(STR("/nowhere/juice"), html, &arena, &made, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "'/nowhere/juice' cannot be run: No such file"));
	assert_int_equal(inline_css(STR("sed s/.*//"), html, &arena, &made, why, sizeof(why)),
			 -1);
	assert_non_null(strstr(why, "{{ x }} was lost"));
	assert_int_equal(
		inline_css(STR("sed s/.*//"), STR("<p>"), &arena, &made, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "wrote nothing"));
	assert_int_equal(
		inline_css(STR("printf 'a\\377'"), STR("<p>"), &arena, &made, why, sizeof(why)),
		-1);
	assert_non_null(strstr(why, "no UTF-8"));
	assert_int_equal(inline_css(STR("'"), html, &arena, &made, why, sizeof(why)), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_inline_css_protects_and_restores, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_inline_css_refuses_two_attributes_of_one_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inline_css_tells_what_was_changed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_command_split_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_filter_takes_all_and_gives_all, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_filter_bounds_hostile_commands, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_filter_may_close_its_input_early, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_filter_leaves_nothing_running, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_inline_css_runs_a_command, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
