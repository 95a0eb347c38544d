/* lanes.c - what threads share, between real ones: objects go round through three lanes, each
 * written by whoever holds it, with sleepers that a doorbell wakes. Built with ThreadSanitizer
 * (`make tsan`); what it finds ends the program. The other claims are order and that no ring is
 * lost: a sleeper that only its time-out wakes is a failure.
 *
 *   lanes ROUNDS */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/base/lane.h"
#include "engine/io/clock.h"
#include "engine/io/doorbell.h"
#include "engine/io/heap.h"

#define OBJECTS 64
#define WORKERS 3
#define SLEEP_LIMIT (20 * USEC_SECOND) /* a ring comes at once, or was lost */

struct object {
	uint64_t number, steps, sum;
};

/* Feeder, carrier and ledger: each pops from the lane of the one before it and pushes on. */
struct worker {
	struct lane in;
	struct doorbell bell;
	struct worker *next;
	uint64_t index, rounds, taken;
	_Atomic bool late; /* a ring did not come */
	pthread_t thread;
};

static struct worker workers[WORKERS];
static struct object objects[OBJECTS];

/* Sleeps until there is something; false: nobody rang in all that time. */
static struct object *next_object(struct worker *w)
{
	/* First without a look at the bell, which would put in order what the lane alone must. */
	struct object *found = lane_pop(&w->in);
	if (found)
		return found;
	for (;;) {
		uint32_t looked = doorbell_look(&w->bell);
		struct object *object = lane_pop(&w->in);
		if (object)
			return object;
		usec began = clock_now();
		doorbell_wait(&w->bell, looked, SLEEP_LIMIT);
		if (clock_now() - began >= SLEEP_LIMIT) {
			atomic_store(&w->late, true);
			return NULL;
		}
	}
}

static void *work(void *context)
{
	struct worker *w = context;
	while (w->taken < w->rounds * OBJECTS) {
		struct object *object = next_object(w);
		if (!object)
			return NULL;
		ASSERT(object->number == w->taken % OBJECTS);
		ASSERT(object->steps % WORKERS == w->index);
		object->steps++;
		object->sum += w->index + 1;
		w->taken++;
		bool last = w->index == WORKERS - 1 && w->taken > (w->rounds - 1) * OBJECTS;
		if (last)
			continue; /* the round is over for this one */
		lane_push(&w->next->in, object);
		doorbell_ring(&w->next->bell);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
	struct arena arena;
	unsigned failed = 0;
	arena_init(&arena, heap_source(), 0, 0);
	for (uint64_t i = 0; i < WORKERS; i++) {
		struct worker *w = &workers[i];
		w->index = i;
		w->rounds = rounds;
		w->next = &workers[(i + 1) % WORKERS];
		doorbell_init(&w->bell);
		ASSERT(lane_init(&w->in, &arena, OBJECTS) == 0);
	}
	for (uint64_t i = 0; i < OBJECTS; i++) {
		objects[i].number = i;
		lane_push(&workers[0].in, &objects[i]);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		ASSERT(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		pthread_join(workers[i].thread, NULL);
		failed += atomic_load(&workers[i].late);
	}
	for (unsigned i = 0; i < OBJECTS; i++)
		failed += objects[i].sum != rounds * (1 + 2 + 3);
	arena_done(&arena);
	printf("%llu hand-overs between %d threads\n",
	       (unsigned long long)(rounds * OBJECTS * WORKERS), WORKERS);
	printf("tsan: %u passed, %u failed\n", failed ? 0 : WORKERS + OBJECTS, failed);
	return failed > 0;
}
