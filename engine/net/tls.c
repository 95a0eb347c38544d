/* tls.c - OpenSSL between two pieces of memory.
 * Not here: sockets, and when to start (conn.c); what is verified (tls_verify.c), which session
 * is taken up again (tls_ticket.c).
 * The surprising thing: a session that was not shut down is thrown out of OpenSSL's mind when
 * it is freed, ticket and all; SMTP peers seldom shut down, so we say that they did. */
#include "engine/net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/net/tls_certificate.h"
#include "engine/net/tls_state.h"
#include "engine/net/tls_verify.h"

#define RECORD_OVERHEAD 64 /* header, tag, padding of the oldest ciphers */

/* AES-128 first: a tenth cheaper for a message of 10 KB, and nobody breaks it either. */
#define CLIENT_CIPHERS                                                                         \
	"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

/* Called by OpenSSL for every ticket that arrives; 1 keeps the reference. */
static int on_new_ticket(SSL *ssl, SSL_SESSION *session)
{
	struct tls_session *s = SSL_get_app_data(ssl);
	tls_tickets_put(s->context->tickets, &s->peer, session);
	return 1;
}

/* A key with a password is a file that cannot be used, not a question to the terminal. */
static int on_password(char *, int, int, void *)
{
	return -1;
}

static int load_certificate(SSL_CTX *ssl, const struct tls_context_config *config)
{
	const char *key_file = config->key_file ? config->key_file : config->certificate_file;
	SSL_CTX_set_default_passwd_cb(ssl, on_password);
	bool usable = SSL_CTX_use_certificate_chain_file(ssl, config->certificate_file) == 1 &&
		      SSL_CTX_use_PrivateKey_file(ssl, key_file, SSL_FILETYPE_PEM) == 1;
	return usable ? 0 : -ENOENT;
}

static int client_init(struct tls_context *c, const struct tls_context_config *config)
{
	int result = tls_tickets_create(&c->tickets);
	if (result < 0)
		return result;
	SSL_CTX_set_session_cache_mode(c->ssl,
				       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(c->ssl, on_new_ticket);
	if (SSL_CTX_set_ciphersuites(c->ssl, CLIENT_CIPHERS) != 1)
		return -ENOMEM;
	result = tls_verify_init(c, config);
	if (result == 0 && config->certificate_file)
		result = load_certificate(c->ssl, config);
	return result;
}

static int server_init(struct tls_context *c, const struct tls_context_config *config)
{
	SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF); /* tickets need no memory */
	SSL_CTX_set_session_id_context(c->ssl, (const unsigned char *)"rundbrief", 9);
	return config->certificate_file ? load_certificate(c->ssl, config)
					: tls_certificate_make(c->ssl);
}

int tls_context_create(struct tls_context **ret_context,
		       const struct tls_context_config *config)
{
	static const int versions[] = {
		[TLS_VERSION_1_2] = TLS1_2_VERSION,
		[TLS_VERSION_1_3] = TLS1_3_VERSION,
	};
	bool client = config->role == TLS_CLIENT;
	struct tls_context *c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	int result = -ENOMEM;
	c->role = config->role;
	c->ssl = SSL_CTX_new(client ? TLS_client_method() : TLS_server_method());
	if (!c->ssl)
		goto fail;
	SSL_CTX_set_min_proto_version(c->ssl, versions[config->min_version]);
	SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS); /* 34 KB less an idle session */
	SSL_CTX_set_options(c->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	result = client ? client_init(c, config) : server_init(c, config);
	if (result < 0)
		goto fail;
	*ret_context = c;
	return 0;
fail:
	ERR_clear_error();
	tls_context_destroy(c);
	return result;
}

void tls_context_destroy(struct tls_context *c)
{
	if (!c)
		return;
	tls_tickets_destroy(c->tickets);
	SSL_CTX_free(c->ssl);
	free(c);
}

