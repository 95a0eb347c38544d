/* convert.h - templates of other senders made into Liquid, once and for good: what comes out is
 * read and kept by people. Whatever is no construct of the other language passes unchanged, and
 * what looks like Liquid there is put in {% raw %}.
 *
 *   mailchimp    merge tags: *|FNAME|* *|IF:TAG=x|* *|UNSUB|* *|DATE:d/m/y|*
 *   handlebars   Handlebars, Mustache, Postmark, the common helpers of SendGrid
 *   listmonk     Go templates with listmonk's fields and functions
 *   mjml-merge   what stands in MJML's output for Mailjet, by whom MJML is: {{var:x:"y"}}
 *                [[UNSUB_LINK_EN]] {% if var:x = "y" %}
 *
 * "True" in these languages is `x != blank and x != 0` in Liquid, so that text of nothing but
 * spaces counts as empty. Pure. */
#pragma once

#include "engine/base/arena.h"
#include "engine/base/buf.h"

enum convert_from {
	CONVERT_MAILCHIMP,
	CONVERT_HANDLEBARS,
	CONVERT_LISTMONK,
	CONVERT_MJML_MERGE,
	CONVERT_FROM_COUNT
};
extern const char *const convert_from_names[CONVERT_FROM_COUNT];

/* What a person should know of one place. lost: it had no equivalent, and a Liquid comment
 * stands there. */
struct convert_note {
	bool lost;
	uint32_t line, column; /* from 1, in the source; column in bytes */
	char text[200];        /* a sentence, printable */
	struct convert_note *next;
};

struct convert_result {
	str liquid;
	const struct convert_note *notes; /* in order of places */
	size_t lost_count, dropped_count; /* dropped: notes beyond CONVERT_NOTE_LIMIT */
	char why[100];                    /* of -1 */
};

#define CONVERT_NOTE_LIMIT 1000               /* more are not read by anybody */
#define CONVERT_SIZE_LIMIT ((size_t)16 << 20) /* of the result: what liquid_limits allow */

/* All memory is the arena's; the result may point into source. 0, or -1 with why: nested too
 * deep, too large, out of memory. */
[[nodiscard]] int convert_run(struct arena *, str source, enum convert_from,
			      struct convert_result *ret_result);
