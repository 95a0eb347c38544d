/* world.c - the clock, the events, the chances of one seed. */
#include "tests/sim/sim_store.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"

struct world *world;
bool world_is_quiet;
struct world_limits world_limits = {.crashes = UINT32_MAX};
uint64_t fault_hits[FAULT_COUNT], state_hits[STATE_COUNT];

const char *const fault_names[FAULT_COUNT] = {
	[FAULT_REFUSE] = "refuse",
	[FAULT_UNREACHABLE] = "unreachable",
	[FAULT_GREETING_421] = "greeting-421",
	[FAULT_GREETING_554] = "greeting-554",
	[FAULT_GREYLIST] = "greylist",
	[FAULT_DEFER] = "defer",
	[FAULT_REJECT] = "reject",
	[FAULT_REJECT_DATA] = "reject-data",
	[FAULT_421] = "421",
	[FAULT_RESET] = "reset",
	[FAULT_RESET_BODY] = "reset-body",
	[FAULT_LOST_REPLY] = "lost-reply",
	[FAULT_LOST_MESSAGE] = "lost-message",
	[FAULT_HANG] = "hang",
	[FAULT_SPLIT] = "split",
	[FAULT_TARPIT] = "tarpit",
	[FAULT_TLS_BROKEN] = "tls-broken",
	[FAULT_LIE] = "lie",
	[FAULT_OUT_OF_SYNC] = "out-of-sync",
	[FAULT_CUT] = "cut",
	[FAULT_DNS_TEMPORARY] = "dns-temporary",
	[FAULT_DNS_SLOW] = "dns-slow",
	[FAULT_STORE_BEFORE] = "store-lost-before",
	[FAULT_STORE_AFTER] = "store-lost-after",
	[FAULT_STORE_OUTAGE] = "store-outage",
	[FAULT_DISK_FULL] = "disk-full",
	[FAULT_CRASH] = "crash",
	[FAULT_PAUSE] = "pause",
	[FAULT_CUT_OFF] = "cut-off",
	[FAULT_CLOCK_JUMP] = "clock-jump",
	[FAULT_POWER] = "power",
	[FAULT_GONE] = "gone",
};

#define PEOPLE_LEAST 40
#define PEOPLE_MOST 120

/* How often, per 1000 chances, a kind strikes in a seed that has it. */
static const unsigned fault_rates[FAULT_COUNT] = {
	[FAULT_REFUSE] = 100,        [FAULT_UNREACHABLE] = 30, [FAULT_GREETING_421] = 100,
	[FAULT_GREETING_554] = 50,   [FAULT_GREYLIST] = 1000,  [FAULT_DEFER] = 150,
	[FAULT_REJECT] = 80,         [FAULT_REJECT_DATA] = 50, [FAULT_421] = 40,
	[FAULT_RESET] = 30,          [FAULT_RESET_BODY] = 30,  [FAULT_LOST_REPLY] = 30,
	[FAULT_LOST_MESSAGE] = 30,   [FAULT_HANG] = 20,        [FAULT_SPLIT] = 500,
	[FAULT_TARPIT] = 100,        [FAULT_TLS_BROKEN] = 300, [FAULT_LIE] = 20,
	[FAULT_DNS_TEMPORARY] = 200, [FAULT_DNS_SLOW] = 300,   [FAULT_STORE_BEFORE] = 30,
	[FAULT_STORE_AFTER] = 30,    [FAULT_STORE_OUTAGE] = 5, [FAULT_DISK_FULL] = 10,
	[FAULT_CRASH] = 1000,        [FAULT_OUT_OF_SYNC] = 30, [FAULT_CUT] = 60,
	[FAULT_PAUSE] = 1000,        [FAULT_CUT_OFF] = 1000,   [FAULT_CLOCK_JUMP] = 1000,
	[FAULT_POWER] = 500,         [FAULT_GONE] = 1000,
};

static void choose_faults(struct world *w)
{
	unsigned kinds = 3 + (unsigned)prng_below(&w->prng, 6);
	for (unsigned i = 0; i < kinds; i++) {
		enum fault kind = (enum fault)prng_below(&w->prng, FAULT_COUNT);
		w->rate[kind] = fault_rates[kind];
	}
	/* Crashes are what this house is about: every second seed has some. */
	if (prng_below(&w->prng, 2))
		w->rate[FAULT_CRASH] = fault_rates[FAULT_CRASH];
	if (prng_below(&w->prng, 4) == 0)
		w->rate[FAULT_PAUSE] = fault_rates[FAULT_PAUSE];
	for (int i = 0; i < FAULT_COUNT; i++)
		if (world_limits.without >> i & 1)
			w->rate[i] = 0;
}

