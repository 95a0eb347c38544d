/* template_error.h - a template's mistake shown to people: the sentence, the line, a caret. */
#pragma once

#include "engine/api/cli.h"
#include "templates/liquid.h"

/* FILE:LINE:COLUMN: sentence, then the line with a caret under the column. */
void template_error_format(const struct liquid_error *, struct buf *out);
/* The same on standard error; returns EXIT_INVALID. */
int template_error_tell(struct cli *, const struct liquid_error *);
