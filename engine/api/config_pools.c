/* config_pools.c - pools of sources and warm-up curves of the configuration: read, and checked.
 * What reads a section answers with a sentence that begins with the key, so that whoever checks
 * finds the line. */
#include "engine/api/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/api/date_option.h"
#include "engine/api/suggest.h"
#include "engine/shape/warmup.h"

#define WEIGHT_LIMIT 1000
#define STEP_LIMIT 1000000000u
#define SHARE_PARTS 1000000u /* of the whole, as warmup.h counts shares */
#define NAMES_LIMIT 256      /* known ones that a suggestion is looked for among */

__attribute__((format(printf, 3, 4))) static int explain(char *why, size_t why_size,
							 const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(why, why_size, format, arguments);
	va_end(arguments);
	return -1;
}

static int shown(str text)
{
	return (int)(text.size > 40 ? 40 : text.size);
}

/* ---- values ---- */

/* step = 1*DIGIT [ "k" / "M" ], powers of 1,000 as people count mail */
static bool read_step(str text, uint32_t *ret_step)
{
	uint64_t factor = 1, value;
	if (str_ends(text, STR("k")) || str_ends(text, STR("K")))
		factor = 1000;
	if (str_ends(text, STR("M")) || str_ends(text, STR("m")))
		factor = 1000000;
	str digits = factor > 1 ? str_sub(text, 0, text.size - 1) : text;
	if (!str_to_u64(digits, &value) || value == 0 || value > STEP_LIMIT / factor)
		return false;
	*ret_step = (uint32_t)(value * factor);
	return true;
}

/* share = 1*3DIGIT [ "." 1*4DIGIT ] "%" */
static bool read_share(str text, uint32_t *ret_parts)
{
	uint64_t whole, part = 0;
	if (!str_ends(text, STR("%")))
		return false;
	str fraction = str_trim(str_sub(text, 0, text.size - 1));
	str digits = str_cut(&fraction, '.');
	if (!str_to_u64(digits, &whole) || whole > 100)
		return false;
	if (fraction.data && (fraction.size > 4 || !str_to_u64(fraction, &part)))
		return false;
	for (size_t i = fraction.size; i < 4; i++)
		part *= 10;
	uint64_t parts = whole * (SHARE_PARTS / 100) + part;
	if (parts > SHARE_PARTS)
		return false;
	*ret_parts = (uint32_t)parts;
	return true;
}

static bool read_clock(str text, usec *ret_time)
{
	uint64_t hours, minutes;
	str rest = str_trim(text);
	str head = str_cut(&rest, ':');
	if (rest.size != 2 || head.size == 0 || head.size > 2 || !str_to_u64(head, &hours) ||
	    !str_to_u64(rest, &minutes) || hours > 24 || minutes > 59)
		return false;
	*ret_time = (usec)hours * USEC_HOUR + (usec)minutes * USEC_MINUTE;
	return *ret_time <= USEC_DAY;
}

bool config_day_zone(str text, usec *ret_zone)
{
	usec offset;
	bool west = str_starts(text, STR("-"));
	if (text.size == 0 || str_eq_nocase(text, STR("UTC"))) {
		*ret_zone = 0;
		return true;
	}
	if ((!west && !str_starts(text, STR("+"))) || !read_clock(str_from(text, 1), &offset) ||
	    offset > 14 * USEC_HOUR)
		return false;
	*ret_zone = west ? -offset : offset;
	return true;
}

/* ---- warmup ---- */

static int read_days(const struct config_warmup *from, struct warmup_curve *curve, char *why,
		     size_t why_size)
{
	if (from->days.count == 0)
		return 0;
	if (from->days.count > WARMUP_STEPS_LIMIT)
		return explain(why, why_size, "days: %zu days; a curve has at most %d",
			       from->days.count, WARMUP_STEPS_LIMIT);
	for (size_t i = 0; i < from->days.count; i++) {
		str text = from->days.items[i];
		if (!read_step(text, &curve->steps[i]))
			return explain(why, why_size,
				       "days: '%.*s' is no number of messages, as 500 or 20k",
				       shown(text), text.data);
		if (i > 0 && curve->steps[i] <= curve->steps[i - 1])
			return explain(
				why, why_size,
				"days: %u is not more than %u: each day allows more than "
				"the one before",
				curve->steps[i], curve->steps[i - 1]);
	}
	curve->step_count = (uint32_t)from->days.count;
	return 0;
}

