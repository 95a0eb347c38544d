/* test_journal.c - what was written comes back, whole records only, whatever is cut or flipped.
 */
#include "tests/unit/io_world.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "engine/base/prng.h"
#include "engine/journal/record.h"

static char directory[64];
static struct journal *journal;
static uint64_t segment_size; /* 0: as usual */
static enum journal_ending ending;

static int setup(void **state)
{
	snprintf(directory, sizeof(directory), "/tmp/rundbrief-journal.XXXXXX");
	return world_open(state) || !mkdtemp(directory) ? -1 : 0;
}

static void clear_directory(void)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	assert_int_equal(system(command), 0);
}

static int teardown(void **state)
{
	clear_directory();
	return world_close(state);
}

static int try_open(uint64_t begin, char *why, size_t why_size)
{
	const struct journal_options options = {.begin = begin, .segment_size = segment_size};
	return journal_open(&journal, world_loop, directory, &options, why, why_size);
}

static void open_at(uint64_t begin)
{
	char why[256] = "";
	int result = try_open(begin, why, sizeof(why));
	assert_string_equal(why, "");
	assert_int_equal(result, 0);
}

static struct journal_mark mark_of(uint64_t n)
{
	return (struct journal_mark){.campaign_id = 3,
				     .slice_id = n / 100 + 1,
				     .subscriber_id = n + 1,
				     .attempt = (uint32_t)(n % 3 + 1),
				     .revision = 1,
				     .at_wall = (usec)1700000000000000 + (usec)n,
				     .date_wall = (usec)1700000000000000,
				     .first_wall = n % 2 ? (usec)1699999999000000 : 0,
				     .provider = STR("gmail"),
				     .site = STR("google.com"),
				     .source = STR("out1"),
				     .mx_host = STR("mx.google.com")};
}

static struct store_outcome outcome_of(uint64_t n)
{
	return (struct store_outcome){.campaign_id = 3,
				      .slice_id = n / 100 + 1,
				      .subscriber_id = n + 1,
				      .verdict = n % 5 ? VERDICT_DELIVERED : VERDICT_FAILED,
				      .final = true,
				      .suppress = n % 5 == 0,
				      .class = n % 5 ? CLASS_NONE : CLASS_BAD_MAILBOX,
				      .cause = n % 5 ? "delivered" : "no-such-user",
				      .stage = STAGE_END,
				      .code = 250,
				      .status = {2, 1, 999},
				      .attempt = (uint32_t)(n % 3 + 1),
				      .revision = 2,
				      .at_wall = (usec)1700000000000000 + (usec)n,
				      .date_wall = (usec)1700000000000000,
				      .duration_ms = 1234,
				      .size = 10240,
				      .text = STR("2.0.0 \0\xff queued"),
				      .mx_host = STR("mx.google.com"),
				      .provider = STR("gmail"),
				      .site = STR("google.com"),
				      .source = STR("out1")};
}

static int flushed;
static uint64_t flushed_position;
static int flushed_error;

static void on_written(void *, uint64_t position, int error)
{
	flushed++;
	flushed_position = position;
	flushed_error = error;
}

static void flush(void)
{
	flushed = 0;
	journal_flush(journal, on_written, NULL);
	world_run_until(&flushed, 1);
}

struct seen {
	uint64_t marks, voids, outcomes, position, first;
};

static void check_mark(void *context, uint64_t position, const struct journal_mark *m)
{
	struct seen *seen = context;
	struct journal_mark want = mark_of(m->subscriber_id - 1);
	assert_int_equal(m->campaign_id, want.campaign_id);
	assert_int_equal(m->slice_id, want.slice_id);
	assert_int_equal(m->attempt, want.attempt);
	assert_int_equal(m->at_wall, want.at_wall);
	assert_int_equal(m->date_wall, want.date_wall);
	assert_int_equal(m->first_wall, want.first_wall);
	assert_true(str_eq(m->mx_host, want.mx_host));
	assert_true(position > seen->position);
	seen->position = position;
	seen->marks++;
}

