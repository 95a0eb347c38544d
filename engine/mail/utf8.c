/* utf8.c - the grammar of RFC 3629 4, read off byte by byte; overlong forms, surrogates and
 * numbers past U+10FFFF are no characters.
 *
 *   UTF8-1 = %x00-7F
 *   UTF8-2 = %xC2-DF UTF8-tail
 *   UTF8-3 = %xE0 %xA0-BF UTF8-tail / %xE1-EC 2( UTF8-tail ) /
 *            %xED %x80-9F UTF8-tail / %xEE-EF 2( UTF8-tail )
 *   UTF8-4 = %xF0 %x90-BF 2( UTF8-tail ) / %xF1-F3 3( UTF8-tail ) /
 *            %xF4 %x80-8F 2( UTF8-tail )
 *   UTF8-tail = %x80-BF */
#include "engine/mail/utf8.h"

struct lead {
	size_t size;
	unsigned char second_low, second_high; /* the second byte tells overlong from valid */
};

static struct lead lead_of(unsigned char byte)
{
	if (byte < 0x80)
		return (struct lead){1, 0, 0};
	if (byte < 0xC2 || byte > 0xF4)
		return (struct lead){0, 0, 0};
	if (byte < 0xE0)
		return (struct lead){2, 0x80, 0xBF};
	if (byte < 0xF0)
		return (struct lead){3, byte == 0xE0 ? 0xA0 : 0x80, byte == 0xED ? 0x9F : 0xBF};
	return (struct lead){4, byte == 0xF0 ? 0x90 : 0x80, byte == 0xF4 ? 0x8F : 0xBF};
}

size_t utf8_char_size(str text)
{
	if (text.size == 0)
		return 0;
	const unsigned char *bytes = (const unsigned char *)text.data;
	struct lead lead = lead_of(bytes[0]);
	if (lead.size <= 1)
		return lead.size;
	if (text.size < lead.size || bytes[1] < lead.second_low || bytes[1] > lead.second_high)
		return 0;
	for (size_t i = 2; i < lead.size; i++)
		if ((bytes[i] & 0xC0) != 0x80)
			return 0;
	return lead.size;
}
