/* classify.h - what a reply means: its class, and under it the cause where the action differs.
 * One function for every ending. Classes are those of the field's taxonomy; rules.tsv says how
 * text and codes become one (its head explains the language), classify.c what follows for the
 * recipient. The rules never see a local reply: what we saw ourselves we know. */
#pragma once

#include "engine/base/arena.h"
#include "engine/base/usec.h"
#include "engine/smtp/reply.h"

enum bounce_class {
	CLASS_NONE, /* a positive reply */
	CLASS_BAD_MAILBOX,
	CLASS_INACTIVE_MAILBOX,
	CLASS_BAD_DOMAIN,
	CLASS_MAILBOX_FULL,
	CLASS_RECIPIENT_REFUSED,
	CLASS_RELAY_DENIED,
	CLASS_RATE_LIMITED,
	CLASS_GREYLISTED,
	CLASS_REPUTATION,
	CLASS_AUTH_FAILURE,
	CLASS_SENDER_REJECTED,
	CLASS_SPAM_CONTENT,
	CLASS_CONTENT_REJECTED,
	CLASS_MESSAGE_TOO_LARGE,
	CLASS_POLICY,
	CLASS_REMOTE_FAILURE,
	CLASS_NETWORK,
	CLASS_EXPIRED,
	CLASS_PROTOCOL_ERROR,
	CLASS_UNKNOWN,
	CLASS_COMPLAINT,
	CLASS_AUTO_REPLY,
	CLASS_DELIVERED, /* reported by mail, never by a session */
	CLASS_COUNT,
};
extern const char *const bounce_class_names[CLASS_COUNT]; /* "none", "bad-mailbox", ... */

/* The verdict on one recipient (design: four outcomes, and two without any attempt). The
 * numbers stand in the database and in the journal: never renumber. */
enum verdict {
	VERDICT_NONE = 0,
	VERDICT_DELIVERED = 1,
	VERDICT_DEFERRED = 2,
	VERDICT_FAILED = 3,
	VERDICT_IN_DOUBT = 4,
	VERDICT_SUPPRESSED = 5,
	VERDICT_CANCELLED = 6,
	VERDICT_COUNT,
};
extern const char *const verdict_names[VERDICT_COUNT];

struct classification {
	enum bounce_class class;
	enum verdict
		verdict;   /* what an attempt that ended so means for the recipient: delivered,
			      deferred, failed or in doubt (retry limits come on top) */
	bool suppress;     /* a dead address: never mail it again */
	const char *cause; /* finer name from bounces.md, a literal; never NULL */
	uint32_t rule;     /* line of rules.tsv that won; 0: by code alone */
	usec wait;         /* "try again in N minutes" as the server asked; 0: not said */
	uint8_t retry_limit; /* of a deferral: so many further attempts at most; 0: until expiry
			      */
};

struct classifier; /* immutable after creation: one serves all threads */

/* Builds the automaton from the embedded rules in the arena (a few MB); NULL at its limit. */
[[nodiscard]] struct classifier *classifier_create(struct arena *);
/* The same from another table, which must stay: what is left of the rules when some are gone. A
 * mistake in it is asserted. */
[[nodiscard]] struct classifier *classifier_create_from(struct arena *, str table);
/* provider is the short name of the MX's owner ("gmail", "yahoo", ...), empty when unknown. */
struct classification classify(const struct classifier *, const struct reply *, str provider);
/* One line out of a log: reply_code TAB enhanced_code TAB text; fields may be empty or missing,
 * the text may itself begin with the codes. Stage and provider are unknown. */
struct classification classify_line(const struct classifier *, str line);
