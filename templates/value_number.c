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

const char *number_result_text(enum number_result result)
{
	static const char *const texts[] = {
		[NUMBER_FINE] = "fine",
		[NUMBER_BY_ZERO] = "divided by 0",
		[NUMBER_HUGE] = "a whole number here is larger than 64 bits hold",
		[NUMBER_ENDLESS] = "no whole number is infinite",
	};
	return texts[result];
}

static bool is_negative(struct value number)
{
	return number.kind == VALUE_INT ? number.integer < 0 : signbit(number.number);
}

static enum number_result fine(struct value number, struct value *ret_value)
{
	*ret_value = number;
	return NUMBER_FINE;
}

/* A product or quotient; when it is zero, it still has a sign. */
static enum number_result signed_float(double number, bool negative, struct value *ret_value)
{
	return fine(value_float(number == 0 && negative ? -0.0 : number), ret_value);
}

enum number_result number_add(struct value a, struct value b, struct value *ret_value)
{
	int64_t sum;
	if (a.kind == VALUE_INT && b.kind == VALUE_INT)
		return __builtin_add_overflow(a.integer, b.integer, &sum)
			       ? NUMBER_HUGE
			       : fine(value_int(sum), ret_value);
	struct decimal x = decimal_from_number(a), y = decimal_from_number(b);
	if (!align(&x, &y))
		return fine(value_float(to_double(a) + to_double(b)), ret_value);
	x.mantissa += y.mantissa;
	return signed_float(decimal_to_double(x), is_negative(a) && is_negative(b), ret_value);
}

enum number_result number_subtract(struct value a, struct value b, struct value *ret_value)
{
	int64_t rest;
	if (b.kind == VALUE_FLOAT)
		return number_add(a, value_float(-b.number), ret_value);
	if (a.kind == VALUE_FLOAT)
		return number_add(a, value_float(-(double)b.integer), ret_value);
	return __builtin_sub_overflow(a.integer, b.integer, &rest)
		       ? NUMBER_HUGE
		       : fine(value_int(rest), ret_value);
}

enum number_result number_multiply(struct value a, struct value b, struct value *ret_value)
{
	int64_t product;
	if (a.kind == VALUE_INT && b.kind == VALUE_INT)
		return __builtin_mul_overflow(a.integer, b.integer, &product)
			       ? NUMBER_HUGE
			       : fine(value_int(product), ret_value);
	struct decimal x = decimal_from_number(a), y = decimal_from_number(b);
	if (!x.fits || !y.fits)
		return fine(value_float(to_double(a) * to_double(b)), ret_value);
	struct decimal exact = {x.mantissa * y.mantissa, x.scale + y.scale, true};
	return signed_float(decimal_to_double(exact), is_negative(a) != is_negative(b),
			    ret_value);
}

static enum number_result divide_integers(int64_t a, int64_t b, struct value *ret_value)
{
	if (b == 0)
		return NUMBER_BY_ZERO;
	if (b == -1)
		return number_subtract(value_int(0), value_int(a), ret_value);
	int64_t quotient = a / b;
	if (a % b != 0 && (a < 0) != (b < 0))
		quotient--;
	return fine(value_int(quotient), ret_value);
}

enum number_result number_divide(struct value a, struct value b, struct value *ret_value)
{
	bool negative = is_negative(a) != is_negative(b);
	if (a.kind == VALUE_INT && b.kind == VALUE_INT)
		return divide_integers(a.integer, b.integer, ret_value);
	if (to_double(b) == 0) {
		bool nothing = to_double(a) == 0 || isnan(to_double(a));
		return fine(value_float(nothing    ? NAN
					: negative ? -INFINITY
						   : INFINITY),
			    ret_value);
	}
	struct decimal x = decimal_from_number(a), y = decimal_from_number(b);
	double quotient = align(&x, &y)
				  ? (double)((__float128)x.mantissa / (__float128)y.mantissa)
				  : to_double(a) / to_double(b);
	return signed_float(quotient, negative, ret_value);
}

