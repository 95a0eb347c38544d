/* campaign.c - see campaign.h. A campaign stands in its own arena, with its content. */
#include "engine/send/campaign.h"

#include <stdio.h>

#include "engine/sign/mac.h"

/* Mail that was to leave by some addresses leaves by no others. */
static bool pool_is_there(const struct engine_settings *settings, str name)
{
	for (size_t i = 0; i < settings->pool_count; i++)
		if (str_eq(settings->pools[i].name, name) && settings->pools[i].count > 0)
			return true;
	return name.size == 0;
}

/* The secret that its tokens are made with, and its own MAC: see content.h. */
static int choose_key(const struct engine_settings *settings,
		      const struct store_campaign *stored, char *ret_letter, uint8_t *ret_mac,
		      char *ret_why, size_t why_size)
{
	char why[200];
	const struct token nobody = {settings->store.tenant, stored->campaign_id, 0};
	struct mac_keys *keys = mac_keys_create(settings->secret, why);
	if (!keys) {
		snprintf(ret_why, why_size, "%s", why);
		return -1;
	}
	char letter = stored->ret_token_key.size == 1 ? stored->ret_token_key.data[0]
						      : mac_keys_oldest(keys);
	bool there = mac_keys_has(keys, letter);
	if (there)
		mac_of(keys, letter, &nobody, ret_mac);
	else
		snprintf(ret_why, why_size,
			 "it was launched with a secret whose tokens begin with '%c', which "
			 "the file of sending.secret no longer holds: put it back there, in a "
			 "line behind the newest",
			 letter);
	mac_keys_destroy(keys);
	*ret_letter = letter;
	return there ? 0 : -1;
}

struct campaign *campaign_create(struct arena *arena, const struct engine_settings *settings,
				 const struct store_campaign *stored, char *ret_why,
				 size_t why_size)
{
	uint8_t *mac = (uint8_t *)arena_bytes(arena, TOKEN_MAC_SIZE);
	const struct content_site site = {.return_domain = settings->return_domain,
					  .base_url = settings->base_url,
					  .unsubscribe_mailbox = settings->unsubscribe_mailbox,
					  .campaign_mac = mac,
					  .tenant = settings->store.tenant,
					  .campaign_id = stored->campaign_id,
					  .parts = stored->ret_parts,
					  .part_count = stored->ret_part_count};
	char token_key = 0;
	struct liquid_error error = {};
	struct campaign *campaign = ARENA_NEW(arena, struct campaign);
	if (!mac || choose_key(settings, stored, &token_key, mac, ret_why, why_size) != 0) {
		arena_done(arena);
		return NULL;
	}
	struct content *content = content_compile(arena, stored->ret_settings, stored->ret_html,
						  stored->ret_text, &site, &error);
	if (!campaign || !content) {
		snprintf(ret_why, why_size, "%.*s line %u column %u: %.150s",
			 STR_FORMAT(error.file), error.line, error.column, error.message);
		arena_done(arena);
		return NULL;
	}
	if (!pool_is_there(settings, content->pool)) {
		snprintf(ret_why, why_size,
			 "it leaves by the pool \"%.*s\", which the configuration does not "
			 "have, or none of whose sources is on this machine",
			 content->pool.size < 80 ? (int)content->pool.size : 80,
			 content->pool.data);
		arena_done(arena);
		return NULL;
	}
	content->campaign_id = stored->campaign_id;
	content->token_key = token_key;
	content->name = stored->ret_name;
	content->revision = stored->ret_revision;
	content->expires_wall = stored->ret_expires_wall;
	*campaign = (struct campaign){
		.id = stored->campaign_id,
		.content = content,
		.urgent = content->urgent,
		.weight = content->weight,
		.paused = stored->ret_state == CAMPAIGN_PAUSED,
		.cancelled = stored->ret_state == CAMPAIGN_CANCELLED,
		.untouched = stored->ret_untouched,
		.fully_cut = stored->ret_fully_cut || content->urgent,
		.next_due_wall = USEC_NEVER,
		.settled_due_wall = USEC_NEVER,
		/* Until its health is known. */
		.closed = content->policy.windowed,
		.ramp_room = content->policy.ramp ? 0 : UINT64_MAX,
		.ramped = !content->policy.ramp,
	};
	campaign->halted = campaign->paused || campaign->cancelled || campaign->closed;
	campaign->stopped = campaign->halted;
	chain_link_init(&campaign->link);
	chain_link_init(&campaign->of_carrier);
	campaign->arena = *arena;
	map_init(&campaign->zones, &campaign->arena, stored->campaign_id * 0x9e3779b97f4a7c15u);
	return campaign;
}

void campaign_destroy(struct campaign *campaign)
{
	if (!campaign)
		return;
	struct arena arena = campaign->arena;
	arena_done(&arena);
}