static void check_void(void *context, uint64_t position, const struct journal_mark *m)
{
	struct seen *seen = context;
	assert_int_equal(m->campaign_id, 3);
	assert_true(position > seen->position);
	seen->position = position;
	seen->voids++;
}

static void check_outcome(void *context, uint64_t position, const struct store_outcome *o)
{
	struct seen *seen = context;
	struct store_outcome want = outcome_of(o->subscriber_id - 1);
	assert_int_equal(o->slice_id, want.slice_id);
	assert_int_equal(o->verdict, want.verdict);
	assert_int_equal(o->final, want.final);
	assert_int_equal(o->suppress, want.suppress);
	assert_int_equal(o->class, want.class);
	assert_string_equal(o->cause, want.cause);
	assert_int_equal(o->status.detail, want.status.detail);
	assert_int_equal(o->at_wall, want.at_wall);
	assert_int_equal(o->first_wall, 0);
	assert_int_equal(o->due_wall, 0);
	assert_true(str_eq(o->text, want.text));
	assert_true(position > seen->position);
	seen->position = position;
	seen->outcomes++;
}

static struct seen replay(uint64_t from, char *why, size_t why_size, uint64_t *ret_end)
{
	struct seen seen = {};
	struct journal_reader_events events = {.on_mark = check_mark,
					       .on_void = check_void,
					       .on_outcome = check_outcome,
					       .context = &seen};
	*ret_end = journal_replay(directory, from, &events, &ending, why, why_size);
	return seen;
}

/* Marks and outcomes for n in [from, to); returns the position behind. */
static uint64_t put(uint64_t from, uint64_t to)
{
	uint64_t position = journal_end(journal);
	for (uint64_t n = from; n < to; n++) {
		struct journal_mark m = mark_of(n);
		struct store_outcome o = outcome_of(n);
		journal_put_mark(journal, &m);
		position = journal_put_outcome(journal, &o);
	}
	return position;
}

static void test_journal_undoes_a_mark(void **)
{
	char why[256];
	uint64_t end;
	open_at(0);
	struct journal_mark m = mark_of(7);
	uint64_t mark = journal_put_mark(journal, &m);
	uint64_t undone = journal_put_void(journal, &m);
	assert_true(undone > mark);
	flush();
	journal_close(journal);
	struct seen seen = replay(0, why, sizeof(why), &end);
	assert_string_equal(why, "");
	assert_int_equal(seen.marks, 1);
	assert_int_equal(seen.voids, 1);
	assert_int_equal(seen.outcomes, 0);
	assert_int_equal(end, undone);
	clear_directory();
}

static void test_journal_comes_back_as_written(void **)
{
	char why[256];
	uint64_t end;
	open_at(0);
	assert_true(journal_idle(journal));
	put(0, 100);
	assert_false(journal_idle(journal));
	flush();
	uint64_t middle = put(100, 150);
	flush();
	assert_int_equal(flushed_error, 0);
	assert_int_equal(flushed_position, middle);
	uint64_t last = put(150, 200);
	flush();
	journal_close(journal);
	struct seen seen = replay(0, why, sizeof(why), &end);
	assert_string_equal(why, "");
	assert_int_equal(seen.marks, 200);
	assert_int_equal(seen.outcomes, 200);
	assert_int_equal(end, last);
	seen = replay(middle, why, sizeof(why), &end);
	assert_int_equal(seen.marks, 50);
	assert_int_equal(end, last);
	open_at(0);
	assert_int_equal(journal_end(journal), last);
	put(200, 201);
	flush();
	journal_close(journal);
	seen = replay(0, why, sizeof(why), &end);
	assert_int_equal(seen.outcomes, 201);
	clear_directory();
}

static void test_journal_is_locked(void **)
{
	char why[256] = "";
	struct journal *first;
	open_at(0);
	first = journal;
	assert_int_equal(try_open(0, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "another engine"));
	journal_close(first);
	open_at(0);
	journal_close(journal);
	clear_directory();
}

