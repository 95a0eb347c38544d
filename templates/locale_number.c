/* locale_number.c - digits, rounded, grouped and put between the texts of a pattern.
 * Decimals are exact: a number is what people wrote, or the fewest digits that mean a float. */
#include "templates/locale.h"

#include <math.h>

#include "templates/value_number.h"

#define CURRENCY_SIGN "\xC2\xA4"
#define NO_BREAK_SPACE "\xC2\xA0"

enum {
	POINT_LIMIT = 400, /* of digits before the point: floats have up to 309 */
	TEXT_LIMIT = 128,  /* of a number in words of data; a longer one is none */
	FAST_PLACES = 6,   /* a float with up to so many decimals is read without text */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ["+" / "-"] 1*DIGIT ["." 1*DIGIT] [exponent, in what we wrote ourselves] */
static bool read_text(str text, bool exponent, struct numeral *n)
{
	size_t i = text.size && (text.data[0] == '-' || text.data[0] == '+');
	size_t before = 0, after = 0;
	bool point = false;
	*n = (struct numeral){.negative = text.size && text.data[0] == '-'};
	for (; i < text.size; i++) {
		char c = text.data[i];
		if (c == '.' && !point && before > 0) {
			point = true;
			continue;
		}
		if (!is_digit(c))
			break;
		after += point;
		before += !point;
		if (n->count == NUMERAL_DIGITS_LIMIT)
			return false;
		if (n->count == 0 && c == '0' && !point)
			continue; /* leading */
		n->digits[n->count++] = c;
		n->point += !point;
	}
	int64_t power = 0;
	if (exponent && i < text.size && text.data[i] == 'e') {
		size_t plus = i + 1 < text.size && text.data[i + 1] == '+';
		if (!str_to_i64(str_from(text, i + 1 + plus), &power) || power > POINT_LIMIT ||
		    power < -POINT_LIMIT)
			return false;
		i = text.size;
	}
	n->point += (int)power;
	return i == text.size && before > 0 && (!point || after > 0);
}

static void read_integer(uint64_t integer, int places, struct numeral *n)
{
	char digits[20];
	int count = 0;
	for (; integer; integer /= 10)
		digits[count++] = (char)('0' + integer % 10);
	n->count = count;
	n->point = count - places;
	for (int i = 0; i < count; i++)
		n->digits[i] = digits[count - 1 - i];
}

/* The decimal of the fewest places that is this double: found at once when there are few, for
 * then mantissa and power are exact and their quotient is rounded once. */
static bool read_float_fast(double number, struct numeral *n)
{
	static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
	double size = fabs(number);
	for (int places = 0; places <= FAST_PLACES; places++) {
		double mantissa = floor(size * powers[places] + 0.5);
		if (!(mantissa < 1e15))
			return false;
		if (mantissa / powers[places] != size)
			continue;
		*n = (struct numeral){.negative = number < 0};
		read_integer((uint64_t)mantissa, places, n);
		return true;
	}
	return false;
}

static bool read_shown(const struct value *number, struct numeral *n)
{
	char text[NUMBER_TEXT_SIZE];
	return read_text(str_make(text, number_text(*number, text)), true, n);
}

bool numeral_read_shown(const struct value *value, struct numeral *ret_numeral)
{
	if (value->kind == VALUE_FLOAT)
		return isfinite(value->number) && read_shown(value, ret_numeral);
	return numeral_read(value, ret_numeral);
}

bool numeral_read(const struct value *value, struct numeral *ret_numeral)
{
	if (value->kind == VALUE_INT) {
		int64_t integer = value->integer;
		*ret_numeral = (struct numeral){.negative = integer < 0};
		read_integer(integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer, 0,
			     ret_numeral);
		return true;
	}
	if (value->kind == VALUE_FLOAT)
		return isfinite(value->number) &&
		       (read_float_fast(value->number, ret_numeral) ||
			read_shown(value, ret_numeral));
	if (value->kind != VALUE_STRING || value->string.size > TEXT_LIMIT)
		return false;
	return read_text(str_trim(value->string), false, ret_numeral);
}

static int digit_at(const struct numeral *n, int index)
{
	return index >= 0 && index < n->count ? n->digits[index] - '0' : 0;
}

/* Is what lies behind the digit at `end` more than a half of it (1), a half (0) or less (-1)?
 */
static int rest_of(const struct numeral *n, int end)
{
	int next = digit_at(n, end);
	if (next != 5)
		return next > 5 ? 1 : -1;
	for (int i = end + 1; i < n->count; i++)
		if (n->digits[i] != '0')
			return 1;
	return 0;
}

/* Cuts to so many decimals, half to even. */
static void numeral_round(struct numeral *n, int decimals)
{
	int end = n->point + decimals; /* digits that stay */
	if (end >= n->count)
		return;
	int rest = rest_of(n, end);
	bool up = rest > 0 || (rest == 0 && digit_at(n, end - 1) % 2 == 1);
	n->count = end < 0 ? 0 : end;
	if (end < 0)
		return;
	int i = end - 1;
	for (; up && i >= 0; i--) {
		up = n->digits[i] == '9';
		n->digits[i] = up ? '0' : (char)(n->digits[i] + 1);
	}
	if (!up)
		return;
	memmove(n->digits + 1, n->digits, (size_t)n->count);
	n->digits[0] = '1';
	n->count++;
	n->point++;
}

static bool is_zero(const struct numeral *n)
{
	for (int i = 0; i < n->count; i++)
		if (n->digits[i] != '0')
			return false;
	return true;
}

/* Decimals without the zeros at the end. */
static int decimals_of(const struct numeral *n)
{
	int count = n->count;
	while (count > 0 && n->digits[count - 1] == '0')
		count--;
	return count > 0 && count > n->point ? count - n->point : 0;
}

static void put_digit(struct buf *out, uint32_t zero, int digit)
{
	uint32_t c = zero + (uint32_t)digit;
	if (c < 0x80) {
		buf_put_byte(out, (char)c);
		return;
	}
	if (c >= 0x10000) {
		buf_put_byte(out, (char)(0xF0 | c >> 18));
		buf_put_byte(out, (char)(0x80 | (c >> 12 & 0x3F)));
	} else if (c >= 0x800) {
		buf_put_byte(out, (char)(0xE0 | c >> 12));
	} else {
		buf_put_byte(out, (char)(0xC0 | c >> 6));
	}
	if (c >= 0x800)
		buf_put_byte(out, (char)(0x80 | (c >> 6 & 0x3F)));
	buf_put_byte(out, (char)(0x80 | (c & 0x3F)));
}

struct form {
	const struct locale_pattern *pattern;
	str point, separator;
	uint32_t zero;
	uint8_t group_least;
};

/* Does a separator stand before the digit that so many follow? */
static bool is_group_end(const struct locale_pattern *p, int following)
{
	int above = following - p->group;
	return above == 0 || (above > 0 && above % p->group_above == 0);
}

static void put_digits(struct buf *out, const struct form *form, const struct numeral *n,
		       int least)
{
	const struct locale_pattern *p = form->pattern;
	int whole = n->point > 0 ? n->point : 0, first = 0;
	bool grouped = p->group > 0 && whole >= p->group + form->group_least;
	for (int i = 0; i < whole; i++) {
		if (grouped && i > first && is_group_end(p, whole - i))
			buf_put(out, form->separator);
		put_digit(out, form->zero, digit_at(n, i));
	}
	if (whole == 0)
		put_digit(out, form->zero, 0);
	int decimals = decimals_of(n);
	decimals = decimals < least ? least : decimals;
	if (decimals > 0)
		buf_put(out, form->point);
	for (int i = 0; i < decimals; i++)
		put_digit(out, form->zero, digit_at(n, n->point + i));
}

/* -0 is nothing that people write. */
static bool round_to(struct numeral *n, const struct locale_pattern *p, int decimals,
		     int *ret_least)
{
	*ret_least = decimals < 0 ? p->least : decimals;
	numeral_round(n, decimals < 0 ? p->most : decimals);
	return n->negative && !is_zero(n);
}

void locale_put_number(struct buf *out, const struct locale *locale, struct numeral n,
		       int decimals)
{
	const struct form form = {&locale->number, locale->point, locale->separator,
				  locale->zero, locale->group_least};
	int least;
	bool negative = round_to(&n, form.pattern, decimals, &least);
	buf_put(out, negative ? form.pattern->before_negative : form.pattern->before);
	put_digits(out, &form, &n, least);
	buf_put(out, negative ? form.pattern->after_negative : form.pattern->after);
}

static const struct locale_currency *own_currency(const struct locale *locale, const char *code)
{
	size_t low = 0, high = locale->currency_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = memcmp(code, locale->currencies[middle].code, CURRENCY_CODE_SIZE);
		if (order == 0)
			return &locale->currencies[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* A currency without a symbol of its own is shown by its code. */
static struct locale_currency currency_in(const struct locale *locale, str code,
					  const struct currency *known)
{
	const struct locale_currency *found = NULL;
	for (; known && locale && !found; locale = locale->parent)
		found = own_currency(locale, known->code);
	if (found)
		return *found;
	return (struct locale_currency){.letter_first = true,
					.letter_last = true,
					.symbol = known ? str_of(known->code) : code};
}

/* Text around the digits, with the symbol for its sign, and the space that belongs between
 * letters and digits. */
static void put_affix(struct buf *out, str affix, const struct locale_currency *currency,
		      bool before)
{
	str sign = STR(CURRENCY_SIGN);
	size_t at = str_find(affix, sign);
	if (at == STR_NONE) {
		buf_put(out, affix);
		return;
	}
	str behind = str_from(affix, at + sign.size);
	if (!before && at == 0 && currency->letter_first)
		buf_put_cstr(out, NO_BREAK_SPACE);
	buf_put(out, str_sub(affix, 0, at));
	buf_put(out, currency->symbol);
	buf_put(out, behind);
	if (before && behind.size == 0 && currency->letter_last)
		buf_put_cstr(out, NO_BREAK_SPACE);
}

void locale_put_money(struct buf *out, const struct locales *locales,
		      const struct locale *locale, struct numeral n, str code, int decimals)
{
	const struct currency *known = currency_find(locales, code);
	struct locale_currency currency = currency_in(locale, code, known);
	const struct locale_money *money = currency.own ? currency.own : &locale->money;
	const struct locale_pattern *p = &money->pattern;
	const struct form form = {p, money->point, money->separator, locale->zero,
				  locale->group_least};
	int least;
	if (decimals < 0)
		decimals = known ? known->decimals : MONEY_DECIMALS_USUAL;
	bool negative = round_to(&n, p, decimals, &least);
	put_affix(out, negative ? p->before_negative : p->before, &currency, true);
	put_digits(out, &form, &n, least);
	put_affix(out, negative ? p->after_negative : p->after, &currency, false);
}
