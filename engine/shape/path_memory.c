/* path_memory.c - see path_memory.h. What is old counts less: a pace goes half of the way to that
 * of a new path every three days, and after a month nothing is known. */
#include "engine/shape/path_memory.h"

#define VERSION 1
#define FIELDS 19
#define SLOW USEC_SECOND
#define PACE_HALF_LIFE (3 * USEC_DAY)
#define FRESH USEC_DAY /* nothing fades before */
#define FORGET_AFTER (30 * USEC_DAY)
#define LEVELS_FADE (6 * USEC_HOUR) /* one step of backoff is forgotten in */
#define CROWD_LASTS (7 * USEC_DAY)

static usec fill_time(const struct rate *rate)
{
	if (rate->count == 0)
		return 0;
	__int128 time = (__int128)rate->burst * rate->per / rate->count;
	return time > USEC_DAY * 365 ? USEC_DAY * 365 : (usec)time;
}

bool path_is_slow(const struct path *p)
{
	return fill_time(&p->limits.message_rate) > SLOW ||
	       fill_time(&p->limits.connection_rate) > SLOW ||
	       fill_time(&p->limits.byte_rate) > SLOW;
}

static uint64_t mix(uint64_t sum, uint64_t value)
{
	return (sum ^ value) * UINT64_C(0x9E3779B97F4A7C15);
}

uint64_t path_learned(const struct path *p, usec now)
{
	struct path new;
	path_init(&new, &p->limits, now);
	bool as_new = !p->suspended && p->suspension.level == 0 && p->blocking.level == 0 &&
		      p->pace.ceiling == 0 && p->pace.per_hour == new.pace.per_hour &&
		      p->crowd.ceiling == 0 && p->crowd.cap == new.crowd.cap;
	uint64_t sum = p->suspended ? mix(1, (uint64_t)p->suspended_until) : 1;
	if (as_new)
		return 0;
	sum = mix(sum, p->suspension.level);
	sum = mix(sum, p->blocking.level);
	sum = mix(sum, p->pace.per_hour);
	sum = mix(sum, p->pace.ceiling);
	sum = mix(sum, p->crowd.cap);
	sum = mix(sum, p->crowd.ceiling);
	return sum | 1;
}

/* ---- as text ---- */

static int64_t level_of(const struct bucket *b, usec now)
{
	return b->rate.count ? bucket_level(b, now) : 0;
}

void path_keep(const struct path *p, bool ended, usec now, struct buf *out)
{
	const int64_t fields[FIELDS] = {
		VERSION,
		ended,
		p->suspended ? usec_max(p->suspended_until - now, 0) : -1,
		p->is_blocked,
		p->suspension.level,
		p->blocking.level,
		p->pace.per_hour,
		p->pace.ceiling,
		p->pace.proven,
		p->pace.look_every,
		p->pace.looks,
		p->pace.block_time,
		p->crowd.cap,
		p->crowd.ceiling,
		p->crowd.look_every,
		level_of(&p->messages, now),
		level_of(&p->connections, now),
		level_of(&p->bytes, now),
		p->largest_size,
	};
	for (size_t i = 0; i < FIELDS; i++) {
		if (i > 0)
			buf_put_byte(out, ' ');
		buf_put_i64(out, fields[i]);
	}
}

/* ---- and back ---- */

