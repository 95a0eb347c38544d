/* record.h - how a mark, its undoing or an outcome lies in the journal.
 *
 *   frame  = size crc payload        size, crc: 32 bits, little endian; size counts the payload
 *   crc    = CRC-32C of size and payload
 *   payload= msgpack array: type, then the fields in the order of record.c
 *
 * An array and not a map: a recipient is two records, and its names would be most of them.
 * Times are kept as distances from the record's own. A reader takes a record only whole: a
 * frame cut short, a size beyond the limit, a wrong sum or a payload of another form is where a
 * journal ends. Fields may be added at the end of a type; older readers ignore them. */
#pragma once

#include "engine/base/buf.h"
#include "engine/journal/journal.h"

#define RECORD_HEAD_SIZE 8
#define RECORD_SIZE_LIMIT 8192 /* of a payload: texts are clipped long before */
#define RECORD_TEXT_LIMIT 1024
#define RECORD_NAME_LIMIT 255

enum record_type { RECORD_MARK = 1, RECORD_OUTCOME = 2, RECORD_VOID = 3 };

struct record {
	enum record_type type;
	struct journal_mark mark;
	struct store_outcome outcome;
	char cause[64]; /* what outcome.cause points to */
};

void record_put_mark(struct buf *, const struct journal_mark *);
void record_put_void(struct buf *, const struct journal_mark *); /* as a mark, of its own type */
void record_put_outcome(struct buf *, const struct store_outcome *);

enum record_step { RECORD_READY, RECORD_MORE, RECORD_BAD };
/* Takes one record off the front of *in; views in it point into the bytes of in. */
[[nodiscard]] enum record_step record_take(str *in, struct record *ret);
