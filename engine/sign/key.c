/* key.c - private keys: made, parsed once, and shown as the record that DNS should publish.
 * Parsing costs as much as an RSA signature (OpenSSL 3's decoder), so it happens here only. */
#include "engine/sign/key.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#define RSA_BITS_MIN 1024 /* RFC 8301 3.2 */
#define RSA_BITS_MAX 4096 /* verifiers need not read longer ones (same place) */
#define RSA_BITS_NEW 2048
#define RECORD_SIZE 1024 /* RSA-4096 takes 756 */
#define STRING_SIZE 255  /* of one character-string in a TXT record (RFC 1035 3.3) */

/* Without this OpenSSL would ask at the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
	(void)buffer, (void)size, (void)writing, (void)context;
	return -1;
}

static EVP_PKEY *parse_pem(str pem)
{
	if (pem.size == 0 || pem.size > INT32_MAX)
		return NULL;
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
	if (!bio)
		return NULL;
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	ERR_clear_error(); /* else the thread's next TLS read would report it */
	return pkey;
}

/* Dot-separated labels of letters, digits, hyphen and underscore: whatever else would break out
 * of its tag in the signature, or of its line in a zone file. */
static bool copy_name(char out[DKIM_NAME_SIZE], str name)
{
	if (name.size == 0 || name.size >= DKIM_NAME_SIZE)
		return false;
	char before = '.';
	for (size_t i = 0; i < name.size; i++) {
		char c = name.data[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		bool good = c == '.' ? before != '.'
				     : (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
					       c == '-' || c == '_';
		if (!good)
			return false;
		out[i] = before = c;
	}
	out[name.size] = '\0';
	return before != '.';
}

static bool take_ed25519(struct dkim_key *key)
{
	uint8_t seed[crypto_sign_SEEDBYTES], public[crypto_sign_PUBLICKEYBYTES];
	size_t size = sizeof(seed);
	bool taken = sodium_init() >= 0 &&
		     EVP_PKEY_get_raw_private_key(key->pkey, seed, &size) == 1 &&
		     size == sizeof(seed) &&
		     crypto_sign_seed_keypair(public, key->ed25519, seed) == 0;
	sodium_memzero(seed, sizeof(seed));
	return taken;
}

/* Decides whether DKIM knows the kind of key; false with a sentence when not. */
static bool accept_kind(struct dkim_key *key, char *ret_why, size_t why_size)
{
	int kind = EVP_PKEY_get_base_id(key->pkey), bits = EVP_PKEY_get_bits(key->pkey);
	if (kind == EVP_PKEY_ED25519) {
		key->algorithm = DKIM_ED25519_SHA256;
		snprintf(ret_why, why_size, "the Ed25519 key could not be read");
		return take_ed25519(key);
	}
	if (kind != EVP_PKEY_RSA) {
		snprintf(ret_why, why_size,
			 "this is no RSA or Ed25519 key, and DKIM knows no other");
		return false;
	}
	key->algorithm = DKIM_RSA_SHA256;
	if (bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX)
		return true;
	snprintf(ret_why, why_size,
		 "the RSA key has %d bits: make one of %d (at least %d, at most %d)", bits,
		 RSA_BITS_NEW, RSA_BITS_MIN, RSA_BITS_MAX);
	return false;
}

struct dkim_key *dkim_key_create(str pem, str domain, str selector, char *ret_why,
				 size_t why_size)
{
	struct dkim_key *key = calloc(1, sizeof *key);
	if (!key) {
		snprintf(ret_why, why_size, "out of memory");
		return NULL;
	}
	if (!copy_name(key->domain, domain)) {
		snprintf(ret_why, why_size, "the signing domain is no domain name");
		goto fail;
	}
	if (!copy_name(key->selector, selector)) {
		snprintf(ret_why, why_size,
			 "the selector may hold letters, digits, '-' and '.'");
		goto fail;
	}
	key->pkey = parse_pem(pem);
	if (!key->pkey) {
		snprintf(ret_why, why_size,
			 "this is no unencrypted private key in PEM form (-----BEGIN PRIVATE "
			 "KEY-----)");
		goto fail;
	}
	if (!accept_kind(key, ret_why, why_size))
		goto fail;
	return key;
fail:
	dkim_key_destroy(key);
	return NULL;
}

void dkim_key_destroy(struct dkim_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	sodium_memzero(key->ed25519, sizeof(key->ed25519));
	free(key);
}

enum dkim_algorithm dkim_key_algorithm(const struct dkim_key *key)
{
	return key->algorithm;
}

str dkim_key_domain(const struct dkim_key *key)
{
	return str_of(key->domain);
}

str dkim_key_selector(const struct dkim_key *key)
{
	return str_of(key->selector);
}

static void put_base64(struct buf *out, const unsigned char *bytes, size_t size)
{
	char text[RECORD_SIZE];
	if (size > sizeof text / 4 * 3 - 3) {
		out->failed = true;
		return;
	}
	int text_size = EVP_EncodeBlock((unsigned char *)text, bytes, (int)size);
	buf_put(out, str_make(text, (size_t)text_size));
}

/* RFC 6376 3.6.1: the whole SubjectPublicKeyInfo. */
static void put_rsa(struct buf *out, EVP_PKEY *pkey)
{
	unsigned char *der = NULL;
	int size = i2d_PUBKEY(pkey, &der);
	if (size > 0)
		put_base64(out, der, (size_t)size);
	else
		out->failed = true;
	OPENSSL_free(der);
}

/* RFC 8463 4: the 32 bytes alone. */
static void put_ed25519(struct buf *out, EVP_PKEY *pkey)
{
	unsigned char raw[32];
	size_t size = sizeof raw;
	if (EVP_PKEY_get_raw_public_key(pkey, raw, &size) == 1)
		put_base64(out, raw, size);
	else
		out->failed = true;
}

void dkim_key_record(const struct dkim_key *key, struct buf *out)
{
	if (key->algorithm == DKIM_RSA_SHA256) {
		buf_put(out, STR("v=DKIM1; k=rsa; p="));
		put_rsa(out, key->pkey);
	} else {
		buf_put(out, STR("v=DKIM1; k=ed25519; p="));
		put_ed25519(out, key->pkey);
	}
}

void dkim_key_record_name(const struct dkim_key *key, struct buf *out)
{
	buf_put(out, dkim_key_selector(key));
	buf_put(out, STR("._domainkey."));
	buf_put(out, dkim_key_domain(key));
}

void dkim_key_zone_line(const struct dkim_key *key, struct buf *out)
{
	char memory[RECORD_SIZE];
	struct buf text;
	buf_init_fixed(&text, memory, sizeof memory);
	dkim_key_record(key, &text);
	dkim_key_record_name(key, out);
	buf_put(out, STR(". IN TXT ("));
	for (str rest = buf_str(&text); rest.size; rest = str_from(rest, STRING_SIZE)) {
		buf_put(out, STR(" \""));
		buf_put(out, str_sub(rest, 0, STRING_SIZE));
		buf_put_byte(out, '"');
	}
	buf_put(out, STR(" )"));
	out->failed |= !buf_ok(&text);
}

int dkim_generate(enum dkim_algorithm algorithm, struct buf *out)
{
	EVP_PKEY *pkey = algorithm == DKIM_RSA_SHA256
				 ? EVP_RSA_gen(RSA_BITS_NEW)
				 : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	BIO *bio = BIO_new(BIO_s_mem());
	bool written = pkey && bio &&
		       PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1;
	if (written) {
		char *data = NULL;
		long size = BIO_get_mem_data(bio, &data);
		buf_put(out, str_make(data, (size_t)size));
	}
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	return written && buf_ok(out) ? 0 : -1;
}
