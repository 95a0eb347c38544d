/* tls_state.h - what the files behind tls.h share: the structs. Nobody else includes it. */
#pragma once

#include <openssl/ssl.h>

#include "engine/net/tls.h"
#include "engine/net/tls_pipe.h"
#include "engine/net/tls_ticket.h"

#define TLS_RECORD_SIZE 16384 /* plain bytes of one record, RFC 8446 5.1 */

struct tls_context {
	SSL_CTX *ssl;
	enum tls_role role;
	struct tls_tickets *tickets;  /* of a client */
	bool anchors_wait;            /* the system's are not read yet */
	char gather[TLS_RECORD_SIZE]; /* small spans become one record */
};

struct tls_session {
	struct tls_context *context;
	SSL *ssl; /* its app data is this struct */
	struct tls_pipe pipe;
	enum tls_state state;
	enum tls_fault fault;
	/* Whom a client talks to, and what is asked of it in the end: the need, or less when
	 * no TLSA record can be used. */
	struct tls_ticket_key peer;
	uint64_t offered_serial; /* of the ticket; 0: none */
	char description[200];
};
