/* lint.h - what is wrong with a campaign before anybody gets it, as findings for people.
 *
 * A finding is of a rule (lint_rules.c: a stable name, a severity, advice), at a place, with a
 * sentence. Errors stop a launch, warnings are shown, information is what people may want to
 * know. Here is what the content alone shows; what takes a list or a recipient is added by who
 * has them, through the same lint_say(). Whatever Liquid prints is not known here, so nothing
 * is said of it: only of what stands in the sources as it is. Pure. */
#pragma once

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "templates/value.h"

enum lint_severity { LINT_INFORMATION, LINT_WARNING, LINT_ERROR };

/* Rows of lint_rules[], in this order. */
enum lint_rule {
	LINT_UNKNOWN_FIELD,
	LINT_EMPTY_FIELD,
	LINT_NO_RECIPIENTS,
	LINT_BROKEN_MESSAGE,
	LINT_SIZE,
	LINT_LONG_LINE,
	LINT_ONE_CLICK,
	LINT_UNSIGNED,
	LINT_ALIGNMENT,
	LINT_FREE_MAILBOX,
	LINT_REPLY_TO,
	LINT_NO_REPLY,
	LINT_NO_UNSUBSCRIBE,
	LINT_NO_TEXT,
	LINT_NO_HTML,
	LINT_SUBJECT_EMPTY,
	LINT_SUBJECT_LONG,
	LINT_SUBJECT_CAPITALS,
	LINT_SUBJECT_EXCLAMATION,
	LINT_SUBJECT_FAKE_REPLY,
	LINT_FOREIGN_TAG,
	LINT_CHARSET,
	LINT_NOT_UTF8,
	LINT_BYTE_ORDER_MARK,
	LINT_HTTP_LINK,
	LINT_IP_LINK,
	LINT_SHORTENER,
	LINT_EMPTY_LINK,
	LINT_RELATIVE_LINK,
	LINT_IMAGE_ALT,
	LINT_BROKEN_CID,
	LINT_IMAGE_ONLY,
	LINT_MANY_IMAGES,
	LINT_JAVASCRIPT,
	LINT_FORM,
	LINT_EMBEDDED,
	LINT_PREHEADER,
	LINT_TITLE,
	LINT_LANGUAGE,
	LINT_RULE_COUNT,
};

/* What a rule is called and what to do about it; lint_rules[LINT_HTTP_LINK].name is
 * "http-link". */
extern const struct lint_rule_text {
	const char *name;
	enum lint_severity severity; /* unless lint_say_as() says otherwise */
	const char *advice;
} lint_rules[LINT_RULE_COUNT];
/* LINT_RULE_COUNT: no rule has that name. */
enum lint_rule lint_rule_find(str name);
extern const char *const lint_severity_names[3];

struct lint_place {
	str file;
	uint32_t line, column; /* from 1; 0: the file as a whole */
};

struct lint_finding {
	enum lint_rule rule;
	enum lint_severity severity;
	struct lint_place place;
	str sentence;  /* printable */
	uint32_t more; /* further places of the same rule that are not listed */
};

#define LINT_PLACES                                                                            \
	8 /* of one rule that are listed; a letter of 500 bad links has one fault              \
	   */

struct lint {
	struct arena *arena;
	struct lint_finding *findings;
	size_t count, capacity;
	uint32_t said[LINT_RULE_COUNT];
	bool off[LINT_RULE_COUNT];
	bool out_of_memory; /* the findings are not all */
};

void lint_begin(struct lint *, struct arena *);
/* A rule that is not wanted; false: there is none of that name. */
[[nodiscard]] bool lint_silence(struct lint *, str name);
__attribute__((format(printf, 4, 5))) void lint_say(struct lint *, enum lint_rule,
						    struct lint_place, const char *format, ...);
__attribute__((format(printf, 5, 6))) void lint_say_as(struct lint *, enum lint_rule,
						       enum lint_severity, struct lint_place,
						       const char *format, ...);
/* Errors first, then by place. */
void lint_sort(struct lint *);
size_t lint_count(const struct lint *, enum lint_severity);

/* What is looked at. Everything lives as long as the findings. */
struct lint_source {
	str subject, html, text; /* html or text data NULL: has none */
	str from_name, from_address, reply_to;
	str conf_file, html_file, text_file; /* as people know them */
	bool text_is_made;                   /* from the HTML */
	bool transactional;
	str base_url;
	const str *dkim_domains;
	size_t dkim_domain_count;
	const struct lint_header {
		str name, value;
	} * headers;
	size_t header_count;
	const struct value *partials; /* a hash of sources; NULL: none */
	str partials_folder;          /* their name for people: "partials" */
	const str *cids;              /* Content-IDs of inline images */
	size_t cid_count;
	/* What was compiled from them, for what else it knows: images, locales, other parts.
	 * NULL: it was not. */
	const struct message_plan *plan;
};

/* Everything that the sources show. */
void lint_content(struct lint *, const struct lint_source *);
/* The same of a variant of a letter that was looked at: only what it has of its own. */
struct lint_own {
	bool subject, sender, html, text;
};
void lint_variant(struct lint *, const struct lint_source *, struct lint_own);
/* One message as it is sent, of any recipient: html_size is that of its HTML part in its
 * transfer encoding, 0: has none; subject as it was rendered. */
struct lint_sample {
	str subject, message;
	size_t html_size;
};
void lint_message(struct lint *, const struct lint_source *, const struct lint_sample *);

/* An attribute of recipients that the content reads. */
struct lint_field {
	str name; /* place.line 0: not known where, or in a key of campaign.conf */
	struct lint_place
		place; /* where it is read first, where it is bare if it is so anywhere */
	bool bare;     /* printed with neither a default nor an if around it */
	bool unseen;   /* read by something else than the sources: a zone, an attachment */
};
/* In order of first use. 0, or -1: some source does not compile, or memory ran out. */
[[nodiscard]] int lint_fields(struct arena *, const struct lint_source *,
			      struct lint_field **ret_fields, size_t *ret_count);
