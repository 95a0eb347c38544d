/* terminal.h - the one line on standard error that renews itself while something goes on. */
#pragma once

#include "engine/base/str.h"

/* Standard error is a terminal: somebody watches. */
bool terminal_watched(void);
/* Writes over the line before. What does not fit into the terminal's width is cut off: a line
 * that wraps cannot be written over, and would fill the screen. Empty: the line goes. */
void terminal_renew_line(str line);
