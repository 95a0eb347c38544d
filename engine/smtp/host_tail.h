/* host_tail.h - host names in the text of replies. Floor-internal. */
#pragma once

#include "engine/base/str.h"

/* Finds "label.tld" at the end of a dotted name; false when it is none. */
bool host_tail(str name, str *ret_tail);
