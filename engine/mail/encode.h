/* encode.h - transfer encodings: quoted-printable for text, base64 for the rest (RFC 2045 6).
 * What comes out is 7-bit, has lines of at most 76 columns and CRLF only; no line starts with a
 * dot or with "From ", so nothing downstream needs stuffing. What goes in is text: CRLF, CR and
 * LF are all one line end, bytes that are no UTF-8 and NUL become U+FFFD. */
#pragma once

#include "engine/base/buf.h"

#define QP_LINE_LIMIT 76

/* A part being written; the column is all that connects one piece with the next. */
struct qp {
	struct buf *out;
	unsigned column;
	bool after_cr; /* a LF that comes first now belongs to the CR before it */
};

void qp_begin(struct qp *, struct buf *out); /* at the start of a line */
/* Goes on where out stands: the column is the distance to its last LF. What came before is
 * known only by its bytes, so a CR and a LF on both sides of this point are two line ends. */
void qp_resume(struct qp *, struct buf *out);
/* The same where what stands before from was written elsewhere, up to a line's end. */
void qp_resume_from(struct qp *, struct buf *out, size_t from);
/* A piece of text; pieces may end anywhere but inside a character. */
void qp_put(struct qp *, str text);
/* Guards white space that would otherwise end the last line; that line stays open. */
void qp_end(struct qp *);

/* Constant text encoded once. Where its first line falls depends on what stands before it, so
 * that much (head, at most 72 columns) is kept apart; all behind it is copied as it is. */
struct qp_literal {
	str head; /* encoded, without any line end */
	enum { QP_BREAK_NONE, QP_BREAK_SOFT, QP_BREAK_HARD } break_after_head;
	str tail; /* encoded, from a line's start */
	unsigned tail_column; /* where it ends: so many of its bytes are its last line */
	bool starts_with_lf, ends_with_cr;
};

/* Encoded bytes come from the arena; -1 at its limit. */
[[nodiscard]] int qp_literal_compile(struct arena *, str text, struct qp_literal *ret_literal);
void qp_put_literal(struct qp *, const struct qp_literal *);
/* The same without the whole lines of the tail, which are returned: they belong where from says, a
 * place in out. */
str qp_put_around(struct qp *, const struct qp_literal *, size_t *ret_from);

/* RFC 4648 4 with padding, all on one line. */
void base64_put(struct buf *out, str bytes);
/* The same in lines of 76 columns, each with its CRLF (RFC 2045 6.8). */
void base64_put_lines(struct buf *out, str bytes);