void world_begin(struct world *w, uint64_t seed)
{
	*w = (struct world){.seed = seed, .program = "build/debug/sim", .now = USEC_HOUR, .engine_count = 1};
	world = w;
	prng_init(&w->prng, seed);
	w->wall_offset =
		1700000000 * USEC_SECOND + (usec)prng_below(&w->prng, 1000) * USEC_DAY / 1000;
	uint32_t count = PEOPLE_LEAST + (uint32_t)prng_below(&w->prng, PEOPLE_MOST);
	/* Small worlds are soon over, and so there are many; some hosts are trusted late. */
	if (prng_below(&w->prng, 12) == 0)
		count += RECIPIENT_LIMIT - PEOPLE_LEAST - PEOPLE_MOST;
	if (world_limits.recipients > 0 && count > world_limits.recipients)
		count = world_limits.recipients;
	world_people(w, count);
	w->in_doubt_retry = prng_below(&w->prng, 2);
	choose_faults(w);
	/* By the seed itself, so that the rest of it stays as it is. */
	uint64_t die = seed * UINT64_C(0x9e3779b97f4a7c15) >> 33;
	w->unfit = die % 4 == 0 ? 1 + die / 4 % count : 0;
	world_live(w, 0);
}

void world_people(struct world *w, uint32_t count)
{
	free(w->truths);
	w->truths = calloc(count + 1, sizeof(w->truths[0]));
	ASSERT(w->truths);
	w->recipient_count = count;
}

void world_end(struct world *w)
{
	free(w->events);
	free(w->truths);
	while (w->lives) {
		struct sim_life *next = w->lives->next;
		free(w->lives);
		w->lives = next;
	}
	w->events = NULL;
	w->truths = NULL;
	world = NULL;
}

static bool earlier(const struct event *a, const struct event *b)
{
	return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void swap(struct event *a, struct event *b)
{
	struct event t = *a;
	*a = *b;
	*b = t;
}

void world_at(struct world *w, usec delay, event_fn *run, void *a, uint64_t b)
{
	if (w->event_count == w->event_capacity) {
		w->event_capacity = w->event_capacity ? 2 * w->event_capacity : 256;
		w->events = realloc(w->events, w->event_capacity * sizeof(w->events[0]));
		ASSERT(w->events);
	}
	size_t i = w->event_count++;
	w->events[i] = (struct event){w->now + delay, w->event_order++, run, a, b};
	for (; i > 0 && earlier(&w->events[i], &w->events[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&w->events[i], &w->events[(i - 1) / 2]);
}

static struct event take_first(struct world *w)
{
	struct event first = w->events[0];
	w->events[0] = w->events[--w->event_count];
	for (size_t i = 0;;) {
		size_t least = i, left = 2 * i + 1, right = left + 1;
		if (left < w->event_count && earlier(&w->events[left], &w->events[least]))
			least = left;
		if (right < w->event_count && earlier(&w->events[right], &w->events[least]))
			least = right;
		if (least == i)
			return first;
		swap(&w->events[i], &w->events[least]);
		i = least;
	}
}

usec world_next_at(const struct world *w)
{
	return w->event_count ? w->events[0].at : USEC_NEVER;
}

bool world_run_next(struct world *w, usec until)
{
	if (world_next_at(w) > until)
		return false;
	struct event event = take_first(w);
	if (event.at > w->now)
		w->now = event.at;
	event.run(w, event.a, event.b);
	return true;
}

uint64_t world_below(struct world *w, uint64_t bound)
{
	return prng_below(&w->prng, bound);
}

bool world_fault(struct world *w, enum fault kind)
{
	if (w->rate[kind] == 0 || world_below(w, 1000) >= w->rate[kind])
		return false;
	fault_hits[kind]++;
	return true;
}

void world_fail(struct world *w, const char *format, ...)
{
	char sentence[sizeof(w->first_failure)];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	if (w->failures == 0)
		memcpy(w->first_failure, sentence, sizeof(sentence));
	if (w->failures++ < 5 && !world_is_quiet)
		printf("seed %llu at %.3f s: %s\n  again: %s %llu 1\n",
		       (unsigned long long)w->seed, (double)(w->now - USEC_HOUR) / 1e6,
		       sentence, w->program, (unsigned long long)w->seed);
}

void world_tell(uint64_t subscriber_id, const char *format, ...)
{
	if (world_limits.traced == 0 || world_limits.traced != subscriber_id)
		return;
	va_list arguments;
	va_start(arguments, format);
	printf("  %10.3f s  engine %u  ", (double)(world->now - USEC_HOUR) / 1e6,
	       world->life->engine + 1);
	vprintf(format, arguments);
	printf("\n");
	va_end(arguments);
}

struct truth *truth_by_email(struct world *w, str email)
{
	/* r<id>@..., or t<index>@... of the outbox */
	uint64_t id = 0;
	str local = str_sub(email, 0, str_find_byte(email, '@'));
	if (local.size < 2 || !str_to_u64(str_from(local, 1), &id))
		return NULL;
	if (local.data[0] == 't')
		return id < sim_outbox_count() ? sim_outbox_truth(STORE_OUTBOX_FIRST_ID + id)
					       : NULL;
	return id == 0 || id > w->recipient_count ? NULL : &w->truths[id];
}

struct truth *truth_of(struct world *w, uint64_t id)
{
	return id >= STORE_OUTBOX_FIRST_ID ? sim_outbox_truth(id) : &w->truths[id];
}

uint64_t truth_id(struct world *w, const struct truth *truth)
{
	if (truth >= w->truths && truth <= w->truths + w->recipient_count)
		return (uint64_t)(truth - w->truths);
	return STORE_OUTBOX_FIRST_ID + strtoull(truth->email + 1, NULL, 10);
}
