/* settings.c - see settings.h. */
#include "engine/api/settings.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/api/settings_parts.h"
#include "engine/sign/mac.h"

#define KEY_FILE_LIMIT (64u << 10)
#define CERTIFICATES_LIMIT (16u << 20) /* the system's bundle has a quarter of a megabyte */

static int out_of_memory(struct cli *cli)
{
	return cli_fail(cli, EXIT_FAILED, "out of memory");
}

int settings_secret(struct cli *cli, str *ret_secret)
{
	str path = cli->config.sending.secret, secret;
	char why[300];
	if (path.size == 0)
		return cli_fail(
			cli, EXIT_USAGE,
			"sending.secret is not set: name a file there, `rundbrief init` then "
			"writes it");
	if (file_read(path.data, KEY_FILE_LIMIT, cli->arena, &secret, why, sizeof(why)) != 0)
		return cli_fail(cli, EXIT_USAGE, "%s (`rundbrief init` writes the secret)",
				why);
	struct mac_keys *keys = mac_keys_create(secret, why);
	if (!keys)
		return cli_fail(cli, EXIT_USAGE, "%s: %s", path.data, why);
	mac_keys_destroy(keys);
	*ret_secret = str_trim(secret);
	return CLI_GO;
}

static int open_key(struct cli *cli, const struct config_dkim *dkim, struct dkim_key **ret_key)
{
	char why[300];
	str pem;
	if (!dkim->domain.size || !dkim->selector.size || !dkim->key.size)
		return cli_fail(cli, EXIT_USAGE,
				"dkim \"%s\": domain, selector and key must be set",
				dkim->name.data);
	if (file_read(dkim->key.data, KEY_FILE_LIMIT, cli->arena, &pem, why, sizeof(why)) != 0)
		return cli_fail(cli, EXIT_USAGE,
				"dkim \"%s\": %s (`rundbrief dkim keygen` makes a key)",
				dkim->name.data, why);
	*ret_key = dkim_key_create(pem, dkim->domain, dkim->selector, why, sizeof(why));
	if (*ret_key)
		return CLI_GO;
	return cli_fail(cli, EXIT_USAGE, "dkim \"%s\": %s: %s", dkim->name.data, dkim->key.data,
			why);
}

int settings_dkim_keys(struct cli *cli, struct dkim_key ***ret_keys, size_t *ret_count)
{
	size_t count = cli->config.dkim_count, opened = 0;
	struct dkim_key **keys = ARENA_ARRAY(cli->arena, struct dkim_key *, count + 1);
	int code = CLI_GO;
	if (!keys)
		return out_of_memory(cli);
	if (count > DKIM_KEY_LIMIT)
		return cli_fail(cli, EXIT_USAGE,
				"%zu dkim sections; at most %d signatures a message", count,
				DKIM_KEY_LIMIT);
	for (; opened < count && code == CLI_GO; opened += code == CLI_GO)
		code = open_key(cli, &cli->config.dkims[opened], &keys[opened]);
	if (code == CLI_GO) {
		*ret_keys = keys;
		*ret_count = count;
		return CLI_GO;
	}
	while (opened > 0)
		dkim_key_destroy(keys[--opened]);
	return code;
}

/* With its parents: the first run on a machine has none of them. */
int settings_make_journal(struct cli *cli, const struct engine_settings *settings)
{
	const char *path = settings->journal_directory;
	char part[4096];
	size_t size = strlen(path);
	if (size == 0 || size >= sizeof(part))
		return cli_fail(cli, EXIT_USAGE,
				"engine.journal: the path is empty or too long");
	for (size_t i = 1; i <= size; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return cli_fail(cli, EXIT_USAGE, "engine.journal: %s: %s", part,
					strerror(errno));
	}
	return CLI_GO;
}

static const char *text_or_null(str text)
{
	return text.size ? text.data : NULL;
}

struct smtp_timeouts settings_timeouts(const struct config *config)
{
	struct smtp_timeouts timeouts = smtp_timeouts_default;
	timeouts.greeting = config->smtp.greeting_timeout;
	timeouts.ehlo = config->smtp.command_timeout;
	timeouts.mail = config->smtp.command_timeout;
	timeouts.rcpt = config->smtp.command_timeout;
	timeouts.data = config->smtp.data_timeout;
	timeouts.block = config->smtp.block_timeout;
	timeouts.end = config->smtp.end_timeout;
	return timeouts;
}

struct retry_schedule settings_retry(const struct config *config)
{
	struct retry_schedule retry = {
		.first = config->retry.first,
		.last = config->retry.last,
		.greylist_first = config->retry.greylist_first,
		.expiry = config->retry.expiry,
		.growth = config->retry.growth,
		.jitter = config->retry.jitter,
	};
	for (size_t i = 0; i < config->retry_class_count; i++) {
		const struct config_retry_class *of = &config->retry_classes[i];
		retry.of_class[config_retry_class(of->name)] =
			(struct retry_pace){of->first, of->last};
	}
	return retry;
}

