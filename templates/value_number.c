/* value_number.c - see value_number.h.
 * A decimal is mantissa / 10^scale with the mantissa in 128 bits: two doubles, 17 digits each,
 * have their exact product and, within 18 places of each other, their exact sum. What does not
 * fit is counted in doubles. Conversion to double divides in 113 bits, so that it is right to
 * the last digit; strtod would do it too, but asks the locale. */
#include "templates/value_number.h"

#include <math.h>
#include <stdio.h>

struct decimal {
	__int128 mantissa;
	int scale;
	bool fits;
};

enum { DIGITS_MAX = 18, SHIFT_MAX = 18 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

static str stripped(str s)
{
	while (s.size && is_space(s.data[0]))
		s = str_from(s, 1);
	while (s.size && is_space(s.data[s.size - 1]))
		s.size--;
	return s;
}

static __float128 power_of_ten(int exponent)
{
	__float128 power = 1, base = 10;
	for (; exponent > 0; exponent >>= 1, base *= base)
		if (exponent & 1)
			power *= base;
	return power;
}

static double decimal_to_double(struct decimal d)
{
	__float128 mantissa = (__float128)d.mantissa;
	if (d.scale > 400)
		return 0;
	if (d.scale < -400)
		return d.mantissa == 0 ? 0 : d.mantissa < 0 ? -INFINITY : INFINITY;
	return (double)(d.scale >= 0 ? mantissa / power_of_ten(d.scale)
				     : mantissa * power_of_ten(-d.scale));
}

/* ["-"] 1*DIGIT ["." 1*DIGIT] ["e" ("+" / "-") 1*DIGIT], as far as DIGITS_MAX digits say. */
static struct decimal decimal_from_text(str text)
{
	struct decimal d = {.fits = true};
	bool negative = text.size && text.data[0] == '-', fraction = false;
	int digits = 0;
	size_t i = negative;
	for (; i < text.size && (is_digit(text.data[i]) || text.data[i] == '.'); i++) {
		if (text.data[i] == '.') {
			fraction = true;
			continue;
		}
		if (digits < DIGITS_MAX * 2) {
			d.mantissa = d.mantissa * 10 + (text.data[i] - '0');
			digits += d.mantissa != 0;
			d.scale += fraction;
		} else if (!fraction) {
			d.scale--;
		}
	}
	int64_t exponent = 0;
	if (i < text.size && text.data[i] == 'e') {
		str digits_text =
			str_from(text, i + 1 + (text.size > i + 1 && text.data[i + 1] == '+'));
		if (str_to_i64(digits_text, &exponent) && exponent > -10000 && exponent < 10000)
			d.scale -= (int)exponent;
	}
	d.fits = digits <= DIGITS_MAX;
	if (negative)
		d.mantissa = -d.mantissa;
	return d;
}

/* The fewest digits that read back as the same double, in the form 1.25e+03. */
static size_t shortest(double number, char out[static NUMBER_TEXT_SIZE])
{
	int size = 0;
	for (int precision = 14; precision <= 16; precision++) {
		size = snprintf(out, NUMBER_TEXT_SIZE, "%.*e", precision, number);
		if (decimal_to_double(decimal_from_text(str_make(out, (size_t)size))) == number)
			break;
	}
	return (size_t)size;
}

static struct decimal decimal_from_number(struct value number)
{
	char text[NUMBER_TEXT_SIZE];
	if (number.kind == VALUE_INT)
		return (struct decimal){number.integer, 0, true};
	if (!isfinite(number.number))
		return (struct decimal){};
	struct decimal d = decimal_from_text(str_make(text, shortest(number.number, text)));
	while (d.scale > 0 && d.mantissa % 10 == 0) {
		d.mantissa /= 10;
		d.scale--;
	}
	return d;
}

static double to_double(struct value number)
{
	return number.kind == VALUE_INT ? (double)number.integer : number.number;
}

static struct value from_decimal(struct decimal d)
{
	return value_float(decimal_to_double(d));
}

/* Brings both to the larger scale. */
static bool align(struct decimal *a, struct decimal *b)
{
	struct decimal *coarse = a->scale < b->scale ? a : b, *fine = coarse == a ? b : a;
	if (!a->fits || !b->fits || fine->scale - coarse->scale > SHIFT_MAX)
		return false;
	for (; coarse->scale < fine->scale; coarse->scale++)
		coarse->mantissa *= 10;
	return true;
}

struct value number_add(struct value a, struct value b)
{
	int64_t sum;
	if (a.kind == VALUE_INT && b.kind == VALUE_INT) {
		if (!__builtin_add_overflow(a.integer, b.integer, &sum))
			return value_int(sum);
		return value_float(to_double(a) + to_double(b));
	}
	struct decimal x = decimal_from_number(a), y = decimal_from_number(b);
	if (!align(&x, &y))
		return value_float(to_double(a) + to_double(b));
	x.mantissa += y.mantissa;
	return from_decimal(x);
}

static struct value negated(struct value number)
{
	if (number.kind == VALUE_FLOAT)
		return value_float(-number.number);
	return number.integer == INT64_MIN ? value_float(-(double)INT64_MIN)
					   : value_int(-number.integer);
}

struct value number_subtract(struct value a, struct value b)
{
	return number_add(a, negated(b));
}

struct value number_multiply(struct value a, struct value b)
{
	int64_t product;
	if (a.kind == VALUE_INT && b.kind == VALUE_INT) {
		if (!__builtin_mul_overflow(a.integer, b.integer, &product))
			return value_int(product);
		return value_float(to_double(a) * to_double(b));
	}
	struct decimal x = decimal_from_number(a), y = decimal_from_number(b);
	if (!x.fits || !y.fits)
		return value_float(to_double(a) * to_double(b));
	return from_decimal((struct decimal){x.mantissa * y.mantissa, x.scale + y.scale, true});
}

bool number_divide(struct value a, struct value b, struct value *ret_value)
{
	if (to_double(b) == 0)
		return false;
	if (a.kind == VALUE_INT && b.kind == VALUE_INT) {
		if (b.integer == -1) {
			*ret_value = negated(a);
			return true;
		}
		int64_t quotient = a.integer / b.integer;
		bool inexact = a.integer % b.integer != 0;
		if (inexact && (a.integer < 0) != (b.integer < 0))
			quotient--;
		*ret_value = value_int(quotient);
		return true;
	}
	struct decimal x = decimal_from_number(a), y = decimal_from_number(b);
	if (!align(&x, &y))
		*ret_value = value_float(to_double(a) / to_double(b));
	else
		*ret_value =
			value_float((double)((__float128)x.mantissa / (__float128)y.mantissa));
	return true;
}

bool number_modulo(struct value a, struct value b, struct value *ret_value)
{
	if (to_double(b) == 0)
		return false;
	struct decimal x = decimal_from_number(a), y = decimal_from_number(b);
	if (!align(&x, &y)) {
		double rest = fmod(to_double(a), to_double(b));
		if (rest != 0 && (rest < 0) != (to_double(b) < 0))
			rest += to_double(b);
		*ret_value = value_float(rest);
		return true;
	}
	x.mantissa %= y.mantissa;
	if (x.mantissa != 0 && (x.mantissa < 0) != (y.mantissa < 0))
		x.mantissa += y.mantissa;
	bool integers = a.kind == VALUE_INT && b.kind == VALUE_INT;
	*ret_value = integers ? value_int((int64_t)x.mantissa) : from_decimal(x);
	return true;
}

int number_compare(struct value a, struct value b)
{
	if (a.kind == VALUE_INT && b.kind == VALUE_INT)
		return (a.integer > b.integer) - (a.integer < b.integer);
	double x = to_double(a), y = to_double(b);
	if (isnan(x) || isnan(y))
		return 2;
	return (x > y) - (x < y);
}

struct value number_from_double(double number)
{
	if (number >= -9223372036854775808.0 && number < 9223372036854775808.0)
		return value_int((int64_t)floor(number));
	return value_float(number);
}

static struct value round_integer(int64_t integer, int64_t digits)
{
	int64_t unit = 1;
	for (; digits < 0; digits++)
		if (__builtin_mul_overflow(unit, (int64_t)10, &unit))
			return value_int(0);
	int64_t rest = integer % unit, half = unit / 2, whole = integer - rest;
	if (rest >= half && unit > 1)
		return value_int(whole > INT64_MAX - unit ? whole : whole + unit);
	if (rest <= -half && unit > 1)
		return value_int(whole < INT64_MIN + unit ? whole : whole - unit);
	return value_int(whole);
}

struct value number_round(struct value number, int64_t digits)
{
	if (number.kind == VALUE_INT)
		return digits >= 0 ? number : round_integer(number.integer, digits);
	struct decimal d = decimal_from_number(number);
	if (!d.fits)
		return digits > 0 ? number : number_from_double(number.number);
	__int128 dropped = 0, unit = 1;
	__int128 mantissa = d.mantissa < 0 ? -d.mantissa : d.mantissa;
	for (; d.scale > digits && mantissa; d.scale--) {
		if (unit > (__int128)1 << 100) {
			mantissa = dropped = 0;
			break;
		}
		dropped += mantissa % 10 * unit;
		unit *= 10;
		mantissa /= 10;
	}
	if (d.scale <= digits && unit > 1 && dropped * 2 >= unit)
		mantissa++;
	d.mantissa = d.mantissa < 0 ? -mantissa : mantissa;
	double rounded = decimal_to_double(d);
	return digits > 0 ? value_float(rounded) : number_from_double(rounded);
}

/* ["-"] 19*DIGIT: more than an integer holds. */
static bool is_huge(str text)
{
	size_t digits = 0;
	while (digits < text.size &&
	       (is_digit(text.data[digits]) || (!digits && *text.data == '-')))
		digits++;
	int64_t integer;
	return digits >= 19 && digits == text.size && !str_to_i64(text, &integer);
}

/* The integer a text begins with, as far as it fits: ["+" / "-"] *DIGIT, "_" between digits. */
static int64_t leading_integer(str text)
{
	bool negative = text.size && text.data[0] == '-';
	size_t i = text.size && (negative || text.data[0] == '+');
	int64_t integer = 0;
	for (; i < text.size; i++) {
		char c = text.data[i];
		if (c == '_' && i > 0 && is_digit(text.data[i - 1]))
			continue;
		if (!is_digit(c))
			break;
		if (__builtin_mul_overflow(integer, (int64_t)10, &integer) ||
		    __builtin_sub_overflow(integer, (int64_t)(c - '0'), &integer))
			return negative ? INT64_MIN : INT64_MAX;
	}
	return negative ? integer : integer == INT64_MIN ? INT64_MAX : -integer;
}

/* ["-"] 1*DIGIT "." 1*DIGIT */
static bool is_decimal(str text)
{
	size_t i = text.size && text.data[0] == '-';
	size_t start = i;
	while (i < text.size && is_digit(text.data[i]))
		i++;
	if (i == start || i == text.size || text.data[i] != '.')
		return false;
	start = ++i;
	while (i < text.size && is_digit(text.data[i]))
		i++;
	return i == text.size && i > start;
}

struct value value_to_number(struct value value)
{
	if (value.kind == VALUE_INT || value.kind == VALUE_FLOAT)
		return value;
	if (value.kind != VALUE_STRING)
		return value_int(0);
	str text = stripped(value.string);
	return is_decimal(text) || is_huge(text) ? from_decimal(decimal_from_text(text))
						 : value_int(leading_integer(text));
}

int64_t value_to_integer_loosely(struct value value)
{
	if (value.kind == VALUE_STRING)
		return leading_integer(stripped(value.string));
	if (value.kind == VALUE_INT)
		return value.integer;
	if (value.kind != VALUE_FLOAT || !isfinite(value.number))
		return 0;
	struct value whole =
		number_from_double(value.number < 0 ? ceil(value.number) : value.number);
	return whole.kind == VALUE_INT ? whole.integer
	       : value.number < 0      ? INT64_MIN
				       : INT64_MAX;
}

bool value_to_integer(struct value value, int64_t *ret_integer)
{
	if (value.kind == VALUE_INT) {
		*ret_integer = value.integer;
		return true;
	}
	if (value.kind != VALUE_STRING)
		return false;
	str text = stripped(value.string);
	if (text.size && text.data[0] == '+')
		text = str_from(text, 1);
	return str_to_i64(text, ret_integer);
}

/* 1.25e+03 as 1250.0; outside of 1e-4 to 1e16 with its exponent, as 1.25e+20. */
size_t number_text(struct value number, char out[static NUMBER_TEXT_SIZE])
{
	char text[NUMBER_TEXT_SIZE];
	if (number.kind == VALUE_INT) {
		struct buf digits;
		buf_init_fixed(&digits, out, NUMBER_TEXT_SIZE);
		buf_put_i64(&digits, number.integer);
		return digits.size;
	}
	if (isnan(number.number))
		return (size_t)snprintf(out, NUMBER_TEXT_SIZE, "NaN");
	if (isinf(number.number))
		return (size_t)snprintf(out, NUMBER_TEXT_SIZE,
					number.number < 0 ? "-Infinity" : "Infinity");
	size_t size = shortest(number.number, text);
	const char *e = memchr(text, 'e', size);
	int exponent = 0;
	int64_t parsed;
	if (str_to_i64(str_of(e[1] == '+' ? e + 2 : e + 1), &parsed))
		exponent = (int)parsed;
	size_t mantissa_end = (size_t)(e - text);
	while (text[mantissa_end - 1] == '0' && text[mantissa_end - 2] != '.')
		mantissa_end--;
	if (exponent < -4 || exponent >= 16)
		return (size_t)snprintf(out, NUMBER_TEXT_SIZE, "%.*se%+03d", (int)mantissa_end,
					text, exponent);
	size_t digits_size = mantissa_end - (text[0] == '-') - 1; /* without sign and point */
	if (digits_size == 2 && text[mantissa_end - 1] == '0')
		digits_size = 1;
	int places = (int)digits_size - 1 - exponent;
	return (size_t)snprintf(out, NUMBER_TEXT_SIZE, "%.*f", places < 1 ? 1 : places,
				number.number);
}
