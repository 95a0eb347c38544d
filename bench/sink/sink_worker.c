/* sink_worker.c - see sink_worker.h. */
#include "bench/sink/sink_worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BUFFER_COUNT 1024 /* receive buffers of 4 KiB, for all sessions of the thread */
#define DIRECT_COUNT 65536 /* or as many as the process may open files */
#define STOP_TIME (2 * USEC_SECOND)

static int make_tls(struct sink_worker *w)
{
	const struct sink_options *o = w->sink->options;
	struct tls_context_config config = {.role = TLS_SERVER,
					    .certificate_file = o->certificate_file,
					    .key_file = o->key_file};
	for (size_t i = 0; i < o->listener_count && !w->tls; i++) {
		if (!o->listeners[i].starttls)
			continue;
		int result = tls_context_create(&w->tls, &config);
		if (result < 0)
			return result;
	}
	return 0;
}

static int open_listeners(struct sink_worker *w, char *why, size_t why_size)
{
	struct sink_options *o = w->sink->options;
	for (size_t i = 0; i < o->listener_count; i++) {
		struct sink_listener *l = &o->listeners[i];
		struct sink_worker_listener *wl = &w->listeners[i];
		wl->fd = o->thread_count > 1 ? io_listen_shared(&l->address, 4096)
					     : io_listen(&l->address, 4096);
		if (wl->fd < 0) {
			snprintf(why, why_size, "cannot listen on %s: %s", l->label,
				 strerror(-wl->fd));
			return wl->fd;
		}
		wl->worker = w;
		wl->listener = l;
		/* A port of 0 is the kernel's choice; the other threads then take the same. */
		socklen_t size = sizeof l->address;
		getsockname(wl->fd, &l->address.sa, &size);
	}
	return 0;
}

int sink_worker_open(struct sink_worker *w, struct sink *sink, char *ret_why, size_t why_size)
{
	struct io_options options = {.buffer_count = BUFFER_COUNT, .direct_count = DIRECT_COUNT};
	w->sink = sink;
	w->recipients.fd = sink->recipients_fd;
	w->events.fd = sink->events_fd;
	for (size_t i = 0; i < SINK_LISTENER_LIMIT; i++)
		w->listeners[i].fd = -1;
	chain_init(&w->sessions);
	chain_init(&w->idle);
	int result = io_loop_create(&w->loop, &options, ret_why, why_size);
	if (result < 0)
		return result;
	wheel_init(&w->wheel, io_now(w->loop));
	result = make_tls(w);
	if (result < 0) {
		snprintf(ret_why, why_size, "the certificate or its key cannot be used");
		return result;
	}
	result = io_bell_create(w->loop, &w->bell);
	if (result < 0) {
		snprintf(ret_why, why_size, "out of memory");
		return result;
	}
	return open_listeners(w, ret_why, why_size);
}

void sink_worker_close(struct sink_worker *w)
{
	for (size_t i = 0; i < SINK_LISTENER_LIMIT; i++)
		if (w->listeners[i].fd >= 0)
			close(w->listeners[i].fd);
	if (w->bell)
		io_bell_destroy(w->bell);
	io_loop_destroy(w->loop);
	tls_context_destroy(w->tls);
	sink_session_free_idle(w);
}

static void on_accept(struct io_accept *accept, int fd)
{
	struct sink_worker_listener *l =
		CHAIN_OWNER(accept, struct sink_worker_listener, accept);
	if (fd >= 0)
		sink_session_open(l->worker, l->listener, fd);
	else
		fprintf(stderr, "sink: accept on %s: %s\n", l->listener->label, strerror(-fd));
}

static void on_accept_stopped(struct io_op *op, int)
{
	struct io_accept *accept = CHAIN_OWNER(op, struct io_accept, op);
	CHAIN_OWNER(accept, struct sink_worker_listener, accept)->worker->accepting_count--;
}

static int turn(struct sink_worker *w)
{
	usec until = usec_min(wheel_next(&w->wheel), usec_min(sink_log_due(&w->recipients),
							      sink_log_due(&w->events)));
	int result = io_turn(w->loop, until);
	if (result < 0)
		return result;
	struct wheel_timer *timer;
	while ((timer = wheel_expire(&w->wheel, io_now(w->loop))))
		sink_session_expire(timer);
	if (io_now(w->loop) >= sink_log_due(&w->recipients))
		sink_log_flush(&w->recipients);
	if (io_now(w->loop) >= sink_log_due(&w->events))
		sink_log_flush(&w->events);
	return 0;
}

/* Ends what is open; a kernel that does not let go within STOP_TIME is left to itself. */
static void stop(struct sink_worker *w)
{
	usec end = io_now(w->loop) + STOP_TIME;
	for (size_t i = 0; i < w->sink->options->listener_count; i++)
		io_accept_stop(w->loop, &w->listeners[i].accept, on_accept_stopped);
	sink_session_close_all(w);
	while ((w->accepting_count > 0 || !chain_empty(&w->sessions)) && io_now(w->loop) < end)
		if (io_turn(w->loop, io_now(w->loop) + 10 * USEC_MS) < 0)
			break;
	sink_log_flush(&w->recipients);
	sink_log_flush(&w->events);
}

void *sink_worker_run(void *context)
{
	struct sink_worker *w = context;
	for (size_t i = 0; i < w->sink->options->listener_count; i++) {
		w->listeners[i].accept.on_accept = on_accept;
		io_accept_start(w->loop, &w->listeners[i].accept, w->listeners[i].fd);
		w->accepting_count++;
	}
	while (!atomic_load(&w->sink->stopping) && w->failure == 0)
		w->failure = turn(w);
	if (w->failure == 0)
		stop(w);
	else
		fprintf(stderr, "sink: the ring failed: %s\n", strerror(-w->failure));
	return NULL;
}
