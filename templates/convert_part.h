/* convert_part.h - private to the room: what the converters share. Each is a scanner that hands
 * on text and tags from left to right:
 *
 *   source --scanner--> convert_text() | convert_put() --> text, protected --> Liquid
 *
 * Text waits until the next tag, so that a tag may still cut white space off its end, and so
 * that a brace at its end never joins the tag's. Views handed about live in source or arena. */
#pragma once

#include "engine/base/map.h"
#include "templates/convert.h"

#define CONVERT_DEPTH_LIMIT 60   /* of blocks; Liquid's own is 100, and one makes up to three */
#define CONVERT_TAG_LIMIT 4096   /* bytes of one construct; longer is text */
#define CONVERT_PATH_LIMIT 300   /* bytes of one name with its dots */
#define CONVERT_OPERAND_LIMIT 16 /* of one construct */

struct convert_block {
	str name;           /* what must close it */
	size_t at;          /* of its opening */
	const char *end;    /* "{% endif %}" */
	uint32_t more_ends; /* endifs owed to `else if` */
	bool has_else;
	int kind; /* the converter's own */
};

struct convert {
	struct arena *arena;
	str source;
	struct buf out;
	struct buf text;    /* not written yet */
	struct buf prelude; /* assignments that the next tag needs before it */
	bool trim_next;     /* white space at the begin of the next text goes */
	struct convert_block blocks[CONVERT_DEPTH_LIMIT];
	size_t depth;
	size_t tag_at;    /* of the construct that is being converted, in source */
	struct map words; /* what the source's tags are made of: names that are taken */
	uint32_t value_count;
	struct convert_note *notes, **next_note;
	size_t note_count;
	struct convert_result *result;
	size_t note_at; /* where the last note was, and its line's number and begin */
	uint32_t note_line;
	size_t note_line_at;
};

/* One for each language: takes the whole source. */
void convert_mailchimp(struct convert *);
void convert_handlebars(struct convert *);
void convert_listmonk(struct convert *);
void convert_mjml_merge(struct convert *);

void convert_text(struct convert *, str);
void convert_trim_before(struct convert *); /* white space off the end of the text so far */
/* A tag or several, with what stands in prelude before them. */
__attribute__((format(printf, 2, 3))) void convert_put(struct convert *, const char *, ...);
/* The sentence's outside parts are made printable. at: an offset in source. */
__attribute__((format(printf, 3, 4))) void convert_note(struct convert *, size_t at,
							const char *, ...);
/* No equivalent: a comment with the construct in it, and a note: "what: construct". */
void convert_lost(struct convert *, str construct, const char *what);
void convert_fail(struct convert *, const char *why); /* ends the conversion */
static inline bool convert_going(const struct convert *c)
{
	return c->result->why[0] == '\0';
}
static inline size_t convert_at(const struct convert *c, str view)
{
	return (size_t)(view.data - c->source.data);
}

/* Blocks. open: puts nothing. else_: `{% else %}`, or `{% elsif %}` with a condition of text;
 * close: the ends; false: the innermost is none of that name. */
struct convert_block *convert_open(struct convert *, str construct, str name, const char *end);
void convert_else(struct convert *, struct convert_block *, str condition);
void convert_close(struct convert *); /* the innermost */
void convert_close_all(struct convert *, const char *closer);

/* printf into the arena. */
__attribute__((format(printf, 2, 3))) str convert_format(struct convert *, const char *, ...);
void convert_words(struct convert *, str open, str close); /* notes names that are taken */
/* A name as Liquid's grammar has it, and none of its words. */
bool convert_is_name(str name);
/* A variable's name that nothing else has: hint, or hint_2, ... */
str convert_name(struct convert *, str hint);
void convert_give_back(struct convert *, str name); /* from here on it may be used again */
/* "text" as a Liquid string. What cannot stand in one becomes a space, with a note. */
str convert_string(struct convert *, str text);
/* base.name, base["odd name"], base[0]; base empty: a root variable. */
str convert_member(struct convert *, str base, str name);

/* A value as Liquid writes it: a path or a literal, then filters (" | upcase"). */
struct convert_value {
	str base, filters;
	bool boolean; /* nothing but true and false */
};
/* Without filters: where conditions and parameters want it. Assigned in the prelude. */
str convert_plain(struct convert *, const struct convert_value *);

/* A condition and its opposite: Liquid has no `not` and no parentheses. kind says how yes is
 * joined; no is joined the other way. */
struct convert_cond {
	str yes, no;
	enum convert_join { JOIN_NONE, JOIN_AND, JOIN_OR } kind;
};
struct convert_cond convert_truth(struct convert *, const struct convert_value *);
struct convert_cond convert_compare(struct convert *, const char *operator, str a, str b);
struct convert_cond convert_not(struct convert_cond);
struct convert_cond convert_join(struct convert *, enum convert_join,
				 const struct convert_cond *, size_t count);

/* Formats of PHP's date() and of Go's layouts as strftime's. False: a letter has no equivalent
 * and was left out. */
bool convert_date_php(struct convert *, str format, str *ret_strftime);
bool convert_date_go(struct convert *, str layout, str *ret_strftime);
