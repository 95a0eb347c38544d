/* datetime_parse.c - reads dates; see datetime.h.
 * The text is cut into words and numbers. What has a form of its own (a month's name, hh:mm, a
 * year of four digits with its month and day, an offset) is taken as that; the numbers left
 * over are the day, then the year. */
#include "templates/datetime.h"

struct fields {
	int year, month, day, hour, minute, second;
	int nanoseconds;
	int offset_minutes;
	bool has_year, has_month, has_day, has_time, has_offset;
	bool has_strange; /* a word that is none of a date's, before it */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* 1*limit DIGIT off the front; -1: none. */
static int take_number(str *text, size_t limit, size_t *ret_digits)
{
	int number = 0;
	size_t count = 0;
	while (count < limit && count < text->size && is_digit(text->data[count]))
		number = number * 10 + (text->data[count++] - '0');
	*text = str_from(*text, count);
	if (ret_digits)
		*ret_digits = count;
	return count ? number : -1;
}

static bool take_byte(str *text, char byte)
{
	if (text->size == 0 || text->data[0] != byte)
		return false;
	*text = str_from(*text, 1);
	return true;
}

static void take_fraction(str *text, struct fields *fields)
{
	int unit = 100000000;
	for (; text->size && is_digit(text->data[0]); *text = str_from(*text, 1)) {
		fields->nanoseconds += (text->data[0] - '0') * unit;
		unit /= 10;
	}
}

static void skip_spaces(str *text)
{
	while (text->size && text->data[0] == ' ')
		*text = str_from(*text, 1);
}

/* "am" / "pm", with or without dots. */
static bool take_half(str *text, struct fields *fields)
{
	str rest = *text;
	skip_spaces(&rest);
	if (rest.size < 2)
		return false;
	char half = (char)(rest.data[0] | 0x20);
	bool dotted = rest.size >= 4 && rest.data[1] == '.' && rest.data[3] == '.';
	size_t size = dotted ? 4 : 2;
	if ((half != 'a' && half != 'p') || (rest.data[size / 2] | 0x20) != 'm' ||
	    (rest.size > size && is_letter(rest.data[size])))
		return false;
	fields->hour = fields->hour % 12 + (half == 'p' ? 12 : 0);
	*text = str_from(rest, size);
	return true;
}

/* "10pm", "22h"; and "10" behind a whole date. The number is taken already. */
static bool take_hour(str *text, int hour, struct fields *fields)
{
	str rest = *text;
	bool whole = fields->has_year && fields->has_month && fields->has_day;
	if (hour > 24)
		return false;
	fields->hour = hour;
	if (take_half(&rest, fields)) {
		*text = rest;
		return fields->has_time = true;
	}
	skip_spaces(&rest);
	bool marked = rest.size && (rest.data[0] | 0x20) == 'h' &&
		      (rest.size == 1 || !is_letter(rest.data[1]));
	if (marked)
		*text = str_from(rest, 1);
	fields->has_time = marked || (whole && (text->size == 0 || text->data[0] == ' '));
	fields->hour = fields->has_time ? hour : 0;
	return fields->has_time;
}

/* "T220102", behind a date without marks. */
static bool take_basic_time(str *text, struct fields *fields)
{
	size_t digits;
	str rest = str_from(*text, 1);
	int time = take_number(&rest, 6, &digits);
	if (text->size < 7 || (text->data[0] | 0x20) != 't' || digits != 6 ||
	    fields->has_time || time / 10000 > 24 || time / 100 % 100 > 59 || time % 100 > 60)
		return false;
	fields->hour = time / 10000;
	fields->minute = time / 100 % 100;
	fields->second = time % 100;
	*text = rest;
	return fields->has_time = true;
}

/* time = 1*2DIGIT ":" 2DIGIT [":" 2DIGIT ["." 1*DIGIT]] [half]; the hour is taken already. */
static bool take_time(str *text, int hour, struct fields *fields)
{
	size_t digits;
	str rest = *text;
	if (!take_byte(&rest, ':'))
		return false;
	int minute = take_number(&rest, 2, &digits), second = 0;
	if (digits != 2)
		return false;
	if (take_byte(&rest, ':')) {
		second = take_number(&rest, 2, &digits);
		if (digits != 2)
			return false;
		if (rest.size > 1 && rest.data[0] == '.' && is_digit(rest.data[1])) {
			rest = str_from(rest, 1);
			take_fraction(&rest, fields);
		}
	}
	if (hour > 24 || minute > 59 || second > 60)
		return false;
	fields->hour = hour;
	fields->minute = minute;
	fields->second = second;
	fields->has_time = true;
	take_half(&rest, fields);
	*text = rest;
	return true;
}

/* offset = ("+" / "-") 2DIGIT [":"] [2DIGIT] */
static bool take_offset(str *text, struct fields *fields)
{
	size_t digits;
	str rest = *text;
	bool west = rest.data[0] == '-';
	rest = str_from(rest, 1);
	int hours = take_number(&rest, 2, &digits);
	if (digits != 2)
		return false;
	take_byte(&rest, ':');
	int minutes = take_number(&rest, 2, &digits);
	if (digits == 0)
		minutes = 0;
	else if (digits != 2)
		return false;
	if (hours > 23 || minutes > 59)
		return false;
	fields->offset_minutes = (hours * 60 + minutes) * (west ? -1 : 1);
	fields->has_offset = true;
	*text = rest;
	return true;
}

static int name_index(str word, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (word.size >= 3 && str_starts_nocase(str_of(names[i]), word))
			return i;
	return -1;
}

static bool take_zone(str word, struct fields *fields)
{
	static const struct {
		const char *name;
		int offset_hours;
	} zones[] = {{"z", 0},    {"utc", 0},  {"gmt", 0},  {"est", -5}, {"edt", -4},
		     {"cst", -6}, {"cdt", -5}, {"mst", -7}, {"mdt", -6}, {"pst", -8},
		     {"pdt", -7}, {"cet", 1},  {"cest", 2}, {"bst", 1},  {"jst", 9}};
	for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
		if (!str_eq_nocase(word, str_of(zones[i].name)))
			continue;
		fields->offset_minutes = zones[i].offset_hours * 60;
		return fields->has_offset = true;
	}
	return false;
}

