/* message_plan.h - private to message*.c: a compiled campaign. */
#pragma once

#include "templates/message.h"

/* A header field whose value is Liquid; constant ones are written once, at compile time. */
struct message_text {
	str name, source;
	struct liquid *liquid;
	enum { FORM_TEXT, FORM_TOKENS, FORM_MAILBOX } form;
	str written; /* the whole field with its CRLF; data NULL: differs per recipient */
};

struct message_plan {
	struct message_source
		source; /* url and domain without what is not wanted at their ends */
	struct message_text from, subject;
	struct message_text *extra;
	size_t extra_count;
	struct liquid *text, *html; /* straight to quoted-printable; NULL: has none */
	str fixed; /* the fields that are the same for all, and the empty line */
	str opening, middle, closing; /* around the parts; empty when there is only one */
	str *fields;
	size_t field_count;
	bool one_click;  /* the base is https */
	bool uses_links; /* reads view_url or preferences_url */
	bool uses_clicks; /* reads click_token, as links.h writes it */
};

/* Names that are not attributes: see message.h. */
bool message_is_built_in(str root);
/* Options of the parts of a plan, for preview too. */
struct liquid_options message_liquid_options(const struct message_source *, str file,
					     enum liquid_escape);
void message_error(struct liquid_error *, str file, str sentence, str detail);
