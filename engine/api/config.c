/* config.c - the table of all keys of rundbrief.conf. */
#include "engine/api/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/net/tls_policy.h"
#include "engine/smtp/client.h"

#define CONFIG_SIZE_LIMIT (4u << 20)

#define AT(type, member) offsetof(struct type, member)
#define TEXT(type, member, fallback, sentence)                                                 \
	{                                                                                      \
#member, KEY_TEXT, AT(type, member), NULL, 0, 0, fallback, NULL, false,        \
			sentence                                                               \
	}
#define COUNT(type, member, unit, least, most, fallback, sentence)                             \
	{                                                                                      \
#member, KEY_COUNT, AT(type, member), unit, least, most, fallback, NULL,       \
			false, sentence                                                        \
	}
#define DURATION(type, member, least, most, fallback, sentence)                                \
	{                                                                                      \
#member, KEY_DURATION, AT(type, member), NULL, least, most, fallback, NULL,    \
			false, sentence                                                        \
	}
#define BOOL(type, member, fallback, sentence)                                                 \
	{                                                                                      \
#member, KEY_BOOL, AT(type, member), NULL, 0, 0, fallback, NULL, false,        \
			sentence                                                               \
	}
#define RATE(type, member, unit, fallback, sentence)                                           \
	{                                                                                      \
#member, KEY_RATE, AT(type, member), unit, 0, 0, fallback, NULL, false,        \
			sentence                                                               \
	}
#define END                                                                                    \
	{                                                                                      \
		NULL, KEY_TEXT, 0, NULL, 0, 0, NULL, NULL, false, NULL                         \
	}

static const struct key database_keys[] = {
	{"conninfo", KEY_TEXT, AT(config_database, conninfo), NULL, 0, 0, "dbname=rundbrief",
	 NULL, true,
	 "How to reach PostgreSQL, in libpq's words: \"host=/run/postgresql "
	 "dbname=rundbrief\". "
	 "What it leaves out comes from PGHOST, PGUSER and so on. May hold a password, so it "
	 "is "
	 "never printed."},
	COUNT(config_database, tenant, NULL, 1, UINT32_MAX, "1",
	      "Whose lists, campaigns and limits these are; leave it at 1 when you are alone."),
	END,
};

static const struct key dns_keys[] = {
	TEXT(config_dns, server, "",
	     "Address of the DNS server to ask; empty: those of /etc/resolv.conf. A caching "
	     "resolver on this machine pays off."),
	COUNT(config_dns, port, NULL, 1, 65535, "53", "Its port."),
	DURATION(config_dns, timeout, 100 * USEC_MS, USEC_MINUTE, "5s",
		 "How long one try may take."),
	COUNT(config_dns, tries, NULL, 1, 10, "3", "How often a question is put."),
	BOOL(config_dns, ipv6, "true", "Ask for IPv6 addresses of mail servers too."),
	END,
};

static const char *const durabilities[] = {"crash", "disk", NULL};
static const struct key engine_keys[] = {
	TEXT(config_engine, name, "",
	     "Name of this engine in the database; empty: the host's name. Two engines on one "
	     "machine need two names and two journals."),
	{"journal", KEY_FILE, AT(config_engine, journal), NULL, 0, 0, "var/journal", NULL,
	 false,
	 "Folder of the journal, by which a crash is survived. It must stay where it is "
	 "between "
	 "runs."},
	{"durability", KEY_CHOICE, AT(config_engine, durability), NULL, 0, 0, "crash",
	 durabilities, false,
	 "What the journal survives: crash (of the program) or disk (also a loss of power; an "
	 "fdatasync each turn)."},
	COUNT(config_engine, envelopes, "recipients", 100, 1000000, "20000",
	      "How many recipients may be in memory at once."),
	COUNT(config_engine, connections, NULL, 1, 50000, "1000",
	      "How many SMTP connections may be open at once, to all sites together."),
	COUNT(config_engine, slice_size, "recipients", 100, 50000, "5000",
	      "How many recipients are cut, leased and recovered as one slice."),
	COUNT(config_engine, presses, "threads", 0, 256, "0",
	      "How many threads render and sign; 0: one for each core."),
	DURATION(config_engine, mark_interval, USEC_MS, 10 * USEC_SECOND, "200ms",
		 "Starts are marked in the database in batches, at most so often. A longer "
		 "interval costs the database less and delays the first message more."),
	END,
};