static void fill_protocol(const struct config *config, struct engine_settings *s)
{
	s->dns = (struct resolver_config){
		.server = config->dns.server,
		.port = (uint16_t)config->dns.port,
		.timeout = config->dns.timeout,
		.tries = (uint32_t)config->dns.tries,
		.no_ipv6 = !config->dns.ipv6,
		.trust_ad = config->dns.trust_ad,
	};
	s->timeouts = settings_timeouts(config);
	s->ca_file = text_or_null(config->smtp.ca_file);
	s->certificate_file = text_or_null(config->smtp.certificate);
	s->key_file = text_or_null(config->smtp.certificate_key);
	s->tls_1_3_only = config->smtp.tls_minimum == TLS_MINIMUM_1_3;
	s->ask_dsn = config->smtp.dsn;
	s->congestion = text_or_null(config->smtp.congestion);
}

/* A kernel may have it as a module that it does not load for everybody. */
static int check_congestion(struct cli *cli)
{
	str name = cli->config.smtp.congestion;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), result = 0;
	if (fd >= 0 && name.size > 0)
		result = setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name.data,
				    (socklen_t)name.size);
	int error = errno;
	if (fd >= 0)
		close(fd);
	if (result == 0)
		return CLI_GO;
	return cli_fail(cli, EXIT_USAGE,
			"smtp.congestion: %s: %s. `sysctl "
			"net.ipv4.tcp_allowed_congestion_control` lists those that may be "
			"used; empty is the system's",
			name.data, strerror(error));
}

/* Whether TLS finds its files. That they hold what they should, OpenSSL sees. */
static int check_tls_files(struct cli *cli)
{
	const struct config_smtp *smtp = &cli->config.smtp;
	char why[300];
	str ignored;
	const struct {
		const char *key;
		str path;
		bool is_private;
	} files[] = {{"ca_file", smtp->ca_file, false},
		     {"certificate", smtp->certificate, false},
		     {"certificate_key", smtp->certificate_key, true}};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (files[i].path.size == 0)
			continue;
		int result = (files[i].is_private ? file_read_private : file_read)(
			files[i].path.data, CERTIFICATES_LIMIT, cli->arena, &ignored, why,
			sizeof(why));
		if (result != 0)
			return cli_fail(cli, EXIT_USAGE, "smtp.%s: %s", files[i].key, why);
	}
	return CLI_GO;
}

static void fill_engine(struct cli *cli, struct engine_settings *s)
{
	const struct config *config = &cli->config;
	s->name = config->engine.name.size ? config->engine.name.data
					   : settings_host_name(cli->arena);
	s->journal_directory = config->engine.journal.data;
	s->durable_disk = config->engine.durability == DURABILITY_DISK;
	s->store = (struct store_config){
		.conninfo = config->database.conninfo.data,
		.tenant = (uint32_t)config->database.tenant,
		.application = "rundbrief engine",
	};
	s->pooler = text_or_null(config->database.pooler);
	s->press_count = (uint32_t)config->engine.presses;
	s->envelope_limit = (uint32_t)config->engine.envelopes;
	s->connection_limit = (uint32_t)config->engine.connections;
	s->slice_size = (uint32_t)config->engine.slice_size;
	s->mark_interval = config->engine.mark_interval;
	s->drain_limit = usec_max(config->engine.drain, 1);
	s->store.lease = config->engine.lease;
	s->store.journal_wait = config->engine.journal_wait;
	s->default_limits = settings_limits(&config->default_limits);
	s->return_domain = config->sending.return_domain;
	s->base_url = config->sending.base_url;
	s->unsubscribe_mailbox = config->sending.unsubscribe_mailbox;
	s->retry = settings_retry(config);
}

static int open_ways(struct cli *cli, struct engine_settings *s)
{
	char why[SETTINGS_WHY_SIZE];
	if (settings_rules(&cli->config, cli->arena, &s->rules, why, sizeof(why)) != 0 ||
	    settings_sources(&cli->config, cli->arena, s, why, sizeof(why)) != 0 ||
	    settings_pools(&cli->config, cli->arena, s, why, sizeof(why)) != 0 ||
	    settings_routes(&cli->config, cli->arena, s, why, sizeof(why)) != 0 ||
	    settings_limit_rules(&cli->config, cli->arena, s, why, sizeof(why)) != 0)
		return cli_fail(cli, EXIT_USAGE, "%s", why);
	return CLI_GO;
}

int settings_open(struct cli *cli, struct engine_settings *ret_settings)
{
	struct engine_settings s = {};
	struct dkim_key **keys;
	int code = cli_config(cli);
	if (code != CLI_GO)
		return code;
	if (cli->config.sending.return_domain.size == 0)
		return cli_fail(
			cli, EXIT_USAGE,
			"sending.return_domain is not set: the domain whose MX takes bounces");
	fill_engine(cli, &s);
	fill_protocol(&cli->config, &s);
	code = check_congestion(cli);
	if (code == CLI_GO)
		code = check_tls_files(cli);
	if (code == CLI_GO)
		code = open_ways(cli, &s);
	if (code == CLI_GO)
		code = settings_secret(cli, &s.secret);
	if (code == CLI_GO)
		code = settings_dkim_keys(cli, &keys, &s.dkim_key_count);
	if (code != CLI_GO)
		return code;
	s.dkim_keys = keys;
	*ret_settings = s;
	return CLI_GO;
}

void settings_close(struct engine_settings *s)
{
	for (size_t i = 0; i < s->dkim_key_count; i++)
		dkim_key_destroy(s->dkim_keys[i]);
	s->dkim_key_count = 0;
}
