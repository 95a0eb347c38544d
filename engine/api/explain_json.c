/* explain_json.c - an explanation for programs: one object. */
#include "engine/api/explain.h"

#include "engine/api/rows.h"
#include "engine/api/trace.h"

static void put_member(struct buf *out, const char *name, str text)
{
	buf_printf(out, ",\"%s\":", name);
	json_put_string(out, text);
}

static void put_place(struct buf *out, const struct rule_place *place, uint32_t line)
{
	static const char *const origins[] = {[RULE_BUILT_IN] = "built-in",
					      [RULE_FILE] = "file",
					      [RULE_SETTINGS] = "configuration"};
	buf_printf(out, "\"origin\":\"%s\"", origins[place->origin]);
	put_member(out, "file", place->file);
	buf_printf(out, ",\"line\":%u", line);
	put_member(out, "source", place->source);
	put_member(out, "date", place->date);
}

static void put_host(const struct explain *e, size_t i, struct buf *out)
{
	const struct route_host *host = &e->route.hosts[i];
	struct rule_match match;
	buf_printf(out, "{\"preference\":%u", host->preference);
	put_member(out, "name", str_of(host->name));
	put_member(out, "tls_need", str_of(trace_need_name(host->tls.kind)));
	if (explain_host(e, i, &match)) {
		put_member(out, "provider", match.name);
		put_member(out, "suffix", match.suffix);
	}
	buf_put_byte(out, '}');
}

static void put_word(struct buf *out, const struct explain_limit *limit,
		     const struct rule_word *word)
{
	char value[EXPLAIN_VALUE_SIZE];
	explain_value(limit, &word->limits, value);
	buf_put_cstr(out, "{\"value\":");
	json_put_string(out, str_of(value));
	put_member(out, "row", word->name);
	buf_put_byte(out, ',');
	put_place(out, &word->place, word->line);
}

static void put_limit(const struct explain *e, const struct explain_limit *limit,
		      struct buf *out)
{
	struct rule_word words[EXPLAIN_WORDS_LIMIT];
	size_t count = explain_words(e, limit, words);
	buf_printf(out, "\n\"%s\":", limit->name);
	if (count == 0) {
		buf_put_cstr(out, "null");
		return;
	}
	put_word(out, limit, &words[count - 1]);
	buf_put_cstr(out, ",\"beats\":[");
	for (size_t i = count - 1; i > 0; i--) {
		buf_put_cstr(out, i < count - 1 ? "," : "");
		put_word(out, limit, &words[i - 1]);
		buf_put_byte(out, '}');
	}
	buf_put_cstr(out, "]}");
}

static void put_key(const struct explain *e, const struct explain_key *key, struct buf *out)
{
	buf_put_cstr(out, "{\"key\":");
	json_put_string(out, str_of(key->name));
	put_member(out, "value", str_of(key->value));
	if (key->line > 0) {
		put_member(out, "file", e->cli->config.path);
		buf_printf(out, ",\"line\":%d", key->line);
	}
	buf_put_byte(out, '}');
}

static void put_route(const struct explain *e, struct buf *out)
{
	buf_put_cstr(out, "{\"asked\":");
	json_put_string(out, str_of(e->asked));
	put_member(out, "domain", str_of(e->domain));
	if (e->cause != CAUSE_NONE) {
		put_member(out, "cause", str_of(local_cause_names[e->cause]));
		put_member(out, "why", str_of(e->why));
		return;
	}
	put_member(out, "site", str_of(e->route.site));
	buf_put_cstr(out, ",\"hosts\":[");
	for (size_t i = 0; i < e->route.host_count; i++) {
		buf_put_cstr(out, i > 0 ? ",\n" : "\n");
		put_host(e, i, out);
	}
	buf_put_cstr(out, "],\n\"provider\":");
	if (!e->has_match) {
		buf_put_cstr(out, "null");
		return;
	}
	buf_put_cstr(out, "{\"name\":");
	json_put_string(out, str_of(e->route.provider));
	put_member(out, "suffix", e->match.suffix);
	buf_put_byte(out, ',');
	put_place(out, &e->match.place, e->match.place.line);
	buf_put_byte(out, '}');
}

void explain_put_json(const struct explain *e, struct buf *out)
{
	put_route(e, out);
	if (e->cause == CAUSE_NONE) {
		buf_put_cstr(out, ",\n\"limits\":{");
		for (const struct explain_limit *l = explain_limits; l->name; l++) {
			buf_put_cstr(out, l != explain_limits ? "," : "");
			put_limit(e, l, out);
		}
		buf_put_cstr(out, "},\n\"wide_limits\":[");
		explain_put_wide_json(e, out);
		buf_put_cstr(out, "],\n\"tls_wish\":");
		put_key(e, &e->tls, out);
		buf_put_cstr(out, ",\n\"retry\":[");
		for (size_t i = 0; i < EXPLAIN_RETRY_COUNT; i++) {
			buf_put_cstr(out, i > 0 ? ",\n" : "\n");
			put_key(e, &e->retry[i], out);
		}
		buf_put_byte(out, ']');
	}
	buf_put_cstr(out, "}\n");
}
