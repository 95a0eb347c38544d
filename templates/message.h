/* message.h - a campaign's content, compiled once, rendered per recipient into one RFC 5322
 * message: headers, multipart/alternative, quoted-printable (standards.md C, H). Every message
 * is 7-bit clean, has CRLF line ends only, and no line of its body starts with a dot.
 * Literal spans are encoded at compile time; only slots are encoded per message. Pure. */
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
	const struct region *region; /* see liquid.h; its variables are attributes */
};

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

/* Appends the whole message. out gets header and body; *ret_header_size is the size of the
 * header with its empty line. 0, or -1 with the error and out as it was: nothing of it is sent.
 */
[[nodiscard]] int message_render(const struct message_plan *, const struct message_recipient *,
				 struct arena *scratch, struct buf *out,
				 size_t *ret_header_size, struct liquid_error *ret_error);
/* The envelope sender: VERP with the signed token, "b-<token>@<return domain>". The Message-ID
 * is "<token>@<return domain>" with the same token: the same on a retry, and a bounce or a
 * complaint that shows only the original header still names its recipient. */
void message_mail_from(const struct message_plan *, const struct message_recipient *,
		       struct buf *out);

/* For people: one part as it was before encoding. */
enum message_part { MESSAGE_SUBJECT, MESSAGE_TEXT, MESSAGE_HTML };
[[nodiscard]] int message_render_part(const struct message_plan *,
				      const struct message_recipient *, enum message_part,
				      struct arena *scratch, struct buf *out,
				      struct liquid_error *ret_error);
