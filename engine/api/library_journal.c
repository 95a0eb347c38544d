/* library_journal.c - include/rundbrief/journal.h over engine/journal's cursor. */
#include <rundbrief/journal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/journal/cursor.h"

static_assert(RUNDBRIEF_RECORD_MARK == (int)RECORD_MARK);
static_assert(RUNDBRIEF_RECORD_OUTCOME == (int)RECORD_OUTCOME);
static_assert(RUNDBRIEF_RECORD_VOID == (int)RECORD_VOID);
static_assert(RUNDBRIEF_JOURNAL_WHOLE == (int)JOURNAL_CLEAN);
static_assert(RUNDBRIEF_JOURNAL_TORN == (int)JOURNAL_TORN);
static_assert(RUNDBRIEF_JOURNAL_DAMAGED == (int)JOURNAL_DAMAGED);

struct rundbrief_journal {
	struct journal_cursor cursor;
};

rundbrief_journal *rundbrief_journal_open(const char *directory, char *ret_why, size_t why_size)
{
	struct rundbrief_journal *j = calloc(1, sizeof(*j));
	int result = j ? cursor_open(&j->cursor, directory) : -1;
	if (result == 0)
		return j;
	if (ret_why)
		snprintf(ret_why, why_size, "the journal in %s cannot be read: %s", directory,
			 j ? strerror(-result) : "out of memory");
	free(j);
	return NULL;
}

void rundbrief_journal_close(rundbrief_journal *j)
{
	if (!j)
		return;
	cursor_close(&j->cursor);
	free(j);
}

static struct rundbrief_text text_of(str text)
{
	return (struct rundbrief_text){text.data ? text.data : "", text.size};
}

static void fill_mark(struct rundbrief_record *out, const struct record *record)
{
	const struct journal_mark *m = &record->mark; /* filled of every type */
	*out = (struct rundbrief_record){
		.type = (enum rundbrief_record_type)record->type,
		.campaign = m->campaign_id,
		.slice = m->slice_id,
		.subscriber = m->subscriber_id,
		.attempt = m->attempt,
		.revision = m->revision,
		.at_usec = m->at_wall,
		.date_usec = m->date_wall,
		.first_usec = m->first_wall,
		.provider = text_of(m->provider),
		.site = text_of(m->site),
		.source = text_of(m->source),
		.mx_host = text_of(m->mx_host),
		.class_name = "",
		.cause = {"", 0},
		.text = {"", 0},
	};
}

static void fill_outcome(struct rundbrief_record *out, const struct store_outcome *o)
{
	out->verdict = (enum rundbrief_verdict)o->verdict;
	out->is_final = o->final;
	out->suppress = o->suppress;
	out->class_name = bounce_class_names[o->class];
	out->cause = text_of(str_of(o->cause));
	out->code = o->code;
	out->enhanced_code[0] = o->status.class;
	out->enhanced_code[1] = o->status.subject;
	out->enhanced_code[2] = o->status.detail;
	out->due_usec = o->due_wall;
	out->duration_ms = o->duration_ms;
	out->message_size = o->size;
	out->text = text_of(o->text);
}

int rundbrief_journal_next(rundbrief_journal *j, struct rundbrief_record *ret_record)
{
	uint64_t begin, end;
	int result = cursor_next(&j->cursor, &begin, &end);
	if (result <= 0)
		return result;
	fill_mark(ret_record, &j->cursor.record);
	if (j->cursor.record.type == RECORD_OUTCOME)
		fill_outcome(ret_record, &j->cursor.record.outcome);
	ret_record->begin = begin;
	ret_record->end = end;
	return 1;
}

enum rundbrief_journal_end rundbrief_journal_ending(const rundbrief_journal *j,
						    uint64_t *ret_position)
{
	if (ret_position)
		*ret_position = cursor_position(&j->cursor);
	return (enum rundbrief_journal_end)j->cursor.ending;
}
