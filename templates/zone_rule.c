/* zone_rule.c - the rule at the end of a zone's file, for all times beyond its table.
 *
 *   rule   = name offset [name [offset] ["," day ["/" time] "," day ["/" time]]]
 *   name   = 3*ALPHA / "<" 3*(ALPHA / DIGIT / "+" / "-") ">"
 *   offset = ["+" / "-"] 1*2DIGIT [":" 2DIGIT [":" 2DIGIT]]        west of UTC is positive
 *   day    = "J" 1*3DIGIT / 1*3DIGIT / "M" 1*2DIGIT "." DIGIT "." DIGIT
 *   time   = as offset, with hours up to 167                       POSIX.1 8.3, RFC 9636 3.3.1
 *
 * Summer need not be summer: Dublin's is its winter, an hour behind the standard. */
#include "templates/zone_table.h"

enum { NAME_SIZE_MIN = 3, NAME_SIZE_MAX = 16, DAY_SECONDS = 86400 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name(char c, bool quoted)
{
	bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	return letter || (quoted && (is_digit(c) || c == '+' || c == '-'));
}

/* RFC 9636 3.2 bounds what a file may say: from 25 hours behind to 26 ahead. */
bool zone_clock_ok(const struct zone_clock *clock)
{
	size_t size = clock->name.size;
	for (size_t i = 0; i < size; i++)
		if (!is_name(clock->name.data[i], true))
			return false;
	return size >= NAME_SIZE_MIN && size <= NAME_SIZE_MAX &&
	       clock->offset_seconds > -25 * 3600 && clock->offset_seconds < 26 * 3600;
}

static bool take(str *text, char byte)
{
	if (text->size == 0 || text->data[0] != byte)
		return false;
	*text = str_from(*text, 1);
	return true;
}

static bool take_name(str *text, str *ret_name)
{
	bool quoted = take(text, '<');
	size_t size = 0;
	while (size < text->size && is_name(text->data[size], quoted))
		size++;
	*ret_name = str_sub(*text, 0, size);
	*text = str_from(*text, size);
	return size >= NAME_SIZE_MIN && (!quoted || take(text, '>'));
}

static bool take_number(str *text, size_t digits_most, int most, int *ret_number)
{
	int number = 0;
	size_t digits = 0;
	for (; digits < digits_most && digits < text->size && is_digit(text->data[digits]);
	     digits++)
		number = number * 10 + (text->data[digits] - '0');
	*text = str_from(*text, digits);
	*ret_number = number;
	return digits > 0 && number <= most;
}

static bool take_time(str *text, int hours_most, int32_t *ret_seconds)
{
	bool negative = take(text, '-');
	int hours, minutes = 0, seconds = 0;
	if (!negative)
		take(text, '+');
	if (!take_number(text, 3, hours_most, &hours))
		return false;
	if (take(text, ':') && !take_number(text, 2, 59, &minutes))
		return false;
	if (take(text, ':') && !take_number(text, 2, 59, &seconds))
		return false;
	*ret_seconds = (hours * 3600 + minutes * 60 + seconds) * (negative ? -1 : 1);
	return true;
}

static bool take_offset(str *text, struct zone_clock *clock)
{
	int32_t west;
	if (!take_time(text, 26, &west))
		return false;
	clock->offset_seconds = -west;
	return zone_clock_ok(clock);
}

static bool take_day(str *text, struct zone_day *day)
{
	*day = (struct zone_day){.kind = ZONE_DAY_OF_YEAR, .seconds = 2 * 3600};
	if (take(text, 'M')) {
		day->kind = ZONE_DAY_OF_WEEK;
		if (!take_number(text, 2, 12, &day->month) || day->month < 1 ||
		    !take(text, '.') || !take_number(text, 1, 5, &day->week) || day->week < 1 ||
		    !take(text, '.') || !take_number(text, 1, 6, &day->day))
			return false;
	} else {
		if (take(text, 'J'))
			day->kind = ZONE_DAY_JULIAN;
		if (!take_number(text, 3, 365, &day->day) ||
		    (day->kind == ZONE_DAY_JULIAN && day->day < 1))
			return false;
	}
	return !take(text, '/') || take_time(text, 167, &day->seconds);
}

/* Without days, a summer has none that all agree on: such a rule is refused. */
static bool take_summer(str *text, struct zone_rule *rule)
{
	rule->has_summer = true;
	if (!take_name(text, &rule->summer.name))
		return false;
	rule->summer.offset_seconds = rule->standard.offset_seconds + 3600;
	if (text->size && text->data[0] != ',' && !take_offset(text, &rule->summer))
		return false;
	return zone_clock_ok(&rule->summer) && take(text, ',') &&
	       take_day(text, &rule->begin) && take(text, ',') && take_day(text, &rule->end);
}

bool zone_rule_read(str text, struct zone_rule *ret_rule)
{
	struct zone_rule rule = {.given = text.size > 0};
	bool good = !rule.given || (take_name(&text, &rule.standard.name) &&
				    take_offset(&text, &rule.standard));
	if (good && text.size)
		good = take_summer(&text, &rule) && text.size == 0;
	if (good)
		*ret_rule = rule;
	return good;
}

static int64_t floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Days from 1970-01-01 to January 1st of a year. */
static int64_t days_to_year(int64_t year)
{
	int64_t before = year - 1;
	int64_t leaps =
		floor_divide(before, 4) - floor_divide(before, 100) + floor_divide(before, 400);
	return 365 * (year - 1970) + leaps - 477; /* leap days up to 1969 */
}

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t year_of_day(int64_t day)
{
	int64_t year = 1970 + floor_divide(day * 400, 146097);
	while (days_to_year(year) > day)
		year--;
	while (days_to_year(year + 1) <= day)
		year++;
	return year;
}

/* In days since 1970. Week 5 is the last there is in the month. */
static int64_t day_in_year(const struct zone_day *day, int64_t year)
{
	static const int before_month[] = {0,   31,  59,  90,  120, 151, 181,
					   212, 243, 273, 304, 334, 365};
	int64_t start = days_to_year(year);
	bool leap = is_leap(year);
	if (day->kind == ZONE_DAY_OF_YEAR)
		return start + day->day;
	if (day->kind == ZONE_DAY_JULIAN)
		return start + day->day - 1 + (leap && day->day >= 60);
	int64_t first = start + before_month[day->month - 1] + (leap && day->month > 2);
	int64_t next = start + before_month[day->month] + (leap && day->month >= 2);
	int weekday = (int)(((first + 4) % 7 + 7) % 7); /* 1970 began on a Thursday */
	int64_t found = first + (day->day - weekday + 7) % 7 + 7 * (day->week - 1);
	return found >= next ? found - 7 : found;
}

/* The last change at or before: those of this year and its neighbours are looked at, because
 * times may lie days off their day. Of two at once summer begins: so a rule says "always". */
struct zone_clock zone_rule_clock(const struct zone_rule *rule, int64_t seconds)
{
	if (!rule->has_summer)
		return rule->standard;
	int64_t local = seconds + rule->standard.offset_seconds;
	int64_t year = year_of_day(floor_divide(local, DAY_SECONDS)), last = INT64_MIN;
	bool summer = false;
	for (int64_t y = year - 1; y <= year + 1; y++) {
		int64_t end = day_in_year(&rule->end, y) * DAY_SECONDS + rule->end.seconds -
			      rule->summer.offset_seconds;
		int64_t begin = day_in_year(&rule->begin, y) * DAY_SECONDS +
				rule->begin.seconds - rule->standard.offset_seconds;
		if (end <= seconds && end > last) {
			last = end;
			summer = false;
		}
		if (begin <= seconds && begin >= last) {
			last = begin;
			summer = true;
		}
	}
	return summer ? rule->summer : rule->standard;
}
