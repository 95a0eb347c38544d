/* test_sign_canon.c - relaxed canonical forms: RFC 6376's examples, and a slow reading of the
 * same rules that shares nothing with ours. */
#include "tests/unit/cmocka_all.h"

#include <stdio.h>

#include "engine/base/prng.h"
#include "engine/sign/canon.h"

#define TEXT_SIZE 20000

static void hash_of(str text, uint8_t ret_hash[32])
{
	unsigned size;
	assert_int_equal(EVP_Digest(text.data, text.size, ret_hash, &size, EVP_sha256(), NULL),
			 1);
}

static void check(void (*canon)(struct hasher *, str), str in, str expected)
{
	static struct hasher hasher;
	static EVP_MD_CTX *context;
	uint8_t found[32], wanted[32];
	if (!context)
		context = EVP_MD_CTX_new();
	char *exact = malloc(in.size + 1); /* so that a byte read too far is seen */
	assert_non_null(exact);
	char *copy = exact + 1;
	if (in.size)
		memcpy(copy, in.data, in.size);
	hasher_begin(&hasher, context, EVP_sha256());
	canon(&hasher, str_make(copy, in.size));
	assert_int_equal(hasher_end(&hasher, found), 0);
	hash_of(expected, wanted);
	if (memcmp(found, wanted, 32) != 0)
		fail_msg("canonical form of \"%.*s\" is not \"%.*s\"", STR_FORMAT(in),
			 STR_FORMAT(expected));
	free(exact);
}

static void test_canon_body_follows_rfc_6376(void **state)
{
	(void)state;
	/* 3.4.5, and the cases of 3.4.4 */
	check(canon_body, STR(" C \r\nD \t E\r\n\r\n\r\n"), STR(" C\r\nD E\r\n"));
	check(canon_body, STR(""), STR(""));
	check(canon_body, STR("\r\n"), STR(""));
	check(canon_body, STR(" \t\r\n\r\n \r\n"), STR(""));
	check(canon_body, STR(" "), STR(""));
	check(canon_body, STR("a"), STR("a\r\n"));
	check(canon_body, STR("a \t"), STR("a\r\n"));
	check(canon_body, STR("a\r\n"), STR("a\r\n"));
	check(canon_body, STR("a\r\n\r\n \r\nb"), STR("a\r\n\r\n\r\nb\r\n"));
	check(canon_body, STR("\r\n\r\na\r\n"), STR("\r\n\r\na\r\n"));
	check(canon_body, STR("\ta\tb\r\n"), STR(" a b\r\n"));
}

static void test_canon_body_leaves_bare_line_bytes_alone(void **state)
{
	(void)state;
	check(canon_body, STR("a \nb \rc\r\n"), STR("a \nb \rc\r\n"));
	check(canon_body, STR("a \r \n\r\n"), STR("a \r \n\r\n"));
	check(canon_body, STR("a\n"), STR("a\n\r\n"));
	check(canon_body, STR("a\r"), STR("a\r\r\n"));
	check(canon_body, STR("\r\r\n"), STR("\r\r\n"));
}

/* Cut at two places, every pair of them: the state must carry everything. */
static void test_canon_body_may_come_in_pieces(void **state)
{
	(void)state;
	static const char *const bodies[] = {" C \r\nD \t E\r\n\r\n\r\n",
					     "\r\n\r\na\r\n",
					     "a \r \n\r\n",
					     "\r\r\n",
					     "a\r",
					     "a \r",
					     "a\r\n \r\n\t\r\nb  c\r\n\r",
					     "\r\n \r",
					     "\n\r\n\r\r\n\n",
					     " ",
					     "a\r\n \rb\r\n",
					     "  a\r\n\r\n  b\t\tc \r\n"};
	for (size_t n = 0; n < sizeof bodies / sizeof *bodies; n++) {
		str text = str_of(bodies[n]);
		static struct hasher hasher;
		EVP_MD_CTX *context = EVP_MD_CTX_new(), *saved = EVP_MD_CTX_new();
		uint8_t wanted[32], found[32];
		hasher_begin(&hasher, context, EVP_sha256());
		canon_body(&hasher, text);
		assert_int_equal(hasher_end(&hasher, wanted), 0);
		for (size_t i = 0; i <= text.size; i++) {
			for (size_t j = i; j <= text.size; j++) {
				struct canon_body body = {};
				hasher_begin(&hasher, context, EVP_sha256());
				canon_body_put(&body, &hasher, str_sub(text, 0, i));
				canon_body_put(&body, &hasher, str_sub(text, i, j - i));
				assert_int_equal(hasher_save(&hasher, saved), 0);
				hasher_resume(&hasher, context, saved);
				canon_body_put(&body, &hasher, str_from(text, j));
				canon_body_end(&body, &hasher);
				assert_int_equal(hasher_end(&hasher, found), 0);
				if (memcmp(found, wanted, 32) != 0)
					fail_msg("body %zu cut at %zu and %zu", n, i, j);
			}
		}
		EVP_MD_CTX_free(context);
		EVP_MD_CTX_free(saved);
	}
}

