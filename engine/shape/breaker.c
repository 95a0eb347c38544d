/* breaker.c - the figures at which a campaign pauses by itself.
 * A share alone would trip on the third message, so each has two minimums: of what it is a
 * share of, and of the events themselves. */
#include "engine/shape/breaker.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "engine/base/assert.h"

const struct breaker_rules breaker_rules_default = {
	.hard_share = 0.05,
	.block_share = 0.03,
	.complaint_share = 0.003,
	.complaint_alarm = 0.001,
	.attempted_min = 200,
	.answered_min = 200,
	.delivered_min = 1000,
	.events_min = 5,
};

const struct ramp_rules ramp_rules_default = {
	.share = 0.01,
	.count_min = 1000,
	.settled_share = 0.90,
	.patience = 30 * USEC_MINUTE,
	.enough_share = 0.50,
};

bool breaker_is_hard(enum bounce_class class)
{
	return class == CLASS_BAD_MAILBOX || class == CLASS_INACTIVE_MAILBOX ||
	       class == CLASS_BAD_DOMAIN;
}

/* A policy is only a block when it is final: 4yz policies are mostly greylists by another name.
 * Content that is refused is the campaign's own block. */
bool breaker_is_block(enum bounce_class class, uint16_t code)
{
	if (class == CLASS_POLICY || class == CLASS_SPAM_CONTENT)
		return code >= 500 && code < 600;
	return class == CLASS_REPUTATION && code != 0;
}

/* --- one share --- */

static double share_of(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0.0;
}

static bool is_beyond(const struct breaker_rules *rules, uint64_t part, uint64_t whole,
		      uint64_t whole_min, double limit)
{
	return whole >= whole_min && part >= rules->events_min && share_of(part, whole) > limit;
}

/* By more than chance makes of a share that is just allowed (one standard deviation of the events):
 * 15 of 269 do not pause a list of which 3 % are dead. */
static bool is_beyond_chance(uint64_t part, uint64_t whole, double limit)
{
	double over = (double)part - limit * (double)whole;

	return over > 0 && over * over > limit * (double)whole;
}

/* The gravest yet, and whether the new finding is graver: equal ones keep their order. */
static bool outranks(const struct breaker_judgement *found, enum breaker_verdict verdict)
{
	return verdict > found->verdict;
}

static void find(struct breaker_judgement *found, enum breaker_verdict verdict,
		 enum breaker_cause cause)
{
	found->verdict = verdict;
	found->cause = cause;
}

static void judge_complaints(struct breaker_judgement *found, const struct breaker_rules *rules,
			     const struct breaker_counts *n)
{
	enum breaker_verdict verdict = BREAKER_CONTINUE;
	double limit = rules->complaint_share;

	if (is_beyond(rules, n->complaints, n->delivered, rules->delivered_min, limit)) {
		verdict = BREAKER_PAUSE;
	} else if (is_beyond(rules, n->complaints, n->delivered, rules->delivered_min,
			     rules->complaint_alarm)) {
		verdict = BREAKER_ALARM;
		limit = rules->complaint_alarm;
	}
	if (!outranks(found, verdict))
		return;
	find(found, verdict, BREAKER_COMPLAINTS);
	snprintf(found->why, sizeof(found->why),
		 "%.3g %% of those who got it complained (%" PRIu64 " of %" PRIu64
		 "; the limit is %.3g %%): look at who was asked whether they want it",
		 100 * share_of(n->complaints, n->delivered), n->complaints, n->delivered,
		 100 * limit);
}

/* What a provider may say too often, and what a person should do then. */
struct refusal {
	enum breaker_cause cause;
	size_t offset; /* of its count in breaker_provider */
	const char *did, *advice;
};

static const struct refusal kinds[] = {
	{BREAKER_BLOCKS, offsetof(struct breaker_provider, blocked), "as unwanted",
	 "read what it says before going on"},
	{BREAKER_SENDER, offsetof(struct breaker_provider, auth_failed),
	 "because SPF, DKIM or DMARC fail", "correct the sender domain's records or key"},
	{BREAKER_SENDER, offsetof(struct breaker_provider, sender_rejected),
	 "for its sender address", "look whether the domain exists and takes mail"},
	{BREAKER_MESSAGE, offsetof(struct breaker_provider, content_rejected),
	 "as malware or forbidden content", "look at the message and where its links lead"},
};

