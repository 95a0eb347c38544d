/* segments.h - the files of a journal: one a segment, named by the position it begins at.
 * Private to engine/journal. A segment ends where its file ends; the next begins there, or
 * later where a lost journal was taken up again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A start reads what is not freed, which is whole segments: small ones are read in no time. At
 * full speed this is one new file a second. */
#define SEGMENT_SIZE ((uint64_t)8 * 1024 * 1024)
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
/* Behind damage: the last file stays, under a name that is no segment's. */
[[nodiscard]] int segments_put_aside_last(struct segments *);
/* Cuts the last segment, open as fd, off at a position and has that written to the disk; keep:
 * what is cut off goes into a file of its own first. */
[[nodiscard]] int segments_cut(const struct segments *, int fd, uint64_t position, bool keep);
