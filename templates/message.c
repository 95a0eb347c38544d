/* message.c - a plan and a recipient become bytes, in one pass into one buffer. Header fields
 * that hold Liquid are rendered aside first, because they must be cleaned, encoded and folded
 * as a whole; the parts are rendered in place, already in quoted-printable.
 *
 * Nothing here fails half: on any error out is cut back to where it was. */
#include "templates/message.h"

#include "engine/base/assert.h"
#include "engine/mail/address.h"
#include "engine/mail/date.h"
#include "engine/mail/header.h"
#include "templates/message_plan.h"

#define TEXT_SIZE_HINT 256
#define LINK_LIMIT 700 /* base URL, path and token */

static int refuse(struct rendering *r, str file, str sentence, str detail)
{
	message_error(r->error, file, sentence, detail);
	return -1;
}

static struct token token_of(const struct message_recipient *recipient)
{
	return (struct token){recipient->tenant, recipient->campaign_id,
			      recipient->subscriber_id};
}

static void put_token(const struct message_recipient *recipient, enum token_purpose purpose,
		      struct buf *out)
{
	struct token token = token_of(recipient);
	token_encode(out, &token, purpose, recipient->mac);
}

void message_mail_from(const struct message_plan *plan,
		       const struct message_recipient *recipient, struct buf *out)
{
	buf_put(out, STR("b-"));
	put_token(recipient, TOKEN_BOUNCE, out);
	buf_put_byte(out, '@');
	buf_put(out, plan->source.return_domain);
}

/* RFC 6068 2: what would end the address, or begin a parameter or an escape, is escaped. */
static void put_mailbox(str mailbox, struct buf *out)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < mailbox.size; i++) {
		unsigned char c = (unsigned char)mailbox.data[i];
		if (str_find_byte(STR("%/?#[]&;=`^{|}\"<>\\"), (char)c) == STR_NONE) {
			buf_put_byte(out, (char)c);
			continue;
		}
		buf_put_byte(out, '%');
		buf_put_byte(out, digits[c >> 4]);
		buf_put_byte(out, digits[c & 15]);
	}
}

/* mailto:u-TOKEN@domain, or a mailbox that is read by people, with the token as subject. */
static void put_mailto(const struct rendering *r, struct buf *out)
{
	const struct message_source *source = &r->plan->source;
	str mailbox = source->unsubscribe_mailbox;
	buf_put(out, STR("mailto:"));
	if (str_find_byte(mailbox, '@') != STR_NONE) {
		put_mailbox(mailbox, out);
		buf_put(out, STR("?subject=u-"));
		buf_put(out, r->unsubscribe_token);
		return;
	}
	buf_put(out, STR("u-"));
	buf_put(out, r->unsubscribe_token);
	buf_put_byte(out, '@');
	buf_put(out, mailbox.size > 0 ? mailbox : source->return_domain);
	buf_put(out, STR("?subject=unsubscribe"));
}

static str link_with(const struct rendering *r, str path, str token)
{
	struct buf out;
	buf_init_arena(&out, r->scratch,
		       r->plan->source.unsubscribe_url.size + TOKEN_TEXT_LIMIT + 8);
	buf_put(&out, r->plan->source.unsubscribe_url);
	buf_put(&out, path);
	buf_put(&out, token);
	return buf_ok(&out) ? buf_str(&out) : (str){};
}

static str token_text(const struct rendering *r, enum token_purpose purpose)
{
	struct buf out;
	buf_init_arena(&out, r->scratch, TOKEN_TEXT_LIMIT);
	put_token(r->recipient, purpose, &out);
	return buf_ok(&out) ? buf_str(&out) : (str){};
}

static str mailto_link(const struct rendering *r)
{
	struct buf out;
	buf_init_arena(&out, r->scratch, LINK_LIMIT);
	put_mailto(r, &out);
	return buf_ok(&out) ? buf_str(&out) : (str){};
}

static int field_value(struct rendering *r, size_t index, struct value *ret_value)
{
	const struct message_recipient *recipient = r->recipient;
	*ret_value = (struct value){};
	if (recipient->values) {
		*ret_value = recipient->values[index];
		return 0;
	}
	if (!recipient->fields || !recipient->fields[index].data)
		return 0;
	if (value_from_json_scalar(recipient->fields[index], ret_value))
		return 0;
	return refuse(r, STR("subscriber"), STR("this attribute is no plain value: "),
		      r->plan->fields[index]);
}

static struct value text_or_nil(str text)
{
	return text.data ? value_string(text) : (struct value){};
}

static void add_root(struct value_pair *pairs, size_t *count, const char *name,
		     struct value value)
{
	pairs[(*count)++] = (struct value_pair){str_of(name), value};
}

/* The attributes, email and name come first: {{ subscriber }} is that beginning of the roots.
 */
