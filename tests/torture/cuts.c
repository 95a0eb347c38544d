/* cuts.c - recovery over every beginning of a journal, and over ones with a bit turned over.
 *
 *   cuts JOURNAL [STEP]    every STEP-th length in bytes (1: all), and as many flips
 *
 * The journal is one that an engine wrote (make_journal). Its records are read once, undamaged,
 * and say what recovery may do: settle, byte for byte and in order, the outcomes that stand whole
 * before the cut and behind the settled position; put in doubt exactly the marks that are open
 * there. The store below takes note of what it is told; then once more with recoveries that are
 * interrupted at each settlement, before and after it was written. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/io/heap.h"
#include "engine/journal/record.h"
#include "engine/send/recovery.h"

#define SEGMENTS_LIMIT 4096
#define ROWS_LIMIT 65536

/* ---- the journal as it was written ---- */

struct entry {
	uint64_t begin, end;
	enum record_type type;
	uint64_t campaign_id, subscriber_id;
	uint32_t attempt;
	size_t closed_by; /* of a mark: the entry that closes it; entry_count: none */
};

static char *bytes;
static uint64_t size; /* of all segments */
static uint64_t segments[SEGMENTS_LIMIT];
static size_t segment_count;
static struct entry *entries;
static size_t entry_count;

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static void read_segment(const char *folder, uint64_t begin)
{
	char path[512];
	struct stat state;
	snprintf(path, sizeof(path), "%s/%020llu.journal", folder, (unsigned long long)begin);
	int fd = open(path, O_RDONLY);
	ASSERT(fd >= 0 && fstat(fd, &state) == 0 && begin == size);
	bytes = realloc(bytes, size + (uint64_t)state.st_size);
	ASSERT(bytes && read(fd, bytes + size, (size_t)state.st_size) == state.st_size);
	size += (uint64_t)state.st_size;
	close(fd);
}

static void read_journal(const char *folder)
{
	DIR *directory = opendir(folder);
	ASSERT(directory);
	for (struct dirent *entry; (entry = readdir(directory));)
		if (strstr(entry->d_name, ".journal") && segment_count < SEGMENTS_LIMIT)
			segments[segment_count++] = strtoull(entry->d_name, NULL, 10);
	closedir(directory);
	qsort(segments, segment_count, sizeof(segments[0]), compare);
	for (size_t i = 0; i < segment_count; i++)
		read_segment(folder, segments[i]);
}

static bool same_key(const struct entry *a, const struct entry *b)
{
	return a->campaign_id == b->campaign_id && a->subscriber_id == b->subscriber_id &&
	       a->attempt == b->attempt;
}

/* An outcome or an undoing closes the marks of its attempt before it. */
static void close_marks(size_t by)
{
	for (size_t i = 0; i < by; i++)
		if (entries[i].type == RECORD_MARK && entries[i].closed_by == SIZE_MAX &&
		    same_key(&entries[i], &entries[by]))
			entries[i].closed_by = by;
}

static void index_journal(void)
{
	struct record record;
	str in = str_make(bytes, size);
	while (in.size > 0) {
		uint64_t begin = size - in.size;
		ASSERT(record_take(&in, &record) == RECORD_READY);
		bool outcome = record.type == RECORD_OUTCOME;
		entries = realloc(entries, (entry_count + 1) * sizeof(*entries));
		ASSERT(entries);
		entries[entry_count] = (struct entry){
			.begin = begin,
			.end = size - in.size,
			.type = record.type,
			.campaign_id = outcome ? record.outcome.campaign_id
					       : record.mark.campaign_id,
			.subscriber_id = outcome ? record.outcome.subscriber_id
						 : record.mark.subscriber_id,
			.attempt = outcome ? record.outcome.attempt : record.mark.attempt,
			.closed_by = SIZE_MAX,
		};
		if (record.type != RECORD_MARK)
			close_marks(entry_count);
		entry_count++;
	}
}

/* ---- the store that takes note ---- */

