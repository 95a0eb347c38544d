/* sasl.c - see sasl.h. The mechanisms are one table, the strongest first; libgsasl does the
 * cryptography, and what it does not look at (iteration counts, empty challenges, a server that
 * goes on after the end) is looked at here before it sees it.
 * The surprising thing: without -PLUS the flag is always "n", even when the channel could be
 * bound. RFC 5802 6 wants "y" then, by which a server notices that somebody has taken -PLUS out
 * of what it offered, but libgsasl 2.2 cannot say it. Who has to fear that lists -PLUS alone.
 */
#include "engine/net/sasl.h"

#include <gsasl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define COMMAND_LIMIT 512      /* of the AUTH command with its CRLF, RFC 5321 4.5.3.1.4 */
#define ITERATIONS_LEAST 4096  /* RFC 5802 5.1, RFC 7677 4 */
#define ITERATIONS_MOST 300000 /* half a second of CPU; nobody is to make us compute */

enum kind { SCRAM, OAUTHBEARER, XOAUTH2, CRAM, PLAIN, LOGIN };

struct mechanism {
	const char *name;
	enum kind kind;
	bool plus;         /* binds the channel */
	bool client_first; /* speaks first */
	bool reveals;      /* the secret itself is on the wire */
};

static const struct mechanism mechanisms[] = {
	{"SCRAM-SHA-256-PLUS", SCRAM, true, true, false},
	{"SCRAM-SHA-1-PLUS", SCRAM, true, true, false},
	{"SCRAM-SHA-256", SCRAM, false, true, false},
	{"SCRAM-SHA-1", SCRAM, false, true, false},
	{"OAUTHBEARER", OAUTHBEARER, false, true, true},
	{"XOAUTH2", XOAUTH2, false, true, true},
	{"CRAM-MD5", CRAM, false, false, false},
	{"PLAIN", PLAIN, false, true, true},
	{"LOGIN", LOGIN, false, false, true},
};
#define MECHANISM_COUNT (sizeof mechanisms / sizeof mechanisms[0])

struct sasl {
	const struct mechanism *mechanism;
	Gsasl *library; /* NULL: OAuth */
	Gsasl_session *session;
	char *first; /* the initial response as base64; NULL: the server speaks first */
	size_t first_size;
	size_t nonce_size;   /* of the client's part */
	unsigned step_count; /* the one under way counts */
	bool over;           /* nothing is to be sent or verified any more */
	bool refused;
	char refusal[160];
};

/* False, and the sentence with what is from outside made printable. */
static bool fail(char *why, size_t why_size, const char *sentence, str what)
{
	struct buf out;
	if (why_size == 0)
		return false;
	buf_init_fixed(&out, why, why_size - 1);
	buf_put_cstr(&out, sentence);
	buf_put_printable(&out, what, 120);
	why[out.size] = '\0';
	return false;
}

/* ---- which mechanism ---- */

static bool is_token_kind(enum kind kind)
{
	return kind == OAUTHBEARER || kind == XOAUTH2;
}

/* Why a mechanism that is offered cannot be used; NULL when it can. */
static const char *obstacle(const struct mechanism *m, const struct sasl_credentials *c,
			    const struct sasl_channel *channel)
{
	if (is_token_kind(m->kind) && c->token.size == 0)
		return "needs a token";
	if (!is_token_kind(m->kind) && c->password.size == 0)
		return "needs a password";
	if (m->reveals && !channel->is_tls && !c->allow_plain_text_in_clear)
		return "is not used without TLS";
	if (m->plus && channel->binding_size == 0)
		return "needs TLS 1.3";
	return NULL;
}

static const struct mechanism *find(str name)
{
	for (size_t i = 0; i < MECHANISM_COUNT; i++)
		if (str_eq_nocase(name, str_of(mechanisms[i].name)))
			return &mechanisms[i];
	return NULL;
}

static bool lists(str list, const char *name)
{
	while (list.size > 0)
		if (str_eq_nocase(str_cut(&list, ' '), str_of(name)))
			return true;
	return false;
}

static const struct mechanism *choose(const struct sasl_credentials *c, str offered,
				      const struct sasl_channel *channel, char *why,
				      size_t why_size)
{
	str wished = c->mechanisms;
	bool any = str_trim(wished).size == 0;
	const struct mechanism *hindered = NULL;
	for (size_t i = 0; any ? i < MECHANISM_COUNT : wished.size > 0; i++) {
		const struct mechanism *m = any ? &mechanisms[i] : find(str_cut(&wished, ' '));
		if (!m || !lists(offered, m->name))
			continue;
		if (!obstacle(m, c, channel))
			return m;
		if (!hindered)
			hindered = m;
	}
	if (hindered)
		snprintf(why, why_size, "AUTH %s %s", hindered->name,
			 obstacle(hindered, c, channel));
	else
		fail(why, why_size, "no allowed way of AUTH among those offered: ", offered);
	return NULL;
}

