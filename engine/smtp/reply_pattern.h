/* reply_pattern.h - replies put together that differ in addresses, numbers and ids alone. */
#pragma once

#include "engine/base/buf.h"

#define REPLY_PATTERN_LIMIT 200
#define REPLY_EXAMPLE_LIMIT 300

/* The plain words of a reply (classify_text.h), of words with digits only short codes
 * ("tss04"), the others as "0"; at most REPLY_PATTERN_LIMIT bytes, whole words. It may hold any
 * bytes. */
void reply_pattern_put(struct buf *out, str text);
/* The reply on one line for people, "@" in place of each address, no control characters; at
 * most REPLY_EXAMPLE_LIMIT bytes. */
void reply_example_put(struct buf *out, str text);