static int read_hours(const struct config_warmup *from, struct warmup_curve *curve, char *why,
		      size_t why_size)
{
	str rest = from->hours;
	str head = str_cut(&rest, '-');
	if (!rest.data || !read_clock(head, &curve->opens) ||
	    !read_clock(rest, &curve->closes) || curve->opens >= curve->closes)
		return explain(why, why_size,
			       "hours: '%.*s' is no window of one day, as 08:00-20:00",
			       shown(from->hours), from->hours.data);
	return 0;
}

static int read_start(const struct config_warmup *from, struct warmup_curve *curve, char *why,
		      size_t why_size)
{
	usec wall;
	char text[32];
	if (from->start.size == 0)
		return 0;
	if (!str_to_cstr(from->start, text, sizeof(text)) || !date_option(text, &wall) ||
	    wall % USEC_DAY != 0 || wall <= 0)
		return explain(why, why_size, "start: '%.*s' is no date, as 2026-03-01",
			       shown(from->start), from->start.data);
	curve->first_day = (int32_t)(wall / USEC_DAY);
	return 0;
}

static int read_shares(const struct config_warmup *from, struct warmup_curve *curve, char *why,
		       size_t why_size)
{
	const struct {
		const char *key;
		str text;
		uint32_t *slot;
	} shares[] = {{"defer_limit", from->defer_limit, &curve->defer_limit},
		      {"complaint_limit", from->complaint_limit, &curve->complaint_limit},
		      {"least_used", from->least_used, &curve->used_limit}};
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
		if (!read_share(shares[i].text, shares[i].slot))
			return explain(
				why, why_size, "%s: '%.*s' is no share, as 10%% or 0.1%%",
				shares[i].key, shown(shares[i].text), shares[i].text.data);
	return 0;
}

int config_read_warmup(const struct config *config, const struct config_warmup *from,
		       struct warmup_curve *ret_curve, char *ret_why, size_t why_size)
{
	struct warmup_curve curve = warmup_standard;
	if (!config_day_zone(config->sending.day_zone, &curve.zone))
		return explain(ret_why, why_size, "hours: sending.day_zone is no zone");
	if (from) {
		curve.idle_days = (uint32_t)from->idle_days;
		if (read_days(from, &curve, ret_why, why_size) != 0 ||
		    read_hours(from, &curve, ret_why, why_size) != 0 ||
		    read_start(from, &curve, ret_why, why_size) != 0 ||
		    read_shares(from, &curve, ret_why, why_size) != 0)
			return -1;
	}
	*ret_curve = curve;
	return 0;
}

const struct config_warmup *config_warmup_find(const struct config *config, str name)
{
	for (size_t i = 0; i < config->warmup_count; i++)
		if (str_eq(config->warmups[i].name, name))
			return &config->warmups[i];
	return NULL;
}

bool config_has_curve(const struct config *config, str name)
{
	return str_eq(name, STR("standard")) || config_warmup_find(config, name);
}

static int check_warmup(const struct config *config, const struct config_warmup *warmup,
			char *why, size_t why_size)
{
	struct warmup_curve ignored;
	char sentence[260], key[20];
	if (config_read_warmup(config, warmup, &ignored, sentence, sizeof(sentence)) == 0)
		return 0;
	str rest = str_of(sentence), name = str_cut(&rest, ':');
	if (!str_to_cstr(name, key, sizeof(key)))
		key[0] = '\0';
	return config_refuse(config, "warmup", warmup->name, key, str_trim(rest).data, why,
			     why_size);
}

/* ---- names that lead nowhere ---- */

static int refuse_name(const struct config *config, const char *section, str title,
		       const char *key, const char *what, str name, const char *const *known,
		       size_t known_count, char *why, size_t why_size)
{
	char sentence[300];
	const char *near = suggest(name, known, known_count);
	if (near)
		snprintf(sentence, sizeof(sentence),
			 "there is no %s \"%.*s\", did you mean \"%.80s\"?", what, shown(name),
			 name.data, near);
	else
		snprintf(sentence, sizeof(sentence), "there is no %s \"%.*s\"", what,
			 shown(name), name.data);
	return config_refuse(config, section, title, key, sentence, why, why_size);
}

