/* recovery.c - replay, settle, doubt, reopen. */
#include "engine/send/recovery.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/log.h"
#include "engine/base/map.h"
#include "engine/data/json_value.h"
#include "engine/journal/journal.h"
#include "engine/send/policy.h"
#include "engine/send/refusal.h"

#define BATCH_LIMIT 5000
#define FIRST_EPOCH 1 /* as the database counts them (engine_join.sql) */
#define FLUSH_TURNS 100000 /* turns of the loop that one write may take */

/* A mark read back, with the key under which its outcome is looked for. */
struct mark_key {
	uint64_t campaign_id, subscriber_id, attempt;
};
struct open_mark {
	struct mark_key key;
	struct journal_mark mark;
	struct store_outcome doubt; /* what becomes of it when nothing closes it */
	uint64_t position;          /* behind that in the journal */
};

struct replay {
	struct store *store;
	uint32_t engine_id, epoch;
	uint64_t position;
	struct arena marks_arena, batch_arena;
	struct map marks;
	struct store_outcome *rows[BATCH_LIMIT];
	size_t count;
	uint64_t positions[BATCH_LIMIT]; /* of each, behind it in the journal */
	uint64_t settled_count;
	struct store_settle settle;
	struct refusal refusal;
	bool failed, away;
	char why[256];
};

static void on_done(struct store_request *request)
{
	(void)request; /* a blocking store has finished when the call returns */
}

static void fail(struct replay *replay, const char *why)
{
	if (!replay->failed)
		snprintf(replay->why, sizeof(replay->why), "%.255s", why);
	replay->failed = true;
}

/* The database is away for now, or it refuses. */
static void fail_store(struct replay *replay, const struct store_request *request)
{
	if (!replay->failed)
		replay->away = request->result == STORE_LOST || request->result == STORE_RETRY;
	fail(replay, request->why);
}

/* What the journal tells of is in slices that this engine holds, or held; else the database has
 * lost them. Settling would be right, and everything after it wrong. */
static bool is_known(struct replay *replay)
{
	struct store_known ask = {
		.request = {.on_done = on_done},
		.engine_id = replay->engine_id,
		.outcomes = (const struct store_outcome *const *)replay->rows,
		.count = replay->count,
	};
	char why[400];
	store_known(replay->store, &ask);
	if (ask.request.result != STORE_OK) {
		fail_store(replay, &ask.request);
		return false;
	}
	if (ask.ret_unknown_slice_id == 0)
		return true;
	if (ask.ret_owner[0])
		snprintf(why, sizeof(why),
			 "this journal tells of slice %llu, which is engine %.40s's: if this one was "
			 "renamed, set engine.name = %.40s again; else bring back the newer database, "
			 "or move the journal away to accept second copies",
			 (unsigned long long)ask.ret_unknown_slice_id, ask.ret_owner, ask.ret_owner);
	else
		snprintf(why, sizeof(why),
			 "the database has gone back to before slice %llu was leased, of which this "
			 "engine's journal tells outcomes: it would be sent again. Bring back the "
			 "newer database, or move the journal away to accept second copies",
			 (unsigned long long)ask.ret_unknown_slice_id);
	fail(replay, why);
	return false;
}

/* From the done-th on, as many as the database takes at once. Returns how many that were; 0: it
 * failed, or is to be asked again with less. */
static size_t settle_part(struct replay *replay, size_t done)
{
	size_t count = refusal_size(&replay->refusal, replay->count - done);
	replay->settle = (struct store_settle){
		.request = {.on_done = on_done},
		.engine_id = replay->engine_id,
		.epoch = replay->epoch,
		.outcomes = (const struct store_outcome *const *)replay->rows + done,
		.count = count,
		.old_position = replay->position,
		.new_position = replay->positions[done + count - 1],
	};
	refusal_put(&replay->refusal, &replay->settle);
	store_settle(replay->store, &replay->settle);
	int result = replay->settle.request.result;
	if (result == STORE_UNFIT && !replay->refusal.said[0]) {
		(void)refusal_pauses(&replay->refusal, &replay->settle);
		return 0;
	}
	if (result != STORE_OK) {
		fail_store(replay, &replay->settle.request);
		return 0;
	}
	replay->position = replay->settle.new_position;
	replay->settled_count += count;
	refusal_settled(&replay->refusal, replay->count - done - count);
	return count;
}

