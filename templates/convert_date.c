/* convert_date.c - how other languages write the form of a date, as strftime writes it: letters
 * of PHP's date(), and Go's layouts, in which each part of the one moment
 * Mon Jan 2 15:04:05 -0700 MST 2006 stands for its kind. */
#include "templates/convert_part.h"

static const struct {
	char letter;
	const char *strftime; /* NULL: has no equivalent */
} php[] = {
	{'d', "%d"},
	{'j', "%-d"},
	{'D', "%a"},
	{'l', "%A"},
	{'N', "%u"},
	{'w', "%w"},
	{'S', NULL},
	{'z', NULL},
	{'t', NULL},
	{'L', NULL},
	{'B', NULL},
	{'u', NULL},
	{'v', NULL},
	{'I', NULL},
	{'W', "%V"},
	{'F', "%B"},
	{'m', "%m"},
	{'M', "%b"},
	{'n', "%-m"},
	{'o', "%G"},
	{'Y', "%Y"},
	{'y', "%y"},
	{'a', "%P"},
	{'A', "%p"},
	{'g', "%-I"},
	{'G', "%-H"},
	{'h', "%I"},
	{'H', "%H"},
	{'i', "%M"},
	{'s', "%S"},
	{'e', "%Z"},
	{'T', "%Z"},
	{'P', "%:z"},
	{'O', "%z"},
	{'U', "%s"},
	{'c', "%Y-%m-%dT%H:%M:%S%:z"},
	{'r', "%a, %d %b %Y %H:%M:%S %z"},
};

/* Longer ones first where one begins another. */
static const struct {
	const char *go, *strftime;
} layouts[] = {
	{"2006", "%Y"}, {"January", "%B"}, {"Jan", "%b"},     {"Monday", "%A"}, {"Mon", "%a"},
	{"MST", "%Z"},  {"-07:00", "%:z"}, {"Z07:00", "%:z"}, {"-0700", "%z"},  {"002", "%j"},
	{"01", "%m"},   {"02", "%d"},      {"03", "%I"},      {"04", "%M"},     {"05", "%S"},
	{"06", "%y"},   {"15", "%H"},      {"_2", "%e"},      {"PM", "%p"},     {"pm", "%P"},
	{"1", "%-m"},   {"2", "%-d"},      {"3", "%-I"},      {"4", "%-M"},     {"5", "%-S"},
};

static void put_literal(struct buf *out, char byte)
{
	if (byte == '%')
		buf_put_byte(out, '%');
	buf_put_byte(out, byte);
}

/* False: it has no equivalent. */
static bool put_letter(struct buf *out, char letter)
{
	for (size_t i = 0; i < sizeof(php) / sizeof(*php); i++) {
		if (php[i].letter != letter)
			continue;
		if (php[i].strftime)
			buf_put_cstr(out, php[i].strftime);
		return php[i].strftime != NULL;
	}
	put_literal(out, letter);
	return true;
}

bool convert_date_php(struct convert *c, str format, str *ret_strftime)
{
	bool whole = true;
	struct buf out;
	buf_init_arena(&out, c->arena, 4 * format.size + 16);
	for (size_t i = 0; i < format.size; i++) {
		if (format.data[i] == '\\' && i + 1 < format.size)
			put_literal(&out, format.data[++i]);
		else
			whole &= put_letter(&out, format.data[i]);
	}
	*ret_strftime = buf_str(&out);
	return whole;
}

bool convert_date_go(struct convert *c, str layout, str *ret_strftime)
{
	struct buf out;
	buf_init_arena(&out, c->arena, 4 * layout.size + 16);
	while (layout.size > 0) {
		size_t taken = 0;
		for (size_t i = 0; i < sizeof(layouts) / sizeof(*layouts) && taken == 0; i++)
			if (str_starts(layout, str_of(layouts[i].go))) {
				buf_put_cstr(&out, layouts[i].strftime);
				taken = strlen(layouts[i].go);
			}
		if (taken == 0)
			put_literal(&out, layout.data[0]);
		layout = str_from(layout, taken + (taken == 0));
	}
	*ret_strftime = buf_str(&out);
	return true;
}
