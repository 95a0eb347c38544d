/* config_keys.c - the table of rundbrief.conf: its sections, and all keys but those of how mail
 * leaves (config_keys_net.c). */
#include "engine/api/config_keys.h"

#include "engine/smtp/client.h"

static const struct key database_keys[] = {
	{"conninfo", KEY_TEXT, AT(config_database, conninfo), NULL, 0, 0, "dbname=rundbrief",
	 NULL, KEY_SECRET,
	 "How to reach PostgreSQL, in libpq's words: \"host=/run/postgresql "
	 "dbname=rundbrief\". Several hosts by commas (\"host=a,b\"): the one that takes writes "
	 "is found. "
	 "What it leaves out comes from PGHOST, PGUSER and so on. May hold a password, so it "
	 "is "
	 "never printed."},
	{"pooler", KEY_TEXT, AT(config_database, pooler), NULL, 0, 0, "", NULL, true,
	 "The same way through a pooler in transaction mode (PgBouncer: \"host=/run/pgbouncer "
	 "port=6432 dbname=rundbrief\"), for everything but two connections an engine, those "
	 "of its heartbeat and of transactional mail, and `rundbrief init` and `tls-report`, which go by conninfo. Empty: "
	 "none. Never printed."},
	COUNT(config_database, tenant, NULL, 1, UINT32_MAX, "1",
	      "Whose lists, campaigns and limits these are; leave it at 1 when you are alone."),
	END,
};

static const char *const durabilities[] = {"process", "disk", NULL};
static const struct key engine_keys[] = {
	TEXT(config_engine, name, "",
	     "Name of this engine in the database; empty: the host's name. Two engines on one "
	     "machine need two names and two journals."),
	{"journal", KEY_FILE, AT(config_engine, journal), NULL, 0, 0, "var/journal", NULL,
	 0,
	 "Folder of the journal, by which a crash is survived. It must stay where it is "
	 "between "
	 "runs."},
	{"durability", KEY_CHOICE, AT(config_engine, durability), NULL, 0, 0, "process",
	 durabilities, 0,
	 "What the journal survives: process (the program is killed) or disk (also a loss of "
	 "power; an fdatasync each turn, before anything of that turn leaves)."},
	COUNT(config_engine, envelopes, "recipients", 100, 1000000, "20000",
	      "How many recipients may be in memory at once."),
	COUNT(config_engine, connections, NULL, 1, 50000, "1000",
	      "How many SMTP connections may be open at once, to all sites together."),
	COUNT(config_engine, slice_size, "recipients", 100, 50000, "5000",
	      "How many recipients are cut, leased and recovered as one slice."),
	COUNT(config_engine, presses, "threads", 0, 256, "0",
	      "How many threads render and sign; 0: one for each core."),
	DURATION(config_engine, mark_interval, USEC_MS, 10 * USEC_SECOND, "50ms",
		 "Starts are marked in the database in batches, at most so often. A longer "
		 "interval costs the database less, delays the first message more, and leaves "
		 "more in doubt when this machine never comes back."),
	DURATION(config_engine, drain, 0, 10 * USEC_MINUTE, "30s",
		 "Asked to stop, it starts nothing, puts back what has not started and waits so "
		 "long for "
		 "the answers to what has; what is still open then is in doubt. Ten seconds more "
		 "may pass until all is settled."),
	DURATION(config_engine, lease, 3 * USEC_SECOND, 10 * USEC_MINUTE, "30s",
		 "How long the slices and sources of this engine stay its own while the database "
		 "hears nothing from it; then another engine may take them."),
	DURATION(config_engine, journal_wait, USEC_SECOND, 30 * USEC_DAY, "1d",
		 "When this engine takes over from one that is gone: how long those whom that one "
		 "may have been sending to wait for its journal, before they are in doubt and the "
		 "campaign's in_doubt decides."),
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
	{"byte_rate", KEY_BYTE_RATE, AT(config_limits, byte_rate), NULL, 0, 0, "unlimited",
	 NULL, 0, "Volume of the messages started from one source to one site."},
	DURATION(config_limits, idle_close, 0, 10 * USEC_MINUTE, "5s",
		 "How long an idle connection is kept."),
	{"flight", KEY_CHOICE, AT(config_limits, flight), NULL, 0, 0, "learn", flights, 0,
	 "How much is under way on a connection before its replies are there. learn: up slowly "
	 "where all goes well, down for days where it does not. Or pinned: lockstep (a command "
	 "at a time), group (MAIL, RCPT and DATA in one write), next (and the next message's "
	 "behind the body), chunk (MAIL, RCPT and BDAT with the body in one write), window "
	 "(several such messages)."},
	{"flight_limit", KEY_CHOICE, AT(config_limits, flight_limit), NULL, 0, 0, "window",
	 smtp_flight_names, 0, "The most that learning may reach."},
	COUNT(config_limits, window, "messages", 2, SMTP_TRANSACTION_LIMIT, "16",
	      "How many whole messages may be under way on one connection, in flight window."),
	END,
};