static const struct key source_keys[] = {
	TEXT(config_source, address, "",
	     "Local address to send from; empty: the system chooses."),
	TEXT(config_source, helo, "",
	     "Name said in EHLO: it should resolve to this address, and the address back to "
	     "it. "
	     "Empty: the host's name."),
	END,
};

static const struct key smtp_keys[] = {
	COUNT(config_smtp, port, NULL, 1, 65535, "25", "Port of the recipients' mail servers."),
	BOOL(config_smtp, allow_loopback, "false",
	     "Deliver to 127.0.0.0/8 and ::1 when DNS points there; for tests only."),
	{"tls", KEY_CHOICE, AT(config_smtp, tls), NULL, 0, 0, "may", tls_wish_names, false,
	 "none: clear text; may: STARTTLS where it is offered, without checking the "
	 "certificate "
	 "(RFC 7435), as mail servers do among themselves; encrypt: no mail without it; "
	 "verify: "
	 "nor without a certificate for the host's name; mta-sts: as the domain's policy asks "
	 "(RFC 8461), else may; dane: as its TLSA records ask (RFC 7672), else mta-sts."},
	DURATION(config_smtp, greeting_timeout, USEC_SECOND, USEC_HOUR, "5m",
		 "How long to wait for the 220 greeting (RFC 5321 4.5.3.2)."),
	DURATION(config_smtp, command_timeout, USEC_SECOND, USEC_HOUR, "5m",
		 "How long to wait for the reply to EHLO, MAIL and RCPT."),
	DURATION(config_smtp, data_timeout, USEC_SECOND, USEC_HOUR, "2m",
		 "How long to wait for the 354."),
	DURATION(config_smtp, block_timeout, USEC_SECOND, USEC_HOUR, "3m",
		 "How long the server may take to accept one block of a message."),
	DURATION(config_smtp, end_timeout, USEC_SECOND, USEC_HOUR, "10m",
		 "How long to wait for the reply to a whole message. Too short a wait leaves "
		 "messages in doubt."),
	END,
};

static const struct key route_keys[] = {
	TEXT(config_route, host, "",
	     "Name or address to deliver to, instead of the domain's MX."),
	COUNT(config_route, port, NULL, 0, 65535, "0", "Its port; 0: smtp.port."),
	END,
};

static const char *const flights[] = {"learn", "lockstep", "group", "next",
				      "chunk", "window",   NULL};
static const struct key default_limits_keys[] = {
	COUNT(config_limits, connections, NULL, 1, 10000, "10",
	      "Connections open at once from one source to one site."),
	COUNT(config_limits, messages_per_connection, "messages", 0, 1000000, "100",
	      "After so many messages a connection is closed; 0: never."),
	RATE(config_limits, message_rate, "messages", "100/s",
	     "Messages started from one source to one site."),
	RATE(config_limits, connection_rate, "connections", "100/min",
	     "Connections opened from one source to one site."),
	DURATION(config_limits, idle_close, 0, 10 * USEC_MINUTE, "5s",
		 "How long an idle connection is kept."),
	{"flight", KEY_CHOICE, AT(config_limits, flight), NULL, 0, 0, "learn", flights, false,
	 "How much is under way on a connection before its replies are there. learn: up slowly "
	 "where all goes well, down for days where it does not. Or pinned: lockstep (a command "
	 "at a time), group (MAIL, RCPT and DATA in one write), next (and the next message's "
	 "behind the body), chunk (MAIL, RCPT and BDAT with the body in one write), window "
	 "(several such messages)."},
	{"flight_limit", KEY_CHOICE, AT(config_limits, flight_limit), NULL, 0, 0, "window",
	 smtp_flight_names, false, "The most that learning may reach."},
	COUNT(config_limits, window, "messages", 2, SMTP_TRANSACTION_LIMIT, "16",
	      "How many whole messages may be under way on one connection, in flight window."),
	END,
};

