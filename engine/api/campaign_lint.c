/* campaign_lint.c - see campaign_lint.h. A stored campaign and a folder come to the same:
 * settings, bodies and an audience; compiled as the engine does it, and rendered for some
 * recipients. */
#include "engine/api/campaign_lint.h"

#include <jansson.h>

#include "engine/api/html_text.h"
#include "engine/api/rows.h"
#include "engine/api/suggest.h"
#include "engine/api/template_error.h"
#include "engine/data/json_value.h"
#include "engine/io/clock.h"
#include "engine/io/heap.h"
#include "engine/mail/encode.h"
#include "engine/send/content.h"

struct looking {
	struct db *db;
	struct arena *arena;
	const struct value *settings;
	str settings_text;
	const struct campaign_dir *dir; /* NULL: it is a stored one */
	str html;                       /* as it is sent: with its styles inlined */
	struct content *content;
	struct campaign_lint *result;
	struct lint_sample largest;
	size_t rendered; /* messages that could be made */
	struct broken {
		struct liquid_error error;
		str email;
	} broken; /* the first that could not */
};

static str text_of(const struct value *settings, const char *key)
{
	const struct value *v = value_get(settings, str_of(key));
	return v && v->kind == VALUE_STRING ? v->string : STR("");
}

static int out_of_memory(struct looking *k)
{
	return cli_fail(k->db->cli, EXIT_FAILED, "out of memory");
}

/* ---- what is looked at ---- */

static int read_headers(struct looking *k)
{
	const struct value *list = value_get(k->settings, STR("headers"));
	struct lint_source *source = &k->result->source;
	size_t count = list && list->kind == VALUE_ARRAY ? list->array.count : 0;
	struct lint_header *headers = ARENA_ARRAY(k->arena, struct lint_header, count + 1);
	if (!headers)
		return out_of_memory(k);
	for (size_t i = 0; i < count; i++)
		headers[i] = (struct lint_header){text_of(&list->array.items[i], "name"),
						  text_of(&list->array.items[i], "value")};
	source->headers = headers;
	source->header_count = count;
	return CLI_GO;
}

static int read_keys(struct looking *k)
{
	const struct config *config = &k->db->cli->config;
	str *domains = ARENA_ARRAY(k->arena, str, config->dkim_count + 1);
	if (!domains)
		return out_of_memory(k);
	for (size_t i = 0; i < config->dkim_count; i++)
		domains[i] = config->dkims[i].domain;
	k->result->source.dkim_domains = domains;
	k->result->source.dkim_domain_count = config->dkim_count;
	return CLI_GO;
}

/* What the campaign and the site do not want to hear of. */
static void silence(struct looking *k)
{
	const struct key_list *site = &k->db->cli->config.campaigns.lint_off;
	const struct value *own = value_get(k->settings, STR("lint_off"));
	bool known = true;
	for (size_t i = 0; i < site->count; i++)
		known &= lint_silence(&k->result->lint, site->items[i]);
	for (size_t i = 0; own && own->kind == VALUE_ARRAY && i < own->array.count; i++)
		if (own->array.items[i].kind == VALUE_STRING)
			known &= lint_silence(&k->result->lint, own->array.items[i].string);
	(void)known; /* names are checked where they are written */
}

static int read_source(struct looking *k)
{
	struct lint_source *source = &k->result->source;
	source->subject = text_of(k->settings, "subject");
	source->from_name = text_of(k->settings, "from_name");
	source->from_address = text_of(k->settings, "from_address");
	source->reply_to = text_of(k->settings, "reply_to");
	source->transactional = str_eq(text_of(k->settings, "kind"), STR("transactional"));
	source->base_url = k->db->cli->config.sending.base_url;
	source->partials = value_get(k->settings, STR("partials"));
	int code = read_headers(k);
	return code == CLI_GO ? read_keys(k) : code;
}

static int compile(struct looking *k)
{
	const struct config_sending *sending = &k->db->cli->config.sending;
	const struct lint_source *source = &k->result->source;
	struct liquid_error error;
	const struct content_site site = {
		.return_domain = sending->return_domain.size ? sending->return_domain
							     : STR("return-domain.invalid"),
		.base_url = sending->base_url,
		.unsubscribe_mailbox = sending->unsubscribe_mailbox,
	};
	k->content = content_compile(k->arena, k->settings_text, k->html, source->text, &site,
				     &error);
	if (k->content)
		k->result->source.plan = k->content->plan;
	return k->content ? CLI_GO : template_error_tell(k->db->cli, &error);
}

/* ---- messages of some recipients ---- */