static int build_roots(struct rendering *r)
{
	const struct message_plan *plan = r->plan;
	size_t count = 0;
	struct value_pair *pairs =
		ARENA_ARRAY(r->scratch, struct value_pair, plan->field_count + 9);
	if (!pairs)
		return refuse(r, STR("message"), STR("out of memory"), STR(""));
	/* What a recipient lacks is missed only if it has no name either. */
	bool all = !plan->source.strict_variables;
	for (size_t i = 0; i < plan->field_count; i++) {
		pairs[count].name = plan->fields[i];
		if (field_value(r, i, &pairs[count].value))
			return -1;
		count += all || pairs[count].value.kind != VALUE_NIL;
	}
	add_root(pairs, &count, "email", text_or_nil(r->recipient->email));
	if (all || r->recipient->name.data)
		add_root(pairs, &count, "name", text_or_nil(r->recipient->name));
	add_root(pairs, &count, "subscriber", value_hash(pairs, count));
	add_root(pairs, &count, "campaign", plan->source.campaign);
	add_root(pairs, &count, "list", plan->source.list);
	add_root(pairs, &count, "unsubscribe_url", text_or_nil(r->unsubscribe_url));
	if (plan->uses_links && plan->source.unsubscribe_url.size > 0) {
		str token = token_text(r, TOKEN_LINK);
		add_root(pairs, &count, "view_url",
			 text_or_nil(link_with(r, STR("/v/"), token)));
		add_root(pairs, &count, "preferences_url",
			 text_or_nil(link_with(r, STR("/p/"), token)));
	}
	if (plan->uses_clicks)
		add_root(pairs, &count, "click_token", text_or_nil(token_text(r, TOKEN_TRACK)));
	r->roots = value_hash(pairs, count);
	return 0;
}

static int begin(struct rendering *r)
{
	r->unsubscribe_token = token_text(r, TOKEN_UNSUBSCRIBE);
	r->unsubscribe_url = r->plan->source.unsubscribe_url.size > 0
				     ? link_with(r, STR("/u/"), r->unsubscribe_token)
				     : mailto_link(r);
	if (!r->unsubscribe_token.data || !r->unsubscribe_url.data)
		return refuse(r, STR("message"), STR("out of memory"), STR(""));
	return build_roots(r);
}

static int render_text(struct rendering *r, const struct message_text *text, str *ret_value)
{
	struct buf value;
	buf_init_arena(&value, r->scratch, TEXT_SIZE_HINT);
	if (liquid_render(text->liquid, &r->roots, NULL, r->recipient->date_wall, r->scratch,
			  &value, r->error))
		return -1;
	if (!buf_ok(&value))
		return refuse(r, text->name, STR("out of memory"), STR(""));
	*ret_value = buf_str(&value);
	return 0;
}

static int put_text(struct rendering *r, const struct message_text *text)
{
	str value;
	if (text->written.data) {
		buf_put(r->out, text->written);
		return 0;
	}
	if (render_text(r, text, &value))
		return -1;
	if (text->form == FORM_MAILBOX)
		header_put_mailbox(r->out, text->name, value, r->plan->source.from_address);
	else if (text->form == FORM_TOKENS)
		header_put_tokens(r->out, text->name, value);
	else
		header_put_text(r->out, text->name, value);
	return 0;
}

/* The address as a 7-bit header can show it: its domain in A-labels. A local part that is not
 * ASCII has no such form (RFC 6532 has it only under SMTPUTF8, which few receivers offer). */
static bool shown_address(struct rendering *r, str email, str *ret_shown)
{
	struct address address;
	struct buf wire;
	*ret_shown = email;
	if (header_address_ok(email))
		return true;
	buf_init_arena(&wire, r->scratch, email.size + 64);
	if (address_parse(email, &address) != ADDRESS_OK || address.is_utf8 ||
	    !address_wire(&wire, &address))
		return false;
	*ret_shown = buf_str(&wire);
	return header_address_ok(*ret_shown);
}

static int put_to(struct rendering *r)
{
	const struct message_recipient *recipient = r->recipient;
	str shown;
	if (!shown_address(r, recipient->email, &shown))
		return refuse(r, STR("To"), STR("this address cannot stand in a header: "),
			      recipient->email);
	header_put_mailbox(r->out, STR("To"), recipient->name, shown);
	return 0;
}

static void put_date_and_id(struct rendering *r)
{
	buf_put(r->out, STR("Date: "));
	date_put(r->out, r->recipient->date_wall);
	buf_put(r->out, STR("\r\nMessage-ID: <"));
	put_token(r->recipient, TOKEN_BOUNCE, r->out);
	buf_put_byte(r->out, '@');
	buf_put(r->out, r->plan->source.return_domain);
	buf_put(r->out, STR(">\r\n"));
}

/* RFC 2369 3.2: URIs in angle brackets, in the order of preference; RFC 8058 3.1 wants one
 * https URI among them. Both are made of what was checked when compiling and of a token, so
 * they are written as they are, each on a line of its own. */
static void put_list_unsubscribe(struct rendering *r)
{
	buf_put(r->out, STR("List-Unsubscribe: <"));
	if (r->plan->source.unsubscribe_url.size > 0) {
		buf_put(r->out, r->unsubscribe_url);
		buf_put(r->out, STR(">,\r\n <"));
	}
	put_mailto(r, r->out);
	buf_put(r->out, STR(">\r\n"));
}

