/* fuzz_providers.c - any text as the user's table of providers: refused with a place and a
 * printable sentence, or rules that answer. */
#include "engine/base/assert.h"
#include "engine/shape/provider_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char memory[2 << 20];

static void check_sentence(const char *why)
{
	ASSERT(strncmp(why, "f.tsv:", 6) == 0 && why[6] >= '1' && why[6] <= '9');
	for (const char *c = why; *c; c++)
		ASSERT(*c >= ' ' && *c <= '~');
}

/* Each provider owns a host of its first ending; whatever the table says of it is a limit. */
static void check_rules(const struct rules *rules)
{
	static str names[RULES_LIMIT];
	struct rule_word words[4];
	size_t count = rules_providers(rules, names, RULES_LIMIT);

	for (size_t i = 0; i < count; i++) {
		struct path_limits limits = rules_limits(rules, names[i], STR(""));
		ASSERT(limits.connections >= 1 && limits.habits.window >= 2);
		for (uint32_t bit = 1; bit < RULES_ALL; bit <<= 1)
			ASSERT(rules_words(rules, names[i], names[i], bit, words, 4) >= 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[PROVIDER_FILE_WHY_SIZE] = "";
	struct arena arena;
	const struct provider_file file = {.path = "f.tsv",
					   .text = str_make((const char *)data, size),
					   .origin = RULE_FILE};

	arena_init_fixed(&arena, memory, sizeof(memory));
	struct rules *rules = rules_create(&arena);
	ASSERT(rules);
	int result = provider_file_read(rules, &file, why, sizeof(why));
	if (result == PROVIDER_FILE_REFUSED)
		check_sentence(why);
	else if (result == 0)
		check_rules(rules);
	return 0;
}
