/* bench_sign.c - what a DKIM signature costs beside its bare arithmetic, per 10 KB message.
 * Two bodies: quoted-printable text that is canonical as it stands, and HTML source with
 * indentation and white space at line ends. CPU time of the thread, best of five rounds. */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/micro/yardstick.h"
#include "engine/sign/dkim.h"
#include "engine/sign/key.h"

#define ROUNDS 5
#define BODY_SIZE 10240

static const char header[] =
	"From: The May News <news@news.example.com>\r\n"
	"To: Ann Example <ann@example.net>\r\n"
	"Subject: =?utf-8?Q?What_we_read_in_May_=E2=80=93_for_Ann?=\r\n"
	"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
	"Message-ID: <k7q2.9f3a5b2c@news.example.com>\r\n"
	"MIME-Version: 1.0\r\n"
	"Content-Type: multipart/alternative; boundary=\"b-4f1a\"\r\n"
	"List-Id: The May News <may.news.example.com>\r\n"
	"List-Unsubscribe: <https://news.example.com/u/abcdefghijklmnopqrstuvwxyz234567>\r\n"
	"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
	"Feedback-ID: may:news:promo:example\r\n"
	"\r\n";
static const char tidy[] = "<p style=3D\"margin:0\">Dear reader, this month we read five books "
			   "and a map.</p>\r\n";
static const char untidy[] = "        <td   align=3D\"left\">\tDear reader, we read five books"
			     " </td>  \r\n";

static str make_message(const char *line, char *memory)
{
	struct buf b;
	buf_init_fixed(&b, memory, sizeof header + BODY_SIZE + 256);
	buf_put_cstr(&b, header);
	while (b.size < sizeof header - 1 + BODY_SIZE)
		buf_put_cstr(&b, line);
	return buf_str(&b);
}

static struct dkim_key *make_key(enum dkim_algorithm algorithm)
{
	char memory[4096], why[200];
	struct buf pem;
	buf_init_fixed(&pem, memory, sizeof memory);
	if (dkim_generate(algorithm, &pem) < 0)
		exit(1);
	return dkim_key_create(buf_str(&pem), STR("news.example.com"), STR("s1"), why,
			       sizeof why);
}

static double time_signing(const struct dkim_key *const *keys, size_t count, str message,
			   int times)
{
	struct dkim_signer *signer = dkim_signer_create(keys, count);
	double best = 1e9;
	for (int round = 0; round < ROUNDS; round++) {
		double start = cpu_usec();
		for (int i = 0; i < times; i++) {
			char memory[4096];
			struct buf out;
			buf_init_fixed(&out, memory, sizeof memory);
			if (dkim_signer_sign(signer, message, sizeof header - 1,
					     (1700000000 + i) * USEC_SECOND, &out) < 0)
				exit(1);
		}
		double each = (cpu_usec() - start) / times;
		best = each < best ? each : best;
	}
	dkim_signer_destroy(signer);
	return best;
}

/* Ed25519, whose arithmetic is short beside the hash: what of a body need not be hashed again
 * when all messages begin with it. Both ways take turns, so that a busy machine slows both. */
static double time_round(struct dkim_signer *signer, str message, size_t common_size)
{
	const struct dkim_message m = {.spans = &message,
				       .span_count = 1,
				       .header_size = sizeof header - 1,
				       .common_id = common_size > 0,
				       .common_size = common_size};
	double start = cpu_usec();
	for (int i = 0; i < 300; i++) {
		char memory[4096];
		struct buf out;
		buf_init_fixed(&out, memory, sizeof memory);
		if (dkim_signer_sign_spans(signer, &m, i * USEC_SECOND, &out) < 0)
			exit(1);
	}
	return (cpu_usec() - start) / 300;
}

static void print_common(const struct dkim_key *const *keys, str message, size_t common_size)
{
	struct dkim_signer *signer = dkim_signer_create(keys, 1);
	double anew = 1e9, going_on = 1e9;
	for (int round = 0; round < 10 * ROUNDS; round++) {
		double each = time_round(signer, message, 0);
		anew = each < anew ? each : anew;
		each = time_round(signer, message, common_size);
		going_on = each < going_on ? each : going_on;
	}
	dkim_signer_destroy(signer);
	printf("ed25519, the first %zu bytes of 10 KB are the same: %.1f us instead of %.1f "
	       "us\n",
	       common_size, going_on, anew);
}

/* The signature alone, of a ready hash, with a held context. */
static double time_bare(const struct dkim_key *key, int times)
{
	EVP_PKEY_CTX *rsa = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
	EVP_MD_CTX *one_shot = EVP_MD_CTX_new();
	bool is_rsa = key->algorithm == DKIM_RSA_SHA256;
	if (is_rsa) {
		EVP_PKEY_sign_init(rsa);
		EVP_PKEY_CTX_set_rsa_padding(rsa, RSA_PKCS1_PADDING);
		EVP_PKEY_CTX_set_signature_md(rsa, EVP_sha256());
	} else {
		EVP_DigestSignInit(one_shot, NULL, NULL, NULL, key->pkey);
	}
	double best = 1e9;
	for (int round = 0; round < ROUNDS; round++) {
		double start = cpu_usec();
		for (int i = 0; i < times; i++) {
			unsigned char hash[32] = {(unsigned char)i}, signature[512];
			size_t size = sizeof signature;
			int done =
				is_rsa ? EVP_PKEY_sign(rsa, signature, &size, hash, 32)
				       : EVP_DigestSign(one_shot, signature, &size, hash, 32);
			if (done != 1)
				exit(1);
		}
		double each = (cpu_usec() - start) / times;
		best = each < best ? each : best;
	}
	EVP_PKEY_CTX_free(rsa);
	EVP_MD_CTX_free(one_shot);
	return best;
}

int main(void)
{
	static char tidy_memory[16384], untidy_memory[16384];
	str messages[2] = {make_message(tidy, tidy_memory),
			   make_message(untidy, untidy_memory)};
	const char *names[2] = {"canonical body", "untidy body"};
	const struct dkim_key *keys[2] = {make_key(DKIM_RSA_SHA256),
					  make_key(DKIM_ED25519_SHA256)};
	double rsa = time_bare(keys[0], 300), ed = time_bare(keys[1], 3000);
	printf("bare signature                 rsa-2048 %7.1f us   ed25519 %7.1f us\n", rsa,
	       ed);
	for (int m = 0; m < 2; m++) {
		double with_rsa = time_signing(keys, 1, messages[m], 300);
		double with_ed = time_signing(keys + 1, 1, messages[m], 3000);
		double both = time_signing(keys, 2, messages[m], 300);
		printf("10 KB message, %-15s rsa-2048 %7.1f us (+%.1f)   ed25519 %7.1f us "
		       "(+%.1f)"
		       "   both %7.1f us\n",
		       names[m], with_rsa, with_rsa - rsa, with_ed, with_ed - ed, both);
	}
	for (size_t size = 1024; size <= 8192; size *= 2)
		print_common(keys + 1, messages[0], size);
	return 0;
}
