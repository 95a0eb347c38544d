/* seed_check.c - what the journals say at the end, read back, is what the database holds: every
 * mark has its outcome or came to nothing, and the last outcome stands at the settled position. */
#include "tests/sim/seed.h"

#include <string.h>

#include "engine/journal/journal.h"
#include "tests/sim/sim_store.h"

/* Of one recipient two attempts may be under way: whoever was in doubt by policy is tried again, and
 * the first has no answer yet. */
#define ATTEMPTS 4

struct open_mark {
	uint64_t position; /* 0: none */
	usec at_wall;
};

struct reading {
	struct open_mark open_marks[(RECIPIENT_LIMIT + SIM_ROW_LIMIT + 1) * ATTEMPTS];
	uint64_t last_outcome;
};

static struct open_mark *mark_of(struct reading *reading, uint64_t id, uint32_t attempt)
{
	uint64_t index = id >= STORE_OUTBOX_FIRST_ID
				 ? RECIPIENT_LIMIT + 1 + id - STORE_OUTBOX_FIRST_ID
				 : id;
	return &reading->open_marks[index * ATTEMPTS + attempt % ATTEMPTS];
}

static void read_mark(void *context, uint64_t position, const struct journal_mark *mark)
{
	struct open_mark *open = mark_of(context, mark->subscriber_id, mark->attempt);
	/* One that was carried on, so that old segments may go, stands there twice for a while. */
	if (open->position && open->at_wall != mark->at_wall)
		world_fail(world, "r%llu is marked in the journal a second time, at %llu, and "
			   "nothing says what became of the first",
			   (unsigned long long)mark->subscriber_id, (unsigned long long)position);
	*open = (struct open_mark){position, mark->at_wall};
}

static void read_void(void *context, uint64_t position, const struct journal_mark *mark)
{
	(void)position;
	mark_of(context, mark->subscriber_id, mark->attempt)->position = 0;
	state_hits[STATE_VOIDED]++;
}

static void read_outcome(void *context, uint64_t position, const struct store_outcome *row)
{
	mark_of(context, row->subscriber_id, row->attempt)->position = 0;
	((struct reading *)context)->last_outcome = position;
}

static void check_journal(struct world *w, const struct node *node)
{
	static struct reading reading;
	char why[200];
	reading = (struct reading){};
	const struct journal_reader_events events = {.on_mark = read_mark,
						     .on_void = read_void,
						     .on_outcome = read_outcome,
						     .context = &reading};
	enum journal_ending ending;
	uint64_t end = journal_replay(node->journal, 0, &events, &ending, why, sizeof(why));
	if (end == UINT64_MAX || why[0])
		world_fail(w, "%s: the journal cannot be read back: %s", node->name, why);
	for (size_t i = 0; i < sizeof(reading.open_marks) / sizeof(reading.open_marks[0]); i++)
		if (reading.open_marks[i].position)
			world_fail(w, "%s: r%zu has a mark in the journal and no outcome",
				   node->name, i / ATTEMPTS);
	uint64_t settled = store_journal_position(node->engine->engine_id);
	if (reading.last_outcome != 0 && reading.last_outcome != settled)
		world_fail(w, "%s: the journal's last outcome is at %llu, settled is %llu",
			   node->name, (unsigned long long)reading.last_outcome,
			   (unsigned long long)settled);
}

/* What a recipient waits at least, by seed_settings(): a minute, of which chance takes a fifth; whom
 * a host told to wait gets all of it. A name server may be back soon, and one connection too many is no
 * fault of his: see engine/shape/backoff.c. */
static usec least_wait(const struct store_outcome *row)
{
	const char *cause = row->cause ? row->cause : "";
	usec first = strcmp(cause, "dns-failure") == 0		? 4 * USEC_SECOND
		     : strcmp(cause, "too-many-connections") == 0 ? 20 * USEC_SECOND
								  : USEC_MINUTE;
	return row->class == CLASS_GREYLISTED ? first : first / 5 * 4;
}

static void check_wait(struct world *w, const struct store_outcome *row)
{
	if (row->verdict == VERDICT_DEFERRED && !row->final &&
	    row->due_wall < row->at_wall + least_wait(row))
		world_fail(w, "r%llu is to be tried again after %.3f s (%s)",
			   (unsigned long long)row->subscriber_id,
			   (double)(row->due_wall - row->at_wall) / 1e6,
			   row->cause ? row->cause : "");
}

static bool is_text(str text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] == '\0')
			return false;
	return true;
}

/* Nothing is settled that was read out of a damaged record. */
void seed_outcome(struct world *w, const struct store_outcome *row)
{
	check_wait(w, row);
	if (!is_text(row->text) || !is_text(row->mx_host) || !is_text(row->site) ||
	    !is_text(row->provider) || !is_text(row->source))
		world_fail(w, "an outcome of r%llu is damaged",
			   (unsigned long long)row->subscriber_id);
}

void seed_check(struct world *w, const struct node *nodes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (nodes[i].state == NODE_DONE)
			check_journal(w, &nodes[i]);
	store_check(w);
}
