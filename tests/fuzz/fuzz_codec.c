/* fuzz_codec.c - whatever a decoder accepts, its encoder writes again. The first byte of the
 * input chooses the code. */
#include "engine/base/assert.h"
#include "engine/base/codec.h"

#define SIZE_LIMIT 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(void (*encode)(struct buf *, str), bool (*decode)(struct buf *, str),
		       str text, bool folds)
{
	char bytes[SIZE_LIMIT], again[2 * SIZE_LIMIT + 8];
	struct buf decoded, encoded;
	buf_init_fixed(&decoded, bytes, sizeof bytes);
	buf_init_fixed(&encoded, again, sizeof again);
	if (!decode(&decoded, text))
		return;
	encode(&encoded, buf_str(&decoded));
	ASSERT(buf_ok(&encoded));
	ASSERT(folds ? str_eq_nocase(buf_str(&encoded), text)
		     : str_eq(buf_str(&encoded), text));
}

static void check_delta(str in)
{
	static uint64_t ids[SIZE_LIMIT], back[SIZE_LIMIT];
	static char bytes[SIZE_LIMIT * 10];
	long count = delta_decode(in, ids, SIZE_LIMIT);
	if (count < 0)
		return;
	struct buf encoded;
	buf_init_fixed(&encoded, bytes, sizeof bytes);
	delta_encode(&encoded, ids, (size_t)count);
	ASSERT(buf_ok(&encoded) && encoded.size <= in.size);
	ASSERT(delta_decode(buf_str(&encoded), back, SIZE_LIMIT) == count);
	ASSERT(count == 0 || memcmp(ids, back, (size_t)count * sizeof *ids) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > SIZE_LIMIT)
		return 0;
	str in = str_make((const char *)data + 1, size - 1);
	switch (data[0] % 5) {
	case 0:
		check_text(hex_encode, hex_decode, in, true);
		break;
	case 1:
		check_text(base32_encode, base32_decode, in, true);
		break;
	case 2:
		check_text(base64url_encode, base64url_decode, in, false);
		break;
	case 3:
		check_delta(in);
		break;
	default:
		ASSERT(crc32c(0, in) == crc32c_portable(0, in));
	}
	return 0;
}
