#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "engine/base/prng.h"
#include "engine/mail/token.h"

static const uint8_t mac[TOKEN_MAC_SIZE] = "0123456789abcdefghijklmnopqrstuv";

static str encode(char memory[TOKEN_TEXT_LIMIT], const struct token *token,
		  enum token_purpose purpose)
{
	struct buf out;
	buf_init_fixed(&out, memory, TOKEN_TEXT_LIMIT);
	token_encode(&out, token, purpose, mac);
	assert_true(buf_ok(&out));
	return buf_str(&out);
}

static void test_token_round_trip(void **)
{
	struct prng chance;
	prng_init(&chance, 2);
	for (int i = 0; i < 2000; i++) {
		struct token token = {(uint32_t)prng_u64(&chance) >> prng_below(&chance, 32),
				      prng_u64(&chance) >> prng_below(&chance, 64),
				      prng_u64(&chance) >> prng_below(&chance, 64)};
		enum token_purpose purpose = (enum token_purpose)prng_below(&chance, 3);
		char memory[TOKEN_TEXT_LIMIT];
		str text = encode(memory, &token, purpose);
		struct token back;
		uint8_t proof[TOKEN_PROOF_SIZE];
		assert_true(token_decode(text, &back, proof));
		assert_int_equal(back.tenant, token.tenant);
		assert_true(back.campaign_id == token.campaign_id);
		assert_true(back.subscriber_id == token.subscriber_id);
		assert_memory_equal(proof, token_proof(purpose, mac), sizeof(proof));
	}
}

static void test_token_largest_fits_a_local_part(void **)
{
	struct token largest = {UINT32_MAX, UINT64_MAX, UINT64_MAX};
	char memory[TOKEN_TEXT_LIMIT];
	assert_in_range(encode(memory, &largest, TOKEN_BOUNCE).size, 50, 62);
}

static void test_token_survives_folded_case(void **)
{
	struct token token = {1, 77, 123456}, back;
	uint8_t proof[TOKEN_PROOF_SIZE];
	char memory[TOKEN_TEXT_LIMIT];
	str text = encode(memory, &token, TOKEN_UNSUBSCRIBE);
	for (size_t i = 0; i < text.size; i++)
		if (memory[i] >= 'a' && memory[i] <= 'z')
			memory[i] = (char)(memory[i] - 'a' + 'A');
	assert_true(token_decode(text, &back, proof));
	assert_true(back.subscriber_id == 123456);
}

static void test_token_refuses_all_else(void **)
{
	struct token token = {1, 77, 123456}, back;
	uint8_t proof[TOKEN_PROOF_SIZE];
	char memory[TOKEN_TEXT_LIMIT + 8];
	str text = encode(memory, &token, TOKEN_BOUNCE);
	for (size_t cut = 0; cut < text.size - 1; cut++)
		assert_false(token_decode(str_sub(text, 0, cut), &back, proof));
	memset(memory + text.size, 'a', 4);
	assert_false(token_decode(str_make(memory, text.size + 4), &back, proof));
	memory[3] = '!';
	assert_false(token_decode(text, &back, proof));
	char longer[TOKEN_TEXT_LIMIT + 1];
	memset(longer, 'a', sizeof(longer));
	assert_false(token_decode(str_make(longer, sizeof(longer)), &back, proof));
	assert_false(token_decode(STR(""), &back, proof));
}

static void test_token_purposes_share_no_proof_byte(void **)
{
	assert_ptr_equal(token_proof(TOKEN_BOUNCE, mac) + TOKEN_PROOF_SIZE,
			 token_proof(TOKEN_UNSUBSCRIBE, mac));
	assert_ptr_equal(token_proof(TOKEN_UNSUBSCRIBE, mac) + TOKEN_PROOF_SIZE,
			 token_proof(TOKEN_LINK, mac));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_token_round_trip),
		cmocka_unit_test(test_token_largest_fits_a_local_part),
		cmocka_unit_test(test_token_survives_folded_case),
		cmocka_unit_test(test_token_refuses_all_else),
		cmocka_unit_test(test_token_purposes_share_no_proof_byte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
