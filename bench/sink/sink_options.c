/* sink_options.c - the command line of the sink, and its rules file, which says the same
 * things. Settings of a listener apply to all when they stand alone, and to one when they stand
 * behind its address: --listen "127.0.0.2:2525;name=mx.one.test;reject=3%". */
#include "bench/sink/sink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define RULES_FILE_LIMIT 65536
#define SIZE_DEFAULT (50u << 20)

const char sink_manual[] =
	"Where and how many:\n"
	"  --listen ADDR:PORT[;SETTING=VALUE...]  repeatable; 127.0.0.1:2525 when missing\n"
	"  --allow-outside              listen on addresses that are not loopback too\n"
	"  --threads N                  each with its own ring (default 1)\n"
	"  --rules FILE                 lines `SETTING VALUE`, as these options; # begins a "
	"comment\n"
	"Settings, for all listeners, or for one when written behind its address:\n"
	"  --name NAME                  what the greeting says\n"
	"  --no-pipelining --no-chunking --no-8bitmime --no-smtputf8 --no-enhanced   not "
	"offered\n"
	"  --starttls                   offered, with a self-signed certificate unless one is "
	"given\n"
	"  --requiretls                 offered under TLS\n"
	"  --size BYTES                 largest message (default 50 MiB; 0: no limit)\n"
	"  --reject P%[:CODE STATUS TEXT]   refuses this share of the recipients, always the "
	"same\n"
	"  --defer P%[:CODE STATUS TEXT]    defers this share; --defer-times N (default 1) "
	"each\n"
	"  --at rcpt|end                when to reject and defer (default rcpt)\n"
	"  --drop-after-dot P%[:lost]   takes the message (lost: does not) and ends the "
	"connection\n"
	"                               without a reply, once a recipient\n"
	"  --hang-after-dot P%          takes the message and does not reply for an hour, "
	"once\n"
	"  --delay MS                   before the reply to a message, and to what came in one\n"
	"                               flight with it; the next message waits: a slow host\n"
	"  --latency MS                 from a message to its reply, however many are on their\n"
	"                               way: a host that is far away\n"
	"  --tarpit MS                  before every reply\n"
	"  --split-replies              sends replies byte by byte\n"
	"  --max-connections N, --max-messages-per-connection N   421 beyond them\n"
	"  --seed N                     other recipients for the same shares\n"
	"What is kept:\n"
	"  --store maildir:DIR | mbox:FILE | exact:FILE | none   exact: the very bytes, and "
	"FILE.tsv\n"
	"  --store-share P%             keeps this share of them only, the same in every run\n"
	"  --count-file FILE            JSON, at the end and on SIGUSR1\n"
	"  --json                       what it got as JSON on standard output, at the end\n"
	"  --log-recipients FILE        a line per accepted recipient: recipient, Message-ID, "
	"listener\n"
	"  --log-events FILE            connections and transactions with their times, see "
	"README.md\n"
	"  --certificate FILE --key FILE   PEM, for --starttls\n";

struct reader {
	struct sink_options *options;
	struct sink_listener base;
	const char *specs[SINK_LISTENER_LIMIT];
	size_t spec_count;
	bool allow_outside;
	char *why;
	size_t why_size;
};

