/* tls.c - OpenSSL between two pieces of memory.
 * Not here: sockets, and when to start (conn.c). The client is opportunistic as RFC 7435 means
 * it: any certificate will do, unless the context verifies; contexts that verify and contexts
 * that do not never share tickets, as each has its own.
 * The surprising thing: a session that was not shut down is thrown out of OpenSSL's mind when
 * it is freed, ticket and all; SMTP peers seldom shut down, so we say that they did. */
#include "engine/net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "engine/io/io.h"
#include "engine/net/tls_certificate.h"

#define HOST_SIZE 256
#define RECORD_SIZE 16384 /* plain bytes of one record, RFC 8446 5.1 */
#define TICKET_SLOTS 4096 /* hosts remembered; a newcomer takes the place of its slot */

struct ticket {
	char host[HOST_SIZE];
	SSL_SESSION *session;
};

struct tls_context {
	SSL_CTX *ssl;
	enum tls_role role;
	bool verify;
	struct ticket **tickets;  /* client: by hash of the host */
	char gather[RECORD_SIZE]; /* small spans become one record */
};

struct tls_session {
	struct tls_context *context;
	SSL *ssl;
	BIO *in, *out;
	enum tls_state state;
	/* What tls_output() showed stays put while OpenSSL writes on into its own memory. */
	char *output;
	size_t output_size, output_capacity, sent_size;
	char host[HOST_SIZE];
	char description[160];
};

static struct ticket **ticket_slot(struct tls_context *c, const char *host)
{
	return &c->tickets[hash_bytes(0, str_of(host)) % TICKET_SLOTS];
}

static void ticket_free(struct ticket *t)
{
	if (t)
		SSL_SESSION_free(t->session);
	free(t);
}

/* Called by OpenSSL for every ticket that arrives; 1 keeps the reference. */
static int on_new_ticket(SSL *ssl, SSL_SESSION *session)
{
	struct tls_session *s = SSL_get_app_data(ssl);
	if (s->host[0] == '\0')
		return 0;
	struct ticket **slot = ticket_slot(s->context, s->host);
	struct ticket *t = malloc(sizeof *t);
	if (!t)
		return 0;
	memcpy(t->host, s->host, sizeof t->host);
	t->session = session;
	ticket_free(*slot);
	*slot = t;
	return 1;
}

