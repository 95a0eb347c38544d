/* campaign_policy.c - see campaign_policy.h. */
#include "engine/api/campaign_policy.h"

#include <stdio.h>

#include "engine/api/moment.h"
#include "engine/api/units.h"

struct policy {
	const struct campaign_dir *campaign;
	const struct config *config;
	const char *path;
	struct arena *arena;
	json_t *settings;
	char *why;
	size_t why_size;
};

static const struct key_setting *setting(const struct key_setting *first, const char *section,
					 const char *key)
{
	for (const struct key_setting *s = first; s; s = s->next) {
		if (strcmp(s->section->name, section) == 0 && strcmp(s->key->name, key) == 0)
			return s;
	}
	return NULL;
}

static const struct key_setting *own(const struct policy *p, const char *section,
				     const char *key)
{
	return setting(p->campaign->set, section, key);
}

/* The sentence may have come from outside in parts. */
static int refuse(const struct policy *p, const char *section, const char *key,
		  const char *sentence)
{
	const struct key_setting *s = own(p, section, key);
	struct buf b;
	buf_init_fixed(&b, p->why, p->why_size - 1);
	buf_printf(&b, "%s:%d: %s%s%s: ", p->path, s ? s->line : 1, section,
		   section[0] ? "." : "", key);
	buf_put_printable(&b, str_of(sentence), 300);
	p->why[b.size] = '\0';
	return -1;
}

static json_t *text(str value)
{
	return json_stringn(value.data, value.size);
}

static void put_own_text(const struct policy *p, const char *key)
{
	const struct key_setting *s = own(p, "", key);
	if (s)
		json_object_set_new(p->settings, key, text(s->text));
}

static int put_sample(const struct policy *p)
{
	const struct campaign_dir *c = p->campaign;
	const struct config_campaigns *usual = &p->config->campaigns;
	bool has_audience = c->kind == CAMPAIGN_NEWSLETTER;
	str written = c->sample.size ? c->sample : usual->sample;
	uint64_t count;
	if (!has_audience && c->sample.size)
		return refuse(p, "", "sample", "a transactional campaign has no audience");
	if (!has_audience && own(p, "", "ramp"))
		return refuse(p, "", "ramp", "a transactional campaign has no audience");
	if (c->sample.size && !sample_parse(c->sample, &count))
		return refuse(p, "", "sample",
			      "write a share of the audience, 1%, or a number of recipients; "
			      "ramp = false sends to all at once");
	if (has_audience && written.size && sample_parse(written, &count))
		json_object_set_new(p->settings, "sample",
				    count ? json_integer((json_int_t)count) : text(written));
	if (own(p, "", "ramp"))
		json_object_set_new(p->settings, "ramp", json_boolean(c->ramp));
	else if (has_audience && setting(p->config->settings, "campaigns", "ramp"))
		json_object_set_new(p->settings, "ramp", json_boolean(usual->ramp));
	return 0;
}

static void put_share(json_t *breaker, const char *key, double mine, double usual)
{
	double share = mine > 0 ? mine : usual;
	if (share > 0)
		json_object_set_new(breaker, key, json_real(share));
}

/* What neither says is the engine's to know. */
static int put_breaker(const struct policy *p)
{
	const struct config_breaker *mine = &p->campaign->breaker;
	const struct config_breaker *usual = &p->config->campaigns.breaker;
	uint64_t least = mine->least ? mine->least : usual->least;
	if (mine->complaints > 0 && mine->complaints_alarm > mine->complaints)
		return refuse(p, "breaker", "complaints_alarm",
			      "is above complaints, which pause the campaign before");
	json_t *breaker = json_object();
	put_share(breaker, "hard", mine->hard, usual->hard);
	put_share(breaker, "blocks", mine->blocks, usual->blocks);
	put_share(breaker, "complaints", mine->complaints, usual->complaints);
	put_share(breaker, "complaints_alarm", mine->complaints_alarm, usual->complaints_alarm);
	if (least > 0)
		json_object_set_new(breaker, "least", json_integer((json_int_t)least));
	if (json_object_size(breaker) > 0)
		json_object_set(p->settings, "breaker", breaker);
	json_decref(breaker);
	return 0;
}

