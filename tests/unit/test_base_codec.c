/* test_base_codec.c - codes against the RFCs' vectors, round trips and bad input. */
#include "tests/unit/cmocka_all.h"

#include "engine/base/codec.h"
#include "engine/base/prng.h"

typedef void encoder(struct buf *, str);
typedef bool decoder(struct buf *, str);

static void check_encoded(encoder *encode, decoder *decode, str bytes, str text)
{
	char memory[64];
	struct buf b;
	buf_init_fixed(&b, memory, text.size ? text.size : 1); /* exactly as much as it takes */
	encode(&b, bytes);
	assert_true(buf_ok(&b));
	assert_true(str_eq(buf_str(&b), text));
	buf_init_fixed(&b, memory, bytes.size ? bytes.size : 1);
	assert_true(decode(&b, text));
	assert_true(str_eq(buf_str(&b), bytes));
}

static void test_codec_matches_rfc_4648_vectors(void **state)
{
	(void)state;
	static const struct {
		const char *bytes, *hex, *base32, *base64;
	} rows[] = {
		{"", "", "", ""},
		{"f", "66", "my", "Zg"},
		{"fo", "666f", "mzxq", "Zm8"},
		{"foo", "666f6f", "mzxw6", "Zm9v"},
		{"foob", "666f6f62", "mzxw6yq", "Zm9vYg"},
		{"fooba", "666f6f6261", "mzxw6ytb", "Zm9vYmE"},
		{"foobar", "666f6f626172", "mzxw6ytboi", "Zm9vYmFy"},
		{"\xfb\xff\xbf", "fbffbf", "7p736", "-_-_"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		str bytes = str_of(rows[i].bytes);
		check_encoded(hex_encode, hex_decode, bytes, str_of(rows[i].hex));
		check_encoded(base32_encode, base32_decode, bytes, str_of(rows[i].base32));
		check_encoded(base64url_encode, base64url_decode, bytes,
			      str_of(rows[i].base64));
	}
}

static void refuse(decoder *decode, const char *text)
{
	char memory[64];
	struct buf b;
	buf_init_fixed(&b, memory, sizeof memory);
	buf_put(&b, STR("kept"));
	if (decode(&b, str_of(text)))
		fail_msg("accepted \"%s\"", text);
	assert_true(str_eq(buf_str(&b), STR("kept")));
}

static void test_codec_refuses_what_no_encoder_writes(void **state)
{
	(void)state;
	refuse(hex_decode, "6");
	refuse(hex_decode, "6g");
	refuse(hex_decode, "6\x06");
	refuse(base32_decode, "m");
	refuse(base32_decode, "mzx"); /* 15 bits: a whole digit too many */
	refuse(base32_decode, "mz");  /* stray bits */
	refuse(base32_decode, "m1");
	refuse(base32_decode, "my======");
	refuse(base32_decode, "m\x19");
	refuse(base64url_decode, "Z");
	refuse(base64url_decode, "Zh"); /* stray bits */
	refuse(base64url_decode, "Zg==");
	refuse(base64url_decode, "Zm9v+");
	refuse(base64url_decode, "Zm9v\nZg");
}

static void test_codec_base32_and_hex_decode_either_case(void **state)
{
	(void)state;
	char memory[16];
	struct buf b;
	buf_init_fixed(&b, memory, sizeof memory);
	assert_true(base32_decode(&b, STR("MZxW6yTBOI")));
	assert_true(hex_decode(&b, STR("fBFf")));
	assert_true(str_eq(buf_str(&b), STR("foobar\xfb\xff")));
}

static void test_codec_round_trips_random_bytes(void **state)
{
	(void)state;
	static encoder *const encoders[] = {hex_encode, base32_encode, base64url_encode};
	static decoder *const decoders[] = {hex_decode, base32_decode, base64url_decode};
	struct prng p;
	prng_init(&p, 11);
	for (int i = 0; i < 3000; i++) {
		char bytes[64], text[160], back[64];
		size_t size = prng_below(&p, sizeof bytes);
		for (size_t k = 0; k < size; k++)
			bytes[k] = (char)prng_u64(&p);
		struct buf encoded, decoded;
		buf_init_fixed(&encoded, text, sizeof text);
		buf_init_fixed(&decoded, back, sizeof back);
		encoders[i % 3](&encoded, (str){bytes, size});
		assert_true(decoders[i % 3](&decoded, buf_str(&encoded)));
		assert_true(str_eq(buf_str(&decoded), (str){bytes, size}));
	}
}

static void test_varint_round_trips_at_every_length(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		for (int around = -1; around <= 1; around++) {
			uint64_t value = ((uint64_t)1 << bit) + (uint64_t)around, back;
			char memory[10];
			struct buf b;
			buf_init_fixed(&b, memory, sizeof memory);
			varint_put(&b, value);
			for (size_t cut = 0; cut < b.size; cut++) {
				str part = {memory, cut}, before = part;
				assert_false(varint_get(&part, &back));
				assert_int_equal(part.size, before.size);
			}
			str in = buf_str(&b);
			assert_true(varint_get(&in, &back));
			assert_int_equal(in.size, 0);
			assert_true(back == value);
		}
	}
}