static bool client_begin(struct tls_session *s, const struct tls_target *target)
{
	SSL_set_connect_state(s->ssl);
	if (!tls_verify_begin(s, target))
		return false;
	SSL_SESSION *ticket =
		tls_tickets_take(s->context->tickets, &s->peer, &s->offered_serial);
	if (ticket) {
		SSL_set_session(s->ssl, ticket);
		SSL_SESSION_free(ticket);
	}
	return true;
}

static void session_fail_with(struct tls_session *s, const char *reason)
{
	s->state = TLS_FAILED;
	s->fault = TLS_FAULT_VALIDATION;
	snprintf(s->description, sizeof s->description, "TLS failed: %s", reason);
}

/* The reason is OpenSSL's, unless tls_verify.c has found a better one. */
static void session_fail(struct tls_session *s)
{
	unsigned long error = ERR_get_error();
	const char *reason = error ? ERR_reason_error_string(error) : NULL;
	ERR_clear_error();
	s->state = TLS_FAILED;
	if (s->fault == TLS_FAULT_NONE)
		session_fail_with(s, reason ? reason : "the peer broke off");
}

static void session_open(struct tls_session *s)
{
	/* A ticket brings the verdict of its first handshake along; only a good one counts. */
	if (tls_verify_wanted(s) && SSL_get_verify_result(s->ssl) != X509_V_OK) {
		session_fail_with(s, "the session resumed was not verified");
		return;
	}
	s->state = TLS_OPEN;
	snprintf(s->description, sizeof s->description, "%s %s", SSL_get_version(s->ssl),
		 SSL_get_cipher_name(s->ssl));
	if (s->offered_serial && !SSL_session_reused(s->ssl))
		tls_tickets_refused(s->context->tickets, &s->peer, s->offered_serial);
}

static void handshake(struct tls_session *s)
{
	ERR_clear_error();
	int result = SSL_do_handshake(s->ssl);
	if (result == 1)
		session_open(s);
	else if (SSL_get_error(s->ssl, result) != SSL_ERROR_WANT_READ)
		session_fail(s);
}

struct tls_session *tls_session_create(struct tls_context *c, const struct tls_target *target)
{
	struct tls_session *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->context = c;
	s->ssl = SSL_new(c->ssl);
	BIO *bio = tls_pipe_open(&s->pipe);
	if (!s->ssl || !bio) {
		BIO_free(bio);
		goto fail;
	}
	SSL_set_bio(s->ssl, bio, bio);
	SSL_set_app_data(s->ssl, s);
	ASSERT((c->role == TLS_SERVER) == (target == NULL));
	if (c->role == TLS_SERVER)
		SSL_set_accept_state(s->ssl);
	else if (!client_begin(s, target))
		goto fail;
	handshake(s); /* the client speaks first */
	return s;
fail:
	tls_session_destroy(s);
	return NULL;
}

