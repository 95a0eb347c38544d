/* sim.c - the whole engine, one to three of them, under a virtual clock, a virtual network and a
 * virtual database.
 *
 *   sim [OPTIONS] FIRST COUNT    runs COUNT seeds from FIRST on
 *
 * A seed that fails is made small and printed as a command, with what befell one recipient. The
 * options are what it was made small by, see usage(). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "tests/sim/seed.h"

#define FAILED_LIMIT 3 /* seeds; more say nothing new */

const char *const state_names[STATE_COUNT] = {
	[VERDICT_DELIVERED] = "delivered",
	[VERDICT_DEFERRED] = "deferred",
	[VERDICT_FAILED] = "failed",
	[VERDICT_IN_DOUBT] = "in-doubt",
	[VERDICT_SUPPRESSED] = "suppressed",
	[16] = "recovered-outcomes",
	[17] = "recovered-doubts",
	[18] = "recovered-slices",
	[19] = "torn-journals",
	[STATE_PUT_BACK] = "put-back",
	[STATE_PAUSED] = "paused",
	[STATE_STOPPED] = "stopped",
	[23] = "chunked-hosts",
	[24] = "window-hosts",
	[25] = "lowered-hosts",
	[26] = "shut-paths",
	[27] = "warm-up-starts",
	[28] = "letters-of-winner",
	[29] = "held-out",
	[30] = "expired-waiting",
	[32] = "in-8-bits",
	[33] = "in-7-bits",
	[STATE_TAKEN_OVER] = "taken-over",
	[STATE_MARKED_WAITING] = "marked-waiting",
	[STATE_BURIED] = "buried",
	[STATE_DOUBT_BY_POLICY] = "doubt-by-policy",
	[STATE_MARK_REFUSED] = "mark-refused",
	[STATE_PUT_BACK_LOST] = "put-back-lost",
	[STATE_LATE_OUTCOMES] = "late-outcomes",
	[STATE_MOVED_OUTCOMES] = "moved-outcomes",
	[STATE_STANDBY] = "standby",
	[STATE_JOINED_LATE] = "joined-late",
	[STATE_LEFT] = "ended-in-order",
	[STATE_ENGINES_2] = "two-engines",
	[STATE_ENGINES_3] = "three-engines",
	[STATE_TRANSACTIONAL] = "transactional",
	[STATE_SET_ASIDE] = "set-aside",
	[STATE_VOIDED] = "voided",
};

/* The hits are added up over all shares of a run by tests/sim/run.sh, which fails on a zero. */
static void report_points(void)
{
	static const char *const of_calls[3] = {"before", "after", "answered"};
	printf("points:");
	for (int i = 0; i < POINT_STORE_BEFORE; i++)
		printf(" at-%s=%llu", point_names[i], (unsigned long long)point_hits[i]);
	printf("\ndeaths:");
	for (int i = 0; i < POINT_STORE_BEFORE; i++)
		printf(" died-%s=%llu", point_names[i], (unsigned long long)point_deaths[i]);
	for (int i = 0; i < 3; i++)
		for (int k = 0; k < CALL_COUNT; k++)
			if (call_hits[i][k] > 0)
				printf(" died-%s-%s=%llu", of_calls[i], call_names[k],
				       (unsigned long long)call_deaths[i][k]);
	printf("\n");
}

static int report(uint64_t count, uint64_t failed)
{
	printf("faults:");
	for (int i = 0; i < FAULT_COUNT; i++)
		printf(" %s=%llu", fault_names[i], (unsigned long long)fault_hits[i]);
	printf("\nstates:");
	for (int i = 0; i < STATE_COUNT; i++)
		if (state_names[i])
			printf(" %s=%llu", state_names[i], (unsigned long long)state_hits[i]);
	printf("\n");
	report_points();
	printf("oldest word by which a transaction began: %.3f s\n",
	       (double)hosts_oldest_word() / 1e6);
	printf("sim: %llu passed, %llu failed\n", (unsigned long long)(count - failed),
	       (unsigned long long)failed);
	return failed > 0;
}

/* A killed engine leaves its memory behind, as a killed process does: no leak is news here. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

/* A broken promise is told through the log; its other lines only when asked for. */
static void write_log(enum log_level level, const char *line, void *context)
{
	(void)context;
	bool promise = level == LOG_ERROR && strncmp(line, "assertion", 9) == 0;
	if (promise || getenv("SIM_LOG"))
		fprintf(stderr, "%.3f %u %s\n",
			world ? (double)(world->now - USEC_HOUR) / 1e6 : 0.0,
			world && world->life ? world->life->engine + 1 : 0, line);
}

static int usage(void)
{
	printf("sim [OPTIONS] FIRST COUNT: runs COUNT seeds from FIRST on\n"
	       "  --engines=N      at most so many\n"
	       "  --recipients=N   the same\n"
	       "  --crashes=N      of each engine, at most so many\n"
	       "  --without=FAULT  a kind of fault strikes nobody; may come several times\n"
	       "  --point=N        the first engine dies once, at its n-th point, and no other\n"
	       "  --trace=ID       tells what befell that recipient\n");
	return 2;
}

static bool take_fault(str name)
{
	for (int i = 0; i < FAULT_COUNT; i++)
		if (str_eq(name, str_of(fault_names[i]))) {
			world_limits.without |= 1ull << i;
			return true;
		}
	return false;
}

static bool take_option(const char *text)
{
	str option = str_of(text);
	size_t at = str_find_byte(option, '=');
	str name = str_sub(option, 0, at), value = str_from(option, at + 1);
	uint64_t number = 0;
	if (at == STR_NONE)
		return false;
	if (str_eq(name, STR("--without")))
		return take_fault(value);
	if (!str_to_u64(value, &number))
		return false;
	if (str_eq(name, STR("--engines")))
		world_limits.engines = (uint32_t)number;
	else if (str_eq(name, STR("--recipients")))
		world_limits.recipients = (uint32_t)number;
	else if (str_eq(name, STR("--crashes")))
		world_limits.crashes = (uint32_t)number;
	else if (str_eq(name, STR("--point")))
		world_limits.point = number;
	else if (str_eq(name, STR("--trace")))
		world_limits.traced = number;
	else
		return false;
	return true;
}

/* A seed that fails among others is to fail alone: nothing may be left of those before it. */
static bool goes_the_same_way(uint64_t seed, uint64_t digest)
{
	if (seed_run(seed) && seed_digest == digest)
		return true;
	printf("seed %llu goes another way when others were run before it\n",
	       (unsigned long long)seed);
	return false;
}

int main(int argc, char **argv)
{
	uint64_t numbers[2] = {1, 100}, failed = 0, done = 0, digest = 0;
	int given = 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	log_set_writer(write_log, NULL);
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '-' ? !take_option(argv[i])
				      : given == 2 || !str_to_u64(str_of(argv[i]), &numbers[given++]))
			return usage();
	}
	seed_settings_begin();
	uint64_t most = getenv("SIM_FIRST") ? 1 : FAILED_LIMIT;
	for (; done < numbers[1] && failed < most; done++) {
		bool good = seed_run(numbers[0] + done);
		if (done == 0)
			digest = seed_digest;
		if (good)
			continue;
		failed++;
		if (!getenv("SIM_ONLY"))
			seed_shrink(numbers[0] + done);
	}
	if (done > 1 && failed == 0 && !goes_the_same_way(numbers[0], digest))
		failed = 1;
	int result = report(done, failed);
	seed_settings_end();
	return result;
}
