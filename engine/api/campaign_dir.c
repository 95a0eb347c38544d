/* campaign_dir.c - see campaign_dir.h. */
#include "engine/api/campaign_dir.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/api/campaign_parts.h"
#include "engine/api/campaign_policy.h"
#include "engine/api/campaign_tracking.h"
#include "engine/api/campaign_variants.h"
#include "engine/api/html_text.h"
#include "engine/api/locale_dir.h"
#include "engine/api/moment.h"
#include "engine/mail/address.h"
#include "engine/mail/header.h"
#include "engine/mail/utf8.h"

#define CONF_SIZE_LIMIT (1u << 20)
#define BODY_SIZE_LIMIT (8u << 20) /* larger letters are not delivered anywhere */
#define PARTIAL_LIMIT 500
#define NAME_SIZE_LIMIT 200
#define WORD_LIMIT 40 /* of a name within an id */

static str join(struct arena *arena, str folder, const char *name)
{
	struct buf b;
	buf_init_arena(&b, arena, folder.size + strlen(name) + 2);
	buf_put(&b, folder);
	buf_put_byte(&b, '/');
	buf_put_cstr(&b, name);
	return arena_copy(arena, buf_str(&b));
}

static bool is_utf8(str text)
{
	while (text.size > 0) {
		size_t n = utf8_char_size(text);
		if (n == 0)
			return false;
		text = str_from(text, n);
	}
	return true;
}

/* Text as the database takes it: UTF-8 without NUL. Editors on Windows begin it with a mark. */
int campaign_dir_text(str path, struct arena *arena, str *ret_text, char *why, size_t why_size)
{
	str text;
	if (file_read(path.data, BODY_SIZE_LIMIT, arena, &text, why, why_size) != 0)
		return -1;
	if (!is_utf8(text) || str_find_byte(text, '\0') != STR_NONE) {
		snprintf(why, why_size, "%s: is not UTF-8 text; iconv converts it", path.data);
		return -1;
	}
	*ret_text = str_from(text, str_starts(text, STR("\xEF\xBB\xBF")) ? 3 : 0);
	return 0;
}

/* A file that campaign.conf names must be there; one of the usual name may be. */
static int read_body(struct arena *arena, str named, str usual, str *ret_file, str *ret_text,
		     char *why, size_t why_size)
{
	str path = named.size ? named : usual;
	*ret_file = path;
	if (named.size == 0 && access(path.data, F_OK) != 0)
		return 0;
	return campaign_dir_text(path, arena, ret_text, why, why_size);
}

bool campaign_dir_is(const char *path)
{
	char file[4096];
	int n = snprintf(file, sizeof(file), "%s/campaign.conf", path);
	return n > 0 && (size_t)n < sizeof(file) && access(file, F_OK) == 0;
}

static json_t *json_text(str text)
{
	return json_stringn(text.data ? text.data : "", text.size);
}

/* As a header of 7 bits shows it: an international domain in A-labels. What has no such form
 * stays as it is, and is refused where it is looked at. */
static str shown_address(struct arena *arena, str text)
{
	struct address address;
	struct buf wire;
	buf_init_arena(&wire, arena, text.size + 64);
	if (header_address_ok(text) || address_parse(text, &address) != ADDRESS_OK ||
	    !address_wire(&wire, &address))
		return text;
	return buf_str(&wire);
}

/* from = [ display-name ] "<" addr-spec ">" / addr-spec */
int campaign_dir_put_from(json_t *settings, str from, struct arena *arena)
{
	size_t open = str_rfind_byte(from, '<');
	str name = {}, address = str_trim(from);
	if (open != STR_NONE) {
		if (!str_ends(address, STR(">")))
			return -1;
		name = str_trim(str_sub(from, 0, open));
		address = str_trim(str_from(from, open + 1));
		address.size--;
	}
	if (name.size >= 2 && name.data[0] == '"' && name.data[name.size - 1] == '"')
		name = str_sub(name, 1, name.size - 2);
	struct address parsed;
	if (address_parse(address, &parsed) != ADDRESS_OK)
		return -1;
	json_object_set_new(settings, "from_name", json_text(name));
	json_object_set_new(settings, "from_address", json_text(shown_address(arena, address)));
	return 0;
}

