/* links_map.c - what each byte of a template is: output, or Liquid. And the entities that
 * addresses are written with. */
#include "templates/links_target.h"

#include "templates/liquid_scanner.h"

static void mark(uint8_t *map, str source, const char *from, const char *to, enum links_byte as)
{
	memset(map + (from - source.data), (int)as, (size_t)(to - from));
}

static void map_tag(struct scanner *s, str source, str inner, uint8_t *map)
{
	str name, markup, text;
	const char *from = s->at;
	piece_split_tag(inner, &name, &markup);
	if (str_eq(name, STR("comment"))) {
		scanner_skip_comment(s);
		mark(map, source, from, s->at, BYTE_GONE);
	} else if (str_eq(name, STR("doc"))) {
		if (scanner_take_verbatim(s, "enddoc", "doc", &text))
			mark(map, source, from, s->at, BYTE_GONE);
	} else if (str_eq(name, STR("raw"))) {
		if (!scanner_take_verbatim(s, "endraw", NULL, &text))
			return;
		mark(map, source, from, s->at, BYTE_CODE);
		mark(map, source, text.data, text.data + text.size, BYTE_RAW);
	}
}

static bool begins_case(const struct piece *piece)
{
	str name, markup;
	piece_split_tag(piece->inner, &name, &markup);
	return piece->kind == PIECE_TAG && str_eq(name, STR("case"));
}

uint8_t *links_map(struct arena *arena, str source)
{
	uint8_t *map = (uint8_t *)arena_alloc(arena, source.size + 1);
	struct scanner s;
	struct piece piece;
	if (!map)
		return NULL;
	scanner_init(&s, source);
	const char *case_end =
		NULL; /* what stands between case and its first when is nothing */
	while ((piece = scanner_next(&s)).kind != PIECE_END) {
		if (piece.kind == PIECE_TEXT) {
			if (case_end)
				mark(map, source, case_end, s.at, BYTE_GONE);
			continue;
		}
		case_end = begins_case(&piece) ? s.at : NULL;
		mark(map, source, piece.at, s.at, BYTE_CODE);
		if (piece.kind == PIECE_TAG)
			map_tag(&s, source, piece.inner, map);
	}
	return map;
}

static void put_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_put_byte(out, (char)c);
	} else if (c < 0x800) {
		buf_put_byte(out, (char)(0xC0 | c >> 6));
		buf_put_byte(out, (char)(0x80 | (c & 0x3F)));
	} else if (c < 0x10000) {
		buf_put_byte(out, (char)(0xE0 | c >> 12));
		buf_put_byte(out, (char)(0x80 | (c >> 6 & 0x3F)));
		buf_put_byte(out, (char)(0x80 | (c & 0x3F)));
	} else {
		buf_put_byte(out, (char)(0xF0 | c >> 18));
		buf_put_byte(out, (char)(0x80 | (c >> 12 & 0x3F)));
		buf_put_byte(out, (char)(0x80 | (c >> 6 & 0x3F)));
		buf_put_byte(out, (char)(0x80 | (c & 0x3F)));
	}
}

static bool read_number(str digits, unsigned base, uint32_t *ret)
{
	uint32_t value = 0;
	if (digits.size == 0 || digits.size > 7)
		return false;
	for (size_t i = 0; i < digits.size; i++) {
		char c = digits.data[i], low = (char)(c | 0x20);
		unsigned digit = c >= '0' && c <= '9'       ? (unsigned)(c - '0')
				 : low >= 'a' && low <= 'f' ? (unsigned)(low - 'a') + 10
							    : 99;
		if (digit >= base)
			return false;
		value = value * base + digit;
	}
	*ret = value;
	return value >= ' ' && value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
}

static bool named(str name, uint32_t *ret)
{
	static const struct {
		const char *name;
		uint32_t c;
	} names[] = {{"amp", '&'},  {"lt", '<'},    {"gt", '>'},
		     {"quot", '"'}, {"apos", '\''}, {"nbsp", 0xA0}};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!str_eq(name, str_of(names[i].name)))
			continue;
		*ret = names[i].c;
		return true;
	}
	return false;
}

/* entity = "&" ( name / "#" digits / "#x" digits ) ";": its size, 0 when there is none. Others
 * stay as they are: in addresses "&copy=1" is a parameter. */
static size_t read_entity(str text, uint32_t *ret)
{
	size_t end = str_find_byte(str_sub(text, 0, 12), ';');
	if (end == STR_NONE)
		return 0;
	str inner = str_sub(text, 1, end - 1);
	bool good = str_starts_nocase(inner, STR("#x"))
			    ? read_number(str_from(inner, 2), 16, ret)
		    : str_starts(inner, STR("#")) ? read_number(str_from(inner, 1), 10, ret)
						  : named(inner, ret);
	return good ? end + 1 : 0;
}

void links_put_decoded(struct buf *out, str source, const uint8_t *map, struct links_span span)
{
	for (size_t i = span.at, end = span.at + span.size; i < end;) {
		uint32_t c;
		size_t size = links_is_text(map, i) && source.data[i] == '&'
				      ? read_entity(str_sub(source, i, end - i), &c)
				      : 0;
		char plain = source.data[i];
		bool nothing = links_is_text(map, i) &&
			       (plain == '\n' || plain == '\r' || plain == '\t');
		if (size > 0)
			put_utf8(out, c);
		else if (!nothing)
			buf_put_byte(out, plain);
		i += size > 0 ? size : 1;
	}
}
