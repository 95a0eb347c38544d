/* sink_worker.h - one thread of the sink: a loop, its listeners, its sessions. Private to this
 * room.
 */
#pragma once

#include <pthread.h>

#include "bench/sink/sink.h"
#include "bench/sink/sink_log.h"
#include "engine/base/wheel.h"
#include "engine/net/conn.h"

struct sink_worker;

struct sink_worker_listener {
	struct io_accept accept;
	struct sink_worker *worker;
	struct sink_listener *listener;
	int fd;
};

struct sink_worker {
	struct sink *sink;
	struct io_loop *loop;
	struct io_bell *bell;
	pthread_t thread;
	struct sink_worker_listener listeners[SINK_LISTENER_LIMIT];
	size_t accepting_count;
	struct tls_context *tls; /* NULL: no listener offers it */
	struct wheel wheel;
	struct chain sessions, idle; /* open ones; memory of closed ones */
	struct sink_log recipients, events;
	int failure;
};

[[nodiscard]] int sink_worker_open(struct sink_worker *, struct sink *, char *ret_why,
				   size_t why_size);
void sink_worker_close(struct sink_worker *);
void *sink_worker_run(void *worker);
/* sink_session.c */
void sink_session_open(struct sink_worker *, struct sink_listener *, int fd);
void sink_session_expire(struct wheel_timer *);
void sink_session_close_all(struct sink_worker *);
void sink_session_free_idle(struct sink_worker *);
