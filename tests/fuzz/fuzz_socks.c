/* fuzz_socks.c - a proxy that answers anything: read whole and read byte by byte it comes to
 * the same, nothing is taken behind the end, and whoever fails has a cause and a phrase. The
 * first byte chooses the source, each chunk behind a size byte is one answer. */
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/net/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct ending {
	enum proxy_step step;
	enum proxy_state state;
	enum local_cause cause;
	const char *why;
	size_t taken; /* of all chunks */
};

static str cut_chunk(str *rest)
{
	size_t size = (uint8_t)rest->data[0];
	str chunk = str_sub(*rest, 1, size);
	*rest = str_from(*rest, 1 + chunk.size);
	return chunk;
}

/* One answer in pieces of at most limit bytes, each in memory of its own. */
static enum proxy_step feed(struct proxy *p, str chunk, size_t limit, size_t *taken)
{
	enum proxy_step step = PROXY_MORE;
	while (chunk.size > 0 && step == PROXY_MORE) {
		str piece = str_sub(chunk, 0, limit);
		char *copy = malloc(piece.size);
		memcpy(copy, piece.data, piece.size);
		size_t size = proxy_feed(p, str_make(copy, piece.size), &step);
		free(copy);
		ASSERT(size > 0 && size <= piece.size);
		ASSERT(step != PROXY_MORE || size == piece.size);
		*taken += size;
		chunk = str_from(chunk, size);
	}
	return step;
}

static struct ending talk(const struct source *source, const struct net_address *to, str rest,
			  size_t limit)
{
	struct proxy p;
	struct ending end = {.step = PROXY_MORE};
	proxy_init(&p, source, to);
	while (end.step == PROXY_MORE && rest.size > 0) {
		ASSERT(proxy_output(&p).size <= PROXY_OUTPUT_LIMIT);
		if (proxy_output(&p).size > 0)
			end.step = proxy_sent(&p);
		if (end.step == PROXY_MORE)
			end.step = feed(&p, cut_chunk(&rest), limit, &end.taken);
	}
	ASSERT((end.step == PROXY_READY) == (p.state == PROXY_DONE));
	ASSERT((end.step == PROXY_BAD) == (p.state == PROXY_FAILED));
	ASSERT((end.step == PROXY_BAD) == (p.cause != CAUSE_NONE && p.why));
	end.state = p.state;
	end.cause = p.cause;
	end.why = p.why;
	return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source source = {.name = "out1"};
	struct net_address to;
	if (size == 0)
		return 0;
	source.via = data[0] & 4 ? SOURCE_PROXY_V2 : SOURCE_SOCKS5;
	if (data[0] & 1)
		memcpy(source.proxy_user, "ann", 4);
	ASSERT(net_address_parse(data[0] & 2 ? STR("2001:db8::25") : STR("192.0.2.25"), 25,
				 &to));
	str rest = str_make((const char *)data + 1, size - 1);
	struct ending whole = talk(&source, &to, rest, SIZE_MAX);
	struct ending bytewise = talk(&source, &to, rest, 1);
	ASSERT(whole.step == bytewise.step && whole.state == bytewise.state);
	ASSERT(whole.cause == bytewise.cause && whole.why == bytewise.why);
	ASSERT(whole.taken == bytewise.taken);
	return 0;
}
