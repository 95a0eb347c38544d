/* letter.c - see letter.h. */
#include "engine/api/letter.h"

#include <stdio.h>

#include "engine/api/email.h"
#include "engine/api/rows.h"
#include "engine/api/template_error.h"
#include "engine/io/clock.h"
#include "engine/io/heap.h"
#include "engine/mail/base64.h"
#include "engine/sign/dkim.h"
#include "engine/sign/mac.h"

static int out_of_memory(struct cli *cli)
{
	return cli_fail(cli, EXIT_FAILED, "out of memory");
}

/* Who, and what an attempt before has fixed: id, address, name, Date, revision. */
static int read_person(struct db *db, const struct campaign_row *campaign, const char *email,
		       struct letter *letter, char revision[16])
{
	str key = STR("");
	int code = email ? email_key_of(db->cli, email, &key) : CLI_GO;
	if (code != CLI_GO)
		return code;
	const char *parameters[] = {campaign->id_text.data, key.data};
	PGresult *result = db_query(db, "api_letter_person", 2, parameters);
	if (!result)
		return db_code(db);
	if (PQntuples(result) == 0) {
		PQclear(result);
		return cli_fail(db->cli, EXIT_NOT_FOUND,
				email ? "there is no subscriber %s, or no message to them"
				      : "nobody is on the campaign's lists, or in its "
					"outbox%s",
				email ? email : "");
	}
	struct message_recipient *to = &letter->recipient;
	to->tenant = (uint32_t)db->cli->config.database.tenant;
	to->campaign_id = campaign->id;
	to->subscriber_id = db_u64(result, 0, 0);
	to->email = letter->email = arena_copy(db->cli->arena, db_cell(result, 0, 1));
	to->name = arena_copy(db->cli->arena, db_cell(result, 0, 2));
	to->date_wall = db_i64(result, 0, 3);
	letter->was_attempted = to->date_wall != 0;
	snprintf(revision, 16, "%u", (unsigned)db_u64(result, 0, 4));
	letter->winner = (uint32_t)db_u64(result, 0, 5);
	PQclear(result);
	if (!letter->was_attempted)
		to->date_wall = clock_wall();
	return CLI_GO;
}

/* NULL stays NULL: a campaign without a text body. */
static str keep_cell(struct arena *arena, const PGresult *result, int column)
{
	str cell = db_cell(result, 0, column);
	return cell.data ? arena_copy(arena, cell) : cell;
}

int letter_parts(struct db *db, const struct campaign_row *campaign, const char *revision,
		 str **ret_parts, size_t *ret_count)
{
	struct arena *arena = db->cli->arena;
	const char *parameters[] = {campaign->id_text.data, revision};
	PGresult *result = db_query(db, "api_parts", 2, parameters);
	if (!result)
		return db_code(db);
	size_t count = (size_t)PQntuples(result);
	str *parts = ARENA_ARRAY(arena, str, count + 1);
	for (size_t i = 0; parts && i < count; i++) {
		str text = db_cell(result, (int)i, 0);
		struct buf bytes;
		buf_init_arena(&bytes, arena, text.size / 4 * 3 + 3);
		if (text.data && base64_decode(&bytes, text))
			parts[i] = bytes.data ? buf_str(&bytes) : STR("");
	}
	PQclear(result);
	*ret_parts = parts;
	*ret_count = count;
	return parts ? CLI_GO : out_of_memory(db->cli);
}

static int compile(struct letter *letter, const uint8_t *campaign_mac)
{
	struct cli *cli = letter->cli;
	const struct config_sending *sending = &cli->config.sending;
	struct liquid_error error;
	const struct content_site site = {
		.return_domain = sending->return_domain.size ? sending->return_domain
							     : STR("return-domain.invalid"),
		.base_url = sending->base_url,
		.unsubscribe_mailbox = sending->unsubscribe_mailbox,
		.campaign_mac = campaign_mac,
		.tenant = letter->recipient.tenant,
		.campaign_id = letter->recipient.campaign_id,
		.links_as_they_are = letter->is_target,
		.parts = letter->parts,
		.part_count = letter->part_count,
	};
	letter->content = content_compile(cli->arena, letter->settings, letter->html,
					  letter->text, &site, &error);
	return letter->content ? CLI_GO : template_error_tell(cli, &error);
}

