/* date_option.c - see date_option.h. */
#include "engine/api/date_option.h"

#include <time.h>

#include "engine/base/str.h"

bool date_option(const char *text, usec *ret_wall)
{
	static const char *const forms[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S",
					    "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"};
	uint64_t seconds;
	if (str_to_u64(str_of(text), &seconds) && seconds < (1ULL << 40)) {
		*ret_wall = (usec)seconds * USEC_SECOND;
		return true;
	}
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm parts = {};
		const char *end = strptime(text, forms[i], &parts);
		if (end && *end == '\0') {
			*ret_wall = (usec)timegm(&parts) * USEC_SECOND;
			return true;
		}
	}
	return false;
}
