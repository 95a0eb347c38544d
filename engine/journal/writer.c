/* writer.c - appending: records queue up in memory and leave as one write a turn.
 * Two buffers change places: one is filled while the other is on its way, so that putting a
 * record never waits. A write that failed (a full disk) keeps its bytes and its place in the
 * file and is tried again as it was; what came later waits behind it. */
#include "engine/journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "engine/journal/scan.h"
#include "engine/journal/segments.h"

#define ROOM_DEFAULT ((size_t)256 * 1024)
#define FAR_SEGMENTS 4 /* that one open mark may keep */

struct journal {
	struct io_loop *loop;
	struct segments segments;
	int lock_fd, fd; /* fd: of the last segment; -1: none yet */
	bool durable;
	uint64_t segment_size;
	struct buf queued, writing; /* memory by malloc: see room_for() */
	uint64_t begin;             /* of the last segment */
	uint64_t written;           /* position behind what is in the file for good */
	struct io_op op;
	bool under_way;
	void (*on_written)(void *context, uint64_t position, int error);
	void *context;
};

/* ---- opening ---- */

/* A descriptor that holds the lock until it is closed, or -errno. */
static int lock(const struct segments *segments)
{
	int fd = openat(segments->directory_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd < 0 ? -errno : fd;
	int error = errno;
	close(fd);
	return -error;
}

static void tell_not_opened(int error, const char *directory, char *ret_why, size_t why_size)
{
	if (error == -EWOULDBLOCK)
		snprintf(ret_why, why_size,
			 "another engine is running with the journal in %s: each engine "
			 "needs a name and a journal of its own",
			 directory);
	else
		snprintf(ret_why, why_size, "the journal in %s cannot be opened: %s", directory,
			 strerror(-error));
}

/* Finds the end of the last segment and cuts off what is torn behind it. */
static int find_end(struct journal *j)
{
	enum journal_ending ending;
	if (j->segments.count == 0)
		return 0;
	j->begin = j->segments.begins[j->segments.count - 1];
	j->fd = segments_open_file(&j->segments, j->begin, O_RDWR);
	if (j->fd < 0)
		return j->fd;
	int64_t end = scan_segment(j->fd, 0, NULL, NULL, &ending);
	if (end < 0)
		return (int)end;
	j->written = j->begin + (uint64_t)end;
	return segments_cut(&j->segments, j->fd, j->written, ending == JOURNAL_DAMAGED);
}

/* The next record begins a new segment at a position. A file that was made and cannot be used is
 * taken away again: the old segment goes on growing past where the new one would begin. */
static int new_segment(struct journal *j, uint64_t begin)
{
	int result = segments_add(&j->segments, begin);
	if (result < 0)
		return result;
	int fd = segments_open_file(&j->segments, begin, O_RDWR | O_CREAT | O_EXCL);
	if (fd < 0) {
		j->segments.count--;
		return fd;
	}
	if (j->durable && fsync(j->segments.directory_fd) < 0) {
		result = -errno;
		close(fd);
		segments_remove_last(&j->segments);
		return result;
	}
	if (j->fd >= 0)
		close(j->fd);
	j->fd = fd;
	j->begin = j->written = begin;
	return 0;
}

/* An empty last segment may stand at another position than the one to go on at. */
static int go_on_at(struct journal *j, uint64_t begin)
{
	if (j->fd >= 0 && j->written >= begin)
		return 0;
	if (j->fd >= 0 && j->written == j->begin) {
		close(j->fd);
		j->fd = -1;
		int result = segments_remove_last(&j->segments);
		if (result < 0)
			return result;
	}
	return new_segment(j, begin > j->written ? begin : j->written);
}

/* What is never written to costs nothing: the kernel gives memory page by page. */
static bool buffer_init(struct buf *b, size_t room)
{
	char *memory = malloc(room);
	if (!memory)
		return false;
	buf_init_fixed(b, memory, room);
	return true;
}

static int open_journal(struct journal *j, const char *directory,
			const struct journal_options *options)
{
	size_t room = options->room > ROOM_DEFAULT ? options->room : ROOM_DEFAULT;
	int result = segments_open(&j->segments, directory, true);
	if (result == 0)
		result = j->lock_fd = lock(&j->segments);
	if (result >= 0)
		result = find_end(j);
	if (result == 0)
		result = go_on_at(j, options->begin);
	if (result == 0 && (!buffer_init(&j->queued, room) || !buffer_init(&j->writing, room)))
		result = -ENOMEM;
	return result;
}

int journal_open(struct journal **ret_journal, struct io_loop *loop, const char *directory,
		 const struct journal_options *options, char *ret_why, size_t why_size)
{
	struct journal *j = calloc(1, sizeof(*j));
	int result = -ENOMEM;
	if (j) {
		*j = (struct journal){.loop = loop,
				      .durable = options->durable_disk,
				      .segment_size = options->segment_size
							      ? options->segment_size
							      : SEGMENT_SIZE,
				      .segments.directory_fd = -1,
				      .fd = -1,
				      .lock_fd = -1};
		result = open_journal(j, directory, options);
	}
	if (result == 0) {
		*ret_journal = j;
		return 0;
	}
	tell_not_opened(result, directory, ret_why, why_size);
	journal_close(j);
	return -1;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	ASSERT(!j->under_way);
	if (j->fd >= 0)
		close(j->fd);
	segments_close(&j->segments);
	if (j->lock_fd >= 0)
		close(j->lock_fd);
	free(j->queued.data);
	free(j->writing.data);
	free(j);
}

/* ---- putting ---- */

/* Growing happens only where whoever opened it had asked for too little room. */
static void room_for(struct buf *b, size_t size)
{
	if (b->capacity - b->size >= size)
		return;
	char *memory = realloc(b->data, b->capacity * 2);
	ASSERT(memory);
	b->data = memory;
	b->capacity *= 2;
}

uint64_t journal_end(const struct journal *j)
{
	return j->written + j->writing.size + j->queued.size;
}

uint64_t journal_put_mark(struct journal *j, const struct journal_mark *mark)
{
	room_for(&j->queued, RECORD_HEAD_SIZE + RECORD_SIZE_LIMIT);
	record_put_mark(&j->queued, mark);
	ASSERT(buf_ok(&j->queued));
	return journal_end(j);
}

uint64_t journal_put_void(struct journal *j, const struct journal_mark *mark)
{
	room_for(&j->queued, RECORD_HEAD_SIZE + RECORD_SIZE_LIMIT);
	record_put_void(&j->queued, mark);
	ASSERT(buf_ok(&j->queued));
	return journal_end(j);
}

uint64_t journal_put_outcome(struct journal *j, const struct store_outcome *outcome)
{
	room_for(&j->queued, RECORD_HEAD_SIZE + RECORD_SIZE_LIMIT);
	record_put_outcome(&j->queued, outcome);
	ASSERT(buf_ok(&j->queued));
	return journal_end(j);
}

/* ---- writing ---- */

static void written(struct journal *j, int error)
{
	j->under_way = false;
	if (error == 0) {
		j->written += j->writing.size;
		buf_reset(&j->writing);
	}
	j->on_written(j->context, j->written, error);
}

static void on_synced(struct io_op *op, int result)
{
	struct journal *j = CHAIN_OWNER(op, struct journal, op);
	written(j, result < 0 ? result : 0);
}

static void on_write_done(struct io_op *op, int result)
{
	struct journal *j = CHAIN_OWNER(op, struct journal, op);
	if (result < 0 || (size_t)result != j->writing.size) {
		written(j, result < 0 ? result : -ENOSPC);
		return;
	}
	if (!j->durable) {
		written(j, 0);
		return;
	}
	j->op = (struct io_op){.on_done = on_synced};
	io_fdatasync(j->loop, &j->op, j->fd);
}

static void swap_buffers(struct journal *j)
{
	struct buf full = j->queued;
	j->queued = j->writing;
	j->writing = full;
}

/* Where a full segment cannot be followed by another it grows: better than standing still. Not
 * before a second try: what the first one left would be a torn end in the middle. */
static void next_segment(struct journal *j)
{
	if (j->written - j->begin >= j->segment_size && new_segment(j, j->written) < 0)
		ASSERT(j->fd >= 0);
}

void journal_flush(struct journal *j,
		   void (*on_written)(void *context, uint64_t position, int error),
		   void *context)
{
	if (j->under_way || journal_idle(j))
		return;
	if (j->writing.size == 0) {
		swap_buffers(j);
		next_segment(j);
	}
	j->under_way = true;
	j->on_written = on_written;
	j->context = context;
	j->op = (struct io_op){.on_done = on_write_done};
	io_write(j->loop, &j->op, j->fd, j->writing.data, j->writing.size,
		 j->written - j->begin);
}

bool journal_idle(const struct journal *j)
{
	return !j->under_way && j->queued.size == 0 && j->writing.size == 0;
}

void journal_free(struct journal *j, uint64_t position)
{
	while (j->segments.count > 1 && j->segments.begins[1] <= position)
		if (segments_remove_first(&j->segments) < 0)
			break;
}

/* The new segment is there before the old one goes. */
void journal_rest(struct journal *j, uint64_t position)
{
	bool is_whole = journal_idle(j) && position == j->written && j->written > j->begin;
	if (is_whole && !journal_is_removed(j) && new_segment(j, j->written) < 0)
		ASSERT(j->fd >= 0);
	journal_free(j, position);
}

bool journal_is_far(const struct journal *j, uint64_t position)
{
	return journal_end(j) > position + FAR_SEGMENTS * j->segment_size;
}

bool journal_is_removed(const struct journal *j)
{
	struct stat state;
	return fstat(j->fd, &state) == 0 && state.st_nlink == 0;
}
