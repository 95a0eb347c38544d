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
	h->into = NULL;
	h->pending_size = 0;
	h->failed = EVP_DigestInit_ex2(context, md, NULL) != 1;
}

static void update(struct hasher *h, const char *data, size_t size)
{
	if (h->into)
		buf_put(h->into, str_make(data, size));
	else if (!h->failed && size)
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

void hasher_begin_text(struct hasher *h, struct buf *out)
{
	h->into = out;
	h->pending_size = 0;
	h->failed = false;
}

int hasher_end_text(struct hasher *h)
{
	flush(h);
	return buf_ok(h->into) ? 0 : -1;
}

int hasher_save(struct hasher *h, EVP_MD_CTX *into)
{
	flush(h);
	return !h->failed && EVP_MD_CTX_copy_ex(into, h->context) == 1 ? 0 : -1;
}

void hasher_resume(struct hasher *h, EVP_MD_CTX *context, const EVP_MD_CTX *saved)
{
	h->context = context;
	h->into = NULL;
	h->pending_size = 0;
	h->failed = EVP_MD_CTX_copy_ex(context, saved) != 1;
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

/* Text: from a byte that counts to one that does, the white space between put right. */
static void put_text(struct hasher *h, const char *at, const char *end)
{
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
}

/* Reads line ends and white space as far as they go; whether they count is seen later. */
static const char *skip_blank(struct canon_body *body, const char *at, const char *end)
{
	for (; at < end; at++) {
		if (is_wsp(*at)) {
			body->space = true;
		} else if (*at == '\r' && at + 1 == end) {
			body->after_cr = true;
		} else if (*at == '\r' && at[1] == '\n') {
			body->line_ends++;
			body->space = false;
			at++;
		} else {
			break;
		}
	}
	return at;
}

/* Where the line ends and the white space at the end begin. */
static const char *find_blank_end(const char *at, const char *end)
{
	if (end > at && end[-1] == '\r')
		end--;
	while (end > at) {
		if (is_wsp(end[-1]))
			end--;
		else if (end - at >= 2 && end[-2] == '\r' && end[-1] == '\n')
			end -= 2;
		else
			break;
	}
	return end;
}

/* There is text: what was read before it counts. */
static void put_blank(struct canon_body *body, struct hasher *h)
{
	for (; body->line_ends > 0; body->line_ends--)
		hasher_put(h, STR("\r\n"));
	if (body->space)
		hasher_put(h, STR(" "));
	body->space = false;
	body->any = true;
}

/* The CR that ended the piece before: half of a line end, or a byte like others. */
static const char *settle_cr(struct canon_body *body, struct hasher *h, const char *at)
{
	body->after_cr = false;
	if (*at == '\n') {
		body->line_ends++;
		body->space = false;
		return at + 1;
	}
	put_blank(body, h);
	hasher_put(h, STR("\r"));
	return at;
}

void canon_body_put(struct canon_body *body, struct hasher *h, str piece)
{
	const char *at = piece.data, *end = at + piece.size;
	if (piece.size == 0)
		return;
	if (body->after_cr)
		at = settle_cr(body, h, at);
	at = skip_blank(body, at, end);
	if (at == end)
		return;
	put_blank(body, h);
	const char *text_end = find_blank_end(at, end);
	put_text(h, at, text_end);
	skip_blank(body, text_end, end);
}

void canon_body_end(struct canon_body *body, struct hasher *h)
{
	if (body->after_cr) {
		put_blank(body, h);
		hasher_put(h, STR("\r"));
	}
	if (body->any)
		hasher_put(h, STR("\r\n"));
}

void canon_body(struct hasher *h, str text)
{
	struct canon_body body = {};
	canon_body_put(&body, h, text);
	canon_body_end(&body, h);
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
