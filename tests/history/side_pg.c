/* side_pg.c - the real PostgreSQL: a tenant for each history, engines' connections through the
 * proxy. Time passes by moving the columns that hold times back, so "later" is never waited
 * for. A subscriber's id is twice its number. */
#include "tests/history/side.h"

#include <stdarg.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/io/clock.h"
#include "engine/store/pg.h"
#include "tests/history/proxy.h"
#include "tests/history/side_pg.h"
#include "tests/unit/live_db.h"

#define SPARES 8
#define VICTIM_LIMIT 20
#define DEADLOCK "40P01"

const char *const side_name = "pg";
const bool side_moves_times = true;

struct side_pg side_pg;
static char proxied[1200];
static struct store *spares[SPARES];
static size_t spare_count;

bool side_setup(void)
{
	return live_setup(NULL) == 0 && proxy_start(live_conninfo, proxied, sizeof(proxied));
}

void side_teardown(void)
{
	while (spare_count > 0)
		store_close(spares[--spare_count]);
	proxy_stop();
	if (live_teardown(NULL) != 0)
		fputs("history: the database was not removed\n", stderr);
}

/* Engines at work hold rows in other orders: whoever PostgreSQL makes a deadlock's victim asks
 * again, as the engine does. */
__attribute__((format(printf, 1, 2))) static bool run_sql(const char *format, ...)
{
	char statement[4096];
	va_list arguments;
	va_start(arguments, format);
	int size = vsnprintf(statement, sizeof(statement), format, arguments);
	va_end(arguments);
	ASSERT(size > 0 && (size_t)size < sizeof(statement));
	for (unsigned asked = 0; asked < VICTIM_LIMIT; asked++) {
		PGresult *result = PQexec(live_admin, statement);
		ExecStatusType status = PQresultStatus(result);
		const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
		bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
		bool is_victim = state && strcmp(state, DEADLOCK) == 0;
		if (!good && !is_victim)
			fprintf(stderr, "%s: %s", statement, PQresultErrorMessage(result));
		PQclear(result);
		if (!is_victim)
			return good;
	}
	return false;
}

PGresult *side_ask(const char *format, ...)
{
	char statement[4096];
	va_list arguments;
	va_start(arguments, format);
	int size = vsnprintf(statement, sizeof(statement), format, arguments);
	va_end(arguments);
	ASSERT(size > 0 && (size_t)size < sizeof(statement));
	PGresult *result = PQexec(live_admin, statement);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fprintf(stderr, "%s: %s", statement, PQresultErrorMessage(result));
	ASSERT(PQresultStatus(result) == PGRES_TUPLES_OK);
	return result;
}

uint64_t side_value(const PGresult *result, int row, int column)
{
	return strtoull(PQgetvalue(result, row, column), NULL, 10);
}

static uint64_t ask_number(const char *statement)
{
	PGresult *result = side_ask("%s", statement);
	uint64_t number = PQntuples(result) ? side_value(result, 0, 0) : 0;
	PQclear(result);
	return number;
}

/* ---- a history's world ---- */

/* People of a campaign, on the lists that its audience asks for; and one who left it. */
static bool add_people(const struct history *h, unsigned c)
{
	const struct history_campaign *x = &h->campaigns[c];
	unsigned first_list = 10 + 2 * c, second_list = first_list;
	if (x->audience == AUDIENCE_TWO_LISTS)
		second_list++;
	return run_sql(
		"insert into lists (tenant_id, id, name) values (%u, %u, 'l%u'), (%u, %u, 'm%u');"
		"insert into subscribers (tenant_id, id, address, address_key, domain, name, "
		"attributes) overriding system value select %u, 2 * n, 'p' || n || "
		"'@example.com', 'p' || n || '@example.com', 'example.com', 'P', '{\"n\": 1}' "
		"from generate_series(%u, %u) n;"
		"insert into subscriptions (tenant_id, list_id, subscriber_id) "
		"select %u, case n %% 2 when 0 then %u else %u end, 2 * n "
		"from generate_series(%u, %u) n",
		side_pg.tenant, first_list, first_list, side_pg.tenant, first_list + 1,
		first_list + 1, side_pg.tenant, x->first, x->last, side_pg.tenant, first_list,
		second_list, x->first, x->last);
}

