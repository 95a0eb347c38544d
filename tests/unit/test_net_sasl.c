/* AUTH against libgsasl's own servers, against a SCRAM server written here (it is held to the
 * examples of RFC 5802 and RFC 7677 first, and can lie), and against scripts. */
#include "tests/unit/cmocka_all.h"

#include "engine/net/sasl.h"

#include <gsasl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static char response_memory[SASL_LINE_LIMIT + 100];
static struct buf response;
static char why[300];

static const struct sasl_channel clear = {.host = STR("relay.test"), .port = 587};
static const struct sasl_channel secure = {
	.is_tls = true, .host = STR("relay.test"), .port = 587};
static const struct sasl_channel bound = {.is_tls = true,
					  .binding = "0123456789abcdef0123456789abcde",
					  .binding_size = 32,
					  .host = STR("relay.test"),
					  .port = 465};
#define BINDING_TEXT "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZQA="

/* Takes the place of libgsasl's: the examples of the RFCs name the client's nonce. */
static const char *next_nonce;
int gsasl_nonce(char *data, size_t size)
{
	unsigned char decoded[100];
	if (!next_nonce)
		return getrandom(data, size, 0) == (ssize_t)size ? GSASL_OK
								 : GSASL_CRYPTO_ERROR;
	EVP_DecodeBlock(decoded, (const unsigned char *)next_nonce, (int)strlen(next_nonce));
	memcpy(data, decoded, size);
	return GSASL_OK;
}

static struct sasl *create(struct sasl_credentials c, const char *offered,
			   const struct sasl_channel *channel)
{
	why[0] = '\0';
	if (!c.user.data)
		c.user = STR("ann");
	struct sasl *s = sasl_create(&c, str_of(offered), channel, why, sizeof why);
	assert_int_equal(s == NULL, why[0] != '\0');
	return s;
}

static int step(struct sasl *s, const char *challenge)
{
	why[0] = '\0';
	buf_init_fixed(&response, response_memory, sizeof response_memory - 1);
	int result = sasl_step(s, str_of(challenge), &response, why, sizeof why);
	response_memory[response.size] = '\0';
	assert_int_equal(result < 0, why[0] != '\0');
	return result;
}

static char *to_base64(const void *bytes, size_t size, char *out)
{
	EVP_EncodeBlock((unsigned char *)out, bytes, (int)size);
	return out;
}

/* Of the response; a view with a NUL behind it. */
static str decoded(void)
{
	static char memory[SASL_LINE_LIMIT];
	char *bytes;
	size_t size;
	assert_int_equal(gsasl_base64_from(response_memory, response.size, &bytes, &size),
			 GSASL_OK);
	memcpy(memory, bytes, size);
	memory[size] = '\0';
	gsasl_free(bytes);
	return str_make(memory, size);
}

static int step_plain(struct sasl *s, const char *challenge)
{
	static char text[SASL_LINE_LIMIT];
	return step(s, to_base64(challenge, strlen(challenge), text));
}

static void check_why(const char *part)
{
	if (!strstr(why, part))
		fail_msg("\"%s\" is not in: %s", part, why);
}

/* ---- libgsasl's servers ---- */

static const char *server_password;

static int on_server_asks(Gsasl *, Gsasl_session *session, Gsasl_property property)
{
	const char *user = gsasl_property_fast(session, GSASL_AUTHID);
	switch ((int)property) {
	case GSASL_VALIDATE_SIMPLE:
		return strcmp(user, "ann") == 0 &&
				       strcmp(gsasl_property_fast(session, GSASL_PASSWORD),
					      server_password) == 0
			       ? GSASL_OK
			       : GSASL_AUTHENTICATION_ERROR;
	case GSASL_PASSWORD:
		return gsasl_property_set(session, property, server_password);
	case GSASL_SCRAM_ITER:
		return gsasl_property_set(session, property, "4096");
	case GSASL_CB_TLS_EXPORTER:
		return gsasl_property_set(session, property, BINDING_TEXT);
	default:
		return GSASL_NO_CALLBACK;
	}
}