static size_t encoded_size(str html, struct arena *scratch)
{
	struct buf out;
	struct qp qp;
	buf_init_arena(&out, scratch, html.size + html.size / 8 + 64);
	qp_begin(&qp, &out);
	qp_put(&qp, html);
	qp_end(&qp);
	return out.size;
}

static int render_part(const struct message_plan *plan, const struct message_recipient *to,
		       enum message_part part, struct arena *scratch, struct buf *out,
		       struct liquid_error *error)
{
	buf_init_arena(out, scratch, 4096);
	return message_render_part(plan, to, part, scratch, out, error);
}

static bool render(struct looking *k, const struct message_plan *plan,
		   const struct message_recipient *to, struct arena *scratch,
		   struct lint_sample *ret, struct liquid_error *error)
{
	struct buf message, html, subject;
	size_t header_size;
	bool has_html = k->result->source.html.data;
	buf_init_arena(&message, scratch, 65536);
	if (message_render(plan, to, scratch, &message, &header_size, error) ||
	    render_part(plan, to, MESSAGE_SUBJECT, scratch, &subject, error) ||
	    (has_html && render_part(plan, to, MESSAGE_HTML, scratch, &html, error)))
		return false;
	*ret = (struct lint_sample){buf_str(&subject), buf_str(&message),
				    has_html ? encoded_size(buf_str(&html), scratch) : 0};
	return true;
}

/* One recipient's data may be at fault; all of theirs are not, then it is the template. */
static void say_broken(struct looking *k)
{
	const struct liquid_error *error = &k->broken.error;
	char shown[300];
	struct buf email;
	if (!k->broken.email.data)
		return;
	buf_init_fixed(&email, shown, sizeof(shown));
	text_put_printable(&email, k->broken.email, 200);
	lint_say_as(&k->result->lint, LINT_BROKEN_MESSAGE,
		    k->rendered ? LINT_WARNING : LINT_ERROR,
		    (struct lint_place){error->file, error->line, error->column},
		    "the message of %.*s cannot be made: %s", STR_FORMAT(buf_str(&email)),
		    error->message);
}

/* The largest is kept: what is too much for one recipient is too much. */
static void look_at_message(struct looking *k, const struct message_plan *plan,
			    const struct message_recipient *to)
{
	struct arena scratch;
	struct liquid_error error = {};
	struct lint_sample sample = {};
	arena_init(&scratch, heap_source(), 0, 0);
	bool made = render(k, plan, to, &scratch, &sample, &error);
	k->rendered += made;
	if (!made && !k->broken.email.data)
		k->broken = (struct broken){error, to->email};
	if (made && sample.message.size > k->largest.message.size) {
		k->largest = (struct lint_sample){arena_copy(k->arena, sample.subject),
						  arena_copy(k->arena, sample.message),
						  sample.html_size};
		k->result->sample_email = to->email;
	}
	arena_done(&scratch);
}

/* Each variant as this recipient would get it; values come in the order of content's fields. */
static int look_at_variants(struct looking *k, struct message_recipient *to)
{
	const struct content *content = k->content;
	const struct value *values = to->values;
	look_at_message(k, content->plan, to);
	for (uint32_t v = 1; v < content->split.count; v++) {
		const struct content_variant *variant = &content->variants[v];
		size_t count = message_field_count(variant->plan);
		struct value *own = ARENA_ARRAY(k->arena, struct value, count + 1);
		if (!own)
			return out_of_memory(k);
		for (size_t i = 0; i < count; i++)
			own[i] = values[variant->fields[i]];
		to->values = own;
		look_at_message(k, variant->plan, to);
	}
	return CLI_GO;
}

static int look_at_person(struct looking *k, const PGresult *result, int row)
{
	static const uint8_t no_mac[TOKEN_MAC_SIZE];
	struct value values = {};
	struct message_recipient to = {
		.tenant = (uint32_t)k->db->cli->config.database.tenant,
		.subscriber_id = db_u64(result, row, 0),
		.email = arena_copy(k->arena, db_cell(result, row, 1)),
		.name = arena_copy(k->arena, db_cell(result, row, 2)),
		.date_wall = clock_wall(),
		.mac = no_mac,
	};
	if (value_from_json_text(k->arena, db_cell(result, row, 3), &values, NULL, 0) != 0 ||
	    values.kind != VALUE_ARRAY || values.array.count != k->content->field_count)
		return out_of_memory(k);
	to.values = values.array.items;
	return look_at_variants(k, &to);
}

static const char *names_json(struct arena *arena, const str *names, size_t count)
{
	struct buf b;
	buf_init_arena(&b, arena, 256);
	buf_put_byte(&b, '[');
	for (size_t i = 0; i < count; i++) {
		buf_put_cstr(&b, i ? "," : "");
		json_put_string(&b, names[i]);
	}
	buf_put_byte(&b, ']');
	return arena_copy(arena, buf_str(&b)).data;
}

