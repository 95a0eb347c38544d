/* value_number.h - private to the room: numbers as Liquid's reference counts with them.
 * Integers are 64 bit, and what leaves those is an error. Floats are added and multiplied as the
 * decimals people see (10.1 + 2.2 is 12.3), and shown with the fewest digits that mean them. */
#pragma once

#include "templates/value.h"

enum { NUMBER_TEXT_SIZE = 40 };

/* How counting ended; *ret_value is untouched unless it is NUMBER_FINE. */
enum number_result {
	NUMBER_FINE,
	NUMBER_BY_ZERO,
	NUMBER_HUGE,    /* a whole number beyond 64 bits */
	NUMBER_ENDLESS, /* no whole number is infinite */
};
const char *number_result_text(enum number_result); /* for people */

/* INT or FLOAT: a number itself, the number a text begins with, else 0. */
[[nodiscard]] enum number_result value_to_number(struct value, struct value *ret_value);
/* Cuts: "12 apples" is 12, 2.9 is 2, nil is 0. */
int64_t value_to_integer_loosely(struct value);
/* An integer or text that is one as a whole; false for all else, 2.5 included. */
[[nodiscard]] bool value_to_integer(struct value, int64_t *ret_integer);

size_t number_text(struct value number, char out[static NUMBER_TEXT_SIZE]);

typedef enum number_result number_operation(struct value, struct value,
					    struct value *ret_value);
number_operation number_add, number_subtract, number_multiply;
/* Whole numbers are rounded down; a float divided by zero is infinite. */
number_operation number_divide;
number_operation number_modulo; /* with the sign of the divisor */
int number_compare(struct value, struct value); /* < 0, 0, > 0; 2: not comparable (NaN) */
/* To digits after the point, half away from zero; an INT when digits < 1. */
[[nodiscard]] enum number_result number_round(struct value, int64_t digits,
					      struct value *ret_value);
/* The INT nearest below. */
[[nodiscard]] enum number_result number_from_double(double, struct value *ret_value);
