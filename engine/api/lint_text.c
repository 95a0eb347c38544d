/* lint_text.c - findings for people and for programs. */
#include "engine/api/campaign_lint.h"

#include "engine/api/rows.h"
#include "engine/api/units.h"

static void put_place(const struct lint_place *place, struct buf *out)
{
	text_put_printable(out, place->file, 300);
	if (place->line)
		buf_printf(out, ":%u:%u", place->line, place->column);
	buf_put_cstr(out, ": ");
}

/* Advice follows the last finding of its rule: once is enough. */
static bool is_last_of_rule(const struct lint *lint, size_t index)
{
	for (size_t i = index + 1; i < lint->count; i++)
		if (lint->findings[i].rule == lint->findings[index].rule)
			return false;
	return true;
}

static void put_finding(const struct lint *lint, size_t index, struct buf *out)
{
	const struct lint_finding *f = &lint->findings[index];
	put_place(&f->place, out);
	buf_printf(out, "%s: ", lint_severity_names[f->severity]);
	text_put_printable(out, f->sentence, 500);
	buf_printf(out, " [%s]\n", lint_rules[f->rule].name);
	if (f->more)
		buf_printf(out, "    and %u more like it\n", f->more);
	if (is_last_of_rule(lint, index))
		buf_printf(out, "    %s\n", lint_rules[f->rule].advice);
}

static void put_count(size_t count, const char *what, struct buf *out)
{
	count_format(out, count);
	buf_printf(out, " %s%s", what, count == 1 ? "" : "s");
}

void campaign_lint_findings(const struct campaign_lint *r, enum lint_severity least,
			    struct buf *out)
{
	for (size_t i = 0; i < r->lint.count; i++)
		if (r->lint.findings[i].severity >= least)
			put_finding(&r->lint, i, out);
	put_count(lint_count(&r->lint, LINT_ERROR), "error", out);
	buf_put_cstr(out, ", ");
	put_count(lint_count(&r->lint, LINT_WARNING), "warning", out);
	if (lint_count(&r->lint, LINT_INFORMATION) > 0) {
		buf_put_cstr(out, ", ");
		put_count(lint_count(&r->lint, LINT_INFORMATION), "note", out);
	}
	buf_put_byte(out, '\n');
}

static void put_size(size_t size, struct buf *out)
{
	buf_printf(out, "%.1f KB", (double)size / 1024);
}

static void put_parts(const struct campaign_lint *r, struct buf *out)
{
	const struct lint_source *s = &r->source;
	buf_put_cstr(out, "  parts     ");
	if (s->html.data) {
		buf_put_cstr(out, "HTML ");
		put_size(s->html.size, out);
	}
	if (s->text.data) {
		buf_put_cstr(out, s->html.data ? ", text " : "text ");
		put_size(s->text.size, out);
		buf_put_cstr(out, s->text_is_made ? " (made from the HTML)" : "");
	}
	buf_put_byte(out, '\n');
}

static void put_sample(const struct campaign_lint *r, struct buf *out)
{
	if (r->message_size == 0)
		return;
	buf_put_cstr(out, "  message   ");
	put_size(r->message_size, out);
	if (r->html_size) {
		buf_put_cstr(out, ", of it HTML ");
		put_size(r->html_size, out);
	}
	if (r->sample_email.size) {
		buf_put_cstr(out, ", as ");
		text_put_printable(out, r->sample_email, 200);
		buf_put_cstr(out, " would get it");
	}
	buf_put_byte(out, '\n');
}

static void put_fields(const struct campaign_lint *r, struct buf *out)
{
	if (r->counted) {
		buf_put_cstr(out, "  for       ");
		buf_put_cstr(out, r->about ? "about " : "");
		put_count(r->recipients, "recipient", out);
		buf_put_byte(out, '\n');
	}
	for (size_t i = 0; i < r->field_count; i++) {
		buf_put_cstr(out, i == 0 ? "  fields    " : "            ");
		text_put_printable(out, r->fields[i].name, 80);
		if (r->counted && r->field_counts[i] != UINT64_MAX) {
			buf_put_cstr(out, ", which ");
			buf_put_cstr(out, r->about ? "about " : "");
			count_format(out, r->field_counts[i]);
			buf_put_cstr(out, r->field_counts[i] == 1 ? " has" : " have");
		}
		buf_put_byte(out, '\n');
	}
}