struct told {
	struct store_outcome row;
	char bytes[RECORD_HEAD_SIZE + RECORD_SIZE_LIMIT]; /* of the row, as a record */
	size_t size;
};
static struct told *told;
static size_t told_count;
static uint64_t told_position;
static bool told_trust, told_wrong_position;
static unsigned lose_in;  /* at the settlement of that number the connection is lost; 0: never */
static bool lose_written; /* then, when all was written already */

void store_settle(struct store *store, struct store_settle *settle)
{
	(void)store;
	bool lose = lose_in > 0 && --lose_in == 0;
	settle->request.result = lose ? STORE_LOST : STORE_OK;
	if (lose && !lose_written)
		return;
	told_wrong_position |= settle->old_position != told_position;
	told_position = settle->new_position;
	for (size_t i = 0; i < settle->count && told_count < ROWS_LIMIT; i++) {
		struct told *t = &told[told_count++];
		struct buf b;
		buf_init_fixed(&b, t->bytes, sizeof(t->bytes));
		record_put_outcome(&b, settle->outcomes[i]);
		t->row = *settle->outcomes[i];
		t->size = b.size;
	}
}

void store_campaign(struct store *store, struct store_campaign *ask)
{
	(void)store;
	ask->ret_settings = STR("{\"in_doubt\":\"retry\"}");
	ask->request.result = STORE_OK;
}

/* All its slices were leased by this engine. */
void store_known(struct store *store, struct store_known *ask)
{
	(void)store;
	ask->ret_unknown_slice_id = 0;
	ask->ret_owner[0] = '\0';
	ask->request.result = STORE_OK;
}

void store_recover(struct store *store, struct store_recover *recover)
{
	(void)store;
	told_trust = recover->trust_marks;
	recover->request.result = STORE_OK;
}

/* ---- one case ---- */

struct trial {
	uint64_t length;  /* bytes that are there */
	bool zeros;       /* and zeros in place of what is not, to the end of its segment */
	uint64_t flip;    /* of this byte a bit is turned over; UINT64_MAX: of none */
	uint64_t settled; /* the position that the database has */
};

static char work[128];
static uint64_t passed, failed;

static void empty_work(void)
{
	DIR *directory = opendir(work);
	ASSERT(directory);
	for (struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(directory), entry->d_name, 0);
	closedir(directory);
}

static void lay_out(const struct trial *trial)
{
	empty_work();
	for (size_t i = 0; i < segment_count && segments[i] <= trial->length; i++) {
		char path[256];
		uint64_t end = i + 1 < segment_count ? segments[i + 1] : size, whole = end;
		uint64_t begin = segments[i];
		if (end > trial->length)
			end = trial->length;
		snprintf(path, sizeof(path), "%s/%020llu.journal", work,
			 (unsigned long long)begin);
		int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
		ASSERT(fd >= 0);
		ASSERT(write(fd, bytes + begin, end - begin) == (ssize_t)(end - begin));
		if (trial->flip >= begin && trial->flip < end) {
			char turned = (char)(bytes[trial->flip] ^ (1 << trial->flip % 8));
			ASSERT(pwrite(fd, &turned, 1, (off_t)(trial->flip - begin)) == 1);
		}
		if (trial->zeros)
			ASSERT(ftruncate(fd, (off_t)(whole - begin)) == 0);
		close(fd);
	}
	ASSERT(journal_note_boot(work, false) == 0);
}

/* Where what is laid out ends. */
static uint64_t laid_end(const struct trial *trial)
{
	uint64_t end = trial->length;
	for (size_t i = 0; trial->zeros && i < segment_count && segments[i] <= trial->length; i++)
		end = i + 1 < segment_count ? segments[i + 1] : size;
	return end;
}

static void wrong(const struct trial *trial, const char *what)
{
	if (failed++ < 20)
		printf("FAILED: %llu bytes, flipped %lld, settled up to %llu: %s\n",
		       (unsigned long long)trial->length, (long long)trial->flip,
		       (unsigned long long)trial->settled, what);
}

