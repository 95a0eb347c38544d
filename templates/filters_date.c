/* filters_date.c - date: what can be read as one is written in a format, all else stays.
 *
 * On whose clock: a moment (seconds, now, a text with an offset) on that of `zone:`, else on
 * the reader's. A time of the day without an offset is taken as it is written, for it may be
 * meant so; with `zone:` it is UTC, as in the reference. A day is the same day everywhere. */
#include "templates/filters.h"

#include "templates/datetime.h"
#include "templates/value_number.h"
#include "templates/zone.h"

/* Seconds beyond which years have more than four digits, either way. */
static const int64_t seconds_limit = 253402300800;

static bool from_seconds(int64_t seconds, struct datetime *ret_datetime)
{
	if (seconds >= seconds_limit || seconds <= -seconds_limit)
		return false;
	*ret_datetime = (struct datetime){.wall = seconds * USEC_SECOND};
	return true;
}

/* A point in time: "now", "today", seconds since 1970, or a written date. */
static bool read_date(struct liquid_frame *f, const struct value *value, struct datetime *ret)
{
	uint64_t seconds;
	if (value->kind == VALUE_INT)
		return from_seconds(value->integer, ret);
	if (value->kind != VALUE_STRING)
		return false;
	str text = value->string;
	if (str_eq_nocase(text, STR("now")) || str_eq_nocase(text, STR("today"))) {
		*ret = (struct datetime){.wall = f->wall_now};
		return true;
	}
	if (str_to_u64(text, &seconds))
		return seconds < INT64_MAX && from_seconds((int64_t)seconds, ret);
	return datetime_parse(text, f->wall_now, ret);
}

static void move(struct liquid_frame *f, const struct filter_input *input,
		 struct datetime *datetime)
{
	bool wanted = filter_named(input, "zone") != NULL;
	if (datetime->kind == DATETIME_DAY || (datetime->kind == DATETIME_CLOCK && !wanted))
		return;
	const struct zone *zone = filter_zone(f, input);
	if (!zone)
		return;
	int64_t seconds = datetime->wall / USEC_SECOND - (datetime->wall % USEC_SECOND < 0);
	struct zone_clock clock = zone_clock_at(zone, seconds);
	datetime->offset_seconds = clock.offset_seconds;
	datetime->zone = clock.name;
}

int filter_date(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	struct datetime datetime;
	struct buf out;
	str format;
	if (!frame_text(f, &input->arguments[0], &format))
		return -1;
	if (format.size == 0 || !read_date(f, &input->value, &datetime)) {
		*ret = input->value;
		return 0;
	}
	move(f, input, &datetime);
	filter_begin(f, &out, format.size * 4);
	if (!datetime_format(&out, datetime, format))
		return frame_fail(f, "date: the format ends after a '%%'");
	return filter_finish(f, &out, ret);
}
