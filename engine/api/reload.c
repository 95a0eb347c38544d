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

static void put_why(char *shown, size_t size, const char *why)
{
	struct buf b;
	buf_init_fixed(&b, shown, size - 1);
	buf_put_printable(&b, str_of(why), SETTINGS_WHY_SIZE);
	shown[b.size] = '\0';
}

static void refuse(const char *event, const char *why)
{
	char shown[SETTINGS_WHY_SIZE * 4];
	put_why(shown, sizeof(shown), why);
	log_event(LOG_WARN, event, "kept=\"what was in force\" why=\"%s\"", shown);
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

/* The rules that this configuration makes with the table as it is now. They must know the
 * providers that it routes, and those that the engine routes meanwhile. */
static int read_rules(struct reload *r, const struct config *config, struct arena *arena,
		      struct rules **ret_rules, char *why, size_t why_size)
{
	str text = {}, path = r->first->providers_file;
	if (path.size > 0 && read_text(path.data, arena, &text, why, why_size) != 0)
		return -1;
	if (settings_rules_of(config, text, arena, ret_rules, why, why_size) != 0)
		return -1;
	if (settings_check_routes(config, *ret_rules, arena, why, why_size) != 0)
		return -1;
	return settings_check_routes(r->first, *ret_rules, arena, why, why_size);
}

static int read_tuning(const struct config *config, struct rules *rules, struct arena *arena,
		       struct tuning *ret_tuning, char *why, size_t why_size)
{
	struct engine_settings wide = {.rules = rules};
	if (settings_limit_rules(config, arena, &wide, why, why_size) != 0)
		return -1;
	*ret_tuning = (struct tuning){.retry = settings_retry(config),
				      .timeouts = settings_timeouts(config),
				      .limit_rules = wide.limit_rules,
				      .limit_rule_count = wide.limit_rule_count};
	return 0;
}

/* 0: in force; 1: it says what is in force already; -1 with a sentence. */
static int take_table(struct reload *r, struct reload_generation *g, char *why, size_t why_size)
{
	struct rules *newer;
	if (read_rules(r, r->config, &g->arena, &newer, why, why_size) != 0)
		return -1;
	if (rules_fingerprint(newer) == rules_fingerprint(r->rules))
		return 1;
	rules_replace(r->rules, newer);
	return 0;
}

static void add_name(str *names, str name, struct arena *arena)
{
	struct buf b;
	buf_init_arena(&b, arena, names->size + name.size + 3);
	buf_put(&b, *names);
	buf_put_cstr(&b, names->size > 0 ? ", " : "");
	buf_put(&b, name);
	*names = buf_str(&b);
}

/* The same of both files; what they say otherwise comes back by name. */
static int take_all(struct reload *r, struct reload_generation *g, str *ret_live, str *ret_dead,
		    char *why, size_t why_size)
{
	struct rules *newer;
	if (config_load(&g->config, r->config_path, &g->arena, why, why_size) != 0 ||
	    read_rules(r, &g->config, &g->arena, &newer, why, why_size) != 0 ||
	    read_tuning(&g->config, newer, &g->arena, &g->tuning, why, why_size) != 0)
		return -1;
	str ignored;
	if (keys_differ(r->config->settings, g->config.settings, &g->arena, ret_live,
			&ignored) != 0 ||
	    keys_differ(r->first->settings, g->config.settings, &g->arena, &ignored,
			ret_dead) != 0) {
		snprintf(why, why_size, "out of memory");
		return -1;
	}
	/* The table has a name among the keys, too, though the key is the same. */
	if (rules_fingerprint(newer) != rules_fingerprint(r->rules))
		add_name(ret_live, STR("providers_file"), &g->arena);
	if (ret_live->size == 0)
		return 1;
	rules_replace(r->rules, newer);
	tunings_publish(&r->tunings, &g->tuning);
	r->config = &g->config;
	return 0;
}

static struct reload_generation *begin_generation(struct reload *r, const char *event)
{
	char why[200];
	if (r->count == RELOAD_LIMIT) {
		snprintf(why, sizeof(why),
			 "settings have changed %d times in this run; restart the engine to take "
			 "up what they say now",
			 RELOAD_LIMIT);
		refuse(event, why);
		return NULL;
	}
	struct reload_generation *g = &r->generations[r->count];
	arena_init(&g->arena, heap_source(), BLOCK_SIZE, GENERATION_SIZE_LIMIT);
	return g;
}

static void end_generation(struct reload *r, struct reload_generation *g, int result)
{
	if (result == 0)
		r->count++;
	else
		arena_done(&g->arena);
}

static bool table_again(struct reload *r)
{
	char why[SETTINGS_WHY_SIZE] = "";
	struct reload_generation *g = begin_generation(r, "providers-refused");
	if (!g)
		return false;
	int result = take_table(r, g, why, sizeof(why));
	end_generation(r, g, result);
	if (result < 0)
		refuse("providers-refused", why);
	else if (result == 0)
		log_event(LOG_INFO, "providers-taken", "file=\"%s\" changed=yes",
			  log_str(r->first->providers_file));
	return result >= 0;
}

static void put_keys(char *shown, size_t size, str keys)
{
	struct buf b;
	buf_init_fixed(&b, shown, size - 1);
	buf_put_printable(&b, keys, size / 4 - 2);
	shown[b.size] = '\0';
}

static bool all_again(struct reload *r)
{
	char why[SETTINGS_WHY_SIZE] = "", changed[1000], left[1000];
	str live = {}, dead = {};
	struct reload_generation *g = begin_generation(r, "reload-refused");
	if (!g)
		return false;
	int result = take_all(r, g, &live, &dead, why, sizeof(why));
	put_keys(changed, sizeof(changed), live);
	put_keys(left, sizeof(left), dead);
	end_generation(r, g, result);
	if (result < 0) {
		refuse("reload-refused", why);
		return false;
	}
	log_event(LOG_INFO, "reloaded", "changed=\"%s\" needs_restart=\"%s\"",
		  changed, left);
	return true;
}

void reload_begin(struct reload *r, const struct config *config, const char *config_path,
		  struct rules *rules, usec now)
{
	*r = (struct reload){.first = config,
			     .config = config,
			     .config_path = config_path,
			     .rules = rules,
			     .look_at = now + RELOAD_INTERVAL};
	/* Nothing was judged yet: the table may have changed since the settings were read. */
}

bool reload_look(struct reload *r, bool asked, usec now)
{
	str path = r->first->providers_file;
	if (asked) {
		if (path.size > 0)
			r->seen = r->judged = state_of(path.data);
		return all_again(r);
	}
	if (path.size == 0 || now < r->look_at)
		return true;
	r->look_at = now + RELOAD_INTERVAL;
	struct reload_state state = state_of(path.data);
	bool settled = same(&state, &r->seen);
	r->seen = state;
	if (!settled || same(&state, &r->judged))
		return true;
	r->judged = state;
	return table_again(r);
}

void reload_end(struct reload *r)
{
	while (r->count > 0)
		arena_done(&r->generations[--r->count].arena);
}
