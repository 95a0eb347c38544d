/* feeder_hold.c - what this engine holds by the database's word, and what was taken from it.
 * Sources are asked for with every heartbeat: one belongs to one engine at a time, so that a
 * path and its limits do. By our own clock one stays ours a little less long than the database
 * says, counted from when we asked: whoever was paused finds it lapsed before it has heard a
 * word. Slices that were taken over are told by the stop feed; what of them has not started goes
 * back. An engine without any source takes no work, and waits. */
#include "engine/send/feeder.h"

#include <stdio.h>

#include "engine/base/log.h"

#define BEATS 6  /* heartbeats in a lease */
#define MARGIN 15 /* of a lease: one part is left for clocks that do not run alike */
#define REFUSED_INTERVAL (2 * USEC_SECOND) /* while a source is another engine's */
#define LEASE_DEFAULT (30 * USEC_SECOND)

static void on_heartbeat(struct store_request *);

static usec lease_of(const struct feeder *feeder)
{
	usec lease = feeder->settings->store.lease;
	return lease ? lease : LEASE_DEFAULT;
}

int feeder_hold_init(struct feeder *feeder)
{
	size_t count = feeder->settings->source_count;
	feeder->source_names = ARENA_ARRAY(&feeder->arena, str, count + 1);
	if (!feeder->source_names)
		return -1;
	for (size_t i = 0; i < count; i++)
		feeder->source_names[i] = str_of(feeder->settings->sources[i].name);
	feeder->refused = true; /* until the first answer */
	return 0;
}

bool feeder_holds(const struct feeder *feeder, uint32_t source_index)
{
	return carrier_source_is_held(feeder->carrier, source_index, io_now(feeder->loop));
}

bool feeder_holds_any(const struct feeder *feeder)
{
	for (uint32_t i = 0; i < feeder->settings->source_count; i++)
		if (feeder_holds(feeder, i))
			return true;
	return false;
}

bool feeder_holds_for(const struct feeder *feeder, const struct campaign *campaign)
{
	const struct engine_settings *settings = feeder->settings;
	str name = campaign->content->pool;
	for (size_t i = 0; name.size > 0 && i < settings->pool_count; i++) {
		const struct source_pool *pool = &settings->pools[i];
		if (!str_eq(pool->name, name))
			continue;
		for (size_t k = 0; k < pool->count; k++)
			if (feeder_holds(feeder, pool->sources[k]))
				return true;
		return false;
	}
	return feeder_holds_any(feeder);
}

/* ---- sources ---- */

/* Kept as long as the engine runs: whoever shows it reads it at any time. It changes seldom. */
static void say(struct feeder *feeder, const struct buf *text)
{
	const char *said = atomic_load_explicit(&feeder->public.standby, memory_order_relaxed);
	str sentence = buf_str(text);
	if (!buf_ok(text) || (said && str_eq(str_of(said), sentence)))
		return;
	const char *kept = arena_copy(&feeder->arena, sentence).data;
	if (!kept)
		return;
	log_event(LOG_INFO, "standby", "why=\"%s\"", kept);
	atomic_store_explicit(&feeder->public.standby, kept, memory_order_release);
}

static void say_standby(struct feeder *feeder, size_t index)
{
	char room[240];
	struct buf text;
	str source = feeder->source_names[index], holder = feeder->heartbeat.ret_holders[index];
	buf_init_fixed(&text, room, sizeof(room));
	buf_put_cstr(&text, "source ");
	buf_put_printable(&text, source, 60);
	buf_put_cstr(&text, " is held by engine ");
	buf_put_printable(&text, holder.size ? holder : STR("(unknown)"), 60);
	buf_put_cstr(&text, "; this engine waits");
	say(feeder, &text);
	feeder->says_absent = false;
}

void feeder_say_absent(struct feeder *feeder, const struct store_finish *finish)
{
	char room[240];
	struct buf text;
	if (!finish->ret_absent[0] || finish->ret_finished) {
		if (feeder->says_absent)
			atomic_store_explicit(&feeder->public.standby, NULL,
					      memory_order_relaxed);
		feeder->says_absent = false;
		return;
	}
	buf_init_fixed(&text, room, sizeof(room));
	buf_put_cstr(&text, "waits until ");
	buf_put_cstr(&text, finish->ret_until);
	buf_put_cstr(&text, " for what engine ");
	buf_put_printable(&text, str_of(finish->ret_absent), 60);
	buf_put_cstr(&text, " knows; if it never returns: rundbrief nodes forget ");
	buf_put_printable(&text, str_of(finish->ret_absent), 60);
	say(feeder, &text);
	feeder->says_absent = true;
}

