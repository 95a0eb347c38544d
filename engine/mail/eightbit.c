/* eightbit.c - line ends and characters put right, all else as it stands. */
#include "engine/mail/eightbit.h"

#include "engine/mail/utf8.h"

static bool is_plain(char c)
{
	return c != '\r' && c != '\n' && c != '\0' && (unsigned char)c < 0x80;
}

/* Bytes that go as they are: ASCII, and whole characters. */
static size_t run_size(str text)
{
	size_t at = 0;
	while (at < text.size) {
		if (is_plain(text.data[at])) {
			at++;
			continue;
		}
		size_t size = utf8_char_size(str_from(text, at));
		if (size < 2)
			break;
		at += size;
	}
	return at;
}

void eightbit_put(struct buf *out, str text)
{
	while (text.size > 0) {
		size_t size = run_size(text);
		buf_put(out, str_make(text.data, size));
		text = str_from(text, size);
		if (text.size == 0)
			return;
		bool pair = str_starts(text, STR("\r\n"));
		bool line_end = text.data[0] == '\r' || text.data[0] == '\n';
		buf_put(out, line_end ? STR("\r\n") : STR(UTF8_REPLACEMENT));
		text = str_from(text, pair ? 2 : 1);
	}
}

bool eightbit_fits(str part)
{
	while (part.size > 0) {
		size_t end = str_find_byte(part, '\n');
		str line = end == STR_NONE ? part : str_sub(part, 0, end);
		line.size -= str_ends(line, STR("\r"));
		if (line.size > EIGHTBIT_LINE_LIMIT || str_starts(line, STR("--=_")))
			return false;
		part = end == STR_NONE ? STR("") : str_from(part, end + 1);
	}
	return true;
}
