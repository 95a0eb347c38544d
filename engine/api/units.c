/* units.c - see units.h. */
#include "engine/api/units.h"

#include <stdlib.h>

#include "engine/shape/bucket.h"

#define SHARE_SIZE_LIMIT 12

static const struct {
	str name;
	usec length;
} duration_units[] = {
	{{"w", 1}, 7 * USEC_DAY}, {{"d", 1}, USEC_DAY},    {{"h", 1}, USEC_HOUR},
	{{"ms", 2}, USEC_MS},     {{"m", 1}, USEC_MINUTE}, {{"s", 1}, USEC_SECOND},
};
#define UNIT_COUNT (sizeof(duration_units) / sizeof(duration_units[0]))

static size_t digits(str text)
{
	size_t n = 0;
	while (n < text.size && text.data[n] >= '0' && text.data[n] <= '9')
		n++;
	return n;
}

/* Length of the unit that stands at the front of text; 0: "ms" is tried before "m". */
static usec unit_take(str *text)
{
	for (size_t i = 0; i < UNIT_COUNT; i++) {
		if (!str_starts(*text, duration_units[i].name))
			continue;
		*text = str_from(*text, duration_units[i].name.size);
		return duration_units[i].length;
	}
	return 0;
}

bool duration_from_text(str text, usec *ret_duration)
{
	usec total = 0;
	if (str_eq(text, STR("0"))) {
		*ret_duration = 0;
		return true;
	}
	if (text.size == 0)
		return false;
	while (text.size > 0) {
		size_t n = digits(text);
		uint64_t count;
		if (!str_to_u64(str_sub(text, 0, n), &count) || count > INT64_MAX)
			return false;
		text = str_from(text, n);
		usec unit = unit_take(&text), part;
		if (unit == 0 || __builtin_mul_overflow((int64_t)count, unit, &part) ||
		    __builtin_add_overflow(total, part, &total))
			return false;
	}
	*ret_duration = total;
	return true;
}

void duration_format(struct buf *out, usec duration)
{
	static const struct {
		usec length;
		const char *name;
	} steps[] = {{USEC_DAY, "d"},
		     {USEC_HOUR, "h"},
		     {USEC_MINUTE, "m"},
		     {USEC_SECOND, "s"},
		     {USEC_MS, "ms"}};
	bool any = false;
	if (duration < 0)
		duration = 0;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		usec count = duration / steps[i].length;
		if (count == 0)
			continue;
		buf_put_i64(out, count);
		buf_put_cstr(out, steps[i].name);
		duration -= count * steps[i].length;
		any = true;
	}
	if (!any)
		buf_put_cstr(out, "0");
}

bool size_parse(str text, uint64_t *ret_size)
{
	size_t n = digits(text);
	uint64_t count;
	if (!str_to_u64(str_sub(text, 0, n), &count))
		return false;
	str unit = str_from(text, n);
	unsigned shift;
	if (unit.size == 0)
		shift = 0;
	else if (str_eq(unit, STR("k")) || str_eq(unit, STR("K")))
		shift = 10;
	else if (str_eq(unit, STR("M")))
		shift = 20;
	else if (str_eq(unit, STR("G")))
		shift = 30;
	else
		return false;
	if (count > UINT64_MAX >> shift)
		return false;
	*ret_size = count << shift;
	return true;
}

static void put_volume(struct buf *out, uint64_t size, bool bytes)
{
	static const struct {
		uint64_t size;
		const char *name;
	} units[] = {{1000000000, "GB"}, {1000000, "MB"}, {1000, "kB"}, {1, "B"}};
	size_t i = 0;
	while (size % units[i].size != 0)
		i++;
	buf_put_u64(out, bytes ? size / units[i].size : size);
	buf_put_cstr(out, bytes ? units[i].name : "");
}

static void put_rate(struct buf *out, const struct rate *rate, bool bytes)
{
	static const struct {
		usec per;
		const char *name;
	} units[] = {
		{USEC_SECOND, "s"}, {USEC_MINUTE, "min"}, {USEC_HOUR, "h"}, {USEC_DAY, "d"}};
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (rate->per != units[i].per)
			continue;
		put_volume(out, rate->count, bytes);
		buf_printf(out, "/%s", units[i].name);
		return;
	}
	put_volume(out,
		   (uint64_t)((double)rate->count * (double)USEC_SECOND / (double)rate->per),
		   bytes);
	buf_put_cstr(out, "/s");
}

void rate_format(struct buf *out, const struct rate *rate, bool bytes)
{
	struct rate usual;
	if (rate->count == 0) {
		buf_put_cstr(out, "unlimited");
		return;
	}
	size_t start = out->size;
	put_rate(out, rate, bytes);
	/* The burst is told where it is not what the text would mean without it. */
	str text = str_make(out->data + start, out->size - start);
	if (!buf_ok(out) || ((bytes ? rate_parse_bytes : rate_parse)(text, &usual) &&
			     usual.burst == rate->burst))
		return;
	buf_put_cstr(out, ",burst=");
	put_volume(out, rate->burst, bytes);
}

void count_format(struct buf *out, uint64_t count)
{
	char digits_text[24];
	struct buf number;
	buf_init_fixed(&number, digits_text, sizeof(digits_text));
	buf_put_u64(&number, count);
	for (size_t i = 0; i < number.size; i++) {
		if (i > 0 && (number.size - i) % 3 == 0)
			buf_put_byte(out, ',');
		buf_put_byte(out, number.data[i]);
	}
}

bool share_parse(str text, double *ret_share)
{
	char number[SHARE_SIZE_LIMIT], *end;
	if (!str_ends(text, STR("%")) ||
	    !str_to_cstr(str_sub(text, 0, text.size - 1), number, sizeof(number)))
		return false;
	/* strtod takes more than numbers as people write them. */
	if (digits(text) == 0 || number[strspn(number, "0123456789.")] != '\0')
		return false;
	double percent = strtod(number, &end);
	if (*end != '\0' || percent <= 0 || percent > 100)
		return false;
	*ret_share = percent / 100;
	return true;
}

bool sample_parse(str text, uint64_t *ret_count)
{
	double share;
	uint64_t count = 0;
	if (!share_parse(text, &share) &&
	    (!str_to_u64(text, &count) || count == 0 || count > INT64_MAX))
		return false;
	*ret_count = count;
	return true;
}

void count_put_right(struct buf *out, uint64_t count, size_t width)
{
	char text[40];
	struct buf number;
	buf_init_fixed(&number, text, sizeof(text));
	count_format(&number, count);
	for (size_t i = number.size; i < width; i++)
		buf_put_byte(out, ' ');
	buf_put(out, buf_str(&number));
}
