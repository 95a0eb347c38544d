/* probe.h - what this kernel's io_uring can do, and one sentence for people where it cannot.
 * Linux 6.1 (Debian 12) is the least: receiving and accepting many times by one submission,
 * rings of receive buffers, deferred task work. What is newer is used where it exists, unless
 * masked by option or by RUNDBRIEF_IO_MASK_NEW=1 in the environment (the tests run once so). */
#pragma once

#include "engine/base/str.h"

struct io_uring;

struct io_features {
	unsigned setup_flags; /* that io_uring_setup accepted */
	bool bundle; /* several receive buffers filled by one completion (Linux 6.10) */
};

/* Opens the ring with the best flags this kernel has. 0, or -errno with a sentence in ret_why.
 */
[[nodiscard]] int probe_open(struct io_uring *, uint32_t entries, bool mask_new,
			     struct io_features *ret_features, char *ret_why, size_t why_size);
