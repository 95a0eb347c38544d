/* embedded.h - files that are part of the program: SQL, rules, provider data.
 * The build turns them into bytes (tests/tools/embed.sh); the name is the path in the project. */
#pragma once

#include "engine/base/str.h"

struct embedded_file {
	const char *name;
	const char *data;
	const char *end;
};
extern const struct embedded_file embedded_files[]; /* ends with a NULL name */

/* data NULL when there is no such file. */
str embedded_find(const char *name);
