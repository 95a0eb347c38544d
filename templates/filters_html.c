/* filters_html.c - escaping, and encodings of text.
 * In HTML mode what these filters write is safe (marked, not escaped again), but for what they
 * decode, which is as unsafe as any data. */
#include "templates/filters.h"

#include <nmmintrin.h>

#include "templates/value_text.h"

static str entity(char c)
{
	switch (c) {
	case '&':
		return STR("&amp;");
	case '<':
		return STR("&lt;");
	case '>':
		return STR("&gt;");
	case '"':
		return STR("&quot;");
	case '\'':
		return STR("&#39;");
	default:
		return (str){};
	}
}

/* The bytes in front of the first one that HTML wants escaped; sixteen at once where there are,
 * the last sixteen some of them for the second time. */
static size_t plain_size(str text)
{
	static const bool special[256] = {
		['&'] = true, ['<'] = true, ['>'] = true, ['"'] = true, ['\''] = true};
	const __m128i any =
		_mm_setr_epi8('&', '<', '>', '"', '\'', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	size_t at = 0;
	if (text.size < 16) {
		while (at < text.size && !special[(unsigned char)text.data[at]])
			at++;
		return at;
	}
	for (;;) {
		__m128i bytes =
			_mm_loadu_si128((const __m128i *)(const void *)(text.data + at));
		int found = _mm_cmpestri(any, 5, bytes, 16, _SIDD_CMP_EQUAL_ANY);
		if (found < 16 || at + 16 == text.size)
			return at + (size_t)found;
		at = at + 32 <= text.size ? at + 16 : text.size - 16;
	}
}

static void put_escaped(struct buf *out, str text)
{
	while (text.size) {
		size_t plain = plain_size(text);
		buf_put(out, str_sub(text, 0, plain));
		if (plain == text.size)
			return;
		buf_put(out, entity(text.data[plain]));
		text = str_from(text, plain + 1);
	}
}

bool frame_escape(struct liquid_frame *f, str text, str *ret_text)
{
	struct buf out;
	struct value value;
	*ret_text = text;
	if (!frame_effort(f, text.size / EFFORT_BYTES))
		return false;
	if (plain_size(text) == text.size)
		return true;
	filter_begin(f, &out, text.size + text.size / 4 + 16);
	put_escaped(&out, text);
	if (filter_finish(f, &out, &value))
		return false;
	*ret_text = value.string;
	return true;
}

static bool is_safe(const struct value *value)
{
	return value->kind == VALUE_STRING && value->safe;
}

int filter_raw(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	str text;
	*ret = input->value;
	if (input->value.kind == VALUE_NIL || !frame_escapes(f))
		return 0; /* without escaping it changes nothing, arrays stay arrays */
	if (input->value.kind != VALUE_ARRAY) {
		if (!filter_text(f, input, &text))
			return -1;
		*ret = value_string(text);
	} else if (filter_join(f,
			       &(struct filter_input){.value = input->value,
						      .arguments = &(struct value){},
						      .count = 1},
			       ret)) {
		return -1;
	}
	ret->safe = true;
	return 0;
}

int filter_escape(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	str text;
	if (input->value.kind == VALUE_NIL)
		return 0;
	if (!filter_text(f, input, &text) || !frame_escape(f, text, &text))
		return -1;
	*ret = value_string(text);
	ret->safe = true;
	return 0;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "&" (1*ALPHA / "#" 1*DIGIT) ";": its size, or 0. */
static size_t entity_size(str text)
{
	bool number = text.size > 1 && text.data[1] == '#';
	size_t start = 1 + number, at = start;
	while (at < text.size && (number ? is_digit(text.data[at]) : is_letter(text.data[at])))
		at++;
	return at > start && at < text.size && text.data[at] == ';' ? at + 1 : 0;
}

static void put_escaped_once(struct buf *out, str text)
{
	while (text.size) {
		size_t plain = plain_size(text);
		buf_put(out, str_sub(text, 0, plain));
		text = str_from(text, plain);
		if (text.size == 0)
			return;
		size_t size = text.data[0] == '&' ? entity_size(text) : 0;
		buf_put(out, size ? str_sub(text, 0, size) : entity(text.data[0]));
		text = str_from(text, size ? size : 1);
	}
}

static int escape_once(struct liquid_frame *f, str text, struct value *ret)
{
	struct buf out;
	filter_begin(f, &out, text.size + 16);
	put_escaped_once(&out, text);
	if (filter_finish(f, &out, ret))
		return -1;
	ret->safe = true;
	return 0;
}

int filter_escape_once(struct liquid_frame *f, const struct filter_input *input,
		       struct value *ret)
{
	str text;
	return filter_text(f, input, &text) ? escape_once(f, text, ret) : -1;
}

int filter_newline_to_br(struct liquid_frame *f, const struct filter_input *input,
			 struct value *ret)
{
	struct buf out;
	str text;
	bool escape = frame_escapes(f) && !is_safe(&input->value);
	if (!filter_text(f, input, &text) || (escape && !frame_escape(f, text, &text)))
		return -1;
	filter_begin(f, &out, text.size + text.size / 8);
	for (size_t i = 0; i < text.size; i++) {
		bool pair =
			text.data[i] == '\r' && i + 1 < text.size && text.data[i + 1] == '\n';
		if (text.data[i] == '\n')
			buf_put(&out, STR("<br />\n"));
		else if (!pair)
			buf_put_byte(&out, text.data[i]);
	}
	if (filter_finish(f, &out, ret))
		return -1;
	ret->safe = frame_escapes(f);
	return 0;
}

/* Removes from open to the next close, each time; what is never closed stays. */
static void cut_between(struct buf *out, str text, str open, str close)
{
	for (;;) {
		size_t start = str_find(text, open);
		size_t size =
			start == STR_NONE ? STR_NONE : str_find(str_from(text, start), close);
		if (size == STR_NONE)
			break;
		buf_put(out, str_sub(text, 0, start));
		text = str_from(text, start + size + close.size);
	}
	buf_put(out, text);
}

/* Scripts, styles and comments with what they hold, then all tags; one pass over the text each.
 */
int filter_strip_html(struct liquid_frame *f, const struct filter_input *input,
		      struct value *ret)
{
	static const char *const cuts[][2] = {
		{"<script", "</script>"}, {"<!--", "-->"}, {"<style", "</style>"}, {"<", ">"}};
	str text;
	if (!filter_text(f, input, &text))
		return -1;
	for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
		struct buf out;
		if (str_find(text, str_of(cuts[i][0])) == STR_NONE)
			continue;
		filter_begin(f, &out, text.size);
		cut_between(&out, text, str_of(cuts[i][0]), str_of(cuts[i][1]));
		if (filter_finish(f, &out, ret))
			return -1;
		text = ret->string;
	}
	/* What is left is text of HTML: its entities must not be escaped again. */
	if (frame_escapes(f))
		return escape_once(f, text, ret);
	*ret = value_string(text);
	return 0;
}

/* Form encoding: unreserved characters of RFC 3986 2.3 stay, a space becomes "+". */
int filter_url_encode(struct liquid_frame *f, const struct filter_input *input,
		      struct value *ret)
{
	static const char digits[] = "0123456789ABCDEF";
	struct buf out;
	str text;
	if (input->value.kind == VALUE_NIL)
		return 0;
	if (!filter_text(f, input, &text))
		return -1;
	filter_begin(f, &out, text.size + text.size / 2);
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];
		char encoded[3] = {'%', digits[c >> 4], digits[c & 15]};
		if (is_letter((char)c) || is_digit((char)c) || (c && strchr("-._~", c)))
			buf_put_byte(&out, (char)c);
		else if (c == ' ')
			buf_put_byte(&out, '+');
		else
			buf_put(&out, str_make(encoded, 3));
	}
	return filter_finish(f, &out, ret);
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int filter_url_decode(struct liquid_frame *f, const struct filter_input *input,
		      struct value *ret)
{
	struct buf out;
	str text;
	if (input->value.kind == VALUE_NIL)
		return 0;
	if (!filter_text(f, input, &text))
		return -1;
	filter_begin(f, &out, text.size);
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		int high = c == '%' && i + 2 < text.size ? hex_value(text.data[i + 1]) : -1;
		int low = high >= 0 ? hex_value(text.data[i + 2]) : -1;
		if (low >= 0)
			i += 2;
		buf_put_byte(&out, (char)(low >= 0 ? high << 4 | low : c == '+' ? ' ' : c));
	}
	if (filter_finish(f, &out, ret))
		return -1;
	size_t valid = utf8_valid_size(ret->string);
	if (valid == ret->string.size)
		return 0;
	return frame_fail(f, "what comes out has a byte (0x%02x) that is no UTF-8",
			  (unsigned char)ret->string.data[valid]);
}