/* Nothing is left to read when nothing is needed; else what journal_free() leaves. */
static void test_journal_rests_at_the_end(void **)
{
	char why[256];
	uint64_t end;
	open_at(5000);
	uint64_t middle = put(0, 3);
	flush();
	uint64_t last = put(3, 5);
	journal_rest(journal, last);
	flush();
	journal_rest(journal, middle);
	journal_close(journal);
	struct seen seen = replay(0, why, sizeof(why), &end);
	assert_int_equal(seen.outcomes, 5);
	assert_int_equal(end, last);
	for (int round = 0; round < 2; round++) {
		open_at(last);
		assert_int_equal(journal_end(journal), last);
		journal_rest(journal, last);
		journal_close(journal);
		seen = replay(0, why, sizeof(why), &end);
		assert_int_equal(seen.marks + seen.outcomes, 0);
		assert_int_equal(end, last);
	}
	open_at(last);
	last = put(5, 6);
	flush();
	journal_close(journal);
	seen = replay(0, why, sizeof(why), &end);
	assert_int_equal(seen.outcomes, 1);
	assert_int_equal(end, last);
	clear_directory();
}

static void test_journal_goes_on_where_the_database_stands(void **)
{
	char why[256];
	uint64_t end;
	open_at(5000);
	assert_int_equal(journal_end(journal), 5000);
	uint64_t first = put(0, 3);
	flush();
	journal_close(journal);
	open_at(first + 777);
	assert_int_equal(journal_end(journal), first + 777);
	uint64_t last = put(3, 5);
	flush();
	journal_free(journal, last);
	journal_close(journal);
	struct seen seen = replay(first + 777, why, sizeof(why), &end);
	assert_int_equal(seen.outcomes, 2);
	assert_int_equal(end, last);
	seen = replay(0, why, sizeof(why), &end);
	assert_int_equal(seen.outcomes, 2); /* the first segment was freed */
	clear_directory();
}

static uint64_t write_few(char *bytes, size_t *ret_size, uint64_t ends[6])
{
	open_at(0);
	for (uint64_t n = 0; n < 6; n++)
		ends[n] = put(n, n + 1);
	flush();
	journal_close(journal);
	char path[128];
	snprintf(path, sizeof(path), "%s/%020d.journal", directory, 0);
	int fd = open(path, O_RDONLY);
	*ret_size = (size_t)read(fd, bytes, 65536);
	close(fd);
	return ends[5];
}

static void overwrite(const char *bytes, size_t size)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%020d.journal", directory, 0);
	int fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	close(fd);
}

static uint64_t whole_before(const uint64_t ends[6], size_t offset)
{
	uint64_t n = 0;
	while (n < 6 && ends[n] <= offset)
		n++;
	return n;
}

static void test_journal_survives_a_cut_at_every_byte(void **)
{
	static char bytes[65536];
	char why[256];
	size_t size;
	uint64_t ends[6], end;
	write_few(bytes, &size, ends);
	for (size_t cut = 0; cut <= size; cut++) {
		overwrite(bytes, cut);
		struct seen seen = replay(0, why, sizeof(why), &end);
		assert_int_equal(seen.outcomes, whole_before(ends, cut));
		assert_true(end <= cut);
		assert_int_equal(end == cut, why[0] == 0);
		assert_int_equal(ending, end == cut ? JOURNAL_CLEAN : JOURNAL_TORN);
		if (cut % 50 == 1) { /* and it goes on behind the last whole record */
			assert_int_equal(journal_trim(directory, end), 0);
			open_at(0);
			assert_int_equal(journal_end(journal), end);
			put(50, 51);
			flush();
			journal_close(journal);
			struct seen more = replay(0, why, sizeof(why), &end);
			assert_string_equal(why, "");
			assert_int_equal(more.outcomes, seen.outcomes + 1);
		}
	}
	clear_directory();
}

static int count_files(const char *suffix)
{
	char command[160];
	snprintf(command, sizeof(command), "ls %s | grep -c '%s$'", directory, suffix);
	FILE *list = popen(command, "r");
	int count = -1;
	assert_int_equal(fscanf(list, "%d", &count), 1);
	pclose(list);
	return count;
}

