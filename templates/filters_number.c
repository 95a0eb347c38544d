/* filters_number.c - counting, and default. */
#include "templates/filters.h"

#include <math.h>

#include "templates/value_number.h"
#include "templates/value_text.h"

static int check(struct liquid_frame *f, enum number_result result)
{
	return result == NUMBER_FINE ? 0 : frame_fail(f, "%s", number_result_text(result));
}

static int number_of(struct liquid_frame *f, const struct filter_input *input,
		     struct value *ret_number)
{
	return check(f, value_to_number(input->value, ret_number));
}

static int numbers_of(struct liquid_frame *f, const struct filter_input *input,
		      struct value *ret_number, struct value *ret_argument)
{
	if (number_of(f, input, ret_number))
		return -1;
	return check(f, value_to_number(input->arguments[0], ret_argument));
}

static int calculate(struct liquid_frame *f, const struct filter_input *input,
		     number_operation *operation, struct value *ret)
{
	struct value a, b;
	return numbers_of(f, input, &a, &b) ? -1 : check(f, operation(a, b, ret));
}

int filter_abs(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	struct value number;
	if (number_of(f, input, &number))
		return -1;
	if (number.kind == VALUE_INT && number.integer < 0)
		return check(f, number_subtract(value_int(0), number, ret));
	*ret = number.kind == VALUE_INT ? number : value_float(fabs(number.number));
	return 0;
}

int filter_at_least(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	struct value number, least;
	if (numbers_of(f, input, &number, &least))
		return -1;
	*ret = number_compare(number, least) < 0 ? least : number;
	return 0;
}

int filter_at_most(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	struct value number, most;
	if (numbers_of(f, input, &number, &most))
		return -1;
	*ret = number_compare(number, most) == 1 ? most : number;
	return 0;
}

static int to_whole(struct liquid_frame *f, const struct filter_input *input,
		    double (*whole)(double), struct value *ret)
{
	if (number_of(f, input, ret))
		return -1;
	if (ret->kind == VALUE_INT)
		return 0;
	if (fabs(ret->number) >= 0x1p53) /* whole already */
		return check(f, number_round(*ret, 0, ret));
	return check(f, number_from_double(whole(ret->number), ret));
}

int filter_ceil(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	return to_whole(f, input, ceil, ret);
}

int filter_floor(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	return to_whole(f, input, floor, ret);
}

/* No double has more than 40 digits on a side of the point that matter here. */
int filter_round(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	struct value number;
	int64_t digits = 0;
	if (number_of(f, input, &number))
		return -1;
	if (input->count)
		digits = value_to_integer_loosely(input->arguments[0]);
	if (digits < INT32_MIN || digits > INT32_MAX)
		return frame_fail(f, "round cannot keep so many digits");
	digits = digits < -40 ? -40 : digits > 40 ? 40 : digits;
	return check(f, number_round(number, digits, ret));
}

int filter_plus(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	return calculate(f, input, number_add, ret);
}

int filter_minus(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	return calculate(f, input, number_subtract, ret);
}

int filter_times(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	return calculate(f, input, number_multiply, ret);
}

int filter_divided_by(struct liquid_frame *f, const struct filter_input *input,
		      struct value *ret)
{
	return calculate(f, input, number_divide, ret);
}

int filter_modulo(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	return calculate(f, input, number_modulo, ret);
}

int filter_default(struct liquid_frame *, const struct filter_input *input, struct value *ret)
{
	const struct value *allow_false = filter_named(input, "allow_false");
	bool missing = allow_false && value_truthy(allow_false) ? input->value.kind == VALUE_NIL
								: !value_truthy(&input->value);
	if (!missing && !value_is_empty(&input->value))
		*ret = input->value;
	else
		*ret = input->count ? input->arguments[0] : value_string(STR(""));
	return 0;
}
