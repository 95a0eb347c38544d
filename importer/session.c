/* session.c - the importer's statements. */
#include "importer/session.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/buf.h"
#include "engine/base/embedded.h"

int session_fail(struct session *s, const char *what, const char *detail)
{
	size_t size = strlen(detail);
	while (size && (detail[size - 1] == '\n' || detail[size - 1] == ' '))
		size--;
	snprintf(s->why, s->why_size, "%s%s%.*s", what, size ? ": " : "", (int)size, detail);
	for (char *at = s->why; *at; at++)
		if (*at == '\n')
			*at = ' ';
	return -1;
}

int session_lost(struct session *s)
{
	return session_fail(s, "the import was not done", PQerrorMessage(s->conn));
}

static str text_of_query(const char *name)
{
	char path[80];
	snprintf(path, sizeof(path), "sql/queries/%s.sql", name);
	return embedded_find(path);
}

static bool is_good(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

PGresult *session_query(struct session *s, const char *name, int count,
			const char *const *values)
{
	PGresult *result = PQexecParams(s->conn, text_of_query(name).data, count, NULL, values,
					NULL, NULL, 0);
	if (is_good(result))
		return result;
	session_lost(s);
	PQclear(result);
	return NULL;
}

uint64_t session_number(const char *text)
{
	uint64_t number = 0;
	return str_to_u64(str_of(text), &number) ? number : 0;
}

int session_count(struct session *s, const char *name, int count, const char *const *values,
		  uint64_t *ret)
{
	PGresult *result = session_query(s, name, count, values);
	if (!result)
		return -1;
	if (ret)
		*ret = session_number(PQcmdTuples(result));
	PQclear(result);
	return 0;
}

int session_plain(struct session *s, const char *statement)
{
	PGresult *result = PQexec(s->conn, statement);
	ExecStatusType status = PQresultStatus(result);
	PQclear(result);
	if (status == PGRES_COMMAND_OK || status == PGRES_COPY_IN)
		return 0;
	return session_lost(s);
}

bool session_is_duplicate(const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	return state && strcmp(state, "23505") == 0; /* unique_violation */
}

PGresult *session_query_alone(struct session *s, const char *name, int count,
			      const char *const *values)
{
	str text = text_of_query(name);
	size_t from = str_find(text, STR("on conflict"));
	struct buf alone;
	ASSERT(from < text.size);
	buf_init_arena(&alone, s->arena, text.size + 1);
	buf_put(&alone, str_sub(text, 0, from));
	str rest = str_from(text, from);
	buf_put(&alone, str_from(rest, str_find(rest, STR("\n"))));
	buf_put_byte(&alone, 0);
	if (!buf_ok(&alone)) {
		session_fail(s, "the import was not done", "no memory");
		return NULL;
	}
	if (session_plain(s, "savepoint alone") < 0)
		return NULL;
	PGresult *result =
		PQexecParams(s->conn, alone.data, count, NULL, values, NULL, NULL, 0);
	if (is_good(result))
		return result;
	bool again = session_is_duplicate(result);
	if (!again)
		session_lost(s);
	PQclear(result);
	if (!again || session_plain(s, "rollback to savepoint alone") < 0)
		return NULL;
	return session_query(s, name, count, values);
}

