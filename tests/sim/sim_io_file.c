/* sim_io_file.c - file operations of engine/io/io.h over the world: real files, written late. A
 * write happens when its completion does, so a crash loses it, or tears it. What has been
 * written and not synced outlives a crash of the process, and not one of the machine. */
#include "tests/sim/sim_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/assert.h"

#define FILE_OP_LIMIT 32
#define FILE_LIMIT 4096 /* in one seed: segments may be small */

/* What the disk has of a file, and what only the kernel has. */
static struct file {
	unsigned engine;
	ino_t inode;
	int fd; /* our own */
	uint64_t written, synced;
} files[FILE_LIMIT];
static int file_count;

struct file_write {
	struct io_loop *loop;
	struct io_op *op;
	struct file *file;
	uint64_t offset;
	size_t size;
	char bytes[];
};

struct file_sync {
	struct io_loop *loop;
	struct io_op *op;
	struct file *file;
	uint64_t written; /* when it began */
};

/* Under way: a crash ends them, each with nothing more done than it did. */
static struct file_op {
	struct sim_life *life;
	struct io_op *op;
	struct file_write *write; /* NULL: a sync, or a write that is in the file */
} file_ops[FILE_OP_LIMIT];

static void file_op_begins(struct sim_life *life, struct io_op *op, struct file_write *write)
{
	for (int i = 0; i < FILE_OP_LIMIT; i++)
		if (!file_ops[i].op) {
			file_ops[i] = (struct file_op){life, op, write};
			return;
		}
	UNREACHABLE();
}

/* NULL: a crash has ended it. */
static struct file_op *file_op_of(const struct sim_life *life, const struct io_op *op)
{
	for (int i = 0; i < FILE_OP_LIMIT; i++)
		if (file_ops[i].op == op && file_ops[i].life == life)
			return &file_ops[i];
	return NULL;
}

void sim_file_told(struct io_op *op)
{
	struct file_op *under_way = file_op_of(world->life, op);
	if (under_way)
		*under_way = (struct file_op){};
}

static struct file *file_of(unsigned engine, int fd)
{
	struct stat stat;
	ASSERT(fstat(fd, &stat) == 0);
	for (int i = 0; i < file_count; i++)
		if (files[i].engine == engine && files[i].inode == stat.st_ino)
			return &files[i];
	ASSERT(file_count < FILE_LIMIT);
	files[file_count] = (struct file){
		.engine = engine,
		.inode = stat.st_ino,
		.fd = dup(fd),
		.written = (uint64_t)stat.st_size,
		.synced = (uint64_t)stat.st_size,
	};
	ASSERT(files[file_count].fd >= 0);
	return &files[file_count++];
}

static void put(struct file *file, const struct file_write *write, size_t size)
{
	if (size == 0)
		return;
	if (pwrite(file->fd, write->bytes, size, (off_t)write->offset) != (ssize_t)size)
		world_fail(world, "a journal write failed for real");
	/* A torn end was cut off and is written anew: what is behind it counts for nothing. */
	if (write->offset < file->synced)
		file->synced = write->offset;
	file->written = write->offset + size;
}

/* A crash in the middle of a write: nothing of it is there, or some first bytes, or all. */
static void tear(struct file_write *write)
{
	put(write->file, write,
	    world_below(world, 2) ? world_below(world, write->size + 1) : 0);
}

#define SECTOR 512

/* Reads as zeros: where the disk had heard of the file's size, and not of these bytes. */
static void forget_bytes(const struct file *file, uint64_t from, uint64_t to)
{
	static const char zeros[SECTOR];
	while (from < to) {
		size_t size = to - from < SECTOR ? (size_t)(to - from) : SECTOR;
		if (pwrite(file->fd, zeros, size, (off_t)from) != (ssize_t)size)
			world_fail(world, "a journal cannot be damaged for real");
		from += size;
	}
}

/* The machine is gone: of what was not synced some first bytes may be there, and nothing behind them;
 * or the file has its size, and sectors of it are missing. */