bool sasl_knows(str mechanism)
{
	return find(mechanism) != NULL;
}

/* ---- the first response ---- */

/* Base64 of bytes that are then wiped; NULL when memory is out or they are too many. */
static char *encode(char *bytes, size_t size, size_t *ret_size)
{
	char *text = NULL;
	if (size < SASL_LINE_LIMIT) /* longer ones fail the exact check of the caller */
		text = malloc((size + 2) / 3 * 4 + 1);
	if (text)
		*ret_size = (size_t)EVP_EncodeBlock((unsigned char *)text,
						    (const unsigned char *)bytes, (int)size);
	OPENSSL_cleanse(bytes, size);
	return text;
}

/* RFC 5801 4: a comma and an equals sign of a name are escaped. */
static void put_name(struct buf *out, str name)
{
	for (size_t i = 0; i < name.size; i++) {
		if (name.data[i] == ',')
			buf_put(out, STR("=2C"));
		else if (name.data[i] == '=')
			buf_put(out, STR("=3D"));
		else
			buf_put_byte(out, name.data[i]);
	}
}

/* RFC 7628 3.1; XOAUTH2 is what Google and Microsoft had before it. */
static bool oauth_begin(struct sasl *s, const struct sasl_credentials *c,
			const struct sasl_channel *channel)
{
	char memory[SASL_LINE_LIMIT];
	struct buf out;
	buf_init_fixed(&out, memory, sizeof memory);
	if (s->mechanism->kind == OAUTHBEARER) {
		buf_put(&out, STR("n,a="));
		put_name(&out, c->user);
		buf_put(&out, STR(",\1host="));
		buf_put(&out, channel->host);
		buf_put(&out, STR("\1port="));
		buf_put_u64(&out, channel->port);
	} else {
		buf_put(&out, STR("user="));
		buf_put(&out, c->user);
	}
	buf_put(&out, STR("\1auth=Bearer "));
	buf_put(&out, c->token);
	buf_put(&out, STR("\1\1"));
	if (buf_ok(&out))
		s->first = encode(out.data, out.size, &s->first_size);
	OPENSSL_cleanse(memory, sizeof memory);
	return s->first != NULL;
}

static bool set(struct sasl *s, Gsasl_property property, str value)
{
	return gsasl_property_set_raw(s->session, property, value.data, value.size) == GSASL_OK;
}

static bool bind_channel(struct sasl *s, const struct sasl_channel *channel)
{
	unsigned char text[(sizeof channel->binding + 2) / 3 * 4 + 1];
	int size = EVP_EncodeBlock(text, channel->binding, (int)channel->binding_size);
	return set(s, GSASL_CB_TLS_EXPORTER, str_make((char *)text, (size_t)size));
}

static bool gsasl_begin(struct sasl *s, const struct sasl_credentials *c,
			const struct sasl_channel *channel, char *why, size_t why_size)
{
	if (gsasl_init(&s->library) != GSASL_OK ||
	    gsasl_client_start(s->library, s->mechanism->name, &s->session) != GSASL_OK)
		return fail(why, why_size, "libgsasl does not know AUTH ",
			    str_of(s->mechanism->name));
	if (!set(s, GSASL_AUTHID, c->user) || !set(s, GSASL_PASSWORD, c->password) ||
	    (s->mechanism->plus && !bind_channel(s, channel)))
		return fail(why, why_size, "out of memory", (str){});
	if (!s->mechanism->client_first)
		return true;
	char *bytes = NULL;
	size_t size = 0;
	int result = gsasl_step(s->session, NULL, 0, &bytes, &size);
	if (result != GSASL_OK && result != GSASL_NEEDS_MORE)
		return fail(why, why_size,
			    "AUTH cannot begin: ", str_of(gsasl_strerror(result)));
	s->over = result == GSASL_OK;
	size_t nonce_at = str_find(str_make(bytes, size), STR(",r="));
	if (s->mechanism->kind == SCRAM && nonce_at != STR_NONE)
		s->nonce_size = size - nonce_at - 3;
	s->first = encode(bytes, size, &s->first_size);
	gsasl_free(bytes);
	return s->first || fail(why, why_size, "out of memory", (str){});
}

/* Nothing with a control character is a name or a secret, and some would change the meaning of
 * what they are put into. */
