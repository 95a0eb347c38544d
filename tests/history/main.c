/* main.c - plays histories and prints what came of each request and, at the end, the tables:
 *
 *   history_sim FIRST COUNT [only=3,17,18]
 *   history_pg FIRST COUNT [only=...]
 *
 * Two programs of one source, over the simulated store and over the real one: run.py compares
 * what they print line by line. only= leaves all acts out but these, by number. */
#include "tests/history/run.h"

#include <stdlib.h>
#include <string.h>

static void leave_out(struct history *h, const char *list)
{
	bool keeps[HISTORY_ACTS] = {};
	for (char *end; *list; list = *end ? end + 1 : end) {
		unsigned long number = strtoul(list, &end, 10);
		if (end == list)
			break;
		if (number < h->act_count)
			keeps[number] = true;
	}
	for (size_t i = 0; i < h->act_count; i++)
		if (!keeps[i])
			h->acts[i].kind = ACT_NONE;
}

static void say_hits(const struct run *run)
{
	fputs("hits:", stdout);
	for (unsigned i = 1; i < ACT_COUNT; i++)
		printf(" %s=%llu", act_names[i], (unsigned long long)run->act_hits[i]);
	for (unsigned i = 1; i < MISHAP_COUNT; i++)
		printf(" answer-%s=%llu", mishap_names[i],
		       (unsigned long long)run->mishap_hits[i]);
	for (unsigned i = 0; i < HIT_COUNT; i++)
		printf(" %s=%llu", hit_names[i], (unsigned long long)run->state_hits[i]);
	fputc('\n', stdout);
}

int main(int argc, char **argv)
{
	static struct history history;
	struct run *run = calloc(1, sizeof(*run));
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	if (!run || !side_setup()) {
		fputs("history: the world cannot be set up\n", stderr);
		free(run);
		return 2;
	}
	for (uint64_t seed = first; seed < first + count; seed++) {
		history_make(&history, seed);
		if (argc > 3 && strncmp(argv[3], "only=", 5) == 0)
			leave_out(&history, argv[3] + 5);
		printf("seed %llu\n", (unsigned long long)seed);
		play(&history, stdout, run);
	}
	say_hits(run);
	int code = run->failures > 0;
	side_teardown();
	free(run);
	return code;
}
