/* Quoted-printable: known lines, then random texts cut anywhere, written partly as literals;
 * the decoder in invariants.h must give back the text with its line ends as CRLF. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "engine/base/prng.h"
#include "engine/mail/encode.h"
#include "engine/mail/utf8.h"
#include "tests/golden/invariants.h"

static char memory[1 << 16];
static struct arena arena;

static int setup(void **)
{
	arena_init(&arena, &test_heap, 0, 0);
	return 0;
}

static int teardown(void **)
{
	arena_done(&arena);
	return 0;
}

static str encode(str text)
{
	struct buf out;
	struct qp q;
	buf_init_fixed(&out, memory, sizeof(memory));
	qp_begin(&q, &out);
	qp_put(&q, text);
	qp_end(&q);
	assert_true(buf_ok(&out));
	return buf_str(&out);
}

static void assert_encodes(str text, const char *expected)
{
	str got = encode(text);
	assert_int_equal(got.size, strlen(expected));
	assert_memory_equal(got.data, expected, got.size);
}

static void test_qp_known_lines(void **)
{
	assert_encodes(STR("plain text"), "plain text");
	assert_encodes(STR("1 = 2\t3"), "1 =3D 2\t3");
	assert_encodes(STR("K\xC3\xB6ln"), "K=C3=B6ln");
	assert_encodes(STR("a\nb\r\nc\rd"), "a\r\nb\r\nc\r\nd");
	assert_encodes(STR("space \ntab\t\r\n end "), "space=20\r\ntab=09\r\n end=20");
	assert_encodes(STR(".\n..x\nFrom me\nFriend\nFoo"),
		       "=2E\r\n=2E.x\r\n=46rom me\r\n=46riend\r\nFoo");
	assert_encodes(STR("a\0b\x7F\x01"), "a=EF=BF=BDb=7F=01");
	assert_encodes(STR("\xFF|\xC3|\xED\xA0\x80"),
		       "=EF=BF=BD|=EF=BF=BD|=EF=BF=BD=EF=BF=BD=EF=BF=BD");
}

static void test_qp_breaks_long_lines_between_characters(void **)
{
	char text[200];
	memset(text, 'x', sizeof(text));
	str got = encode(str_make(text, 76));
	assert_memory_equal(got.data + 75, "=\r\nx", 4);
	for (size_t lead = 0; lead < 80; lead++) {
		memcpy(text + lead, "\xF0\x9F\x8D\x82", 4);
		got = encode(str_make(text, lead + 4));
		assert_true(str_ends(got, STR("=F0=9F=8D=82")));
		memset(text + lead, 'x', 4);
	}
}

static void test_qp_space_at_the_last_column(void **)
{
	char text[80];
	for (size_t spaces_at = 70; spaces_at < 76; spaces_at++) {
		memset(text, 'x', sizeof(text));
		text[spaces_at] = ' ';
		text[spaces_at + 1] = '\n';
		str got = encode(str_make(text, spaces_at + 2));
		assert_null(lines_fault(got, QP_LINE_LIMIT, true));
	}
}

/* What the decoder must see: line ends as CRLF, NUL and non-characters replaced. */
static void canonical(str text, struct buf *out)
{
	while (text.size > 0) {
		size_t size = utf8_char_size(text);
		if (str_starts(text, STR("\r\n")))
			size = 2;
		if (text.data[0] == '\r' || text.data[0] == '\n')
			buf_put(out, STR("\r\n"));
		else if (size == 0 || text.data[0] == '\0')
			buf_put(out, STR(UTF8_REPLACEMENT));
		else
			buf_put(out, str_make(text.data, size));
		text = str_from(text, size ? size : 1);
	}
}

static void assert_reads_back(str encoded, str text, uint64_t seed)
{
	static char decoded_memory[1 << 16], expected_memory[1 << 16];
	struct buf decoded, expected;
	buf_init_fixed(&decoded, decoded_memory, sizeof(decoded_memory));
	buf_init_fixed(&expected, expected_memory, sizeof(expected_memory));
	const char *fault = lines_fault(encoded, QP_LINE_LIMIT, true);
	canonical(text, &expected);
	bool decodes = qp_decode(encoded, &decoded);
	if (fault || !decodes || !str_eq(buf_str(&decoded), buf_str(&expected)))
		fail_msg("seed %llu: %s\ntext: %.*s\nencoded: %.*s", (unsigned long long)seed,
			 fault ? fault : "reads back wrong", STR_FORMAT(text),
			 STR_FORMAT(encoded));
}

static str random_text(struct prng *chance, char *text, size_t limit)
{
	static const char *const pieces[] = {
		"a",
		"Fr",
		"From ",
		".",
		"..",
		"=",
		" ",
		"\t",
		"\n",
		"\r",
		"\r\n",
		"\n\n",
		"x",
		"eleven word",
		"\xC3\xB6",
		"\xE2\x82\xAC",
		"\xF0\x9F\x8D\x82",
		"\xD7\xA9",
		"\xFF",
		"<td align=\"left\" class=\"n\">",
		"0123456789012345678901234567890123456789",
	};
	size_t size = 0, wanted = (size_t)prng_below(chance, limit - 64);
	while (size < wanted) {
		str piece =
			str_of(pieces[prng_below(chance, sizeof(pieces) / sizeof(*pieces))]);
		memcpy(text + size, piece.data, piece.size);
		size += piece.size;
	}
	return str_make(text, size);
}

