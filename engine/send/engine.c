/* engine.c - threads for the workers, and the order in which they begin and end.
 * A ring belongs to the thread that made it, so carrier and feeder build and tear down their
 * halves on their own threads; the carrier's half first, because the feeder's lanes point into
 * it. Threads are told what to do through flags and bells, and say that they are idle through
 * flags; the thread that called engine_run() only watches. */
#include "engine/send/engine_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/log.h"
#include "engine/io/clock.h"
#include "engine/io/heap.h"
#include "engine/send/beats.h"
#include "engine/shape/rules.h"

#define WATCH_INTERVAL (200 * USEC_MS)
#define DRAIN_LIMIT (30 * USEC_SECOND) /* dots finish or become in doubt */
#define BEAT_INTERVAL USEC_SECOND /* those who sleep are woken so often, to be seen turning */
/* The ledger may wait in libpq: for a minute a statement, of which a settlement has several. */
#define LEDGER_PATIENCE (5 * USEC_MINUTE)
#define OPEN_PAUSE (2 * USEC_SECOND) /* between two tries to begin */
#define PRESS_NICE 5 /* presses yield to the carrier, whose pacing is on the clock */
/* Leaves a tenth of a core beside a program that would have all of it, enough for the carrier. */
#define SESSION_NICE "10"
#define IDLE_LOOKS 3 /* looks in a row at which all must be idle */

enum phase { PHASE_BUILD, PHASE_CARRIER, PHASE_FEEDER, PHASE_RUN, PHASE_FAILED, PHASE_QUIT };

struct threads {
	struct engine engine;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum phase phase;
	uint32_t left; /* loops that have ended; under lock */
	_Atomic bool drain, abort, quit;
	_Atomic bool broken; /* a loop ended by itself: the kernel refused to go on */
	uint64_t seed;
	pthread_t carrier, feeder, ledger, presses[ENGINE_PRESS_LIMIT + 1];
	struct beats beats;
	struct beat *carrier_beat, *feeder_beat, *ledger_beat, *press_beats[ENGINE_PRESS_LIMIT + 1];
	usec beat_at;
	uint32_t press_count;      /* threads that were started */
	uint32_t rules_generation, tuning_generation; /* that the carrier was woken for */
	bool (*on_progress)(void *context, const struct engine_progress *);
	void *context;
};

struct press_thread {
	struct threads *threads;
	struct press *press;
	struct beat *beat;
	bool for_urgent;
};

static void set_phase(struct threads *threads, enum phase phase)
{
	pthread_mutex_lock(&threads->lock);
	threads->phase = phase;
	pthread_cond_broadcast(&threads->changed);
	pthread_mutex_unlock(&threads->lock);
}

static enum phase wait_past(struct threads *threads, enum phase phase)
{
	pthread_mutex_lock(&threads->lock);
	while (threads->phase <= phase)
		pthread_cond_wait(&threads->changed, &threads->lock);
	enum phase now = threads->phase;
	pthread_mutex_unlock(&threads->lock);
	return now;
}

/* A loop has ended. Its ring and its bell live on until all have left theirs: until then others
 * may still ring it. */
static void leave(struct threads *threads)
{
	if (!atomic_load_explicit(&threads->quit, memory_order_acquire))
		atomic_store_explicit(&threads->broken, true, memory_order_release);
	pthread_mutex_lock(&threads->lock);
	threads->left++;
	pthread_cond_broadcast(&threads->changed);
	pthread_mutex_unlock(&threads->lock);
}

static void wait_left(struct threads *threads, uint32_t count)
{
	pthread_mutex_lock(&threads->lock);
	while (threads->left < count)
		pthread_cond_wait(&threads->changed, &threads->lock);
	pthread_mutex_unlock(&threads->lock);
}

static bool flag(const _Atomic bool *which)
{
	return atomic_load_explicit(which, memory_order_acquire);
}

