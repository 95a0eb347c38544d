/* cmd_bench.c - `rundbrief bench`: scenarios are read and checked here, measuring is done by
 * the programs of bench/ in Python, which take this process's place. They lie beside the
 * program: in
 * ../share/rundbrief/bench where it is installed, in bench/ where it was built. */
#include "engine/api/commands.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/api/bench_scenario.h"

#define SCENARIO_LIMIT 100
#define PATH_SIZE 4096
#define ARGUMENT_LIMIT 24
#define DRIVER "bench/run.py"

struct bench {
	bool large, all, list, show, keep, manual;
	uint64_t count, runs; /* 0: as the scenarios say */
	const char *database, *out;
	char self[PATH_SIZE], home[PATH_SIZE]; /* home: the folder above bench/ */
	struct bench_scenario scenarios[SCENARIO_LIMIT];
	size_t count_read;
};

static bool find_home(struct bench *b)
{
	static const char *const places[] = {"../share/rundbrief", "../..", ".."};
	char folder[PATH_SIZE], path[PATH_SIZE];
	ssize_t size = readlink("/proc/self/exe", b->self, sizeof(b->self) - 1);
	if (size <= 0)
		return false;
	b->self[size] = '\0';
	str own = str_of(b->self);
	own.size = str_rfind_byte(own, '/');
	snprintf(folder, sizeof(folder), "%.*s", STR_FORMAT(own));
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int n = snprintf(path, sizeof(path), "%s/%s/" DRIVER, folder, places[i]);
		if (n < 0 || (size_t)n >= sizeof(path) || !realpath(path, b->home))
			continue;
		b->home[strlen(b->home) - strlen("/" DRIVER)] = '\0';
		return true;
	}
	return false;
}

static int read_one(struct cli *cli, struct bench *b, const char *path)
{
	char why[500];
	if (b->count_read == SCENARIO_LIMIT)
		return cli_fail(cli, EXIT_USAGE, "more than %d scenarios", SCENARIO_LIMIT);
	if (access(path, R_OK) != 0)
		return cli_fail(cli, EXIT_NOT_FOUND, "%s: %s", path, strerror(errno));
	if (bench_scenario_read(path, cli->arena, &b->scenarios[b->count_read], why,
				sizeof(why)) != 0)
		return cli_fail(cli, EXIT_USAGE, "%s", why);
	b->count_read++;
	return CLI_GO;
}

/* All that are shipped, in the order of their names. */
static int read_shipped(struct cli *cli, struct bench *b)
{
	char pattern[PATH_SIZE + 32];
	glob_t found;
	int code = CLI_GO;
	snprintf(pattern, sizeof(pattern), "%s/bench/scenarios/*.conf", b->home);
	if (glob(pattern, 0, NULL, &found) != 0)
		return cli_fail(cli, EXIT_NOT_FOUND, "there are no scenarios in %s", pattern);
	for (size_t i = 0; i < found.gl_pathc && code == CLI_GO; i++)
		code = read_one(cli, b, found.gl_pathv[i]);
	globfree(&found);
	return code;
}

static int unknown_scenario(struct cli *cli, struct bench *b, const char *word)
{
	const char *names[SCENARIO_LIMIT];
	b->count_read = 0;
	int code = read_shipped(cli, b);
	if (code != CLI_GO)
		return code;
	for (size_t i = 0; i < b->count_read; i++)
		names[i] = b->scenarios[i].name.data;
	cli_fail_unknown(cli, "scenario", word, names, b->count_read);
	return EXIT_NOT_FOUND;
}

/* A file, when the word looks like one; else the name of one that is shipped. */
static int read_named(struct cli *cli, struct bench *b, const char *word)
{
	char path[2 * PATH_SIZE];
	str text = str_of(word);
	bool is_path = str_ends(text, STR(".conf")) || str_rfind_byte(text, '/') != STR_NONE;
	if (is_path)
		return read_one(cli, b, word);
	snprintf(path, sizeof(path), "%s/bench/scenarios/%s.conf", b->home, word);
	return access(path, F_OK) == 0 ? read_one(cli, b, path)
				       : unknown_scenario(cli, b, word);
}

/* Of the shipped ones those that were asked for by their group. */
static void choose(struct bench *b)
{
	size_t kept = 0;
	for (size_t i = 0; i < b->count_read; i++) {
		int group = b->scenarios[i].group;
		if (b->all || group == (b->large ? BENCH_LARGE : BENCH_USUAL))
			b->scenarios[kept++] = b->scenarios[i];
	}
	b->count_read = kept;
}

static void print_list(const struct bench *b)
{
	for (size_t i = 0; i < b->count_read; i++) {
		const struct bench_scenario *s = &b->scenarios[i];
		printf("%-18.*s %.*s%s\n", STR_FORMAT(s->name), STR_FORMAT(s->shows),
		       s->group == BENCH_USUAL   ? ""
		       : s->group == BENCH_LARGE ? " (large)"
						 : " (only when named)");
	}
}

