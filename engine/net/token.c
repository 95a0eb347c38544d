/* token.c - see token.h. One request at a time; the questions wait in a chain and are told in
 * a round of their own, as everywhere in this room. A rotated refresh token (RFC 6749 6) takes
 * the place of the old one for as long as the source lives. */
#include "engine/net/token.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/base/buf.h"

#define LIFE_DEFAULT (3600 * USEC_SECOND) /* RFC 6749 5.1 leaves it open */
#define LIFE_LIMIT (30 * USEC_DAY)        /* nothing is believed that says more */
#define MARGIN USEC_MINUTE                /* or a tenth of the life, if that is less */
#define FAILURE_PAUSE (10 * USEC_SECOND)
#define FORCED_PAUSE USEC_MINUTE
#define REQUEST_TIMEOUT (30 * USEC_SECOND)
#define SECRET_LIMIT 8192 /* bytes; as base64 it still fits a line of AUTH */
#define FORM_SIZE (3 * (4 * SECRET_LIMIT) + 200)

/* Bytes that are wiped before they are freed. */
struct secret {
	char *data;
	size_t size;
};

/* The round in which questions are answered; allocated apart, as it may outlive the source. */
struct wake {
	struct io_op op;
	struct token_source *source; /* NULL: destroyed */
	bool running;
};

struct token_source {
	struct io_loop *loop;
	struct fetcher *fetcher;
	struct wake *wake;
	struct chain waiting;
	struct secret client_id, client_secret, refresh_token, scope;
	struct secret token; /* empty: none */
	usec refresh_at, expires_at;
	usec quiet_until; /* nothing is fetched before, as it has just failed */
	usec forced_next_at;
	usec pause;
	bool fixed;
	bool asking; /* request is with the fetcher */
	struct fetch_question request;
	struct secret form;
	bool refused;
	char why[sizeof(((struct token_question *)0)->why)];
};

static void secret_done(struct secret *secret)
{
	if (secret->data)
		OPENSSL_cleanse(secret->data, secret->size);
	free(secret->data);
	*secret = (struct secret){};
}

static int secret_set(struct secret *secret, str value)
{
	if (value.size > SECRET_LIMIT)
		return -EINVAL;
	char *data = malloc(value.size + 1);
	if (!data)
		return -ENOMEM;
	memcpy(data, value.data ? value.data : "", value.size);
	secret_done(secret);
	*secret = (struct secret){data, value.size};
	return 0;
}

static str secret_str(const struct secret *secret)
{
	return str_make(secret->data, secret->size);
}

/* ---- asking the service ---- */

static void put_field(struct buf *out, const char *name, const struct secret *value)
{
	static const char hex[] = "0123456789ABCDEF";
	if (value->size == 0)
		return;
	buf_put_byte(out, '&');
	buf_put_cstr(out, name);
	buf_put_byte(out, '=');
	for (size_t i = 0; i < value->size; i++) {
		char c = value->data[i];
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_') {
			buf_put_byte(out, c);
		} else {
			buf_put_byte(out, '%');
			buf_put_byte(out, hex[(unsigned char)c >> 4]);
			buf_put_byte(out, hex[c & 15]);
		}
	}
}

/* RFC 6749 6 and 4.4.2; the client's own secret in the form as 2.3.1 allows it, since that is
 * what the large services document. */
static bool make_form(struct token_source *s)
{
	struct buf out;
	char *memory = malloc(FORM_SIZE);
	if (!memory)
		return false;
	buf_init_fixed(&out, memory, FORM_SIZE);
	buf_put_cstr(&out, s->refresh_token.size ? "grant_type=refresh_token"
						 : "grant_type=client_credentials");
	put_field(&out, "refresh_token", &s->refresh_token);
	put_field(&out, "client_id", &s->client_id);
	put_field(&out, "client_secret", &s->client_secret);
	put_field(&out, "scope", &s->scope);
	ASSERT(buf_ok(&out)); /* three bytes for each that a secret may have */
	s->form = (struct secret){out.data, out.size};
	return true;
}

static void fail(struct token_source *s, bool refused, const char *sentence, str what)
{
	struct buf out;
	buf_init_fixed(&out, s->why, sizeof s->why - 1);
	buf_put_cstr(&out, sentence);
	buf_put_printable(&out, what, 150);
	s->why[out.size] = '\0';
	s->refused = refused;
	s->quiet_until = io_now(s->loop) + (s->pause ? s->pause : FAILURE_PAUSE);
}

