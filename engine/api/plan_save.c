/* plan_save.c - a forecast kept with its campaign, for the report. */
#include "engine/api/plan.h"

#include <stdio.h>

#include "engine/api/rows.h"

int plan_save(struct db *db, const struct campaign_row *campaign, const struct plan *p)
{
	struct buf rows;
	char start[24];
	buf_init_arena(&rows, db->cli->arena, 4096);
	buf_put_byte(&rows, '[');
	for (size_t i = 0; i < p->row_count; i++) {
		const struct plan_row *row = &p->rows[i];
		buf_printf(&rows, "%s{\"provider\":", i ? "," : "");
		json_put_string(&rows, row->provider);
		buf_printf(&rows, ",\"recipients\":%llu,\"per_hour\":%.3f,\"seconds\":",
			   (unsigned long long)row->recipients, row->per_hour);
		if (row->end_at == USEC_NEVER)
			buf_put_cstr(&rows, "null");
		else
			buf_printf(&rows, "%.3f", (double)row->end_at / 1e6);
		struct buf hold;
		buf_init_arena(&hold, db->cli->arena, 128);
		plan_put_hold(p, row->last_flow, &hold);
		buf_put_cstr(&rows, ",\"hold\":");
		json_put_string(&rows, buf_str(&hold));
		buf_put_byte(&rows, '}');
	}
	buf_put_cstr(&rows, "]");
	buf_put_byte(&rows, '\0');
	if (!buf_ok(&rows))
		return cli_fail(db->cli, EXIT_FAILED, "out of memory");
	snprintf(start, sizeof(start), "%lld", (long long)p->start_wall);
	const char *parameters[] = {campaign->id_text.data, buf_str(&rows).data, start};
	PGresult *result = db_query(db, "api_plan_save", 3, parameters);
	if (!result)
		return db_code(db);
	PQclear(result);
	return CLI_GO;
}
