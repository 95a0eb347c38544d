/* store_draws.h - parts of limits that all engines share.
 * A card of store.h, which says what holds for all of them. */
#pragma once

#include "engine/shape/draw.h"
#include "engine/store/store_base.h"

/* An engine draws its part of limits that all engines share (engine/shape/draw.h): each row is
 * an account of its own, drawn from or not, whatever becomes of the others. The request's
 * result may be STORE_LOST: then it is not known what was drawn, and nothing was. */
struct store_draw_row {
	str account;   /* "limit NAME", "campaign ID" */
	uint32_t kind; /* enum quota_kind: what is limited */
	struct draw_ask ask;
	bool ret_drawn; /* false: not now; somebody else drew from it at the same moment */
	struct draw_grant ret_grant;
};
struct store_draw {
	struct store_request request;
	uint32_t engine_id, epoch;
	struct store_draw_row *const *rows;
	size_t count;
};
void store_draw(struct store *, struct store_draw *);
