/* memory.c - what paths have learned, kept and read again (engine/shape/path_memory.h). */
#include "engine/store/pg.h"

#define NAME_LIMIT 255
#define STATE_LIMIT 400
#define FLAG_ENDED 1u
#define FLAG_BLOCKED 2u

struct memory_columns {
	str *sources, *sites, *states;
	uint32_t *flags, *caps;
	uint64_t *suspended, *rates;
};

static bool alloc_columns(struct store *s, struct memory_columns *c, size_t count)
{
	return (c->sources = pg_own(s, count * sizeof(str))) &&
	       (c->sites = pg_own(s, count * sizeof(str))) &&
	       (c->states = pg_own(s, count * sizeof(str))) &&
	       (c->flags = pg_own(s, count * sizeof(uint32_t))) &&
	       (c->caps = pg_own(s, count * sizeof(uint32_t))) &&
	       (c->suspended = pg_own(s, count * sizeof(uint64_t))) &&
	       (c->rates = pg_own(s, count * sizeof(uint64_t)));
}

static void fill(struct memory_columns *c, size_t at, const struct store_memory *m)
{
	c->sources[at] = str_sub(m->source, 0, NAME_LIMIT);
	c->sites[at] = str_sub(m->site, 0, NAME_LIMIT);
	c->states[at] = str_sub(m->state, 0, STATE_LIMIT);
	c->flags[at] = (m->ended ? FLAG_ENDED : 0) | (m->blocked ? FLAG_BLOCKED : 0);
	c->caps[at] = m->connection_cap;
	c->suspended[at] = m->suspended_for > 0 ? (uint64_t)m->suspended_for : 0;
	c->rates[at] = m->rate_per_hour;
}

static enum pg_next send_memories(struct store *s, const struct store_memory_save *r)
{
	struct memory_columns c;
	if (!alloc_columns(s, &c, r->count + 1))
		return pg_fail(s, STORE_RETRY, "no memory for what paths have learned");
	for (size_t i = 0; i < r->count; i++)
		fill(&c, i, &r->memories[i]);
	pg_put_tenant(s);
	pg_put_u32(s, r->engine_id);
	pg_put_u32(s, r->epoch);
	pg_put_text_array(s, c.sources, r->count);
	pg_put_text_array(s, c.sites, r->count);
	pg_put_text_array(s, c.states, r->count);
	pg_put_u32_array(s, c.flags, r->count);
	pg_put_u64_array(s, c.suspended, r->count);
	pg_put_u64_array(s, c.rates, r->count);
	pg_put_u32_array(s, c.caps, r->count);
	return pg_run(s, "memory_save");
}

static enum pg_next save_step(struct store *s, struct store_request *request, const PGresult *)
{
	const struct store_memory_save *r = (const struct store_memory_save *)request;
	return s->step++ == 0 ? send_memories(s, r) : PG_DONE;
}

void store_memory_save(struct store *s, struct store_memory_save *r)
{
	static const struct store_work work = {save_step};
	pg_submit(s, &r->request, &work);
}

static bool take(struct arena *arena, const PGresult *result, size_t row,
		 struct store_memory *m)
{
	*m = (struct store_memory){
		.source = arena_copy(arena, pg_str(result, row, 0)),
		.site = arena_copy(arena, pg_str(result, row, 1)),
		.state = arena_copy(arena, pg_str(result, row, 2)),
		.age = (usec)pg_u64(result, row, 3),
	};
	return m->source.data && m->site.data && m->state.data;
}

static enum pg_next load_step(struct store *s, struct store_request *request,
			      const PGresult *result)
{
	struct store_memory_load *r = (struct store_memory_load *)request;
	switch (s->step++) {
	case 0:
		pg_put_tenant(s);
		return pg_run(s, "memory_forget");
	case 1:
		pg_put_tenant(s);
		pg_put_text_array(s, r->sources, r->source_count);
		pg_put_u64(s, r->limit);
		return pg_run(s, "memory_load");
	default:
		break;
	}
	size_t count = pg_rows(result);
	struct store_memory *found = ARENA_ARRAY(r->arena, struct store_memory, count + 1);
	for (size_t i = 0; found && i < count; i++)
		if (!take(r->arena, result, i, &found[i]))
			found = NULL;
	if (!found)
		return pg_fail(s, STORE_RETRY, "no memory for what paths have learned");
	r->ret_memories = found;
	r->ret_count = count;
	return PG_DONE;
}

void store_memory_load(struct store *s, struct store_memory_load *r)
{
	static const struct store_work work = {load_step};
	pg_submit(s, &r->request, &work);
}
