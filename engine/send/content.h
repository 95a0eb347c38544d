/* content.h - a campaign's content as the presses use it: stored settings and bodies, compiled.
 * The same function serves the engine, preview and the check at creation, so what a person has
 * seen is what is sent. Settings are one JSON object, written by `rundbrief campaign create`:
 *   subject, from_name, from_address, reply_to, list_id, list_name, feedback_id: strings
 *   in_doubt: "assume" | "retry";  expires_seconds: number
 *   lists: [names], for routes; require_tls: true | false (RFC 8689); pool: name
 *   kind: "newsletter" | "transactional";  weight: number;  rate, byte_rate: strings (bucket.h)
 *   policy.h's keys: sample, ramp, breaker, window, in_doubt_wait_seconds
 *   amp: source; calendar: {source, name, method, as}; encoding: "8bit"
 *   parts: [ {name, type, cid, sha256}, ... ], whose bytes come apart; attachment_limit: number
 *   attach_from: [ {field, name, type, optional}, ... ]
 *   tracking: "anonymous" | "individual";  track_opens, track_text: true | false
 *   utm: { "source": ..., ... }
 *   headers: [ {"name": ..., "value": ...}, ... ];  campaign, list: objects for {{ campaign.*
 * }} partials: { name: source, ... }
 *   locales: { locale: { key: text, ... }, ... };  locale, zone: of who has none of his own;
 *   recipient_locale, recipient_zone: attributes
 *   variants: [ {"name", "share" in 1/10000, and what differs: "subject", "from_name",
 *   "from_address", "html", "text"}, ... ], the first is the letter itself;  hold_out: number
 *   strict_variables, strict_filters: true | false; absent: false, true
 * Unknown keys are ignored, absent ones are empty. */
#pragma once

#include "engine/base/arena.h"
#include "engine/send/engine.h"
#include "engine/send/policy.h"
#include "engine/shape/quota.h"
#include "templates/links.h"
#include "templates/message.h"
#include "templates/variant.h"

#define CONTENT_WEIGHT_DEFAULT 100
#define CONTENT_WEIGHT_LIMIT 10000

struct content {
	uint64_t campaign_id;
	uint32_t revision;
	str name;
	struct message_plan *plan;
	const str *fields; /* attributes that the plan reads, and the policy */
	size_t field_count;
	size_t zone_index; /* in fields: the recipient's time zone; SIZE_MAX: none */
	const str *lists;  /* the campaign's */
	size_t list_count;
	str pool; /* of sources; empty: none is named */
	bool in_doubt_retry, require_tls;
	bool urgent;                /* transactional mail */
	uint32_t weight;            /* of its share; 1..CAMPAIGN_WEIGHT_LIMIT */
	struct quota_limits limits; /* its own */
	struct policy policy;
	usec expires_wall;  /* 0: by the retry schedule alone */
	uint64_t serial;    /* of no other content that this process has compiled; not 0 */
	char token_key;     /* letter of the secret that all its tokens are made with */
	struct links links; /* those of its HTML and text, in the order of their indices */
	struct variant_split split;             /* count 0: there is one form of the letter */
	const struct content_variant *variants; /* as many as the split has */
};

struct content_variant {
	str name;
	const struct message_plan *plan;
	const size_t *fields; /* where each of the plan's stands in content's */
};

/* What the content needs of the engine's configuration, and the bytes of settings.parts in
 * their order. */
struct content_site {
	str return_domain, base_url, unsubscribe_mailbox;
	const str *parts;
	size_t part_count;
	/* For anonymous tracking: the MAC of the campaign and nobody (engine/sign/mac.h), and
	 * what it is made from; NULL: its links do not verify. */
	const uint8_t *campaign_mac;
	uint32_t tenant;
	uint64_t campaign_id;
	bool links_as_they_are; /* nothing is rewritten */
};

/* Everything lives in the arena. NULL with the template's error (message set also when the
 * settings are no JSON). html or text data NULL: has none. */
[[nodiscard]] struct content *content_compile(struct arena *, str settings, str html, str text,
					      const struct content_site *,
					      struct liquid_error *ret_error);

/* A recipient's variant, from 1 on; of the rest the winner's, 0 when that is not named. 0 also
 * for who is held out. */
uint32_t content_variant_of(const struct content *, uint64_t campaign_id,
			    uint64_t subscriber_id, uint32_t winner);
/* The plan of a variant (of 0 that of the first); *to's fields, which came as content's, are
 * put in its order, in the arena. NULL: the arena is at its limit. */
const struct message_plan *content_plan(const struct content *, struct arena *,
					uint32_t variant, struct message_recipient *to);

/* Attributes that are more than plain scalars (strings with escapes, arrays, objects) need the
 * full parser: then the recipient's values are set, in the arena, from its fields. */
void content_read_fields(const struct content *, struct arena *, struct message_recipient *);

/* Between content's own files: the variants of the settings, made from the letter's own source.
 * 0, or -1 with the error, whose file says "variant NAME: ...". */
[[nodiscard]] int content_compile_variants(struct arena *, const struct value *settings,
					   const struct message_source *, struct content *,
					   struct liquid_error *ret_error);
