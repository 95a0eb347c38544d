/* spoken_duration.c - how long a server asks to wait, out of two words. */
#include "engine/smtp/spoken_duration.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static usec unit_length(str unit)
{
	static const struct {
		const char *name;
		usec length;
	} units[] = {
		{"s", USEC_SECOND},        {"sec", USEC_SECOND},      {"secs", USEC_SECOND},
		{"second", USEC_SECOND},   {"seconds", USEC_SECOND},  {"sekunden", USEC_SECOND},
		{"secondes", USEC_SECOND}, {"segundos", USEC_SECOND}, {"m", USEC_MINUTE},
		{"min", USEC_MINUTE},      {"mins", USEC_MINUTE},     {"minute", USEC_MINUTE},
		{"minutes", USEC_MINUTE},  {"minuten", USEC_MINUTE},  {"minutos", USEC_MINUTE},
		{"h", USEC_HOUR},          {"hour", USEC_HOUR},       {"hours", USEC_HOUR},
		{"hrs", USEC_HOUR},        {"stunden", USEC_HOUR},    {"heures", USEC_HOUR},
		{"horas", USEC_HOUR},
	};

	while (unit.size && !is_letter(unit.data[unit.size - 1]))
		unit.size--;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (str_eq_nocase(unit, str_of(units[i].name)))
			return units[i].length;
	}
	return 0;
}

/* 2DIGIT ":" 2DIGIT ":" 2DIGIT, as milter-greylist says how long it will wait. */
static usec clock_length(str s)
{
	usec length = 0, field = 0;
	size_t fields = 1;

	while (s.size && !is_digit(s.data[s.size - 1]))
		s.size--;
	if (s.size != 8)
		return 0;
	for (size_t i = 0; i < 8; i++) {
		if (i == 2 || i == 5) {
			if (s.data[i] != ':')
				return 0;
			length = (length + field) * 60;
			field = 0;
			fields++;
		} else if (is_digit(s.data[i])) {
			field = field * 10 + (s.data[i] - '0');
		} else {
			return 0;
		}
	}
	return fields == 3 ? (length + field) * USEC_SECOND : 0;
}

usec spoken_duration(str word, str next)
{
	uint64_t number = 0;
	size_t digits = 0;

	while (digits < word.size && is_digit(word.data[digits]))
		digits++;
	if (digits == 0 || digits > 6)
		return 0;
	usec length = clock_length(word);
	if (length > 0 || !str_to_u64(str_sub(word, 0, digits), &number))
		return length;
	str unit = digits == word.size ? next : str_from(word, digits);
	return (usec)number * unit_length(unit);
}