static const char *const scopes[] = {"site", "provider", NULL};
static const char *const least_tls[] = {"any", "encrypt", "verify", NULL}; /* enum path_tls */
const struct key config_provider_keys[] = {
	{"mx", KEY_LIST, AT(config_limits, mx), NULL, 0, 0, NULL, NULL, 0,
	 "Endings of MX host names by which its sites are known: { \".google.com\" }. A "
	 "provider "
	 "of a shipped name keeps its shipped endings when this is left out."},
	COUNT(config_limits, connections, NULL, 1, 10000, NULL, "See default_limits."),
	COUNT(config_limits, messages_per_connection, "messages", 0, 1000000, NULL,
	      "See default_limits."),
	RATE(config_limits, message_rate, "messages", NULL, "See default_limits."),
	RATE(config_limits, connection_rate, "connections", NULL, "See default_limits."),
	{"byte_rate", KEY_BYTE_RATE, AT(config_limits, byte_rate), NULL, 0, 0, NULL, NULL,
	 0, "See default_limits."},
	DURATION(config_limits, idle_close, 0, 10 * USEC_MINUTE, NULL, "See default_limits."),
	{"flight", KEY_CHOICE, AT(config_limits, flight), NULL, 0, 0, NULL, flights, 0,
	 "See default_limits."},
	{"flight_limit", KEY_CHOICE, AT(config_limits, flight_limit), NULL, 0, 0, NULL,
	 smtp_flight_names, 0, "See default_limits."},
	COUNT(config_limits, window, "messages", 2, SMTP_TRANSACTION_LIMIT, NULL,
	      "See default_limits."),
	{"scope", KEY_CHOICE, AT(config_limits, scope), NULL, 0, 0, NULL, scopes, KEY_FIXED,
	 "What shares these limits, for one source: each set of MX hosts alone (site), or all "
	 "sites of the provider together (provider)."},
	{"tls", KEY_CHOICE, AT(config_limits, tls), NULL, 0, 0, NULL, least_tls, 0,
	 "The least that carries mail there, whatever smtp.tls says. any: nothing more than "
	 "that; encrypt: no mail in clear text; verify: nor without a certificate for the "
	 "host's name. What a route says stands."},
	END,
};