/* Entries that are whole: those before the cut, and before the one with the flip. */
static size_t whole_entries(const struct trial *trial)
{
	size_t n = 0;
	uint64_t length = trial->length;
	while (trial->zeros && length < size && bytes[length] == 0)
		length++; /* as it was */
	while (n < entry_count && entries[n].end <= length &&
	       entries[n].end <= trial->flip)
		n++;
	return n;
}

static bool is_doubt_of(const struct told *t, const struct entry *mark)
{
	const struct entry of_row = {.campaign_id = t->row.campaign_id,
				     .subscriber_id = t->row.subscriber_id,
				     .attempt = t->row.attempt};
	return t->row.verdict == VERDICT_IN_DOUBT && same_key(&of_row, mark);
}

/* A mark that is put once more says no more than the first one did. */
static bool comes_again(size_t mark, size_t whole)
{
	for (size_t i = mark + 1; i < whole; i++)
		if (entries[i].type == RECORD_MARK && same_key(&entries[i], &entries[mark]))
			return true;
	return false;
}

/* What the store was told is what the whole entries say, no more and no less. */
static const char *compare_told(const struct trial *trial, size_t whole, bool older)
{
	size_t at = 0, doubts = 0;
	if (older)
		return told_count ? "something was settled from a journal that is too old"
				  : NULL;
	for (size_t i = 0; i < whole; i++) {
		const struct entry *e = &entries[i];
		if (e->type != RECORD_OUTCOME || e->end <= trial->settled)
			continue;
		if (at == told_count || told[at].size != e->end - e->begin ||
		    memcmp(told[at].bytes, bytes + e->begin, told[at].size) != 0)
			return "an outcome of the journal is missing, or another was told";
		at++;
	}
	for (size_t i = 0; i < whole; i++) {
		const struct entry *e = &entries[i];
		if (e->type != RECORD_MARK || e->closed_by < whole || comes_again(i, whole))
			continue;
		size_t k = at;
		while (k < told_count && !is_doubt_of(&told[k], e))
			k++;
		if (k == told_count)
			return "an open mark is not in doubt";
		doubts++;
	}
	return told_count == at + doubts ? NULL : "something was told that the journal does "
						  "not say";
}

static int recover(uint64_t settled, struct recovery *result, char *why)
{
	const struct engine_settings settings = {.journal_directory = work,
						 .journal_segment_size = 4096};
	return recovery_run(&settings, heap_source(), NULL, 1, 2, settled, result, why, 256);
}

static void forget_told(uint64_t settled, unsigned lose_at, bool when_written)
{
	told_count = 0;
	told_position = settled;
	told_trust = told_wrong_position = false;
	lose_in = lose_at;
	lose_written = when_written;
}

/* A recovery that is interrupted where the connection was lost, before or after the commit, and
 * a second one from where the database then stands: together they say the same. A third one has
 * nothing to say. */
static const char *compare_interrupted(const struct trial *trial, size_t whole)
{
	struct recovery result;
	char why[256];
	for (unsigned i = 0; i < 4; i++) {
		lay_out(trial);
		forget_told(trial->settled, 1 + i / 2, i % 2);
		(void)!recover(trial->settled, &result, why);
		lose_in = 0;
		if (recover(told_position, &result, why) != 0)
			return why[0] ? "a second recovery fails" : "";
		if (compare_told(trial, whole, false) || told_wrong_position)
			return "an interrupted recovery and a second one do not say the same";
		size_t count = told_count;
		if (recover(told_position, &result, why) != 0 || told_count != count)
			return "a third recovery has something to say";
	}
	return NULL;
}

