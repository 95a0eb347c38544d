/* nodes_text.c - an engine in words; see nodes.h. */
#include "engine/api/nodes.h"

#include "engine/api/path_rows.h"
#include "engine/api/rows.h"
#include "engine/api/units.h"

static bool is(const struct node *n, const char *state)
{
	return str_eq(n->state, str_of(state));
}

static bool is_over(const struct node *n)
{
	return is(n, "gone") || is(n, "left") || is(n, "forgotten");
}

static void put_count(struct buf *out, uint64_t count, const char *one, const char *many)
{
	count_format(out, count);
	buf_printf(out, " %s", count == 1 ? one : many);
}

static void put_journal_wait(struct buf *out, const struct node *n, usec now_wall)
{
	buf_put_cstr(out, "its journal: ");
	put_count(out, n->unsettled, "recipient is", "recipients are");
	buf_put_cstr(out, " marked as started and not settled");
	if (n->decide_wall == 0) {
		if (n->orphaned > 0 && is_over(n))
			buf_put_cstr(out, "; policy decides engine.journal_wait after it was last "
					  "heard of");
		return;
	}
	buf_put_cstr(out, "; policy decides at ");
	when_put(out, n->decide_wall, now_wall);
	when_put_distance(out, n->decide_wall, now_wall);
}

void node_put_wait(struct buf *out, const struct node *n, usec now_wall)
{
	if (is(n, "standby")) {
		buf_put_cstr(out, "a source: others hold all that it would send from");
	} else if (is_over(n) && n->leased > 0) {
		buf_put_cstr(out, "another engine that takes over ");
		put_count(out, n->leased, "slice", "slices");
	}
	if (is_over(n) && n->orphaned + n->unsettled > 0) {
		buf_put_cstr(out, n->leased > 0 ? ", and " : "");
		put_journal_wait(out, n, now_wall);
	}
	if (is(n, "working") && n->why.size > 0)
		text_put_printable(out, n->why, 100);
}

static void put_heard(struct buf *out, const struct node *n, usec now_wall)
{
	if (is_over(n)) {
		bool heard = is(n, "gone");
		usec wall = heard ? n->heartbeat_wall : n->left_wall;
		buf_put_cstr(out, heard          ? "gone since "
				  : is(n, "left") ? "left in order at "
						  : "given up for good at ");
		when_put(out, wall, now_wall);
		when_put_distance(out, wall, now_wall);
	} else {
		buf_put(out, n->state);
		if (n->since_wall > 0) {
			buf_put_cstr(out, " since ");
			when_put(out, n->since_wall, now_wall);
		}
		buf_printf(out, ", heard of %llu s ago", (unsigned long long)n->silent_seconds);
	}
	buf_printf(out, ", epoch %llu", (unsigned long long)n->epoch);
}

static void put_holdings(struct buf *out, const struct node *n)
{
	buf_put_cstr(out, n->sources.size > 0 ? "    sources " : "    no source");
	text_put_printable(out, n->sources, 400);
	buf_put_cstr(out, "; ");
	put_count(out, n->leased, "slice", "slices");
	if (n->orphaned > 0) {
		buf_put_cstr(out, " and ");
		put_count(out, n->orphaned, "orphaned one", "orphaned ones");
	}
	buf_put_cstr(out, ", ");
	count_format(out, n->unsettled);
	buf_put_cstr(out, " marked and not settled\n    journal settled up to byte ");
	count_format(out, n->position);
	if (!is_over(n)) {
		buf_put_cstr(out, "; ");
		count_format(out, n->in_flight);
		buf_put_cstr(out, " in flight, ");
		count_format(out, n->started_minute);
		buf_put_cstr(out, " started in the last minute");
	}
	buf_put_byte(out, '\n');
}

void node_put_text(struct buf *out, const struct node *n, usec now_wall)
{
	char memory[600];
	struct buf wait;
	text_put_printable(out, n->name, 100);
	buf_put_cstr(out, ": ");
	put_heard(out, n, now_wall);
	buf_put_byte(out, '\n');
	put_holdings(out, n);
	buf_init_fixed(&wait, memory, sizeof(memory));
	node_put_wait(&wait, n, now_wall);
	if (wait.size > 0) {
		buf_put_cstr(out, "    waits for ");
		buf_put(out, buf_str(&wait));
		buf_put_byte(out, '\n');
	}
}
