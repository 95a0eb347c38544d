/* value_number.h - private to the room: numbers as Liquid's reference counts with them.
 * Integers are 64 bit and become floats on overflow. Floats are added and multiplied as the
 * decimals people see (10.1 + 2.2 is 12.3), and shown with the fewest digits that mean them. */
#pragma once

#include "templates/value.h"

enum { NUMBER_TEXT_SIZE = 40 };

/* INT or FLOAT: a number itself, the number a text begins with, else 0. */
struct value value_to_number(struct value);
/* Cuts: "12 apples" is 12, 2.9 is 2, nil is 0. */
int64_t value_to_integer_loosely(struct value);
/* An integer or text that is one as a whole; false for all else, 2.5 included. */
[[nodiscard]] bool value_to_integer(struct value, int64_t *ret_integer);

size_t number_text(struct value number, char out[static NUMBER_TEXT_SIZE]);

struct value number_add(struct value, struct value);
struct value number_subtract(struct value, struct value);
struct value number_multiply(struct value, struct value);
/* Rounding down, as modulo has the sign of the divisor. False: division by zero. */
[[nodiscard]] bool number_divide(struct value, struct value, struct value *ret_value);
[[nodiscard]] bool number_modulo(struct value, struct value, struct value *ret_value);
int number_compare(struct value, struct value); /* < 0, 0, > 0; 2: not comparable (NaN) */
/* To digits after the point, half away from zero; an INT when digits < 1. */
struct value number_round(struct value, int64_t digits);
struct value number_from_double(double); /* the INT nearest below when it fits */
