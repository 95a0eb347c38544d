/* filters.h - private to the room: the standard filters, as the reference has them.
 * filters.c is the table. A filter reads its input and arguments and sets *ret (nil before);
 * 0, or -1 after frame_fail(). Missing arguments stand at the end. */
#pragma once

#include "templates/liquid_frame.h"

struct parser;

struct filter_input {
	struct value value;
	const struct value *arguments;
	size_t count;
	const struct filter_call *call; /* which names the others: see filter_named() */
};

typedef int filter_apply(struct liquid_frame *, const struct filter_input *, struct value *ret);

struct filter {
	const char *name;
	uint8_t least, most; /* of positional arguments */
	bool takes_named;
	bool keeps_safe; /* what was safe HTML still is */
	filter_apply *apply;
};

const struct filter *filter_find(str name); /* NULL: there is none */
extern const struct filter filter_unknown;  /* stands for any other where that is allowed */
void filter_suggest(char *out, size_t out_size, str name);

filter_apply filter_append, filter_prepend, filter_upcase, filter_downcase, filter_capitalize,
	filter_strip, filter_lstrip, filter_rstrip, filter_strip_newlines, filter_replace,
	filter_replace_first, filter_replace_last, filter_remove, filter_remove_first,
	filter_remove_last, filter_truncate, filter_truncatewords, filter_split, filter_slice;
filter_apply filter_escape, filter_escape_once, filter_newline_to_br, filter_strip_html,
	filter_raw, filter_url_encode, filter_url_decode, filter_base64_encode,
	filter_base64_decode, filter_base64_url_safe_encode, filter_base64_url_safe_decode;
filter_apply filter_abs, filter_at_least, filter_at_most, filter_ceil, filter_floor,
	filter_round, filter_plus, filter_minus, filter_times, filter_divided_by, filter_modulo,
	filter_default;
filter_apply filter_join, filter_first, filter_last, filter_size, filter_reverse, filter_concat,
	filter_compact, filter_uniq, filter_sort, filter_sort_natural, filter_sum, filter_map,
	filter_where, filter_reject, filter_has, filter_find_item, filter_find_index;
filter_apply filter_date;
filter_apply filter_track, filter_link_utm, filter_link_track;
filter_apply filter_number, filter_money, filter_t;

/* What is known of some filters when compiling (filters_locale.c). */
struct filter_rules {
	const char *const *names; /* of the named arguments, NULL at the end; NULL: any */
	/* Of one call; at: where the filter's name stands; input NULL: not known yet. */
	int (*check)(struct parser *, const char *at, const struct filter_call *,
		     const struct value *input);
};
const struct filter_rules *filter_rules(const struct filter *); /* NULL: nothing */

/* A named argument; NULL: it is not given. */
const struct value *filter_named(const struct filter_input *, const char *name);
/* The zone of a reader, else of the campaign; NULL: UTC. */
const struct zone *filter_zone(struct liquid_frame *, const struct filter_input *);

/* The text of the input, or of an argument as it may be put into the input: escaped when the
 * input is safe and it is not. */
bool filter_text(struct liquid_frame *, const struct filter_input *, str *ret_text);
bool filter_argument_text(struct liquid_frame *, const struct filter_input *, size_t index,
			  str *ret_text);
/* A strict integer; without the argument: otherwise. */
[[nodiscard]] int filter_argument_integer(struct liquid_frame *, const struct filter_input *,
					  size_t index, int64_t otherwise,
					  int64_t *ret_integer);
/* What a buffer of the frame's scratch holds, as a string; counts its memory. */
[[nodiscard]] int filter_finish(struct liquid_frame *, const struct buf *, struct value *ret);
void filter_begin(struct liquid_frame *, struct buf *, size_t size_hint);

/* The items that array filters see: arrays flattened, ranges written out, nil nothing, all else
 * one item. */
struct list {
	const struct value *values;
	size_t count;
};
[[nodiscard]] int filter_list(struct liquid_frame *, const struct value *,
			      struct list *ret_list);
/* item[property]: 1 with *ret (nil when missing), 0 when the item has no properties at all, -1
 * when it cannot have that one. */
[[nodiscard]] int filter_property(struct liquid_frame *, const struct value *item,
				  const struct value *property, struct value *ret);
