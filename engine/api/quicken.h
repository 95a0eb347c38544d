/* quicken.h - before an engine begins: whether its DKIM keys sign more quickly without what
 * OpenSSL would take of this processor (sign/processor.h). */
#pragma once

#include "engine/api/settings.h"

/* To be called before anything is begun that could not be begun again: it may put this program in
 * its own place, with the same arguments and files to read; then it does not return. At most twice,
 * the second time to take back what did not help. Whatever fails leaves things as they are. */
void quicken(const struct cli *, const struct engine_settings *);
