/* cmd_explain.c - `rundbrief explain DOMAIN|EMAIL`: which limits hold there, and whose word
 * each is. Asks DNS as an engine would, connects to nobody, needs no database. */
#include "engine/api/commands.h"

#include <stdio.h>

#include "engine/api/email.h"
#include "engine/api/explain.h"
#include "engine/api/settings.h"
#include "engine/api/units.h"
#include "engine/base/embedded.h"
#include "engine/mail/domain.h"
#include "engine/send/single.h"
#include "engine/shape/provider_file.h"

static void on_route(void *context, usec, const struct route_question *question)
{
	struct explain *e = context;
	e->answered = true;
	e->cause = question->cause;
	e->route = question->route;
	snprintf(e->domain, sizeof(e->domain), "%s", question->domain);
	snprintf(e->why, sizeof(e->why), "%s", question->why);
	e->is_fixed = question->fixed != NULL;
	if (question->fixed)
		e->fixed = *question->fixed;
}

/* 0: the file says nothing of it. */
static int line_of(const struct config *config, const char *section, str title, const char *key)
{
	for (const struct key_setting *s = config->settings; s; s = s->next) {
		if (strcmp(s->section->name, section) == 0 && str_eq(s->title, title) &&
		    strcmp(s->key->name, key) == 0)
			return s->line;
	}
	return 0;
}

static void name_key(const struct explain *e, struct explain_key *key, const char *section,
		     str title, const char *name)
{
	if (title.size > 0)
		snprintf(key->name, sizeof(key->name), "%s \"%.*s\".%s", section,
			 (int)(title.size > 80 ? 80 : title.size), title.data, name);
	else
		snprintf(key->name, sizeof(key->name), "%s.%s", section, name);
	key->line = line_of(&e->cli->config, section, title, name);
}

/* The configuration's section of the route that counts. */
static const struct config_route *section_of_route(const struct explain *e)
{
	const struct config *config = &e->cli->config;
	for (size_t i = 0; e->is_fixed && i < config->route_count; i++) {
		if (e->settings->route.static_routes[i].match == e->fixed.match &&
		    str_eq(e->settings->route.static_routes[i].name, e->fixed.name))
			return &config->routes[i];
	}
	return NULL;
}

/* Whose wish for TLS it is: see route_wish(). */
static void explain_tls(struct explain *e)
{
	const struct config_route *route = section_of_route(e);
	int relay = e->route.hosts[0].relay;
	enum tls_wish wish = e->settings->route.tls;
	if (e->is_fixed && e->fixed.has_tls && route) {
		wish = e->fixed.tls;
		name_key(e, &e->tls, "route", route->name, "tls");
	} else if (relay != ROUTE_NO_RELAY) {
		wish = e->settings->route.relays[relay].tls;
		name_key(e, &e->tls, "relay", e->settings->route.relays[relay].name, "tls");
	} else {
		name_key(e, &e->tls, "smtp", (str){}, "tls");
	}
	snprintf(e->tls.value, sizeof(e->tls.value), "%s", tls_wish_names[wish]);
}

static void explain_retry(struct explain *e)
{
	const struct retry_schedule *retry = &e->settings->retry;
	const struct {
		const char *key;
		usec wait; /* 0: a factor */
		double factor;
	} keys[EXPLAIN_RETRY_COUNT] = {
		{"first", retry->first, 0},
		{"growth", 0, retry->growth},
		{"jitter", 0, retry->jitter},
		{"last", retry->last, 0},
		{"greylist_first", retry->greylist_first, 0},
		{"expiry", retry->expiry, 0},
	};
	for (size_t i = 0; i < EXPLAIN_RETRY_COUNT; i++) {
		struct explain_key *key = &e->retry[i];
		struct buf value;
		buf_init_fixed(&value, key->value, sizeof(key->value) - 1);
		if (keys[i].wait)
			duration_format(&value, keys[i].wait);
		else
			buf_printf(&value, "%g", keys[i].factor);
		key->value[value.size] = '\0';
		name_key(e, key, "retry", (str){}, keys[i].key);
	}
}

