/* sink_rules.c - see sink_rules.h. */
#include "bench/sink/sink_rules.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/hash.h"

#define ADDRESS_LIMIT 320 /* bytes of an address that count */

void sink_rules_init(struct sink_rules *r)
{
	*r = (struct sink_rules){
		.reject = {.code = 550, .status = "5.1.1", .text = "no such user here"},
		.defer = {.code = 451,
			  .status = "4.7.1",
			  .text = "greylisted, try again later"},
		.defer_times = 1,
	};
}

bool sink_percent_parse(str text, double *ret_share)
{
	char copy[32], *end;
	if (!str_to_cstr(text, copy, sizeof copy) || copy[0] < '0' || copy[0] > '9')
		return false;
	double percent = strtod(copy, &end);
	if (strcmp(end, "%") != 0 || percent > 100)
		return false;
	*ret_share = percent / 100;
	return true;
}

/* "550 5.1.1 text"; the enhanced code may be missing. */
static bool parse_answer(str text, struct sink_share *share)
{
	uint64_t code;
	struct sink_share s = {.share = share->share};
	if (!str_to_u64(str_cut(&text, ' '), &code) || code < 400 || code > 599)
		return false;
	s.code = (uint16_t)code;
	if (text.size > 3 && text.data[1] == '.') {
		if (!str_to_cstr(str_cut(&text, ' '), s.status, sizeof s.status))
			return false;
	}
	if (text.size == 0)
		text = STR("as the rules say");
	if (!str_to_cstr(text, s.text, sizeof s.text))
		return false;
	*share = s;
	return true;
}

bool sink_share_parse(str text, struct sink_share *share)
{
	str percent = str_cut(&text, ':');
	double value;
	if (!sink_percent_parse(percent, &value))
		return false;
	share->share = value;
	return !text.data || parse_answer(text, share);
}

uint64_t sink_recipient_key(const struct sink_rules *r, str address)
{
	char lower[ADDRESS_LIMIT];
	size_t size = address.size < sizeof lower ? address.size : sizeof lower;
	for (size_t i = 0; i < size; i++) {
		char c = address.data[i];
		lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
	}
	return hash_bytes(r->seed, (str){lower, size});
}

static double draw(uint64_t key)
{
	return (double)(key >> 11) / (double)(1ULL << 53);
}

enum fate sink_recipient_fate(const struct sink_rules *r, uint64_t key)
{
	double at = draw(key);
	if (at < r->reject.share)
		return FATE_REJECT;
	return at < r->reject.share + r->defer.share ? FATE_DEFER : FATE_ACCEPT;
}

enum fate sink_end_fate(const struct sink_rules *r, uint64_t key)
{
	if (r->drop_after_dot <= 0 && r->hang_after_dot <= 0)
		return FATE_ACCEPT;
	double at = draw(hash_bytes(r->seed + 1, (str){(const char *)&key, sizeof key}));
	if (at < r->drop_after_dot)
		return FATE_DROP;
	return at < r->drop_after_dot + r->hang_after_dot ? FATE_HANG : FATE_ACCEPT;
}
