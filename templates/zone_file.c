/* zone_file.c - reads TZif, the form of the zone database's files (RFC 9636 3).
 *
 *   file   = header data [header data footer]      the second, with times of 64 bits, counts
 *   header = "TZif" version 15OCTET isutcnt isstdcnt leapcnt timecnt typecnt charcnt
 *   data   = times kinds types names leaps isstds isuts
 *   footer = LF rule LF
 *
 * What clocks do at leap seconds is of no use in a letter: files that count them are refused.
 */
#include "templates/zone_table.h"

enum {
	HEADER_SIZE = 44,
	CHANGES_LIMIT = 8192, /* the most in any file is under 300 */
	CLOCKS_LIMIT = 256,   /* RFC 9636 3.1: an index is one byte */
	NAMES_LIMIT = 1024,
	MARKS_LIMIT = 256, /* isstd, isut: one a type */
	RULE_LIMIT = 128,
};

struct counts {
	uint32_t uts, stds, leaps, times, types, chars;
};

static uint32_t u32_of(const char *data)
{
	const unsigned char *b = (const unsigned char *)data;
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static int64_t time_of(const char *data, size_t time_size)
{
	if (time_size == 4)
		return (int32_t)u32_of(data);
	return (int64_t)((uint64_t)u32_of(data) << 32 | u32_of(data + 4));
}

static bool take_header(str *file, char *ret_version, struct counts *ret_counts)
{
	const char *data = file->data;
	if (file->size < HEADER_SIZE || memcmp(data, "TZif", 4) != 0)
		return false;
	*ret_version = data[4];
	*ret_counts = (struct counts){u32_of(data + 20), u32_of(data + 24), u32_of(data + 28),
				      u32_of(data + 32), u32_of(data + 36), u32_of(data + 40)};
	*file = str_from(*file, HEADER_SIZE);
	const struct counts *c = ret_counts;
	return c->times <= CHANGES_LIMIT && c->types <= CLOCKS_LIMIT &&
	       c->chars <= NAMES_LIMIT && c->stds <= MARKS_LIMIT && c->uts <= MARKS_LIMIT &&
	       c->leaps <= CHANGES_LIMIT;
}

/* All are bounded: no sum overflows. */
static size_t data_size(const struct counts *c, size_t time_size)
{
	return c->times * (time_size + 1) + c->types * 6 + c->chars +
	       c->leaps * (time_size + 4) + c->stds + c->uts;
}

static bool read_changes(struct arena *arena, const char *data, const struct counts *c,
			 size_t time_size, struct zone *zone)
{
	int64_t *changes = ARENA_ARRAY(arena, int64_t, c->times + 1);
	uint8_t *kinds = ARENA_ARRAY(arena, uint8_t, c->times + 1);
	const char *kind = data + c->times * time_size;
	if (!changes || !kinds)
		return false;
	for (size_t i = 0; i < c->times; i++) {
		changes[i] = time_of(data + i * time_size, time_size);
		kinds[i] = (uint8_t)kind[i];
		if ((i > 0 && changes[i] <= changes[i - 1]) || kinds[i] >= c->types)
			return false;
	}
	zone->changes = changes;
	zone->kinds = kinds;
	zone->change_count = c->times;
	return true;
}

/* type = utoff isdst desigidx; the index is of a NUL-terminated name. */
static bool read_clocks(struct arena *arena, const char *data, const struct counts *c,
			struct zone *zone)
{
	struct zone_clock *clocks = ARENA_ARRAY(arena, struct zone_clock, c->types);
	str names = arena_copy(arena, str_make(data + c->types * 6, c->chars));
	if (!clocks || !names.data)
		return false;
	for (size_t i = 0; i < c->types; i++) {
		const char *type = data + i * 6;
		str name = str_from(names, (unsigned char)type[5]);
		size_t size = str_find_byte(name, '\0');
		clocks[i] = (struct zone_clock){(int32_t)u32_of(type),
						str_sub(name, 0, size == STR_NONE ? 0 : size)};
		if (!zone_clock_ok(&clocks[i]))
			return false;
	}
	zone->clocks = clocks;
	zone->clock_count = c->types;
	return true;
}

static bool read_data(struct arena *arena, str *file, const struct counts *c, size_t time_size,
		      struct zone *zone)
{
	const char *data = file->data;
	if (c->types == 0 || c->leaps > 0 || file->size < data_size(c, time_size))
		return false;
	*file = str_from(*file, data_size(c, time_size));
	return read_changes(arena, data, c, time_size, zone) &&
	       read_clocks(arena, data + c->times * (time_size + 1), c, zone);
}

static bool read_footer(struct arena *arena, str file, struct zone *zone)
{
	size_t end = file.size ? str_find_byte(str_from(file, 1), '\n') : STR_NONE;
	if (end == STR_NONE || end > RULE_LIMIT || file.data[0] != '\n')
		return false;
	str rule = arena_copy(arena, str_sub(file, 1, end));
	return rule.data && zone_rule_read(rule, &zone->rule);
}

struct zone *zone_read(struct arena *arena, str file)
{
	char version;
	struct counts counts;
	struct zone *zone = ARENA_NEW(arena, struct zone);
	if (!zone || !take_header(&file, &version, &counts))
		return NULL;
	if (version == '\0')
		return read_data(arena, &file, &counts, 4, zone) ? zone : NULL;
	if (file.size < data_size(&counts, 4))
		return NULL;
	file = str_from(file, data_size(&counts, 4));
	if (!take_header(&file, &version, &counts) ||
	    !read_data(arena, &file, &counts, 8, zone) || !read_footer(arena, file, zone))
		return NULL;
	return zone;
}
