/* segments.c - listing, opening and removing the files of a journal. */
#include "engine/journal/segments.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/str.h"

static void name_of(uint64_t begin, char out[40])
{
	snprintf(out, 40, "%020llu.journal", (unsigned long long)begin);
}

static bool begin_of(const char *name, uint64_t *ret)
{
	str text = str_of(name);
	return text.size == 28 && str_ends(text, STR(".journal")) &&
	       str_to_u64(str_sub(text, 0, 20), ret);
}

int segments_add(struct segments *s, uint64_t begin)
{
	if (s->count == s->capacity) {
		size_t capacity = s->capacity ? s->capacity * 2 : 16;
		uint64_t *begins = realloc(s->begins, capacity * sizeof(*begins));
		if (!begins)
			return -ENOMEM;
		s->begins = begins;
		s->capacity = capacity;
	}
	s->begins[s->count++] = begin;
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static int list(struct segments *s)
{
	int fd = dup(s->directory_fd);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	int result = directory ? 0 : -errno;
	uint64_t begin;
	if (!directory && fd >= 0)
		close(fd);
	while (directory && result == 0) {
		const struct dirent *entry = readdir(directory);
		if (!entry || s->count == SEGMENT_LIMIT)
			break;
		if (begin_of(entry->d_name, &begin))
			result = segments_add(s, begin);
	}
	if (directory)
		closedir(directory);
	if (s->count)
		qsort(s->begins, s->count, sizeof(*s->begins), compare);
	return result;
}

int segments_open(struct segments *s, const char *directory, bool make)
{
	*s = (struct segments){.directory_fd = -1};
	if (make && mkdir(directory, 0700) < 0 && errno != EEXIST)
		return -errno;
	s->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->directory_fd < 0)
		return -errno;
	int result = list(s);
	if (result < 0)
		segments_close(s);
	return result;
}

void segments_close(struct segments *s)
{
	if (s->directory_fd >= 0)
		close(s->directory_fd);
	free(s->begins);
	*s = (struct segments){.directory_fd = -1};
}

int segments_open_file(const struct segments *s, uint64_t begin, int flags)
{
	char name[40];
	name_of(begin, name);
	int fd = openat(s->directory_fd, name, flags | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

static int remove_file(const struct segments *s, uint64_t begin)
{
	char name[40];
	name_of(begin, name);
	return unlinkat(s->directory_fd, name, 0) < 0 ? -errno : 0;
}

int segments_remove_first(struct segments *s)
{
	int result = remove_file(s, s->begins[0]);
	s->count--;
	memmove(s->begins, s->begins + 1, s->count * sizeof(*s->begins));
	return result;
}

int segments_remove_last(struct segments *s)
{
	return remove_file(s, s->begins[--s->count]);
}

/* "00000000000000001234.damaged": it begins at that position. */
static void name_aside(uint64_t begin, char out[40])
{
	snprintf(out, 40, "%020llu.damaged", (unsigned long long)begin);
}

int segments_put_aside_last(struct segments *s)
{
	char name[40], aside[40];
	uint64_t begin = s->begins[s->count - 1];
	name_of(begin, name);
	name_aside(begin, aside);
	if (renameat(s->directory_fd, name, s->directory_fd, aside) < 0)
		return -errno;
	s->count--;
	return 0;
}

/* Where no copy can be made there is none: the journal itself is what counts. */
static void copy_aside(const struct segments *s, int fd, uint64_t position, off_t offset)
{
	char name[40], piece[16384];
	name_aside(position, name);
	int to = openat(s->directory_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (to < 0)
		return;
	for (;;) {
		ssize_t got = pread(fd, piece, sizeof(piece), offset);
		if (got <= 0 || write(to, piece, (size_t)got) != got)
			break;
		offset += got;
	}
	close(to);
}

int segments_cut(const struct segments *s, int fd, uint64_t position, bool keep)
{
	off_t offset = (off_t)(position - s->begins[s->count - 1]);
	struct stat state;
	if (fstat(fd, &state) < 0)
		return -errno;
	if (state.st_size > offset) {
		if (keep)
			copy_aside(s, fd, position, offset);
		if (ftruncate(fd, offset) < 0)
			return -errno;
	}
	return fsync(fd) < 0 ? -errno : 0;
}
