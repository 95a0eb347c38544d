/* key_set.c - one value of a key: text to number, with the sentence when it is none. */
#include "engine/api/keys.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/api/suggest.h"
#include "engine/api/units.h"
#include "engine/shape/bucket.h"

#define CHOICE_LIMIT 16

static int refuse(char *why, size_t why_size, const char *format, str text)
{
	char shown[80];
	struct buf b;
	buf_init_fixed(&b, shown, sizeof(shown) - 1);
	buf_put_printable(&b, text, 60);
	shown[b.size] = '\0';
	snprintf(why, why_size, format, shown);
	return -1;
}

static int set_bool(bool *slot, str text, char *why, size_t why_size)
{
	static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no",
									       "off"};
	for (size_t i = 0; i < 3; i++) {
		if (str_eq_nocase(text, str_of(yes[i])) || str_eq_nocase(text, str_of(no[i]))) {
			*slot = str_eq_nocase(text, str_of(yes[i]));
			return 0;
		}
	}
	return refuse(why, why_size, "'%s' is neither true nor false", text);
}

static int in_range(const struct key *key, int64_t value, str text, char *why, size_t why_size)
{
	if ((key->least == 0 && key->most == 0) || (value >= key->least && value <= key->most))
		return 0;
	if (key->kind != KEY_DURATION) {
		char sentence[120];
		snprintf(sentence, sizeof(sentence), "'%%s' is out of range: %lld to %lld",
			 (long long)key->least, (long long)key->most);
		return refuse(why, why_size, sentence, text);
	}
	char range[100];
	struct buf b;
	buf_init_fixed(&b, range, sizeof(range) - 1);
	buf_put_cstr(&b, "'%s' is out of range: ");
	duration_format(&b, key->least);
	buf_put_cstr(&b, " to ");
	duration_format(&b, key->most);
	range[b.size] = '\0';
	return refuse(why, why_size, range, text);
}

static int set_count(const struct key *key, uint64_t *slot, str text, char *why,
		     size_t why_size)
{
	uint64_t value;
	if (key->kind == KEY_SIZE ? !size_parse(text, &value) : !str_to_u64(text, &value))
		return refuse(why, why_size,
			      key->kind == KEY_SIZE
				      ? "'%s' is not a size (write 512, 64k, 10M or 1G)"
				      : "'%s' is not a whole number",
			      text);
	if (value > INT64_MAX || in_range(key, (int64_t)value, text, why, why_size) != 0)
		return value > INT64_MAX ? refuse(why, why_size, "'%s' is too large", text)
					 : -1;
	*slot = value;
	return 0;
}

static int set_duration(const struct key *key, usec *slot, str text, char *why, size_t why_size)
{
	usec value;
	if (!duration_from_text(text, &value))
		return refuse(why, why_size,
			      "'%s' is not a duration (write 200ms, 30s, 10m, 1h30m or 2d)",
			      text);
	if (in_range(key, value, text, why, why_size) != 0)
		return -1;
	*slot = value;
	return 0;
}

static int set_factor(const struct key *key, double *slot, str text, char *why, size_t why_size)
{
	char digits[32], *end = digits;
	double value = str_to_cstr(text, digits, sizeof(digits)) ? strtod(digits, &end) : 0;
	if (end == digits || *end != '\0' || !isfinite(value))
		return refuse(why, why_size, "'%s' is not a number (write 2.0)", text);
	if (value < (double)key->least || value > (double)key->most) {
		char sentence[120];
		snprintf(sentence, sizeof(sentence), "'%%s' is out of range: %lld to %lld",
			 (long long)key->least, (long long)key->most);
		return refuse(why, why_size, sentence, text);
	}
	*slot = value;
	return 0;
}

static int set_choice(const struct key *key, int *slot, str text, char *why, size_t why_size)
{
	size_t count = 0;
	for (; key->choices[count]; count++) {
		if (str_eq(text, str_of(key->choices[count]))) {
			*slot = (int)count;
			return 0;
		}
	}
	char sentence[200];
	int n = snprintf(sentence, sizeof(sentence), "'%%s' is not one of");
	for (size_t i = 0; i < count && n > 0 && (size_t)n < sizeof(sentence); i++)
		n += snprintf(sentence + n, sizeof(sentence) - (size_t)n, "%s %s", i ? "," : "",
			      key->choices[i]);
	return refuse(why, why_size, sentence, text);
}

static int set_text(str *slot, str text, struct arena *arena, char *why, size_t why_size)
{
	*slot = arena_copy(arena, text);
	return slot->data ? 0 : refuse(why, why_size, "'%s': out of memory", text);
}

/* Relative to the folder of the file that names it, so that a configuration can be moved as a
 * whole and a command be run from anywhere. */
static int set_file(str *slot, const char *path, str text, struct arena *arena, char *why,
		    size_t why_size)
{
	str folder = path ? str_of(path) : STR("");
	size_t slash = str_rfind_byte(folder, '/');
	if (text.size == 0 || text.data[0] == '/' || slash == STR_NONE)
		return set_text(slot, text, arena, why, why_size);
	struct buf b;
	buf_init_arena(&b, arena, slash + text.size + 2);
	buf_put(&b, str_sub(folder, 0, slash + 1));
	buf_put(&b, text);
	return buf_ok(&b) ? set_text(slot, buf_str(&b), arena, why, why_size)
			  : refuse(why, why_size, "'%s': out of memory", text);
}

int key_set(const struct key *key, void *section_values, const char *path, str text,
	    struct arena *arena, char *ret_why, size_t why_size)
{
	void *slot = (char *)section_values + key->offset;
	switch (key->kind) {
	case KEY_TEXT:
		return set_text(slot, text, arena, ret_why, why_size);
	case KEY_FILE:
		return set_file(slot, path, text, arena, ret_why, why_size);
	case KEY_BOOL:
		return set_bool(slot, text, ret_why, why_size);
	case KEY_COUNT:
	case KEY_SIZE:
		return set_count(key, slot, text, ret_why, why_size);
	case KEY_DURATION:
		return set_duration(key, slot, text, ret_why, why_size);
	case KEY_RATE:
		if (rate_parse(text, slot))
			return 0;
		return refuse(
			ret_why, why_size,
			"'%s' is not a rate (write 100/s, 1000/h, 20000/d, \"5/min,burst=3\" "
			"or unlimited)",
			text);
	case KEY_BYTE_RATE:
		if (rate_parse_bytes(text, slot))
			return 0;
		return refuse(ret_why, why_size,
			      "'%s' is not a rate of bytes (write 500kB/s, 10MB/min, 2GB/h, "
			      "\"1MB/s,burst=200kB\" or unlimited)",
			      text);
	case KEY_FACTOR:
		return set_factor(key, slot, text, ret_why, why_size);
	case KEY_CHOICE:
		return set_choice(key, slot, text, ret_why, why_size);
	case KEY_SHARE:
		if (share_parse(text, slot))
			return 0;
		return refuse(ret_why, why_size,
			      "'%s' is not a share (write 5%% or 0.3%%, at most 100%%)", text);
	case KEY_LIST:
		break; /* keys.c: a list is more than one text */
	}
	return refuse(ret_why, why_size, "'%s': a list is written { \"a\", \"b\" }", text);
}
