/* explain_text.c - an explanation for people: one limit a line, whose word it is, and below it
 * the words that it beats. */
#include "engine/api/explain.h"

#include "engine/api/rows.h"
#include "engine/api/trace.h"

#define LABEL_WIDTH 30
#define VALUE_WIDTH 12

static void pad(struct buf *out, size_t start, size_t width)
{
	while (buf_ok(out) && out->size - start < width)
		buf_put_byte(out, ' ');
}

static void put_label(struct buf *out, const char *label, const char *value)
{
	size_t start = out->size;
	buf_put_cstr(out, label);
	pad(out, start, LABEL_WIDTH);
	buf_put_cstr(out, value);
	pad(out, start, LABEL_WIDTH + VALUE_WIDTH);
	buf_put_cstr(out, "  ");
}

/* "FILE:LINE (SOURCE, DATE)" */
static void put_place(struct buf *out, const struct rule_place *place, uint32_t line)
{
	text_put_printable(out, place->file, 200);
	if (line > 0)
		buf_printf(out, ":%u", line);
	if (place->source.size == 0 && place->date.size == 0)
		return;
	buf_put_cstr(out, " (");
	text_put_printable(out, place->source, 200);
	if (place->source.size > 0 && place->date.size > 0)
		buf_put_cstr(out, ", ");
	text_put_printable(out, place->date, 20);
	buf_put_byte(out, ')');
}

/* ---- whose hosts these are ---- */

static void put_fixed(const struct explain *e, struct buf *out)
{
	static const char *const kinds[] = {[ROUTE_DOMAIN] = "",
					    [ROUTE_PROVIDER] = "provider:",
					    [ROUTE_LIST] = "list:",
					    [ROUTE_ALL] = "*"};
	if (!e->is_fixed)
		return;
	buf_printf(out, ", by route \"%s", kinds[e->fixed.match]);
	if (e->fixed.match != ROUTE_ALL)
		text_put_printable(out, e->fixed.name, 260);
	buf_put_byte(out, '"');
}

static void put_hosts(const struct explain *e, struct buf *out)
{
	const struct route *route = &e->route;
	bool relays = route->hosts[0].relay != ROUTE_NO_RELAY;
	struct rule_match match;
	text_put_printable(out, str_of(e->domain), 260);
	buf_printf(out, ": %zu %s%s", route->host_count, relays ? "relay" : "mail host",
		   route->host_count == 1 ? "" : "s");
	put_fixed(e, out);
	buf_put_byte(out, '\n');
	for (size_t i = 0; i < route->host_count; i++) {
		size_t start = out->size;
		buf_printf(out, "%5u ", route->hosts[i].preference);
		text_put_printable(out, str_of(route->hosts[i].name), 260);
		pad(out, start, LABEL_WIDTH + VALUE_WIDTH);
		if (!explain_host(e, i, &match)) {
			buf_put_cstr(out, "  no row has an ending of it\n");
			continue;
		}
		buf_put_cstr(out, "  .");
		buf_put(out, match.suffix);
		buf_put_cstr(out, " of ");
		text_put_printable(out, match.name, 40);
		buf_put_byte(out, '\n');
	}
}

static void put_provider(const struct explain *e, struct buf *out)
{
	struct rule_match match;
	bool any = false;
	if (e->has_match) {
		put_label(out, "provider", e->route.provider);
		put_place(out, &e->match.place, e->match.place.line);
		buf_put_byte(out, '\n');
		return;
	}
	for (size_t i = 0; i < e->route.host_count; i++)
		any |= explain_host(e, i, &match);
	put_label(out, "provider", "none");
	buf_put_cstr(out, any ? "not every host has an ending of the same row\n"
			      : "no host has an ending of any row\n");
}

static void put_head(const struct explain *e, struct buf *out)
{
	put_hosts(e, out);
	put_provider(e, out);
	size_t start = out->size;
	buf_put_cstr(out, "site");
	pad(out, start, LABEL_WIDTH);
	text_put_printable(out, str_of(e->route.site), 130);
	buf_put_cstr(out, "\n\nLimits that a path (one source to this ");
	buf_put_cstr(out, rules_shared(e->settings->rules, str_of(e->route.provider))
				  ? "provider: all its sites together"
				  : "site");
	buf_put_cstr(out, ") begins with:\n");
}

/* ---- limits ---- */

static void put_word(struct buf *out, const char *label, const struct explain_limit *limit,
		     const struct rule_word *word, bool beaten)
{
	char value[EXPLAIN_VALUE_SIZE], shown[EXPLAIN_VALUE_SIZE + 8];
	struct buf b;
	explain_value(limit, &word->limits, value);
	buf_init_fixed(&b, shown, sizeof(shown) - 1);
	buf_printf(&b, "%s%s", beaten ? "not " : "", value);
	shown[b.size] = '\0';
	put_label(out, label, shown);
	text_put_printable(out, word->name, 130);
	buf_put_cstr(out, ", ");
	put_place(out, &word->place, word->line);
	buf_put_byte(out, '\n');
}

static void put_limit(const struct explain *e, const struct explain_limit *limit,
		      struct buf *out)
{
	struct rule_word words[EXPLAIN_WORDS_LIMIT];
	size_t count = explain_words(e, limit, words);
	const char *label = limit->label;
	for (; count > 0; count--) {
		put_word(out, label, limit, &words[count - 1], label[0] == '\0');
		label = "";
	}
}

static void put_key(const struct explain *e, const char *label, const struct explain_key *key,
		    struct buf *out)
{
	put_label(out, label, key->value);
	text_put_printable(out, str_of(key->name), 120);
	if (key->line > 0) {
		buf_put_cstr(out, ", ");
		text_put_printable(out, e->cli->config.path, 200);
		buf_printf(out, ":%d", key->line);
	} else {
		buf_put_cstr(out, ", its default");
	}
	buf_put_byte(out, '\n');
}

/* The need of the first host stands for all that are alike; the others say what is theirs. */
static void put_tls(const struct explain *e, struct buf *out)
{
	const struct route *route = &e->route;
	put_key(e, "TLS as wished", &e->tls, out);
	for (size_t i = 0; i < route->host_count; i++) {
		if (i > 0 && route->hosts[i].tls.kind == route->hosts[0].tls.kind)
			continue;
		put_label(out, "", "so that");
		text_put_printable(out, str_of(route->hosts[i].name), 260);
		buf_printf(out, " needs: %s", trace_need_sentence(route->hosts[i].tls.kind));
		if (route->policy != TLS_POLICY_NONE)
			buf_printf(out, " (policy: %s)", tls_policy_type_names[route->policy]);
		buf_put_byte(out, '\n');
	}
}

void explain_put_text(const struct explain *e, struct buf *out)
{
	static const char *const labels[EXPLAIN_RETRY_COUNT] = {
		"first retry after", "each wait longer by", "varied by",
		"waits at most",     "after greylisting",   "given up after"};
	put_head(e, out);
	for (const struct explain_limit *l = explain_limits; l->name; l++)
		put_limit(e, l, out);
	explain_put_wide_text(e, out);
	put_tls(e, out);
	for (size_t i = 0; i < EXPLAIN_RETRY_COUNT; i++)
		put_key(e, labels[i], &e->retry[i], out);
}
