/* The public conformance cases of golden-liquid (in ../shared/corpus, see its README): compiled
 * and rendered with escaping off, counted per tag, and held to the number that was reached. */
#include "golden_liquid.h"

enum { FLOOR = 798 }; /* passes, of the cases in the corpus */

static void *get_block(struct arena_source *, size_t size)
{
	return malloc(size);
}

static void give_block(struct arena_source *, void *block, size_t)
{
	free(block);
}

static struct arena_source source = {get_block, give_block};

/* Whether the case was right; *ret_said is what came out or the error. */
static bool run_case(struct arena *arena, const json_t *test, str *ret_said)
{
	struct liquid_error error;
	struct value data;
	struct buf out;
	bool invalid = json_is_true(json_object_get(test, "invalid"));
	buf_init_arena(&out, arena, 256);
	assert_int_equal(value_from_json(arena, json_object_get(test, "data"), &data), 0);
	struct liquid *liquid = golden_compile(arena, test, &error);
	if (!liquid || liquid_render(liquid, &data, NULL, 0, arena, &out, &error)) {
		assert_true(error.message[0] != '\0');
		assert_true(error.line > 0 && error.column > 0);
		*ret_said = arena_copy(arena, str_of(error.message));
		return invalid;
	}
	assert_true(buf_ok(&out));
	*ret_said = out.size ? buf_str(&out) : STR("");
	if (invalid)
		return false;
	const json_t *results = json_object_get(test, "results");
	for (size_t i = 0; i < json_array_size(results); i++) {
		const json_t *result = json_array_get(results, i);
		if (str_eq(*ret_said,
			   (str){json_string_value(result), json_string_length(result)}))
			return true;
	}
	return !results && str_eq(*ret_said, golden_text(test, "result"));
}

static void count(json_t *counts, const json_t *test, bool passed)
{
	const json_t *tags = json_object_get(test, "tags");
	for (size_t i = 0; i < json_array_size(tags); i++) {
		const char *tag = json_string_value(json_array_get(tags, i));
		json_t *pair = json_object_get(counts, tag);
		if (!pair) {
			pair = json_pack("[ii]", 0, 0);
			json_object_set_new(counts, tag, pair);
		}
		json_int_t right = json_integer_value(json_array_get(pair, 0)) + passed;
		json_int_t all = json_integer_value(json_array_get(pair, 1)) + 1;
		json_array_set_new(pair, 0, json_integer(right));
		json_array_set_new(pair, 1, json_integer(all));
	}
}

static void show_counts(json_t *counts)
{
	const char *tag;
	json_t *pair;
	json_object_foreach(counts, tag, pair)
	{
		printf("%s %lld/%lld  ", tag,
		       (long long)json_integer_value(json_array_get(pair, 0)),
		       (long long)json_integer_value(json_array_get(pair, 1)));
	}
	printf("\n");
}

static void test_liquid_renders_the_golden_cases(void **)
{
	json_t *corpus = golden_load();
	const json_t *tests = json_object_get(corpus, "tests");
	json_t *counts = json_object();
	int passed = 0;
	for (size_t i = 0; i < json_array_size(tests); i++) {
		const json_t *test = json_array_get(tests, i);
		struct arena arena;
		str said;
		arena_init(&arena, &source, 4096, (size_t)64 << 20);
		bool right = run_case(&arena, test, &said);
		if (!right)
			printf("wrong: %s: %.*s\n",
			       json_string_value(json_object_get(test, "name")),
			       STR_FORMAT(said));
		passed += right;
		count(counts, test, right);
		arena_done(&arena);
	}
	show_counts(counts);
	printf("golden-liquid: %d of %zu\n", passed, json_array_size(tests));
	assert_int_equal(json_array_size(tests), GOLDEN_COUNT);
	assert_true(passed >= FLOOR);
	json_decref(counts);
	json_decref(corpus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_liquid_renders_the_golden_cases),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
