/* sim_io.h - what the files that simulate io.h share: a loop's completions. */
#pragma once

#include "engine/io/io.h"
#include "tests/sim/world.h"

struct io_loop {
	struct chain ready;
	struct sim_life *life;
	bool destroyed;
};

/* The operation has ended: its owner hears it at the loop's next turn, if it still runs then. */
void sim_complete(struct io_loop *, struct io_op *, int result);
/* The operation is under way; point: what its owner's hearing is. */
void sim_begin(struct io_op *, enum point);

/* sim_io_file.c */
void sim_file_told(struct io_op *); /* its owner hears of its end now */
void sim_files_crash(struct sim_life *);
void sim_files_end(void);
