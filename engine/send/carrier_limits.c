/* carrier_limits.c - limits wider than a path: which of them bind which path and which campaign on
 * it, and what becomes of that when the configuration changes under way.
 * A limit lives in one of a fixed number of places, for paths, flows and timers point at it. One
 * that is still there after a change, by its name and by what it fits, keeps its place and what
 * it has counted; another one begins with the connections and the messages that it now binds. The
 * surprising thing: after a change all that waited at a limit looks again, whichever it was. */
#include "engine/send/carrier.h"

#include <stdio.h>

#include "engine/base/assert.h"

static bool fits(str wanted, str value)
{
	return wanted.size == 0 || str_eq_nocase(wanted, value);
}

static bool fits_path(const struct carrier *carrier, const struct limit_rule *rule,
		      const struct carrier_path *path)
{
	const struct source *source = &carrier->settings->sources[path->source_index];
	return fits(rule->source, str_of(source->name)) &&
	       fits(rule->provider, str_of(path->route->provider)) &&
	       fits(rule->site, str_of(path->route->site));
}

static bool fits_campaign(const struct limit_rule *rule, const struct content *content)
{
	if (!fits(rule->campaign, content->name))
		return false;
	bool listed = rule->list.size == 0;
	for (size_t i = 0; i < content->list_count; i++)
		listed |= str_eq_nocase(rule->list, content->lists[i]);
	return listed;
}

static bool is_of_campaigns(const struct limit_rule *rule)
{
	return rule->campaign.size > 0 || rule->list.size > 0;
}

/* The same limit, whatever it now allows. */
static bool is_same(const struct limit_rule *a, const struct limit_rule *b)
{
	return str_eq(a->name, b->name) && str_eq(a->source, b->source) &&
	       str_eq(a->provider, b->provider) && str_eq(a->site, b->site) &&
	       str_eq(a->campaign, b->campaign) && str_eq(a->list, b->list);
}

/* --- which bind what --------------------------------------------------------------------------
 */

void carrier_flow_bind(struct carrier *carrier, struct carrier_flow *flow)
{
	flow->quota_count = 0;
	flow->quotas[flow->quota_count++] = &flow->campaign->quota;
	for (size_t i = 0; i < carrier->quota_count; i++) {
		struct carrier_quota *q = &carrier->quotas[i];
		if (q->rule && flow->quota_count < FLOW_QUOTA_LIMIT &&
		    fits_path(carrier, q->rule, flow->path) &&
		    fits_campaign(q->rule, flow->campaign->content))
			flow->quotas[flow->quota_count++] = q;
	}
}

void carrier_path_bind(struct carrier *carrier, struct carrier_path *path)
{
	path->quota_count = 0;
	for (size_t i = 0; i < carrier->quota_count; i++) {
		struct carrier_quota *q = &carrier->quotas[i];
		if (q->rule && path->quota_count < FLOW_QUOTA_LIMIT &&
		    !is_of_campaigns(q->rule) && fits_path(carrier, q->rule, path))
			path->quotas[path->quota_count++] = q;
	}
}

/* --- they come, change and go -----------------------------------------------------------------
 */

static void place(struct carrier *carrier, struct carrier_quota *q,
		  const struct limit_rule *rule)
{
	carrier_quota_prepare(carrier, q, &rule->limits);
	q->rule = rule;
	snprintf(q->why, sizeof(q->why), "limit %.*s", STR_FORMAT(str_sub(rule->name, 0, 48)));
	snprintf(q->account, sizeof(q->account), "limit %.*s", STR_FORMAT(rule->name));
	carrier_quota_follow(carrier, q);
}

int carrier_quotas_init(struct carrier *carrier)
{
	const struct tuning *tuning = &carrier->tuning;
	carrier->quotas = ARENA_ARRAY(&carrier->arena, struct carrier_quota, LIMIT_PLACES);
	if (!carrier->quotas || tuning->limit_rule_count > TUNING_LIMITS)
		return -1;
	for (size_t i = 0; i < tuning->limit_rule_count; i++)
		place(carrier, &carrier->quotas[carrier->quota_count++],
		      &tuning->limit_rules[i]);
	return 0;
}

/* Its messages and connections are counted where they are bound, and nowhere else. */
static void count_flow(const struct carrier_flow *flow, bool on)
{
	for (size_t i = 0; i < flow->quota_count; i++) {
		uint32_t *held = &flow->quotas[i]->held_count;
		uint32_t *ahead = &flow->quotas[i]->ahead_count;
		ASSERT(on || (*held >= flow->held_count && *ahead >= flow->ahead_counted));
		*held = on ? *held + flow->held_count : *held - flow->held_count;
		*ahead = on ? *ahead + flow->ahead_counted : *ahead - flow->ahead_counted;
	}
}

