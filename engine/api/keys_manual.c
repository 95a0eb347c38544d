/* keys_manual.c - the table of keys as prose: the manual, and what is in force. */
#include "engine/api/keys.h"

#include "engine/api/units.h"
#include "engine/base/map.h"

#define MANUAL_WIDTH 92

static const char *const kind_names[] = {
	[KEY_TEXT] = "text",         [KEY_FILE] = "file",           [KEY_LIST] = "list",
	[KEY_BOOL] = "yes/no",       [KEY_COUNT] = "number",        [KEY_SIZE] = "size",
	[KEY_DURATION] = "duration", [KEY_RATE] = "rate",           [KEY_FACTOR] = "factor",
	[KEY_CHOICE] = "choice",     [KEY_BYTE_RATE] = "byte rate", [KEY_SHARE] = "share",
};

/* Fills lines of MANUAL_WIDTH with the words of text, each line indented. */
static void put_wrapped(struct buf *out, str text, size_t indent)
{
	size_t column = 0;
	while (text.data) {
		str word = str_cut(&text, ' ');
		if (column > 0 && column + 1 + word.size > MANUAL_WIDTH) {
			buf_put_byte(out, '\n');
			column = 0;
		}
		if (column == 0) {
			for (; column < indent; column++)
				buf_put_byte(out, ' ');
		} else {
			buf_put_byte(out, ' ');
			column++;
		}
		buf_put(out, word);
		column += word.size;
	}
	buf_put_byte(out, '\n');
}

static void put_bound(struct buf *out, const struct key *key, int64_t bound)
{
	if (key->kind == KEY_DURATION)
		duration_format(out, bound);
	else
		buf_put_i64(out, bound);
}

static void put_range(struct buf *out, const struct key *key)
{
	if (key->kind == KEY_CHOICE) {
		buf_put_cstr(out, ": ");
		for (size_t i = 0; key->choices[i]; i++)
			buf_printf(out, "%s%s", i ? " | " : "", key->choices[i]);
	} else if (key->least != 0 || key->most != 0) {
		buf_put_cstr(out, ", ");
		put_bound(out, key, key->least);
		buf_put_cstr(out, " to ");
		put_bound(out, key, key->most);
	}
}

static void put_key(struct buf *out, const struct key_section *section, const struct key *key)
{
	buf_printf(out, "  %-26s %s", key->name, kind_names[key->kind]);
	if (key->unit)
		buf_printf(out, " of %s", key->unit);
	put_range(out, key);
	if (key->fallback && key->fallback[0])
		buf_printf(out, "; default %s", key->fallback);
	if (key_is_live(section, key))
		buf_put_cstr(out, "; reload");
	buf_put_byte(out, '\n');
	put_wrapped(out, str_of(key->sentence), 8);
}

void keys_manual(const struct key_table *table, struct buf *out)
{
	for (const struct key_section *s = table->sections; s->name; s++) {
		if (s != table->sections)
			buf_put_byte(out, '\n');
		if (s->title)
			buf_printf(out, "%s \"%s\" { ... }\n", s->name, s->title);
		else if (s->name[0])
			buf_printf(out, "%s { ... }\n", s->name);
		put_wrapped(out, str_of(s->sentence), 4);
		for (const struct key *k = s->keys; k->name; k++)
			put_key(out, s, k);
	}
}

static void put_list(struct buf *out, const struct key_list *list)
{
	buf_put_cstr(out, "{");
	for (size_t i = 0; i < list->count; i++) {
		buf_put_cstr(out, i ? ", \"" : " \"");
		buf_put_printable(out, list->items[i], 80);
		buf_put_byte(out, '"');
	}
	buf_put_cstr(out, list->count ? " }" : "}");
}

static void put_value(struct buf *out, const struct key_section *section, const struct key *key,
		      const char *values, const struct key_setting *setting)
{
	const char *unset = strcmp(section->name, "provider") == 0 ? "(as default_limits)"
								   : "(as built in)";
	if (key->traits & KEY_SECRET)
		buf_put_cstr(out, setting ? "(set, not shown)" : "(not set)");
	else if (key->kind == KEY_LIST)
		put_list(out, (const struct key_list *)(values + key->offset));
	else if (key->kind == KEY_FILE || key->kind == KEY_TEXT)
		buf_put_printable(out, *(const str *)(values + key->offset), 200);
	else if (setting)
		buf_put_printable(out, setting->text, 200);
	else
		buf_put_cstr(out, key->fallback ? key->fallback : unset);
}