static void wake(struct token_source *s)
{
	if (!s->wake->op.busy)
		io_defer(s->loop, &s->wake->op);
}

static void ask(struct token_source *s)
{
	if (!make_form(s)) {
		fail(s, false, "out of memory", (str){});
		wake(s);
		return;
	}
	s->asking = true;
	s->request.form = secret_str(&s->form);
	fetch(s->fetcher, &s->request);
}

/* ---- what it answered ---- */

static str text_of(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);
	return str_make(json_string_value(value), json_string_length(value));
}

/* jansson frees strings without wiping them, and shows them only as constant. */
static void wipe_text(json_t *object, const char *key)
{
	str text = text_of(object, key);
	if (text.size)
		OPENSSL_cleanse((char *)(uintptr_t)text.data, text.size);
}

/* RFC 6749 A.12 and A.17: visible ASCII. */
static bool is_token(str text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] <= ' ' || text.data[i] > '~')
			return false;
	return text.size > 0 && text.size <= SECRET_LIMIT;
}

/* Some services write the number as a string. */
static usec life_of(json_t *object)
{
	json_t *value = json_object_get(object, "expires_in");
	uint64_t seconds = 0;
	if (json_is_integer(value) && json_integer_value(value) >= 0)
		seconds = (uint64_t)json_integer_value(value);
	else if (!str_to_u64(text_of(object, "expires_in"), &seconds))
		return LIFE_DEFAULT;
	if (seconds > LIFE_LIMIT / USEC_SECOND)
		return LIFE_LIMIT;
	return usec_max(USEC_SECOND, (usec)seconds * USEC_SECOND);
}

static void learn(struct token_source *s, json_t *object)
{
	str token = text_of(object, "access_token"), next = text_of(object, "refresh_token");
	if (!is_token(token)) {
		fail(s, false, "the token service answers without a usable token", (str){});
	} else if (!str_eq_nocase(text_of(object, "token_type"), STR("bearer"))) {
		fail(s, false, "the token service gives a token that is not of type bearer: ",
		     text_of(object, "token_type"));
	} else if (secret_set(&s->token, token) < 0 ||
		   (is_token(next) && s->refresh_token.size > 0 &&
		    secret_set(&s->refresh_token, next) < 0)) {
		secret_done(&s->token);
		fail(s, false, "out of memory", (str){});
	} else {
		usec life = life_of(object), now = io_now(s->loop);
		s->expires_at = now + life;
		s->refresh_at = s->expires_at - usec_min(MARGIN, life / 10);
		s->refused = false;
		s->why[0] = '\0';
		s->quiet_until = 0;
	}
}

static bool mentions(str text, const struct secret *secret)
{
	return secret->size > 0 && str_find(text, secret_str(secret)) != STR_NONE;
}

/* RFC 6749 5.2: {"error": "invalid_grant", "error_description": "..."}. A service that says our
 * secrets back is not quoted. */
static void learn_refusal(struct token_source *s, json_t *object)
{
	char memory[400];
	struct buf out;
	str error = text_of(object, "error"), more = text_of(object, "error_description");
	long status = s->request.status;
	bool lasting = status >= 400 && status < 500 && status != 408 && status != 429;
	buf_init_fixed(&out, memory, sizeof memory);
	buf_put(&out, str_sub(error, 0, 40));
	if (error.size > 0 && more.size > 0)
		buf_put(&out, STR(": "));
	buf_put(&out, str_sub(more, 0, 200));
	str quoted = buf_str(&out);
	if (mentions(more, &s->refresh_token) || mentions(more, &s->client_secret) ||
	    mentions(error, &s->refresh_token) || mentions(error, &s->client_secret))
		quoted = (str){};
	char sentence[80];
	snprintf(sentence, sizeof sentence, "the token service refuses, status %ld%s", status,
		 quoted.size ? ", " : "");
	fail(s, lasting, sentence, quoted);
	OPENSSL_cleanse(memory, sizeof memory);
}

static void on_fetched(struct fetch_question *q)
{
	struct token_source *s = CHAIN_OWNER(q, struct token_source, request);
	json_t *object = NULL;
	s->asking = false;
	secret_done(&s->form);
	if (q->result == 0)
		object = json_loadb(q->body.data ? q->body.data : "", q->body.size, 0, NULL);
	if (q->result < 0)
		fail(s, false, "the token service cannot be asked: ", str_of(q->why));
	else if (q->status != 200)
		learn_refusal(s, object);
	else if (!json_is_object(object))
		fail(s, false, "the token service answers something that is no JSON object",
		     (str){});
	else
		learn(s, object);
	wipe_text(object, "access_token");
	wipe_text(object, "refresh_token");
	json_decref(object);
	fetch_question_done(q);
	wake(s);
}

