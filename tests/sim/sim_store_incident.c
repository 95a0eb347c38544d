/* sim_store_incident.c - suppressions and incidents of providers, simulated. Who is suppressed
 * stands in the world's truth; strikes that need days are left to the real database. */
#include "tests/sim/sim_store.h"
#include "tests/sim/world.h"

#include <stdio.h>

#define PROVIDER_LIMIT 16

static struct sim_provider {
	char name[33];
	double usual;
	bool open;
} providers[PROVIDER_LIMIT];
static size_t provider_count;
static unsigned incident_count;

void sim_incident_begin(void)
{
	memset(providers, 0, sizeof(providers));
	provider_count = 0;
	incident_count = 0;
}

static struct sim_provider *provider_of(str name)
{
	for (size_t i = 0; i < provider_count; i++)
		if (str_eq(name, str_of(providers[i].name)))
			return &providers[i];
	if (provider_count == PROVIDER_LIMIT ||
	    !str_to_cstr(name, providers[provider_count].name, sizeof(providers[0].name)))
		return NULL;
	return &providers[provider_count++];
}

void sim_incident_usual(const char *provider, double usual_rate)
{
	struct sim_provider *p = provider_of(str_of(provider));
	if (p)
		p->usual = usual_rate;
}

static bool is_of_incidents(enum bounce_class class)
{
	return class == CLASS_BAD_MAILBOX || class == CLASS_INACTIVE_MAILBOX;
}

void sim_incident_settled(const struct store_outcome *row)
{
	struct truth *truth = truth_of(world, row->subscriber_id);
	bool dead = is_of_incidents(row->class) || row->class == CLASS_BAD_DOMAIN;
	if (!row->suppress || !dead || row->code < 500 || truth->suppressed || truth->held)
		return;
	const struct sim_provider *p = provider_of(row->provider);
	truth->held = p && p->open && is_of_incidents(row->class);
	truth->suppressed = !truth->held;
	truth->suppressed_for = row->class;
	truth->suppressed_wall = row->at_wall;
	snprintf(truth->suppressed_by, sizeof(truth->suppressed_by), "%.*s",
		 STR_FORMAT(row->provider));
}

/* Those by this provider's word of mailboxes. */
static bool is_by(const struct truth *truth, const char *provider)
{
	return is_of_incidents(truth->suppressed_for) &&
	       strcmp(truth->suppressed_by, provider) == 0;
}

void store_incident(struct store *store, struct store_incident *r)
{
	if (lost_before(store, &r->request, CALL_INCIDENT))
		return;
	struct sim_provider *p = provider_of(r->provider);
	r->ret_new = p && !p->open;
	r->ret_incident_id = p ? (uint64_t)(p - providers) + 1 : 0;
	r->ret_held = 0;
	for (uint32_t id = 1; p && id <= world->recipient_count; id++) {
		struct truth *truth = &world->truths[id];
		if (truth->suppressed && is_by(truth, p->name) &&
		    truth->suppressed_wall >= r->from_wall - USEC_MINUTE) {
			truth->suppressed = false;
			truth->held = true;
		}
		r->ret_held += truth->held && is_by(truth, p->name);
	}
	if (r->ret_new) {
		p->open = true;
		incident_count++;
		sim_stop(&(struct store_stop){.kind = STOP_PROVIDER,
					      .reason = "stopped",
					      .provider = str_of(p->name)});
	}
	written(store, &r->request);
}

bool sim_incident_resolve(const char *provider, bool confirm)
{
	struct sim_provider *p = provider_of(str_of(provider));
	if (!p || !p->open)
		return false;
	p->open = false;
	for (uint32_t id = 1; id <= world->recipient_count; id++) {
		struct truth *truth = &world->truths[id];
		if (!truth->held || !is_by(truth, p->name))
			continue;
		truth->held = false;
		truth->suppressed = confirm;
	}
	sim_slices_due(); /* as incident_resolve() of sql/0008 */
	sim_stop(&(struct store_stop){
		.kind = STOP_PROVIDER_END, .reason = "stopped", .provider = str_of(p->name)});
	return true;
}

unsigned sim_incident_count(void)
{
	return incident_count;
}

void store_providers_load(struct store *store, struct store_providers_load *r)
{
	if (lost_before(store, &r->request, CALL_PROVIDERS_LOAD))
		return;
	struct store_provider *all =
		ARENA_ARRAY(r->arena, struct store_provider, provider_count + 1);
	for (size_t i = 0; all && i < provider_count; i++)
		all[i] = (struct store_provider){
			.name = str_of(providers[i].name),
			.usual_rate = providers[i].usual,
			.answers = providers[i].usual > 0.0 ? 1000 : 0,
			.stopped = providers[i].open,
		};
	r->ret_providers = all;
	r->ret_count = all ? provider_count : 0;
	answer(store, &r->request, all ? STORE_OK : STORE_RETRY);
}