static const struct key provider_keys[] = {
	{"mx", KEY_LIST, AT(config_limits, mx), NULL, 0, 0, NULL, NULL, false,
	 "Endings of MX host names by which its sites are known: { \".google.com\" }. A "
	 "provider "
	 "of a shipped name keeps its shipped endings when this is left out."},
	COUNT(config_limits, connections, NULL, 1, 10000, NULL, "See default_limits."),
	COUNT(config_limits, messages_per_connection, "messages", 0, 1000000, NULL,
	      "See default_limits."),
	RATE(config_limits, message_rate, "messages", NULL, "See default_limits."),
	RATE(config_limits, connection_rate, "connections", NULL, "See default_limits."),
	DURATION(config_limits, idle_close, 0, 10 * USEC_MINUTE, NULL, "See default_limits."),
	{"flight", KEY_CHOICE, AT(config_limits, flight), NULL, 0, 0, NULL, flights, false,
	 "See default_limits."},
	{"flight_limit", KEY_CHOICE, AT(config_limits, flight_limit), NULL, 0, 0, NULL,
	 smtp_flight_names, false, "See default_limits."},
	COUNT(config_limits, window, "messages", 2, SMTP_TRANSACTION_LIMIT, NULL,
	      "See default_limits."),
	END,
};

static const struct key dkim_keys[] = {
	TEXT(config_dkim, domain, "",
	     "Domain that signs (d=): that of the From address, or one above it."),
	TEXT(config_dkim, selector, "",
	     "Selector (s=): the key stands at SELECTOR._domainkey.DOMAIN."),
	{"key", KEY_FILE, AT(config_dkim, key), NULL, 0, 0, "", NULL, true,
	 "File with the private key in PEM, RSA or Ed25519; `rundbrief dkim keygen` makes "
	 "one."},
	END,
};

static const struct key sending_keys[] = {
	TEXT(config_sending, return_domain, "",
	     "Domain of envelope senders and Message-IDs; its MX must lead bounces back here."),
	TEXT(config_sending, base_url, "",
	     "Where one-click unsubscribe answers: \"https://news.example.com\"; empty: by "
	     "mail "
	     "only."),
	{"secret", KEY_FILE, AT(config_sending, secret), NULL, 0, 0, "", NULL, true,
	 "File with at least 16 bytes, known to nobody else, that sign the tokens in links and "
	 "bounce addresses; `rundbrief init` writes it when it is missing. Keep it: with "
	 "another secret, links in old mails no longer work."},
	TEXT(config_sending, unsubscribe_mailbox, "",
	     "Mailbox for List-Unsubscribe by mail; empty: one on return_domain."),
	END,
};

static const struct key retry_keys[] = {
	DURATION(config_retry, first, 100 * USEC_MS, USEC_DAY, "15m",
		 "Wait after the first deferral."),
	DURATION(config_retry, last, 100 * USEC_MS, 7 * USEC_DAY, "4h", "The longest wait."),
	{"growth", KEY_FACTOR, AT(config_retry, growth), NULL, 1, 10, "2.0", NULL, false,
	 "By how much each wait is longer than the one before."},
	{"jitter", KEY_FACTOR, AT(config_retry, jitter), NULL, 0, 1, "0.2", NULL, false,
	 "Waits vary at random by this part, so that retries do not come in waves."},
	DURATION(config_retry, greylist_first, 100 * USEC_MS, USEC_DAY, "5m",
		 "The shortest wait after greylisting (RFC 6647)."),
	DURATION(config_retry, expiry, USEC_SECOND, 30 * USEC_DAY, "2d",
		 "A recipient not reached by then has failed; a campaign may say otherwise."),
	END,
};

static const struct key tls_report_keys[] = {
	TEXT(config_tls_report, organization, "",
	     "Who reports, in words; empty: sending.return_domain."),
	TEXT(config_tls_report, contact, "",
	     "Mail address for questions about a report; empty: from."),
	TEXT(config_tls_report, from, "",
	     "Sender of reports by mail, on a domain that a dkim section signs for; empty: "
	     "tls-reports on sending.return_domain."),
	{"ca_file", KEY_FILE, AT(config_tls_report, ca_file), NULL, 0, 0, "", NULL, false,
	 "File with the certificates to trust when a report goes by HTTPS; empty: the "
	 "system's."},
	END,
};

static const char *const in_doubt_choices[] = {"assume", "retry", NULL};
static const struct key root_keys[] = {
	{"in_doubt", KEY_CHOICE, AT(config, in_doubt), NULL, 0, 0, "assume", in_doubt_choices,
	 false,
	 "What becomes of a recipient whose message was sent and never answered: assume it "
	 "arrived (nobody gets it twice), or retry (nobody goes without). A campaign may say "
	 "otherwise."},
	END,
};

#define ONE(name, keys, sentence)                                                              \
	{                                                                                      \
#name, NULL, AT(config, name), 0, 0, keys, sentence                            \
	}
#define MANY(name, title, member, count, type, keys, sentence)                                 \
	{                                                                                      \
#name, title, AT(config, member), AT(config, count), sizeof(struct type),      \
			keys, sentence                                                         \
	}

