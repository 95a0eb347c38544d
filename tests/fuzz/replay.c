/* replay.c - a fuzzer's seeds as a test: feeds LLVMFuzzerTestOneInput each file of its corpus, then
 * mutations of them that are the same in every run. Linked to one fuzz_<name>.c, so that no
 * libFuzzer is needed: `replay MUTATIONS DIRECTORY|FILE...`.
 * What kills the program is written to a file first and named with the command that runs it
 * again; an input that takes longer than 10 s counts as a death. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/prng.h"

#define SIZE_LIMIT 65536
#define SEED_LIMIT 4096 /* files of one corpus */
#define INPUT_SECONDS 10

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __sanitizer_set_death_callback(void (*on_death)(void));

static const char *program;
static uint8_t *current;
static size_t current_size;

struct seed {
	uint8_t *data;
	size_t size;
};
static struct seed seeds[SEED_LIMIT];
static size_t seed_count;

/* In a signal handler: only what is safe there. */
static void keep_input(void)
{
	char path[400];
	static const char ending[] = ".death";
	size_t size = strnlen(program, sizeof(path) - sizeof(ending));
	memcpy(path, program, size);
	memcpy(path + size, ending, sizeof(ending));
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || !current)
		return;
	ssize_t written = write(fd, current, current_size);
	close(fd);
	const char *words[] = {"FAILED: run again: ", program, " 0 ", path, "\n"};
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

static void read_seed(const char *path)
{
	struct stat st;
	FILE *f = fopen(path, "rb");
	if (!f || fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > SIZE_LIMIT ||
	    seed_count == SEED_LIMIT) {
		fprintf(stderr, "replay: %s: cannot be a seed\n", path);
		exit(1);
	}
	struct seed *s = &seeds[seed_count++];
	s->size = (size_t)st.st_size;
	s->data = malloc(s->size + 1);
	if (!s->data || fread(s->data, 1, s->size, f) != s->size)
		exit(1);
	fclose(f);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* In the order of names: mutations must not depend on the file system. */
static void read_seeds(const char *path)
{
	struct dirent **entries;
	char file[1000];
	int count = scandir(path, &entries, NULL, by_name);
	if (count < 0) {
		read_seed(path);
		return;
	}
	for (int i = 0; i < count; i++) {
		int n = snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' && n > 0 && (size_t)n < sizeof(file))
			read_seed(file);
		free(entries[i]);
	}
	free(entries);
}

static size_t cut_out(struct prng *chance, uint8_t *data, size_t size)
{
	size_t at = prng_below(chance, size), count = prng_below(chance, size - at) + 1;
	memmove(data + at, data + at + count, size - at - count);
	return size - count;
}

static size_t repeat(struct prng *chance, uint8_t *data, size_t size)
{
	size_t at = prng_below(chance, size), count = prng_below(chance, size - at) + 1;
	if (size + count > SIZE_LIMIT)
		return size;
	memmove(data + at + count, data + at, size - at);
	return size + count;
}

/* Part of another seed in place of what is here. */
static size_t cross(struct prng *chance, uint8_t *data, size_t size)
{
	const struct seed *other = &seeds[prng_below(chance, seed_count)];
	size_t at = prng_below(chance, size), from = prng_below(chance, other->size + 1);
	size_t count = other->size - from;
	if (at + count > SIZE_LIMIT)
		return size;
	memcpy(data + at, other->data + from, count);
	return at + count;
}

static size_t mutate(struct prng *chance, uint8_t *data, size_t size)
{
	/* Bytes that mean something to one parser or another. */
	static const char telling[] = "\0\r\n\t .,:;<>@\"\\%{}|=+-_/0159aZ\x7f\x80\xc3\xff\xfe";
	if (size == 0) {
		data[0] = (uint8_t)prng_u64(chance);
		return 1;
	}
	switch (prng_below(chance, 6)) {
	case 0:
		data[prng_below(chance, size)] ^= (uint8_t)(1u << prng_below(chance, 8));
		return size;
	case 1:
		data[prng_below(chance, size)] = (uint8_t)prng_u64(chance);
		return size;
	case 2:
		data[prng_below(chance, size)] =
			(uint8_t)telling[prng_below(chance, sizeof(telling) - 1)];
		return size;
	case 3:
		return cut_out(chance, data, size);
	case 4:
		return repeat(chance, data, size);
	default:
		return cross(chance, data, size);
	}
}

static void feed_mutations(size_t count)
{
	static uint8_t data[SIZE_LIMIT];
	struct prng chance;
	prng_init(&chance, 1);
	for (size_t i = 0; i < count; i++) {
		const struct seed *seed = &seeds[i % seed_count];
		size_t size = seed->size;
		memcpy(data, seed->data, size);
		for (size_t steps = prng_below(&chance, 6) + 1; steps > 0; steps--)
			size = mutate(&chance, data, size);
		feed(data, size);
	}
}

int main(int argc, char **argv)
{
	static const int deaths[] = {SIGABRT, SIGALRM, SIGSEGV, SIGILL, SIGFPE, SIGBUS};
	program = argv[0];
	if (argc < 3) {
		fprintf(stderr, "usage: %s MUTATIONS DIRECTORY|FILE...\n", program);
		return 1;
	}
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
	size_t count = (size_t)strtoul(argv[1], NULL, 10);
	feed_mutations(count);
	printf("%s: %zu seeds and %zu mutations\n", program, seed_count, count);
	return 0;
}
