/* liquid.h - a Liquid template: compiled once into literal spans and slots, rendered many
 * times. Compiling knows the names of the root variables, so that rendering looks nothing up by
 * name. Pure: memory from arenas, output into a buf, time as an argument. */
#pragma once

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/usec.h"
#include "templates/value.h"

struct region;
struct liquid; /* compiled, immutable: one serves all threads */

/* An error for people: where and what, and the line itself. */
struct liquid_error {
	str file;
	uint32_t line, column; /* from 1; column in bytes */
	char message[200]; /* a sentence: "unknown filter 'upcsae', did you mean 'upcase'?" */
	char excerpt[160]; /* the source line, or the part of it around the column, printable */
	uint32_t caret;    /* under which cell of excerpt a caret belongs, from 1; 0: none */
};

/* What `{{ }}` does with <, >, &, " and '. HTML: escapes them once, unless the value is marked
 * safe (by `| raw`, `| escape`, `| newline_to_br` or because it was captured). Strings written
 * in the template are escaped like any other. */
enum liquid_escape { LIQUID_ESCAPE_NONE, LIQUID_ESCAPE_HTML };

/* Rendering straight into a transfer encoding, in one pass. Literal text is encoded once, when
 * compiling, as if it began at a line's start; while rendering, put_literal only joins it and
 * encode_output encodes the (short) text between. The encoder's state is what already stands at
 * the end of out: for quoted-printable the column is the distance to the last LF, so
 * put_literal looks back in out, looks ahead to the literal's own first LF, and writes a soft
 * line break between when the two do not fit on a line. Inside capture text stays plain.
 * context is shared by all renderings on all threads: read-only. The place is the rendering's
 * own: where the encoder left off, so that it need not look back while nobody else wrote; and
 * where it may note long pieces of literals instead of copying them. */
struct liquid_shares {
	struct liquid_share {
		size_t at; /* in out */
		str bytes; /* as long as the liquid lives */
	} * items;
	size_t count, limit; /* when there are so many, the rest is copied */
};

struct liquid_place {
	size_t size; /* of out, then; 0: nothing is known */
	unsigned column;
	struct liquid_shares *shares; /* NULL: all is written to out */
};

struct liquid_encoding {
	/* False: out of memory. text never is empty. */
	bool (*prepare_literal)(void *context, str text, struct arena *, str *ret_prepared);
	void (*put_literal)(void *context, struct liquid_place *, str prepared,
			    struct buf *out);
	void (*encode_output)(void *context, struct liquid_place *, str text, /* escaped */
			      struct buf *out);
	void *context;
};

struct liquid_options {
	str file;                  /* for errors */
	enum liquid_escape escape; /* of {{ output }}; `| raw` opts out */
	bool strict_variables;
	bool lax_filters; /* an unknown filter changes nothing, instead of being an error */
	/* Source of a partial by name; false: there is none. NULL: partials are errors. Called
	 * while compiling; while rendering too, from any thread, but only for `include` with a
	 * name that is no literal. */
	bool (*load_partial)(void *context, str name, struct arena *, str *ret_source);
	void *load_context;
	const struct liquid_encoding *encoding; /* NULL: plain; else it outlives the liquid */
	/* For date, number, money and t (region.h); NULL: times are UTC, and the others errors.
	 * Else it outlives the liquid. */
	const struct region *region;
};

/* Bounds of one rendering, each with its own error: no template and no data can make it hang or
 * take the machine's memory. */
struct liquid_limits {
	uint32_t steps;     /* tags, outputs, filters; long data counts more; 0: 1,000,000 */
	uint32_t turns;     /* of all loops together; 0: 100,000 */
	size_t output_size; /* 0: 16 MiB */
	uint32_t depth;     /* of nesting; 0: 100, and never more than 200 */
	size_t memory_size; /* of values made by tags and filters; 0: 4 times output_size, and
			       1 MiB at least */
};

[[nodiscard]] struct liquid *liquid_compile(struct arena *, str source,
					    const struct liquid_options *,
					    struct liquid_error *ret_error);

/* What the template and its partials read from outside: "first_name" or "subscriber.city" (the
 * parts of the path that are known before rendering). In order of first use, each once. What
 * is read by a computed name ({{ [name] }}, include with a variable) cannot be listed. */
size_t liquid_variable_count(const struct liquid *);
str liquid_variable(const struct liquid *, size_t index);
/* Whether filters look at the reader's zone or locale; the variables with them are not listed
 * above, for nobody misses them where they are absent. */
bool liquid_uses_zone(const struct liquid *);
bool liquid_uses_locale(const struct liquid *);

/* Appends to out. roots is a hash value: names to values, NULL: none (fastest when its pairs
 * stand in the order of liquid_variable(), others between them do no harm). scratch is used
 * during the call and may be reset after it. NULL limits: the defaults. 0, or -1 with the error
 * filled in and out in an undefined state; its views live as long as liquid and scratch. */
[[nodiscard]] int liquid_render(const struct liquid *, const struct value *roots,
				const struct liquid_limits *, usec wall_now,
				struct arena *scratch, struct buf *out,
				struct liquid_error *ret_error);
/* The same, for who puts together again what the encoding has left out of out. */
[[nodiscard]] int liquid_gather(const struct liquid *, const struct value *roots, usec wall_now,
				struct arena *scratch, struct buf *out, struct liquid_shares *,
				struct liquid_error *ret_error);

/* Pieces for who wants to encode literals once: the template as a list of runs. A literal run
 * is constant text; a dynamic run is rendered as a whole. A template without tags that span
 * text alternates literal, output, literal, ... */
size_t liquid_run_count(const struct liquid *);
/* True: literal, in *ret_text (as prepared by the encoding). False: dynamic. */
bool liquid_run_literal(const struct liquid *, size_t run, str *ret_text);
/* Renders one dynamic run. State of assign and of counters carries over from run to run through
 * the frame. */
struct liquid_frame;
[[nodiscard]] struct liquid_frame *liquid_frame_begin(const struct liquid *,
						      const struct value *roots,
						      const struct liquid_limits *,
						      usec wall_now, struct arena *scratch);
[[nodiscard]] int liquid_frame_run(struct liquid_frame *, size_t run, struct buf *out,
				   struct liquid_error *ret_error);
/* A `{% break %}` outside of any loop was reached: nothing further is to be written. */
bool liquid_frame_stopped(const struct liquid_frame *);
