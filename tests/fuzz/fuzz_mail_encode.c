/* Quoted-printable of any bytes, cut where the input says, literal or not: the lines must hold
 * and decode to the same, however the text was cut. The first byte seeds the cuts. */
#include "engine/base/assert.h"
#include "engine/mail/encode.h"
#include "tests/golden/invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t next_cut(str text, unsigned *state)
{
	*state = *state * 1103515245 + 12345;
	size_t at = 1 + (*state >> 16) % 97;
	while (at < text.size && ((unsigned char)text.data[at] & 0xC0) == 0x80)
		at++;
	return at < text.size ? at : text.size;
}

static void encode(struct arena *arena, str text, unsigned state, struct buf *out)
{
	struct qp q;
	qp_begin(&q, out);
	while (text.size > 0) {
		size_t cut = state ? next_cut(text, &state) : text.size;
		struct qp_literal literal;
		if (state & 0x10000) {
			ASSERT(qp_literal_compile(arena, str_sub(text, 0, cut), &literal) == 0);
			qp_put_literal(&q, &literal);
		} else {
			qp_put(&q, str_sub(text, 0, cut));
		}
		text = str_from(text, cut);
	}
	qp_end(&q);
	ASSERT(lines_fault(buf_str(out), QP_LINE_LIMIT, true) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct buf whole, pieces, whole_text, pieces_text;
	if (size == 0 || size > 4096)
		return 0;
	arena_init(&arena, &test_heap, 0, 0);
	buf_init_arena(&whole, &arena, 256);
	buf_init_arena(&pieces, &arena, 256);
	buf_init_arena(&whole_text, &arena, 256);
	buf_init_arena(&pieces_text, &arena, 256);
	str text = str_make((const char *)data + 1, size - 1);
	encode(&arena, text, 0, &whole);
	encode(&arena, text, data[0] + 1u, &pieces);
	ASSERT(qp_decode(buf_str(&whole), &whole_text) &&
	       qp_decode(buf_str(&pieces), &pieces_text));
	ASSERT(str_eq(buf_str(&whole_text), buf_str(&pieces_text)));
	arena_done(&arena);
	return 0;
}
