/* locale.h - numbers and amounts of money as people write them, after CLDR.
 * A locale is a table that engine/data/locale_load fills from ICU, immutable afterwards. */
#pragma once

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "templates/value.h"

enum {
	CURRENCY_CODE_SIZE = 3,
	MONEY_DECIMALS_USUAL = 2,
	DECIMALS_LIMIT = 20,
	LOCALE_NAME_LIMIT = 64, /* a longer one is none; the longest there is has 16 bytes */
};

/* "#,##0.00 ¤", taken apart. Around the digits stands text as it is, but for the currency sign
 * (U+00A4), where the symbol goes. */
struct locale_pattern {
	str before, after, before_negative, after_negative;
	uint8_t group, group_above; /* digits: of the first group, of those above it; 0: none */
	uint8_t least, most;        /* decimals */
};

/* How a locale names a currency, where it differs from its parent. */
struct locale_currency {
	char code[CURRENCY_CODE_SIZE];
	bool letter_first, letter_last; /* a space goes between it and digits (CLDR's
					   currencySpacing) */
	str symbol;
	const struct locale_money *own; /* NULL: as all money in the locale */
};

struct locale_money {
	struct locale_pattern pattern;
	str point, separator;
};

struct plural_rules;

struct locale {
	str name; /* "de-AT" */
	const struct locale *parent;
	str point, separator; /* between whole and parts; between groups */
	uint32_t zero;        /* its digit 0; the others follow */
	uint8_t group_least;  /* digits before the first separator: 2 leaves 1234 as it is */
	struct locale_pattern number;
	struct locale_money money;
	const struct locale_currency *currencies; /* in the order of codes */
	size_t currency_count;
	const struct plural_rules *plural;
};

struct locales {
	const struct locale_name {
		str name;
		const struct locale *locale;
	} * names; /* in the order of locale_name_compare() */
	size_t count;
	const struct locale *root;
	const struct currency {
		char code[CURRENCY_CODE_SIZE + 1];
		uint8_t decimals;
	} * currencies; /* in the order of codes: those in use */
	size_t currency_count;
};

/* Letter case aside; "de_AT" is "de-AT". */
int locale_name_compare(str a, str b);
/* "de-AT", else "de"; NULL: nothing is known of this language. */
const struct locale *locales_find(const struct locales *, str name);
/* Without its last part, "de-AT" is "de"; empty: it has no more. */
str locale_name_above(str name);
/* NULL: no currency in use has this code (ISO 4217); letter case does not count. */
const struct currency *currency_find(const struct locales *, str code);
void locales_suggest(const struct locales *, str name, char *out, size_t out_size);
void currency_suggest(const struct locales *, str code, char *out, size_t out_size);

/* A pattern of CLDR, with the minus sign to be written for "-". Text is copied into the arena.
 * False: it is none, or memory is out. */
[[nodiscard]] bool locale_pattern_read(struct arena *, str pattern, str minus,
				       struct locale_pattern *ret_pattern);

/* A number in decimals, exactly as written. */
enum { NUMERAL_DIGITS_LIMIT = 64 };
struct numeral {
	bool negative;
	char digits[NUMERAL_DIGITS_LIMIT]; /* '0' to '9' */
	int count, point;                  /* point: how many stand before it; may be outside */
};
/* Integers, floats, and text that is a number as a whole: ["+" / "-"] digits [. digits]. False:
 * it is none, or has more digits than anybody reads. */
[[nodiscard]] bool numeral_read(const struct value *, struct numeral *ret_numeral);
/* The same as it is shown: 1.0 has a decimal, which plurals see. */
[[nodiscard]] bool numeral_read_shown(const struct value *, struct numeral *ret_numeral);

/* Rounds half to even, as CLDR does. decimals < 0: as the locale has it. */
void locale_put_number(struct buf *out, const struct locale *, struct numeral, int decimals);
/* code: of a currency in use or anything else, which then is shown as it is. decimals < 0: as
 * the currency has it. */
void locale_put_money(struct buf *out, const struct locales *, const struct locale *,
		      struct numeral, str code, int decimals);

/* Which word goes with a number: the categories of CLDR, by rules as CLDR writes them. */
enum plural { PLURAL_ZERO, PLURAL_ONE, PLURAL_TWO, PLURAL_FEW, PLURAL_MANY, PLURAL_OTHER };
enum { PLURAL_COUNT = PLURAL_OTHER + 1 };
const char *plural_name(enum plural);
bool plural_from_name(str name, enum plural *ret_plural);

/* texts: "n % 10 = 2..4 and n % 100 != 12..14", by category; data NULL: never. Examples after
 * "@" are passed over. NULL: it is no rule, or memory is out. */
[[nodiscard]] struct plural_rules *plural_rules_read(struct arena *,
						     const str texts[static PLURAL_COUNT]);
/* NULL rules: other. */
enum plural plural_of(const struct plural_rules *, const struct numeral *);