static void test_canon_field_follows_rfc_6376(void **state)
{
	(void)state;
	check(canon_field, STR("A: X"), STR("a:X"));
	check(canon_field, STR("B : Y\t\r\n\tZ  "), STR("b:Y Z"));
	check(canon_field, STR("SUBJect:AbC"), STR("subject:AbC"));
	check(canon_field, STR("X:"), STR("x:"));
	check(canon_field, STR("X: \r\n "), STR("x:"));
	check(canon_field, STR("X:\r\n a:b\r\n\t c"), STR("x:a:b c"));
	check(canon_field, STR("X:a\r\n  "), STR("x:a"));
}

static bool wsp(char c)
{
	return c == ' ' || c == '\t';
}

/* One line at a time, byte for byte, remembering empty lines until one with text comes. */
static size_t slow_body(str in, char *out)
{
	size_t size = 0, empty_lines = 0, at = 0;
	while (at < in.size) {
		size_t end = at;
		while (end < in.size &&
		       !(in.data[end] == '\r' && end + 1 < in.size && in.data[end + 1] == '\n'))
			end++;
		char line[TEXT_SIZE];
		size_t length = 0;
		for (size_t i = at; i < end; i++) {
			if (!wsp(in.data[i]))
				line[length++] = in.data[i];
			else if (i + 1 < end && !wsp(in.data[i + 1]))
				line[length++] = ' ';
		}
		at = end + 2;
		if (length == 0) {
			empty_lines++;
			continue;
		}
		for (; empty_lines; empty_lines--, size += 2)
			memcpy(out + size, "\r\n", 2);
		memcpy(out + size, line, length);
		memcpy(out + size + length, "\r\n", 2);
		size += length + 2;
	}
	return size;
}

static void test_canon_body_agrees_with_a_slow_reading(void **state)
{
	(void)state;
	static char in[TEXT_SIZE], out[2 * TEXT_SIZE];
	static const char *const parts[] = {
		" ",    "\t",   "\r\n", "\r\n",    "a",
		"word", "\r",   "\n",   " \r\n",   "a long run of text ",
		"  ",   "=3D=", ".",    "\xc3\xa4"};
	for (uint64_t seed = 0; seed < 4000; seed++) {
		struct prng p;
		prng_init(&p, seed);
		size_t size = 0, count = prng_below(&p, seed % 50 ? 60 : 3000);
		bool plain = prng_below(&p, 3) == 0; /* mostly text: long canonical runs */
		while (count-- && size < TEXT_SIZE - 32) {
			const char *part = plain && prng_below(&p, 40)
						   ? "some plain words of a letter\r\nand "
						   : parts[prng_below(&p, 14)];
			memcpy(in + size, part, strlen(part));
			size += strlen(part);
			if (size > TEXT_SIZE - 64)
				break;
		}
		check(canon_body, str_make(in, size),
		      str_make(out, slow_body(str_make(in, size), out)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canon_body_follows_rfc_6376),
		cmocka_unit_test(test_canon_body_leaves_bare_line_bytes_alone),
		cmocka_unit_test(test_canon_body_may_come_in_pieces),
		cmocka_unit_test(test_canon_field_follows_rfc_6376),
		cmocka_unit_test(test_canon_body_agrees_with_a_slow_reading),
	};
	return cmocka_run_group_tests_name("canon", tests, NULL, NULL);
}
