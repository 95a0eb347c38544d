/* config_check_policy.c - what no single value shows of limits wider than a path, of retries by
 * class and of what holds for all campaigns. */
#include "engine/api/config.h"

#include <stdio.h>

#include "engine/api/suggest.h"
#include "engine/api/units.h"
#include "engine/send/carrier.h"
#include "templates/lint.h"

#define NAMES_LIMIT 256       /* known ones that a suggestion is looked for among */
#define POINTS_LIMIT 30000000 /* steps of the count below: a blink */

struct checking {
	const struct config *config;
	const char *section;
	str title;
	char *why;
	size_t why_size;
};

static int refuse(const struct checking *c, const char *key, const char *sentence)
{
	return config_refuse(c->config, c->section, c->title, key, sentence, c->why,
			     c->why_size);
}

/* "there is no source "x", did you mean "y"?" */
static int refuse_unknown(const struct checking *c, const char *key, const char *what, str name,
			  const char *const *known, size_t known_count)
{
	char sentence[240];
	const char *near = suggest(name, known, known_count);
	int n = snprintf(sentence, sizeof(sentence), "there is no %s \"%.*s\"", what,
			 (int)(name.size > 60 ? 60 : name.size), name.data);
	if (near)
		snprintf(sentence + n, sizeof(sentence) - (size_t)n, ", did you mean \"%s\"?",
			 near);
	return refuse(c, key, sentence);
}

/* ---- campaigns ---- */

static int check_lint_off(struct checking *c, const struct key_list *off)
{
	const char *names[LINT_RULE_COUNT];
	for (size_t i = 0; i < LINT_RULE_COUNT; i++)
		names[i] = lint_rules[i].name;
	for (size_t i = 0; i < off->count; i++)
		if (lint_rule_find(off->items[i]) == LINT_RULE_COUNT)
			return refuse_unknown(c, "lint_off", "finding", off->items[i], names,
					      LINT_RULE_COUNT);
	return 0;
}

static int check_campaigns(struct checking *c)
{
	const struct config_campaigns *usual = &c->config->campaigns;
	const struct config_breaker *breaker = &usual->breaker;
	uint64_t count;
	if (usual->sample.size > 0 && !sample_parse(usual->sample, &count))
		return refuse(c, "sample",
			      "write a share of the audience, 1%, or a number of recipients; "
			      "ramp = false sends to all at once");
	if (breaker->complaints > 0 && breaker->complaints_alarm > breaker->complaints)
		return refuse(c, "complaints_alarm",
			      "is above complaints, which pause a campaign before");
	return check_lint_off(c, &usual->lint_off);
}

/* ---- retries ---- */

/* Endings of these classes are never deferred. */
static bool is_deferrable(enum bounce_class class)
{
	return class != CLASS_NONE && class != CLASS_COMPLAINT && class != CLASS_AUTO_REPLY &&
	       class != CLASS_DELIVERED;
}

enum bounce_class config_retry_class(str name)
{
	for (enum bounce_class class = 0; class < CLASS_COUNT; class ++) {
		if (is_deferrable(class) && str_eq(name, str_of(bounce_class_names[class])))
			return class;
	}
	return CLASS_NONE;
}

static int check_retry_class(struct checking *c, const struct config_retry_class *retry)
{
	const char *known[CLASS_COUNT];
	size_t count = 0;
	enum bounce_class class = config_retry_class(retry->name);
	for (enum bounce_class i = 0; i < CLASS_COUNT; i++) {
		if (is_deferrable(i))
			known[count++] = bounce_class_names[i];
	}
	if (class == CLASS_NONE)
		return refuse_unknown(c, "", "class of deferrals", retry->name, known, count);
	if (retry->first == 0 && retry->last == 0)
		return refuse(c, "", "says nothing: set first, or last");
	if (retry->first > 0 && retry->last > 0 && retry->last < retry->first)
		return refuse(c, "last", "is shorter than first");
	usec least = c->config->retry.greylist_first;
	if (class == CLASS_GREYLISTED && retry->first > 0 && retry->first < least)
		return refuse(c, "first", "is shorter than retry.greylist_first allows");
	return 0;
}

/* ---- limits ---- */

static bool is_limited(const struct config_limit *limit)
{
	return limit->message_rate.count > 0 || limit->byte_rate.count > 0 ||
	       limit->connection_rate.count > 0 || limit->connections > 0;
}

