/* hold.c - whose a journal is, and under which boot of the machine it was written.
 * It belongs to one process, from before it is read until after it is closed.
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

#include "engine/journal/segments.h"

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

#define BOOT_SIZE 80

/* "1b3f... process": the boot, and whether what is written then waits for the disk. */
static void this_boot(bool durable_disk, char out[BOOT_SIZE])
{
	char id[40] = "";
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? 0 : read(fd, id, sizeof(id) - 1);
	if (fd >= 0)
		close(fd);
	id[size > 0 ? strcspn(id, "\n") : 0] = '\0';
	snprintf(out, BOOT_SIZE, "%s %s\n", id, durable_disk ? "disk" : "process");
}

/* A start that was interrupted leaves a segment without a record and no note of the boot. */
static bool was_written(const struct segments *s)
{
	struct stat state;
	int fd = s->count ? segments_open_file(s, s->begins[0], O_RDONLY) : -1;
	bool written = s->count > 1 || (fd >= 0 && (fstat(fd, &state) < 0 || state.st_size > 0));
	if (fd >= 0)
		close(fd);
	return written;
}

bool journal_end_may_be_missing(const char *directory)
{
	struct segments s;
	char noted[BOOT_SIZE] = "", now[BOOT_SIZE];
	if (segments_open(&s, directory, false) < 0)
		return false; /* there is no journal, or reading it will say why not */
	bool any = s.count > 0, written = was_written(&s);
	int fd = openat(s.directory_fd, "boot", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? 0 : read(fd, noted, sizeof(noted) - 1);
	if (fd >= 0)
		close(fd);
	segments_close(&s);
	if (size <= 0)
		return written; /* nobody has said */
	this_boot(false, now);
	return any && !strstr(noted, " disk\n") && strcmp(noted, now) != 0;
}

/* A small file, all of it or as it was; durable where it says so. */
static int write_note(int directory_fd, const char *name, const char *text, bool durable)
{
	int result = 0, fd = openat(directory_fd, "note.new",
				    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t size = strlen(text);
	if (fd < 0 || write(fd, text, size) != (ssize_t)size || (durable && fsync(fd) < 0) ||
	    renameat(directory_fd, "note.new", directory_fd, name) < 0)
		result = errno ? -errno : -EIO;
	if (fd >= 0)
		close(fd);
	return result;
}

int journal_note_boot(const char *directory, bool durable_disk)
{
	struct segments s;
	char now[BOOT_SIZE];
	this_boot(durable_disk, now);
	int result = segments_open(&s, directory, false);
	if (result < 0)
		return result;
	result = write_note(s.directory_fd, "boot", now, true);
	segments_close(&s);
	return result;
}

#define LIFE_SIZE (BOOT_SIZE + 96)

/* "ID DEVICE:INODE BOOT process\nEPOCH\n": the lock's own, so that a copy of the folder, of which
 * another process may hold the first, says nothing. */
static bool this_life(int directory_fd, uint32_t engine_id, uint32_t epoch, char out[LIFE_SIZE])
{
	struct stat lock;
	char boot[BOOT_SIZE];
	if (fstatat(directory_fd, "engine", &lock, 0) < 0)
		return false;
	this_boot(false, boot);
	snprintf(out, LIFE_SIZE, "%u %ju:%ju %s%u\n", engine_id, (uintmax_t)lock.st_dev,
		 (uintmax_t)lock.st_ino, boot, epoch);
	return boot[0] != ' '; /* a boot without a name is no boot */
}

uint32_t journal_last_epoch(const char *directory, uint32_t engine_id)
{
	char noted[LIFE_SIZE] = "", mine[LIFE_SIZE];
	unsigned long epoch = 0;
	int directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = directory_fd < 0 ? -1 : openat(directory_fd, "life", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? 0 : read(fd, noted, sizeof(noted) - 1);
	char *last = size > 0 ? strrchr(noted, ' ') : NULL;
	if (fd >= 0)
		close(fd);
	if (last && sscanf(last + strcspn(last, "\n"), "%lu", &epoch) == 1 &&
	    (!this_life(directory_fd, engine_id, (uint32_t)epoch, mine) || strcmp(noted, mine) != 0))
		epoch = 0;
	if (directory_fd >= 0)
		close(directory_fd);
	return (uint32_t)epoch;
}

void journal_note_epoch(const char *directory, uint32_t engine_id, uint32_t epoch)
{
	char mine[LIFE_SIZE];
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && this_life(fd, engine_id, epoch, mine))
		(void)write_note(fd, "life", mine, false);
	if (fd >= 0)
		close(fd);
}
