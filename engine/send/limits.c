/* limits.c - from settings to capacities. */
#include "engine/send/limits.h"

#define ENVELOPES_DEFAULT 20000
#define SLICE_DEFAULT 5000
#define FIRST_SLICE 500
#define CONNECTIONS_DEFAULT 1000
#define SLICES_LIMIT 1024
#define PATHS_LIMIT 4096
#define HOSTS_LIMIT 8192
#define WINDOWS_SHARE 1024 /* messages more than two a connection: for those with windows */
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
	/* Two a connection: one whose body is under way, one behind it; what presses hold; and
	 * a share for connections that take whole windows. */
	l->messages =
		at_most(2 * l->connections + 8 * l->presses + WINDOWS_SHARE, l->envelopes);
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
	buf_printf(out, "paths (source x site)     %u\n", l->paths);
	buf_printf(out, "mail hosts remembered     %u\n", l->hosts);
	buf_printf(out, "route lookups under way   %u\n", l->questions);
	buf_printf(out, "outcomes a settlement     %u\n", l->settle);
	buf_printf(out, "presses                   %u\n", l->presses);
}
