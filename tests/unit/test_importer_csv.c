/* test_importer_csv.c - rows come out as RFC 4180 means them, bad lines one by one, and the
 * same wherever the bytes are split. */
#include "tests/unit/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "importer/csv.h"

struct source {
	const char *bytes;
	size_t size, at, step;
	bool fails;
};

static ssize_t read_source(void *context, char *to, size_t size)
{
	struct source *s = context;
	size_t n = s->size - s->at < size ? s->size - s->at : size;
	if (s->step && n > s->step)
		n = s->step;
	if (n == 0 && s->fails) {
		errno = EIO;
		return -1;
	}
	memcpy(to, s->bytes + s->at, n);
	s->at += n;
	return (ssize_t)n;
}

/* Everything read, as text: "1:a|b|c", "!2:reason", ... */
static const char *read_all(const char *bytes, size_t size, size_t step,
			    struct csv_options options)
{
	static char out[1 << 16];
	size_t at = 0;
	struct source source = {bytes, size, 0, step, false};
	struct csv_reader *r = csv_reader_create(read_source, &source, &options);
	struct csv_row row;
	enum csv_step s;
	assert_non_null(r);
	out[0] = 0;
	while ((s = csv_reader_next(r, &row)) == CSV_ROW || s == CSV_REJECT) {
		at += (size_t)snprintf(out + at, sizeof(out) - at,
				       "%s%llu:", s == CSV_ROW ? "" : "!",
				       (unsigned long long)row.line);
		for (size_t i = 0; s == CSV_ROW && i < row.field_count; i++)
			at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%.*s",
					       i ? "|" : "", STR_FORMAT(row.fields[i]));
		if (s == CSV_REJECT)
			at += (size_t)snprintf(out + at, sizeof(out) - at, "%.7s", row.reason);
		at += (size_t)snprintf(out + at, sizeof(out) - at, ";");
	}
	if (s == CSV_UTF16)
		snprintf(out + at, sizeof(out) - at, "UTF-16");
	else
		assert_int_equal(csv_reader_bytes(r), size);
	csv_reader_destroy(r);
	return out;
}

static void test_csv_reads_what_it_should_at_every_split(void **)
{
	static const struct {
		const char *in, *out;
		struct csv_options options;
	} cases[] = {
		{"", "", {}},
		{"a,b\r\nc,d\r\n", "1:a|b;2:c|d;", {}},
		{"a,b\nc,d", "1:a|b;2:c|d;", {}},
		{"\xef\xbb\xbf"
		 "email,x\n1,2\n",
		 "1:email|x;2:1|2;",
		 {}},
		{"a;b,c\n", "1:a|b,c;", {.delimiter = ';'}},
		{"a\tb\n", "1:a|b;", {.delimiter = '\t'}},
		{"\"a,\"\"x\"\"\",b\n", "1:a,\"x\"|b;", {}},
		{"\"two\nlines\",b\nc,d\n", "1:two\nlines|b;3:c|d;", {}},
		{" a , b \n,\n", "1:a|b;2:|;", {}},
		{"a,b\n\n  \nc,d\n", "1:a|b;4:c|d;", {}},
		{"a,b\n\"c,d\ne,f\n", "1:a|b;!2:a quote;3:e|f;", {}},
		{"a,b\n\"c,d\ne,\"f\"\n", "1:a|b;!2:a quote;3:e|f;", {}},
		{"a,b\nc \"x\" y,d\ne,f\n", "1:a|b;!2:a broke;3:e|f;", {}},
		{"a,b\n\"c\"x,d\ne,f", "1:a|b;!2:a broke;3:e|f;", {}},
		{"a,b\nM\xfcller,d\ne,f\n", "1:a|b;!2:not UTF;3:e|f;", {}},
		{"a,b\nM\xfcller,\xdf\n", "1:a|b;2:M\xc3\xbcller|\xc3\x9f;", {.latin1 = true}},
		{"M\xc3\xbcller,b\n", "1:M\xc3\xbcller|b;", {}},
		{"a,b\rc,d\r", "!1:a bare ;", {}},
		{"\xff\xfe"
		 "a",
		 "UTF-16",
		 {}},
		{"\"\"\n", "1:;", {}},
		{"\"", "!1:a quote;", {}},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t size = strlen(cases[i].in);
		for (size_t step = 0; step <= size; step++)
			assert_string_equal(read_all(cases[i].in, size, step, cases[i].options),
					    cases[i].out);
	}
	assert_string_equal(read_all("a,\0b\nc,d\n", 9, 0, (struct csv_options){}),
			    "!1:a NUL b;2:c|d;");
}

static void test_csv_bounds_a_line(void **)
{
	size_t size = 5 << 20;
	char *bytes = malloc(size + 100);
	memset(bytes, 'x', size);
	memcpy(bytes, "a,b\n", 4);
	memcpy(bytes + size, "\nc,d\n", 5);
	assert_string_equal(read_all(bytes, size + 5, 4096, (struct csv_options){}),
			    "1:a|b;!2:longer ;3:c|d;");
	bytes[4] = '"';
	assert_string_equal(read_all(bytes, size + 5, 0, (struct csv_options){}),
			    "1:a|b;!2:longer ;3:c|d;");
	memset(bytes, ',', 2000);
	bytes[2000] = '\n';
	assert_string_equal(read_all(bytes, 2001, 0, (struct csv_options){}), "!1:more th;");
	free(bytes);
}

static void test_csv_gives_up_one_line_for_each_open_quote(void **)
{
	char bytes[4096] = "a,b\n";
	for (int i = 0; i < 300; i++)
		strcat(bytes, "\"x,y\n");
	const char *out = read_all(bytes, strlen(bytes), 0, (struct csv_options){});
	assert_memory_equal(out, "1:a|b;!2:", 9);
	assert_non_null(strstr(out, "!301:"));
}

static void test_csv_says_when_reading_fails(void **)
{
	struct source source = {"a,b\nc", 5, 0, 0, true};
	struct csv_options options = {};
	struct csv_reader *r = csv_reader_create(read_source, &source, &options);
	struct csv_row row;
	assert_int_equal(csv_reader_next(r, &row), CSV_ROW);
	assert_int_equal(csv_reader_next(r, &row), CSV_UNREADABLE);
	csv_reader_destroy(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csv_reads_what_it_should_at_every_split),
		cmocka_unit_test(test_csv_bounds_a_line),
		cmocka_unit_test(test_csv_gives_up_one_line_for_each_open_quote),
		cmocka_unit_test(test_csv_says_when_reading_fails),
	};
	return cmocka_run_group_tests_name("importer csv", tests, NULL, NULL);
}
