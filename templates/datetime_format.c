/* datetime_format.c - writes dates; see datetime.h. */
#include "templates/datetime.h"

static const char *const day_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
					"Thursday", "Friday", "Saturday"};
static const char *const month_names[] = {"January",   "February", "March",    "April",
					  "May",       "June",     "July",     "August",
					  "September", "October",  "November", "December"};

struct parts {
	int64_t year, seconds; /* seconds: since 1970, UTC */
	int month, day, hour, minute, second, nanoseconds;
	int weekday; /* 0: Sunday */
	int yearday; /* from 1 */
	int offset_seconds;
	str zone;
};

static int64_t floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* The date of a day since 1970-01-01; years begin in March on the way. */
static void set_date(struct parts *parts, int64_t days)
{
	days += 719468;
	int64_t era = floor_divide(days, 146097), of_era = days - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int of_year = (int)(of_era - (365 * year + year / 4 - year / 100));
	int month = (5 * of_year + 2) / 153;
	parts->day = of_year - (153 * month + 2) / 5 + 1;
	parts->month = month < 10 ? month + 3 : month - 9;
	parts->year = year + era * 400 + (parts->month <= 2);
	/* of_year counts from March 1st. */
	parts->yearday = parts->month > 2 ? of_year + 60 + is_leap(parts->year) : of_year - 305;
}

static struct parts parts_of(struct datetime datetime)
{
	struct parts parts = {.offset_seconds = datetime.offset_seconds, .zone = datetime.zone};
	int64_t seconds = floor_divide(datetime.wall, USEC_SECOND);
	parts.seconds = seconds;
	parts.nanoseconds =
		(int)(datetime.wall - seconds * USEC_SECOND) * 1000 + datetime.nanoseconds;
	seconds += datetime.offset_seconds;
	int64_t days = floor_divide(seconds, 86400);
	int of_day = (int)(seconds - days * 86400);
	parts.hour = of_day / 3600;
	parts.minute = of_day / 60 % 60;
	parts.second = of_day % 60;
	parts.weekday = (int)(((days + 4) % 7 + 7) % 7);
	set_date(&parts, days);
	return parts;
}

struct directive {
	char letter;
	bool upper, swap, no_padding;
	char padding; /* '\0': as usual */
	int width;    /* -1: as usual */
	int colons;
};

static void put_number(struct buf *out, const struct directive *d, int64_t number, int width,
		       char padding)
{
	char memory[24];
	struct buf digits;
	buf_init_fixed(&digits, memory, sizeof memory);
	buf_put_u64(&digits, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
	if (d->padding)
		padding = d->padding;
	if (d->width >= 0)
		width = d->width;
	if (d->no_padding)
		width = 0;
	size_t missing = (size_t)width > digits.size ? (size_t)width - digits.size : 0;
	if (number < 0 && padding == '0')
		buf_put_byte(out, '-');
	while (missing-- > 0)
		buf_put_byte(out, padding);
	if (number < 0 && padding != '0')
		buf_put_byte(out, '-');
	buf_put(out, buf_str(&digits));
}

static void put_text(struct buf *out, const struct directive *d, str text)
{
	size_t width = d->width > 0 && !d->no_padding ? (size_t)d->width : 0;
	for (size_t i = text.size; i < width; i++)
		buf_put_byte(out, d->padding == '0' ? '0' : ' ');
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		bool lower = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z';
		bool flip = d->upper ? lower
			    : d->swap && (d->letter == 'p' || d->letter == 'Z')
				    ? upper
				    : d->swap && lower;
		buf_put_byte(out, flip ? (char)(c ^ 0x20) : c);
	}
}

/* ISO 8601: week 1 is the one with the year's first Thursday. */
static int iso_week(const struct parts *p, int64_t *ret_year)
{
	int weekday = (p->weekday + 6) % 7; /* 0: Monday */
	int week = (p->yearday - 1 - weekday + 10) / 7;
	*ret_year = p->year;
	if (week < 1) {
		*ret_year = p->year - 1;
		int yearday = p->yearday + 365 + is_leap(p->year - 1);
		return (yearday - 1 - weekday + 10) / 7;
	}
	int last_thursday = 365 + is_leap(p->year) - p->yearday + weekday - 3;
	if (week == 53 && last_thursday < 0) {
		*ret_year = p->year + 1;
		return 1;
	}
	return week;
}

