/* suppress_scope.c - see suppress_scope.h. */
#include "engine/api/suppress_scope.h"

#include "engine/api/email.h"
#include "engine/api/units.h"
#include "engine/mail/domain.h"

static str domain_key(struct arena *arena, str text, const char **ret_why)
{
	struct buf key;
	str name = str_trim(text);
	buf_init_arena(&key, arena, DOMAIN_LIMIT + 1);
	if (str_starts(name, STR("@")))
		name = str_from(name, 1);
	*ret_why = "it is no name that DNS could know";
	if (!domain_to_ascii(&key, name) || !buf_ok(&key))
		return (str){};
	return arena_copy(arena, buf_str(&key));
}

static int find_list(struct db *db, struct suppress_scope *scope)
{
	PGresult *result = db_query(db, "api_scope_list", 1, &scope->list);
	if (!result)
		return db_code(db);
	bool known = PQntuples(result) > 0;
	if (known)
		scope->list_id = arena_copy(db->cli->arena, db_cell(result, 0, 0)).data;
	PQclear(result);
	return known ? CLI_GO
		     : cli_fail(db->cli, EXIT_NOT_FOUND, "there is no list '%s'", scope->list);
}

/* news@example.com, or all of example.com. */
static int find_sender(struct db *db, struct suppress_scope *scope)
{
	const char *why;
	str text = str_of(scope->sender);
	bool is_address = str_find_byte(text, '@') != STR_NONE && text.data[0] != '@';
	str key = is_address ? email_key(db->cli->arena, text, &why)
			     : domain_key(db->cli->arena, text, &why);
	scope->sender_key = key.data;
	return key.data ? CLI_GO
			: cli_fail(db->cli, EXIT_INVALID, "'%s' is no sender: %s",
				   scope->sender, why);
}

static int find_expiry(struct db *db, struct suppress_scope *scope)
{
	usec duration;
	struct buf text;
	if (!duration_from_text(str_of(scope->expires), &duration) || duration < USEC_SECOND)
		return cli_fail(db->cli, EXIT_USAGE,
				"--expires says how long it lasts, as in 90d; not '%s'",
				scope->expires);
	buf_init_arena(&text, db->cli->arena, 32);
	buf_printf(&text, "%lld", (long long)(duration / USEC_SECOND));
	buf_put_byte(&text, '\0');
	scope->expires_seconds = text.data;
	return CLI_GO;
}

int suppress_scope_find(struct db *db, struct suppress_scope *scope)
{
	int code = CLI_GO;
	scope->list_id = scope->expires_seconds = "0";
	scope->sender_key = "";
	if (scope->list)
		code = find_list(db, scope);
	if (code == CLI_GO && scope->sender)
		code = find_sender(db, scope);
	if (code == CLI_GO && scope->expires)
		code = find_expiry(db, scope);
	return code;
}

bool suppress_scope_is_plain(const struct suppress_scope *scope)
{
	return !scope->list && !scope->sender && !scope->domain;
}

str suppress_scope_key(const struct suppress_scope *scope, struct arena *arena, str text,
		       const char **ret_why)
{
	return scope->domain ? domain_key(arena, text, ret_why)
			     : email_key(arena, text, ret_why);
}
