/* lint_body.c - rules about HTML: links, images, what no mail reader runs or shows, and what
 * the document as a whole lacks. */
#include "templates/lint_parts.h"

#include "engine/mail/utf8.h"
#include "templates/message_plan.h"

#define FEW_LETTERS 60    /* two lines of words: less beside images is a letter of images */
#define OUTPUT_LETTERS 20 /* what {{ output }} is taken to print */
#define MANY_IMAGES 25
#define ENTITY_LIMIT 12

struct body {
	struct lint *lint;
	const struct lint_source *source;
	struct lint_document *document;
	str file;
	struct lint_flat flat;
	char shown[LINT_SHOWN_SIZE];
};

static struct lint_place place(const struct body *b, enum lint_rule rule, size_t at)
{
	if (!lint_wants(b->lint, rule))
		return (struct lint_place){b->file, 0, 0};
	return lint_place_of(b->file, b->flat.source, lint_flat_source(&b->flat, at));
}

/* What Liquid prints is shown as three dots. */
static const char *shown(struct body *b, str text)
{
	char memory[64];
	struct buf out;
	buf_init_fixed(&out, memory, sizeof(memory));
	for (size_t i = 0; i < text.size && out.size + 4 < sizeof(memory); i++) {
		if (text.data[i] == LINT_OUTPUT)
			buf_put_cstr(&out, "...");
		else if (text.data[i] != LINT_TAG)
			buf_put_byte(&out, text.data[i]);
	}
	return lint_shown(b->shown, buf_str(&out));
}

static bool is_cid_known(const struct lint_source *source, str name)
{
	for (size_t i = 0; i < source->cid_count; i++)
		if (str_eq(source->cids[i], name))
			return true;
	for (size_t i = 0; source->plan && i < source->plan->source.file_count; i++)
		if (str_eq(source->plan->source.files[i].cid, name))
			return true;
	return str_find_byte(name, LINT_OUTPUT) != STR_NONE;
}

static bool is_way_out(str url)
{
	static const char *const words[] = {"unsub",   "opt-out",     "optout",
					    "opt_out", "preferences", "abmeld"};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		str word = str_of(words[i]);
		for (size_t at = 0; at + word.size <= url.size; at++)
			if (str_eq_nocase(str_sub(url, at, word.size), word))
				return true;
	}
	return false;
}

/* Of any attribute that holds an address: what it is called in sentences. */
static void look_at_address(struct body *b, const struct lint_attribute *a, const char *what)
{
	struct lint_link_facts facts = lint_link_of(a->value);
	struct lint *lint = b->lint;
	if (facts.http && facts.kind != LINT_LINK_EMPTY)
		lint_say(lint, LINT_HTTP_LINK, place(b, LINT_HTTP_LINK, a->at),
			 "the %s %s is not encrypted", what, shown(b, a->value));
	if (facts.number)
		lint_say(lint, LINT_IP_LINK, place(b, LINT_IP_LINK, a->at),
			 "the %s %s leads to a number", what, shown(b, a->value));
	if (facts.short_name)
		lint_say(lint, LINT_IP_LINK, place(b, LINT_IP_LINK, a->at),
			 "the %s %s leads to a machine without a domain", what,
			 shown(b, a->value));
	if (facts.shortener)
		lint_say(lint, LINT_SHORTENER, place(b, LINT_SHORTENER, a->at),
			 "the %s %s hides where it leads", what, shown(b, a->value));
	if (facts.kind == LINT_LINK_JAVASCRIPT)
		lint_say(lint, LINT_JAVASCRIPT, place(b, LINT_JAVASCRIPT, a->at),
			 "the %s is JavaScript", what);
	else if (facts.kind == LINT_LINK_RELATIVE)
		lint_say(lint, LINT_RELATIVE_LINK, place(b, LINT_RELATIVE_LINK, a->at),
			 "the %s %s is not a whole address", what, shown(b, a->value));
	else if (facts.kind == LINT_LINK_CID && !is_cid_known(b->source, str_from(a->value, 4)))
		lint_say(lint, LINT_BROKEN_CID, place(b, LINT_BROKEN_CID, a->at),
			 "the %s %s has no attachment", what, shown(b, a->value));
}