/* Plays SMTP: whether the server is content. */
static bool play(struct sasl *s, const char *server_mechanism)
{
	Gsasl *library;
	Gsasl_session *server;
	char challenge[2000] = "", *bytes = NULL;
	bool initial = sasl_has_initial(s);
	int result = GSASL_NEEDS_MORE;
	assert_int_equal(gsasl_init(&library), GSASL_OK);
	gsasl_callback_set(library, on_server_asks);
	assert_int_equal(gsasl_server_start(library, server_mechanism, &server), GSASL_OK);
	for (int i = 0; result == GSASL_NEEDS_MORE && i < 6; i++) {
		size_t size = 0;
		str in = {};
		if (i > 0 || initial) {
			assert_int_equal(step(s, challenge), 0);
			in = decoded();
		}
		result = gsasl_step(server, in.data, in.size, &bytes, &size);
		if (result <= GSASL_NEEDS_MORE)
			to_base64(bytes, size, challenge);
		if (result == GSASL_OK && size > 0) { /* RFC 4954 4: never with the 235 */
			assert_int_equal(step(s, challenge), 0);
			assert_int_equal(response.size, 0);
		}
		gsasl_free(bytes);
		bytes = NULL;
	}
	gsasl_finish(server);
	gsasl_done(library);
	return result == GSASL_OK;
}

static const char *const with_password[] = {"SCRAM-SHA-256-PLUS",
					    "SCRAM-SHA-1-PLUS",
					    "SCRAM-SHA-256",
					    "SCRAM-SHA-1",
					    "CRAM-MD5",
					    "PLAIN",
					    "LOGIN"};
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static void test_sasl_exchanges_with_libgsasl(void **)
{
	static const char *const passwords[] = {"pencil", "p\xc3\xa4ncil, =\\\"", "x"};
	for (size_t i = 0; i < COUNT_OF(with_password) * COUNT_OF(passwords); i++) {
		const char *name = with_password[i / COUNT_OF(passwords)];
		const char *password = passwords[i % COUNT_OF(passwords)];
		struct sasl_credentials c = {.password = str_of(password)};
		struct sasl *s = create(c, name, &bound);
		assert_non_null(s);
		assert_string_equal(sasl_mechanism(s), name);
		assert_false(sasl_complete(s));
		server_password = password;
		assert_true(play(s, name));
		assert_true(sasl_complete(s));
		assert_int_equal(step(s, ""), -1);
		check_why("after the end");
		sasl_destroy(s);

		s = create(c, name, &bound);
		server_password = "another";
		assert_false(play(s, name));
		sasl_destroy(s);
	}
}

static void test_sasl_plus_is_bound_to_the_channel(void **)
{
	struct sasl_channel other = bound;
	other.binding[0] ^= 1;
	struct sasl *s = create((struct sasl_credentials){.password = STR("pencil")},
				with_password[0], &other);
	server_password = "pencil";
	assert_false(play(s, with_password[0]));
	assert_false(sasl_complete(s));
	sasl_destroy(s);
}

/* ---- a SCRAM server of our own ---- */

struct scram {
	const char *hash; /* "SHA1", "SHA256" */
	const char *password, *salt_text, *first_bare, *server_first, *final_bare;
	/* as base64 */
	char proof[100], signature[100];
};

static void hmac(const EVP_MD *md, const unsigned char *key, const char *text, size_t size,
		 unsigned char *out)
{
	assert_non_null(
		HMAC(md, key, EVP_MD_size(md), (const unsigned char *)text, size, out, NULL));
}