/* The width is of the whole; blanks come before the sign. */
static void put_offset(struct buf *out, const struct directive *d, int seconds)
{
	int size = seconds < 0 ? -seconds : seconds;
	int behind = d->colons == 0 ? 2 : d->colons == 1 ? 3 : 6;
	int width = d->width - behind - 1 > 2 ? d->width - behind - 1 : 2;
	bool blank = d->padding == ' ' && !d->no_padding;
	struct directive plain = {.width = -1};
	for (int i = size / 3600 > 9 ? 2 : 1; blank && i < width; i++)
		buf_put_byte(out, ' ');
	buf_put_byte(out, seconds < 0 ? '-' : '+');
	put_number(out, &plain, size / 3600, blank ? 1 : width, '0');
	if (d->colons)
		buf_put_byte(out, ':');
	put_number(out, &plain, size / 60 % 60, 2, '0');
	if (d->colons != 2)
		return;
	buf_put_byte(out, ':');
	put_number(out, &plain, size % 60, 2, '0');
}

static void put_fraction(struct buf *out, const struct directive *d, int nanoseconds)
{
	int digits = d->width > 0 ? d->width : d->letter == 'L' ? 3 : 9;
	int unit = 100000000;
	for (int i = 0; i < digits; i++, unit /= 10)
		buf_put_byte(out, (char)(unit ? '0' + nanoseconds / unit % 10 : '0'));
}

static const char *composed(char letter)
{
	switch (letter) {
	case 'c':
		return "%a %b %e %H:%M:%S %Y";
	case 'D':
	case 'x':
		return "%m/%d/%y";
	case 'F':
		return "%Y-%m-%d";
	case 'r':
		return "%I:%M:%S %p";
	case 'R':
		return "%H:%M";
	case 'T':
	case 'X':
		return "%H:%M:%S";
	case 'v':
		return "%e-%^b-%Y";
	default:
		return NULL;
	}
}

static bool put_named(struct buf *out, const struct directive *d, const struct parts *p)
{
	str day = str_of(day_names[p->weekday]), month = str_of(month_names[p->month - 1]);
	switch (d->letter) {
	case 'A':
		return put_text(out, d, day), true;
	case 'a':
		return put_text(out, d, str_sub(day, 0, 3)), true;
	case 'B':
		return put_text(out, d, month), true;
	case 'b':
	case 'h':
		return put_text(out, d, str_sub(month, 0, 3)), true;
	case 'p':
		return put_text(out, d, p->hour < 12 ? STR("AM") : STR("PM")), true;
	case 'P':
		return put_text(out, d, p->hour < 12 ? STR("am") : STR("pm")), true;
	case 'Z':
		if (p->zone.data)
			put_text(out, d, p->zone);
		else if (p->offset_seconds == 0)
			put_text(out, d, STR("UTC"));
		return true; /* who has only an offset has no name, and no width for it */
	case 'z':
		return put_offset(out, d, p->offset_seconds), true;
	case 'L':
	case 'N':
		return put_fraction(out, d, p->nanoseconds), true;
	case 'n':
		return put_text(out, d, STR("\n")), true;
	case 't':
		return put_text(out, d, STR("\t")), true;
	case '%':
		return put_text(out, d, STR("%")), true;
	default:
		return false;
	}
}

