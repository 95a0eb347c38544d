/* keys.c - a file of settings read against its table.
 * libconfuse knows the syntax and the lines; every value reaches us as text through its
 * validate callback, so that all values go through one parser and all mistakes get file and
 * line. The callbacks carry no context of ours: `reading` is the one load under way (commands
 * are single threads). The surprising thing: libconfuse expands ${HOME} in double quotes, not
 * in single. */
#include "engine/api/keys.h"

#include <confuse.h>
#include <stdio.h>

#include "engine/api/suggest.h"
#include "engine/base/assert.h"

#define KEYS_TITLE_LIMIT 1024 /* sections of one kind: more is a generated file gone wrong */
#define KEYS_SECTION_LIMIT 32 /* of a table */
#define KEYS_KEY_LIMIT 64     /* of a section */
#define KEYS_END "__end"
#define KEYS_LIST_LIMIT 1024 /* items of one list */

static struct reading {
	const struct key_table *table;
	char *values;
	const char *path;
	struct arena *arena;
	struct key_setting *settings;
	char *why;
	size_t why_size;
	bool failed;
} * reading;

/* Only the first mistake is told: those after it are often its consequences. */
static void fail_at(int line, const char *sentence)
{
	struct buf b;
	if (reading->failed || reading->why_size == 0)
		return;
	buf_init_fixed(&b, reading->why, reading->why_size - 1);
	buf_printf(&b, "%s:%d: ", reading->path, line);
	buf_put_printable(&b, str_of(sentence), 300);
	reading->why[b.size] = '\0';
	reading->failed = true;
}

