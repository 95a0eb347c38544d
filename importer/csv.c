/* csv.c - physical lines are found here, fields by libcsv in its strict mode.
 * libcsv is given one physical line at a time: when it says that a row has ended there, the row
 * is taken; when a quoted field runs on it is given the next; and when it finds a broken quote,
 * or the quote runs on for too long, only the first line is given up.
 *
 *   file    = [header CRLF] record *(CRLF record) [CRLF]       RFC 4180 2
 *   record  = field *(COMMA field)
 *   field   = escaped / non-escaped
 *   escaped = DQUOTE *(TEXTDATA / COMMA / CR / LF / 2DQUOTE) DQUOTE */
#include "importer/csv.h"

#include <csv.h>
#include <errno.h>
#include <iconv.h>
#include <stdlib.h>

#include "engine/mail/utf8.h"

#define WINDOW_SIZE (2 * CSV_RECORD_LIMIT)
#define CELLS_SIZE (2 * CSV_RECORD_LIMIT + 16) /* Latin-1 doubles at most */

struct csv_reader {
	ssize_t (*read)(void *context, char *to, size_t size);
	void *context;
	struct csv_options options;
	struct csv_parser parser;
	bool parser_ready, begun, at_end, failed;
	iconv_t latin1;

	char *window; /* bytes [start, end) are not taken yet */
	size_t start, end;
	uint64_t line, bytes;

	char *cells; /* the fields of the row, one behind the other */
	size_t cells_size;
	char *converted;
	size_t offsets[CSV_COLUMN_LIMIT + 1];
	str fields[CSV_COLUMN_LIMIT];
	size_t field_count;
	bool row_done, too_many, bare_cr;
};

/* ---- bytes ---- */

/* More bytes behind end; false when there are none. What was taken is moved out of the way. */
static bool fill(struct csv_reader *r)
{
	if (r->at_end)
		return false;
	if (r->start > 0) {
		memmove(r->window, r->window + r->start, r->end - r->start);
		r->end -= r->start;
		r->start = 0;
	}
	if (r->end == WINDOW_SIZE)
		return false;
	ssize_t got;
	do
		got = r->read(r->context, r->window + r->end, WINDOW_SIZE - r->end);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		r->failed = true;
	if (got <= 0) {
		r->at_end = true;
		return false;
	}
	r->end += (size_t)got;
	return true;
}

/* Size of the physical line that begins at offset behind start, its LF included; at the end of
 * the file the rest. 0: nothing is left. SIZE_MAX: longer than a row may be. */
static size_t line_size(struct csv_reader *r, size_t offset)
{
	size_t seen = 0;
	for (;;) {
		const char *from = r->window + r->start + offset;
		size_t have = r->end - r->start - offset;
		const char *lf = have > seen ? memchr(from + seen, '\n', have - seen) : NULL;
		if (lf)
			return (size_t)(lf - from) + 1 <= CSV_RECORD_LIMIT
				       ? (size_t)(lf - from) + 1
				       : SIZE_MAX;
		if (have > CSV_RECORD_LIMIT)
			return SIZE_MAX;
		seen = have;
		if (!fill(r))
			return have;
	}
}

static void take(struct csv_reader *r, size_t size)
{
	r->start += size;
	r->bytes += size;
}

/* Drops a line of any length. */
static void skip_line(struct csv_reader *r)
{
	for (;;) {
		char *lf = memchr(r->window + r->start, '\n', r->end - r->start);
		if (lf) {
			take(r, (size_t)(lf - (r->window + r->start)) + 1);
			return;
		}
		take(r, r->end - r->start);
		if (!fill(r))
			return;
	}
}

/* ---- one row ---- */

static void on_field(void *bytes, size_t size, void *context)
{
	struct csv_reader *r = context;
	r->bare_cr |= r->row_done;
	if (r->field_count == CSV_COLUMN_LIMIT || size > CELLS_SIZE - r->cells_size) {
		r->too_many = true;
		return;
	}
	if (size)
		memcpy(r->cells + r->cells_size, bytes, size);
	r->offsets[r->field_count++] = r->cells_size;
	r->cells_size += size;
	r->offsets[r->field_count] = r->cells_size;
}

static void on_row(int, void *context)
{
	((struct csv_reader *)context)->row_done = true;
}

static void drop_field(void *, size_t, void *)
{
}

static void drop_row(int, void *)
{
}

static const char *check_bytes(const struct csv_reader *r, str line)
{
	if (memchr(line.data, 0, line.size))
		return "a NUL byte in it";
	for (size_t at = 0; !r->options.latin1 && at < line.size;) {
		size_t size = (unsigned char)line.data[at] < 0x80
				      ? 1
				      : utf8_char_size(str_from(line, at));
		if (size == 0)
			return "not UTF-8 (if the file is Latin-1, say so with --latin1)";
		at += size;
	}
	return NULL;
}

/* The line in UTF-8; every Latin-1 byte is a character. */
static str convert(struct csv_reader *r, str line)
{
	char *in = (char *)line.data, *out = r->converted;
	size_t in_left = line.size, out_left = CELLS_SIZE;
	if (!r->options.latin1)
		return line;
	iconv(r->latin1, NULL, NULL, NULL, NULL);
	if (iconv(r->latin1, &in, &in_left, &out, &out_left) == (size_t)-1)
		return line;
	return str_make(r->converted, (size_t)(out - r->converted));
}

