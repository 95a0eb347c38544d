/* sim_store_hosts.c - what engines learn about mail hosts and their TLS: the newest word on a
 * host is kept, results of TLS are only looked at. */
#include "tests/sim/sim_store.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/smtp/client.h"

#define HOST_LIMIT 256 /* more than there are hosts in a world */

static struct {
	struct table_host {
		struct store_host host; /* its texts are the two below */
		char name[256], note[201];
	} rows[HOST_LIMIT];
	size_t count;
} hosts;

void sim_hosts_begin(void)
{
	hosts.count = 0;
}

static struct table_host *host_of(str name)
{
	for (size_t i = 0; i < hosts.count; i++)
		if (str_eq(hosts.rows[i].host.name, name))
			return &hosts.rows[i];
	ASSERT(hosts.count < HOST_LIMIT);
	hosts.rows[hosts.count] = (struct table_host){};
	return &hosts.rows[hosts.count++];
}

static void learn(const struct store_host *host)
{
	struct table_host *row = host_of(host->name);
	if (row->host.changed_wall >= host->changed_wall)
		return;
	if (!str_to_cstr(host->name, row->name, sizeof(row->name)) ||
	    !str_to_cstr(str_sub(host->note, 0, sizeof(row->note) - 1), row->note,
			 sizeof(row->note)))
		world_fail(world, "a host's name is too long");
	row->host = *host;
	row->host.name = str_of(row->name);
	row->host.note = str_of(row->note);
}

void sim_hosts_trusted(struct world *w)
{
	for (unsigned i = 0; i < 2 * SITE_COUNT; i++) {
		char name[32];
		snprintf(name, sizeof(name), "mx%u.site%u.test", 1 + i % 2, i / 2);
		learn(&(struct store_host){.name = str_of(name),
					   .flight = FLIGHT_WINDOW,
					   .window = (uint16_t)(2 + world_below(w, 7)),
					   .proven = 20,
					   .note = STR("clean transactions"),
					   .changed_wall = w->wall_offset});
	}
}

void store_hosts_save(struct store *store, struct store_hosts_save *r)
{
	if (lost_before(store, &r->request, CALL_HOSTS_SAVE))
		return;
	for (size_t i = 0; i < r->count; i++)
		learn(&r->hosts[i]);
	written(store, &r->request);
}

static int compare_changed(const void *a, const void *b)
{
	const struct store_host *x = a, *y = b;
	return x->changed_wall < y->changed_wall   ? 1
	       : x->changed_wall > y->changed_wall ? -1
						   : 0;
}

void store_hosts_load(struct store *store, struct store_hosts_load *r)
{
	if (lost_before(store, &r->request, CALL_HOSTS_LOAD))
		return;
	struct store_host *found = ARENA_ARRAY(r->arena, struct store_host, HOST_LIMIT);
	ASSERT(found);
	for (size_t i = 0; i < hosts.count; i++) {
		found[i] = hosts.rows[i].host;
		found[i].name = arena_copy(r->arena, found[i].name);
		found[i].note = arena_copy(r->arena, found[i].note);
	}
	qsort(found, hosts.count, sizeof(*found), compare_changed);
	r->ret_hosts = found;
	r->ret_count = hosts.count < r->limit ? hosts.count : r->limit;
	answer(store, &r->request, STORE_OK);
}

void store_tls_save(struct store *store, struct store_tls_save *r)
{
	if (lost_before(store, &r->request, CALL_TLS_SAVE))
		return;
	for (size_t i = 0; i < r->count; i++) {
		const struct store_tls_result *t = &r->results[i];
		if (t->policy_domain.size == 0 || t->count == 0)
			world_fail(world, "a result of TLS is about nobody");
	}
	written(store, &r->request);
}
