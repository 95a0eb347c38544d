/* carrier_memory.c - what paths have learned outlives this engine (engine/shape/path_memory.h):
 * it goes to the ledger as notes every few seconds, and at an orderly end, and what the feeder has
 * read of a source that this engine took is what its paths begin with. It is kept for each site
 * (of a source), as the shaping is.
 *
 * Rates are exact across restarts. Whatever fills within a second begins empty; a slower one is
 * known to be in use before the first start, so that whoever comes after a crash begins empty
 * too, and only who comes after an orderly end has what was left. */
#include "engine/send/carrier.h"

#include <stdio.h>

#define SAVE_INTERVAL (3 * USEC_SECOND)

static str name_of(const struct carrier_site *site)
{
	str key = str_of(site->key);
	(void)str_cut(&key, ' ');
	return key;
}

/* ---- in memory ---- */

static struct carrier_memory *memory_get(struct carrier *carrier, str key)
{
	struct carrier_memory *memory = map_get(&carrier->remembered, key);
	if (memory)
		return memory;
	memory = slab_borrow(&carrier->memory_slab);
	if (!memory)
		return NULL;
	*memory = (struct carrier_memory){};
	if (str_to_cstr(key, memory->key, sizeof(memory->key)) &&
	    map_put(&carrier->remembered, str_of(memory->key), memory) == 0)
		return memory;
	slab_give_back(&carrier->memory_slab, memory);
	return NULL;
}

static void keep(struct carrier_site *site, bool ended, usec now, char *ret_text, size_t size)
{
	struct buf out;
	buf_init_fixed(&out, ret_text, size - 1);
	path_keep(&site->shaping, ended, now, &out);
	ret_text[buf_ok(&out) ? out.size : 0] = '\0';
}

void carrier_site_begin(struct carrier *carrier, struct carrier_site *site)
{
	const struct carrier_memory *memory = map_get(&carrier->remembered, str_of(site->key));
	usec now = io_now(carrier->loop);
	usec since = carrier->sources[site->source_index].since;
	if (memory)
		(void)!path_remember(&site->shaping, str_of(memory->state), now - memory->at,
				     since, now);
	if (!path_is_slow(&site->shaping))
		path_empty_since(&site->shaping, since, now);
	site->learned = path_learned(&site->shaping, now);
	site->in_use = site->ended = false;
}

/* It is at rest: whoever makes it again has all of its rates. */
void carrier_site_end(struct carrier *carrier, struct carrier_site *site)
{
	usec now = io_now(carrier->loop);
	chain_remove(&carrier->unsaved_sites, &site->unsaved);
	if (path_learned(&site->shaping, now) == 0 && !path_is_slow(&site->shaping))
		return;
	struct carrier_memory *memory = memory_get(carrier, str_of(site->key));
	if (!memory)
		return;
	keep(site, true, now, memory->state, sizeof(memory->state));
	memory->at = now;
}

static void take_row(struct carrier *carrier, const struct store_memory *row)
{
	const struct carrier_memories *m = &carrier->memories;
	const struct engine_settings *settings = carrier->settings;
	for (size_t i = 0; i < settings->source_count; i++) {
		char key[sizeof(((struct carrier_site *)0)->key)];
		if (!m->sources[i] || !str_eq(row->source, str_of(settings->sources[i].name)))
			continue;
		snprintf(key, sizeof(key), "%zu %.*s", i, STR_FORMAT(row->site));
		struct carrier_memory *memory = memory_get(carrier, str_of(key));
		if (!memory || !str_to_cstr(row->state, memory->state, sizeof(memory->state)))
			continue;
		memory->at = m->asked_at - row->age;
	}
}

/* Paths that were there before this engine lost the source know less than whoever had it. */
static void begin_anew(struct carrier *carrier, usec now)
{
	size_t index = 0;
	for (struct map_entry *e; (e = map_next(&carrier->sites, &index));) {
		struct carrier_site *site = e->value;
		if (!carrier->memories.sources[site->source_index])
			continue;
		const struct path_limits limits = site->shaping.limits;
		path_init(&site->shaping, &limits, now);
		carrier_site_begin(carrier, site);
		carrier_site_touch(carrier, site);
	}
}

