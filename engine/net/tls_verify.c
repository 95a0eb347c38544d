/* tls_verify.c - see tls_verify.h.
 * Unverified sessions do not even build a chain: it costs a tenth of the handshake and files
 * are read for it, for a result that nobody wants. What they leave in the session, and so in
 * its ticket, is a failure, so that such a ticket could never pass for a verified one. */
#include "engine/net/tls_verify.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "engine/io/io.h"

#define NAME_LIMIT 50 /* of a name from outside in a sentence */

bool tls_verify_wanted(const struct tls_session *s)
{
	return s->peer.kind >= TLS_NEED_PKIX;
}

static struct tls_session *session_of(X509_STORE_CTX *store)
{
	return SSL_get_app_data(
		X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
}

static int verify_chain(X509_STORE_CTX *store, void *)
{
	if (tls_verify_wanted(session_of(store)))
		return X509_verify_cert(store);
	X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
	return 1;
}

/* Some hundred certificates, all of which are parsed: tens of milliseconds. */
static int read_anchors(struct tls_context *c, const char *ca_file)
{
	c->anchors_wait = false;
	if (ca_file)
		return SSL_CTX_load_verify_locations(c->ssl, ca_file, NULL) == 1 ? 0 : -ENOENT;
	return SSL_CTX_set_default_verify_paths(c->ssl) == 1 ? 0 : -ENOENT;
}

int tls_verify_init(struct tls_context *c, const struct tls_context_config *config)
{
	SSL_CTX_set_cert_verify_callback(c->ssl, verify_chain, NULL);
	if (SSL_CTX_dane_enable(c->ssl) != 1)
		return -ENOMEM;
	c->anchors_wait = config->verifies_seldom && !config->ca_file;
	return c->anchors_wait ? 0 : read_anchors(c, config->ca_file);
}

/* "Certificate-not-trusted" is for chains of every kind that end nowhere; what tells nothing
 * about the certificate is "validation-failure". So is a certificate that matches no TLSA
 * record: "tlsa-invalid" is a fault of the record, and those read well enough to be used. */
static enum tls_fault fault_of(int error)
{
	switch (error) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return TLS_FAULT_HOST_MISMATCH;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return TLS_FAULT_EXPIRED;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
	case X509_V_ERR_CERT_NOT_YET_VALID:
	case X509_V_ERR_CERT_CHAIN_TOO_LONG:
	case X509_V_ERR_PATH_LENGTH_EXCEEDED:
	case X509_V_ERR_CERT_REVOKED:
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_CERT_REJECTED:
	case X509_V_ERR_INVALID_CA:
	case X509_V_ERR_INVALID_PURPOSE:
	case X509_V_ERR_PERMITTED_VIOLATION:
	case X509_V_ERR_EXCLUDED_VIOLATION:
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		return TLS_FAULT_NOT_TRUSTED;
	default:
		return TLS_FAULT_VALIDATION;
	}
}

/* The first DNS name and the count of the others. */
static void put_names(struct buf *out, X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	size_t count = 0;
	for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
		int type;
		ASN1_STRING *name =
			GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
		if (type != GEN_DNS || count++ > 0)
			continue;
		buf_put_printable(out,
				  str_make((const char *)ASN1_STRING_get0_data(name),
					   (size_t)ASN1_STRING_length(name)),
				  NAME_LIMIT);
	}
	if (count == 0)
		buf_put_cstr(out, "no host");
	else if (count > 1)
		buf_printf(out, " and %zu more", count - 1);
	GENERAL_NAMES_free(names);
}

static void put_expiry(struct buf *out, X509 *certificate)
{
	struct tm end;
	buf_put_cstr(out, "certificate has expired");
	if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1)
		buf_printf(out, " on %04d-%02d-%02d", end.tm_year + 1900, end.tm_mon + 1,
			   end.tm_mday);
}

