/* test_classify_corpus.c - the classifier against labelled replies.
 * The corpus of real servers lies outside the project (../shared/corpus); without it its tests
 * are skipped, never passed. Columns: reply_code, enhanced_code, text, class, source, also,
 * hard. Our own wordings (tests/golden/replies.tsv: no source, no hard) are always there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "engine/base/embedded.h"
#include "tests/unit/classify_fixture.h"

#define CORPUS "../shared/corpus/bounce-replies.tsv"
#define CORPUS_LIMIT (4 << 20)
#define LINE_LIMIT 20000

static char corpus[CORPUS_LIMIT];
static str lines[LINE_LIMIT];
static size_t line_count;

/* The first three columns: what a user of `rundbrief classify` has. The others are the answer
 * and must not be seen. */
static str question(str line)
{
	size_t tabs = 0, size = 0;

	for (; size < line.size; size++) {
		tabs += line.data[size] == '\t';
		if (tabs == 3)
			break;
	}
	return str_sub(line, 0, size);
}

struct score {
	size_t total, exact, allowed, sided;
	size_t of_class[CLASS_COUNT], right_of_class[CLASS_COUNT];
};

static size_t read_lines(const char *path, char *memory, str *ret_lines)
{
	size_t count = 0;
	FILE *file = fopen(path, "r");
	if (!file)
		return 0;
	size_t size = fread(memory, 1, CORPUS_LIMIT, file);
	fclose(file);

	str rest = str_make(memory, size);
	(void)str_cut(&rest, '\n'); /* the head */
	while (rest.size > 0 && count < LINE_LIMIT)
		ret_lines[count++] = str_cut(&rest, '\n');
	return count;
}

static enum bounce_class class_named(str name)
{
	for (int i = 0; i < CLASS_COUNT; i++) {
		if (str_eq(name, str_of(bounce_class_names[i])))
			return (enum bounce_class)i;
	}
	fail_msg("class %.*s is not in the taxonomy", STR_FORMAT(name));
	return CLASS_UNKNOWN;
}

static bool is_hard(enum bounce_class class)
{
	return class == CLASS_BAD_MAILBOX || class == CLASS_INACTIVE_MAILBOX ||
	       class == CLASS_BAD_DOMAIN;
}

static bool is_allowed(enum bounce_class class, str also)
{
	while (also.size > 0) {
		if (str_eq(str_cut(&also, ','), str_of(bounce_class_names[class])))
			return true;
	}
	return false;
}

struct label {
	enum bounce_class class;
	str source, also;
};

static struct label label_of(str line, bool has_source)
{
	struct label label;

	for (int i = 0; i < 3; i++)
		(void)str_cut(&line, '\t');
	label.class = class_named(str_cut(&line, '\t'));
	label.source = has_source ? str_cut(&line, '\t') : STR("");
	label.also = str_cut(&line, '\t');
	return label;
}

static bool is_right(enum bounce_class class, const struct label *label)
{
	return class == label->class || is_allowed(class, label->also);
}

static void judge(struct score *score, const struct classifier *who, str line, bool has_source)
{
	struct classification c = classify_line(who, question(line));
	struct label label = label_of(line, has_source);
	bool right = is_right(c.class, &label);

	score->total++;
	score->exact += c.class == label.class;
	score->allowed += right;
	score->sided += is_hard(c.class) == is_hard(label.class);
	score->of_class[label.class]++;
	score->right_of_class[label.class] += right;
	assert_true(c.verdict == VERDICT_DEFERRED || c.verdict == VERDICT_FAILED);
	if (c.suppress)
		assert_true(is_hard(c.class) && c.verdict == VERDICT_FAILED);
	if (!right && getenv("CLASSIFY_SHOW"))
		print_message("%s (line %u), not %s: %.*s\n", bounce_class_names[c.class],
			      c.rule, bounce_class_names[label.class],
			      STR_FORMAT(question(line)));
}

static double percent(size_t part, size_t whole)
{
	return 100.0 * (double)part / (double)whole;
}

static void print_score(const char *name, const struct score *s)
{
	print_message("%s, %zu replies: exact %.1f %%, exact or allowed %.1f %%, hard or soft "
		      "right %.1f %%\n",
		      name, s->total, percent(s->exact, s->total),
		      percent(s->allowed, s->total), percent(s->sided, s->total));
	for (int i = 0; i < CLASS_COUNT; i++) {
		if (s->right_of_class[i] < s->of_class[i])
			print_message("  %-18s %3zu of %3zu\n", bounce_class_names[i],
				      s->right_of_class[i], s->of_class[i]);
	}
}

static void need_corpus(void)
{
	if (line_count)
		return;
	print_message("SKIPPED: " CORPUS " is not there\n");
	skip();
}

