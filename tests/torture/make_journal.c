/* make_journal.c - leaves the whole journal of a small campaign in a folder: every segment, also
 * those that the engine frees, with marks, outcomes, and marks undone.
 *
 *   make_journal FOLDER [RECIPIENTS]
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/log.h"
#include "engine/journal/journal.h"
#include "tests/torture/small.h"

#define SEEDS 60 /* tried until a journal has all that one may have */

static const char *folder;

/* A second name for each segment keeps its bytes when the engine removes the first. */
static void keep_segments(struct small *s)
{
	static unsigned steps;
	if (steps++ % 16)
		return;
	DIR *directory = opendir(s->world.journal);
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		char from[512], to[512];
		if (!strstr(entry->d_name, ".journal"))
			continue;
		snprintf(from, sizeof(from), "%s/%s", s->world.journal, entry->d_name);
		snprintf(to, sizeof(to), "%s/%s", folder, entry->d_name);
		if (link(from, to) < 0 && errno != EEXIST) {
			perror(to);
			exit(1);
		}
	}
	if (directory)
		closedir(directory);
}

static void write_log(enum log_level level, const char *line, void *context)
{
	(void)context;
	if (level == LOG_ERROR)
		fprintf(stderr, "%s\n", line);
}

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static void count_void(void *context, uint64_t position, const struct journal_mark *mark)
{
	(void)position;
	(void)mark;
	++*(unsigned *)context;
}

/* Transactions that come back unsent after their mark are rare. */
static bool has_voids(void)
{
	char why[200];
	unsigned voids = 0;
	enum journal_ending ending;
	const struct journal_reader_events events = {.on_void = count_void, .context = &voids};
	journal_replay(folder, 0, &events, &ending, why, sizeof(why));
	return voids > 0;
}

static void empty_folder(void)
{
	DIR *directory = opendir(folder);
	for (struct dirent *entry; directory && (entry = readdir(directory));)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(directory), entry->d_name, 0);
	if (directory)
		closedir(directory);
}

static bool run(uint64_t seed, uint32_t recipients)
{
	static struct small small;
	empty_folder();
	small_begin(&small, seed, recipients, "make_journal");
	small.world.calm = false;
	small.world.rate[FAULT_CUT] = 200;
	small.world.rate[FAULT_OUT_OF_SYNC] = 50;
	small.world.rate[FAULT_421] = 50;
	small.world.rate[FAULT_RESET_BODY] = 50;
	small.world.rate[FAULT_RESET] = 60;
	small.world.rate[FAULT_DISK_FULL] = 100;
	small.world.rate[FAULT_LOST_REPLY] = 30;
	small.on_step = keep_segments;
	bool good = small_open(&small) && small_run(&small) == SMALL_FINISHED;
	if (!good)
		fprintf(stderr, "make_journal: %s\n", small_why(&small));
	if (small.open)
		small_close(&small);
	good = good && small_check(&small);
	small_end(&small);
	return good;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	folder = argv[1];
	mkdir(folder, 0700);
	log_set_writer(write_log, NULL);
	small_once();
	uint32_t recipients = argc > 2 ? (uint32_t)atoi(argv[2]) : 60;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		if (!run(seed, recipients))
			return 1;
		if (has_voids())
			return 0;
	}
	fprintf(stderr, "make_journal: no transaction came back unsent\n");
	return 1;
}
