/* tls_world.h - what the tests of TLS share: certificates made on the spot, OpenSSL servers
 * that do what the sink's would not, and bytes carried between the ends, a few at a time. */
#pragma once

#include "tests/unit/cmocka_all.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/net/tls.h"

#define DAY (24L * 3600)

struct certificate {
	X509 *x509;
	EVP_PKEY *key;
	char file[64]; /* PEM: the certificate, that of the issuer, the key */
};

static char world_dir[] = "/tmp/rundbrief-tls-XXXXXX";
static struct certificate world_ca, world_good, world_other_name, world_expired, world_alone,
	world_wildcard, world_partial, world_common, world_address;

static inline void add_extension(X509 *x509, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	assert_non_null(extension);
	assert_true(X509_add_ext(x509, extension, -1));
	X509_EXTENSION_free(extension);
}

static inline void write_pem(struct certificate *c, const char *file, X509 *issuer,
			     const EVP_CIPHER *cipher)
{
	snprintf(c->file, sizeof c->file, "%s/%s.pem", world_dir, file);
	FILE *out = fopen(c->file, "w");
	assert_non_null(out);
	assert_true(PEM_write_X509(out, c->x509));
	if (issuer)
		assert_true(PEM_write_X509(out, issuer));
	assert_true(PEM_write_PrivateKey(out, c->key, cipher, NULL, 0, NULL,
					 cipher ? (void *)"secret" : NULL));
	fclose(out);
}

/* names: as in openssl.cnf, "DNS:mx.example", or NULL; issuer NULL: itself. */
static inline void make_certificate(struct certificate *c, const char *file, const char *common,
				    const char *names, const struct certificate *issuer,
				    long from, long to)
{
	static long serial;
	bool authority = !names && !issuer;
	c->key = EVP_EC_gen("P-256");
	c->x509 = X509_new();
	X509_NAME *name = X509_get_subject_name(c->x509);
	X509_set_version(c->x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(c->x509), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(c->x509), from);
	X509_gmtime_adj(X509_getm_notAfter(c->x509), to);
	X509_set_pubkey(c->x509, c->key);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common, -1,
				   -1, 0);
	X509_set_issuer_name(c->x509, issuer ? X509_get_subject_name(issuer->x509) : name);
	if (authority)
		add_extension(c->x509, NID_basic_constraints, "critical,CA:TRUE");
	if (names)
		add_extension(c->x509, NID_subject_alt_name, names);
	assert_true(X509_sign(c->x509, issuer ? issuer->key : c->key, EVP_sha256()) > 0);
	write_pem(c, file, issuer ? issuer->x509 : NULL, NULL);
}

static inline int tls_world_open(void **)
{
	const struct certificate *ca = &world_ca;
	if (!mkdtemp(world_dir))
		return -1;
	make_certificate(&world_ca, "ca", "Test CA", NULL, NULL, -DAY, 30 * DAY);
	make_certificate(&world_good, "good", "x", "DNS:mx.example", ca, -DAY, DAY);
	make_certificate(&world_other_name, "other", "x", "DNS:mx.other.example,DNS:b.example",
			 ca, -DAY, DAY);
	make_certificate(&world_expired, "expired", "x", "DNS:mx.example", ca, -9 * DAY, -DAY);
	make_certificate(&world_alone, "alone", "x", "DNS:mx.example", NULL, -DAY, DAY);
	make_certificate(&world_wildcard, "wildcard", "x", "DNS:*.wild.example", ca, -DAY, DAY);
	make_certificate(&world_partial, "partial", "x", "DNS:m*.wild.example", ca, -DAY, DAY);
	make_certificate(&world_common, "common", "mx.example", NULL, ca, -DAY, DAY);
	make_certificate(&world_address, "address", "x", "IP:127.0.0.1", ca, -DAY, DAY);
	return 0;
}

static inline int tls_world_close(void **)
{
	struct certificate *all[] = {
		&world_ca,      &world_good,   &world_other_name,
		&world_expired, &world_alone,  &world_wildcard,
		&world_partial, &world_common, &world_address,
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		unlink(all[i]->file);
		X509_free(all[i]->x509);
		EVP_PKEY_free(all[i]->key);
	}
	return rmdir(world_dir);
}

