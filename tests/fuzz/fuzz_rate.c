/* fuzz_rate.c - any text as a rate: refused, or a rate whose bucket keeps its promises. */
#include "engine/base/assert.h"
#include "engine/shape/bucket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rate rate;
	struct bucket bucket;
	const usec now = USEC_HOUR;

	if (!rate_parse(str_make((const char *)data, size), &rate))
		return 0;
	bucket_init(&bucket, rate, now);
	ASSERT(bucket_room(&bucket, 1, now) == 1);
	uint32_t room = bucket_room(&bucket, UINT32_MAX, now);
	ASSERT(rate.count == 0 || room <= rate.burst);
	bucket_take(&bucket, room, now);
	usec next_at = bucket_next_at(&bucket, now);
	ASSERT(next_at >= now);
	ASSERT(bucket_room(&bucket, 1, next_at) == 1);
	ASSERT(next_at == now || bucket_room(&bucket, 1, next_at - 1) == 0);
	return 0;
}
