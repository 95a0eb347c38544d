/* lookup.c - see lookup.h. A question is large (it holds a route), so there are few, and each
 * is asked again for the next domain. */
#include "engine/send/lookup.h"

#include <stdio.h>
#include <stdlib.h>

#define QUESTIONS 64 /* under way: a resolver takes them easily */

struct asking {
	struct io_loop *loop;
	struct resolver *resolver;
	struct router *router;
	struct lookup *lookups;
	size_t count, next, answered;
	const str *lists;
	size_t list_count;
	struct asked {
		struct route_question question; /* first member */
		struct asking *asking;
		struct lookup *lookup;
	} * asked;
};

static void on_route(struct route_question *question)
{
	struct asked *asked = (struct asked *)question;
	struct lookup *lookup = asked->lookup;
	lookup->answered = true;
	lookup->cause = question->cause;
	if (question->cause == CAUSE_NONE) {
		snprintf(lookup->site, sizeof(lookup->site), "%s", question->route.site);
		snprintf(lookup->provider, sizeof(lookup->provider), "%s",
			 question->route.provider);
	}
	asked->lookup = NULL;
	asked->asking->answered++;
}

static void ask_next(struct asking *a, struct asked *asked)
{
	asked->asking = a;
	asked->lookup = &a->lookups[a->next++];
	memset(&asked->question, 0, sizeof(asked->question));
	asked->question.on_route = on_route;
	route_ask(a->router, &asked->question, asked->lookup->domain, a->lists, a->list_count);
}

static int ask_all(struct asking *a, usec time)
{
	if (io_turn(a->loop, 0) < 0)
		return -1;
	usec until = io_now(a->loop) + time;
	while (a->answered < a->count && io_now(a->loop) < until) {
		for (size_t i = 0; i < QUESTIONS && a->next < a->count; i++)
			if (!a->asked[i].lookup)
				ask_next(a, &a->asked[i]);
		if (io_turn(a->loop, until) < 0)
			return -1;
	}
	return 0;
}

static int set_up(struct asking *a, const struct engine_settings *settings, char *why,
		  size_t why_size)
{
	const struct io_options options = {.mask_new = settings->mask_new_io};
	struct router_config config = settings->route;
	if (io_loop_create(&a->loop, &options, why, why_size) != 0)
		return -1;
	snprintf(why, why_size, "dns.server '%.*s' cannot be used",
		 STR_FORMAT(settings->dns.server));
	if (resolver_create(&a->resolver, a->loop, &settings->dns) != 0)
		return -1;
	snprintf(why, why_size, "out of memory");
	a->asked = calloc(QUESTIONS, sizeof(*a->asked));
	config.fetcher = NULL;
	config.loop = a->loop;
	return a->asked && router_create(&a->router, a->resolver, &config) == 0 ? 0 : -1;
}

int lookup_routes(const struct engine_settings *settings, struct lookup *lookups, size_t count,
		  const str *lists, size_t list_count, usec time, char *ret_why,
		  size_t why_size)
{
	struct asking a = {
		.lookups = lookups, .count = count, .lists = lists, .list_count = list_count};
	if (count == 0)
		return 0;
	int result = set_up(&a, settings, ret_why, why_size);
	if (result == 0 && ask_all(&a, time) != 0) {
		snprintf(ret_why, why_size, "io_uring failed");
		result = -1;
	}
	if (a.router)
		router_destroy(a.router);
	if (a.resolver)
		resolver_destroy(a.resolver);
	if (a.loop)
		io_loop_destroy(a.loop);
	free(a.asked);
	return result;
}