/* Without anybody to write to, one message without any attributes shows at least its size. */
static int look_at_nobody(struct looking *k)
{
	static const uint8_t no_mac[TOKEN_MAC_SIZE];
	struct value *values = ARENA_ARRAY(k->arena, struct value, k->content->field_count + 1);
	const struct message_recipient to = {.tenant = 1,
					     .email = STR("nobody@example.com"),
					     .values = values,
					     .date_wall = clock_wall(),
					     .mac = no_mac};
	if (!values)
		return out_of_memory(k);
	look_at_message(k, k->content->plan, &to);
	k->result->sample_email = STR("");
	k->broken.email = (str){}; /* whoever is written to may have what is missing here */
	return CLI_GO;
}

static int look_at_people(struct looking *k)
{
	const struct campaign_lint *r = k->result;
	const char *parameters[] = {
		r->lists.data,
		names_json(k->arena, k->content->fields, k->content->field_count),
		r->filter.data};
	PGresult *result = db_query(k->db, "api_lint_people", 3, parameters);
	if (!result)
		return db_code(k->db);
	int code = CLI_GO;
	for (int i = 0; code == CLI_GO && i < PQntuples(result); i++)
		code = look_at_person(k, result, i);
	if (code == CLI_GO && PQntuples(result) == 0)
		code = look_at_nobody(k);
	PQclear(result);
	say_broken(k);
	return code;
}

/* ---- the whole ---- */

/* What a variant leaves out is as in the letter. */
static bool replace(const struct value *variant, const char *key, str *text)
{
	str own = text_of(variant, key);
	if (own.size > 0)
		*text = own;
	return own.size > 0;
}

static str variant_file(struct looking *k, uint32_t index, str own, const char *usual)
{
	struct buf b;
	if (k->dir && own.size > 0)
		return own;
	buf_init_arena(&b, k->arena, 64);
	buf_put_cstr(&b, "variant ");
	buf_put(&b, k->content->variants[index].name);
	buf_put_cstr(&b, ": ");
	buf_put_cstr(&b, usual);
	return buf_str(&b);
}

/* The first is the letter itself. */
static void look_at_variant_sources(struct looking *k)
{
	const struct value *list = value_get(k->settings, STR("variants"));
	for (uint32_t i = 1; i < k->content->split.count; i++) {
		const struct value *variant = &list->array.items[i];
		const struct campaign_variant *dir =
			k->dir && i < k->dir->variant_count ? &k->dir->variants[i] : NULL;
		struct lint_source source = k->result->source;
		const struct lint_own own = {
			.subject = replace(variant, "subject", &source.subject),
			.sender = replace(variant, "from_address", &source.from_address),
			.html = replace(variant, "html", &source.html),
			.text = replace(variant, "text", &source.text),
		};
		source.text_is_made = source.html.data && source.text.data &&
				      str_eq(source.text, html_text(k->arena, source.html));
		source.conf_file = variant_file(k, i, (str){}, "campaign.conf");
		if (own.html)
			source.html_file =
				variant_file(k, i, dir ? dir->html_file : (str){}, "body.html");
		if (own.text)
			source.text_file =
				variant_file(k, i, dir ? dir->text_file : (str){}, "body.txt");
		lint_variant(&k->result->lint, &source, own);
	}
}

/* With the places where each is read, if the sources show them; and what else is read. */
static int list_fields(struct looking *k)
{
	struct campaign_lint *r = k->result;
	struct lint_field *found = NULL;
	size_t count = 0;
	if (lint_fields(k->arena, &r->source, &found, &count) != 0)
		count = 0;
	r->fields =
		ARENA_ARRAY(k->arena, struct lint_field, count + k->content->field_count + 1);
	if (!r->fields)
		return out_of_memory(k);
	for (size_t i = 0; i < count; i++)
		r->fields[r->field_count++] = found[i];
	for (size_t i = 0; i < k->content->field_count; i++) {
		bool known = false;
		for (size_t f = 0; f < r->field_count && !known; f++)
			known = str_eq(r->fields[f].name, k->content->fields[i]);
		if (!known)
			r->fields[r->field_count++] =
				(struct lint_field){.name = k->content->fields[i],
						    .place = {r->source.conf_file, 0, 0},
						    .unseen = true};
	}
	return CLI_GO;
}

