/* test_sign_mac.c - tokens that only the holder of the secret can make, or read. */
#include "tests/unit/cmocka_all.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "engine/base/prng.h"
#include "engine/sign/mac.h"

static const str secret = {"0123456789abcdef", 16};
static const struct token token = {.tenant = 1, .campaign_id = 7, .subscriber_id = 123456789};

static struct mac_keys *open_keys(str secrets)
{
	char why[200];
	struct mac_keys *keys = mac_keys_create(secrets, why);
	if (!keys)
		fail_msg("%s", why);
	return keys;
}

static str encode(struct mac_keys *keys, char letter, const struct token *of,
		  enum token_purpose purpose, char memory[TOKEN_TEXT_LIMIT])
{
	uint8_t mac[TOKEN_MAC_SIZE];
	struct buf text;
	buf_init_fixed(&text, memory, TOKEN_TEXT_LIMIT);
	mac_of(keys, letter, of, mac);
	token_encode(&text, of, purpose, mac);
	assert_true(buf_ok(&text));
	return buf_str(&text);
}

static void aes(const uint8_t key[16], const uint8_t in[16], uint8_t out[32])
{
	int size = 0;
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	assert_int_equal(EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), NULL, key, NULL), 1);
	assert_int_equal(EVP_EncryptUpdate(context, out, &size, in, 16), 1);
	assert_int_equal(size, 16);
	EVP_CIPHER_CTX_free(context);
}

static void put_ids(uint8_t text[39], const struct token *of)
{
	memcpy(text, "rundbrief token v2", 19);
	for (int i = 0; i < 4; i++)
		text[19 + i] = (uint8_t)(of->tenant >> (24 - 8 * i));
	for (int i = 0; i < 8; i++) {
		text[23 + i] = (uint8_t)(of->campaign_id >> (56 - 8 * i));
		text[31 + i] = (uint8_t)(of->subscriber_id >> (56 - 8 * i));
	}
}

/* The construction as the card of mac.c writes it, from OpenSSL's plain functions. */
static void expect_mac(str of_secret, const struct token *of, uint8_t expected[TOKEN_MAC_SIZE])
{
	uint8_t text[39], made[2][32], h[32], block[16], out[32];
	uint8_t label[] = "rundbrief token v2 keys\0";
	unsigned size = 32;
	for (uint8_t i = 0; i < 2; i++) {
		label[24] = i;
		HMAC(EVP_sha256(), of_secret.data, (int)of_secret.size, label, 25, made[i],
		     &size);
	}
	put_ids(text, of);
	HMAC(EVP_sha256(), of_secret.data, (int)of_secret.size, text, 39, h, &size);
	expected[0] = made[1][0] & 31;
	for (uint8_t p = 0; p < TOKEN_PURPOSE_COUNT; p++) {
		memcpy(block, h, 15);
		block[15] = p;
		aes(made[0], block, out);
		memcpy(expected + TOKEN_PROOF_AT(p), out, TOKEN_PROOF_SIZE);
		memset(block, 0, 16);
		memcpy(block, out, TOKEN_PROOF_SIZE);
		aes(made[0] + 16, block, out);
		memcpy(expected + TOKEN_MASK_AT(p), out, 16);
		block[15] = 1;
		aes(made[0] + 16, block, out);
		memcpy(expected + TOKEN_MASK_AT(p) + 16, out, 4);
	}
}

static void test_mac_is_hmac_and_aes(void **)
{
	struct prng chance;
	char bytes[200];
	prng_init(&chance, 3);
	for (int round = 0; round < 300; round++) {
		size_t size = 16 + prng_below(&chance, 180); /* also longer than a block */
		for (size_t i = 0; i < size; i++)
			bytes[i] = (char)('!' + prng_below(&chance, 90));
		const struct token of = {(uint32_t)prng_u64(&chance), prng_u64(&chance),
					 prng_u64(&chance)};
		uint8_t expected[TOKEN_MAC_SIZE], mac[TOKEN_MAC_SIZE];
		struct mac_keys *keys = open_keys(str_make(bytes, size));
		struct mac_keys *copy = mac_keys_copy(keys);
		assert_non_null(copy);
		expect_mac(str_make(bytes, size), &of, expected);
		for (int i = 0; i < 3; i++) { /* what is held is not used up */
			struct mac_keys *used = i == 2 ? copy : keys;
			mac_of(used, mac_keys_newest(used), &of, mac);
			assert_memory_equal(mac, expected, TOKEN_MAC_SIZE);
			if (i == 1)
				mac_keys_destroy(keys);
		}
		mac_keys_destroy(copy);
	}
}