static const char *feed(struct csv_reader *r, str line)
{
	const char *fault = check_bytes(r, line);
	if (fault)
		return fault;
	line = convert(r, line);
	bool ended = line.size && line.data[line.size - 1] == '\n';
	if (csv_parse(&r->parser, line.data, line.size, on_field, on_row, r) != line.size ||
	    (!ended && csv_parse(&r->parser, "\n", 1, on_field, on_row, r) != 1))
		return "a broken quote: quotes inside a field are doubled, and the field is "
		       "quoted";
	if (r->too_many)
		return "more than 1000 columns";
	if (r->bare_cr)
		return "a bare carriage return in it";
	return NULL;
}

/* Feeds physical lines until the row is complete; NULL and its size, or what is wrong. */
static const char *parse_row(struct csv_reader *r, size_t *ret_size, uint64_t *ret_lines)
{
	size_t size = 0;
	csv_fini(&r->parser, drop_field, drop_row, NULL); /* forgets an unfinished row */
	r->field_count = r->cells_size = 0;
	r->row_done = r->too_many = r->bare_cr = false;
	for (uint64_t lines = 1;; lines++) {
		size_t more = line_size(r, size);
		if (more == 0 || more == SIZE_MAX || size + more > CSV_RECORD_LIMIT ||
		    lines > CSV_RECORD_LINES)
			return "a quote that is never closed";
		const char *fault = feed(r, str_make(r->window + r->start + size, more));
		if (fault)
			return lines == 1 || r->too_many || r->bare_cr
				       ? fault
				       : "a quote that is never closed";
		size += more;
		if (r->row_done) {
			*ret_size = size;
			*ret_lines = lines;
			return NULL;
		}
	}
}

static bool is_blank(str line)
{
	return str_trim(line).size == 0;
}

static enum csv_step reject(struct csv_reader *r, const char *reason, size_t size,
			    struct csv_row *ret)
{
	*ret = (struct csv_row){.line = r->line,
				.reason = reason,
				.text = str_make(r->window + r->start, size)};
	take(r, size);
	r->line++;
	return CSV_REJECT;
}

static enum csv_step reject_long(struct csv_reader *r, struct csv_row *ret)
{
	*ret = (struct csv_row){.line = r->line, .reason = "longer than 1 MiB"};
	skip_line(r);
	r->line++;
	return CSV_REJECT;
}

static enum csv_step accept(struct csv_reader *r, size_t size, uint64_t lines,
			    struct csv_row *ret)
{
	for (size_t i = 0; i < r->field_count; i++)
		r->fields[i] =
			str_make(r->cells + r->offsets[i], r->offsets[i + 1] - r->offsets[i]);
	*ret = (struct csv_row){
		.line = r->line, .fields = r->fields, .field_count = r->field_count};
	take(r, size);
	r->line += lines;
	return CSV_ROW;
}

/* The mark of UTF-8 is dropped. */
static bool begin(struct csv_reader *r)
{
	r->begun = true;
	while (r->end - r->start < 3 && fill(r))
		;
	str head = str_make(r->window + r->start, r->end - r->start);
	if (str_starts(head, STR("\xef\xbb\xbf")))
		take(r, 3);
	return !str_starts(head, STR("\xff\xfe")) && !str_starts(head, STR("\xfe\xff"));
}

enum csv_step csv_reader_next(struct csv_reader *r, struct csv_row *ret)
{
	if (!r->begun && !begin(r))
		return CSV_UTF16;
	for (;;) {
		uint64_t lines;
		size_t size = line_size(r, 0);
		if (r->failed)
			return CSV_UNREADABLE;
		if (size == 0)
			return CSV_END;
		if (size == SIZE_MAX)
			return reject_long(r, ret);
		if (is_blank(str_make(r->window + r->start, size))) {
			take(r, size);
			r->line++;
			continue;
		}
		const char *fault = parse_row(r, &size, &lines);
		if (r->failed)
			return CSV_UNREADABLE;
		if (!fault)
			return accept(r, size, lines, ret);
		return reject(r, fault, line_size(r, 0), ret);
	}
}

/* ---- making ---- */

struct csv_reader *csv_reader_create(ssize_t (*read)(void *context, char *to, size_t size),
				     void *context, const struct csv_options *options)
{
	struct csv_reader *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->read = read;
	r->context = context;
	r->options = *options;
	r->line = 1;
	r->window = malloc(WINDOW_SIZE);
	r->cells = malloc(CELLS_SIZE);
	r->latin1 = (iconv_t)-1;
	if (options->latin1) {
		r->converted = malloc(CELLS_SIZE);
		r->latin1 = iconv_open("UTF-8", "ISO-8859-1");
	}
	r->parser_ready = csv_init(&r->parser, CSV_STRICT) == 0;
	if (!r->window || !r->cells || !r->parser_ready ||
	    (options->latin1 && (!r->converted || r->latin1 == (iconv_t)-1))) {
		csv_reader_destroy(r);
		return NULL;
	}
	csv_set_blk_size(&r->parser, 65536);
	csv_set_delim(&r->parser,
		      (unsigned char)(options->delimiter ? options->delimiter : ','));
	return r;
}

void csv_reader_destroy(struct csv_reader *r)
{
	if (!r)
		return;
	if (r->parser_ready)
		csv_free(&r->parser);
	if (r->latin1 != (iconv_t)-1)
		iconv_close(r->latin1);
	free(r->converted);
	free(r->cells);
	free(r->window);
	free(r);
}

uint64_t csv_reader_bytes(const struct csv_reader *r)
{
	return r->bytes;
}
