/* screen.h - a terminal that is drawn over again and again, and gives the keys that are
 * pressed. ANSI sequences only. What was on the terminal before is there again at the end. */
#pragma once

#include "engine/base/str.h"
#include "engine/base/usec.h"

/* Standard output is a terminal. */
bool screen_there(void);
void screen_open(void);
void screen_close(void); /* harmless when it is not open */
/* Its size; 80 x 24 when nobody knows. */
void screen_size(size_t *ret_columns, size_t *ret_lines);
/* Shows lines, at most as many as there is room for, in place of what was there. */
void screen_draw(str lines);
/* Waits so long; true when somebody wants to leave: q, Ctrl-C, or the terminal is gone. Returns
 * earlier when the terminal changes its size. */
bool screen_wait(usec duration);