enum number_result number_modulo(struct value a, struct value b, struct value *ret_value)
{
	if (to_double(b) == 0)
		return NUMBER_BY_ZERO;
	struct decimal x = decimal_from_number(a), y = decimal_from_number(b);
	if (!align(&x, &y)) {
		double rest = fmod(to_double(a), to_double(b));
		if (rest != 0 && (rest < 0) != (to_double(b) < 0))
			rest += to_double(b);
		return fine(value_float(rest), ret_value);
	}
	x.mantissa %= y.mantissa;
	if (x.mantissa != 0 && (x.mantissa < 0) != (y.mantissa < 0))
		x.mantissa += y.mantissa;
	bool integers = a.kind == VALUE_INT && b.kind == VALUE_INT;
	return fine(integers ? value_int((int64_t)x.mantissa) : from_decimal(x), ret_value);
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

enum number_result number_from_double(double number, struct value *ret_value)
{
	if (!isfinite(number))
		return NUMBER_ENDLESS;
	if (number < -9223372036854775808.0 || number >= 9223372036854775808.0)
		return NUMBER_HUGE;
	return fine(value_int((int64_t)floor(number)), ret_value);
}

static enum number_result round_integer(int64_t integer, int64_t digits,
					struct value *ret_value)
{
	int64_t unit = 1;
	for (; digits < 0; digits++)
		if (__builtin_mul_overflow(unit, (int64_t)10, &unit))
			return fine(value_int(0), ret_value);
	int64_t rest = integer % unit, half = unit / 2, whole = integer - rest;
	if (rest >= half && unit > 1)
		return number_add(value_int(whole), value_int(unit), ret_value);
	if (rest <= -half && unit > 1)
		return number_subtract(value_int(whole), value_int(unit), ret_value);
	return fine(value_int(whole), ret_value);
}

/* As it is written: a double between two whole numbers that it could be is the rounder one. */
static enum number_result to_whole(struct decimal d, struct value *ret_value)
{
	__int128 whole = d.mantissa, limit = (__int128)INT64_MAX + 1;
	for (; d.scale < 0 && whole && whole > -limit && whole < limit; d.scale++)
		whole *= 10;
	if (whole < -limit || whole >= limit)
		return NUMBER_HUGE;
	return fine(value_int((int64_t)whole), ret_value);
}

enum number_result number_round(struct value number, int64_t digits, struct value *ret_value)
{
	if (number.kind == VALUE_INT)
		return digits >= 0 ? fine(number, ret_value)
				   : round_integer(number.integer, digits, ret_value);
	struct decimal d = decimal_from_number(number);
	if (!d.fits)
		return digits > 0 ? fine(number, ret_value)
				  : number_from_double(number.number, ret_value);
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
	if (digits <= 0 && d.scale <= 0)
		return to_whole(d, ret_value);
	double rounded = decimal_to_double(d);
	return digits > 0 ? signed_float(rounded, signbit(number.number), ret_value)
			  : number_from_double(rounded, ret_value);
}

/* The integer a text begins with: ["+" / "-"] *DIGIT, "_" between digits. False when it does
 * not fit; then it is the nearest that does. */
static bool leading_integer(str text, int64_t *ret_integer)
{
	bool negative = text.size && text.data[0] == '-';
	size_t i = text.size && (negative || text.data[0] == '+');
	int64_t integer = 0; /* counted below zero, where there is room for one more */
	for (; i < text.size; i++) {
		char c = text.data[i];
		if (c == '_' && i > 0 && is_digit(text.data[i - 1]))
			continue;
		if (!is_digit(c))
			break;
		if (__builtin_mul_overflow(integer, (int64_t)10, &integer) ||
		    __builtin_sub_overflow(integer, (int64_t)(c - '0'), &integer)) {
			*ret_integer = negative ? INT64_MIN : INT64_MAX;
			return false;
		}
	}
	bool fits = negative || integer != INT64_MIN;
	*ret_integer = negative ? integer : fits ? -integer : INT64_MAX;
	return fits;
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

enum number_result value_to_number(struct value value, struct value *ret_value)
{
	int64_t integer;
	if (value.kind == VALUE_INT || value.kind == VALUE_FLOAT)
		return fine(value, ret_value);
	if (value.kind != VALUE_STRING)
		return fine(value_int(0), ret_value);
	str text = stripped(value.string);
	if (is_decimal(text))
		return signed_float(decimal_to_double(decimal_from_text(text)),
				    text.data[0] == '-', ret_value);
	return leading_integer(text, &integer) ? fine(value_int(integer), ret_value)
					       : NUMBER_HUGE;
}

int64_t value_to_integer_loosely(struct value value)
{
	int64_t integer = 0;
	struct value whole;
	if (value.kind == VALUE_STRING) {
		(void)leading_integer(stripped(value.string), &integer);
		return integer;
	}
	if (value.kind == VALUE_INT)
		return value.integer;
	if (value.kind != VALUE_FLOAT || !isfinite(value.number))
		return 0;
	if (number_from_double(value.number < 0 ? ceil(value.number) : value.number, &whole) ==
	    NUMBER_FINE)
		return whole.integer;
	return value.number < 0 ? INT64_MIN : INT64_MAX;
}

/* "0x" / "0b" / "0o" / "0d" / "0" off the front: the base of what follows. */
static int take_base(str *digits)
{
	static const struct {
		char letter;
		int base;
	} bases[] = {{'x', 16}, {'b', 2}, {'o', 8}, {'d', 10}};
	if (digits->size < 2 || digits->data[0] != '0')
		return 10;
	for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
		if ((digits->data[1] | 0x20) != bases[i].letter)
			continue;
		*digits = str_from(*digits, 2);
		return bases[i].base;
	}
	*digits = str_from(*digits, digits->data[1] == '_' ? 2 : 1);
	return 8;
}

static int digit_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* [("+" / "-")] [base] 1*DIGIT, one "_" between digits. */
static bool whole_integer(str text, int64_t *ret_integer)
{
	int64_t integer = 0;
	bool negative = text.size && text.data[0] == '-', digit = false;
	text = str_from(text, text.size && (negative || text.data[0] == '+'));
	int base = take_base(&text);
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] == '_' && digit) {
			digit = false;
			continue;
		}
		int value = digit_value(text.data[i]);
		if (value >= base || __builtin_mul_overflow(integer, base, &integer) ||
		    __builtin_sub_overflow(integer, value, &integer))
			return false;
		digit = true;
	}
	if (!digit || (!negative && integer == INT64_MIN))
		return false;
	*ret_integer = negative ? integer : -integer;
	return true;
}

bool value_to_integer(struct value value, int64_t *ret_integer)
{
	if (value.kind == VALUE_INT) {
		*ret_integer = value.integer;
		return true;
	}
	return value.kind == VALUE_STRING && whole_integer(stripped(value.string), ret_integer);
}

/* 1.25e+03 as 1250.0; outside of 1e-4 to 1e15 with its exponent, as 1.25e+20; up to 1e16 when
 * there is something behind the point. */
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
	size_t digits_size = mantissa_end - (text[0] == '-') - 1; /* without sign and point */
	if (exponent < -4 || exponent >= 16 || (exponent == 15 && digits_size < 17))
		return (size_t)snprintf(out, NUMBER_TEXT_SIZE, "%.*se%+03d", (int)mantissa_end,
					text, exponent);
	if (digits_size == 2 && text[mantissa_end - 1] == '0')
		digits_size = 1;
	int places = (int)digits_size - 1 - exponent;
	return (size_t)snprintf(out, NUMBER_TEXT_SIZE, "%.*f", places < 1 ? 1 : places,
				number.number);
}
