/* edges.c - which edges of engine/smtp do its fuzzers reach? All of them are linked into one
 * program whose engine/smtp was compiled by clang with a counter at each edge; fed their seeds
 * and so many mutations each. Writes a line for each edge to standard output, its address and
 * whether it was taken; show_edges.py makes files and shares of them. */
#include <inttypes.h>

#include "tests/fuzz/seeds.h"

#define EACH_FUZZER(X)                                                                         \
	X(smtp_client)                                                                         \
	X(smtp_session)                                                                        \
	X(smtp_server)                                                                         \
	X(reply)                                                                               \
	X(classify)

/* The rules give each fuzzer's entry its own name. */
#define DECLARE(name) int entry_fuzz_##name(const uint8_t *data, size_t size);
EACH_FUZZER(DECLARE)

static const struct {
	const char *name;
	int (*entry)(const uint8_t *data, size_t size);
} fuzzers[] = {
#define ROW(name) {#name, entry_fuzz_##name},
	EACH_FUZZER(ROW)};

/* Called by the start-up code that clang adds, before main(). */
void __sanitizer_cov_8bit_counters_init(uint8_t *begin, uint8_t *end);
void __sanitizer_cov_pcs_init(const uintptr_t *begin, const uintptr_t *end);

static uint8_t *counters;
static size_t counter_count;
static const uintptr_t *addresses; /* pairs: address, flags */
static uint8_t *taken;

void __sanitizer_cov_8bit_counters_init(uint8_t *begin, uint8_t *end)
{
	counters = begin;
	counter_count = (size_t)(end - begin);
}

void __sanitizer_cov_pcs_init(const uintptr_t *begin, const uintptr_t *)
{
	addresses = begin;
}

/* Counters are bytes and overflow: what was taken is kept apart, input by input. */
static void keep_taken(void)
{
	for (size_t i = 0; i < counter_count; i++)
		taken[i] |= counters[i] > 0;
	memset(counters, 0, counter_count);
}

static void feed(int (*entry)(const uint8_t *, size_t), const uint8_t *data, size_t size)
{
	entry(data, size);
	keep_taken();
}

static void run(size_t which, size_t mutations)
{
	static uint8_t data[SIZE_LIMIT];
	char path[200];
	struct prng chance;
	prng_init(&chance, 1);
	seed_count = 0;
	snprintf(path, sizeof(path), "tests/fuzz/corpus/%s", fuzzers[which].name);
	read_seeds(path);
	for (size_t i = 0; i < seed_count; i++)
		feed(fuzzers[which].entry, seeds[i].data, seeds[i].size);
	for (size_t i = 0; i < mutations; i++)
		feed(fuzzers[which].entry, data,
		     mutate_seed(&chance, &seeds[i % seed_count], data));
}

int main(int argc, char **argv)
{
	size_t mutations = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 0;
	taken = calloc(counter_count, 1);
	if (!taken || counter_count == 0)
		return 1;
	for (size_t i = 0; i < sizeof(fuzzers) / sizeof(fuzzers[0]); i++)
		run(i, mutations);
	for (size_t i = 0; i < counter_count; i++)
		printf("0x%" PRIxPTR " %d\n", addresses[2 * i], taken[i]);
	return 0;
}