static char *scenarios_text(const struct bench *b, size_t flags)
{
	json_t *all = json_array();
	for (size_t i = 0; i < b->count_read; i++)
		json_array_append_new(all, bench_scenario_json(&b->scenarios[i]));
	char *text = json_dumps(all, flags);
	json_decref(all);
	return text;
}

static int measure(struct cli *cli, const struct bench *b, char *scenarios)
{
	char driver[PATH_SIZE + 16];
	char count[24], runs[24];
	const char *words[ARGUMENT_LIMIT];
	snprintf(count, sizeof(count), "%llu", (unsigned long long)b->count);
	snprintf(runs, sizeof(runs), "%llu", (unsigned long long)b->runs);
	const struct {
		const char *name, *value;
	} options[] = {{"--program", b->self}, {"--scenarios", scenarios},  {"--count", count},
		       {"--runs", runs},       {"--database", b->database}, {"--out", b->out}};
	size_t n = 0;
	snprintf(driver, sizeof(driver), "%s/" DRIVER, b->home);
	words[n++] = "python3";
	words[n++] = driver;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (!options[i].value)
			continue;
		words[n++] = options[i].name;
		words[n++] = options[i].value;
	}
	if (b->keep)
		words[n++] = "--keep";
	if (cli->format == OUTPUT_JSON)
		words[n++] = "--json";
	if (cli->verbose)
		words[n++] = "--verbose";
	words[n] = NULL;
	/* Debian's first: the one that Debian's libraries belong to. */
	char *const *argv = (char *const *)(uintptr_t)words;
	execv("/usr/bin/python3", argv);
	execvp("python3", argv);
	return cli_fail(cli, EXIT_FAILED, "python3 cannot be run: %s", strerror(errno));
}

static int run_scenarios(struct cli *cli, struct bench *b, int argc, char **argv)
{
	int code = CLI_GO;
	if (!find_home(b))
		return cli_fail(cli, EXIT_FAILED,
				"its programs are not where they belong, in "
				"../share/rundbrief/bench beside the program");
	for (int i = 0; i < argc && code == CLI_GO; i++)
		code = read_named(cli, b, argv[i]);
	if (argc == 0 && code == CLI_GO) {
		code = read_shipped(cli, b);
		if (!b->list)
			choose(b);
	}
	if (code != CLI_GO)
		return code;
	if (b->list) {
		print_list(b);
		return EXIT_OK;
	}
	char *text = scenarios_text(b, b->show ? JSON_INDENT(2) : JSON_COMPACT);
	if (!text)
		return cli_fail(cli, EXIT_FAILED, "out of memory");
	if (b->show)
		puts(text);
	code = b->show ? EXIT_OK : measure(cli, b, text);
	free(text);
	return code;
}

static int print_manual(struct cli *cli)
{
	struct buf out;
	buf_init_arena(&out, cli->arena, 8192);
	keys_manual(&bench_table, &out);
	cli_write(buf_str(&out));
	return EXIT_OK;
}

static int bench_run(struct cli *cli, int argc, char **argv)
{
	static struct bench b;
	b = (struct bench){};
	const struct cli_option options[] = {
		{"list", CLI_FLAG, &b.list, NULL, "what scenarios there are"},
		{"show", CLI_FLAG, &b.show, NULL, "what they say, as JSON"},
		{"settings", CLI_FLAG, &b.manual, NULL, "what a scenario's file may say"},
		{"large", CLI_FLAG, &b.large, NULL, "the large ones, instead of the usual"},
		{"all", CLI_FLAG, &b.all, NULL, "every one"},
		{"count", CLI_COUNT, &b.count, "N", "so many recipients, whatever they say"},
		{"runs", CLI_COUNT, &b.runs, "N", "so many runs of each"},
		{"database", CLI_TEXT, &b.database, "CONNINFO",
		 "an empty database to use instead of a PostgreSQL of its own"},
		{"out", CLI_TEXT, &b.out, "DIR",
		 "where results go: bench.json, bench.png, RESULTS.md"},
		{"keep", CLI_FLAG, &b.keep, NULL, "leave the database for a look"},
		{},
	};
	int code = cli_parse(cli, options, &argc, &argv, 0, SCENARIO_LIMIT);
	if (code != CLI_GO)
		return code;
	return b.manual ? print_manual(cli) : run_scenarios(cli, &b, argc, argv);
}

const struct command command_bench = {
	.name = "bench",
	.synopsis = "[SCENARIO...]",
	.summary = "Measure what sending costs on this machine, and judge it",
	.manual = "A scenario is a file of settings, or the name of one that comes with the "
		  "program; without\n"
		  "any, all usual ones are run. What is sent goes to a receiving side on this "
		  "machine and\n"
		  "nowhere else, from a PostgreSQL that is made for it and goes away "
		  "afterwards. Exit code 1:\n"
		  "something that was promised did not hold.",
	.run = bench_run,
	.outputs = CLI_JSON,
};