static void put_sentence(struct buf *out, const struct tls_session *s, int error,
			 X509 *certificate)
{
	switch (certificate ? error : X509_V_ERR_UNSPECIFIED) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		buf_put_cstr(out, "certificate is for ");
		put_names(out, certificate);
		buf_put_cstr(out, ", not ");
		buf_put_printable(out, str_of(s->peer.host), NAME_LIMIT);
		return;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		put_expiry(out, certificate);
		return;
	case X509_V_ERR_DANE_NO_MATCH:
		buf_put_cstr(out, "certificate matches none of the TLSA records of ");
		buf_put_printable(out, str_of(s->peer.host), NAME_LIMIT);
		return;
	default:
		buf_put_cstr(out, "certificate is not accepted: ");
		buf_put_cstr(out, X509_verify_cert_error_string(error));
	}
}

/* Told by OpenSSL of every step; the first refusal is the reason. Only here is the certificate
 * at hand: a failed handshake leaves none in the session. */
static int on_step(int ok, X509_STORE_CTX *store)
{
	char sentence[2 * (4 * NAME_LIMIT + 50)];
	struct buf out;
	if (ok)
		return 1;
	struct tls_session *s = session_of(store);
	int error = X509_STORE_CTX_get_error(store);
	buf_init_fixed(&out, sentence, sizeof sentence);
	put_sentence(&out, s, error, X509_STORE_CTX_get_current_cert(store));
	s->fault = fault_of(error);
	snprintf(s->description, sizeof s->description, "TLS failed: %.*s",
		 STR_FORMAT(buf_str(&out)));
	return 0;
}

/* RFC 6066 3: SNI holds names, never addresses. */
static bool is_name(const char *host)
{
	struct net_address address;
	return host[0] != '\0' && !net_address_parse(str_of(host), 0, &address);
}

/* The records that OpenSSL takes; RFC 7672 8.1: the host is SNI and base. */
static size_t begin_dane(SSL *ssl, const char *host, const struct tls_need *need)
{
	size_t usable_count = 0;
	if (need->tlsa_count == 0 || SSL_dane_enable(ssl, host) != 1)
		return 0;
	/* RFC 7672 3.1.1: the record vouches for the key, whatever name it goes by. */
	SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	for (size_t i = 0; i < need->tlsa_count; i++) {
		const struct tlsa *r = &need->tlsa[i];
		usable_count += SSL_dane_tlsa_add(ssl, r->usage, r->selector, r->matching,
						  r->data, r->size) == 1;
	}
	ERR_clear_error();
	return usable_count;
}

bool tls_verify_begin(struct tls_session *s, const struct tls_target *target)
{
	static const struct tls_need may = {.kind = TLS_NEED_MAY};
	const struct tls_need *need = target->need ? target->need : &may;
	enum tls_need_kind kind = need->kind == TLS_NEED_NONE ? TLS_NEED_MAY : need->kind;
	SSL *ssl = s->ssl;
	tls_ticket_key_make(&s->peer, target->host, kind, need->tlsa, need->tlsa_count);
	const char *host = s->peer.host;
	if (is_name(host) && SSL_set_tlsext_host_name(ssl, host) != 1)
		return false;
	if (tls_verify_wanted(s) && host[0] == '\0')
		return false; /* OpenSSL would take an empty name for "any" */
	/* RFC 7672 2.2: no usable record, then TLS without authentication. */
	if (kind == TLS_NEED_DANE && begin_dane(ssl, host, need) == 0)
		tls_ticket_key_make(&s->peer, target->host, TLS_NEED_ENCRYPT, NULL, 0);
	if (!tls_verify_wanted(s)) {
		/* A weak key is still better than the clear text that would follow. */
		SSL_set_security_level(ssl, 1);
		SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
		return true;
	}
	if (s->context->anchors_wait && read_anchors(s->context, NULL) < 0)
		return false;
	SSL_set_verify(ssl, SSL_VERIFY_PEER, on_step);
	/* RFC 7817 3, RFC 9525 6: "*" only as a whole label; a common name is no name of a
	 * host, but RFC 7672 3.2.3 still allows it behind a usage of 2. */
	unsigned flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
	if (kind == TLS_NEED_PKIX)
		flags |= X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
	SSL_set_hostflags(ssl, flags);
	return kind == TLS_NEED_DANE || SSL_set1_host(ssl, host) == 1;
}
