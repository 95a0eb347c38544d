/* filters_date.c - date: what can be read as one is written in a format, all else stays. */
#include "templates/filters.h"

#include "templates/datetime.h"
#include "templates/value_number.h"

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
	filter_begin(f, &out, format.size * 4);
	datetime_format(&out, datetime, format);
	return filter_finish(f, &out, ret);
}
