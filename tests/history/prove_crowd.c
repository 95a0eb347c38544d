/* prove_crowd.c - engines that work at once, each a process of its own, on the same campaigns
 * in one PostgreSQL: they cut, lease, mark, put back, claim, settle and finish as fast as they
 * can while backends are killed, leases run out under their hands and people pause, resume and
 * unsubscribe. In every snapshot everybody is in one place, and in the end everybody has one
 * verdict.
 *
 *   prove_crowd FIRST COUNT SECONDS */
#include "tests/history/run.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "engine/io/clock.h"
#include "tests/history/side_pg.h"

#define ENGINES HISTORY_ENGINES

static struct shared {
	volatile bool over;
	uint64_t acts, requests, lost, retried, deadlocks, failures;
} *shared;

static _Noreturn void work(const struct history *h, unsigned index, uint64_t seed)
{
	struct run *run = calloc(1, sizeof(*run));
	char path[64];
	snprintf(path, sizeof(path), "build/log/crowd-%u", index);
	FILE *out = fopen(path, "w");
	struct prng chance;
	unsigned number = 0;
	ASSERT(run && out);
	side_pg_fork();
	run_begin(run, h, out);
	run->is_storm = true;
	prng_init(&chance, seed * 64 + index);
	const struct act join = {.kind = ACT_JOIN, .engine = index, .chance = index};
	run_act(run, &join, number++);
	while (!shared->over) {
		struct act act = history_draw(&chance, h);
		act.engine = index;
		act.mishap = MISHAP_NONE;
		if (act.kind >= ACT_POST || (act.kind == ACT_FINISH && act.chance % 4))
			continue;
		if (!run->actors[index].process.store)
			act.kind = ACT_JOIN;
		run_act(run, &act, number++);
		__atomic_fetch_add(&shared->requests, run->asked, __ATOMIC_RELAXED);
	}
	run_end(run);
	__atomic_fetch_add(&shared->acts, number, __ATOMIC_RELAXED);
	__atomic_fetch_add(&shared->lost, run->lost, __ATOMIC_RELAXED);
	__atomic_fetch_add(&shared->retried, run->retried, __ATOMIC_RELAXED);
	__atomic_fetch_add(&shared->deadlocks, run->deadlocks, __ATOMIC_RELAXED);
	__atomic_fetch_add(&shared->failures, run->failures, __ATOMIC_RELAXED);
	fclose(out);
	_exit(0);
}

/* A lease runs out, a backend dies, or a person does something. */
static void disturb(struct run *run, struct prng *chance)
{
	struct act act = history_draw(chance, run->history);
	unsigned die = (unsigned)prng_below(chance, 10);
	act.mishap = MISHAP_NONE;
	if (die < 2)
		side_pg_kill_one();
	else if (die < 4)
		side_pg_silence_one();
	else if (die == 4)
		side_pass(2 * USEC_HOUR);
	else if (act.kind >= ACT_POST && act.kind < ACT_PASS)
		run_act(run, &act, 0);
}

static void crowd(struct run *run, uint64_t seed, usec span)
{
	static struct history h;
	pid_t children[ENGINES];
	struct prng chance;
	history_make(&h, seed);
	h.engine_count = ENGINES;
	prng_init(&chance, seed);
	if (!side_begin(&h)) {
		run->failures++;
		return;
	}
	run_begin(run, &h, stdout);
	shared->over = false;
	for (unsigned i = 0; i < ENGINES; i++)
		if ((children[i] = fork()) == 0)
			work(&h, i, seed);
	usec until = clock_now() + span;
	while (clock_now() < until) {
		usleep(20000);
		disturb(run, &chance);
		side_pg_snapshot(true);
		run_check_view(run);
		side_pg_snapshot(false);
	}
	shared->over = true;
	for (unsigned i = 0; i < ENGINES; i++)
		waitpid(children[i], NULL, 0);
	const struct act last = {.chance = seed};
	run_begin(run, &h, fopen("/dev/null", "w"));
	run->act = &last;
	run_to_the_end(run);
	run_check_view(run);
	run_end(run);
	side_end();
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	usec span = (argc > 3 ? atoi(argv[3]) : 2) * USEC_SECOND;
	struct run *run = calloc(1, sizeof(*run));
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (!run || shared == MAP_FAILED || !side_setup())
		return 2;
	run->is_storm = true;
	for (uint64_t seed = first; seed < first + count; seed++)
		crowd(run, seed, span);
	printf("%llu acts of %d engines at once, %llu requests: %llu lost, %llu to be asked again, "
	       "of them %llu deadlocks\n",
	       (unsigned long long)shared->acts, ENGINES, (unsigned long long)shared->requests,
	       (unsigned long long)shared->lost, (unsigned long long)shared->retried,
	       (unsigned long long)shared->deadlocks);
	uint64_t failures = run->failures + shared->failures;
	bool idle = shared->lost == 0;
	if (idle)
		printf("FAILED: no request was ever lost\n");
	printf("crowd: %llu passed, %llu failed\n", (unsigned long long)(failures ? 0 : count),
	       (unsigned long long)(failures + idle));
	side_teardown();
	return failures || idle;
}
