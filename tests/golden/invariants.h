/* invariants.h - what holds for every body and every message that we make, whatever went in;
 * used by unit tests and fuzzers alike. Also the reader's side of quoted-printable, written
 * apart from the encoder. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/buf.h"

static inline void *heap_get(struct arena_source *, size_t size)
{
	return malloc(size);
}

static inline void heap_give_back(struct arena_source *, void *block, size_t)
{
	free(block);
}

[[maybe_unused]] static struct arena_source test_heap = {heap_get, heap_give_back};

/* NULL when all lines are 7-bit, at most line_limit columns, end in CRLF (the last may be open
 * when open_end) and none starts with a dot; otherwise what is wrong. The type of a file may
 * be a long word, which nothing can fold. */
static inline const char *lines_fault(str text, size_t line_limit, bool open_end)
{
	size_t column = 0;
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c == '\r') {
			if (i + 1 == text.size || text.data[i + 1] != '\n')
				return "bare CR";
			if (i > 0 && (text.data[i - 1] == ' ' || text.data[i - 1] == '\t'))
				return "white space at the end of a line";
			i++;
			column = 0;
			continue;
		}
		if (c == '\n')
			return "bare LF";
		if (c >= 0x7F || (c < ' ' && c != '\t'))
			return "a byte that is not printable ASCII";
		if (column == 0 && c == '.')
			return "a line starts with a dot";
		str line = str_from(text, i - column);
		if (++column > line_limit && !str_starts(line, STR("Content-Type: ")))
			return "a line is too long";
	}
	return column == 0 || open_end ? NULL : "the last line has no end";
}

static inline int hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Strict: false on anything RFC 2045 6.7 does not let an encoder write. */
static inline bool qp_decode(str in, struct buf *out)
{
	for (size_t i = 0; i < in.size; i++) {
		if (in.data[i] != '=') {
			buf_put_byte(out, in.data[i]);
			continue;
		}
		if (i + 2 >= in.size)
			return false;
		if (in.data[i + 1] == '\r' && in.data[i + 2] == '\n') {
			i += 2;
			continue;
		}
		int high = hex_value(in.data[i + 1]), low = hex_value(in.data[i + 2]);
		if (high < 0 || low < 0)
			return false;
		buf_put_byte(out, (char)(high << 4 | low));
		i += 2;
	}
	return true;
}

/* The header's side: fields well formed, folded lines never empty; header_size behind the empty
 * line. Lines stay within 78 columns unless they hold one word that cannot be folded. */
static inline const char *header_fault(str header)
{
	if (!str_ends(header, STR("\r\n\r\n")))
		return "the header does not end in an empty line";
	header.size -= 2;
	for (bool first = true; header.size > 0; first = false) {
		size_t end = str_find(header, STR("\r\n"));
		if (end == STR_NONE)
			return "a header line without an end";
		str line = str_sub(header, 0, end);
		header = str_from(header, end + 2);
		if (line.size == 0)
			return "an empty line inside the header";
		const char *fault = lines_fault(line, 998, true);
		if (fault)
			return fault;
		bool continues = line.data[0] == ' ' || line.data[0] == '\t';
		if (str_trim(line).size == 0 || (first && continues))
			return "a header line of white space";
		str words = str_trim(line);
		if (!continues) {
			str name = str_cut(&words, ':');
			if (!words.data || str_find_byte(name, ' ') != STR_NONE)
				return "a header line without a name";
			words = str_trim(words);
		}
		if (line.size > 78 && str_find_byte(words, ' ') != STR_NONE)
			return "a header line that could have been folded";
		if (line.size > 76 && str_find(line, STR("=?")) != STR_NONE)
			return "a line with an encoded word is over 76 columns";
	}
	return NULL;
}

static inline const char *message_fault(str message, size_t header_size)
{
	if (header_size > message.size)
		return "the header is longer than the message";
	const char *fault = header_fault(str_sub(message, 0, header_size));
	return fault ? fault : lines_fault(str_from(message, header_size), 76, false);
}
