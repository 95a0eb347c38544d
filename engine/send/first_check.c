/* first_check.c - render, sign, verify. */
#include "engine/send/first_check.h"

#include <stdio.h>

#include "engine/send/press.h"
#include "engine/sign/verify.h"

static int verify(const struct engine_settings *settings, const struct published *published,
		  struct arena *arena, const struct message *message, char *ret_why,
		  size_t why_size)
{
	struct dkim_record records[DKIM_KEY_LIMIT];
	struct buf texts[DKIM_KEY_LIMIT];
	for (size_t i = 0; i < settings->dkim_key_count; i++) {
		const struct dkim_key *key = settings->dkim_keys[i];
		buf_init_arena(&texts[i], arena, 1024);
		dkim_key_record(key, &texts[i]);
		bool in_dns = published->texts[i].data != NULL;
		records[i] = (struct dkim_record){.selector = dkim_key_selector(key),
						  .domain = dkim_key_domain(key),
						  .text = in_dns ? published->texts[i]
								 : buf_str(&texts[i])};
	}
	struct buf whole;
	buf_init_arena(&whole, arena, message->signature.size + message->bytes.size);
	buf_put(&whole, message->signature);
	for (size_t i = 0; i < message->bytes.span_count; i++)
		buf_put(&whole, message->bytes.spans[i]);
	if (!buf_ok(&whole))
		return -1;
	char why[200];
	int verified = verify_signatures(buf_str(&whole), records, settings->dkim_key_count,
					 why, sizeof(why));
	if (verified == (int)settings->dkim_key_count)
		return 0;
	snprintf(ret_why, why_size,
		 "the first message's DKIM signature does not verify, so nothing was sent: "
		 "%.120s; "
		 "rundbrief check tells what DNS publishes and what it should",
		 why);
	return -1;
}

int first_check(const struct engine_settings *settings, const struct published *published,
		struct arena_source *source, struct envelope *envelope, char *ret_why,
		size_t why_size)
{
	if (settings->dkim_key_count == 0)
		return 0;
	struct arena arena;
	struct press press;
	int result = -1;
	arena_init(&arena, source, 0, 0);
	struct message *message = ARENA_NEW(&arena, struct message);
	snprintf(ret_why, why_size, "the first message could not be made: out of memory");
	if (message && press_init(&press, &arena, source, settings, 1) == 0) {
		arena_init(&message->arena, source, 0, 0);
		message->campaign = envelope->campaign;
		message->recipient = envelope->recipient;
		message->date_wall = message->ordered_wall = envelope->date_wall;
		result = press_make(&press, message) == 0 ? verify(settings, published, &arena,
								   message, ret_why, why_size)
							  : 1;
		arena_done(&message->arena);
		press_done(&press);
	}
	arena_done(&arena);
	return result;
}
