/* hosts.c - what engines learn on their way: mail hosts, and what became of TLS.
 * Neither decides about a recipient, so neither is part of a settlement: a batch of either is
 * one transaction of its own, which also forgets what is too old. */
#include "engine/store/pg.h"

#include "engine/base/assert.h"

#define HOST_NAME_LIMIT 255
#define DOMAIN_SIZE_LIMIT 253
#define NOTE_LIMIT 200 /* of a reply or an error, enough to know it by */
#define ADDRESS_TEXT_LIMIT 45
#define POLICY_LIMIT 4096 /* of 64 KiB that a policy may have, RFC 8461 3.2 */

/* ---- hosts ---- */

static bool keep(struct arena *arena, str value, str *ret)
{
	*ret = arena_copy(arena, value);
	return ret->data != NULL;
}

static bool take_host(struct arena *arena, const PGresult *result, size_t row,
		      struct store_host *h)
{
	h->flight = (uint8_t)pg_u64(result, row, 1);
	h->flight_limit = (uint8_t)pg_u64(result, row, 2);
	h->limit_until_wall = pg_time(result, row, 3);
	h->window = (uint16_t)pg_u64(result, row, 4);
	h->messages_per_connection = (uint32_t)pg_u64(result, row, 5);
	h->messages_until_wall = pg_time(result, row, 6);
	h->tls_broken_until_wall = pg_time(result, row, 7);
	h->changed_wall = pg_time(result, row, 9);
	h->proven = (uint32_t)pg_u64(result, row, 10);
	return keep(arena, pg_str(result, row, 0), &h->name) &&
	       keep(arena, pg_str(result, row, 8), &h->note);
}

static enum pg_next load_step(struct store *s, struct store_request *request,
			      const PGresult *result)
{
	struct store_hosts_load *r = (struct store_hosts_load *)request;
	if (s->step++ == 0) {
		pg_put_u64(s, r->limit < INT64_MAX ? r->limit : INT64_MAX);
		return pg_run(s, "hosts_load");
	}
	size_t count = pg_rows(result);
	struct store_host *hosts = ARENA_ARRAY(r->arena, struct store_host, count + 1);
	for (size_t i = 0; hosts && i < count; i++)
		if (!take_host(r->arena, result, i, &hosts[i]))
			hosts = NULL;
	if (!hosts)
		return pg_fail(s, STORE_RETRY, "no memory for what is known about hosts");
	r->ret_hosts = hosts;
	r->ret_count = count;
	return PG_DONE;
}

void store_hosts_load(struct store *s, struct store_hosts_load *r)
{
	static const struct store_work work = {load_step};
	pg_submit(s, &r->request, &work);
}

/* One line of text, bounded; saved and loaded again it stays as it is. NULL: no memory. */
static str line_of(struct store *s, str text, size_t limit_size)
{
	struct buf clean;
	buf_init_arena(&clean, &s->scratch, limit_size + 4);
	pg_clean(&clean, text, limit_size);
	for (size_t i = 0; buf_ok(&clean) && i < clean.size; i++)
		if ((unsigned char)clean.data[i] < ' ' || clean.data[i] == 0x7f)
			clean.data[i] = ' ';
	if (!buf_ok(&clean))
		return (str){NULL, 0};
	return clean.size ? buf_str(&clean) : STR("");
}

struct host_columns {
	str *names, *notes;
	uint32_t *flights, *limits, *windows, *messages, *proven;
	usec *limit_until, *messages_until, *broken_until, *changed;
};

static bool alloc_hosts(struct store *s, struct host_columns *c, size_t count)
{
	return (c->names = pg_own(s, count * sizeof(str))) &&
	       (c->notes = pg_own(s, count * sizeof(str))) &&
	       (c->flights = pg_own(s, count * 4)) && (c->limits = pg_own(s, count * 4)) &&
	       (c->windows = pg_own(s, count * 4)) && (c->messages = pg_own(s, count * 4)) &&
	       (c->proven = pg_own(s, count * 4)) &&
	       (c->limit_until = pg_own(s, count * 8)) &&
	       (c->messages_until = pg_own(s, count * 8)) &&
	       (c->broken_until = pg_own(s, count * 8)) && (c->changed = pg_own(s, count * 8));
}

static bool fill_host(struct store *s, struct host_columns *c, size_t at,
		      const struct store_host *h)
{
	c->names[at] = h->name;
	c->notes[at] = line_of(s, h->note, NOTE_LIMIT);
	c->flights[at] = h->flight;
	c->limits[at] = h->flight_limit;
	c->windows[at] = h->window;
	c->messages[at] =
		h->messages_per_connection < INT32_MAX ? h->messages_per_connection : INT32_MAX;
	c->proven[at] = h->proven < INT32_MAX ? h->proven : INT32_MAX;
	c->limit_until[at] = h->limit_until_wall;
	c->messages_until[at] = h->messages_until_wall;
	c->broken_until[at] = h->tls_broken_until_wall;
	c->changed[at] = h->changed_wall ? h->changed_wall : 1;
	return c->notes[at].data != NULL;
}

