/* test_sign_mac.c - tokens that only the holder of the secret can make. */
#include "tests/unit/cmocka_all.h"

#include <openssl/hmac.h>

#include "engine/sign/mac.h"

static const str secret = {"0123456789abcdef", 16};
static const struct token token = {.tenant = 1, .campaign_id = 7, .subscriber_id = 123456789};

static void test_mac_is_hmac_sha256_of_label_and_ids(void **state)
{
	(void)state;
	static const char text[] =
		"rundbrief token v1\0\0\0\0\1\0\0\0\0\0\0\0\7\0\0\0\0\x07\x5b\xcd\x15";
	unsigned char expected[32];
	unsigned size = 32;
	HMAC(EVP_sha256(), secret.data, (int)secret.size, (const unsigned char *)text,
	     sizeof text - 1, expected, &size);
	struct mac_key *key = mac_key_create(secret), *copy = mac_key_copy(key);
	assert_non_null(copy);
	for (int i = 0; i < 3; i++) { /* a held state starts over each time */
		uint8_t mac[TOKEN_MAC_SIZE];
		mac_of(i == 2 ? copy : key, &token, mac);
		assert_memory_equal(mac, expected, 32);
		mac_key_destroy(i == 1 ? key : NULL);
	}
	mac_key_destroy(copy);
}

static void test_mac_check_takes_only_its_own_tokens(void **state)
{
	(void)state;
	struct mac_key *key = mac_key_create(secret);
	struct mac_key *other = mac_key_create(STR("0123456789abcdeg"));
	uint8_t mac[TOKEN_MAC_SIZE];
	mac_of(key, &token, mac);
	char memory[TOKEN_TEXT_LIMIT];
	struct buf text;
	buf_init_fixed(&text, memory, sizeof memory);
	token_encode(&text, &token, TOKEN_BOUNCE, mac);
	assert_true(buf_ok(&text));
	struct token found;
	assert_true(mac_check(key, buf_str(&text), TOKEN_BOUNCE, &found));
	assert_int_equal(found.tenant, token.tenant);
	assert_true(found.campaign_id == 7 && found.subscriber_id == 123456789);
	assert_false(mac_check(other, buf_str(&text), TOKEN_BOUNCE, &found));
	assert_false(mac_check(key, buf_str(&text), TOKEN_UNSUBSCRIBE, &found));
	for (size_t i = 0; i < text.size; i++) {
		char kept = memory[i];
		memory[i] = kept == 'a' ? 'b' : 'a';
		assert_false(mac_check(key, buf_str(&text), TOKEN_BOUNCE, &found));
		memory[i] = kept;
		assert_false(mac_check(key, str_make(memory, i), TOKEN_BOUNCE, &found));
	}
	mac_key_destroy(key);
	mac_key_destroy(other);
}

static void test_mac_refuses_a_short_secret(void **state)
{
	(void)state;
	assert_null(mac_key_create(STR("0123456789abcde")));
	assert_null(mac_key_create((str){NULL, 0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mac_is_hmac_sha256_of_label_and_ids),
		cmocka_unit_test(test_mac_check_takes_only_its_own_tokens),
		cmocka_unit_test(test_mac_refuses_a_short_secret),
	};
	return cmocka_run_group_tests_name("mac", tests, NULL, NULL);
}
