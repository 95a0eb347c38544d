/* test_mail_token.c - the text of a token: one spelling, one length, nothing shown. */
#include "tests/unit/cmocka_all.h"

#include "engine/base/prng.h"
#include "engine/mail/token.h"

static uint8_t mac[TOKEN_MAC_SIZE];

static int fill(void **)
{
	struct prng chance;
	prng_init(&chance, 1);
	for (size_t i = 0; i < sizeof(mac); i++)
		mac[i] = (uint8_t)prng_u64(&chance);
	mac[0] = 7;
	return 0;
}

static str encode(char memory[TOKEN_TEXT_LIMIT], const struct token *token,
		  enum token_purpose purpose)
{
	struct buf out;
	buf_init_fixed(&out, memory, TOKEN_TEXT_LIMIT);
	token_encode(&out, token, purpose, mac);
	assert_true(buf_ok(&out));
	return buf_str(&out);
}

static bool decode(str text, enum token_purpose purpose, struct token *ret)
{
	struct token_sealed sealed;
	return token_read(text, &sealed) && sealed.key == 7 &&
	       memcmp(sealed.proof, mac + TOKEN_PROOF_AT(purpose), TOKEN_PROOF_SIZE) == 0 &&
	       token_unmask(&sealed, mac + TOKEN_MASK_AT(purpose), ret);
}

static void test_token_round_trip(void **)
{
	struct prng chance;
	prng_init(&chance, 2);
	for (int i = 0; i < 2000; i++) {
		struct token token = {(uint32_t)prng_u64(&chance) >> prng_below(&chance, 32),
				      prng_u64(&chance) >> prng_below(&chance, 64),
				      prng_u64(&chance) >> prng_below(&chance, 64)};
		enum token_purpose purpose =
			(enum token_purpose)prng_below(&chance, TOKEN_PURPOSE_COUNT);
		char memory[TOKEN_TEXT_LIMIT];
		struct token back;
		assert_true(decode(encode(memory, &token, purpose), purpose, &back));
		assert_int_equal(back.tenant, token.tenant);
		assert_true(back.campaign_id == token.campaign_id);
		assert_true(back.subscriber_id == token.subscriber_id);
	}
}

/* 200 million subscribers, a million campaigns, outbox rows of 2^40: all look the same. */
static void test_token_length_tells_nothing(void **)
{
	static const struct token usual[] = {{1, 1, 0},
					     {1, 1, 1},
					     {1, 77, 123456},
					     {100, 1000000, 200000000},
					     {1, 2000000, 1ull << 40}};
	static const struct token largest = {UINT32_MAX, UINT64_MAX, UINT64_MAX};
	char memory[TOKEN_TEXT_LIMIT];
	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
		assert_int_equal(encode(memory, &usual[i], TOKEN_LINK).size, 33);
	/* With "b-" it fits a local part (RFC 5321 4.5.3.1.1). */
	assert_int_equal(encode(memory, &largest, TOKEN_BOUNCE).size, TOKEN_TEXT_LIMIT);
	assert_in_range(TOKEN_TEXT_LIMIT + 2, 0, 64);
}

static void test_token_survives_folded_case(void **)
{
	struct token token = {1, 77, 123456}, back;
	char memory[TOKEN_TEXT_LIMIT];
	str text = encode(memory, &token, TOKEN_UNSUBSCRIBE);
	assert_int_equal(text.data[0], token_key_letter(7));
	for (size_t i = 0; i < text.size; i++)
		if (memory[i] >= 'a' && memory[i] <= 'z')
			memory[i] = (char)(memory[i] - 'a' + 'A');
	assert_true(decode(text, TOKEN_UNSUBSCRIBE, &back));
	assert_true(back.subscriber_id == 123456);
}

static void test_token_refuses_all_else(void **)
{
	struct token token = {1, 77, 123456};
	struct token_sealed sealed;
	char memory[TOKEN_TEXT_LIMIT + 8];
	str text = encode(memory, &token, TOKEN_BOUNCE);
	for (size_t cut = 0; cut < text.size; cut++)
		assert_false(token_read(str_sub(text, 0, cut), &sealed));
	memset(memory + text.size, 'a', 4);
	for (size_t more = 1; more <= 4; more++)
		assert_false(token_read(str_make(memory, text.size + more), &sealed));
	for (size_t i = 0; i < text.size; i++) {
		char kept = memory[i];
		memory[i] = i % 2 ? '!' : '1';
		assert_false(token_read(text, &sealed));
		memory[i] = kept;
	}
	char longer[TOKEN_TEXT_LIMIT + 1];
	memset(longer, 'a', sizeof(longer));
	assert_false(token_read(str_make(longer, sizeof(longer)), &sealed));
}

/* A second spelling of the same ids would be a second token. */
static void test_token_has_one_spelling(void **)
{
	static const uint8_t no_mask[TOKEN_MASK_SIZE];
	static const struct token_sealed rows[] = {
		{.ids = {1, 77, 5, 0, 0, 0, 0, 0, 0, 1}, .ids_size = 10}, /* not zero behind */
		{.ids = {0x81, 0, 77, 5}, .ids_size = 10},                /* a longer varint */
		{.ids = {0xff, 0xff, 0xff, 0xff, 0x1f, 1, 1}, .ids_size = 10}, /* tenant */
		{.ids = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		 .ids_size = 10},
		{.ids = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9}, .ids_size = 20}, /* fits in ten */
	};
	static const struct token_sealed good = {.ids = {1, 77, 5}, .ids_size = 10};
	struct token token;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_false(token_unmask(&rows[i], no_mask, &token));
	assert_true(token_unmask(&good, no_mask, &token));
	assert_int_equal(token.subscriber_id, 5);
}

static void test_token_purposes_share_no_byte(void **)
{
	bool taken[TOKEN_MAC_SIZE] = {true};
	for (size_t p = 0; p < TOKEN_PURPOSE_COUNT; p++) {
		for (size_t i = 0; i < TOKEN_PROOF_SIZE + TOKEN_MASK_SIZE; i++) {
			size_t at = i < TOKEN_PROOF_SIZE
					    ? TOKEN_PROOF_AT(p) + i
					    : TOKEN_MASK_AT(p) + i - TOKEN_PROOF_SIZE;
			assert_false(taken[at]);
			taken[at] = true;
		}
	}
}

static void test_token_keys_have_letters(void **)
{
	for (unsigned key = 0; key < 32; key++)
		assert_int_equal(token_key_number(token_key_letter(key)), key);
	assert_int_equal(token_key_number('B'), 1);
	for (const char *c = "018 9!\x80\n"; *c; c++)
		assert_int_equal(token_key_number(*c), 32);
	assert_int_equal(token_key_number('\0'), 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_token_round_trip),
		cmocka_unit_test(test_token_length_tells_nothing),
		cmocka_unit_test(test_token_survives_folded_case),
		cmocka_unit_test(test_token_refuses_all_else),
		cmocka_unit_test(test_token_has_one_spelling),
		cmocka_unit_test(test_token_purposes_share_no_byte),
		cmocka_unit_test(test_token_keys_have_letters),
	};
	return cmocka_run_group_tests_name("token", tests, fill, NULL);
}