static void try(const struct trial *trial)
{
	struct recovery result;
	char why[256] = "";
	size_t whole = whole_entries(trial);
	uint64_t end = whole ? entries[whole - 1].end : 0;
	bool older = trial->settled > end;
	bool flipped = trial->flip < trial->length;
	/* A length that is wrong in the last record makes it look like one cut short. */
	bool hidden = flipped && trial->length - end < RECORD_SIZE_LIMIT &&
		      (whole + 1 >= entry_count || entries[whole + 1].end > trial->length);
	lay_out(trial);
	forget_told(trial->settled, 0, false);
	if (recover(trial->settled, &result, why) != 0) {
		wrong(trial, why);
		return;
	}
	const char *said = compare_told(trial, whole, older);
	if (said)
		wrong(trial, said);
	else if (told_wrong_position)
		wrong(trial, "a settlement began where the one before had not ended");
	else if (told_trust != (older || flipped) && !hidden)
		wrong(trial, told_trust ? "the database's marks were believed"
					: "marks may be missing, and those of the database "
					  "were not believed");
	else if ((result.journal_note[0] == 0) !=
		 (!older && !flipped && end == laid_end(trial)))
		wrong(trial, "a torn end without a sentence, or a sentence without one");
	else if (!older && (said = compare_interrupted(trial, whole)))
		wrong(trial, said);
	else
		passed++;
}

/* The last end of an outcome that is not behind a position; 0: none. */
static uint64_t outcome_end(uint64_t position)
{
	uint64_t end = 0;
	for (size_t i = 0; i < entry_count && entries[i].end <= position; i++)
		if (entries[i].type == RECORD_OUTCOME)
			end = entries[i].end;
	return end;
}

static void try_all(uint64_t length, uint64_t flip, bool zeros)
{
	const uint64_t settled[] = {0, outcome_end(length / 2), outcome_end(length),
				    outcome_end(size)};
	for (size_t i = 0; i < sizeof(settled) / sizeof(settled[0]); i++)
		if (i == 0 || settled[i] != settled[i - 1])
			try(&(struct trial){.length = length, .flip = flip, .zeros = zeros, .settled = settled[i]});
}

/* One zero at the end of a segment: a record may end so, and is damaged then. */
static bool may_be_its_own(uint64_t length)
{
	for (size_t i = 0; i < segment_count; i++)
		if (length + 1 == (i + 1 < segment_count ? segments[i + 1] : size))
			return true;
	return false;
}

static void write_log(enum log_level level, const char *line, void *context)
{
	(void)level;
	(void)line;
	(void)context;
}

static uint64_t count_of(enum record_type type)
{
	uint64_t count = 0;
	for (size_t i = 0; i < entry_count; i++)
		count += entries[i].type == type;
	return count;
}

int main(int argc, char **argv)
{
	uint64_t step = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	ASSERT(argc > 1 && step > 0);
	log_set_writer(write_log, NULL);
	told = calloc(ROWS_LIMIT, sizeof(*told));
	read_journal(argv[1]);
	index_journal();
	printf("journal: %llu bytes in %zu segments, %llu marks, %llu outcomes, %llu undone\n",
	       (unsigned long long)size, segment_count,
	       (unsigned long long)count_of(RECORD_MARK),
	       (unsigned long long)count_of(RECORD_OUTCOME),
	       (unsigned long long)count_of(RECORD_VOID));
	snprintf(work, sizeof(work), "%s/cuts.XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	ASSERT(told && mkdtemp(work));
	for (uint64_t length = 0; length <= size; length += step)
		try_all(length, UINT64_MAX, false);
	uint64_t cuts = passed;
	for (uint64_t length = 0; length <= size; length += step)
		if (!may_be_its_own(length))
			try_all(length, UINT64_MAX, true);
	uint64_t zeroed = passed - cuts;
	for (uint64_t flip = 0; flip < size; flip += 7 * step)
		try_all(size, flip, false);
	empty_work();
	rmdir(work);
	printf("%llu recoveries over beginnings, %llu over ones filled up with zeros, %llu with a "
	       "bit turned over\n",
	       (unsigned long long)cuts, (unsigned long long)zeroed,
	       (unsigned long long)(passed - cuts - zeroed));
	bool some = count_of(RECORD_MARK) && count_of(RECORD_OUTCOME) &&
		    count_of(RECORD_VOID) && segment_count > 2;
	if (!some)
		printf("FAILED: this journal has not all that a journal may have\n");
	printf("cuts: %llu passed, %llu failed\n", (unsigned long long)passed,
	       (unsigned long long)(failed + !some));
	return failed > 0 || !some;
}
