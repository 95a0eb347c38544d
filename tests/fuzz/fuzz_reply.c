/* fuzz_reply.c - replies read whole and read byte by byte are the same replies. */
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/base/buf.h"
#include "engine/smtp/caps.h"
#include "engine/smtp/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char seen[2][1 << 16];

static bool keep(struct buf *out, enum reply_step step, const struct reply *r)
{
	struct smtp_caps caps;
	struct smtp_mechanisms mechanisms;
	if (step == REPLY_BAD)
		return false;
	ASSERT(r->code >= 200 && r->code < 600 && r->text.size <= REPLY_TEXT_LIMIT);
	ASSERT(r->status.class == 0 || r->status.class == r->code / 100);
	smtp_caps_parse(&caps, &mechanisms, r->text);
	buf_put_u64(out, r->code);
	buf_put_u64(out, r->status.subject);
	buf_put_u64(out, r->status.detail);
	buf_put(out, r->text);
	return true;
}

/* In pieces of at most step bytes, each in memory of its own. */
static void read_all(struct buf *out, str in, size_t step)
{
	struct reply_parser p;
	reply_parser_init(&p);
	while (in.size > 0) {
		str piece = str_sub(in, 0, step);
		char *copy = malloc(piece.size);
		memcpy(copy, piece.data, piece.size);
		enum reply_step got;
		struct reply r;
		size_t taken = reply_feed(&p, str_make(copy, piece.size), &got, &r);
		ASSERT(taken > 0 && taken <= piece.size);
		bool good = got == REPLY_MORE || keep(out, got, &r);
		free(copy);
		if (!good)
			return;
		in = str_from(in, taken);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, bytewise;
	str in = str_make((const char *)data, size);
	buf_init_fixed(&whole, seen[0], sizeof(seen[0]));
	buf_init_fixed(&bytewise, seen[1], sizeof(seen[1]));
	read_all(&whole, in, SIZE_MAX);
	read_all(&bytewise, in, 1);
	ASSERT(str_eq(buf_str(&whole), buf_str(&bytewise)));
	return 0;
}
