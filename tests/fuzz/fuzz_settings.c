/* fuzz_settings.c - any file as rundbrief.conf and as campaign.conf: settings, or a sentence;
 * and whatever was read is shown without a control byte. */
#include <stdlib.h>

#include "engine/api/campaign_dir.h"
#include "engine/api/config.h"
#include "engine/base/assert.h"
#include "engine/io/heap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_shown(str shown)
{
	for (size_t i = 0; i < shown.size; i++)
		ASSERT((unsigned char)shown.data[i] >= ' ' || shown.data[i] == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct config config;
	struct campaign_dir campaign = {};
	struct key_setting *settings;
	struct buf out;
	char why[400] = "";
	str source = str_make((const char *)data, size);
	if (size > 1 << 16)
		return 0;
	arena_init(&arena, heap_source(), 0, 64 << 20);
	buf_init_arena(&out, &arena, 4096);
	if (config_parse(&config, "x.conf", source, &arena, why, sizeof(why)) == 0) {
		config_explain(&config, &out);
		check_shown(buf_str(&out));
	} else {
		ASSERT(str_starts(str_of(why), STR("x.conf:")));
	}
	int result = keys_load(&campaign_table, &campaign, "c.conf", source, &arena, &settings,
			       why, sizeof(why));
	if (result != 0)
		ASSERT(str_starts(str_of(why), STR("c.conf:")));
	check_shown(str_of(why));
	arena_done(&arena);
	return 0;
}
