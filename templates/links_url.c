/* links_url.c - parameters that are put into addresses, and our own addresses taken apart. */
#include "templates/links.h"

#include "templates/links_scan.h"

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

void links_put_utm(struct buf *out, const char *name, str value)
{
	static const char digits[] = "0123456789ABCDEF";
	if (value.size == 0)
		return;
	if (out->size > 0)
		buf_put_byte(out, '&');
	buf_put_cstr(out, "utm_");
	buf_put_cstr(out, name);
	buf_put_byte(out, '=');
	for (size_t i = 0; i < value.size; i++) {
		unsigned char c = (unsigned char)value.data[i];
		if (is_unreserved((char)c)) {
			buf_put_byte(out, (char)c);
			continue;
		}
		buf_put_byte(out, '%');
		buf_put_byte(out, digits[c >> 4]);
		buf_put_byte(out, digits[c & 15]);
	}
}

/* Behind Liquid that begins at at; at itself when none does. */
static size_t behind_code(str url, size_t at)
{
	bool output = str_starts(str_from(url, at), STR("{{"));
	if (!output && !str_starts(str_from(url, at), STR("{%")))
		return at;
	size_t size = str_find(str_from(url, at), output ? STR("}}") : STR("%}"));
	return size == STR_NONE ? url.size : at + size + 2;
}

/* Where "?" and "#" stand, or the end; in HTML "&#" begins an entity. */
static void find_parts(str url, bool is_html, size_t *ret_query, size_t *ret_fragment)
{
	*ret_query = *ret_fragment = url.size;
	for (size_t i = 0; i < url.size;) {
		size_t next = behind_code(url, i);
		char c = url.data[i];
		if (next == i && c == '#' && !(is_html && i > 0 && url.data[i - 1] == '&')) {
			*ret_fragment = i;
			break;
		}
		if (next == i && c == '?' && *ret_query == url.size)
			*ret_query = i;
		i = next > i ? next : i + 1;
	}
	if (*ret_query > *ret_fragment)
		*ret_query = *ret_fragment;
}

/* query: from its "?" on, or empty. */
static bool has_parameter(str query, str name, bool is_html)
{
	while (query.size > 0) {
		query = str_from(query, 1); /* "?" or "&" */
		if (is_html && str_starts(query, STR("amp;")))
			query = str_from(query, 4);
		size_t size = str_find_byte(query, '&');
		str one = str_sub(query, 0, size == STR_NONE ? query.size : size);
		if (str_eq_nocase(str_cut(&one, '='), name))
			return true;
		query = size == STR_NONE ? STR("") : str_from(query, size);
	}
	return false;
}

static bool ends_parameter(str url, bool is_html)
{
	return str_ends(url, STR("?")) || str_ends(url, STR("&")) ||
	       (is_html && str_ends(url, STR("&amp;")));
}

void links_put_with_utm(struct buf *out, str url, str utm, bool is_html)
{
	size_t query_at, fragment_at;
	find_parts(url, is_html, &query_at, &fragment_at);
	str before = str_sub(url, 0, fragment_at);
	str query = str_sub(url, query_at, fragment_at - query_at);
	bool has_query = query.size > 0, ready = ends_parameter(before, is_html);
	buf_put(out, before);
	while (utm.size > 0) {
		str one = str_cut(&utm, '&'), rest = one;
		if (has_parameter(query, str_cut(&rest, '='), is_html))
			continue;
		if (!ready)
			buf_put_cstr(out, !has_query ? "?" : is_html ? "&amp;" : "&");
		buf_put(out, one);
		has_query = true;
		ready = false;
	}
	buf_put(out, str_from(url, fragment_at));
}

bool links_is_web(str url)
{
	url = str_trim(url);
	return str_starts_nocase(url, STR("http://")) ||
	       str_starts_nocase(url, STR("https://"));
}

bool links_is_own(str url, str base)
{
	url = str_trim(url);
	if (base.size == 0 || !str_starts_nocase(url, base))
		return false;
	str rest = str_from(url, base.size);
	return rest.size > 3 && rest.data[0] == '/' && rest.data[2] == '/' &&
	       str_find_byte(STR("couvp"), rest.data[1]) != STR_NONE;
}

static bool read_page(str *path, enum link_page *ret_page)
{
	static const char letters[] = {[LINK_CLICK] = 'c',
				       [LINK_OPEN] = 'o',
				       [LINK_UNSUBSCRIBE] = 'u',
				       [LINK_VIEW] = 'v',
				       [LINK_PREFERENCES] = 'p'};
	for (size_t i = path->size; i-- > 0;) { /* the base may have a path of its own */
		str rest = str_from(*path, i);
		if (rest.size < 4 || rest.data[0] != '/' || rest.data[2] != '/')
			continue;
		const char *found = memchr(letters, rest.data[1], sizeof(letters));
		if (!found)
			continue;
		*ret_page = (enum link_page)(found - letters);
		*path = str_from(rest, 3);
		return true;
	}
	return false;
}

bool link_path_read(str url, struct link_path *ret_path)
{
	struct link_path path = {};
	uint64_t index = 0;
	str rest = str_cut(&url, '?');
	rest = str_cut(&rest, '#');
	if (!read_page(&rest, &path.page))
		return false;
	if (path.page == LINK_OPEN) {
		if (!str_ends(rest, STR(".gif")))
			return false;
		rest.size -= 4;
	}
	path.token = path.page == LINK_CLICK ? str_cut(&rest, '/') : rest;
	if (path.page == LINK_CLICK && (!str_to_u64(rest, &index) || index == 0 ||
					index > LINK_LIMIT_COUNT || rest.data[0] == '0'))
		return false;
	if (path.token.size == 0 || str_find_byte(path.token, '/') != STR_NONE)
		return false;
	path.index = (uint32_t)index;
	*ret_path = path;
	return true;
}
