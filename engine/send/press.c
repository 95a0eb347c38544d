/* press.c - from an order to signed bytes. */
#include "engine/send/press.h"

#include <stdio.h>

#include "engine/base/ahead.h"
#include "engine/base/assert.h"

#define SCRATCH_BLOCK (128 * 1024)
#define SCRATCH_LIMIT (32 * 1024 * 1024)
#define BYTES_HINT (14 * 1024)
#define FIELDS_AHEAD (4 * AHEAD_LINE) /* of a recipient's attributes: texts lie behind views */
#define VARIANT_BITS 6 /* of the number of a variant, 0 for a letter that has none */

static_assert(VARIANT_LIMIT < 1 << VARIANT_BITS);

int press_init(struct press *press, struct arena *arena, struct arena_source *source,
	       const struct engine_settings *settings, size_t capacity)
{
	*press = (struct press){.tenant = settings->store.tenant};
	doorbell_init(&press->bell);
	arena_init(&press->scratch, source, SCRATCH_BLOCK, SCRATCH_LIMIT);
	if (lane_init(&press->urgent, arena, capacity) != 0 ||
	    lane_init(&press->bulk, arena, capacity) != 0 ||
	    lane_init(&press->pressed, arena, capacity) != 0)
		return -1;
	char why[200];
	press->keys = mac_keys_create(settings->secret, why);
	if (!press->keys)
		return -1;
	if (settings->dkim_key_count == 0)
		return 0;
	press->signer = dkim_signer_create((const struct dkim_key *const *)settings->dkim_keys,
					   settings->dkim_key_count);
	return press->signer ? 0 : -1;
}

void press_done(struct press *press)
{
	dkim_signer_destroy(press->signer);
	mac_keys_destroy(press->keys);
	arena_done(&press->scratch);
}

static void render_failed(struct message *message, const struct liquid_error *error)
{
	message->result = -1;
	snprintf(message->why, sizeof(message->why), "%.*s line %u column %u: %s",
		 STR_FORMAT(error->file), error->line, error->column, error->message);
}

static int render(struct press *press, struct message *message, const struct message_plan *plan,
		  struct message_recipient *to)
{
	struct liquid_error error = {};
	struct buf out;
	arena_reset(&message->arena);
	buf_init_arena(&out, &message->arena, BYTES_HINT);
	if (message_gather(plan, to, message->form, &press->scratch, &out, &message->bytes,
			   &error) != 0) {
		render_failed(message, &error);
		return -1;
	}
	struct buf from;
	buf_init_fixed(&from, message->mail_from, sizeof(message->mail_from));
	message_mail_from(plan, to, &from);
	message->mail_from_size = from.size;
	if (buf_ok(&from))
		return 0;
	snprintf(message->why, sizeof(message->why), "the return domain is too long");
	return -1;
}

static struct dkim_message to_sign(const struct message *message,
				   const struct press_form *written)
{
	const struct message_bytes *bytes = &message->bytes;
	enum message_form form = bytes->is_8bit ? MESSAGE_8BIT : MESSAGE_7BIT;
	return (struct dkim_message){
		.spans = bytes->spans,
		.span_count = bytes->span_count,
		.header_size = bytes->header_size,
		.common_id = written->id << 1 | bytes->is_8bit,
		.common_size = message_common_size(written->plan, form),
	};
}

/* body_hash: NULL when it is not known. */
static int sign(struct press *press, struct message *message, const struct press_form *written,
		const uint8_t *body_hash)
{
	char memory[MESSAGE_SIGNATURE_LIMIT];
	struct buf out;
	buf_init_fixed(&out, memory, sizeof(memory));
	message->signature = STR("");
	if (!press->signer)
		return 0;
	struct dkim_message signed_message = to_sign(message, written);
	signed_message.body_hash = body_hash;
	if (dkim_signer_sign_spans(press->signer, &signed_message, message->ordered_wall,
				   &out) == 0 &&
	    buf_ok(&out))
		message->signature = arena_copy(&message->arena, buf_str(&out));
	if (message->signature.size == 0) {
		snprintf(message->why, sizeof(message->why),
			 "the DKIM signature could not be made");
		return -1;
	}
	return 0;
}

/* A recipient always gets the same variant. Who waited for the winner comes here only when it
 * is named (feeder_route.c), and who is held out never. Without a plan, why is set. */