static void test_classify_corpus_score(void **)
{
	struct score score = {};

	need_corpus();
	for (size_t i = 0; i < line_count; i++)
		judge(&score, classifier, lines[i], true);
	print_score("corpus", &score);
	assert_true(score.allowed * 100 >= score.total * 95);
	assert_true(score.sided * 100 >= score.total * 97);
}

/* Wordings of our own in many languages, so that a rule made narrower is noticed. */
static void test_classify_wordings_score(void **)
{
	static char memory[CORPUS_LIMIT];
	static str wordings[LINE_LIMIT];
	struct score score = {};

	size_t count = read_lines("tests/golden/replies.tsv", memory, wordings);
	assert_true(count > 500);
	for (size_t i = 0; i < count; i++)
		judge(&score, classifier, wordings[i], false);
	print_score("own wordings", &score);
	assert_true(score.allowed * 100 >= score.total * 98);
	assert_true(score.sided * 100 >= score.total * 98);
}

static bool names_gmail_or_yahoo(str line)
{
	static const char *const names[] = {"gmail",  "google", "gsmtp", "Gmail",
					    "Google", "yahoo",  "Yahoo"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (str_find(line, str_of(names[i])) != STR_NONE)
			return true;
	}
	return false;
}

/* What such a mistake costs is a list: millions of good addresses, suppressed. */
static void test_classify_corpus_no_throttle_is_a_dead_mailbox(void **)
{
	size_t throttles = 0;

	need_corpus();
	for (size_t i = 0; i < line_count; i++) {
		struct label label = label_of(lines[i], true);
		if (!names_gmail_or_yahoo(lines[i]) ||
		    (label.class != CLASS_RATE_LIMITED && label.class != CLASS_GREYLISTED &&
		     label.class != CLASS_REPUTATION))
			continue;
		throttles++;
		struct classification c = classify_line(classifier, question(lines[i]));
		assert_false(is_hard(c.class));
		assert_false(c.suppress);
	}
	print_message("%zu throttles and blocks of Gmail and Yahoo\n", throttles);
	assert_true(throttles > 10);
}

/* The rules without those that are named: their lines become comments, so that the others keep
 * their numbers. */
static str table_without(const bool *gone, char *memory)
{
	str table = embedded_find("engine/smtp/rules.tsv");
	size_t size = 0;

	for (size_t number = 1; table.size > 0; number++) {
		str line = str_cut(&table, '\n');
		if (gone[number])
			line = STR("#");
		memcpy(memory + size, line.data, line.size);
		size += line.size;
		memory[size++] = '\n';
	}
	return str_make(memory, size);
}

/* What the rules are worth where nobody wrote one for the very line. */
static void test_classify_corpus_score_without_single_line_rules(void **)
{
	enum { NUMBER_LIMIT = 4096 };
	static char memory[1 << 20];
	static size_t decided[NUMBER_LIMIT];
	static bool gone[NUMBER_LIMIT];
	struct score score = {};
	struct arena arena;
	size_t removed = 0;

	need_corpus();
	for (size_t i = 0; i < line_count; i++)
		decided[classify_line(classifier, question(lines[i])).rule]++;
	uint32_t last =
		classify_line(classifier, STR("")).rule; /* stays: it has no condition */
	for (size_t number = 0; number < NUMBER_LIMIT; number++) {
		gone[number] = decided[number] == 1 && number != last;
		removed += gone[number];
	}
	arena_init(&arena, &block_source, 0, 0);
	struct classifier *left = classifier_create_from(&arena, table_without(gone, memory));
	assert_non_null(left);
	for (size_t i = 0; i < line_count; i++)
		judge(&score, left, lines[i], true);
	print_message("%zu rules decide one line each; without them:\n", removed);
	print_score("corpus", &score);
	arena_done(&arena);
	assert_true(score.allowed * 100 >= score.total * 85);
}

/* How long a reply takes; a number to look at, not to assert: it depends on the machine. */
static void test_classify_corpus_speed(void **)
{
	enum { ROUNDS = 20 };
	unsigned classes = 0;

	need_corpus();
	clock_t start = clock();
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < line_count; i++)
			classes += classify_line(classifier, question(lines[i])).class;
	}
	double spent = (double)(clock() - start) / CLOCKS_PER_SEC;
	print_message("%.2f us a reply of this build (%u)\n",
		      spent * 1e6 / (double)(line_count * ROUNDS), classes);
}

static int setup(void **state)
{
	line_count = read_lines(CORPUS, corpus, lines);
	return classifier_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classify_corpus_score),
		cmocka_unit_test(test_classify_wordings_score),
		cmocka_unit_test(test_classify_corpus_no_throttle_is_a_dead_mailbox),
		cmocka_unit_test(test_classify_corpus_score_without_single_line_rules),
		cmocka_unit_test(test_classify_corpus_speed),
	};

	return cmocka_run_group_tests(tests, setup, classifier_teardown);
}