static int look_at_content(struct looking *k)
{
	struct campaign_lint *r = k->result;
	int code = compile(k);
	if (code != CLI_GO)
		return code;
	lint_content(&r->lint, &r->source);
	look_at_variant_sources(k);
	/* A row of the outbox brings its own data: no list says anything of it. */
	code = r->source.transactional ? CLI_GO : look_at_people(k);
	if (code == CLI_GO && k->largest.message.size > 0)
		lint_message(&r->lint, &r->source, &k->largest);
	r->message_size = k->largest.message.size;
	r->html_size = k->largest.html_size;
	if (code == CLI_GO)
		code = list_fields(k);
	if (code == CLI_GO && !r->source.transactional)
		code = campaign_lint_data(k->db, r);
	lint_sort(&r->lint);
	return code;
}

static int look(struct db *db, str settings, str html, const struct campaign_dir *dir,
		struct campaign_lint *result)
{
	struct looking k = {.db = db,
			    .arena = db->cli->arena,
			    .settings_text = settings,
			    .html = html,
			    .dir = dir,
			    .result = result};
	struct value *value = ARENA_NEW(k.arena, struct value);
	if (!value || value_from_json_text(k.arena, settings, value, NULL, 0) != 0 ||
	    value->kind != VALUE_HASH)
		return cli_fail(db->cli, EXIT_FAILED, "the stored settings cannot be read");
	k.settings = value;
	lint_begin(&result->lint, k.arena);
	silence(&k);
	int code = read_source(&k);
	return code == CLI_GO ? look_at_content(&k) : code;
}

int campaign_lint_folder(struct db *db, const struct campaign_dir *c, struct campaign_lint *ret)
{
	struct arena *arena = db->cli->arena;
	struct buf conf, partials;
	buf_init_arena(&conf, arena, 256);
	buf_put(&conf, c->folder);
	buf_put_cstr(&conf, "/campaign.conf");
	buf_init_arena(&partials, arena, 256);
	buf_put(&partials, c->folder);
	buf_put_cstr(&partials, "/partials");
	*ret = (struct campaign_lint){
		.source = {.html = c->html_written.data ? c->html_written : c->html,
			   .text = c->text,
			   .conf_file = buf_str(&conf),
			   .html_file = c->html_file,
			   .text_file = c->text_file,
			   .text_is_made = c->text_is_made,
			   .partials_folder =
				   c->partials.size ? c->partials : buf_str(&partials)},
		.lists = str_of(names_json(arena, c->lists.items, c->lists.count)),
		.exclude = str_of(names_json(arena, c->exclude.items, c->exclude.count)),
		.filter = c->filter.size ? c->filter : (str){},
	};
	return look(db, c->settings, c->html, c, ret);
}

static str keep_cell(struct arena *arena, const PGresult *result, int column)
{
	str cell = db_cell(result, 0, column);
	return cell.data ? arena_copy(arena, cell) : cell;
}

/* Whether a text was made of the HTML is not stored: it is made again and compared. */
int campaign_lint_stored(struct db *db, const struct campaign_row *campaign,
			 struct campaign_lint *ret)
{
	struct arena *arena = db->cli->arena;
	PGresult *result = db_query(db, "api_lint_content", 1, &campaign->id_text.data);
	if (!result)
		return db_code(db);
	if (PQntuples(result) == 0) {
		PQclear(result);
		return cli_fail(db->cli, EXIT_NOT_FOUND, "the campaign has no content yet");
	}
	str settings = keep_cell(arena, result, 0);
	*ret = (struct campaign_lint){
		.source = {.html = keep_cell(arena, result, 1),
			   .text = keep_cell(arena, result, 2),
			   .conf_file = STR("campaign.conf"),
			   .html_file = STR("body.html"),
			   .text_file = STR("body.txt"),
			   .partials_folder = STR("partials")},
		.lists = keep_cell(arena, result, 3),
		.exclude = keep_cell(arena, result, 4),
		.filter = keep_cell(arena, result, 5),
	};
	PQclear(result);
	struct lint_source *source = &ret->source;
	source->text_is_made = source->html.data && source->text.data &&
			       str_eq(source->text, html_text(arena, source->html));
	return look(db, settings, source->html, NULL, ret);
}

int campaign_lint_check_off(struct cli *cli, str file, const struct key_list *off)
{
	const char *names[LINT_RULE_COUNT];
	for (size_t i = 0; i < LINT_RULE_COUNT; i++)
		names[i] = lint_rules[i].name;
	for (size_t i = 0; i < off->count; i++) {
		if (lint_rule_find(off->items[i]) != LINT_RULE_COUNT)
			continue;
		const char *near = suggest(off->items[i], names, LINT_RULE_COUNT);
		return cli_fail(
			cli, EXIT_INVALID, "%.*s: lint_off: no finding is called '%s'%s%s%s",
			STR_FORMAT(file), off->items[i].data, near ? ", did you mean '" : "",
			near ? near : "", near ? "'?" : "");
	}
	return CLI_GO;
}
