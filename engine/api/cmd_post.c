/* cmd_post.c - `rundbrief post TEMPLATE --to ADDRESS`: hands one transactional message over, as
 * any program may by inserting into the table outbox; and tells what became of it, or cancels
 * it. */
#include "engine/api/commands.h"

#include <jansson.h>
#include <stdio.h>

#include "engine/api/date_option.h"
#include "engine/api/db.h"
#include "engine/api/email.h"
#include "engine/api/rows.h"
#include "engine/api/units.h"
#include "engine/io/clock.h"

#define DATA_SIZE_LIMIT (8u << 20) /* as the table has it */
#define PRIORITY_UNSAID 5

struct post {
	const char *to, *name, *data, *key, *not_before, *expires;
	const char *status, *cancel;
	struct cli_words set;
	uint64_t priority;
	char not_before_text[24], expires_text[24]; /* seconds, or empty */
};

/* A time, or how long from now: "2026-12-24 18:00", "10m". */
static int take_time(struct cli *cli, const char *option, const char *text, char *out,
		     size_t out_size)
{
	usec wall, wait;
	out[0] = '\0';
	if (!text)
		return CLI_GO;
	if (duration_from_text(str_of(text), &wait))
		wall = clock_wall() + wait;
	else if (!date_option(text, &wall))
		return cli_fail(cli, EXIT_USAGE,
				"--%s wants a time (2026-12-24T18:00:00Z) or how long from now "
				"(10m), not '%s'",
				option, text);
	snprintf(out, out_size, "%lld.%06lld", (long long)(wall / USEC_SECOND),
		 (long long)(wall % USEC_SECOND));
	return CLI_GO;
}

static int take_word(struct cli *cli, json_t *object, const char *word)
{
	str value = str_of(word), name = str_cut(&value, '=');
	if (!value.data || name.size == 0)
		return cli_fail(cli, EXIT_USAGE, "--set wants NAME=VALUE, not '%s'", word);
	json_t *text = json_stringn(value.data, value.size);
	if (!text || json_object_setn_new(object, name.data, name.size, text) != 0)
		return cli_fail(cli, EXIT_INVALID, "--set %s: is not UTF-8 text", word);
	return CLI_GO;
}

static int read_data(struct cli *cli, const char *path, json_t **ret_object)
{
	str text;
	char why[400];
	json_error_t error;
	if (file_read(path, DATA_SIZE_LIMIT, cli->arena, &text, why, sizeof(why)) != 0)
		return cli_fail(cli, EXIT_NOT_FOUND, "%s", why);
	json_t *json = json_loadb(text.data, text.size, 0, &error);
	if (!json)
		return cli_fail(cli, EXIT_INVALID, "%s:%d:%d: %s", path, error.line,
				error.column, error.text);
	if (!json_is_object(json)) {
		json_decref(json);
		return cli_fail(cli, EXIT_INVALID, "%s: holds no JSON object", path);
	}
	*ret_object = json;
	return CLI_GO;
}

/* The attributes: those of the file, and over them those that were named. */
static int make_attributes(struct cli *cli, const struct post *p, const char **ret_text)
{
	json_t *object = p->data ? NULL : json_object();
	int code = p->data ? read_data(cli, p->data, &object) : CLI_GO;
	for (size_t i = 0; i < p->set.count && code == CLI_GO; i++)
		code = take_word(cli, object, p->set.words[i]);
	char *text = code == CLI_GO ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	if (text)
		*ret_text = arena_copy(cli->arena, str_of(text)).data;
	free(text);
	return code != CLI_GO || text ? code : cli_fail(cli, EXIT_FAILED, "out of memory");
}

static int check(struct cli *cli, struct post *p)
{
	str key;
	if (!p->to)
		return cli_fail(cli, EXIT_USAGE,
				"to whom? rundbrief post TEMPLATE --to ADDRESS");
	if (p->priority > 9)
		return cli_fail(cli, EXIT_USAGE, "--priority is 0 to 9, not %llu",
				(unsigned long long)p->priority);
	int code = email_key_of(cli, p->to, &key);
	if (code == CLI_GO)
		code = take_time(cli, "not-before", p->not_before, p->not_before_text,
				 sizeof(p->not_before_text));
	if (code == CLI_GO)
		code = take_time(cli, "expires", p->expires, p->expires_text,
				 sizeof(p->expires_text));
	return code;
}

