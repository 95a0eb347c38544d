/* sink.h - the receiving side for tests and benchmarks: an SMTP server that takes, refuses,
 * defers, delays and drops by rules, counts, and keeps what it got when asked to.
 * Threads share nothing but the options, the tallies and the store; each has a ring of its own
 * and listens on every address (SO_REUSEPORT). */
#pragma once

#include <stdatomic.h>

#include "bench/sink/sink_rules.h"
#include "bench/sink/sink_store.h"
#include "bench/sink/sink_tally.h"
#include "engine/base/buf.h"
#include "engine/io/io.h"

#define SINK_LISTENER_LIMIT 64
#define SINK_THREAD_LIMIT 64

struct sink_counts {
	_Atomic uint64_t connections, transactions, accepted, recipients, rejected, deferred,
		dropped, hung, bytes, handshakes, resumed;
};

struct sink_listener {
	char label[64]; /* "127.0.0.2:2525" */
	char name[256]; /* in the greeting */
	struct net_address address;
	struct sink_rules rules;
	bool pipelining, chunking, starttls, requiretls, eightbitmime, smtputf8, enhanced;
	uint64_t size_limit;
	struct sink_counts counts;
	_Atomic uint64_t open_count;
};

struct sink_options {
	struct sink_listener listeners[SINK_LISTENER_LIMIT];
	size_t listener_count;
	size_t thread_count;
	struct sink_store_options store;
	double store_share; /* 0 to 1; 0: all */
	bool json; /* the summary is one JSON object, and nothing else goes to standard output
		    */
	const char *count_file, *recipients_file, *events_file, *certificate_file, *key_file;
};

struct sink {
	struct sink_options *options;
	struct sink_tally message_ids; /* of what was accepted */
	struct sink_tally deferrals;   /* by recipient */
	struct sink_tally drops;
	struct sink_store store;
	int recipients_fd, events_fd; /* -1: no such log */
	_Atomic uint64_t connection_count; /* numbers them in the log of events */
	_Atomic bool stopping;
};

/* argv without the command's name; the strings in it stay in use. 0, or a sentence in ret_why.
 */
[[nodiscard]] int sink_options_parse(struct sink_options *, int argc, char **argv,
				     char *ret_why, size_t why_size);
extern const char sink_manual[]; /* what the options are */
/* Runs until SIGTERM or SIGINT; 0, or -errno with a sentence. Prints one line when ready and a
 * summary at the end. */
[[nodiscard]] int sink_run(struct sink_options *, char *ret_why, size_t why_size);
/* Counts as one JSON object. */
void sink_report(struct sink *, struct buf *out);
