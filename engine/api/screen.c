/* screen.c - see screen.h. A signal only sets a flag: the terminal is put back by the one who
 * opened it, never from a handler. */
#include "engine/api/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define COLUMNS_UNKNOWN 80
#define LINES_UNKNOWN 24

static volatile sig_atomic_t leaving;
static bool is_open, has_keys;
static struct termios before;

static void on_leave(int)
{
	leaving = 1;
}

static void on_resize(int)
{
}

bool screen_there(void)
{
	return isatty(1);
}

/* Not restarted: the wait is to notice. */
static void catch (int number, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler};
	sigemptyset(&action.sa_mask);
	sigaction(number, &action, NULL);
}

/* Keys come at once and unseen. */
static void take_keys(void)
{
	has_keys = isatty(0) && tcgetattr(0, &before) == 0;
	if (!has_keys)
		return;
	struct termios raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	tcsetattr(0, TCSANOW, &raw);
}

void screen_open(void)
{
	catch (SIGINT, on_leave);
	catch (SIGTERM, on_leave);
	catch (SIGHUP, on_leave);
	catch (SIGWINCH, on_resize);
	take_keys();
	fputs("\033[?1049h\033[?25l\033[H\033[2J", stdout); /* a screen of its own, no cursor */
	fflush(stdout);
	is_open = true;
}

void screen_close(void)
{
	if (!is_open)
		return;
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	if (has_keys)
		tcsetattr(0, TCSANOW, &before);
	is_open = false;
}

void screen_size(size_t *ret_columns, size_t *ret_lines)
{
	struct winsize size = {};
	bool known = ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 && size.ws_row > 1;
	*ret_columns = known ? size.ws_col : COLUMNS_UNKNOWN;
	*ret_lines = known ? size.ws_row : LINES_UNKNOWN;
}

/* Each line erases what is left of the one before; nothing is erased first, so nothing blinks.
 */
void screen_draw(str lines)
{
	size_t columns, room;
	screen_size(&columns, &room);
	fputs("\033[H", stdout);
	for (size_t i = 0; lines.data && lines.size > 0 && i < room; i++) {
		str line = str_cut(&lines, '\n');
		printf("%s%.*s\033[K", i ? "\r\n" : "", STR_FORMAT(line));
	}
	fputs("\033[J", stdout);
	fflush(stdout);
}

bool screen_wait(usec duration)
{
	struct pollfd keys = {.fd = has_keys ? 0 : -1, .events = POLLIN};
	char pressed[16];
	int count = poll(&keys, 1, (int)(duration / USEC_MS));
	if (leaving || (count < 0 && errno != EINTR))
		return true;
	if (count <= 0)
		return false;
	ssize_t size = read(0, pressed, sizeof(pressed));
	if (size <= 0)
		return true; /* nobody is there any more */
	for (ssize_t i = 0; i < size; i++)
		if (pressed[i] == 'q' || pressed[i] == 'Q')
			return true;
	return false;
}
