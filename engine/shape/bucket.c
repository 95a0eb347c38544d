/* bucket.c - the generic cell rate algorithm on one timestamp.
 * arrival_at is when the next cell would be due if all came evenly; a cell may come early by
 * the burst's worth of time. All rounding is in the limit's favour: a cost is rounded up, so
 * the long-run rate is never exceeded, not even by a cell a day. */
#include "engine/shape/bucket.h"

#include "engine/base/assert.h"

/* Bytes per period: with more, what is left of a second would be a handful of microseconds. */
#define RATE_VOLUME_LIMIT 10000000000000u

/* The time that count cells take at this rate, rounded up. 128 bits: 2^32 cells of a day each
 * do not fit in 64. */
static usec cells_cost(const struct rate *rate, uint32_t count)
{
	unsigned __int128 product = (unsigned __int128)count * (uint64_t)rate->per;
	unsigned __int128 cost = (product + rate->count - 1) / rate->count;

	return cost > (unsigned __int128)(USEC_NEVER / 4) ? USEC_NEVER / 4 : (usec)cost;
}

static usec even_arrival(const struct bucket *b, usec now)
{
	return usec_max(b->arrival_at, now);
}

void bucket_init(struct bucket *b, struct rate rate, usec now)
{
	ASSERT(rate.count == 0 || (rate.per > 0 && rate.burst >= 1));
	ASSERT(rate.burst <= RATE_BURST_LIMIT);
	*b = (struct bucket){.rate = rate, .arrival_at = now};
}

uint32_t bucket_room(const struct bucket *b, uint32_t limit, usec now)
{
	if (b->rate.count == 0)
		return limit;

	usec credit = cells_cost(&b->rate, b->rate.burst) - (even_arrival(b, now) - now);
	if (credit <= 0)
		return 0;
	unsigned __int128 room =
		(unsigned __int128)(uint64_t)credit * b->rate.count / (uint64_t)b->rate.per;
	if (room > b->rate.burst)
		room = b->rate.burst;
	return room < limit ? (uint32_t)room : limit;
}

void bucket_take(struct bucket *b, uint32_t count, usec now)
{
	if (b->rate.count == 0)
		return;
	b->arrival_at =
		usec_min(even_arrival(b, now), USEC_NEVER / 4) + cells_cost(&b->rate, count);
}

usec bucket_next_at(const struct bucket *b, usec now)
{
	if (b->rate.count == 0)
		return now;

	usec early = cells_cost(&b->rate, b->rate.burst) - cells_cost(&b->rate, 1);
	return usec_max(now, b->arrival_at - early);
}

/* Floor division: C rounds towards zero. */
static __int128 divide_down(__int128 value, __int128 by)
{
	return value >= 0 ? value / by : -((-value + by - 1) / by);
}

static int64_t within(__int128 value)
{
	const __int128 most = INT64_MAX / 4;
	return (int64_t)(value > most ? most : value < -most ? -most : value);
}

int64_t bucket_level(const struct bucket *b, usec now)
{
	ASSERT(b->rate.count > 0);
	__int128 credit = (__int128)cells_cost(&b->rate, b->rate.burst) -
			  (even_arrival(b, now) - now);
	int64_t level = within(divide_down(credit * b->rate.count * BUCKET_CELL, b->rate.per));
	int64_t most = (int64_t)b->rate.burst * BUCKET_CELL;
	return level < most ? level : most;
}

void bucket_set_level(struct bucket *b, int64_t level, usec now)
{
	ASSERT(b->rate.count > 0);
	int64_t most = (int64_t)b->rate.burst * BUCKET_CELL;
	__int128 credit = divide_down((__int128)(level < most ? level : most) * b->rate.per,
				      (__int128)b->rate.count * BUCKET_CELL);
	b->arrival_at =
		usec_max(now, now + cells_cost(&b->rate, b->rate.burst) - within(credit));
}

int64_t rate_yield(const struct rate *rate, usec time)
{
	if (time <= 0)
		return 0;
	return within((__int128)time * rate->count * BUCKET_CELL / rate->per);
}

struct rate rate_share(const struct rate *rate, uint32_t parts, uint32_t of)
{
	ASSERT(parts > 0 && parts <= of);
	__int128 per = ((__int128)rate->per * of + parts - 1) / parts;
	uint64_t burst = (uint64_t)rate->burst * parts / of;
	return (struct rate){
		.count = rate->count, .per = within(per), .burst = (uint32_t)burst};
}

