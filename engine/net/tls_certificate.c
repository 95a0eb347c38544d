/* tls_certificate.c - see tls_certificate.h. Opportunistic clients do not look at it. */
#include "engine/net/tls_certificate.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#define YEAR_SECONDS (365L * 24 * 3600)

static int fill(X509 *certificate, EVP_PKEY *key)
{
	X509_NAME *name = X509_get_subject_name(certificate);
	int ok = X509_set_version(certificate, X509_VERSION_3) &&
		 ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) &&
		 X509_gmtime_adj(X509_getm_notBefore(certificate), 0) &&
		 X509_gmtime_adj(X509_getm_notAfter(certificate), YEAR_SECONDS) &&
		 X509_set_pubkey(certificate, key) &&
		 X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					    (const unsigned char *)"self-signed.test", -1, -1,
					    0) &&
		 X509_set_issuer_name(certificate, name) &&
		 X509_sign(certificate, key, EVP_sha256()) > 0;
	return ok ? 0 : -ENOMEM;
}

int tls_certificate_make(SSL_CTX *ssl)
{
	int result = -ENOMEM;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	if (key && certificate)
		result = fill(certificate, key);
	if (result == 0 && (SSL_CTX_use_certificate(ssl, certificate) != 1 ||
			    SSL_CTX_use_PrivateKey(ssl, key) != 1))
		result = -ENOMEM;
	X509_free(certificate);
	EVP_PKEY_free(key);
	return result;
}
