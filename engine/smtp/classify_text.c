/* classify_text.c - from a reply's text to plain words.
 * Works token by token (what stands between blanks and brackets), because only a whole token
 * shows whether "5.7.1" is a code, an address or a piece of a host name. */
#include "engine/smtp/classify_text.h"

#include <emmintrin.h>

#include "engine/smtp/host_tail.h"
#include "engine/smtp/spoken_duration.h"

/* What a byte can be part of. A token's kinds are those of its bytes together. */
enum {
	LETTER = 1,
	DIGIT = 2,
	HIGH = 4, /* beyond ASCII */
	DOT = 8,
	JOINER = 16, /* holds words of one token together: '-' '_' '\'' */
	AT = 32,
	OTHER = 64,
	END = 128, /* no part of any token */
};
static const uint8_t kinds[256] = {
	[0 ... ' '] = END,
	[0x7F] = END,
	['<'] = END,
	['>'] = END,
	['('] = END,
	[')'] = END,
	['['] = END,
	[']'] = END,
	['{'] = END,
	['}'] = END,
	['"'] = END,
	['`'] = END,
	[','] = END,
	[';'] = END,
	['|'] = END,
	['*'] = END,
	['!'] = END,
	['a' ... 'z'] = LETTER,
	['A' ... 'Z'] = LETTER,
	['0' ... '9'] = DIGIT,
	[0x80 ... 0xFF] = HIGH,
	['.'] = DOT,
	['-'] = JOINER,
	['_'] = JOINER,
	['\''] = JOINER,
	['@'] = AT,
	[':'] = OTHER,
	['/'] = OTHER,
	['#'] = OTHER,
	['='] = OTHER,
	['?'] = OTHER,
	['&'] = OTHER,
	['%'] = OTHER,
	['+'] = OTHER,
	['$'] = OTHER,
	['^'] = OTHER,
	['~'] = OTHER,
	['\\'] = OTHER,
};

static bool is_of(char c, unsigned wanted)
{
	return kinds[(unsigned char)c] & wanted;
}

static bool is_digit(char c)
{
	return is_of(c, DIGIT);
}

