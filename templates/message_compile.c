/* message_compile.c - a campaign's content becomes a plan: what is the same for every recipient
 * is written here, once, in its final form. The parts and what stands between them are
 * message_structure.c's. */
#include "templates/message_plan.h"

#include "engine/mail/eightbit.h"
#include "engine/mail/header.h"
#include "templates/region.h"

void message_error(struct liquid_error *error, str file, str sentence, str detail)
{
	struct buf message;
	*error = (struct liquid_error){.file = file, .line = 1, .column = 1};
	buf_init_fixed(&message, error->message, sizeof(error->message) - 1);
	buf_put(&message, sentence);
	buf_put_printable(&message, detail, 80);
	error->message[message.size] = '\0';
}

static int refuse(struct liquid_error *error, str file, str sentence, str detail)
{
	message_error(error, file, sentence, detail);
	return -1;
}

struct liquid_options message_liquid_options(const struct message_source *source, str file,
					     enum liquid_escape escape)
{
	return (struct liquid_options){
		.file = file,
		.escape = escape,
		.load_partial = source->load_partial,
		.load_context = source->load_context,
		.region = source->region,
		.strict_variables = source->strict_variables,
		.lax_filters = source->lax_filters,
	};
}

static int compile_body(struct arena *arena, struct message_plan *plan,
			struct message_body *body, struct liquid_error *error)
{
	struct liquid_options options =
		message_liquid_options(&plan->source, body->file, body->escape);
	bool is_html = body == &plan->html;
	str text = body->source;
	if (!text.data)
		return 0;
	if (is_html) {
		options.load_partial = message_load_resolved;
		options.load_context = &plan->cids;
		plan->cids.plan = plan;
		plan->cids.error = error;
		if (message_resolve_cids(&plan->cids, arena, body->file, text, &text))
			return plan->cids.failed ? -1
						 : refuse(error, body->file,
							  STR("out of memory"), STR(""));
	}
	/* What slots make of the lines is looked at in each message. */
	for (int form = 0; form < MESSAGE_FORM_COUNT; form++) {
		bool wanted =
			form == MESSAGE_7BIT || (plan->source.is_8bit && eightbit_fits(text));
		options.encoding = message_encoding(form, body->is_calendar);
		body->liquid[form] =
			wanted ? liquid_compile(arena, text, &options, error) : NULL;
		if (wanted && (!body->liquid[form] || plan->cids.failed))
			return -1;
		plan->has_8bit |= wanted && form == MESSAGE_8BIT;
	}
	plan->cids.error = NULL;
	return 0;
}

static int compile_bodies(struct arena *arena, struct message_plan *plan,
			  struct liquid_error *error)
{
	const struct message_source *source = &plan->source;
	plan->text = (struct message_body){.file = STR("body.txt"), .source = source->text};
	plan->amp = (struct message_body){.file = STR("body.amp.html"),
					  .source = source->amp,
					  .escape = LIQUID_ESCAPE_HTML};
	plan->html = (struct message_body){
		.file = STR("body.html"), .source = source->html, .escape = LIQUID_ESCAPE_HTML};
	plan->calendar = (struct message_body){.file = STR("calendar"),
					       .source = source->calendar.source,
					       .is_calendar = true};
	if (message_name_images(arena, plan, error) ||
	    compile_body(arena, plan, &plan->text, error) ||
	    compile_body(arena, plan, &plan->amp, error) ||
	    compile_body(arena, plan, &plan->html, error) ||
	    compile_body(arena, plan, &plan->calendar, error))
		return -1;
	message_drop_unwanted(plan);
	return 0;
}

/* A template without any tag: its text. */
static bool is_constant(const struct liquid *liquid, str *ret_text)
{
	size_t runs = liquid_run_count(liquid);
	*ret_text = STR("");
	return runs == 0 || (runs == 1 && liquid_run_literal(liquid, 0, ret_text));
}

static void write_text(const struct message_source *source, const struct message_text *text,
		       str value, struct buf *out)
{
	if (text->form == FORM_MAILBOX)
		header_put_mailbox(out, text->name, value, source->from_address);
	else if (text->form == FORM_TOKENS)
		header_put_tokens(out, text->name, value);
	else
		header_put_text(out, text->name, value);
}

