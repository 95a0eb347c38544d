/* config.h - the configuration of a run: rundbrief.conf as one struct.
 * The table in config_keys.c gives every key its type, unit, range, default and sentence;
 * `rundbrief help config` prints it, `--explain` shows what is in force and where it came from.
 */
#pragma once

#include "engine/api/keys.h"
#include "engine/base/usec.h"
#include "engine/net/tls_policy.h"
#include "engine/shape/bucket.h"
#include "engine/smtp/classify.h"

struct config_database {
	str conninfo;
	str pooler; /* empty: none */
	uint64_t tenant;
};

struct config_dns {
	str server; /* empty: the system's */
	uint64_t port;
	usec timeout;
	uint64_t tries;
	bool ipv6, trust_ad;
};

enum config_durability { DURABILITY_PROCESS, DURABILITY_DISK };

struct config_engine {
	str name;    /* empty: the host's name */
	str journal; /* directory */
	int durability;
	uint64_t envelopes, connections, slice_size;
	uint64_t presses; /* 0: one a core */
	usec mark_interval, drain, lease, journal_wait;
};

struct config_source {
	str name, address, address6, helo;     /* both addresses empty: the kernel chooses */
	str proxy, proxy_user, proxy_password; /* password: file */
	str warmup;                            /* name of the curve; empty: it is warm */
};

struct config_pool {
	str name;
	struct key_list sources, weights; /* as many, or no weights */
};

struct config_warmup {
	str name;
	struct key_list days;
	str hours, start, defer_limit, complaint_limit, least_used;
	uint64_t idle_days;
};

enum config_tls_minimum { TLS_MINIMUM_1_2, TLS_MINIMUM_1_3 };

struct config_smtp {
	uint64_t port;
	bool allow_loopback;
	int tls; /* enum tls_wish */
	str ca_file, certificate, certificate_key;
	int tls_minimum; /* enum config_tls_minimum */
	uint64_t policy_port;
	bool address_literals, dsn;
	int ip; /* enum ip_family_policy */
	str congestion;
	usec greeting_timeout, command_timeout, data_timeout, block_timeout, end_timeout;
};

enum config_protocol { PROTOCOL_SMTP, PROTOCOL_LMTP };
#define CONFIG_TLS_AUTO 0 /* of a relay or a route; else 1 + enum tls_wish */

struct config_relay {
	str name, host;
	uint64_t port; /* 0: see config_relay_port() */
	int protocol;
	int tls; /* see config_relay_tls() */
	bool implicit_tls;
	uint64_t weight, preference;
	str user, password, password_env; /* password: file */
	struct key_list mechanisms;
	bool auth_in_clear;
	str token_endpoint, client_id, client_secret, refresh_token, token_scope,
		token; /* client_secret, refresh_token and token: files */
};

struct config_route {
	str name; /* the domain, "provider:NAME", "list:NAME" or "*" */
	struct key_list relays;
	str host;      /* instead of relays */
	uint64_t port; /* 0: smtp.port */
	int tls;       /* CONFIG_TLS_AUTO: not set */
	str pool;      /* empty: the campaign's, or all sources */
};

enum config_scope { SCOPE_SITE, SCOPE_PROVIDER };

#define LIMIT_COUNT 11
struct config_limits {
	str name;
	struct key_list mx; /* suffixes of MX host names; of providers only */
	uint64_t connections, messages_per_connection;
	struct rate message_rate, connection_rate, byte_rate;
	usec idle_close;
	int flight;       /* 0: learned; else 1 + enum smtp_flight, pinned */
	int flight_limit; /* enum smtp_flight */
	uint64_t window;
	int scope; /* enum config_scope */
	int tls;   /* enum path_tls */
	/* Which of them a section sets itself; the others are as shipped, or default_limits'.
	 */
	uint32_t own;
	uint32_t line, lines[LIMIT_COUNT]; /* of the first key; of each, by its bit */
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
	LIMIT_BYTE_RATE = 256,
	LIMIT_SCOPE = 512,
	LIMIT_TLS = 1024,
};

struct config_dkim {
	str name, domain, selector, key; /* key: file with the private key in PEM */
};

struct config_sending {
	str return_domain, base_url, secret; /* secret: file */
	str unsubscribe_mailbox;
	str day_zone; /* config_day_zone() */
};

struct config_retry {
	usec first, last, greylist_first, expiry;
	double growth, jitter;
};

/* Of one class of deferrals. */
struct config_retry_class {
	str name;         /* of enum bounce_class */
	usec first, last; /* 0: as built in */
};

/* A limit wider than a path; an empty criterion fits all. */
struct config_limit {
	str name;
	str source, provider, site, campaign, list;
	struct rate message_rate, byte_rate, connection_rate;
	uint64_t connections; /* 0: no limit */
};
#define CONFIG_LIMITS_LIMIT 256 /* sections: the carrier asks each about each path */