static int client_init(struct tls_context *c)
{
	c->tickets = calloc(TICKET_SLOTS, sizeof(struct ticket *));
	if (!c->tickets)
		return -ENOMEM;
	SSL_CTX_set_session_cache_mode(c->ssl,
				       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(c->ssl, on_new_ticket);
	if (c->verify) {
		SSL_CTX_set_verify(c->ssl, SSL_VERIFY_PEER, NULL);
		return SSL_CTX_set_default_verify_paths(c->ssl) == 1 ? 0 : -ENOENT;
	}
	/* A weak key is still better than the clear text that would follow a failure. */
	SSL_CTX_set_verify(c->ssl, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_security_level(c->ssl, 1);
	return 0;
}

static int server_init(struct tls_context *c, const struct tls_context_config *config)
{
	SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF); /* tickets need no memory */
	SSL_CTX_set_session_id_context(c->ssl, (const unsigned char *)"rundbrief", 9);
	if (!config->certificate_file)
		return tls_certificate_make(c->ssl);
	if (SSL_CTX_use_certificate_chain_file(c->ssl, config->certificate_file) != 1 ||
	    SSL_CTX_use_PrivateKey_file(c->ssl, config->key_file, SSL_FILETYPE_PEM) != 1)
		return -ENOENT;
	return 0;
}

int tls_context_create(struct tls_context **ret_context,
		       const struct tls_context_config *config)
{
	bool client = config->role == TLS_CLIENT;
	struct tls_context *c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	int result = -ENOMEM;
	c->role = config->role;
	c->verify = config->verify;
	c->ssl = SSL_CTX_new(client ? TLS_client_method() : TLS_server_method());
	if (!c->ssl)
		goto fail;
	SSL_CTX_set_min_proto_version(c->ssl, TLS1_2_VERSION);
	SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS); /* 22 KB an idle session, not 54 */
	SSL_CTX_set_options(c->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	result = client ? client_init(c) : server_init(c, config);
	if (result < 0)
		goto fail;
	*ret_context = c;
	return 0;
fail:
	tls_context_destroy(c);
	return result;
}

void tls_context_destroy(struct tls_context *c)
{
	if (!c)
		return;
	for (size_t i = 0; c->tickets && i < TICKET_SLOTS; i++)
		ticket_free(c->tickets[i]);
	free(c->tickets);
	SSL_CTX_free(c->ssl);
	free(c);
}

/* RFC 6066 3: SNI holds names, never addresses. */
static bool is_name(const char *host)
{
	struct net_address address;
	return host[0] != '\0' && !net_address_parse(str_of(host), 0, &address);
}

static bool client_begin(struct tls_session *s)
{
	SSL_set_connect_state(s->ssl);
	if (is_name(s->host) && SSL_set_tlsext_host_name(s->ssl, s->host) != 1)
		return false;
	if (s->context->verify && SSL_set1_host(s->ssl, s->host) != 1)
		return false;
	struct ticket *t = *ticket_slot(s->context, s->host);
	if (t && strcmp(t->host, s->host) == 0 && SSL_SESSION_is_resumable(t->session))
		SSL_set_session(s->ssl, t->session);
	return true;
}

static void session_fail(struct tls_session *s)
{
	unsigned long error = ERR_get_error();
	const char *reason = error ? ERR_reason_error_string(error) : NULL;
	snprintf(s->description, sizeof s->description, "TLS failed: %s",
		 reason ? reason : "the peer broke off");
	s->state = TLS_FAILED;
	ERR_clear_error();
}

static void handshake(struct tls_session *s)
{
	ERR_clear_error();
	int result = SSL_do_handshake(s->ssl);
	if (result == 1) {
		s->state = TLS_OPEN;
		snprintf(s->description, sizeof s->description, "%s %s",
			 SSL_get_version(s->ssl), SSL_get_cipher_name(s->ssl));
	} else if (SSL_get_error(s->ssl, result) != SSL_ERROR_WANT_READ) {
		session_fail(s);
	}
}

struct tls_session *tls_session_create(struct tls_context *c, str host)
{
	struct tls_session *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->context = c;
	if (!str_to_cstr(host, s->host, sizeof s->host))
		s->host[0] = '\0';
	s->ssl = SSL_new(c->ssl);
	s->in = BIO_new(BIO_s_mem());
	s->out = BIO_new(BIO_s_mem());
	if (!s->ssl || !s->in || !s->out) {
		BIO_free(s->in);
		BIO_free(s->out);
		goto fail;
	}
	SSL_set_bio(s->ssl, s->in, s->out);
	SSL_set_app_data(s->ssl, s);
	if (c->role == TLS_SERVER)
		SSL_set_accept_state(s->ssl);
	else if (!client_begin(s))
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
	if (s->ssl && s->state == TLS_OPEN)
		SSL_set_shutdown(s->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(s->ssl);
	free(s->output);
	free(s);
}

enum tls_state tls_state(const struct tls_session *s)
{
	return s->state;
}

void tls_feed(struct tls_session *s, str cipher)
{
	while (cipher.size > 0) {
		int part = cipher.size > INT32_MAX ? INT32_MAX : (int)cipher.size;
		if (BIO_write(s->in, cipher.data, part) != part) {
			session_fail(s);
			return;
		}
		cipher = str_from(cipher, (size_t)part);
	}
	if (s->state == TLS_HANDSHAKE)
		handshake(s);
}

size_t tls_read(struct tls_session *s, char *out, size_t size)
{
	if (s->state != TLS_OPEN)
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

static void write_record(struct tls_session *s, const char *data, size_t size)
{
	if (size == 0 || s->state != TLS_OPEN)
		return;
	ERR_clear_error();
	/* Into memory it is all or, when memory is out, nothing. */
	if (SSL_write(s->ssl, data, (int)size) != (int)size)
		session_fail(s);
}

/* Each record costs more than its copy, so that spans are gathered into full ones. */
void tls_write(struct tls_session *s, const struct iovec *spans, size_t count)
{
	ASSERT(s->state == TLS_OPEN);
	char *gather = s->context->gather;
	size_t used = 0;
	for (size_t i = 0; i < count; i++) {
		str rest = {spans[i].iov_base, spans[i].iov_len};
		while (rest.size > 0) {
			str part = str_sub(rest, 0, RECORD_SIZE - used);
			memcpy(gather + used, part.data, part.size);
			used += part.size;
			rest = str_from(rest, part.size);
			if (used == RECORD_SIZE) {
				write_record(s, gather, used);
				used = 0;
			}
		}
	}
	write_record(s, gather, used);
}

static bool output_fits(struct tls_session *s, size_t size)
{
	if (size <= s->output_capacity)
		return true;
	char *grown = realloc(s->output, size);
	if (!grown)
		return false;
	s->output = grown;
	s->output_capacity = size;
	return true;
}

str tls_output(struct tls_session *s)
{
	if (s->sent_size == s->output_size) {
		s->sent_size = s->output_size = 0;
		size_t size = BIO_ctrl_pending(s->out);
		if (size > 0 && output_fits(s, size)) {
			int count = BIO_read(s->out, s->output, (int)size);
			s->output_size = count > 0 ? (size_t)count : 0;
		} else if (size > 0) {
			session_fail(s);
		}
	}
	return (str){s->output + s->sent_size, s->output_size - s->sent_size};
}

void tls_sent(struct tls_session *s, size_t size)
{
	ASSERT(size <= s->output_size - s->sent_size);
	s->sent_size += size;
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

const char *tls_describe(const struct tls_session *s)
{
	return s->description;
}