static void look_at_link(struct body *b, const struct lint_piece *tag)
{
	const struct lint_attribute *href = lint_attribute(tag, "href");
	bool is_target = lint_attribute(tag, "name") || lint_attribute(tag, "id");
	if (!href && (tag->dynamic || is_target))
		return;
	if (!href || lint_link_of(href->value).kind == LINT_LINK_EMPTY) {
		size_t at = href ? href->at : tag->at;
		lint_say(b->lint, LINT_EMPTY_LINK, place(b, LINT_EMPTY_LINK, at),
			 "a link leads nowhere%s%s", href && href->value.size ? ": " : "",
			 href ? shown(b, href->value) : "");
		return;
	}
	if (is_way_out(href->value))
		b->document->has_way_out = true;
	look_at_address(b, href, "link");
}

/* A pixel that counts openings shows nothing, so it needs no words. */
static bool is_pixel(const struct lint_piece *tag)
{
	const struct lint_attribute *width = lint_attribute(tag, "width");
	return width && (str_eq(width->value, STR("1")) || str_eq(width->value, STR("0")) ||
			 str_eq(width->value, STR("1px")));
}

static void look_at_image(struct body *b, const struct lint_piece *tag)
{
	const struct lint_attribute *source = lint_attribute(tag, "src");
	b->document->image_count += !is_pixel(tag);
	if (!lint_attribute(tag, "alt") && !tag->dynamic && !is_pixel(tag))
		lint_say(b->lint, LINT_IMAGE_ALT, place(b, LINT_IMAGE_ALT, tag->at),
			 "an image has no alt text: %s", source ? shown(b, source->value) : "");
	if (source && lint_link_of(source->value).kind == LINT_LINK_EMPTY)
		lint_say(b->lint, LINT_EMPTY_LINK, place(b, LINT_EMPTY_LINK, source->at),
			 "an image has no address");
	else if (source)
		look_at_address(b, source, "image");
}

static bool holds(str text, const char *word)
{
	str wanted = str_of(word);
	for (size_t at = 0; at + wanted.size <= text.size; at++)
		if (str_eq_nocase(str_sub(text, at, wanted.size), wanted))
			return true;
	return false;
}

/* <meta charset="x"> and <meta http-equiv="content-type" content="text/html; charset=x">. */
static void look_at_meta(struct body *b, const struct lint_piece *tag)
{
	const struct lint_attribute *a = lint_attribute(tag, "charset");
	str charset = a ? str_trim(a->value) : (str){};
	if (!a && (a = lint_attribute(tag, "content"))) {
		size_t at = str_find(a->value, STR("charset="));
		charset = at == STR_NONE ? (str){} : str_trim(str_from(a->value, at + 8));
	}
	if (charset.size == 0 || str_find_byte(charset, LINT_OUTPUT) != STR_NONE ||
	    str_eq_nocase(charset, STR("utf-8")) || str_eq_nocase(charset, STR("utf8")))
		return;
	lint_say(b->lint, LINT_CHARSET, place(b, LINT_CHARSET, a->at),
		 "the HTML says that it is %s", shown(b, charset));
}

static void look_at_handlers(struct body *b, const struct lint_piece *tag)
{
	for (size_t i = 0; i < tag->attribute_count; i++) {
		const struct lint_attribute *a = &tag->attributes[i];
		if (a->name.size > 4 && str_starts_nocase(a->name, STR("on")) && a->value.data)
			lint_say(b->lint, LINT_JAVASCRIPT, place(b, LINT_JAVASCRIPT, a->at),
				 "%s=... is JavaScript", shown(b, a->name));
	}
}

