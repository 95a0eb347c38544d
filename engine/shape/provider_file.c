/* provider_file.c - lines into cells, cells into rows: see provider_file.h. */
#include "engine/shape/provider_row.h"

#include <stdarg.h>
#include <stdio.h>

#include "engine/base/hash.h"

#define CELL_SHOWN_LIMIT 60

const char *const provider_column_names[PROVIDER_COLUMN_COUNT] = {
	[PROVIDER_NAME] = "provider",
	[PROVIDER_SUFFIXES] = "mx_suffixes",
	[PROVIDER_CONNECTIONS] = "connections",
	[PROVIDER_MESSAGES_PER_CONNECTION] = "messages_per_connection",
	[PROVIDER_MESSAGE_RATE] = "message_rate",
	[PROVIDER_CONNECTION_RATE] = "connection_rate",
	[PROVIDER_BYTE_RATE] = "byte_rate",
	[PROVIDER_IDLE_SECONDS] = "idle_seconds",
	[PROVIDER_FLIGHT] = "flight",
	[PROVIDER_FLIGHT_LIMIT] = "flight_limit",
	[PROVIDER_WINDOW] = "window",
	[PROVIDER_SCOPE] = "scope",
	[PROVIDER_TLS] = "tls",
	[PROVIDER_SOURCE] = "source",
	[PROVIDER_DATE] = "date",
};

int provider_refuse(struct provider_reading *r, const char *format, ...)
{
	char sentence[400];
	struct buf b;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	buf_init_fixed(&b, r->why, r->why_size - 1);
	buf_put_printable(&b, str_of(r->file->path), 200);
	buf_printf(&b, ":%u:%u: ", r->line, r->column);
	if (r->column_name)
		buf_printf(&b, "%s ", r->column_name);
	if (r->cell.size > 0) {
		buf_put_byte(&b, '\'');
		buf_put_printable(&b, r->cell, CELL_SHOWN_LIMIT);
		buf_put_cstr(&b, "': ");
	}
	buf_put_cstr(&b, sentence);
	r->why[b.size] = '\0';
	return PROVIDER_FILE_REFUSED;
}

/* Takes the next cell off the line: where it is from now on. */
static void next_cell(struct provider_reading *r, str line, str *rest)
{
	str cell = str_cut(rest, '\t'), inner = str_trim(cell);

	r->cell = inner;
	r->column = (uint32_t)((inner.size ? inner.data : cell.data) - line.data) + 1;
}

static bool has_column(const struct provider_reading *r, enum provider_column which)
{
	for (size_t i = 0; i < r->column_count; i++) {
		if (r->columns[i] == which)
			return true;
	}
	return false;
}

