/* campaign_variants.c - see campaign_variants.h. What a variant leaves out is the letter's; a
 * text part that was made from the letter's HTML is made anew from the variant's. */
#include "engine/api/campaign_variants.h"

#include <math.h>
#include <stdio.h>

#include "engine/api/html_text.h"
#include "templates/variant.h"

#define NAME_LIMIT 32

/* A variant as it will be rendered. */
struct form {
	str name, subject, from, html, text;
	const struct campaign_variant *section; /* NULL: campaign.conf has none for it */
	uint32_t share;
};

struct reading {
	struct campaign_dir *campaign;
	const char *path;
	struct arena *arena;
	char *why;
	size_t why_size;
	struct form forms[VARIANT_LIMIT]; /* the letter is the first */
	size_t count;
	uint32_t hold_out;
};

/* The line of a section's key, or of its first one; key NULL. */
static int line_of(const struct reading *r, str title, const char *key)
{
	int line = 0;
	for (const struct key_setting *s = r->campaign->set; s; s = s->next) {
		bool here = title.size ? strcmp(s->section->name, "variant") == 0 &&
						 str_eq(s->title, title)
				       : s->section->name[0] == '\0';
		if (here && (!key || strcmp(s->key->name, key) == 0))
			line = s->line; /* the newest come first */
	}
	return line ? line : 1;
}

/* title empty: a key outside of any section. */
static int refuse(const struct reading *r, str title, const char *key, const char *sentence)
{
	char memory[400];
	struct buf b;
	buf_init_fixed(&b, memory, sizeof(memory));
	if (title.size) {
		buf_put_cstr(&b, "variant \"");
		buf_put_printable(&b, title, 60);
		buf_put_cstr(&b, key ? "\"." : "\"");
	}
	buf_printf(&b, "%s: %s", key ? key : "", sentence);
	snprintf(r->why, r->why_size, "%s:%d: %.*s", r->path, line_of(r, title, key),
		 STR_FORMAT(buf_str(&b)));
	return -1;
}