/* What waited for this source may come; and what waits for it elsewhere may not. */
static void tell_change(struct feeder *feeder, size_t index, bool held)
{
	struct chain_link *link = chain_first(&feeder->campaigns);
	log_event(LOG_INFO, "source", "name=\"%s\" change=%s%s%s%s",
		  log_str(feeder->source_names[index]), held ? "held" : "lost",
		  held ? "" : " by=\"",
		  held ? "" : log_str(feeder->heartbeat.ret_holders[index]), held ? "" : "\"");
	for (; held && link; link = chain_next(&feeder->campaigns, link)) {
		struct campaign *campaign = CHAIN_OWNER(link, struct campaign, link);
		campaign->lease_at = campaign->cut_at = 0;
		feeder_due_ask(campaign);
	}
	if (held)
		feeder->claim_at = 0;
}

static void follow_sources(struct feeder *feeder)
{
	usec now = io_now(feeder->loop);
	usec until = feeder->heartbeat_asked_at + lease_of(feeder) / MARGIN * (MARGIN - 1);
	size_t count = feeder->settings->source_count, first_refused = count, changes = 0;
	for (size_t i = 0; i < count; i++) {
		struct carrier_source *source = &feeder->carrier->sources[i];
		bool was = now < atomic_load(&source->held_until);
		bool held = feeder->heartbeat.ret_held[i];
		bool usable = feeder_source_is_known(feeder, i, held, was);
		atomic_store(&source->held_until, usable ? until : 0);
		if (usable != was) {
			changes++;
			tell_change(feeder, i, usable);
		}
		if (!held && first_refused == count)
			first_refused = i;
	}
	feeder->refused = first_refused < count;
	if (!feeder_holds_any(feeder) && feeder->refused)
		say_standby(feeder, first_refused);
	else if (!feeder->says_absent)
		atomic_store_explicit(&feeder->public.standby, NULL, memory_order_relaxed);
	if (changes > 0)
		carrier_gate_changed(feeder->carrier);
}

static void on_heartbeat(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, heartbeat.request);
	feeder->heartbeat_busy = false;
	if (request->result != STORE_OK) {
		feeder_failed(feeder, request, &feeder->heartbeat_at);
		return;
	}
	follow_sources(feeder);
	usec interval = lease_of(feeder) / BEATS;
	if (feeder->refused)
		interval = usec_min(interval, REFUSED_INTERVAL);
	feeder->heartbeat_at = feeder->heartbeat_asked_at + interval;
	feeder_follow_lost(feeder, feeder->heartbeat.ret_lost_slices,
			   feeder->heartbeat.ret_lost_count);
}

static void submit_heartbeat(struct feeder *feeder)
{
	feeder->heartbeat = (struct store_heartbeat){
		.request = {.on_done = on_heartbeat},
		.engine_id = feeder->engine_id,
		.epoch = feeder->epoch,
		.sources = feeder->source_names,
		.source_count = feeder->settings->source_count,
		.arena = &feeder->heartbeat_arena,
	};
	arena_reset(&feeder->heartbeat_arena);
	feeder->heartbeat_busy = true;
	feeder->heartbeat_asked_at = io_now(feeder->loop);
	store_heartbeat(feeder->beat, &feeder->heartbeat);
}

usec feeder_heartbeat(struct feeder *feeder, usec now)
{
	if (feeder->heartbeat_busy)
		return USEC_NEVER;
	if (now < feeder->heartbeat_at)
		return feeder->heartbeat_at;
	submit_heartbeat(feeder);
	return USEC_NEVER;
}

/* ---- slices ---- */

static struct slice *slice_of(struct feeder *feeder, uint64_t slice_id)
{
	struct chain_link *link = chain_first(&feeder->slices);
	for (; link; link = chain_next(&feeder->slices, link)) {
		struct slice *slice = CHAIN_OWNER(link, struct slice, link);
		if (slice->id == slice_id)
			return slice;
	}
	return NULL;
}

void feeder_follow_lost(struct feeder *feeder, const uint64_t *slice_ids, size_t count)
{
	size_t lost = 0;
	for (size_t i = 0; i < count; i++) {
		struct slice *slice = slice_of(feeder, slice_ids[i]);
		if (!slice || atomic_load_explicit(&slice->lost, memory_order_relaxed))
			continue;
		atomic_store_explicit(&slice->lost, true, memory_order_release);
		lost++;
	}
	if (lost == 0)
		return;
	log_event(LOG_WARN, "lease-lost",
		  "slices=%zu why=\"the database heard nothing from this engine for longer than "
		  "its lease, and another one took over\" next=\"what had started is settled, the "
		  "rest goes back\"",
		  lost);
	carrier_gate_changed(feeder->carrier);
}