static void carrier_loop(struct threads *threads)
{
	struct engine *engine = &threads->engine;
	bool draining = false, aborted = false;
	while (!flag(&threads->quit)) {
		if (flag(&threads->drain) && !draining) {
			draining = true;
			carrier_drain(&engine->carrier);
		}
		if (flag(&threads->abort) && !aborted) {
			aborted = true;
			carrier_abort(&engine->carrier);
		}
		beat_turn(threads->carrier_beat);
		/* Urgent mail is on its way here: its bell is not to find us asleep. Whoever has
		 * ended claiming has put into our lanes what was claimed. */
		bool claiming = flag(&engine->feeder.public.claiming);
		usec wake = carrier_step(&engine->carrier);
		if (claiming)
			io_set_pace(engine->carrier_loop, 0);
		if (io_turn(engine->carrier_loop, wake) < 0)
			return;
	}
}

static void *carrier_main(void *context)
{
	struct threads *threads = context;
	pthread_setname_np(pthread_self(), "carrier");
	bool built = engine_build_carrier(&threads->engine, threads->seed) == 0;
	set_phase(threads, built ? PHASE_CARRIER : PHASE_FAILED);
	if (built && wait_past(threads, PHASE_FEEDER) == PHASE_RUN) {
		carrier_loop(threads);
		carrier_end(&threads->engine.carrier);
		leave(threads);
	}
	wait_past(threads, PHASE_RUN);
	return NULL;
}

static void feeder_loop(struct threads *threads)
{
	struct engine *engine = &threads->engine;
	while (!flag(&threads->quit)) {
		if (flag(&threads->drain))
			feeder_drain(&engine->feeder);
		beat_turn(threads->feeder_beat);
		usec wake = feeder_step(&engine->feeder);
		if (io_turn(engine->feeder_loop, wake) < 0)
			return;
	}
}

static void *feeder_main(void *context)
{
	struct threads *threads = context;
	pthread_setname_np(pthread_self(), "feeder");
	bool built = engine_build_feeder(&threads->engine, threads->seed + 1) == 0;
	if (built)
		threads->engine.carrier.feeder_bell = threads->engine.feeder_bell;
	set_phase(threads, built ? PHASE_FEEDER : PHASE_FAILED);
	if (built && wait_past(threads, PHASE_FEEDER) == PHASE_RUN) {
		feeder_loop(threads);
		leave(threads);
		wait_past(threads, PHASE_RUN);
	}
	engine_close_feeder(&threads->engine);
	return NULL;
}

static void *ledger_main(void *context)
{
	struct threads *threads = context;
	struct ledger *ledger = &threads->engine.ledger;
	pthread_setname_np(pthread_self(), "ledger");
	while (!flag(&threads->quit)) {
		beat_turn(threads->ledger_beat);
		uint32_t looked = doorbell_look(&ledger->bell);
		usec now = clock_now();
		usec wake = ledger_step(ledger, now, flag(&threads->drain));
		atomic_store_explicit(&ledger->idle, ledger_idle(ledger), memory_order_release);
		if (wake > now)
			doorbell_wait(&ledger->bell, looked,
				      usec_min(wake - now, WATCH_INTERVAL));
	}
	return NULL;
}

/* Where an urgent message may come, presses run only while nobody else would: whoever takes it a
 * step further is not to wait for a press's next tick. Without privileges there is no way back
 * from that. */
static void yield_to_all(void)
{
	const struct sched_param none = {};
	(void)pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
}

/* Between sessions the kernel shares a core by halves (sched_autogroup), whatever their threads are
 * worth within them: a press would stand in the way of PostgreSQL's backend that has the urgent
 * claim. So our session yields, too, unless others are in it: those of a terminal. */
static void yield_as_session(void)
{
	if (getsid(0) != getpid())
		return;
	int fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, SESSION_NICE, strlen(SESSION_NICE)) < 0)
		log_event(LOG_DEBUG, "autogroup", "error=%d", errno);
	close(fd);
}

