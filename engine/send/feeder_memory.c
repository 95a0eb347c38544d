/* feeder_memory.c - what is known of the paths of a source is read when this engine takes it, and
 * handed to the carrier, before anything may start from there. */
#include "engine/send/feeder.h"

enum memory_state { MEMORY_UNKNOWN, MEMORY_WANTED, MEMORY_READ, MEMORY_USED };

static void on_loaded(struct store_request *);

int feeder_memory_init(struct feeder *feeder)
{
	struct feeder_memory *m = &feeder->memory;
	size_t count = feeder->settings->source_count;
	m->states = ARENA_ARRAY(&feeder->arena, uint8_t, count + 1);
	m->asked = ARENA_ARRAY(&feeder->arena, bool, count + 1);
	m->names = ARENA_ARRAY(&feeder->arena, str, count + 1);
	arena_init(&m->arena, feeder->source, 1 << 16, 0);
	return m->states && m->asked && m->names ? 0 : -1;
}

void feeder_memory_done(struct feeder *feeder)
{
	arena_done(&feeder->memory.arena);
}

bool feeder_source_is_known(struct feeder *feeder, size_t index, bool held, bool was)
{
	uint8_t *state = &feeder->memory.states[index];
	if (!held || (*state == MEMORY_USED && !was))
		*state = MEMORY_UNKNOWN;
	if (held && *state == MEMORY_UNKNOWN)
		*state = MEMORY_WANTED;
	if (held && *state == MEMORY_READ)
		*state = MEMORY_USED;
	return *state == MEMORY_USED;
}

static void ask(struct feeder *feeder)
{
	struct feeder_memory *m = &feeder->memory;
	size_t count = 0;
	for (size_t i = 0; i < feeder->settings->source_count; i++) {
		m->asked[i] = m->states[i] == MEMORY_WANTED;
		if (m->asked[i])
			m->names[count++] = feeder->source_names[i];
	}
	if (count == 0)
		return;
	arena_reset(&m->arena);
	m->request = (struct store_memory_load){
		.request = {.on_done = on_loaded},
		.sources = m->names,
		.source_count = count,
		.limit = feeder->limits->paths,
		.arena = &m->arena,
	};
	m->busy = true;
	m->asked_at = io_now(feeder->loop);
	store_memory_load(feeder->beat, &m->request);
}

static void on_loaded(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, memory.request.request);
	struct feeder_memory *m = &feeder->memory;
	struct carrier_memories *to = &feeder->carrier->memories;
	m->busy = false;
	if (request->result != STORE_OK) {
		feeder_failed(feeder, request, &m->again_at);
		return;
	}
	feeder->database_lost = false;
	to->count = m->request.ret_count;
	to->sources = m->asked;
	to->asked_at = m->asked_at;
	m->handed = true;
	atomic_store_explicit(&to->rows, m->request.ret_memories, memory_order_release);
	if (feeder->carrier_bell)
		io_bell_ring(feeder->carrier_bell);
}

/* The carrier has them: the next heartbeat says whether the sources are still ours. */
static void taken(struct feeder *feeder)
{
	struct feeder_memory *m = &feeder->memory;
	m->handed = false;
	for (size_t i = 0; i < feeder->settings->source_count; i++)
		if (m->asked[i] && m->states[i] == MEMORY_WANTED)
			m->states[i] = MEMORY_READ;
	feeder->heartbeat_at = 0;
}

usec feeder_remember(struct feeder *feeder, usec now)
{
	struct feeder_memory *m = &feeder->memory;
	if (m->handed &&
	    !atomic_load_explicit(&feeder->carrier->memories.rows, memory_order_acquire))
		taken(feeder);
	if (m->busy || m->handed)
		return USEC_NEVER;
	if (now < m->again_at)
		return m->again_at;
	ask(feeder);
	return USEC_NEVER;
}