static void print_posted(struct cli *cli, const PGresult *result, const struct post *p)
{
	bool is_new = str_eq(db_cell(result, 0, 1), STR("t"));
	if (cli->format == OUTPUT_JSON) {
		printf("{\"id\":%s,\"new\":%s}\n", PQgetvalue(result, 0, 0),
		       is_new ? "true" : "false");
		return;
	}
	printf("%s\n", PQgetvalue(result, 0, 0));
	if (!is_new)
		cli_fail(cli, EXIT_OK, "'%s' was handed over before, and stays as it was",
			 p->key);
}

/* Whoever handed the same key over a moment ago may not have committed when the statement
 * began: asked again it sees that row. */
static int insert(struct db *db, const char *const *parameters, PGresult **ret_result)
{
	const char *why;
	*ret_result = NULL;
	for (int tries = 0; tries < 2; tries++) {
		PGresult *result = db_try(db, "api_post", 8, parameters, &why);
		if (!result)
			return cli_fail(db->cli, db_code(db), "%s", why);
		if (PQntuples(result) > 0) {
			*ret_result = result;
			return CLI_GO;
		}
		PQclear(result);
	}
	return cli_fail(db->cli, EXIT_FAILED, "the key is being handed over by somebody else");
}

static int post(struct db *db, const char *template, const struct post *p)
{
	struct campaign_row campaign;
	const char *attributes = NULL;
	char priority[4], name[256];
	PGresult *result;
	int code = db_campaign(db, template, &campaign);
	if (code == CLI_GO)
		code = make_attributes(db->cli, p, &attributes);
	if (code != CLI_GO)
		return code;
	snprintf(priority, sizeof(priority), "%u", (unsigned)p->priority);
	if (!str_to_cstr(campaign.name, name, sizeof(name)))
		return cli_fail(db->cli, EXIT_FAILED, "the template's name is too long");
	const char *parameters[] = {name,
				    p->to,
				    p->name ? p->name : "",
				    attributes,
				    p->key ? p->key : "",
				    priority,
				    p->not_before_text,
				    p->expires_text};
	code = insert(db, parameters, &result);
	if (code != CLI_GO)
		return code;
	print_posted(db->cli, result, p);
	PQclear(result);
	return EXIT_OK;
}

static const char *const status_names[] = {
	"id",         "key",        "template",     "email",    "status",  "attempts",
	"class",      "code",       "reply_status", "reply",    "next_at", "priority",
	"created_at", "not_before", "expires_at",   "ended_at",
};
#define STATUS_COUNT ((int)(sizeof(status_names) / sizeof(*status_names)))
enum {
	STATUS_ID = 0,
	STATUS_STATUS = 4,
	STATUS_ATTEMPTS = 5,
	STATUS_CODE = 7,
	STATUS_PRIORITY = 11
};

static bool is_number(int column)
{
	return column == STATUS_ID || column == STATUS_ATTEMPTS || column == STATUS_CODE ||
	       column == STATUS_PRIORITY;
}

static void put_status(struct cli *cli, const PGresult *result)
{
	struct buf out;
	bool json = cli->format == OUTPUT_JSON;
	buf_init_arena(&out, cli->arena, 4096);
	for (int i = 0; i < STATUS_COUNT; i++) {
		str cell = db_cell(result, 0, i);
		if (json) {
			buf_printf(&out, "%s\"%s\":", i ? "," : "{", status_names[i]);
			if (!cell.data)
				buf_put_cstr(&out, "null");
			else if (is_number(i))
				buf_put(&out, cell);
			else
				json_put_string(&out, cell);
		} else if (cell.data) {
			buf_printf(&out, "%-12s ", status_names[i]);
			text_put_printable(&out, cell, 1000);
			buf_put_byte(&out, '\n');
		}
	}
	buf_put_cstr(&out, json ? "}\n" : "");
	cli_write(buf_str(&out));
}

static int find(struct db *db, const char *name, PGresult **ret_result)
{
	PGresult *result = db_query(db, "api_post_status", 1, &name);
	if (!result)
		return db_code(db);
	if (PQntuples(result) > 0) {
		*ret_result = result;
		return CLI_GO;
	}
	PQclear(result);
	return cli_fail(db->cli, EXIT_NOT_FOUND, "nothing was handed over as '%s'", name);
}