static void *press_main(void *context)
{
	struct press_thread *mine = context;
	struct threads *threads = mine->threads;
	pthread_setname_np(pthread_self(), mine->for_urgent ? "press-urgent" : "press");
	bool may_yield = !mine->for_urgent;
	if (may_yield)
		setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), PRESS_NICE);
	while (!flag(&threads->quit)) {
		if (may_yield && flag(&threads->engine.carrier.counts.urgent)) {
			yield_to_all();
			yield_as_session();
			may_yield = false;
		}
		beat_turn(mine->beat);
		uint32_t looked = doorbell_look(&mine->press->bell);
		if (press_step(mine->press))
			io_bell_ring(threads->engine.carrier_bell);
		else
			doorbell_wait(&mine->press->bell, looked, WATCH_INTERVAL);
	}
	free(mine);
	return NULL;
}

static int start_presses(struct threads *threads)
{
	for (uint32_t i = 0; i < engine_press_count(&threads->engine); i++) {
		struct press_thread *mine = malloc(sizeof(*mine));
		if (!mine)
			return -1;
		*mine = (struct press_thread){threads, &threads->engine.presses[i],
					      threads->press_beats[i],
					      i == threads->engine.limits.presses};
		if (pthread_create(&threads->presses[i], NULL, press_main, mine) != 0) {
			free(mine);
			return -1;
		}
		threads->press_count++;
	}
	return 0;
}

static void wake_all(struct threads *threads)
{
	struct engine *engine = &threads->engine;
	io_bell_ring(engine->carrier_bell);
	io_bell_ring(engine->feeder_bell);
	doorbell_ring(&engine->ledger.bell);
	for (uint32_t i = 0; i < threads->press_count; i++)
		doorbell_ring(&engine->presses[i].bell);
}

static void join_presses(struct threads *threads)
{
	for (uint32_t i = 0; i < threads->press_count; i++)
		pthread_join(threads->presses[i], NULL);
}

/* The halves are built one after the other; each thread then waits for the other's. */
static int start(struct threads *threads)
{
	struct engine *engine = &threads->engine;
	if (pthread_create(&threads->carrier, NULL, carrier_main, threads) != 0)
		return -1;
	if (wait_past(threads, PHASE_BUILD) == PHASE_FAILED)
		goto stop_carrier;
	if (pthread_create(&threads->feeder, NULL, feeder_main, threads) != 0)
		goto stop_carrier;
	if (wait_past(threads, PHASE_CARRIER) == PHASE_FAILED)
		goto stop_feeder;
	if (pthread_create(&threads->ledger, NULL, ledger_main, threads) != 0)
		goto stop_feeder;
	if (start_presses(threads) != 0) {
		snprintf(engine->why, sizeof(engine->why),
			 "no thread could be started for a press");
		goto stop_presses;
	}
	set_phase(threads, PHASE_RUN);
	return 0;
stop_presses:
	atomic_store_explicit(&threads->quit, true, memory_order_release);
	wake_all(threads);
	join_presses(threads);
	pthread_join(threads->ledger, NULL);
stop_feeder:
	set_phase(threads, PHASE_QUIT);
	pthread_join(threads->feeder, NULL);
stop_carrier:
	set_phase(threads, PHASE_QUIT);
	pthread_join(threads->carrier, NULL);
	engine_close_carrier(engine);
	return -1;
}

static void set_flag(struct threads *threads, _Atomic bool *which)
{
	atomic_store_explicit(which, true, memory_order_release);
	wake_all(threads);
}

/* A fenced engine settles nothing and puts nothing back, so nobody waits for that: its dots
 * end, and what came of them stands in its journal. */
static bool all_idle(const struct engine *engine)
{
	if (flag(&engine->ledger.fenced) || flag(&engine->feeder.public.fenced))
		return flag(&engine->carrier.counts.idle);
	return flag(&engine->carrier.counts.idle) && flag(&engine->feeder.public.idle) &&
	       flag(&engine->ledger.idle) && lane_empty(&engine->carrier.returned) &&
	       lane_empty(&engine->carrier.runs) && lane_empty(&engine->carrier.marked);
}