static enum pg_next send_hosts(struct store *s, const struct store_hosts_save *r)
{
	struct host_columns c;
	size_t n = 0;
	bool good = alloc_hosts(s, &c, r->count + 1);
	for (size_t i = 0; good && i < r->count; i++)
		if (r->hosts[i].name.size > 0 && r->hosts[i].name.size <= HOST_NAME_LIMIT)
			good = fill_host(s, &c, n++, &r->hosts[i]);
	if (!good)
		return pg_fail(s, STORE_RETRY, "no memory for what is known about hosts");
	pg_put_text_array(s, c.names, n);
	pg_put_u32_array(s, c.flights, n);
	pg_put_u32_array(s, c.limits, n);
	pg_put_time_array(s, c.limit_until, n);
	pg_put_u32_array(s, c.windows, n);
	pg_put_u32_array(s, c.messages, n);
	pg_put_time_array(s, c.messages_until, n);
	pg_put_time_array(s, c.broken_until, n);
	pg_put_text_array(s, c.notes, n);
	pg_put_time_array(s, c.changed, n);
	pg_put_u32_array(s, c.proven, n);
	return pg_run(s, "hosts_save");
}

static enum pg_next hosts_step(struct store *s, struct store_request *request, const PGresult *)
{
	switch (s->step++) {
	case 0:
		return pg_begin(s);
	case 1:
		return send_hosts(s, (const struct store_hosts_save *)request);
	case 2:
		return pg_run(s, "hosts_forget");
	case 3:
		return pg_commit(s);
	default:
		return PG_DONE;
	}
}

void store_hosts_save(struct store *s, struct store_hosts_save *r)
{
	static const struct store_work work = {hosts_step};
	pg_submit(s, &r->request, &work);
}

/* ---- what became of TLS ---- */

struct tls_columns {
	usec *days;
	str *domains, *types, *texts, *faults, *sources, *hosts, *addresses, *reasons;
	uint64_t *counts;
};

static bool alloc_results(struct store *s, struct tls_columns *c, size_t count)
{
	return (c->days = pg_own(s, count * 8)) &&
	       (c->domains = pg_own(s, count * sizeof(str))) &&
	       (c->types = pg_own(s, count * sizeof(str))) &&
	       (c->texts = pg_own(s, count * sizeof(str))) &&
	       (c->faults = pg_own(s, count * sizeof(str))) &&
	       (c->sources = pg_own(s, count * sizeof(str))) &&
	       (c->hosts = pg_own(s, count * sizeof(str))) &&
	       (c->addresses = pg_own(s, count * sizeof(str))) &&
	       (c->reasons = pg_own(s, count * sizeof(str))) &&
	       (c->counts = pg_own(s, count * 8));
}

/* A policy that is too long ends behind its last whole line. */
static str policy_of(str text)
{
	if (text.size <= POLICY_LIMIT)
		return text.data ? text : STR("");
	str head = str_sub(text, 0, POLICY_LIMIT);
	size_t end = str_rfind_byte(head, '\n');
	return end == STR_NONE ? head : str_sub(head, 0, end);
}

static bool fill_result(struct store *s, struct tls_columns *c, size_t at,
			const struct store_tls_result *t)
{
	ASSERT(t->policy < TLS_POLICY_TYPE_COUNT && t->fault < TLS_FAULT_COUNT);
	c->days[at] = t->day_wall ? t->day_wall : 1;
	c->domains[at] = line_of(s, t->policy_domain, DOMAIN_SIZE_LIMIT);
	c->types[at] = str_of(tls_policy_type_names[t->policy]);
	c->texts[at] = policy_of(t->policy_text);
	c->faults[at] = str_of(tls_fault_names[t->fault]);
	c->sources[at] = line_of(s, t->source_address, ADDRESS_TEXT_LIMIT);
	c->hosts[at] = line_of(s, t->mx_host, HOST_NAME_LIMIT);
	c->addresses[at] = line_of(s, t->mx_address, ADDRESS_TEXT_LIMIT);
	c->reasons[at] = line_of(s, t->reason, NOTE_LIMIT);
	c->counts[at] = t->count < INT32_MAX ? t->count : INT32_MAX;
	return c->domains[at].data && c->sources[at].data && c->hosts[at].data &&
	       c->addresses[at].data && c->reasons[at].data;
}

static enum pg_next send_results(struct store *s, const struct store_tls_save *r)
{
	struct tls_columns c;
	size_t n = 0;
	bool good = alloc_results(s, &c, r->count + 1);
	for (size_t i = 0; good && i < r->count; i++)
		if (r->results[i].policy_domain.size > 0)
			good = fill_result(s, &c, n++, &r->results[i]);
	if (!good)
		return pg_fail(s, STORE_RETRY, "no memory for results of TLS");
	pg_put_tenant(s);
	pg_put_time_array(s, c.days, n);
	pg_put_text_array(s, c.domains, n);
	pg_put_text_array(s, c.types, n);
	pg_put_text_array(s, c.texts, n);
	pg_put_text_array(s, c.faults, n);
	pg_put_text_array(s, c.sources, n);
	pg_put_text_array(s, c.hosts, n);
	pg_put_text_array(s, c.addresses, n);
	pg_put_text_array(s, c.reasons, n);
	pg_put_u64_array(s, c.counts, n);
	return pg_run(s, "tls_save");
}

static enum pg_next tls_step(struct store *s, struct store_request *request, const PGresult *)
{
	switch (s->step++) {
	case 0:
		return pg_begin(s);
	case 1:
		return send_results(s, (const struct store_tls_save *)request);
	case 2:
		pg_put_tenant(s);
		return pg_run(s, "tls_forget");
	case 3:
		return pg_commit(s);
	default:
		return PG_DONE;
	}
}

void store_tls_save(struct store *s, struct store_tls_save *r)
{
	static const struct store_work work = {tls_step};
	pg_submit(s, &r->request, &work);
}
