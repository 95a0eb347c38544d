/* reader.c - replay: whole records in order, up to the first that is not whole. What follows a
 * damaged record is not trusted, whatever it looks like. */
#include "engine/journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/journal/scan.h"
#include "engine/journal/segments.h"

struct replay {
	const struct journal_reader_events *events;
	uint64_t begin; /* of the segment being read */
};

static void replay_record(void *context, uint64_t end, const struct record *record)
{
	const struct replay *r = context;
	const struct journal_reader_events *e = r->events;
	if (record->type == RECORD_MARK && e->on_mark)
		e->on_mark(e->context, r->begin + end, &record->mark);
	else if (record->type == RECORD_VOID && e->on_void)
		e->on_void(e->context, r->begin + end, &record->mark);
	else if (record->type == RECORD_OUTCOME && e->on_outcome)
		e->on_outcome(e->context, r->begin + end, &record->outcome);
}

/* Whether a segment lies wholly before a position: the next one begins there or earlier. */
static bool passed(const struct segments *s, size_t i, uint64_t position)
{
	return i + 1 < s->count && s->begins[i + 1] <= position;
}

static uint64_t replay_segments(const struct segments *s, uint64_t from,
				const struct journal_reader_events *events,
				enum journal_ending *ret_ending, char *ret_why, size_t why_size)
{
	uint64_t position = from;
	*ret_ending = JOURNAL_CLEAN;
	for (size_t i = 0; i < s->count && *ret_ending == JOURNAL_CLEAN; i++) {
		struct replay r = {events, s->begins[i]};
		if (passed(s, i, from))
			continue;
		int fd = segments_open_file(s, r.begin, O_RDONLY);
		int64_t end = -1;
		if (fd >= 0) {
			end = scan_segment(fd, from > r.begin ? from - r.begin : 0,
					   replay_record, &r, ret_ending);
			close(fd);
		}
		if (end < 0) {
			snprintf(ret_why, why_size,
				 "segment %llu of the journal cannot be read: %s",
				 (unsigned long long)r.begin,
				 strerror((int)(fd < 0 ? -fd : -end)));
			return UINT64_MAX;
		}
		position = r.begin + (uint64_t)end;
		if (*ret_ending != JOURNAL_CLEAN && i + 1 < s->count)
			*ret_ending = JOURNAL_DAMAGED; /* it was written on behind this */
	}
	if (*ret_ending == JOURNAL_TORN)
		snprintf(ret_why, why_size,
			 "the journal ends in a record cut short, or in zeros that a loss of power left, at "
			 "%llu: nothing of it had left",
			 (unsigned long long)position);
	else if (*ret_ending == JOURNAL_DAMAGED)
		snprintf(ret_why, why_size, "the journal is damaged at %llu",
			 (unsigned long long)position);
	return position;
}

uint64_t journal_replay(const char *directory, uint64_t from,
			const struct journal_reader_events *events,
			enum journal_ending *ret_ending, char *ret_why, size_t why_size)
{
	struct segments s;
	if (why_size)
		ret_why[0] = 0;
	int result = segments_open(&s, directory, false);
	*ret_ending = JOURNAL_CLEAN;
	if (result == -ENOENT)
		return from; /* nothing was ever written */
	if (result < 0) {
		snprintf(ret_why, why_size, "the journal in %s cannot be read: %s", directory,
			 strerror(-result));
		return UINT64_MAX;
	}
	uint64_t position = replay_segments(&s, from, events, ret_ending, ret_why, why_size);
	segments_close(&s);
	return position;
}

int journal_trim(const char *directory, uint64_t position)
{
	struct segments s;
	int result = segments_open(&s, directory, false);
	if (result < 0)
		return result;
	while (result == 0 && s.count && s.begins[s.count - 1] > position)
		result = segments_put_aside_last(&s);
	if (result == 0 && s.count) {
		uint64_t begin = s.begins[s.count - 1];
		int fd = segments_open_file(&s, begin, O_RDWR);
		enum journal_ending ending;
		result = fd;
		if (fd >= 0) {
			int64_t end = scan_segment(fd, 0, NULL, NULL, &ending);
			result = end < 0 ? (int)end
					 : segments_cut(&s, fd, position,
							ending == JOURNAL_DAMAGED);
			close(fd);
		}
	}
	segments_close(&s);
	return result;
}
