/* limits.c - from settings to capacities. */
#include "engine/send/limits.h"

#define ENVELOPES_DEFAULT 20000
#define SLICE_DEFAULT 5000
#define FIRST_SLICE 500
#define CONNECTIONS_DEFAULT 1000
#define SLICES_LIMIT 1024
#define PATHS_LIMIT 4096
#define HOSTS_LIMIT 4096
#define WINDOWS_LIMIT 64 /* connections that may have a full window at once */
#define QUESTIONS_LIMIT 256

static uint32_t at_most(uint32_t value, uint32_t limit)
{
	return value < limit ? value : limit;
}

void limits_of(const struct engine_settings *s, uint32_t cores, struct limits *l)
{
	*l = (struct limits){
		.slice = s->slice_size ? s->slice_size : SLICE_DEFAULT,
		.envelopes = s->envelope_limit ? s->envelope_limit : ENVELOPES_DEFAULT,
		.connections = s->connection_limit ? s->connection_limit : CONNECTIONS_DEFAULT,
		.presses = s->press_count ? s->press_count : cores,
		.slices = SLICES_LIMIT,
		.settle = 5000,
	};
	/* One slice is sent while the next is read: less room than two would stall. */
	if (l->envelopes < 2 * l->slice)
		l->slice = l->envelopes / 2 ? l->envelopes / 2 : 1;
	l->first_slice = at_most(FIRST_SLICE, l->slice);
	/* Two a connection: one whose body is under way, one behind it; or full windows, of as
	 * many as may have one; and what presses hold. At 25 KB a message this is most of the
	 * engine's memory. */
	uint32_t pairs = 2 * l->connections;
	uint32_t windows = SMTP_TRANSACTION_LIMIT * at_most(l->connections, WINDOWS_LIMIT);
	l->messages =
		at_most((pairs > windows ? pairs : windows) + 8 * l->presses, l->envelopes);
	l->outcomes = l->envelopes;
	l->paths = at_most(PATHS_LIMIT, l->envelopes);
	l->hosts = HOSTS_LIMIT;
	l->questions = at_most(QUESTIONS_LIMIT, l->envelopes);
	l->runs = l->envelopes;
}

void limits_print(const struct limits *l, struct buf *out)
{
	buf_printf(out, "recipients in memory      %u\n", l->envelopes);
	buf_printf(out, "recipients cut at once    %u (first slice %u)\n", l->slice,
		   l->first_slice);
	buf_printf(out, "connections               %u\n", l->connections);
	buf_printf(out, "messages in flight        %u\n", l->messages);
	buf_printf(out, "outcomes unsettled        %u\n", l->outcomes);
	buf_printf(out, "journal unsettled         %llu MiB\n",
		   (unsigned long long)l->envelopes * JOURNAL_ROOM >> 20);
	buf_printf(out, "paths (source x site)     %u\n", l->paths);
	buf_printf(out, "mail hosts remembered     %u\n", l->hosts);
	buf_printf(out, "route lookups under way   %u\n", l->questions);
	buf_printf(out, "outcomes a settlement     %u\n", l->settle);
	buf_printf(out, "presses                   %u\n", l->presses);
}
