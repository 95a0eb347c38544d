/* provider_lint.c - what only all rows together show: names that lead nowhere, endings that
 * two providers claim, providers that nobody can ever be. Between rows of tables no order
 * decides: endings of different providers must not touch each other at all, because whoever
 * adds a row does not look at what stands above it. Sections of the configuration may take
 * endings from tables, as long as something is left. */
#include "engine/shape/provider_row.h"

/* One ending of one rule. */
struct ending {
	const struct rule *rule;
	size_t index;
};

void rules_put_place(struct buf *out, const struct rule_place *place)
{
	if (place->line == 0) {
		buf_put_cstr(out, "another rule");
		return;
	}
	buf_put_printable(out, place->file, 200);
	buf_printf(out, ":%u", place->line);
}

static bool is_of_this_file(const struct provider_reading *r, const struct rule *rule)
{
	const struct rule *at = r->before ? r->before->next : r->rules->own.first;

	for (; at; at = at->next) {
		if (at == rule)
			return true;
	}
	return false;
}

static void stand_at(struct provider_reading *r, const struct ending *e)
{
	const uint32_t *columns = e->rule->suffix_columns;

	r->line = e->rule->place.line;
	r->column = columns ? columns[e->index] : 1;
	r->column_name = provider_column_names[PROVIDER_SUFFIXES];
	r->cell = e->rule->suffixes[e->index];
}

/* "gmail (FILE:LINE)" */
static const char *describe(const struct rule *rule, char *memory, size_t size)
{
	struct buf b;

	buf_init_fixed(&b, memory, size - 1);
	buf_put_printable(&b, rule->name, 40);
	buf_put_cstr(&b, " (");
	rules_put_place(&b, &rule->place);
	buf_put_byte(&b, ')');
	memory[b.size] = '\0';
	return memory;
}

static int refuse_twin(struct provider_reading *r, const struct ending *one,
		       const struct ending *other)
{
	char who[320];

	if (one->rule == other->rule) {
		stand_at(r, one);
		return provider_refuse(r, "stands twice in this row: remove one");
	}
	bool mine = is_of_this_file(r, one->rule);
	stand_at(r, mine ? one : other);
	return provider_refuse(r,
			       "belongs to %s already: remove it here, or give that provider a "
			       "row without it",
			       describe(mine ? other->rule : one->rule, who, sizeof(who)));
}

/* inner lies below outer. */
static int refuse_overlap(struct provider_reading *r, const struct ending *inner,
			  const struct ending *outer)
{
	str wide = outer->rule->suffixes[outer->index];
	str narrow = inner->rule->suffixes[inner->index];
	char who[320];

	if (inner->rule == outer->rule) {
		stand_at(r, inner);
		return provider_refuse(
			r, "is below '%.*s' of the same row and never looked at: remove it",
			STR_FORMAT(wide));
	}
	if (is_of_this_file(r, inner->rule)) {
		stand_at(r, inner);
		return provider_refuse(r,
				       "is below '%.*s' of %s, and nobody could tell whose "
				       "hosts these are: remove one of the two, or give that "
				       "provider a row with narrower endings",
				       STR_FORMAT(wide),
				       describe(outer->rule, who, sizeof(who)));
	}
	stand_at(r, outer);
	return provider_refuse(r,
			       "takes in '%.*s' of %s, and nobody could tell whose hosts "
			       "these are: write a narrower ending, or give that provider a "
			       "row without it",
			       STR_FORMAT(narrow), describe(inner->rule, who, sizeof(who)));
}

static int gather(struct provider_reading *r, struct map *endings)
{
	for (const struct rule *rule = r->rules->own.first; rule; rule = rule->next) {
		for (size_t i = 0; rule_matches(rule) && i < rule->suffix_count; i++) {
			struct ending *e = ARENA_NEW(r->rules->arena, struct ending);
			if (!e)
				return PROVIDER_FILE_NO_MEMORY;
			*e = (struct ending){rule, i};
			const struct ending *twin = map_get(endings, rule->suffixes[i]);
			if (twin)
				return refuse_twin(r, e, twin);
			if (map_put(endings, rule->suffixes[i], e) != 0)
				return PROVIDER_FILE_NO_MEMORY;
		}
	}
	return 0;
}

/* Rules are walked, not the map: the same file is refused with the same words every time. */
static int check_endings(struct provider_reading *r)
{
	struct map endings;

	map_init(&endings, r->rules->arena, 0);
	int result = gather(r, &endings);
	const struct rule *rule = result == 0 ? r->rules->own.first : NULL;
	for (; rule; rule = rule->next) {
		for (size_t i = 0; rule_matches(rule) && i < rule->suffix_count; i++) {
			const struct ending inner = {rule, i};
			str above = rule->suffixes[i];
			for (str_cut(&above, '.'); above.data; str_cut(&above, '.')) {
				const struct ending *outer = map_get(&endings, above);
				if (outer)
					return refuse_overlap(r, &inner, outer);
			}
		}
	}
	return result;
}

