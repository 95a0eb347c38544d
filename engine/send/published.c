/* published.c - one TXT question a key, on a loop of its own. */
#include "engine/send/published.h"

#include <stdio.h>

#include "engine/base/log.h"

#define ANSWER_LIMIT (10 * USEC_SECOND)

struct asking {
	struct dns_question dns; /* first member */
	struct arena *arena;
	str *text;
	size_t *open_count;
	char name[DNS_NAME_SIZE];
};

static void on_answer(struct dns_question *question, const struct dns_answer *answer)
{
	struct asking *asking = (struct asking *)question;
	--*asking->open_count;
	for (size_t i = 0; i < answer->count; i++)
		if (asking->text->data == NULL &&
		    str_find(answer->texts[i], STR("p=")) != STR_NONE)
			*asking->text = arena_copy(asking->arena, answer->texts[i]);
	if (answer->status == DNS_TEMPORARY)
		log_event(LOG_WARN, "dkim-key-unknown", "name=%s why=\"%s\" next=\"%s\"",
			  asking->name, answer->why, "checked with the local key instead");
}

static int ask_all(const struct engine_settings *settings, struct arena *arena,
		   struct published *published, struct resolver *resolver, struct io_loop *loop)
{
	size_t open_count = 0;
	struct asking *askings = ARENA_ARRAY(arena, struct asking, settings->dkim_key_count);
	if (!askings)
		return -1;
	for (size_t i = 0; i < settings->dkim_key_count; i++) {
		struct asking *asking = &askings[i];
		struct buf name;
		buf_init_fixed(&name, asking->name, sizeof(asking->name) - 1);
		dkim_key_record_name(settings->dkim_keys[i], &name);
		asking->dns.on_answer = on_answer;
		asking->arena = arena;
		asking->text = &published->texts[i];
		asking->open_count = &open_count;
		open_count++;
		resolve_text(resolver, &asking->dns, buf_str(&name));
	}
	usec until = io_now(loop) + ANSWER_LIMIT;
	while (open_count > 0 && io_now(loop) < until)
		if (io_turn(loop, until) < 0)
			return -1;
	return 0;
}

int published_ask(const struct engine_settings *settings, struct arena *arena,
		  struct published *ret_published, char *ret_why, size_t why_size)
{
	struct io_loop *loop = NULL;
	struct resolver *resolver = NULL;
	const struct io_options options = {.mask_new = settings->mask_new_io};
	*ret_published = (struct published){};
	if (settings->dkim_key_count == 0)
		return 0;
	if (io_loop_create(&loop, &options, ret_why, why_size) != 0)
		return -1;
	int result = resolver_create(&resolver, loop, &settings->dns);
	if (result == 0)
		result = ask_all(settings, arena, ret_published, resolver, loop);
	if (result != 0)
		snprintf(ret_why, why_size,
			 "DNS could not be asked for our DKIM keys: check dns "
			 "in the configuration");
	resolver_destroy(resolver);
	io_loop_destroy(loop);
	return result;
}
