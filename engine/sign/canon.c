/* canon.c - finds the few places where a body is not canonical, and hashes what lies between.
 * The search looks at 16 bytes a step: a tab is never canonical, a space is unless white space
 * or CR follows. In mail of ours that leaves the indentation of HTML and nothing else. */
#include "engine/sign/canon.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

void hasher_begin(struct hasher *h, EVP_MD_CTX *context, const EVP_MD *md)
{
	h->context = context;
	h->pending_size = 0;
	h->failed = EVP_DigestInit_ex2(context, md, NULL) != 1;
}

static void update(struct hasher *h, const char *data, size_t size)
{
	if (!h->failed && size)
		h->failed = EVP_DigestUpdate(h->context, data, size) != 1;
}

static void flush(struct hasher *h)
{
	update(h, h->pending, h->pending_size);
	h->pending_size = 0;
}

void hasher_put(struct hasher *h, str s)
{
	if (s.size > sizeof h->pending - h->pending_size)
		flush(h);
	if (s.size > sizeof h->pending / 2) {
		flush(h);
		update(h, s.data, s.size);
	} else if (s.size) {
		memcpy(h->pending + h->pending_size, s.data, s.size);
		h->pending_size += s.size;
	}
}

int hasher_end(struct hasher *h, uint8_t ret_hash[32])
{
	unsigned size = 0;
	flush(h);
	if (h->failed || EVP_DigestFinal_ex(h->context, ret_hash, &size) != 1 || size != 32)
		return -1;
	return 0;
}

static bool is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

/* Is the byte at `at` white space that does not stand alone between two words? */
static bool is_irregular(const char *at, const char *end)
{
	if (*at == '\t')
		return true;
	return *at == ' ' && (at + 1 == end || is_wsp(at[1]) || at[1] == '\r');
}

/* The first white space from `at` on that is not canonical, or end. */
static const char *find_irregular(const char *at, const char *end)
{
#ifdef __SSE2__
	const __m128i space = _mm_set1_epi8(' '), tab = _mm_set1_epi8('\t');
	const __m128i cr = _mm_set1_epi8('\r');
	for (; end - at > 16; at += 16) { /* more than 16: each byte's successor is read too */
		__m128i here = _mm_loadu_si128((const __m128i *)(const void *)at);
		__m128i next = _mm_loadu_si128((const __m128i *)(const void *)(at + 1));
		__m128i after = _mm_or_si128(
			_mm_or_si128(_mm_cmpeq_epi8(next, space), _mm_cmpeq_epi8(next, tab)),
			_mm_cmpeq_epi8(next, cr));
		__m128i spaces = _mm_and_si128(_mm_cmpeq_epi8(here, space), after);
		__m128i found = _mm_or_si128(spaces, _mm_cmpeq_epi8(here, tab));
		unsigned bits = (unsigned)_mm_movemask_epi8(found);
		if (bits)
			return at + __builtin_ctz(bits);
	}
#endif
	while (at < end && !is_irregular(at, end))
		at++;
	return at;
}

/* Cuts what relaxed form drops from the end: empty lines, and lines of white space alone. */
static str without_empty_end(str body)
{
	while (body.size) {
		if (str_ends(body, STR("\r\n")))
			body.size -= 2;
		else if (is_wsp(body.data[body.size - 1]))
			body.size--;
		else
			break;
	}
	return body;
}

void canon_body(struct hasher *h, str body)
{
	str content = without_empty_end(body);
	if (content.size == 0)
		return;
	const char *at = content.data, *end = at + content.size;
	while (at < end) {
		const char *irregular = find_irregular(at, end);
		hasher_put(h, str_make(at, (size_t)(irregular - at)));
		at = irregular;
		while (at < end && is_wsp(*at))
			at++;
		bool line_ends = end - at >= 2 && at[0] == '\r' && at[1] == '\n';
		if (at > irregular && !line_ends)
			hasher_put(h, STR(" "));
	}
	hasher_put(h, STR("\r\n"));
}

static void put_lower(struct hasher *h, str name)
{
	char lower[64]; /* longer names go in parts */
	while (name.size) {
		str part = str_sub(name, 0, sizeof lower);
		for (size_t i = 0; i < part.size; i++) {
			char c = part.data[i];
			lower[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
		}
		hasher_put(h, str_make(lower, part.size));
		name = str_from(name, part.size);
	}
}

/* White space and the line ends of folding, which only stand before white space. */
static bool is_fold(const char *at, const char *end)
{
	return is_wsp(*at) || (end - at >= 2 && at[0] == '\r' && at[1] == '\n');
}

void canon_field(struct hasher *h, str field)
{
	str rest = field, name = str_cut(&rest, ':');
	put_lower(h, str_trim(name));
	hasher_put(h, STR(":"));
	const char *at = rest.data, *end = at + rest.size;
	bool written = false;
	while (at < end) {
		const char *space = at;
		while (at < end && is_fold(at, end))
			at += is_wsp(*at) ? 1 : 2;
		const char *word = at;
		while (at < end && !is_fold(at, end))
			at++;
		if (at == word)
			break; /* white space at the end */
		if (written && word > space)
			hasher_put(h, STR(" "));
		hasher_put(h, str_make(word, (size_t)(at - word)));
		written = true;
	}
}