static void settle_batch(struct replay *replay)
{
	if (replay->count == 0 || replay->failed || !is_known(replay))
		return;
	for (size_t done = 0; done < replay->count && !replay->failed;)
		done += settle_part(replay, done);
	if (replay->failed)
		return;
	replay->count = 0;
	arena_reset(&replay->batch_arena);
}

static void keep_names(struct arena *arena, struct store_outcome *row)
{
	row->text = arena_copy(arena, row->text);
	row->mx_host = arena_copy(arena, row->mx_host);
	row->provider = arena_copy(arena, row->provider);
	row->site = arena_copy(arena, row->site);
	row->source = arena_copy(arena, row->source);
	if (row->cause)
		row->cause = arena_copy(arena, str_of(row->cause)).data;
}

static void add_row(struct replay *replay, const struct store_outcome *row, uint64_t position)
{
	if (replay->failed)
		return;
	struct store_outcome *kept = ARENA_NEW(&replay->batch_arena, struct store_outcome);
	if (!kept) {
		fail(replay, "out of memory while the journal was read");
		return;
	}
	*kept = *row;
	keep_names(&replay->batch_arena, kept);
	replay->positions[replay->count] = position;
	replay->rows[replay->count++] = kept;
	if (replay->count == BATCH_LIMIT)
		settle_batch(replay);
}

static str key_str(const struct mark_key *key)
{
	return str_make((const char *)key, sizeof(*key));
}

static void on_mark(void *context, uint64_t position, const struct journal_mark *mark)
{
	struct replay *replay = context;
	(void)position;
	struct open_mark *open = ARENA_NEW(&replay->marks_arena, struct open_mark);
	if (!open) {
		fail(replay, "out of memory while the journal was read");
		return;
	}
	open->key = (struct mark_key){mark->campaign_id, mark->subscriber_id, mark->attempt};
	open->mark = *mark;
	struct arena *arena = &replay->marks_arena;
	open->mark.provider = arena_copy(arena, mark->provider);
	open->mark.site = arena_copy(arena, mark->site);
	open->mark.source = arena_copy(arena, mark->source);
	open->mark.mx_host = arena_copy(arena, mark->mx_host);
	if (map_put(&replay->marks, key_str(&open->key), open) != 0)
		fail(replay, "out of memory while the journal was read");
}

static void close_mark(struct replay *replay, const struct mark_key *key)
{
	map_remove(&replay->marks, key_str(key));
	/* Marks without outcomes are few; those with one give their memory back now and then.
	 */
	if (replay->marks.live_count == 0 && replay->marks_arena.taken_size > (1 << 22)) {
		arena_reset(&replay->marks_arena);
		map_init(&replay->marks, &replay->marks_arena, replay->epoch);
	}
}

/* It came back unsent, and may be in another slice by now. */
static void on_void(void *context, uint64_t position, const struct journal_mark *mark)
{
	const struct mark_key key = {mark->campaign_id, mark->subscriber_id, mark->attempt};
	(void)position;
	close_mark(context, &key);
}

static void on_outcome(void *context, uint64_t position, const struct store_outcome *row)
{
	struct replay *replay = context;
	const struct mark_key key = {row->campaign_id, row->subscriber_id, row->attempt};
	close_mark(replay, &key);
	if (position > replay->position)
		add_row(replay, row, position);
}

/* How long after its doubt a recipient is tried again, as the campaign's settings say; -1:
 * never, and so for a campaign that is gone. */
static usec policy_wait(struct replay *replay, uint64_t campaign_id)
{
	struct store_campaign ask = {
		.request = {.on_done = on_done},
		.campaign_id = campaign_id,
		.arena = &replay->batch_arena,
	};
	store_campaign(replay->store, &ask);
	struct value settings;
	if (ask.request.result == STORE_LOST || ask.request.result == STORE_RETRY)
		fail_store(replay, &ask.request); /* what it says must not be guessed */
	if (ask.request.result != STORE_OK ||
	    value_from_json_text(&replay->batch_arena, ask.ret_settings, &settings, NULL, 0) !=
		    0)
		return -1;
	const struct value *in_doubt = value_get(&settings, STR("in_doubt"));
	struct policy policy;
	policy_read(&settings, false, &policy);
	bool again = in_doubt && in_doubt->kind == VALUE_STRING &&
		     str_eq(in_doubt->string, STR("retry"));
	return again ? policy.in_doubt_wait : -1;
}