/* As a loss of power leaves a file whose length was written and whose bytes were not: from a place on
 * there are zeros, up to where the write would have ended or beyond. */
static void test_journal_that_ends_in_zeros_is_torn(void **)
{
	static char bytes[65536], zeroed[600000];
	static const size_t beyond[] = {0, 1, 4096, 500000};
	char why[256];
	size_t size;
	uint64_t ends[6], end;
	write_few(bytes, &size, ends);
	for (size_t cut = 0; cut <= size; cut++) {
		size_t same = cut; /* zeros that were there before change nothing */
		while (same < size && bytes[same] == 0)
			same++;
		for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
			size_t length = size + beyond[i];
			if (length > 70000 && cut % 97 != 0)
				continue;
			memset(zeroed, 0, length);
			memcpy(zeroed, bytes, cut);
			overwrite(zeroed, length);
			struct seen seen = replay(0, why, sizeof(why), &end);
			assert_int_equal(seen.outcomes, whole_before(ends, same));
			if (length - same < 2 && length > end) /* its own last byte, perhaps */
				continue;
			assert_int_equal(ending, end == length ? JOURNAL_CLEAN : JOURNAL_TORN);
			assert_int_equal(why[0] != 0, end != length);
			if (cut % 50 != 1)
				continue;
			assert_int_equal(journal_trim(directory, end), 0);
			assert_int_equal(count_files("damaged"), 0);
			open_at(0);
			assert_int_equal(journal_end(journal), end);
			journal_close(journal);
		}
	}
	clear_directory();
}

static void test_journal_with_zeros_within_is_damaged(void **)
{
	static char bytes[65536], zeroed[65536];
	char why[256];
	size_t size;
	uint64_t ends[6], end;
	write_few(bytes, &size, ends);
	for (size_t from = 0; from < ends[3]; from += 7)
		for (size_t to = from + 1; to < ends[4]; to += 31) {
			memcpy(zeroed, bytes, size);
			memset(zeroed + from, 0, to - from);
			if (memcmp(zeroed, bytes, size) == 0)
				continue;
			overwrite(zeroed, size);
			(void)replay(0, why, sizeof(why), &end);
			assert_true(end < ends[4]);
			assert_int_equal(ending, JOURNAL_DAMAGED);
		}
	clear_directory();
}

static void test_journal_ends_at_a_flipped_byte(void **)
{
	static char bytes[65536];
	char why[256];
	size_t size;
	uint64_t ends[6], end;
	write_few(bytes, &size, ends);
	for (size_t at = 0; at < size; at++) {
		for (unsigned bit = 0; bit < 8; bit += 3) {
			bytes[at] ^= (char)(1 << bit);
			overwrite(bytes, size);
			struct seen seen = replay(0, why, sizeof(why), &end);
			assert_int_equal(seen.outcomes, whole_before(ends, at));
			assert_true(why[0] != 0);
			/* In the last record a wrong length looks like one cut short. */
			if (at < ends[4])
				assert_int_equal(ending, JOURNAL_DAMAGED);
			bytes[at] ^= (char)(1 << bit);
		}
	}
	clear_directory();
}

static void count_outcome(void *context, uint64_t, const struct store_outcome *)
{
	(*(uint64_t *)context)++;
}

static uint64_t count_outcomes(uint64_t *ret_end)
{
	char why[256];
	uint64_t count = 0;
	struct journal_reader_events events = {.on_outcome = count_outcome, .context = &count};
	*ret_end = journal_replay(directory, 0, &events, &ending, why, sizeof(why));
	assert_string_equal(why, "");
	return count;
}


