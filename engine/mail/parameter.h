/* parameter.h - fields with parameters, Content-Type and Content-Disposition (RFC 2045 5.1),
 * and the names of files in them. A value that is plain ASCII stands as a token or a quoted
 * string; any other, or one that fits on no line, by RFC 2231: name*=utf-8''... in percent
 * form, cut into name*0*, name*1* between characters when it is long. Output is 7-bit, folded
 * at 76 columns. */
#pragma once

#include "engine/base/buf.h"

#define FILE_NAME_LIMIT                                                                        \
	200 /* bytes; of a longer name the end is kept, which has the suffix                   \
	     */

struct parameter {
	str name, value; /* name is a token of at most 20 */
};

/* name and value are ours or checked; the values of parameters are anybody's. */
void parameter_put_field(struct buf *out, str name, str value, const struct parameter *,
			 size_t count);

/* The name of a file as others may see it: behind the last slash or backslash (RFC 2183 2.3: no
 * path), without controls, UTF-8, at most FILE_NAME_LIMIT; "attachment" when nothing is left.
 */
void file_name_clean(struct buf *out, str name);
/* A clean name for readers who know no RFC 2231: printable ASCII, "_" for what is not, and no
 * longer than a line, with its suffix. */
void file_name_put_plain(struct buf *out, str clean);