static struct store_outcome doubt(const struct journal_mark *mark, usec wait, usec wall)
{
	bool again = wait >= 0;
	const struct reply reply = reply_local(CAUSE_CRASHED, STAGE_END);
	return (struct store_outcome){
		.campaign_id = mark->campaign_id,
		.slice_id = mark->slice_id,
		.subscriber_id = mark->subscriber_id,
		.verdict = VERDICT_IN_DOUBT,
		.final = !again,
		.class = CLASS_NETWORK,
		.cause = "in-doubt",
		.origin = REPLY_LOCAL,
		.stage = STAGE_END,
		.code = reply.code,
		.status = reply.status,
		.attempt = mark->attempt,
		.revision = mark->revision,
		.at_wall = mark->at_wall,
		.date_wall = mark->date_wall,
		.first_wall = mark->first_wall ? mark->first_wall : mark->at_wall,
		.due_wall = again ? usec_max(wall, mark->at_wall + wait) : 0,
		.text = reply.text,
		.mx_host = mark->mx_host,
		.provider = mark->provider,
		.site = mark->site,
		.source = mark->source,
	};
}

struct flush {
	bool done;
	int error;
};

static void on_flushed(void *context, uint64_t position, int error)
{
	struct flush *flush = context;
	(void)position;
	flush->done = true;
	flush->error = error;
}

static int flush_journal(struct io_loop *loop, struct journal *journal)
{
	struct flush flush = {};
	journal_flush(journal, on_flushed, &flush);
	for (int turn = 0; turn < FLUSH_TURNS && !flush.done && !journal_idle(journal); turn++)
		if (io_turn(loop, io_now(loop) + USEC_SECOND) < 0)
			return -1;
	return flush.error < 0 || !journal_idle(journal) ? -1 : 0;
}

static void write_doubts(struct replay *replay, struct io_loop *loop, struct journal *journal)
{
	size_t index = 0;
	uint64_t campaign_id = 0;
	usec wait = -1, wall = io_wall_now(loop);
	for (struct map_entry *entry; (entry = map_next(&replay->marks, &index));) {
		struct open_mark *open = entry->value;
		if (open->mark.campaign_id != campaign_id) {
			wait = policy_wait(replay, open->mark.campaign_id);
			campaign_id = open->mark.campaign_id;
			if (replay->failed)
				return;
		}
		open->doubt = doubt(&open->mark, wait, wall);
		open->position = journal_put_outcome(journal, &open->doubt);
	}
	if (flush_journal(loop, journal) != 0)
		fail(replay, "the journal cannot be written: is its disk full?");
}

/* Every open mark becomes an outcome: first in the journal, all by one write, then in the
 * database. */
static int doubt_marks(struct replay *replay, struct io_loop *loop, struct journal *journal,
		       uint64_t *ret_count)
{
	size_t index = 0;
	write_doubts(replay, loop, journal);
	for (struct map_entry *entry;
	     !replay->failed && (entry = map_next(&replay->marks, &index));) {
		const struct open_mark *open = entry->value;
		add_row(replay, &open->doubt, open->position);
		++*ret_count;
	}
	settle_batch(replay);
	return replay->failed ? -1 : 0;
}

/* In its first life an engine has held nothing before. */
static int reopen(struct replay *replay, bool journal_lost, struct recovery *result)
{
	struct store_recover recover = {
		.request = {.on_done = on_done},
		.engine_id = replay->engine_id,
		.epoch = replay->epoch,
		.trust_marks = journal_lost,
	};
	if (replay->epoch == FIRST_EPOCH)
		return 0;
	store_recover(replay->store, &recover);
	if (recover.request.result != STORE_OK) {
		fail_store(replay, &recover.request);
		return -1;
	}
	result->slice_count = recover.ret_slices;
	result->remaining_count = recover.ret_remaining;
	result->in_doubt_count += recover.ret_in_doubt;
	return 0;
}

