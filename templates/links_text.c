/* links_text.c - addresses in plain text: what mail programs make links of.
 *
 *   link = ( "http://" / "https://" ) 1*( byte / {{ }} )
 *
 * up to a space, a bracket, a quote or a tag; punctuation at its end is the sentence's. */
#include "templates/links_scan.h"

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool ends_link(char c)
{
	return (unsigned char)c <= ' ' || c == '<' || c == '>' || c == '"' || c == '`' ||
	       c == '{' || c == '}' || c == '|' || c == '\\' || c == '^';
}

static size_t scheme_size(str text)
{
	return str_starts_nocase(text, STR("https://"))  ? 8
	       : str_starts_nocase(text, STR("http://")) ? 7
							 : 0;
}

static bool is_all_text(const uint8_t *map, size_t at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!links_is_text(map, at + i))
			return false;
	return true;
}

/* Code that begins here: behind it when it is an output, else here. */
static size_t skip_code(str source, const uint8_t *map, size_t at)
{
	size_t size = str_find(str_from(source, at), STR("}}"));
	return map[at] == BYTE_CODE && str_starts(str_from(source, at), STR("{{")) &&
			       size != STR_NONE
		       ? at + size + 2
		       : at;
}

static size_t find_end(str source, const uint8_t *map, size_t at)
{
	while (at < source.size) {
		if (links_is_text(map, at)) {
			if (ends_link(source.data[at]))
				break;
			at++;
			continue;
		}
		size_t next = skip_code(source, map, at);
		if (next == at)
			break;
		at = next;
	}
	return at;
}

static size_t count_of(str text, char byte)
{
	size_t count = 0;
	for (size_t i = 0; i < text.size; i++)
		count += text.data[i] == byte;
	return count;
}

/* A closing bracket belongs to the link when it opens in it. */
static size_t without_punctuation(str source, const uint8_t *map, size_t from, size_t to)
{
	while (to > from && links_is_text(map, to - 1)) {
		char c = source.data[to - 1];
		char opens = c == ')' ? '(' : c == ']' ? '[' : '\0';
		str link = str_sub(source, from, to - from);
		if (opens ? count_of(link, opens) >= count_of(link, c)
			  : str_find_byte(STR(".,;:!?'*_"), c) == STR_NONE)
			break;
		to--;
	}
	return to;
}

int links_scan_text(struct arena *arena, str source, const uint8_t *map,
		    struct links_scan *ret_scan)
{
	*ret_scan = (struct links_scan){.body_end = SIZE_MAX};
	size_t most = source.size / 8 < LINK_LIMIT_COUNT ? source.size / 8 : LINK_LIMIT_COUNT;
	ret_scan->anchors = ARENA_ARRAY(arena, struct links_anchor, most + 1);
	if (!ret_scan->anchors)
		return -1;
	for (size_t i = 0; i < source.size && ret_scan->count < most;) {
		size_t scheme = scheme_size(str_from(source, i));
		if (scheme == 0 || !is_all_text(map, i, scheme) ||
		    (i > 0 && is_word(source.data[i - 1]))) {
			i++;
			continue;
		}
		size_t end = find_end(source, map, i + scheme);
		end = without_punctuation(source, map, i + scheme, end);
		if (end > i + scheme)
			ret_scan->anchors[ret_scan->count++].href =
				(struct links_span){i, end - i};
		i = end;
	}
	return 0;
}
