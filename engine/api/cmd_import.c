/* cmd_import.c - `rundbrief import FILE --list NAME`. */
#include "engine/api/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/api/db.h"
#include "engine/api/rows.h"
#include "engine/api/terminal.h"
#include "engine/api/units.h"
#include "engine/io/clock.h"
#include "importer/list.h"

#define SHOW_INTERVAL (200 * USEC_MS)
#define REJECTS_SUFFIX ".rejects.csv"
#define LIST_NAME_LIMIT 100

struct importing {
	bool silent;
	uint64_t total_size; /* 0: not known, a pipe */
	usec shown_at;
};

/* One line that renews itself on a terminal; in a log nothing but the result is wanted. */
static void on_progress(void *context, const struct import_progress *p)
{
	static const char *const stages[] = {"reading", "merging", "counting"};
	struct importing *importing = context;
	char text[200];
	struct buf line;
	usec now = clock_now();
	if (importing->silent ||
	    (p->stage == IMPORT_READING && now - importing->shown_at < SHOW_INTERVAL))
		return;
	importing->shown_at = now;
	buf_init_fixed(&line, text, sizeof(text));
	buf_printf(&line, "%s ", stages[p->stage]);
	count_format(&line, p->rows);
	buf_put_cstr(&line, " rows");
	if (importing->total_size > 0)
		buf_printf(&line, ", %.0f %%",
			   100.0 * (double)p->bytes / (double)importing->total_size);
	if (p->rejects > 0) {
		buf_put_cstr(&line, ", rejects ");
		count_format(&line, p->rejects);
	}
	terminal_renew_line(buf_str(&line));
}

static void print_json(const struct import_result *r, const char *rejects)
{
	printf("{\"rows\":%llu,\"rejects\":%llu,\"duplicates\":%llu,\"added\":%llu,\"changed\":"
	       "%llu,"
	       "\"subscribed\":%llu,\"resubscribed\":%llu,\"kept_off\":%llu,\"suppressed\":%"
	       "llu,"
	       "\"erased\":%llu,\"rejects_written\":%s}\n",
	       (unsigned long long)r->rows, (unsigned long long)r->rejects,
	       (unsigned long long)r->duplicates, (unsigned long long)r->added,
	       (unsigned long long)r->changed, (unsigned long long)r->subscribed,
	       (unsigned long long)r->resubscribed, (unsigned long long)r->kept_off,
	       (unsigned long long)r->suppressed, (unsigned long long)r->erased,
	       rejects && r->rejects ? "true" : "false");
}

static void print_text(struct cli *cli, const struct import_result *r, const char *list,
		       const char *rejects)
{
	const struct {
		uint64_t count;
		const char *what;
	} lines[] = {
		{r->rows, "rows read"},
		{r->added, "new subscribers"},
		{r->changed, "with another name or other attributes than before"},
		{r->subscribed, "new on this list"},
		{r->resubscribed, "subscribed again"},
		{r->duplicates, "rows for an address that comes again later"},
		{r->kept_off, "had unsubscribed and stay so"},
		{r->suppressed, "on the suppression list: kept, never written to"},
		{r->rejects, "rows not taken"},
		{r->erased, "of these erased on request"},
	};
	struct buf out;
	buf_init_arena(&out, cli->arena, 1024);
	buf_printf(&out, "list %s\n", list);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char number[40];
		struct buf b;
		if (i > 1 && lines[i].count == 0)
			continue;
		buf_init_fixed(&b, number, sizeof(number) - 1);
		count_format(&b, lines[i].count);
		number[b.size] = '\0';
		buf_printf(&out, "%12s  %s\n", number, lines[i].what);
	}
	if (r->rejects && rejects)
		buf_printf(&out, "The rows not taken, with line and reason, are in %s\n",
			   rejects);
	else if (r->rejects)
		buf_put_cstr(&out, "--rejects FILE would list them, with line and reason\n");
	cli_write(buf_str(&out));
}

static int open_input(struct cli *cli, const char *path, struct importing *importing,
		      int *ret_fd)
{
	struct stat status;
	int fd = strcmp(path, "-") == 0 ? dup(0) : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cli_fail(cli, errno == ENOENT ? EXIT_NOT_FOUND : EXIT_FAILED, "%s: %s",
				path, strerror(errno));
	if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
		close(fd);
		return cli_fail(cli, EXIT_USAGE, "%s: is a folder", path);
	}
	importing->total_size = S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
	*ret_fd = fd;
	return CLI_GO;
}

static const char *default_rejects(struct arena *arena, const char *path)
{
	struct buf b;
	if (strcmp(path, "-") == 0)
		return NULL;
	buf_init_arena(&b, arena, strlen(path) + 20);
	buf_put_cstr(&b, path);
	buf_put_cstr(&b, REJECTS_SUFFIX);
	return arena_copy(arena, buf_str(&b)).data;
}