static int replay_all(struct replay *replay, const char *directory, struct recovery *result,
		      bool *ret_lost)
{
	const struct journal_reader_events events = {.on_mark = on_mark,
						     .on_void = on_void,
						     .on_outcome = on_outcome,
						     .context = replay};
	enum journal_ending ending = JOURNAL_CLEAN;
	uint64_t end = journal_replay(directory, 0, &events, &ending, result->journal_note,
				      sizeof(result->journal_note));
	settle_batch(replay);
	if (replay->failed)
		return -1;
	if (end == UINT64_MAX) { /* a failing disk, or no permission: it may yet be read */
		fail(replay, result->journal_note);
		return -1;
	}
	bool older = end < replay->position;
	bool missing = journal_end_may_be_missing(directory);
	*ret_lost = older || missing || ending == JOURNAL_DAMAGED;
	if (ending == JOURNAL_DAMAGED)
		snprintf(result->journal_note, sizeof(result->journal_note),
			 "the journal in %s is damaged at %llu: what was marked as started and "
			 "has no outcome before that is in doubt",
			 directory, (unsigned long long)end);
	else if (older)
		snprintf(result->journal_note, sizeof(result->journal_note),
			 "the journal in %s is gone or older than the database: what was "
			 "marked as "
			 "started and has no outcome is in doubt",
			 directory);
	else if (missing)
		snprintf(result->journal_note, sizeof(result->journal_note),
			 "the machine was started anew since the journal in %s was written, and "
			 "durability is process: what was marked as started and has no outcome is in "
			 "doubt",
			 directory);
	if (older) {
		/* What closed its marks may be settled long ago: only the database knows. */
		map_init(&replay->marks, &replay->marks_arena, replay->epoch);
		return 0;
	}
	return journal_trim(directory, end);
}

int recovery_run(const struct engine_settings *settings, struct arena_source *source,
		 struct store *store, uint32_t engine_id, uint32_t epoch, uint64_t position,
		 struct recovery *ret_recovery, char *ret_why, size_t why_size)
{
	static struct replay replay; /* large, and there is one recovery a process */
	struct io_loop *loop = NULL;
	struct journal *journal = NULL;
	bool lost = false;
	int result = -1;
	*ret_recovery = (struct recovery){};
	replay = (struct replay){
		.store = store, .engine_id = engine_id, .epoch = epoch, .position = position};
	arena_init(&replay.marks_arena, source, 0, 0);
	arena_init(&replay.batch_arena, source, 0, 0);
	map_init(&replay.marks, &replay.marks_arena, epoch);
	if (settings->durable_disk && journal_sync(settings->journal_directory) < 0) {
		fail(&replay, "the journal cannot be synced: may its files be written, and is its "
			      "disk well?");
		goto out;
	}
	if (replay_all(&replay, settings->journal_directory, ret_recovery, &lost) != 0) {
		fail(&replay,
		     "the journal's torn end cannot be cut off: may its files be written?");
		goto out;
	}
	const struct io_options options = {.mask_new = settings->mask_new_io};
	if (io_loop_create(&loop, &options, replay.why, sizeof(replay.why)) != 0 ||
	    journal_open(&journal, loop, settings->journal_directory,
			 &(struct journal_options){.durable_disk = settings->durable_disk,
						   .begin = replay.position,
						   .segment_size =
							   settings->journal_segment_size},
			 replay.why, sizeof(replay.why)) != 0) {
		replay.failed = true;
		goto out;
	}
	if (doubt_marks(&replay, loop, journal, &ret_recovery->in_doubt_count) != 0 ||
	    reopen(&replay, lost, ret_recovery) != 0)
		goto out;
	if (journal_note_boot(settings->journal_directory, settings->durable_disk) < 0) {
		fail(&replay, "the journal cannot be written: is its disk full?");
		goto out;
	}
	journal_free(journal, replay.position);
	ret_recovery->settled_count = replay.settled_count;
	ret_recovery->position = replay.position;
	result = 0;
out:
	ret_recovery->database_away = replay.away;
	if (result != 0)
		snprintf(ret_why, why_size, "%s", replay.why);
	if (journal)
		journal_close(journal);
	if (loop)
		io_loop_destroy(loop);
	arena_done(&replay.marks_arena);
	arena_done(&replay.batch_arena);
	return result;
}
