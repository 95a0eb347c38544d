/* campaign_store.c - see campaign_store.h. */
#include "engine/api/campaign_store.h"

#include <stdio.h>

#include "engine/api/campaign_links.h"
#include "engine/api/rows.h"
#include "engine/api/suggest.h"
#include "engine/mail/encode.h"

#define LIST_NAMES_LIMIT 500

static const char *json_list(struct arena *arena, const struct key_list *list)
{
	struct buf b;
	buf_init_arena(&b, arena, 256);
	buf_put_byte(&b, '[');
	for (size_t i = 0; i < list->count; i++) {
		if (i > 0)
			buf_put_byte(&b, ',');
		json_put_string(&b, list->items[i]);
	}
	buf_put_byte(&b, ']');
	return arena_copy(arena, buf_str(&b)).data;
}

static int tell_missing_list(struct db *db, const char *name)
{
	const char *known[LIST_NAMES_LIMIT];
	PGresult *result = db_query(db, "api_list_names", 0, NULL);
	if (!result)
		return db_code(db);
	size_t count = 0;
	for (; (int)count < PQntuples(result) && count < LIST_NAMES_LIMIT; count++)
		known[count] = PQgetvalue(result, (int)count, 0);
	const char *near = suggest(str_of(name), known, count);
	int code = cli_fail(db->cli, EXIT_NOT_FOUND, "there is no list '%s'%s%s%s", name,
			    near ? ", did you mean '"
				 : "; `rundbrief import FILE --list NAME` makes one",
			    near ? near : "", near ? "'?" : "");
	PQclear(result);
	return code;
}

static int check_lists(struct db *db, const struct key_list *list)
{
	if (list->count == 0)
		return CLI_GO;
	const char *names = json_list(db->cli->arena, list);
	PGresult *result = db_query(db, "api_lists_missing", 1, &names);
	if (!result)
		return db_code(db);
	int code = CLI_GO;
	if (PQntuples(result) > 0)
		code = tell_missing_list(db, PQgetvalue(result, 0, 0));
	PQclear(result);
	return code;
}

static int check_filter(struct db *db, str filter)
{
	if (filter.size == 0)
		return CLI_GO;
	const char *why;
	PGresult *result = db_try(db, "api_filter_check", 1, &filter.data, &why);
	if (!result)
		return cli_fail(
			db->cli, db_code(db) == EXIT_DATABASE ? EXIT_DATABASE : EXIT_INVALID,
			"filter: %s; write a predicate such as '$.country == \"DE\"'", why);
	PQclear(result);
	return CLI_GO;
}

/* Whoever is tried again gets the message of the first try, so what was launched stands. Its
 * number is told: the name may be that of a folder here. */
static int tell_launched(struct db *db, const struct campaign_dir *c, uint64_t id)
{
	return cli_fail(
		db->cli, EXIT_FAILED,
		"'%s' has been launched and the folder says something else now: "
		"`rundbrief send %llu` goes on with what was launched; give the folder's "
		"campaign.conf another name to make a campaign of the new content",
		c->name.data, (unsigned long long)id);
}

static int save_campaign(struct db *db, const struct campaign_dir *c, bool *ret_launched)
{
	struct arena *arena = db->cli->arena;
	char hold_out[16];
	bool retry = str_find(c->settings, STR("\"in_doubt\":\"retry\"")) != STR_NONE;
	const char *parameters[] = {c->name.data,
				    retry ? "1" : "0",
				    json_list(arena, &c->lists),
				    json_list(arena, &c->exclude),
				    c->filter.data,
				    c->kind == CAMPAIGN_TRANSACTIONAL ? "1" : "0",
				    c->split.data,
				    hold_out};
	snprintf(hold_out, sizeof(hold_out), "%u", c->hold_out_parts);
	PGresult *result = db_query(db, "api_campaign_save", 8, parameters);
	if (!result)
		return db_code(db);
	uint64_t id = db_u64(result, 0, 0);
	int64_t state = db_i64(result, 0, 1);
	bool same_audience = str_eq(db_cell(result, 0, 3), STR("t"));
	PQclear(result);
	*ret_launched = state != 0;
	if (state == 3 || state == 4)
		return cli_fail(db->cli, EXIT_FAILED,
				"'%s' was %s; give the folder's campaign.conf another name "
				"to send it again",
				c->name.data, state == 3 ? "cancelled" : "sent already");
	return same_audience ? CLI_GO : tell_launched(db, c, id);
}

