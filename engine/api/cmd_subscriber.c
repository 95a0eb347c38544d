/* cmd_subscriber.c - `rundbrief subscriber show | unsubscribe | erase EMAIL`. */
#include "engine/api/commands.h"

#include <stdio.h>

#include "engine/api/db.h"
#include "engine/api/email.h"
#include "engine/api/rows.h"
#include "engine/api/suggest.h"

#define LIST_NAMES_LIMIT 1000

struct person {
	str key, id, list; /* list empty: all */
};

/* Whoever is to be erased may stand on the suppression list alone: then the id stays 0. */
static int find_person(struct db *db, const char *email, bool or_suppressed,
		       struct person *ret_person)
{
	int code = email_key_of(db->cli, email, &ret_person->key);
	if (code != CLI_GO)
		return code;
	const char *parameters[] = {ret_person->key.data, or_suppressed ? "true" : "false"};
	PGresult *result = db_query(db, "api_subscriber_find", 2, parameters);
	if (!result)
		return db_code(db);
	int count = PQntuples(result);
	if (count > 0)
		ret_person->id = arena_copy(db->cli->arena, db_cell(result, 0, 0));
	PQclear(result);
	return count > 0
		       ? CLI_GO
		       : cli_fail(db->cli, EXIT_NOT_FOUND, "there is no subscriber %s", email);
}

/* One JSON object is put together by the database; people get its parts as lines. */
static int show(struct db *db, const struct person *person)
{
	bool json = db->cli->format == OUTPUT_JSON;
	PGresult *result = db_query(db, json ? "api_subscriber_json" : "api_subscriber_show", 1,
				    &person->id.data);
	if (!result)
		return db_code(db);
	struct buf out;
	buf_init_arena(&out, db->cli->arena, 4096);
	for (int i = 0; i < PQntuples(result); i++) {
		if (json) {
			buf_put(&out, db_cell(result, i, 0));
		} else {
			buf_printf(&out, "%-14s ", PQgetvalue(result, i, 0));
			text_put_printable(&out, db_cell(result, i, 1), 2000);
		}
		buf_put_byte(&out, '\n');
	}
	PQclear(result);
	cli_write(buf_str(&out));
	return EXIT_OK;
}

static void print_left(const struct person *person, const PGresult *result)
{
	struct buf out;
	char memory[1024];
	int count = PQntuples(result);
	if (count == 0)
		printf("%.*s was subscribed to nothing there\n", STR_FORMAT(person->key));
	for (int i = 0; i < count; i++) {
		buf_init_fixed(&out, memory, sizeof(memory));
		text_put_printable(&out, db_cell(result, i, 0), 400);
		printf("%.*s has left %.*s\n", STR_FORMAT(person->key),
		       STR_FORMAT(buf_str(&out)));
	}
}

static void print_left_json(const struct person *person, const PGresult *result)
{
	struct buf out;
	static char memory[256 << 10];
	buf_init_fixed(&out, memory, sizeof(memory));
	buf_put_cstr(&out, "{\"email\":");
	json_put_string(&out, person->key);
	buf_put_cstr(&out, ",\"left\":[");
	for (int i = 0; i < PQntuples(result); i++) {
		buf_put_cstr(&out, i ? "," : "");
		json_put_string(&out, db_cell(result, i, 0));
	}
	buf_put_cstr(&out, "]}\n");
	cli_write(buf_str(&out));
}

static int unsubscribe(struct db *db, const struct person *person)
{
	const char *parameters[] = {person->id.data, person->list.data};
	PGresult *result = db_query(db, "api_subscriber_unsubscribe", 2, parameters);
	if (!result)
		return db_code(db);
	if (db->cli->format == OUTPUT_JSON)
		print_left_json(person, result);
	else
		print_left(person, result);
	PQclear(result);
	return EXIT_OK;
}

