/* migrate.h - bringing a database to this program's schema: sql/NNNN_*.sql, in order, once
 * each. What was applied is noted with a checksum; a file that has changed since, or a database
 * that a newer program has migrated, is refused; so is a migration while an engine is at work.
 * Blocking; two callers wait for each other. */
#pragma once

#include "engine/base/usec.h"
#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

struct store_migration {
	unsigned applied_count; /* by this call */
	unsigned version;       /* number of the newest migration in the database */
};

/* Returns 0 or an enum store_result with a sentence in ret_why. */
[[nodiscard]] int store_migrate(const char *conninfo, struct store_migration *ret,
				char *ret_why, size_t why_size);
/* 0 when the database has exactly this program's schema; changes nothing. Asked on a connection
 * that is there anyhow, a pooler's too: another one would cost more than the question. */
[[nodiscard]] int store_check_schema(PGconn *, char *ret_why, size_t why_size);
