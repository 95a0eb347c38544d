/* secret_file.h - the file of sending.secret, written: made when it is missing, or given a
 * newer first line. Reading it is settings_secret()'s part. */
#pragma once

#include "engine/api/cli.h"

/* A secret that is there is never touched: links in mails already sent depend on it. CLI_GO,
 * also when none is configured, or an exit code after a sentence. */
[[nodiscard]] int secret_file_ensure(struct cli *);
/* Puts a new secret before those that are there, which go on being accepted. */
[[nodiscard]] int secret_file_renew(struct cli *);