static uint64_t count_of(const struct breaker_provider *p, const struct refusal *kind)
{
	return *(const uint64_t *)((const char *)p + kind->offset);
}

/* The provider with the largest share says it. */
static void judge_kind(struct breaker_judgement *found, const struct breaker_rules *rules,
		       const struct breaker_counts *n, const struct refusal *kind)
{
	double worst = 0.0;

	if (!outranks(found, BREAKER_PAUSE))
		return;
	for (size_t i = 0; i < n->provider_count; i++) {
		const struct breaker_provider *p = &n->providers[i];
		uint64_t count = count_of(p, kind);
		double share = share_of(count, p->answered);
		if (!is_beyond(rules, count, p->answered, rules->answered_min,
			       rules->block_share) ||
		    share <= worst)
			continue;
		worst = share;
		find(found, BREAKER_PAUSE, kind->cause);
		found->provider = i;
		str name = p->name.size ? str_sub(p->name, 0, 64) : STR("the other hosts");
		snprintf(found->why, sizeof(found->why),
			 "%.*s refused %.3g %% %s (%" PRIu64 " of %" PRIu64
			 " answers; the limit is %.3g %%): %s",
			 STR_FORMAT(name), 100 * share, kind->did, count, p->answered,
			 100 * rules->block_share, kind->advice);
	}
}

static void judge_hard(struct breaker_judgement *found, const struct breaker_rules *rules,
		       const struct breaker_counts *n)
{
	if (!is_beyond(rules, n->hard, n->attempted, rules->attempted_min, rules->hard_share) ||
	    !is_beyond_chance(n->hard, n->attempted, rules->hard_share) ||
	    !outranks(found, BREAKER_PAUSE))
		return;
	find(found, BREAKER_PAUSE, BREAKER_HARD);
	snprintf(found->why, sizeof(found->why),
		 "%.3g %% of the addresses are dead (%" PRIu64 " of %" PRIu64
		 " attempted; the limit is %.3g %%): the list is old, or not one's own",
		 100 * share_of(n->hard, n->attempted), n->hard, n->attempted,
		 100 * rules->hard_share);
}

struct breaker_judgement breaker_judge(const struct breaker_rules *rules,
				       const struct breaker_counts *counts)
{
	struct breaker_judgement found = {};

	judge_complaints(&found, rules, counts);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		judge_kind(&found, rules, counts, &kinds[i]);
	judge_hard(&found, rules, counts);
	return found;
}

/* --- the ramp --- */

uint64_t ramp_sample(const struct ramp_rules *rules, uint64_t audience)
{
	ASSERT(rules->share >= 0.0 && rules->share <= 1.0);
	uint64_t part = (uint64_t)((double)audience * rules->share);
	uint64_t sample = part > rules->count_min ? part : rules->count_min;

	return sample < audience ? sample : audience;
}

static struct ramp_judgement ramp_holds(const struct ramp_rules *rules,
					const struct ramp_state *s, usec now)
{
	bool late = now - s->started_at >= rules->patience;
	struct ramp_judgement j = {.verdict = late ? RAMP_STUCK : RAMP_WAIT};
	double share = late ? rules->enough_share : rules->settled_share;

	snprintf(j.why, sizeof(j.why),
		 "the sample goes first: %" PRIu64 " of its %" PRIu64
		 " have an outcome, the others follow at %.3g %%%s",
		 s->settled, s->sample, 100 * share,
		 late ? "; this takes long: see what the servers say" : "");
	return j;
}

struct ramp_judgement ramp_judge(const struct ramp_rules *rules, const struct ramp_state *s,
				 const struct breaker_judgement *judged, usec now)
{
	struct ramp_judgement j = {.verdict = RAMP_GO};
	double done = s->sample ? share_of(s->settled, s->sample) : 1.0;

	if (judged->verdict == BREAKER_PAUSE) {
		j.verdict = RAMP_PAUSE;
		snprintf(j.why, sizeof(j.why), "%s", judged->why);
		return j;
	}
	if (done >= rules->settled_share)
		return j;
	if (now - s->started_at >= rules->patience && done >= rules->enough_share)
		return j;
	return ramp_holds(rules, s, now);
}