static int status(struct db *db, const char *name)
{
	PGresult *result;
	int code = find(db, name, &result);
	if (code != CLI_GO)
		return code;
	put_status(db->cli, result);
	PQclear(result);
	return EXIT_OK;
}

/* Asked again after the try, so that what is said is what holds. */
static int cancel(struct db *db, const char *name)
{
	PGresult *found, *cancelled;
	int code = find(db, name, &found);
	if (code != CLI_GO)
		return code;
	const char *id = arena_copy(db->cli->arena, db_cell(found, 0, STATUS_ID)).data;
	PQclear(found);
	cancelled = db_query(db, "api_post_cancel", 1, &id);
	if (!cancelled)
		return db_code(db);
	bool done = str_eq(db_cell(cancelled, 0, 0), STR("t"));
	PQclear(cancelled);
	code = find(db, id, &found);
	if (code != CLI_GO)
		return code;
	if (done)
		put_status(db->cli, found);
	else
		code = cli_fail(db->cli, EXIT_FAILED, "'%s' is %s: it cannot be cancelled",
				name, PQgetvalue(found, 0, STATUS_STATUS));
	PQclear(found);
	return done ? EXIT_OK : code;
}

static int check_forms(struct cli *cli, int argc, const struct post *p)
{
	int forms = (argc > 0) + (p->status != NULL) + (p->cancel != NULL);
	if (forms == 1)
		return CLI_GO;
	return cli_fail(cli, EXIT_USAGE, "%s; see --help",
			forms ? "a TEMPLATE, --status or --cancel: one of them"
			      : "what? TEMPLATE --to ADDRESS, --status or --cancel");
}

static int post_run(struct cli *cli, int argc, char **argv)
{
	struct post p = {.priority = PRIORITY_UNSAID};
	const struct cli_option options[] = {
		{"to", CLI_TEXT, &p.to, "ADDRESS", "the recipient"},
		{"name", CLI_TEXT, &p.name, "TEXT", "the recipient's name"},
		{"data", CLI_TEXT, &p.data, "FILE", "attributes: a JSON object"},
		{"set", CLI_EACH, &p.set, "NAME=VALUE", "one attribute; may be given again"},
		{"key", CLI_TEXT, &p.key, "TEXT",
		 "asked for twice under one key, it is sent once"},
		{"priority", CLI_COUNT, &p.priority, "0-9", "higher goes first; 5 if left out"},
		{"not-before", CLI_TEXT, &p.not_before, "TIME", "or how long from now: 10m"},
		{"expires", CLI_TEXT, &p.expires, "TIME", "or how long from now: not after"},
		{"status", CLI_TEXT, &p.status, "KEY|ID", "tell what became of one"},
		{"cancel", CLI_TEXT, &p.cancel, "KEY|ID", "cancel one that waits"},
		{},
	};
	struct db db;
	int code = cli_parse(cli, options, &argc, &argv, 0, 1);
	if (code == CLI_GO)
		code = check_forms(cli, argc, &p);
	if (code == CLI_GO && argc > 0)
		code = check(cli, &p);
	if (code == CLI_GO)
		code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	code = p.status   ? status(&db, p.status)
	       : p.cancel ? cancel(&db, p.cancel)
			  : post(&db, argv[0], &p);
	db_close(&db);
	return code;
}

const struct command command_post = {
	.name = "post",
	.synopsis = "TEMPLATE --to ADDRESS [--data FILE | --set NAME=VALUE] ...\n"
		    "--status KEY|ID\n--cancel KEY|ID",
	.summary = "Hand over one transactional message, ask about it, cancel it",
	.manual =
		"TEMPLATE is a running campaign whose campaign.conf says kind = transactional, "
		"or `ready`\n"
		"(`rundbrief campaign ready`), which takes subject, html and text from the "
		"attributes.\n"
		"Prints the message's number. Engines at work are told and send at once. "
		"Programs\n"
		"do the same by inserting into the table outbox, see sql/README.md.",
	.run = post_run,
	.outputs = CLI_JSON,
};
