/* sink_store.h - keeps what was accepted, for checks.
 *   maildir:DIR  one file a message in DIR/new, with Return-Path and Delivered-To on top
 *   mbox:FILE    the same in one file, as mboxrd (">From " quoting, bare line feeds)
 *   exact:FILE   the very bytes, one after the other; FILE.tsv says offset, size, sender,
 *                recipients, Message-ID and listener of each
 * A message is written when it is whole, by the thread that got it. */
#pragma once

#include <pthread.h>

#include "engine/base/buf.h"
#include "engine/base/usec.h"

enum sink_store_kind { STORE_NONE, STORE_MAILDIR, STORE_MBOX, STORE_EXACT };

struct sink_store_options {
	enum sink_store_kind kind;
	const char *path;
};

struct sink_store {
	struct sink_store_options options;
	int fd, index_fd;
	uint64_t offset;
	_Atomic uint64_t count; /* names the files of a Maildir */
	pthread_mutex_t lock;
};

struct sink_stored_message {
	str from, recipients; /* recipients: separated by commas */
	str message_id, bytes;
	const char *listener;
};

[[nodiscard]] bool sink_store_parse(str text, struct sink_store_options *ret_options);
[[nodiscard]] int sink_store_open(struct sink_store *, const struct sink_store_options *,
				  char *ret_why, size_t why_size);
void sink_store_close(struct sink_store *);
[[nodiscard]] int sink_store_keep(struct sink_store *, const struct sink_stored_message *,
				  usec wall_now);
