/* campaign_parts.c - see campaign_parts.h. */
#include "engine/api/campaign_parts.h"

#include <stdio.h>
#include <unistd.h>

#include "engine/api/campaign_variants.h"
#include "engine/sign/digest.h"
#include "templates/message.h"

#define AUTOMATIC_LIMIT 100 /* images that the HTML alone names */
#define PATH_LIMIT 300

static json_t *json_text(str text)
{
	return json_stringn(text.data ? text.data : "", text.size);
}

static void put_text(json_t *object, const char *key, str text)
{
	if (text.size > 0)
		json_object_set_new(object, key, json_text(text));
}

static str path_of(const struct campaign_dir *c, struct arena *arena, const char *between,
		   str name)
{
	struct buf path;
	buf_init_arena(&path, arena, c->folder.size + name.size + 16);
	if (!str_starts(name, STR("/"))) {
		buf_put(&path, c->folder);
		buf_put_cstr(&path, between);
	}
	buf_put(&path, name);
	return arena_copy(arena, buf_str(&path));
}

static bool is_there(str path)
{
	return path.data && access(path.data, R_OK) == 0;
}

/* One file more: its bytes, and what the settings say of it. */
static int add_file(struct campaign_dir *c, json_t *list, const struct campaign_file *file,
		    str path, bool is_image, struct arena *arena, char *why, size_t why_size)
{
	char hash[DIGEST_HEX_SIZE];
	str bytes;
	if (file_read(path.data, c->attachment_limit, arena, &bytes, why, why_size) != 0)
		return -1;
	json_t *part = json_object();
	json_object_set_new(part, "name",
			    json_text(file->shown.size ? file->shown : file->name));
	put_text(part, "type", file->type);
	if (is_image)
		put_text(part, "cid", file->cid.size ? file->cid : file->name);
	digest_hex(bytes, hash);
	json_object_set_new(part, "sha256", json_string(hash));
	if (json_array_append_new(list, part) != 0) {
		snprintf(why, why_size, "%s: its name is not UTF-8 text", path.data);
		return -1;
	}
	c->parts[c->part_count++] = bytes;
	return 0;
}

static bool is_known(const json_t *list, str cid)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (str_eq(str_of(json_string_value(
				   json_object_get(json_array_get(list, i), "cid"))),
			   cid))
			return true;
	return false;
}

/* A path that stays in the folder. */
static bool is_local(str name)
{
	return name.size > 0 && name.size <= PATH_LIMIT && name.data[0] != '/' &&
	       str_find(name, STR("..")) == STR_NONE && str_find_byte(name, '\0') == STR_NONE;
}

/* The images that the HTML calls by their path. What is not there is an error of compiling,
 * with its line. */
static int add_called(struct campaign_dir *c, json_t *list, str html, struct arena *arena,
		      char *why, size_t why_size)
{
	static const char *const places[] = {"/", "/images/"};
	struct campaign_file file = {};
	for (size_t at = 0; message_next_cid(html, &at, &file.name);) {
		if (is_known(list, file.name) || !is_local(file.name))
			continue;
		for (size_t i = 0; i < 2; i++) {
			str path = path_of(c, arena, places[i], file.name);
			if (!is_there(path))
				continue;
			if (json_array_size(list) >=
			    c->attached_count + c->inlined_count + AUTOMATIC_LIMIT) {
				snprintf(why, why_size,
					 "%.*s: the HTML has more than %d images with it",
					 STR_FORMAT(c->folder), AUTOMATIC_LIMIT);
				return -1;
			}
			if (add_file(c, list, &file, path, true, arena, why, why_size) != 0)
				return -1;
			break;
		}
	}
	return 0;
}

static int add_all_called(struct campaign_dir *c, json_t *settings, json_t *list,
			  struct arena *arena, char *why, size_t why_size)
{
	json_t *partials = json_object_get(settings, "partials"), *source;
	const char *name;
	if (!c->html.data)
		return 0;
	if (add_called(c, list, c->html, arena, why, why_size) != 0)
		return -1;
	json_object_foreach(partials, name, source)
	{
		str text = str_make(json_string_value(source), json_string_length(source));
		if (add_called(c, list, text, arena, why, why_size) != 0)
			return -1;
	}
	json_t *variants = json_object_get(settings, "variants");
	for (size_t i = 0; i < json_array_size(variants); i++) {
		const char *html =
			json_string_value(json_object_get(json_array_get(variants, i), "html"));
		if (html && add_called(c, list, str_of(html), arena, why, why_size) != 0)
			return -1;
	}
	return 0;
}

