/* cursor.c - looking into a journal from outside. A segment that is gone by the time it is opened
 * was freed by a living engine; they go from the first on. */
#include "engine/journal/cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int cursor_open(struct journal_cursor *c, const char *directory)
{
	*c = (struct journal_cursor){.fd = -1};
	return segments_open(&c->segments, directory, false);
}

static void leave_segment(struct journal_cursor *c)
{
	scan_end(&c->scan);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void cursor_close(struct journal_cursor *c)
{
	leave_segment(c);
	segments_close(&c->segments);
}

/* The next segment that there is. 1, 0: there is none, or -errno. */
static int enter_segment(struct journal_cursor *c)
{
	while (c->index < c->segments.count) {
		c->begin = c->segments.begins[c->index++];
		c->fd = segments_open_file(&c->segments, c->begin, O_RDONLY);
		if (c->fd == -ENOENT)
			continue;
		if (c->fd < 0)
			return c->fd;
		int result = scan_begin(&c->scan, c->fd, 0);
		return result < 0 ? result : 1;
	}
	return 0;
}

int cursor_next(struct journal_cursor *c, uint64_t *ret_begin, uint64_t *ret_end)
{
	while (c->ending == JOURNAL_CLEAN) {
		int result = c->fd >= 0 ? 1 : enter_segment(c);
		if (result <= 0)
			return result;
		*ret_begin = c->begin + c->scan.offset;
		result = scan_next(&c->scan, &c->record);
		*ret_end = c->begin + c->scan.offset;
		if (result != 0)
			return result;
		c->ending = scan_ending(&c->scan, &c->record);
		if (c->ending != JOURNAL_CLEAN && c->index < c->segments.count)
			c->ending = JOURNAL_DAMAGED; /* it was written on behind this */
		if (c->ending == JOURNAL_CLEAN)
			leave_segment(c);
	}
	return 0;
}

uint64_t cursor_position(const struct journal_cursor *c)
{
	return c->begin + c->scan.offset;
}

/* Lines of /proc/locks: "1: FLOCK  ADVISORY  WRITE 4711 fe:01:123456 0 EOF". */
static int holder_of(const struct stat *file)
{
	char line[256];
	int holder = 0;
	FILE *locks = fopen("/proc/locks", "re");
	while (locks && holder == 0 && fgets(line, sizeof(line), locks)) {
		unsigned major_id, minor_id;
		unsigned long inode;
		int process;
		if (sscanf(line, "%*d: FLOCK ADVISORY WRITE %d %x:%x:%lu", &process, &major_id,
			   &minor_id, &inode) == 4 &&
		    inode == file->st_ino && major_id == major(file->st_dev) &&
		    minor_id == minor(file->st_dev))
			holder = process > 0 ? process : -1;
	}
	if (locks)
		fclose(locks);
	return holder;
}

int journal_holder(const char *directory)
{
	char path[4096];
	struct stat state;
	snprintf(path, sizeof(path), "%s/lock", directory);
	return stat(path, &state) == 0 ? holder_of(&state) : 0;
}
