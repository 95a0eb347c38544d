/* limits_plan.h - the limits of one seed, by chance, and as the engine is told of them. */
#pragma once

#include "engine/shape/rules.h"
#include "tests/sim/limits/limits.h"

void limits_plan_make(struct world *, struct limits_plan *, unsigned engines);
struct rules *limits_plan_rules(struct arena *, const struct limits_plan *, unsigned edit);
/* The settings of a campaign, JSON. */
str limits_plan_settings(struct arena *, const struct limits_plan *, unsigned letter);