static const struct key_section *section_named(const struct key_table *table, const char *name)
{
	for (const struct key_section *s = table->sections; s->name; s++) {
		if (strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

static const struct key *key_named(const struct key_section *section, const char *name)
{
	for (const struct key *k = section->keys; k->name; k++) {
		if (strcmp(k->name, name) == 0)
			return k;
	}
	return NULL;
}

static const struct key_section *section_of(cfg_t *cfg)
{
	return section_named(reading->table,
			     strcmp(cfg_name(cfg), "root") ? cfg_name(cfg) : "");
}

/* libconfuse says "no such option 'x'": what could have been meant there. */
static void suggest_key(cfg_t *cfg, const char *sentence, char *out, size_t out_size)
{
	const char *names[KEYS_SECTION_LIMIT + KEYS_KEY_LIMIT];
	size_t count = 0;
	const struct key_section *section = section_of(cfg);
	for (const struct key *k = section ? section->keys : NULL; k && k->name; k++)
		names[count++] = k->name;
	bool root = strcmp(cfg_name(cfg), "root") == 0;
	for (const struct key_section *s = reading->table->sections; root && s->name; s++)
		names[count++] = s->name;
	str word = str_from(str_of(sentence), strlen("no such option '"));
	word.size -= word.size > 0;
	const char *near = suggest(word, names, count);
	int n = snprintf(out, out_size, "unknown key '%.*s'", STR_FORMAT(word));
	if (!root)
		n += snprintf(out + n, out_size - (size_t)n, " in %s", cfg_name(cfg));
	if (near)
		snprintf(out + n, out_size - (size_t)n, ", did you mean '%s'?", near);
}

static void on_error(cfg_t *cfg, const char *format, va_list arguments)
{
	char sentence[256], better[320];
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	if (strcmp(sentence, "no such option '" KEYS_END "'") == 0)
		snprintf(better, sizeof(better), "section %s is not closed: a } is missing",
			 cfg_name(cfg));
	else if (strncmp(sentence, "no such option '", 16) == 0)
		suggest_key(cfg, sentence, better, sizeof(better));
	else
		snprintf(better, sizeof(better), "%s", sentence);
	fail_at(cfg->line, better);
}

static int fill_defaults(const struct key_section *section, char *values, const char *path,
			 struct arena *arena, char *why, size_t why_size)
{
	for (const struct key *k = section->keys; k->name; k++) {
		if (k->fallback &&
		    key_set(k, values, path, str_of(k->fallback), arena, why, why_size))
			return -1;
	}
	return 0;
}

/* The struct of a titled section: the one there is, or a new one with defaults at the end. */
static char *titled_values(const struct key_section *section, str title)
{
	char **array = (char **)(reading->values + section->offset);
	size_t *count = (size_t *)(reading->values + section->count_offset);
	for (size_t i = 0; i < *count; i++) {
		char *item = *array + i * section->size;
		if (str_eq(*(str *)item, title))
			return item;
	}
	if (*count >= KEYS_TITLE_LIMIT)
		return NULL;
	if ((*count & (*count - 1)) == 0) { /* full at each power of two */
		char *larger =
			arena_array(reading->arena, *count ? 2 * *count : 1, section->size);
		if (!larger)
			return NULL;
		if (*count)
			memcpy(larger, *array, *count * section->size);
		*array = larger;
	}
	char *item = *array + *count * section->size;
	*(str *)item = arena_copy(reading->arena, title);
	if (fill_defaults(section, item, reading->path, reading->arena, reading->why,
			  reading->why_size) != 0)
		return NULL;
	++*count;
	return item;
}

static char *section_values(const struct key_section *section, cfg_t *cfg)
{
	if (!section->title)
		return reading->values + section->offset;
	return titled_values(section, str_of(cfg_title(cfg)));
}

static int set_list(struct key_list *slot, cfg_opt_t *option)
{
	unsigned count = cfg_opt_size(option);
	str *items =
		count > KEYS_LIST_LIMIT ? NULL : ARENA_ARRAY(reading->arena, str, count + 1);
	if (!items)
		return -1;
	for (unsigned i = 0; i < count; i++)
		items[i] = arena_copy(reading->arena, str_of(cfg_opt_getnstr(option, i)));
	*slot = (struct key_list){items, count};
	return 0;
}

static int note_setting(const struct key_section *section, const struct key *key, cfg_t *cfg,
			str text)
{
	struct key_setting *setting = ARENA_NEW(reading->arena, struct key_setting);
	if (!setting)
		return -1;
	setting->section = section;
	setting->key = key;
	setting->title =
		section->title ? arena_copy(reading->arena, str_of(cfg_title(cfg))) : (str){};
	setting->text = key->kind == KEY_LIST ? (str){} : arena_copy(reading->arena, text);
	setting->line = cfg->line;
	setting->next = reading->settings;
	reading->settings = setting;
	return 0;
}

static int on_value(cfg_t *cfg, cfg_opt_t *option)
{
	const struct key_section *section = section_of(cfg);
	const struct key *key = key_named(section, cfg_opt_name(option));
	char *values = section_values(section, cfg);
	char why[240] = "out of memory, or too many sections", sentence[320];
	str text = {};
	int result = -1;
	if (values && key->kind == KEY_LIST) {
		result = set_list((struct key_list *)(values + key->offset), option);
	} else if (values) {
		text = str_of(cfg_opt_getnstr(option, cfg_opt_size(option) - 1));
		result = key_set(key, values, reading->path, text, reading->arena, why,
				 sizeof(why));
	}
	if (result == 0)
		return note_setting(section, key, cfg, text);
	snprintf(sentence, sizeof(sentence), "%s: %s", key->name, why);
	fail_at(cfg->line, sentence);
	return -1;
}

/* A section without any key inside still exists. */
static int on_section(cfg_t *cfg, cfg_opt_t *option)
{
	const struct key_section *section = section_named(reading->table, cfg_opt_name(option));
	cfg_t *last = cfg_opt_getnsec(option, cfg_opt_size(option) - 1);
	if (titled_values(section, str_of(cfg_title(last))))
		return 0;
	fail_at(cfg->line, "out of memory, or too many sections");
	return -1;
}

struct option_table {
	cfg_opt_t root[KEYS_SECTION_LIMIT + KEYS_KEY_LIMIT + 2];
	cfg_opt_t keys[KEYS_SECTION_LIMIT][KEYS_KEY_LIMIT + 1];
};

static size_t put_options(const struct key_section *section, cfg_opt_t *out)
{
	size_t n = 0;
	for (const struct key *k = section->keys; k->name; k++) {
		ASSERT(n < KEYS_KEY_LIMIT);
		out[n++] = k->kind == KEY_LIST
				   ? (cfg_opt_t)CFG_STR_LIST(k->name, NULL, CFGF_NODEFAULT)
				   : (cfg_opt_t)CFG_STR(k->name, NULL, CFGF_NODEFAULT);
	}
	return n;
}

static void build_options(const struct key_table *table, struct option_table *out)
{
	size_t root_count = 0, section_count = 0;
	for (const struct key_section *s = table->sections; s->name; s++) {
		if (s->name[0] == '\0') {
			root_count += put_options(s, out->root + root_count);
			continue;
		}
		ASSERT(section_count < KEYS_SECTION_LIMIT);
		cfg_opt_t *keys = out->keys[section_count++];
		size_t n = put_options(s, keys);
		keys[n] = (cfg_opt_t)CFG_END();
		cfg_flag_t flags =
			s->title ? CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES : CFGF_NONE;
		out->root[root_count++] = (cfg_opt_t)CFG_SEC(s->name, keys, flags);
	}
	out->root[root_count++] = (cfg_opt_t)CFG_STR(KEYS_END, NULL, CFGF_NODEFAULT);
	out->root[root_count] = (cfg_opt_t)CFG_END();
}

static void watch_values(cfg_t *cfg, const struct key_table *table)
{
	char path[120];
	for (const struct key_section *s = table->sections; s->name; s++) {
		if (s->title)
			cfg_set_validate_func(cfg, s->name, on_section);
		for (const struct key *k = s->keys; k->name; k++) {
			snprintf(path, sizeof(path), "%s%s%s", s->name, s->name[0] ? "|" : "",
				 k->name);
			cfg_set_validate_func(cfg, path, on_value);
		}
	}
}

static int parse_source(str source)
{
	struct option_table *options = ARENA_NEW(reading->arena, struct option_table);
	struct buf text;
	buf_init_arena(&text, reading->arena, source.size + 32);
	buf_put(&text, source);
	buf_put_cstr(&text, "\n" KEYS_END " = 1\n");
	buf_put_byte(&text, '\0');
	if (!options || !buf_ok(&text)) {
		fail_at(1, "out of memory");
		return -1;
	}
	if (str_find_byte(source, '\0') != STR_NONE) {
		fail_at(1, "the file holds NUL bytes: it is not a text file");
		return -1;
	}
	build_options(reading->table, options);
	cfg_t *cfg = cfg_init(options->root, CFGF_NONE);
	if (!cfg) {
		fail_at(1, "out of memory");
		return -1;
	}
	cfg_set_error_function(cfg, on_error);
	watch_values(cfg, reading->table);
	if (cfg_parse_buf(cfg, text.data) != CFG_SUCCESS)
		fail_at(cfg->line, "is not written as a configuration file");
	cfg_free(cfg);
	return reading->failed ? -1 : 0;
}

int keys_load(const struct key_table *table, void *values, const char *path, str source,
	      struct arena *arena, struct key_setting **ret_settings, char *ret_why,
	      size_t why_size)
{
	struct reading r = {.table = table,
			    .values = values,
			    .path = path,
			    .arena = arena,
			    .why = ret_why,
			    .why_size = why_size};
	ASSERT(!reading);
	for (const struct key_section *s = table->sections; s->name; s++) {
		if (!s->title &&
		    fill_defaults(s, r.values + s->offset, path, arena, ret_why, why_size))
			return -1;
	}
	reading = &r;
	int result = source.data ? parse_source(source) : 0;
	reading = NULL;
	if (result == 0)
		*ret_settings = r.settings;
	return result;
}