void campaign_lint_text(const struct campaign_lint *r, enum lint_severity least,
			struct buf *out)
{
	put_parts(r, out);
	put_sample(r, out);
	put_fields(r, out);
	campaign_lint_findings(r, least, out);
}

static void json_finding(const struct lint_finding *f, struct buf *out)
{
	buf_put_cstr(out, "{\"name\":");
	json_put_string(out, str_of(lint_rules[f->rule].name));
	buf_put_cstr(out, ",\"severity\":");
	json_put_string(out, str_of(lint_severity_names[f->severity]));
	buf_put_cstr(out, ",\"file\":");
	json_put_string(out, f->place.file);
	if (f->place.line)
		buf_printf(out, ",\"line\":%u,\"column\":%u", f->place.line, f->place.column);
	buf_put_cstr(out, ",\"sentence\":");
	json_put_string(out, f->sentence);
	buf_put_cstr(out, ",\"advice\":");
	json_put_string(out, str_of(lint_rules[f->rule].advice));
	buf_printf(out, ",\"more\":%u}", f->more);
}

static void json_fields(const struct campaign_lint *r, struct buf *out)
{
	buf_put_cstr(out, ",\"fields\":[");
	for (size_t i = 0; i < r->field_count; i++) {
		buf_put_cstr(out, i ? ",{\"name\":" : "{\"name\":");
		json_put_string(out, r->fields[i].name);
		if (r->counted && r->field_counts[i] != UINT64_MAX)
			buf_printf(out, ",\"recipients\":%llu",
				   (unsigned long long)r->field_counts[i]);
		buf_put_byte(out, '}');
	}
	buf_put_byte(out, ']');
}

void campaign_lint_json(const struct campaign_lint *r, struct buf *out)
{
	buf_printf(out, "\"errors\":%zu,\"warnings\":%zu", lint_count(&r->lint, LINT_ERROR),
		   lint_count(&r->lint, LINT_WARNING));
	if (r->counted)
		buf_printf(out, ",\"recipients\":%llu,\"exact\":%s",
			   (unsigned long long)r->recipients, r->about ? "false" : "true");
	buf_printf(out, ",\"html_size\":%zu,\"text_size\":%zu,\"message_size\":%zu",
		   r->html_size, r->source.text.size, r->message_size);
	json_fields(r, out);
	buf_put_cstr(out, ",\"findings\":[");
	for (size_t i = 0; i < r->lint.count; i++) {
		buf_put_cstr(out, i ? "," : "");
		json_finding(&r->lint.findings[i], out);
	}
	buf_put_byte(out, ']');
}

void campaign_lint_csv(struct cli *cli, const struct campaign_lint *r)
{
	static const struct column columns[] = {
		{"severity", 11, false}, {"name", 20, false},    {"file", 20, false},
		{"line", 6, true},       {"sentence", 0, false}, {"advice", 0, false},
	};
	struct rows rows;
	char number[24];
	rows_begin(&rows, cli->format, columns, 6);
	for (size_t i = 0; i < r->lint.count; i++) {
		const struct lint_finding *f = &r->lint.findings[i];
		struct buf line;
		buf_init_fixed(&line, number, sizeof(number));
		buf_put_u64(&line, f->place.line);
		const str cells[] = {str_of(lint_severity_names[f->severity]),
				     str_of(lint_rules[f->rule].name),
				     f->place.file,
				     buf_str(&line),
				     f->sentence,
				     str_of(lint_rules[f->rule].advice)};
		rows_put(&rows, cells);
	}
	rows_end(&rows);
}
