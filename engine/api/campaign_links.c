/* campaign_links.c - see campaign_links.h. */
#include "engine/api/campaign_links.h"

#include <stdio.h>

#include "engine/api/rows.h"

static void put_link(const struct link *link, struct buf *out)
{
	buf_printf(out, "{\"index\":%u,\"is_liquid\":%s,\"target\":", link->index,
		   link->is_liquid ? "true" : "false");
	json_put_string(out, link->target);
	buf_put_cstr(out, ",\"text\":");
	json_put_string(out, link->text);
	buf_put_byte(out, '}');
}

int campaign_links_save(struct db *db, const struct campaign_dir *c,
			const struct campaign_row *campaign, uint32_t revision)
{
	struct links links;
	struct buf json;
	char number[16];
	bool first = true;
	int code = campaign_dir_links(db->cli, c, &links);
	if (code != CLI_GO || links.tracked_count == 0)
		return code;
	buf_init_arena(&json, db->cli->arena, 4096);
	for (size_t i = 0; i < links.count; i++) {
		if (links.items[i].index == 0)
			continue;
		buf_put_byte(&json, first ? '[' : ',');
		put_link(&links.items[i], &json);
		first = false;
	}
	buf_put_byte(&json, ']');
	buf_put_byte(&json, '\0');
	if (!buf_ok(&json))
		return cli_fail(db->cli, EXIT_FAILED, "out of memory");
	snprintf(number, sizeof(number), "%u", revision);
	const char *parameters[] = {campaign->id_text.data, number, json.data};
	PGresult *result = db_query(db, "api_links_save", 3, parameters);
	if (!result)
		return db_code(db);
	PQclear(result);
	return CLI_GO;
}

static void show_json(const PGresult *result, struct buf *out)
{
	buf_put_cstr(out, ",\"links\":[");
	for (int row = 0; row < PQntuples(result); row++) {
		const struct link link = {
			(uint32_t)db_u64(result, row, 0), db_cell(result, row, 1),
			str_eq(db_cell(result, row, 2), STR("t")), db_cell(result, row, 3)};
		if (row > 0)
			buf_put_byte(out, ',');
		put_link(&link, out);
	}
	buf_put_byte(out, ']');
}

static void show_text(const PGresult *result, struct buf *out)
{
	for (int row = 0; row < PQntuples(result); row++) {
		str text = db_cell(result, row, 3);
		char name[32];
		snprintf(name, sizeof(name), "link %llu",
			 (unsigned long long)db_u64(result, row, 0));
		buf_printf(out, "%-12s ", name);
		text_put_printable(out, db_cell(result, row, 1), 200);
		if (text.size > 0) {
			buf_put_cstr(out, " (");
			text_put_printable(out, text, 60);
			buf_put_byte(out, ')');
		}
		buf_put_byte(out, '\n');
	}
}

int campaign_links_show(struct db *db, const struct campaign_row *campaign,
			enum output_format format, struct buf *out)
{
	PGresult *result = db_query(db, "api_links_list", 1, &campaign->id_text.data);
	if (!result)
		return db_code(db);
	if (format == OUTPUT_JSON)
		show_json(result, out);
	else
		show_text(result, out);
	PQclear(result);
	return CLI_GO;
}
