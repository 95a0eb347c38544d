/* domain.h - domain names as mail uses them: ASCII labels for the wire (RFC 5321 2.3.5, 1035
 * 2.3.4), A-labels for all others (RFC 5891, mapped as UTS 46 says).
 * For A-labels this file calls libidn2, the only library under floor 1 that is not ours: its
 * tables are Unicode's. It allocates inside and has freed all of it on return. */
#pragma once

#include "engine/base/buf.h"

#define DOMAIN_LIMIT 253 /* in text; 255 octets on the wire of DNS */
#define DOMAIN_LABEL_LIMIT 63

/* Is it a host name in ASCII: labels of letters, digits and inner hyphens, the last one not a
 * number (that would be an IP address), within the limits, without a dot at the end. */
bool domain_is_valid(str domain);
/* Appends the name in lower-case A-labels; false (and nothing appended) when there is none. */
[[nodiscard]] bool domain_to_ascii(struct buf *out, str domain);
