/* base64.h - reading base64 that came from outside (RFC 2045 6.8, RFC 4648 4). Writing it is
 * encode.h's. */
#pragma once

#include "engine/base/buf.h"

/* Appends the bytes. White space anywhere is passed over, padding must be there and stand at
 * the end, bits that no byte takes must be zero. False: it is not base64; what out got is of no
 * use. */
[[nodiscard]] bool base64_decode(struct buf *out, str text);