static bool is_word_byte(char c)
{
	return is_of(c, LETTER | DIGIT | HIGH);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* --- writing words --- */

static void put(struct plain_text *t, char c)
{
	if (t->size + 1 < PLAIN_SIZE_LIMIT) /* one byte is kept for the last space */
		t->bytes[t->size++] = c;
}

static bool is_full(const struct plain_text *t)
{
	return t->word_count >= PLAIN_WORD_LIMIT || t->size + 2 >= PLAIN_SIZE_LIMIT;
}

static void end_word(struct plain_text *t)
{
	if (t->bytes[t->size - 1] == ' ')
		return;
	t->bytes[t->size++] = ' '; /* in the byte that put() keeps */
	t->word_count++;
}

static void put_word(struct plain_text *t, const char *word)
{
	for (; *word; word++)
		put(t, *word);
	end_word(t);
}

/* U+00C0..U+017F without their accents. */
static const char latin_base[] =
	"aaaaaaaceeeeiiiidnoooooxouuuuytsaaaaaaaceeeeiiiidnoooooxouuuuyty"
	"aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll"
	"lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

static bool is_continuation(str s, size_t at)
{
	return at < s.size && ((unsigned char)s.data[at] & 0xC0) == 0x80;
}

static void put_cyrillic(struct plain_text *t, unsigned char lead, unsigned char next)
{
	bool is_capital = lead == 0xD0 && next >= 0x90 && next <= 0xAF;

	if (is_capital) { /* U+0410..U+042F -> U+0430..U+044F */
		lead = next <= 0x9F ? 0xD0 : 0xD1;
		next = (unsigned char)(next <= 0x9F ? next + 0x20 : next - 0x20);
	}
	put(t, (char)lead);
	put(t, (char)next);
}

/* One character beyond ASCII, in UTF-8 or, where it is not that, in Latin-1. Returns the bytes
 * taken. */
static size_t put_high(struct plain_text *t, str s, size_t at)
{
	unsigned char lead = (unsigned char)s.data[at];
	size_t size = 1;

	if (lead < 0xC0)
		return 1;
	if (!is_continuation(s, at + 1)) {
		put(t, latin_base[lead - 0xC0]);
		return 1;
	}
	unsigned char next = (unsigned char)s.data[at + 1];
	while (size < 4 && is_continuation(s, at + size))
		size++;
	if (lead == 0xC3 && next == 0x9F) /* sharp s is two letters */
		put(t, 's');
	if (lead >= 0xC3 && lead <= 0xC5)
		put(t, latin_base[(lead - 0xC3) * 64 + (next & 0x3F)]);
	else if (lead == 0xD0 || lead == 0xD1)
		put_cyrillic(t, lead, next);
	else if (lead != 0xE2 ||
		 next != 0x80) /* typographic quotes, dashes and spaces vanish */
		for (size_t i = 0; i < size; i++)
			put(t, s.data[at + i]);
	return size;
}

static void put_split(struct plain_text *t, str chunk, bool in_url)
{
	for (size_t i = 0; i < chunk.size;) {
		char c = chunk.data[i];
		if (c == '\'') { /* within a word only; others fall to the splitter */
			i++;
			continue;
		}
		if (!is_word_byte(c)) {
			end_word(t);
			i++;
			if (is_full(t))
				return;
			continue;
		}
		if (in_url && t->bytes[t->size - 1] == ' ')
			put(t, '/');
		if ((unsigned char)c >= 0x80) {
			i += put_high(t, chunk, i);
			continue;
		}
		put(t, lower(c));
		i++;
	}
	end_word(t);
}

/* --- recognising tokens --- */

static bool is_ipv4(str s)
{
	size_t dots = 0, digits = 0;

	for (size_t i = 0; i < s.size; i++) {
		if (is_digit(s.data[i])) {
			digits++;
			continue;
		}
		if (s.data[i] == '.' && i > 0 && is_digit(s.data[i - 1]) && dots < 3)
			dots++;
		else if (dots == 3 && (s.data[i] == ':' || s.data[i] == '/'))
			return digits >= 4; /* a port or a prefix length follows */
		else
			return false;
	}
	return dots == 3 && digits >= 4;
}

/* Hexadecimal groups with at least two colons, and not a time of day. */
static bool is_ipv6(str s)
{
	size_t colons = 0, others = 0;

	for (size_t i = 0; i < s.size; i++) {
		char c = lower(s.data[i]);
		if (c == ':')
			colons++;
		else if (is_digit(c) || (c >= 'a' && c <= 'f') || c == '.')
			others++;
		else
			return str_starts_nocase(s, STR("ipv6:"));
	}
	return colons >= 2 && others > 0 && s.size > 8;
}

static bool is_address(str s)
{
	size_t at = str_find_byte(s, '@');

	return at != STR_NONE && at + 1 < s.size && (at > 0 || s.size > 3);
}

/* "ann@example.com:blocked" goes on behind the colon. */
static str behind_address(str s)
{
	str domain = str_from(s, str_find_byte(s, '@'));
	size_t colon = str_find_byte(domain, ':');

	return colon == STR_NONE ? STR("") : str_from(domain, colon);
}

static void put_host(struct plain_text *t, str tail, bool in_url)
{
	if (in_url)
		put(t, '/');
	for (size_t i = 0; i < tail.size; i++)
		put(t, lower(tail.data[i]));
	end_word(t);
}

/* A run of letters, digits, dots, hyphens and underscores: a host name or just words. */
static void put_chunk(struct plain_text *t, str chunk, bool has_dot, bool in_url)
{
	str tail;
	str name = chunk;

	while (name.size &&
	       (name.data[name.size - 1] == '.' || name.data[name.size - 1] == '-'))
		name.size--;
	if (has_dot && host_tail(name, &tail))
		put_host(t, tail, in_url);
	else
		put_split(t, chunk, in_url);
}

static bool is_chunk_byte(char c)
{
	return is_of(c, LETTER | DIGIT | HIGH | DOT | JOINER);
}

static void put_chunks(struct plain_text *t, str token, bool has_dot, bool in_url)
{
	for (size_t i = 0; i < token.size && !is_full(t);) {
		size_t start = i;
		while (i < token.size && is_chunk_byte(token.data[i]))
			i++;
		if (i > start)
			put_chunk(t, str_sub(token, start, i - start), has_dot, in_url);
		else
			i++;
	}
}

/* --- codes and durations --- */

/* Reply-code = %x32-35 %x30-35 %x30-39 (RFC 5321 4.2) */
static bool starts_with_code(str s)
{
	return s.size >= 3 && s.data[0] >= '2' && s.data[0] <= '5' && s.data[1] >= '0' &&
	       s.data[1] <= '9' && is_digit(s.data[2]) &&
	       (s.size == 3 || !is_word_byte(s.data[3]));
}

/* A bare number is a code at the start, and behind the words that introduce one; a positive
 * one at the start only. */
static bool code_is_expected(const struct plain_text *t, char first)
{
	static const char *const before[] = {" said ",     " code ",   " error ",
					     " response ", " reason ", " following "};
	str so_far = str_make(t->bytes, t->size);

	if (t->word_count == 0 || first == '2')
		return t->word_count == 0;
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		if (str_ends(so_far, str_of(before[i])))
			return true;
	}
	return false;
}

