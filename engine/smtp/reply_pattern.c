/* reply_pattern.c - what is common to many replies, and one of them without names. */
#include "engine/smtp/reply_pattern.h"

#include "engine/smtp/classify_text.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

/* "tss04", "ofr416": letters, then digits, in all too few for an id. */
static bool is_short_code(str word)
{
	size_t at = 0;

	while (at < word.size && is_letter(word.data[at]))
		at++;
	size_t letters = at;
	while (at < word.size && is_digit(word.data[at]))
		at++;
	return at == word.size && letters >= 2 && word.size <= 6;
}

static bool is_fixed(str word)
{
	for (size_t i = 0; i < word.size; i++) {
		if (is_digit(word.data[i]))
			return is_short_code(word);
	}
	return true;
}

void reply_pattern_put(struct buf *out, str text)
{
	struct plain_text plain;
	size_t size = 0;
	bool was_fixed = true;

	plain_text_make(&plain, text);
	str rest = str_trim(str_make(plain.bytes, plain.size));
	while (rest.size > 0) {
		str word = str_cut(&rest, ' ');
		bool fixed = is_fixed(word);
		if (!fixed && !was_fixed)
			continue; /* the rest of an id, or of a date */
		was_fixed = fixed;
		if (!fixed)
			word = STR("0");
		if (size + 1 + word.size > REPLY_PATTERN_LIMIT)
			return;
		if (size > 0)
			buf_put(out, STR(" "));
		buf_put(out, word);
		size += (size > 0) + word.size;
	}
}

static bool is_address_byte(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f &&
	       str_find_byte(STR("<>()[]{},;:\"'"), c) == STR_NONE;
}

/* `"ann lee"@example.com`: the quoted part goes too. */
static size_t drop_quoted(struct buf *out, size_t size)
{
	str so_far = str_make(out->data + out->size - size, size);
	size_t quote = str_rfind_byte(str_sub(so_far, 0, size - 1), '"');

	if (quote == STR_NONE)
		return size;
	out->size -= size - quote;
	return quote;
}

void reply_example_put(struct buf *out, str text)
{
	size_t size = 0;

	for (size_t i = 0; i < text.size && size < REPLY_EXAMPLE_LIMIT;) {
		size_t start = i;
		while (i < text.size && is_address_byte(text.data[i]))
			i++;
		str token = str_sub(text, start, i - start);
		if (token.size == 0) {
			char c = text.data[i++];
			token = (unsigned char)c < ' ' || c == 0x7f ? STR(" ")
								    : str_sub(text, start, 1);
		} else if (str_find_byte(token, '@') != STR_NONE) {
			if (token.data[0] == '@' && size > 0 && text.data[start - 1] == '"')
				size = drop_quoted(out, size);
			token = STR("@");
		}
		token = str_sub(token, 0, REPLY_EXAMPLE_LIMIT - size);
		buf_put(out, token);
		size += token.size;
	}
}