/* When a campaign pauses by itself: shares above which it does, 0 to 1; 0: as built in. */
struct config_breaker {
	double hard, blocks, complaints, complaints_alarm;
	uint64_t least; /* 0: as built in */
};

/* Of all campaigns that do not say otherwise. */
struct config_campaigns {
	str sample; /* empty: as built in */
	bool ramp;
	struct config_breaker breaker;
	struct key_list lint_off;
	str inline_css; /* empty: styles stay where they are */
};

struct config_tls_report {
	str organization, contact,
		from; /* empty: return_domain, from, tls-reports@return_domain */
	str ca_file;  /* empty: smtp.ca_file */
};

struct config_preview {
	str browser; /* empty: see browser_find() */
	usec timeout;
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
	struct config_campaigns campaigns;
	struct config_tls_report tls_report;
	int in_doubt;
	str providers_file; /* empty: none */

	struct config_source *sources;
	struct config_pool *pools;
	struct config_warmup *warmups;
	struct config_relay *relays;
	struct config_route *routes;
	struct config_limits *providers;
	struct config_dkim *dkims;
	struct config_retry_class *retry_classes;
	struct config_limit *limits;
	size_t source_count, pool_count, warmup_count, relay_count, route_count, provider_count,
		dkim_count, retry_class_count, limit_count;

	str path; /* the file it came from; empty: built-in defaults only */
	struct key_setting *settings;
	struct config_preview preview;
};

extern const struct key_table config_table;
extern const struct key config_breaker_keys[]; /* of struct config_breaker */

/* Reads the file named, or the first there is of $RUNDBRIEF_CONFIG, ./rundbrief.conf,
 * /etc/rundbrief/rundbrief.conf; without any, defaults. 0, or -1 with a sentence. All memory is
 * the arena's. */
[[nodiscard]] int config_load(struct config *ret_config, const char *path, struct arena *,
			      char *ret_why, size_t why_size);
/* The same from text, for tests; path is for messages. */
[[nodiscard]] int config_parse(struct config *ret_config, const char *path, str source,
			       struct arena *, char *ret_why, size_t why_size);
/* What no single value shows: keys that need or rule out each other, names that lead nowhere.
 * 0, or -1 with "FILE:LINE: sentence". config_parse() has asked. */
[[nodiscard]] int config_check(const struct config *, char *ret_why, size_t why_size);
/* With the defaults that follow from other keys. */
uint16_t config_relay_port(const struct config *, const struct config_relay *);
enum tls_wish config_relay_tls(const struct config *, const struct config_relay *);
bool config_relay_has_login(const struct config_relay *);
/* Name, addresses, proxy and its user; helo only when it is set, the password never. 0, or -1
 * with a sentence that repeats no secret. */
struct source;
[[nodiscard]] int config_read_source(const struct config_source *, struct source *ret_source,
				     char *ret_why, size_t why_size);
/* The curve of a section, or of the built-in name "standard" without one; 0, or -1 with a
 * sentence that begins with the key. Its zone is config_day_zone()'s. */
struct warmup_curve;
[[nodiscard]] int config_read_warmup(const struct config *, const struct config_warmup *,
				     struct warmup_curve *ret_curve, char *ret_why,
				     size_t why_size);
/* The section of that name; NULL: none. */
const struct config_warmup *config_warmup_find(const struct config *, str name);
bool config_has_curve(const struct config *, str name);
const struct config_pool *config_pool_find(const struct config *, str name);
/* 1 to 1,000; 1 where the pool has no weights. 0: the text is no such number. */
uint32_t config_pool_weight(const struct config_pool *, size_t index);
/* "UTC", "+02:00": how far days begin before those of UTC. */
[[nodiscard]] bool config_day_zone(str text, usec *ret_zone);
/* What config_check() asks of them. 0, or -1 with the sentence. */
[[nodiscard]] int config_check_database(const struct config *, char *ret_why, size_t why_size);
[[nodiscard]] int config_check_pools(const struct config *, char *ret_why, size_t why_size);
/* The same of limits wider than a path, retries of a class and the section campaigns. */
[[nodiscard]] int config_check_policy(const struct config *, char *ret_why, size_t why_size);
/* The class of that name that a deferral may have; CLASS_NONE: there is none. */
enum bounce_class config_retry_class(str name);
/* -1, after "FILE:LINE: section "TITLE".key: sentence", the sentence cut to 300 bytes; key ""
 * when it is about the whole section. */
int config_refuse(const struct config *, const char *section, str title, const char *key,
		  const char *sentence, char *ret_why, size_t why_size);
void config_explain(const struct config *, struct buf *out);
/* Reads a small file whole (at most limit_size bytes) into the arena. 0, or -1 with a sentence.
 */
[[nodiscard]] int file_read(const char *path, size_t limit_size, struct arena *, str *ret_text,
			    char *ret_why, size_t why_size);
/* The same for a file that holds a secret: -1 also when everybody may read it. */
[[nodiscard]] int file_read_private(const char *path, size_t limit_size, struct arena *,
				    str *ret_text, char *ret_why, size_t why_size);