static int import(struct cli *cli, const char *path, struct import_options *options)
{
	struct importing importing = {.silent = cli->quiet || !terminal_watched()};
	struct import_result result;
	char why[400] = "";
	int fd = -1, code = open_input(cli, path, &importing, &fd);
	if (code != CLI_GO)
		return code;
	options->on_progress = on_progress;
	options->context = &importing;
	int failed = import_list(fd, options, &result, why, sizeof(why));
	close(fd);
	if (!importing.silent)
		terminal_renew_line(STR(""));
	if (failed)
		return cli_fail(cli,
				result.bad_file      ? EXIT_INVALID
				: result.no_database ? EXIT_DATABASE
						     : EXIT_FAILED,
				"%s", why);
	if (cli->format == OUTPUT_JSON)
		print_json(&result, options->reject_path);
	else
		print_text(cli, &result, options->list, options->reject_path);
	return EXIT_OK;
}

/* Names stand in configurations, commands and reports: they are of one line. */
static bool is_list_name(str name)
{
	char memory[4 * LIST_NAME_LIMIT + 8];
	struct buf shown;
	if (name.size > LIST_NAME_LIMIT)
		return false;
	buf_init_fixed(&shown, memory, sizeof(memory));
	text_put_printable(&shown, name, sizeof(memory) - 4);
	return str_eq(buf_str(&shown), name);
}

/* A single byte, or "tab". */
static bool parse_delimiter(const char *text, char *ret_delimiter)
{
	if (!text)
		return true;
	*ret_delimiter = strcmp(text, "tab") == 0 ? '\t' : text[0];
	return strcmp(text, "tab") == 0 || (text[0] != '\0' && text[1] == '\0');
}

static int import_run(struct cli *cli, int argc, char **argv)
{
	struct import_options o = {};
	const char *delimiter = NULL;
	struct db db;
	const struct cli_option options[] = {
		{"list", CLI_TEXT, &o.list, "NAME",
		 "the list to put them on; made when missing"},
		{"rejects", CLI_TEXT, &o.reject_path, "FILE",
		 "where rows go that are not taken; FILE.rejects.csv unless told"},
		{"delimiter", CLI_TEXT, &delimiter, "CHAR",
		 "what stands between fields: , unless told; \"tab\""},
		{"latin1", CLI_FLAG, &o.csv.latin1, NULL, "the file is ISO-8859-1, not UTF-8"},
		{"numbers", CLI_FLAG, &o.numbers, NULL, "what looks like a number becomes one"},
		{"resubscribe", CLI_FLAG, &o.resubscribe, NULL,
		 "who had unsubscribed is on the list again"},
		{},
	};
	int code = cli_parse(cli, options, &argc, &argv, 1, 1);
	if (code == CLI_GO)
		code = cli_config(cli);
	if (code != CLI_GO)
		return code;
	if (!o.list || o.list[0] == '\0')
		return cli_fail(cli, EXIT_USAGE,
				"which list? rundbrief import FILE --list NAME");
	if (!is_list_name(str_of(o.list)))
		return cli_fail(cli, EXIT_USAGE,
				"a list's name has at most %d bytes of UTF-8 and no control "
				"characters",
				LIST_NAME_LIMIT);
	if (!parse_delimiter(delimiter, &o.csv.delimiter))
		return cli_fail(cli, EXIT_USAGE, "--delimiter is one character, or \"tab\"");
	if (!o.reject_path)
		o.reject_path = default_rejects(cli->arena, argv[0]);
	/* Opened to say in one sentence what is wrong with the database, if anything is. */
	code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	db_close(&db);
	o.pooled = cli->config.database.pooler.size > 0;
	o.conninfo = o.pooled ? cli->config.database.pooler.data
			      : cli->config.database.conninfo.data;
	o.tenant = (uint32_t)cli->config.database.tenant;
	o.literals = cli->config.smtp.address_literals;
	return import(cli, argv[0], &o);
}

const struct command command_import = {
	.name = "import",
	.synopsis = "FILE --list NAME",
	.summary = "Read a CSV file of subscribers into a list",
	.manual = "The first line names the columns, in any case: email is needed, name is the "
		  "person's,\n"
		  "all others become attributes for templates and filters. Importing a file "
		  "again changes\n"
		  "nothing. Who has unsubscribed stays so; who is suppressed is never written "
		  "to; who was\n"
		  "erased is not taken. - is standard input. Rows not taken do not make the "
		  "exit code: see\n"
		  "\"rejects\" in --json.",
	.run = import_run,
	.outputs = CLI_JSON,
};
