/* journal_look.c - a journal gathered into a journal_look. */
#include "engine/api/journal_look.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static struct look_segment *segment_at(struct journal_look *look, uint64_t begin)
{
	for (size_t i = look->segment_count; i > 0; i--)
		if (look->segments[i - 1].begin == begin)
			return &look->segments[i - 1];
	return NULL;
}

static int keep_mark(struct journal_look *look, const struct journal_mark *m, uint64_t begin)
{
	struct look_mark *mark = ARENA_NEW(look->arena, struct look_mark);
	if (!mark)
		return -1;
	*mark = (struct look_mark){
		.key = {m->campaign_id, m->subscriber_id, m->attempt}, .mark = *m, .begin = begin};
	mark->mark.mx_host = arena_copy(look->arena, m->mx_host);
	mark->mark.source = arena_copy(look->arena, m->source);
	return map_put(&look->open, str_make((const char *)mark->key, sizeof(mark->key)), mark);
}

static void close_mark(struct journal_look *look, const struct journal_mark *m)
{
	const uint64_t key[3] = {m->campaign_id, m->subscriber_id, m->attempt};
	map_remove(&look->open, str_make((const char *)key, sizeof(key)));
}

static int take(struct journal_look *look, const struct record *record, uint64_t begin,
		uint64_t end, struct look_segment *segment)
{
	segment->end = end;
	switch (record->type) {
	case RECORD_MARK:
		look->marks++;
		segment->marks++;
		return keep_mark(look, &record->mark, begin);
	case RECORD_VOID:
		look->voids++;
		segment->voids++;
		break;
	case RECORD_OUTCOME:
		look->outcomes++;
		segment->outcomes++;
		look->unsettled += look->settled_is_known && end > look->settled;
		break;
	}
	close_mark(look, &record->mark);
	return 0;
}

static int list_segments(struct journal_look *look, const struct journal_cursor *cursor)
{
	size_t count = cursor->segments.count;
	look->segments = ARENA_ARRAY(look->arena, struct look_segment, count ? count : 1);
	if (!look->segments)
		return -1;
	for (size_t i = 0; i < count; i++) {
		uint64_t begin = cursor->segments.begins[i];
		look->segments[i] = (struct look_segment){.begin = begin, .end = begin};
	}
	look->segment_count = count;
	return 0;
}

static void count_what_is_left(struct journal_look *look, const struct journal_cursor *cursor)
{
	struct stat state;
	look->ending = cursor->ending;
	look->end = cursor_position(cursor);
	if (cursor->fd >= 0 && fstat(cursor->fd, &state) == 0 &&
	    (uint64_t)state.st_size > look->end - cursor->begin)
		look->left = (uint64_t)state.st_size - (look->end - cursor->begin);
}

static void count_aside(struct journal_look *look)
{
	DIR *directory = opendir(look->directory);
	for (struct dirent *entry; directory && (entry = readdir(directory));)
		look->aside += str_ends(str_of(entry->d_name), STR(".damaged"));
	if (directory)
		closedir(directory);
}

/* An engine frees what it has settled: what was gone before it was read is not shown. */
static void drop_freed(struct journal_look *look, uint64_t first)
{
	size_t gone = 0;
	while (gone < look->segment_count && look->segments[gone].begin < first)
		gone++;
	look->segments += gone;
	look->segment_count -= gone;
}

int journal_look(struct journal_look *look, char *ret_why, size_t why_size)
{
	struct journal_cursor cursor;
	uint64_t begin, end, first = UINT64_MAX;
	int result = cursor_open(&cursor, look->directory);
	if (result < 0) {
		snprintf(ret_why, why_size, "the journal in %s cannot be read: %s",
			 look->directory, strerror(-result));
		return -1;
	}
	map_init(&look->open, look->arena, 1);
	look->holder = journal_holder(look->directory);
	result = list_segments(look, &cursor);
	while (result == 0 && (result = cursor_next(&cursor, &begin, &end)) > 0) {
		first = first < cursor.begin ? first : cursor.begin;
		result = take(look, &cursor.record, begin, end,
			      segment_at(look, cursor.begin));
	}
	count_what_is_left(look, &cursor);
	count_aside(look);
	if (first != UINT64_MAX)
		drop_freed(look, first);
	cursor_close(&cursor);
	if (result < 0)
		snprintf(ret_why, why_size, "the journal in %s cannot be read to its end: %s",
			 look->directory, result == -1 ? "out of memory" : strerror(-result));
	return result < 0 ? -1 : 0;
}
