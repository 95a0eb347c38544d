/* probe.c - opening a ring on whatever kernel there is.
 * The surprising thing: the two usual reasons for EPERM look alike from inside. The sysctl can
 * be read; when it says "allowed", a container's system call filter is what is left. */
#include "engine/io/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

/* liburing 2.3 has no name for it yet (Linux 6.10). */
#define FEATURE_RECVSEND_BUNDLE (1U << 14)

/* Completions per submission entry: a burst of receives must not overflow the queue, which
 * would end every multishot operation. */
#define COMPLETIONS_PER_ENTRY 8

/* kernel.io_uring_disabled: 0 allowed, 1 only for a group, 2 for nobody; -1 unknown (old
 * kernel). */
static int sysctl_disabled(void)
{
	int fd = open("/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC);
	char digit = 0;
	if (fd < 0)
		return -1;
	ssize_t size = read(fd, &digit, 1);
	close(fd);
	return size == 1 && digit >= '0' && digit <= '2' ? digit - '0' : -1;
}

static void explain_refusal(char *why, size_t size)
{
	int disabled = sysctl_disabled();
	if (disabled > 0)
		snprintf(why, size,
			 "io_uring is switched off on this machine (kernel.io_uring_disabled = "
			 "%d); "
			 "as root run: sysctl -w kernel.io_uring_disabled=0",
			 disabled);
	else
		snprintf(why, size,
			 "io_uring is refused by a system call filter, usually the container's "
			 "seccomp "
			 "profile; allow io_uring_setup, io_uring_enter and io_uring_register "
			 "in it "
			 "(Docker: --security-opt seccomp=PROFILE)");
}

static void explain_old_kernel(char *why, size_t size)
{
	struct utsname name = {};
	uname(&name);
	snprintf(why, size,
		 "this kernel (%s) is too old: Linux 6.1 or newer is needed for io_uring",
		 name.release);
}

static void explain(int error, char *why, size_t size)
{
	switch (error) {
	case EPERM:
	case EACCES:
		explain_refusal(why, size);
		break;
	case ENOSYS:
		if (sysctl_disabled() >= 0)
			explain_refusal(why, size);
		else
			snprintf(why, size,
				 "this kernel offers no io_uring: either it was built without "
				 "CONFIG_IO_URING, or a container's seccomp filter hides it; "
				 "use Linux "
				 "6.1 or newer and allow io_uring_setup in the filter");
		break;
	case ENOMEM:
		snprintf(why, size,
			 "no memory for an io_uring; raise the limit of locked memory (ulimit "
			 "-l)");
		break;
	case EMFILE:
	case ENFILE:
		snprintf(why, size,
			 "no descriptor left for an io_uring; raise the limit (ulimit -n)");
		break;
	case EINVAL:
		explain_old_kernel(why, size);
		break;
	default:
		snprintf(why, size, "io_uring could not be opened: error %d", error);
	}
}

/* Multishot receive (6.0) has no probe of its own; the send operation born with it has. */
static bool new_enough(struct io_uring *ring)
{
	struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
	bool enough = probe && io_uring_opcode_supported(probe, IORING_OP_SEND_ZC) &&
		      (ring->features & IORING_FEAT_NODROP) &&
		      (ring->features & IORING_FEAT_EXT_ARG);
	io_uring_free_probe(probe);
	return enough;
}

static bool masked(bool mask_new)
{
	const char *text = getenv("RUNDBRIEF_IO_MASK_NEW");
	return mask_new || (text && text[0] == '1');
}

int probe_open(struct io_uring *ring, uint32_t entries, bool mask_new,
	       struct io_features *ret_features, char *ret_why, size_t why_size)
{
	/* Best first. Started disabled, so that the thread of the first turn becomes the
	 * issuer, not the one that happened to create the loop. */
	static const unsigned tries[] = {
		IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER |
			IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN,
		IORING_SETUP_R_DISABLED | IORING_SETUP_COOP_TASKRUN,
		IORING_SETUP_R_DISABLED,
	};
	int result = -EINVAL;
	for (size_t i = 0; i < sizeof tries / sizeof tries[0] && result == -EINVAL; i++) {
		struct io_uring_params params = {
			.flags = tries[i] | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP |
				 IORING_SETUP_CQSIZE,
			.cq_entries = entries * COMPLETIONS_PER_ENTRY,
		};
		result = io_uring_queue_init_params(entries, ring, &params);
	}
	if (result == 0 && !new_enough(ring)) {
		io_uring_queue_exit(ring);
		result = -EINVAL;
	}
	if (result < 0) {
		explain(-result, ret_why, why_size);
		return result;
	}
	*ret_features = (struct io_features){
		.setup_flags = ring->flags,
		.bundle = !masked(mask_new) && (ring->features & FEATURE_RECVSEND_BUNDLE),
	};
	return 0;
}
