/* delay.c - a path with a constant delay, for tests: two network namespaces without names, a
 *TUN device in each, and this program, which carries packets from one to the other and hands
 *each on when it is old enough. Nothing is limited, lost or reordered.
 *
 *	delay ONE_WAY_USEC
 *
 * When the path stands it prints `ready FILE FILE`: the namespaces, to be entered with
 * `nsenter --net=FILE`; inside, the ends are DELAY_NET.1 and DELAY_NET.2. It ends by a signal
 *or with its parent, and the namespaces end with the last process in them: nothing is left to
 *clean up. Needs CAP_NET_ADMIN, CAP_SYS_ADMIN and /dev/net/tun; says which step failed. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define DELAY_NET "10.77.0"
#define PACKET_SIZE 1536 /* the devices' MTU is 1500 */
/* Packets on their way in one direction: 6 MB, at 20 ms more than 2 Gbit/s. When all are taken,
 * the device's own queue fills and the kernel drops, as a router would. */
#define PACKET_COUNT 4096
#define BATCH 64 /* packets taken from one side before the other gets its turn */
#define DEVICE_QUEUE 10000
#define ONE_WAY_LIMIT_USEC 10000000

struct packet {
	int64_t due_nsec;
	size_t size;
	uint8_t bytes[PACKET_SIZE];
};

/* One direction: a ring of packets in the order of their coming, which is that of their
 * leaving, since all wait equally long. taken and given only grow. */
struct direction {
	int from, to; /* TUN devices */
	size_t taken, given;
	struct packet *packets;
};

static void fail(const char *step)
{
	fprintf(stderr, "delay: %s: %s\n", step, strerror(errno));
	exit(1);
}

static int64_t now_nsec(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* A setting of the namespace we are in; one that this kernel does not let us set stays. */
static void set_sysctl(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, value, strlen(value)) < 0)
		fprintf(stderr, "delay: %s stays as it is: %s\n", path, strerror(errno));
	close(fd);
}

static void set_address(int control, struct ifreq *request, unsigned long what,
			const char *address)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	inet_pton(AF_INET, address, &in.sin_addr);
	memcpy(&request->ifr_addr, &in, sizeof in);
	if (ioctl(control, what, request) < 0)
		fail("the device's address");
}

static void bring_up(int control, struct ifreq *request)
{
	request->ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(control, SIOCSIFFLAGS, request) < 0)
		fail("the device cannot be brought up");
}

/* The TUN device of this namespace, up, with the address of this side. */
static int open_device(int side)
{
	struct ifreq request = {.ifr_name = "delay0", .ifr_flags = IFF_TUN | IFF_NO_PI};
	int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (tun < 0 || control < 0)
		fail("/dev/net/tun");
	if (ioctl(tun, TUNSETIFF, &request) < 0)
		fail("TUNSETIFF");
	set_address(control, &request, SIOCSIFADDR,
		    side == 0 ? DELAY_NET ".1" : DELAY_NET ".2");
	set_address(control, &request, SIOCSIFNETMASK, "255.255.255.252");
	request.ifr_qlen = DEVICE_QUEUE;
	if (ioctl(control, SIOCSIFTXQLEN, &request) < 0)
		fail("the device's queue");
	bring_up(control, &request);
	struct ifreq loopback = {.ifr_name = "lo"};
	bring_up(control, &loopback);
	close(control);
	return tun;
}

/* A namespace of its own for one side; ret_namespace is a file to enter it by. */
static int make_side(int side, int *ret_namespace)
{
	if (unshare(CLONE_NEWNET) < 0)
		fail("a network namespace");
	*ret_namespace = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (*ret_namespace < 0)
		fail("/proc/self/ns/net");
	/* A sender that waits for a reply is idle half of the time: its window should stay. */
	set_sysctl("/proc/sys/net/ipv4/tcp_slow_start_after_idle", "0");
	/* What one run has learnt of the path must not speed up the next. */
	set_sysctl("/proc/sys/net/ipv4/tcp_no_metrics_save", "1");
	return open_device(side);
}

static void take(struct direction *d, int64_t delay_nsec)
{
	for (int i = 0; i < BATCH && d->taken - d->given < PACKET_COUNT; i++) {
		struct packet *packet = &d->packets[d->taken % PACKET_COUNT];
		ssize_t size = read(d->from, packet->bytes, sizeof packet->bytes);
		if (size <= 0)
			return;
		packet->size = (size_t)size;
		packet->due_nsec = now_nsec() + delay_nsec;
		d->taken++;
	}
}

/* Hands on what is due. A device that takes none loses it, as a wire would. */
static void give(struct direction *d)
{
	int64_t now = now_nsec();
	for (; d->given < d->taken; d->given++) {
		struct packet *packet = &d->packets[d->given % PACKET_COUNT];
		if (packet->due_nsec > now)
			return;
		if (write(d->to, packet->bytes, packet->size) < 0 && errno != EAGAIN &&
		    errno != EINVAL)
			fail("a packet");
	}
}

static void carry(struct direction directions[2], int64_t delay_nsec)
{
	for (;;) {
		struct pollfd fds[2];
		int64_t next = INT64_MAX;
		for (int i = 0; i < 2; i++) {
			struct direction *d = &directions[i];
			bool full = d->taken - d->given == PACKET_COUNT;
			fds[i] = (struct pollfd){.fd = full ? -1 : d->from, .events = POLLIN};
			int64_t due = d->packets[d->given % PACKET_COUNT].due_nsec;
			if (d->given < d->taken && due < next)
				next = due;
		}
		int64_t wait = next - now_nsec();
		struct timespec limit = {.tv_sec = wait > 0 ? wait / 1000000000 : 0,
					 .tv_nsec = wait > 0 ? wait % 1000000000 : 0};
		if (ppoll(fds, 2, next == INT64_MAX ? NULL : &limit, NULL) < 0 &&
		    errno != EINTR)
			fail("ppoll");
		for (int i = 0; i < 2; i++) {
			take(&directions[i], delay_nsec);
			give(&directions[i]);
		}
	}
}

int main(int argc, char **argv)
{
	char *end = NULL;
	long usec = argc == 2 ? strtol(argv[1], &end, 10) : -1;
	if (usec < 0 || usec > ONE_WAY_LIMIT_USEC || *end != '\0') {
		fputs("usage: delay ONE_WAY_USEC\n", stderr);
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_TIMERSLACK, 1); /* nanosecond: the default adds 50 us to every wait */
	/* Neighbours on the machine must not make the path longer; a few percent of one core is
	 * all it takes. Where that is not allowed the path is as good as the machine is quiet.
	 */
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
	int spaces[2], first = make_side(0, &spaces[0]), second = make_side(1, &spaces[1]);
	struct direction directions[2] = {{.from = first, .to = second},
					  {.from = second, .to = first}};
	for (int i = 0; i < 2; i++) {
		directions[i].packets = calloc(PACKET_COUNT, sizeof(struct packet));
		if (!directions[i].packets)
			fail("memory");
	}
	printf("ready /proc/%d/fd/%d /proc/%d/fd/%d\n", getpid(), spaces[0], getpid(),
	       spaces[1]);
	fflush(stdout);
	carry(directions, usec * INT64_C(1000));
}
