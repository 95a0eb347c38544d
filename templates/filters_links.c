/* filters_links.c - what links are rewritten with (links.h), and `track`, which says only to
 * who rewrites that a link is not to be tracked. */
#include "templates/filters.h"

#include "templates/links_scan.h"

/* As it is written, not as it would stand in HTML. */
static bool argument(struct liquid_frame *f, const struct filter_input *input, size_t index,
		     str *ret_text)
{
	*ret_text = STR("");
	return index >= input->count || frame_text(f, &input->arguments[index], ret_text);
}

int filter_track(struct liquid_frame *, const struct filter_input *input, struct value *ret)
{
	*ret = input->value;
	return 0;
}

/* url | link_utm: "utm_source=...", "BASE": the parameters that it does not have; what is no
 * web address, or one of our own pages, stays as it is. */
int filter_link_utm(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	str url, utm, base;
	struct buf out;
	*ret = input->value;
	if (!filter_text(f, input, &url) || !argument(f, input, 0, &utm) ||
	    !argument(f, input, 1, &base))
		return -1;
	if (!links_is_web(url) || links_is_own(url, base))
		return 0;
	bool safe = input->value.kind == VALUE_STRING && input->value.safe;
	filter_begin(f, &out, url.size + utm.size + 16);
	links_put_with_utm(&out, str_trim(url), utm, safe);
	if (filter_finish(f, &out, ret))
		return -1;
	ret->safe = safe;
	return 0;
}

/* url | link_track: "BASE", click_token, "7": our own page, which leads there; what is no web
 * address, or our own page already, stays as it is. */
int filter_link_track(struct liquid_frame *f, const struct filter_input *input,
		      struct value *ret)
{
	str url, words[3];
	struct buf out;
	*ret = input->value;
	if (!filter_text(f, input, &url))
		return -1;
	for (size_t i = 0; i < 3; i++)
		if (!argument(f, input, i, &words[i]))
			return -1;
	if (!links_is_web(url) || links_is_own(url, words[0]))
		return 0;
	filter_begin(f, &out, words[0].size + words[1].size + 16);
	buf_put(&out, words[0]);
	buf_put_cstr(&out, "/c/");
	buf_put(&out, words[1]);
	buf_put_byte(&out, '/');
	buf_put(&out, words[2]);
	if (filter_finish(f, &out, ret))
		return -1;
	ret->safe = input->value.kind == VALUE_STRING && input->value.safe;
	return 0;
}
