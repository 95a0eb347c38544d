/* cursor.h - a journal read record by record, by whoever wants to look: takes no lock, changes
 * nothing, and may read while an engine writes. Replay at start is journal_replay(). */
#pragma once

#include "engine/journal/scan.h"
#include "engine/journal/segments.h"

struct journal_cursor {
	struct segments segments;
	size_t index;   /* of the segment being read */
	uint64_t begin; /* of that */
	int fd;         /* -1: none is open */
	struct scan scan;
	struct record record;
	enum journal_ending ending;
};

/* From the first segment on. 0, or -errno. */
[[nodiscard]] int cursor_open(struct journal_cursor *, const char *directory);
void cursor_close(struct journal_cursor *);
/* 1: a record, in cursor->record, until the next call; *ret_begin and *ret_end are its positions.
 * 0: there are no more; ending says how the journal ends. -errno. */
[[nodiscard]] int cursor_next(struct journal_cursor *, uint64_t *ret_begin, uint64_t *ret_end);
/* Behind the last record read. */
uint64_t cursor_position(const struct journal_cursor *);

/* The process that holds a journal's lock, without touching it: asks the kernel's table. 0: none;
 * -1: some process whose number cannot be seen from here. */
int journal_holder(const char *directory);