static int save_template(struct db *db, const struct campaign_dir *c,
			 const struct campaign_row *campaign, struct campaign_saved *ret_saved)
{
	const char *parameters[] = {campaign->id_text.data, c->settings.data, c->html.data,
				    c->text.data};
	PGresult *result = db_query(db, "api_template_save", 4, parameters);
	if (!result)
		return db_code(db);
	ret_saved->revision = (uint32_t)db_u64(result, 0, 0);
	ret_saved->is_new = str_eq(db_cell(result, 0, 1), STR("t"));
	PQclear(result);
	return CLI_GO;
}

/* Text parameters: bytes go as base64. */
static int save_parts(struct db *db, const struct campaign_dir *c,
		      const struct campaign_row *campaign)
{
	for (size_t i = 0; i < c->part_count; i++) {
		struct buf text;
		buf_init_arena(&text, db->cli->arena, c->parts[i].size / 3 * 4 + 8);
		base64_put(&text, c->parts[i]);
		buf_put_byte(&text, '\0');
		if (!buf_ok(&text))
			return cli_fail(db->cli, EXIT_FAILED, "out of memory");
		const char *parameters[] = {campaign->id_text.data, text.data};
		PGresult *result = db_query(db, "api_part_save", 2, parameters);
		if (!result)
			return db_code(db);
		PQclear(result);
	}
	return CLI_GO;
}

static int save(struct db *db, const struct campaign_dir *c, struct campaign_row *ret_campaign,
		struct campaign_saved *ret_saved)
{
	bool launched = false;
	int code = db_do(db, "begin");
	if (code == CLI_GO)
		code = save_campaign(db, c, &launched);
	if (code == CLI_GO)
		code = db_campaign(db, c->name.data, ret_campaign);
	if (code == CLI_GO)
		code = save_template(db, c, ret_campaign, ret_saved);
	if (code == CLI_GO)
		code = save_parts(db, c, ret_campaign);
	if (code == CLI_GO && launched && ret_saved->is_new)
		code = tell_launched(db, c, ret_campaign->id);
	if (code == CLI_GO && ret_saved->is_new)
		code = campaign_links_save(db, c, ret_campaign, ret_saved->revision);
	int end = code == EXIT_DATABASE ? code
					: db_do(db, code == CLI_GO ? "commit" : "rollback");
	return code == CLI_GO ? end : code;
}

int campaign_store_read(struct db *db, const char *folder, struct campaign_dir *ret_dir)
{
	char why[500];
	int code = cli_config(db->cli);
	if (code != CLI_GO)
		return code;
	if (campaign_dir_read(folder, &db->cli->config, db->cli->arena, ret_dir, why,
			      sizeof(why)) != 0)
		return cli_fail(db->cli,
				campaign_dir_is(folder) ? EXIT_INVALID : EXIT_NOT_FOUND, "%s",
				why);
	code = campaign_dir_check(db->cli, ret_dir);
	if (code == CLI_GO)
		code = check_lists(db, &ret_dir->lists);
	if (code == CLI_GO)
		code = check_lists(db, &ret_dir->exclude);
	return code == CLI_GO ? check_filter(db, ret_dir->filter) : code;
}

int campaign_store_folder(struct db *db, const char *folder, struct campaign_row *ret_campaign,
			  struct campaign_saved *ret_saved)
{
	int code = campaign_store_read(db, folder, &ret_saved->dir);
	return code == CLI_GO ? save(db, &ret_saved->dir, ret_campaign, ret_saved) : code;
}

int campaign_store_ready(struct db *db, const char *from, struct campaign_row *ret_campaign,
			 struct campaign_saved *ret_saved)
{
	struct campaign_dir c;
	char why[500];
	int code = cli_config(db->cli);
	if (code != CLI_GO)
		return code;
	if (campaign_dir_ready(from, &db->cli->config, db->cli->arena, &c, why, sizeof(why)) !=
	    0)
		return cli_fail(db->cli, EXIT_INVALID, "%s", why);
	code = campaign_dir_check(db->cli, &c);
	ret_saved->dir = c;
	return code == CLI_GO ? save(db, &c, ret_campaign, ret_saved) : code;
}
