/* winner.c - see winner.h. Nothing is sent to engines: what waited is due from now on, and a
 * lease tells whoever takes it who has won. */
#include "engine/api/winner.h"

#include <stdio.h>

#include "engine/api/rows.h"
#include "templates/variant.h"

struct variants {
	const char *names[VARIANT_LIMIT];
	size_t count;
	uint64_t rest, winner; /* share that waits; 0: not named */
	str state;
	bool expired;
};

static int read_variants(struct db *db, const struct campaign_row *campaign, struct variants *v)
{
	*v = (struct variants){};
	PGresult *result = db_query(db, "api_winner_find", 1, &campaign->id_text.data);
	if (!result)
		return db_code(db);
	for (int i = 0; i < PQntuples(result) && v->count < VARIANT_LIMIT; i++) {
		struct buf name;
		buf_init_arena(&name, db->cli->arena, 40);
		text_put_printable(&name, db_cell(result, i, 0), 40);
		str kept = arena_copy(db->cli->arena, buf_str(&name));
		v->names[v->count++] = kept.data ? kept.data : "";
		v->rest = db_u64(result, i, 1);
		v->winner = db_u64(result, i, 2);
		v->state = arena_copy(db->cli->arena, db_cell(result, i, 3));
		v->expired = str_eq(db_cell(result, i, 4), STR("t"));
	}
	PQclear(result);
	return CLI_GO;
}

/* From 1; 0 after saying that there is none of that name. */
static uint64_t find(struct cli *cli, const struct campaign_row *campaign,
		     const struct variants *v, const char *name, int *ret_code)
{
	for (size_t i = 0; i < v->count; i++)
		if (strcmp(v->names[i], name) == 0)
			return i + 1;
	struct buf known;
	buf_init_arena(&known, cli->arena, 256);
	for (size_t i = 0; i < v->count; i++) {
		buf_put_cstr(&known, i ? ", " : "");
		buf_put_cstr(&known, v->names[i]);
	}
	*ret_code = cli_fail(cli, EXIT_NOT_FOUND,
			     "'%.*s' has no variant '%s'; its variants are %.*s",
			     STR_FORMAT(campaign->name), name, STR_FORMAT(buf_str(&known)));
	return 0;
}

static int check(struct cli *cli, const struct campaign_row *campaign, const struct variants *v,
		 uint64_t winner)
{
	str name = campaign->name, state = v->state;
	if (v->rest == 0)
		return cli_fail(cli, EXIT_FAILED,
				"nobody of '%.*s' waits for a winner: the shares of its "
				"variants divide everybody",
				STR_FORMAT(name));
	if (v->winner && v->winner != winner)
		return cli_fail(cli, EXIT_FAILED,
				"the winner of '%.*s' is '%s' already; the rest is on its way",
				STR_FORMAT(name), v->names[v->winner - 1]);
	if (str_eq(state, STR("draft")))
		return cli_fail(cli, EXIT_FAILED,
				"'%.*s' has not been launched: nobody has seen a variant yet",
				STR_FORMAT(name));
	if (!v->winner && v->expired)
		return cli_fail(cli, EXIT_FAILED, "'%.*s' has expired: the rest gets nothing",
				STR_FORMAT(name));
	if (!v->winner && !str_eq(state, STR("running")) && !str_eq(state, STR("paused")))
		return cli_fail(cli, EXIT_FAILED, "'%.*s' is %.*s: nobody waits any more",
				STR_FORMAT(name), STR_FORMAT(state));
	return CLI_GO;
}

/* Two statements: the second must see what a cut wrote that the first one waited for. */
static int set_and_move(struct db *db, const struct campaign_row *campaign, uint64_t winner,
			uint64_t *ret_moved)
{
	char number[16];
	snprintf(number, sizeof(number), "%u", (unsigned)winner);
	const char *parameters[] = {campaign->id_text.data, number};
	PGresult *result = db_query(db, "api_winner_set", 2, parameters);
	if (!result)
		return db_code(db);
	bool set = PQntuples(result) == 1;
	PQclear(result);
	if (!set)
		return cli_fail(db->cli, EXIT_FAILED, "'%.*s' has changed meanwhile; ask again",
				STR_FORMAT(campaign->name));
	result = db_query(db, "api_winner_move", 1, &campaign->id_text.data);
	if (!result)
		return db_code(db);
	*ret_moved = db_u64(result, 0, 0);
	PQclear(result);
	return CLI_GO;
}

static int move(struct db *db, const struct campaign_row *campaign, uint64_t winner,
		uint64_t *ret_moved)
{
	int code = db_do(db, "begin");
	if (code == CLI_GO)
		code = set_and_move(db, campaign, winner, ret_moved);
	int end = code == EXIT_DATABASE ? code
					: db_do(db, code == CLI_GO ? "commit" : "rollback");
	return code == CLI_GO ? end : code;
}

static void tell(struct cli *cli, const struct campaign_row *campaign, const char *winner,
		 bool is_new, uint64_t moved)
{
	struct buf out;
	buf_init_arena(&out, cli->arena, 256);
	if (cli->format == OUTPUT_JSON) {
		buf_put_cstr(&out, "{\"campaign\":");
		json_put_string(&out, campaign->name);
		buf_put_cstr(&out, ",\"winner\":");
		json_put_string(&out, str_of(winner));
		buf_printf(&out, ",\"new\":%s,\"recipients\":%llu}\n",
			   is_new ? "true" : "false", (unsigned long long)moved);
	} else {
		buf_printf(&out, "the winner of %.*s is %s", STR_FORMAT(campaign->name),
			   winner);
		if (is_new)
			buf_printf(&out,
				   ": %llu recipients who waited are due, and so is who "
				   "comes later",
				   (unsigned long long)moved);
		buf_put_cstr(&out, is_new ? "\n" : " already\n");
	}
	cli_write(buf_str(&out));
}

int winner_name(struct db *db, const char *name, const char *variant)
{
	struct campaign_row campaign;
	struct variants v;
	uint64_t moved = 0;
	int code = db_campaign(db, name, &campaign);
	if (code == CLI_GO)
		code = read_variants(db, &campaign, &v);
	if (code != CLI_GO)
		return code;
	if (v.count == 0)
		return cli_fail(db->cli, EXIT_FAILED, "'%.*s' has no variants",
				STR_FORMAT(campaign.name));
	uint64_t winner = find(db->cli, &campaign, &v, variant, &code);
	if (code == CLI_GO)
		code = check(db->cli, &campaign, &v, winner);
	if (code == CLI_GO && !v.winner)
		code = move(db, &campaign, winner, &moved);
	if (code != CLI_GO)
		return code;
	tell(db->cli, &campaign, variant, v.winner == 0, moved);
	return EXIT_OK;
}