static int check_list(struct db *db, const char *name)
{
	const char *names[LIST_NAMES_LIMIT];
	PGresult *result = db_query(db, "api_list_names", 0, NULL);
	if (!result)
		return db_code(db);
	size_t count = 0;
	bool known = false;
	for (int i = 0; i < PQntuples(result) && count < LIST_NAMES_LIMIT; i++) {
		names[count++] = PQgetvalue(result, i, 0);
		known = known || strcmp(names[count - 1], name) == 0;
	}
	const char *near = suggest(str_of(name), names, count);
	int code = CLI_GO;
	if (!known && near)
		code = cli_fail(db->cli, EXIT_NOT_FOUND,
				"there is no list '%s', did you mean '%s'?", name, near);
	else if (!known)
		code = cli_fail(db->cli, EXIT_NOT_FOUND, "there is no list '%s'", name);
	PQclear(result);
	return code;
}

static int run_step(struct db *db, const char *name, size_t count,
		    const char *const *parameters)
{
	PGresult *result = db_query(db, name, count, parameters);
	if (!result)
		return db_code(db);
	PQclear(result);
	return CLI_GO;
}

/* The suppression is written with the address first: its trigger tells running engines who must
 * not be started any more. Then everything that names the person goes, and of the suppression
 * only the hash is left. */
static int erase(struct db *db, const struct person *person)
{
	const char *by_id[] = {person->id.data}, *by_key[] = {person->key.data};
	int code = db_do(db, "begin");
	if (code == CLI_GO)
		code = run_step(db, "api_erase_suppress", 1, by_key);
	if (code == CLI_GO)
		code = run_step(db, "api_erase_subscriber", 1, by_id);
	if (code == CLI_GO)
		code = run_step(db, "api_erase_replies", 1, by_id);
	if (code == CLI_GO)
		code = run_step(db, "api_erase_outbox", 1, by_key);
	if (code == CLI_GO)
		code = run_step(db, "api_erase_unknown", 1, by_key);
	if (code == CLI_GO)
		code = run_step(db, "api_erase_address", 1, by_key);
	if (code == CLI_GO)
		code = db_do(db, "commit");
	if (code != CLI_GO)
		return code;
	printf(db->cli->format == OUTPUT_JSON ? "{\"erased\":true}\n"
					      : "the subscriber is erased; a hash keeps the "
						"address from being written "
						"to again\n");
	return EXIT_OK;
}

static int subscriber_run(struct cli *cli, int argc, char **argv)
{
	static const char *const verbs[] = {"show", "unsubscribe", "erase"};
	const char *list = "";
	const struct cli_option options[] = {
		{"list", CLI_TEXT, &list, "NAME", "unsubscribe from this list only"},
		{},
	};
	struct person person = {};
	struct db db;
	int code = cli_parse(cli, options, &argc, &argv, 2, 2);
	if (code != CLI_GO)
		return code;
	size_t verb = 0;
	while (verb < 3 && strcmp(argv[0], verbs[verb]) != 0)
		verb++;
	if (verb == 3)
		return cli_fail_unknown(cli, "subscriber command", argv[0], verbs, 3);
	code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	person.list = str_of(list);
	code = find_person(&db, argv[1], verb == 2, &person);
	if (code == CLI_GO && list[0] != '\0')
		code = check_list(&db, list);
	if (code == CLI_GO)
		code = verb == 0   ? show(&db, &person)
		       : verb == 1 ? unsubscribe(&db, &person)
				   : erase(&db, &person);
	db_close(&db);
	return code;
}

const struct command command_subscriber = {
	.name = "subscriber",
	.synopsis = "show EMAIL\nunsubscribe EMAIL [--list NAME]\nerase EMAIL",
	.summary = "Show, unsubscribe or erase one person",
	.manual =
		"show tells what is known: lists, attributes, and what came of each message.\n"
		"unsubscribe takes effect in running campaigns within a second. erase forgets "
		"the\n"
		"person and keeps a hash of the address, so that no import brings them back.",
	.run = subscriber_run,
	.outputs = CLI_JSON,
};