/* "2001:db8::1", of an address in place of a domain. */
static bool is_address6(str name)
{
	size_t colons = 0;

	for (size_t i = 0; i < name.size; i++) {
		if (!memchr("0123456789abcdefABCDEF:.", name.data[i], 24))
			return false;
		colons += name.data[i] == ':';
	}
	return colons >= 2;
}

/* "mx1.example.com", "mx1.example.com,mx2.example.com", "mx1.example.com+8#HASH" and
 * "relay:NAME": see mx_name_site(). */
static bool is_site(str name)
{
	const str relay = STR("relay:");

	if (str_starts(name, relay))
		return name.size > relay.size;
	if (is_address6(name))
		return true;
	while (name.data) {
		str part = str_cut(&name, ',');
		str host = str_cut(&part, '+');
		if (!rules_is_host(host) || str_find_byte(host, '.') == STR_NONE)
			return false;
	}
	return true;
}

/* A row without endings speaks of somebody that another row, or DNS, has to know. */
static int check_names(struct provider_reading *r)
{
	struct map providers;
	const struct rule *rule = r->rules->own.first;

	map_init(&providers, r->rules->arena, 0);
	for (; rule; rule = rule->next) {
		if (rule_matches(rule) &&
		    map_put(&providers, rule->name, (void *)(uintptr_t)rule) != 0)
			return PROVIDER_FILE_NO_MEMORY;
	}
	rule = r->before ? r->before->next : r->rules->own.first;
	for (; rule; rule = rule->next) {
		if (rule->suffix_count > 0 || str_eq(rule->name, STR("default")) ||
		    is_site(rule->name) || map_get(&providers, rule->name))
			continue;
		r->line = rule->place.line;
		r->column = 1;
		r->column_name = provider_column_names[PROVIDER_NAME];
		r->cell = rule->name;
		return provider_refuse(
			r, "this row never counts: no provider and no site is called that. A "
			   "new provider needs mx_suffixes; a site is the name of its MX host");
	}
	return 0;
}

int provider_lint(struct provider_reading *r)
{
	int result = check_endings(r);

	return result == 0 ? check_names(r) : result;
}

/* ---- the configuration's sections, which come last ---- */

static bool covers(const struct rule *wide, const struct rule *narrow)
{
	for (size_t i = 0; i < narrow->suffix_count; i++) {
		bool below = false;
		for (size_t w = 0; w < wide->suffix_count && !below; w++)
			below = rules_host_is_below(narrow->suffixes[i], wide->suffixes[w]);
		if (!below)
			return false;
	}
	return true;
}

static int refuse_cover(const struct rule *wide, const struct rule *narrow, char *why,
			size_t why_size)
{
	char who[320];
	struct buf b;

	buf_init_fixed(&b, why, why_size - 1);
	rules_put_place(&b, &wide->place);
	buf_put_cstr(&b, ": provider \"");
	buf_put_printable(&b, wide->name, 80);
	buf_printf(&b,
		   "\" takes every ending of %s, which could never match again: call the "
		   "section \"",
		   describe(narrow, who, sizeof(who)));
	buf_put_printable(&b, narrow->name, 80);
	buf_put_cstr(&b, "\", or leave that provider an ending");
	why[b.size] = '\0';
	return -1;
}

static bool is_provider(const struct rules *rules, str name)
{
	for (const struct rule *rule = rules->own.first; rule; rule = rule->next) {
		if (rule_matches(rule) && str_eq_nocase(rule->name, name))
			return true;
	}
	return false;
}

/* A section of nobody: most often a name that is written wrongly. */
static int check_section(const struct rules *rules, const struct rule *rule, char *why,
			 size_t why_size)
{
	struct buf b;

	if (rule->suffix_count > 0 || str_eq_nocase(rule->name, STR("default")) ||
	    is_site(rule->name) || is_provider(rules, rule->name))
		return 0;
	buf_init_fixed(&b, why, why_size - 1);
	rules_put_place(&b, &rule->place);
	buf_put_cstr(&b, ": provider \"");
	buf_put_printable(&b, rule->name, 80);
	buf_put_cstr(&b, "\" never counts: no provider and no site is called that. A new "
			 "provider needs mx; a site is the name of its MX host");
	why[b.size] = '\0';
	return -1;
}

int rules_check_reach(const struct rules *rules, char *ret_why, size_t why_size)
{
	for (const struct rule *wide = rules->own.first; wide; wide = wide->next) {
		if (wide->place.origin != RULE_SETTINGS)
			continue;
		if (check_section(rules, wide, ret_why, why_size) != 0)
			return -1;
		const struct rule *old = rules->own.first;
		for (; rule_matches(wide) && old != wide; old = old->next) {
			if (rule_matches(old) && covers(wide, old))
				return refuse_cover(wide, old, ret_why, why_size);
		}
	}
	return 0;
}