static int compile_text(struct arena *arena, const struct message_source *source,
			struct message_text *text, struct liquid_error *error)
{
	struct liquid_options options =
		message_liquid_options(source, text->name, LIQUID_ESCAPE_NONE);
	text->source = text->source.data ? text->source : STR("");
	text->liquid = liquid_compile(arena, text->source, &options, error);
	str value;
	if (!text->liquid)
		return -1;
	if (!is_constant(text->liquid, &value))
		return 0;
	struct buf written;
	buf_init_arena(&written, arena, value.size + 128);
	write_text(source, text, value, &written);
	if (!buf_ok(&written))
		return refuse(error, text->name, STR("out of memory"), STR(""));
	text->written = buf_str(&written);
	return 0;
}

/* Fields that a message has once (RFC 5322 3.6) and that are written from other settings, and
 * those that only servers on the way write. */
static bool is_our_own(str name)
{
	static const char *const names[] = {
		"From",
		"To",
		"Cc",
		"Bcc",
		"Subject",
		"Date",
		"Message-ID",
		"MIME-Version",
		"Reply-To",
		"List-Id",
		"Feedback-ID",
		"List-Unsubscribe",
		"Return-Path",
		"Received",
		"DKIM-Signature",
		"List-Unsubscribe-Post",
		"Resent-From",
		"Resent-To",
		"Resent-Cc",
		"Resent-Bcc",
		"Delivered-To",
		"Authentication-Results",
		"Content-Type",
		"Content-Transfer-Encoding",
		"Content-Disposition",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_eq_nocase(name, str_of(names[i])))
			return true;
	return false;
}

static int check_header_name(const struct message_source *source, size_t index,
			     struct liquid_error *error)
{
	str name = source->headers[index].name;
	if (!header_name_ok(name))
		return refuse(error, STR("header"), STR("this is no header name: "), name);
	if (is_our_own(name))
		return refuse(error, STR("header"),
			      STR("this header is written by rundbrief itself: "), name);
	for (size_t i = 0; i < index; i++)
		if (str_eq_nocase(name, source->headers[i].name))
			return refuse(error, STR("header"), STR("this header is given twice: "),
				      name);
	return 0;
}

static int compile_extra(struct arena *arena, struct message_plan *plan,
			 struct liquid_error *error)
{
	const struct message_source *source = &plan->source;
	plan->extra = ARENA_ARRAY(arena, struct message_text, source->header_count + 1);
	if (!plan->extra)
		return refuse(error, STR("header"), STR("out of memory"), STR(""));
	for (size_t i = 0; i < source->header_count; i++) {
		struct message_text *text = &plan->extra[i];
		text->name = source->headers[i].name;
		text->source = source->headers[i].value;
		text->form = FORM_TOKENS;
		if (check_header_name(source, i, error) ||
		    compile_text(arena, source, text, error))
			return -1;
	}
	plan->extra_count = source->header_count;
	return 0;
}

