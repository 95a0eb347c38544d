/* journal_look_text.c - what a journal says, for people and for programs. */
#include "engine/api/journal_look.h"

#include "engine/api/moment.h"
#include "engine/api/rows.h"
#include "engine/api/units.h"

#define MARKS_SHOWN 20

void journal_put_time(struct buf *out, usec wall)
{
	if (wall)
		moment_put(out, &(struct moment){.wall = wall});
}

static unsigned long long ull(uint64_t number)
{
	return number;
}

static void put_holder(const struct journal_look *look, struct buf *out)
{
	if (look->holder > 0)
		buf_printf(out, "An engine is writing it (process %d).\n", look->holder);
	else if (look->holder < 0)
		buf_put_cstr(out, "An engine is writing it.\n");
	else
		buf_put_cstr(out, "No engine is writing it.\n");
}

static void put_segments(const struct journal_look *look, struct buf *out)
{
	buf_printf(out, "\n%20s %20s %10s %8s %8s %8s\n", "from", "to", "bytes", "marks",
		   "outcomes", "undone");
	for (size_t i = 0; i < look->segment_count; i++) {
		const struct look_segment *s = &look->segments[i];
		if (i > 0 && s->begin > s[-1].end && look->ending == JOURNAL_CLEAN)
			buf_printf(out,
				   "  a hole of %llu bytes: the journal was lost, or behind the "
				   "database, and taken up again\n",
				   ull(s->begin - s[-1].end));
		buf_printf(out, "%20llu %20llu %10llu %8llu %8llu %8llu\n", ull(s->begin),
			   ull(s->end), ull(s->end - s->begin), ull(s->marks), ull(s->outcomes),
			   ull(s->voids));
	}
	if (look->segment_count == 0)
		buf_put_cstr(out, "  there is no segment: nothing was written yet\n");
}

static void put_settled(const struct journal_look *look, struct buf *out)
{
	if (!look->settled_is_known) {
		buf_printf(out, "\nHow far it is settled is not known: %s.\n",
			   look->settled_unknown);
		return;
	}
	buf_printf(out, "\nThe database has everything up to %llu", ull(look->settled));
	if (look->settled > look->end)
		buf_put_cstr(out,
			     ", which is behind this journal's end: it is an older copy. An "
			     "engine that starts with it believes the start marks in the "
			     "database instead.\n");
	else if (look->unsettled == 0)
		buf_put_cstr(out, ": every outcome in the journal.\n");
	else
		buf_printf(out,
			   "; %llu outcome%s behind that %s settled by the running engine, or by "
			   "the next one when it starts.\n",
			   ull(look->unsettled), look->unsettled == 1 ? "" : "s",
			   look->unsettled == 1 ? "is" : "are");
}

static void put_mark(const struct look_mark *m, struct buf *out)
{
	buf_printf(out, "  campaign %llu, recipient %llu, attempt %u, since ",
		   ull(m->mark.campaign_id), ull(m->mark.subscriber_id), m->mark.attempt);
	journal_put_time(out, m->mark.at_wall);
	buf_put_cstr(out, ", to ");
	text_put_printable(out, m->mark.mx_host, 255);
	buf_printf(out, " (at %llu)\n", ull(m->begin));
}

static void put_open(const struct journal_look *look, struct buf *out)
{
	size_t index = 0, shown = 0, count = look->open.live_count;
	if (count == 0) {
		buf_put_cstr(out, "\nNo mark is open: nobody is in doubt.\n");
		return;
	}
	buf_printf(out, "\n%zu mark%s open: the end of %s message%s may have left, and no outcome "
			"is written. ",
		   count, count == 1 ? " is" : "s are", count == 1 ? "a" : "their",
		   count == 1 ? "" : "s");
	if (look->holder)
		buf_printf(out, "The engine waits for %s.\n",
			   count == 1 ? "the reply" : "the replies");
	else
		buf_printf(out, "The next engine that starts with this journal lists %s in "
				"doubt.\n",
			   count == 1 ? "it" : "them");
	for (struct map_entry *e; (e = map_next(&look->open, &index)) && shown < MARKS_SHOWN;
	     shown++)
		put_mark(e->value, out);
	if (count > MARKS_SHOWN)
		buf_printf(out, "  and %zu more; --json shows all\n", count - MARKS_SHOWN);
}

