/* sync.c - what an earlier process left in the kernel's memory onto the disk, before it is
 * believed. A process that died may have written records that were never synced; whoever reads
 * and settles them, and loses the machine then, has a database that knows more than the journal.
 */
#include "engine/journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "engine/journal/segments.h"

static int sync_file(const struct segments *segments, uint64_t begin)
{
	int fd = segments_open_file(segments, begin, O_RDWR);
	if (fd < 0)
		return fd;
	int result = fdatasync(fd) < 0 ? -errno : 0;
	close(fd);
	return result;
}

/* A new segment begins when all of the one before is durable: the last one alone may not be. */
int journal_sync(const char *directory)
{
	struct segments segments;
	int result = segments_open(&segments, directory, true);
	if (result < 0)
		return result;
	if (segments.count > 0)
		result = sync_file(&segments, segments.begins[segments.count - 1]);
	segments_close(&segments);
	return result;
}
