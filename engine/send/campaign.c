/* campaign.c - see campaign.h. A campaign stands in its own arena, with its content. */
#include "engine/send/campaign.h"

#include <stdio.h>

struct campaign *campaign_create(struct arena *arena, const struct engine_settings *settings,
				 const struct store_campaign *stored, char *ret_why,
				 size_t why_size)
{
	const struct content_site site = {settings->return_domain, settings->base_url,
					  settings->unsubscribe_mailbox};
	struct liquid_error error = {};
	struct campaign *campaign = ARENA_NEW(arena, struct campaign);
	struct content *content = content_compile(arena, stored->ret_settings, stored->ret_html,
						  stored->ret_text, &site, &error);
	if (!campaign || !content) {
		snprintf(ret_why, why_size, "%.*s line %u column %u: %.150s",
			 STR_FORMAT(error.file), error.line, error.column, error.message);
		arena_done(arena);
		return NULL;
	}
	content->campaign_id = stored->campaign_id;
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
		.fully_cut = stored->ret_fully_cut || content->urgent,
		.next_due_wall = USEC_NEVER,
	};
	campaign->stopped = campaign->halted = campaign->paused || campaign->cancelled;
	chain_link_init(&campaign->link);
	chain_link_init(&campaign->of_carrier);
	campaign->arena = *arena;
	return campaign;
}

void campaign_destroy(struct campaign *campaign)
{
	if (!campaign)
		return;
	struct arena arena = campaign->arena;
	arena_done(&arena);
}