/* Limits have changed: who waits for a time under the old ones is to look again. */
static void wake_for_rules(struct threads *threads)
{
	const struct rules *rules = threads->engine.settings->rules;
	uint32_t generation = rules ? rules_generation(rules) : 0;
	uint32_t tuning = tunings_generation(threads->engine.settings->tunings);
	if (generation == threads->rules_generation && tuning == threads->tuning_generation)
		return;
	threads->rules_generation = generation;
	threads->tuning_generation = tuning;
	io_bell_ring(threads->engine.carrier_bell);
}

/* Workers are watched for whoever asked for it, from when they all run. */
static void watch_beats(struct threads *threads)
{
	usec patience = threads->engine.settings->watchdog / 2;
	threads->carrier_beat = beats_add(&threads->beats, "carrier", usec_max(patience, 1));
	threads->feeder_beat = beats_add(&threads->beats, "feeder", usec_max(patience, 1));
	threads->ledger_beat =
		beats_add(&threads->beats, "ledger", usec_max(patience, LEDGER_PATIENCE));
	for (uint32_t i = 0; i < engine_press_count(&threads->engine); i++)
		threads->press_beats[i] =
			beats_add(&threads->beats, "press", usec_max(patience, 1));
}

static const char *look_for_stuck(struct threads *threads)
{
	usec now = clock_now(), watchdog = threads->engine.settings->watchdog;
	if (watchdog == 0 || flag(&threads->quit))
		return NULL;
	if (now >= threads->beat_at) {
		threads->beat_at = now + usec_min(BEAT_INTERVAL, watchdog / 8);
		wake_all(threads);
	}
	return beats_look(&threads->beats, now);
}

/* Shows people how it stands; false: they ask for an end, or for a quicker one. */
static bool look(struct threads *threads, struct engine_progress *ret_progress)
{
	engine_read_progress(&threads->engine, ret_progress);
	ret_progress->stuck = look_for_stuck(threads);
	bool go_on = threads->on_progress(threads->context, ret_progress);
	wake_for_rules(threads);
	return go_on;
}

/* Nothing new starts, what is under way ends, what ended is settled. False: time ran out, or
 * nobody wants to wait. */
static bool wait_idle(struct threads *threads, usec limit)
{
	struct engine_progress progress;
	int looks = 0;
	for (usec until = clock_now() + limit; clock_now() < until && looks < IDLE_LOOKS;) {
		wake_all(threads);
		usleep(20000);
		looks = all_idle(&threads->engine) ? looks + 1 : 0;
		if (looks == 0 && (!look(threads, &progress) || flag(&threads->broken)))
			return false;
	}
	return looks >= IDLE_LOOKS;
}

static void finish(struct threads *threads)
{
	struct engine *engine = &threads->engine;
	set_flag(threads, &threads->drain);
	usec limit = engine->settings->drain_limit;
	if (!wait_idle(threads, limit > 0 ? limit : DRAIN_LIMIT))
		set_flag(threads, &threads->abort);
	if (flag(&threads->abort) && !wait_idle(threads, ENGINE_SETTLE_LIMIT))
		log_event(
			LOG_WARN, "unsettled",
			"kept=journal next=\"the next start settles what the journal knows\"");
	set_flag(threads, &threads->quit);
	join_presses(threads);
	pthread_join(threads->ledger, NULL);
	wait_left(threads, 2);
	set_phase(threads, PHASE_QUIT);
	pthread_join(threads->feeder, NULL);
	pthread_join(threads->carrier, NULL);
	engine_leave(engine);
	engine_close_carrier(engine);
}

/* Why it cannot go on, in engine->why; false: it can. */
static bool in_trouble(struct threads *threads, const struct engine_progress *progress)
{
	struct engine *engine = &threads->engine;
	const char *why = progress->trouble;
	if (flag(&threads->broken))
		why = "the kernel no longer serves the engine's io_uring; start the same "
		      "command again";
	else if (!flag(&engine->feeder.public.troubled) && !flag(&engine->ledger.fenced))
		return false;
	snprintf(engine->why, sizeof(engine->why), "%s", why);
	return true;
}