static int refuse_column(struct provider_reading *r)
{
	char names[300];
	struct buf b;

	buf_init_fixed(&b, names, sizeof(names) - 1);
	for (size_t i = 0; i < PROVIDER_COLUMN_COUNT; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", provider_column_names[i]);
	names[b.size] = '\0';
	return provider_refuse(
		r, "there is no such column. Between tabs, the first line names of: %s", names);
}

static int read_header(struct provider_reading *r, str line)
{
	for (str rest = line; rest.data;) {
		size_t which = 0;
		next_cell(r, line, &rest);
		while (which < PROVIDER_COLUMN_COUNT &&
		       !str_eq(r->cell, str_of(provider_column_names[which])))
			which++;
		if (which == PROVIDER_COLUMN_COUNT)
			return refuse_column(r);
		if (has_column(r, (enum provider_column)which))
			return provider_refuse(
				r, "this column is named already: remove one of the two");
		r->columns[r->column_count++] = (uint8_t)which;
	}
	if (has_column(r, PROVIDER_NAME))
		return 0;
	r->column = 1;
	r->cell = (str){};
	return provider_refuse(r, "the column provider is missing: a row needs a name");
}

static int take_cells(struct provider_reading *r, str line)
{
	size_t at = 0;

	for (str rest = line; rest.data; at++) {
		next_cell(r, line, &rest);
		if (at >= r->column_count && r->cell.size == 0)
			continue; /* as spreadsheets leave them */
		r->column_name = NULL;
		if (at >= r->column_count)
			return provider_refuse(r,
					       "the header names %zu columns, this cell is one "
					       "more: is a tab too many before it?",
					       r->column_count);
		r->column_name = provider_column_names[r->columns[at]];
		int result =
			r->cell.size == 0
				? 0
				: provider_take_cell(r, (enum provider_column)r->columns[at]);
		if (result != 0)
			return result;
	}
	return 0;
}

/* What a row owes as a whole. It is at its beginning again. */
static int check_row(struct provider_reading *r)
{
	const struct rule *row = &r->row;
	bool built_in = r->file->origin == RULE_BUILT_IN;

	r->column = 1;
	r->column_name = NULL;
	r->cell = row->name;
	if (row->name.size == 0)
		return provider_refuse(r, "the row has no name: write one under provider");
	if (row->suffix_count > 0 && row->name.size > PROVIDER_NAME_LIMIT)
		return provider_refuse(r, "a provider's name has at most %d letters",
				       PROVIDER_NAME_LIMIT);
	if (row->suffix_count > 0 && str_eq(row->name, STR("default")))
		return provider_refuse(r, "default is for everybody that no row is for: leave "
					  "its mx_suffixes empty");
	if (row->suffix_count == 0 && row->own == 0)
		return provider_refuse(r, "this row says nothing: give it a limit or "
					  "mx_suffixes, or remove it");
	if (built_in && (row->place.source.size == 0 || row->place.date.size == 0))
		return provider_refuse(r, "a built-in row needs a source and a date");
	const struct rule *twin = map_get(&r->names, row->name);
	if (twin)
		return provider_refuse(r, "has its row already, in line %u: make one of both",
				       twin->place.line);
	if (r->rules->own.count >= RULES_LIMIT)
		return provider_refuse(r,
				       "too many rows: all files and sections together may "
				       "have %d",
				       RULES_LIMIT);
	return 0;
}

static int read_row(struct provider_reading *r, str line)
{
	r->row = (struct rule){.place = {.origin = r->file->origin,
					 .file = str_of(r->file->path),
					 .line = r->line}};
	int result = take_cells(r, line);
	if (result == 0)
		result = check_row(r);
	if (result != 0)
		return result;
	struct rule *row =
		rules_append(r->rules, r->row.name, r->row.suffixes, r->row.suffix_count,
			     &r->row.limits, r->row.own, &r->row.place);
	if (!row)
		return PROVIDER_FILE_NO_MEMORY;
	row->suffix_columns = r->row.suffix_columns;
	return map_put(&r->names, row->name, row) == 0 ? 0 : PROVIDER_FILE_NO_MEMORY;
}

/* Tabs part cells; another control character is a sign of another kind of file. */
static int check_text(struct provider_reading *r, str line)
{
	for (size_t i = 0; i < line.size; i++) {
		unsigned char c = (unsigned char)line.data[i];
		if ((c >= ' ' && c != 0x7f) || c == '\t')
			continue;
		r->column = (uint32_t)i + 1;
		r->cell = str_sub(line, i, 1);
		return provider_refuse(r, "a control character: this is no table of text");
	}
	return 0;
}

static int read_line(struct provider_reading *r, str line)
{
	int result;

	r->line++;
	r->column = 1;
	r->column_name = NULL;
	r->cell = (str){};
	if (str_ends(line, STR("\r")))
		line.size--;
	result = check_text(r, line);
	if (result != 0 || str_trim(line).size == 0 || line.data[0] == '#')
		return result;
	return r->column_count == 0 ? read_header(r, line) : read_row(r, line);
}

static struct rule *last_rule(const struct rules *rules)
{
	struct rule *last = rules->own.first;

	while (last && last->next)
		last = last->next;
	return last;
}

int provider_file_read(struct rules *rules, const struct provider_file *file, char *ret_why,
		       size_t why_size)
{
	struct provider_reading r = {.rules = rules,
				     .file = file,
				     .before = last_rule(rules),
				     .why = ret_why,
				     .why_size = why_size};
	str text = file->text;

	map_init(&r.names, rules->arena, 0);
	rules->own.fingerprint = hash_bytes(rules->own.fingerprint, text);
	/* Editors of some systems begin a text with this mark. */
	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_from(text, 3);
	while (text.size > 0) {
		int result = read_line(&r, str_cut(&text, '\n'));
		if (result != 0)
			return result;
	}
	return provider_lint(&r);
}
