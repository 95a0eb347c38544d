/* place.c - see place.h. */
#include "engine/api/place.h"

#include "engine/api/rows.h"
#include "engine/mail/domain.h"

int place_domain_key(struct cli *cli, const char *text, const char **ret_key)
{
	struct buf key;
	buf_init_arena(&key, cli->arena, DOMAIN_LIMIT + 1);
	if (!domain_to_ascii(&key, str_of(text)) || !buf_ok(&key))
		return cli_fail(cli, EXIT_INVALID, "'%s' is not a domain", text);
	*ret_key = arena_copy(cli->arena, buf_str(&key)).data;
	return CLI_GO;
}

static int check_provider(struct db *db, const char *provider)
{
	PGresult *result = db_query(db, "api_place_provider", 1, &provider);
	if (!result)
		return db_code(db);
	bool known = PQntuples(result) > 0;
	PQclear(result);
	return known ? CLI_GO
		     : cli_fail(db->cli, EXIT_NOT_FOUND,
				"no mail of a running campaign goes to a provider '%s'",
				provider);
}

static int read_domain(struct db *db, struct place *place)
{
	int code = place_domain_key(db->cli, place->domain, &place->domain_key);
	if (code != CLI_GO)
		return code;
	PGresult *result = db_query(db, "api_place_domain", 1, &place->domain_key);
	if (!result)
		return db_code(db);
	if (PQntuples(result) > 0)
		place->site = arena_copy(db->cli->arena, db_cell(result, 0, 0));
	PQclear(result);
	return place->site.data ? CLI_GO
				: cli_fail(db->cli, EXIT_NOT_FOUND,
					   "no engine has had mail for '%s'", place->domain);
}

int place_read(struct db *db, struct place *place)
{
	struct campaign_row campaign;
	int code = CLI_GO;
	if (place->provider && place->domain)
		return cli_fail(db->cli, EXIT_USAGE,
				"--provider or --domain, not both: a domain has one provider");
	if (place->campaign) {
		code = db_campaign(db, place->campaign, &campaign);
		if (code == CLI_GO)
			place->campaign_id = campaign.id_text.data;
	}
	if (code == CLI_GO && place->provider)
		code = check_provider(db, place->provider);
	if (code == CLI_GO && place->domain)
		code = read_domain(db, place);
	return code;
}

void place_put(const struct place *place, struct buf *out)
{
	const char *where = place->provider ? place->provider : place->domain_key;
	if (!where && !place->campaign) {
		buf_put_cstr(out, "everywhere");
		return;
	}
	if (where) {
		buf_put_cstr(out, "at ");
		text_put_printable(out, str_of(where), 300);
	}
	if (place->campaign) {
		buf_put_cstr(out, where ? ", campaign " : "of campaign ");
		text_put_printable(out, str_of(place->campaign), 300);
	}
}

void place_put_json(const struct place *place, struct buf *out)
{
	const struct {
		const char *name, *value;
	} members[] = {{"provider", place->provider},
		       {"domain", place->domain_key},
		       {"campaign", place->campaign}};
	for (size_t i = 0; i < 3; i++) {
		buf_printf(out, ",\"%s\":", members[i].name);
		if (members[i].value)
			json_put_string(out, str_of(members[i].value));
		else
			buf_put_cstr(out, "null");
	}
}