/* Every NAME.liquid of the folder by NAME, every other file by its own name. */
static int put_partials(json_t *settings, str folder, bool must_exist, struct arena *arena,
			char *why, size_t why_size)
{
	DIR *directory = opendir(folder.data);
	json_t *partials = json_object();
	struct dirent *entry;
	int result = 0;
	json_object_set_new(settings, "partials", partials);
	if (!directory) {
		snprintf(why, why_size, "%s: %s", folder.data, strerror(errno));
		return must_exist ? -1 : 0;
	}
	while (result == 0 && (entry = readdir(directory))) {
		str name = str_of(entry->d_name), source;
		if (name.data[0] == '.' || json_object_size(partials) >= PARTIAL_LIMIT)
			continue;
		result = campaign_dir_text(join(arena, folder, entry->d_name), arena, &source,
					   why, why_size);
		if (result == 0 && str_ends(name, STR(".liquid")))
			entry->d_name[name.size - strlen(".liquid")] = '\0';
		if (result == 0 &&
		    json_object_set_new(partials, entry->d_name, json_text(source)) != 0) {
			snprintf(why, why_size, "%s/%s: is not UTF-8 text", folder.data,
				 entry->d_name);
			result = -1;
		}
	}
	closedir(directory);
	return result;
}

/* Where readers live; only what the campaign says, so that one without texts stays as it is. */
static int put_region(json_t *settings, const struct campaign_dir *c, const char *conf_path,
		      str usual_locales, struct arena *arena, char *why, size_t why_size)
{
	const struct {
		const char *key;
		str value, usual;
	} texts[] = {
		{"locale", c->locale, STR("en")},
		{"recipient_locale", c->recipient_locale, STR("locale")},
		{"zone", c->zone, STR("UTC")},
		{"recipient_zone", c->recipient_zone, STR("")},
	};
	if (!zone_is_known(c->zone)) {
		snprintf(
			why, why_size,
			"%s: zone: no time zone is called '%.*s' (write Europe/Berlin, or UTC)",
			conf_path, STR_FORMAT(str_sub(c->zone, 0, 60)));
		return -1;
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!str_eq(texts[i].value, texts[i].usual))
			json_object_set_new(settings, texts[i].key, json_text(texts[i].value));
	json_t *locales =
		locale_dir_read(c->locales.size ? c->locales.data : usual_locales.data,
				c->locales.size > 0, arena, why, why_size);
	if (locales && json_object_size(locales) > 0)
		json_object_set(settings, "locales", locales);
	json_decref(locales);
	return locales ? 0 : -1;
}

