/* moment.c - see moment.h. */
#include "engine/api/moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ZONES "/usr/share/zoneinfo"
#define ZONE_SIZE_LIMIT 64

/* As the C library looks for it. */
static bool zone_path(str name, char *path, size_t path_size)
{
	const char *folder = getenv("TZDIR");
	for (size_t i = 0; i < name.size; i++) {
		char c = name.data[i];
		bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		bool other = i > 0 && ((c >= '0' && c <= '9') || memchr("_+-/", c, 4));
		if (!letter && !other)
			return false;
	}
	int n = snprintf(path, path_size, "%s/%.*s", folder && folder[0] ? folder : ZONES,
			 STR_FORMAT(name));
	return n > 0 && (size_t)n < path_size;
}

/* Other files lie among the zones; one of a zone begins with "TZif" (RFC 8536 3.1). */
bool zone_is_known(str name)
{
	char path[4096], magic[4] = "";
	if (str_eq(name, STR("UTC")))
		return true;
	if (name.size == 0 || name.size > ZONE_SIZE_LIMIT ||
	    !zone_path(name, path, sizeof(path)))
		return false;
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	bool good = fread(magic, 1, 4, file) == 4 && memcmp(magic, "TZif", 4) == 0;
	fclose(file);
	return good;
}

/* The moment at which a clock there shows these hands; *hands becomes what it really shows. */
static time_t time_in(str zone, struct tm *hands, struct arena *arena)
{
	const char *before = getenv("TZ");
	if (before)
		before = arena_copy(arena, str_of(before)).data;
	char name[ZONE_SIZE_LIMIT + 2];
	snprintf(name, sizeof(name), ":%.*s", STR_FORMAT(zone));
	setenv("TZ", str_eq(zone, STR("UTC")) ? "UTC0" : name, 1);
	hands->tm_isdst = -1;
	time_t at = mktime(hands);
	if (before)
		setenv("TZ", before, 1);
	else
		unsetenv("TZ");
	tzset();
	return at;
}

static bool same_hands(const struct tm *a, const struct tm *b)
{
	return a->tm_min == b->tm_min && a->tm_hour == b->tm_hour && a->tm_mday == b->tm_mday;
}

static bool read_hands(const char *text, struct tm *ret_hands, bool *ret_has_offset)
{
	static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z",
					    "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%d %H:%M%z",
					    "%Y-%m-%dT%H:%M:%S",   "%Y-%m-%dT%H:%M",
					    "%Y-%m-%d %H:%M:%S",   "%Y-%m-%d %H:%M"};
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		*ret_hands = (struct tm){};
		const char *end = strptime(text, forms[i], ret_hands);
		if (end && *end == '\0') {
			*ret_has_offset = i < 4;
			return ret_hands->tm_year >= 70;
		}
	}
	return false;
}

int moment_parse(str text, str zone, struct arena *arena, struct moment *ret_moment,
		 char *ret_why, size_t why_size)
{
	struct tm wanted, found;
	bool has_offset;
	const char *cstr = arena_copy(arena, text).data;
	if (!cstr || !read_hands(cstr, &wanted, &has_offset)) {
		snprintf(ret_why, why_size,
			 "'%.*s' is not a time (write \"2026-12-01 08:00\" or "
			 "2026-12-01T08:00:00+01:00)",
			 (int)(text.size < 60 ? text.size : 60), text.data);
		return -1;
	}
	long offset = has_offset ? wanted.tm_gmtoff : 0;
	found = wanted;
	time_t shown = timegm(&found); /* as if it were UTC */
	time_t at = shown - offset;
	if (!has_offset && same_hands(&found, &wanted)) {
		found = wanted;
		at = time_in(zone, &found, arena);
		offset = (long)(shown - at);
	}
	if (!same_hands(&found, &wanted)) {
		snprintf(ret_why, why_size, "'%.*s' does not exist there: no clock shows it",
			 STR_FORMAT(text));
		return -1;
	}
	*ret_moment = (struct moment){(usec)at * USEC_SECOND, (int)(offset / 60)};
	return 0;
}

void moment_put(struct buf *out, const struct moment *moment)
{
	time_t shown = (time_t)(moment->wall / USEC_SECOND + moment->offset_minutes * 60);
	int east =
		moment->offset_minutes < 0 ? -moment->offset_minutes : moment->offset_minutes;
	struct tm hands;
	char text[40];
	gmtime_r(&shown, &hands);
	if (strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &hands) > 0)
		buf_put_cstr(out, text);
	buf_printf(out, "%c%02d:%02d", moment->offset_minutes < 0 ? '-' : '+', east / 60,
		   east % 60);
}

bool hour_parse(str text, uint32_t *ret_minutes)
{
	uint64_t hour, minute;
	if (text.size != 5 || text.data[2] != ':' || !str_to_u64(str_sub(text, 0, 2), &hour) ||
	    !str_to_u64(str_from(text, 3), &minute) || minute > 59 ||
	    hour * 60 + minute > 24 * 60)
		return false;
	*ret_minutes = (uint32_t)(hour * 60 + minute);
	return true;
}
