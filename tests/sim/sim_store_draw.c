/* sim_store_draw.c - accounts of shared limits in memory, which survive every crash of an engine;
 * the arithmetic is the real one, and so is the text that is kept. See engine/store/draw.c. */
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_tables.h"

#include <stdio.h>

#include "engine/base/assert.h"
#include "engine/shape/account.h"
#include "engine/shape/quota.h"

#define ACCOUNT_LIMIT 128

static struct {
	struct table_account {
		char name[96];
		uint32_t kind;
		char state[ACCOUNT_TEXT_SIZE];
	} rows[ACCOUNT_LIMIT];
	size_t count;
} accounts;

void sim_draw_begin(void)
{
	accounts.count = 0;
}

static struct table_account *account_of(str name, uint32_t kind)
{
	for (size_t i = 0; i < accounts.count; i++)
		if (accounts.rows[i].kind == kind && str_eq(name, str_of(accounts.rows[i].name)))
			return &accounts.rows[i];
	ASSERT(accounts.count < ACCOUNT_LIMIT);
	struct table_account *row = &accounts.rows[accounts.count++];
	*row = (struct table_account){.kind = kind};
	snprintf(row->name, sizeof(row->name), "%.*s", STR_FORMAT(name));
	return row;
}

static usec lease_left(uint32_t engine_id)
{
	const struct table_engine *engine = &tables.engines[engine_id - 1];
	return table_engine_is_silent(engine_id)
		       ? 0
		       : engine->heartbeat_wall + engine->lease - table_wall();
}

static void draw(const struct store_draw *r, struct store_draw_row *row)
{
	static struct account account;
	struct table_account *kept = account_of(row->account, row->kind);
	uint32_t alive[SIM_ENGINE_LIMIT];
	size_t alive_count = 0;
	usec now = world->now;
	struct buf out;
	for (uint32_t i = 1; i <= tables.engine_count; i++)
		if (!table_engine_is_silent(i))
			alive[alive_count++] = i;
	if (!account_read(&account, str_of(kept->state)))
		world_fail(world, "an account cannot be read");
	row->ret_drawn =
		row->kind == QUOTA_SLOTS
			? account_draw_slots(&account, r->engine_id, r->epoch, &row->ask,
					     alive, alive_count, lease_left(r->engine_id),
					     now, &row->ret_grant)
			: account_draw(&account, r->engine_id, r->epoch, &row->ask, now,
				       &row->ret_grant);
	buf_init_fixed(&out, kept->state, sizeof(kept->state) - 1);
	account_write(&account, &out);
	ASSERT(buf_ok(&out));
	kept->state[out.size] = '\0';
}

void store_draw(struct store *store, struct store_draw *r)
{
	for (size_t i = 0; i < r->count; i++)
		r->rows[i]->ret_drawn = false;
	if (lost_before(store, &r->request, CALL_DRAW))
		return;
	for (size_t i = 0; i < r->count; i++)
		draw(r, r->rows[i]);
	written(store, &r->request);
}
