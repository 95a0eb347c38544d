/* client.c - a program of somebody else's that uses the public interface: compiled as C11 and
 * as C++ by tests/unit/test_public_api.c, linked and run. */
#include <stdio.h>
#include <string.h>

#include <rundbrief/classify.h>
#include <rundbrief/journal.h>
#include <rundbrief/template.h>

static int fail(const char *what)
{
	fprintf(stderr, "%s\n", what);
	return 1;
}

static int render_letter(void)
{
	const char *source = "Hello {{ name }}!", *json = "{\"name\": \"<Ann>\"}";
	struct rundbrief_error error;
	char *text = NULL;
	size_t size = 0;
	rundbrief_template *letter = rundbrief_template_compile(source, strlen(source),
								RUNDBRIEF_ESCAPE_HTML, &error);
	if (!letter)
		return fail(error.message);
	if (rundbrief_template_render(letter, json, strlen(json), 0, &text, &size, &error) != 0)
		return fail(error.message);
	puts(text);
	rundbrief_free(text);
	rundbrief_template_destroy(letter);
	return 0;
}

static int classify_reply(void)
{
	const char *text = "No such user here";
	struct rundbrief_classification found;
	rundbrief_classifier *classifier = rundbrief_classifier_create();
	if (!classifier)
		return fail("out of memory");
	rundbrief_classify(classifier, 550, "5.1.1", text, strlen(text), NULL, &found);
	printf("%s %s %d\n", found.class_name, rundbrief_verdict_name(found.verdict),
	       found.suppress != 0);
	rundbrief_classifier_destroy(classifier);
	return 0;
}

/* What the engine of a journal knew of each recipient. */
static int read_journal(const char *directory)
{
	struct rundbrief_record record;
	uint64_t position;
	char why[256];
	int result;
	rundbrief_journal *journal = rundbrief_journal_open(directory, why, sizeof(why));
	if (!journal)
		return fail(why);
	while ((result = rundbrief_journal_next(journal, &record)) > 0) {
		if (record.type == RUNDBRIEF_RECORD_OUTCOME)
			printf("%lu %s %s %u.%u.%u %.*s\n", (unsigned long)record.subscriber,
			       rundbrief_verdict_name(record.verdict), record.class_name,
			       record.enhanced_code[0], record.enhanced_code[1],
			       record.enhanced_code[2], (int)record.text.size,
			       record.text.data);
		else
			printf("%lu %s\n", (unsigned long)record.subscriber,
			       record.type == RUNDBRIEF_RECORD_MARK ? "marked" : "undone");
	}
	printf("%s\n", rundbrief_journal_ending(journal, &position) ==
					       RUNDBRIEF_JOURNAL_WHOLE && position > 0
				? "whole"
				: "not whole");
	rundbrief_journal_close(journal);
	return result != 0;
}

int main(int argc, char **argv)
{
	return render_letter() || classify_reply() || (argc > 1 && read_journal(argv[1]));
}
