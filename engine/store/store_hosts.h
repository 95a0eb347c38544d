/* store_hosts.h - what is learned about mail hosts, and what became of TLS there.
 * A card of store.h, which says what holds for all of them. */
#pragma once

#include "engine/net/tls_policy.h"
#include "engine/store/store_base.h"

/* What has been learned about a mail host, by any engine: how messages may follow one another
 * (flight: 0 lockstep, 1 group, 2 next, 3 chunk, 4 window), and what did not work and is
 * not tried again before a time. */
struct store_host {
	str name; /* lower case, at most 255 bytes */
	uint8_t flight;
	uint8_t flight_limit; /* the most that is tried before limit_until_wall */
	uint16_t window;
	uint32_t messages_per_connection; /* it closes after so many; 0: not known */
	uint32_t proven; /* it took so many on a connection without hanging up */
	usec limit_until_wall, messages_until_wall, tls_broken_until_wall; /* 0: no limit */
	str note;          /* why, for people; kept to 200 bytes, controls become spaces */
	usec changed_wall; /* when it was learned */
};

struct store_hosts_load {
	struct store_request request;
	struct arena *arena;
	size_t limit;
	const struct store_host *ret_hosts; /* the newest first */
	size_t ret_count;
};
void store_hosts_load(struct store *, struct store_hosts_load *);

/* Per name the newest stays, whoever saves it and how often. Hosts about which nothing new was
 * saved for 60 days are forgotten. A host without a name is not saved. */
struct store_hosts_save {
	struct store_request request;
	const struct store_host *hosts;
	size_t count;
};
void store_hosts_save(struct store *, struct store_hosts_save *);

/* Sessions with a host of a domain, by what became of TLS, for the report to that domain (RFC
 * 8460 4). Statistics, never verdicts: a save whose answer was lost may be counted twice when
 * it is asked again. Texts are bounded; of a day and a domain about 1,000 different failures
 * are kept apart, the others are counted by fault alone. Forgotten after 30 days. */
struct store_tls_result {
	usec day_wall; /* any time of the day (UTC) */
	enum tls_policy_type policy;
	str policy_domain; /* A-labels, lower case */
	str policy_text;   /* a line each: of the STS policy, or a TLSA record; 4,096 bytes */
	enum tls_fault fault;
	str source_address, mx_host, mx_address; /* empty: not known, or of no interest */
	str reason;                              /* in words of the TLS library; 200 bytes */
	uint64_t count;
};

struct store_tls_save {
	struct store_request request;
	const struct store_tls_result *results;
	size_t count;
};
void store_tls_save(struct store *, struct store_tls_save *);
