/* config.h - the configuration of a run: rundbrief.conf as one struct.
 * The table in config.c gives every key its type, unit, range, default and sentence; `rundbrief
 * help config` prints it, `--explain` shows what is in force and where it came from. */
#pragma once

#include "engine/api/keys.h"
#include "engine/base/usec.h"
#include "engine/shape/bucket.h"

struct config_database {
	str conninfo;
	uint64_t tenant;
};

struct config_dns {
	str server; /* empty: the system's */
	uint64_t port;
	usec timeout;
	uint64_t tries;
	bool ipv6;
};

enum config_durability { DURABILITY_CRASH, DURABILITY_DISK };

struct config_engine {
	str name;    /* empty: the host's name */
	str journal; /* directory */
	int durability;
	uint64_t envelopes, connections, slice_size;
	uint64_t presses; /* 0: one a core */
	usec mark_interval;
};

struct config_source {
	str name, address, helo; /* address empty: the kernel chooses */
};

struct config_smtp {
	uint64_t port;
	bool allow_loopback;
	int tls; /* enum tls_wish */
	usec greeting_timeout, command_timeout, data_timeout, block_timeout, end_timeout;
};

struct config_route {
	str name; /* the domain, or "*" */
	str host;
	uint64_t port; /* 0: smtp.port */
};

struct config_limits {
	str name;
	struct key_list mx; /* suffixes of MX host names; of providers only */
	uint64_t connections, messages_per_connection;
	struct rate message_rate, connection_rate;
	usec idle_close;
	int flight;       /* 0: learned; else 1 + enum smtp_flight, pinned */
	int flight_limit; /* enum smtp_flight */
	uint64_t window;
	/* Which of them a provider's section sets itself; the others are default_limits'.
	 */
	uint32_t own;
};
enum {
	LIMIT_CONNECTIONS = 1,
	LIMIT_MESSAGES_PER_CONNECTION = 2,
	LIMIT_MESSAGE_RATE = 4,
	LIMIT_CONNECTION_RATE = 8,
	LIMIT_IDLE_CLOSE = 16,
	LIMIT_FLIGHT = 32,
	LIMIT_FLIGHT_LIMIT = 64,
	LIMIT_WINDOW = 128,
};

struct config_dkim {
	str name, domain, selector, key; /* key: file with the private key in PEM */
};

struct config_sending {
	str return_domain, base_url, secret; /* secret: file */
	str unsubscribe_mailbox;
};

struct config_retry {
	usec first, last, greylist_first, expiry;
	double growth, jitter;
};

struct config_tls_report {
	str organization, contact,
		from; /* empty: return_domain, from, tls-reports@return_domain */
	str ca_file;  /* empty: the system's */
};

enum config_in_doubt { IN_DOUBT_ASSUME, IN_DOUBT_RETRY };

struct config {
	struct config_database database;
	struct config_dns dns;
	struct config_engine engine;
	struct config_smtp smtp;
	struct config_limits default_limits;
	struct config_sending sending;
	struct config_retry retry;
	struct config_tls_report tls_report;
	int in_doubt;

	struct config_source *sources;
	struct config_route *routes;
	struct config_limits *providers;
	struct config_dkim *dkims;
	size_t source_count, route_count, provider_count, dkim_count;

	str path; /* the file it came from; empty: built-in defaults only */
	struct key_setting *settings;
};

extern const struct key_table config_table;

/* Reads the file named, or the first there is of $RUNDBRIEF_CONFIG, ./rundbrief.conf,
 * /etc/rundbrief/rundbrief.conf; without any, defaults. 0, or -1 with a sentence. All memory is
 * the arena's. */
[[nodiscard]] int config_load(struct config *ret_config, const char *path, struct arena *,
			      char *ret_why, size_t why_size);
/* The same from text, for tests; path is for messages. */
[[nodiscard]] int config_parse(struct config *ret_config, const char *path, str source,
			       struct arena *, char *ret_why, size_t why_size);
void config_explain(const struct config *, struct buf *out);
/* Reads a small file whole (at most limit_size bytes) into the arena. 0, or -1 with a sentence.
 */
[[nodiscard]] int file_read(const char *path, size_t limit_size, struct arena *, str *ret_text,
			    char *ret_why, size_t why_size);
