/* scan.h - reading the whole records of one segment file. Private to engine/journal. */
#pragma once

#include "engine/journal/record.h"

struct scan {
	int fd; /* the caller's */
	uint64_t offset; /* behind the last record taken */
	char *piece;
	size_t begin, size; /* of what is in piece and not taken yet; its end */
	bool at_end;        /* of the file */
	enum record_step step;
};

/* -ENOMEM. */
[[nodiscard]] int scan_begin(struct scan *, int fd, uint64_t offset);
void scan_end(struct scan *);
/* 1: a record, whose views live until the next call; 0: no more whole ones; -errno. */
[[nodiscard]] int scan_next(struct scan *, struct record *ret);
/* After the last: how the file ends. The record is scratch. */
enum journal_ending scan_ending(const struct scan *, struct record *scratch);

/* All of it: calls on_record (may be NULL) for each whole record from offset on, with the offset
 * behind it. Returns the offset behind the last, or -errno. */
[[nodiscard]] int64_t scan_segment(int fd, uint64_t offset,
				   void (*on_record)(void *context, uint64_t end,
						     const struct record *),
				   void *context, enum journal_ending *ret_ending);