static bool is_clean(str text)
{
	for (size_t i = 0; i < text.size; i++)
		if ((unsigned char)text.data[i] < ' ' || text.data[i] == 127)
			return false;
	return text.size < SASL_LINE_LIMIT;
}

static bool begin(struct sasl *s, const struct sasl_credentials *c,
		  const struct sasl_channel *channel, char *why, size_t why_size)
{
	if (!is_clean(c->user) || !is_clean(c->password) || !is_clean(c->token))
		return fail(why, why_size,
			    "user, password or token is too long or has control characters",
			    (str){});
	if (!is_token_kind(s->mechanism->kind)) {
		if (!gsasl_begin(s, c, channel, why, why_size))
			return false;
	} else if (!oauth_begin(s, c, channel)) {
		return fail(why, why_size, "the token is too long for AUTH", (str){});
	} else {
		s->over = true;
	}
	if (s->first_size > SASL_LINE_LIMIT - 2)
		return fail(why, why_size, "the response is too long for AUTH", (str){});
	return true;
}

struct sasl *sasl_create(const struct sasl_credentials *c, str offered,
			 const struct sasl_channel *channel, char *why, size_t why_size)
{
	const struct mechanism *m = choose(c, offered, channel, why, why_size);
	if (!m)
		return NULL;
	struct sasl *s = calloc(1, sizeof *s);
	if (!s) {
		fail(why, why_size, "out of memory", (str){});
		return NULL;
	}
	s->mechanism = m;
	if (begin(s, c, channel, why, why_size))
		return s;
	sasl_destroy(s);
	return NULL;
}

/* libgsasl frees what it holds without wiping it, and shows it only as constant. */
static void wipe_session(Gsasl_session *session)
{
	static const Gsasl_property secrets[] = {GSASL_PASSWORD, GSASL_SCRAM_SALTED_PASSWORD};
	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
		const char *secret = gsasl_property_fast(session, secrets[i]);
		if (secret)
			OPENSSL_cleanse((char *)(uintptr_t)secret, strlen(secret));
	}
}

void sasl_destroy(struct sasl *s)
{
	if (!s)
		return;
	if (s->session) {
		wipe_session(s->session);
		gsasl_finish(s->session);
	}
	if (s->library)
		gsasl_done(s->library);
	if (s->first)
		OPENSSL_cleanse(s->first, s->first_size);
	free(s->first);
	free(s);
}

const char *sasl_mechanism(const struct sasl *s)
{
	return s->mechanism->name;
}

bool sasl_has_initial(const struct sasl *s)
{
	/* "AUTH", the name, two spaces, CRLF */
	return s->first && 8 + strlen(s->mechanism->name) + s->first_size <= COMMAND_LIMIT;
}

/* ---- one exchange ---- */

/* RFC 5802 7. Strict, so that what is checked here is what libgsasl reads; it compares the
 * nonces, but takes one to which the server has added nothing.
 *
 *	server-first-message = nonce "," salt "," iteration-count ["," extensions]
 *	nonce = "r=" c-nonce s-nonce   salt = "s=" base64   iteration-count = "i=" posit-number
 */
static bool scram_server_first_is_sane(const struct sasl *s, str message, char *why,
				       size_t why_size)
{
	uint64_t iterations;
	str r = str_cut(&message, ','), salt = str_cut(&message, ','),
	    i = str_cut(&message, ',');
	if (!str_starts(r, STR("r=")) || r.size <= 2 + s->nonce_size ||
	    !str_starts(salt, STR("s=")) || salt.size < 3 || !str_starts(i, STR("i=")) ||
	    !str_to_u64(str_from(i, 2), &iterations))
		return fail(why, why_size, "the server's SCRAM challenge is malformed",
			    (str){});
	if (iterations < ITERATIONS_LEAST || iterations > ITERATIONS_MOST)
		return fail(why, why_size,
			    "the server asks for too few or too many SCRAM iterations: ",
			    str_from(i, 2));
	return true;
}

static bool is_sane(struct sasl *s, str message, char *why, size_t why_size)
{
	enum kind kind = s->mechanism->kind;
	if (kind == CRAM && message.size == 0)
		return fail(why, why_size, "the server's challenge is empty", (str){});
	if (kind != SCRAM)
		return true;
	if (memchr(message.data ? message.data : "", '\0', message.size))
		return fail(why, why_size, "the server's SCRAM message is malformed", (str){});
	/* RFC 5802 7: server-error */
	if (str_starts(message, STR("e=")))
		return fail(why, why_size, "the server refuses: ", str_from(message, 2));
	return s->step_count > 2 || scram_server_first_is_sane(s, message, why, why_size);
}

