/* top_json.c - a frame for programs. */
#include "engine/api/top.h"

#include "engine/api/rows.h"

static void put_number(struct buf *out, const char *name, uint64_t number)
{
	buf_printf(out, ",\"%s\":%llu", name, (unsigned long long)number);
}

static void put_engine(struct buf *out, const struct top_engine *e)
{
	buf_put_cstr(out, "{\"engine\":");
	json_put_string(out, e->name);
	buf_printf(out, ",\"works\":%s", e->works ? "true" : "false");
	put_number(out, "seconds_since_heartbeat", e->silent_seconds);
	put_number(out, "slices", e->slices);
	put_number(out, "connections", e->connections);
	put_number(out, "waiting", e->waiting);
	put_number(out, "in_flight", e->in_flight);
	put_number(out, "per_minute", e->per_minute);
	buf_put_byte(out, '}');
}

static void put_campaign(struct buf *out, const struct top_frame *f,
			 const struct top_campaign *c)
{
	char memory[700];
	struct buf waits;
	buf_init_fixed(&waits, memory, sizeof(memory));
	top_put_waits_for(f, c, &waits);
	buf_put_cstr(out, "{\"campaign\":");
	json_put_string(out, c->name);
	buf_put_cstr(out, ",\"state\":");
	json_put_string(out, c->state);
	buf_printf(out, ",\"fully_cut\":%s", c->fully_cut ? "true" : "false");
	put_number(out, "targeted", c->targeted);
	put_number(out, "ended", c->ended);
	put_number(out, "delivered", c->delivered);
	put_number(out, "deferred_now", c->deferred_now);
	buf_printf(out, ",\"deferred_now_is_least\":%s",
		   c->deferred_now > TOP_COUNT_LIMIT ? "true" : "false");
	put_number(out, "deferrals", c->deferrals);
	put_number(out, "failed", c->failed);
	put_number(out, "in_doubt", c->in_doubt);
	put_number(out, "waiting_for_winner", c->for_winner);
	if (c->per_minute >= 0)
		buf_printf(out, ",\"per_minute\":%.1f", c->per_minute);
	else
		buf_put_cstr(out, ",\"per_minute\":null");
	if (c->eta >= 0)
		buf_printf(out, ",\"eta_seconds\":%lld", (long long)(c->eta / USEC_SECOND));
	else
		buf_put_cstr(out, ",\"eta_seconds\":null");
	when_put_json(out, "next_at", c->next_wall);
	buf_put_cstr(out, ",\"waits_for\":");
	json_put_string(out, buf_str(&waits));
	buf_put_byte(out, '}');
}

static void put_provider(struct buf *out, const struct top_provider *v)
{
	buf_put_cstr(out, "{\"provider\":");
	json_put_string(out, v->name);
	put_number(out, "paths", v->paths);
	put_number(out, "waiting", v->waiting);
	put_number(out, "per_minute", v->per_minute);
	put_number(out, "delivered", v->delivered);
	put_number(out, "deferred", v->deferred);
	put_number(out, "failed", v->failed);
	put_number(out, "blocked", v->blocked);
	when_put_json(out, "throttled_at", v->throttled_wall);
	buf_put_byte(out, '}');
}

static void next_item(struct buf *out, size_t index)
{
	buf_put_cstr(out, index ? ",\n" : "\n");
}

void top_put_json(const struct top_frame *f, struct buf *out)
{
	buf_put_cstr(out, "{\"schema\":1");
	when_put_json(out, "at", f->wall);
	buf_put_cstr(out, ",\"engines\":[");
	for (size_t i = 0; i < f->engine_count; i++) {
		next_item(out, i);
		put_engine(out, &f->engines[i]);
	}
	buf_put_cstr(out, "],\"campaigns\":[");
	for (size_t i = 0; i < f->campaign_count; i++) {
		next_item(out, i);
		put_campaign(out, f, &f->campaigns[i]);
	}
	buf_put_cstr(out, "],\"providers\":[");
	for (size_t i = 0; i < f->provider_count; i++) {
		next_item(out, i);
		put_provider(out, &f->providers[i]);
	}
	buf_put_cstr(out, "],\"paths\":[");
	for (size_t i = 0; i < f->paths.count; i++) {
		next_item(out, i);
		path_put_json(out, &f->paths.items[i]);
	}
	buf_put_cstr(out, "]}\n");
}