static int read_content(struct db *db, const struct campaign_row *campaign,
			const char *revision, struct letter *letter)
{
	struct cli *cli = db->cli;
	const char *parameters[] = {campaign->id_text.data, revision};
	PGresult *result = db_query(db, "api_template_get", 2, parameters);
	if (!result)
		return db_code(db);
	if (PQntuples(result) == 0) {
		PQclear(result);
		return cli_fail(cli, EXIT_NOT_FOUND, "the campaign has no content yet");
	}
	letter->settings = keep_cell(cli->arena, result, 0);
	letter->html = keep_cell(cli->arena, result, 1);
	letter->text = keep_cell(cli->arena, result, 2);
	PQclear(result);
	return letter_parts(db, campaign, revision, &letter->parts, &letter->part_count);
}

static const char *fields_json(struct arena *arena, const struct content *content)
{
	struct buf b;
	buf_init_arena(&b, arena, 256);
	buf_put_byte(&b, '[');
	for (size_t i = 0; i < content->field_count; i++) {
		if (i > 0)
			buf_put_byte(&b, ',');
		json_put_string(&b, content->fields[i]);
	}
	buf_put_byte(&b, ']');
	return arena_copy(arena, buf_str(&b)).data;
}

static int read_fields(struct db *db, struct letter *letter)
{
	struct arena *arena = db->cli->arena;
	size_t count = letter->content->field_count;
	char id[24];
	str *fields = ARENA_ARRAY(arena, str, count + 1);
	if (!fields)
		return out_of_memory(db->cli);
	snprintf(id, sizeof(id), "%llu", (unsigned long long)letter->recipient.subscriber_id);
	const char *parameters[] = {id, fields_json(arena, letter->content)};
	PGresult *result = db_query(db, "api_letter_fields", 2, parameters);
	if (!result)
		return db_code(db);
	for (size_t i = 0; i < count && (int)i < PQntuples(result); i++) {
		str cell = db_cell(result, (int)i, 0);
		fields[i] = cell.data ? arena_copy(arena, cell) : cell;
	}
	PQclear(result);
	letter->fields = fields;
	return CLI_GO;
}

/* From 1; 0 is the letter without a variant. */
static int use_variant(struct letter *letter, uint32_t variant)
{
	const struct content *content = letter->content;
	letter->recipient.fields = letter->fields;
	letter->recipient.values = NULL;
	letter->chosen = variant;
	letter->plan = content_plan(content, letter->cli->arena, variant, &letter->recipient);
	if (!letter->plan)
		return out_of_memory(letter->cli);
	if (content->split.count > 0)
		letter->variant = content->variants[variant ? variant - 1 : 0].name;
	content_read_fields(content, letter->cli->arena, &letter->recipient);
	return CLI_GO;
}

/* Whoever has none yet, or gets none, is shown the first. */
static int use_own_variant(struct letter *letter)
{
	const struct message_recipient *to = &letter->recipient;
	int variant = variant_of(&letter->content->split, to->campaign_id, to->subscriber_id);
	letter->waits = variant == VARIANT_REST && letter->winner == 0;
	letter->held_out = variant == VARIANT_HELD_OUT;
	return use_variant(letter, content_variant_of(letter->content, to->campaign_id,
						      to->subscriber_id, letter->winner));
}

int letter_choose(struct letter *letter, const char *variant)
{
	const struct content *content = letter->content;
	struct buf known;
	buf_init_arena(&known, letter->cli->arena, 256);
	for (uint32_t i = 0; i < content->split.count; i++) {
		if (str_eq(content->variants[i].name, str_of(variant))) {
			letter->waits = letter->held_out = false; /* it is not theirs */
			return use_variant(letter, i + 1);
		}
		buf_put_cstr(&known, i ? ", " : "; its variants are ");
		buf_put_printable(&known, content->variants[i].name, 40);
	}
	return cli_fail(letter->cli, EXIT_NOT_FOUND, "the campaign has no variant '%s'%.*s",
			variant, STR_FORMAT(buf_str(&known)));
}

static const uint8_t no_mac[TOKEN_MAC_SIZE];

int letter_open(struct db *db, const struct campaign_row *campaign, const char *email,
		struct letter *ret_letter)
{
	struct letter letter = {.cli = db->cli, .recipient.mac = no_mac, .campaign = campaign};
	char revision[16];
	int code = read_person(db, campaign, email, &letter, revision);
	if (code == CLI_GO)
		code = read_content(db, campaign, revision, &letter);
	if (code == CLI_GO)
		code = compile(&letter, NULL);
	if (code == CLI_GO)
		code = read_fields(db, &letter);
	if (code == CLI_GO)
		code = use_own_variant(&letter);
	if (code == CLI_GO)
		*ret_letter = letter;
	return code;
}

