/* fuzz_locale.c - a pattern, a rule of plurals, translations and a number of any bytes are read
 * within their bounds. A number that is taken keeps its value: written without grouping and
 * read again it is the same. The lines of the input are these four. */
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/data/json_value.h"
#include "engine/io/heap.h"
#include "templates/locale_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char plain_pattern[] = "0.####################";

static struct locale plain_locale(struct arena *arena)
{
	struct locale locale = {.point = STR("."), .separator = STR(","), .zero = '0'};
	ASSERT(locale_pattern_read(arena, str_of(plain_pattern), STR("-"), &locale.number));
	locale.money.pattern = locale.number;
	return locale;
}

static bool is_zero(const struct numeral *n)
{
	for (int i = 0; i < n->count; i++)
		if (n->digits[i] != '0')
			return false;
	return true;
}

/* Digits behind the twentieth decimal are rounded away; so only shorter ones come back. */
static void keep_value(struct arena *arena, const struct numeral *n)
{
	struct locale locale = plain_locale(arena);
	struct numeral again;
	struct buf out;
	if (n->count - n->point > DECIMALS_LIMIT)
		return;
	buf_init_arena(&out, arena, 64);
	locale_put_number(&out, &locale, *n, -1);
	ASSERT(buf_ok(&out));
	struct value value = value_string(buf_str(&out));
	ASSERT(numeral_read(&value, &again));
	ASSERT(again.negative == (n->negative && !is_zero(n)));
	for (int i = -DECIMALS_LIMIT; i < NUMERAL_DIGITS_LIMIT; i++) { /* place by place */
		int a = n->point + i, b = again.point + i;
		char x = a >= 0 && a < n->count ? n->digits[a] : '0';
		char y = b >= 0 && b < again.count ? again.digits[b] : '0';
		ASSERT(x == y);
	}
}

static void use_pattern(struct arena *arena, str pattern, const struct numeral *n)
{
	struct locale locale = plain_locale(arena);
	const struct locales locales = {.root = &locale};
	struct buf out;
	if (!locale_pattern_read(arena, pattern, STR("-"), &locale.number))
		return;
	locale.money = (struct locale_money){locale.number, STR(","), STR(".")};
	locale.zero = 0x1E950; /* of four bytes */
	for (int decimals = -1; decimals <= DECIMALS_LIMIT; decimals++) {
		buf_init_arena(&out, arena, 64);
		locale_put_number(&out, &locale, *n, decimals);
		locale_put_money(&out, &locales, &locale, *n, STR("EUR"), decimals);
		ASSERT(buf_ok(&out));
	}
}

static void use_texts(struct arena *arena, str json)
{
	struct value locales;
	struct liquid_error error;
	const struct text_set *set;
	if (value_from_json_text(arena, json, &locales, NULL, 0) != 0)
		return;
	struct texts *texts = texts_compile(arena, &locales, STR("de"), &error);
	if (!texts) {
		ASSERT(error.message[0]);
		return;
	}
	for (size_t i = 0; i < texts->count; i++) {
		size_t index = 0;
		struct map_entry *entry;
		while ((entry = map_next(&texts->sets[i].by_key, &index)))
			ASSERT(text_find(texts, &texts->sets[i], entry->key, &set) ==
			       entry->value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* In memory of its own, so that a byte too far is seen. */
	char *copy = malloc(size ? size : 1);
	struct arena arena;
	struct numeral n;
	memcpy(copy, data, size);
	arena_init(&arena, heap_source(), 4096, 8 << 20);
	str rest = str_make(copy, size);
	struct value number = value_string(str_cut(&rest, '\n'));
	str pattern = str_cut(&rest, '\n');
	str rules[PLURAL_COUNT] = {[PLURAL_FEW] = str_cut(&rest, '\n')};
	if (numeral_read(&number, &n)) {
		keep_value(&arena, &n);
		use_pattern(&arena, pattern, &n);
		plural_of(plural_rules_read(&arena, rules), &n);
	}
	use_texts(&arena, rest);
	arena_done(&arena);
	free(copy);
	return 0;
}