/* RFC 5802 3, by OpenSSL. */
static void scram_compute(struct scram *x, int iterations)
{
	const EVP_MD *md = EVP_get_digestbyname(x->hash);
	int size = EVP_MD_size(md);
	unsigned char salt[100], salted[64], key[64], stored[64], out[64];
	char message[4000];
	/* The padding counts as bytes in EVP_DecodeBlock. */
	int salt_size = EVP_DecodeBlock(salt, (const unsigned char *)x->salt_text,
					(int)strlen(x->salt_text)) -
			(int)(strlen(x->salt_text) - strcspn(x->salt_text, "="));
	PKCS5_PBKDF2_HMAC(x->password, (int)strlen(x->password), salt, salt_size, iterations,
			  md, size, salted);
	int length = snprintf(message, sizeof message, "%s,%s,%s", x->first_bare,
			      x->server_first, x->final_bare);
	hmac(md, salted, "Client Key", 10, key);
	EVP_Digest(key, (size_t)size, stored, NULL, md, NULL);
	hmac(md, stored, message, (size_t)length, out);
	for (int i = 0; i < size; i++)
		out[i] ^= key[i];
	to_base64(out, (size_t)size, x->proof);
	hmac(md, salted, "Server Key", 10, key);
	hmac(md, key, message, (size_t)length, out);
	to_base64(out, (size_t)size, x->signature);
}

static const struct scram rfc5802 = {
	.hash = "SHA1",
	.password = "pencil",
	.salt_text = "QSXCR+Q6sek8bf92",
	.first_bare = "n=user,r=fyko+d2lbbFgONRv9qkxdawL",
	.server_first =
		"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
	.final_bare = "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
};

