/* test_base_memory.c - arena, slab and buf: limits, alignment, giving back, sticky failure. */
#include "tests/unit/cmocka_all.h"

#include "engine/base/buf.h"
#include "engine/base/prng.h"
#include "engine/base/slab.h"
#include "tests/unit/death.h"
#include "tests/unit/memory.h"

static void test_arena_gives_zeroed_aligned_memory_that_does_not_overlap(void **state)
{
	(void)state;
	struct counting_source source;
	counting_source_init(&source);
	struct arena a;
	arena_init(&a, &source.source, 1024, 0);
	struct prng p;
	prng_init(&p, 1);
	unsigned char *blocks[500];
	size_t sizes[500];
	for (size_t i = 0; i < 500; i++) {
		sizes[i] = prng_below(&p, i % 50 ? 200 : 3000) + 1;
		blocks[i] = i % 3 ? arena_alloc(&a, sizes[i])
				  : (unsigned char *)arena_bytes(&a, sizes[i]);
		assert_non_null(blocks[i]);
		if (i % 3) {
			assert_int_equal((uintptr_t)blocks[i] % 16, 0);
			for (size_t k = 0; k < sizes[i]; k++)
				assert_int_equal(blocks[i][k], 0);
		}
		memset(blocks[i], (int)(i & 0xff), sizes[i]);
	}
	for (size_t i = 0; i < 500; i++) {
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(blocks[i][k], i & 0xff);
	}
	assert_int_equal(a.taken_size, source.out_size);
	arena_done(&a);
	assert_int_equal(source.out_count, 0);
	assert_int_equal(source.out_size, 0);
}

static void test_arena_never_holds_more_than_its_limit(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct counting_source source;
		counting_source_init(&source);
		struct prng p;
		prng_init(&p, seed);
		size_t limit = 100 + prng_below(&p, 20000);
		struct arena a;
		arena_init(&a, &source.source, 512 + prng_below(&p, 4096), limit);
		size_t given = 0;
		for (int i = 0; i < 400; i++) {
			size_t size = prng_below(&p, i % 20 ? 100 : 5000);
			given += arena_alloc(&a, size) ? size : 0;
			assert_true(source.out_size <= limit);
			assert_int_equal(source.out_size, a.taken_size);
		}
		assert_true(given <= limit);
		/* What is left is really unusable, not merely one block's size. */
		assert_true(given * 4 >= limit || limit < 600);
		arena_done(&a);
		assert_int_equal(source.out_count, 0);
	}
}

static void test_arena_small_limit_is_usable(void **state)
{
	(void)state;
	struct counting_source source;
	counting_source_init(&source);
	struct arena a;
	arena_init(&a, &source.source, 0, 1000); /* less than an ordinary block */
	assert_non_null(arena_bytes(&a, 500));
	assert_non_null(arena_bytes(&a, 400));
	assert_null(arena_bytes(&a, 400));
	assert_non_null(arena_bytes(&a, 20));
	arena_done(&a);
}

static void test_arena_reports_overflow_and_a_dry_source(void **state)
{
	(void)state;
	struct counting_source source;
	counting_source_init(&source);
	struct arena a;
	arena_init(&a, &source.source, 256, 0);
	assert_null(arena_array(&a, SIZE_MAX / 2, 3));
	assert_null(arena_bytes(&a, SIZE_MAX));
	assert_null(arena_bytes(&a, SIZE_MAX - 8));
	assert_null(arena_copy(&a, (str){"", SIZE_MAX}).data);
	assert_int_equal(source.get_count, 0);
	source.gets_left = 1;
	assert_non_null(arena_bytes(&a, 200));
	assert_null(arena_bytes(&a, 200));
	assert_non_null(arena_bytes(&a, 8)); /* the rest of the first block is still there */
	arena_done(&a);
	assert_int_equal(source.out_count, 0);
}

