/* log.c - formats one line and hands it to the writer that main set.
 * The writer, its context and the level are set before threads start and only read after. */
#include "engine/base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "engine/base/buf.h"

#define LINE_SIZE 2048
#define SHOWN_LIMIT 200
#define SHOWN_SIZE (SHOWN_LIMIT * 4 + 4) /* all of it as \xHH, "..." and a NUL */
#define SHOWN_COUNT 8

static log_writer *writer;
static void *writer_context;
static enum log_level highest_level = LOG_INFO;

void log_set_writer(log_writer *new_writer, void *context)
{
	writer = new_writer;
	writer_context = context;
}

void log_set_level(enum log_level level)
{
	highest_level = level;
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
	if (level > highest_level || !writer)
		return;
	char line[LINE_SIZE];
	size_t used = strlen(event);
	if (used > LINE_SIZE / 2)
		used = LINE_SIZE / 2;
	memcpy(line, event, used);
	line[used++] = ' ';
	va_list arguments;
	va_start(arguments, format);
	int wanted = vsnprintf(line + used, sizeof line - used, format, arguments);
	va_end(arguments);
	if (wanted <= 0)
		line[used - 1] = '\0';
	else if ((size_t)wanted >= sizeof line - used)
		memcpy(line + sizeof line - 4, "...", 4);
	writer(level, line, writer_context);
}

const char *log_str(str s)
{
	static _Thread_local char shown[SHOWN_COUNT][SHOWN_SIZE];
	static _Thread_local unsigned turn;
	char *out = shown[turn++ % SHOWN_COUNT];
	struct buf b;
	buf_init_fixed(&b, out, SHOWN_SIZE - 1);
	buf_put_printable(&b, s, SHOWN_LIMIT);
	out[b.size] = '\0';
	return out;
}