/* A hidden element is how preheaders are made. */
static void look_for_preheader(struct body *b, const struct lint_piece *tag)
{
	const struct lint_attribute *style = lint_attribute(tag, "style"),
				    *class = lint_attribute(tag, "class");
	bool hidden = style &&
		      (holds(style->value, "display:none") ||
		       holds(style->value, "display: none") || holds(style->value, "mso-hide"));
	if (hidden ||
	    (class && (holds(class->value, "preheader") || holds(class->value, "preview"))))
		b->document->has_preheader = true;
}

/* JSON-LD in a script is data that Gmail reads. */
static void look_at_script(struct body *b, const struct lint_piece *tag)
{
	const struct lint_attribute *type = lint_attribute(tag, "type");
	if (!type || !holds(type->value, "json"))
		lint_say(b->lint, LINT_JAVASCRIPT, place(b, LINT_JAVASCRIPT, tag->at),
			 "there is a script");
}

static bool is_one_of(str name, const char *const *names)
{
	for (; *names; names++)
		if (str_eq_nocase(name, str_of(*names)))
			return true;
	return false;
}

static void look_at_others(struct body *b, const struct lint_piece *tag)
{
	static const char *const embedded[] = {"iframe", "object", "embed", "frameset",
					       "applet", "video",  "audio", NULL};
	const struct lint_attribute *a;
	if (is_one_of(tag->name, embedded))
		lint_say(b->lint, LINT_EMBEDDED, place(b, LINT_EMBEDDED, tag->at),
			 "there is a <%s>", shown(b, tag->name));
	else if (str_eq_nocase(tag->name, STR("form")))
		lint_say(b->lint, LINT_FORM, place(b, LINT_FORM, tag->at), "there is a form");
	else if (str_eq_nocase(tag->name, STR("link")) && (a = lint_attribute(tag, "href")))
		look_at_address(b, a, "style sheet");
	else if ((a = lint_attribute(tag, "background")))
		look_at_address(b, a, "background");
}

static void look_at_tag(struct body *b, const struct lint_piece *tag)
{
	const struct lint_attribute *language;
	look_at_handlers(b, tag);
	look_for_preheader(b, tag);
	if (str_eq_nocase(tag->name, STR("a")) || str_eq_nocase(tag->name, STR("area"))) {
		look_at_link(b, tag);
	} else if (str_eq_nocase(tag->name, STR("img"))) {
		look_at_image(b, tag);
	} else if (str_eq_nocase(tag->name, STR("meta"))) {
		look_at_meta(b, tag);
	} else if (str_eq_nocase(tag->name, STR("script"))) {
		look_at_script(b, tag);
	} else if (str_eq_nocase(tag->name, STR("html"))) {
		language = lint_attribute(tag, "lang");
		b->document->has_html = true;
		b->document->has_language |= tag->dynamic || (language && language->value.size);
	} else {
		look_at_others(b, tag);
	}
}

/* What is read: entities count as nothing, they are mostly the padding of preheaders. */
static size_t letters_of(str text)
{
	size_t letters = 0;
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		size_t end = c == '&' ? str_find_byte(str_sub(text, i, ENTITY_LIMIT), ';')
				      : STR_NONE;
		if (end != STR_NONE)
			i += end;
		else if (c == LINT_OUTPUT)
			letters += OUTPUT_LETTERS;
		else
			letters += c > ' ' || (unsigned char)c >= 0x80;
	}
	return letters;
}

static void look_at_text(struct body *b, const struct lint_piece *piece)
{
	if (!piece->name.data)
		b->document->letter_count += letters_of(piece->text);
	else if (str_eq_nocase(piece->name, STR("title")))
		b->document->has_title |= letters_of(piece->text) > 0;
}

