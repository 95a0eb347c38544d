/* unicode_case.c - see unicode_case.h. */
#include "templates/unicode_case.h"

enum { CAPITAL_I_DOT = 0x130, DOT_ABOVE = 0x307 };

static uint32_t by_rows(const struct case_row *row, uint32_t c)
{
	for (; row->last && row->first <= c; row++)
		if (c <= row->last && (c - row->first) % (uint32_t)row->step == 0)
			return (uint32_t)((int32_t)c + row->distance);
	return c;
}

static const uint32_t *by_specials(const struct case_special *special, uint32_t c)
{
	for (; special->letter && special->letter <= c; special++)
		if (special->letter == c)
			return special->becomes;
	return NULL;
}

/* RFC 3629 3; character is one whole sequence of two to four bytes. */
static uint32_t decode(str character)
{
	uint32_t c = (unsigned char)character.data[0] & (0xffu >> (character.size + 1));
	for (size_t i = 1; i < character.size; i++)
		c = c << 6 | ((unsigned char)character.data[i] & 0x3f);
	return c;
}

static void encode(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_put_byte(out, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_put_byte(out, (char)(0xc0 | c >> 6));
	} else if (c < 0x10000) {
		buf_put_byte(out, (char)(0xe0 | c >> 12));
		buf_put_byte(out, (char)(0x80 | (c >> 6 & 0x3f)));
	} else {
		buf_put_byte(out, (char)(0xf0 | c >> 18));
		buf_put_byte(out, (char)(0x80 | (c >> 12 & 0x3f)));
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

static void put_lower(struct buf *out, uint32_t c)
{
	encode(out, c == CAPITAL_I_DOT ? 'i' : by_rows(unicode_lower_rows, c));
	if (c == CAPITAL_I_DOT)
		encode(out, DOT_ABOVE);
}

/* Georgian has an upper case for whole texts, but no title case. */
static bool is_georgian(uint32_t c)
{
	return (c >= 0x10d0 && c <= 0x10ff) || (c >= 0x1c90 && c <= 0x1cbf);
}

static void put_upper(struct buf *out, uint32_t c, bool title)
{
	const uint32_t *several = title ? by_specials(unicode_title_specials, c) : NULL;
	if (!several)
		several = by_specials(unicode_upper_specials, c);
	for (int i = 0; several && i < 3 && several[i]; i++)
		encode(out, several[i]);
	if (!several)
		encode(out, by_rows(unicode_upper_rows, c));
}

void unicode_put_case(struct buf *out, str character, enum unicode_case wanted)
{
	if (character.size == 1) {
		put_ascii(out, character.data[0], wanted);
		return;
	}
	uint32_t c = decode(character);
	if (wanted == UNICODE_LOWER || (wanted == UNICODE_TITLE && is_georgian(c)))
		put_lower(out, c);
	else
		put_upper(out, c, wanted == UNICODE_TITLE);
}
