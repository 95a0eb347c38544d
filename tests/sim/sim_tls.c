/* sim_tls.c - engine/net/tls.h as a mask: enough to tell clear text from cipher. */
#include "engine/net/tls.h"

#include <stdlib.h>

#include "engine/base/assert.h"
#include "tests/sim/sim.h"

struct tls_context {
	int unused;
};

struct tls_session {
	enum tls_state state;
	bool verified; /* every host shows what is asked of it */
	char *out, *plain;
	size_t out_size, plain_size, answer_size;
	char answer[SIM_TLS_HELLO_SIZE];
};

static void append(char **to, size_t *size, const char *bytes, size_t count, int mask)
{
	*to = realloc(*to, *size + count + 1);
	ASSERT(*to);
	for (size_t i = 0; i < count; i++)
		(*to)[*size + i] = (char)(bytes[i] ^ mask);
	*size += count;
}

int tls_context_create(struct tls_context **ret_context,
		       const struct tls_context_config *config)
{
	(void)config;
	*ret_context = calloc(1, sizeof(**ret_context));
	return *ret_context ? 0 : -1;
}

void tls_context_destroy(struct tls_context *context)
{
	free(context);
}

struct tls_session *tls_session_create(struct tls_context *context,
				       const struct tls_target *target)
{
	(void)context;
	struct tls_session *session = calloc(1, sizeof(*session));
	if (!session)
		return NULL;
	session->verified = target && target->need && target->need->kind >= TLS_NEED_PKIX;
	append(&session->out, &session->out_size, SIM_TLS_HELLO, SIM_TLS_HELLO_SIZE, 0);
	return session;
}

void tls_session_destroy(struct tls_session *session)
{
	if (!session)
		return;
	free(session->out);
	free(session->plain);
	free(session);
}

enum tls_state tls_state(const struct tls_session *session)
{
	return session->state;
}

void tls_feed(struct tls_session *session, str cipher)
{
	while (session->state == TLS_HANDSHAKE && cipher.size > 0) {
		session->answer[session->answer_size++] = cipher.data[0];
		cipher = str_from(cipher, 1);
		if (session->answer_size < SIM_TLS_HELLO_SIZE)
			continue;
		bool good = memcmp(session->answer, SIM_TLS_ANSWER, SIM_TLS_HELLO_SIZE) == 0;
		session->state = good ? TLS_OPEN : TLS_FAILED;
	}
	if (session->state == TLS_OPEN)
		append(&session->plain, &session->plain_size, cipher.data, cipher.size,
		       SIM_TLS_MASK);
}

size_t tls_read(struct tls_session *session, char *out, size_t size)
{
	size_t count = session->plain_size < size ? session->plain_size : size;
	if (count == 0)
		return 0;
	memcpy(out, session->plain, count);
	session->plain_size -= count;
	memmove(session->plain, session->plain + count, session->plain_size);
	return count;
}

void tls_write(struct tls_session *session, const struct iovec *spans, size_t count)
{
	ASSERT(session->state == TLS_OPEN);
	for (size_t i = 0; i < count; i++)
		append(&session->out, &session->out_size, spans[i].iov_base, spans[i].iov_len,
		       SIM_TLS_MASK);
}

str tls_output(struct tls_session *session)
{
	return str_make(session->out, session->out_size);
}

void tls_sent(struct tls_session *session, size_t size)
{
	session->out_size -= size;
	memmove(session->out, session->out + size, session->out_size);
}

void tls_close(struct tls_session *session)
{
	session->state = TLS_CLOSED;
}

bool tls_resumed(const struct tls_session *session)
{
	(void)session;
	return false;
}

bool tls_verified(const struct tls_session *session)
{
	return session->state == TLS_OPEN && session->verified;
}

enum tls_fault tls_fault(const struct tls_session *session)
{
	return session->state == TLS_FAILED ? TLS_FAULT_VALIDATION : TLS_FAULT_NONE;
}

size_t tls_channel_binding(const struct tls_session *session, unsigned char *out, size_t size)
{
	if (session->state != TLS_OPEN || size < TLS_CHANNEL_BINDING_SIZE)
		return 0;
	memset(out, SIM_TLS_MASK, TLS_CHANNEL_BINDING_SIZE);
	return TLS_CHANNEL_BINDING_SIZE;
}

const char *tls_describe(const struct tls_session *session)
{
	return session->state == TLS_OPEN ? "simulated" : "simulated failure";
}
