/* fuzz_rate.c - any text as a rate: refused, or a rate whose bucket keeps its promises. */
#include "engine/base/assert.h"
#include "engine/shape/bucket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct rate rate)
{
	struct bucket bucket;
	const usec now = USEC_HOUR;

	bucket_init(&bucket, rate, now);
	ASSERT(bucket_room(&bucket, 1, now) == 1);
	uint32_t room = bucket_room(&bucket, UINT32_MAX, now);
	ASSERT(rate.count == 0 || room <= rate.burst);
	bucket_take(&bucket, room, now);
	usec next_at = bucket_next_at(&bucket, now);
	ASSERT(next_at >= now);
	ASSERT(bucket_room(&bucket, 1, next_at) == 1);
	ASSERT(next_at == now || bucket_room(&bucket, 1, next_at - 1) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str text = str_make((const char *)data, size);
	struct rate rate;

	if (rate_parse(text, &rate))
		check(rate);
	if (rate_parse_bytes(text, &rate))
		check(rate);
	return 0;
}