/* 0 also when it is not set. */
static int put_moment(const struct policy *p, json_t *window, const char *key, str written,
		      struct moment *ret_moment)
{
	char why[200];
	struct buf b;
	if (written.size == 0)
		return 0;
	if (moment_parse(written, p->campaign->window.zone, p->arena, ret_moment, why,
			 sizeof(why)) != 0)
		return refuse(p, "window", key, why);
	buf_init_arena(&b, p->arena, 64);
	moment_put(&b, ret_moment);
	json_object_set_new(window, key, text(buf_str(&b)));
	return 0;
}

static int put_hour(const struct policy *p, json_t *window, const char *key, str written)
{
	uint32_t minutes;
	if (written.size == 0)
		return 0;
	if (!hour_parse(written, &minutes))
		return refuse(p, "window", key, "write an hour of the day: \"08:00\"");
	json_object_set_new(window, key, text(written));
	return 0;
}

static int check_window(const struct policy *p)
{
	const struct campaign_window *w = &p->campaign->window;
	bool has_hours = w->from.size > 0 || w->until.size > 0;
	char sentence[200];
	if (!zone_is_known(w->zone)) {
		snprintf(sentence, sizeof(sentence),
			 "no time zone is called '%.*s' (write Europe/Berlin, or UTC)",
			 (int)(w->zone.size < 60 ? w->zone.size : 60), w->zone.data);
		return refuse(p, "window", "zone", sentence);
	}
	if (str_eq(w->from, STR("24:00")))
		return refuse(p, "window", "from", "is the end of the day: write \"00:00\"");
	if (w->from.size && str_eq(w->from, w->until))
		return refuse(p, "window", "until",
			      "is the same hour as from: leave both out for the whole day");
	if (w->recipient_zone.size && !has_hours)
		return refuse(p, "window", "recipient_zone",
			      "changes nothing without from and until, which it is about");
	if (w->spread && !w->end.size && !w->until.size)
		return refuse(p, "window", "spread",
			      "needs to know by when: set end, or until");
	if (w->spread && w->recipient_zone.size)
		return refuse(
			p, "window", "spread",
			"does not go with recipient_zone: each zone has hours of its own");
	return 0;
}

static int put_window_parts(const struct policy *p, json_t *window)
{
	const struct campaign_window *w = &p->campaign->window;
	struct moment start = {}, end = {};
	if (check_window(p) != 0 || put_moment(p, window, "start", w->start, &start) != 0 ||
	    put_moment(p, window, "end", w->end, &end) != 0 ||
	    put_hour(p, window, "from", w->from) != 0 ||
	    put_hour(p, window, "until", w->until) != 0)
		return -1;
	if (w->end.size && w->start.size && end.wall <= start.wall)
		return refuse(p, "window", "end", "is not after start");
	if (own(p, "window", "zone"))
		json_object_set_new(window, "zone", text(w->zone));
	if (w->recipient_zone.size)
		json_object_set_new(window, "recipient_zone", text(w->recipient_zone));
	if (own(p, "window", "spread"))
		json_object_set_new(window, "spread", json_boolean(w->spread));
	return 0;
}

/* Transactional mail is waited for: its rows say themselves when they may go (not_before). */
static int put_window(const struct policy *p)
{
	const struct key_setting *first = p->campaign->set;
	while (first && strcmp(first->section->name, "window") != 0)
		first = first->next;
	if (!first)
		return 0;
	if (p->campaign->kind == CAMPAIGN_TRANSACTIONAL)
		return refuse(p, "window", first->key->name,
			      "a transactional campaign has no window");
	json_t *window = json_object();
	int result = put_window_parts(p, window);
	if (result == 0 && json_object_size(window) > 0)
		json_object_set(p->settings, "window", window);
	json_decref(window);
	return result;
}

int campaign_policy_put(const struct campaign_dir *c, const struct config *config,
			const char *conf_path, struct arena *arena, json_t *settings,
			char *ret_why, size_t why_size)
{
	const struct policy p = {c, config, conf_path, arena, settings, ret_why, why_size};
	if (own(&p, "", "weight"))
		json_object_set_new(settings, "weight", json_integer((json_int_t)c->weight));
	put_own_text(&p, "rate");
	put_own_text(&p, "byte_rate");
	if (own(&p, "", "in_doubt_wait"))
		json_object_set_new(settings, "in_doubt_wait_seconds",
				    json_integer((json_int_t)(c->in_doubt_wait / USEC_SECOND)));
	return put_sample(&p) == 0 && put_breaker(&p) == 0 ? put_window(&p) : -1;
}