static void lose_tail(struct file *file)
{
	struct stat stat;
	if (fstat(file->fd, &stat) != 0 || file->written <= file->synced)
		return;
	uint64_t kept = file->synced + world_below(world, file->written - file->synced + 1);
	if (world_below(world, 2)) {
		if (kept < (uint64_t)stat.st_size && ftruncate(file->fd, (off_t)kept) != 0)
			world_fail(world, "a journal cannot be cut for real");
		return;
	}
	/* Bytes that changed are damage, and then the database's marks are believed. */
	world->journal_may_be_lost = true;
	bool all = world_below(world, 2);
	for (uint64_t at = kept; at < file->written; at += SECTOR - at % SECTOR)
		if (all || at == kept || world_below(world, 2))
			forget_bytes(file, at, at + SECTOR - at % SECTOR < file->written
						       ? at + SECTOR - at % SECTOR
						       : file->written);
	file->synced = file->written;
}

/* What is synced without a loop, when a journal is opened: see rules.mk. */
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
	struct stat stat;
	for (int i = 0; fstat(fd, &stat) == 0 && i < file_count; i++)
		if (files[i].engine == world->life->engine && files[i].inode == stat.st_ino)
			files[i].synced = files[i].written;
	return 0;
}

void sim_files_crash(struct sim_life *life)
{
	for (int i = 0; i < FILE_OP_LIMIT; i++) {
		struct file_op ended = file_ops[i];
		if (!ended.op || ended.life != life)
			continue;
		file_ops[i] = (struct file_op){};
		if (ended.write)
			tear(ended.write);
		ended.op->busy = false;
		ended.op->on_done(ended.op, -EIO); /* the dead engine's memory still hears it */
	}
	for (int i = 0; life->power && i < file_count; i++)
		if (files[i].engine == life->engine)
			lose_tail(&files[i]);
}

void sim_files_end(void)
{
	for (int i = 0; i < file_count; i++)
		close(files[i].fd);
	file_count = 0;
	for (int i = 0; i < FILE_OP_LIMIT; i++)
		file_ops[i] = (struct file_op){};
}

static void write_lands(struct world *w, void *a, uint64_t b)
{
	struct file_write *write = a;
	struct sim_life *life = write->loop->life;
	size_t size = write->size;
	int result = (int)size;
	(void)b;
	/* What a dead engine's could still do was done when it died. */
	struct file_op *under_way = file_op_of(life, write->op);
	if (!under_way || under_way->write != write) {
		free(write);
		return;
	}
	if (w->disk_full_until > w->now) {
		size = world_below(w, size);
		result = -ENOSPC;
	}
	put(write->file, write, size);
	under_way->write = NULL;
	struct sim_life *before = world_enter(w, life);
	sim_complete(write->loop, write->op, result);
	world_point(w, POINT_WRITE_LANDED, 0);
	world_leave(w, before);
	free(write);
}

void io_write(struct io_loop *loop, struct io_op *op, int fd, const void *data, size_t size,
	      uint64_t offset)
{
	sim_begin(op, POINT_COUNT);
	world_point(world, POINT_WRITE_ASKED, 0);
	if (loop->life->dead) {
		file_op_begins(loop->life, op, NULL);
		return;
	}
	struct file_write *write = malloc(sizeof(*write) + size);
	ASSERT(write);
	file_op_begins(loop->life, op, write);
	*write = (struct file_write){
		loop, op, file_of(loop->life->engine, fd), offset, size};
	memcpy(write->bytes, data, size);
	if (world_fault(world, FAULT_DISK_FULL))
		world->disk_full_until = world->now + 5 * USEC_SECOND;
	world_at(world, 100 + (usec)world_below(world, 2000), write_lands, write, 0);
	world_point(world, POINT_WRITE_UNDERWAY, 0);
}

static void sync_lands(struct world *w, void *a, uint64_t b)
{
	struct file_sync *sync = a;
	struct sim_life *life = sync->loop->life;
	(void)b;
	if (file_op_of(life, sync->op)) {
		if (sync->file->synced < sync->written)
			sync->file->synced = sync->written;
		struct sim_life *before = world_enter(w, life);
		sim_complete(sync->loop, sync->op, 0);
		world_point(w, POINT_SYNCED, 0);
		world_leave(w, before);
	}
	free(sync);
}

void io_fdatasync(struct io_loop *loop, struct io_op *op, int fd)
{
	sim_begin(op, POINT_COUNT);
	file_op_begins(loop->life, op, NULL);
	if (loop->life->dead)
		return;
	struct file_sync *sync = malloc(sizeof(*sync));
	ASSERT(sync);
	struct file *file = file_of(loop->life->engine, fd);
	*sync = (struct file_sync){loop, op, file, file->written};
	world_at(world, 200 + (usec)world_below(world, 4000), sync_lands, sync, 0);
	world_point(world, POINT_SYNC_UNDERWAY, 0);
}
