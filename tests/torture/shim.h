/* shim.h - what stands between the engine's objects and everything they call, in the programs of
 * this folder: counts calls of one kind and makes the n-th fail. Only the engine's own calls come
 * through here (objcopy renames them in copies of its archives): not those of the simulation,
 * nor those that other libraries make by themselves. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum torture_kind {
	TORTURE_NOTHING,
	TORTURE_MEMORY,       /* malloc, calloc, realloc, mmap: none left */
	TORTURE_SYSTEM,       /* files: ENOSPC, EIO, EROFS, EMFILE, ENOMEM in turns */
	TORTURE_IO,           /* operations of a loop that fail without being done */
	TORTURE_IO_DONE,      /* and such as were done, and yet end with an error */
	TORTURE_STORE_RETRY,  /* statements: deadlock, disk full, read-only, out of time */
	TORTURE_STORE_LOST,   /* the connection breaks before the statement is there */
	TORTURE_STORE_DONE,   /* and behind its commit, whose answer is lost */
	TORTURE_TLS,          /* sessions that cannot be made, or hear rubbish */
	TORTURE_DNS,          /* questions that nobody answers */
	TORTURE_KINDS,
};
extern const char *const torture_names[TORTURE_KINDS];

/* From now on the n-th call of this kind (from 1) fails, and those behind it, burst in all. */
void torture_arm(enum torture_kind, uint64_t n, uint64_t burst);
void torture_disarm(void);
uint64_t torture_count(void); /* calls of that kind since then */
bool torture_struck(void);    /* whether one failed */
