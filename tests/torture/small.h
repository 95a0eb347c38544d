/* small.h - a small but complete campaign in the simulated world, for whoever lets things fail in
 * it: two dozen recipients at three sites, one of them with TLS; some are greylisted, some are
 * turned away, all is retried until it ends. The same from the same seed. */
#pragma once

#include "tests/sim/drive.h"

struct small {
	struct world world;
	struct engine engine;
	struct engine_settings settings;
	struct arena arena;
	bool open;    /* the engine */
	bool carried; /* it has put marks once more that lay far back in its journal */
	/* Before each step, when set. */
	void (*on_step)(struct small *);
};

#define SMALL_RECIPIENTS 24

void small_once(void); /* per process: what all runs share */
void small_begin(struct small *, uint64_t seed, uint32_t recipients, const char *name);
/* Opens the engine once; false: it could not, and says why in engine.why. */
[[nodiscard]] bool small_open(struct small *);
enum small_end { SMALL_FINISHED, SMALL_TROUBLE, SMALL_STUCK };
/* Steps until the campaign has finished, the engine gives up (its sentence: small_why()), or
 * more steps were taken than anything needs. */
enum small_end small_run(struct small *);
const char *small_why(const struct small *);
void small_close(struct small *); /* in order, when it has finished */
void small_kill(struct small *);  /* what it had started happens no more */
/* All that must hold now that the campaign has finished; false: it does not, and was printed. */
bool small_check(struct small *);
void small_end(struct small *);
