/* cmd_top.c - `rundbrief top`: everything that is under way, looked at once a second. */
#include "engine/api/commands.h"

#include <unistd.h>

#include "engine/api/screen.h"
#include "engine/api/top.h"
#include "engine/io/clock.h"

#define LOOK_INTERVAL USEC_SECOND
#define ONCE_COLUMNS 400 /* where no terminal limits it */

struct top {
	struct db *db;
	struct top_history history;
	struct top_frame frame;
};

static int look(struct top *top)
{
	bool json = top->db->cli->format == OUTPUT_JSON;
	return top_read(top->db, &top->history, json ? TOP_PATHS : TOP_SCREEN_PATHS,
			clock_now(), clock_wall(), &top->frame);
}

/* Two looks, because one knows no rates. */
static int show_once(struct cli *cli, struct top *top)
{
	struct buf out;
	size_t columns = ONCE_COLUMNS, lines;
	int code = top_sample(top->db, &top->history, clock_now());
	if (code != CLI_GO)
		return code;
	usleep((useconds_t)LOOK_INTERVAL - 1);
	code = look(top);
	if (code != CLI_GO)
		return code;
	if (screen_there())
		screen_size(&columns, &lines);
	buf_init_arena(&out, cli->arena, 65536);
	if (cli->format == OUTPUT_JSON)
		top_put_json(&top->frame, &out);
	else
		top_put_text(&top->frame, columns, 0, &out);
	cli_write(buf_str(&out));
	return EXIT_OK;
}

/* The last column stays free: some terminals wrap when it is written. */
static void draw(struct top *top, struct arena *arena)
{
	struct buf out;
	size_t columns, lines;
	screen_size(&columns, &lines);
	buf_init_arena(&out, arena, 65536);
	top_put_text(&top->frame, columns - 1, lines, &out);
	screen_draw(buf_str(&out));
}

/* Each look has the arena for itself: this runs for days. */
static int show_live(struct cli *cli, struct top *top)
{
	struct arena *whole = cli->arena, one;
	int code = CLI_GO;
	arena_init(&one, whole->source, 1 << 20, 0);
	cli->arena = &one;
	screen_open();
	for (bool leave = false; code == CLI_GO && !leave;) {
		code = look(top);
		if (code == CLI_GO) {
			draw(top, &one);
			leave = screen_wait(LOOK_INTERVAL);
		}
		arena_reset(&one);
	}
	screen_close();
	cli->arena = whole;
	arena_done(&one);
	/* What was told while the screen was open went with it. */
	return code == CLI_GO ? EXIT_OK
			      : cli_fail(cli, code, "the database gave no answer any more");
}

static int top_run(struct cli *cli, int argc, char **argv)
{
	bool once = false;
	const struct cli_option options[] = {
		{"once", CLI_FLAG, &once, NULL, "show everything once and end"},
		{},
	};
	struct db db;
	int code = cli_parse(cli, options, &argc, &argv, 0, 0);
	struct top *top = code == CLI_GO ? ARENA_NEW(cli->arena, struct top) : NULL;
	if (code == CLI_GO && !top)
		return cli_fail(cli, EXIT_FAILED, "out of memory");
	if (code == CLI_GO)
		code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	top->db = &db;
	bool live = !once && cli->format == OUTPUT_TEXT && screen_there();
	code = live ? show_live(cli, top) : show_once(cli, top);
	db_close(&db);
	return code;
}

const struct command command_top = {
	.name = "top",
	.synopsis = "[--once]",
	.summary =
		"Watch everything under way: campaigns, providers, paths, what holds them back",
	.manual = "Renews itself every second; q or Ctrl-C ends it. Without a terminal, with "
		  "--once "
		  "or\n"
		  "--json it looks for a second, shows all and ends. A path is what goes from "
		  "one "
		  "source\n"
		  "to one site; held back by names the limit that binds now: rate (what the "
		  "limit "
		  "allows,\n"
		  "lowered after throttling), connections, connection rate, suspended (nothing "
		  "but "
		  "refusals\n"
		  "came), unreachable. DEFERRED of a campaign are recipients who wait, of a "
		  "provider "
		  "the\n"
		  "share of attempts. What engines do is a few seconds old. Times are UTC.",
	.run = top_run,
	.outputs = CLI_JSON,
};
