/* torture.c - the n-th call fails, for every n: one small campaign each.
 *
 *   torture STEP [KIND [N]]     every STEP-th n of every kind; or of one; or that n alone
 *
 * A run is a process of its own, bounded in time. In it the engine is opened, sends, and is
 * closed, while one call (or four in a row) fails. Whatever it then does in order is right: to go on,
 * to say why it cannot be opened, to end with a sentence. Then nothing fails any more: it is
 * started over what is left, finishes, and all recipients have what they must have: one verdict
 * each, nobody mailed twice but those listed in doubt, every slab empty, the journal in order. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/log.h"
#include "tests/torture/shim.h"
#include "tests/torture/small.h"

#define RUN_SECONDS 60 /* a run takes some hundredths: whoever takes so long hangs */
#define N_LIMIT 1000000
#define FAILURES_SHOWN 25

enum run_end { RUN_REACHED, RUN_CARRIED, RUN_NOT_REACHED, RUN_FAILED };

static const uint64_t bursts[] = {1, 4};

static const char *program;

static int fail(enum torture_kind kind, uint64_t n, uint64_t burst, const char *what)
{
	printf("FAILED: %s %s: again: %s 1 %s %llu %llu\n", torture_names[kind], what, program,
	       torture_names[kind], (unsigned long long)n, (unsigned long long)burst);
	fflush(stdout);
	return RUN_FAILED;
}

/* Opens and sends while calls fail. True: the campaign has finished. */
static bool send_while_failing(struct small *s, const char **ret_fault)
{
	if (!small_open(s)) {
		if (small_why(s)[0] == '\0')
			*ret_fault = "no sentence says why the engine could not be opened";
		return false;
	}
	enum small_end end = small_run(s);
	if (end == SMALL_TROUBLE && small_why(s)[0] == '\0')
		*ret_fault = "the engine ended without a sentence";
	if (end == SMALL_FINISHED)
		small_close(s);
	else
		small_kill(s);
	/* Standing still is right as long as what fails goes on failing, and nothing here does. */
	if (end == SMALL_STUCK)
		*ret_fault = "the campaign stands still";
	return end == SMALL_FINISHED;
}

static int run(enum torture_kind kind, uint64_t n, uint64_t burst)
{
	static struct small small;
	const char *fault = NULL;
	small_begin(&small, 100 + n % 7, SMALL_RECIPIENTS, "torture");
	torture_arm(kind, n, burst);
	bool finished = send_while_failing(&small, &fault);
	bool reached = torture_struck();
	torture_disarm();
	if (!finished && !fault) {
		if (!small_open(&small))
			fault = "it cannot be opened again";
		else if (small_run(&small) != SMALL_FINISHED)
			fault = "started again it does not finish";
		else
			small_close(&small);
	}
	if (!fault && !small_check(&small))
		fault = "the books are wrong";
	if (fault && small_why(&small)[0])
		printf("%s\n", small_why(&small));
	if (fault)
		return fail(kind, n, burst, fault);
	bool carried = small.carried;
	small_end(&small);
	return !reached ? RUN_NOT_REACHED : carried ? RUN_CARRIED : RUN_REACHED;
}

/* ---- each in a process of its own ---- */

static int run_apart(enum torture_kind kind, uint64_t n, uint64_t burst)
{
	int status = 0;
	fflush(stdout);
	pid_t child = fork();
	if (child < 0)
		return fail(kind, n, burst, "fork");
	if (child == 0) {
		alarm(RUN_SECONDS);
		exit(run(kind, n, burst));
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	char command[200];
	snprintf(command, sizeof(command),
		 "rm -rf /dev/shm/rundbrief-torture-%d /tmp/rundbrief-torture-%d", (int)child,
		 (int)child);
	if (!WIFEXITED(status) && system(command) != 0)
		perror("rm");
	if (WIFSIGNALED(status))
		return fail(kind, n, burst,
			    WTERMSIG(status) == SIGALRM ? "hangs" : strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) > RUN_FAILED)
		return fail(kind, n, burst, "a sanitizer's finding");
	return WEXITSTATUS(status);
}

struct tally {
	uint64_t passed, failed;
	uint64_t carried; /* runs in which marks were put once more */
};

static void run_kind(enum torture_kind kind, uint64_t step, struct tally *all)
{
	struct tally of_kind = {};
	uint64_t longest = 0;
	for (size_t b = 0; b < sizeof(bursts) / sizeof(bursts[0]); b++) {
		/* Steps begin at different places, so that bursts meet others than the first. */
		for (uint64_t n = 1 + b * (step / 2); n < N_LIMIT; n += step) {
			int end = run_apart(kind, n, bursts[b]);
			if (end == RUN_NOT_REACHED)
				break;
			of_kind.passed += end == RUN_REACHED || end == RUN_CARRIED;
			all->carried += end == RUN_CARRIED;
			of_kind.failed += end == RUN_FAILED;
			longest = n > longest ? n : longest;
			if (of_kind.failed >= FAILURES_SHOWN)
				break;
		}
	}
	printf("%-12s up to the %llu. call: %llu passed, %llu failed\n", torture_names[kind],
	       (unsigned long long)longest, (unsigned long long)of_kind.passed,
	       (unsigned long long)of_kind.failed);
	if (longest == 0) {
		printf("FAILED: no call of this kind was made\n");
		of_kind.failed++;
	}
	all->passed += of_kind.passed;
	all->failed += of_kind.failed;
}

static void write_log(enum log_level level, const char *line, void *context)
{
	(void)context;
	if (getenv("TORTURE_LOG") || (level == LOG_ERROR && strstr(line, "assertion")))
		fprintf(stderr, "%s\n", line);
}

/* What an engine that was killed, or could not be opened, had taken is the process's own matter. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0:exitcode=99";
}

int main(int argc, char **argv)
{
	uint64_t step = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	struct tally tally = {};
	program = argv[0];
	setvbuf(stdout, NULL, _IOLBF, 0);
	log_set_writer(write_log, NULL);
	small_once();
	for (int kind = TORTURE_NOTHING + 1; kind < TORTURE_KINDS; kind++) {
		if (argc > 2 && strcmp(argv[2], torture_names[kind]) != 0)
			continue;
		if (argc > 3)
			return run((enum torture_kind)kind, strtoull(argv[3], NULL, 10),
				   argc > 4 ? strtoull(argv[4], NULL, 10) : 1);
		run_kind((enum torture_kind)kind, step ? step : 1, &tally);
	}
	printf("marks put once more at the journal's end in %llu runs\n",
	       (unsigned long long)tally.carried);
	if (tally.carried == 0 && argc <= 2)
		tally.failed++;
	printf("torture: %llu passed, %llu failed\n", (unsigned long long)tally.passed,
	       (unsigned long long)tally.failed);
	return tally.failed > 0;
}
