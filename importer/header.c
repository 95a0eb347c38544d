/* header.c - the names of columns. */
#include "importer/header.h"

#include <stdio.h>
#include <string.h>

#define NAME_LIMIT 100

static bool stays(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
	       (unsigned char)byte >= 0x80;
}

str header_attribute_name(struct arena *arena, str cell)
{
	str text = str_trim(cell);
	char *name = arena_bytes(arena, text.size + 1);
	size_t size = 0;
	bool gap = false;
	for (size_t i = 0; name && i < text.size && size < NAME_LIMIT; i++) {
		char byte = text.data[i];
		if (byte >= 'A' && byte <= 'Z')
			byte = (char)(byte | 0x20);
		if (!stays(byte)) {
			gap = size > 0;
			continue;
		}
		if (gap)
			name[size++] = '_';
		gap = false;
		name[size++] = byte;
	}
	return str_make(name, name ? size : 0);
}

static int say(char *why, size_t why_size, const char *text, str cell)
{
	struct buf b;
	char printable[120];
	buf_init_fixed(&b, printable, sizeof(printable) - 1);
	buf_put_printable(&b, cell, 60);
	printable[b.failed ? 0 : b.size] = 0;
	snprintf(why, why_size, text, printable);
	return -1;
}

static int take_column(struct header *h, str *attributes, size_t i, char *why, size_t why_size)
{
	if (str_eq(attributes[i], STR("email"))) {
		if (h->email != HEADER_NONE)
			return say(why, why_size, "two columns are named email%s", STR(""));
		h->email = i;
	} else if (str_eq(attributes[i], STR("name")) && h->name == HEADER_NONE) {
		h->name = i;
	} else {
		for (size_t k = 0; attributes[i].size && k < i; k++)
			if (str_eq(attributes[k], attributes[i]))
				return say(why, why_size, "two columns are named %s",
					   attributes[i]);
		return 0;
	}
	return 0;
}

static bool precedes(str a, str b)
{
	return a.size != b.size ? a.size < b.size : memcmp(a.data, b.data, a.size) < 0;
}

static void put_in_order(struct header *h, size_t *order)
{
	for (size_t i = 0; i < h->count; i++) {
		if (h->attributes[i].size == 0)
			continue;
		size_t at = h->order_count++;
		for (; at && precedes(h->attributes[i], h->attributes[order[at - 1]]); at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
	h->order = order;
}

int header_read(struct header *h, struct arena *arena, const struct csv_row *row, char *ret_why,
		size_t why_size)
{
	str *attributes = ARENA_ARRAY(arena, str, row->field_count);
	size_t *order = ARENA_ARRAY(arena, size_t, row->field_count);
	*h = (struct header){.count = row->field_count,
			     .email = HEADER_NONE,
			     .name = HEADER_NONE,
			     .attributes = attributes};
	if (!attributes || !order)
		return say(ret_why, why_size, "no memory for the header%s", STR(""));
	for (size_t i = 0; i < h->count; i++) {
		attributes[i] = header_attribute_name(arena, row->fields[i]);
		if (take_column(h, attributes, i, ret_why, why_size) < 0)
			return -1;
	}
	if (h->email == HEADER_NONE)
		return say(ret_why, why_size,
			   "no column is named email; the first row must name the columns, and "
			   "it begins "
			   "with \"%s\" (is the delimiter another one?)",
			   row->fields[0]);
	attributes[h->email] = (str){"", 0};
	if (h->name != HEADER_NONE)
		attributes[h->name] = (str){"", 0};
	put_in_order(h, order);
	return 0;
}
