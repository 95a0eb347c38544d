/* sink_events.h - the log of events: every connection and every transaction with its times, in
 * microseconds of the machine's monotonic clock, so that a test can lay them beside its own.
 *   open     CONNECTION  AT  PEER  LISTENER
 *   message  CONNECTION  MAIL  DOT  REPLY  CODE  RECIPIENTS
 *   close    CONNECTION  AT
 * by tabs. A transaction's line comes when it is over: MAIL when it began, DOT when the end of
 * data came (0: it never did), REPLY when its reply was shown (0 and CODE 0: never; after AT of
 * the connection's end: nobody was left to see it). */
#pragma once

#include "bench/sink/sink_log.h"
#include "engine/io/io.h"

struct sink_transaction {
	uint64_t connection; /* numbered through all threads */
	usec mail_at, dot_at, reply_at;
	uint16_t code;
};

void sink_event_open(struct sink_log *, const struct sink_transaction *, int fd,
		     const char *listener, usec now);
/* Writes down the transaction, if one has begun, and forgets it. */
void sink_event_message(struct sink_log *, struct sink_transaction *, str recipients, usec now);
void sink_event_close(struct sink_log *, const struct sink_transaction *, usec now);
