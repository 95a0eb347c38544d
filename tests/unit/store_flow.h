/* store_flow.h - what the tests of the store share: a campaign in a real PostgreSQL, and the
 * requests of one engine that works on it, each asked and answered in one call. */
#pragma once

#include "tests/unit/cmocka_all.h"

#include "engine/io/clock.h"
#include "engine/io/heap.h"
#include "engine/store/pg.h"
#include "tests/unit/live_db.h"

#define AUDIENCE 2000
#define SUPPRESSED 40 /* every fiftieth */

static struct store *store;
static struct arena arena;
static uint32_t engine_id, epoch;
static uint64_t position;

static inline void done(struct store_request *r)
{
	if (r->result != STORE_OK)
		fprintf(stderr, "store: %d %s\n", r->result, r->why);
}

static inline void quiet(struct store_request *r)
{
	(void)r;
}

static inline void join(void)
{
	struct store_join r = {.request.on_done = done, .name = STR("test")};
	store_join(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	engine_id = r.ret_engine_id;
	epoch = r.ret_epoch;
	position = r.ret_position;
}

static inline uint64_t new_campaign(const char *name, const char *more)
{
	char statement[900];
	snprintf(statement, sizeof(statement),
		 "with c as (insert into campaigns (name, tenant_id, state, revision, "
		 "highest_id, "
		 "launched_at, list_ids) values ('%s', 1, 1, 1, (select max(id) from "
		 "subscribers), "
		 "now(), '{1}') returning id), t as (insert into templates select 1, id, 1, "
		 "'{\"subject\": \"Hello\"}', '<p>hi</p>', null from c) select id from c",
		 name);
	uint64_t id = strtoull(live_value(statement), NULL, 10);
	snprintf(statement, sizeof(statement),
		 "select campaign_partition(%llu); update campaigns set %s where id = %llu",
		 (unsigned long long)id, more, (unsigned long long)id);
	assert_int_equal(live_exec(live_admin, statement), 0);
	return id;
}

static inline int setup(void **state)
{
	char why[256] = "";
	struct store_config config = {.conninfo = live_conninfo};
	if (live_setup(state) < 0)
		return -1;
	if (live_exec(live_admin,
		      "insert into lists (tenant_id, name) values (1, 'news'), (1, 'staff');"
		      "insert into subscribers (tenant_id, address, address_key, domain, name, "
		      "attributes) "
		      "select 1, 'P' || n || '@example.com', 'p' || n || '@example.com', "
		      "'example.com', "
		      "'Person ' || n, jsonb_build_object('city', 'c' || n % 7, 'n', n) "
		      "from generate_series(1, 2000) n order by n;"
		      "insert into subscriptions (tenant_id, list_id, subscriber_id) "
		      "select 1, 1, id from subscribers;"
		      "insert into subscriptions (tenant_id, list_id, subscriber_id) "
		      "select 1, 2, id from subscribers where id % 100 = 1;"
		      "insert into suppressions (tenant_id, address_hash, address, reason) "
		      "select 1, address_hash(address_key), address_key, 100 from subscribers "
		      "where id % 50 = 0;"
		      "analyze") < 0)
		return -1;
	if (store_open(&store, NULL, &config, why, sizeof(why)) != 0) {
		fprintf(stderr, "%s\n", why);
		return -1;
	}
	arena_init(&arena, heap_source(), 0, 0);
	join();
	return 0;
}

static inline int teardown(void **state)
{
	store_close(store);
	arena_done(&arena);
	return live_teardown(state);
}

static inline struct store_cut cut(uint64_t campaign, uint32_t limit)
{
	struct store_cut r = {.request.on_done = done, .campaign_id = campaign, .limit = limit};
	store_cut(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	return r;
}

static inline struct store_lease lease(uint64_t campaign)
{
	struct store_lease r = {.request.on_done = done,
				.engine_id = engine_id,
				.epoch = epoch,
				.campaign_id = campaign,
				.arena = &arena};
	store_lease(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	return r;
}

static inline struct store_outcome outcome_of(uint64_t campaign, uint64_t slice, uint64_t id)
{
	return (struct store_outcome){.campaign_id = campaign,
				      .slice_id = slice,
				      .subscriber_id = id,
				      .verdict = VERDICT_DELIVERED,
				      .final = true,
				      .cause = "delivered",
				      .stage = STAGE_END,
				      .code = 250,
				      .status = {2, 0, 0},
				      .attempt = 1,
				      .revision = 1,
				      .at_wall = clock_wall(),
				      .date_wall = clock_wall(),
				      .duration_ms = 12,
				      .size = 10240,
				      .text = STR("Ok: queued as 4BdX1y0z"),
				      .mx_host = STR("mx1.example.com"),
				      .provider = STR("gmail"),
				      .site = STR("example.com"),
				      .source = STR("out1")};
}

static inline int settle(struct store_outcome *outcomes, size_t count, const uint64_t *closed,
			 size_t closed_count)
{
	const struct store_outcome **pointers = calloc(count + 1, sizeof(*pointers));
	for (size_t i = 0; i < count; i++)
		pointers[i] = &outcomes[i];
	struct store_settle r = {.request.on_done = done,
				 .engine_id = engine_id,
				 .epoch = epoch,
				 .outcomes = pointers,
				 .count = count,
				 .old_position = position,
				 .new_position = position + 100,
				 .closed_slices = closed,
				 .closed_count = closed_count};
	store_settle(store, &r);
	free(pointers);
	if (r.request.result == STORE_OK)
		position += 100;
	return r.request.result;
}

static inline bool finish(uint64_t campaign)
{
	struct store_finish r = {.request.on_done = done, .campaign_id = campaign};
	store_finish(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	return r.ret_finished;
}

static inline uint64_t number(const char *statement)
{
	return strtoull(live_value(statement), NULL, 10);
}

static inline struct store_read read_slice(const struct store_lease *l, const str *fields,
					   size_t count)
{
	struct store_read r = {.request.on_done = done,
			       .campaign_id = l->ret_campaign_id,
			       .slice_id = l->ret_slice_id,
			       .ids = l->ret_ids,
			       .count = l->ret_count,
			       .fields = fields,
			       .field_count = count,
			       .arena = &arena};
	store_read(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	return r;
}

static inline void make_outcome(struct store_outcome *o, const struct store_recipient *p)
{
	if (!p->email.data || p->suppressed) {
		o->verdict = VERDICT_SUPPRESSED;
		o->cause = p->suppressed ? p->suppression_reason : "gone";
		o->attempt = 0;
	} else if (o->subscriber_id % 20 == 3 && p->attempts == 0) {
		o->verdict = VERDICT_DEFERRED;
		o->final = false;
		o->class = CLASS_GREYLISTED;
		o->code = 451;
		o->due_wall = o->at_wall - 1;
		o->text = STR("try \xff later\0no");
	} else if (o->subscriber_id % 33 == 0) {
		o->verdict = VERDICT_FAILED;
		o->class = CLASS_BAD_MAILBOX;
		o->suppress = true;
		o->code = 550;
		o->attempt = p->attempts + 1;
	} else {
		o->attempt = p->attempts + 1;
	}
}

/* Marks, reads and settles a slice that is leased. */
static inline void work_slice(const struct store_lease *l)
{
	struct store_read r = read_slice(l, NULL, 0);
	struct store_mark_slice marked = {l->ret_campaign_id, l->ret_slice_id, l->ret_ids,
					  l->ret_count};
	struct store_mark m = {.request.on_done = done,
			       .engine_id = engine_id,
			       .epoch = epoch,
			       .slices = &marked,
			       .slice_count = 1};
	store_mark(store, &m);
	assert_int_equal(m.request.result, STORE_OK);
	struct store_outcome *outcomes = calloc(l->ret_count, sizeof(*outcomes));
	for (size_t i = 0; i < l->ret_count; i++) {
		outcomes[i] = outcome_of(l->ret_campaign_id, l->ret_slice_id, l->ret_ids[i]);
		make_outcome(&outcomes[i], &r.ret_recipients[i]);
	}
	assert_int_equal(settle(outcomes, l->ret_count, &l->ret_slice_id, 1), STORE_OK);
	free(outcomes);
}

/* One slice from its lease on; its id, or 0. */
static inline uint64_t work_off(uint64_t campaign)
{
	struct store_lease l = lease(campaign);
	if (l.ret_slice_id != 0)
		work_slice(&l);
	return l.ret_slice_id;
}
