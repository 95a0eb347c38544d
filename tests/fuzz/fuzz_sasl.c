/* fuzz_sasl.c - hostile challenges: whatever a server sends, responses are lines of base64, and
 * what is refused has a printable sentence. The first byte picks the mechanism, then comes one
 * challenge a line; those that begin with "!" go as they are, others as base64. */
#include <gsasl.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/net/sasl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In place of libgsasl's: every run has the nonce of the example in RFC 5802, so that seeds can
 * answer it. */
int gsasl_nonce(char *data, size_t size)
{
	EVP_DecodeBlock((unsigned char *)data,
			(const unsigned char *)"fyko+d2lbbFgONRv9qkxdawL", 24);
	return size == 18 ? GSASL_OK : GSASL_CRYPTO_ERROR;
}

static bool is_line_of_base64(str text)
{
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
		    !(c >= '0' && c <= '9') && c != '+' && c != '/' && c != '=')
			return false;
	}
	return text.size <= SASL_LINE_LIMIT - 2;
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > 126)
			return false;
	return true;
}

/* In memory of its exact size, so that a byte too many is seen. */
static int step(struct sasl *s, str challenge, struct buf *out)
{
	char why[200] = "";
	char *copy = malloc(challenge.size + 1), *text = NULL;
	size_t size = challenge.size;
	if (str_starts(challenge, STR("!"))) {
		memcpy(copy, challenge.data + 1, --size);
		copy = realloc(copy, size + 1);
	} else {
		text = malloc((size + 2) / 3 * 4 + 1);
		size = (size_t)EVP_EncodeBlock((unsigned char *)text,
					       (const unsigned char *)challenge.data,
					       (int)challenge.size);
	}
	int result = sasl_step(s, str_make(text ? text : copy, size), out, why, sizeof why);
	ASSERT((result < 0) == (why[0] != '\0'));
	ASSERT(is_printable(why) && is_printable(sasl_refusal(s)));
	free(copy);
	free(text);
	return result;
}

static void play(struct sasl *s, str rest)
{
	static char memory[SASL_LINE_LIMIT];
	struct buf out;
	bool initial = true;
	do {
		buf_init_fixed(&out, memory, sizeof memory);
		str challenge = initial && sasl_has_initial(s) ? (str){} : str_cut(&rest, '\n');
		initial = false;
		bool complete = sasl_complete(s);
		if (step(s, challenge, &out) < 0) {
			ASSERT(sasl_complete(s) == complete);
			return;
		}
		ASSERT(is_line_of_base64(buf_str(&out)));
		ASSERT(!sasl_complete(s) || sasl_refusal(s)[0] == '\0');
	} while (rest.size > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
		"SCRAM-SHA-1", "SCRAM-SHA-256", "OAUTHBEARER", "SCRAM-SHA-256-PLUS",
		"XOAUTH2",     "CRAM-MD5",      "PLAIN",       "LOGIN"};
	if (size == 0)
		return 0;
	struct sasl_credentials c = {
		.user = STR("user"), .password = STR("pencil"), .token = STR("token")};
	struct sasl_channel channel = {
		.is_tls = true, .binding_size = 32, .host = STR("a.test")};
	char why[200];
	struct sasl *s = sasl_create(&c, str_of(names[data[0] % 8]), &channel, why, sizeof why);
	ASSERT(s);
	play(s, str_make((const char *)data + 1, size - 1));
	sasl_destroy(s);
	return 0;
}
