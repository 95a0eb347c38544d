/* reload.c - see reload.h. The surprising thing: by itself it reads a changed file only when it
 * has stayed the same between two looks. Whoever writes a file in place is not done when it
 * has changed, and half a table may be a good one. */
#include "engine/api/reload.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "engine/api/settings_parts.h"
#include "engine/base/log.h"
#include "engine/io/heap.h"
#include "engine/shape/provider_file.h"

#define BLOCK_SIZE (64u << 10)
#define GENERATION_SIZE_LIMIT (64u << 20) /* a full file of 4 MiB needs a part of it */

static bool same(const struct reload_state *a, const struct reload_state *b)
{
	return a->changed_sec == b->changed_sec && a->changed_nsec == b->changed_nsec &&
	       a->size == b->size && a->inode == b->inode && a->device == b->device;
}

/* A file that is not there has a state, too. */
static struct reload_state state_of(const char *path)
{
	struct stat status;
	if (stat(path, &status) != 0)
		return (struct reload_state){};
	return (struct reload_state){.changed_sec = status.st_mtim.tv_sec,
				     .changed_nsec = status.st_mtim.tv_nsec,
				     .size = (uint64_t)status.st_size,
				     .inode = (uint64_t)status.st_ino,
				     .device = (uint64_t)status.st_dev};
}

static void refuse(const char *why)
{
	char shown[SETTINGS_WHY_SIZE * 4];
	struct buf b;
	buf_init_fixed(&b, shown, sizeof(shown) - 1);
	buf_put_printable(&b, str_of(why), SETTINGS_WHY_SIZE);
	shown[b.size] = '\0';
	log_event(LOG_WARN, "providers-refused", "kept=\"what was in force\" why=\"%s\"",
		  shown);
}

/* A pipe in its place would be waited for. */
static int read_text(const char *path, struct arena *arena, str *ret_text, char *why,
		     size_t why_size)
{
	struct stat status;
	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
		snprintf(why, why_size, "%s: is not a regular file", path);
		return -1;
	}
	return file_read(path, PROVIDER_FILE_SIZE_LIMIT, arena, ret_text, why, why_size);
}

/* 0: in force; 1: it says what is in force already; -1 with a sentence. */
static int take(struct reload *r, struct arena *arena, char *why, size_t why_size)
{
	const struct config *config = r->config;
	struct rules *newer;
	str text;
	if (read_text(config->providers_file.data, arena, &text, why, why_size) != 0)
		return -1;
	if (settings_rules_of(config, text, arena, &newer, why, why_size) != 0 ||
	    settings_check_routes(config, newer, arena, why, why_size) != 0)
		return -1;
	if (rules_fingerprint(newer) == rules_fingerprint(r->rules))
		return 1;
	rules_replace(r->rules, newer);
	return 0;
}

static void read_again(struct reload *r, bool asked)
{
	char why[SETTINGS_WHY_SIZE] = "";
	if (r->count == RELOAD_LIMIT) {
		snprintf(why, sizeof(why),
			 "%s has changed %d times in this run; the next `rundbrief send` "
			 "takes up what it says now",
			 r->config->providers_file.data, RELOAD_LIMIT);
		refuse(why);
		return;
	}
	struct arena *arena = &r->generations[r->count];
	arena_init(arena, heap_source(), BLOCK_SIZE, GENERATION_SIZE_LIMIT);
	int result = take(r, arena, why, sizeof(why));
	if (result == 0)
		r->count++;
	else
		arena_done(arena);
	if (result < 0)
		refuse(why);
	else if (result == 0 || asked)
		log_event(LOG_INFO, "providers-taken", "file=\"%s\" changed=%s",
			  log_str(r->config->providers_file), result == 0 ? "yes" : "no");
}

void reload_begin(struct reload *r, const struct config *config, struct rules *rules, usec now)
{
	*r = (struct reload){
		.config = config, .rules = rules, .look_at = now + RELOAD_INTERVAL};
	/* Nothing was judged yet: the file may have changed since the settings were read. */
}

void reload_look(struct reload *r, bool asked, usec now)
{
	if (r->config->providers_file.size == 0 || (!asked && now < r->look_at))
		return;
	r->look_at = now + RELOAD_INTERVAL;
	struct reload_state state = state_of(r->config->providers_file.data);
	bool settled = same(&state, &r->seen);
	r->seen = state;
	if (!asked && (!settled || same(&state, &r->judged)))
		return;
	r->judged = state;
	read_again(r, asked);
}

void reload_end(struct reload *r)
{
	while (r->count > 0)
		arena_done(&r->generations[--r->count]);
}