/* rate      = "unlimited" / count "/" unit [ "," "burst=" count ]
 * byte-rate = the same with sizes in place of counts
 * unit      = "s" / "sec" / "m" / "min" / "h" / "hour" / "d" / "day"
 * White space around the parts is ignored; case of the words too. */
static bool unit_parse(str text, usec *ret_per)
{
	static const struct {
		const char *name;
		usec per;
	} units[] = {
		{"s", USEC_SECOND}, {"sec", USEC_SECOND}, {"second", USEC_SECOND},
		{"m", USEC_MINUTE}, {"min", USEC_MINUTE}, {"minute", USEC_MINUTE},
		{"h", USEC_HOUR},   {"hour", USEC_HOUR},  {"d", USEC_DAY},
		{"day", USEC_DAY},
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!str_eq_nocase(text, str_of(units[i].name)))
			continue;
		*ret_per = units[i].per;
		return true;
	}
	return false;
}

static bool count_parse(str text, uint64_t limit, uint32_t *ret_count)
{
	uint64_t value = 0;

	if (!str_to_u64(str_trim(text), &value) || value == 0 || value > limit)
		return false;
	*ret_count = (uint32_t)value;
	return true;
}

static uint32_t burst_default(const struct rate *rate)
{
	uint64_t burst = (uint64_t)rate->count * 50 * (uint64_t)USEC_MS / (uint64_t)rate->per;

	if (burst > RATE_BURST_LIMIT)
		burst = RATE_BURST_LIMIT;
	return burst ? (uint32_t)burst : 1;
}

/* size = count ( "B" / "kB" / "MB" / "GB" ), the first letter in either case. A small b is
 * refused: those would be bits. */
static bool size_parse(str text, uint64_t limit, uint64_t *ret_size)
{
	static const struct {
		const char *name;
		uint64_t size;
	} units[] = {{"kB", 1000}, {"MB", 1000000}, {"GB", 1000000000}, {"B", 1}};
	uint64_t count = 0;

	text = str_trim(text);
	if (!str_ends(text, STR("B")))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		str name = str_of(units[i].name);
		if (!str_ends_nocase(text, name))
			continue;
		str digits = str_trim(str_sub(text, 0, text.size - name.size));
		if (!str_to_u64(digits, &count) || count == 0 || count > limit / units[i].size)
			return false;
		*ret_size = count * units[i].size;
		return true;
	}
	return false;
}

/* Both rounded so that the rate is never more than what was written. */
static void fit_volume(struct rate *rate, uint64_t size)
{
	uint64_t parts = (size + UINT32_MAX - 1) / UINT32_MAX;

	rate->count = (uint32_t)(size / parts);
	rate->per = (rate->per + (usec)parts - 1) / (usec)parts;
}

static bool count_or_size_parse(str text, bool bytes, uint64_t limit, uint64_t *ret_count)
{
	uint32_t count = 0;

	if (bytes)
		return size_parse(text, limit, ret_count);
	if (!count_parse(text, limit, &count))
		return false;
	*ret_count = count;
	return true;
}

static bool parse(str text, bool bytes, struct rate *ret_rate)
{
	str rest = str_trim(text);
	if (str_eq_nocase(rest, STR("unlimited"))) {
		*ret_rate = (struct rate){.per = USEC_SECOND, .burst = 1};
		return true;
	}

	struct rate rate = {};
	uint64_t number = 0;
	str count = str_cut(&rest, '/');
	if (!rest.data ||
	    !count_or_size_parse(count, bytes, bytes ? RATE_VOLUME_LIMIT : UINT32_MAX, &number))
		return false;
	str unit = str_cut(&rest, ',');
	if (!unit_parse(str_trim(unit), &rate.per))
		return false;
	fit_volume(&rate, number);

	rate.burst = burst_default(&rate);
	if (rest.data) {
		str name = str_cut(&rest, '=');
		if (!rest.data || !str_eq_nocase(str_trim(name), STR("burst")) ||
		    !count_or_size_parse(rest, bytes, RATE_BURST_LIMIT, &number))
			return false;
		rate.burst = (uint32_t)number;
	}
	*ret_rate = rate;
	return true;
}

bool rate_parse(str text, struct rate *ret_rate)
{
	return parse(text, false, ret_rate);
}

bool rate_parse_bytes(str text, struct rate *ret_rate)
{
	return parse(text, true, ret_rate);
}
