/* zone_load.c - see zone_load.h. Most names are links to others: files of the same bytes become
 * one zone. "posix" and "right" hold the same zones once more, the latter counting leap
 * seconds.
 */
#include "engine/data/zone_load.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/map.h"
#include "engine/io/heap.h"

#define ZONES "/usr/share/zoneinfo"

enum {
	FILE_LIMIT = 64 * 1024, /* the largest has 4 KiB */
	ZONES_LIMIT = 2000,     /* there are 600 */
	DEPTH_LIMIT = 4,        /* America/Argentina/Ushuaia */
};

struct loading {
	struct arena *arena;
	struct map by_content;
	struct zone_name *names;
	size_t count;
	char *file; /* of FILE_LIMIT bytes */
};

/* data NULL: there is no such file, or a larger one. */
static str read_file(struct loading *loading, const char *path)
{
	size_t size = 0;
	ssize_t n = 1;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return (str){};
	while (n > 0 && size < FILE_LIMIT) {
		n = read(file, loading->file + size, FILE_LIMIT - size);
		size += n > 0 ? (size_t)n : 0;
	}
	close(file);
	return n == 0 ? str_make(loading->file, size) : (str){};
}

static void add_zone(struct loading *loading, const char *path, str name)
{
	str content = read_file(loading, path);
	if (!str_starts(content, STR("TZif")) || loading->count == ZONES_LIMIT)
		return;
	struct zone *zone = map_get(&loading->by_content, content);
	if (!zone) {
		zone = zone_read(loading->arena, content);
		content = arena_copy(loading->by_content.arena, content);
		if (!zone || !content.data || map_put(&loading->by_content, content, zone) != 0)
			return;
	}
	str copy = arena_copy(loading->arena, name);
	if (copy.data)
		loading->names[loading->count++] = (struct zone_name){copy, zone};
}

/* Recursion over folders, of bounded depth. */
static void add_folder(struct loading *loading, const char *folder, size_t root_size, int depth)
{
	char path[4096];
	struct dirent *entry;
	DIR *directory = opendir(folder);
	while (directory && (entry = readdir(directory))) {
		str name = str_of(entry->d_name);
		struct stat status;
		int n = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (name.data[0] == '.' || n < 0 || (size_t)n >= sizeof(path) ||
		    stat(path, &status) != 0)
			continue;
		bool again = depth == 0 &&
			     (str_eq(name, STR("posix")) || str_eq(name, STR("right")));
		if (S_ISDIR(status.st_mode) && depth < DEPTH_LIMIT && !again)
			add_folder(loading, path, root_size, depth + 1);
		else if (S_ISREG(status.st_mode))
			add_zone(loading, path, str_from(str_of(path), root_size + 1));
	}
	if (directory)
		closedir(directory);
}

static int compare(const void *a, const void *b)
{
	return zone_name_compare(((const struct zone_name *)a)->name,
				 ((const struct zone_name *)b)->name);
}

const struct zones *zones_load(struct arena *arena, const char *folder)
{
	struct arena own; /* what only loading needs */
	struct loading loading = {.arena = arena};
	struct zones *zones = ARENA_NEW(arena, struct zones);
	loading.names = ARENA_ARRAY(arena, struct zone_name, ZONES_LIMIT);
	arena_init(&own, heap_source(), 0, 0);
	loading.file = arena_bytes(&own, FILE_LIMIT);
	if (zones && loading.names && loading.file) {
		map_init(&loading.by_content, &own, 0);
		add_folder(&loading, folder, strlen(folder), 0);
	}
	arena_done(&own);
	if (!zones || loading.count == 0)
		return NULL;
	qsort(loading.names, loading.count, sizeof *loading.names, compare);
	*zones = (struct zones){loading.names, loading.count};
	return zones;
}

static struct arena memory; /* of the process, as what is in it */
static const struct zones *system_zones;

static void load_system(void)
{
	const char *folder = getenv("TZDIR");
	arena_init(&memory, heap_source(), 0, 0);
	system_zones = zones_load(&memory, folder && folder[0] ? folder : ZONES);
}

const struct zones *zones_system(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, load_system);
	return system_zones;
}
