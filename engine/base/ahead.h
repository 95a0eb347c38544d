/* ahead.h - asks for memory before it is needed. What another thread wrote last, or what nobody
 * has looked at for long, takes as long to come as a hundred steps of work: asked for a few
 * objects ahead it comes meanwhile. Any address will do, also NULL; nothing but time changes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define AHEAD_LINE 64

static inline void ahead_read(const void *at, size_t size)
{
	for (uintptr_t line = (uintptr_t)at; line < (uintptr_t)at + size; line += AHEAD_LINE)
		__builtin_prefetch((const void *)line, 0);
}

/* The same for what is going to be written. */
static inline void ahead_write(const void *at, size_t size)
{
	for (uintptr_t line = (uintptr_t)at; line < (uintptr_t)at + size; line += AHEAD_LINE)
		__builtin_prefetch((const void *)line, 1);
}
