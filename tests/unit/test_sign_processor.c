/* test_sign_processor.c - which mask takes ADX away, on whichever processor this is; which keys are
 * tried. */
#include "tests/unit/cmocka_all.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>

#include "engine/sign/processor.h"

#define IFMA_OFF ":~0x200000"

static bool has(const char *flag)
{
	char line[8192], word[32];
	FILE *f = fopen("/proc/cpuinfo", "r");
	assert_non_null(f);
	snprintf(word, sizeof(word), " %s ", flag);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "flags", 5) == 0)
			break;
	}
	fclose(f);
	line[strcspn(line, "\n")] = ' ';
	return strstr(line, word) != NULL;
}

static bool has_choice(void)
{
	return has("avx2") && has("adx");
}

static void no_adx_is_what_is_asked_for(void **)
{
	char mask[PROCESSOR_MASK_SIZE] = "";
	assert_int_equal(processor_without_adx(NULL, mask), has_choice() && !has("avx512ifma"));
	if (mask[0])
		assert_string_equal(mask, ":~0x80000");
}

static void what_is_switched_off_stays_so(void **)
{
	char mask[PROCESSOR_MASK_SIZE] = "";
	assert_int_equal(processor_without_adx(IFMA_OFF, mask), has_choice());
	if (has_choice())
		assert_string_equal(mask, ":~0x280000");
	assert_int_equal(processor_without_adx(":~0xffffffffffffffff", mask), false);
}

static void what_somebody_has_chosen_stays(void **)
{
	char mask[PROCESSOR_MASK_SIZE];
	const char *const chosen[] = {"", ":", ":~", ":~x", ":0x200000", "~0x1", "0x0:0x0",
				      "~0x0:~0x200000", ":~0x200000:", ":~0x200000 ",
				      ":~0x1ffffffffffffffff", ":~0x80000", ":~0x280000"};
	for (size_t i = 0; i < sizeof(chosen) / sizeof(chosen[0]); i++)
		assert_false(processor_without_adx(chosen[i], mask));
}

static struct dkim_key *make_key(EVP_PKEY *pkey)
{
	char *pem, why[200];
	BIO *bio = BIO_new(BIO_s_mem());
	assert_true(pkey && bio);
	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
	long size = BIO_get_mem_data(bio, &pem);
	struct dkim_key *key = dkim_key_create(str_make(pem, (size_t)size), STR("news.example.com"),
					       STR("s"), why, sizeof(why));
	assert_non_null(key);
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	return key;
}

/* 2048 bits sum up with whatever else signs by RSA; without one of them nothing is to be gained. */
static void keys_of_2048_bits_are_tried(void **)
{
	struct dkim_key *small = make_key(EVP_RSA_gen(1024)),
			*usual = make_key(EVP_RSA_gen(2048)),
			*ed = make_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
	const struct dkim_key *keys[] = {ed, small, usual};
	assert_int_equal(processor_try_keys(keys, 0), 0);
	assert_int_equal(processor_try_keys(keys, 2), 0);
	assert_true(processor_try_keys(keys, 3) > 0);
	assert_true(processor_try_keys(keys + 2, 1) > 0);
	dkim_key_destroy(small);
	dkim_key_destroy(usual);
	dkim_key_destroy(ed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_adx_is_what_is_asked_for),
		cmocka_unit_test(what_is_switched_off_stays_so),
		cmocka_unit_test(what_somebody_has_chosen_stays),
		cmocka_unit_test(keys_of_2048_bits_are_tried),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