static void put_ending(const struct journal_look *look, struct buf *out)
{
	switch (look->ending) {
	case JOURNAL_CLEAN:
		buf_printf(out, "\nIt ends in order at %llu.\n", ull(look->end));
		break;
	case JOURNAL_TORN:
		buf_printf(out, "\nIt ends in a record cut short, or in zeros, at %llu (%llu bytes): ",
			   ull(look->end), ull(look->left));
		buf_put_cstr(out, look->holder
					  ? "it is being written at this moment.\n"
					  : "the engine was killed within a write. Nothing that "
					    "this record was about had left; the next start "
					    "cuts it off.\n");
		break;
	case JOURNAL_DAMAGED:
		buf_printf(out,
			   "\nIt is damaged at %llu: what stands behind that (%llu bytes of its "
			   "segment, and all later ones) cannot be believed. The next start puts "
			   "it aside and believes the start marks in the database: whoever is "
			   "marked there and not settled is in doubt.\n",
			   ull(look->end), ull(look->left));
		break;
	}
	if (look->aside)
		buf_printf(out,
			   "%u file%s named .damaged %s what a damaged journal had hidden; no "
			   "engine reads them.\n",
			   look->aside, look->aside == 1 ? "" : "s",
			   look->aside == 1 ? "keeps" : "keep");
}

void journal_look_text(const struct journal_look *look, struct buf *out)
{
	buf_put_cstr(out, "The journal in ");
	text_put_printable(out, str_of(look->directory), 1000);
	buf_put_cstr(out, ". ");
	put_holder(look, out);
	put_segments(look, out);
	put_settled(look, out);
	put_open(look, out);
	put_ending(look, out);
}

/* ---- for programs ---- */

static void put_mark_json(const struct look_mark *m, struct buf *out)
{
	buf_printf(out,
		   "{\"position\":%llu,\"campaign\":%llu,\"slice\":%llu,"
		   "\"recipient\":%llu,\"attempt\":%u,\"at\":\"",
		   ull(m->begin), ull(m->mark.campaign_id), ull(m->mark.slice_id),
		   ull(m->mark.subscriber_id), m->mark.attempt);
	journal_put_time(out, m->mark.at_wall);
	buf_put_cstr(out, "\",\"source\":");
	json_put_string(out, m->mark.source);
	buf_put_cstr(out, ",\"mx_host\":");
	json_put_string(out, m->mark.mx_host);
	buf_put_byte(out, '}');
}

static void put_segment_json(const struct look_segment *s, struct buf *out)
{
	buf_printf(out,
		   "{\"from\":%llu,\"to\":%llu,\"marks\":%llu,\"outcomes\":%llu,"
		   "\"undone\":%llu}",
		   ull(s->begin), ull(s->end), ull(s->marks), ull(s->outcomes), ull(s->voids));
}

void journal_look_json(const struct journal_look *look, struct buf *out)
{
	static const char *const endings[] = {"whole", "torn", "damaged"};
	size_t index = 0, count = 0;
	buf_put_cstr(out, "{\"directory\":");
	json_put_string(out, str_of(look->directory));
	buf_printf(out, ",\"running\":%s,\"process\":", look->holder ? "true" : "false");
	if (look->holder > 0)
		buf_printf(out, "%d", look->holder);
	else
		buf_put_cstr(out, "null");
	buf_put_cstr(out, ",\"segments\":[");
	for (size_t i = 0; i < look->segment_count; i++) {
		buf_put_cstr(out, i ? ",\n" : "\n");
		put_segment_json(&look->segments[i], out);
	}
	buf_put_cstr(out, "],\"settled\":");
	if (look->settled_is_known)
		buf_printf(out, "%llu,\"unsettled_outcomes\":%llu", ull(look->settled),
			   ull(look->unsettled));
	else
		buf_put_cstr(out, "null,\"unsettled_outcomes\":null");
	buf_put_cstr(out, ",\"open_marks\":[");
	for (struct map_entry *e; (e = map_next(&look->open, &index));) {
		buf_put_cstr(out, count++ ? ",\n" : "\n");
		put_mark_json(e->value, out);
	}
	buf_printf(out, "],\"ending\":\"%s\",\"end\":%llu,\"bytes_behind\":%llu,"
			"\"put_aside\":%u}\n",
		   endings[look->ending], ull(look->end), ull(look->left), look->aside);
}
