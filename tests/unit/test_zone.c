/* test_zone.c - files of time zones are read as RFC 9636 says, or refused; what clocks show is
 * asked of rules and of the system's own zones (tests/live/test_locale.py asks for all). */
#include "cmocka_all.h"
#include "memory.h"

#include "engine/data/zone_load.h"
#include "templates/zone_table.h"

static struct counting_source source;
static struct arena arena;

static int setup(void **)
{
	counting_source_init(&source);
	arena_init(&arena, &source.source, 4096, 1 << 20);
	return 0;
}

static int teardown(void **)
{
	arena_done(&arena);
	return source.out_count != 0;
}

/* A file of 64-bit times with one change (at 100), two clocks and a rule; the old part in front
 * of it is empty. */
static size_t make_file(char *out, const char *rule)
{
	static const char head[] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				   "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4"
				   "\0\0\0\0\0\0LMT\0"
				   "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				   "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\2\0\0\0\x8"
				   "\0\0\0\0\0\0\0\x64\1"
				   "\0\0\0\x3c\0\0\0\0\x0e\x10\0\4LMT\0CET\0";
	size_t size = sizeof(head) - 1, rule_size = strlen(rule);
	memcpy(out, head, size);
	out[size++] = '\n';
	memcpy(out + size, rule, rule_size);
	size += rule_size;
	out[size++] = '\n';
	return size;
}

static void expect_clock(const struct zone *zone, int64_t seconds, int offset, const char *name)
{
	assert_non_null(zone);
	struct zone_clock clock = zone_clock_at(zone, seconds);
	assert_int_equal(clock.offset_seconds, offset);
	if (!str_eq(clock.name, str_of(name)))
		fail_msg("at %lld: %.*s, not %s", (long long)seconds, STR_FORMAT(clock.name),
			 name);
}

static void test_zone_reads_a_file_by_its_wide_part(void **)
{
	char file[256];
	size_t size = make_file(file, "CET-1");
	const struct zone *zone = zone_read(&arena, str_make(file, size));
	expect_clock(zone, INT64_MIN, 60, "LMT");
	expect_clock(zone, 99, 60, "LMT");
	expect_clock(zone, 100, 3600, "CET");
	expect_clock(zone, INT64_MAX / 2, 3600, "CET");
	size = make_file(file, "");
	expect_clock(zone_read(&arena, str_make(file, size)), 4102444800, 3600, "CET");
}

static void test_zone_refuses_what_is_cut_anywhere(void **)
{
	char file[256];
	size_t size = make_file(file, "CET-1CEST,M3.5.0,M10.5.0/3");
	assert_non_null(zone_read(&arena, str_make(file, size)));
	for (size_t cut = 0; cut < size; cut++) {
		char *copy = malloc(cut + 1); /* ends where the file does: ASan sees more */
		assert_non_null(copy);
		memcpy(copy + 1, file, cut);
		assert_null(zone_read(&arena, str_make(copy + 1, cut)));
		free(copy);
	}
}

static void test_zone_refuses_what_does_not_hold_together(void **)
{
	/* Offsets of bytes in make_file(), and what breaks the file there. */
	static const struct {
		size_t at;
		char byte;
		const char *what;
	} breaks[] = {
		{0, 'X', "magic"},
		{54, 'X', "second magic"},
		{54 + 31, 1, "leap seconds"},
		{54 + 32, 1, "too many changes"},
		{54 + 38, 1, "too many clocks"},
		{54 + 39, 0, "no clocks"},
		{54 + 44 + 8, 2, "no such clock"},
		{54 + 44 + 9, 0x7f, "offset beyond a day"},
		{54 + 44 + 14, 8, "no such name"},
		{54 + 44 + 21, '\x1b', "name with a control"},
	};
	char file[256];
	for (size_t i = 0; i < sizeof(breaks) / sizeof(*breaks); i++) {
		size_t size = make_file(file, "CET-1");
		file[breaks[i].at] = breaks[i].byte;
		if (zone_read(&arena, str_make(file, size)))
			fail_msg("%s is taken", breaks[i].what);
	}
}

