/* bench_journal.c - what the journal costs a recipient (a mark and an outcome), durable against
 * the end of the process or of the machine: CPU, and how long a turn's write takes; at 800
 * recipients a second and as fast as it goes. And how fast a start reads it back.
 *
 *   bench_journal [FOLDER]    on whose disk; /var/tmp unless told */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/micro/yardstick.h"
#include "engine/base/assert.h"
#include "engine/io/clock.h"
#include "engine/io/io.h"
#include "engine/journal/journal.h"

#define PACED_SECONDS 3
#define PACED_TURN (5 * USEC_MS) /* of 4 recipients each: 800 a second */
#define FAST_RECIPIENTS 40000
#define TURNS_LIMIT 100000

static char folder[512];
static double latencies[TURNS_LIMIT];
static size_t turn_count;
static double signature;

static struct io_loop *loop;
static struct journal *journal;
static bool done;
static uint64_t next_id;

static double process_usec(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void empty_folder(void)
{
	char command[600];
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (system(command) != 0)
		exit(1);
}

static void open_journal(bool durable)
{
	char why[256];
	empty_folder();
	ASSERT(io_loop_create(&loop, &(struct io_options){.entries = 64}, why, sizeof(why)) == 0);
	const struct journal_options options = {.durable_disk = durable};
	if (journal_open(&journal, loop, folder, &options, why, sizeof(why)) != 0) {
		fprintf(stderr, "%s\n", why);
		exit(1);
	}
	turn_count = 0;
}

static void close_journal(void)
{
	journal_close(journal);
	io_loop_destroy(loop);
}

/* As the carrier writes them, names and replies as long as they usually are. */
static void put(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		const struct journal_mark mark = {.campaign_id = 12,
						  .slice_id = 4711,
						  .subscriber_id = ++next_id,
						  .attempt = 1,
						  .revision = 1,
						  .at_wall = 1700000000000000 + (usec)next_id,
						  .date_wall = 1700000000000000,
						  .provider = STR("gmail"),
						  .site = STR("google.com"),
						  .source = STR("out1"),
						  .mx_host = STR("gmail-smtp-in.l.google.com")};
		const struct store_outcome outcome = {
			.campaign_id = 12,
			.slice_id = 4711,
			.subscriber_id = next_id,
			.verdict = VERDICT_DELIVERED,
			.final = true,
			.cause = "delivered",
			.stage = STAGE_END,
			.code = 250,
			.status = {2, 0, 0},
			.attempt = 1,
			.revision = 1,
			.at_wall = mark.at_wall + 200000,
			.date_wall = mark.date_wall,
			.duration_ms = 200,
			.size = 15000,
			.text = STR("OK  1700000000 4fb4d7f45d1cf-5f0c8a1b2c3si1234567a12.99 - gsmtp"),
			.mx_host = mark.mx_host,
			.provider = mark.provider,
			.site = mark.site,
			.source = mark.source};
		journal_put_mark(journal, &mark);
		journal_put_outcome(journal, &outcome);
	}
}

static void on_written(void *context, uint64_t position, int error)
{
	(void)context;
	(void)position;
	ASSERT(error == 0);
	done = true;
}

static void turn(uint64_t recipients)
{
	usec began = clock_now();
	done = false;
	put(recipients);
	journal_flush(journal, on_written, NULL);
	while (!done)
		ASSERT(io_turn(loop, clock_now() + USEC_SECOND) >= 0);
	if (turn_count < TURNS_LIMIT)
		latencies[turn_count++] = (double)(clock_now() - began);
}

static void tell(const char *name, double cpu, double took, uint64_t recipients)
{
	qsort(latencies, turn_count, sizeof(latencies[0]), by_size);
	printf("%-24s %6.2f us CPU a recipient (%.2f %% of a signature), %8.0f a second, a turn's "
	       "write %5.0f us, of a hundred the slowest %6.0f us\n",
	       name, cpu / (double)recipients, 100 * cpu / (double)recipients / signature,
	       (double)recipients * 1e6 / took, latencies[turn_count / 2],
	       latencies[turn_count * 99 / 100]);
}

static void paced(bool durable)
{
	open_journal(durable);
	usec began = clock_now();
	double cpu = process_usec();
	uint64_t before = next_id;
	for (usec at = began; at < began + PACED_SECONDS * USEC_SECOND; at += PACED_TURN) {
		usec now = clock_now();
		if (at > now)
			usleep((useconds_t)(at - now));
		turn(4);
	}
	tell(durable ? "disk, 800 a second" : "process, 800 a second", process_usec() - cpu,
	     (double)(clock_now() - began), next_id - before);
	close_journal();
}

/* batch: how many recipients share a turn. */
static void fast(bool durable, uint64_t batch)
{
	char name[64];
	open_journal(durable);
	usec began = clock_now();
	double cpu = process_usec();
	uint64_t before = next_id;
	uint64_t recipients = durable ? FAST_RECIPIENTS / 4 : FAST_RECIPIENTS;
	while (next_id - before < recipients)
		turn(batch);
	snprintf(name, sizeof(name), "%s, %llu a turn", durable ? "disk" : "process",
		 (unsigned long long)batch);
	tell(name, process_usec() - cpu, (double)(clock_now() - began), next_id - before);
	close_journal();
}

static void count_mark(void *context, uint64_t position, const struct journal_mark *mark)
{
	(void)position;
	(void)mark;
	++*(uint64_t *)context;
}

static void read_back(void)
{
	char why[256];
	uint64_t marks = 0;
	enum journal_ending ending;
	const struct journal_reader_events events = {.on_mark = count_mark, .context = &marks};
	double cpu = process_usec();
	uint64_t end = journal_replay(folder, 0, &events, &ending, why, sizeof(why));
	cpu = process_usec() - cpu;
	printf("a start reads %.1f MiB of %llu recipients in %.0f ms of CPU: %.2f us each; %llu bytes "
	       "each\n",
	       (double)end / (1 << 20), (unsigned long long)marks, cpu / 1000,
	       cpu / (double)marks, (unsigned long long)(end / marks));
}

int main(int argc, char **argv)
{
	EVP_PKEY_CTX *signer = make_signer();
	snprintf(folder, sizeof(folder), "%s/rundbrief-bench-%d", argc > 1 ? argv[1] : "/var/tmp",
		 (int)getpid());
	signature = signature_usec(signer, 500);
	EVP_PKEY_CTX_free(signer);
	printf("one RSA-2048 signature: %.0f us\n", signature);
	for (int durable = 0; durable < 2; durable++) {
		paced(durable);
		fast(durable, 10);
		fast(durable, 100);
		if (!durable)
			read_back();
	}
	empty_folder();
	return 0;
}