void tls_session_destroy(struct tls_session *s)
{
	if (!s)
		return;
	if (s->ssl && (s->state == TLS_OPEN || s->state == TLS_CLOSED))
		SSL_set_shutdown(s->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(s->ssl);
	tls_pipe_done(&s->pipe);
	free(s);
}

enum tls_state tls_state(const struct tls_session *s)
{
	return s->state;
}

void tls_feed(struct tls_session *s, str cipher)
{
	if (s->state == TLS_CLOSED || s->state == TLS_FAILED)
		return;
	s->pipe.fed = cipher;
	if (s->state == TLS_HANDSHAKE)
		handshake(s);
	if (!tls_pipe_keep(&s->pipe))
		session_fail(s);
}

size_t tls_read(struct tls_session *s, char *out, size_t size)
{
	/* Asked in vain OpenSSL would first take 16 KB for a record that is not there. */
	if (s->state != TLS_OPEN || (!tls_pipe_has_input(&s->pipe) && !SSL_has_pending(s->ssl)))
		return 0;
	ERR_clear_error();
	int count = SSL_read(s->ssl, out, size > INT32_MAX ? INT32_MAX : (int)size);
	if (count > 0)
		return (size_t)count;
	int error = SSL_get_error(s->ssl, count);
	if (error == SSL_ERROR_ZERO_RETURN)
		s->state = TLS_CLOSED;
	else if (error != SSL_ERROR_WANT_READ)
		session_fail(s);
	return 0;
}

static void write_records(struct tls_session *s, const char *data, size_t size)
{
	size_t written;
	if (size == 0 || s->state != TLS_OPEN)
		return;
	ERR_clear_error();
	/* Into memory it is all or, when memory is out, nothing. */
	if (SSL_write_ex(s->ssl, data, size, &written) != 1)
		session_fail(s);
}

/* Each record costs more than its copy, so that spans are gathered into full ones. */
static void write_spans(struct tls_session *s, const struct iovec *spans, size_t count)
{
	char *gather = s->context->gather;
	size_t used = 0;
	for (size_t i = 0; i < count; i++) {
		str rest = {spans[i].iov_base, spans[i].iov_len};
		while (rest.size > 0) {
			if (used == 0 && rest.size >= TLS_RECORD_SIZE) {
				size_t whole = rest.size - rest.size % TLS_RECORD_SIZE;
				write_records(s, rest.data, whole);
				rest = str_from(rest, whole);
				continue;
			}
			str part = str_sub(rest, 0, TLS_RECORD_SIZE - used);
			memcpy(gather + used, part.data, part.size);
			used += part.size;
			rest = str_from(rest, part.size);
			if (used == TLS_RECORD_SIZE) {
				write_records(s, gather, used);
				used = 0;
			}
		}
	}
	write_records(s, gather, used);
}

void tls_write(struct tls_session *s, const struct iovec *spans, size_t count)
{
	size_t size = 0;
	ASSERT(s->state == TLS_OPEN);
	for (size_t i = 0; i < count; i++)
		size += spans[i].iov_len;
	tls_pipe_expect(&s->pipe, size + (size / TLS_RECORD_SIZE + 1) * RECORD_OVERHEAD);
	s->pipe.asked = true;
	write_spans(s, spans, count);
	s->pipe.asked = false;
}

str tls_output(struct tls_session *s)
{
	return tls_pipe_output(&s->pipe);
}

void tls_sent(struct tls_session *s, size_t size)
{
	tls_pipe_sent(&s->pipe, size);
}

void tls_close(struct tls_session *s)
{
	if (s->state != TLS_OPEN)
		return;
	ERR_clear_error();
	SSL_shutdown(s->ssl);
	/* Not TLS_CLOSED: the ticket is to be kept when the session is destroyed. */
}

bool tls_resumed(const struct tls_session *s)
{
	return SSL_session_reused(s->ssl) == 1;
}

bool tls_verified(const struct tls_session *s)
{
	return s->state == TLS_OPEN && tls_verify_wanted(s);
}

enum tls_fault tls_fault(const struct tls_session *s)
{
	return s->state == TLS_FAILED ? s->fault : TLS_FAULT_NONE;
}

const char *tls_describe(const struct tls_session *s)
{
	return s->description;
}

size_t tls_channel_binding(const struct tls_session *s, unsigned char *out, size_t size)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	if (s->state != TLS_OPEN || size < TLS_CHANNEL_BINDING_SIZE)
		return 0;
	/* Without the extended master secret two sessions can be made to share their keys. */
	if (SSL_version(s->ssl) < TLS1_3_VERSION && SSL_get_extms_support(s->ssl) != 1)
		return 0;
	return SSL_export_keying_material(s->ssl, out, TLS_CHANNEL_BINDING_SIZE, label,
					  sizeof label - 1, (const unsigned char *)"", 0,
					  1) == 1
		       ? TLS_CHANNEL_BINDING_SIZE
		       : 0;
}
