/* limits_node.c - see limits_node.h. Some crash and come back, some are stopped in order and
 * started again, some stand still for so long that the others have what was theirs. */
#include "tests/sim/limits/limits_node.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/stat.h>

#include "engine/base/assert.h"
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_tables.h"
#include "tests/sim/sim_warming.h"

#define CRASH_LIMIT 3
#define LEASE_TIME (30 * USEC_SECOND)
#define RETURNS_LIMIT 4 /* messages that connections give back in one step */

struct limits_seen limits_seen;

static struct engine engines[LIMITS_ENGINES];

static void make_sources(struct limits_node *node, const struct limits_plan *plan)
{
	size_t count = 0;
	for (unsigned i = node->index; i < plan->source_count; i += plan->engine_count) {
		struct source *source = &node->sources[count++];
		*source = (struct source){.has_ipv4 = true, .helo = "out.news.test"};
		snprintf(source->name, sizeof(source->name), "out%u", i + 1);
		source->ipv4.in4.sin_family = AF_INET;
		source->ipv4.in4.sin_addr.s_addr = htonl(10u << 24 | 9 << 16 | (i + 1));
	}
	node->settings.sources = node->sources;
	node->settings.source_count = count;
}

static usec within_a_minute(struct world *w)
{
	return w->now + (usec)world_below(w, USEC_MINUTE);
}

void limits_node_begin(struct world *w, struct limits_node *node, unsigned index,
		       const struct limits_plan *plan, const struct engine_settings *settings)
{
	bool alone = plan->engine_count == 1;
	*node = (struct limits_node){.index = index, .engine = &engines[index]};
	node->settings = *settings;
	snprintf(node->name, sizeof(node->name), "limits%u", index + 1);
	snprintf(node->journal, sizeof(node->journal), "%s/%u", w->journal, index + 1);
	mkdir(node->journal, 0700);
	node->settings.name = node->name;
	node->settings.journal_directory = node->journal;
	node->settings.tunings = &node->tunings;
	/* Sometimes there is room for fewer paths than mail wants; of two nobody has room for all. */
	node->settings.envelope_limit = world_below(w, 8) ? alone ? 200 : 24 : 4;
	node->settings.connection_limit = world_below(w, 3) ? 16 : 3;
	make_sources(node, plan);
	node->starts_at = w->now;
	if (index > 0 && world_below(w, 3) == 0)
		node->starts_at = within_a_minute(w);
	node->crash_at = node->pause_at = node->stop_at = USEC_NEVER;
	if (alone ? w->seed % 4 == 1 : world_below(w, 3) == 0)
		node->crash_at = within_a_minute(w);
	if (!alone && world_below(w, 3) == 0)
		node->pause_at = within_a_minute(w);
	if (!alone && world_below(w, 4) == 0)
		node->stop_at = within_a_minute(w);
}

/* ---- its lives ---- */

/* Opening can fail while the database is away: then it is tried again. */
static void start(struct world *w, struct limits_node *node)
{
	node->life = world_live(w, node->index);
	sim_warming_begin();
	if (drive_try(w, node->engine, &node->settings, 0)) {
		node->state = LIMITS_UP;
		node->wake = w->now;
		node->edits_are_new = true;
		return;
	}
	drive_give_up(w, node->engine);
	node->starts_at = w->now + USEC_SECOND;
}

static void crash(struct world *w, struct limits_node *node)
{
	drive_crash(w, node->engine);
	limits_seen.crashes++;
	node->state = LIMITS_DOWN;
	node->starts_at = w->now + USEC_SECOND * (1 + (usec)world_below(w, 5));
	node->crash_at = ++node->crash_count < CRASH_LIMIT ? within_a_minute(w) : USEC_NEVER;
}

/* Not for long, about as long as its lease, or for longer. */
static void stand_still(struct world *w, struct limits_node *node)
{
	usec least = world_below(w, 2) ? LEASE_TIME : 0;
	usec most = world_below(w, 2) ? LEASE_TIME : 2 * USEC_SECOND;
	limits_seen.pauses++;
	node->life->away_until = w->now + least + (usec)world_below(w, (uint64_t)most);
	node->pause_at = world_below(w, 2) ? node->life->away_until + USEC_MINUTE : USEC_NEVER;
}

static void drain(struct limits_node *node, bool restarts)
{
	carrier_drain(&node->engine->carrier);
	feeder_drain(&node->engine->feeder);
	node->state = LIMITS_DRAINING;
	node->restarts = restarts;
}

static void stopped(struct world *w, struct limits_node *node)
{
	drive_check_empty(w, node->engine);
	sim_warming_end(w, node->engine);
	engine_leave(node->engine);
	drive_close(node->engine);
	node->state = node->restarts ? LIMITS_DOWN : LIMITS_DONE;
	node->starts_at = w->now + (usec)world_below(w, 3 * USEC_SECOND);
}

static void befall(struct world *w, struct limits_node *node)
{
	if (w->now >= node->crash_at) {
		crash(w, node);
	} else if (w->now >= node->stop_at) {
		node->stop_at = USEC_NEVER;
		limits_seen.stops++;
		drain(node, true);
		node->wake = w->now;
	} else if (w->now >= node->pause_at) {
		stand_still(w, node);
	}
}