static void take_code(struct plain_text *t, str token)
{
	if (t->code == 0)
		t->code = (uint16_t)((token.data[0] - '0') * 100 + (token.data[1] - '0') * 10 +
				     (token.data[2] - '0'));
}

/* status-code = ("2" / "4" / "5") "." 1*3DIGIT "." 1*3DIGIT (RFC 3463 2), here as a whole
 * token, perhaps with a "#" before and punctuation behind it. */
static bool take_status(struct plain_text *t, str token)
{
	struct status status;
	size_t size;

	if (token.size && token.data[0] == '#')
		token = str_from(token, 1);
	if (!status_parse(token, &status, &size) || status.class < 2)
		return false;
	for (size_t i = size; i < token.size; i++) {
		if (is_word_byte(token.data[i]) || (token.data[i] == '.' && i + 1 < token.size))
			return false;
	}
	bool vague = t->status.subject == 0 && t->status.detail == 0;
	if (t->status.class == 0 || (vague && status.class == t->status.class))
		t->status = status;
	return true;
}

/* --- the walk --- */

struct token {
	str text;
	unsigned kinds;
	size_t readable; /* from its start to the end of the whole text */
};

/* How many of sixteen bytes are letters, from the first on. */
static size_t count_letters(const char *bytes)
{
	__m128i lower_case = _mm_set1_epi8(0x20), below_a = _mm_set1_epi8('a' - 1),
		above_z = _mm_set1_epi8('z' + 1);
	__m128i all = _mm_loadu_si128((const __m128i *)bytes);
	__m128i lowered = _mm_or_si128(all, lower_case); /* beyond ASCII: negative */
	__m128i are = _mm_and_si128(_mm_cmpgt_epi8(lowered, below_a),
				    _mm_cmplt_epi8(lowered, above_z));

	return (size_t)__builtin_ctz(~(unsigned)_mm_movemask_epi8(are));
}

static struct token next_token(str *rest)
{
	const char *at = rest->data, *end = rest->data + rest->size;
	struct token token = {};

