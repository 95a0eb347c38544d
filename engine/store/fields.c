/* fields.c - see fields.h. A scanner, not a parser: jsonb prints only what is well-formed, so
 * strings and brackets are enough to find where a member ends (RFC 8259):
 *
 *   object = "{" [ member *( "," member ) ] "}"    member = string ":" value
 *
 * What is malformed all the same ends the scan at the object's end, never beyond. */
#include "engine/store/fields.h"

bool fields_name_is_plain(str name)
{
	for (size_t i = 0; i < name.size; i++)
		if (name.data[i] == '"' || name.data[i] == '\\' ||
		    (unsigned char)name.data[i] < 0x20)
			return false;
	return true;
}

/* Behind the quote that ends the string whose first quote is at `at`. */
static size_t string_end(str s, size_t at)
{
	for (at++; at < s.size; at++) {
		if (s.data[at] == '\\')
			at++;
		else if (s.data[at] == '"')
			return at + 1;
	}
	return s.size;
}

/* At the comma or bracket behind a value. */
static size_t value_end(str s, size_t at)
{
	size_t depth = 0;
	while (at < s.size) {
		switch (s.data[at]) {
		case '"':
			at = string_end(s, at);
			continue;
		case '{':
		case '[':
			depth++;
			break;
		case ',':
			if (depth == 0)
				return at;
			break;
		case '}':
		case ']':
			if (depth == 0)
				return at;
			depth--;
			break;
		}
		at++;
	}
	return at;
}

static size_t skip(str s, size_t at, char wanted)
{
	while (at < s.size && (s.data[at] == ' ' || s.data[at] == wanted))
		at++;
	return at;
}

void fields_find(str object, const str *names, size_t count, str *ret_values)
{
	size_t at = 1;
	for (size_t i = 0; i < count; i++)
		ret_values[i] = (str){NULL, 0};
	if (object.size == 0 || object.data[0] != '{')
		return;
	while (at < object.size && object.data[at] == '"') {
		size_t name_end = string_end(object, at);
		str name = str_sub(object, at + 1, name_end - at - 2);
		at = skip(object, name_end, ':');
		size_t end = value_end(object, at);
		for (size_t i = 0; i < count; i++)
			if (str_eq(names[i], name))
				ret_values[i] = str_sub(object, at, end - at);
		at = skip(object, end, ',');
	}
}
