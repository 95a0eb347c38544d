/* heap.h - where arenas of the real program get their blocks. */
#pragma once

#include "engine/base/arena.h"

struct arena_source *heap_source(void);
