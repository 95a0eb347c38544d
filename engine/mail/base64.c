/* base64.c - four characters to three bytes, and nothing let through. */
#include "engine/mail/base64.h"

static int digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct group {
	uint32_t bits;
	unsigned count, padding; /* of its four characters */
};

/* Only the last group has padding, and no bits that it does not show. */
static bool put_group(struct buf *out, const struct group *g)
{
	const char bytes[3] = {(char)(g->bits >> 16), (char)(g->bits >> 8), (char)g->bits};
	if (g->padding > 2 || (g->bits & ((1u << 8 * g->padding) - 1)) != 0)
		return false;
	buf_put(out, str_make(bytes, 3 - g->padding));
	return true;
}

bool base64_decode(struct buf *out, str text)
{
	struct group g = {};
	bool ended = false;
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		int digit = digit_of(c);
		if (is_space(c))
			continue;
		if (ended || (c != '=' && (digit < 0 || g.padding > 0)))
			return false;
		g.bits = g.bits << 6 | (c == '=' ? 0 : (uint32_t)digit);
		g.padding += c == '=';
		if (++g.count < 4)
			continue;
		if (!put_group(out, &g))
			return false;
		ended = g.padding > 0;
		g = (struct group){};
	}
	return g.count == 0;
}