static bool has_any(const struct fields *fields)
{
	return fields->has_month || fields->has_day || fields->has_year || fields->has_time;
}

/* A month, a weekday, a zone, or one of the words that stand between. */
static bool take_word(str *text, struct fields *fields)
{
	static const char *const months[] = {"january",   "february", "march",    "april",
					     "may",       "june",     "july",     "august",
					     "september", "october",  "november", "december"};
	static const char *const days[] = {"sunday",   "monday", "tuesday", "wednesday",
					   "thursday", "friday", "saturday"};
	size_t size = 0;
	while (size < text->size && is_letter(text->data[size]))
		size++;
	str word = str_sub(*text, 0, size);
	*text = str_from(*text, size);
	int month = name_index(word, months, 12);
	if (month >= 0 && !fields->has_month) {
		fields->month = month + 1;
		fields->has_month = true;
		return true;
	}
	if (str_eq_nocase(word, STR("sept"))) {
		fields->month = 9;
		return fields->has_month = true;
	}
	if (name_index(word, days, 7) >= 0 || str_eq_nocase(word, STR("t")) ||
	    str_eq_nocase(word, STR("of")) || str_eq_nocase(word, STR("at")) ||
	    take_zone(word, fields))
		return true;
	fields->has_strange = true;
	return !has_any(fields);
}

static void set_date(struct fields *fields, int year, int month, int day)
{
	fields->year = year;
	fields->month = month;
	fields->day = day;
	fields->has_year = fields->has_month = fields->has_day = true;
}

/* year "-" month "-" day, also with "/"; the year is taken already. */
static bool take_iso(str *text, int year, struct fields *fields)
{
	str rest = *text;
	char mark = rest.size ? rest.data[0] : '\0';
	if ((mark != '-' && mark != '/' && mark != '.') || fields->has_year)
		return false;
	rest = str_from(rest, 1);
	int month = take_number(&rest, 2, NULL), day = 1;
	if (month < 0 || (rest.size && is_digit(rest.data[0])))
		return false;
	if (take_byte(&rest, mark))
		day = take_number(&rest, 2, NULL);
	set_date(fields, year, month, day);
	*text = rest;
	return day > 0;
}

/* day "." month "." year, also with "/" and "-". */
static bool take_day_first(str *text, int day, struct fields *fields)
{
	str rest = *text;
	size_t digits;
	char mark = rest.size ? rest.data[0] : '\0';
	if ((mark != '.' && mark != '/' && mark != '-') || fields->has_day)
		return false;
	rest = str_from(rest, 1);
	int month = take_number(&rest, 2, NULL);
	if (month < 0 || !take_byte(&rest, mark))
		return false;
	int year = take_number(&rest, 4, &digits);
	if (digits != 4)
		return false;
	set_date(fields, year, month, day);
	*text = rest;
	return true;
}