static bool is_name(str name)
{
	for (size_t i = 0; i < name.size; i++) {
		char c = name.data[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || c == '-' || c == '_';
		if (!plain)
			return false;
	}
	return name.size > 0 && name.size <= NAME_LIMIT;
}

/* The letter's own section says nothing but its share: its words stand in campaign.conf. */
static int check_letter(const struct reading *r, const struct campaign_variant *v)
{
	const char *key = v->subject.size     ? "subject"
			  : v->from.size      ? "from"
			  : v->html_file.size ? "html"
			  : v->text_file.size ? "text"
					      : NULL;
	if (!key)
		return 0;
	return refuse(r, v->name, key,
		      "\"" VARIANT_OF_THE_LETTER "\" is the letter itself: only its share is "
		      "said here");
}

static int read_form(const struct reading *r, const struct campaign_variant *v,
		     struct form *form)
{
	const struct campaign_dir *c = r->campaign;
	char why[300];
	*form = (struct form){.name = v->name,
			      .subject = v->subject.size ? v->subject : c->subject,
			      .from = v->from.size ? v->from : c->from,
			      .html = c->html,
			      .text = c->text,
			      .section = v};
	if (v->html_file.size &&
	    campaign_dir_text(v->html_file, r->arena, &form->html, why, sizeof(why)) != 0)
		return refuse(r, v->name, "html", why);
	if (v->text_file.size &&
	    campaign_dir_text(v->text_file, r->arena, &form->text, why, sizeof(why)) != 0)
		return refuse(r, v->name, "text", why);
	return 0;
}

static bool are_equal(const struct form *a, const struct form *b)
{
	return str_eq(a->subject, b->subject) && str_eq(a->from, b->from) &&
	       str_eq(a->html, b->html) && str_eq(a->text, b->text);
}

/* A test between two that are the same says nothing, and looks as if it did. */
static int check_differs(const struct reading *r, const struct form *form)
{
	for (size_t i = 0; i < r->count; i++) {
		char sentence[160];
		if (!are_equal(form, &r->forms[i]))
			continue;
		snprintf(sentence, sizeof(sentence),
			 "is the same as \"%.*s\": say another subject, from, html or text",
			 STR_FORMAT(r->forms[i].name));
		return refuse(r, form->name, NULL, sentence);
	}
	return 0;
}

static int read_forms(struct reading *r)
{
	const struct campaign_dir *c = r->campaign;
	r->forms[0] = (struct form){.name = STR(VARIANT_OF_THE_LETTER),
				    .subject = c->subject,
				    .from = c->from,
				    .html = c->html,
				    .text = c->text};
	r->count = 1;
	for (size_t i = 0; i < c->variant_count; i++) {
		const struct campaign_variant *v = &c->variants[i];
		struct form *form = &r->forms[r->count];
		if (!is_name(v->name))
			return refuse(r, v->name, NULL,
				      "name it by at most 32 letters, digits, - and _");
		if (str_eq(v->name, STR(VARIANT_OF_THE_LETTER))) {
			r->forms[0].section = v;
			if (check_letter(r, v) != 0)
				return -1;
			continue;
		}
		if (r->count == VARIANT_LIMIT)
			return refuse(r, v->name, NULL,
				      "is one too many: a letter has at most 26 variants");
		if (read_form(r, v, form) != 0 || check_differs(r, form) != 0)
			return -1;
		r->count++;
	}
	return 0;
}

/* A share of the audience in 1/10000; false: between two of them. */
static bool parts_of(double share, uint32_t *ret_parts)
{
	double parts = share * VARIANT_WHOLE, whole = round(parts);
	*ret_parts = (uint32_t)whole;
	return whole >= 1 && fabs(parts - whole) < 1e-6;
}

/* Without shares everybody is in the test, evenly. */
static int share_evenly(struct reading *r)
{
	uint32_t all = VARIANT_WHOLE - r->hold_out, count = (uint32_t)r->count;
	for (uint32_t i = 0; i < count; i++)
		r->forms[i].share = all / count + (i < all % count);
	return all >= count ? 0 : refuse(r, STR(""), "hold_out", "leaves nobody to write to");
}

static int read_shares(struct reading *r)
{
	uint32_t sum = r->hold_out;
	for (size_t i = 0; i < r->count; i++) {
		struct form *form = &r->forms[i];
		if (!form->section || form->section->share <= 0)
			return refuse(r, r->forms[i].section ? form->name : r->forms[1].name,
				      form->section ? NULL : "share",
				      "say the share of every variant, that of "
				      "\"" VARIANT_OF_THE_LETTER
				      "\" (the letter itself) too, or of none");
		if (!parts_of(form->section->share, &form->share))
			return refuse(r, form->name, "share", "goes in steps of 0.01%");
		sum += form->share;
		if (sum > VARIANT_WHOLE)
			return refuse(r, form->name, "share",
				      "comes to more than 100% with the others and hold_out");
	}
	if (r->count == 1)
		return refuse(r, r->forms[0].name, "share", "there is no other variant");
	return 0;
}

static int find_shares(struct reading *r)
{
	bool has_shares = false;
	for (size_t i = 0; i < r->count; i++)
		has_shares |= r->forms[i].section && r->forms[i].section->share > 0;
	if (r->campaign->hold_out > 0 && !parts_of(r->campaign->hold_out, &r->hold_out))
		return refuse(r, STR(""), "hold_out", "goes in steps of 0.01%");
	return has_shares ? read_shares(r) : share_evenly(r);
}

static json_t *text(str value)
{
	return json_stringn(value.data, value.size);
}

static int put_form(struct reading *r, const struct form *form, json_t *list)
{
	const struct campaign_variant *v = form->section;
	json_t *object = json_object();
	int result = 0;
	json_object_set_new(object, "name", text(form->name));
	json_object_set_new(object, "share", json_integer(form->share));
	if (v && v->subject.size)
		json_object_set_new(object, "subject", text(v->subject));
	if (v && v->from.size && campaign_dir_put_from(object, v->from) != 0)
		result = refuse(r, form->name, "from",
				"write \"Ann Example <ann@news.example.com>\", an address at "
				"least");
	if (v && v->html_file.size)
		json_object_set_new(object, "html", text(form->html));
	if (v && v->text_file.size)
		json_object_set_new(object, "text", text(form->text));
	else if (v && v->html_file.size && !form->text.data)
		json_object_set_new(object, "text", text(html_text(r->arena, form->html)));
	json_array_append_new(list, object);
	return result;
}

static int put_forms(struct reading *r, json_t *settings)
{
	json_t *list = json_array();
	struct buf split;
	buf_init_arena(&split, r->arena, 256);
	json_object_set_new(settings, "variants", list);
	json_object_set_new(settings, "hold_out", json_integer(r->hold_out));
	for (size_t i = 0; i < r->count; i++) {
		if (put_form(r, &r->forms[i], list) != 0)
			return -1;
		buf_printf(&split, "%c%u", i ? ',' : '{', r->forms[i].share);
	}
	buf_put_byte(&split, '}');
	r->campaign->split = arena_copy(r->arena, buf_str(&split));
	r->campaign->hold_out_parts = r->hold_out;
	return 0;
}

int campaign_variants_put(struct campaign_dir *c, const char *conf_path, struct arena *arena,
			  json_t *settings, char *ret_why, size_t why_size)
{
	c->split = STR("{}");
	if (c->variant_count == 0 && c->hold_out <= 0)
		return 0;
	struct reading *r = ARENA_NEW(arena, struct reading);
	if (!r) {
		snprintf(ret_why, why_size, "out of memory");
		return -1;
	}
	*r = (struct reading){.campaign = c,
			      .path = conf_path,
			      .arena = arena,
			      .why = ret_why,
			      .why_size = why_size};
	if (c->kind == CAMPAIGN_TRANSACTIONAL)
		return refuse(r, c->variant_count ? c->variants[0].name : STR(""),
			      c->variant_count ? NULL : "hold_out",
			      "a transactional campaign has no audience to divide");
	return read_forms(r) == 0 && find_shares(r) == 0 ? put_forms(r, settings) : -1;
}