static bool put_counted(struct buf *out, const struct directive *d, const struct parts *p)
{
	int64_t iso_year;
	int week = iso_week(p, &iso_year), hour12 = p->hour % 12 ? p->hour % 12 : 12;
	switch (d->letter) {
	case 'Y':
		return put_number(out, d, p->year, p->year < 0 ? 5 : 4, '0'), true;
	case 'C':
		return put_number(out, d, floor_divide(p->year, 100), 2, '0'), true;
	case 'y':
		return put_number(out, d, p->year - floor_divide(p->year, 100) * 100, 2, '0'),
		       true;
	case 'm':
		return put_number(out, d, p->month, 2, '0'), true;
	case 'd':
		return put_number(out, d, p->day, 2, '0'), true;
	case 'e':
		return put_number(out, d, p->day, 2, ' '), true;
	case 'j':
		return put_number(out, d, p->yearday, 3, '0'), true;
	case 'H':
		return put_number(out, d, p->hour, 2, '0'), true;
	case 'k':
		return put_number(out, d, p->hour, 2, ' '), true;
	case 'I':
		return put_number(out, d, hour12, 2, '0'), true;
	case 'l':
		return put_number(out, d, hour12, 2, ' '), true;
	case 'M':
		return put_number(out, d, p->minute, 2, '0'), true;
	case 'S':
		return put_number(out, d, p->second, 2, '0'), true;
	case 's':
		return put_number(out, d, p->seconds, 1, '0'), true;
	case 'u':
		return put_number(out, d, p->weekday ? p->weekday : 7, 1, '0'), true;
	case 'w':
		return put_number(out, d, p->weekday, 1, '0'), true;
	case 'G':
		return put_number(out, d, iso_year, 4, '0'), true;
	case 'g':
		return put_number(out, d, iso_year % 100, 2, '0'), true;
	case 'V':
		return put_number(out, d, week, 2, '0'), true;
	case 'U':
		return put_number(out, d, (p->yearday + 6 - p->weekday) / 7, 2, '0'), true;
	case 'W':
		return put_number(out, d, (p->yearday + 6 - (p->weekday + 6) % 7) / 7, 2, '0'),
		       true;
	default:
		return false;
	}
}

/* Colons mean something before z alone, E and O nothing, but only before some. */
static void skip_modifiers(str format, size_t *at, struct directive *d)
{
	str rest = str_from(format, *at);
	int colons = 0;
	while (colons < 3 && (size_t)colons < rest.size && rest.data[colons] == ':')
		colons++;
	if ((size_t)colons < rest.size && rest.data[colons] == 'z') {
		d->colons = colons;
		*at += (size_t)colons;
	} else if (rest.size > 1 &&
		   ((rest.data[0] == 'E' && memchr("cCxXyY", rest.data[1], 6)) ||
		    (rest.data[0] == 'O' && memchr("deHkIlmMSuUVwWy", rest.data[1], 15)))) {
		(*at)++;
	}
}

/* directive = "%" *("-" / "0" / "^" / "#" / "_") *DIGIT [modifiers] letter; its size, 0: none.
 */
static size_t read_directive(str format, struct directive *d)
{
	size_t at = 1;
	*d = (struct directive){.width = -1};
	for (; at < format.size && memchr("-0^#_", format.data[at], 5); at++) {
		char c = format.data[at];
		d->no_padding = d->no_padding || c == '-';
		d->upper = d->upper || c == '^';
		d->swap = d->swap || c == '#';
		if (c == '0' || c == '_')
			d->padding = c == '0' ? '0' : ' ';
	}
	for (; at < format.size && format.data[at] >= '0' && format.data[at] <= '9'; at++) {
		d->width = (d->width < 0 ? 0 : d->width) * 10 + (format.data[at] - '0');
		if (d->width > 128)
			d->width = 128; /* wider is no date */
	}
	skip_modifiers(format, &at, d);
	if (at == format.size)
		return 0;
	d->letter = format.data[at];
	return at + 1;
}

static bool put_format(struct buf *out, const struct parts *p, str format, bool inner);

static void put_composed(struct buf *out, const struct directive *d, const struct parts *p,
			 const char *format)
{
	char memory[160]; /* a year has at most 20 digits, all else less */
	struct buf text;
	struct directive as_text = *d;
	buf_init_fixed(&text, memory, sizeof memory);
	put_format(&text, p, str_of(format), true);
	as_text.swap = as_text.no_padding = false;
	put_text(out, &as_text, buf_str(&text));
}

static bool put_format(struct buf *out, const struct parts *p, str format, bool inner)
{
	while (format.size) {
		size_t plain = str_find_byte(format, '%');
		struct directive d;
		if (plain == STR_NONE)
			plain = format.size;
		buf_put(out, str_sub(format, 0, plain));
		format = str_from(format, plain);
		if (format.size == 0)
			break;
		size_t size = read_directive(format, &d);
		const char *several = size && !inner ? composed(d.letter) : NULL;
		if (size == 0)
			return false;
		if (several)
			put_composed(out, &d, p, several);
		else if (size == 1 || (!put_named(out, &d, p) && !put_counted(out, &d, p)))
			buf_put(out, str_sub(format, 0, size));
		format = str_from(format, size);
	}
	return true;
}

bool datetime_format(struct buf *out, struct datetime datetime, str format)
{
	struct parts parts = parts_of(datetime);
	return put_format(out, &parts, format, false);
}
