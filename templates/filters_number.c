/* filters_number.c - counting, and default. */
#include "templates/filters.h"

#include <math.h>

#include "templates/value_number.h"
#include "templates/value_text.h"

static struct value number_of(const struct filter_input *input)
{
	return value_to_number(input->value);
}

static struct value argument_of(const struct filter_input *input)
{
	return value_to_number(input->arguments[0]);
}

int filter_abs(struct liquid_frame *, const struct filter_input *input, struct value *ret)
{
	struct value number = number_of(input);
	*ret = number_compare(number, value_int(0)) < 0 ? number_subtract(value_int(0), number)
							: number;
	return 0;
}

int filter_at_least(struct liquid_frame *, const struct filter_input *input, struct value *ret)
{
	struct value number = number_of(input), least = argument_of(input);
	*ret = number_compare(number, least) < 0 ? least : number;
	return 0;
}

int filter_at_most(struct liquid_frame *, const struct filter_input *input, struct value *ret)
{
	struct value number = number_of(input), most = argument_of(input);
	*ret = number_compare(number, most) == 1 ? most : number;
	return 0;
}

int filter_ceil(struct liquid_frame *, const struct filter_input *input, struct value *ret)
{
	struct value number = number_of(input);
	*ret = number.kind == VALUE_INT ? number : number_from_double(ceil(number.number));
	return 0;
}

int filter_floor(struct liquid_frame *, const struct filter_input *input, struct value *ret)
{
	struct value number = number_of(input);
	*ret = number.kind == VALUE_INT ? number : number_from_double(floor(number.number));
	return 0;
}

int filter_round(struct liquid_frame *, const struct filter_input *input, struct value *ret)
{
	int64_t digits = input->count ? value_to_integer_loosely(argument_of(input)) : 0;
	*ret = number_round(number_of(input), digits < -40 ? -40 : digits > 40 ? 40 : digits);
	return 0;
}

int filter_plus(struct liquid_frame *, const struct filter_input *input, struct value *ret)
{
	*ret = number_add(number_of(input), argument_of(input));
	return 0;
}

int filter_minus(struct liquid_frame *, const struct filter_input *input, struct value *ret)
{
	*ret = number_subtract(number_of(input), argument_of(input));
	return 0;
}

int filter_times(struct liquid_frame *, const struct filter_input *input, struct value *ret)
{
	*ret = number_multiply(number_of(input), argument_of(input));
	return 0;
}

int filter_divided_by(struct liquid_frame *f, const struct filter_input *input,
		      struct value *ret)
{
	return number_divide(number_of(input), argument_of(input), ret)
		       ? 0
		       : frame_fail(f, "divided by 0");
}

int filter_modulo(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	return number_modulo(number_of(input), argument_of(input), ret)
		       ? 0
		       : frame_fail(f, "divided by 0");
}

int filter_default(struct liquid_frame *, const struct filter_input *input, struct value *ret)
{
	const struct value *allow_false = filter_named(input, "allow_false");
	bool missing = allow_false && value_truthy(allow_false)
			       ? input->value.kind == VALUE_NIL
			       : !value_truthy(&input->value);
	if (!missing && !value_is_empty(&input->value))
		*ret = input->value;
	else
		*ret = input->count ? input->arguments[0] : value_string(STR(""));
	return 0;
}
