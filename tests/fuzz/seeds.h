/* seeds.h - the seeds of a fuzzer and mutations of them, from a generator of chance that the
 * caller seeds: the same in every run. For the drivers: replay.c and edges.c. */
#pragma once

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/prng.h"

#define SIZE_LIMIT 65536
#define SEED_LIMIT 4096 /* files of one corpus */

struct seed {
	uint8_t *data;
	size_t size;
};
static struct seed seeds[SEED_LIMIT];
static size_t seed_count;

static void read_seed(const char *path)
{
	struct stat st;
	FILE *f = fopen(path, "rb");
	if (!f || fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > SIZE_LIMIT || seed_count == SEED_LIMIT) {
		fprintf(stderr, "%s: cannot be a seed\n", path);
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

/* One input: a seed after a few mutations. Returns its size. */
static size_t mutate_seed(struct prng *chance, const struct seed *seed, uint8_t *data)
{
	size_t size = seed->size;
	memcpy(data, seed->data, size);
	for (size_t steps = prng_below(chance, 6) + 1; steps > 0; steps--)
		size = mutate(chance, data, size);
	return size;
}