static void test_arena_reset_keeps_one_block(void **state)
{
	(void)state;
	struct counting_source source;
	counting_source_init(&source);
	struct arena a;
	arena_init(&a, &source.source, 1024, 0);
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 20; i++)
			assert_non_null(arena_bytes(&a, 300));
		assert_non_null(arena_bytes(&a, 5000));
		arena_reset(&a);
		assert_int_equal(source.out_count, 1);
		assert_int_equal(a.taken_size, 1024);
	}
	arena_done(&a);
	assert_int_equal(source.out_count, 0);
}

static void test_arena_fixed_never_grows_and_resets_to_its_start(void **state)
{
	(void)state;
	_Alignas(16) char memory[256];
	struct arena a;
	arena_init_fixed(&a, memory, sizeof memory);
	char *first = arena_bytes(&a, 200);
	assert_ptr_equal(first, memory);
	assert_null(arena_bytes(&a, 57));
	assert_non_null(arena_bytes(&a, 56));
	assert_null(arena_bytes(&a, 1));
	arena_reset(&a);
	assert_ptr_equal(arena_bytes(&a, 256), memory);
}

static void test_arena_copy_ends_with_a_nul(void **state)
{
	(void)state;
	char memory[16];
	struct arena a;
	arena_init_fixed(&a, memory, sizeof memory);
	str copy = arena_copy(&a, STR("abc"));
	assert_string_equal(copy.data, "abc");
	assert_int_equal(copy.size, 3);
	assert_string_equal(arena_copy(&a, (str){NULL, 0}).data, "");
	assert_null(arena_copy(&a, STR("0123456789abc")).data);
}

struct foreign {
	struct slab *slab;
	void *object;
};

static void give_back_foreign(void *context)
{
	struct foreign *f = context;
	slab_give_back(f->slab, f->object);
}

static void test_slab_lends_each_object_once(void **state)
{
	(void)state;
	_Alignas(16) char memory[4096];
	struct arena a;
	arena_init_fixed(&a, memory, sizeof memory);
	struct slab s;
	assert_int_equal(slab_init(&s, &a, 33, 10), 0);
	char *objects[10];
	for (size_t i = 0; i < 10; i++) {
		objects[i] = slab_borrow(&s);
		assert_non_null(objects[i]);
		assert_int_equal((uintptr_t)objects[i] % 16, 0);
		memset(objects[i], (int)i, 33);
	}
	assert_null(slab_borrow(&s));
	assert_int_equal(slab_free_count(&s), 0);
	for (size_t i = 0; i < 10; i++) {
		for (size_t k = 0; k < 33; k++)
			assert_int_equal(objects[i][k], i);
	}
	for (size_t i = 1; i < 10; i++)
		assert_ptr_equal(objects[i], objects[i - 1] + s.object_size);
	struct foreign inside = {&s, objects[3] + 1}, outside = {&s, memory + 4000};
	assert_true(dies_by_abort(give_back_foreign, &inside));
	assert_true(dies_by_abort(give_back_foreign, &outside));
	slab_give_back(&s, objects[4]);
	assert_int_equal(slab_free_count(&s), 1);
	assert_ptr_equal(slab_borrow(&s), objects[4]);
	assert_int_equal(slab_init(&s, &a, 33, 1000), -1);
	assert_int_equal(slab_init(&s, &a, SIZE_MAX - 3, 2), -1);
}

static void test_slab_leaves_alone_what_nobody_borrowed(void **state)
{
	(void)state;
	_Alignas(16) char memory[4096];
	struct arena a;
	struct slab s;
	memset(memory, 'x', sizeof memory);
	arena_init_fixed(&a, memory, sizeof memory);
	assert_int_equal(slab_init(&s, &a, 64, 10), 0);
	char *first = slab_borrow(&s);
	struct foreign next = {&s, first + 64};
	assert_true(dies_by_abort(give_back_foreign, &next)); /* never lent */
	slab_give_back(&s, first);
	for (size_t i = 64; i < 640; i++)
		assert_int_equal(first[i], 'x');
	assert_ptr_equal(slab_borrow(&s), first);
	assert_ptr_equal(slab_borrow(&s), first + 64);
}