/* Letters, digits, hyphens and dots; A-labels by now. */
static bool is_domain(str domain)
{
	for (size_t i = 0; i < domain.size; i++) {
		char c = domain.data[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'))
			return false;
	}
	return domain.size > 0 && domain.size <= 255 && domain.data[0] != '.';
}

static bool is_base_url(str url)
{
	str rest = str_starts_nocase(url, STR("https://"))  ? str_from(url, 8)
		   : str_starts_nocase(url, STR("http://")) ? str_from(url, 7)
							    : STR("");
	for (size_t i = 0; i < url.size; i++)
		if (url.data[i] <= ' ' || url.data[i] > '~' ||
		    str_find_byte(STR("<>\"?#,"), url.data[i]) != STR_NONE)
			return false;
	return rest.size > 0 && url.size <= 500;
}

static int check_source(struct message_source *source, struct liquid_error *error)
{
	str campaign = STR("campaign");
	if (!source->html.data && !source->text.data)
		return refuse(error, campaign, STR("there is neither an HTML nor a text body"),
			      STR(""));
	if (!header_address_ok(source->from_address))
		return refuse(error, campaign, STR("`from` is no address: "),
			      source->from_address);
	if (source->reply_to.size > 0 && !header_address_ok(source->reply_to))
		return refuse(error, campaign, STR("`reply_to` is no address: "),
			      source->reply_to);
	if (!is_domain(source->return_domain))
		return refuse(error, campaign,
			      STR("the return-path domain is no domain name: "),
			      source->return_domain);
	if (source->list_id.size > 0 && !is_domain(source->list_id))
		return refuse(error, campaign, STR("`list_id` is no domain name: "),
			      source->list_id);
	while (str_ends(source->unsubscribe_url, STR("/")))
		source->unsubscribe_url.size--;
	if (source->unsubscribe_url.size > 0 && !is_base_url(source->unsubscribe_url))
		return refuse(error, campaign,
			      STR("the unsubscribe URL is no http(s) address: "),
			      source->unsubscribe_url);
	str mailbox = source->unsubscribe_mailbox;
	if (mailbox.size > 0 && !is_domain(mailbox) && !header_address_ok(mailbox))
		return refuse(error, campaign, STR("the unsubscribe mailbox is no address: "),
			      mailbox);
	return 0;
}

bool message_is_built_in(str root)
{
	static const char *const names[] = {
		"email",           "name",     "subscriber",      "campaign",   "list",
		"unsubscribe_url", "view_url", "preferences_url", "click_token"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_eq(root, str_of(names[i])))
			return true;
	return false;
}

/* "first_name" and "subscriber.first_name" and "first_name.last": first_name. data NULL: the
 * path reads no attribute. */
static str field_of_path(str path)
{
	str root = str_cut(&path, '.');
	if (!str_eq(root, STR("subscriber")))
		return message_is_built_in(root) ? (str){} : root;
	str name = str_cut(&path, '.');
	bool is_column = str_eq(name, STR("email")) || str_eq(name, STR("name"));
	return name.size == 0 || is_column ? (str){} : name;
}

static size_t add_field(struct message_plan *plan, str field)
{
	size_t i = 0;
	while (i < plan->field_count && !str_eq(plan->fields[i], field))
		i++;
	if (i == plan->field_count)
		plan->fields[plan->field_count++] = field;
	return i;
}

/* The attribute that a path reads, if it reads one. */
static void add_path(struct message_plan *plan, str path)
{
	str field = field_of_path(path);
	if (field.size > 0)
		add_field(plan, field);
}

static void add_fields(struct message_plan *plan, const struct liquid *liquid)
{
	const struct region *region = plan->source.region;
	for (size_t i = 0; liquid && i < liquid_variable_count(liquid); i++) {
		str path = liquid_variable(liquid, i);
		if (str_starts(path, STR("view_url")) ||
		    str_starts(path, STR("preferences_url")))
			plan->uses_links = true;
		plan->uses_clicks |= str_eq(path, STR("click_token"));
		add_path(plan, path);
	}
	if (liquid && region && liquid_uses_zone(liquid))
		add_path(plan, region->zone_variable);
	if (liquid && region && liquid_uses_locale(liquid))
		add_path(plan, region->locale_variable);
}

static size_t variable_count(const struct liquid *liquid)
{
	return liquid ? liquid_variable_count(liquid) : 0;
}

/* Calls for every Liquid of the plan that reads attributes. */
static size_t each_liquid(struct message_plan *plan,
			  void (*on_liquid)(struct message_plan *, const struct liquid *))
{
	const struct message_body *const bodies[] = {&plan->text, &plan->html, &plan->amp,
						     &plan->calendar};
	size_t most = variable_count(plan->from.liquid) + variable_count(plan->subject.liquid);
	if (on_liquid) {
		on_liquid(plan, plan->from.liquid);
		on_liquid(plan, plan->subject.liquid);
	}
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		most += variable_count(bodies[i]->liquid[MESSAGE_7BIT]);
		if (on_liquid)
			on_liquid(plan, bodies[i]->liquid[MESSAGE_7BIT]);
	}
	for (size_t i = 0; i < plan->extra_count; i++) {
		most += variable_count(plan->extra[i].liquid);
		if (on_liquid)
			on_liquid(plan, plan->extra[i].liquid);
	}
	for (size_t i = 0; i < plan->source.own_file_count; i++) {
		most += variable_count(plan->own_parts[i].name) + 1;
		if (on_liquid)
			on_liquid(plan, plan->own_parts[i].name);
	}
	return most;
}

