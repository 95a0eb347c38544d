/* hold.c - a journal belongs to one process, from before it is read until after it is closed.
 * journal_open() locks against a second writer; but reading back cuts a torn end off, and what
 * is torn for the reader may be the write that a living engine has just begun. So an engine
 * takes hold of the folder before it tells the database, or the journal, anything. */
#include "engine/journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int journal_hold(const char *directory, char *ret_why, size_t why_size)
{
	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		goto fail;
	int directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory_fd < 0)
		goto fail;
	int fd = openat(directory_fd, "engine", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int error = errno;
	close(directory_fd);
	errno = error;
	if (fd < 0)
		goto fail;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	if (error == EWOULDBLOCK) {
		snprintf(ret_why, why_size,
			 "another engine is running with the journal in %s: it sends already; "
			 "a second one needs an engine.name and an engine.journal of its own",
			 directory);
		return -1;
	}
fail:
	snprintf(ret_why, why_size, "the journal in %s cannot be opened: %s", directory,
		 strerror(errno));
	return -1;
}

void journal_release(int hold)
{
	if (hold >= 0)
		close(hold);
}
