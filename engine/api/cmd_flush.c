/* cmd_flush.c - `rundbrief flush`: what waits for its time is tried now, and engines hold
 * nothing back there. One transaction; engines hear of it within half a second. */
#include "engine/api/commands.h"

#include <stdlib.h>

#include "engine/api/place.h"
#include "engine/api/units.h"

struct flushed {
	uint64_t deferrals, put_back;
};

static uint64_t affected(PGresult *result)
{
	return strtoull(PQcmdTuples(result), NULL, 10);
}

/* As engines compare it: "provider NAME", "site NAME", or all. */
static const char *target_of(struct db *db, const struct place *place)
{
	struct buf target;
	buf_init_arena(&target, db->cli->arena, 128);
	if (place->provider)
		buf_printf(&target, "provider %s", place->provider);
	else if (place->domain_key)
		buf_printf(&target, "site %.*s", STR_FORMAT(place->site));
	return buf_ok(&target) ? arena_copy(db->cli->arena, buf_str(&target)).data : NULL;
}

static int make_due(struct db *db, const struct place *place, struct flushed *ret_flushed)
{
	const char *which[] = {place->campaign_id, place->provider, place->domain_key};
	PGresult *result = db_query(db, "api_flush_deferrals", 3, which);
	if (!result)
		return db_code(db);
	ret_flushed->deferrals = affected(result);
	PQclear(result);
	result = db_query(db, "api_flush_slices", 1, &place->campaign_id);
	if (!result)
		return db_code(db);
	ret_flushed->put_back = db_u64(result, 0, 0);
	PQclear(result);
	return CLI_GO;
}

static int tell_engines(struct db *db, const char *target)
{
	PGresult *result = target ? db_query(db, "api_flush_stop", 1, &target) : NULL;
	if (!result)
		return db_code(db);
	PQclear(result);
	return CLI_GO;
}

static int flush(struct db *db, struct place *place, struct flushed *ret_flushed)
{
	int code = place_read(db, place);
	if (code == CLI_GO)
		code = db_do(db, "begin");
	if (code == CLI_GO)
		code = make_due(db, place, ret_flushed);
	if (code == CLI_GO)
		code = tell_engines(db, target_of(db, place));
	if (code == CLI_GO)
		code = db_do(db, "commit");
	return code;
}

static void print(struct cli *cli, const struct place *place, const struct flushed *flushed)
{
	struct buf out;
	buf_init_arena(&out, cli->arena, 512);
	if (cli->format == OUTPUT_JSON) {
		buf_printf(&out, "{\"deferrals\":%llu,\"put_back\":%llu",
			   (unsigned long long)flushed->deferrals,
			   (unsigned long long)flushed->put_back);
		place_put_json(place, &out);
		buf_put_cstr(&out, "}\n");
	} else {
		count_format(&out, flushed->deferrals);
		buf_put_cstr(&out, " deferred recipients ");
		place_put(place, &out);
		buf_put_cstr(&out, " are due now");
		if (flushed->put_back > 0) {
			buf_put_cstr(&out, "; ");
			count_format(&out, flushed->put_back);
			buf_put_cstr(&out, " who had been put back are looked at again");
		}
		buf_put_byte(&out, '\n');
	}
	cli_write(buf_str(&out));
}

static int flush_run(struct cli *cli, int argc, char **argv)
{
	struct place place = {};
	struct flushed flushed = {};
	const struct cli_option options[] = {
		{"provider", CLI_TEXT, &place.provider, "NAME",
		 "only what goes to this provider"},
		{"domain", CLI_TEXT, &place.domain, "DOMAIN", "only what goes to this domain"},
		{"campaign", CLI_TEXT, &place.campaign, "CAMPAIGN", "only of this campaign"},
		{},
	};
	struct db db;
	int code = cli_parse(cli, options, &argc, &argv, 0, 0);
	if (code == CLI_GO)
		code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	code = flush(&db, &place, &flushed);
	db_close(&db);
	if (code != CLI_GO)
		return code;
	print(cli, &place, &flushed);
	return EXIT_OK;
}

const struct command command_flush = {
	.name = "flush",
	.synopsis = "[--provider NAME | --domain DOMAIN] [--campaign CAMPAIGN]",
	.summary = "Try now what waits for its time, and hold nothing back there",
	.manual = "Deferred recipients are due at once, and engines end suspensions there: of "
		  "the\n"
		  "provider, of the site that takes the domain's mail (with all its domains), "
		  "or else\n"
		  "of all. Limits and what was learned of the pace stay; a server that still "
		  "refuses\n"
		  "will be left alone again. A paused campaign stays paused.",
	.run = flush_run,
	.outputs = CLI_JSON,
};
