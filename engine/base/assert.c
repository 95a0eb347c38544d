/* assert.c - the last line a broken promise prints. */
#include "engine/base/assert.h"

#include <stdlib.h>

#include "engine/base/log.h"

void assert_failed(const char *file, int line, const char *claim)
{
	log_event(LOG_ERROR, "assertion-failed", "at=%s:%d claim=\"%s\"", file, line, claim);
	abort();
}
