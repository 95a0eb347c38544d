/* side_pg.h - what the files of the real side share. */
#pragma once

#include <libpq-fe.h>

#include "tests/history/side.h"

struct side_pg {
	const struct history *history;
	uint32_t tenant;
	uint64_t campaigns[HISTORY_CAMPAIGNS + 1];
	uint64_t first_row; /* id of the first row of the outbox */
	unsigned row_count;
};
extern struct side_pg side_pg;

/* Rows of a statement that is known to work. */
__attribute__((format(printf, 1, 2))) PGresult *side_ask(const char *format, ...);
uint64_t side_value(const PGresult *, int row, int column);
void side_view_forget(void);

/* For engines that are processes of their own. */
void side_pg_fork(void); /* in the child: connections of its own */
void side_pg_kill_one(void);
void side_pg_silence_one(void); /* an engine's lease has run out */
void side_pg_snapshot(bool begin); /* what is looked at between is of one moment */
