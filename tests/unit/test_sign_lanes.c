/* test_sign_lanes.c - many hashes at once are the hashes that OpenSSL makes one by one, and a
 * message that is signed by such a hash has the signature it would have had by itself. A CPU
 * without lanes that pay has nothing to show here: then that alone is asked. */
#include "tests/unit/cmocka_all.h"

#include <openssl/evp.h>

#include "engine/base/prng.h"
#include "engine/sign/dkim.h"
#include "engine/sign/lanes.h"

#define ROUNDS 200
#define SIGNED_AT (1700000000 * USEC_SECOND)
#define TEXT_SIZE (80 * 1024)

static char texts[HASH_LANES_LIMIT][TEXT_SIZE];
static const char header[] = "From: News <news@news.example.com>\r\nSubject: May\r\n\r\n";

/* White space and line ends of all kinds among words, and bytes of any kind. */
static void fill(struct prng *prng, char *at, size_t size)
{
	static const char pieces[] = "abc \t\r\n\r\n  .=";
	bool tidy = prng_below(prng, 2);
	for (size_t i = 0; i < size; i++)
		at[i] = tidy ? (char)('a' + prng_below(prng, 26))
			     : pieces[prng_below(prng, sizeof(pieces) - 1)];
}

static size_t some_size(struct prng *prng)
{
	static const size_t limits[] = {1, 130, 12000, TEXT_SIZE - sizeof(header)};
	return prng_below(prng, limits[prng_below(prng, 4)]);
}

static void test_lanes_hash_as_openssl_does(void **)
{
	struct prng prng;
	struct hash_lanes *lanes = hash_lanes_create();
	if (!lanes)
		skip();
	prng_init(&prng, 3);
	for (int round = 0; round < ROUNDS; round++) {
		size_t count = 1 + prng_below(&prng, HASH_LANES_LIMIT);
		str of[HASH_LANES_LIMIT];
		uint8_t hashes[HASH_LANES_LIMIT][32], alone[32];
		for (size_t i = 0; i < count; i++) {
			size_t size = some_size(&prng);
			size = size < HASH_LANES_TEXT_LIMIT ? size : HASH_LANES_TEXT_LIMIT;
			fill(&prng, texts[i], size);
			of[i] = str_make(texts[i], size);
		}
		assert_int_equal(hash_lanes_run(lanes, of, count, hashes), 0);
		for (size_t i = 0; i < count; i++) {
			assert_int_equal(EVP_Digest(of[i].data, of[i].size, alone, NULL,
						    EVP_sha256(), NULL),
					 1);
			assert_memory_equal(hashes[i], alone, 32);
		}
	}
	/* One that cannot be done is no reason to do the next ones wrong. */
	const str wrong[] = {str_make(texts[0], 100), str_make(texts[1], TEXT_SIZE)};
	uint8_t hashes[2][32], alone[32];
	assert_int_equal(hash_lanes_run(lanes, wrong, 2, hashes), -1);
	assert_int_equal(hash_lanes_run(lanes, wrong, 1, hashes), 0);
	EVP_Digest(texts[0], 100, alone, NULL, EVP_sha256(), NULL);
	assert_memory_equal(hashes[0], alone, 32);
	hash_lanes_destroy(lanes);
}

static void test_lanes_pay_when_enough_wait(void **)
{
	struct hash_lanes *lanes = hash_lanes_create();
	if (!lanes)
		skip();
	assert_false(hash_lanes_pay(lanes, 1, 10000, 10000));
	assert_true(hash_lanes_pay(lanes, HASH_LANES_LIMIT, 10000, HASH_LANES_LIMIT * 10000));
	/* Most of each is known already, or one is much longer than all others. */
	assert_false(hash_lanes_pay(lanes, HASH_LANES_LIMIT, 10000, HASH_LANES_LIMIT * 1000));
	assert_false(hash_lanes_pay(lanes, HASH_LANES_LIMIT, 60000, 60000 + 15 * 1000));
	hash_lanes_destroy(lanes);
}

static struct dkim_key *make_key(void)
{
	char memory[4096], why[200];
	struct buf pem;
	buf_init_fixed(&pem, memory, sizeof memory);
	assert_int_equal(dkim_generate(DKIM_ED25519_SHA256, &pem), 0);
	struct dkim_key *key = dkim_key_create(buf_str(&pem), STR("news.example.com"),
					       STR("ed"), why, sizeof why);
	assert_non_null(key);
	return key;
}

static void assert_same_signature(struct dkim_signer *signer, const struct dkim_message *message,
				  const uint8_t *hash)
{
	char memory[2][2048];
	struct buf out[2];
	for (int known = 0; known < 2; known++) {
		struct dkim_message signed_message = *message;
		signed_message.body_hash = known ? hash : NULL;
		buf_init_fixed(&out[known], memory[known], sizeof(memory[known]));
		assert_int_equal(dkim_signer_sign_spans(signer, &signed_message, SIGNED_AT,
							&out[known]),
				 0);
	}
	assert_true(str_eq(buf_str(&out[0]), buf_str(&out[1])));
}

static void test_lanes_lead_to_the_same_signatures(void **)
{
	struct prng prng;
	size_t hashed_count = 0;
	struct dkim_key *key = make_key();
	const struct dkim_key *keys[] = {key};
	struct dkim_signer *signer = dkim_signer_create(keys, 1);
	struct hash_lanes *lanes = hash_lanes_create();
	assert_non_null(signer);
	prng_init(&prng, 5);
	for (int round = 0; round < ROUNDS; round++) {
		size_t count = 1 + prng_below(&prng, DKIM_BATCH_LIMIT);
		struct dkim_message messages[DKIM_BATCH_LIMIT];
		str spans[DKIM_BATCH_LIMIT][3];
		uint8_t hashes[DKIM_BATCH_LIMIT][32];
		size_t all = round % 4 ? some_size(&prng) : 0;
		for (size_t i = 0; i < count; i++) {
			size_t size = sizeof(header) - 1 + (all ? all : some_size(&prng));
			memcpy(texts[i], header, sizeof(header) - 1);
			fill(&prng, texts[i] + sizeof(header) - 1, size - sizeof(header) + 1);
			size_t cut = sizeof(header) - 1 +
				     prng_below(&prng, size - sizeof(header) + 2);
			spans[i][0] = str_make(texts[i], cut);
			spans[i][1] = str_make(texts[i] + cut, (size - cut) / 2);
			spans[i][2] = str_make(texts[i] + cut + (size - cut) / 2,
					       size - cut - (size - cut) / 2);
			messages[i] = (struct dkim_message){
				.spans = spans[i],
				.span_count = 3,
				.header_size = sizeof(header) - 1,
			};
		}
		if (!dkim_signer_hash_bodies(signer, messages, count, hashes))
			continue;
		hashed_count += count;
		for (size_t i = 0; i < count; i++)
			assert_same_signature(signer, &messages[i], hashes[i]);
	}
	if (lanes)
		assert_true(hashed_count > 100);
	else
		assert_int_equal(hashed_count, 0);
	hash_lanes_destroy(lanes);
	dkim_signer_destroy(signer);
	dkim_key_destroy(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lanes_hash_as_openssl_does),
		cmocka_unit_test(test_lanes_pay_when_enough_wait),
		cmocka_unit_test(test_lanes_lead_to_the_same_signatures),
	};
	return cmocka_run_group_tests_name("lanes", tests, NULL, NULL);
}
