/* explain_wide.c - which limits wider than a path may hold for mail to a domain. Which source a
 * message will leave by, and of which campaign it is, only an engine knows: what a limit asks
 * of them is told with it. */
#include "engine/api/explain.h"

#include <stdio.h>

#include "engine/api/rows.h"
#include "engine/api/units.h"

#define LABEL_WIDTH 30
#define VALUE_WIDTH 12

static bool fits(str wanted, const char *value)
{
	return wanted.size == 0 || str_eq_nocase(wanted, str_of(value));
}

static bool holds(const struct explain *e, const struct limit_rule *rule)
{
	return fits(rule->provider, e->route.provider) && fits(rule->site, e->route.site);
}

/* The key's value; empty: it sets no limit. */
static void put_value(const struct limit_rule *rule, size_t key, struct buf *out)
{
	const struct quota_limits *limits = &rule->limits;
	const struct rate *rates[] = {&limits->message_rate, &limits->byte_rate,
				      &limits->connection_rate};
	if (key < 3 && rates[key]->count > 0)
		rate_format(out, rates[key], key == 1);
	else if (key == 3 && limits->connections > 0)
		buf_printf(out, "%u", limits->connections);
}

static const struct {
	const char *name, *label;
} keys[] = {{"message_rate", "messages"},
	    {"byte_rate", "bytes"},
	    {"connection_rate", "new connections"},
	    {"connections", "connections"}};
#define KEY_COUNT_OF_LIMIT (sizeof(keys) / sizeof(keys[0]))

static int line_of(const struct explain *e, str name)
{
	int line = 0;
	for (const struct key_setting *s = e->cli->config.settings; s; s = s->next)
		if (strcmp(s->section->name, "limit") == 0 && str_eq(s->title, name))
			line = s->line; /* newest first: the section's first key is the last */
	return line;
}

static void put_only(const struct limit_rule *rule, struct buf *out)
{
	const struct {
		const char *what;
		str value;
	} only[] = {
		{"source", rule->source}, {"campaign", rule->campaign}, {"list", rule->list}};
	for (size_t i = 0; i < sizeof(only) / sizeof(only[0]); i++) {
		if (only[i].value.size == 0)
			continue;
		buf_printf(out, ", of %s ", only[i].what);
		text_put_printable(out, only[i].value, 80);
	}
}

static void pad(struct buf *out, size_t start, size_t width)
{
	while (buf_ok(out) && out->size - start < width)
		buf_put_byte(out, ' ');
}

static void put_line(const struct explain *e, const struct limit_rule *rule, size_t key,
		     struct buf *out)
{
	size_t start = out->size;
	buf_printf(out, "%s in all", keys[key].label);
	pad(out, start, LABEL_WIDTH);
	put_value(rule, key, out);
	pad(out, start, LABEL_WIDTH + VALUE_WIDTH);
	buf_put_cstr(out, "  limit \"");
	text_put_printable(out, rule->name, 60);
	buf_put_byte(out, '"');
	put_only(rule, out);
	buf_put_cstr(out, ", ");
	text_put_printable(out, e->cli->config.path, 200);
	buf_printf(out, ":%d\n", line_of(e, rule->name));
}

static bool is_set(const struct limit_rule *rule, size_t key)
{
	char memory[EXPLAIN_VALUE_SIZE];
	struct buf b;
	buf_init_fixed(&b, memory, sizeof(memory));
	put_value(rule, key, &b);
	return b.size > 0;
}

void explain_put_wide_text(const struct explain *e, struct buf *out)
{
	for (size_t i = 0; i < e->settings->limit_rule_count; i++) {
		const struct limit_rule *rule = &e->settings->limit_rules[i];
		for (size_t key = 0; holds(e, rule) && key < KEY_COUNT_OF_LIMIT; key++)
			if (is_set(rule, key))
				put_line(e, rule, key, out);
	}
}

static void put_json(const struct explain *e, const struct limit_rule *rule, struct buf *out)
{
	const struct {
		const char *name;
		str value;
	} only[] = {
		{"source", rule->source}, {"campaign", rule->campaign}, {"list", rule->list}};
	buf_put_cstr(out, "{\"name\":");
	json_put_string(out, rule->name);
	for (size_t i = 0; i < sizeof(only) / sizeof(only[0]); i++) {
		if (only[i].value.size == 0)
			continue;
		buf_printf(out, ",\"%s\":", only[i].name);
		json_put_string(out, only[i].value);
	}
	for (size_t key = 0; key < KEY_COUNT_OF_LIMIT; key++) {
		if (!is_set(rule, key))
			continue;
		buf_printf(out, ",\"%s\":%s", keys[key].name, key < 3 ? "\"" : "");
		put_value(rule, key, out);
		buf_put_cstr(out, key < 3 ? "\"" : "");
	}
	buf_put_cstr(out, ",\"file\":");
	json_put_string(out, e->cli->config.path);
	buf_printf(out, ",\"line\":%d}", line_of(e, rule->name));
}

void explain_put_wide_json(const struct explain *e, struct buf *out)
{
	bool first = true;
	for (size_t i = 0; i < e->settings->limit_rule_count; i++) {
		const struct limit_rule *rule = &e->settings->limit_rules[i];
		if (!holds(e, rule))
			continue;
		buf_put_cstr(out, first ? "\n" : ",\n");
		put_json(e, rule, out);
		first = false;
	}
}
