/* scan.h - reading the whole records of one segment file. Private to engine/journal. */
#pragma once

#include "engine/journal/record.h"

/* Calls on_record (may be NULL) for each whole record from offset on, with the offset behind
 * it. Returns the offset behind the last; *ret_ending: how the file ends. -1: cannot be read
 * (errno). */
[[nodiscard]] int64_t scan_segment(int fd, uint64_t offset,
				   void (*on_record)(void *context, uint64_t end,
						     const struct record *),
				   void *context, enum journal_ending *ret_ending);
