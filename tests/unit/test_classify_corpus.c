/* test_classify_corpus.c - the classifier against labelled replies of real servers.
 * The corpus lies outside the project (../shared/corpus); without it the test is skipped, never
 * passed. Columns: reply_code, enhanced_code, text, class, source, also, hard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

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
	size_t total, exact, allowed, soft, hard_on_soft;
	size_t of_class[CLASS_COUNT], right_of_class[CLASS_COUNT];
};

static bool read_corpus(void)
{
	FILE *file = fopen(CORPUS, "r");
	if (!file)
		return false;
	size_t size = fread(corpus, 1, sizeof(corpus), file);
	fclose(file);

	str rest = str_make(corpus, size);
	(void)str_cut(&rest, '\n'); /* the head */
	while (rest.size > 0 && line_count < LINE_LIMIT)
		lines[line_count++] = str_cut(&rest, '\n');
	return line_count > 0;
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

static void judge(struct score *score, str line)
{
	struct classification c = classify_line(classifier, question(line));
	str rest = line;

	for (int i = 0; i < 3; i++)
		(void)str_cut(&rest, '\t');
	enum bounce_class expected = class_named(str_cut(&rest, '\t'));
	(void)str_cut(&rest, '\t');
	bool allowed = c.class == expected || is_allowed(c.class, str_cut(&rest, '\t'));

	score->total++;
	score->exact += c.class == expected;
	score->allowed += allowed;
	score->of_class[expected]++;
	score->right_of_class[expected] += allowed;
	if (!is_hard(expected)) {
		score->soft++;
		score->hard_on_soft += is_hard(c.class) && !allowed;
	}
	assert_true(c.verdict == VERDICT_DEFERRED || c.verdict == VERDICT_FAILED);
	if (c.suppress)
		assert_true(is_hard(c.class) && c.verdict == VERDICT_FAILED);
}

static void print_score(const struct score *s)
{
	print_message(
		"%zu replies: exact %.1f %%, exact or allowed %.1f %%, hard on soft %.1f %%\n",
		s->total, 100.0 * (double)s->exact / (double)s->total,
		100.0 * (double)s->allowed / (double)s->total,
		100.0 * (double)s->hard_on_soft / (double)s->soft);
	for (int i = 0; i < CLASS_COUNT; i++) {
		if (s->of_class[i])
			print_message("  %-18s %3zu of %3zu\n", bounce_class_names[i],
				      s->right_of_class[i], s->of_class[i]);
	}
}

static void test_classify_corpus_score(void **)
{
	struct score score = {};

	if (!line_count) {
		print_message("SKIPPED: " CORPUS " is not there\n");
		skip();
	}
	for (size_t i = 0; i < line_count; i++)
		judge(&score, lines[i]);
	print_score(&score);
	assert_true(score.allowed * 100 >= score.total * 95);
	assert_true(score.hard_on_soft * 100 <= score.soft * 2);
}

/* How long a reply takes; a number to look at, not to assert: it depends on the machine. */
static void test_classify_corpus_speed(void **)
{
	enum { ROUNDS = 20 };
	unsigned classes = 0;

	if (!line_count) {
		print_message("SKIPPED: " CORPUS " is not there\n");
		skip();
	}
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
	read_corpus();
	return classifier_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classify_corpus_score),
		cmocka_unit_test(test_classify_corpus_speed),
	};

	return cmocka_run_group_tests(tests, setup, classifier_teardown);
}
