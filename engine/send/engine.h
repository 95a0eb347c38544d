/* engine.h - the sending engine as its callers see it: settings in, a campaign sent, progress
 * out. Four workers run on threads of their own (feeder, press, carrier, ledger); engine_run()
 * returns when the campaign is finished, when asked to stop, or when it cannot go on. Settings
 * and all they point at must outlive the run. */
#pragma once

#include "engine/base/usec.h"
#include "engine/net/route.h"
#include "engine/net/source.h"
#include "engine/net/token.h"
#include "engine/shape/backoff.h"
#include "engine/shape/path.h"
#include "engine/shape/quota.h"
#include "engine/sign/dkim.h"
#include "engine/smtp/client.h"
#include "engine/store/store.h"

struct rules; /* engine/shape/rules.h: provider data and limits */
struct tunings; /* engine/send/tuning.h: what may change under way */

/* What a relay wants to know of us (sasl.h, token.h); by its index in the router's relays. */
struct relay_login {
	bool wanted; /* false: no AUTH there */
	str user, password;
	str mechanisms; /* allowed ones, by preference; empty: all */
	bool in_clear;  /* passwords and tokens without TLS, too */
	bool has_token; /* an OAuth token, by: */
	struct token_source_config token;
};

/* A limit over everything that fits all of its criteria; an empty one fits all. Criteria of a
 * campaign do not go with limits of connections, which carry mail of all. */
struct limit_rule {
	str name;
	str source, provider, site; /* of paths */
	str campaign, list;         /* of campaigns, by name */
	struct quota_limits limits;
};

#define ENGINE_MARK_INTERVAL (50 * USEC_MS) /* where settings say nothing */

struct engine_settings {
	const char *name; /* of this engine in the database; unique per journal */
	const char *journal_directory;
	bool durable_disk;         /* marks and outcomes reach the disk before they count */
	uint64_t journal_segment_size; /* 0: as usual; tests make it small */
	struct store_config store; /* conninfo, tenant, time-outs */
	const char *pooler;        /* the same way through a pooler; NULL: there is none */
	struct resolver_config dns;
	struct router_config route;       /* fetcher and loop are the engine's to fill in */
	const struct relay_login *logins; /* as many as route.relays; NULL: none */
	const char *ca_file; /* who vouches for servers, of mail and of policies; NULL: the
				system's */
	const char *certificate_file, *key_file; /* shown to servers that ask; NULL: none */
	bool tls_1_3_only;
	bool ask_dsn; /* for reports of failure, of servers that offer DSN (RFC 3461) */
	const char *congestion; /* of TCP towards mail servers; NULL: the system's */
	const struct source *sources;
	size_t source_count; /* >= 1 */
	/* Of each source; NULL where it is warm. NULL: all are. */
	const struct warmup_curve *const *warmups;
	const struct source_pool *pools; /* as routes and campaigns name them */
	size_t pool_count;
	struct smtp_timeouts timeouts;
	const struct classifier *classifier; /* NULL: the engine builds its own */
	struct rules *rules;                 /* NULL: path_limits_default for all */
	struct path_limits default_limits;
	const struct limit_rule *limit_rules; /* limits wider than a path */
	size_t limit_rule_count;
	struct tunings *tunings; /* NULL: neither limits, nor retry, nor timeouts will change */
	struct dkim_key *const *dkim_keys;
	size_t dkim_key_count; /* 0: unsigned */
	str secret;            /* of tokens: lines of at least 16 bytes, the newest first */
	str return_domain, base_url, unsubscribe_mailbox;
	struct retry_schedule retry;
	uint32_t press_count;      /* 0: one per core */
	uint32_t envelope_limit;   /* recipients held in memory; 0: 20,000 */
	uint32_t connection_limit; /* of this engine; 0: 1,000 */
	uint32_t slice_size;       /* recipients cut at once; 0: 5,000 */
	usec mark_interval;        /* start marks are committed at most so often; 0: 50 ms */
	usec drain_limit;          /* asked to stop, it waits so long for dots; 0: 30 s */
	usec watchdog;             /* a worker silent for half of it hangs; 0: nobody watches */
	bool mask_new_io;          /* io_options.mask_new */
};

struct engine_progress {
	enum campaign_state state;
	bool fully_cut;
	uint64_t targeted; /* of the slices cut while this engine ran */
	uint64_t started, delivered, deferred, failed, in_doubt, suppressed,
		cancelled; /* of this run */
	uint32_t connections, waiting, parked_domains;
	bool ready; /* what the last run left is settled, and the stop feed is heard */
	const char *stuck; /* a worker that has stopped turning; NULL: none, or nobody watches */
	uint64_t settled;
	bool database_lost;
	usec next_due_wall; /* of the earliest deferral when nothing else is left; USEC_NEVER */
	char trouble[256];  /* one sentence, empty when all is well */
	uint64_t for_winner; /* recipients who wait until the winner is named; 0: none, or
				others are under way */
};

enum engine_end {
	ENGINE_FINISHED,  /* the campaign is finished */
	ENGINE_STOPPED,   /* asked to stop: what was not started was put back */
	ENGINE_CANCELLED, /* somebody cancelled the campaign; a paused one is waited for */
	ENGINE_FAILED,    /* why says what and what to do */
};

/* After an end that could not wait for dots any longer, so long for the ledger to settle what came of
 * that; beyond it, the journal keeps what is left. */
#define ENGINE_SETTLE_LIMIT (10 * USEC_SECOND)

/* Runs until the campaign is finished; campaign_id 0: all that run, until it is stopped.
 * on_progress is called about five times a second from the calling thread; returning false asks
 * the engine to stop in order (dots finish, the rest is put back). A second call with false
 * within the grace period ends it at once: what was under way is in doubt. */
enum engine_end engine_run(const struct engine_settings *, uint64_t campaign_id,
			   bool (*on_progress)(void *context, const struct engine_progress *),
			   void *context, char *ret_why, size_t why_size);

/* One message outside of any campaign run (send --test, reports), which lives during the call.
 */
struct engine_letter {
	str mail_from, to;
	str signature, message; /* CRLF lines */
	/* It is to arrive although TLS fails, as a TLS report may (RFC 8460 3): see single.h.
	 */
	bool tls_exempt;
};
/* Delivers it over the same route, client and TLS; nothing is journalled or settled. Fills the
 * final reply's text, printable. 0: accepted. single.h tells more. */
int engine_send_test(const struct engine_settings *, const struct engine_letter *,
		     char *ret_reply, size_t reply_size);

/* All capacities that follow from the settings, one a line, as printed at start. */
void engine_print_limits(const struct engine_settings *, struct buf *out);
