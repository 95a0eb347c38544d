/* cmd_trace.c - `rundbrief trace DOMAIN|EMAIL`: the dialogue with a mail host, as an engine
 * would have it, shown line by line. Nothing is sent, and no database is needed. */
#include "engine/api/commands.h"

#include <stdio.h>

#include "engine/api/email.h"
#include "engine/api/settings.h"
#include "engine/api/trace.h"
#include "engine/mail/domain.h"
#include "engine/sign/mac.h"

struct trace_options {
	const char *source, *host, *tls;
	bool all;
};

static int choose_source(struct cli *cli, const struct engine_settings *settings,
			 const char *name, struct single *ask)
{
	const char *names[64];
	size_t count = 0;
	for (size_t i = 0; name && i < settings->source_count; i++) {
		const struct source *source = &settings->sources[i];
		if (strcmp(source->name, name) == 0)
			ask->source = source;
		if (count < sizeof(names) / sizeof(names[0]))
			names[count++] = source->name;
	}
	return !name || ask->source ? CLI_GO
				    : cli_fail_unknown(cli, "source", name, names, count);
}

static int choose_tls(struct cli *cli, const char *name, struct single *ask)
{
	for (size_t i = 0; name && i < TLS_WISH_COUNT; i++) {
		if (strcmp(tls_wish_names[i], name) != 0)
			continue;
		ask->has_tls = true;
		ask->tls = (enum tls_wish)i;
	}
	return !name || ask->has_tls ? CLI_GO
				     : cli_fail_unknown(cli, "wish for TLS", name,
							tls_wish_names, TLS_WISH_COUNT);
}

static int choose_target(struct cli *cli, const char *name, struct single *ask)
{
	char memory[DOMAIN_LIMIT + 1];
	struct buf domain;
	str key;
	ask->to = ask->domain = (str){};
	if (strchr(name, '@')) {
		ask->task = SINGLE_PROBE;
		ask->to = str_of(name);
		return email_key_of(cli, name, &key);
	}
	ask->task = SINGLE_GREET;
	ask->domain = str_of(name);
	buf_init_fixed(&domain, memory, sizeof(memory));
	return domain_to_ascii(&domain, ask->domain)
		       ? CLI_GO
		       : cli_fail(cli, EXIT_INVALID, "'%s' is neither a domain nor an address",
				  name);
}

/* A return address of the kind that campaigns have, of no campaign: some servers look whether
 * it exists before they say anything about the recipient. */
static int choose_return_path(struct cli *cli, const struct engine_settings *settings,
			      struct single *ask)
{
	const struct token token = {.tenant = settings->store.tenant};
	uint8_t mac[TOKEN_MAC_SIZE];
	char why[200];
	struct mac_keys *keys = mac_keys_create(settings->secret, why);
	struct buf out;
	if (!keys)
		return cli_fail(cli, EXIT_FAILED, "%s", why);
	mac_of(keys, mac_keys_newest(keys), &token, mac);
	mac_keys_destroy(keys);
	buf_init_arena(&out, cli->arena, 256);
	buf_put_cstr(&out, "b-");
	token_encode(&out, &token, TOKEN_BOUNCE, mac);
	buf_put_byte(&out, '@');
	buf_put(&out, settings->return_domain);
	ask->mail_from = buf_str(&out);
	return CLI_GO;
}

static int trace_it(struct cli *cli, const struct engine_settings *settings, struct single *ask)
{
	struct trace trace = {.cli = cli, .settings = settings, .ask = ask};
	struct single_result result;
	bool json = cli->format == OUTPUT_JSON;
	trace.classifier = classifier_create(cli->arena);
	if (!trace.classifier)
		return cli_fail(cli, EXIT_FAILED, "out of memory");
	const struct single_watch watch =
		json ? trace_watch_json(&trace) : trace_watch_text(&trace);
	ask->watch = &watch;
	if (json)
		trace_json_begin(&trace);
	else if (ask->task == SINGLE_PROBE)
		cli_write(STR("Asks whether the address would be taken; nothing is sent.\n"));
	if (single_run(settings, ask, &result) != 0)
		return cli_fail(cli, EXIT_FAILED, "%s", result.text);
	if (json)
		trace_json_end(&trace, &result);
	return result.through
		       ? EXIT_OK
		       : cli_fail(cli, EXIT_FAILED, "the session did not come to its end: %s",
				  result.text);
}

static int trace_run(struct cli *cli, int argc, char **argv)
{
	struct trace_options o = {};
	const struct cli_option options[] = {
		{"source", CLI_TEXT, &o.source, "NAME", "leave from this source"},
		{"host", CLI_TEXT, &o.host, "MX", "ask this one of the mail hosts"},
		{"tls", CLI_TEXT, &o.tls, "WISH",
		 "none, may, encrypt, verify, sts or dane instead of the configured"},
		{"all", CLI_FLAG, &o.all, NULL, "ask every mail host in turn"},
		{},
	};
	struct engine_settings settings;
	struct single ask = {};
	int code = cli_parse(cli, options, &argc, &argv, 1, 1);
	if (code == CLI_GO)
		code = settings_open(cli, &settings);
	if (code != CLI_GO)
		return code;
	ask.host = str_of(o.host);
	ask.every_host = o.all;
	code = choose_target(cli, argv[0], &ask);
	if (code == CLI_GO)
		code = choose_source(cli, &settings, o.source, &ask);
	if (code == CLI_GO)
		code = choose_tls(cli, o.tls, &ask);
	if (code == CLI_GO)
		code = choose_return_path(cli, &settings, &ask);
	if (code == CLI_GO)
		code = trace_it(cli, &settings, &ask);
	settings_close(&settings);
	return code;
}

const struct command command_trace = {
	.name = "trace",
	.synopsis = "DOMAIN | EMAIL",
	.summary = "Show the dialogue with a mail host, as an engine would have it",
	.manual =
		"Takes the way of a campaign's mail: route, source, TLS, login at a relay. Of "
		"a "
		"DOMAIN it\n"
		"hears what the host offers; of an EMAIL it asks by MAIL and RCPT whether it "
		"would be taken,\n"
		"and takes that back: nothing is sent. Passwords and what proves them are not "
		"shown. Ends\n"
		"with 0 when the session went through to its end, whatever was answered; "
		"`rundbrief hosts\n"
		"NAME` tells what engines have learned about a host.",
	.run = trace_run,
	.outputs = CLI_JSON,
};
