/* cmd_reroute.c - `rundbrief reroute`: deferred mail of a place goes on by another source.
 * A deferral keeps its source, because greylisting knows it by address; here a person says
 * otherwise. */
#include "engine/api/commands.h"

#include <stdlib.h>

#include "engine/api/place.h"
#include "engine/api/rows.h"
#include "engine/api/units.h"

#define SOURCES_LIMIT 100

struct reroute {
	struct place place;
	const char *to, *away_from;
	const char *known[SOURCES_LIMIT];
	size_t known_count;
	uint64_t moved;
};

static bool is_known(const struct reroute *r, const char *name)
{
	for (size_t i = 0; i < r->known_count; i++)
		if (strcmp(r->known[i], name) == 0)
			return true;
	return false;
}

static void know(struct reroute *r, const char *name)
{
	if (name && r->known_count < SOURCES_LIMIT && !is_known(r, name))
		r->known[r->known_count++] = name;
}

/* Those of this configuration, and those that engines elsewhere send from. */
static int read_sources(struct db *db, struct reroute *r)
{
	const struct config *config = &db->cli->config;
	PGresult *result = db_query(db, "api_source_names", 0, NULL);
	if (!result)
		return db_code(db);
	for (size_t i = 0; i < config->source_count; i++)
		know(r, config->sources[i].name.data);
	if (config->source_count == 0)
		know(r, "default");
	for (int i = 0; i < PQntuples(result); i++)
		know(r, arena_copy(db->cli->arena, db_cell(result, i, 0)).data);
	PQclear(result);
	return CLI_GO;
}

static void put_array_item(struct buf *out, const char *name)
{
	buf_put_byte(out, '"');
	for (; *name; name++) {
		if (*name == '"' || *name == '\\')
			buf_put_byte(out, '\\');
		buf_put_byte(out, *name);
	}
	buf_put_byte(out, '"');
}

/* PostgreSQL's array of the sources to take; NULL when there is none. */
static const char *targets_of(struct db *db, const struct reroute *r)
{
	struct buf out;
	size_t count = 0;
	buf_init_arena(&out, db->cli->arena, 256);
	buf_put_byte(&out, '{');
	for (size_t i = 0; i < r->known_count; i++) {
		const char *name = r->known[i];
		bool wanted =
			r->to ? strcmp(name, r->to) == 0 : strcmp(name, r->away_from) != 0;
		if (!wanted)
			continue;
		buf_put_cstr(&out, count++ ? "," : "");
		put_array_item(&out, name);
	}
	buf_put_byte(&out, '}');
	return count && buf_ok(&out) ? arena_copy(db->cli->arena, buf_str(&out)).data : NULL;
}

static int reroute(struct db *db, struct reroute *r)
{
	const char *named = r->to ? r->to : r->away_from;
	int code = place_read(db, &r->place);
	if (code == CLI_GO)
		code = read_sources(db, r);
	if (code == CLI_GO && !is_known(r, named))
		code = cli_fail_unknown(db->cli, "source", named, r->known, r->known_count);
	if (code != CLI_GO)
		return code;
	const char *targets = targets_of(db, r);
	if (!targets)
		return cli_fail(db->cli, EXIT_INVALID, "there is no other source than '%s'",
				named);
	const char *parameters[] = {r->place.campaign_id, r->place.provider,
				    r->place.domain_key, r->away_from, targets};
	PGresult *result = db_query(db, "api_reroute", 5, parameters);
	if (!result)
		return db_code(db);
	r->moved = strtoull(PQcmdTuples(result), NULL, 10);
	PQclear(result);
	return CLI_GO;
}

static void print(struct cli *cli, const struct reroute *r)
{
	struct buf out;
	buf_init_arena(&out, cli->arena, 512);
	if (cli->format == OUTPUT_JSON) {
		buf_printf(&out, "{\"rerouted\":%llu", (unsigned long long)r->moved);
		place_put_json(&r->place, &out);
		buf_put_cstr(&out, "}\n");
	} else {
		count_format(&out, r->moved);
		buf_put_cstr(&out, " deferred recipients ");
		place_put(&r->place, &out);
		buf_put_cstr(&out, r->to ? " go on by " : " go on by other sources than ");
		text_put_printable(&out, str_of(r->to ? r->to : r->away_from), 100);
		buf_put_cstr(&out, ", at once\n");
	}
	cli_write(buf_str(&out));
}

static int check_options(struct cli *cli, const struct reroute *r)
{
	if (!r->place.provider && !r->place.domain)
		return cli_fail(cli, EXIT_USAGE,
				"whose mail? --provider NAME or --domain DOMAIN");
	if (!r->to == !r->away_from)
		return cli_fail(cli, EXIT_USAGE, "where to? --to SOURCE or --away-from SOURCE");
	return CLI_GO;
}

static int reroute_run(struct cli *cli, int argc, char **argv)
{
	struct reroute r = {};
	const struct cli_option options[] = {
		{"provider", CLI_TEXT, &r.place.provider, "NAME", "what goes to this provider"},
		{"domain", CLI_TEXT, &r.place.domain, "DOMAIN", "what goes to this domain"},
		{"campaign", CLI_TEXT, &r.place.campaign, "CAMPAIGN", "only of this campaign"},
		{"to", CLI_TEXT, &r.to, "SOURCE", "the source that takes it from now on"},
		{"away-from", CLI_TEXT, &r.away_from, "SOURCE",
		 "what waits for this source goes to the others, by turns"},
		{},
	};
	struct db db;
	int code = cli_parse(cli, options, &argc, &argv, 0, 0);
	if (code == CLI_GO)
		code = check_options(cli, &r);
	if (code == CLI_GO)
		code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	code = reroute(&db, &r);
	db_close(&db);
	if (code != CLI_GO)
		return code;
	print(cli, &r);
	return EXIT_OK;
}

const struct command command_reroute = {
	.name = "reroute",
	.synopsis = "--provider NAME | --domain DOMAIN [--campaign CAMPAIGN] --to SOURCE\n"
		    "--provider NAME | --domain DOMAIN [--campaign CAMPAIGN] --away-from SOURCE",
	.summary = "Let deferred mail go on by another source",
	.manual = "A deferred message is tried again from where it was first sent, because a "
		  "server\n"
		  "that greylists knows it by that address. This says otherwise: what waits "
		  "for that\n"
		  "provider or domain is due at once, by another source. An engine that has no "
		  "such\n"
		  "source takes one of its own.",
	.run = reroute_run,
	.outputs = CLI_JSON,
};