static const struct key_setting *setting_of(const struct key_setting *first,
					    const struct key_section *section,
					    const struct key *key, str title)
{
	for (const struct key_setting *s = first; s; s = s->next) {
		if (s->section == section && s->key == key && str_eq(s->title, title))
			return s;
	}
	return NULL;
}

static void explain_section(struct buf *out, const struct key_section *section,
			    const char *values, str title, const char *path,
			    const struct key_setting *settings)
{
	for (const struct key *k = section->keys; k->name; k++) {
		const struct key_setting *setting = setting_of(settings, section, k, title);
		size_t start = out->size;
		buf_put_cstr(out, section->name);
		if (title.size) {
			buf_put_cstr(out, " \"");
			buf_put_printable(out, title, 80);
			buf_put_byte(out, '"');
		}
		buf_printf(out, "%s%s = ", section->name[0] ? "." : "", k->name);
		put_value(out, section, k, values, setting);
		size_t width = out->size - start;
		for (; width < 56; width++)
			buf_put_byte(out, ' ');
		if (setting)
			buf_printf(out, "  # %s:%d\n", path, setting->line);
		else
			buf_put_cstr(out, "  # default\n");
	}
}

void keys_explain(const struct key_table *table, const void *values, const char *path,
		  const struct key_setting *settings, struct buf *out)
{
	for (const struct key_section *s = table->sections; s->name; s++) {
		const char *base = values;
		if (!s->title) {
			explain_section(out, s, base + s->offset, (str){}, path, settings);
			continue;
		}
		size_t count = *(const size_t *)(base + s->count_offset);
		const char *items = *(char *const *)(base + s->offset);
		for (size_t i = 0; i < count; i++)
			explain_section(out, s, items + i * s->size,
					*(const str *)(items + i * s->size), path, settings);
	}
}

/* --- what another file says otherwise --------------------------------------------------------
 */

bool key_is_live(const struct key_section *section, const struct key *key)
{
	return section->reader == KEY_ON_RELOAD ? !(key->traits & KEY_FIXED)
						: (key->traits & KEY_LIVE) != 0;
}

/* Once each: a section that is there a thousand times is named by its kind. */
static void put_name(struct buf *out, const struct key_setting *s)
{
	char name[160];
	struct buf b;
	buf_init_fixed(&b, name, sizeof(name));
	buf_printf(&b, "%s%s%s", s->section->name, s->section->name[0] ? "." : "",
		   s->key->name);
	str rest = buf_str(out);
	while (rest.size > 0) {
		if (str_eq(str_trim(str_cut(&rest, ',')), buf_str(&b)))
			return;
	}
	buf_put_cstr(out, out->size ? ", " : "");
	buf_put(out, buf_str(&b));
}

static str place_of(const struct key_setting *s, struct arena *arena)
{
	struct buf b;
	buf_init_arena(&b, arena, 64 + s->title.size);
	buf_printf(&b, "%s %s ", s->section->name, s->key->name);
	buf_put(&b, s->title);
	return buf_str(&b);
}

struct differing {
	struct arena *arena;
	struct map before;
	struct buf live, dead;
	bool failed;
};

static void note(struct differing *d, const struct key_setting *s)
{
	if (key_is_live(s->section, s->key))
		put_name(&d->live, s);
	else if (s->section->reader != KEY_BY_COMMAND)
		put_name(&d->dead, s);
}

int keys_differ(const struct key_setting *before, const struct key_setting *after,
		struct arena *arena, str *ret_live, str *ret_dead)
{
	struct differing d = {.arena = arena};
	size_t index = 0;
	map_init(&d.before, arena, 1);
	buf_init_arena(&d.live, arena, 256);
	buf_init_arena(&d.dead, arena, 256);
	/* Of a key that was set twice the newest counts: it comes first. */
	for (const struct key_setting *s = before; s && !d.failed; s = s->next) {
		str place = place_of(s, arena);
		if (!map_get(&d.before, place))
			d.failed = map_put(&d.before, place, (void *)(uintptr_t)s) != 0;
	}
	for (const struct key_setting *s = after; s && !d.failed; s = s->next) {
		const struct key_setting *old = map_remove(&d.before, place_of(s, arena));
		if (!old || !str_eq(old->text, s->text))
			note(&d, s);
	}
	for (struct map_entry *e; (e = map_next(&d.before, &index));)
		note(&d, e->value);
	*ret_live = buf_str(&d.live);
	*ret_dead = buf_str(&d.dead);
	return d.failed || !buf_ok(&d.live) || !buf_ok(&d.dead) ? -1 : 0;
}
