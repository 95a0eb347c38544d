/* incident.h - a provider that suddenly does not know its own users: pure, given now.
 * On 14 and 15 December 2020 Gmail answered 550 5.1.1 for live users, for hours: whoever took
 * it at its word lost good addresses. A detector looks at one provider through a sliding window
 * and finds when "no such mailbox" is answered far more often than usual: then nothing goes
 * there any more, and what was suppressed by its word waits for a person (store_incident()). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/usec.h"

struct incident_rules {
	usec window;          /* 10 min */
	uint32_t counted_min; /* answers in the window before it is judged: 200 */
	double share_min;     /* never below this share: 5 % */
	double usual_factor;  /* nor below so many times the usual: 4 */
};
extern const struct incident_rules incident_rules_default;
/* The same over two hours: where mail goes slowly, ten minutes never hold 200 answers. */
extern const struct incident_rules incident_rules_slow;

#define INCIDENT_BUCKETS 20 /* of the window: it slides in steps of a 20th */

struct incident {
	struct incident_rules rules;
	double usual; /* share of 30 days, see provider_usual() of sql/0008; 0: not known */
	struct incident_bucket {
		int64_t step; /* number of its step since 0 of the clock */
		uint32_t counted, bad;
	} buckets[INCIDENT_BUCKETS];
};

struct incident_finding {
	bool found;
	uint32_t counted, bad; /* in the window */
	double rate, usual, limit;
	usec from; /* begin of the window's oldest step that counts */
};

void incident_init(struct incident *, const struct incident_rules *, double usual);
/* One answer of the provider to RCPT or to the final dot; no smaller now than before. */
void incident_record(struct incident *, bool bad_mailbox, usec now);
struct incident_finding incident_judge(const struct incident *, usec now);
/* Forgets what it counted: a person has looked at it. */
void incident_clear(struct incident *);
/* The finding as a sentence that begins with the provider's name; never more than size with its
 * NUL. */
void incident_say(const struct incident_finding *, const char *provider, char *out,
		  size_t size);
