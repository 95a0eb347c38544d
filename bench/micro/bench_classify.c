/* bench_classify.c - what classifying a reply costs, and what is left when rules are gone.
 * Without arguments over the examples of the rules; with a file over its lines (reply code,
 * enhanced code, text). Line numbers of rules behind the file: those are left out, and the
 * class of each line is printed instead of a time. CPU time of the thread, best of several
 * rounds, beside FNV-1a over the same bytes: one multiplication a byte. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/micro/yardstick.h"
#include "engine/base/buf.h"
#include "engine/base/embedded.h"
#include "engine/smtp/classify.h"

#define ROUNDS 100
#define LINE_LIMIT 10000
#define NUMBER_LIMIT 4096
#define FILE_LIMIT (4 << 20)

static str lines[LINE_LIMIT];
static size_t line_count, byte_count;

static void *block_get(struct arena_source *, size_t size)
{
	return malloc(size);
}

static void block_give_back(struct arena_source *, void *block, size_t)
{
	free(block);
}

static void take_text(str text)
{
	while (text.size > 0) {
		str line = str_cut(&text, '\n');
		if (line_count == LINE_LIMIT)
			exit(1);
		lines[line_count++] = line;
		byte_count += line.size;
	}
}

static void take_examples(void)
{
	static char memory[1 << 20];
	str table = embedded_find("engine/smtp/rules.tsv");
	struct buf b;
	buf_init_fixed(&b, memory, sizeof memory);
	while (table.size > 0) {
		str line = str_cut(&table, '\n');
		if (line.size == 0 || line.data[0] == '#' || line.data[0] == '@')
			continue;
		buf_printf(&b, "\t\t%.*s\n",
			   STR_FORMAT(str_from(line, str_rfind_byte(line, '\t') + 1)));
	}
	take_text(buf_str(&b));
}

static void take_file(const char *path)
{
	static char memory[FILE_LIMIT];
	FILE *file = fopen(path, "r");
	if (!file)
		exit(1);
	size_t size = fread(memory, 1, sizeof memory, file);
	fclose(file);
	take_text(str_make(memory, size));
}

static double time_classifier(const struct classifier *classifier)
{
	double best = 1e9;
	unsigned classes = 0;
	for (int round = 0; round < ROUNDS; round++) {
		double start = cpu_usec();
		for (size_t i = 0; i < line_count; i++)
			classes += classify_line(classifier, lines[i]).class;
		double each = (cpu_usec() - start) / (double)line_count;
		best = each < best ? each : best;
	}
	return classes ? best : 0;
}

static double time_fnv(void)
{
	double best = 1e9;
	volatile uint64_t sum;
	for (int round = 0; round < ROUNDS; round++) {
		double start = cpu_usec();
		uint64_t hash = 0xcbf29ce484222325;
		for (size_t i = 0; i < line_count; i++)
			for (size_t j = 0; j < lines[i].size; j++)
				hash = (hash ^ (unsigned char)lines[i].data[j]) * 0x100000001b3;
		sum = hash;
		double each = (cpu_usec() - start) / (double)line_count;
		best = each < best ? each : best;
	}
	(void)sum;
	return best;
}

/* What is left out becomes a comment: the others keep their line numbers. */
static str table_without(char **numbers, int count)
{
	static char memory[1 << 20];
	static bool gone[NUMBER_LIMIT];
	str table = embedded_find("engine/smtp/rules.tsv");
	size_t size = 0;
	for (int i = 0; i < count; i++)
		gone[strtoul(numbers[i], NULL, 10) % NUMBER_LIMIT] = true;
	for (size_t number = 1; table.size > 0; number++) {
		str line = str_cut(&table, '\n');
		if (gone[number])
			line = STR("#");
		memcpy(memory + size, line.data, line.size);
		size += line.size;
		memory[size++] = '\n';
	}
	return str_make(memory, size);
}

int main(int argc, char **argv)
{
	struct arena_source source = {block_get, block_give_back};
	struct arena arena;
	arena_init(&arena, &source, 0, 0);
	if (argc > 1)
		take_file(argv[1]);
	else
		take_examples();
	struct classifier *classifier =
		argc > 2 ? classifier_create_from(&arena, table_without(argv + 2, argc - 2))
			 : classifier_create(&arena);
	if (!classifier || line_count == 0)
		return 1;
	if (argc > 2) {
		for (size_t i = 0; i < line_count; i++)
			puts(bounce_class_names[classify_line(classifier, lines[i]).class]);
	} else {
		double each = time_classifier(classifier), fnv = time_fnv();
		printf("a reply of %zu bytes: %.2f us, %.1f times FNV-1a over it (%.3f us); "
		       "tables of %zu KB\n",
		       byte_count / line_count, each, each / fnv, fnv, arena.taken_size >> 10);
	}
	arena_done(&arena);
	return 0;
}
