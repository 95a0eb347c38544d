/* plan_mix.c - whom a campaign goes to: recipients by domain, domains by site.
 * A list of millions is looked at in windows of ids spread evenly over it: two hundred
 * thousand tell the shares of all that matters. Where a domain leads is taken from what
 * engines saw, else from DNS; the small ones that make up the last hundredth are not asked. */
#include "engine/api/plan.h"

#include <stdio.h>

#include "engine/send/lookup.h"
#include "templates/variant.h"

#define COUNT_ALL 500000 /* ids up to which everybody is counted */
#define WINDOW 2000      /* ids at a time */
#define SAMPLE 200000    /* ids looked at of more */
#define COVERED 0.99     /* of the recipients, by domains that are asked for */
#define ASK_LIMIT 2000
#define ASK_TIME (10 * USEC_SECOND)

static int out_of_memory(struct db *db)
{
	return cli_fail(db->cli, EXIT_FAILED, "out of memory");
}

static int read_head(struct db *db, const struct campaign_row *campaign, struct plan *p)
{
	PGresult *result = db_query(db, "api_plan_head", 1, &campaign->id_text.data);
	if (!result)
		return db_code(db);
	int rows = PQntuples(result);
	p->highest_id = db_u64(result, 0, 0);
	p->has_begun = db_u64(result, 0, 1) != 0;
	if (p->has_begun)
		p->start_wall = db_i64(result, 0, 2);
	p->rest = (double)db_u64(result, 0, 4) / VARIANT_WHOLE;
	p->hold_out = (double)db_u64(result, 0, 5) / VARIANT_WHOLE;
	p->share = 1 - p->rest - p->hold_out;
	p->lists = ARENA_ARRAY(db->cli->arena, str, (size_t)rows + 1);
	for (int i = 0; p->lists && i < rows; i++) {
		str name = db_cell(result, i, 3);
		if (name.data)
			p->lists[p->list_count++] = arena_copy(db->cli->arena, name);
	}
	PQclear(result);
	return p->lists ? CLI_GO : out_of_memory(db);
}

struct taking {
	struct db *db;
	struct plan *plan;
	size_t room;
	bool failed;
	double carry; /* parts of recipients that were rounded away so far */
};

static void make_room(struct taking *t)
{
	size_t room = t->room ? 2 * t->room : 1024;
	struct plan_domain *more = ARENA_ARRAY(t->db->cli->arena, struct plan_domain, room);
	if (more && t->plan->domain_count > 0)
		memcpy(more, t->plan->domains, t->plan->domain_count * sizeof(*more));
	t->failed = !more;
	t->plan->domains = more;
	t->room = room;
}

static void take_domain(void *context, const PGresult *result, int row)
{
	struct taking *t = context;
	struct arena *arena = t->db->cli->arena;
	if (t->plan->domain_count == t->room && !t->failed)
		make_room(t);
	double exact =
		(double)db_u64(result, row, 1) * t->plan->share / t->plan->sampled + t->carry;
	uint64_t count = exact > 0 ? (uint64_t)(exact + 0.5) : 0;
	t->carry = exact - (double)count;
	if (t->failed || count == 0)
		return;
	struct plan_domain *d = &t->plan->domains[t->plan->domain_count++];
	str site = db_cell(result, row, 2), provider = db_cell(result, row, 3);
	*d = (struct plan_domain){
		.name = arena_copy(arena, db_cell(result, row, 0)),
		.count = count,
		.site = site.data ? arena_copy(arena, site) : STR(""),
		.provider = provider.data ? arena_copy(arena, provider) : STR(""),
	};
	t->plan->recipients += d->count;
}

