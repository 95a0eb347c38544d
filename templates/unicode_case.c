/* unicode_case.c - see unicode_case.h. Ranges after the Unicode character database, simple
 * mappings; alphabets whose cases alternate (U+0100 upper, U+0101 lower) are one row. */
#include "templates/unicode_case.h"

struct row {
	uint32_t first, last; /* of the upper case letters */
	uint32_t to_lower;    /* distance; 1: they alternate with their lower case ones */
};

static const struct row rows[] = {
	{0x41, 0x5a, 32},   {0xc0, 0xd6, 32},   {0xd8, 0xde, 32},    {0x100, 0x12f, 1},
	{0x132, 0x137, 1},  {0x139, 0x148, 1},  {0x14a, 0x177, 1},   {0x179, 0x17e, 1},
	{0x1cd, 0x1dc, 1},  {0x1de, 0x1ef, 1},  {0x1f8, 0x21f, 1},   {0x222, 0x233, 1},
	{0x388, 0x38a, 37}, {0x391, 0x3a1, 32}, {0x3a3, 0x3ab, 32},  {0x400, 0x40f, 80},
	{0x410, 0x42f, 32}, {0x460, 0x481, 1},  {0x48a, 0x4bf, 1},   {0x4c1, 0x4ce, 1},
	{0x4d0, 0x52f, 1},  {0x531, 0x556, 48}, {0x1e00, 0x1e95, 1}, {0x1ea0, 0x1eff, 1},
};

/* Pairs that follow no row: upper, lower. */
static const uint32_t pairs[][2] = {
	{0x178, 0xff},  {0x386, 0x3ac}, {0x38c, 0x3cc}, {0x38e, 0x3cd},
	{0x38f, 0x3ce}, {0x4c0, 0x4cf}, {0x1e9e, 0xdf}, {0x18f, 0x259},
};

enum { SMALL_SHARP_S = 0xdf, FINAL_SIGMA = 0x3c2, CAPITAL_SIGMA = 0x3a3 };

static uint32_t to_lower(uint32_t c)
{
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (pairs[i][0] == c)
			return pairs[i][1];
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *row = &rows[i];
		if (c < row->first || c > row->last)
			continue;
		return row->to_lower > 1 ? c + row->to_lower : c + ((c - row->first) % 2 == 0);
	}
	return c;
}

static uint32_t to_upper(uint32_t c)
{
	if (c == FINAL_SIGMA)
		return CAPITAL_SIGMA;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (pairs[i][1] == c)
			return pairs[i][0];
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *row = &rows[i];
		if (row->to_lower > 1) {
			uint32_t upper = c - row->to_lower;
			if (upper >= row->first && upper <= row->last && c > upper)
				return upper;
		} else if (c >= row->first && c <= row->last) {
			return c - ((c - row->first) % 2);
		}
	}
	return c;
}

/* RFC 3629 3; character is one whole sequence of two to four bytes. */
static uint32_t decode(str character)
{
	uint32_t c = (unsigned char)character.data[0] & (0xffu >> (character.size + 1));
	for (size_t i = 1; i < character.size; i++)
		c = c << 6 | ((unsigned char)character.data[i] & 0x3f);
	return c;
}

/* All letters with case that we know are below U+10000. */
static void encode(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_put_byte(out, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_put_byte(out, (char)(0xc0 | c >> 6));
	} else {
		buf_put_byte(out, (char)(0xe0 | c >> 12));
		buf_put_byte(out, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_put_byte(out, (char)(0x80 | (c & 0x3f)));
}

static void put_ascii(struct buf *out, char c, enum unicode_case wanted)
{
	bool lower = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z';
	bool flip = wanted == UNICODE_LOWER ? upper : lower;
	buf_put_byte(out, flip ? (char)(c ^ 0x20) : c);
}

void unicode_put_case(struct buf *out, str character, enum unicode_case wanted)
{
	if (character.size == 1) {
		put_ascii(out, character.data[0], wanted);
		return;
	}
	uint32_t c = decode(character);
	uint32_t changed = wanted == UNICODE_LOWER ? to_lower(c) : to_upper(c);
	if (c == SMALL_SHARP_S && wanted != UNICODE_LOWER)
		buf_put_cstr(out, wanted == UNICODE_UPPER ? "SS" : "Ss");
	else if (changed == c)
		buf_put(out, character);
	else
		encode(out, changed);
}
