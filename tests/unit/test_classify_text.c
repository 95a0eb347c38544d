/* test_classify_text.c - plain words out of replies, and literals out of plain words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/base/prng.h"
#include "engine/smtp/automaton.h"
#include "engine/smtp/classify_text.h"

static void check_plain(const char *text, const char *expected)
{
	struct plain_text t;

	plain_text_make(&t, str_of(text));
	if (!str_eq(str_make(t.bytes, t.size), str_of(expected)))
		fail_msg("\"%s\" -> \"%.*s\"", text, (int)t.size, t.bytes);
}

static void test_plain_text_table(void **)
{
	check_plain("", " ");
	check_plain("User unknown", " user unknown ");
	check_plain("  User,\r\n\tunknown!  ", " user unknown ");
	check_plain("<ann@example.com>... Unknown", " @ unknown ");
	check_plain("<ann@example.com>:blocked", " @ blocked ");
	check_plain("client [192.0.2.1] and 2001:db8::25", " client # and # ");
	check_plain("ip=192.0.2.1", " ip 192 0 2 1 ");
	check_plain("see http://www.Example.com/a?p=NoSuchUser",
		    " see /http /example.com /a /p "
		    "/nosuchuser ");
	check_plain("using zen.spamhaus.org; x", " using spamhaus.org x ");
	check_plain("is full.Please go", " is full please go ");
	check_plain("OFR_416 [416] AUP#In-1310", " ofr 416 416 aup in 1310 ");
	check_plain("doesn't can\xE2\x80\x99t 'quoted'", " doesnt cant quoted ");
	check_plain("bo\xC3\xAEte gro\xC3\x9F \xC5\xBC \xE9", " boite gross z e ");
	check_plain("550 5.1.1 no", " no ");
	check_plain("550-5.7.26 no 550 yes", " no 550 yes ");
	check_plain("\xC3", " a ");
	check_plain("\x80\x80", " ");
}

static void check_codes(const char *text, uint16_t code, const char *status)
{
	struct plain_text t;
	char seen[32];

	plain_text_make(&t, str_of(text));
	snprintf(seen, sizeof(seen), "%u.%u.%u", t.status.class, t.status.subject,
		 t.status.detail);
	if (t.code != code || strcmp(seen, status) != 0)
		fail_msg("\"%s\": %u %s", text, t.code, seen);
}

static void test_plain_text_finds_codes(void **)
{
	check_codes("550 5.1.1 no", 550, "5.1.1");
	check_codes("421-4.7.28 no", 421, "4.7.28");
	check_codes("no (#5.1.1)", 0, "5.1.1");
	check_codes("host said: 452 later", 452, "0.0.0");
	check_codes("waited 300 seconds", 0, "0.0.0");
	check_codes("5.0.0 then 5.2.2", 0, "5.2.2");
	check_codes("5.1.1 then 4.2.2", 0, "5.1.1");
	check_codes("version 10.5.1.1", 0, "0.0.0");
	check_codes("250 2.1.5 ok", 250, "2.1.5");
	check_codes("had 250 of them", 0, "0.0.0");
}

/* Every prefix and every suffix is a text too. */
static void test_plain_text_of_every_part(void **)
{
	static const char text[] = "550-5.7.1 <a@b.de>:x [192.0.2.1] gro\xC3\x9F \xE7\x94\xA8 "
				   "http://x.org/?p=Y 'q' 00:05:00 300 s\r\n550 5.7.1 z\xC3";

	for (size_t i = 0; i < sizeof(text); i++) {
		struct plain_text t;
		plain_text_make(&t, str_make(text, i));
		assert_true(t.size >= 1 && t.bytes[0] == ' ' && t.bytes[t.size - 1] == ' ');
		plain_text_make(&t, str_make(text + i, sizeof(text) - 1 - i));
		assert_true(t.size >= 1 && t.bytes[0] == ' ' && t.bytes[t.size - 1] == ' ');
	}
}

/* --- the automaton against a naive search --- */

enum { LITERALS = 30, TEXT = 200 };

static void random_bytes(struct prng *prng, char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)('a' + prng_below(prng, 3));
}

static bool is_new(const str *literals, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (str_eq(literals[i], literals[count]))
			return false;
	}
	return true;
}

static void check_walk(const struct automaton *a, const str *literals, size_t count, str text,
		       uint64_t seed)
{
	uint16_t state = 0;

	for (size_t i = 0; i < text.size; i++) {
		bool found[LITERALS] = {};
		state = automaton_step(a, state, text.data[i]);
		for (uint16_t end = a->cells[state].longest; end; end = a->shorter[end])
			found[a->literals[end]] = true;
		for (size_t j = 0; j < count; j++) {
			if (found[j] != str_ends(str_sub(text, 0, i + 1), literals[j]))
				fail_msg("seed %lu at %zu, literal %zu", (unsigned long)seed, i,
					 j);
		}
	}
}

/* However the words come to the limit: a space before, between and after them. */
static void test_plain_text_fills_its_memory_to_the_last_byte(void **)
{
	char text[4096];
	for (size_t size = PLAIN_SIZE_LIMIT - 40; size < PLAIN_SIZE_LIMIT + 40; size++) {
		struct plain_text t;
		memset(text, 'x', sizeof(text));
		memcpy(text + size, " a.b.c-d1 ann@example.com 7x", 28);
		plain_text_make(&t, str_make(text, size + 28));
		assert_in_range(t.size, PLAIN_SIZE_LIMIT - 40, PLAIN_SIZE_LIMIT);
		assert_int_equal(t.bytes[t.size - 1], ' ');
		assert_int_not_equal(t.bytes[t.size - 2], ' ');
	}
}

static void test_automaton_finds_what_a_naive_search_finds(void **)
{
	static char memory[1 << 20], bytes[LITERALS][8], text[TEXT];

	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct arena arena;
		struct automaton a;
		struct prng prng;
		str literals[LITERALS];
		size_t count = 0;

		prng_init(&prng, seed);
		while (count < LITERALS) {
			size_t size = 1 + prng_below(&prng, 7);
			random_bytes(&prng, bytes[count], size);
			literals[count] = str_make(bytes[count], size);
			count += is_new(literals, count);
		}
		arena_init_fixed(&arena, memory, sizeof(memory));
		assert_int_equal(automaton_build(&a, &arena, literals, count), 0);
		random_bytes(&prng, text, TEXT);
		text[TEXT / 2] = 'z'; /* in no literal */
		check_walk(&a, literals, count, str_make(text, TEXT), seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_text_table),
		cmocka_unit_test(test_plain_text_finds_codes),
		cmocka_unit_test(test_plain_text_of_every_part),
		cmocka_unit_test(test_plain_text_fills_its_memory_to_the_last_byte),
		cmocka_unit_test(test_automaton_finds_what_a_naive_search_finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
