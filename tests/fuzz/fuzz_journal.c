/* fuzz_journal.c - bytes as a journal, as they are and once more with sums made to fit, so that
 * the payloads are reached. */
#include <endian.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/codec.h"
#include "engine/journal/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(str in)
{
	struct record record;
	while (record_take(&in, &record) == RECORD_READY)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char framed[RECORD_HEAD_SIZE + RECORD_SIZE_LIMIT];
	read_all(str_make((const char *)data, size));
	if (size == 0 || size > RECORD_SIZE_LIMIT)
		return 0;
	uint32_t head[2] = {htole32((uint32_t)size), 0};
	uint32_t sum = crc32c(0, str_make((const char *)head, 4));
	head[1] = htole32(crc32c(sum, str_make((const char *)data, size)));
	memcpy(framed, head, sizeof(head));
	memcpy(framed + sizeof(head), data, size);
	read_all(str_make(framed, sizeof(head) + size));
	return 0;
}
