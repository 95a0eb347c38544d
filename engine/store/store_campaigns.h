/* store_campaigns.h - campaigns: their content, whom they are cut into slices for, when they end.
 * A card of store.h, which says what holds for all of them. */
#pragma once

#include "engine/store/store_base.h"

enum campaign_state {
	CAMPAIGN_DRAFT,
	CAMPAIGN_RUNNING,
	CAMPAIGN_PAUSED,
	CAMPAIGN_CANCELLED,
	CAMPAIGN_FINISHED,
	CAMPAIGN_STATE_COUNT
};
extern const char *const campaign_state_names[CAMPAIGN_STATE_COUNT];

/* A campaign's record and content. settings is the campaign's JSON object (see
 * templates/campaign.h for the keys); revision names the content it was sent with. */
struct store_campaign {
	struct store_request request;
	uint64_t campaign_id; /* 0: look up by name */
	str name;
	uint32_t revision; /* 0: newest */
	struct arena *arena;
	enum campaign_state ret_state;
	str ret_name, ret_settings, ret_html, ret_text; /* html or text data NULL: has none */
	uint32_t ret_revision;
	usec ret_launched_wall, ret_expires_wall;
	bool ret_fully_cut; /* no further slices will be cut */
	bool ret_untouched; /* none has been cut: nobody was tried, nobody waits */
	str *ret_parts;     /* the files that its settings list; data NULL: one is missing */
	size_t ret_part_count;
	str ret_token_key; /* letter of the secret it was launched with; empty: none is noted */
};
void store_campaign(struct store *, struct store_campaign *);

/* The campaigns there is work for: running, or cancelled and not yet accounted for. */
struct store_running {
	struct store_request request;
	struct arena *arena;
	uint64_t *ret_ids;
	size_t ret_count;
};
void store_running(struct store *, struct store_running *);

/* Cuts the next slice of a running campaign: freezes at most limit ids, counts who is
 * suppressed and why, moves the cut mark. Takes a bounded time: with a filter that chooses few
 * it may find nobody and still not be fully cut; then ask again. */
struct store_cut {
	struct store_request request;
	uint64_t campaign_id;
	uint32_t limit;
	uint64_t ret_slice_id; /* 0: nobody was found */
	uint32_t ret_count;
	bool ret_fully_cut;
};
void store_cut(struct store *, struct store_cut *);

/* Finishes the campaign when it is fully cut, no slice is open or leased and no deferral
 * waits. A cancelled campaign: settles what has no verdict yet as cancelled. */
struct store_finish {
	struct store_request request;
	uint64_t campaign_id;
	bool ret_finished;
	uint64_t ret_waiting; /* recipients, for the winner of its variants to be named */
	char ret_absent[64];  /* name of a silent engine whose journal is waited for; "" */
	char ret_until[32];   /* and how long, for people */
};
void store_finish(struct store *, struct store_finish *);