static const char *const filters[] = {
	[AUDIENCE_PLAIN] = "null",
	[AUDIENCE_TWO_LISTS] = "null",
	[AUDIENCE_EXCLUDED] = "null",
	[AUDIENCE_FILTER] = "'$.n == 1'",
};

static bool add_campaign(const struct history *h, unsigned c)
{
	const struct history_campaign *x = &h->campaigns[c];
	char lists[40];
	snprintf(lists, sizeof(lists),
		 x->audience == AUDIENCE_TWO_LISTS ? "{%u,%u}" : "{%u}", 10 + 2 * c,
		 11 + 2 * c);
	if (!run_sql("insert into campaigns (name, tenant_id, state, revision, highest_id, "
		     "launched_at, list_ids, excluded_list_ids, filter, in_doubt_policy) values "
		     "('c%u', %u, 1, 1, %u, now(), '%s', '%s', %s, %d); insert into templates "
		     "select tenant_id, id, 1, '{\"subject\": \"Hello\"}', '<p>hi</p>', null "
		     "from campaigns where tenant_id = %u and name = 'c%u'",
		     c, side_pg.tenant, 2 * x->last, lists,
		     x->audience == AUDIENCE_EXCLUDED ? "{9}" : "{}", filters[x->audience],
		     h->retry_in_doubt, side_pg.tenant, c))
		return false;
	PGresult *result = side_ask("select id, campaign_partition(id) from campaigns where "
				    "tenant_id = %u and name = 'c%u'",
				    side_pg.tenant, c);
	side_pg.campaigns[c] = side_value(result, 0, 0);
	PQclear(result);
	return true;
}

static bool add_outbox(const struct history *h)
{
	PGresult *result =
		side_ask("with c as (insert into campaigns (name, tenant_id, kind, state, revision, "
			 "launched_at, fully_cut, in_doubt_policy) values ('receipt', %u, 1, 1, 1, "
			 "now(), true, 0) returning id), t as (insert into templates select %u, id, 1, "
			 "'{\"subject\": \"Hello\"}', null, 'hi' from c) select id, "
			 "campaign_partition(id) from c",
			 side_pg.tenant, side_pg.tenant);
	side_pg.campaigns[h->campaign_count] = side_value(result, 0, 0);
	PQclear(result);
	return true;
}

bool side_begin(const struct history *h)
{
	side_pg = (struct side_pg){.history = h};
	if (!run_sql("begin; insert into tenants (name) values ('t%llu')",
		     (unsigned long long)h->seed))
		return false;
	side_pg.tenant = (uint32_t)ask_number("select max(id) from tenants");
	for (unsigned c = 0; c < h->campaign_count; c++)
		if (!add_people(h, c))
			return false;
	for (unsigned i = 1; i <= h->people_count; i++)
		if (h->suppressed[i])
			side_suppress(i);
	for (unsigned c = 0; c < h->campaign_count; c++)
		if (!add_campaign(h, c))
			return false;
	if (h->with_outbox && !add_outbox(h))
		return false;
	/* What was before all is nobody's news. */
	return run_sql("delete from stops where tenant_id = %u; commit", side_pg.tenant);
}

void side_end(void)
{
	side_view_forget();
}

/* A process that is over leaves its connection to another one, with all that is prepared on it:
 * opening one costs more than a short life asks. What the store remembers is forgotten. */
static struct store *open_again(void)
{
	if (spare_count == 0)
		return NULL;
	struct store *store = spares[--spare_count];
	store->tenant = side_pg.tenant;
	store->lost_token = store->lost_claim_token = 0;
	return store;
}

struct store *side_open(void)
{
	struct store *store = open_again();
	if (store)
		return store;
	char why[256] = "";
	struct store_config config = {.conninfo = proxied,
				      .tenant = side_pg.tenant,
				      .application = "rundbrief history"};
	int result = store_open(&store, NULL, &config, why, sizeof(why));
	if (result != 0)
		fprintf(stderr, "%s\n", why);
	ASSERT(result == 0);
	return store;
}

void side_close(struct store *store)
{
	if (spare_count < SPARES)
		spares[spare_count++] = store;
	else
		store_close(store);
}

void side_look(struct store *store, bool look)
{
	store->takeover_at = look ? 0 : USEC_NEVER;
}

usec side_wall(void)
{
	return clock_wall();
}

void side_tick(void)
{
}