static int collect_fields(struct arena *arena, struct message_plan *plan)
{
	plan->fields = ARENA_ARRAY(arena, str, each_liquid(plan, NULL) + 3); /* locale, zone */
	if (!plan->fields)
		return -1;
	each_liquid(plan, add_fields);
	for (size_t i = 0; i < plan->source.own_file_count; i++)
		plan->own_parts[i].field = add_field(plan, plan->source.own_files[i].field);
	return 0;
}

static void write_list_fields(struct message_plan *plan, struct buf *out)
{
	const struct message_source *source = &plan->source;
	if (source->list_id.size > 0) /* list-id = [phrase] "<" ... ">", RFC 2919 2 */
		header_put_angled(out, STR("List-Id"), source->list_name, source->list_id);
	if (plan->one_click)
		header_put_tokens(out, STR("List-Unsubscribe-Post"),
				  STR("List-Unsubscribe=One-Click")); /* RFC 8058 3.1 */
	if (source->feedback_id.size > 0)
		header_put_tokens(out, STR("Feedback-ID"), source->feedback_id);
}

static int write_fixed(struct arena *arena, struct message_plan *plan)
{
	struct buf fixed;
	buf_init_arena(&fixed, arena, 2048);
	if (plan->source.reply_to.size > 0)
		header_put_mailbox(&fixed, STR("Reply-To"), STR(""), plan->source.reply_to);
	write_list_fields(plan, &fixed);
	buf_put_cstr(&fixed, "MIME-Version: 1.0\r\n");
	return buf_ok(&fixed) ? message_write_structure(arena, plan, buf_str(&fixed)) : -1;
}

static int compile_own_parts(struct arena *arena, struct message_plan *plan,
			     struct liquid_error *error)
{
	size_t count = plan->source.own_file_count;
	plan->own_parts = ARENA_ARRAY(arena, struct message_own_part, count + 1);
	if (!plan->own_parts)
		return refuse(error, STR("attach_from"), STR("out of memory"), STR(""));
	for (size_t i = 0; i < count; i++) {
		struct message_own_part *part = &plan->own_parts[i];
		struct liquid_options options = message_liquid_options(
			&plan->source, STR("attach_from"), LIQUID_ESCAPE_NONE);
		part->source = &plan->source.own_files[i];
		part->name = liquid_compile(arena, part->source->name, &options, error);
		if (!part->name)
			return -1;
	}
	return 0;
}

static int compile_headers(struct arena *arena, struct message_plan *plan,
			   struct liquid_error *error)
{
	const struct message_source *source = &plan->source;
	plan->from =
		(struct message_text){STR("From"), source->from_name, NULL, FORM_MAILBOX, {}};
	plan->subject =
		(struct message_text){STR("Subject"), source->subject, NULL, FORM_TEXT, {}};
	return compile_text(arena, source, &plan->from, error) ||
			       compile_text(arena, source, &plan->subject, error) ||
			       compile_extra(arena, plan, error)
		       ? -1
		       : 0;
}

static int compile_plan(struct arena *arena, struct message_plan *plan,
			struct liquid_error *error)
{
	struct message_source *source = &plan->source;
	if (check_source(source, error) || message_check_files(source, error))
		return -1;
	plan->one_click = !source->transactional &&
			  str_starts_nocase(source->unsubscribe_url, STR("https://"));
	if (compile_headers(arena, plan, error) || compile_bodies(arena, plan, error) ||
	    compile_own_parts(arena, plan, error))
		return -1;
	if (collect_fields(arena, plan) || write_fixed(arena, plan))
		return refuse(error, STR("campaign"), STR("out of memory"), STR(""));
	return 0;
}

struct message_plan *message_compile(struct arena *arena, const struct message_source *source,
				     struct liquid_error *ret_error)
{
	struct message_plan *plan = ARENA_NEW(arena, struct message_plan);
	if (!plan) {
		message_error(ret_error, STR("campaign"), STR("out of memory"), STR(""));
		return NULL;
	}
	plan->source = *source;
	return compile_plan(arena, plan, ret_error) ? NULL : plan;
}

size_t message_field_count(const struct message_plan *plan)
{
	return plan->field_count;
}

str message_field(const struct message_plan *plan, size_t index)
{
	return plan->fields[index];
}
