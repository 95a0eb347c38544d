/* message_cid.c - images inside of a letter. The HTML says src="cid:logo"; a Content-ID must be
 * unique in the world and have the form of an address (RFC 2392 2, RFC 2387), so both sides get
 * <logo.HASH@return domain> when the campaign is compiled, in partials of the HTML too. */
#include "templates/message_plan.h"

#include "engine/base/hash.h"
#include "templates/liquid_tree.h"

#define NAME_LIMIT 60 /* of a cid that stands in its Content-ID; others are numbered */

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.';
}

/* A dot-atom that needs no escaping in a URL. */
static bool is_simple(str name)
{
	for (size_t i = 0; i < name.size; i++)
		if (!is_name_char(name.data[i]))
			return false;
	return name.size > 0 && name.size <= NAME_LIMIT && name.data[0] != '.' &&
	       str_find(name, STR("..")) == STR_NONE && !str_ends(name, STR("."));
}

int message_name_images(struct arena *arena, struct message_plan *plan,
			struct liquid_error *error)
{
	const struct message_source *source = &plan->source;
	plan->content_ids = ARENA_ARRAY(arena, str, source->file_count + 1);
	for (size_t i = 0; plan->content_ids && i < source->file_count; i++) {
		const struct message_file *file = &source->files[i];
		struct buf id;
		if (file->cid.size == 0)
			continue;
		for (size_t j = 0; j < i; j++) {
			if (!str_eq(source->files[j].cid, file->cid))
				continue;
			message_error(error, STR("inline"),
				      STR("two images have the same cid: "), file->cid);
			return -1;
		}
		buf_init_arena(&id, arena, NAME_LIMIT + source->return_domain.size + 32);
		if (is_simple(file->cid))
			buf_put(&id, file->cid);
		else
			buf_printf(&id, "image-%zu", i + 1);
		buf_printf(&id, ".%016llx@", (unsigned long long)hash_bytes(0, file->bytes));
		buf_put(&id, source->return_domain);
		plan->content_ids[i] = buf_str(&id);
		if (!buf_ok(&id))
			plan->content_ids = NULL;
	}
	if (plan->content_ids)
		return 0;
	message_error(error, STR("inline"), STR("out of memory"), STR(""));
	return -1;
}

/* data NULL: there is no such image. */
static str find_id(const struct message_plan *plan, str cid)
{
	for (size_t i = 0; i < plan->source.file_count; i++)
		if (plan->source.files[i].cid.size > 0 &&
		    str_eq(plan->source.files[i].cid, cid))
			return plan->content_ids[i];
	return (str){};
}

/* The next "cid:" that begins the value of an attribute or of url(), from `from` on. */
static size_t find_reference(str html, size_t from)
{
	for (;;) {
		size_t at = str_find(str_from(html, from), STR("cid:"));
		if (at == STR_NONE)
			return STR_NONE;
		at += from;
		if (at > 0 && str_find_byte(STR("\"'=("), html.data[at - 1]) != STR_NONE)
			return at;
		from = at + 4;
	}
}

static str name_of(str html, size_t at)
{
	size_t end = at;
	while (end < html.size && (unsigned char)html.data[end] > ' ' &&
	       str_find_byte(STR("\"'()<>"), html.data[end]) == STR_NONE)
		end++;
	return str_sub(html, at, end - at);
}

static void note_broken(struct message_cids *cids, str file, str html, size_t at, str name)
{
	const struct source source = {file, html};
	if (!cids->error || cids->failed)
		return;
	cids->failed = true;
	bool computed =
		str_find(name, STR("{{")) != STR_NONE || str_find(name, STR("{%")) != STR_NONE;
	message_error(cids->error, file,
		      computed ? STR("a cid: must name its image without Liquid: ")
			       : STR("no image of the campaign has this cid: "),
		      name);
	liquid_error_locate(cids->error, &source, at);
}

int message_resolve_cids(struct message_cids *cids, struct arena *arena, str file, str html,
			 str *ret_html)
{
	size_t at = html.data ? find_reference(html, 0) : STR_NONE, from = 0;
	*ret_html = html;
	if (at == STR_NONE)
		return 0;
	struct buf out;
	buf_init_arena(&out, arena, html.size + 1024);
	for (; at != STR_NONE; at = find_reference(html, from)) {
		size_t start = at + strlen("cid:");
		str name = name_of(html, start), id = find_id(cids->plan, name);
		if (!id.data)
			note_broken(cids, file, html, at, name);
		buf_put(&out, str_sub(html, from, start - from));
		buf_put(&out, id.data ? id : name);
		from = start + name.size;
	}
	buf_put(&out, str_from(html, from));
	*ret_html = buf_str(&out);
	return buf_ok(&out) && !(cids->error && cids->failed) ? 0 : -1;
}

bool message_load_resolved(void *context, str name, struct arena *arena, str *ret_source)
{
	struct message_cids *cids = context;
	const struct message_source *source = &cids->plan->source;
	str html;
	if (!source->load_partial ||
	    !source->load_partial(source->load_context, name, arena, &html))
		return false;
	/* What is broken is told when compiling has ended. */
	if (message_resolve_cids(cids, arena, name, html, ret_source) != 0)
		*ret_source = html;
	return true;
}
