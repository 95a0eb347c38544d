/* message.h - a campaign's content, compiled once, rendered per recipient into one RFC 5322
 * message: headers, alternatives, images, attachments (standards.md C, H). Every message is
 * 7-bit clean unless 8bit is asked for, has CRLF line ends only, and no line of its body starts
 * with a dot. Literal spans and files are encoded at compile time; only slots are encoded per
 * message. Pure. */
#pragma once

#include "engine/mail/token.h"
#include "templates/liquid.h"

/* What the plan is made from; all of it must live as long as the plan. Liquid sees: each
 * attribute by its name ({{ first_name }}), subscriber.* (the same, email, name), campaign.*,
 * list.*, unsubscribe_url, view_url and preferences_url. The HTML part escapes what it prints.
 */
struct message_source {
	str subject, html,
		text; /* html or text data NULL: has none; not both. engine/api/html_text
			 makes a text from html when a campaign is created */
	str from_name, from_address; /* from_name may hold Liquid, as subject may */
	str reply_to;                /* address, empty: none */
	str list_id, list_name;      /* list_id: "news.example.com"; empty: no List-Id */
	str feedback_id;             /* "campaign:customer:type:sender"; empty: none */
	str unsubscribe_url;     /* base: "https://news.example.com"; empty: mailto only. Links
				    are base/u/TOKEN, base/v/TOKEN, base/p/TOKEN */
	str unsubscribe_mailbox; /* empty: u-TOKEN at the return domain. A mailbox: that one,
				    with the token as subject; a domain: u-TOKEN there */
	str return_domain;       /* of envelope sender and Message-ID */
	bool transactional;      /* of no list: nothing says how to leave it */
	const struct message_header {
		str name, value; /* value may hold Liquid */
	} * headers;
	size_t header_count;
	struct value campaign, list; /* hashes for {{ campaign.* }} and {{ list.* }} */
	/* Partials of the campaign. */
	bool (*load_partial)(void *context, str name, struct arena *, str *ret_source);
	void *load_context;
	str amp; /* text/x-amp-html, for mailboxes that know it; data NULL: none */
	struct message_calendar {
		str source;       /* an iCalendar object, may hold Liquid; data NULL: none */
		str name, method; /* "invite.ics", "REQUEST" */
		bool beside, attached; /* as an alternative of the letter, as an attachment */
	} calendar;
	/* The same for everybody: encoded once, never copied. */
	const struct message_file {
		str name, type; /* type empty: guessed by the name */
		str cid;        /* of an image in the HTML, which says src="cid:..."; empty: an
				   attachment */
		str bytes;
	} * files;
	size_t file_count;
	/* Each recipient's own: base64 in an attribute of theirs. */
	const struct message_own_file {
		str field, name, type; /* name may hold Liquid; type empty: guessed by it */
		bool optional;         /* who has none gets the letter without it */
	} * own_files;
	size_t own_file_count;
	size_t file_limit; /* bytes of all files of a message; 0: MESSAGE_FILE_LIMIT */
	bool is_8bit; /* text leaves as it is where hosts take that, see enum message_form */
	const struct region *region;        /* see liquid.h; its variables are attributes */
	bool strict_variables, lax_filters; /* see liquid.h */
};
#define MESSAGE_FILE_LIMIT ((size_t)10 << 20)

/* Walks the images that HTML refers to by src="cid:...", from *at (0 at first) on. */
bool message_next_cid(str html, size_t *at, str *ret_name);

struct message_plan; /* immutable: one serves all presses */

[[nodiscard]] struct message_plan *
message_compile(struct arena *, const struct message_source *, struct liquid_error *ret_error);
/* Attributes of subscribers that the content reads ("first_name", ...), for the projection in
 * SQL; email and name are always there. */
size_t message_field_count(const struct message_plan *);
str message_field(const struct message_plan *, size_t index);

struct message_recipient {
	uint32_t tenant;
	uint64_t campaign_id, subscriber_id;
	str email, name;
	const str *fields; /* JSON text of the plan's fields, by index; data NULL: nil. Scalars
			      as value_from_json_scalar() takes them; another is an error */
	const struct value *values; /* when set, used by index instead of fields: see
				       engine/data/json_value.h for what is no scalar */
	usec date_wall;             /* whole seconds count */
	const uint8_t *mac;         /* TOKEN_MAC_SIZE bytes: see engine/sign/mac.h */
};

/* 7bit is for every host; 8bit only for those that offer 8BITMIME (RFC 6152): text stands as it
 * is. A message whose text cannot leave like that (a line is too long) is made in 7bit. */
enum message_form { MESSAGE_7BIT, MESSAGE_8BIT, MESSAGE_FORM_COUNT };

/* A message in spans: what is one recipient's own stands in out, what all have in common where
 * the plan has it. The header is within the first span. */
#define MESSAGE_SPAN_LIMIT 7
struct message_bytes {
	str spans[MESSAGE_SPAN_LIMIT];
	size_t span_count;
	size_t size, header_size; /* of all; of the header with its empty line */
	bool is_8bit;             /* some line may start with a dot, then */
};

/* Appends what is the recipient's own to out; *ret_message lives as long as out's bytes and the
 * plan. 0, or -1 with the error and out as it was: nothing of it is sent. */
[[nodiscard]] int message_gather(const struct message_plan *, const struct message_recipient *,
				 enum message_form, struct arena *scratch, struct buf *out,
				 struct message_bytes *ret_message,
				 struct liquid_error *ret_error);
/* The leading bytes of the body that all messages of this form have in common, up to a line's
 * end; 0: they are too few to be worth anything. */
size_t message_common_size(const struct message_plan *, enum message_form);
/* The same as one piece, in 7bit: out gets header and body; *ret_header_size is the size of the
 * header with its empty line. */
[[nodiscard]] int message_render(const struct message_plan *, const struct message_recipient *,
				 struct arena *scratch, struct buf *out,
				 size_t *ret_header_size, struct liquid_error *ret_error);
/* The envelope sender: VERP with the signed token, "b-<token>@<return domain>". The Message-ID
 * is "<token>@<return domain>" with the same token: the same on a retry, and a bounce or a
 * complaint that shows only the original header still names its recipient. */
void message_mail_from(const struct message_plan *, const struct message_recipient *,
		       struct buf *out);

/* For people: one part as it was before encoding. */
enum message_part {
	MESSAGE_SUBJECT,
	MESSAGE_TEXT,
	MESSAGE_HTML,
	MESSAGE_AMP,
	MESSAGE_CALENDAR
};
[[nodiscard]] int message_render_part(const struct message_plan *,
				      const struct message_recipient *, enum message_part,
				      struct arena *scratch, struct buf *out,
				      struct liquid_error *ret_error);