void carrier_take_memories(struct carrier *carrier, usec now)
{
	struct carrier_memories *m = &carrier->memories;
	const struct store_memory *rows = atomic_load_explicit(&m->rows, memory_order_acquire);
	if (!rows)
		return;
	for (size_t i = 0; i < m->count; i++)
		take_row(carrier, &rows[i]);
	for (size_t i = 0; i < carrier->settings->source_count; i++)
		if (m->sources[i])
			carrier->sources[i].since = now;
	begin_anew(carrier, now);
	atomic_store_explicit(&m->rows, NULL, memory_order_release);
	carrier->to_feeder = true;
}

/* ---- to the ledger ---- */

static bool push(struct carrier *carrier, struct carrier_site *site, bool ended, bool urgent,
		 usec now)
{
	const struct path *shaping = &site->shaping;
	char state[PATH_MEMORY_SIZE];
	if (carrier->memory_note_count >= MEMORY_NOTES)
		return false;
	struct carrier_note *note = carrier_note_borrow(carrier);
	if (!note)
		return false;
	keep(site, ended, now, state, sizeof(state));
	note->kind = NOTE_MEMORY;
	note->urgent = urgent;
	note->key = carrier_note_keep(note, str_of(site->key), sizeof(site->key));
	note->memory = (struct store_memory){
		.source = carrier_note_keep(
			note, str_of(carrier->settings->sources[site->source_index].name), 64),
		.site = carrier_note_keep(note, name_of(site), sizeof(site->key)),
		.state = carrier_note_keep(note, str_of(state), sizeof(state)),
		.ended = ended,
		.blocked = shaping->is_blocked && shaping->suspended_until > now,
		.suspended_for = shaping->suspended ? shaping->suspended_until - now : 0,
		.rate_per_hour = shaping->pace.per_hour,
		.connection_cap = shaping->crowd.cap,
	};
	site->learned = path_learned(shaping, now);
	site->note_count++;
	carrier->memory_note_count++;
	carrier_note_push(carrier, note);
	return true;
}

/* A note that is back was written, or cannot be: then it is tried again with the next start. */
void carrier_memory_written(struct carrier *carrier, const struct carrier_note *note)
{
	struct carrier_site *site = map_get(&carrier->sites, note->key);
	carrier->memory_note_count--;
	if (!site)
		return;
	site->note_count--;
	if (site->in_use || note->memory.ended)
		return;
	site->in_use = true;
	carrier_site_touch(carrier, site);
}

bool carrier_site_is_known(struct carrier *carrier, struct carrier_site *site)
{
	if (site->in_use || !path_is_slow(&site->shaping))
		return true;
	if (site->note_count == 0)
		(void)push(carrier, site, false, true, io_now(carrier->loop));
	return false;
}

void carrier_site_changed(struct carrier *carrier, struct carrier_site *site)
{
	usec now = io_now(carrier->loop);
	if (!chain_linked(&site->unsaved) && path_learned(&site->shaping, now) != site->learned)
		chain_push_back(&carrier->unsaved_sites, &site->unsaved);
}

/* The last word of those that have something to say. */
static void end_all(struct carrier *carrier, usec now)
{
	size_t index = 0;
	carrier->memories_unsaid = false;
	for (struct map_entry *e; (e = map_next(&carrier->sites, &index));) {
		struct carrier_site *site = e->value;
		bool known = site->in_use || path_learned(&site->shaping, now) != 0;
		if (site->ended || !known)
			continue;
		site->ended = push(carrier, site, true, false, now);
		carrier->memories_unsaid |= !site->ended;
	}
}

usec carrier_memories_step(struct carrier *carrier, usec now)
{
	if (carrier->memory_note_count > 0)
		carrier_notes_take_back(carrier);
	if (carrier->draining && carrier_idle(carrier)) {
		end_all(carrier, now);
		return carrier->memories_unsaid ? now + USEC_MS * 20 : USEC_NEVER;
	}
	if (chain_empty(&carrier->unsaved_sites))
		return USEC_NEVER;
	if (now < carrier->unsaved_at)
		return carrier->unsaved_at;
	carrier->unsaved_at = now + SAVE_INTERVAL;
	for (size_t i = carrier->unsaved_sites.count; i > 0; i--) {
		struct chain_link *link = chain_first(&carrier->unsaved_sites);
		if (!push(carrier, CHAIN_OWNER(link, struct carrier_site, unsaved), false, false,
			  now))
			break;
		chain_remove(&carrier->unsaved_sites, link);
	}
	return chain_empty(&carrier->unsaved_sites) ? USEC_NEVER : carrier->unsaved_at;
}

bool carrier_memories_idle(const struct carrier *carrier)
{
	return !carrier->draining || !carrier->memories_unsaid;
}
