/* press.h - renders and signs what the carrier orders, one message a step.
 * Two lanes in: urgent (transactional) is looked at between any two messages, bulk otherwise; one
 * press of an engine gets nothing but urgent ones. Bulk that is signed is written and hashed in
 * batches, for many hashes at once cost less. A press owns its signer, its token key and a scratch
 * arena; it never blocks on anything but its doorbell. A recipient whose rendering fails comes back
 * with result -1, never half done. */
#pragma once

#include "engine/base/lane.h"
#include "engine/io/doorbell.h"
#include "engine/send/envelope.h"
#include "engine/sign/dkim.h"
#include "engine/sign/mac.h"

/* What was written: a letter's variant, compiled. */
struct press_form {
	const struct message_plan *plan; /* NULL: there is none */
	uint64_t id;                     /* of no other plan */
};

/* Bulk messages that are written; those from next on are not signed yet. */
struct press_batch {
	struct message *messages[DKIM_BATCH_LIMIT];
	struct press_form written[DKIM_BATCH_LIMIT];
	size_t count, next;
	bool hashed; /* their bodies are */
	uint8_t hashes[DKIM_BATCH_LIMIT][32];
};

struct press {
	struct lane urgent, bulk; /* struct message, from the carrier */
	struct lane pressed;      /* struct message, back to it */
	/* The carrier's: messages it has here, how many of them are urgent, and that it ordered
	 * some in this turn. */
	size_t outstanding, urgent_outstanding;
	bool to_ring;
	struct doorbell bell;
	char apart_from_bell[64]; /* what the press writes for each message stands behind it */
	struct dkim_signer *signer; /* NULL: unsigned */
	struct mac_keys *keys;
	struct press_batch batch;
	struct arena scratch;
	uint32_t tenant;
	char apart_from_neighbour[64];
};

/* capacity: messages that can ever be in flight. 0 or -1. */
[[nodiscard]] int press_init(struct press *, struct arena *, struct arena_source *,
			     const struct engine_settings *, size_t capacity);
void press_done(struct press *);
/* Makes one message; false when nothing was ordered. */
bool press_step(struct press *);

/* What a press does, for preview and for the check of a campaign's first message: renders and
 * signs into the message. 0, or -1 with why. */
[[nodiscard]] int press_make(struct press *, struct message *);
