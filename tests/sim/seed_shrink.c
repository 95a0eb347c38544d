/* seed_shrink.c - a failing seed made small: fewer faults, engines, crashes, recipients, as long
 * as it fails. What is left is printed as a command, with what befell the recipient that the
 * first broken claim names. */
#include "tests/sim/seed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN_LIMIT 120 /* seeds that are tried */

static unsigned runs;

static bool fails(uint64_t seed, const struct world_limits *limits)
{
	if (++runs > RUN_LIMIT)
		return false;
	world_limits = *limits;
	return !seed_run(seed);
}

/* Whether it still fails with that; then it stays so. */
static void keep_if_fails(uint64_t seed, struct world_limits *best, struct world_limits tried)
{
	if (fails(seed, &tried))
		*best = tried;
}

static void shrink(uint64_t seed, struct world_limits *best)
{
	for (uint32_t engines = 1; engines < ENGINE_LIMIT; engines++) {
		struct world_limits tried = *best;
		tried.engines = engines;
		if (best->engines == 0)
			keep_if_fails(seed, best, tried);
	}
	for (uint32_t crashes = 0; crashes < 4; crashes++) {
		struct world_limits tried = *best;
		tried.crashes = crashes;
		if (best->crashes == UINT32_MAX)
			keep_if_fails(seed, best, tried);
	}
	for (int i = 0; i < FAULT_COUNT; i++) {
		struct world_limits tried = *best;
		tried.without |= 1ull << i;
		if (!(best->without >> i & 1))
			keep_if_fails(seed, best, tried);
	}
	for (uint32_t people = 160; people >= 1; people = people * 2 / 3) {
		struct world_limits tried = *best;
		tried.recipients = people;
		keep_if_fails(seed, best, tried);
	}
}

/* Faults that are left out and would not strike this seed anyway are not worth a word. */
static void print_command(uint64_t seed, const struct world_limits *best)
{
	printf("  smallest: build/debug/sim");
	if (best->engines)
		printf(" --engines=%u", best->engines);
	if (best->recipients)
		printf(" --recipients=%u", best->recipients);
	if (best->crashes != UINT32_MAX)
		printf(" --crashes=%u", best->crashes);
	if (best->point)
		printf(" --point=%llu", (unsigned long long)best->point);
	for (int i = 0; i < FAULT_COUNT; i++)
		if (best->without >> i & 1)
			printf(" --without=%s", fault_names[i]);
	printf(" %llu 1\n", (unsigned long long)seed);
}

/* "r12 has..." or "r12@site0.test has ...". */
static uint64_t recipient_of(const char *sentence)
{
	for (const char *at = sentence; (at = strchr(at, 'r')); at++)
		if ((at == sentence || at[-1] == ' ') && at[1] >= '1' && at[1] <= '9')
			return strtoull(at + 1, NULL, 10);
	return 0;
}

/* What cannot befall a seed is left out of the command again. */
static void leave_out_idle(uint64_t seed, struct world_limits *best)
{
	uint64_t before[FAULT_COUNT];
	struct world_limits all = *best;
	all.without = 0;
	memcpy(before, fault_hits, sizeof(before));
	fails(seed, &all);
	for (int i = 0; i < FAULT_COUNT; i++)
		if (fault_hits[i] == before[i])
			best->without &= ~(1ull << i);
	if (!fails(seed, best))
		best->without = all.without;
}

void seed_shrink(uint64_t seed)
{
	const struct world_limits given = world_limits;
	struct world_limits best = given;
	uint64_t faults[FAULT_COUNT], states[STATE_COUNT];
	memcpy(faults, fault_hits, sizeof(faults));
	memcpy(states, state_hits, sizeof(states));
	world_is_quiet = true;
	runs = 0;
	shrink(seed, &best);
	(void)leave_out_idle;
	if (fails(seed, &best) || runs > RUN_LIMIT) {
		print_command(seed, &best);
		world_is_quiet = false;
		world_limits = best;
		world_limits.traced = recipient_of(seed_failure);
		if (world_limits.traced)
			(void)!seed_run(seed);
	}
	world_is_quiet = false;
	world_limits = given;
	memcpy(fault_hits, faults, sizeof(faults));
	memcpy(state_hits, states, sizeof(states));
}
