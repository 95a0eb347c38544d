/* rundbrief/journal.h - reading an engine's journal: what it was about to send, and what came of
 * it. Takes no lock and changes nothing; an engine may be writing meanwhile. C11 and C++.
 *
 * A journal is a folder of segments, files named by the position of their first byte (twenty
 * digits and ".journal"). A position counts the bytes ever written and only grows. A segment
 * ends where its file ends; the next begins there, or later where a lost journal was taken up
 * again. Segments of which nothing is needed any more are removed, from the first on.
 *
 *   segment = *record
 *   record  = size crc payload     size, crc: 32 bits, little endian
 *                                  size: bytes of the payload, 1 to 8192
 *                                  crc: CRC-32C (Castagnoli) of the four bytes of size and of the payload
 *   payload = a MessagePack array of integers, nil, and bin 8 or bin 16 (all texts: any bytes)
 *
 *   1  mark     the end of this transaction's data is about to leave; nothing of it leaves
 *               before this record is written
 *   2  outcome  what came of an attempt, or of a recipient without any
 *   3  void     the transaction of a mark came back, and nothing of its end had left
 *
 * The fields, in order; times are microseconds since 1970:
 *
 *   type, campaign, slice, subscriber, attempt, revision of the campaign,
 *   at, date (of the message), first (attempt)    date and first: as distances from at, or nil
 *   provider, site, source, MX host
 *                                    and of an outcome also:
 *   verdict (delivery.h), flags (1 final, 2 the address is suppressed), class (as in the table
 *   deliveries), cause, origin (0 a server, 1 the engine itself), stage, code, the three numbers of
 *   the enhanced code, due (distance from at, or nil), milliseconds, bytes, text of the reply
 *
 * Fields may be added behind these: pass over them. A type that is not listed here is where
 * reading ends. What an outcome or a void says holds for the marks of the same campaign,
 * subscriber and attempt before it; a mark may stand there more than once. A mark without either
 * is a recipient in doubt. */
#ifndef RUNDBRIEF_JOURNAL_H
#define RUNDBRIEF_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include <rundbrief/delivery.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rundbrief_journal rundbrief_journal;

enum rundbrief_record_type {
	RUNDBRIEF_RECORD_MARK = 1,
	RUNDBRIEF_RECORD_OUTCOME = 2,
	RUNDBRIEF_RECORD_VOID = 3
};

/* Not terminated by a zero. */
struct rundbrief_text {
	const char *data;
	size_t size;
};

struct rundbrief_record {
	enum rundbrief_record_type type;
	uint64_t begin, end; /* positions of its bytes */
	uint64_t campaign, slice, subscriber;
	uint32_t attempt, revision;
	int64_t at_usec, date_usec, first_usec; /* 0: there is none */
	struct rundbrief_text provider, site, source, mx_host;
	/* Of an outcome; 0 and empty otherwise. */
	enum rundbrief_verdict verdict;
	int is_final, suppress;
	const char *class_name; /* "bad-mailbox", ...: a literal of the library */
	struct rundbrief_text cause;
	unsigned code, enhanced_code[3];
	int64_t due_usec;
	uint32_t duration_ms, message_size;
	struct rundbrief_text text;
};

enum rundbrief_journal_end {
	RUNDBRIEF_JOURNAL_WHOLE,  /* every byte was read */
	RUNDBRIEF_JOURNAL_TORN,   /* it ends in a record cut short, or one that is being written; or in
				   * zeros, as a loss of power leaves them */
	RUNDBRIEF_JOURNAL_DAMAGED /* bytes changed; what stands behind them is not read */
};

/* NULL with a sentence in ret_why (which may be NULL). */
rundbrief_journal *rundbrief_journal_open(const char *directory, char *ret_why,
					  size_t why_size);
void rundbrief_journal_close(rundbrief_journal *);

/* The next record: 1. At the end: 0. When a segment cannot be read: a negative errno. What the
 * texts point to lives until the next call. */
int rundbrief_journal_next(rundbrief_journal *, struct rundbrief_record *ret_record);

/* After the last record: how the journal ends, and the position behind the last whole record. */
enum rundbrief_journal_end rundbrief_journal_ending(const rundbrief_journal *,
						    uint64_t *ret_position);

#ifdef __cplusplus
}
#endif
#endif
