/* talk.c - runs SMTP dialogues: talk FILE... Each once as written and once byte by byte.
 * Prints failures as path:line and a last line "talk: N passed, M failed". */
#include "tests/talk/dialogue.h"

#include <stdio.h>
#include <stdlib.h>

#define SCRIPT_LIMIT (1 << 20)

static char script[SCRIPT_LIMIT];

static bool read_script(const char *path, str *ret_script)
{
	FILE *file = fopen(path, "rb");
	if (!file) {
		perror(path);
		return false;
	}
	size_t size = fread(script, 1, sizeof(script), file);
	fclose(file);
	*ret_script = str_make(script, size);
	return size < sizeof(script);
}

int main(int argc, char **argv)
{
	size_t passed = 0, failed = 0;
	for (int i = 1; i < argc; i++) {
		str text;
		if (!read_script(argv[i], &text)) {
			failed++;
			continue;
		}
		for (enum dialogue_pace pace = 0; pace < PACE_COUNT; pace++)
			dialogue_run(argv[i], text, pace) ? passed++ : failed++;
	}
	printf("talk: %zu passed, %zu failed\n", passed, failed);
	return failed == 0 && passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
