/* fuzz_smtp_server.c - a client that says anything at all, whole and byte by byte: the same
 * replies, the same bytes stored. Whole means line by line: whether somebody talks too early is
 * a matter of how the bytes came. */
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/base/buf.h"
#include "engine/smtp/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct receiver {
	struct smtp_server *server;
	struct buf said, stored;
};

static char memory[2][2][1 << 17];

static void store(void *context, str bytes)
{
	buf_put(&((struct receiver *)context)->stored, bytes);
}

static void end(void *context, size_t, struct smtp_answer *)
{
	buf_put(&((struct receiver *)context)->stored, STR("<END>"));
}

static void take_output(struct receiver *r)
{
	str out = smtp_server_output(r->server);
	buf_put(&r->said, out);
	smtp_server_sent(r->server, out.size);
}

static void feed(struct receiver *r, str piece)
{
	char *copy = malloc(piece.size);
	memcpy(copy, piece.data, piece.size);
	size_t at = 0;
	while (at < piece.size) {
		take_output(r);
		enum smtp_server_want want = smtp_server_want(r->server);
		if (want == SERVER_TLS)
			smtp_server_tls_done(r->server, 0);
		else if (want != SERVER_READ)
			break;
		at += smtp_server_feed(r->server, str_make(copy + at, piece.size - at), 0);
	}
	take_output(r);
	free(copy);
}

static void run(struct receiver *r, str in, bool bytewise, char which[2][1 << 17])
{
	struct smtp_server_options options = {
		.name = STR("mx.test"),
		.size_limit = 100,
		.offer_pipelining = true,
		.offer_chunking = true,
		.offer_starttls = true,
		.offer_8bitmime = true,
		.offer_smtputf8 = true,
		.offer_enhanced = true,
		.hooks = {.on_bytes = store, .on_end = end, .context = r},
	};
	buf_init_fixed(&r->said, which[0], sizeof(which[0]));
	buf_init_fixed(&r->stored, which[1], sizeof(which[1]));
	r->server = malloc(smtp_server_size());
	smtp_server_init(r->server, &options, 0);
	while (in.size > 0) {
		size_t lf = str_find_byte(in, '\n');
		size_t size = bytewise ? 1 : lf == STR_NONE ? in.size : lf + 1;
		feed(r, str_sub(in, 0, size));
		in = str_from(in, size);
	}
	free(r->server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct receiver lines, bytes;
	str in = str_make((const char *)data, size);
	run(&lines, in, false, memory[0]);
	run(&bytes, in, true, memory[1]);
	ASSERT(str_eq(buf_str(&lines.said), buf_str(&bytes.said)));
	ASSERT(str_eq(buf_str(&lines.stored), buf_str(&bytes.stored)));
	return 0;
}