__attribute__((format(printf, 2, 3))) static int fail(struct reader *r, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(r->why, r->why_size, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static bool parse_ms(str value, usec *ret_time)
{
	uint64_t ms;
	if (!str_to_u64(value, &ms) || ms > 86400000)
		return false;
	*ret_time = (usec)ms * USEC_MS;
	return true;
}

static bool parse_drop(str value, struct sink_rules *rules)
{
	rules->drop_loses = str_ends(value, STR(":lost"));
	if (rules->drop_loses)
		value.size -= 5;
	return sink_percent_parse(value, &rules->drop_after_dot);
}

static bool parse_at(str value, bool *ret_at_end)
{
	*ret_at_end = str_eq(value, STR("end"));
	return *ret_at_end || str_eq(value, STR("rcpt"));
}

static bool parse_times(str value, uint32_t *ret_times)
{
	uint64_t times;
	if (!str_to_u64(value, &times) || times > 255)
		return false;
	*ret_times = (uint32_t)times;
	return true;
}

/* A setting that is on by its name alone. */
static bool set_flag(struct sink_listener *l, const char *name)
{
	const struct {
		const char *name;
		bool *slot, value;
	} flags[] = {
		{"no-pipelining", &l->pipelining, false},
		{"no-chunking", &l->chunking, false},
		{"no-8bitmime", &l->eightbitmime, false},
		{"no-smtputf8", &l->smtputf8, false},
		{"no-enhanced", &l->enhanced, false},
		{"starttls", &l->starttls, true},
		{"requiretls", &l->requiretls, true},
		{"split-replies", &l->rules.split_replies, true},
	};
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		if (strcmp(name, flags[i].name) == 0) {
			*flags[i].slot = flags[i].value;
			return true;
		}
	}
	return false;
}

enum set { SET_UNKNOWN, SET_BAD, SET_OK };

static enum set set_value(struct sink_listener *l, const char *name, str value)
{
	struct sink_rules *rules = &l->rules;
	bool ok;
	if (strcmp(name, "name") == 0)
		ok = value.size > 0 && str_to_cstr(value, l->name, sizeof l->name);
	else if (strcmp(name, "size") == 0)
		ok = str_to_u64(value, &l->size_limit);
	else if (strcmp(name, "reject") == 0)
		ok = sink_share_parse(value, &rules->reject);
	else if (strcmp(name, "defer") == 0)
		ok = sink_share_parse(value, &rules->defer);
	else if (strcmp(name, "defer-times") == 0)
		ok = parse_times(value, &rules->defer_times);
	else if (strcmp(name, "at") == 0)
		ok = parse_at(value, &rules->at_end);
	else if (strcmp(name, "drop-after-dot") == 0)
		ok = parse_drop(value, rules);
	else if (strcmp(name, "hang-after-dot") == 0)
		ok = sink_percent_parse(value, &rules->hang_after_dot);
	else if (strcmp(name, "delay") == 0)
		ok = parse_ms(value, &rules->delay);
	else if (strcmp(name, "latency") == 0)
		ok = parse_ms(value, &rules->latency);
	else if (strcmp(name, "tarpit") == 0)
		ok = parse_ms(value, &rules->tarpit);
	else if (strcmp(name, "max-connections") == 0)
		ok = str_to_u64(value, &rules->max_connections);
	else if (strcmp(name, "max-messages-per-connection") == 0)
		ok = str_to_u64(value, &rules->max_messages);
	else if (strcmp(name, "seed") == 0)
		ok = str_to_u64(value, &rules->seed);
	else
		return SET_UNKNOWN;
	return ok ? SET_OK : SET_BAD;
}

/* Settings of the whole sink; value.data ends with a NUL. */
static enum set set_global(struct reader *r, const char *name, str value)
{
	struct sink_options *o = r->options;
	uint64_t threads;
	if (strcmp(name, "listen") == 0) {
		if (r->spec_count == SINK_LISTENER_LIMIT)
			return SET_BAD;
		r->specs[r->spec_count++] = value.data;
	} else if (strcmp(name, "threads") == 0) {
		if (!str_to_u64(value, &threads) || threads < 1 || threads > SINK_THREAD_LIMIT)
			return SET_BAD;
		o->thread_count = (size_t)threads;
	} else if (strcmp(name, "store") == 0) {
		return sink_store_parse(value, &o->store) ? SET_OK : SET_BAD;
	} else if (strcmp(name, "store-share") == 0) {
		return sink_percent_parse(value, &o->store_share) ? SET_OK : SET_BAD;
	} else if (strcmp(name, "count-file") == 0) {
		o->count_file = value.data;
	} else if (strcmp(name, "log-recipients") == 0) {
		o->recipients_file = value.data;
	} else if (strcmp(name, "log-events") == 0) {
		o->events_file = value.data;
	} else if (strcmp(name, "certificate") == 0) {
		o->certificate_file = value.data;
	} else if (strcmp(name, "key") == 0) {
		o->key_file = value.data;
	} else {
		return SET_UNKNOWN;
	}
	return SET_OK;
}

static bool is_flag(struct reader *r, const char *name)
{
	if (strcmp(name, "allow-outside") == 0) {
		r->allow_outside = true;
		return true;
	}
	if (strcmp(name, "json") == 0) {
		r->options->json = true;
		return true;
	}
	return set_flag(&r->base, name);
}

static int set(struct reader *r, const char *name, const char *value)
{
	enum set result = set_value(&r->base, name, str_of(value));
	if (result == SET_UNKNOWN)
		result = set_global(r, name, str_of(value));
	if (result == SET_UNKNOWN)
		return fail(r, "unknown option --%.60s; see --help", name);
	if (result == SET_BAD)
		return fail(r, "--%s does not understand \"%.200s\"; see --help", name, value);
	return 0;
}

/* Cut in place; the lines stay in use. */
static int read_line(struct reader *r, char *line)
{
	char *name = line + strspn(line, " \t"), *value;
	if (*name == '\0' || *name == '#')
		return 0;
	for (size_t size = strlen(name); size > 0 && strchr(" \t\r", name[size - 1]); size--)
		name[size - 1] = '\0';
	value = name + strcspn(name, " \t");
	if (*value == '\0')
		return is_flag(r, name)
			       ? 0
			       : fail(r, "%.60s in the rules file wants a value", name);
	*value++ = '\0';
	return set(r, name, value + strspn(value, " \t"));
}

static int read_rules(struct reader *r, const char *path)
{
	static char text[RULES_FILE_LIMIT];
	FILE *file = fopen(path, "re");
	if (!file)
		return fail(r, "cannot read the rules file %s: %s", path, strerror(errno));
	size_t size = fread(text, 1, sizeof text - 1, file);
	bool whole = feof(file);
	fclose(file);
	if (!whole)
		return fail(r, "the rules file %s is larger than 64 KiB", path);
	text[size] = '\0';
	int result = 0;
	char *rest = text, *line;
	while (result == 0 && (line = strsep(&rest, "\n")))
		result = read_line(r, line);
	return result;
}

static int read_arguments(struct reader *r, int argc, char **argv)
{
	int result = 0;
	for (int i = 0; i < argc && result == 0; i++) {
		char *name = argv[i];
		if (strncmp(name, "--", 2) != 0)
			return fail(r, "\"%.100s\" is no option; see --help", name);
		name += 2;
		char *value = strchr(name, '=');
		if (value)
			*value++ = '\0';
		else if (is_flag(r, name))
			continue;
		else if (i + 1 < argc)
			value = argv[++i];
		else
			return fail(r, "--%.60s wants a value, or is unknown; see --help",
				    name);
		result =
			strcmp(name, "rules") == 0 ? read_rules(r, value) : set(r, name, value);
	}
	return result;
}

/* "127.0.0.1:2525", "[::1]:2525" */
static bool parse_endpoint(str text, struct net_address *ret_address)
{
	size_t colon = str_rfind_byte(text, ':');
	uint64_t port;
	if (colon == STR_NONE || !str_to_u64(str_from(text, colon + 1), &port) || port > 65535)
		return false;
	str host = str_sub(text, 0, colon);
	if (str_starts(host, STR("[")) && str_ends(host, STR("]")))
		host = str_sub(host, 1, host.size - 2);
	return net_address_parse(host, (uint16_t)port, ret_address);
}

static int set_one(struct reader *r, struct sink_listener *l, str setting)
{
	char name[64];
	str key = str_cut(&setting, '=');
	if (!str_to_cstr(key, name, sizeof name))
		return fail(r, "unknown setting \"%.60s\" of a listener", key.data);
	if (!setting.data && set_flag(l, name))
		return 0;
	if (!setting.data)
		setting = STR("");
	if (set_value(l, name, setting) != SET_OK)
		return fail(r, "a listener does not understand \"%s=%.*s\"", name,
			    STR_FORMAT(setting));
	return 0;
}

static int add_listener(struct reader *r, const char *spec)
{
	struct sink_listener *l = &r->options->listeners[r->options->listener_count];
	str rest = str_of(spec), endpoint = str_cut(&rest, ';');
	*l = r->base;
	if (!parse_endpoint(endpoint, &l->address))
		return fail(r, "--listen wants ADDRESS:PORT, not \"%.100s\"", spec);
	if (!r->allow_outside && !net_address_is_loopback(&l->address))
		return fail(r,
			    "%.*s is not a loopback address; --allow-outside if that is meant",
			    STR_FORMAT(endpoint));
	if (l->rules.reject.share + l->rules.defer.share > 1)
		return fail(r, "--reject and --defer are more than 100%% together");
	while (rest.data) {
		int result = set_one(r, l, str_cut(&rest, ';'));
		if (result < 0)
			return result;
	}
	r->options->listener_count++;
	return 0;
}

int sink_options_parse(struct sink_options *options, int argc, char **argv, char *ret_why,
		       size_t why_size)
{
	struct reader r = {.options = options, .why = ret_why, .why_size = why_size};
	*options = (struct sink_options){.thread_count = 1};
	r.base = (struct sink_listener){.name = "sink.test",
					.pipelining = true,
					.chunking = true,
					.eightbitmime = true,
					.smtputf8 = true,
					.enhanced = true,
					.size_limit = SIZE_DEFAULT};
	sink_rules_init(&r.base.rules);
	int result = read_arguments(&r, argc, argv);
	if (result == 0 && r.spec_count == 0)
		r.specs[r.spec_count++] = "127.0.0.1:2525";
	for (size_t i = 0; result == 0 && i < r.spec_count; i++)
		result = add_listener(&r, r.specs[i]);
	if (result == 0 && !options->certificate_file != !options->key_file)
		result = fail(&r, "--certificate and --key go together");
	return result;
}