static void take_ordinal(str *text)
{
	static const char *const endings[] = {"st", "nd", "rd", "th"};
	for (size_t i = 0; i < 4; i++)
		if (str_starts_nocase(*text, str_of(endings[i])) &&
		    (text->size == 2 || !is_letter(text->data[2]))) {
			*text = str_from(*text, 2);
			return;
		}
}

static bool take_digits(str *text, struct fields *fields)
{
	size_t digits;
	int number = take_number(text, 8, &digits);
	if (text->size && is_digit(text->data[0]))
		return false;
	if (digits == 8 && !fields->has_year) {
		set_date(fields, number / 10000, number / 100 % 100, number % 100);
		take_basic_time(text, fields);
		return true;
	}
	if (digits <= 2 && !fields->has_time && take_time(text, number, fields))
		return true;
	if (digits == 4 && take_iso(text, number, fields))
		return true;
	if (digits <= 2 && take_day_first(text, number, fields))
		return true;
	if (digits <= 2 && !fields->has_time && take_hour(text, number, fields))
		return true;
	if (digits <= 2 && !fields->has_day) {
		fields->day = number;
		fields->has_day = true;
		take_ordinal(text);
		return true;
	}
	if (fields->has_year || (digits != 4 && digits != 2))
		return false;
	fields->year = digits == 4 ? number : number + (number < 69 ? 2000 : 1900);
	return fields->has_year = true;
}

static bool parse_fields(str text, struct fields *fields)
{
	while (text.size) {
		char c = text.data[0];
		if (is_digit(c)) {
			if (!take_digits(&text, fields))
				return false;
		} else if (is_letter(c)) {
			if (!take_word(&text, fields))
				return false;
		} else if ((c == '+' || c == '-') && fields->has_time) {
			if (!take_offset(&text, fields))
				return false;
		} else if (memchr(" ,\t\n-/()", c, 8)) {
			text = str_from(text, 1);
		} else {
			return false;
		}
	}
	if (fields->has_strange) /* "on 5 May 2026"; but "item 5" is none */
		return fields->has_year && fields->has_month && fields->has_day;
	return has_any(fields);
}

/* Days since 1970-01-01 of a date in the Gregorian calendar; the year begins in March here, so
 * that the day leap years add is the last. */
static int64_t days_from_date(int64_t year, int month, int day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t of_era = year - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static bool is_valid(const struct fields *fields)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	if (fields->month < 1 || fields->month > 12 || fields->day < 1)
		return false;
	bool leap_day = fields->month == 2 && is_leap(fields->year);
	return fields->day <= days[fields->month - 1] + leap_day;
}

/* What is missing in front is today's, what is missing behind is the first. */
static void complete(struct fields *fields, usec wall_now)
{
	char text[32];
	struct buf today;
	if (fields->has_year && fields->has_month && fields->has_day)
		return;
	buf_init_fixed(&today, text, sizeof text);
	datetime_format(&today, (struct datetime){.wall = wall_now}, STR("%Y%m%d"));
	str rest = buf_str(&today);
	int year = take_number(&rest, 4, NULL), month = take_number(&rest, 2, NULL);
	int day = take_number(&rest, 2, NULL);
	bool date = fields->has_year || fields->has_month || fields->has_day;
	if (!fields->has_year)
		fields->year = year;
	if (!fields->has_month)
		fields->month = fields->has_year ? 1 : month;
	if (!fields->has_day)
		fields->day = date ? 1 : day;
}

bool datetime_parse(str text, usec wall_now, struct datetime *ret_datetime)
{
	struct fields fields = {};
	text = str_trim(text);
	if (text.size > 128 || str_starts(text, STR("-")) || !parse_fields(text, &fields))
		return false; /* no date is longer */
	complete(&fields, wall_now);
	if (!is_valid(&fields))
		return false;
	int64_t seconds = days_from_date(fields.year, fields.month, fields.day) * 86400 +
			  fields.hour * 3600 + fields.minute * 60 + fields.second -
			  fields.offset_minutes * 60;
	*ret_datetime = (struct datetime){
		.wall = seconds * USEC_SECOND + fields.nanoseconds / 1000,
		.nanoseconds = fields.nanoseconds % 1000,
		.offset_seconds = fields.offset_minutes * 60,
		.kind = !fields.has_time     ? DATETIME_DAY
			: !fields.has_offset ? DATETIME_CLOCK
					     : DATETIME_MOMENT,
	};
	return true;
}
