/* The golden cases' templates, rendered again, take no memory from the heap: arenas are the
 * only place memory comes from here (`make pure`), and a scratch arena that a first rendering
 * has grown asks its source for nothing at the second. The arena's blocks are as large as the
 * engine's. */
#include "golden_liquid.h"

struct asked_source {
	struct arena_source source;
	size_t count; /* how often memory was asked for */
};

static void *get_block(struct arena_source *source, size_t size)
{
	((struct asked_source *)source)->count++;
	return malloc(size);
}

static void give_block(struct arena_source *, void *block, size_t)
{
	free(block);
}

static void render_again(const json_t *test, size_t *first_count, size_t *second_count)
{
	struct asked_source kept_source = {{get_block, give_block}, 0};
	struct asked_source scratch_source = {{get_block, give_block}, 0};
	struct arena kept, scratch;
	struct liquid_error error;
	struct value data;
	struct buf out;
	arena_init(&kept, &kept_source.source, 0, 0);
	arena_init(&scratch, &scratch_source.source, 0, 0);
	buf_init_arena(&out, &kept, 65536);
	assert_int_equal(value_from_json(&kept, json_object_get(test, "data"), &data), 0);
	const struct liquid *liquid = golden_compile(&kept, test, &error);
	for (int round = 0; liquid && round < 2; round++) {
		size_t before = kept_source.count + scratch_source.count;
		arena_reset(&scratch);
		buf_reset(&out);
		bool failed =
			liquid_render(liquid, &data, NULL, 0, &scratch, &out, &error) != 0;
		assert_int_equal(failed && !json_is_true(json_object_get(test, "invalid")), 0);
		*(round ? second_count : first_count) +=
			kept_source.count + scratch_source.count - before;
	}
	arena_done(&scratch);
	arena_done(&kept);
}

static void test_liquid_heap_is_left_alone_when_rendering_again(void **)
{
	json_t *corpus = golden_load();
	const json_t *tests = json_object_get(corpus, "tests");
	size_t first_count = 0, second_count = 0;
	for (size_t i = 0; i < json_array_size(tests); i++)
		render_again(json_array_get(tests, i), &first_count, &second_count);
	printf("%zu golden templates: %zu blocks asked for at the first rendering, %zu at the "
	       "second\n",
	       json_array_size(tests), first_count, second_count);
	assert_int_equal(json_array_size(tests), GOLDEN_COUNT);
	assert_true(first_count > 0);
	assert_int_equal(second_count, 0);
	json_decref(corpus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_liquid_heap_is_left_alone_when_rendering_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
