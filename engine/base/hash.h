/* hash.h - a keyed 64-bit hash for tables (not for secrets; HMAC lives in engine/sign). */
#pragma once

#include "engine/base/str.h"

uint64_t hash_bytes(uint64_t seed, str bytes);
