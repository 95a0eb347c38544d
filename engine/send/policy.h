/* policy.h - a campaign's rules about itself, out of its settings: how large a sample goes
 * first, at which figures it pauses, when it may be sent, how long a doubt is left alone.
 * All keys may be absent; one that makes no sense is as absent: they were checked when the
 * campaign was stored. Windows themselves are read by the database, which knows time zones.
 *   sample: number | "1%";  ramp: bool;  in_doubt_wait_seconds: number
 *   breaker: { hard, blocks, complaints, complaints_alarm: shares;  least: number }
 *   window: { start, end, from, until, zone: strings;  recipient_zone: attribute;  spread: bool
 * } */
#pragma once

#include "engine/shape/breaker.h"
#include "templates/value.h"

struct policy {
	bool ramp; /* a sample goes first */
	struct ramp_rules sample;
	struct breaker_rules breaker;
	usec in_doubt_wait; /* before somebody in doubt is tried again, at least; the retry
			       schedule may want more */
	bool windowed, spread;
	str zone; /* the attribute with the recipient's time zone; empty: none */
};

void policy_read(const struct value *settings, bool urgent, struct policy *);