static int put_header(struct rendering *r)
{
	const struct message_plan *plan = r->plan;
	if (put_text(r, &plan->from) || put_to(r) || put_text(r, &plan->subject))
		return -1;
	put_date_and_id(r);
	if (!plan->source.transactional)
		put_list_unsubscribe(r);
	for (size_t i = 0; i < plan->extra_count; i++)
		if (put_text(r, &plan->extra[i]))
			return -1;
	buf_put(r->out, plan->fixed[r->form]);
	return 0;
}

static int render(struct rendering *r, bool *ret_fits)
{
	*ret_fits = true;
	r->shares.count = 0;
	if (put_header(r))
		return -1;
	r->header_size = r->out->size - r->start;
	if (message_put_pieces(r, ret_fits))
		return -1;
	if (!buf_ok(r->out))
		return refuse(r, STR("message"), STR("the message is larger than its buffer"),
			      STR(""));
	return 0;
}

static void add_span(struct message_bytes *message, str bytes)
{
	if (bytes.size > 0)
		message->spans[message->span_count++] = bytes;
	message->size += bytes.size;
}

static void collect_spans(const struct rendering *r, struct message_bytes *message)
{
	str own = buf_str(r->out);
	size_t at = r->start;
	*message = (struct message_bytes){.header_size = r->header_size,
					  .is_8bit = r->form == MESSAGE_8BIT};
	for (size_t i = 0; i < r->shares.count; i++) {
		const struct liquid_share *share = &r->shares.items[i];
		add_span(message, str_sub(own, at, share->at - at));
		add_span(message, share->bytes);
		at = share->at;
	}
	add_span(message, str_from(own, at));
}

/* Once more in 7bit, should 8 bits not do. */
static int render_in_form(struct rendering *r)
{
	bool fits;
	if (r->form == MESSAGE_8BIT && !r->plan->has_8bit)
		r->form = MESSAGE_7BIT;
	if (begin(r) || render(r, &fits))
		return -1;
	if (fits)
		return 0;
	r->form = MESSAGE_7BIT;
	r->out->size = r->start;
	return render(r, &fits);
}

int message_gather(const struct message_plan *plan, const struct message_recipient *recipient,
		   enum message_form form, struct arena *scratch, struct buf *out,
		   struct message_bytes *ret_message, struct liquid_error *ret_error)
{
	struct rendering r = {.plan = plan,
			      .recipient = recipient,
			      .scratch = scratch,
			      .out = out,
			      .error = ret_error,
			      .form = form,
			      .start = out->size};
	r.shares = (struct liquid_shares){.items = r.shared, .limit = SHARED_LIMIT};
	if (render_in_form(&r) == 0) {
		collect_spans(&r, ret_message);
		return 0;
	}
	out->size = r.start;
	out->failed = false;
	return -1;
}

int message_render(const struct message_plan *plan, const struct message_recipient *recipient,
		   struct arena *scratch, struct buf *out, size_t *ret_header_size,
		   struct liquid_error *ret_error)
{
	struct rendering r = {.plan = plan,
			      .recipient = recipient,
			      .scratch = scratch,
			      .out = out,
			      .error = ret_error,
			      .start = out->size};
	if (render_in_form(&r) == 0) {
		*ret_header_size = r.header_size;
		return 0;
	}
	out->size = r.start;
	out->failed = false;
	return -1;
}

size_t message_common_size(const struct message_plan *plan, enum message_form form)
{
	return plan->common_size[form];
}

static int render_plain(struct rendering *r, str source, str file, enum liquid_escape escape)
{
	struct liquid_options options = message_liquid_options(&r->plan->source, file, escape);
	struct liquid *liquid = liquid_compile(r->scratch, source, &options, r->error);
	if (!liquid || liquid_render(liquid, &r->roots, NULL, r->recipient->date_wall,
				     r->scratch, r->out, r->error))
		return -1;
	return buf_ok(r->out) ? 0 : refuse(r, file, STR("out of memory"), STR(""));
}

int message_render_part(const struct message_plan *plan,
			const struct message_recipient *recipient, enum message_part part,
			struct arena *scratch, struct buf *out, struct liquid_error *ret_error)
{
	struct rendering r = {.plan = plan,
			      .recipient = recipient,
			      .scratch = scratch,
			      .out = out,
			      .error = ret_error};
	str value;
	if (begin(&r))
		return -1;
	switch (part) {
	case MESSAGE_TEXT:
		return render_plain(&r, plan->source.text, STR("body.txt"), LIQUID_ESCAPE_NONE);
	case MESSAGE_HTML:
		return render_plain(&r, plan->source.html, STR("body.html"),
				    LIQUID_ESCAPE_HTML);
	case MESSAGE_AMP:
		return render_plain(&r, plan->source.amp, STR("body.amp.html"),
				    LIQUID_ESCAPE_HTML);
	case MESSAGE_CALENDAR:
		return render_plain(&r, plan->source.calendar.source, STR("calendar"),
				    LIQUID_ESCAPE_NONE);
	case MESSAGE_SUBJECT:
		if (render_text(&r, &plan->subject, &value))
			return -1;
		header_clean(out, value);
		return 0;
	}
	UNREACHABLE();
}
