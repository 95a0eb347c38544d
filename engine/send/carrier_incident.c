/* carrier_incident.c - providers that do not know their own users any more (engine/shape/
 * incident.h). Every answer to RCPT or to a final dot is counted; on a finding the provider's
 * paths start nothing more and what waits goes back, and the ledger writes the incident, which
 * stops the provider for the other engines and holds its suppressions. Stops from the database
 * come the same way, and only from there a provider is let go again. A finding is acted upon at
 * the next step, not within the outcome that made it: that may stand in the middle of a path.
 */
#include "engine/send/carrier.h"

#include <stdio.h>

#include "engine/base/log.h"

/* NULL: not a large provider, or more of them than there is room for. */
static struct carrier_provider *provider_get(struct carrier *carrier, str name)
{
	for (size_t i = 0; i < carrier->provider_count; i++)
		if (str_eq(name, str_of(carrier->providers[i].name)))
			return &carrier->providers[i];
	if (carrier->provider_count == CARRIER_PROVIDER_LIMIT || name.size == 0)
		return NULL;
	struct carrier_provider *provider = &carrier->providers[carrier->provider_count];
	if (!str_to_cstr(name, provider->name, sizeof(provider->name)))
		return NULL;
	incident_init(&provider->quick, &incident_rules_default, 0.0);
	incident_init(&provider->slow, &incident_rules_slow, 0.0);
	provider->stopped = provider->untold = false;
	carrier->provider_count++;
	return provider;
}

void carrier_take_providers(struct carrier *carrier, const struct store_provider *providers,
			    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct carrier_provider *provider = provider_get(carrier, providers[i].name);
		if (!provider)
			continue;
		provider->quick.usual = provider->slow.usual = providers[i].usual_rate;
		provider->stopped = providers[i].stopped;
		if (provider->stopped)
			log_event(LOG_WARN, "provider-stopped", "provider=%s why=\"%s\"",
				  provider->name,
				  "an incident waits for review: see rundbrief incidents");
	}
}

bool carrier_provider_is_stopped(const struct carrier *carrier, const struct carrier_path *path)
{
	for (size_t i = 0; i < carrier->provider_count; i++)
		if (carrier->providers[i].stopped &&
		    strcmp(carrier->providers[i].name, path->route->provider) == 0)
			return true;
	return false;
}

static void recall(struct carrier *carrier, const struct carrier_provider *provider)
{
	struct chain_link *link = chain_first(&carrier->active);
	for (; link; link = chain_next(&carrier->active, link)) {
		struct carrier_path *path = CHAIN_OWNER(link, struct carrier_path, link);
		if (strcmp(path->route->provider, provider->name) != 0)
			continue;
		if (provider->stopped)
			carrier_path_recall(carrier, path, USEC_NEVER);
		carrier_path_touch(carrier, path);
	}
}

static void stop(struct carrier *carrier, struct carrier_provider *provider,
		 const struct incident_finding *finding)
{
	char sentence[256];
	incident_say(finding, provider->name, sentence, sizeof(sentence));
	log_event(LOG_ERROR, "incident", "provider=%s bad=%u of=%u why=\"%s\"", provider->name,
		  finding->bad, finding->counted, sentence);
	provider->stopped = provider->untold = true;
	provider->finding = *finding;
	provider->found_at = io_now(carrier->loop);
	provider->found_wall = io_wall_now(carrier->loop);
	carrier->incident_found = true;
}

void carrier_count_answer(struct carrier *carrier, const struct carrier_path *path,
			  const struct reply *reply, const struct classification *class)
{
	bool counts = reply->origin == REPLY_REMOTE &&
		      (reply->stage == STAGE_RCPT || reply->stage == STAGE_END);
	if (!path || !counts || !path->route->provider[0])
		return;
	struct carrier_provider *provider =
		provider_get(carrier, str_of(path->route->provider));
	if (!provider || provider->stopped)
		return;
	bool bad = class->class == CLASS_BAD_MAILBOX && reply->code >= 500;
	usec now = io_now(carrier->loop);
	incident_record(&provider->quick, bad, now);
	incident_record(&provider->slow, bad, now);
	if (!bad)
		return;
	struct incident_finding finding = incident_judge(&provider->quick, now);
	if (!finding.found)
		finding = incident_judge(&provider->slow, now);
	if (finding.found)
		stop(carrier, provider, &finding);
}

void carrier_follow_provider(struct carrier *carrier, const struct store_stop *stop)
{
	struct carrier_provider *provider = provider_get(carrier, stop->provider);
	bool stops = stop->kind == STOP_PROVIDER;
	if (!provider)
		return;
	if (provider->stopped != stops)
		log_event(LOG_WARN, stops ? "provider-stopped" : "provider-resumed",
			  "provider=%s", provider->name);
	/* Its own finding that the database does not know yet is none that was reviewed. */
	if (!stops && !provider->untold) {
		provider->stopped = false;
		incident_clear(&provider->quick);
		incident_clear(&provider->slow);
	} else {
		provider->stopped = true;
	}
	recall(carrier, provider);
}

void carrier_act_on_incidents(struct carrier *carrier)
{
	if (!carrier->incident_found)
		return;
	carrier->incident_found = false;
	for (size_t i = 0; i < carrier->provider_count; i++) {
		struct carrier_provider *provider = &carrier->providers[i];
		if (!provider->untold)
			continue;
		recall(carrier, provider);
		const struct incident_finding *f = &provider->finding;
		const struct store_incident incident = {
			.provider = str_of(provider->name),
			.from_wall = provider->found_wall - (provider->found_at - f->from),
			.at_wall = provider->found_wall,
			.rate = f->rate,
			.usual = f->usual,
			.counted = f->counted,
			.bad = f->bad,
		};
		provider->untold = !carrier_note_incident(carrier, &incident);
		carrier->incident_found |= provider->untold; /* no note was left: again */
	}
}
