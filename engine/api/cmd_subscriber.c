/* cmd_subscriber.c - `rundbrief subscriber show | unsubscribe | erase EMAIL`. */
#include "engine/api/commands.h"

#include <stdio.h>

#include "engine/api/db.h"
#include "engine/api/email.h"
#include "engine/api/rows.h"

struct person {
	str key, id, list; /* list empty: all */
};

static int find_person(struct db *db, const char *email, struct person *ret_person)
{
	int code = email_key_of(db->cli, email, &ret_person->key);
	if (code != CLI_GO)
		return code;
	PGresult *result = db_query(db, "api_subscriber_find", 1, &ret_person->key.data);
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

static int unsubscribe(struct db *db, const struct person *person)
{
	const char *parameters[] = {person->id.data, person->list.data};
	PGresult *result = db_query(db, "api_subscriber_unsubscribe", 2, parameters);
	if (!result)
		return db_code(db);
	int count = PQntuples(result);
	if (count == 0)
		printf("%.*s was subscribed to nothing there\n", STR_FORMAT(person->key));
	for (int i = 0; i < count; i++)
		printf("%.*s has left %s\n", STR_FORMAT(person->key), PQgetvalue(result, i, 0));
	PQclear(result);
	return EXIT_OK;
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
		code = run_step(db, "api_erase_address", 1, by_key);
	if (code == CLI_GO)
		code = db_do(db, "commit");
	if (code != CLI_GO)
		return code;
	printf("the subscriber is erased; a hash keeps the address from being written to "
	       "again\n");
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
	code = find_person(&db, argv[1], &person);
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