static const struct key dkim_keys[] = {
	TEXT(config_dkim, domain, "",
	     "Domain that signs (d=): that of the From address, or one above it."),
	TEXT(config_dkim, selector, "",
	     "Selector (s=): the key stands at SELECTOR._domainkey.DOMAIN."),
	{"key", KEY_FILE, AT(config_dkim, key), NULL, 0, 0, "", NULL, KEY_SECRET,
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
	{"secret", KEY_FILE, AT(config_sending, secret), NULL, 0, 0, "", NULL, KEY_SECRET,
	 "File with at least 16 bytes, known to nobody else, that sign the tokens in links and "
	 "bounce addresses; `rundbrief init` writes it when it is missing. Keep it: with "
	 "another secret, links in old mails no longer work. It may have several lines, the "
	 "newest first: that one signs, all verify; `rundbrief init --new-secret` adds one."},
	TEXT(config_sending, unsubscribe_mailbox, "",
	     "Mailbox for List-Unsubscribe by mail; empty: one on return_domain."),
	TEXT(config_sending, day_zone, "UTC",
	     "Where the days of warm-up begin: UTC, or an offset from it such as \"+02:00\"."),
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
	FILE_OF(config_tls_report, ca_file,
		"File with the certificates to trust when a report goes by HTTPS; empty: "
		"smtp.ca_file."),
	END,
};

static const struct key preview_keys[] = {
	TEXT(config_preview, browser, "",
	     "Program that makes the picture: a path, or a name in PATH; it must speak "
	     "Chromium's DevTools protocol. Empty: the first there is of chromium, "
	     "chromium-browser, google-chrome and google-chrome-stable."),
	DURATION(config_preview, timeout, USEC_SECOND, 10 * USEC_MINUTE, "1m",
		 "How long it may take, start and all."),
	END,
};

static const char *const in_doubt_choices[] = {"assume", "retry", NULL};
static const struct key root_keys[] = {
	{"in_doubt", KEY_CHOICE, AT(config, in_doubt), NULL, 0, 0, "assume", in_doubt_choices,
	 0,
	 "What becomes of a recipient whose message was sent and never answered: assume it "
	 "arrived (nobody gets it twice), or retry (nobody goes without). A campaign may say "
	 "otherwise."},
	FILE_OF(config, providers_file,
		"File with your own table of mailbox providers and their limits, of the form "
		"of the "
		"shipped one (`rundbrief explain --table` prints it); its rows override that. "
		"A running engine takes up changes. Empty: none."),
	END,
};

#define ONE(name, keys, reader, sentence)                                                              \
	{                                                                                      \
#name, NULL, AT(config, name), 0, 0, keys, reader, sentence                            \
	}
#define MANY(name, title, member, count, type, keys, reader, sentence)                                 \
	{                                                                                      \
#name, title, AT(config, member), AT(config, count), sizeof(struct type),      \
			keys, reader, sentence                                                         \
	}

static const struct key_section config_sections[] = {
	ONE(database, database_keys, KEY_AT_START, "The one database that all engines share."),
	ONE(dns, config_dns_keys, KEY_AT_START, "How mail servers are found."),
	ONE(engine, engine_keys, KEY_AT_START, "This engine and its capacities."),
	MANY(source, "NAME", sources, source_count, config_source, config_source_keys, KEY_AT_START,
	     "An address that mail leaves from. Without any there is one, \"default\"."),
	MANY(pool, "NAME", pools, pool_count, config_pool, config_pool_keys, KEY_AT_START,
	     "Sources that share mail; a campaign, or a route, names the pool that its mail "
	     "leaves by. Where none is named it is all sources, each with the same weight."),
	MANY(warmup, "CURVE", warmups, warmup_count, config_warmup, config_warmup_keys, KEY_AT_START,
	     "How a new source earns trust, with each provider by itself; see `rundbrief "
	     "warmup`. \"standard\" is built in: 29 days from 200 messages to 10 million."),
	ONE(smtp, config_smtp_keys, KEY_AT_START, "How the engine talks to mail servers."),
	MANY(relay, "NAME", relays, relay_count, config_relay, config_relay_keys, KEY_AT_START,
	     "A server of your own choice that takes mail for others; a route says for whom."),
	MANY(route, "WHAT", routes, route_count, config_route, config_route_keys, KEY_AT_START,
	     "Another way than by MX, or other TLS: for a domain, for a provider of mailboxes "
	     "(\"provider:NAME\"), for a list (\"list:NAME\") or for all (\"*\"). Of several "
	     "that "
	     "fit, the first of these kinds counts."),
	ONE(default_limits, default_limits_keys, KEY_ON_RELOAD,
	    "Limits of a path (one source to one site) that no provider names."),
	MANY(provider, "NAME", providers, provider_count, config_limits, config_provider_keys, KEY_ON_RELOAD,
	     "Limits of the paths to one mailbox provider; what it leaves out is as shipped, "
	     "or "
	     "as default_limits says."),
	MANY(dkim, "NAME", dkims, dkim_count, config_dkim, dkim_keys, KEY_AT_START,
	     "A signature on every message; up to four, RSA and Ed25519 at once when you "
	     "like."),
	ONE(sending, sending_keys, KEY_AT_START, "What all messages have in common."),
	MANY(limit, "NAME", limits, limit_count, config_limit, config_limit_keys, KEY_ON_RELOAD,
	     "A limit over all that fits: over several sources, sites or campaigns together, "
	     "beside the limits of each path. Several may hold at once."),
	ONE(retry, config_retry_keys, KEY_ON_RELOAD, "When a deferred recipient is tried again."),
	MANY(retry_class, "CLASS", retry_classes, retry_class_count, config_retry_class,
	     config_retry_class_keys, KEY_ON_RELOAD,
	     "Other waits after deferrals of one class: mailbox-full, rate-limited, network, "
	     "..., as `rundbrief report` names them."),
	ONE(campaigns, config_campaigns_keys, KEY_BY_COMMAND,
	    "What holds for every campaign that does not say otherwise: its sample, and when "
	    "it pauses by itself (see `rundbrief help campaign`)."),
	ONE(tls_report, tls_report_keys, KEY_BY_COMMAND,
	    "Daily reports on TLS to the domains that ask for them (RFC 8460); see `rundbrief "
	    "tls-report`."),
	ONE(preview, preview_keys, KEY_BY_COMMAND, "The browser of `rundbrief preview --picture`."),
	{"", NULL, 0, 0, 0, root_keys, KEY_AT_START, "Outside of any section:"},
	{NULL, NULL, 0, 0, 0, NULL, KEY_AT_START, NULL},
};

const struct key_table config_table = {config_sections};