static bool put_response(struct buf *out, char *bytes, size_t size, char *why, size_t why_size)
{
	size_t text_size = 0;
	char *text = encode(bytes, size, &text_size);
	bool fits = text && text_size <= SASL_LINE_LIMIT - 2;
	if (fits)
		buf_put(out, str_make(text, text_size));
	if (text)
		OPENSSL_cleanse(text, text_size);
	free(text);
	return (fits && buf_ok(out)) ||
	       fail(why, why_size, "the response is too long for AUTH", (str){});
}

static bool gsasl_go_on(struct sasl *s, str message, struct buf *out, char *why,
			size_t why_size)
{
	char *bytes = NULL;
	size_t size = 0;
	if (!is_sane(s, message, why, why_size))
		return false;
	int result = gsasl_step(s->session, message.data, message.size, &bytes, &size);
	if (result != GSASL_OK && result != GSASL_NEEDS_MORE) {
		if (s->mechanism->kind == SCRAM)
			return fail(why, why_size,
				    "the server does not prove that it knows the password, or "
				    "its SCRAM message is malformed",
				    (str){});
		return fail(why, why_size, "AUTH fails: ", str_of(gsasl_strerror(result)));
	}
	s->over = result == GSASL_OK;
	bool ok = put_response(out, bytes, size, why, why_size);
	gsasl_free(bytes);
	return ok;
}

/* {"status": "invalid_token", ...}: RFC 7628 3.2.2, and XOAUTH2 alike. */
static void keep_refusal(struct sasl *s, str message)
{
	struct buf out;
	json_t *json = json_loadb(message.data ? message.data : "", message.size, 0, NULL);
	const char *status = json_string_value(json_object_get(json, "status"));
	buf_init_fixed(&out, s->refusal, sizeof s->refusal - 1);
	buf_put(&out, STR("the token was refused: "));
	buf_put_printable(&out, status ? str_of(status) : message, 100);
	s->refusal[out.size] = '\0';
	json_decref(json);
}

/* RFC 7628 3.2.3: the error is acknowledged with a single ^A; XOAUTH2 wants an empty line. */
static void oauth_go_on(struct sasl *s, str message, struct buf *out)
{
	keep_refusal(s, message);
	s->refused = true;
	if (s->mechanism->kind == OAUTHBEARER)
		buf_put(out, STR("AQ=="));
}

static bool go_on(struct sasl *s, str challenge, struct buf *out, char *why, size_t why_size)
{
	/* LOGIN never had a specification: some servers ask in clear text. What they ask is
	 * known. */
	if (s->mechanism->kind == LOGIN)
		return gsasl_go_on(s, (str){}, out, why, why_size);
	char *bytes = NULL;
	size_t size = 0;
	/* Otherwise what is empty after decoding is not known from what could not be decoded.
	 */
	if (challenge.size > 0 &&
	    gsasl_base64_from(challenge.data, challenge.size, &bytes, &size) != GSASL_OK)
		return fail(why, why_size, "the server's challenge is no base64: ", challenge);
	bool ok = true;
	if (is_token_kind(s->mechanism->kind))
		oauth_go_on(s, str_make(bytes, size), out);
	else
		ok = gsasl_go_on(s, str_make(bytes, size), out, why, why_size);
	gsasl_free(bytes);
	return ok;
}

/* The initial response, in the AUTH command or behind an empty 334. */
static bool speak_first(struct sasl *s, str challenge, struct buf *out, char *why,
			size_t why_size)
{
	if (challenge.size > 0)
		return fail(why, why_size, "the server begins with a challenge: ", challenge);
	buf_put(out, s->first_size ? str_make(s->first, s->first_size) : STR("="));
	return buf_ok(out) || fail(why, why_size, "the response is too long for AUTH", (str){});
}

static bool exchange(struct sasl *s, str challenge, struct buf *out, char *why, size_t why_size)
{
	bool may_refuse = is_token_kind(s->mechanism->kind) && !s->refused;
	if (challenge.size > SASL_LINE_LIMIT)
		return fail(why, why_size, "the server's challenge is too long", (str){});
	if (s->step_count++ == 0 && s->mechanism->client_first)
		return speak_first(s, challenge, out, why, why_size);
	if (s->over && !may_refuse)
		return fail(why, why_size, "the server asks on after the end of AUTH", (str){});
	return go_on(s, challenge, out, why, why_size);
}

int sasl_step(struct sasl *s, str challenge, struct buf *out, char *why, size_t why_size)
{
	return exchange(s, challenge, out, why, why_size) ? 0 : -1;
}

bool sasl_complete(const struct sasl *s)
{
	return s->step_count > 0 && s->over && !s->refused;
}

const char *sasl_refusal(const struct sasl *s)
{
	return s->refusal;
}