static void put_texts(json_t *settings, const struct campaign_dir *c)
{
	const struct {
		const char *key;
		str value;
	} texts[] = {
		{"subject", c->subject},
		{"list_id", c->list_id},
		{"list_name", c->list_name},
		{"feedback_id", c->feedback_id},
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		json_object_set_new(settings, texts[i].key, json_text(texts[i].value));
	json_t *campaign = json_object(), *list = json_object();
	json_object_set_new(campaign, "name", json_text(c->name));
	json_object_set_new(campaign, "subject", json_text(c->subject));
	json_object_set_new(list, "id", json_text(c->list_id));
	json_object_set_new(list, "name", json_text(c->list_name));
	json_object_set_new(settings, "campaign", campaign);
	json_object_set_new(settings, "list", list);
}

/* What the file says of `name` stands behind what campaign.conf says. */
static int put_data(json_t *settings, const struct campaign_dir *c, char *why, size_t why_size)
{
	json_error_t error;
	if (!c->data.data)
		return 0;
	json_t *data = json_loadb(c->data.data, c->data.size, JSON_REJECT_DUPLICATES, &error);
	json_t *campaign = json_object_get(settings, "campaign");
	int result = json_is_object(data) ? json_object_update_missing(campaign, data) : -1;
	if (!data)
		snprintf(why, why_size, "%s:%d: %s", c->data_file.data, error.line, error.text);
	else if (result != 0)
		snprintf(why, why_size, "%s: is not a JSON object of names and values",
			 c->data_file.data);
	json_decref(data);
	return result;
}

static void put_lists(json_t *settings, const struct campaign_dir *c)
{
	json_t *lists = json_array();
	for (size_t i = 0; i < c->lists.count; i++)
		json_array_append_new(lists, json_text(c->lists.items[i]));
	json_object_set_new(settings, "lists", lists);
}

static void put_headers(json_t *settings, const struct campaign_dir *c)
{
	json_t *headers = json_array();
	for (size_t i = 0; i < c->header_count; i++) {
		json_t *header = json_object();
		json_object_set_new(header, "name", json_text(c->headers[i].name));
		json_object_set_new(header, "value", json_text(c->headers[i].value));
		json_array_append_new(headers, header);
	}
	json_object_set_new(settings, "headers", headers);
}

static void put_policy(json_t *settings, const struct campaign_dir *c,
		       const struct config *config)
{
	bool retry = c->in_doubt == CAMPAIGN_RETRY || (c->in_doubt == CAMPAIGN_AS_CONFIGURED &&
						       config->in_doubt == IN_DOUBT_RETRY);
	json_object_set_new(settings, "in_doubt", json_string(retry ? "retry" : "assume"));
	json_object_set_new(settings, "require_tls", json_boolean(c->require_tls));
	json_object_set_new(settings, "pool", json_text(c->pool));
	if (c->strict_variables)
		json_object_set_new(settings, "strict_variables", json_true());
	if (!c->strict_filters)
		json_object_set_new(settings, "strict_filters", json_false());
	if (c->kind == CAMPAIGN_TRANSACTIONAL)
		json_object_set_new(settings, "kind", json_string("transactional"));
	json_object_set_new(settings, "expires_seconds",
			    json_integer((json_int_t)(c->expires / USEC_SECOND)));
}

static void put_lint_off(json_t *settings, const struct campaign_dir *c)
{
	json_t *names = json_array();
	for (size_t i = 0; i < c->lint_off.count; i++)
		json_array_append_new(names, json_text(c->lint_off.items[i]));
	if (c->lint_off.count > 0)
		json_object_set(settings, "lint_off", names);
	json_decref(names);
}

/* Letters, digits and hyphens of a name, as both fields want them. */
static void put_word(struct buf *out, str name)
{
	for (size_t i = 0; i < name.size && i < WORD_LIMIT; i++) {
		char c = name.data[i];
		bool upper = c >= 'A' && c <= 'Z';
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		buf_put_byte(out, upper ? (char)(c + 'a' - 'A') : plain ? c : '-');
	}
}

/* Every newsletter has a List-Id and a Feedback-ID (RFC 2919; the last field is the sender);
 * transactional mail comes from no list. */
static int put_usual_ids(json_t *settings, const struct campaign_dir *c, struct arena *arena)
{
	str from = str_of(json_string_value(json_object_get(settings, "from_address")));
	str domain = str_from(from, str_rfind_byte(from, '@') + 1);
	str list = c->lists.count ? c->lists.items[0] : c->name;
	bool newsletter = c->kind == CAMPAIGN_NEWSLETTER;
	struct buf id, feedback;
	buf_init_arena(&id, arena, 512);
	buf_init_arena(&feedback, arena, 512);
	if (c->list_id.size == 0 && newsletter) {
		put_word(&id, list);
		buf_put_byte(&id, '.');
		buf_put(&id, domain);
		json_object_set_new(settings, "list_id", json_text(buf_str(&id)));
		json_object_set_new(json_object_get(settings, "list"), "id",
				    json_text(buf_str(&id)));
	}
	if (c->feedback_id.size == 0) {
		put_word(&feedback, c->name);
		buf_put_byte(&feedback, ':');
		put_word(&feedback, list);
		buf_put_cstr(&feedback, newsletter ? ":newsletter:" : ":transactional:");
		put_word(&feedback, domain);
		json_object_set_new(settings, "feedback_id", json_text(buf_str(&feedback)));
	}
	return buf_ok(&id) && buf_ok(&feedback) ? 0 : -1;
}

/* Sorted keys: the same folder gives the same bytes, so an unchanged one is seen to be so. */
static int dump_settings(json_t *settings, struct arena *arena, str *ret_text)
{
	char *text = json_dumps(settings, JSON_COMPACT | JSON_SORT_KEYS);
	*ret_text = text ? arena_copy(arena, str_of(text)) : (str){};
	free(text);
	return ret_text->data ? 0 : -1;
}

static int make_settings(struct campaign_dir *c, const struct config *config,
			 const char *conf_path, str usual_partials, str usual_locales,
			 struct arena *arena, char *why, size_t why_size)
{
	json_t *settings = json_object();
	int result = -1;
	put_texts(settings, c);
	put_lists(settings, c);
	put_headers(settings, c);
	put_policy(settings, c, config);
	put_lint_off(settings, c);
	json_object_set_new(settings, "reply_to", json_text(shown_address(arena, c->reply_to)));
	if (campaign_dir_put_from(settings, c->from, arena) != 0)
		snprintf(why, why_size,
			 "%s: from: write \"Ann Example <ann@news.example.com>\", an address "
			 "at least",
			 conf_path);
	else if (put_usual_ids(settings, c, arena) != 0)
		snprintf(why, why_size, "out of memory");
	else if (campaign_policy_put(c, config, conf_path, arena, settings, why, why_size) ==
			 0 &&
		 campaign_tracking_put(c, conf_path, settings, why, why_size) == 0 &&
		 put_data(settings, c, why, why_size) == 0 &&
		 campaign_variants_put(c, conf_path, arena, settings, why, why_size) == 0 &&
		 put_partials(settings, c->partials.size ? c->partials : usual_partials,
			      c->partials.size > 0, arena, why, why_size) == 0 &&
		 campaign_parts_put(c, settings, conf_path, arena, why, why_size) == 0 &&
		 put_region(settings, c, conf_path, usual_locales, arena, why, why_size) == 0) {
		result = dump_settings(settings, arena, &c->settings);
		if (result != 0)
			snprintf(why, why_size, "%s: is not UTF-8 text", conf_path);
	}
	json_decref(settings);
	return result;
}

static const char *missing_key(const struct campaign_dir *c)
{
	if (!c->subject.size)
		return "subject";
	return c->kind == CAMPAIGN_NEWSLETTER && !c->lists.count ? "lists" : NULL;
}

static const char *audience_key(const struct campaign_dir *c)
{
	return c->lists.count     ? "lists"
	       : c->exclude.count ? "exclude"
	       : c->filter.size   ? "filter"
	       : c->list_id.size  ? "list_id"
				  : NULL;
}

static int check_complete(const struct campaign_dir *c, const char *conf_path, char *why,
			  size_t why_size)
{
	for (size_t i = 0; i < c->name.size; i++) {
		if ((unsigned char)c->name.data[i] < ' ' || c->name.data[i] == 0x7F ||
		    c->name.size > NAME_SIZE_LIMIT) {
			snprintf(why, why_size,
				 "%s: name: at most %d bytes, without control characters",
				 conf_path, NAME_SIZE_LIMIT);
			return -1;
		}
	}
	const char *missing = missing_key(c), *audience = audience_key(c);
	if (c->kind == CAMPAIGN_TRANSACTIONAL && audience)
		snprintf(why, why_size, "%s: %s: a transactional campaign has no audience",
			 conf_path, audience);
	else if (missing)
		snprintf(why, why_size, "%s: %s is missing; see `rundbrief help campaign`",
			 conf_path, missing);
	else if (!c->html.data && !c->text.data)
		snprintf(why, why_size, "%.*s: has neither body.html nor body.txt",
			 STR_FORMAT(c->folder));
	else
		return 0;
	return -1;
}

/* A letter in HTML alone gets a text part, for readers and filters that want one. */
static void add_text(struct campaign_dir *c, struct arena *arena)
{
	c->text_is_made = !c->text.data;
	if (c->text_is_made)
		c->text = html_text(arena, c->html);
}

int campaign_dir_read(const char *folder, const struct config *config, struct arena *arena,
		      struct campaign_dir *ret_campaign, char *ret_why, size_t why_size)
{
	struct campaign_dir c = {.folder = arena_copy(arena, str_of(folder))};
	str source;
	while (c.folder.size > 1 && str_ends(c.folder, STR("/")))
		c.folder = arena_copy(arena, str_sub(c.folder, 0, c.folder.size - 1));
	str path = join(arena, c.folder, "campaign.conf");
	if (file_read(path.data, CONF_SIZE_LIMIT, arena, &source, ret_why, why_size) != 0 ||
	    keys_load(&campaign_table, &c, path.data, source, arena, &c.set, ret_why,
		      why_size) != 0)
		return -1;
	if (c.name.size == 0) {
		size_t slash = str_rfind_byte(c.folder, '/');
		c.name = slash == STR_NONE ? c.folder : str_from(c.folder, slash + 1);
	}
	if (read_body(arena, c.html_file, join(arena, c.folder, "body.html"), &c.html_file,
		      &c.html, ret_why, why_size) != 0 ||
	    read_body(arena, c.text_file, join(arena, c.folder, "body.txt"), &c.text_file,
		      &c.text, ret_why, why_size) != 0 ||
	    read_body(arena, c.data_file, join(arena, c.folder, "data.json"), &c.data_file,
		      &c.data, ret_why, why_size) != 0 ||
	    check_complete(&c, path.data, ret_why, why_size) != 0 ||
	    make_settings(&c, config, path.data, join(arena, c.folder, "partials"),
			  join(arena, c.folder, "locales"), arena, ret_why, why_size) != 0)
		return -1;
	add_text(&c, arena);
	*ret_campaign = c;
	return 0;
}

/* Whichever part a row leaves out is made of the other. */
int campaign_dir_ready(const char *from, const struct config *config, struct arena *arena,
		       struct campaign_dir *ret_campaign, char *ret_why, size_t why_size)
{
	struct campaign_dir c = {
		.name = STR("ready"),
		.subject = STR("{{ subject }}"),
		.from = arena_copy(arena, str_of(from)),
		.kind = CAMPAIGN_TRANSACTIONAL,
		.folder = STR("ready"),
		.partials = STR(""),
		.locales = STR(""),
		.locale = STR("en"),
		.recipient_locale = STR("locale"),
		.zone = STR("UTC"),
		.recipient_zone = STR(""),
		.filter = STR(""),
		.html_file = STR("ready/body.html"),
		.text_file = STR("ready/body.txt"),
		.html = STR(
			"{% if html %}{{ html | raw }}{% else %}"
			"<pre style=\"font: inherit; white-space: pre-wrap\">{{ text }}</pre>"
			"{% endif %}"),
		.text = STR("{% if text %}{{ text }}{% else %}{{ html | strip_html }}{% endif "
			    "%}"),
	};
	if (make_settings(&c, config, "ready", STR(""), STR(""), arena, ret_why, why_size) != 0)
		return -1;
	*ret_campaign = c;
	return 0;
}
