/* media_type.h - what kind of file it is, by its name's suffix (RFC 2046; the list of IANA). */
#pragma once

#include "engine/base/str.h"

/* "application/pdf" for "terms.pdf"; application/octet-stream for what the table does not know.
 */
str media_type_guess(str file_name);
/* type "/" subtype, both tokens of RFC 2045 5.1, 100 bytes at most, and nothing that base64 may
 * not encode: multipart and message (RFC 2045 6.4). */
bool media_type_ok(str type);