static void test_zone_rules_hold_for_ever(void **)
{
	static const struct {
		const char *rule;
		int64_t seconds;
		int offset;
		const char *name;
	} rows[] = {
		/* 2050-03-27 01:00 and 2050-10-30 01:00 UTC */
		{"CET-1CEST,M3.5.0,M10.5.0/3", 2531955599, 3600, "CET"},
		{"CET-1CEST,M3.5.0,M10.5.0/3", 2531955600, 7200, "CEST"},
		{"CET-1CEST,M3.5.0,M10.5.0/3", 2550704399, 7200, "CEST"},
		{"CET-1CEST,M3.5.0,M10.5.0/3", 2550704400, 3600, "CET"},
		/* Half an hour, and summer over the turn of the year. */
		{"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 2524608000, 39600, "+11"},
		{"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 2540246400, 37800, "+1030"},
		/* Summer that is winter. */
		{"IST-1GMT0,M10.5.0,M3.5.0/1", 2524608000, 0, "GMT"},
		{"IST-1GMT0,M10.5.0,M3.5.0/1", 2540246400, 3600, "IST"},
		/* Always. */
		{"XXX3EDT4,0/0,J365/23", 2524608000, -14400, "EDT"},
		{"XXX3EDT4,0/0,J365/23", 2540246400, -14400, "EDT"},
		/* A time before its day: Saturday 22:00. */
		{"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 2531955600, -3600, "-01"},
		{"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 2531955599, -7200, "-02"},
		{"EST5", 2540246400, -18000, "EST"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct zone_rule rule;
		assert_true(zone_rule_read(str_of(rows[i].rule), &rule));
		struct zone_clock clock = zone_rule_clock(&rule, rows[i].seconds);
		if (clock.offset_seconds != rows[i].offset ||
		    !str_eq(clock.name, str_of(rows[i].name)))
			fail_msg("%s at %lld: %d %.*s", rows[i].rule,
				 (long long)rows[i].seconds, clock.offset_seconds,
				 STR_FORMAT(clock.name));
	}
}

static void test_zone_rules_that_are_none(void **)
{
	static const char *const texts[] = {
		"C",
		"CET",
		"CET-99",
		"CET-1CEST",
		"CET-1CEST,M3.5.0",
		"CET-1CEST,M13.5.0,M10.5.0",
		"CET-1CEST,M3.6.0,M10.5.0",
		"CET-1CEST,M3.5.7,M10.5.0",
		"CET-1CEST,J0,J365",
		"CET-1CEST,366,J365",
		"CET-1CEST,M3.5.0/168,M10.5.0",
		"<CET-1",
		"CET-1:60",
		"CET-1 ",
		"CET-1CEST,M3.5.0,M10.5.0x",
		"AVERYLONGNAMEFORAZONE-1",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct zone_rule rule;
		if (zone_rule_read(str_of(texts[i]), &rule))
			fail_msg("'%s' is taken", texts[i]);
	}
}

static const struct zone *system_zone(const char *name)
{
	const struct zones *zones = zones_system();
	assert_non_null(zones);
	return zones_find(zones, str_of(name));
}

static void test_zones_of_the_system_are_found_and_shared(void **)
{
	char hint[80];
	expect_clock(system_zone("Europe/Berlin"), 1796115600, 3600, "CET"); /* 2026-12-01 */
	expect_clock(system_zone("europe/berlin"), 1782864000, 7200, "CEST");
	expect_clock(system_zone("Australia/Lord_Howe"), 1796115600, 39600, "+11");
	expect_clock(system_zone("Africa/Casablanca"), 1772323200, 0, "+00"); /* Ramadan 2026 */
	expect_clock(system_zone("Africa/Casablanca"), 1796115600, 3600, "+01");
	expect_clock(system_zone("UTC"), 0, 0, "UTC");
	assert_ptr_equal(system_zone("UTC"), system_zone("Etc/UTC"));
	assert_null(system_zone("Europe/Berln"));
	assert_null(system_zone(""));
	assert_null(system_zone("right/UTC"));
	zones_suggest(zones_system(), STR("Europe/Berln"), hint, sizeof hint);
	assert_string_equal(hint, ", did you mean 'Europe/Berlin'?");
}

static void test_zones_of_no_folder_are_none(void **)
{
	assert_null(zones_load(&arena, "/nonexistent"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zone_reads_a_file_by_its_wide_part),
		cmocka_unit_test(test_zone_refuses_what_is_cut_anywhere),
		cmocka_unit_test(test_zone_refuses_what_does_not_hold_together),
		cmocka_unit_test(test_zone_rules_hold_for_ever),
		cmocka_unit_test(test_zone_rules_that_are_none),
		cmocka_unit_test(test_zones_of_the_system_are_found_and_shared),
		cmocka_unit_test(test_zones_of_no_folder_are_none),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
