/* plan_hold.c - the limit that binds, as a person set it: name, value, line. */
#include "engine/api/plan.h"

#include "engine/shape/rules.h"

static void put_rate(struct buf *out, const struct rate *rate)
{
	static const struct {
		usec per;
		const char *unit;
	} units[] = {
		{USEC_SECOND, "s"}, {USEC_MINUTE, "min"}, {USEC_HOUR, "h"}, {USEC_DAY, "d"}};
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (rate->per != units[i].per)
			continue;
		buf_printf(out, " %u/%s", rate->count, units[i].unit);
		return;
	}
	buf_printf(out, " %.1f/s",
		   (double)rate->count * (double)USEC_SECOND / (double)rate->per);
}

void plan_put_hold(const struct plan *p, size_t flow, struct buf *out)
{
	const struct forecast_flow *f = &p->forecast.flows[flow];
	const struct path_limits *limits = &f->limits;
	buf_put_cstr(out, forecast_hold_names[f->hold]);
	switch (f->hold) {
	case HOLD_MESSAGE_RATE:
		put_rate(out, &limits->message_rate);
		return;
	case HOLD_BYTE_RATE:
		buf_printf(out, " of %.0f bytes/s",
			   (double)limits->byte_rate.count * (double)USEC_SECOND /
				   (double)limits->byte_rate.per);
		return;
	case HOLD_CONNECTION_RATE:
		put_rate(out, &limits->connection_rate);
		return;
	case HOLD_CONNECTIONS:
		buf_printf(out, " %u", limits->connections);
		return;
	case HOLD_MESSAGES_PER_CONNECTION:
		buf_printf(out, " %u", limits->messages_per_connection);
		return;
	case HOLD_ENGINE_CONNECTIONS:
		buf_printf(out, " %u", p->forecast.connection_limit);
		return;
	case HOLD_ENGINE_RATE:
		buf_printf(out, ", about %u/s", p->forecast.engine_rate);
		return;
	case HOLD_CAMPAIGN_RATE:
		put_rate(out, &p->forecast.campaign_rate);
		return;
	case HOLD_NONE:
	case HOLD_SUSPENDED:
	case HOLD_COUNT:
		return;
	}
}

static const char *key_of(enum forecast_hold hold)
{
	static const char *const keys[HOLD_COUNT] = {
		[HOLD_MESSAGE_RATE] = "message_rate",
		[HOLD_BYTE_RATE] = "byte_rate",
		[HOLD_CONNECTIONS] = "connections",
		[HOLD_CONNECTION_RATE] = "connection_rate",
		[HOLD_MESSAGES_PER_CONNECTION] = "messages_per_connection",
		[HOLD_ENGINE_CONNECTIONS] = "connections",
	};
	return keys[hold];
}

static bool same_limit(enum forecast_hold hold, const struct path_limits *a,
		       const struct path_limits *b)
{
	switch (hold) {
	case HOLD_MESSAGE_RATE:
		return a->message_rate.count == b->message_rate.count &&
		       a->message_rate.per == b->message_rate.per;
	case HOLD_BYTE_RATE:
		return a->byte_rate.count == b->byte_rate.count &&
		       a->byte_rate.per == b->byte_rate.per;
	case HOLD_CONNECTION_RATE:
		return a->connection_rate.count == b->connection_rate.count &&
		       a->connection_rate.per == b->connection_rate.per;
	case HOLD_CONNECTIONS:
		return a->connections == b->connections;
	default:
		return a->messages_per_connection == b->messages_per_connection;
	}
}

static const struct key_setting *setting_of(const struct config *config, const char *section,
					    str title, const char *key)
{
	const struct key_setting *s = config->settings;
	for (; s; s = s->next)
		if (str_eq(str_of(s->section->name), str_of(section)) &&
		    str_eq(s->title.data ? s->title : STR(""), title) &&
		    str_eq(str_of(s->key->name), str_of(key)))
			return s;
	return NULL;
}

static void put_line(const struct config *config, const struct key_setting *setting,
		     struct buf *out)
{
	str file = config->path;
	file = str_from(file, str_rfind_byte(file, '/') + 1);
	buf_printf(out, "%.*s:%d", STR_FORMAT(file), setting->line);
}

/* A provider's own word comes last; what it does not say is the default's. */
void plan_put_where(const struct plan *p, size_t flow, const struct config *config,
		    const struct rules *rules, struct buf *out)
{
	enum forecast_hold hold = p->forecast.flows[flow].hold;
	const char *key = key_of(hold);
	str provider = p->flows[flow].provider;
	const struct key_setting *setting = NULL;
	if (!key)
		return;
	if (hold == HOLD_ENGINE_CONNECTIONS) {
		setting = setting_of(config, "engine", STR(""), key);
	} else {
		const struct path_limits general = rules_limits(rules, STR(""), STR(""));
		if (provider.size > 0)
			setting = setting_of(config, "provider", provider, key);
		if (!setting && same_limit(hold, &general, &p->forecast.flows[flow].limits))
			setting = setting_of(config, "default_limits", STR(""), key);
	}
	if (setting)
		put_line(config, setting, out);
	else
		buf_put_cstr(out, "built in");
}
