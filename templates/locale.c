/* locale.c - finding locales and currencies, and reading patterns; see locale.h. */
#include "templates/locale.h"

#include "templates/liquid_tree.h"

enum { HINTS_LIMIT = 1024 }; /* names a suggestion is looked for among; there are 900 */

static unsigned char plain(char c)
{
	if (c == '_')
		return '-';
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

int locale_name_compare(str a, str b)
{
	size_t size = a.size < b.size ? a.size : b.size;
	for (size_t i = 0; i < size; i++)
		if (plain(a.data[i]) != plain(b.data[i]))
			return plain(a.data[i]) < plain(b.data[i]) ? -1 : 1;
	return (a.size > b.size) - (a.size < b.size);
}

static const struct locale *find(const struct locales *locales, str name)
{
	size_t low = 0, high = locales->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = locale_name_compare(name, locales->names[middle].name);
		if (order == 0)
			return locales->names[middle].locale;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

str locale_name_above(str name)
{
	while (name.size > 0 && plain(name.data[name.size - 1]) != '-')
		name.size--;
	return str_sub(name, 0, name.size ? name.size - 1 : 0);
}

const struct locale *locales_find(const struct locales *locales, str name)
{
	const struct locale *found = NULL;
	size_t encoding = str_find_byte(name, '.'); /* "de_AT.UTF-8" */
	if (name.size > LOCALE_NAME_LIMIT)
		return NULL;
	for (name = str_sub(name, 0, encoding); name.size > 0 && !found;
	     name = locale_name_above(name))
		found = find(locales, name);
	return found;
}

/* By three letters, upper case. */
static int code_compare(str code, const char *known)
{
	for (size_t i = 0; i < CURRENCY_CODE_SIZE; i++) {
		char c = code.data[i];
		c = c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
		if (c != known[i])
			return (unsigned char)c < (unsigned char)known[i] ? -1 : 1;
	}
	return 0;
}

const struct currency *currency_find(const struct locales *locales, str code)
{
	size_t low = 0, high = code.size == CURRENCY_CODE_SIZE ? locales->currency_count : 0;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = code_compare(code, locales->currencies[middle].code);
		if (order == 0)
			return &locales->currencies[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

void locales_suggest(const struct locales *locales, str name, char *out, size_t out_size)
{
	const char *names[HINTS_LIMIT + 1] = {};
	for (size_t i = 0; i < locales->count && i < HINTS_LIMIT; i++)
		names[i] = locales->names[i].name.data;
	liquid_suggest(out, out_size, name, names);
}

void currency_suggest(const struct locales *locales, str code, char *out, size_t out_size)
{
	const char *names[HINTS_LIMIT + 1] = {};
	for (size_t i = 0; i < locales->currency_count && i < HINTS_LIMIT; i++)
		names[i] = locales->currencies[i].code;
	liquid_suggest(out, out_size, code, names);
}

/* Text around the digits up to the first of those, or to the end of the part:
 * "'" quotes, "-" is the minus sign. What is left begins with the digits or with ";". */
static str take_affix(struct buf *out, str pattern, str minus)
{
	bool quoted = false;
	size_t i = 0;
	for (; i < pattern.size; i++) {
		char c = pattern.data[i];
		if (c == '\'') {
			bool doubled = i + 1 < pattern.size && pattern.data[i + 1] == '\'';
			if (doubled)
				buf_put_byte(out, pattern.data[i++]);
			else
				quoted = !quoted;
		} else if (!quoted && memchr("#0,.;", c, 5)) {
			break;
		} else if (!quoted && c == '-') {
			buf_put(out, minus);
		} else {
			buf_put_byte(out, c);
		}
	}
	return str_from(pattern, i);
}

/* digits = *("#" / "0" / ",") ["." *("0" / "#")] */
static str take_digits(str pattern, struct locale_pattern *p)
{
	size_t i = 0, since = 0, groups = 0, above = 0;
	for (; i < pattern.size && memchr("#0,", pattern.data[i], 3); i++) {
		since++;
		if (pattern.data[i] != ',')
			continue;
		above = groups ? since - 1 : 0;
		groups++;
		since = 0;
	}
	if (groups && since < 100 && above < 100) {
		p->group = (uint8_t)since;
		p->group_above = (uint8_t)(above ? above : since);
	}
	unsigned least = 0, most = 0;
	if (i < pattern.size && pattern.data[i] == '.')
		for (i++; i < pattern.size && memchr("#0", pattern.data[i], 2); i++) {
			least += pattern.data[i] == '0';
			most++;
		}
	p->least = (uint8_t)(least < DECIMALS_LIMIT ? least : DECIMALS_LIMIT);
	p->most = (uint8_t)(most < DECIMALS_LIMIT ? most : DECIMALS_LIMIT);
	return str_from(pattern, i);
}

bool locale_pattern_read(struct arena *arena, str pattern, str minus,
			 struct locale_pattern *ret_pattern)
{
	struct locale_pattern p = {}, ignored;
	char memory[512];
	struct buf texts;
	size_t ends[4];
	buf_init_fixed(&texts, memory, sizeof memory);
	str rest = take_digits(take_affix(&texts, pattern, minus), &p);
	ends[0] = texts.size;
	rest = take_affix(&texts, rest, minus);
	ends[1] = texts.size;
	if (rest.size && rest.data[0] == ';') {
		rest = take_digits(take_affix(&texts, str_from(rest, 1), minus), &ignored);
		ends[2] = texts.size;
		rest = take_affix(&texts, rest, minus);
	} else {
		buf_put(&texts, minus);
		buf_put(&texts, str_sub(buf_str(&texts), 0, ends[0]));
		ends[2] = texts.size;
		buf_put(&texts, str_sub(buf_str(&texts), ends[0], ends[1] - ends[0]));
	}
	str copy = arena_copy(arena, buf_str(&texts));
	if (!buf_ok(&texts) || !copy.data || rest.size > 0)
		return false;
	p.before = str_sub(copy, 0, ends[0]);
	p.after = str_sub(copy, ends[0], ends[1] - ends[0]);
	p.before_negative = str_sub(copy, ends[1], ends[2] - ends[1]);
	p.after_negative = str_from(copy, ends[2]);
	*ret_pattern = p;
	return true;
}