static int put_files(struct campaign_dir *c, json_t *settings, struct arena *arena, char *why,
		     size_t why_size)
{
	json_t *list = json_array();
	int result = 0;
	c->parts =
		ARENA_ARRAY(arena, str, c->attached_count + c->inlined_count + AUTOMATIC_LIMIT);
	for (size_t i = 0; result == 0 && i < c->inlined_count; i++)
		result = add_file(c, list, &c->inlined[i],
				  path_of(c, arena, "/", c->inlined[i].name), true, arena, why,
				  why_size);
	if (result == 0)
		result = add_all_called(c, settings, list, arena, why, why_size);
	for (size_t i = 0; result == 0 && i < c->attached_count; i++)
		result = add_file(c, list, &c->attached[i],
				  path_of(c, arena, "/", c->attached[i].name), false, arena,
				  why, why_size);
	if (result == 0 && c->part_count > 0)
		json_object_set(settings, "parts", list);
	json_decref(list);
	return result;
}

static int put_calendar(struct campaign_dir *c, json_t *settings, const char *conf_path,
			struct arena *arena, char *why, size_t why_size)
{
	static const char *const words[] = {"alternative", "attachment", "both"};
	const struct campaign_calendar *calendar = c->calendars;
	str source;
	if (c->calendar_count == 0)
		return 0;
	if (c->calendar_count > 1) {
		snprintf(why, why_size, "%s: calendar: a letter has one invitation", conf_path);
		return -1;
	}
	if (campaign_dir_text(path_of(c, arena, "/", calendar->name), arena, &source, why,
			      why_size) != 0)
		return -1;
	json_t *object = json_object();
	json_object_set_new(object, "source", json_text(source));
	json_object_set_new(object, "name",
			    json_text(calendar->shown.size ? calendar->shown : calendar->name));
	json_object_set_new(object, "method", json_text(calendar->method));
	json_object_set_new(object, "as", json_string(words[calendar->as]));
	json_object_set_new(settings, "calendar", object);
	return 0;
}

static int put_amp(struct campaign_dir *c, json_t *settings, struct arena *arena, char *why,
		   size_t why_size)
{
	str path = c->amp_file.size ? c->amp_file
				    : path_of(c, arena, "/", STR("body.amp.html")),
	    source;
	if (!c->amp_file.size && !is_there(path))
		return 0;
	if (campaign_dir_text(path, arena, &source, why, why_size) != 0)
		return -1;
	c->amp_file = path;
	json_object_set_new(settings, "amp", json_text(source));
	return 0;
}

static void put_own_files(const struct campaign_dir *c, json_t *settings)
{
	if (c->own_file_count == 0)
		return;
	json_t *list = json_array();
	for (size_t i = 0; i < c->own_file_count; i++) {
		json_t *file = json_object();
		json_object_set_new(file, "field", json_text(c->own_files[i].name));
		json_object_set_new(file, "name", json_text(c->own_files[i].shown));
		put_text(file, "type", c->own_files[i].type);
		if (c->own_files[i].optional)
			json_object_set_new(file, "optional", json_true());
		json_array_append_new(list, file);
	}
	json_object_set_new(settings, "attach_from", list);
}

int campaign_parts_put(struct campaign_dir *c, json_t *settings, const char *conf_path,
		       struct arena *arena, char *ret_why, size_t why_size)
{
	if (c->attachment_limit == 0)
		return 0; /* ready content has no folder */
	if (put_amp(c, settings, arena, ret_why, why_size) != 0 ||
	    put_calendar(c, settings, conf_path, arena, ret_why, why_size) != 0 ||
	    put_files(c, settings, arena, ret_why, why_size) != 0)
		return -1;
	put_own_files(c, settings);
	if (c->encoding == CAMPAIGN_8BIT)
		json_object_set_new(settings, "encoding", json_string("8bit"));
	if (c->part_count > 0 || c->own_file_count > 0)
		json_object_set_new(settings, "attachment_limit",
				    json_integer((json_int_t)c->attachment_limit));
	return 0;
}
