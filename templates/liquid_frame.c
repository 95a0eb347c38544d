/* liquid_frame.c - one rendering: its bounds, its memory, its beginning; see liquid_frame.h. */
#include "templates/liquid_frame.h"

#include <stdio.h>

#include "engine/base/hash.h"
#include "templates/value_number.h"
#include "templates/value_text.h"

/* Beyond both, a table of the data costs less than a search for each name. */
enum { MAP_PAIRS = 256, MAP_NAMES = 64 };
/* The bound of memory where it would follow from a tiny bound of output. */
enum { SMALLEST_MEMORY = 1 << 20 };

int frame_fail(struct liquid_frame *f, const char *format, ...)
{
	if (!f->error || f->error->message[0])
		return -1;
	va_list arguments;
	va_start(arguments, format);
	liquid_error_say(f->error, format, arguments);
	va_end(arguments);
	liquid_error_locate(f->error, f->source, f->at);
	return -1;
}

bool frame_effort(struct liquid_frame *f, uint64_t amount)
{
	if (amount <= f->effort_left) {
		f->effort_left -= amount;
		return true;
	}
	f->effort_left = 0;
	frame_fail(f, "the template takes more than %u steps: is a loop larger than meant?",
		   f->step_limit);
	return false;
}

bool frame_turn(struct liquid_frame *f)
{
	if (f->turns_left > 0) {
		f->turns_left--;
		return frame_step(f);
	}
	frame_fail(f, "the loops of the template take more than %u turns", f->turn_limit);
	return false;
}

bool frame_equal(struct liquid_frame *f, const struct value *a, const struct value *b,
		 bool *ret_equal)
{
	*ret_equal = value_equal(a, b, &f->effort_left);
	return f->effort_left > 0 || frame_effort(f, 1);
}

const struct value *frame_member(struct liquid_frame *f, const struct value *hash, str name)
{
	uint64_t effort = hash->kind == VALUE_HASH ? hash->hash.count / 2 : 0;
	f->effort_left -= effort < f->effort_left ? effort : f->effort_left;
	return value_get(hash, name);
}

int frame_memory_fail(struct liquid_frame *f)
{
	return frame_fail(f, "the template makes more than %zu bytes of data", f->memory_limit);
}

bool frame_memory(struct liquid_frame *f, size_t size)
{
	if (size > f->memory_left) {
		frame_memory_fail(f);
		return false;
	}
	f->memory_left -= size;
	return frame_effort(f, size / 16);
}

void *frame_alloc(struct liquid_frame *f, size_t count, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(count, size, &total))
		total = SIZE_MAX;
	if (!frame_memory(f, total))
		return NULL;
	void *memory = arena_alloc(f->scratch, total ? total : 1);
	if (!memory)
		frame_fail(f, "out of memory");
	return memory;
}

char *frame_bytes(struct liquid_frame *f, size_t size)
{
	if (!frame_memory(f, size))
		return NULL;
	char *bytes = arena_bytes(f->scratch, size ? size : 1);
	if (!bytes)
		frame_fail(f, "out of memory");
	return bytes;
}

bool frame_text(struct liquid_frame *f, const struct value *value, str *ret_text)
{
	struct buf text;
	if (value->kind == VALUE_STRING || value->kind == VALUE_NIL) {
		*ret_text = value->kind == VALUE_NIL ? STR("") : value->string;
		return true;
	}
	buf_init_arena(&text, f->scratch, NUMBER_TEXT_SIZE);
	value_put(&text, value, f->memory_left);
	if (!buf_ok(&text)) {
		frame_fail(f, "out of memory");
		return false;
	}
	*ret_text = buf_str(&text);
	return frame_memory(f, text.capacity);
}

struct value *frame_keep(struct liquid_frame *f, const struct value *value)
{
	struct value *kept = frame_alloc(f, 1, sizeof *kept);
	if (kept)
		*kept = *value;
	return kept;
}

struct memory_cell *frame_cell(struct liquid_frame *f, struct memory_cell **list, str key)
{
	for (struct memory_cell *cell = *list; cell; cell = cell->next) {
		if (str_eq(cell->key, key))
			return cell;
		if (!frame_effort(f, 1 + key.size / 64))
			return NULL;
	}
	struct memory_cell *cell = frame_alloc(f, 1, sizeof *cell);
	if (!cell)
		return NULL;
	*cell = (struct memory_cell){.key = key, .next = *list};
	*list = cell;
	return cell;
}

/* Many names and much data: by a table. */
static int resolve_by_map(struct liquid_frame *f)
{
	struct map values;
	map_init(&values, f->scratch, hash_bytes(0, STR("roots")));
	for (size_t i = f->roots->hash.count;
	     i-- > 0;) { /* of two of a name the first counts */
		const struct value_pair *pair = &f->roots->hash.pairs[i];
		if (map_put(&values, pair->name, (void *)&pair->value))
			return -1;
	}
	for (size_t symbol = 0; symbol < f->root_count; symbol++)
		f->root_values[symbol] = map_get(&values, f->symbols->names[symbol]);
	return 0;
}

