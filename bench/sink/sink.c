/* sink.c - starting the threads, waiting for signals, counting up. */
#include "bench/sink/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/sink/sink_worker.h"
#include "engine/io/clock.h"

#define REPORT_SIZE 65536

static void name_listeners(struct sink_options *o)
{
	for (size_t i = 0; i < o->listener_count; i++) {
		struct sink_listener *l = &o->listeners[i];
		char host[46];
		net_address_format(&l->address, host);
		bool six = l->address.sa.sa_family == AF_INET6;
		unsigned port = ntohs(six ? l->address.in6.sin6_port : l->address.in4.sin_port);
		snprintf(l->label, sizeof l->label, six ? "[%s]:%u" : "%s:%u", host, port);
	}
}

static void put_counts(struct buf *out, struct sink_counts *c)
{
	const struct {
		const char *name;
		_Atomic uint64_t *value;
	} fields[] = {{"connections", &c->connections},
		      {"transactions", &c->transactions},
		      {"accepted", &c->accepted},
		      {"recipients", &c->recipients},
		      {"rejected", &c->rejected},
		      {"deferred", &c->deferred},
		      {"dropped", &c->dropped},
		      {"handshakes", &c->handshakes},
		      {"resumed", &c->resumed},
		      {"hung", &c->hung},
		      {"bytes", &c->bytes}};
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		buf_printf(out, "%s\"%s\":%" PRIu64, i ? "," : "", fields[i].name,
			   atomic_load(fields[i].value));
}

static void add_counts(struct sink_counts *to, struct sink_counts *from)
{
	to->connections += from->connections;
	to->transactions += from->transactions;
	to->accepted += from->accepted;
	to->recipients += from->recipients;
	to->rejected += from->rejected;
	to->deferred += from->deferred;
	to->dropped += from->dropped;
	to->handshakes += from->handshakes;
	to->resumed += from->resumed;
	to->hung += from->hung;
	to->bytes += from->bytes;
}

void sink_report(struct sink *s, struct buf *out)
{
	struct sink_counts all = {};
	uint64_t distinct, duplicates;
	for (size_t i = 0; i < s->options->listener_count; i++)
		add_counts(&all, &s->options->listeners[i].counts);
	sink_tally_sum(&s->message_ids, &distinct, &duplicates);
	buf_put_byte(out, '{');
	put_counts(out, &all);
	buf_printf(out,
		   ",\"distinct_message_ids\":%" PRIu64 ",\"duplicates\":%" PRIu64
		   ",\"cpu_usec\":%" PRId64 ",\"listeners\":[",
		   distinct, duplicates, clock_cpu());
	for (size_t i = 0; i < s->options->listener_count; i++) {
		buf_printf(out, "%s{\"listener\":\"%s\",", i ? "," : "",
			   s->options->listeners[i].label);
		put_counts(out, &s->options->listeners[i].counts);
		buf_put_byte(out, '}');
	}
	buf_put(out, STR("]}\n"));
}

/* Beside the file, then in its place: a reader never sees half of it. */
static void write_counts(struct sink *s)
{
	char memory[REPORT_SIZE], name[4096];
	struct buf out;
	if (!s->options->count_file)
		return;
	buf_init_fixed(&out, memory, sizeof memory);
	sink_report(s, &out);
	snprintf(name, sizeof name, "%s.new", s->options->count_file);
	FILE *file = fopen(name, "we");
	bool ok = file && fwrite(out.data, 1, out.size, file) == out.size;
	ok = file && fclose(file) == 0 && ok;
	if (!ok || rename(name, s->options->count_file) < 0)
		fprintf(stderr, "sink: cannot write %s: %s\n", s->options->count_file,
			strerror(errno));
}

static void print_json(struct sink *s)
{
	char memory[REPORT_SIZE];
	struct buf out;
	buf_init_fixed(&out, memory, sizeof memory);
	sink_report(s, &out);
	fwrite(out.data, 1, out.size, stdout);
	fflush(stdout);
}

static void print_summary(struct sink *s)
{
	struct sink_counts all = {};
	uint64_t distinct, duplicates;
	for (size_t i = 0; i < s->options->listener_count; i++)
		add_counts(&all, &s->options->listeners[i].counts);
	if (s->options->json) {
		print_json(s);
		return;
	}
	sink_tally_sum(&s->message_ids, &distinct, &duplicates);
	printf("sink: %" PRIu64 " accepted (%" PRIu64 " distinct Message-IDs, %" PRIu64
	       " seen again), %" PRIu64 " rejected, %" PRIu64 " deferred, %" PRIu64
	       " dropped, %" PRIu64 " connections\n",
	       all.accepted, distinct, duplicates, all.rejected, all.deferred, all.dropped,
	       all.connections);
	fflush(stdout);
}

