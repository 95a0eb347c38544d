/* cmd_why.c - `rundbrief why EMAIL | DOMAIN | CAMPAIGN`: why is this not sent yet? */
#include "engine/api/commands.h"

#include "engine/api/email.h"
#include "engine/api/place.h"
#include "engine/api/rows.h"
#include "engine/api/why.h"
#include "engine/io/clock.h"

static int why_person(struct db *db, const char *email, struct buf *out)
{
	str key;
	int code = email_key_of(db->cli, email, &key);
	struct why_person *person = ARENA_NEW(db->cli->arena, struct why_person);
	if (code == CLI_GO && person)
		code = why_read_person(db, key, person);
	if (code != CLI_GO || !person)
		return code == CLI_GO ? EXIT_FAILED : code;
	if (!person->id.data && person->reason.size == 0)
		return cli_fail(db->cli, EXIT_NOT_FOUND, "there is no subscriber %s", email);
	if (db->cli->format == OUTPUT_JSON)
		why_put_person_json(out, person, clock_wall());
	else
		why_put_person(out, person, clock_wall());
	return EXIT_OK;
}

static int why_domain(struct db *db, const char *domain, struct buf *out)
{
	const char *key = NULL;
	int code = place_domain_key(db->cli, domain, &key);
	struct why_place *place = ARENA_NEW(db->cli->arena, struct why_place);
	if (code == CLI_GO && place)
		code = why_read_place(db, key, place);
	if (code != CLI_GO || !place)
		return code == CLI_GO ? EXIT_FAILED : code;
	if (!place->site.data)
		return cli_fail(db->cli, EXIT_NOT_FOUND,
				"no engine has had mail for '%s', and no campaign is called so",
				domain);
	if (db->cli->format == OUTPUT_JSON)
		why_put_place_json(out, place);
	else
		why_put_place(out, place, clock_wall());
	return EXIT_OK;
}

static int why_campaign(struct db *db, const char *name, struct buf *out)
{
	struct campaign_row campaign;
	int code = db_campaign(db, name, &campaign);
	struct why_campaign *why = ARENA_NEW(db->cli->arena, struct why_campaign);
	if (code == CLI_GO && why)
		code = why_read_campaign(db, &campaign, why);
	if (code != CLI_GO || !why)
		return code == CLI_GO ? EXIT_FAILED : code;
	if (db->cli->format == OUTPUT_JSON)
		why_put_campaign_json(out, why, clock_wall());
	else
		why_put_campaign(out, why, clock_wall());
	return EXIT_OK;
}

/* A campaign may bear the name of a domain; then it is the one that was meant. */
static int is_campaign(struct db *db, const char *name, bool *ret_is)
{
	PGresult *result = db_query(db, "api_campaign_find", 1, &name);
	if (!result)
		return db_code(db);
	*ret_is = PQntuples(result) > 0;
	PQclear(result);
	return CLI_GO;
}

static int why(struct db *db, const char *what, struct buf *out)
{
	bool campaign = false;
	if (str_find_byte(str_of(what), '@') != STR_NONE)
		return why_person(db, what, out);
	int code = is_campaign(db, what, &campaign);
	if (code != CLI_GO)
		return code;
	bool dotted = str_find_byte(str_of(what), '.') != STR_NONE;
	return campaign || !dotted ? why_campaign(db, what, out) : why_domain(db, what, out);
}

static int why_run(struct cli *cli, int argc, char **argv)
{
	struct buf out;
	struct db db;
	int code = cli_parse(cli, NULL, &argc, &argv, 1, 1);
	if (code == CLI_GO)
		code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	buf_init_arena(&out, cli->arena, 8192);
	code = why(&db, argv[0], &out);
	db_close(&db);
	if (code == EXIT_OK)
		cli_write(buf_str(&out));
	return code;
}

const struct command command_why = {
	.name = "why",
	.synopsis = "EMAIL | DOMAIN | CAMPAIGN",
	.summary =
		"Say why something is not sent yet: next attempt, last reply, limit in the way",
	.manual =
		"EMAIL: how the campaigns launched last stand to that person. DOMAIN: where "
		"its "
		"mail goes,\n"
		"what engines do there, and who waits. CAMPAIGN: where its recipients are who "
		"have no\n"
		"verdict yet. Times are UTC. What engines do is a few seconds old.",
	.run = why_run,
	.outputs = CLI_JSON,
};
