/* journal.h - the engine's own memory across a crash: marks and outcomes, appended.
 * A record is a msgpack array, framed with its length and a CRC-32C (format: record.h). One
 * carrier owns one journal and writes once a turn; positions are byte offsets that only grow,
 * across segments. A mark ("about to end data") is written before the end of data may leave;
 * an outcome before anybody else learns of it. What is settled in the database is freed. */
#pragma once

#include "engine/base/buf.h"
#include "engine/io/io.h"
#include "engine/store/store.h"

/* The transaction whose end of data is about to leave. */
struct journal_mark {
	uint64_t campaign_id, slice_id, subscriber_id;
	uint32_t attempt, revision;
	usec at_wall, date_wall, first_wall; /* first_wall 0: this is the first attempt */
	str provider, site, source, mx_host;
};

struct journal;

/* Takes a folder (made when missing) for this process, before anything in it is read or cut.
 * Returns what journal_release() takes, or -1 with a sentence. */
[[nodiscard]] int journal_hold(const char *directory, char *ret_why, size_t why_size);
void journal_release(int hold); /* -1 is nothing */

/* Without durable_disk what was written is in the kernel's hands: it survives the process, not the
 * machine. True when the journal was last written under another boot of it and not durably (or
 * nobody knows): then its end may be missing without a trace, as if it were damaged. */
bool journal_end_may_be_missing(const char *directory);
/* When that has been seen to: what is written from now on is written under this boot. -errno. */
[[nodiscard]] int journal_note_boot(const char *directory, bool durable_disk);

/* The epoch of the last process that held this journal under this engine's id and this boot of the
 * machine: as long as we hold it, that one has ended. 0: nobody knows. Then ours is noted; where
 * that fails, the next one knows of none. */
uint32_t journal_last_epoch(const char *directory, uint32_t engine_id);
void journal_note_epoch(const char *directory, uint32_t engine_id, uint32_t epoch);

struct journal_options {
	bool durable_disk;     /* a write counts when it is on the disk */
	uint64_t begin;        /* the position that the database knows */
	uint64_t segment_size; /* 0: 8 MiB; tests make it small */
	size_t room;           /* records may wait in so many bytes without more being asked for */
};

/* Opens the journal in a directory (made when missing) and locks it against a second engine.
 * loop: writes go through it. Appending goes on behind the last whole record; a journal that ends
 * before begin (an empty or a lost one) goes on at begin in a new segment, so that positions never
 * fall behind the database's. Returns 0, or -1 with a sentence. */
[[nodiscard]] int journal_open(struct journal **ret_journal, struct io_loop *,
			       const char *directory, const struct journal_options *,
			       char *ret_why, size_t why_size);
void journal_close(struct journal *);

uint64_t journal_end(const struct journal *); /* position behind the last queued record */
/* Queue for the turn's write. Return the position behind the record. */
uint64_t journal_put_mark(struct journal *, const struct journal_mark *);
/* The transaction of that mark came back with nothing of its end having left: the mark says
 * nothing any more. Written before the recipient may be given to anybody else. */
uint64_t journal_put_void(struct journal *, const struct journal_mark *);
uint64_t journal_put_outcome(struct journal *, const struct store_outcome *);
/* Starts the turn's one write if anything is queued and none is under way; on_written gets the
 * position up to which all is written (and durable, if chosen), or a negative errno as error:
 * the records stay queued and journal_flush() may be tried again. */
void journal_flush(struct journal *, void (*on_written)(void *context, uint64_t position, int error),
                   void *context);
bool journal_idle(const struct journal *); /* nothing queued, nothing under way */
/* Nothing before position is needed any more: segments wholly before it are removed, so that
 * what is left is what a start must read. Needed are outcomes that are not settled, and marks
 * whose outcome is not written. A position inside a record keeps that record. */
void journal_free(struct journal *, uint64_t position);
/* The same before the journal is closed; where nothing at all is needed any more, what is left is an
 * empty segment, which tells the next start the position and gives it nothing to read. */
void journal_rest(struct journal *, uint64_t position);
/* A mark at this position keeps so many segments behind it from being freed that it is better
 * put once more at the end: a mark that is there twice says no more than one. */
bool journal_is_far(const struct journal *, uint64_t position);
/* Whether somebody removed the files: then what is written is nowhere. */
bool journal_is_removed(const struct journal *);

/* How a journal ends. Torn: in a record cut short, as a process leaves it that was killed within
 * a write; nothing that had been acted upon is missing. Damaged: bytes changed, or whole records
 * stand behind what cannot be read, as after a power failure without durable_disk or on a failing
 * disk; then marks may be missing, and the database's own start marks must be believed instead.
 */
enum journal_ending { JOURNAL_CLEAN, JOURNAL_TORN, JOURNAL_DAMAGED };

/* Reading back. Calls for every whole record from position on, in order; a torn or damaged
 * tail ends the reading and is described in ret_why (empty: ended cleanly). Returns the
 * position behind the last whole record, or UINT64_MAX when the directory cannot be read. The
 * views in the structs live during the call. */
struct journal_reader_events {
	void (*on_mark)(void *context, uint64_t position, const struct journal_mark *);
	void (*on_void)(void *context, uint64_t position, const struct journal_mark *);
	void (*on_outcome)(void *context, uint64_t position, const struct store_outcome *);
	void *context;
};
uint64_t journal_replay(const char *directory, uint64_t from,
			const struct journal_reader_events *,
			enum journal_ending *ret_ending, char *ret_why, size_t why_size);
/* What an earlier process wrote is on the disk for good: before a replay whose settlements are to
 * outlive the machine. 0 or -errno. */
[[nodiscard]] int journal_sync(const char *directory);
/* After a replay: cuts off what stands behind the last whole record, so that appending goes on
 * there. Of a damaged journal it is kept beside it, in files that end in ".damaged". */
[[nodiscard]] int journal_trim(const char *directory, uint64_t position);
