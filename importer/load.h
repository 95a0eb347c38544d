/* load.h - the rows of a file on their way into the database, a batch at a time, while the next
 * batch is read. Private to importer.
 * A batch goes one of two ways. Guessed: that nobody of it is there yet; it goes straight into
 * subscribers by COPY, and a duplicate key says that the guess was wrong. Staged: into the
 * temporary table import_rows, from which the merge takes it. Wrong guesses are staged, and so
 * are rows that anything is to be said of: an address that came before in the file, one that is
 * suppressed or erased. Guessing locks others who add the same person until the commit, so it is
 * for files that are read as fast as they are taken. */
#pragma once

#include "importer/header.h"
#include "importer/session.h"

#define LOAD_ROW_LIMIT (8 * CSV_RECORD_LIMIT + 8192) /* bytes of one row, everything escaped */

struct load;
/* The session is in its transaction and import_rows is made. NULL when there is no memory. */
struct load *load_create(struct session *, const struct header *, bool guesses);
void load_destroy(struct load *);
/* 0, *ret_reason saying why the row cannot be taken, NULL when it was; or -1 after a sentence. */
[[nodiscard]] int load_row(struct load *, const struct csv_row *, bool literals, bool numbers,
			   const char **ret_reason);
/* Waits for what is under way; then the guessed ones are on the list and counted. */
[[nodiscard]] int load_end(struct load *);
uint64_t load_added(const struct load *);  /* by guessing, after load_end() */
uint64_t load_staged(const struct load *); /* rows that the merge has to see to */
/* The ids of those who were added by guessing, as an int8multirange; NULL: no memory. */
const char *load_ids(const struct load *);
