/* fuzz_classify.c - any bytes as a reply or a log line: bounded, and with an answer.
 * The first byte chooses stage and provider, the rest is the line. */
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/smtp/classify.h"
#include "engine/smtp/classify_text.h"
#include "engine/smtp/reply_pattern.h"

static void *block_get(struct arena_source *, size_t size)
{
	return malloc(size);
}

static void block_give_back(struct arena_source *, void *block, size_t)
{
	free(block);
}

static const struct classifier *the_classifier(void)
{
	static struct arena_source source = {block_get, block_give_back};
	static struct arena arena;
	static struct classifier *classifier;

	if (!classifier) {
		arena_init(&arena, &source, 0, 0);
		classifier = classifier_create(&arena);
		ASSERT(classifier);
	}
	return classifier;
}

static void check_plain(str text)
{
	struct plain_text t;

	plain_text_make(&t, text);
	ASSERT(t.size >= 1 && t.size <= PLAIN_SIZE_LIMIT);
	ASSERT(t.bytes[0] == ' ' && t.bytes[t.size - 1] == ' ');
	size_t blanks = 0;
	for (size_t i = 1; i < t.size; i++) {
		ASSERT(t.bytes[i] != ' ' || t.bytes[i - 1] != ' ');
		ASSERT(t.bytes[i] < 'A' || t.bytes[i] > 'Z');
		blanks += t.bytes[i] == ' ';
	}
	ASSERT(blanks == t.word_count && t.word_count < 2 * PLAIN_WORD_LIMIT);
}

static void check_classification(const struct classification *c)
{
	ASSERT(c->class >= 0 && c->class < CLASS_COUNT);
	ASSERT(c->verdict == VERDICT_DELIVERED || c->verdict == VERDICT_DEFERRED ||
	       c->verdict == VERDICT_FAILED);
	ASSERT(c->cause && c->wait >= 0 && c->wait <= USEC_DAY);
	ASSERT(!c->suppress || c->verdict == VERDICT_FAILED);
	ASSERT(c->retry_limit == 0 || c->verdict == VERDICT_DEFERRED);
}

static void check_pattern(str text)
{
	char memory[REPLY_EXAMPLE_LIMIT];
	struct buf out;

	buf_init_fixed(&out, memory, REPLY_PATTERN_LIMIT);
	reply_pattern_put(&out, text);
	ASSERT(buf_ok(&out));
	buf_init_fixed(&out, memory, sizeof(memory));
	reply_example_put(&out, text);
	ASSERT(buf_ok(&out));
	for (size_t i = 0; i < out.size; i++)
		ASSERT((unsigned char)out.data[i] >= ' ' && out.data[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	str line = str_make((const char *)data + 1, size - 1);
	check_plain(line);
	check_pattern(line);
	struct classification c = classify_line(the_classifier(), line);
	check_classification(&c);

	struct reply reply = {.code = (uint16_t)(200 + data[0] * 2),
			      .stage = (enum smtp_stage)(data[0] % STAGE_COUNT),
			      .text = line};
	c = classify(the_classifier(), &reply, data[0] & 1 ? STR("gmail") : STR(""));
	check_classification(&c);
	return 0;
}
