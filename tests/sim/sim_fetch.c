/* sim_fetch.c - engine/net/fetch.h for the simulation: nobody answers HTTPS there. */
#include "engine/net/fetch.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "tests/sim/world.h"

/* A destroyed fetcher is freed with its last question, which then goes unanswered. */
struct fetcher {
	bool destroyed;
	unsigned open_count;
};

struct asking {
	struct fetcher *fetcher;
	struct fetch_question *question;
	struct sim_life *life;
};

int fetcher_create(struct fetcher **ret_fetcher, struct io_loop *loop,
		   const struct fetch_config *config)
{
	(void)loop;
	(void)config;
	*ret_fetcher = calloc(1, sizeof(**ret_fetcher));
	return *ret_fetcher ? 0 : -1;
}

void fetcher_destroy(struct fetcher *fetcher)
{
	if (!fetcher)
		return;
	fetcher->destroyed = true;
	if (fetcher->open_count == 0)
		free(fetcher);
}

static void failed(struct world *w, void *a, uint64_t b)
{
	struct asking *asking = a;
	struct fetch_question *question = asking->question;
	struct fetcher *fetcher = asking->fetcher;
	struct sim_life *life = asking->life;
	if (world_is_away(w, life, failed, a, b))
		return;
	bool wanted = !fetcher->destroyed && !life->dead;
	free(asking);
	if (--fetcher->open_count == 0 && fetcher->destroyed)
		free(fetcher);
	if (!wanted)
		return;
	question->result = -1;
	snprintf(question->why, sizeof(question->why), "nobody answers in the simulation");
	struct sim_life *before = world_enter(w, life);
	question->on_fetched(question);
	world_leave(w, before);
}

void fetch(struct fetcher *fetcher, struct fetch_question *question)
{
	struct asking *asking = calloc(1, sizeof(*asking));
	ASSERT(asking);
	asking->fetcher = fetcher;
	asking->question = question;
	asking->life = world->life;
	fetcher->open_count++;
	world_at(world, USEC_SECOND * (1 + (usec)world_below(world, 60)), failed, asking, 0);
}

void fetch_question_done(struct fetch_question *question)
{
	question->body = (str){};
}
