/* locale_load.h - how people write numbers and money, in all locales of CLDR, by ICU.
 * Asked once a process, when first wanted (about 0.1 s, 2 MB); rendering then needs no ICU. */
#pragma once

#include "templates/locale.h"

/* NULL: ICU has no data. From any thread; lives as long as the process. */
const struct locales *locales_icu(void);
/* The same, in the arena. */
[[nodiscard]] const struct locales *locales_load(struct arena *);