static void test_varint_refuses_more_than_64_bits(void **state)
{
	(void)state;
	uint64_t value;
	str in = STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02");
	assert_false(varint_get(&in, &value));
	in = STR("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01");
	assert_false(varint_get(&in, &value));
}

static void test_delta_round_trips_ascending_ids(void **state)
{
	(void)state;
	static uint64_t ids[2000], back[2000];
	static char memory[2000 * 10];
	struct prng p;
	for (uint64_t seed = 0; seed < 200; seed++) {
		prng_init(&p, seed);
		size_t count = prng_below(&p, 2000);
		unsigned spread = (unsigned)prng_below(&p, 50);
		uint64_t id = prng_below(&p, 2) ? prng_u64(&p) >> 3 : 0;
		for (size_t i = 0; i < count; i++) {
			ids[i] = id;
			id += 1 + prng_below(&p, (uint64_t)1 << spread);
		}
		struct buf b;
		buf_init_fixed(&b, memory, sizeof memory);
		delta_encode(&b, ids, count);
		assert_true(buf_ok(&b));
		assert_int_equal(delta_decode(buf_str(&b), back, count), count);
		assert_memory_equal(ids, back, count * sizeof *ids);
		if (count)
			assert_int_equal(delta_decode(buf_str(&b), back, count - 1), -1);
	}
}

static void test_delta_of_dense_ids_costs_a_byte_an_id(void **state)
{
	(void)state;
	uint64_t ids[100];
	char memory[128];
	for (size_t i = 0; i < 100; i++)
		ids[i] = 1000 + 3 * i;
	struct buf b;
	buf_init_fixed(&b, memory, sizeof memory);
	delta_encode(&b, ids, 100);
	assert_int_equal(b.size, 101);
}

static void test_delta_refuses_repeats_overflow_and_cuts(void **state)
{
	(void)state;
	uint64_t ids[8];
	assert_int_equal(delta_decode(STR("\x05\x00"), ids, 8), -1);
	assert_int_equal(delta_decode(STR("\x00\x01"), ids, 8), 2);
	assert_int_equal(
		delta_decode(STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01"), ids, 8), -1);
	assert_int_equal(delta_decode(STR("\x05\x80"), ids, 8), -1);
	assert_int_equal(delta_decode(STR(""), ids, 0), 0);
}

static void test_crc32c_matches_rfc_3720_and_its_own_table(void **state)
{
	(void)state;
	char zeroes[32] = {}, ones[32], rising[32];
	memset(ones, 0xff, sizeof ones);
	for (size_t i = 0; i < sizeof rising; i++)
		rising[i] = (char)i;
	/* RFC 3720 B.4 prints them as bytes on the wire, low byte first. */
	assert_int_equal(crc32c(0, (str){zeroes, 32}), 0x8a9136aau);
	assert_int_equal(crc32c(0, (str){ones, 32}), 0x62a8ab43u);
	assert_int_equal(crc32c(0, (str){rising, 32}), 0x46dd794eu);
	assert_int_equal(crc32c(0, STR("123456789")), 0xe3069283u);
	assert_int_equal(crc32c(0, STR("")), 0);
	struct prng p;
	prng_init(&p, 3);
	char bytes[100];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)prng_u64(&p);
	for (size_t size = 0; size <= sizeof bytes; size++) {
		uint32_t whole = crc32c(0, (str){bytes, size});
		assert_int_equal(whole, crc32c_portable(0, (str){bytes, size}));
		for (size_t cut = 0; cut <= size; cut++) {
			uint32_t part = crc32c(0, (str){bytes, cut});
			assert_int_equal(whole, crc32c(part, (str){bytes + cut, size - cut}));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codec_matches_rfc_4648_vectors),
		cmocka_unit_test(test_codec_refuses_what_no_encoder_writes),
		cmocka_unit_test(test_codec_base32_and_hex_decode_either_case),
		cmocka_unit_test(test_codec_round_trips_random_bytes),
		cmocka_unit_test(test_varint_round_trips_at_every_length),
		cmocka_unit_test(test_varint_refuses_more_than_64_bits),
		cmocka_unit_test(test_delta_round_trips_ascending_ids),
		cmocka_unit_test(test_delta_of_dense_ids_costs_a_byte_an_id),
		cmocka_unit_test(test_delta_refuses_repeats_overflow_and_cuts),
		cmocka_unit_test(test_crc32c_matches_rfc_3720_and_its_own_table),
	};
	return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