static const struct key_section config_sections[] = {
	ONE(database, database_keys, "The one database that all engines share."),
	ONE(dns, dns_keys, "How mail servers are found."),
	ONE(engine, engine_keys, "This engine and its capacities."),
	MANY(source, "NAME", sources, source_count, config_source, source_keys,
	     "An address that mail leaves from. Without any there is one, \"default\"."),
	ONE(smtp, smtp_keys, "How the engine talks to mail servers."),
	MANY(route, "DOMAIN", routes, route_count, config_route, route_keys,
	     "A fixed way for a domain, or for all (\"*\"), in the place of DNS."),
	ONE(default_limits, default_limits_keys,
	    "Limits of a path (one source to one site) that no provider names."),
	MANY(provider, "NAME", providers, provider_count, config_limits, provider_keys,
	     "Limits of the paths to one mailbox provider; what it leaves out is as shipped, "
	     "or "
	     "as default_limits says."),
	MANY(dkim, "NAME", dkims, dkim_count, config_dkim, dkim_keys,
	     "A signature on every message; up to four, RSA and Ed25519 at once when you "
	     "like."),
	ONE(sending, sending_keys, "What all messages have in common."),
	ONE(retry, retry_keys, "When a deferred recipient is tried again."),
	ONE(tls_report, tls_report_keys,
	    "Daily reports on TLS to the domains that ask for them (RFC 8460); see `rundbrief "
	    "tls-report`."),
	{"", NULL, 0, 0, 0, root_keys, "Outside of any section:"},
	{NULL, NULL, 0, 0, 0, NULL, NULL},
};

const struct key_table config_table = {config_sections};

/* What a provider's section sets itself. */
static void note_own_limits(struct config *config)
{
	static const struct {
		const char *name;
		uint32_t bit;
	} bits[] = {
		{"connections", LIMIT_CONNECTIONS},
		{"messages_per_connection", LIMIT_MESSAGES_PER_CONNECTION},
		{"message_rate", LIMIT_MESSAGE_RATE},
		{"connection_rate", LIMIT_CONNECTION_RATE},
		{"idle_close", LIMIT_IDLE_CLOSE},
		{"flight", LIMIT_FLIGHT},
		{"flight_limit", LIMIT_FLIGHT_LIMIT},
		{"window", LIMIT_WINDOW},
	};
	for (const struct key_setting *s = config->settings; s; s = s->next) {
		if (s->section->keys != provider_keys)
			continue;
		for (size_t p = 0; p < config->provider_count; p++) {
			struct config_limits *provider = &config->providers[p];
			if (!str_eq(provider->name, s->title))
				continue;
			for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
				if (strcmp(bits[i].name, s->key->name) == 0)
					provider->own |= bits[i].bit;
			}
		}
	}
}

int config_parse(struct config *ret_config, const char *path, str source, struct arena *arena,
		 char *ret_why, size_t why_size)
{
	struct config config = {.path = arena_copy(arena, str_of(path))};
	if (keys_load(&config_table, &config, path, source, arena, &config.settings, ret_why,
		      why_size) != 0)
		return -1;
	note_own_limits(&config);
	*ret_config = config;
	return 0;
}

/* The first file there is; NULL: none. A file named by somebody is never looked past. */
static const char *find_file(const char *path)
{
	static const char *const places[] = {"rundbrief.conf", "/etc/rundbrief/rundbrief.conf"};
	const char *named = path ? path : getenv("RUNDBRIEF_CONFIG");
	if (named && named[0])
		return named;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (access(places[i], F_OK) == 0)
			return places[i];
	}
	return NULL;
}

int config_load(struct config *ret_config, const char *path, struct arena *arena, char *ret_why,
		size_t why_size)
{
	const char *found = find_file(path);
	str source;
	if (!found)
		return config_parse(ret_config, "", (str){}, arena, ret_why, why_size);
	if (file_read(found, CONFIG_SIZE_LIMIT, arena, &source, ret_why, why_size) != 0)
		return -1;
	return config_parse(ret_config, found, source, arena, ret_why, why_size);
}

void config_explain(const struct config *config, struct buf *out)
{
	if (config->path.size)
		buf_printf(out, "# read from %.*s\n", STR_FORMAT(config->path));
	else
		buf_put_cstr(out,
			     "# no configuration file was found: all values are defaults\n");
	keys_explain(&config_table, config, config->path.data, config->settings, out);
}