	while (at < end && is_of(*at, END))
		at++;
	token.text.data = at;
	token.readable = (size_t)(end - at);
	if (token.readable >= 16) {
		size_t letters = count_letters(at);
		token.kinds = letters ? LETTER : 0;
		at += letters;
	}
	for (; at < end; at++) {
		unsigned kind = kinds[(unsigned char)*at];
		if (kind & END)
			break;
		token.kinds |= kind;
	}
	token.text.size = (size_t)(at - token.text.data);
	*rest = str_make(at, (size_t)(end - at));
	return token;
}

static str without_quotes(str token)
{
	while (token.size &&
	       (token.data[0] == '\'' || token.data[0] == ':' || token.data[0] == '='))
		token = str_from(token, 1);
	while (token.size) {
		char last = token.data[token.size - 1];
		if (last != '\'' && last != ':' && last != '.' && last != '?')
			break;
		token.size--;
	}
	return token;
}

/* What digits may be: an IP address, codes, a duration. True when nothing is left to say;
 * otherwise *bare is what follows the codes. */
static bool put_number(struct plain_text *t, str *bare, str next)
{
	usec length = spoken_duration(*bare, next);
	if (length > 0 && t->duration_count < PLAIN_DURATION_LIMIT)
		t->durations[t->duration_count++] =
			(struct plain_duration){length, t->word_count};
	if (is_ipv4(*bare) || is_ipv6(*bare)) {
		put_word(t, "#");
		return true;
	}
	if (take_status(t, *bare))
		return true;
	if (!starts_with_code(*bare) ||
	    (bare->size == 3 && !code_is_expected(t, bare->data[0])))
		return false;
	take_code(t, *bare);
	*bare = str_from(*bare, 4);
	return bare->size == 0 || take_status(t, without_quotes(*bare));
}

/* Nine tokens in ten: letters only, so nothing to recognise, and the bit is lower case. Most
 * are short: sixteen bytes at once, of which those behind the word are overwritten by the next.
 */
static void put_letters(struct plain_text *t, const struct token *token)
{
	static const uint64_t lower_case = UINT64_C(0x2020202020202020);
	const char *from = token->text.data;
	char *to = t->bytes + t->size;
	size_t size = token->text.size;

	if (size <= 16 && token->readable >= 16 && t->size + 18 <= PLAIN_SIZE_LIMIT) {
		uint64_t parts[2];
		memcpy(parts, from, 16);
		parts[0] |= lower_case;
		parts[1] |= lower_case;
		memcpy(to, parts, 16);
	} else {
		if (t->size + size + 2 > PLAIN_SIZE_LIMIT)
			size = PLAIN_SIZE_LIMIT - t->size - 2;
		for (size_t i = 0; i < size; i++)
			to[i] = (char)(from[i] | 0x20);
	}
	t->size += size;
	end_word(t);
}

static void put_token(struct plain_text *t, const struct token *token, str next)
{
	bool in_url = false;

	if (token->kinds == LETTER) {
		put_letters(t, token);
		return;
	}
	str bare = without_quotes(token->text);
	if (token->kinds & OTHER)
		in_url = str_find(bare, STR("://")) != STR_NONE;
	if (token->kinds & DOT)
		in_url = in_url || str_starts_nocase(bare, STR("www."));
	if ((token->kinds & AT) && !in_url && is_address(bare)) {
		put_word(t, "@");
		bare = behind_address(bare);
	}
	if ((token->kinds & DIGIT) && put_number(t, &bare, next))
		return;
	put_chunks(t, bare, token->kinds & DOT, in_url);
}

void plain_text_make(struct plain_text *t, str text)
{
	t->code = 0;
	t->status = (struct status){};
	t->word_count = t->duration_count = 0;
	t->bytes[0] = ' ';
	t->size = 1;
	if (text.size == 0) /* perhaps without any pointer */
		return;

	struct token token = next_token(&text);
	while (token.text.size > 0 && !is_full(t)) {
		struct token next = next_token(&text);
		put_token(t, &token, next.text);
		token = next;
	}
	end_word(t);
}
