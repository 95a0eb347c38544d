/* replay.c - a fuzzer's seeds as a test: feeds LLVMFuzzerTestOneInput each file of its corpus,
 * then mutations of them that are the same in every run. Linked to one fuzz_<name>.c, so that
 * no libFuzzer is needed: `replay MUTATIONS DIRECTORY|FILE...`; or, for those who count their
 * steps, other mutations until so many were made: `replay STEPS:SEED DIRECTORY|FILE...`.
 * What kills the program is written to a file first and named with the command that runs it
 * again; an input that takes longer than 10 s counts as a death. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/seeds.h"

#define INPUT_SECONDS 10
#define RANDOM_LIMIT 4000 /* of an input of any bytes */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __sanitizer_set_death_callback(void (*on_death)(void));

/* What a fuzzer counts as a step; none if it does not. */
__attribute__((weak)) uint64_t fuzz_step_count;

static const char *program;
static char death_path[400]; /* where the input goes that kills the program */
static uint8_t *current;
static size_t current_size;

/* In a signal handler: only what is safe there. */
static void keep_input(void)
{
	int fd = open(death_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || !current)
		return;
	ssize_t written = write(fd, current, current_size);
	close(fd);
	const char *words[] = {"FAILED: run again: ", program, " 0 ", death_path, "\n"};
	for (size_t i = 0; written >= 0 && i < sizeof(words) / sizeof(words[0]); i++)
		written = write(2, words[i], strlen(words[i]));
}

static void on_signal(int number)
{
	keep_input();
	signal(number, SIG_DFL);
	_exit(number == SIGALRM ? 3 : 2);
}

/* The input in a block of exactly its size, so that one byte too far is seen. */
static void feed(const uint8_t *data, size_t size)
{
	uint8_t *block = malloc(size ? size : 1);
	if (!block)
		exit(1);
	memcpy(block, data, size);
	current = block;
	current_size = size;
	alarm(INPUT_SECONDS);
	LLVMFuzzerTestOneInput(block, size);
	alarm(0);
	current = NULL;
	free(block);
}

static void feed_mutations(size_t count)
{
	static uint8_t data[SIZE_LIMIT];
	struct prng chance;
	prng_init(&chance, 1);
	for (size_t i = 0; i < count; i++)
		feed(data, mutate_seed(&chance, &seeds[i % seed_count], data));
	printf("%s: %zu seeds and %zu mutations\n", program, seed_count, count);
}

/* Until the fuzzer has made so many steps of its own; every fourth input is any bytes. */
static void feed_until(uint64_t steps, uint64_t seed)
{
	static uint8_t data[SIZE_LIMIT];
	struct prng chance;
	size_t count = 0;
	prng_init(&chance, seed);
	for (; fuzz_step_count < steps; count++) {
		size_t size;
		if (count % 4 > 0) {
			size = mutate_seed(&chance, &seeds[prng_below(&chance, seed_count)],
					   data);
		} else {
			size = prng_below(&chance, RANDOM_LIMIT);
			for (size_t i = 0; i < size; i++)
				data[i] = (uint8_t)prng_u64(&chance);
		}
		feed(data, size);
	}
	printf("steps %llu inputs %zu\n", (unsigned long long)fuzz_step_count, count);
}

int main(int argc, char **argv)
{
	static const int deaths[] = {SIGABRT, SIGALRM, SIGSEGV, SIGILL, SIGFPE, SIGBUS};
	unsigned long long count = 0, seed = 0;
	program = argv[0];
	if (argc < 3 || sscanf(argv[1], "%llu:%llu", &count, &seed) < 1) {
		fprintf(stderr, "usage: %s MUTATIONS|STEPS:SEED DIRECTORY|FILE...\n", program);
		return 1;
	}
	snprintf(death_path, sizeof(death_path), seed ? "%s.%llu.death" : "%s.death", program,
		 seed);
	for (size_t i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++)
		signal(deaths[i], on_signal);
	__sanitizer_set_death_callback(keep_input);
	for (int i = 2; i < argc; i++)
		read_seeds(argv[i]);
	if (seed_count == 0) {
		fprintf(stderr, "FAILED: %s: no seeds\n", program);
		return 1;
	}
	for (size_t i = 0; i < seed_count; i++)
		feed(seeds[i].data, seeds[i].size);
	if (seed)
		feed_until(count, seed);
	else
		feed_mutations((size_t)count);
	return 0;
}
