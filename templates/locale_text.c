/* locale_text.c - translations become pieces; see locale_text.h. */
#include "templates/locale_text.h"

#include <stdio.h>

#include "templates/liquid_tree.h"

enum {
	DEPTH_MAX = 16,
	KEY_LIMIT = 256,
	PIECES_LIMIT = 64,
	HINTS_LIMIT = 2000,
	NAME_LIMIT = 64
};

struct making {
	struct arena *arena;
	struct text_set *set;
	struct liquid_error *error;
	char key[KEY_LIMIT];
	size_t key_size;
};

static int refuse(struct making *m, const char *sentence)
{
	struct buf b, file;
	char *name = arena_bytes(m->arena, m->set->name.size + 16);
	*m->error = (struct liquid_error){.line = 1, .column = 1};
	if (name) {
		buf_init_fixed(&file, name, m->set->name.size + 16);
		buf_put_cstr(&file, "locales/");
		buf_put(&file, m->set->name);
		buf_put_cstr(&file, ".json");
		m->error->file = buf_str(&file);
	}
	buf_init_fixed(&b, m->error->message, sizeof(m->error->message) - 1);
	buf_put_printable(&b, str_make(m->key, m->key_size), 80);
	buf_put_cstr(&b, m->key_size ? ": " : "");
	buf_put_cstr(&b, sentence);
	m->error->message[b.size] = '\0';
	return -1;
}