static void test_buf_failure_is_sticky_until_reset(void **state)
{
	(void)state;
	char memory[8];
	struct buf b;
	buf_init_fixed(&b, memory, sizeof memory);
	buf_put(&b, STR("12345"));
	buf_put(&b, STR("6789"));
	assert_false(buf_ok(&b));
	buf_put_byte(&b, 'x'); /* would fit, but comes after a hole */
	assert_true(str_eq(buf_str(&b), STR("12345")));
	assert_null(buf_reserve(&b, 1));
	buf_reset(&b);
	buf_put(&b, STR("12345678"));
	assert_true(buf_ok(&b));
}

static void test_buf_grows_in_its_arena_up_to_the_limit(void **state)
{
	(void)state;
	struct counting_source source;
	counting_source_init(&source);
	struct arena a;
	arena_init(&a, &source.source, 256, 8192);
	struct buf b;
	buf_init_arena(&b, &a, 3);
	for (unsigned i = 0; i < 1000; i++)
		buf_put_byte(&b, (char)i);
	assert_true(buf_ok(&b));
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal((unsigned char)b.data[i], i & 0xff);
	for (unsigned i = 0; i < 10000; i++)
		buf_put_byte(&b, (char)i);
	assert_false(buf_ok(&b));
	assert_true(source.out_size <= 8192);
	arena_done(&a);
}

static void test_buf_writes_numbers_and_formats(void **state)
{
	(void)state;
	char memory[80];
	struct buf b;
	buf_init_fixed(&b, memory, sizeof memory);
	buf_put_u64(&b, UINT64_MAX);
	buf_put_byte(&b, ' ');
	buf_put_i64(&b, INT64_MIN);
	buf_put_byte(&b, ' ');
	buf_put_u64(&b, 0);
	buf_printf(&b, " %s=%d", "n", 5);
	assert_true(
		str_eq(buf_str(&b), STR("18446744073709551615 -9223372036854775808 0 n=5")));
	buf_printf(&b, "%100s", "");
	assert_false(buf_ok(&b));

	struct counting_source source;
	counting_source_init(&source);
	struct arena a;
	arena_init(&a, &source.source, 0, 0);
	buf_init_arena(&b, &a, 0);
	buf_printf(&b, "%0100d", 1);
	buf_printf(&b, "%s", "");
	assert_true(buf_ok(&b));
	assert_int_equal(b.size, 100);
	arena_done(&a);
}

static void test_buf_printable_shows_what_a_terminal_may_see(void **state)
{
	(void)state;
	char memory[64];
	struct buf b;
	buf_init_fixed(&b, memory, sizeof memory);
	buf_put_printable(&b, STR("a\r\n\x1b[1m\\\x7f\xe4"), 100);
	assert_true(str_eq(buf_str(&b), STR("a\\x0d\\x0a\\x1b[1m\\\\\\x7f\\xe4")));
	buf_reset(&b);
	buf_put_printable(&b, STR("abcdef"), 3);
	assert_true(str_eq(buf_str(&b), STR("abc...")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena_gives_zeroed_aligned_memory_that_does_not_overlap),
		cmocka_unit_test(test_arena_never_holds_more_than_its_limit),
		cmocka_unit_test(test_arena_small_limit_is_usable),
		cmocka_unit_test(test_arena_reports_overflow_and_a_dry_source),
		cmocka_unit_test(test_arena_reset_keeps_one_block),
		cmocka_unit_test(test_arena_fixed_never_grows_and_resets_to_its_start),
		cmocka_unit_test(test_arena_copy_ends_with_a_nul),
		cmocka_unit_test(test_slab_lends_each_object_once),
		cmocka_unit_test(test_slab_leaves_alone_what_nobody_borrowed),
		cmocka_unit_test(test_buf_failure_is_sticky_until_reset),
		cmocka_unit_test(test_buf_grows_in_its_arena_up_to_the_limit),
		cmocka_unit_test(test_buf_writes_numbers_and_formats),
		cmocka_unit_test(test_buf_printable_shows_what_a_terminal_may_see),
	};
	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
