/* sink_events.c - see sink_events.h. */
#include "bench/sink/sink_events.h"

#include <inttypes.h>
#include <sys/socket.h>

#include "engine/base/buf.h"

#define LINE_LIMIT 4096

void sink_event_open(struct sink_log *log, const struct sink_transaction *t, int fd,
		     const char *listener, usec now)
{
	struct net_address peer = {};
	socklen_t size = sizeof peer;
	char memory[LINE_LIMIT], host[46] = "?";
	struct buf line;
	if (!sink_log_wanted(log))
		return;
	if (getpeername(fd, &peer.sa, &size) == 0)
		net_address_format(&peer, host);
	buf_init_fixed(&line, memory, sizeof memory);
	buf_printf(&line, "open\t%" PRIu64 "\t%" PRId64 "\t%s\t%s\n", t->connection, now, host,
		   listener);
	sink_log_put(log, buf_str(&line), now);
}

void sink_event_message(struct sink_log *log, struct sink_transaction *t, str recipients,
			usec now)
{
	char memory[LINE_LIMIT];
	struct buf line;
	if (t->mail_at > 0 && sink_log_wanted(log)) {
		buf_init_fixed(&line, memory, sizeof memory);
		buf_printf(&line,
			   "message\t%" PRIu64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%u\t",
			   t->connection, t->mail_at, t->dot_at, t->reply_at, t->code);
		buf_put_printable(&line, recipients, 2048);
		buf_put_byte(&line, '\n');
		sink_log_put(log, buf_str(&line), now);
	}
	*t = (struct sink_transaction){.connection = t->connection};
}

void sink_event_close(struct sink_log *log, const struct sink_transaction *t, usec now)
{
	char memory[LINE_LIMIT];
	struct buf line;
	if (!sink_log_wanted(log))
		return;
	buf_init_fixed(&line, memory, sizeof memory);
	buf_printf(&line, "close\t%" PRIu64 "\t%" PRId64 "\n", t->connection, now);
	sink_log_put(log, buf_str(&line), now);
}