usec limits_node_reload(struct limits_node *node, const struct limits_plan *plan,
			const struct rules *rules)
{
	struct tuning *edited = &node->edited[plan->edit];
	*edited = (struct tuning){.retry = node->settings.retry,
				  .timeouts = node->settings.timeouts,
				  .limit_rules = plan->rules_of[plan->edit],
				  .limit_rule_count = plan->rule_count_of[plan->edit]};
	rules_replace(node->settings.rules, rules);
	tunings_publish(&node->tunings, edited);
	node->edits_are_new = true;
	bool runs = node->state == LIMITS_UP || node->state == LIMITS_DRAINING;
	return runs ? usec_max(world->now, node->life->away_until) : world->now;
}

void limits_node_end(struct limits_node *node)
{
	if (node->state == LIMITS_UP)
		drain(node, false);
	node->restarts = false;
	node->crash_at = node->pause_at = node->stop_at = USEC_NEVER;
	if (node->state == LIMITS_DOWN)
		node->state = LIMITS_DONE;
	node->wake = world->now;
}

/* ---- what it marks ---- */

/* Of this limit: marked as started, or about to be, and not started. */
static size_t marked_of(struct engine *engine, const struct carrier_quota *q)
{
	size_t marked = 0, index = 0;
	for (struct map_entry *e; (e = map_next(&engine->carrier.paths, &index));) {
		struct carrier_path *path = e->value;
		struct chain_link *link = chain_first(&path->flows);
		for (; link; link = chain_next(&path->flows, link)) {
			const struct carrier_flow *flow = CHAIN_OWNER(link, struct carrier_flow, link);
			for (size_t i = 0; i < flow->quota_count; i++)
				if (flow->quotas[i] == q)
					marked += flow->marked.count + flow->marking_count +
						  flow->held_count;
		}
	}
	return marked;
}

/* A machine that is lost leaves in doubt whom it had marked: however many paths a limit has, these
 * are no more than it lets start in 200 ms (two spans of a mark), and two. What a connection gives
 * back, or a limit that is lowered, may leave more; then nobody is marked. */
static void check_marks(struct world *w, struct limits_node *node)
{
	struct engine *engine = node->engine;
	for (size_t i = 0; i < engine->carrier.quota_count; i++) {
		const struct carrier_quota *q = &engine->carrier.quotas[i];
		const struct rate *rate = &q->quota.limits.message_rate;
		ASSERT(i < sizeof(node->marked_before) / sizeof(node->marked_before[0]));
		size_t before = node->marked_before[i];
		size_t marked = q->rule && rate->count ? marked_of(engine, q) : 0;
		size_t most = 2;
		if (rate->count)
			most += (size_t)((double)rate->count * 200e3 / (double)rate->per);
		if (!node->edits_are_new && marked > most && marked > before + RETURNS_LIMIT)
			world_fail(w, "%s: %zu marked and not started, %zu before; it lets start %zu",
				   q->why, marked, before, most);
		node->marked_before[i] = marked;
		limits_seen.marks += marked > 0;
	}
	node->edits_are_new = false;
}

/* ---- steps ---- */

/* Whether it counts as gone: then others have its places from now on. */
static void look_at_lease(struct limits_node *node)
{
	bool lapsed = false;
	for (uint32_t id = 1; id <= tables.engine_count; id++)
		if (str_eq(str_of(tables.engines[id - 1].name), str_of(node->name)))
			lapsed = table_engine_is_silent(id);
	if (lapsed != node->lapsed)
		limits_hosts_lapse(node->index, lapsed);
	limits_seen.lapses += lapsed && !node->lapsed && node->life && !node->life->dead;
	node->lapsed = lapsed;
}

static bool is_idle(const struct limits_node *node)
{
	return carrier_idle(&node->engine->carrier) && feeder_idle(&node->engine->feeder) &&
	       ledger_idle(&node->engine->ledger);
}

static bool step_running(struct world *w, struct limits_node *node)
{
	node->wake = drive_step(node->engine);
	check_marks(w, node);
	if (node->engine->feeder.trouble[0]) {
		world_fail(w, "%s: trouble: %s", node->name, node->engine->feeder.trouble);
		return false;
	}
	if (node->state == LIMITS_DRAINING) {
		if (is_idle(node) && node->wake > w->now)
			stopped(w, node);
		node->wake = usec_min(node->wake, w->now + USEC_SECOND);
	}
	if (node->state == LIMITS_UP)
		befall(w, node);
	return true;
}

bool limits_node_step(struct world *w, struct limits_node *node)
{
	look_at_lease(node);
	if (node->state == LIMITS_DOWN && w->now >= node->starts_at)
		start(w, node);
	if (node->state == LIMITS_DOWN || node->state == LIMITS_DONE) {
		node->wake = node->state == LIMITS_DOWN ? node->starts_at : USEC_NEVER;
		return true;
	}
	if (node->life->away_until > w->now) {
		node->wake = node->life->away_until;
		return true;
	}
	if (!node->life->touched && node->wake > w->now)
		return true;
	struct sim_life *before = world_enter(w, node->life);
	node->life->touched = false;
	bool good = step_running(w, node);
	world_leave(w, before);
	if (node->state == LIMITS_UP)
		node->wake = usec_min(usec_min(node->wake, node->crash_at),
				      usec_min(node->pause_at, node->stop_at));
	if (node->state == LIMITS_DOWN)
		node->wake = node->starts_at;
	return good;
}
