/* breaker.h - whether a campaign goes on, and whether it may leave its first sample: pure.
 * It sees a campaign's counts and says CONTINUE, ALARM or PAUSE, with the sentence that a
 * person reads next morning. It keeps no state: who resumes a campaign that paused gives the
 * counts from then on, or it pauses at once again.
 *
 * Shares are fractions (0.05 is 5 %), and a count is never judged below its minimum: one bad
 * address of three says nothing. */
#pragma once

#include <stdint.h>

#include "engine/base/str.h"
#include "engine/base/usec.h"
#include "engine/smtp/classify.h"

struct breaker_rules {
	double hard_share;  /* of the recipients attempted; more pauses */
	double block_share; /* of the answers of one provider; more pauses; the same for what
			       it refuses for the sender's or the message's sake */
	double complaint_share; /* of what was delivered; more pauses */
	double complaint_alarm; /* more only alarms */
	uint64_t attempted_min; /* recipients, before hard bounces are judged */
	uint64_t answered_min;  /* answers of a provider, before its blocks are judged */
	uint64_t delivered_min; /* before complaints are judged */
	uint64_t events_min;    /* so many hard bounces, blocks or complaints at least */
};
extern const struct breaker_rules breaker_rules_default; /* 5 %, 3 %, 0.3 %, 0.1 % */

struct breaker_provider {
	str name;          /* short, "gmail"; empty: the mail hosts that are nobody's */
	uint64_t answered; /* attempts that a server there answered, taken or not */
	uint64_t blocked;  /* of them, breaker_is_block() */
	/* Of them, those that concern the sender domain or the message, and so everybody: */
	uint64_t auth_failed, sender_rejected, content_rejected;
};

struct breaker_counts {
	uint64_t attempted; /* recipients with an outcome of any kind */
	uint64_t delivered;
	uint64_t hard; /* recipients that failed and breaker_is_hard() */
	uint64_t complaints;
	const struct breaker_provider *providers;
	size_t provider_count;
};

enum breaker_verdict { BREAKER_CONTINUE, BREAKER_ALARM, BREAKER_PAUSE };
enum breaker_cause {
	BREAKER_NONE,
	BREAKER_HARD,
	BREAKER_BLOCKS,
	BREAKER_SENDER,  /* its domain, or how it proves itself */
	BREAKER_MESSAGE, /* malware, a forbidden attachment */
	BREAKER_COMPLAINTS,
};
#define BREAKER_WHY_SIZE 256

struct breaker_judgement {
	enum breaker_verdict verdict;
	enum breaker_cause cause;
	size_t provider;            /* of BLOCKS, SENDER and MESSAGE: its index in the counts */
	char why[BREAKER_WHY_SIZE]; /* one sentence with its figures; "" when it continues */
};

/* Which final failures speak against the list, and which answers (code 0: none was given) speak
 * of a provider that refuses the campaign. */
bool breaker_is_hard(enum bounce_class);
bool breaker_is_block(enum bounce_class, uint16_t code);

/* The gravest finding: of several that pause, complaints first, then blocks, the sender, the
 * message, hard. */
struct breaker_judgement breaker_judge(const struct breaker_rules *,
				       const struct breaker_counts *);

/* --- the ramp: a sample goes first --- */

struct ramp_rules {
	double share;         /* of the audience */
	uint64_t count_min;   /* the sample is the larger of the two; both 0: no sample */
	double settled_share; /* of the sample, whose outcome lets the rest follow */
	usec patience;        /* after it, enough_share will do */
	double enough_share;
};
extern const struct ramp_rules ramp_rules_default; /* 1 %, 1,000, 90 %, 30 min, 50 % */

struct ramp_state {
	uint64_t sample;  /* what ramp_sample() said when the campaign started */
	uint64_t settled; /* of the recipients started: delivered, failed or otherwise over */
	usec started_at;  /* the first attempt; the same clock as now */
};

enum ramp_verdict {
	RAMP_WAIT,  /* start nobody beyond the sample yet */
	RAMP_STUCK, /* the same, and too long: worth an alarm */
	RAMP_GO,
	RAMP_PAUSE, /* the sample tripped the breaker */
};

struct ramp_judgement {
	enum ramp_verdict verdict;
	char why[BREAKER_WHY_SIZE]; /* one sentence; "" when it goes */
};

/* How many recipients go first; never more than the audience. */
uint64_t ramp_sample(const struct ramp_rules *, uint64_t audience);
/* judged is breaker_judge() of the same moment: an alarm lets the campaign go on. */
struct ramp_judgement ramp_judge(const struct ramp_rules *, const struct ramp_state *,
				 const struct breaker_judgement *judged, usec now);
