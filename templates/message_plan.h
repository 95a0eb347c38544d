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

/* A part that is Liquid, straight into the transfer encoding of each form. */
struct message_body {
	str file, source; /* source data NULL: there is no such part */
	enum liquid_escape escape;
	bool is_calendar;
	struct liquid *liquid[MESSAGE_FORM_COUNT]; /* 8BIT NULL: quoted-printable there too */
};

/* An attachment out of a recipient's attribute. */
struct message_own_part {
	const struct message_own_file *source;
	struct liquid *name;
	size_t field; /* in plan.fields */
};

/* The body of a message is a row of pieces. */
struct message_piece {
	enum { PIECE_BYTES, PIECE_BODY, PIECE_OWN } kind;
	str bytes[MESSAGE_FORM_COUNT];
	const struct message_body *body;
	const struct message_own_part *own; /* with what stands before it in bytes */
};

struct message_plan {
	struct message_source
		source; /* url and domain without what is not wanted at their ends */
	struct message_text from, subject;
	struct message_text *extra;
	size_t extra_count;
	struct message_body text, amp, html, calendar;
	struct message_own_part *own_parts;
	str *content_ids;              /* of source.files, for images that the HTML refers to */
	str fixed[MESSAGE_FORM_COUNT]; /* the fields that are the same for all, and the empty
					  line */
	struct message_piece *pieces;
	size_t piece_count;
	str *fields;
	size_t field_count;
	size_t common_size[MESSAGE_FORM_COUNT];
	bool has_8bit;    /* a part has a form of 8 bits */
	bool one_click;   /* the base is https */
	bool uses_links;  /* reads view_url or preferences_url */
	bool uses_clicks; /* reads click_token, as links.h writes it */
	struct message_cids {
		const struct message_plan *plan;
		struct liquid_error *error; /* while compiling: of the first broken cid: */
		bool failed;
		bool *wanted;    /* source.files that the HTML refers to */
		bool any_wanted; /* a partial of it is known only when rendering */
	} cids;
};

#define SHARED_LIMIT (MESSAGE_SPAN_LIMIT / 2)
/* A shorter piece is copied: that is faster than another span. */
#ifndef MESSAGE_SHARED_SIZE
#define MESSAGE_SHARED_SIZE 2048
#endif

/* One rendering. */
struct rendering {
	const struct message_plan *plan;
	const struct message_recipient *recipient;
	struct arena *scratch;
	struct buf *out;
	struct liquid_error *error;
	struct value roots;
	str unsubscribe_token;
	str unsubscribe_url; /* https when there is a base, mailto otherwise */
	enum message_form form;
	size_t start, header_size;
	struct liquid_share shared[SHARED_LIMIT];
	struct liquid_shares shares; /* limit 0: all is copied */
};

/* Where out's own bytes begin behind the last piece that is not in it; such a piece ends a line. */
static inline size_t message_own_from(const struct liquid_shares *shares)
{
	return shares && shares->count > 0 ? shares->items[shares->count - 1].at : 0;
}

/* Names that are not attributes: see message.h. */
bool message_is_built_in(str root);
/* Options of the parts of a plan, for preview too. */
struct liquid_options message_liquid_options(const struct message_source *, str file,
					     enum liquid_escape);
void message_error(struct liquid_error *, str file, str sentence, str detail);

/* message_encoding.c */
const struct liquid_encoding *message_encoding(enum message_form, bool is_calendar);
/* A part that is nothing but this literal. */
void message_put_literal(enum message_form, str prepared, struct buf *out);

/* message_cid.c: names the images of a plan, and puts those names in the place of src="cid:..."
 * in HTML. A cid: that names no image is an error while compiling; afterwards it stays. */
[[nodiscard]] int message_name_images(struct arena *, struct message_plan *,
				      struct liquid_error *);
[[nodiscard]] int message_resolve_cids(struct message_cids *, struct arena *, str file,
				       str html, str *ret_html);
/* An image that nothing refers to does not travel. */
void message_drop_unwanted(struct message_plan *);
/* As load_partial, for HTML; context is a struct message_cids. */
bool message_load_resolved(void *context, str name, struct arena *, str *ret_source);

/* message_structure.c: from the end of the fixed fields to the last boundary. fixed holds those
 * that come before Content-Type. */
[[nodiscard]] int message_write_structure(struct arena *, struct message_plan *, str fixed);

/* message_body.c: from the header on. *ret_fits false: not in 8 bits; what out got is of no use
 * then. */
[[nodiscard]] int message_put_pieces(struct rendering *, bool *ret_fits);

/* message_file.c */
[[nodiscard]] int message_check_files(struct message_source *, struct liquid_error *);
/* Header and base64 of a file, up to where its boundary begins. */
void message_put_file(struct buf *out, const struct message_file *, str content_id);
void message_put_file_header(struct buf *out, str name, str type, str bytes, str content_id);