static enum engine_end watch(struct threads *threads)
{
	struct engine *engine = &threads->engine;
	struct engine_progress progress;
	for (;;) {
		usleep((useconds_t)WATCH_INTERVAL / 4);
		bool go_on = look(threads, &progress);
		if (progress.state == CAMPAIGN_FINISHED &&
		    !flag(&engine->feeder.public.cancelled))
			return ENGINE_FINISHED;
		if (progress.state == CAMPAIGN_FINISHED) {
			snprintf(engine->why, sizeof(engine->why),
				 "the campaign was cancelled");
			return ENGINE_CANCELLED;
		}
		if (in_trouble(threads, &progress))
			return ENGINE_FAILED;
		if (!go_on)
			return ENGINE_STOPPED;
	}
}

static uint64_t random_seed(void)
{
	uint64_t seed = 0;
	return getrandom(&seed, sizeof(seed), 0) == sizeof(seed) ? seed : (uint64_t)clock_now();
}

/* Waits for a database that was there a moment ago; false: nobody wants to. */
static bool wait_for_database(struct threads *threads)
{
	struct engine_progress progress = {.state = CAMPAIGN_RUNNING,
					   .database_lost = true,
					   .next_due_wall = USEC_NEVER};
	snprintf(progress.trouble, sizeof(progress.trouble), "%s", threads->engine.why);
	for (usec until = clock_now() + OPEN_PAUSE; clock_now() < until;) {
		if (!threads->on_progress(threads->context, &progress))
			return false;
		usleep((useconds_t)WATCH_INTERVAL);
	}
	return true;
}

/* A service goes on by itself when the database goes away in the middle of its recovery, which
 * may be run again from any point; whoever sends one campaign is told, and asks again. */
static int open_engine(struct threads *threads, const struct engine_settings *settings,
		       uint64_t campaign_id)
{
	struct engine *engine = &threads->engine;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	for (bool told = false;; told = true) {
		if (engine_open(engine, settings, heap_source(), campaign_id,
				cores > 0 ? (uint32_t)cores : 1) == 0)
			return 0;
		if (campaign_id > 0 || !engine->database_away)
			return -1;
		if (!told)
			log_event(LOG_WARN, "database-away", "why=\"%s\" next=retry",
				  log_str(str_of(engine->why)));
		if (!wait_for_database(threads))
			return -1;
		engine_close(engine);
	}
}

enum engine_end engine_run(const struct engine_settings *settings, uint64_t campaign_id,
			   bool (*on_progress)(void *context, const struct engine_progress *),
			   void *context, char *ret_why, size_t why_size)
{
	enum engine_end end = ENGINE_FAILED;
	struct threads *threads = calloc(1, sizeof(*threads));
	if (!threads) {
		snprintf(ret_why, why_size, "out of memory");
		return ENGINE_FAILED;
	}
	struct engine *engine = &threads->engine;
	pthread_mutex_init(&threads->lock, NULL);
	pthread_cond_init(&threads->changed, NULL);
	threads->seed = random_seed();
	threads->on_progress = on_progress;
	threads->context = context;
	if (open_engine(threads, settings, campaign_id) == 0)
		watch_beats(threads);
	if (threads->beats.count > 0 && start(threads) == 0) {
		struct engine_progress last;
		end = watch(threads);
		finish(threads);
		(void)look(threads, &last);
	}
	if (end == ENGINE_FAILED || end == ENGINE_CANCELLED)
		snprintf(ret_why, why_size, "%s", engine->why);
	engine_close(engine);
	pthread_cond_destroy(&threads->changed);
	pthread_mutex_destroy(&threads->lock);
	free(threads);
	return end;
}

void engine_print_limits(const struct engine_settings *settings, struct buf *out)
{
	struct limits limits;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	limits_of(settings, cores > 0 ? (uint32_t)cores : 1, &limits);
	limits_print(&limits, out);
}