/* The next cut at or behind at that splits no character. */
static size_t cut_at(str text, size_t at)
{
	while (at < text.size && ((unsigned char)text.data[at] & 0xC0) == 0x80)
		at++;
	return at;
}

static void put_piece(struct qp *q, str piece, bool literal)
{
	struct qp_literal compiled;
	if (!literal) {
		qp_put(q, piece);
		return;
	}
	assert_int_equal(qp_literal_compile(&arena, piece, &compiled), 0);
	qp_put_literal(q, &compiled);
}

static void test_qp_same_text_at_every_split(void **)
{
	str text = STR(
		".F\r\nFrom \xF0\x9F\x8D\x82 a \r\n\n.\t\rabc =\xC3\xB6 0123456789012345678901"
		"2345678901234567890123456789012345678901234567890123456789 \nend. ");
	for (size_t at = 0; at <= text.size; at++) {
		if (cut_at(text, at) != at)
			continue;
		for (unsigned way = 0; way < 4; way++) {
			struct buf out;
			struct qp q;
			buf_init_fixed(&out, memory, sizeof(memory));
			qp_begin(&q, &out);
			put_piece(&q, str_sub(text, 0, at), way & 1);
			put_piece(&q, str_from(text, at), way & 2);
			qp_end(&q);
			assert_reads_back(buf_str(&out), text, at);
		}
	}
}

static void test_qp_random_texts_in_random_pieces(void **)
{
	for (uint64_t seed = 0; seed < 3000; seed++) {
		struct prng chance;
		char text_memory[2048];
		struct buf out;
		struct qp q;
		prng_init(&chance, seed);
		str text = random_text(&chance, text_memory, sizeof(text_memory));
		buf_init_fixed(&out, memory, sizeof(memory));
		qp_begin(&q, &out);
		for (size_t at = 0; at < text.size;) {
			size_t end = cut_at(text, at + 1 + prng_below(&chance, 200));
			put_piece(&q, str_sub(text, at, end - at), prng_below(&chance, 2));
			at = end < text.size ? end : text.size;
		}
		qp_end(&q);
		assert_reads_back(buf_str(&out), text, seed);
		arena_reset(&arena);
	}
}

static void test_qp_resumes_at_the_column_it_left(void **)
{
	struct buf out;
	struct qp q, resumed;
	buf_init_fixed(&out, memory, sizeof(memory));
	qp_begin(&q, &out);
	for (int i = 0; i < 500; i++) {
		qp_put(&q, i % 7 ? STR("some words =\xC3\xB6 ") : STR("a line end\n"));
		qp_resume(&resumed, &out);
		assert_int_equal(resumed.column, q.column);
	}
}

static void test_qp_empty_literal_changes_nothing(void **)
{
	struct qp_literal empty;
	struct buf out;
	struct qp q;
	assert_int_equal(qp_literal_compile(&arena, STR(""), &empty), 0);
	buf_init_fixed(&out, memory, sizeof(memory));
	qp_begin(&q, &out);
	qp_put(&q, STR("a\r"));
	qp_put_literal(&q, &empty);
	qp_put(&q, STR("\nb"));
	assert_true(str_eq(buf_str(&out), STR("a\r\nb")));
}

static void test_qp_full_buffer_fails_and_stays_inside(void **)
{
	for (size_t size = 0; size < 90; size++) {
		char *small = malloc(size + 1);
		struct buf out;
		struct qp q;
		buf_init_fixed(&out, small, size);
		qp_begin(&q, &out);
		for (int i = 0; i < 3; i++)
			qp_put(&q, STR("K\xC3\xB6ln am Rhein, a line of some length \n"));
		qp_end(&q);
		assert_false(buf_ok(&out));
		free(small);
	}
}

static void test_base64_known_values(void **)
{
	static const char *const pairs[][2] = {
		{"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
		{"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct buf out;
		buf_init_fixed(&out, memory, sizeof(memory));
		base64_put(&out, str_of(pairs[i][0]));
		assert_true(str_eq(buf_str(&out), str_of(pairs[i][1])));
	}
}

static void test_base64_lines_are_76_columns(void **)
{
	char bytes[200] = {};
	struct buf out;
	buf_init_fixed(&out, memory, sizeof(memory));
	base64_put_lines(&out, str_make(bytes, sizeof(bytes)));
	assert_null(lines_fault(buf_str(&out), 76, false));
	assert_int_equal(str_find(buf_str(&out), STR("\r\n")), 76);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_qp_known_lines),
		cmocka_unit_test(test_qp_breaks_long_lines_between_characters),
		cmocka_unit_test(test_qp_space_at_the_last_column),
		cmocka_unit_test(test_qp_same_text_at_every_split),
		cmocka_unit_test(test_qp_random_texts_in_random_pieces),
		cmocka_unit_test(test_qp_resumes_at_the_column_it_left),
		cmocka_unit_test(test_qp_empty_literal_changes_nothing),
		cmocka_unit_test(test_qp_full_buffer_fails_and_stays_inside),
		cmocka_unit_test(test_base64_known_values),
		cmocka_unit_test(test_base64_lines_are_76_columns),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