void lint_html(struct lint *lint, const struct lint_source *source, str file, str html,
	       struct lint_document *document)
{
	struct body b = {.lint = lint, .source = source, .document = document, .file = file};
	struct lint_html_scanner scanner = {};
	struct lint_piece piece;
	if (lint_flatten(lint->arena, html, &b.flat) != 0) {
		lint->out_of_memory = true;
		return;
	}
	if (str_find(html, STR("unsubscribe_url")) != STR_NONE ||
	    str_find(html, STR("preferences_url")) != STR_NONE)
		document->has_way_out = true;
	scanner.text = b.flat.text;
	for (;;) {
		lint_html_next(&scanner, &piece);
		if (piece.kind == LINT_PIECE_END)
			return;
		if (piece.kind == LINT_PIECE_OPEN)
			look_at_tag(&b, &piece);
		else if (piece.kind == LINT_PIECE_TEXT)
			look_at_text(&b, &piece);
	}
}

void lint_document(struct lint *lint, const struct lint_source *source,
		   const struct lint_document *document)
{
	const struct lint_place whole = {source->html_file, 0, 0};
	if (document->image_count > 0 && document->letter_count < FEW_LETTERS)
		lint_say(lint, LINT_IMAGE_ONLY, whole, "%zu %s and hardly any text",
			 document->image_count,
			 document->image_count == 1 ? "image" : "images");
	else if (document->image_count > MANY_IMAGES)
		lint_say(lint, LINT_MANY_IMAGES, whole, "there are %zu images",
			 document->image_count);
	if (!document->has_preheader)
		lint_say(lint, LINT_PREHEADER, whole, "there is no preheader");
	if (!document->has_title)
		lint_say(lint, LINT_TITLE, whole, "there is no title");
	if (!document->has_language)
		lint_say(lint, LINT_LANGUAGE, whole, "its language is not said");
}

/* tag = "*|" 1*(ALPHA / DIGIT / "_" / ":" / " ") "|*" of Mailchimp, "%%" name "%%" of
 * Salesforce,
 * "%recipient." of Mailgun. */
static size_t foreign_tag_size(str rest)
{
	str end = str_starts(rest, STR("*|"))   ? STR("|*")
		  : str_starts(rest, STR("%%")) ? STR("%%")
						: STR("");
	if (str_starts(rest, STR("%recipient.")))
		return strlen("%recipient.");
	if (end.size == 0)
		return 0;
	for (size_t i = 2; i < rest.size && i < 60; i++) {
		char c = rest.data[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool other = (c >= '0' && c <= '9') || c == '_' || c == ':' ||
			     (c == ' ' && end.data[0] == '|');
		if (i > 2 && str_starts(str_from(rest, i), end))
			return i + 2;
		if (!letter && (!other || i == 2))
			return 0;
	}
	return 0;
}

static struct lint_place text_place(const struct lint *lint, enum lint_rule rule, str file,
				    str text, size_t at, bool has_lines)
{
	return has_lines && lint_wants(lint, rule) ? lint_place_of(file, text, at)
						   : (struct lint_place){file, 0, 0};
}

/* Rules about the bytes of any source. */
void lint_text(struct lint *lint, str file, str text, bool has_lines)
{
	char memory[LINT_SHOWN_SIZE];
	if (str_starts(text, STR("\xEF\xBB\xBF")))
		lint_say(lint, LINT_BYTE_ORDER_MARK, (struct lint_place){file, 0, 0},
			 "it begins with a byte order mark");
	for (size_t i = 0; i < text.size;) {
		str rest = str_from(text, i);
		unsigned char c = (unsigned char)text.data[i];
		size_t size = c < 0x80 ? 1 : utf8_char_size(rest);
		if (size == 0) {
			lint_say(lint, LINT_NOT_UTF8,
				 text_place(lint, LINT_NOT_UTF8, file, text, i, has_lines),
				 "byte 0x%02x begins no letter of UTF-8", c);
			size = 1;
		} else if (c == '*' || c == '%') {
			size_t tag = foreign_tag_size(rest);
			if (tag > 0)
				lint_say(lint, LINT_FOREIGN_TAG,
					 text_place(lint, LINT_FOREIGN_TAG, file, text, i,
						    has_lines),
					 "%s is sent as it stands: it is no Liquid",
					 lint_shown(memory, str_sub(rest, 0, tag)));
			size = tag ? tag : 1;
		}
		i += size;
	}
}