static void test_mac_check_takes_only_its_own_tokens(void **)
{
	struct mac_keys *keys = open_keys(secret);
	struct mac_keys *other = open_keys(STR("0123456789abcdeg"));
	char memory[TOKEN_TEXT_LIMIT];
	char letter = mac_keys_newest(keys);
	struct token found;
	for (enum token_purpose purpose = 0; purpose < TOKEN_PURPOSE_COUNT; purpose++) {
		enum token_purpose seen;
		str text = encode(keys, letter, &token, purpose, memory);
		assert_true(mac_check(keys, text, purpose, &found));
		assert_int_equal(found.tenant, token.tenant);
		assert_true(found.campaign_id == 7 && found.subscriber_id == 123456789);
		assert_true(mac_check_any(keys, text, &found, &seen) && seen == purpose);
		assert_false(mac_check(other, text, purpose, &found));
		assert_false(mac_check_any(other, text, &found, &seen));
		for (enum token_purpose p = 0; p < TOKEN_PURPOSE_COUNT; p++)
			assert_int_equal(mac_check(keys, text, p, &found), p == purpose);
		for (size_t i = 0; i < text.size; i++) {
			char kept = memory[i];
			memory[i] = kept == 'a' ? 'b' : 'a';
			assert_false(mac_check_any(keys, text, &found, &seen));
			memory[i] = kept;
			assert_false(mac_check_any(keys, str_make(memory, i), &found, &seen));
		}
	}
	mac_keys_destroy(keys);
	mac_keys_destroy(other);
}

/* Neighbours' tokens differ in about 15 of 16 letters or more: nothing of the ids shows. */
static void test_mac_neighbours_tokens_have_nothing_in_common(void **)
{
	struct mac_keys *keys = open_keys(secret);
	char first[TOKEN_TEXT_LIMIT], second[TOKEN_TEXT_LIMIT];
	size_t same = 0, all = 0;
	for (uint64_t id = 1; id <= 500; id++) {
		const struct token a = {1, 7, id}, b = {1, 7, id + 1};
		str one = encode(keys, mac_keys_newest(keys), &a, TOKEN_TRACK, first);
		str two = encode(keys, mac_keys_newest(keys), &b, TOKEN_TRACK, second);
		assert_int_equal(one.size, two.size);
		for (size_t i = 1; i < one.size; i++, all++)
			same += first[i] == second[i];
	}
	assert_in_range(same * 32, all / 2, all * 2); /* by chance 1 in 32 */
	mac_keys_destroy(keys);
}

static void test_mac_rotation_keeps_old_tokens(void **)
{
	char before[TOKEN_TEXT_LIMIT], again[TOKEN_TEXT_LIMIT], after[TOKEN_TEXT_LIMIT];
	struct mac_keys *old = open_keys(secret);
	struct mac_keys *both = open_keys(STR("a new and long secret\n0123456789abcdef\n"));
	char letter = mac_keys_newest(old);
	struct token found;
	assert_int_equal(mac_keys_oldest(both), letter);
	assert_int_not_equal(mac_keys_newest(both), letter);
	assert_true(mac_keys_has(both, letter) && mac_keys_has(both, mac_keys_newest(both)));
	assert_false(mac_keys_has(old, mac_keys_newest(both)));
	str text = encode(old, letter, &token, TOKEN_BOUNCE, before);
	assert_true(mac_check(both, text, TOKEN_BOUNCE, &found));
	/* Who goes on with the old key writes the same Message-ID. */
	assert_true(str_eq(text, encode(both, letter, &token, TOKEN_BOUNCE, again)));
	str fresh = encode(both, mac_keys_newest(both), &token, TOKEN_BOUNCE, after);
	assert_false(str_eq(text, fresh));
	assert_true(mac_check(both, fresh, TOKEN_BOUNCE, &found));
	assert_false(mac_check(old, fresh, TOKEN_BOUNCE, &found));
	mac_keys_destroy(old);
	mac_keys_destroy(both);
}

static void test_mac_refuses_secrets_that_are_none(void **)
{
	static const struct {
		const char *secrets, *why;
	} rows[] = {
		{"0123456789abcde", "at least 16 bytes"},
		{"", "no secret"},
		{"\n \n", "no secret"},
		{"0123456789abcdef\nshort\n", "at least 16 bytes"},
		{"0123456789abcdef\n0123456789abcdef", "same number"},
	};
	char why[200], many[400] = "";
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_null(mac_keys_create(str_of(rows[i].secrets), why));
		if (!strstr(why, rows[i].why) || strstr(why, "0123456789abcdef"))
			fail_msg("%s", why);
	}
	size_t lines = 0;
	for (int i = 0; lines <= MAC_KEY_LIMIT && i < 1000; i++) {
		size_t size = strlen(many);
		snprintf(many + size, sizeof many - size, "a secret, number %03d\n", i);
		struct mac_keys *keys = mac_keys_create(str_of(many), why);
		if (!keys && strstr(why, "same number")) {
			many[size] = '\0';
			continue;
		}
		lines++;
		assert_int_equal(keys != NULL, lines <= MAC_KEY_LIMIT);
		mac_keys_destroy(keys);
	}
	assert_int_equal(lines, MAC_KEY_LIMIT + 1);
	assert_non_null(strstr(why, "at most 8"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mac_is_hmac_and_aes),
		cmocka_unit_test(test_mac_check_takes_only_its_own_tokens),
		cmocka_unit_test(test_mac_neighbours_tokens_have_nothing_in_common),
		cmocka_unit_test(test_mac_rotation_keeps_old_tokens),
		cmocka_unit_test(test_mac_refuses_secrets_that_are_none),
	};
	return cmocka_run_group_tests_name("mac", tests, NULL, NULL);
}