static inline struct tls_context *world_client(const char *certificate_file,
					       enum tls_version min_version)
{
	const struct tls_context_config config = {
		.role = TLS_CLIENT,
		.certificate_file = certificate_file,
		.ca_file = world_ca.file,
		.min_version = min_version,
	};
	struct tls_context *context;
	assert_int_equal(tls_context_create(&context, &config), 0);
	return context;
}

static inline SSL_CTX *world_server(const struct certificate *c)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_use_certificate_chain_file(context, c->file), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(context, c->file, SSL_FILETYPE_PEM), 1);
	SSL_CTX_set_session_id_context(context, (const unsigned char *)"world", 5);
	return context;
}

/* A client of ours and a server of OpenSSL's. */
struct meeting {
	struct tls_session *client;
	SSL *server;
};

static inline bool to_server(struct meeting *m)
{
	char plain[4096];
	str output = tls_output(m->client);
	if (output.size == 0)
		return false;
	assert_true(BIO_write(SSL_get_rbio(m->server), output.data, (int)output.size) > 0);
	tls_sent(m->client, output.size);
	if (!SSL_is_init_finished(m->server))
		SSL_do_handshake(m->server);
	while (SSL_is_init_finished(m->server) && SSL_read(m->server, plain, sizeof plain) > 0)
		;
	ERR_clear_error();
	return true;
}

/* At most so many bytes a feed; 0: all at once. */
static inline bool to_client(struct meeting *m, size_t step)
{
	char *data, plain[4096];
	size_t size = (size_t)BIO_get_mem_data(SSL_get_wbio(m->server), &data);
	str rest = {data, size};
	while (rest.size > 0) {
		str part = step ? str_sub(rest, 0, step) : rest;
		char *alone = malloc(part.size);
		memcpy(alone, part.data, part.size);
		tls_feed(m->client, str_make(alone, part.size));
		free(alone); /* a view that outlives the call is found by ASan */
		while (tls_read(m->client, plain, sizeof plain) > 0)
			;
		rest = str_from(rest, part.size);
	}
	(void)BIO_reset(SSL_get_wbio(m->server));
	return size > 0;
}

static inline void meet_begin(struct meeting *m, struct tls_context *client, SSL_CTX *server,
			      const char *host, const struct tls_need *need)
{
	const struct tls_target target = {.host = str_of(host), .need = need};
	m->client = tls_session_create(client, &target);
	assert_non_null(m->client);
	m->server = SSL_new(server);
	SSL_set_bio(m->server, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_accept_state(m->server);
}

static inline void meet_on(struct meeting *m, size_t step)
{
	for (int i = 0; i < 20; i++) {
		bool moved = to_server(m);
		if (!to_client(m, step) && !moved)
			return;
	}
	fail();
}

static inline enum tls_state meet(struct meeting *m, struct tls_context *client,
				  SSL_CTX *server, const char *host,
				  const struct tls_need *need)
{
	meet_begin(m, client, server, host, need);
	meet_on(m, 0);
	return tls_state(m->client);
}

/* The line breaks: neither end says good-bye. */
static inline void part(struct meeting *m)
{
	tls_session_destroy(m->client);
	SSL_set_shutdown(m->server, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(m->server);
}

/* usage, selector and matching type of that certificate, RFC 6698 2.1. */
static inline struct tlsa tlsa_of(const struct certificate *c, uint8_t usage, uint8_t selector,
				  uint8_t matching)
{
	struct tlsa r = {.usage = usage, .selector = selector, .matching = matching};
	unsigned char *der = NULL;
	int size = selector ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c->x509), &der)
			    : i2d_X509(c->x509, &der);
	assert_true(size > 0);
	if (matching == 1)
		SHA256(der, (size_t)size, r.data);
	else
		SHA512(der, (size_t)size, r.data);
	r.size = matching == 1 ? 32 : 64;
	OPENSSL_free(der);
	return r;
}