static int check_source(const struct checking *c, str name)
{
	const struct config *config = c->config;
	const char *known[NAMES_LIMIT] = {"default"};
	size_t count = config->source_count == 0;
	for (size_t i = 0; i < config->source_count && count < NAMES_LIMIT; i++)
		known[count++] = config->sources[i].name.data;
	for (size_t i = 0; i < config->source_count; i++) {
		if (str_eq(config->sources[i].name, name))
			return 0;
	}
	return config->source_count == 0 && str_eq(name, STR("default"))
		       ? 0
		       : refuse_unknown(c, "source", "source", name, known, count);
}

/* Connections carry the mail of all campaigns. */
static int check_limit(const struct checking *c, const struct config_limit *limit)
{
	const char *whose = limit->campaign.size ? "campaign"
			    : limit->list.size   ? "list"
						 : NULL;
	char sentence[160];
	if (!is_limited(limit))
		return refuse(c, "",
			      "limits nothing: set message_rate, byte_rate, connection_rate "
			      "or connections");
	snprintf(sentence, sizeof(sentence),
		 "does not go with %s: a connection carries the mail of all campaigns",
		 whose ? whose : "");
	if (whose && limit->connections > 0)
		return refuse(c, "connections", sentence);
	if (whose && limit->connection_rate.count > 0)
		return refuse(c, "connection_rate", sentence);
	return limit->source.size > 0 ? check_source(c, limit->source) : 0;
}

/* Values that limits name, each once; the empty one, which only limits without the criterion
 * fit, is the first. */
struct values {
	str items[CONFIG_LIMITS_LIMIT + 1];
	size_t count;
};

static void add_value(struct values *values, str value)
{
	for (size_t i = 0; i < values->count; i++) {
		if (str_eq_nocase(values->items[i], value))
			return;
	}
	values->items[values->count++] = value;
}

static bool fits(str wanted, str value)
{
	return wanted.size == 0 || str_eq_nocase(wanted, value);
}

/* How many bind one campaign on one path; a campaign may be to all lists at once. */
static size_t count_at(const struct config *config, str source, str provider, str site,
		       str campaign)
{
	size_t count = 0;
	for (size_t i = 0; i < config->limit_count; i++) {
		const struct config_limit *limit = &config->limits[i];
		count += fits(limit->source, source) && fits(limit->provider, provider) &&
			 fits(limit->site, site) && fits(limit->campaign, campaign);
	}
	return count;
}

static size_t most_at_once(const struct config *config, const struct values *of)
{
	size_t most = 0;
	for (size_t s = 0; s < of[0].count; s++)
		for (size_t p = 0; p < of[1].count; p++)
			for (size_t t = 0; t < of[2].count; t++)
				for (size_t n = 0; n < of[3].count; n++) {
					size_t count =
						count_at(config, of[0].items[s], of[1].items[p],
							 of[2].items[t], of[3].items[n]);
					most = count > most ? count : most;
				}
	return most;
}

/* The carrier has room for so many on one path, with the campaign's own. */
static int check_count(struct checking *c)
{
	const struct config *config = c->config;
	static struct values of[4]; /* commands are single threads */
	char sentence[160];
	c->title = (str){};
	if (config->limit_count < FLOW_QUOTA_LIMIT)
		return 0;
	if (config->limit_count > CONFIG_LIMITS_LIMIT)
		return refuse(c, "", "there may be 256 of them");
	for (size_t i = 0; i < 4; i++)
		of[i] = (struct values){.count = 1};
	for (size_t i = 0; i < config->limit_count; i++) {
		const struct config_limit *limit = &config->limits[i];
		add_value(&of[0], limit->source);
		add_value(&of[1], limit->provider);
		add_value(&of[2], limit->site);
		add_value(&of[3], limit->campaign);
	}
	size_t points = of[0].count * of[1].count * of[2].count * of[3].count;
	if (points <= POINTS_LIMIT / config->limit_count &&
	    most_at_once(config, of) < FLOW_QUOTA_LIMIT)
		return 0;
	snprintf(sentence, sizeof(sentence),
		 "more than %d may hold for one message at once; that many are too many",
		 FLOW_QUOTA_LIMIT - 1);
	return refuse(c, "", sentence);
}

int config_check_policy(const struct config *config, char *ret_why, size_t why_size)
{
	struct checking c = {
		.config = config, .section = "campaigns", .why = ret_why, .why_size = why_size};
	if (check_campaigns(&c) != 0)
		return -1;
	c.section = "retry_class";
	for (size_t i = 0; i < config->retry_class_count; i++) {
		c.title = config->retry_classes[i].name;
		if (check_retry_class(&c, &config->retry_classes[i]) != 0)
			return -1;
	}
	c.section = "limit";
	for (size_t i = 0; i < config->limit_count; i++) {
		c.title = config->limits[i].name;
		if (check_limit(&c, &config->limits[i]) != 0)
			return -1;
	}
	return check_count(&c);
}
