/* file.c - a small file read whole. */
#include "engine/api/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(char *why, size_t why_size, const char *path, const char *reason)
{
	snprintf(why, why_size, "%s: %s", path, reason);
	return -1;
}

static int read_all(int fd, char *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = read(fd, data + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO; /* it has shrunk under us */
		done += (size_t)n;
	}
	return 0;
}

static int read_whole(const char *path, bool is_private, size_t limit_size, struct arena *arena,
		      str *ret_text, char *ret_why, size_t why_size)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC), result = -1;
	if (fd < 0 || fstat(fd, &status) != 0) {
		fail(ret_why, why_size, path, strerror(errno));
		goto out;
	}
	/* A folder or a pipe has no size to believe in. */
	if (!S_ISREG(status.st_mode)) {
		fail(ret_why, why_size, path, "is not a regular file");
		goto out;
	}
	if (is_private && (status.st_mode & S_IRWXO) != 0) {
		snprintf(ret_why, why_size, "%s: everybody may use it; chmod 600 %s", path,
			 path);
		goto out;
	}
	size_t size = (size_t)status.st_size;
	char *data = size > limit_size ? NULL : arena_bytes(arena, size + 1);
	if (!data) {
		fail(ret_why, why_size, path, "is larger than may be");
		goto out;
	}
	int error = read_all(fd, data, size);
	if (error != 0) {
		fail(ret_why, why_size, path, strerror(-error));
		goto out;
	}
	data[size] = '\0';
	*ret_text = str_make(data, size);
	result = 0;
out:
	if (fd >= 0)
		close(fd);
	return result;
}

int file_read(const char *path, size_t limit_size, struct arena *arena, str *ret_text,
	      char *ret_why, size_t why_size)
{
	return read_whole(path, false, limit_size, arena, ret_text, ret_why, why_size);
}

int file_read_private(const char *path, size_t limit_size, struct arena *arena, str *ret_text,
		      char *ret_why, size_t why_size)
{
	return read_whole(path, true, limit_size, arena, ret_text, ret_why, why_size);
}
