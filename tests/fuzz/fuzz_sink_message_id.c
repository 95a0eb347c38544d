/* fuzz_sink_message_id.c - the id found is the same whether bytes come whole or one by one. */
#include <stdlib.h>

#include "bench/sink/sink_message_id.h"
#include "engine/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sink_message_id whole, torn;
	char *copy = malloc(size ? size : 1);
	memcpy(copy, data, size);
	sink_message_id_reset(&whole);
	sink_message_id_reset(&torn);
	sink_message_id_feed(&whole, str_make(copy, size));
	for (size_t i = 0; i < size; i++)
		sink_message_id_feed(&torn, str_make(copy + i, 1));
	str id = sink_message_id_get(&whole);
	ASSERT(str_eq(id, sink_message_id_get(&torn)));
	ASSERT(id.size == 0 || (id.data[0] == '<' && id.data[id.size - 1] == '>'));
	free(copy);
	return 0;
}