void side_pass(usec span)
{
	char before[64];
	uint32_t t = side_pg.tenant;
	snprintf(before, sizeof(before), "- %lld * interval '1 ms' where tenant_id = %u",
		 (long long)(span / USEC_MS), t);
	bool good = run_sql("update engines set heartbeat_at = heartbeat_at %s;"
			    "update engines set left_at = left_at %s;"
			    "update sources set until_at = until_at %s;"
			    "update slices set due_at = due_at %s;"
			    "update slices set decide_at = decide_at %s and state = 4;"
			    "update start_marks set at = at %s;"
			    "update deferrals set due_at = due_at %s;"
			    "update outbox set due_at = due_at %s",
			    before, before, before, before, before, before, before, before);
	ASSERT(good);
}

/* ---- mishaps ---- */

void side_arm(enum mishap mishap, unsigned trip)
{
	proxy_arm(mishap == MISHAP_BEFORE ? PROXY_BEFORE
		  : mishap == MISHAP_KILL ? PROXY_KILL
					  : PROXY_AFTER,
		  trip);
}

bool side_disarm(void)
{
	return proxy_disarm();
}

/* ---- names, and what people do ---- */

uint64_t side_campaign(unsigned campaign)
{
	return side_pg.campaigns[campaign];
}

unsigned side_campaign_number(uint64_t campaign_id)
{
	for (unsigned i = 0; i <= side_pg.history->campaign_count; i++)
		if (side_pg.campaigns[i] == campaign_id)
			return i;
	return VIEW_NONE;
}

unsigned side_number(uint64_t id)
{
	return id < STORE_OUTBOX_FIRST_ID ? (unsigned)id / 2
					  : SIDE_ROWS + (unsigned)(id - side_pg.first_row);
}

void side_set_state(unsigned campaign, enum campaign_state state)
{
	bool good = run_sql("update campaigns set state = %d where tenant_id = %u and id = %llu",
			    (int)state, side_pg.tenant,
			    (unsigned long long)side_pg.campaigns[campaign]);
	ASSERT(good);
}

enum campaign_state side_state(unsigned campaign)
{
	PGresult *result = side_ask("select state from campaigns where tenant_id = %u and "
				    "id = %llu",
				    side_pg.tenant,
				    (unsigned long long)side_pg.campaigns[campaign]);
	enum campaign_state state = (enum campaign_state)side_value(result, 0, 0);
	PQclear(result);
	return state;
}

void side_unsubscribe(unsigned person)
{
	bool good = run_sql("update subscriptions set state = 2 where tenant_id = %u and "
			    "subscriber_id = %u and state = 1",
			    side_pg.tenant, 2 * person);
	ASSERT(good);
}

void side_suppress(unsigned person)
{
	bool good = run_sql("insert into suppressions (tenant_id, address_hash, address, reason) "
			    "select tenant_id, address_hash(address_key), address_key, 100 from "
			    "subscribers where tenant_id = %u and id = %u on conflict do nothing",
			    side_pg.tenant, 2 * person);
	ASSERT(good);
}

void side_post(unsigned priority, usec wait)
{
	PGresult *result =
		side_ask("insert into outbox (tenant_id, template, address, priority, not_before) "
			 "values (%u, 'receipt', 'row%u@example.com', %u, now() + %lld * interval "
			 "'1 ms') returning id",
			 side_pg.tenant, side_pg.row_count, priority, (long long)(wait / USEC_MS));
	if (side_pg.row_count++ == 0)
		side_pg.first_row = side_value(result, 0, 0);
	PQclear(result);
}

/* ---- engines that are processes ---- */

void side_pg_fork(void)
{
	spare_count = 0;
	live_admin = PQconnectdb(live_conninfo); /* the parent's stays open, and is not ours */
}

void side_pg_kill_one(void)
{
	PQclear(side_ask("select pg_terminate_backend(pid) from pg_stat_activity where "
			 "application_name = 'rundbrief history' and datname = "
			 "current_database() order by random() limit 1"));
}

void side_pg_silence_one(void)
{
	PQclear(side_ask("update engines set heartbeat_at = now() - interval '40 seconds' where "
			 "tenant_id = %u and id = (select id from engines where tenant_id = %u "
			 "order by random() limit 1) returning id",
			 side_pg.tenant, side_pg.tenant));
}

void side_pg_snapshot(bool begin)
{
	bool good = live_exec(live_admin, begin ? "begin isolation level repeatable read"
						: "commit") == 0;
	ASSERT(good);
}
