/* quicken.c - see quicken.h. What the program before this one knew comes in a variable: how long
 * its signatures took (0: it has decided), and what OPENSSL_ia32cap was. Both variables are as the
 * user had set them when quicken() returns. */
#include "engine/api/quicken.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/log.h"
#include "engine/sign/processor.h"

#define CAPABILITIES "OPENSSL_ia32cap"
#define HANDED_ON "RUNDBRIEF_QUICKEN"
#define NOTE_SIZE 128
#define PATH_SIZE 4096
#define WORTH 0.98 /* of the time; what is nearer may be chance */

static void put_back(const char *set)
{
	if (set)
		setenv(CAPABILITIES, set, 1);
	else
		unsetenv(CAPABILITIES);
}

static usec try_keys(const struct engine_settings *s)
{
	return processor_try_keys((const struct dkim_key *const *)s->dkim_keys,
				  s->dkim_key_count);
}

/* By its path, not as /proc/self/exe: the process would be called "exe". Returns if it fails. */
static void begin_again(const struct cli *cli, usec took, const char *set, const char *mask)
{
	char path[PATH_SIZE], note[NOTE_SIZE];
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);
	int note_size = snprintf(note, sizeof(note), "%lld %s", (long long)took, set ? set : "");
	if (!cli->words || size <= 0 || note_size < 0 || note_size >= NOTE_SIZE)
		return;
	path[size] = '\0';
	if (setenv(HANDED_ON, note, 1) == 0 && (!mask || setenv(CAPABILITIES, mask, 1) == 0))
		execv(path, cli->words);
	unsetenv(HANDED_ON);
	put_back(set);
}

/* The program before has taken ADX away. */
static void judge(const struct cli *cli, usec before, usec now, const char *set)
{
	put_back(set);
	if (before == 0)
		return;
	if ((double)now < (double)before * WORTH)
		log_event(LOG_INFO, "signs-without-adx", "rsa_usec=%lld before=%lld",
			  (long long)now, (long long)before);
	else
		begin_again(cli, 0, set, NULL);
}

void quicken(const struct cli *cli, const struct engine_settings *s)
{
	const char *handed_on = getenv(HANDED_ON), *set = getenv(CAPABILITIES);
	char mask[PROCESSOR_MASK_SIZE], note[NOTE_SIZE], *rest;
	usec now;
	if (handed_on && snprintf(note, sizeof(note), "%s", handed_on) < NOTE_SIZE) {
		unsetenv(HANDED_ON);
		usec before = strtoll(note, &rest, 10);
		rest += *rest == ' ';
		now = before > 0 ? try_keys(s) : 0;
		judge(cli, before, now, *rest ? rest : NULL);
	} else if (processor_without_adx(set, mask)) {
		now = try_keys(s);
		if (now > 0)
			begin_again(cli, now, set, mask);
	}
}
