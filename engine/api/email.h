/* email.h - an address that a person typed, as the database compares it. */
#pragma once

#include "engine/api/cli.h"

/* The key (with a NUL behind it); data NULL: it is no address, *ret_why says what is wrong. */
str email_key(struct arena *, str text, const char **ret_why);
/* The same; a mistake is told and is EXIT_INVALID. CLI_GO when all is well. */
[[nodiscard]] int email_key_of(struct cli *, const char *text, str *ret_key);
