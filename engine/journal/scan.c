/* scan.c - one segment's records. Files are read in pieces, so that a replay at start takes little
 * memory. */
#include "engine/journal/scan.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ZEROS_LEAST 2
#define PIECE_SIZE ((size_t)256 * 1024) /* many records; a record takes at most 8 KiB */

int scan_begin(struct scan *scan, int fd, uint64_t offset)
{
	*scan = (struct scan){.fd = fd, .offset = offset, .step = RECORD_MORE};
	scan->piece = malloc(PIECE_SIZE);
	return scan->piece ? 0 : -ENOMEM;
}

void scan_end(struct scan *scan)
{
	free(scan->piece);
	scan->piece = NULL;
}

static str left(const struct scan *scan)
{
	return str_make(scan->piece + scan->begin, scan->size - scan->begin);
}

/* Fills up the piece behind what is left of the last one. */
static int read_more(struct scan *scan)
{
	str rest = left(scan);
	memmove(scan->piece, rest.data, rest.size);
	scan->begin = 0;
	scan->size = rest.size;
	while (scan->size < PIECE_SIZE && !scan->at_end) {
		ssize_t got = pread(scan->fd, scan->piece + scan->size, PIECE_SIZE - scan->size,
				    (off_t)(scan->offset + scan->size));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		scan->at_end = got == 0;
		scan->size += (size_t)got;
	}
	return 0;
}

int scan_next(struct scan *scan, struct record *ret)
{
	while (scan->step != RECORD_BAD) {
		str in = left(scan);
		size_t before = in.size;
		scan->step = record_take(&in, ret);
		if (scan->step == RECORD_READY) {
			scan->begin += before - in.size;
			scan->offset += before - in.size;
			return 1;
		}
		if (scan->step == RECORD_BAD || scan->at_end)
			break;
		int result = read_more(scan);
		if (result < 0)
			return result;
	}
	return 0;
}

/* Where the zeros begin that reach to the end of the file, as an offset in it; -1: it cannot be read. */
static int64_t zeros_from(const struct scan *scan, uint64_t *ret_end)
{
	char piece[4096];
	uint64_t at = scan->offset, from = at;
	for (;;) {
		ssize_t got = pread(scan->fd, piece, sizeof(piece), (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		for (size_t i = (size_t)got; i > 0; i--)
			if (piece[i - 1] != 0) {
				from = at + i;
				break;
			}
		at += (uint64_t)got;
	}
	*ret_end = at;
	return (int64_t)from;
}

/* After a loss of power a file may have its new length and not yet all that was written: zeros stand
 * where the rest would be, up to the end. That is a torn record as well, where the zeros begin
 * within it or before it. A record's own last byte may be a zero: one alone says nothing. */
static bool is_torn_by_zeros(const struct scan *scan)
{
	uint64_t end = 0, size;
	uint32_t head;
	int64_t from = zeros_from(scan, &end);
	if (from < 0 || end - (uint64_t)from < ZEROS_LEAST)
		return false;
	size = (uint64_t)from - scan->offset; /* that are left of it */
	if (size < sizeof(head))
		return true;
	str in = left(scan);
	memcpy(&head, in.data, sizeof(head));
	return le32toh(head) <= RECORD_SIZE_LIMIT && size < RECORD_HEAD_SIZE + le32toh(head);
}

/* What stands at the end of a file and is no whole record. A write that was cut short leaves
 * the first bytes of one; where a whole one can be read behind them, they were one. */
enum journal_ending scan_ending(const struct scan *scan, struct record *scratch)
{
	str rest = left(scan);
	if (rest.size == 0)
		return JOURNAL_CLEAN;
	if (scan->step == RECORD_BAD)
		return is_torn_by_zeros(scan) ? JOURNAL_TORN : JOURNAL_DAMAGED;
	for (size_t i = 1; i < rest.size; i++) {
		str in = str_from(rest, i);
		if (record_take(&in, scratch) == RECORD_READY)
			return JOURNAL_DAMAGED;
	}
	return JOURNAL_TORN;
}

int64_t scan_segment(int fd, uint64_t offset,
		     void (*on_record)(void *context, uint64_t end, const struct record *),
		     void *context, enum journal_ending *ret_ending)
{
	struct scan scan;
	struct record record;
	int result = scan_begin(&scan, fd, offset);
	while (result >= 0 && (result = scan_next(&scan, &record)) > 0)
		if (on_record)
			on_record(context, scan.offset, &record);
	if (result == 0)
		*ret_ending = scan_ending(&scan, &record);
	scan_end(&scan);
	return result < 0 ? result : (int64_t)scan.offset;
}
