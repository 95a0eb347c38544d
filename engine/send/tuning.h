/* tuning.h - what of the settings may change while an engine sends (`rundbrief serve` on SIGHUP),
 * beside the rules of providers (engine/shape/rules.h). One set is in force at a time; another one
 * is put in its place whole, and the carrier takes it between two of its steps. */
#pragma once

#include <stdatomic.h>

#include "engine/send/engine.h"

struct tuning {
	struct retry_schedule retry;
	struct smtp_timeouts timeouts;        /* of all sessions */
	const struct limit_rule *limit_rules; /* in place of all that were */
	size_t limit_rule_count;              /* at most TUNING_LIMITS */
};
#define TUNING_LIMITS 256 /* the carrier asks each about each path */
#define LIMIT_PLACES (2 * TUNING_LIMITS) /* those of before, and as many that come */

struct tunings {
	_Atomic(const struct tuning *) now; /* NULL: what the engine began with */
	_Atomic uint32_t generation;
};

/* It, and all it points at, must live until the engine has ended. Belongs to one thread. */
static inline void tunings_publish(struct tunings *tunings, const struct tuning *newer)
{
	atomic_store_explicit(&tunings->now, newer, memory_order_release);
	atomic_fetch_add_explicit(&tunings->generation, 1, memory_order_release);
}

static inline uint32_t tunings_generation(const struct tunings *tunings)
{
	return tunings ? atomic_load_explicit(&tunings->generation, memory_order_acquire) : 0;
}

static inline struct tuning tunings_now(const struct tunings *tunings,
					const struct engine_settings *settings)
{
	const struct tuning *newer =
		tunings ? atomic_load_explicit(&tunings->now, memory_order_acquire) : NULL;
	return newer ? *newer
		     : (struct tuning){.retry = settings->retry,
				       .timeouts = settings->timeouts,
				       .limit_rules = settings->limit_rules,
				       .limit_rule_count = settings->limit_rule_count};
}