/* RFC 4648 4 and 5, with padding. */
static const char alphabet[2][65] = {
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

static int base64_encode(struct liquid_frame *f, const struct filter_input *input, bool url,
			 struct value *ret)
{
	struct buf out;
	str text;
	if (!filter_text(f, input, &text))
		return -1;
	filter_begin(f, &out, text.size / 3 * 4 + 4);
	for (size_t i = 0; i < text.size; i += 3) {
		size_t left = text.size - i;
		uint32_t bits = 0;
		for (size_t j = 0; j < 3; j++)
			bits = bits << 8 | (j < left ? (unsigned char)text.data[i + j] : 0);
		char quad[4] = {alphabet[url][bits >> 18], alphabet[url][bits >> 12 & 63],
				alphabet[url][bits >> 6 & 63], alphabet[url][bits & 63]};
		for (size_t j = left + 1; j < 4; j++)
			quad[j] = '=';
		buf_put(&out, str_make(quad, 4));
	}
	return filter_finish(f, &out, ret);
}

int filter_base64_encode(struct liquid_frame *f, const struct filter_input *input,
			 struct value *ret)
{
	return base64_encode(f, input, false, ret);
}

int filter_base64_url_safe_encode(struct liquid_frame *f, const struct filter_input *input,
				  struct value *ret)
{
	return base64_encode(f, input, true, ret);
}

static int base64_value(char c, bool url)
{
	if (url && (c == '+' || c == '/'))
		url = false; /* the reference takes both alphabets there */
	const char *at = c ? strchr(alphabet[url], c) : NULL;
	return at ? (int)(at - alphabet[url]) : -1;
}

/* Strict: whole groups of four; padding may be missing only in the URL form, and there as a
 * whole. */
static bool put_base64_decoded(struct buf *out, str text, bool url)
{
	if ((!url || str_ends(text, STR("="))) && text.size % 4)
		return false;
	for (int i = 0; i < 2 && text.size % 4 != 1 && str_ends(text, STR("=")); i++)
		text.size--;
	if (text.size % 4 == 1)
		return false;
	uint32_t bits = 0;
	for (size_t i = 0; i < text.size; i++) {
		int value = base64_value(text.data[i], url);
		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		if (i % 4)
			buf_put_byte(out, (char)(bits >> (6 - i % 4 * 2)));
	}
	/* What is left of the last character behind the last byte is zero (RFC 4648 3.5). */
	return text.size % 4 == 0 || (bits & (text.size % 4 == 2 ? 0xf : 0x3)) == 0;
}

static int base64_decode(struct liquid_frame *f, const struct filter_input *input, bool url,
			 struct value *ret)
{
	struct buf out;
	str text;
	if (!filter_text(f, input, &text))
		return -1;
	filter_begin(f, &out, text.size);
	if (!put_base64_decoded(&out, text, url))
		return frame_fail(f, "this is no base64 text");
	return filter_finish(f, &out, ret); /* any bytes: only what is written must be UTF-8 */
}

int filter_base64_decode(struct liquid_frame *f, const struct filter_input *input,
			 struct value *ret)
{
	return base64_decode(f, input, false, ret);
}

int filter_base64_url_safe_decode(struct liquid_frame *f, const struct filter_input *input,
				  struct value *ret)
{
	return base64_decode(f, input, true, ret);
}
