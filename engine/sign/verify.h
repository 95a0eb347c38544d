/* verify.h - the independent reader: libopendkim checks signatures against given records. */
#pragma once

#include "engine/base/str.h"

struct dkim_record {
	str selector, domain, text; /* text: the TXT record's */
};

/* Checks every signature of the message. The number that verified, or -1 with a sentence when
 * any did not or there is none. One thread at a time. */
[[nodiscard]] int verify_signatures(str message, const struct dkim_record *records,
				    size_t count, char *ret_why, size_t why_size);
