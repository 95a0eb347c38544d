/* content_variants.c - the forms of a letter (A/B): a plan each, and who gets which. All of
 * them are read from one list of fields, so that a slice is read once whatever variants are in
 * it. */
#include "engine/send/content.h"

#include <stdio.h>

static int out_of_memory(struct liquid_error *error)
{
	*error = (struct liquid_error){.file = STR("settings"), .line = 1, .column = 1};
	snprintf(error->message, sizeof(error->message),
		 "the campaign is too large for its memory");
	return -1;
}

static uint32_t number_of(const struct value *hash, const char *key)
{
	const struct value *v = value_get(hash, str_of(key));
	bool good = v && v->kind == VALUE_INT && v->integer >= 0 && v->integer <= VARIANT_WHOLE;
	return good ? (uint32_t)v->integer : 0;
}

/* They were checked when the campaign was stored. Whoever writes others into the database by
 * hand gets no variants rather than a split that is none. */
static void read_split(const struct value *settings, const struct value *list,
		       struct variant_split *split)
{
	uint32_t sum = number_of(settings, "hold_out");
	*split = (struct variant_split){.hold_out = sum};
	if (!list || list->kind != VALUE_ARRAY || list->array.count > VARIANT_LIMIT)
		return;
	for (size_t i = 0; i < list->array.count; i++)
		sum += split->shares[i] = number_of(&list->array.items[i], "share");
	if (sum <= VARIANT_WHOLE)
		split->count = (uint32_t)list->array.count;
}

/* What a variant leaves out is as in the letter. */
static void replace(const struct value *variant, const char *key, str *text)
{
	const struct value *v = value_get(variant, str_of(key));
	if (v && v->kind == VALUE_STRING)
		*text = v->string;
}

static str name_of(const struct value *variant)
{
	str name = STR("?");
	replace(variant, "name", &name);
	return name;
}

static void name_file(struct arena *arena, str variant, struct liquid_error *error)
{
	struct buf b;
	buf_init_arena(&b, arena, 64);
	buf_put_cstr(&b, "variant ");
	buf_put(&b, variant);
	buf_put_cstr(&b, ": ");
	buf_put(&b, error->file);
	if (buf_ok(&b))
		error->file = buf_str(&b);
}

static const struct message_plan *compile(struct arena *arena, const struct value *variant,
					  const struct message_source *letter,
					  struct liquid_error *error)
{
	/* A plan keeps what it was made from. */
	struct message_source *source = ARENA_NEW(arena, struct message_source);
	if (!source) {
		(void)out_of_memory(error);
		return NULL;
	}
	*source = *letter;
	replace(variant, "subject", &source->subject);
	replace(variant, "from_name", &source->from_name);
	replace(variant, "from_address", &source->from_address);
	replace(variant, "html", &source->html);
	replace(variant, "text", &source->text);
	const struct message_plan *plan = message_compile(arena, source, error);
	if (!plan)
		name_file(arena, name_of(variant), error);
	return plan;
}

static size_t place_of(str *fields, size_t *count, str field)
{
	for (size_t i = 0; i < *count; i++)
		if (str_eq(fields[i], field))
			return i;
	fields[*count] = field;
	return (*count)++;
}

/* The letter's own fields keep their places. */
static int join_fields(struct arena *arena, struct content *content,
		       struct content_variant *variants)
{
	size_t limit = message_field_count(content->plan), count = 0;
	for (uint32_t i = 0; i < content->split.count; i++)
		limit += message_field_count(variants[i].plan);
	str *fields = ARENA_ARRAY(arena, str, limit + 1);
	size_t *places = ARENA_ARRAY(arena, size_t, limit + 1);
	if (!fields || !places)
		return -1;
	for (size_t i = 0; i < message_field_count(content->plan); i++)
		(void)place_of(fields, &count, message_field(content->plan, i));
	for (uint32_t i = 0; i < content->split.count; i++) {
		const struct message_plan *plan = variants[i].plan;
		variants[i].fields = places;
		for (size_t f = 0; f < message_field_count(plan); f++)
			*places++ = place_of(fields, &count, message_field(plan, f));
	}
	content->fields = fields;
	content->field_count = count;
	return 0;
}

int content_compile_variants(struct arena *arena, const struct value *settings,
			     const struct message_source *letter, struct content *content,
			     struct liquid_error *ret_error)
{
	const struct value *list = value_get(settings, STR("variants"));
	read_split(settings, list, &content->split);
	size_t count = content->split.count;
	struct content_variant *variants =
		ARENA_ARRAY(arena, struct content_variant, count + 1);
	if (!variants)
		return out_of_memory(ret_error);
	for (size_t i = 0; i < count; i++) {
		const struct value *variant = &list->array.items[i];
		variants[i].name = name_of(variant);
		variants[i].plan =
			i == 0 ? content->plan : compile(arena, variant, letter, ret_error);
		if (!variants[i].plan)
			return -1;
	}
	content->variants = variants;
	return join_fields(arena, content, variants) == 0 ? 0 : out_of_memory(ret_error);
}

uint32_t content_variant_of(const struct content *content, uint64_t campaign_id,
			    uint64_t subscriber_id, uint32_t winner)
{
	int variant = variant_of(&content->split, campaign_id, subscriber_id);
	if (variant == VARIANT_REST)
		return winner;
	return variant == VARIANT_HELD_OUT ? 0 : (uint32_t)variant;
}

const struct message_plan *content_plan(const struct content *content, struct arena *arena,
					uint32_t variant, struct message_recipient *to)
{
	if (variant < 2 || variant > content->split.count)
		return content->plan;
	const struct content_variant *chosen = &content->variants[variant - 1];
	/* As many as content has, for content_read_fields(). */
	str *fields = ARENA_ARRAY(arena, str, content->field_count + 1);
	if (!fields)
		return NULL;
	for (size_t i = 0; to->fields && i < message_field_count(chosen->plan); i++)
		fields[i] = to->fields[chosen->fields[i]];
	to->fields = fields;
	return chosen->plan;
}