/* Finds the data of each root name; those in the order of the names are found at once. */
static int resolve_roots(struct liquid_frame *f)
{
	size_t at = 0, count = f->roots->kind == VALUE_HASH ? f->roots->hash.count : 0;
	const struct value_pair *pairs = f->roots->hash.pairs;
	if (count > MAP_PAIRS && f->root_count > MAP_NAMES)
		return resolve_by_map(f);
	for (size_t symbol = 0; symbol < f->root_count; symbol++) {
		str name = f->symbols->names[symbol];
		for (size_t seen = 0; seen < count; seen++) {
			const struct value_pair *pair = &pairs[at];
			at = at + 1 < count ? at + 1 : 0;
			if (!str_eq(pair->name, name))
				continue;
			f->root_values[symbol] = &pair->value;
			break;
		}
	}
	return 0;
}

struct liquid_frame *liquid_frame_begin(const struct liquid *liquid, const struct value *roots,
					const struct liquid_limits *limits, usec wall_now,
					struct arena *scratch)
{
	static const struct liquid_limits defaults;
	static const struct value nothing = {.kind = VALUE_HASH};
	const struct liquid_limits *l = limits ? limits : &defaults;
	struct liquid_frame *f = ARENA_NEW(scratch, struct liquid_frame);
	if (!f)
		return NULL;
	*f = (struct liquid_frame){
		.liquid = liquid,
		.symbols = &liquid->symbols,
		.source = &liquid->source,
		.roots = roots ? roots : &nothing,
		.root_count = liquid->symbols.count,
		.scratch = scratch,
		.wall_now = wall_now,
		.partials = liquid->partials,
		.step_limit = l->steps ? l->steps : 1000000,
		.turn_limit = l->turns ? l->turns : 100000,
		.output_size = l->output_size ? l->output_size : (size_t)16 << 20,
	};
	f->effort_left = (uint64_t)f->step_limit * EFFORT_OF_STEP;
	f->turns_left = f->turn_limit;
	f->depth_limit = l->depth && l->depth < DEPTH_LIMIT_MAX ? l->depth
			 : l->depth                             ? DEPTH_LIMIT_MAX
								: DEPTH_LIMIT;
	if (f->output_size > SIZE_MAX / 8)
		f->output_size = SIZE_MAX / 8; /* so that sums with it hold */
	size_t memory =
		f->output_size < SMALLEST_MEMORY / 4 ? SMALLEST_MEMORY : f->output_size * 4;
	f->memory_left = f->memory_limit = l->memory_size ? l->memory_size : memory;
	f->root_values = ARENA_ARRAY(scratch, const struct value *, f->root_count + 1);
	if (!f->root_values)
		return NULL;
	if (resolve_roots(f))
		return NULL;
	f->scope = frame_scope(f);
	return f->scope ? f : NULL;
}

int liquid_frame_run(struct liquid_frame *f, size_t run, struct buf *out,
		     struct liquid_error *ret_error)
{
	if (f->stopped)
		return 0;
	*ret_error = (struct liquid_error){};
	f->error = ret_error;
	f->out = out;
	f->place = (struct liquid_place){};
	f->held_size = 0;
	size_t limit = f->output_size, before = out->size; /* what stands there is not ours */
	f->output_size = limit + before;
	enum flow flow = run_counted(f, f->liquid->runs[run]);
	f->output_size = flow == FLOW_FAIL ? 0 : limit - (out->size - before);
	f->stopped = flow != FLOW_NEXT;
	return flow == FLOW_FAIL ? -1 : 0;
}

bool liquid_frame_stopped(const struct liquid_frame *f)
{
	return f->stopped;
}

static int render(const struct liquid *liquid, const struct value *roots,
		  const struct liquid_limits *limits, usec wall_now, struct arena *scratch,
		  struct buf *out, struct liquid_shares *shares, struct liquid_error *ret_error)
{
	*ret_error = (struct liquid_error){.file = liquid->source.file};
	struct liquid_frame *f = liquid_frame_begin(liquid, roots, limits, wall_now, scratch);
	if (!f) {
		snprintf(ret_error->message, sizeof ret_error->message, "out of memory");
		return -1;
	}
	f->error = ret_error;
	f->out = out;
	f->place = (struct liquid_place){.shares = shares};
	f->output_size += out->size;
	return run_block(f, &liquid->body) == FLOW_FAIL ? -1 : 0;
}

int liquid_render(const struct liquid *liquid, const struct value *roots,
		  const struct liquid_limits *limits, usec wall_now, struct arena *scratch,
		  struct buf *out, struct liquid_error *ret_error)
{
	return render(liquid, roots, limits, wall_now, scratch, out, NULL, ret_error);
}

int liquid_gather(const struct liquid *liquid, const struct value *roots, usec wall_now,
		  struct arena *scratch, struct buf *out, struct liquid_shares *shares,
		  struct liquid_error *ret_error)
{
	return render(liquid, roots, NULL, wall_now, scratch, out, shares, ret_error);
}