static void explain_provider(struct explain *e)
{
	str hosts[ROUTE_HOST_LIMIT];
	for (size_t i = 0; i < e->route.host_count; i++)
		hosts[i] = str_of(e->route.hosts[i].name);
	e->has_match = e->route.provider[0] &&
		       rules_match(e->settings->rules, hosts, e->route.host_count, &e->match);
}

static int choose_target(struct cli *cli, const char *name, struct single *ask)
{
	char memory[DOMAIN_LIMIT + 1];
	struct buf domain;
	str key;
	if (strchr(name, '@')) {
		ask->to = str_of(name);
		return email_key_of(cli, name, &key);
	}
	ask->domain = str_of(name);
	buf_init_fixed(&domain, memory, sizeof(memory));
	return domain_to_ascii(&domain, ask->domain)
		       ? CLI_GO
		       : cli_fail(cli, EXIT_INVALID, "'%s' is neither a domain nor an address",
				  name);
}

static int show(struct explain *e)
{
	struct buf out;
	buf_init_arena(&out, e->cli->arena, 16384);
	if (e->cause == CAUSE_NONE) {
		explain_provider(e);
		explain_tls(e);
		explain_retry(e);
	}
	if (e->cli->format == OUTPUT_JSON)
		explain_put_json(e, &out);
	else if (e->cause == CAUSE_NONE)
		explain_put_text(e, &out);
	cli_write(buf_str(&out));
	if (e->cause == CAUSE_NONE)
		return EXIT_OK;
	return cli_fail(e->cli, EXIT_FAILED, "no mail goes to %s: %s (%s)", e->domain,
			e->why[0] ? e->why : "it has no route", local_cause_names[e->cause]);
}

static int explain_it(struct cli *cli, const struct engine_settings *settings, const char *name)
{
	struct explain *e = ARENA_NEW(cli->arena, struct explain);
	const struct single_watch watch = {.context = e, .on_route = on_route};
	struct single ask = {.task = SINGLE_ROUTE, .watch = &watch};
	struct single_result result;
	if (!e)
		return cli_fail(cli, EXIT_FAILED, "out of memory");
	*e = (struct explain){.cli = cli, .settings = settings, .asked = name};
	int code = choose_target(cli, name, &ask);
	if (code != CLI_GO)
		return code;
	if (single_run(settings, &ask, &result) != 0 || !e->answered)
		return cli_fail(cli, EXIT_FAILED, "%s", result.text);
	return show(e);
}

static int explain_run(struct cli *cli, int argc, char **argv)
{
	bool table = false;
	const struct cli_option options[] = {
		{"table", CLI_FLAG, &table, NULL,
		 "print the shipped table of providers: a pattern for providers_file"},
		{},
	};
	struct engine_settings settings;
	int code = cli_parse(cli, options, &argc, &argv, 0, 1);
	if (code == CLI_GO && table) {
		cli_write(embedded_find(PROVIDER_FILE_BUILT_IN));
		return EXIT_OK;
	}
	if (code == CLI_GO && argc == 0)
		code = cli_fail(cli, EXIT_USAGE, "for whom? rundbrief explain DOMAIN | EMAIL");
	if (code == CLI_GO)
		code = settings_open(cli, &settings);
	if (code != CLI_GO)
		return code;
	code = explain_it(cli, &settings, argv[0]);
	settings_close(&settings);
	return code;
}

const struct command command_explain = {
	.name = "explain",
	.synopsis = "DOMAIN | EMAIL\n--table",
	.summary = "Show which limits hold for a domain, and whose word each is",
	.manual =
		"Asks DNS for the mail hosts as an engine would, and connects to none of them. "
		"Of every\n"
		"limit it shows the value in force with the row that says so: of the shipped "
		"table (with its\n"
		"source and date), of your own (providers_file), or of rundbrief.conf; below "
		"it, after \"not\",\n"
		"the rows that it beats. A provider counts when every host has an ending of "
		"its row. What\n"
		"replies have taught a running engine comes on top of this.",
	.run = explain_run,
	.outputs = CLI_JSON,
};
