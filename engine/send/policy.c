/* policy.c - see policy.h. */
#include "engine/send/policy.h"

#define WAIT_LIMIT_SECONDS (30 * 86400)
#define SAMPLE_LIMIT 1e12

static double number_of(const struct value *of, const char *key, double most, double absent)
{
	const struct value *v = value_get(of, str_of(key));
	double number = -1.0;
	if (v && v->kind == VALUE_INT)
		number = (double)v->integer;
	else if (v && v->kind == VALUE_FLOAT)
		number = v->number;
	return number >= 0.0 && number <= most ? number : absent;
}

static bool flag_of(const struct value *of, const char *key, bool absent)
{
	const struct value *v = value_get(of, str_of(key));
	return v && v->kind == VALUE_BOOL ? v->boolean : absent;
}

/* "1%", "0.5%" as a share; -1: it is none. */
static double percent_of(str text)
{
	double percent = 0.0, scale = 1.0;
	bool point = false;
	if (text.size < 2 || text.size > 12 || text.data[text.size - 1] != '%')
		return -1.0;
	for (size_t i = 0; i + 1 < text.size; i++) {
		char c = text.data[i];
		if (c == '.' && !point && i > 0) {
			point = true;
			continue;
		}
		if (c < '0' || c > '9')
			return -1.0;
		percent = percent * 10.0 + (c - '0');
		scale *= point ? 10.0 : 1.0;
	}
	percent /= scale;
	return percent <= 100.0 ? percent / 100.0 : -1.0;
}

static void read_sample(const struct value *settings, struct policy *policy)
{
	const struct value *v = value_get(settings, STR("sample"));
	double share = v && v->kind == VALUE_STRING ? percent_of(v->string) : -1.0;
	double count = number_of(settings, "sample", SAMPLE_LIMIT, -1.0);
	if (share >= 0.0)
		policy->sample.share = share;
	if (count < 0.0)
		return;
	policy->sample.share = 0.0;
	policy->sample.count_min = (uint64_t)count;
}

static void read_breaker(const struct value *settings, struct breaker_rules *rules)
{
	const struct value *own = value_get(settings, STR("breaker"));
	if (!own || own->kind != VALUE_HASH)
		return;
	rules->hard_share = number_of(own, "hard", 1.0, rules->hard_share);
	rules->block_share = number_of(own, "blocks", 1.0, rules->block_share);
	rules->complaint_share = number_of(own, "complaints", 1.0, rules->complaint_share);
	rules->complaint_alarm =
		number_of(own, "complaints_alarm", 1.0, rules->complaint_alarm);
	double least = number_of(own, "least", SAMPLE_LIMIT, -1.0);
	if (least < 0.0)
		return;
	rules->attempted_min = rules->answered_min = rules->delivered_min = (uint64_t)least;
}

static void read_window(const struct value *settings, struct policy *policy)
{
	const struct value *window = value_get(settings, STR("window"));
	policy->windowed = window && window->kind == VALUE_HASH;
	if (!policy->windowed)
		return;
	const struct value *zone = value_get(window, STR("recipient_zone"));
	if (zone && zone->kind == VALUE_STRING)
		policy->zone = zone->string;
	policy->spread = flag_of(window, "spread", false) && policy->zone.size == 0;
}

void policy_read(const struct value *settings, bool urgent, struct policy *policy)
{
	double wait = number_of(settings, "in_doubt_wait_seconds", WAIT_LIMIT_SECONDS, 0.0);
	*policy = (struct policy){
		.ramp = !urgent && flag_of(settings, "ramp", true),
		.sample = ramp_rules_default,
		.breaker = breaker_rules_default,
		.in_doubt_wait = (usec)(wait * USEC_SECOND),
	};
	read_sample(settings, policy);
	read_breaker(settings, &policy->breaker);
	if (!urgent)
		read_window(settings, policy);
}