static bool is_name(str name)
{
	for (size_t i = 0; i < name.size; i++) {
		char c = name.data[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		if (!letter && !(i > 0 && ((c >= '0' && c <= '9') || c == '-')))
			return false;
	}
	return name.size > 0 && name.size <= NAME_LIMIT;
}

/* text = *(literal / "{{" name "}}") literal */
static int make_form(struct making *m, str text, struct text_form *form)
{
	struct text_piece pieces[PIECES_LIMIT];
	size_t count = 0;
	bool more = true;
	while (more) {
		size_t open = str_find(text, STR("{{"));
		if (count == PIECES_LIMIT)
			return refuse(m, "has more than 60 names in it");
		pieces[count++] = (struct text_piece){.literal = str_sub(text, 0, open)};
		more = open != STR_NONE;
		if (!more)
			break;
		text = str_from(text, open + 2);
		size_t close = str_find(text, STR("}}"));
		str name = str_trim(str_sub(text, 0, close));
		if (close == STR_NONE || !is_name(name))
			return refuse(m,
				      "between {{ and }} of a translation stands a name, and "
				      "nothing else");
		pieces[count - 1].name = name;
		text = str_from(text, close + 2);
	}
	struct text_piece *kept = ARENA_ARRAY(m->arena, struct text_piece, count);
	if (!kept)
		return refuse(m, "out of memory");
	memcpy(kept, pieces, count * sizeof *kept);
	*form = (struct text_form){kept, count};
	return 0;
}

static bool is_plural(const struct value *hash)
{
	enum plural plural;
	bool other = false;
	for (size_t i = 0; i < hash->hash.count; i++) {
		const struct value_pair *pair = &hash->hash.pairs[i];
		if (pair->value.kind != VALUE_STRING || !plural_from_name(pair->name, &plural))
			return false;
		other = other || plural == PLURAL_OTHER;
	}
	return other;
}

static int make_forms(struct making *m, const struct value *value, struct text *text)
{
	enum plural plural;
	if (value->kind == VALUE_STRING)
		return make_form(m, value->string, &text->forms[PLURAL_OTHER]);
	text->has_plural = true;
	for (size_t i = 0; i < value->hash.count; i++) {
		const struct value_pair *pair = &value->hash.pairs[i];
		if (plural_from_name(pair->name, &plural) &&
		    make_form(m, pair->value.string, &text->forms[plural]))
			return -1;
	}
	return 0;
}

static int make_text(struct making *m, const struct value *value)
{
	struct text *text = ARENA_NEW(m->arena, struct text);
	str key = arena_copy(m->arena, str_make(m->key, m->key_size));
	if (!text || !key.data)
		return refuse(m, "out of memory");
	text->is_html = str_ends(key, STR("_html"));
	if (make_forms(m, value, text))
		return -1;
	return map_put(&m->set->by_key, key, text) ? refuse(m, "out of memory") : 0;
}

/* Recursion over a tree that stood in JSON, whose depth is bounded here. */
static int make_texts(struct making *m, const struct value *hash, int depth)
{
	size_t before = m->key_size;
	for (size_t i = 0; i < hash->hash.count; i++) {
		const struct value_pair *pair = &hash->hash.pairs[i];
		struct buf key;
		m->key_size = before;
		buf_init_fixed(&key, m->key + before, sizeof m->key - before);
		if (before)
			buf_put_byte(&key, '.');
		buf_put(&key, pair->name);
		if (!buf_ok(&key))
			return refuse(m, "a key here is too long");
		m->key_size += key.size;
		bool nested = pair->value.kind == VALUE_HASH && !is_plural(&pair->value);
		if (nested && depth == DEPTH_MAX)
			return refuse(m, "is nested too deep");
		if (!nested && pair->value.kind != VALUE_STRING &&
		    pair->value.kind != VALUE_HASH)
			return refuse(m, "is neither a text nor an object of texts");
		if (nested ? make_texts(m, &pair->value, depth + 1)
			   : make_text(m, &pair->value))
			return -1;
	}
	m->key_size = before;
	return 0;
}

static struct text_set *set_of(const struct texts *texts, str locale)
{
	for (size_t i = 0; i < texts->count; i++)
		if (locale_name_compare(texts->sets[i].name, locale) == 0)
			return &texts->sets[i];
	return NULL;
}

const struct text_set *texts_for(const struct texts *texts, str locale)
{
	const struct text_set *found = NULL;
	if (locale.size > LOCALE_NAME_LIMIT)
		return texts->usual;
	for (; locale.size > 0 && !found; locale = locale_name_above(locale))
		found = set_of(texts, locale);
	return found ? found : texts->usual;
}

/* de-AT asks de. */
static void link_sets(struct texts *texts)
{
	for (size_t i = 0; i < texts->count; i++) {
		struct text_set *set = &texts->sets[i];
		str above = locale_name_above(set->name);
		for (; above.size > 0 && !set->next; above = locale_name_above(above))
			set->next = set_of(texts, above);
	}
}

struct texts *texts_compile(struct arena *arena, const struct value *locales, str locale,
			    struct liquid_error *ret_error)
{
	struct text_set none = {};
	struct making m = {.arena = arena, .set = &none, .error = ret_error};
	struct texts *texts = ARENA_NEW(arena, struct texts);
	size_t count = locales->kind == VALUE_HASH ? locales->hash.count : 0;
	struct text_set *sets = ARENA_ARRAY(arena, struct text_set, count + 1);
	if (!texts || !sets) {
		(void)refuse(&m, "out of memory");
		return NULL;
	}
	*texts = (struct texts){.sets = sets, .count = count, .usual_name = locale};
	for (size_t i = 0; i < count; i++) {
		const struct value_pair *pair = &locales->hash.pairs[i];
		m.set = &sets[i];
		m.key_size = 0;
		sets[i].name = pair->name;
		map_init(&sets[i].by_key, arena, 0);
		if (pair->value.kind != VALUE_HASH) {
			(void)refuse(&m, "is no JSON object of keys and texts");
			return NULL;
		}
		if (make_texts(&m, &pair->value, 0))
			return NULL;
	}
	link_sets(texts);
	texts->usual = texts_for(texts, locale);
	return texts;
}

static const struct text *find_from(const struct text_set *set, str key,
				    const struct text_set **ret_set)
{
	for (; set; set = set->next) {
		const struct text *text = map_get(&set->by_key, key);
		if (!text)
			continue;
		*ret_set = set;
		return text;
	}
	return NULL;
}

const struct text *text_find(const struct texts *texts, const struct text_set *set, str key,
			     const struct text_set **ret_set)
{
	const struct text *text = find_from(set, key, ret_set);
	return text || set == texts->usual ? text : find_from(texts->usual, key, ret_set);
}

void text_suggest(const struct text_set *set, str key, char *out, size_t out_size)
{
	const char *names[HINTS_LIMIT + 1] = {};
	size_t count = 0, index = 0;
	struct map_entry *entry;
	while (set && count < HINTS_LIMIT && (entry = map_next(&set->by_key, &index)))
		names[count++] = entry->key.data; /* arena_copy() puts a NUL behind */
	liquid_suggest(out, out_size, key, names);
}