static void print_ready(const struct sink_options *o)
{
	FILE *to = o->json ? stderr : stdout;
	fprintf(to, "sink: listening on");
	for (size_t i = 0; i < o->listener_count; i++)
		fprintf(to, " %s", o->listeners[i].label);
	fprintf(to, "\n");
	fflush(to);
}

static int open_log(const char *path, int *ret_fd, char *why, size_t why_size)
{
	if (!path)
		return 0;
	*ret_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (*ret_fd < 0) {
		int error = errno;
		snprintf(why, why_size, "cannot write %s: %s", path, strerror(error));
		return -error;
	}
	return 0;
}

static int open_files(struct sink *s, char *why, size_t why_size)
{
	int result = open_log(s->options->recipients_file, &s->recipients_fd, why, why_size);
	return result == 0 ? open_log(s->options->events_file, &s->events_fd, why, why_size)
			   : result;
}

static void take_signals(sigset_t *ret_signals, sigset_t *ret_before)
{
	sigemptyset(ret_signals);
	sigaddset(ret_signals, SIGTERM);
	sigaddset(ret_signals, SIGINT);
	sigaddset(ret_signals, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, ret_signals, ret_before);
}

/* A second SIGTERM (timeout(1) sends two) is not to end us before the counts are written. */
static void give_signals_back(const sigset_t *signals, const sigset_t *before)
{
	const struct timespec at_once = {};
	while (sigtimedwait(signals, NULL, &at_once) > 0)
		;
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

static void wait_for_the_end(struct sink *s, const sigset_t *signals)
{
	int signal_number;
	while (sigwait(signals, &signal_number) == 0 && signal_number == SIGUSR1)
		write_counts(s);
}

/* Threads that could be started are running. */
static size_t start_threads(struct sink *s, struct sink_worker *workers)
{
	size_t count = 0;
	while (count < s->options->thread_count &&
	       pthread_create(&workers[count].thread, NULL, sink_worker_run, &workers[count]) ==
		       0)
		count++;
	return count;
}

static int run(struct sink *s, struct sink_worker *workers, const sigset_t *signals, char *why,
	       size_t why_size)
{
	for (size_t i = 0; i < s->options->thread_count; i++) {
		int result = sink_worker_open(&workers[i], s, why, why_size);
		if (result < 0)
			return result;
		name_listeners(s->options);
	}
	size_t started = start_threads(s, workers);
	if (started == s->options->thread_count) {
		print_ready(s->options);
		wait_for_the_end(s, signals);
	} else {
		snprintf(why, why_size, "no more threads could be started");
	}
	atomic_store(&s->stopping, true);
	for (size_t i = 0; i < started; i++) {
		io_bell_ring(workers[i].bell);
		pthread_join(workers[i].thread, NULL);
	}
	return started == s->options->thread_count ? 0 : -EAGAIN;
}

int sink_run(struct sink_options *options, char *ret_why, size_t why_size)
{
	struct sink s = {.options = options, .recipients_fd = -1, .events_fd = -1};
	sigset_t signals, before;
	struct sink_worker *workers = calloc(options->thread_count, sizeof *workers);
	if (!workers) {
		snprintf(ret_why, why_size, "out of memory");
		return -ENOMEM;
	}
	take_signals(&signals, &before); /* before there are threads, which inherit it */
	sink_tally_init(&s.message_ids);
	sink_tally_init(&s.deferrals);
	sink_tally_init(&s.drops);
	name_listeners(options);
	int result = sink_store_open(&s.store, &options->store, ret_why, why_size);
	if (result == 0)
		result = open_files(&s, ret_why, why_size);
	if (result == 0)
		result = run(&s, workers, &signals, ret_why, why_size);
	for (size_t i = 0; i < options->thread_count; i++)
		if (workers[i].sink)
			sink_worker_close(&workers[i]);
	if (result == 0) {
		write_counts(&s);
		print_summary(&s);
	}
	sink_store_close(&s.store);
	if (s.recipients_fd >= 0)
		close(s.recipients_fd);
	if (s.events_fd >= 0)
		close(s.events_fd);
	sink_tally_done(&s.message_ids);
	sink_tally_done(&s.deferrals);
	sink_tally_done(&s.drops);
	free(workers);
	give_signals_back(&signals, &before);
	return result;
}
