/* check.h - one check under way: a question or two, then one finding.
 * The run (preflight.c) starts checks and collects; the judges (judge.c) read answers, ask on,
 * or conclude. */
#pragma once

#include "engine/preflight/preflight.h"

struct preflight_run;

struct check {
	struct dns_question question;
	struct preflight_run *run;
	void (*judge)(struct check *, const struct dns_answer *);
	int step;     /* how many answers came before this one */
	str name;     /* the domain, or what was asked last */
	str wanted;   /* DKIM: the public key we sign with */
	str zone;     /* the record to publish if it is missing */
	bool aligned; /* DKIM: d= and From share a domain */
	str helo;     /* PTR: what the source says in EHLO */
	struct net_address address;
	struct preflight_finding finding;
};

void judge_mx(struct check *, const struct dns_answer *);
void judge_spf(struct check *, const struct dns_answer *);
void judge_dkim(struct check *, const struct dns_answer *);
void judge_dmarc(struct check *, const struct dns_answer *);
void judge_ptr(struct check *, const struct dns_answer *);

/* Asks on: judge is called again with the answer, step one higher. */
void check_ask_address(struct check *, str host);
void check_ask_text(struct check *, str name);
/* Ends the check with one finding; publish: show the zone line with it. */
__attribute__((format(printf, 4, 5))) void
check_conclude(struct check *, enum preflight_level, bool publish, const char *format, ...);
/* Text from DNS or a person as a printable C string in the run's arena. */
const char *check_shown(struct check *, str);