static int refuse_curve(const struct config *config, const struct config_source *source,
			char *why, size_t why_size)
{
	const char *known[NAMES_LIMIT] = {"standard"};
	size_t count = 1;
	for (size_t i = 0; i < config->warmup_count && count < NAMES_LIMIT; i++)
		known[count++] = config->warmups[i].name.data;
	return refuse_name(config, "source", source->name, "warmup", "warmup", source->warmup,
			   known, count, why, why_size);
}

static int refuse_source(const struct config *config, const struct config_pool *pool, str name,
			 char *why, size_t why_size)
{
	const char *known[NAMES_LIMIT];
	size_t count = 0;
	for (size_t i = 0; i < config->source_count && count < NAMES_LIMIT; i++)
		known[count++] = config->sources[i].name.data;
	return refuse_name(config, "pool", pool->name, "sources", "source", name, known, count,
			   why, why_size);
}

static int refuse_pool(const struct config *config, const struct config_route *route, char *why,
		       size_t why_size)
{
	const char *known[NAMES_LIMIT];
	size_t count = 0;
	for (size_t i = 0; i < config->pool_count && count < NAMES_LIMIT; i++)
		known[count++] = config->pools[i].name.data;
	return refuse_name(config, "route", route->name, "pool", "pool", route->pool, known,
			   count, why, why_size);
}

/* ---- pools ---- */

const struct config_pool *config_pool_find(const struct config *config, str name)
{
	for (size_t i = 0; i < config->pool_count; i++)
		if (str_eq(config->pools[i].name, name))
			return &config->pools[i];
	return NULL;
}

uint32_t config_pool_weight(const struct config_pool *pool, size_t index)
{
	uint64_t weight = 1;
	if (pool->weights.count > 0 &&
	    (index >= pool->weights.count || !str_to_u64(pool->weights.items[index], &weight) ||
	     weight > WEIGHT_LIMIT))
		return 0;
	return (uint32_t)weight;
}

static bool is_source(const struct config *config, str name)
{
	for (size_t i = 0; i < config->source_count; i++)
		if (str_eq(config->sources[i].name, name))
			return true;
	return false;
}

static bool stands_twice(const struct key_list *list, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (str_eq(list->items[i], list->items[index]))
			return true;
	return false;
}

static int check_pool(const struct config *config, const struct config_pool *pool, char *why,
		      size_t why_size)
{
	if (pool->sources.count == 0)
		return config_refuse(config, "pool", pool->name, "sources",
				     "must be set: a pool is some sources", why, why_size);
	for (size_t i = 0; i < pool->sources.count; i++) {
		if (!is_source(config, pool->sources.items[i]))
			return refuse_source(config, pool, pool->sources.items[i], why,
					     why_size);
		if (stands_twice(&pool->sources, i))
			return config_refuse(
				config, "pool", pool->name, "sources",
				"a source stands there twice; weights say who gets "
				"more",
				why, why_size);
		if (config_pool_weight(pool, i) == 0)
			return config_refuse(config, "pool", pool->name, "weights",
					     "each source has one, a number from 1 to 1000",
					     why, why_size);
	}
	if (pool->weights.count > pool->sources.count)
		return config_refuse(config, "pool", pool->name, "weights",
				     "there are more of them than sources", why, why_size);
	return 0;
}

int config_check_pools(const struct config *config, char *ret_why, size_t why_size)
{
	usec zone;
	if (!config_day_zone(config->sending.day_zone, &zone))
		return config_refuse(config, "sending", (str){}, "day_zone",
				     "is UTC, or an offset from it such as +02:00", ret_why,
				     why_size);
	for (size_t i = 0; i < config->warmup_count; i++)
		if (check_warmup(config, &config->warmups[i], ret_why, why_size) != 0)
			return -1;
	for (size_t i = 0; i < config->source_count; i++)
		if (config->sources[i].warmup.size &&
		    !config_has_curve(config, config->sources[i].warmup))
			return refuse_curve(config, &config->sources[i], ret_why, why_size);
	for (size_t i = 0; i < config->pool_count; i++)
		if (check_pool(config, &config->pools[i], ret_why, why_size) != 0)
			return -1;
	for (size_t i = 0; i < config->route_count; i++)
		if (config->routes[i].pool.size &&
		    !config_pool_find(config, config->routes[i].pool))
			return refuse_pool(config, &config->routes[i], ret_why, why_size);
	return 0;
}
