#include "tests/unit/cmocka_all.h"

#include <sanitizer/common_interface_defs.h>

#include "engine/base/prng.h"
#include "tests/fuzz/smtp_world.h"

#define SEEDS 5000
#define CHOICES 3000

static uint64_t seed;

/* However a world ends the program: how to see it again. */
static void tell_seed(void)
{
	fprintf(stderr, "again with: SMTP_SEED=%llu build/debug/tests/unit/test_smtp_session\n",
		(unsigned long long)seed);
}

static void test_smtp_session_keeps_its_promises_on_any_wire(void **)
{
	static uint8_t choices[CHOICES];
	const char *only = getenv("SMTP_SEED");
	size_t delivered = 0;
	uint64_t last = SEEDS;
	if (only) {
		seed = strtoull(only, NULL, 10);
		last = seed + 1;
	}
	for (; seed < last; seed++) {
		struct prng chance;
		prng_init(&chance, seed);
		for (size_t i = 0; i < CHOICES; i++)
			choices[i] = (uint8_t)prng_u64(&chance);
		delivered += world_run(choices, prng_below(&chance, CHOICES));
	}
	assert_true(only || delivered > SEEDS / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smtp_session_keeps_its_promises_on_any_wire),
	};
	__sanitizer_set_death_callback(tell_seed);
	world_on_broken = tell_seed;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
