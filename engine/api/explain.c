/* explain.c - limits by name, and their values as people write them: for both forms. */
#include "engine/api/explain.h"

#include "engine/api/units.h"
#include "engine/base/assert.h"

const struct explain_limit explain_limits[] = {
	{"connections", "connections at once", RULES_CONNECTIONS},
	{"connection_rate", "connections opened", RULES_CONNECTION_RATE},
	{"messages_per_connection", "messages a connection", RULES_MESSAGES_PER_CONNECTION},
	{"message_rate", "messages", RULES_MESSAGE_RATE},
	{"byte_rate", "volume", RULES_BYTE_RATE},
	{"idle_close", "idle connections close after", RULES_IDLE_CLOSE},
	{"flight", "under way at once", RULES_FLIGHT},
	{"flight_limit", "learning reaches", RULES_FLIGHT_LIMIT},
	{"window", "whole messages under way", RULES_WINDOW},
	{"scope", "shared by", RULES_SCOPE},
	{"tls", "TLS at least", RULES_TLS},
	{NULL, NULL, 0},
};

bool explain_host(const struct explain *e, size_t host_index, struct rule_match *ret_match)
{
	const str name = str_of(e->route.hosts[host_index].name);
	return rules_match(e->settings->rules, &name, 1, ret_match);
}

size_t explain_words(const struct explain *e, const struct explain_limit *limit,
		     struct rule_word *words)
{
	size_t count =
		rules_words(e->settings->rules, str_of(e->route.provider),
			    str_of(e->route.site), limit->which, words, EXPLAIN_WORDS_LIMIT);
	return count < EXPLAIN_WORDS_LIMIT ? count : EXPLAIN_WORDS_LIMIT;
}

static void put_value(struct buf *out, enum rules_own which, const struct path_limits *limits)
{
	const struct habit_rule *habits = &limits->habits;
	switch (which) {
	case RULES_CONNECTIONS:
		buf_put_u64(out, limits->connections);
		return;
	case RULES_MESSAGES_PER_CONNECTION:
		if (limits->messages_per_connection == 0)
			buf_put_cstr(out, "unlimited");
		else
			buf_put_u64(out, limits->messages_per_connection);
		return;
	case RULES_MESSAGE_RATE:
		rate_format(out, &limits->message_rate, false);
		return;
	case RULES_CONNECTION_RATE:
		rate_format(out, &limits->connection_rate, false);
		return;
	case RULES_BYTE_RATE:
		rate_format(out, &limits->byte_rate, true);
		return;
	case RULES_IDLE_CLOSE:
		duration_format(out, limits->idle_close);
		return;
	case RULES_FLIGHT:
		buf_put_cstr(out, habits->pinned ? smtp_flight_names[habits->flight] : "learn");
		return;
	case RULES_FLIGHT_LIMIT:
		buf_put_cstr(out, smtp_flight_names[habits->limit]);
		return;
	case RULES_WINDOW:
		buf_put_u64(out, habits->window);
		return;
	case RULES_SCOPE:
		buf_put_cstr(out, limits->shared ? "provider" : "site");
		return;
	case RULES_TLS:
		buf_put_cstr(out, path_tls_names[limits->tls]);
		return;
	case RULES_ALL:
		break;
	}
	UNREACHABLE();
}

void explain_value(const struct explain_limit *limit, const struct path_limits *limits,
		   char value[EXPLAIN_VALUE_SIZE])
{
	struct buf out;
	buf_init_fixed(&out, value, EXPLAIN_VALUE_SIZE - 1);
	put_value(&out, (enum rules_own)limit->which, limits);
	value[out.size] = '\0';
}