static uint32_t u32_of(int64_t value)
{
	return value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static usec within(int64_t value, usec least, usec most)
{
	return value < least ? least : value > most ? most : value;
}

static void take_suspension(struct path *p, const int64_t *f, usec age, usec now)
{
	int64_t left = f[2] - age;
	uint32_t faded = (uint32_t)(age / LEVELS_FADE);
	uint32_t waits = u32_of(within(f[4], 0, 16)), blocks = u32_of(within(f[5], 0, 16));
	p->suspension.level = waits > faded ? waits - faded : 0;
	p->blocking.level = blocks > faded ? blocks - faded : 0;
	if (f[2] < 0 || left <= 0)
		return; /* one that has passed is nothing */
	p->suspended = true;
	p->is_blocked = f[3] != 0;
	p->suspended_until = now + usec_min(left, USEC_DAY);
	p->bad_since = now;
}

/* The share of what was learned that still holds, in 1/1024. */
static uint64_t share_left(usec age)
{
	uint64_t share = 1024;
	for (age -= FRESH; age >= PACE_HALF_LIFE; age -= PACE_HALF_LIFE)
		share /= 2;
	if (age > 0)
		share -= share * (uint64_t)age / (2 * (uint64_t)PACE_HALF_LIFE);
	return share;
}

/* Between what a new path begins with and what was learned. */
static uint32_t faded(uint32_t learned, uint32_t new, usec age)
{
	uint64_t share = share_left(age);
	return (uint32_t)((learned * share + new * (1024 - share)) / 1024);
}

static void take_pace(struct path *p, const int64_t *f, usec age, usec now)
{
	struct pace *pace = &p->pace;
	uint32_t start = pace->per_hour ? pace->per_hour : pace->limit;
	uint32_t learned = u32_of(f[6]), ceiling = u32_of(f[7]);
	/* Where there is no limit a new path has no pace that one could fade to. */
	if (pace->limit == 0 && (ceiling == 0 || learned == 0 || age > 2 * PACE_HALF_LIFE))
		return;
	if (learned == 0) /* all that the limit allows */
		learned = pace->limit;
	if (pace->limit > 0)
		learned = faded(learned, start, age);
	pace_restore(pace, learned, age < FORGET_AFTER / 2 ? ceiling : 0, now);
	pace->proven = u32_of(f[8]);
	pace->look_every = within(f[9], USEC_MINUTE, USEC_HOUR);
	pace->looks = u32_of(within(f[10], 0, 16));
	pace->block_time = within(f[11], 0, USEC_HOUR);
}

static void take_crowd(struct path *p, const int64_t *f, usec age)
{
	struct crowd *crowd = &p->crowd;
	uint32_t cap = u32_of(f[12]);
	if (age > CROWD_LASTS || cap == 0 || f[13] == 0)
		return;
	crowd->cap = cap < crowd->limit ? cap : crowd->limit;
	crowd->ceiling = u32_of(f[13]);
	crowd->look_every = within(f[14], USEC_MINUTE, USEC_HOUR);
}

static void empty_bucket(struct bucket *b, usec since, usec now)
{
	if (b->rate.count == 0)
		return;
	bucket_set_level(b, rate_yield(&b->rate, now - since), now);
}

static void fill_bucket(struct bucket *b, int64_t level, usec age, usec now)
{
	if (b->rate.count > 0)
		bucket_set_level(b, level + rate_yield(&b->rate, age), now);
}

void path_empty_since(struct path *p, usec since, usec now)
{
	empty_bucket(&p->messages, since, now);
	empty_bucket(&p->connections, since, now);
	empty_bucket(&p->bytes, since, now);
	/* The last message may have gone beyond what there was. */
	if (p->bytes.rate.count > 0 && p->largest_size > 0)
		bucket_set_level(&p->bytes,
				 bucket_level(&p->bytes, now) -
					 (int64_t)p->largest_size * BUCKET_CELL,
				 now);
}

static bool read_fields(str text, int64_t *fields)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (!str_to_i64(str_cut(&text, ' '), &fields[i]))
			return false;
	return text.size == 0 && fields[0] == VERSION;
}

bool path_remember(struct path *p, str text, usec age, usec empty_since, usec now)
{
	int64_t f[FIELDS];
	const struct path_limits limits = p->limits;
	if (!read_fields(text, f))
		return false;
	age = within(age, 0, 10 * FORGET_AFTER);
	p->largest_size = u32_of(f[18]);
	if (age < FORGET_AFTER) {
		take_suspension(p, f, age, now);
		take_pace(p, f, age, now);
		take_crowd(p, f, age);
	}
	path_set_limits(p, &limits, now);
	if (f[1] == 0) {
		path_empty_since(p, empty_since, now);
		return true;
	}
	fill_bucket(&p->messages, f[15], age, now);
	fill_bucket(&p->connections, f[16], age, now);
	fill_bucket(&p->bytes, f[17], age, now);
	return true;
}
