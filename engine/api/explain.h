/* explain.h - which limits hold for the mail to a domain, and whose word each is: what
 * `rundbrief explain` gathers, shown to people and to programs. These are the limits that a
 * path begins with; what replies have taught a running engine is not in it. */
#pragma once

#include "engine/api/cli.h"
#include "engine/send/engine.h"
#include "engine/shape/rules.h"

#define EXPLAIN_WORDS_LIMIT                                                                    \
	16 /* rows that speak of one limit; of more the weakest are left out */
#define EXPLAIN_VALUE_SIZE 64

/* A limit of a path, in the words of tables and configuration. */
struct explain_limit {
	const char *name, *label; /* of its key; for people */
	uint32_t which;           /* a bit of enum rules_own */
};
extern const struct explain_limit explain_limits[]; /* ends with a NULL name */

/* What a key of the configuration says that no row does: TLS, retries. */
struct explain_key {
	char name[120]; /* "smtp.tls", "route \"*\".tls" */
	char value[EXPLAIN_VALUE_SIZE];
	int line; /* of rundbrief.conf; 0: the default */
};
#define EXPLAIN_RETRY_COUNT 6

struct explain {
	struct cli *cli;
	const struct engine_settings *settings;
	const char *asked;
	/* Of the route: */
	bool answered;
	enum local_cause cause;
	char domain[DNS_NAME_SIZE], why[160];
	struct route route;
	bool is_fixed; /* a route of the configuration counts: */
	struct static_route fixed;
	/* Of the rules: */
	bool has_match;
	struct rule_match match; /* the provider's */
	struct explain_key tls, retry[EXPLAIN_RETRY_COUNT];
};

/* Whose this host would be if it were the only one; false: nobody's. */
bool explain_host(const struct explain *, size_t host_index, struct rule_match *ret_match);
/* All rows that speak of the limit, the weakest first; returns how many (at most
 * EXPLAIN_WORDS_LIMIT). */
size_t explain_words(const struct explain *, const struct explain_limit *,
		     struct rule_word *words);
/* What that row says of it: "100/s". */
void explain_value(const struct explain_limit *, const struct path_limits *,
		   char value[EXPLAIN_VALUE_SIZE]);

/* Limits wider than a path (sections limit) that may hold for mail there: a line each, and as
 * the members of a JSON array. */
void explain_put_wide_text(const struct explain *, struct buf *out);
void explain_put_wide_json(const struct explain *, struct buf *out);

void explain_put_text(const struct explain *, struct buf *out);
void explain_put_json(const struct explain *, struct buf *out);
