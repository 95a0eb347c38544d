/* campaign_tracking.c - see campaign_tracking.h. Only what campaign.conf sets is put: nothing
 * is counted unless it says so. */
#include "engine/api/campaign_tracking.h"

#include <stdio.h>

#define UTM_SIZE_LIMIT 200

static const char *const tracking_names[] = {NULL, "anonymous", "individual"};

static const struct key_setting *setting(const struct campaign_dir *c, const char *section,
					 const char *key)
{
	for (const struct key_setting *s = c->set; s; s = s->next)
		if (strcmp(s->section->name, section) == 0 && strcmp(s->key->name, key) == 0)
			return s;
	return NULL;
}

static int line_of(const struct campaign_dir *c, const char *section, const char *key)
{
	const struct key_setting *s = setting(c, section, key);
	return s ? s->line : 1;
}

static int put_utm(const struct campaign_dir *c, const char *conf_path, json_t *settings,
		   char *ret_why, size_t why_size)
{
	const struct campaign_utm *u = &c->utm;
	const struct {
		const char *key;
		str value;
	} texts[] = {{"source", u->source},
		     {"medium", u->medium},
		     {"campaign", u->campaign},
		     {"term", u->term},
		     {"content", u->content}};
	json_t *utm = json_object();
	int result = 0;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && result == 0; i++) {
		str value = texts[i].value;
		if (value.size == 0)
			continue;
		if (value.size > UTM_SIZE_LIMIT || str_find(value, STR("{{")) != STR_NONE) {
			snprintf(ret_why, why_size,
				 "%s:%d: utm.%s: is plain text of at most %d bytes, the same "
				 "in every message",
				 conf_path, line_of(c, "utm", texts[i].key), texts[i].key,
				 UTM_SIZE_LIMIT);
			result = -1;
		}
		json_object_set_new(utm, texts[i].key, json_stringn(value.data, value.size));
	}
	if (json_object_size(utm) > 0)
		json_object_set(settings, "utm", utm);
	json_decref(utm);
	return result;
}

int campaign_tracking_put(const struct campaign_dir *c, const char *conf_path, json_t *settings,
			  char *ret_why, size_t why_size)
{
	bool is_off = c->tracking == CAMPAIGN_TRACKING_OFF;
	const char *idle = !is_off          ? NULL
			   : c->track_opens ? "track_opens"
			   : c->track_text  ? "track_text"
					    : NULL;
	if (idle) {
		snprintf(ret_why, why_size,
			 "%s:%d: %s: changes nothing while tracking is off; write tracking = "
			 "anonymous, or individual",
			 conf_path, line_of(c, "", idle), idle);
		return -1;
	}
	if (!is_off)
		json_object_set_new(settings, "tracking",
				    json_string(tracking_names[c->tracking]));
	if (c->track_opens)
		json_object_set_new(settings, "track_opens", json_true());
	if (c->track_text)
		json_object_set_new(settings, "track_text", json_true());
	return put_utm(c, conf_path, settings, ret_why, why_size);
}
