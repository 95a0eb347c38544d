/* fuzz_canon.c - canonical forms of anything: no byte is read beyond the input, a canonical
 * body is its own canonical form, and the signer takes or refuses any message without
 * complaint. */
#include <openssl/evp.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/sign/canon.h"
#include "engine/sign/dkim.h"

#define SIZE_LIMIT 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static EVP_MD_CTX *context;
static struct dkim_signer *signer;

static void set_up(void)
{
	static struct dkim_key *key;
	char memory[1024], why[200];
	struct buf pem;
	context = EVP_MD_CTX_new();
	buf_init_fixed(&pem, memory, sizeof memory);
	ASSERT(dkim_generate(DKIM_ED25519_SHA256, &pem) == 0);
	key = dkim_key_create(buf_str(&pem), STR("example.com"), STR("s"), why, sizeof why);
	ASSERT(key != NULL);
	const struct dkim_key *keys[] = {key};
	signer = dkim_signer_create(keys, 1);
	ASSERT(signer != NULL);
}

static void hash_body(str body, uint8_t ret_hash[32])
{
	static struct hasher h;
	hasher_begin(&h, context, EVP_sha256());
	canon_body(&h, body);
	ASSERT(hasher_end(&h, ret_hash) == 0);
}

/* White space may be doubled anywhere where there is some, and lines may end in it. */
static void check_equal_forms(str body)
{
	static char other[3 * SIZE_LIMIT];
	size_t size = 0;
	for (size_t i = 0; i < body.size; i++) {
		bool space = body.data[i] == ' ' || body.data[i] == '\t';
		bool line_end =
			i + 1 < body.size && body.data[i] == '\r' && body.data[i + 1] == '\n';
		if (space || line_end)
			other[size++] = '\t';
		other[size++] = body.data[i];
	}
	uint8_t plain[32], spaced[32];
	hash_body(body, plain);
	hash_body(str_make(other, size), spaced);
	ASSERT(memcmp(plain, spaced, 32) == 0);
}

/* In two pieces it is the same body, wherever it is cut. */
static void check_pieces(str body, size_t cut)
{
	static struct hasher h;
	struct canon_body state = {};
	uint8_t plain[32], in_pieces[32];
	hash_body(body, plain);
	hasher_begin(&h, context, EVP_sha256());
	canon_body_put(&state, &h, str_sub(body, 0, cut));
	canon_body_put(&state, &h, str_from(body, cut));
	canon_body_end(&state, &h);
	ASSERT(hasher_end(&h, in_pieces) == 0);
	ASSERT(memcmp(plain, in_pieces, 32) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!signer)
		set_up();
	if (size > SIZE_LIMIT)
		return 0;
	str in = str_make((const char *)data, size);
	check_equal_forms(in);
	if (size > 0)
		check_pieces(str_from(in, 1), data[0] * size / 256);
	size_t empty_line = str_find(in, STR("\r\n\r\n"));
	size_t header_size = empty_line == STR_NONE ? size / 2 : empty_line + 4;
	char memory[2048];
	struct buf out;
	buf_init_fixed(&out, memory, sizeof memory);
	if (dkim_signer_sign(signer, in, header_size, 0, &out) < 0)
		ASSERT(out.size == 0);
	else
		ASSERT(str_starts(buf_str(&out), STR("DKIM-Signature: v=1;")));
	return 0;
}
