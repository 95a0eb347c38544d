/* sink_store.c - see sink_store.h. */
#include "bench/sink/sink_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PATH_LIMIT 4096
#define HEAD_LIMIT 16384 /* trace lines, index lines */

bool sink_store_parse(str text, struct sink_store_options *ret_options)
{
	static const struct {
		str prefix;
		enum sink_store_kind kind;
	} kinds[] = {{{"maildir:", 8}, STORE_MAILDIR},
		     {{"mbox:", 5}, STORE_MBOX},
		     {{"exact:", 6}, STORE_EXACT}};
	if (str_eq(text, STR("none"))) {
		*ret_options = (struct sink_store_options){};
		return true;
	}
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (!str_starts(text, kinds[i].prefix) || text.size == kinds[i].prefix.size)
			continue;
		/* The text is an argument of the program: it ends with a NUL. */
		*ret_options = (struct sink_store_options){kinds[i].kind,
							   text.data + kinds[i].prefix.size};
		return true;
	}
	return false;
}

static int make_maildir(const char *path)
{
	static const char *const parts[] = {"", "/tmp", "/new", "/cur"};
	char name[PATH_LIMIT];
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		if (snprintf(name, sizeof name, "%s%s", path, parts[i]) >= PATH_LIMIT - 64)
			return -ENAMETOOLONG;
		if (mkdir(name, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

static int open_kind(struct sink_store *s)
{
	char index[PATH_LIMIT];
	struct stat status;
	if (s->options.kind == STORE_NONE)
		return 0;
	if (s->options.kind == STORE_MAILDIR)
		return make_maildir(s->options.path);
	s->fd = open_file(s->options.path);
	if (s->fd < 0 || s->options.kind == STORE_MBOX)
		return s->fd < 0 ? s->fd : 0;
	if (fstat(s->fd, &status) < 0)
		return -errno;
	s->offset = (uint64_t)status.st_size;
	if (snprintf(index, sizeof index, "%s.tsv", s->options.path) >= PATH_LIMIT)
		return -ENAMETOOLONG;
	s->index_fd = open_file(index);
	return s->index_fd < 0 ? s->index_fd : 0;
}

int sink_store_open(struct sink_store *s, const struct sink_store_options *options,
		    char *ret_why, size_t why_size)
{
	*s = (struct sink_store){.options = *options, .fd = -1, .index_fd = -1};
	pthread_mutex_init(&s->lock, NULL);
	int result = open_kind(s);
	if (result < 0)
		snprintf(ret_why, why_size, "cannot store in %s: %s", options->path,
			 strerror(-result));
	return result;
}

void sink_store_close(struct sink_store *s)
{
	if (s->fd >= 0)
		close(s->fd);
	if (s->index_fd >= 0)
		close(s->index_fd);
	pthread_mutex_destroy(&s->lock);
}

static int write_all(int fd, str bytes)
{
	while (bytes.size > 0) {
		ssize_t size = write(fd, bytes.data, bytes.size);
		if (size < 0 && errno != EINTR)
			return -errno;
		if (size > 0)
			bytes = str_from(bytes, (size_t)size);
	}
	return 0;
}

static void put_trace(struct buf *out, const struct sink_stored_message *m,
		      const char *line_end)
{
	buf_put(out, STR("Return-Path: <"));
	buf_put(out, m->from);
	buf_put(out, STR(">"));
	buf_put_cstr(out, line_end);
	str rest = m->recipients;
	do {
		buf_put(out, STR("Delivered-To: "));
		buf_put(out, str_cut(&rest, ','));
		buf_put_cstr(out, line_end);
	} while (rest.data);
}

static int keep_file(struct sink_store *s, const struct sink_stored_message *m, usec wall_now)
{
	char name[64], from[PATH_LIMIT], to[PATH_LIMIT], memory[HEAD_LIMIT];
	struct buf head;
	buf_init_fixed(&head, memory, sizeof memory);
	put_trace(&head, m, "\r\n");
	snprintf(name, sizeof name, "%lld.%llu_%d.sink", (long long)(wall_now / USEC_SECOND),
		 (unsigned long long)s->count++, (int)getpid());
	snprintf(from, sizeof from, "%s/tmp/%s", s->options.path, name);
	snprintf(to, sizeof to, "%s/new/%s", s->options.path, name);
	int fd = open(from, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int result = write_all(fd, buf_str(&head));
	if (result == 0)
		result = write_all(fd, m->bytes);
	close(fd);
	if (result == 0 && rename(from, to) < 0)
		result = -errno;
	if (result < 0)
		unlink(from);
	return result;
}

/* "From ", ">From ", ">>From " ... at the start of a line get one more ">". */
static bool needs_quote(str line)
{
	while (str_starts(line, STR(">")))
		line = str_from(line, 1);
	return str_starts(line, STR("From "));
}

static void put_mbox(struct buf *out, const struct sink_stored_message *m, usec wall_now)
{
	time_t seconds = (time_t)(wall_now / USEC_SECOND);
	struct tm tm;
	char date[32];
	strftime(date, sizeof date, "%a %b %e %H:%M:%S %Y", gmtime_r(&seconds, &tm));
	buf_put(out, STR("From "));
	buf_put(out, m->from.size > 0 ? m->from : STR("MAILER-DAEMON"));
	buf_put_byte(out, ' ');
	buf_put_cstr(out, date);
	buf_put_byte(out, '\n');
	put_trace(out, m, "\n");
	for (str rest = m->bytes; rest.size > 0;) {
		str line = str_cut(&rest, '\n');
		if (str_ends(line, STR("\r")))
			line.size--;
		if (needs_quote(line))
			buf_put_byte(out, '>');
		buf_put(out, line);
		buf_put_byte(out, '\n');
	}
	buf_put_byte(out, '\n');
}

static int keep_mbox(struct sink_store *s, const struct sink_stored_message *m, usec wall_now)
{
	/* Worst case: every line is one that needs a ">". */
	size_t size = HEAD_LIMIT + 2 * m->bytes.size;
	char *memory = malloc(size);
	struct buf out;
	if (!memory)
		return -ENOMEM;
	buf_init_fixed(&out, memory, size);
	put_mbox(&out, m, wall_now);
	int result = buf_ok(&out) ? write_all(s->fd, buf_str(&out)) : -EMSGSIZE;
	free(memory);
	return result;
}

static int keep_exact(struct sink_store *s, const struct sink_stored_message *m)
{
	char memory[HEAD_LIMIT];
	struct buf line;
	buf_init_fixed(&line, memory, sizeof memory);
	buf_printf(&line, "%llu\t%zu\t", (unsigned long long)s->offset, m->bytes.size);
	buf_put_printable(&line, m->from, 1024);
	buf_put_byte(&line, '\t');
	buf_put_printable(&line, m->recipients, 8192);
	buf_put_byte(&line, '\t');
	buf_put_printable(&line, m->message_id, 1024);
	buf_printf(&line, "\t%s\n", m->listener);
	int result = write_all(s->fd, m->bytes);
	if (result == 0)
		result = write_all(s->index_fd, buf_str(&line));
	s->offset += m->bytes.size;
	return result;
}

int sink_store_keep(struct sink_store *s, const struct sink_stored_message *m, usec wall_now)
{
	if (s->options.kind == STORE_MAILDIR)
		return keep_file(s, m, wall_now);
	pthread_mutex_lock(&s->lock);
	int result =
		s->options.kind == STORE_MBOX ? keep_mbox(s, m, wall_now) : keep_exact(s, m);
	pthread_mutex_unlock(&s->lock);
	return result;
}
