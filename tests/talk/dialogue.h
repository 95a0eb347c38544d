/* dialogue.h - one SMTP conversation as a text file, acted out with the sender's machine.
 * The file is the server and the owner; whatever the client says or tells that the file does
 * not name is a failure, as is whatever the file names and does not happen. */
#pragma once

#include "engine/base/str.h"

enum dialogue_pace {
	PACE_WHOLE,    /* server lines arrive in one piece, all output leaves at once */
	PACE_BYTEWISE, /* one byte at a time both ways, and bodies cut into spans */
	PACE_COUNT,
};
extern const char *const dialogue_pace_names[PACE_COUNT];

/* Acts it out. On failure prints "path:line: what" and returns false. */
[[nodiscard]] bool dialogue_run(const char *path, str script, enum dialogue_pace);
