/* seen.h - whether an address may have come before in this file: never a wrong no, now and then
 * a wrong yes (one in a hundred behind ten million). Fixed in size, however long the file is.
 * Private to importer. */
#pragma once

#include "engine/base/str.h"

struct seen;
struct seen *seen_create(void); /* 16 MiB; NULL when there is no memory */
void seen_destroy(struct seen *);
/* Notes a key; true: perhaps it was noted before. */
bool seen_again(struct seen *, str key);
