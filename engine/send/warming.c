/* warming.c - see warming.h. Exactness rests on one order: the database counts a start, then
 * the feeder grants it, then the carrier makes it. */
#include "engine/send/warming.h"

static uint64_t get_u64(const _Atomic uint64_t *value)
{
	return atomic_load_explicit(value, memory_order_acquire);
}

static int64_t get_i64(const _Atomic int64_t *value)
{
	return atomic_load_explicit(value, memory_order_acquire);
}

static void put_i64(_Atomic int64_t *value, int64_t number)
{
	atomic_store_explicit(value, number, memory_order_release);
}

static bool is_warm(const struct warming *w)
{
	return w->state.step >= w->curve->step_count;
}

/* Reserved and not yet started; of a day that is over: none. */
static uint32_t unused(const struct warming *w, usec now_wall)
{
	uint64_t granted = get_u64(&w->granted), started = get_u64(&w->started);
	bool over = now_wall >= get_i64(&w->until_wall);
	return over || started > granted ? 0 : (uint32_t)(granted - started);
}

/* With the carrier and not started. */
static uint64_t waiting(const struct warming *w)
{
	uint64_t under_way = get_u64(&w->started) - w->returned_starts;
	return w->handed > under_way ? w->handed - under_way : 0;
}

static struct warmup_verdict verdict(const struct warming *w, usec now_wall)
{
	return warmup_verdict(w->curve, &w->state, unused(w, now_wall), now_wall);
}

bool warming_is_known(const struct warming *w, usec now_wall)
{
	return w->state.day != 0 && w->state.day >= warmup_day_of(w->curve, now_wall);
}

bool warming_is_short(const struct warming *w, usec now_wall)
{
	if (!warming_is_known(w, now_wall))
		return w->wanted || waiting(w) > 0;
	struct warmup_verdict v = verdict(w, now_wall);
	uint32_t left = unused(w, now_wall), chunk = warmup_chunk(w->curve, &w->state);
	uint64_t wanted = waiting(w) < chunk ? waiting(w) : chunk;
	return !v.warm && v.rate.count > 0 && v.room > left && 2 * (uint64_t)left < wanted;
}

void warming_ask(struct warming *w, usec now_wall)
{
	bool known = warming_is_known(w, now_wall);
	w->request = (struct store_warmup){
		.source = str_of(w->source),
		.provider = str_of(w->provider),
		.curve = w->curve,
		.now_wall = now_wall,
		.wanted = known ? warmup_chunk(w->curve, &w->state) : 0,
	};
	w->busy = true;
	w->wanted = false;
}

/* Of another day than before: what was granted for that is void, and the carrier has stopped.
 */
bool warming_answered(struct warming *w, usec now_wall)
{
	w->state = w->request.ret_state;
	usec ends = verdict(w, now_wall).day_ends_wall;
	uint64_t started = get_u64(&w->started), granted = get_u64(&w->granted);
	uint64_t base =
		ends == get_i64(&w->until_wall) && granted > started ? granted : started;
	/* The answer to a question of yesterday grants nothing for today. */
	bool same_day = w->state.day == warmup_day_of(w->curve, w->request.now_wall) &&
			w->state.day == warmup_day_of(w->curve, now_wall);
	atomic_store_explicit(&w->granted, base + (same_day ? w->request.ret_granted : 0),
			      memory_order_release);
	atomic_store_explicit(&w->warm, is_warm(w), memory_order_release);
	put_i64(&w->until_wall, ends);
	warming_set_pace(w, now_wall);
	return w->request.wanted == 0 || w->request.ret_granted > 0;
}

void warming_set_pace(struct warming *w, usec now_wall)
{
	struct warmup_verdict v = verdict(w, now_wall);
	put_i64(&w->interval, v.rate.count ? v.rate.per : 0);
}

uint64_t warming_room(const struct warming *w, usec now, usec now_wall)
{
	struct warmup_verdict v = verdict(w, now_wall);
	uint64_t held = waiting(w);
	if (v.warm)
		return UINT64_MAX;
	if (v.rate.count == 0 || !warming_is_known(w, now_wall))
		return 0;
	usec spare = WARMING_AHEAD - (usec_max(get_i64(&w->next_at), now) - now);
	uint64_t room = spare < 0 ? 0 : 1 + (uint64_t)(spare / v.rate.per);
	if (room > v.room)
		room = v.room;
	return room > held ? room - held : 0;
}

/* When all that the carrier has will have started. */
static usec ready_wall(const struct warming *w, usec now, usec now_wall)
{
	struct warmup_verdict v = verdict(w, now_wall);
	uint64_t held = waiting(w);
	if (v.rate.count == 0)
		return v.opens_wall;
	if (v.room <= held)
		return v.day_ends_wall;
	usec start = usec_max(get_i64(&w->next_at), now);
	return now_wall + (start - now) + (usec)held * v.rate.per - WARMING_LEAD;
}

usec warming_book(struct warming *w, uint64_t slice, usec now, usec now_wall, usec limit)
{
	if (w->booked_slice == slice && w->booked_wall > now_wall)
		return w->booked_wall;
	usec interval = get_i64(&w->interval);
	usec at = usec_max(ready_wall(w, now, now_wall), w->next_booking_wall);
	w->booked_slice = slice;
	w->booked_wall = usec_min(at, now_wall + limit);
	w->next_booking_wall = w->booked_wall + usec_max(interval, WARMING_AHEAD);
	return w->booked_wall;
}

uint32_t warming_give_back(struct warming *w)
{
	uint64_t granted = get_u64(&w->granted), started = get_u64(&w->started);
	atomic_store_explicit(&w->granted, started, memory_order_release);
	return granted > started ? (uint32_t)(granted - started) : 0;
}

uint32_t warming_allows(struct warming *w, uint32_t limit, usec now, usec now_wall,
			usec *ret_next)
{
	*ret_next = USEC_NEVER;
	if (atomic_load_explicit(&w->warm, memory_order_acquire))
		return limit;
	bool over = now_wall >= get_i64(&w->until_wall);
	usec interval = get_i64(&w->interval);
	uint64_t granted = get_u64(&w->granted), started = get_u64(&w->started);
	if (over || interval == 0 || granted <= started)
		return 0;
	w->pace.rate = warmup_rate(interval);
	uint32_t room = bucket_room(&w->pace, limit, now);
	if (room == 0)
		*ret_next = bucket_next_at(&w->pace, now);
	return room < granted - started ? room : (uint32_t)(granted - started);
}

bool warming_start(struct warming *w, usec now)
{
	if (atomic_load_explicit(&w->warm, memory_order_acquire))
		return false;
	bucket_take(&w->pace, 1, now);
	put_i64(&w->next_at, bucket_next_at(&w->pace, now));
	atomic_fetch_add_explicit(&w->started, 1, memory_order_release);
	return true;
}

size_t warming_startable(const struct warming *w, usec time)
{
	usec interval = get_i64(&w->interval);
	if (atomic_load_explicit(&w->warm, memory_order_acquire))
		return SIZE_MAX;
	return interval ? (size_t)(time / interval) : 0;
}
