/* paths.c - what people are shown: the state of paths, and where domains lead.
 * Nothing waits for it and nothing depends on it, so a batch is one transaction of its own,
 * which also forgets what is too old. Texts come from hosts and from DNS: one line each,
 * bounded. */
#include "engine/store/pg.h"

#define NAME_LIMIT 255
#define TEXT_LIMIT 200

/* One line of text; NULL: no memory. */
static bool put_line(struct store *s, str text, size_t limit_size, str *ret_line)
{
	struct buf clean;
	buf_init_arena(&clean, &s->scratch, limit_size + 4);
	pg_clean(&clean, text, limit_size);
	for (size_t i = 0; buf_ok(&clean) && i < clean.size; i++)
		if ((unsigned char)clean.data[i] < ' ' || clean.data[i] == 0x7f)
			clean.data[i] = ' ';
	if (!buf_ok(&clean))
		return false;
	*ret_line = clean.size ? buf_str(&clean) : STR("");
	return true;
}

/* ---- paths ---- */

enum { SITES, SOURCES, TLS_KEYS, PROVIDERS, STATES, WHYS, THROTTLES, TEXT_COLUMNS };
enum { CAPS, LIMITS, OPEN, WAITING, IN_FLIGHT, STARTED, SMALL_COLUMNS };
enum { RATES, RATE_LIMITS, DELIVERED, DEFERRED, FAILED, LARGE_COLUMNS };
enum { HELD_UNTIL, THROTTLED, TIME_COLUMNS };

struct path_columns {
	str *texts[TEXT_COLUMNS];
	uint32_t *smalls[SMALL_COLUMNS];
	uint64_t *larges[LARGE_COLUMNS];
	usec *times[TIME_COLUMNS];
};

static bool alloc_paths(struct store *s, struct path_columns *c, size_t count)
{
	bool good = true;
	for (int i = 0; i < TEXT_COLUMNS; i++)
		good = good && (c->texts[i] = pg_own(s, count * sizeof(str)));
	for (int i = 0; i < SMALL_COLUMNS; i++)
		good = good && (c->smalls[i] = pg_own(s, count * 4));
	for (int i = 0; i < LARGE_COLUMNS; i++)
		good = good && (c->larges[i] = pg_own(s, count * 8));
	for (int i = 0; i < TIME_COLUMNS; i++)
		good = good && (c->times[i] = pg_own(s, count * 8));
	return good;
}

static uint32_t small(uint32_t value)
{
	return value < INT32_MAX ? value : INT32_MAX;
}

static uint64_t large(uint64_t value)
{
	return value < INT64_MAX ? value : INT64_MAX;
}

static bool fill_path(struct store *s, struct path_columns *c, size_t at,
		      const struct store_path_state *p)
{
	const uint32_t smalls[SMALL_COLUMNS] = {p->connection_cap,  p->connection_limit,
						p->open_count,      p->waiting_count,
						p->in_flight_count, p->started_minute};
	const uint64_t larges[LARGE_COLUMNS] = {p->rate_per_day, p->rate_limit_per_day,
						p->delivered, p->deferred, p->failed};
	const str texts[TEXT_COLUMNS] = {p->site,  p->source, p->tls_key,      p->provider,
					 p->state, p->why,    p->throttle_text};
	bool good = true;
	for (int i = 0; i < SMALL_COLUMNS; i++)
		c->smalls[i][at] = small(smalls[i]);
	for (int i = 0; i < LARGE_COLUMNS; i++)
		c->larges[i][at] = large(larges[i]);
	for (int i = 0; i < TEXT_COLUMNS; i++)
		good = good && put_line(s, texts[i], i < WHYS ? NAME_LIMIT : TEXT_LIMIT,
					&c->texts[i][at]);
	c->times[HELD_UNTIL][at] = p->held_until_wall;
	c->times[THROTTLED][at] = p->throttled_wall;
	return good;
}

static enum pg_next send_paths(struct store *s, const struct store_paths_save *r)
{
	struct path_columns c;
	bool good = alloc_paths(s, &c, r->count + 1);
	for (size_t i = 0; good && i < r->count; i++)
		good = fill_path(s, &c, i, &r->paths[i]);
	if (!good)
		return pg_fail(s, STORE_RETRY, "no memory for the state of paths");
	pg_put_tenant(s);
	pg_put_u32(s, r->engine_id);
	pg_put_u32(s, r->epoch);
	for (int i = SITES; i <= WHYS; i++)
		pg_put_text_array(s, c.texts[i], r->count);
	pg_put_time_array(s, c.times[HELD_UNTIL], r->count);
	pg_put_u32_array(s, c.smalls[CAPS], r->count);
	pg_put_u32_array(s, c.smalls[LIMITS], r->count);
	pg_put_u64_array(s, c.larges[RATES], r->count);
	pg_put_u64_array(s, c.larges[RATE_LIMITS], r->count);
	for (int i = OPEN; i <= STARTED; i++)
		pg_put_u32_array(s, c.smalls[i], r->count);
	for (int i = DELIVERED; i <= FAILED; i++)
		pg_put_u64_array(s, c.larges[i], r->count);
	pg_put_time_array(s, c.times[THROTTLED], r->count);
	pg_put_text_array(s, c.texts[THROTTLES], r->count);
	return pg_run_kept(s, "paths_save");
}

static enum pg_next paths_step(struct store *s, struct store_request *request, const PGresult *)
{
	const struct store_paths_save *r = (const struct store_paths_save *)request;
	switch (s->step++) {
	case 0:
		return pg_begin(s);
	case 1:
		return send_paths(s, r);
	case 2:
		if (!r->forget)
			break;
		pg_put_tenant(s);
		return pg_run(s, "paths_forget");
	case 3:
		break;
	default:
		return PG_DONE;
	}
	s->step = 4;
	return pg_commit(s);
}

void store_paths_save(struct store *s, struct store_paths_save *r)
{
	static const struct store_work work = {paths_step};
	pg_submit(s, &r->request, &work);
}

/* ---- domains ---- */

static enum pg_next send_domains(struct store *s, const struct store_domains_save *r)
{
	str *columns[4] = {};
	bool good = true;
	for (int i = 0; i < 4; i++)
		good = good && (columns[i] = pg_own(s, (r->count + 1) * sizeof(str)));
	for (size_t i = 0; good && i < r->count; i++) {
		const struct store_domain_site *d = &r->domains[i];
		good = put_line(s, d->domain, NAME_LIMIT, &columns[0][i]) &&
		       put_line(s, d->site, NAME_LIMIT, &columns[1][i]) &&
		       put_line(s, d->provider, NAME_LIMIT, &columns[2][i]) &&
		       put_line(s, d->mx_hosts, TEXT_LIMIT, &columns[3][i]);
	}
	if (!good)
		return pg_fail(s, STORE_RETRY, "no memory for where domains lead");
	pg_put_tenant(s);
	for (int i = 0; i < 4; i++)
		pg_put_text_array(s, columns[i], r->count);
	return pg_run(s, "domains_save");
}

static enum pg_next domains_step(struct store *s, struct store_request *request,
				 const PGresult *)
{
	switch (s->step++) {
	case 0:
		return pg_begin(s);
	case 1:
		return send_domains(s, (const struct store_domains_save *)request);
	case 2:
		pg_put_tenant(s);
		return pg_run(s, "domains_forget");
	case 3:
		return pg_commit(s);
	default:
		return PG_DONE;
	}
}

void store_domains_save(struct store *s, struct store_domains_save *r)
{
	static const struct store_work work = {domains_step};
	pg_submit(s, &r->request, &work);
}
