/* terminal.c - see terminal.h. The width is asked for each time: windows change theirs. */
#include "engine/api/terminal.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "engine/api/rows.h"

#define WIDTH_UNKNOWN 80

bool terminal_watched(void)
{
	return isatty(2);
}

static size_t width(void)
{
	struct winsize size = {};
	return ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col
								   : WIDTH_UNKNOWN;
}

/* The last column stays free: some terminals wrap when it is written. */
void terminal_renew_line(str line)
{
	str shown = text_fit(line, width() - 1);
	fprintf(stderr, "\r\033[K%.*s", STR_FORMAT(shown));
	fflush(stderr);
}
