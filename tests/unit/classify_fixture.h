/* classify_fixture.h - one classifier for a whole test program. */
#pragma once

#include "engine/smtp/classify.h"
#include <stdlib.h>

static struct classifier *classifier;
static struct arena classifier_arena;

static void *block_get(struct arena_source *, size_t size)
{
	return malloc(size);
}

static void block_give_back(struct arena_source *, void *block, size_t)
{
	free(block);
}

static struct arena_source block_source = {block_get, block_give_back};

static int classifier_setup(void **)
{
	arena_init(&classifier_arena, &block_source, 0, 0);
	classifier = classifier_create(&classifier_arena);
	return classifier ? 0 : -1;
}

static int classifier_teardown(void **)
{
	arena_done(&classifier_arena);
	return 0;
}
