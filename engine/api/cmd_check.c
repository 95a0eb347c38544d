/* cmd_check.c - `rundbrief check DOMAIN`: what DNS says of a sender, beside what we would use.
 */
#include "engine/api/commands.h"

#include <stdio.h>

#include "engine/api/rows.h"
#include "engine/api/settings.h"
#include "engine/io/clock.h"
#include "engine/net/resolve.h"
#include "engine/preflight/preflight.h"

#define CHECK_LIMIT USEC_MINUTE /* all questions together, however slow DNS is */

struct checking {
	struct cli *cli;
	const struct preflight_report *report;
};

static void on_done(void *context, const struct preflight_report *report)
{
	struct checking *checking = context;
	checking->report = report;
}

static void print_text(struct cli *cli, const struct preflight_report *report)
{
	struct buf out;
	buf_init_arena(&out, cli->arena, 4096);
	for (size_t i = 0; i < report->count; i++) {
		const struct preflight_finding *f = &report->findings[i];
		buf_printf(&out, "%-8s %-6s ", preflight_level_name(f->level),
			   preflight_subject_name(f->subject));
		text_put_printable(&out, f->sentence, 1000);
		buf_put_byte(&out, '\n');
		if (f->record.size) {
			buf_put_cstr(&out, "                publish: ");
			text_put_printable(&out, f->record, 2000);
			buf_put_byte(&out, '\n');
		}
	}
	buf_printf(&out, "\n%zu errors, %zu warnings\n", report->error_count,
		   report->warning_count);
	cli_write(buf_str(&out));
}

static void print_rows(struct cli *cli, const struct preflight_report *report)
{
	static const struct column columns[] = {{"level", 8, false},
						{"subject", 6, false},
						{"sentence", 0, false},
						{"record", 0, false}};
	struct rows rows;
	rows_begin(&rows, cli->format, columns, 4);
	for (size_t i = 0; i < report->count; i++) {
		const struct preflight_finding *f = &report->findings[i];
		const str cells[] = {str_of(preflight_level_name(f->level)),
				     str_of(preflight_subject_name(f->subject)), f->sentence,
				     f->record};
		rows_put(&rows, cells);
	}
	rows_end(&rows);
}

/* Runs the loop until the report is there. */
static int ask(struct checking *checking, struct io_loop *loop, const struct engine_settings *s,
	       const char *domain)
{
	struct resolver *resolver;
	const struct preflight_plan plan = {
		.domain = str_of(domain),
		.return_domain = s->return_domain,
		.keys = (const struct dkim_key *const *)s->dkim_keys,
		.key_count = s->dkim_key_count,
		.sources = s->sources,
		.source_count = s->source_count,
	};
	if (resolver_create(&resolver, loop, &s->dns) != 0)
		return cli_fail(checking->cli, EXIT_FAILED,
				"the resolver cannot start: is dns.server an "
				"address?");
	usec end = clock_now() + CHECK_LIMIT;
	int code = CLI_GO;
	if (preflight_check(resolver, &plan, checking->cli->arena, checking, on_done) != 0)
		code = cli_fail(checking->cli, EXIT_INVALID, "'%s' is not a domain", domain);
	while (code == CLI_GO && !checking->report && clock_now() < end) {
		if (io_turn(loop, clock_now() + USEC_SECOND / 4) < 0)
			code = cli_fail(checking->cli, EXIT_FAILED, "io_uring failed");
	}
	resolver_destroy(resolver);
	if (code == CLI_GO && !checking->report)
		code = cli_fail(checking->cli, EXIT_FAILED,
				"DNS gave no answer within a minute");
	return code;
}

static int check(struct cli *cli, const struct engine_settings *settings, const char *domain)
{
	struct checking checking = {.cli = cli};
	struct io_loop *loop;
	char why[256];
	if (io_loop_create(&loop, &(struct io_options){}, why, sizeof(why)) != 0)
		return cli_fail(cli, EXIT_FAILED, "%s", why);
	int code = ask(&checking, loop, settings, domain);
	io_loop_destroy(loop);
	if (code != CLI_GO)
		return code;
	if (cli->format == OUTPUT_TEXT)
		print_text(cli, checking.report);
	else
		print_rows(cli, checking.report);
	return checking.report->error_count ? EXIT_INVALID : EXIT_OK;
}

static int check_run(struct cli *cli, int argc, char **argv)
{
	struct engine_settings settings;
	int code = cli_parse(cli, NULL, &argc, &argv, 1, 1);
	if (code == CLI_GO)
		code = settings_open(cli, &settings);
	if (code != CLI_GO)
		return code;
	code = check(cli, &settings, argv[0]);
	settings_close(&settings);
	return code;
}

const struct command command_check = {
	.name = "check",
	.synopsis = "DOMAIN",
	.summary = "Compare what DNS publishes about a sender with what we would use",
	.manual = "DOMAIN is that of the From address. Looks at MX, SPF, DKIM keys, DMARC and "
		  "the names of\n"
		  "the sending addresses, and says in sentences what to change. Exit code 6 on "
		  "errors.",
	.run = check_run,
	.outputs = CLI_JSON | CLI_CSV,
};
