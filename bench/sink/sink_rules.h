/* sink_rules.h - which fate a recipient meets. Repeatable: it is drawn from a hash of the
 * address and a seed, so that the same recipient always meets the same one, in every run. */
#pragma once

#include "engine/base/str.h"
#include "engine/base/usec.h"

enum fate { FATE_ACCEPT, FATE_REJECT, FATE_DEFER, FATE_DROP, FATE_HANG };

/* What is answered to a share of the recipients. */
struct sink_share {
	double share; /* 0 to 1 */
	uint16_t code;
	char status[12]; /* "5.1.1" */
	char text[120];
};

struct sink_rules {
	struct sink_share reject, defer;
	uint32_t defer_times;  /* a deferred recipient gets through after so many times */
	double drop_after_dot; /* taken, but the connection ends without a reply, once */
	bool drop_loses;       /* ... and not taken at all */
	double hang_after_dot; /* taken, and no reply for an hour */
	bool at_end;           /* reject and defer after the message, not at RCPT */
	usec delay;            /* before the reply to a flight that ends a message */
	usec latency;          /* of a far host: to that reply, from when the flight came */
	usec tarpit;           /* before every reply */
	bool split_replies;    /* one byte at a time */
	uint64_t max_connections, max_messages; /* 0: no limit */
	uint64_t seed;
};

void sink_rules_init(struct sink_rules *);
/* "3%", "0.1%", "3%:550 5.1.1 no such user"; false when it is none of these. */
[[nodiscard]] bool sink_share_parse(str text, struct sink_share *);
[[nodiscard]] bool sink_percent_parse(str text, double *ret_share);
/* The key of a recipient: its address without regard to case. */
uint64_t sink_recipient_key(const struct sink_rules *, str address);
/* The fate by reject and defer; the shares do not overlap. */
enum fate sink_recipient_fate(const struct sink_rules *, uint64_t key);
/* The fate of the connection at the final dot, drawn apart. */
enum fate sink_end_fate(const struct sink_rules *, uint64_t key);