static void test_scram_server_of_this_test_is_that_of_the_rfcs(void **)
{
	struct scram x = rfc5802;
	scram_compute(&x, 4096);
	assert_string_equal(x.proof, "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=");
	assert_string_equal(x.signature, "rmF9pqV8S7suAoZWja4dJRkFsKQ=");
	x = (struct scram){
		.hash = "SHA256",
		.password = "pencil",
		.salt_text = "W22ZaJ0SNY7soEsUEjb6gQ==",
		.first_bare = "n=user,r=rOprNGfwEbeRWgbNEkqO",
		.server_first = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
				"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		.final_bare = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
	};
	scram_compute(&x, 4096);
	assert_string_equal(x.proof, "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
	assert_string_equal(x.signature, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

static void test_sasl_says_what_the_rfc_5802_client_says(void **)
{
	next_nonce = "fyko+d2lbbFgONRv9qkxdawL";
	struct sasl *s = create(
		(struct sasl_credentials){.user = STR("user"), .password = STR("pencil")},
		"SCRAM-SHA-1", &clear);
	next_nonce = NULL;
	assert_int_equal(step(s, ""), 0);
	assert_true(str_eq(decoded(), STR("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL")));
	assert_int_equal(step_plain(s, rfc5802.server_first), 0);
	assert_true(str_eq(decoded(), STR("c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
					  "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=")));
	assert_false(sasl_complete(s));
	assert_int_equal(step_plain(s, "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), 0);
	assert_int_equal(response.size, 0);
	assert_true(sasl_complete(s));
	sasl_destroy(s);
}

/* The client after its first message; the nonce it sent is copied. */
static struct sasl *scram_begin(const char *name, char *nonce)
{
	struct sasl *s =
		create((struct sasl_credentials){.password = STR("pencil")}, name, &bound);
	assert_non_null(s);
	assert_true(sasl_has_initial(s));
	assert_int_equal(step(s, ""), 0);
	str first = decoded();
	const char *gs2 = strstr(name, "PLUS") ? "p=tls-exporter,," : "n,,";
	assert_true(str_starts(first, str_of(gs2)));
	strcpy(nonce, strstr(first.data, "r=") + 2);
	assert_int_equal(strlen(nonce), 24);
	return s;
}

/* As far as the server's signature, which comes back. */
static struct sasl *scram_to_signature(const char *name, char *signature)
{
	static char nonce[100], first_bare[200], server_first[300], final_bare[400];
	char header[100], header_text[200];
	struct sasl *s = scram_begin(name, nonce);
	bool plus = strstr(name, "PLUS");
	struct scram x = {.hash = strstr(name, "256") ? "SHA256" : "SHA1",
			  .password = "pencil",
			  .salt_text = "AAECAwQFBgcICQ==",
			  .first_bare = first_bare,
			  .server_first = server_first,
			  .final_bare = final_bare};
	snprintf(first_bare, sizeof first_bare, "n=ann,r=%s", nonce);
	snprintf(server_first, sizeof server_first, "r=%sMORE,s=%s,i=5000", nonce, x.salt_text);
	size_t size = (size_t)sprintf(header, "%s", plus ? "p=tls-exporter,," : "n,,");
	if (plus)
		memcpy(header + size, bound.binding, 32);
	to_base64(header, size + (plus ? 32 : 0), header_text);
	snprintf(final_bare, sizeof final_bare, "c=%s,r=%sMORE", header_text, nonce);
	scram_compute(&x, 5000);
	assert_int_equal(step_plain(s, server_first), 0);
	char expected[600];
	snprintf(expected, sizeof expected, "%s,p=%s", final_bare, x.proof);
	assert_string_equal(decoded().data, expected);
	strcpy(signature, x.signature);
	return s;
}

static void test_sasl_scram_proves_and_verifies(void **)
{
	for (int i = 0; i < 4; i++) {
		char signature[100], final[200];
		struct sasl *s = scram_to_signature(with_password[i], signature);
		assert_false(sasl_complete(s)); /* a 235 now would be no proof */
		snprintf(final, sizeof final, "v=%s", signature);
		assert_int_equal(step_plain(s, final), 0);
		assert_true(sasl_complete(s));
		sasl_destroy(s);
	}
}

static void test_sasl_scram_refuses_other_ends(void **)
{
	for (int i = 0; i < 8; i++) {
		char signature[100], final[200];
		struct sasl *s = scram_to_signature("SCRAM-SHA-256", signature);
		snprintf(final, sizeof final, "v=%s", signature);
		switch (i) {
		case 0: /* another signature */
			final[10] = final[10] == 'A' ? 'B' : 'A';
			break;
		case 1: /* half of it */
			final[strlen(final) / 2] = '\0';
			break;
		case 2:
			strcpy(final, "");
			break;
		case 3:
			strcpy(final, "v=");
			break;
		case 4:
			strcpy(final, "e=invalid-proof");
			break;
		case 5:
			strcpy(final, "e=\x1b[31m");
			break;
		case 6:
			memmove(final, final + 2, strlen(final + 2) + 1);
			break;
		case 7:
			final[0] = 'V';
			break;
		}
		assert_int_equal(step_plain(s, final), -1);
		check_why(i == 4   ? "the server refuses: invalid-proof"
			  : i == 5 ? "the server refuses: \\x1b[31m"
				   : "does not prove");
		assert_false(sasl_complete(s));
		sasl_destroy(s);
	}
}

static void test_sasl_scram_refuses_hostile_challenges(void **)
{
	/* %s is the client's nonce. */
	static const char *const challenges[][2] = {
		{"r=X%sMORE,s=AAECAwQF,i=4096", "does not prove"}, /* another prefix */
		{"r=AAAAAAAAAAAAAAAAAAAAAAAA%.0sMORE,s=AAECAwQF,i=4096", "does not prove"},
		{"r=%.23s,s=AAECAwQF,i=4096", "challenge is malformed"},
		{"r=%.23sMORE,s=AAECAwQF,i=4096", "does not prove"},
		{"r=%s,s=AAECAwQF,i=4096", "challenge is malformed"}, /* nothing added */
		{"r=%sM,s=AAECAwQF,i=4095", "iterations: 4095"},
		{"r=%sM,s=AAECAwQF,i=600001", "iterations: 600001"},
		{"r=%sM,s=AAECAwQF,i=1", "iterations"},
		{"r=%sM,s=AAECAwQF,i=0", "iterations"},
		{"r=%sM,s=AAECAwQF,i=18446744073709551616", "challenge is malformed"},
		{"r=%sM,s=AAECAwQF,i=-4096", "challenge is malformed"},
		{"r=%sM,s=AAECAwQF,i= 4096", "challenge is malformed"},
		{"r=%sM,s=AAECAwQF,i=", "challenge is malformed"},
		{"r=%sM,s=AAECAwQF", "challenge is malformed"},
		{"r=%sM,s=,i=4096", "challenge is malformed"},
		{"r=%sM,s=****,i=4096", "does not prove"},
		{"r=%sM,i=4096,s=AAECAwQF", "challenge is malformed"},
		{"m=ext,r=%sM,s=AAECAwQF,i=4096", "challenge is malformed"},
		{"r=%sM,s=AAECAwQF,i=4096,i=1", NULL},
		{"%.0s", "challenge is malformed"},
		{"e=unknown-user%.0s", "the server refuses: unknown-user"},
		{"%.0sv=rmF9pqV8S7suAoZWja4dJRkFsKQ=", "challenge is malformed"},
	};
	for (size_t i = 0; i < COUNT_OF(challenges); i++) {
		char nonce[100], text[300];
		struct sasl *s = scram_begin("SCRAM-SHA-256", nonce);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof text, challenges[i][0], nonce);
#pragma GCC diagnostic pop
		int result = step_plain(s, text);
		if (challenges[i][1]) {
			if (result != -1)
				fail_msg("not refused: %s", text);
			check_why(challenges[i][1]);
		}
		assert_false(sasl_complete(s));
		sasl_destroy(s);
	}
	char nonce[100];
	struct sasl *s = scram_begin("SCRAM-SHA-256", nonce);
	assert_int_equal(step(s, "no base64 \x1b"), -1);
	check_why("no base64: no base64 \\x1b");
	sasl_destroy(s);
	s = scram_begin("SCRAM-SHA-256", nonce);
	assert_int_equal(step(s, "cj0AMQ=="), -1); /* a NUL */
	check_why("message is malformed");
	sasl_destroy(s);
	static char huge[SASL_LINE_LIMIT + 10];
	memset(huge, 'A', SASL_LINE_LIMIT + 1);
	s = scram_begin("SCRAM-SHA-256", nonce);
	assert_int_equal(step(s, huge), -1);
	check_why("too long");
	sasl_destroy(s);
}

/* ---- which mechanism ---- */

static void test_sasl_chooses_the_strongest_allowed(void **)
{
	static const struct {
		const char *offered;
		const struct sasl_channel *channel;
		struct sasl_credentials c;
		const char *expected; /* a name, or part of the sentence */
	} rows[] = {
		{"PLAIN LOGIN SCRAM-SHA-256", &secure, {.password = STR("p")}, "SCRAM-SHA-256"},
		{"LOGIN PLAIN", &secure, {.password = STR("p")}, "PLAIN"},
		{"login plain cram-md5", &secure, {.password = STR("p")}, "CRAM-MD5"},
		{"LOGIN", &secure, {.password = STR("p")}, "LOGIN"},
		{"SCRAM-SHA-1 SCRAM-SHA-256", &clear, {.password = STR("p")}, "SCRAM-SHA-256"},
		{"SCRAM-SHA-256 SCRAM-SHA-1-PLUS",
		 &bound,
		 {.password = STR("p")},
		 "SCRAM-SHA-1-PLUS"},
		{"SCRAM-SHA-256-PLUS SCRAM-SHA-1",
		 &secure,
		 {.password = STR("p")},
		 "SCRAM-SHA-1"},
		{"SCRAM-SHA-256-PLUS", &secure, {.password = STR("p")}, "needs TLS 1.3"},
		{"PLAIN LOGIN",
		 &clear,
		 {.password = STR("p")},
		 "PLAIN is not used without TLS"},
		{"PLAIN CRAM-MD5", &clear, {.password = STR("p")}, "CRAM-MD5"},
		{"PLAIN",
		 &clear,
		 {.password = STR("p"), .allow_plain_text_in_clear = true},
		 "PLAIN"},
		{"XOAUTH2", &clear, {.token = STR("t")}, "XOAUTH2 is not used without TLS"},
		{"XOAUTH2",
		 &clear,
		 {.token = STR("t"), .allow_plain_text_in_clear = true},
		 "XOAUTH2"},
		{"PLAIN XOAUTH2 OAUTHBEARER", &secure, {.token = STR("t")}, "OAUTHBEARER"},
		{"PLAIN XOAUTH2",
		 &secure,
		 {.password = STR("p"), .token = STR("t")},
		 "XOAUTH2"},
		{"PLAIN", &secure, {.token = STR("t")}, "PLAIN needs a password"},
		{"XOAUTH2", &secure, {.password = STR("p")}, "XOAUTH2 needs a token"},
		{"PLAIN SCRAM-SHA-256 LOGIN",
		 &secure,
		 {.password = STR("p"), .mechanisms = STR("EXTERNAL  LOGIN plain")},
		 "LOGIN"},
		{"PLAIN",
		 &secure,
		 {.password = STR("p"), .mechanisms = STR("SCRAM-SHA-256")},
		 "among those offered: PLAIN"},
		{"GSSAPI NTLM", &secure, {.password = STR("p")}, "offered: GSSAPI NTLM"},
		{"\x1b[31m", &secure, {.password = STR("p")}, "offered: \\x1b[31m"},
		{"", &secure, {.password = STR("p")}, "no allowed way"},
		{"PLAINX XPLAIN", &secure, {.password = STR("p")}, "no allowed way"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sasl *s = create(rows[i].c, rows[i].offered, rows[i].channel);
		if (!s)
			check_why(rows[i].expected);
		else
			assert_string_equal(sasl_mechanism(s), rows[i].expected);
		sasl_destroy(s);
	}
	assert_true(sasl_knows(STR("scram-sha-256-plus")));
	assert_false(sasl_knows(STR("SCRAM")));
	assert_false(sasl_knows(STR("")));
}

static void test_sasl_refuses_secrets_that_are_none(void **)
{
	static char huge[20000];
	memset(huge, 'x', sizeof huge);
	struct sasl_credentials bad[] = {
		{.password = str_make("a\0b", 3)},
		{.password = STR("a\1b")},
		{.user = STR("a\nb"), .password = STR("p")},
		{.token = STR("t\1\1"), .password = STR("p")},
		{.password = str_make(huge, sizeof huge)},
		{.password = str_make(huge, 9300)}, /* too long as base64 only */
	};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_null(create(bad[i], "PLAIN", &secure));
		check_why("too long");
	}
	struct sasl_credentials token = {.token = str_make(huge, 9300)};
	assert_null(create(token, "XOAUTH2", &secure));
	check_why("too long");
	struct sasl_credentials wild = {.user = STR("\xff\xfe"), .password = STR("\xff")};
	assert_null(create(wild, "SCRAM-SHA-256", &secure)); /* no UTF-8 */
	check_why("AUTH cannot begin");
}

/* ---- the simple ones ---- */

static void test_sasl_plain_login_and_cram_md5_on_the_wire(void **)
{
	struct sasl_credentials c = {.user = STR("tim"), .password = STR("tanstaaftanstaaf")};
	struct sasl *s = create(c, "PLAIN", &secure);
	assert_true(sasl_has_initial(s));
	assert_int_equal(step(s, ""), 0);
	assert_true(str_eq(decoded(), str_make("\0tim\0tanstaaftanstaaf", 21)));
	assert_true(sasl_complete(s));
	sasl_destroy(s);

	/* The example of RFC 2195 2. */
	s = create(c, "CRAM-MD5", &clear);
	assert_false(sasl_has_initial(s));
	assert_int_equal(step(s, "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"),
			 0);
	assert_string_equal(response_memory,
			    "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw");
	assert_true(sasl_complete(s));
	sasl_destroy(s);
	s = create(c, "CRAM-MD5", &clear);
	assert_int_equal(step(s, ""), -1);
	check_why("empty");
	sasl_destroy(s);

	/* Prompts in clear text, as some servers have them. */
	s = create(c, "LOGIN", &secure);
	assert_false(sasl_has_initial(s));
	assert_int_equal(step(s, "Username:"), 0);
	assert_true(str_eq(decoded(), STR("tim")));
	assert_false(sasl_complete(s));
	assert_int_equal(step(s, "UGFzc3dvcmQ6"), 0);
	assert_true(str_eq(decoded(), STR("tanstaaftanstaaf")));
	assert_true(sasl_complete(s));
	assert_int_equal(step(s, "more"), -1);
	sasl_destroy(s);

	s = create(c, "PLAIN", &secure);
	assert_int_equal(step(s, "AAAA"), -1);
	check_why("begins with a challenge");
	sasl_destroy(s);
}

static void test_sasl_long_initial_responses_wait_for_the_server(void **)
{
	static char token[5000];
	memset(token, 't', sizeof token);
	for (size_t size = 300; size < sizeof token; size += size < 400 ? 1 : 500) {
		struct sasl *s =
			create((struct sasl_credentials){.token = str_make(token, size)},
			       "XOAUTH2", &secure);
		bool initial = sasl_has_initial(s);
		assert_int_equal(step(s, ""), 0);
		assert_int_equal(initial, strlen("AUTH XOAUTH2 \r\n") + response.size <= 512);
		assert_true(sasl_complete(s));
		sasl_destroy(s);
	}
}

/* ---- tokens ---- */

static void test_sasl_oauth_on_the_wire(void **)
{
	struct sasl_credentials c = {.user = STR("a,b=c@example.com"), .token = STR("T0k.en")};
	struct sasl *s = create(c, "OAUTHBEARER", &bound);
	assert_true(sasl_has_initial(s));
	assert_int_equal(step(s, ""), 0);
	assert_true(
		str_eq(decoded(), STR("n,a=a=2Cb=3Dc@example.com,\1host=relay.test\1port=465"
				      "\1auth=Bearer T0k.en\1\1")));
	assert_true(sasl_complete(s));
	assert_string_equal(sasl_refusal(s), "");
	sasl_destroy(s);
	s = create(c, "XOAUTH2", &secure);
	assert_int_equal(step(s, ""), 0);
	assert_true(str_eq(decoded(), STR("user=a,b=c@example.com\1auth=Bearer T0k.en\1\1")));
	sasl_destroy(s);
}

static void test_sasl_oauth_refusals_are_acknowledged(void **)
{
	static const char *const rows[][2] = {
		{"{\"status\":\"invalid_token\",\"scope\":\"mail\"}",
		 "the token was refused: invalid_token"},
		{"{\"status\":\"401\",\"schemes\":\"bearer\"}", "the token was refused: 401"},
		{"{\"status\":\"\\u001b[31m\"}", "the token was refused: \\x1b[31m"},
		{"{\"status\":7}", "the token was refused: {\"status\":7}"},
		{"{", "the token was refused: {"},
		{"", "the token was refused: "},
	};
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		bool bearer = i % 2;
		struct sasl *s = create((struct sasl_credentials){.token = STR("t")},
					bearer ? "OAUTHBEARER" : "XOAUTH2", &secure);
		assert_int_equal(step(s, ""), 0);
		assert_int_equal(step_plain(s, rows[i / 2][0]), 0);
		assert_string_equal(response_memory, bearer ? "AQ==" : "");
		assert_string_equal(sasl_refusal(s), rows[i / 2][1]);
		assert_false(sasl_complete(s));
		assert_int_equal(step(s, ""), -1);
		sasl_destroy(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sasl_exchanges_with_libgsasl),
		cmocka_unit_test(test_sasl_plus_is_bound_to_the_channel),
		cmocka_unit_test(test_scram_server_of_this_test_is_that_of_the_rfcs),
		cmocka_unit_test(test_sasl_says_what_the_rfc_5802_client_says),
		cmocka_unit_test(test_sasl_scram_proves_and_verifies),
		cmocka_unit_test(test_sasl_scram_refuses_other_ends),
		cmocka_unit_test(test_sasl_scram_refuses_hostile_challenges),
		cmocka_unit_test(test_sasl_chooses_the_strongest_allowed),
		cmocka_unit_test(test_sasl_refuses_secrets_that_are_none),
		cmocka_unit_test(test_sasl_plain_login_and_cram_md5_on_the_wire),
		cmocka_unit_test(test_sasl_long_initial_responses_wait_for_the_server),
		cmocka_unit_test(test_sasl_oauth_on_the_wire),
		cmocka_unit_test(test_sasl_oauth_refusals_are_acknowledged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
