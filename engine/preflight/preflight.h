/* preflight.h - what DNS publishes about a sender, beside what we would use: MX, SPF, DKIM
 * keys, DMARC, names of the sending addresses. Questions go out together; the answer is a list
 * of findings in a fixed order, each a sentence that says what to change and, where there is
 * one, the record to publish. Texts from DNS are made printable before they enter a sentence.
 */
#pragma once

#include "engine/net/resolve.h"
#include "engine/net/source.h"
#include "engine/sign/dkim.h"

enum preflight_level { PREFLIGHT_OK, PREFLIGHT_WARNING, PREFLIGHT_ERROR };
enum preflight_subject {
	PREFLIGHT_MX,
	PREFLIGHT_SPF,
	PREFLIGHT_DKIM,
	PREFLIGHT_DMARC,
	PREFLIGHT_PTR,
};
const char *preflight_level_name(enum preflight_level);     /* "ok", "warning", "error" */
const char *preflight_subject_name(enum preflight_subject); /* "MX", "SPF", ... */

struct preflight_finding {
	enum preflight_subject subject;
	enum preflight_level level;
	str sentence;
	str record; /* a line of a zone file to publish; empty when there is nothing to */
};

struct preflight_report {
	const struct preflight_finding *findings;
	size_t count;
	size_t warning_count, error_count;
};

/* What we would use. */
struct preflight_plan {
	str domain;        /* of the From field */
	str return_domain; /* of the envelope sender; empty: the same */
	const struct dkim_key *const *keys;
	size_t key_count; /* 0: unsigned, which is an error */
	const struct source *sources;
	size_t source_count;
	bool names_optional; /* leave the names of source addresses out */
};

#define PREFLIGHT_SOURCE_LIMIT 64

/* Starts; on_done comes once, after the call has returned. The plan is not read after the call;
 * the report and all that happens until then lives in the arena. -1: arena at its limit, more
 * sources than PREFLIGHT_SOURCE_LIMIT, or a domain that is none. */
[[nodiscard]] int
preflight_check(struct resolver *, const struct preflight_plan *, struct arena *, void *context,
		void (*on_done)(void *context, const struct preflight_report *));
