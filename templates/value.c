/* value.c - see value.h. */
#include "templates/value.h"

#include "templates/value_number.h"

const struct value *value_get(const struct value *hash, str name)
{
	if (hash->kind != VALUE_HASH)
		return NULL;
	for (size_t i = 0; i < hash->hash.count; i++)
		if (str_eq(hash->hash.pairs[i].name, name))
			return &hash->hash.pairs[i].value;
	return NULL;
}

static bool has_escapes(str text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] == '\\' || text.data[i] == '"' ||
		    (unsigned char)text.data[i] < 0x20)
			return true;
	return false;
}

/* RFC 8259 6: number = [ minus ] int [ frac ] [ exp ]; those without exp are read here. */
static bool is_number(str text)
{
	size_t at = text.size && text.data[0] == '-', start = at, points = 0;
	for (; at < text.size; at++) {
		if (text.data[at] == '.' && at > start && ++points == 1 && at + 1 < text.size)
			continue;
		if (text.data[at] < '0' || text.data[at] > '9')
			return false;
	}
	bool leading_zero =
		text.size > start + 1 && text.data[start] == '0' && text.data[start + 1] != '.';
	return at > start && !leading_zero;
}

bool value_from_json_scalar(str text, struct value *ret_value)
{
	int64_t integer;
	text = str_trim(text);
	if (text.size >= 2 && text.data[0] == '"' && text.data[text.size - 1] == '"' &&
	    !has_escapes(str_sub(text, 1, text.size - 2)))
		*ret_value = value_string(str_sub(text, 1, text.size - 2));
	else if (str_eq(text, STR("null")))
		*ret_value = (struct value){.kind = VALUE_NIL};
	else if (str_eq(text, STR("true")) || str_eq(text, STR("false")))
		*ret_value = value_bool(text.data[0] == 't');
	else if (str_to_i64(text, &integer) && is_number(text))
		*ret_value = value_int(integer);
	else if (!is_number(text))
		return false;
	else if (value_to_number(value_string(text), ret_value) != NUMBER_FINE)
		*ret_value =
			value_string(text); /* shown as it is; who counts with it is told */
	return true;
}