static int read_domains(struct db *db, const struct campaign_row *campaign, struct plan *p)
{
	struct taking taking = {.db = db, .plan = p};
	uint64_t step = WINDOW;
	if (p->highest_id > COUNT_ALL)
		step = p->highest_id / (SAMPLE / WINDOW);
	p->sampled = (double)WINDOW / (double)step;
	char highest[24], window[24], every[24];
	snprintf(highest, sizeof(highest), "%llu", (unsigned long long)p->highest_id);
	snprintf(window, sizeof(window), "%d", WINDOW);
	snprintf(every, sizeof(every), "%llu", (unsigned long long)step);
	const char *parameters[] = {campaign->id_text.data, highest, window, every};
	/* Compiling the statement takes longer than its windows. */
	int code = db_do(db, "begin; set local jit = off");
	if (code != CLI_GO)
		return code;
	code = db_stream(db, "api_plan_domains", 4, parameters, take_domain, &taking);
	if (code == CLI_GO)
		code = db_do(db, "commit");
	return taking.failed ? out_of_memory(db) : code;
}

/* Domains that are to be asked for, the largest first. */
static size_t choose(const struct plan *p, bool forget, struct lookup *lookups, size_t limit)
{
	uint64_t covered = 0;
	size_t count = 0;
	for (size_t i = 0; i < p->domain_count && count < limit; i++) {
		const struct plan_domain *d = &p->domains[i];
		if ((double)covered > COVERED * (double)p->recipients)
			break;
		covered += d->count;
		if (d->site.size == 0 || forget)
			lookups[count++].domain = d->name;
	}
	return count;
}

static void take_answers(struct plan *p, const struct lookup *lookups, size_t count,
			 struct arena *arena)
{
	for (size_t i = 0, at = 0; i < count; i++) {
		const struct lookup *l = &lookups[i];
		while (p->domains[at].name.data != l->domain.data)
			at++;
		struct plan_domain *d = &p->domains[at];
		if (!l->answered)
			continue;
		p->answered_count++;
		d->is_dead = l->cause != CAUSE_NONE && l->cause != CAUSE_DNS_TEMPORARY;
		p->dead += d->is_dead ? d->count : 0;
		d->site = arena_copy(arena, str_of(l->site));
		d->provider = arena_copy(arena, str_of(l->provider));
	}
}

static int ask(struct db *db, const struct engine_settings *settings, struct plan *p)
{
	struct arena *arena = db->cli->arena;
	struct lookup *lookups = ARENA_ARRAY(arena, struct lookup, ASK_LIMIT);
	char why[300] = "";
	/* What engines saw may have been another way than that of this configuration. */
	bool forget = settings->route.static_route_count > 0;
	if (!lookups)
		return out_of_memory(db);
	p->asked_count = choose(p, forget, lookups, ASK_LIMIT);
	if (lookup_routes(settings, lookups, p->asked_count, p->lists, p->list_count, ASK_TIME,
			  why, sizeof(why)) != 0)
		return cli_fail(db->cli, EXIT_FAILED, "%s", why);
	take_answers(p, lookups, p->asked_count, arena);
	return CLI_GO;
}

/* Where every domain that was asked for goes to one relay, the others go there, too. */
static void follow_relay(struct plan *p)
{
	const struct plan_domain *first = NULL;
	for (size_t i = 0; i < p->domain_count; i++) {
		const struct plan_domain *d = &p->domains[i];
		if (d->is_dead || d->site.size == 0)
			continue;
		if (first && !str_eq(first->site, d->site))
			return;
		first = d;
	}
	if (!first || !str_starts(first->site, STR("relay:")))
		return;
	for (size_t i = 0; i < p->domain_count; i++) {
		if (p->domains[i].site.size > 0 || p->domains[i].is_dead)
			continue;
		p->domains[i].site = first->site;
		p->domains[i].provider = first->provider;
	}
}

int plan_read_mix(struct db *db, const struct engine_settings *settings,
		  const struct campaign_row *campaign, struct plan *p)
{
	int code = read_head(db, campaign, p);
	if (code == CLI_GO)
		code = read_domains(db, campaign, p);
	if (code == CLI_GO)
		code = ask(db, settings, p);
	if (code == CLI_GO)
		follow_relay(p);
	return code;
}