/* ---- those who ask ---- */

static bool is_usable(const struct token_source *s)
{
	return s->token.size > 0 && (s->fixed || io_now(s->loop) < s->expires_at);
}

static bool is_due(const struct token_source *s)
{
	usec now = io_now(s->loop);
	return !s->fixed && now >= s->quiet_until && (!s->token.size || now >= s->refresh_at);
}

static void tell(struct token_source *s, struct token_question *q)
{
	bool usable = is_usable(s);
	q->token = usable ? secret_str(&s->token) : (str){};
	q->refused = !usable && s->refused;
	/* Without a reason: it was fresh when the question came, a turn ago. */
	const char *why = s->why[0] ? s->why : "the token has just expired";
	snprintf(q->why, sizeof q->why, "%s", usable ? "" : why);
	q->on_token(q);
}

static void on_wake(struct io_op *op, int)
{
	struct wake *w = CHAIN_OWNER(op, struct wake, op);
	w->running = true;
	for (size_t left = w->source ? w->source->waiting.count : 0;
	     left > 0 && w->source && !w->source->asking; left--) {
		struct chain_link *link = chain_pop(&w->source->waiting);
		if (link) /* else dropped meanwhile */
			tell(w->source, CHAIN_OWNER(link, struct token_question, link));
	}
	w->running = false;
	if (!w->source && !op->busy)
		free(w);
}

void token_get(struct token_source *s, struct token_question *q)
{
	chain_link_init(&q->link);
	chain_push_back(&s->waiting, &q->link);
	if (s->asking)
		return;
	if (is_due(s))
		ask(s);
	else
		wake(s);
}

void token_drop(struct token_source *s, struct token_question *q)
{
	if (q->link.next)
		chain_remove(&s->waiting, &q->link);
}

void token_source_spent(struct token_source *s)
{
	usec now = io_now(s->loop);
	if (s->fixed || s->asking || now < s->forced_next_at)
		return;
	s->forced_next_at = now + (s->pause ? s->pause : FORCED_PAUSE);
	secret_done(&s->token);
}

static int copy_all(struct token_source *s, const struct token_source_config *c)
{
	const struct {
		struct secret *to;
		str from;
	} copies[] = {
		{&s->client_id, c->client_id},
		{&s->client_secret, c->client_secret},
		{&s->refresh_token, c->refresh_token},
		{&s->scope, c->scope},
		{&s->token, c->fixed},
	};
	for (size_t i = 0; i < sizeof copies / sizeof copies[0]; i++) {
		int result = secret_set(copies[i].to, copies[i].from);
		if (result < 0)
			return result;
	}
	return str_to_cstr(c->endpoint, s->request.url, sizeof s->request.url) ? 0 : -EINVAL;
}

int token_source_create(struct token_source **ret_source, struct io_loop *loop,
			struct fetcher *fetcher, const struct token_source_config *config)
{
	struct token_source *s = calloc(1, sizeof *s);
	struct wake *w = calloc(1, sizeof *w);
	if (!s || !w) {
		free(s);
		free(w);
		return -ENOMEM;
	}
	*w = (struct wake){.op.on_done = on_wake, .source = s};
	s->loop = loop;
	s->fetcher = fetcher;
	s->wake = w;
	s->pause = config->pause;
	s->fixed = config->fixed.size > 0;
	s->request.on_fetched = on_fetched;
	s->request.timeout = REQUEST_TIMEOUT;
	chain_init(&s->waiting);
	int result = copy_all(s, config);
	if (result < 0) {
		token_source_destroy(s);
		return result;
	}
	*ret_source = s;
	return 0;
}

void token_source_destroy(struct token_source *s)
{
	if (!s)
		return;
	struct secret *all[] = {&s->client_id, &s->client_secret, &s->refresh_token,
				&s->scope,     &s->token,         &s->form};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		secret_done(all[i]);
	fetch_question_done(&s->request);
	s->wake->source = NULL;
	if (!s->wake->op.busy && !s->wake->running)
		free(s->wake);
	free(s);
}
