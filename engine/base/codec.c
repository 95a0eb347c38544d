/* codec.c - hex, base64url, base32, varint and delta coding.
 * The power-of-two bases share one pair of loops over groups of bits. Decoders accept only what
 * an encoder writes (no stray bits in the last digit, no impossible length): a token has one
 * spelling, apart from the case of base32 letters. */
#include "engine/base/codec.h"

#include "engine/base/assert.h"

#define BAD_DIGIT 0xff

static const char hex_digits[] = "0123456789abcdef";
static const char base32_digits[] = "abcdefghijklmnopqrstuvwxyz234567";
static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode_digits(struct buf *out, str bytes, const char *digits, unsigned bits)
{
	char *at = buf_reserve(out, (bytes.size * 8 + bits - 1) / bits);
	if (!at)
		return;
	const char *start = at;
	uint32_t pending = 0;
	unsigned pending_bits = 0;
	uint32_t mask = (1u << bits) - 1;
	for (size_t i = 0; i < bytes.size; i++) {
		pending = pending << 8 | (unsigned char)bytes.data[i];
		pending_bits += 8;
		while (pending_bits >= bits) {
			pending_bits -= bits;
			*at++ = digits[pending >> pending_bits & mask];
		}
	}
	if (pending_bits)
		*at++ = digits[pending << (bits - pending_bits) & mask];
	buf_advance(out, (size_t)(at - start));
}

static bool decode_digits(struct buf *out, str text, unsigned (*digit_of)(char), unsigned bits)
{
	char *at = buf_reserve(out, text.size * bits / 8);
	if (!at)
		return false;
	const char *start = at;
	uint32_t pending = 0;
	unsigned pending_bits = 0;
	for (size_t i = 0; i < text.size; i++) {
		unsigned digit = digit_of(text.data[i]);
		if (digit == BAD_DIGIT)
			return false;
		pending = pending << bits | digit;
		pending_bits += bits;
		if (pending_bits >= 8) {
			pending_bits -= 8;
			*at++ = (char)(pending >> pending_bits);
		}
	}
	/* A whole digit left over, or bits in it that no byte explains. */
	if (pending_bits >= bits || (pending & ((1u << pending_bits) - 1)))
		return false;
	buf_advance(out, (size_t)(at - start));
	return true;
}

static unsigned hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	char folded = (char)(c | 0x20);
	return folded >= 'a' && folded <= 'f' ? (unsigned)(folded - 'a') + 10 : BAD_DIGIT;
}

static unsigned base32_digit(char c)
{
	if (c >= '2' && c <= '7')
		return (unsigned)(c - '2') + 26;
	char folded = (char)(c | 0x20);
	return c >= 'A' && folded >= 'a' && folded <= 'z' ? (unsigned)(folded - 'a')
							  : BAD_DIGIT;
}

static unsigned base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0') + 52;
	return c == '-' ? 62 : c == '_' ? 63 : BAD_DIGIT;
}

void hex_encode(struct buf *out, str bytes)
{
	encode_digits(out, bytes, hex_digits, 4);
}

bool hex_decode(struct buf *out, str text)
{
	return decode_digits(out, text, hex_digit, 4);
}

void base64url_encode(struct buf *out, str bytes)
{
	encode_digits(out, bytes, base64_digits, 6);
}

bool base64url_decode(struct buf *out, str text)
{
	return decode_digits(out, text, base64_digit, 6);
}

void base32_encode(struct buf *out, str bytes)
{
	encode_digits(out, bytes, base32_digits, 5);
}

bool base32_decode(struct buf *out, str text)
{
	return decode_digits(out, text, base32_digit, 5);
}

#define VARINT_SIZE_MAX 10 /* 64 bits by 7 */

void varint_put(struct buf *out, uint64_t value)
{
	char text[VARINT_SIZE_MAX];
	size_t size = 0;
	for (; value >= 0x80; value >>= 7)
		text[size++] = (char)(value | 0x80);
	text[size++] = (char)value;
	buf_put(out, (str){text, size});
}

bool varint_get(str *in, uint64_t *ret_value)
{
	uint64_t value = 0;
	for (size_t i = 0; i < in->size && i < VARINT_SIZE_MAX; i++) {
		uint64_t byte = (unsigned char)in->data[i];
		if (i == VARINT_SIZE_MAX - 1 && byte > 1)
			return false; /* more than 64 bits */
		value |= (byte & 0x7f) << (7 * i);
		if (byte < 0x80) {
			*in = str_from(*in, i + 1);
			*ret_value = value;
			return true;
		}
	}
	return false;
}

void delta_encode(struct buf *out, const uint64_t *ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		ASSERT(i == 0 || ids[i] > ids[i - 1]);
		varint_put(out, ids[i] - (i ? ids[i - 1] : 0));
	}
}

long delta_decode(str in, uint64_t *ids, size_t limit)
{
	size_t count = 0;
	uint64_t id = 0;
	while (in.size) {
		uint64_t step;
		if (count == limit || !varint_get(&in, &step) || (count && step == 0) ||
		    __builtin_add_overflow(id, step, &id))
			return -1;
		ids[count++] = id;
	}
	return (long)count;
}
