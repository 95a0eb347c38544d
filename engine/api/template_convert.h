/* template_convert.h - `rundbrief template convert`: Liquid on standard output, what could not
 * be converted on standard error. */
#pragma once

#include "engine/api/cli.h"

/* Returns the exit code: EXIT_INVALID when something had no equivalent, or when our Liquid does
 * not compile; what there is was written all the same. */
int template_convert(struct cli *, const char *from, const char *path, str source);