static void count_path(const struct carrier_path *path, bool on)
{
	uint32_t connections = path->opening_count + path->open_count;
	for (size_t i = 0; i < path->quota_count; i++) {
		uint32_t *open = &path->quotas[i]->quota.open_count;
		ASSERT(on || *open >= connections);
		*open = on ? *open + connections : *open - connections;
	}
}

static void rebind(struct carrier *carrier, struct carrier_path *path)
{
	carrier_path_unwait(carrier, path);
	count_path(path, false);
	carrier_path_bind(carrier, path);
	count_path(path, true);
	struct chain_link *link = chain_first(&path->flows);
	for (; link; link = chain_next(&path->flows, link)) {
		struct carrier_flow *flow = CHAIN_OWNER(link, struct carrier_flow, link);
		count_flow(flow, false);
		carrier_flow_bind(carrier, flow);
		count_flow(flow, true);
	}
	carrier_path_touch(carrier, path);
}

/* Who is gone keeps its place while the database has a question of it. */
static bool is_free(const struct carrier_quota *q)
{
	return !q->rule && !q->retired && !quota_is_drawing(&q->quota);
}

static size_t free_count(const struct carrier *carrier)
{
	size_t count = LIMIT_PLACES - carrier->quota_count;
	for (size_t i = 0; i < carrier->quota_count; i++)
		count += is_free(&carrier->quotas[i]);
	return count;
}

static struct carrier_quota *free_place(struct carrier *carrier)
{
	for (size_t i = 0; i < carrier->quota_count; i++) {
		if (is_free(&carrier->quotas[i]))
			return &carrier->quotas[i];
	}
	ASSERT(carrier->quota_count < LIMIT_PLACES); /* they were counted before */
	return &carrier->quotas[carrier->quota_count++];
}

static struct carrier_quota *find_same(struct carrier *carrier, const struct limit_rule *rule)
{
	for (size_t i = 0; i < carrier->quota_count; i++) {
		struct carrier_quota *q = &carrier->quotas[i];
		if (q->rule && !q->kept && is_same(q->rule, rule))
			return q;
	}
	return NULL;
}

static void retire(struct carrier *carrier, struct carrier_quota *q)
{
	q->retired = true;
	q->rule = NULL;
	if (chain_linked(&q->drawn))
		chain_remove(&carrier->drawn, &q->drawn);
}

/* Those that stay get their new limits, the others of before are retired. */
static void keep(struct carrier *carrier, struct carrier_quota *const *found, usec now)
{
	const struct tuning *tuning = &carrier->tuning;
	for (size_t i = 0; i < tuning->limit_rule_count; i++) {
		struct carrier_quota *q = found[i];
		if (!q)
			continue;
		q->rule = &tuning->limit_rules[i];
		quota_set_limits(&q->quota, &q->rule->limits, now);
		carrier_quota_follow(carrier, q);
	}
	for (size_t i = 0; i < carrier->quota_count; i++) {
		struct carrier_quota *q = &carrier->quotas[i];
		if (q->rule && !q->kept)
			retire(carrier, q);
		q->kept = false;
	}
}

/* Nobody is bound by them any more, nobody waits there. */
static void let_go(struct carrier *carrier)
{
	for (size_t i = 0; i < carrier->quota_count; i++) {
		struct carrier_quota *q = &carrier->quotas[i];
		if (q->retired)
			wheel_cancel(&carrier->wheel, &q->timer.wheel);
		q->retired = false;
	}
}

bool carrier_take_limits(struct carrier *carrier, usec now)
{
	const struct tuning *tuning = &carrier->tuning;
	struct carrier_quota *found[TUNING_LIMITS];
	size_t count = tuning->limit_rule_count, index = 0, wanted = 0;
	ASSERT(count <= TUNING_LIMITS);
	for (size_t i = 0; i < count; i++) {
		found[i] = find_same(carrier, &tuning->limit_rules[i]);
		if (found[i])
			found[i]->kept = true;
		wanted += found[i] == NULL;
	}
	if (wanted > free_count(carrier)) {
		for (size_t i = 0; i < carrier->quota_count; i++)
			carrier->quotas[i].kept = false;
		return false;
	}
	keep(carrier, found, now);
	for (size_t i = 0; i < count; i++) {
		if (!found[i])
			place(carrier, free_place(carrier), &tuning->limit_rules[i]);
	}
	for (struct map_entry *e; (e = map_next(&carrier->paths, &index));)
		rebind(carrier, e->value);
	let_go(carrier);
	return true;
}
