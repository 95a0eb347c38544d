/* segments.h - the files of a journal: one a segment, named by the position it begins at.
 * Private to engine/journal. A segment ends where its file ends; the next begins there, or
 * later where a lost journal was taken up again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEGMENT_SIZE ((uint64_t)64 * 1024 * 1024)
#define SEGMENT_LIMIT 100000 /* files looked at in a directory */

struct segments {
	int directory_fd; /* -1: not open */
	uint64_t *begins; /* ascending */
	size_t count, capacity;
};

/* Opens the directory (made when missing and make is set) and lists what is there. 0 or -errno.
 */
[[nodiscard]] int segments_open(struct segments *, const char *directory, bool make);
void segments_close(struct segments *);
/* Notes a segment behind the last. -ENOMEM. */
[[nodiscard]] int segments_add(struct segments *, uint64_t begin);
/* A descriptor or -errno; flags as for open(2), made when missing with O_CREAT. */
[[nodiscard]] int segments_open_file(const struct segments *, uint64_t begin, int flags);
/* Removes the first file. */
int segments_remove_first(struct segments *);
int segments_remove_last(struct segments *);