/* What stands behind damage is believed by nobody, and kept for people. */
static void test_journal_keeps_what_damage_hides(void **)
{
	char why[256];
	uint64_t end, ends[6];
	char path[128];
	segment_size = 1;
	open_at(0);
	for (uint64_t n = 0; n < 6; n++) {
		ends[n] = put(n, n + 1);
		flush();
	}
	journal_close(journal);
	assert_int_equal(count_files("journal"), 6);
	snprintf(path, sizeof(path), "%s/%020llu.journal", directory,
		 (unsigned long long)ends[1]);
	int fd = open(path, O_RDWR);
	assert_int_equal(pwrite(fd, "x", 1, 20), 1);
	close(fd);
	assert_int_equal(replay(0, why, sizeof(why), &end).outcomes, 2);
	assert_int_equal(end, ends[1]);
	assert_int_equal(ending, JOURNAL_DAMAGED);
	assert_int_equal(journal_trim(directory, end), 0);
	assert_int_equal(count_files("damaged"), 4);
	open_at(0);
	assert_int_equal(journal_end(journal), end);
	put(9, 10);
	flush();
	journal_close(journal);
	assert_int_equal(replay(0, why, sizeof(why), &end).outcomes, 3);
	assert_int_equal(ending, JOURNAL_CLEAN);
	segment_size = 0;
	clear_directory();
}

/* An open mark as the last record of a segment: the next one begins at the position behind it,
 * which is no position up to which nothing is needed. */
static void test_journal_frees_no_segment_that_ends_in_an_open_mark(void **)
{
	char why[256];
	uint64_t end;
	struct journal_mark m = mark_of(3);
	segment_size = 1;
	open_at(0);
	uint64_t mark = journal_put_mark(journal, &m);
	flush();
	put(4, 5);
	flush();
	assert_false(journal_is_far(journal, journal_end(journal)));
	journal_free(journal, mark - 1);
	assert_int_equal(replay(0, why, sizeof(why), &end).marks, 2);
	journal_free(journal, mark);
	assert_int_equal(replay(0, why, sizeof(why), &end).marks, 1);
	assert_true(journal_is_far(journal, 0));
	assert_false(journal_is_removed(journal));
	clear_directory();
	assert_true(journal_is_removed(journal));
	journal_close(journal);
	segment_size = 0;
}

static void note(const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/boot", directory);
	FILE *out = fopen(path, "w");
	assert_true(out && fputs(text, out) >= 0 && fclose(out) == 0);
}

/* What was not written durably survives the process, but not the machine. */
static void test_journal_knows_the_boot_it_was_written_under(void **)
{
	assert_false(journal_end_may_be_missing(directory)); /* there is none */
	open_at(0);
	put(0, 1);
	flush();
	journal_close(journal);
	assert_true(journal_end_may_be_missing(directory)); /* nobody has said */
	assert_int_equal(journal_note_boot(directory, false), 0);
	assert_false(journal_end_may_be_missing(directory));
	assert_int_equal(journal_note_boot(directory, true), 0);
	assert_false(journal_end_may_be_missing(directory));
	note("some-other-boot process\n");
	assert_true(journal_end_may_be_missing(directory));
	note("some-other-boot disk\n");
	assert_false(journal_end_may_be_missing(directory));
	note("");
	assert_true(journal_end_may_be_missing(directory));
	clear_directory();
}

static void test_journal_knows_the_process_before(void **)
{
	char why[200];
	clear_directory();
	int hold = journal_hold(directory, why, sizeof(why));
	assert_true(hold >= 0);
	assert_int_equal(journal_last_epoch(directory, 3), 0);
	journal_note_epoch(directory, 3, 17);
	assert_int_equal(journal_last_epoch(directory, 3), 17);
	assert_int_equal(journal_last_epoch(directory, 4), 0); /* another engine's */
	journal_note_epoch(directory, 3, 18);
	assert_int_equal(journal_last_epoch(directory, 3), 18);
	journal_release(hold);
	/* A copy has a lock of its own: who holds it knows nothing of whoever holds the first. */
	char command[600];
	snprintf(command, sizeof(command), "cd %s && cp engine copy && mv copy engine", directory);
	assert_int_equal(system(command), 0);
	assert_int_equal(journal_last_epoch(directory, 3), 0);
	clear_directory();
}

