/* tls_certificate.h - a self-signed certificate made in memory, for servers of tests. */
#pragma once

#include <openssl/ssl.h>

/* Makes a P-256 key and a certificate for it, valid for a year, and gives both to the context.
 */
[[nodiscard]] int tls_certificate_make(SSL_CTX *);