int letter_target(struct db *db, const struct campaign_row *campaign, const char *email,
		  str target, struct buf *out)
{
	struct letter letter = {.cli = db->cli,
				.recipient.mac = no_mac,
				.campaign = campaign,
				.is_target = true};
	char revision[16];
	int code = read_person(db, campaign, email, &letter, revision);
	if (code == CLI_GO)
		code = read_content(db, campaign, revision, &letter);
	letter.html = (str){};
	letter.text = target;
	if (code == CLI_GO)
		code = compile(&letter, NULL);
	if (code == CLI_GO)
		code = read_fields(db, &letter);
	if (code == CLI_GO)
		code = use_variant(&letter, 0);
	return code == CLI_GO ? letter_part(&letter, MESSAGE_TEXT, out) : code;
}

/* A draft gets the newest at its launch; see sql/0015_links.sql for none. */
static int read_key(struct letter *letter, struct db *db, const struct mac_keys *keys,
		    char *ret_key)
{
	bool is_draft = str_eq(letter->campaign->state, STR("draft"));
	PGresult *result = db_query(db, "api_campaign_key", 1, &letter->campaign->id_text.data);
	if (!result)
		return db_code(db);
	str key = db_cell(result, 0, 0);
	*ret_key = key.size == 1 ? key.data[0]
		   : is_draft    ? mac_keys_newest(keys)
				 : mac_keys_oldest(keys);
	PQclear(result);
	return mac_keys_has(keys, *ret_key)
		       ? CLI_GO
		       : cli_fail(letter->cli, EXIT_FAILED,
				  "the campaign was launched with a secret whose tokens begin "
				  "with '%c', which the file of sending.secret no longer holds",
				  *ret_key);
}

static int use_keys(struct letter *letter, struct db *db, struct mac_keys *keys)
{
	const struct message_recipient *to = &letter->recipient;
	const struct token token = {to->tenant, to->campaign_id, to->subscriber_id};
	const struct token nobody = {to->tenant, to->campaign_id, 0};
	uint8_t *mac = (uint8_t *)arena_bytes(letter->cli->arena, TOKEN_MAC_SIZE);
	uint8_t campaign_mac[TOKEN_MAC_SIZE];
	char key = 0;
	if (!mac)
		return out_of_memory(letter->cli);
	int code = read_key(letter, db, keys, &key);
	if (code != CLI_GO)
		return code;
	mac_of(keys, key, &token, mac);
	mac_of(keys, key, &nobody, campaign_mac);
	letter->recipient.mac = mac;
	code = compile(letter, campaign_mac);
	return code == CLI_GO ? use_variant(letter, letter->chosen) : code;
}

int letter_use_secret(struct letter *letter, struct db *db, str secrets)
{
	char why[200];
	struct mac_keys *keys = mac_keys_create(secrets, why);
	if (!keys)
		return cli_fail(letter->cli, EXIT_FAILED, "%s", why);
	int code = use_keys(letter, db, keys);
	mac_keys_destroy(keys);
	return code;
}

int letter_part(struct letter *letter, enum message_part part, struct buf *out)
{
	struct liquid_error error;
	struct arena scratch;
	arena_init(&scratch, heap_source(), 0, 0);
	int result = message_render_part(letter->plan, &letter->recipient, part, &scratch, out,
					 &error);
	arena_done(&scratch);
	return result == 0 ? CLI_GO : template_error_tell(letter->cli, &error);
}

static int sign(struct letter *letter, struct dkim_key *const *keys, size_t key_count,
		str message, size_t header_size, struct buf *signature)
{
	struct dkim_signer *signer =
		dkim_signer_create((const struct dkim_key *const *)keys, key_count);
	int result =
		signer ? dkim_signer_sign(signer, message, header_size, clock_wall(), signature)
		       : -1;
	dkim_signer_destroy(signer);
	return result == 0 ? CLI_GO : cli_fail(letter->cli, EXIT_FAILED, "signing failed");
}

int letter_raw(struct letter *letter, struct dkim_key *const *keys, size_t key_count,
	       struct buf *signature, struct buf *message)
{
	struct liquid_error error;
	struct arena scratch;
	struct message_bytes bytes;
	struct buf own;
	arena_init(&scratch, heap_source(), 0, 0);
	buf_init_arena(&own, letter->cli->arena, 65536);
	int result = message_gather(letter->plan, &letter->recipient, letter->form, &scratch,
				    &own, &bytes, &error);
	arena_done(&scratch);
	if (result != 0)
		return template_error_tell(letter->cli, &error);
	for (size_t i = 0; i < bytes.span_count; i++)
		buf_put(message, bytes.spans[i]);
	if (!buf_ok(message))
		return out_of_memory(letter->cli);
	return key_count ? sign(letter, keys, key_count, buf_str(message), bytes.header_size,
				signature)
			 : CLI_GO;
}