static void test_journal_begins_new_segments_and_frees_them(void **)
{
	static char text[RECORD_TEXT_LIMIT];
	struct store_outcome o = outcome_of(1);
	uint64_t end, at = 0, written = 0;
	o.text = str_make(text, sizeof(text));
	open_at(0);
	for (; journal_end(journal) < 20u << 20; written += 4000) {
		for (unsigned n = 0; n < 4000; n++)
			journal_put_outcome(journal, &o);
		if (written == 0)
			at = journal_end(journal);
		flush();
	}
	assert_int_equal(count_outcomes(&end), written);
	assert_int_equal(end, journal_end(journal));
	journal_free(journal, at);
	assert_int_equal(count_outcomes(&end), written);
	journal_free(journal, journal_end(journal));
	assert_in_range(count_outcomes(&end), 1, written / 2);
	journal_close(journal);
	clear_directory();
}

static void test_journal_waits_out_a_full_disk(void **)
{
	struct rlimit before, little;
	char why[256];
	uint64_t end;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	open_at(0);
	put(0, 10);
	flush();
	little = before;
	little.rlim_cur = flushed_position + 500;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	put(10, 20);
	flush();
	assert_true(flushed_error < 0);
	put(20, 30);
	flush();
	assert_true(flushed_error < 0);
	assert_false(journal_idle(journal));
	setrlimit(RLIMIT_FSIZE, &before);
	flush();
	assert_int_equal(flushed_error, 0);
	flush();
	assert_int_equal(flushed_error, 0);
	assert_true(journal_idle(journal));
	journal_close(journal);
	struct seen seen = replay(0, why, sizeof(why), &end);
	assert_string_equal(why, "");
	assert_int_equal(seen.outcomes, 30);
	clear_directory();
}

static void test_record_clips_what_is_too_long(void **)
{
	static char text[20000], memory[40000];
	struct buf b;
	struct record r;
	struct store_outcome o = outcome_of(1);
	memset(text, 'x', sizeof(text));
	o.text = o.mx_host = o.site = o.provider = o.source = str_make(text, sizeof(text));
	o.due_wall = INT64_MAX;
	o.first_wall = -5;
	buf_init_fixed(&b, memory, sizeof(memory));
	record_put_outcome(&b, &o);
	str in = buf_str(&b);
	assert_int_equal(record_take(&in, &r), RECORD_READY);
	assert_int_equal(in.size, 0);
	assert_int_equal(r.outcome.text.size, RECORD_TEXT_LIMIT);
	assert_int_equal(r.outcome.site.size, RECORD_NAME_LIMIT);
	assert_int_equal(r.outcome.due_wall, INT64_MAX);
	assert_int_equal(r.outcome.first_wall, -5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_journal_comes_back_as_written),
		cmocka_unit_test(test_journal_undoes_a_mark),
		cmocka_unit_test(test_journal_is_locked),
		cmocka_unit_test(test_journal_rests_at_the_end),
		cmocka_unit_test(test_journal_goes_on_where_the_database_stands),
		cmocka_unit_test(test_journal_survives_a_cut_at_every_byte),
		cmocka_unit_test(test_journal_that_ends_in_zeros_is_torn),
		cmocka_unit_test(test_journal_with_zeros_within_is_damaged),
		cmocka_unit_test(test_journal_ends_at_a_flipped_byte),
		cmocka_unit_test(test_journal_keeps_what_damage_hides),
		cmocka_unit_test(test_journal_frees_no_segment_that_ends_in_an_open_mark),
		cmocka_unit_test(test_journal_knows_the_boot_it_was_written_under),
		cmocka_unit_test(test_journal_knows_the_process_before),
		cmocka_unit_test(test_journal_begins_new_segments_and_frees_them),
		cmocka_unit_test(test_journal_waits_out_a_full_disk),
		cmocka_unit_test(test_record_clips_what_is_too_long),
	};
	return cmocka_run_group_tests_name("journal", tests, setup, teardown);
}
