/* utf8.h - where one character ends (RFC 3629). Whatever is no character is for the caller to
 * replace by UTF8_REPLACEMENT, one for each byte that begins nothing. */
#pragma once

#include "engine/base/str.h"

#define UTF8_REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* Bytes of the character that text begins with, 1 to 4; 0: it begins with none, or is empty. */
size_t utf8_char_size(str text);
