/* sim_variants.h - some seeds' letter has two forms, some recipients are held out, and the rest
 * waits for a winner: named in the middle of cutting, long after, or never, when it expires. */
#pragma once

#include "engine/store/store.h"
#include "tests/sim/world.h"

/* Behind store_begin(); whether this seed has variants follows from its number. */
void sim_variants_begin(struct world *);

/* For sim_store_*.c. */
void sim_variants_campaign(struct store_campaign *);
bool sim_is_held_out(uint64_t subscriber_id);
bool sim_waits_for_winner(uint64_t subscriber_id); /* now */
uint32_t sim_winner(void);
bool sim_winner_is_too_late(void);
/* sim_store_campaigns.c: who waited may be leased. */
void sim_slices_release(void);

/* A host has taken a letter: it must be the recipient's. */
void sim_variants_accepted(struct world *, const struct truth *, str message);
/* Nothing came to those held out, and who expired waiting got nothing. */
void sim_variants_check(struct world *);
