/* secret_file.c - see secret_file.h. A new file takes the place of the old one whole, so that
 * an engine that reads it meanwhile sees one or the other. */
#include "engine/api/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "engine/api/settings.h"
#include "engine/base/codec.h"
#include "engine/sign/mac.h"

#define SECRET_SIZE 32
#define TRIES_LIMIT 1000 /* of 32 numbers at most 7 are taken: two or three are enough */

static int write_all(int fd, str text)
{
	ssize_t n = write(fd, text.data, text.size);
	int result = n == (ssize_t)text.size && fsync(fd) == 0 ? 0 : -1;
	return close(fd) == 0 ? result : -1;
}

static bool put_secret(struct buf *out)
{
	uint8_t bytes[SECRET_SIZE];
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return false;
	hex_encode(out, str_make((const char *)bytes, sizeof(bytes)));
	buf_put_byte(out, '\n');
	return buf_ok(out);
}

/* EEXIST or another errno; 0. */
static int create(const char *path, str text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	if (write_all(fd, text) == 0)
		return 0;
	unlink(path);
	return EIO;
}

int secret_file_ensure(struct cli *cli)
{
	char text[2 * SECRET_SIZE + 2];
	struct buf b;
	const char *path = cli->config.sending.secret.data;
	if (cli->config.sending.secret.size == 0)
		return CLI_GO;
	buf_init_fixed(&b, text, sizeof(text));
	if (!put_secret(&b))
		return cli_fail(cli, EXIT_FAILED, "%s: the secret could not be made", path);
	int result = create(path, buf_str(&b));
	if (result == EEXIST)
		return CLI_GO;
	if (result != 0)
		return cli_fail(cli, EXIT_FAILED, "%s: %s", path, strerror(result));
	if (cli->format == OUTPUT_TEXT)
		printf("secret written to %s; keep it, and keep it to yourself\n", path);
	return CLI_GO;
}

/* One whose number none of the others has. */
static bool make_lines(struct arena *arena, str old, struct buf *out)
{
	char why[200];
	for (int i = 0; i < TRIES_LIMIT; i++) {
		buf_init_arena(out, arena, old.size + 2 * SECRET_SIZE + 2);
		if (!put_secret(out))
			return false;
		buf_put(out, old);
		buf_put_byte(out, '\n');
		struct mac_keys *keys = buf_ok(out) ? mac_keys_create(buf_str(out), why) : NULL;
		mac_keys_destroy(keys);
		if (keys)
			return true;
	}
	return false;
}

static int replace(struct cli *cli, const char *path, str text)
{
	char beside[4096];
	int n = snprintf(beside, sizeof(beside), "%s.new", path);
	if (n < 0 || (size_t)n >= sizeof(beside))
		return cli_fail(cli, EXIT_FAILED, "%s: the name is too long", path);
	int result = create(beside, text);
	if (result == 0 && rename(beside, path) != 0) {
		result = errno;
		unlink(beside);
	}
	return result == 0 ? CLI_GO
			   : cli_fail(cli, EXIT_FAILED, "%s: %s", beside, strerror(result));
}

int secret_file_renew(struct cli *cli)
{
	str old;
	struct buf lines;
	int code = settings_secret(cli, &old);
	if (code != CLI_GO)
		return code;
	const char *path = cli->config.sending.secret.data;
	if (!make_lines(cli->arena, old, &lines))
		return cli_fail(cli, EXIT_FAILED,
				"%s: no secret can be added: there may be %d, and the last "
				"line is the oldest",
				path, MAC_KEY_LIMIT);
	code = replace(cli, path, buf_str(&lines));
	if (code == CLI_GO && cli->format == OUTPUT_TEXT)
		printf("a new secret signs from now on; what the others in %s have signed "
		       "stays good.\nStart `rundbrief serve` again, here and wherever else "
		       "the file is used, with the same file.\n",
		       path);
	return code;
}
