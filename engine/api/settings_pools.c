/* settings_pools.c - pools and warm-ups of the configuration as the engine knows them: names
 * become indices into its sources. Asked again when sources were set aside: who is not there is
 * in no pool. A pool that is left empty stays, so that its mail waits and takes no other way.
 */
#include "engine/api/settings_parts.h"

#include <stdio.h>

#include "engine/base/assert.h"
#include "engine/shape/warmup.h"

static int out_of_memory(char *why, size_t why_size)
{
	snprintf(why, why_size, "out of memory");
	return -1;
}

/* SIZE_MAX: it is not there. */
static size_t source_index(const struct engine_settings *s, str name)
{
	for (size_t i = 0; i < s->source_count; i++)
		if (str_eq(str_of(s->sources[i].name), name))
			return i;
	return SIZE_MAX;
}

static int open_pool(const struct config_pool *from, struct arena *arena,
		     const struct engine_settings *s, struct source_pool *to)
{
	uint32_t *sources = ARENA_ARRAY(arena, uint32_t, from->sources.count);
	uint32_t *weights = ARENA_ARRAY(arena, uint32_t, from->sources.count);
	if (!sources || !weights)
		return -1;
	*to = (struct source_pool){.name = from->name, .sources = sources, .weights = weights};
	for (size_t i = 0; i < from->sources.count; i++) {
		size_t index = source_index(s, from->sources.items[i]);
		if (index == SIZE_MAX)
			continue;
		sources[to->count] = (uint32_t)index;
		weights[to->count++] = config_pool_weight(from, i);
	}
	return 0;
}

static int open_curve(const struct config *config, str name, struct arena *arena,
		      const struct warmup_curve **ret_curve)
{
	char why[260];
	struct warmup_curve *curve = ARENA_NEW(arena, struct warmup_curve);
	if (!curve)
		return -1;
	int result = config_read_warmup(config, config_warmup_find(config, name), curve, why,
					sizeof(why));
	ASSERT(result == 0); /* config_check() */
	*ret_curve = curve;
	return 0;
}

int settings_pools(const struct config *config, struct arena *arena, struct engine_settings *s,
		   char *ret_why, size_t why_size)
{
	struct source_pool *pools =
		ARENA_ARRAY(arena, struct source_pool, config->pool_count + 1);
	const struct warmup_curve **curves =
		ARENA_ARRAY(arena, const struct warmup_curve *, s->source_count);
	if (!pools || !curves)
		return out_of_memory(ret_why, why_size);
	for (size_t i = 0; i < config->pool_count; i++)
		if (open_pool(&config->pools[i], arena, s, &pools[i]) != 0)
			return out_of_memory(ret_why, why_size);
	for (size_t i = 0; i < config->source_count; i++) {
		size_t index = source_index(s, config->sources[i].name);
		str name = config->sources[i].warmup;
		if (index != SIZE_MAX && name.size > 0 &&
		    open_curve(config, name, arena, &curves[index]) != 0)
			return out_of_memory(ret_why, why_size);
	}
	bool known = config_day_zone(config->sending.day_zone, &s->store.day_zone);
	ASSERT(known); /* config_check() */
	s->pools = pools;
	s->pool_count = config->pool_count;
	s->warmups = curves;
	return 0;
}