static struct press_form choose(struct press *press, struct message *message,
			  struct message_recipient *to)
{
	struct campaign *campaign = message->campaign;
	uint32_t winner = atomic_load_explicit(&campaign->winner, memory_order_acquire);
	uint32_t variant =
		content_variant_of(campaign->content, campaign->id, to->subscriber_id, winner);
	const struct message_plan *plan =
		variant ? content_plan(campaign->content, &press->scratch, variant, to) : NULL;
	if (!plan)
		snprintf(message->why, sizeof(message->why), "%s",
			 variant ? "out of memory" : "no variant of the letter is for them");
	return (struct press_form){plan, campaign->content->serial << VARIANT_BITS | variant};
}

static struct press_form write_text(struct press *press, struct message *message)
{
	const struct store_recipient *recipient = message->recipient;
	const struct content *content = message->campaign->content;
	const struct token token = {press->tenant, content->campaign_id,
				    recipient->subscriber_id};
	uint8_t mac[TOKEN_MAC_SIZE];
	mac_of(press->keys, content->token_key, &token, mac);
	struct message_recipient to = {
		.tenant = press->tenant,
		.campaign_id = content->campaign_id,
		.subscriber_id = recipient->subscriber_id,
		.email = recipient->email,
		.name = recipient->name,
		.fields = recipient->fields,
		.date_wall = message->date_wall,
		.mac = mac,
	};
	arena_reset(&press->scratch);
	message->why[0] = '\0';
	const struct press_form chosen = choose(press, message, &to);
	content_read_fields(content, &press->scratch, &to);
	message->result = chosen.plan ? render(press, message, chosen.plan, &to) : -1;
	return chosen;
}

int press_make(struct press *press, struct message *message)
{
	const struct press_form written = write_text(press, message);
	if (message->result == 0)
		message->result = sign(press, message, &written, NULL);
	return message->result;
}

/* Each of the next orders is a step further on its way here: the message, then its recipient, then
 * what is known of him. */
static void look_ahead(const struct press *press)
{
	const struct message *third = lane_peek(&press->bulk, 2);
	const struct message *second = lane_peek(&press->bulk, 1);
	const struct message *first = lane_peek(&press->bulk, 0);
	if (third)
		ahead_write(third, offsetof(struct message, envelope));
	if (second)
		ahead_read(second->recipient, sizeof(*second->recipient));
	if (!first)
		return;
	ahead_read(first->recipient->email.data, AHEAD_LINE);
	ahead_read(first->recipient->fields, FIELDS_AHEAD);
}

static void hash_batch(struct press *press)
{
	struct dkim_message messages[DKIM_BATCH_LIMIT];
	struct press_batch *batch = &press->batch;
	bool all_written = true;
	for (size_t i = 0; i < batch->count && all_written; i++) {
		all_written = batch->messages[i]->result == 0;
		if (all_written)
			messages[i] = to_sign(batch->messages[i], &batch->written[i]);
	}
	/* One that failed is rare: then each is hashed by itself. */
	batch->hashed = all_written && dkim_signer_hash_bodies(press->signer, messages,
							       batch->count, batch->hashes);
}

/* All that waits, up to a batch, is written before the first of it is signed: a signature takes
 * longer than writing them all. */
static void gather(struct press *press)
{
	struct press_batch *batch = &press->batch;
	batch->count = batch->next = 0;
	for (struct message *message;
	     batch->count < DKIM_BATCH_LIMIT && (message = lane_pop(&press->bulk));) {
		look_ahead(press);
		batch->messages[batch->count] = message;
		batch->written[batch->count++] = write_text(press, message);
	}
	hash_batch(press);
}

static struct message *sign_next(struct press *press)
{
	struct press_batch *batch = &press->batch;
	if (batch->next == batch->count)
		gather(press);
	if (batch->next == batch->count)
		return NULL;
	size_t i = batch->next++;
	struct message *message = batch->messages[i];
	if (message->result == 0)
		message->result = sign(press, message, &batch->written[i],
				       batch->hashed ? batch->hashes[i] : NULL);
	return message;
}

static struct message *make_next(struct press *press)
{
	struct message *message = lane_pop(&press->bulk);
	if (!message)
		return NULL;
	look_ahead(press);
	(void)press_make(press, message);
	return message;
}

bool press_step(struct press *press)
{
	struct message *message = lane_pop(&press->urgent);
	if (message)
		(void)press_make(press, message);
	else
		message = press->signer ? sign_next(press) : make_next(press);
	if (!message)
		return false;
	lane_push(&press->pressed, message);
	return true;
}
