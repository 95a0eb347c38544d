/* dkim.c - chooses the header fields, writes the DKIM-Signature field and signs it.
 * What is hashed is what stands in the output: the field is written up to "b=", canonicalised
 * from there, signed, and the signature appended. RSA signs through a held EVP_PKEY_CTX;
 * Ed25519 signs the hash in one go (RFC 8463 3). */
#include "engine/sign/dkim.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <sodium.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/sign/canon.h"
#include "engine/sign/key.h"
#include "engine/sign/lanes.h"

#define HASH_SIZE 32
#define SIGNATURE_SIZE 512 /* RSA-4096 */
#define LINE_SIZE 75       /* and perhaps a semicolon behind it: 76 */

/* What is signed, in the order of h=. Oversigned: named once more than present, so that nobody
 * adds a second one to a message that then still verifies (RFC 6376 8.15). List-Id and the
 * reply fields are not: mailing lists set them, and a sent newsletter is often forwarded by
 * one. */
#define FIELD(name, oversigned)                                                                \
	{                                                                                      \
		{name, sizeof(name) - 1}, oversigned                                           \
	}
static const struct {
	str name;
	bool oversigned;
} signed_fields[] = {
	FIELD("From", true),
	FIELD("Sender", true),
	FIELD("Reply-To", true),
	FIELD("To", true),
	FIELD("Cc", true),
	FIELD("Subject", true),
	FIELD("Date", true),
	FIELD("Message-ID", true),
	FIELD("MIME-Version", true),
	FIELD("Content-Type", true),
	FIELD("Content-Transfer-Encoding", true),
	FIELD("List-Unsubscribe", true),
	FIELD("List-Unsubscribe-Post", true),
	FIELD("List-Id", false),
	FIELD("Feedback-ID", false),
	FIELD("In-Reply-To", false),
	FIELD("References", false),
	FIELD("X-CSA-Complaints", false),
};
#define NAME_COUNT (sizeof signed_fields / sizeof *signed_fields)
#define NAME_FROM 0

struct chosen {
	str field; /* without its CRLF */
	size_t name_index;
};

struct key_context {
	const struct dkim_key *key;
	EVP_PKEY *own; /* a copy of it: the blinding of one that threads share has a lock */
	EVP_PKEY_CTX *rsa; /* NULL: an Ed25519 key */
};

/* The hash of a body so far as many messages share it. */
struct common_hash {
	uint64_t id; /* 0: none */
	size_t size;
	struct canon_body body;
	EVP_MD_CTX *digest;
};
#define COMMON_LIMIT 4 /* campaigns that take turns at one press; more hash anew */

struct dkim_signer {
	EVP_MD *sha256;
	EVP_MD_CTX *digest;
	struct hasher hasher;
	size_t key_count, chosen_count;
	struct key_context keys[DKIM_KEY_LIMIT];
	struct chosen chosen[DKIM_FIELD_LIMIT];
	struct common_hash common[COMMON_LIMIT];
	size_t common_next;
	struct hash_lanes *lanes; /* NULL: bodies are hashed one by one */
	char *texts;              /* canonical bodies of a batch */
};
/* A longer body is hashed by itself. In its canonical form it may have two bytes more, a CRLF. */
#define BODY_LIMIT (HASH_LANES_TEXT_LIMIT - 2)
#define TEXTS_SIZE (DKIM_BATCH_LIMIT * HASH_LANES_TEXT_LIMIT)
static_assert(DKIM_BATCH_LIMIT <= HASH_LANES_LIMIT);

static int open_rsa(struct key_context *c, const EVP_MD *sha256)
{
	c->own = EVP_PKEY_dup(c->key->pkey);
	c->rsa = c->own ? EVP_PKEY_CTX_new_from_pkey(NULL, c->own, NULL) : NULL;
	if (!c->rsa || EVP_PKEY_sign_init(c->rsa) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(c->rsa, RSA_PKCS1_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(c->rsa, sha256) != 1)
		return -1;
	return 0;
}

struct dkim_signer *dkim_signer_create(const struct dkim_key *const *keys, size_t count)
{
	ASSERT(count <= DKIM_KEY_LIMIT);
	struct dkim_signer *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	s->digest = EVP_MD_CTX_new();
	if (!s->sha256 || !s->digest)
		goto fail;
	for (size_t i = 0; i < COMMON_LIMIT; i++)
		if (!(s->common[i].digest = EVP_MD_CTX_new()))
			goto fail;
	for (size_t i = 0; i < count; i++) {
		struct key_context *c = &s->keys[s->key_count++];
		c->key = keys[i];
		if (c->key->algorithm == DKIM_RSA_SHA256 && open_rsa(c, s->sha256) < 0)
			goto fail;
	}
	s->lanes = count > 0 ? hash_lanes_create() : NULL;
	if (s->lanes && !(s->texts = malloc(TEXTS_SIZE)))
		goto fail;
	return s;
fail:
	dkim_signer_destroy(s);
	return NULL;
}

void dkim_signer_destroy(struct dkim_signer *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->key_count; i++) {
		EVP_PKEY_CTX_free(s->keys[i].rsa);
		EVP_PKEY_free(s->keys[i].own);
	}
	for (size_t i = 0; i < COMMON_LIMIT; i++)
		EVP_MD_CTX_free(s->common[i].digest);
	EVP_MD_CTX_free(s->digest);
	EVP_MD_free(s->sha256);
	hash_lanes_destroy(s->lanes);
	free(s->texts);
	free(s);
}

/* Takes the next field off the front, without its CRLF; empty at the empty line or the end.
 *   field = name *WSP ":" value CRLF; a line that begins with white space continues it. */
static str next_field(str *header)
{
	size_t from = 0;
	while (from < header->size) {
		size_t line_end = str_find(str_from(*header, from), STR("\r\n"));
		if (line_end == STR_NONE)
			break;
		size_t next = from + line_end + 2;
		bool continues = next < header->size &&
				 (header->data[next] == ' ' || header->data[next] == '\t');
		if (!continues) {
			str field = str_sub(*header, 0, next - 2);
			*header = str_from(*header, next);
			return field;
		}
		from = next;
	}
	str field = *header;
	*header = str_from(*header, header->size);
	return field;
}

static size_t find_name(str field)
{
	size_t colon = str_find_byte(field, ':');
	if (colon == STR_NONE)
		return NAME_COUNT;
	str name = str_trim(str_sub(field, 0, colon));
	size_t i = 0;
	while (i < NAME_COUNT && !str_eq_nocase(name, signed_fields[i].name))
		i++;
	return i;
}

static int choose_fields(struct dkim_signer *s, str header)
{
	bool from_found = false;
	s->chosen_count = 0;
	for (str field; (field = next_field(&header)).size;) {
		size_t name_index = find_name(field);
		if (name_index == NAME_COUNT)
			continue;
		if (s->chosen_count == DKIM_FIELD_LIMIT)
			return -1;
		s->chosen[s->chosen_count++] = (struct chosen){field, name_index};
		from_found |= name_index == NAME_FROM;
	}
	return from_found ? 0 : -1; /* From must be signed (RFC 6376 5.4) */
}

/* A field being written: folds before a word that would pass the line's end. */
struct folder {
	struct buf *out;
	size_t line_start;
};

static void put_word(struct folder *f, str word, bool after_space)
{
	if (f->out->size - f->line_start + after_space + word.size > LINE_SIZE) {
		buf_put(f->out, STR("\r\n "));
		f->line_start = f->out->size - 1;
	} else if (after_space) {
		buf_put_byte(f->out, ' ');
	}
	buf_put(f->out, word);
}

static void put_tag(struct folder *f, str tag, str value)
{
	char memory[2 + DKIM_NAME_SIZE + 1];
	struct buf word;
	buf_init_fixed(&word, memory, sizeof memory);
	buf_put(&word, tag);
	buf_put(&word, value);
	buf_put_byte(&word, ';');
	ASSERT(buf_ok(&word));
	put_word(f, buf_str(&word), true);
}

/* h= as it stands for the choice: each instance, then one more of what is oversigned. The
 * fields are named in the order in which hash_fields() takes them. */
static void put_names(struct folder *f, const struct dkim_signer *s)
{
	size_t counts[NAME_COUNT] = {};
	for (size_t i = 0; i < s->chosen_count; i++)
		counts[s->chosen[i].name_index]++;
	str lead = STR("h=");
	for (size_t n = 0; n < NAME_COUNT; n++) {
		size_t times = counts[n] + signed_fields[n].oversigned;
		for (size_t i = 0; i < times; i++) {
			char memory[40];
			struct buf word;
			buf_init_fixed(&word, memory, sizeof memory);
			buf_put(&word, lead);
			buf_put(&word, signed_fields[n].name);
			put_word(f, buf_str(&word), lead.data[0] == 'h');
			lead = STR(":");
		}
	}
	buf_put_byte(f->out, ';');
}

static void put_base64(struct folder *f, const uint8_t *bytes, size_t size)
{
	char text[SIGNATURE_SIZE / 3 * 4 + 8];
	ASSERT(size <= SIGNATURE_SIZE);
	int text_size = EVP_EncodeBlock((unsigned char *)text, bytes, (int)size);
	str rest = str_make(text, (size_t)text_size);
	while (rest.size) {
		size_t used = f->out->size - f->line_start;
		size_t room = used < LINE_SIZE ? LINE_SIZE - used : LINE_SIZE - 1;
		str part = str_sub(rest, 0, room);
		put_word(f, part, false);
		rest = str_from(rest, part.size);
	}
}

/* Everything up to and with "b=". */
static void put_field(struct folder *f, const struct dkim_signer *s, const struct dkim_key *key,
		      str body_hash, usec wall_now)
{
	char digits[24];
	struct buf seconds;
	buf_init_fixed(&seconds, digits, sizeof digits);
	buf_put_i64(&seconds, wall_now / USEC_SECOND);
	bool rsa = key->algorithm == DKIM_RSA_SHA256;
	f->line_start = f->out->size;
	buf_put(f->out, STR("DKIM-Signature: v=1;"));
	put_tag(f, STR("a="), rsa ? STR("rsa-sha256") : STR("ed25519-sha256"));
	put_tag(f, STR("c="), STR("relaxed/relaxed"));
	put_tag(f, STR("d="), dkim_key_domain(key));
	put_tag(f, STR("s="), dkim_key_selector(key));
	put_tag(f, STR("t="), buf_str(&seconds));
	put_tag(f, STR("bh="), body_hash);
	put_names(f, s);
	put_word(f, STR("b="), true);
}

/* RFC 6376 5.4.2: of several fields of a name, the last in the header is taken first. */
static void hash_fields(struct dkim_signer *s)
{
	for (size_t n = 0; n < NAME_COUNT; n++) {
		for (size_t i = s->chosen_count; i-- > 0;) {
			if (s->chosen[i].name_index != n)
				continue;
			canon_field(&s->hasher, s->chosen[i].field);
			hasher_put(&s->hasher, STR("\r\n"));
		}
	}
}

/* Ed25519 is libsodium's: the same signature (RFC 8032 leaves no choice) in less than half of the
 * time that OpenSSL takes for it. */
static int sign_hash(const struct key_context *c, const uint8_t hash[HASH_SIZE],
		     uint8_t ret_signature[SIGNATURE_SIZE], size_t *ret_size)
{
	*ret_size = crypto_sign_BYTES;
	if (!c->rsa)
		return crypto_sign_detached(ret_signature, NULL, hash, HASH_SIZE,
					    c->key->ed25519);
	*ret_size = SIGNATURE_SIZE;
	if (EVP_PKEY_sign(c->rsa, ret_signature, ret_size, hash, HASH_SIZE) == 1)
		return 0;
	ERR_clear_error();
	return -1;
}

static int put_signature(struct dkim_signer *s, const struct key_context *c, str body_hash,
			 usec wall_now, struct buf *out)
{
	struct folder f = {.out = out};
	size_t field_start = out->size;
	put_field(&f, s, c->key, body_hash, wall_now);
	if (!buf_ok(out))
		return -1;
	hasher_begin(&s->hasher, s->digest, s->sha256);
	hash_fields(s);
	canon_field(&s->hasher, str_from(buf_str(out), field_start));
	uint8_t hash[HASH_SIZE], signature[SIGNATURE_SIZE];
	size_t signature_size;
	if (hasher_end(&s->hasher, hash) < 0 ||
	    sign_hash(c, hash, signature, &signature_size) < 0)
		return -1;
	put_base64(&f, signature, signature_size);
	buf_put(out, STR("\r\n"));
	return buf_ok(out) ? 0 : -1;
}

/* Pieces of the body between two of its places. */
static void put_body(struct dkim_signer *s, struct canon_body *body,
		     const struct dkim_message *message, size_t from, size_t to)
{
	size_t at = 0; /* of the piece, in the body */
	for (size_t i = 0; i < message->span_count; i++) {
		str span = message->spans[i];
		if (i == 0)
			span = str_from(span, message->header_size);
		size_t skip = from > at ? from - at : 0, end = to > at ? to - at : 0;
		if (skip < span.size && end > skip)
			canon_body_put(body, &s->hasher, str_sub(span, skip, end - skip));
		at += span.size;
	}
}

static struct common_hash *find_common(struct dkim_signer *s,
				       const struct dkim_message *message)
{
	for (size_t i = 0; i < COMMON_LIMIT; i++)
		if (s->common[i].id == message->common_id &&
		    s->common[i].size == message->common_size)
			return &s->common[i];
	return NULL;
}

/* Hashes what all messages of this kind begin with, and keeps the state. */
static void save_common(struct dkim_signer *s, const struct dkim_message *message,
			struct canon_body *body)
{
	struct common_hash *common = &s->common[s->common_next++ % COMMON_LIMIT];
	common->id = 0;
	put_body(s, body, message, 0, message->common_size);
	if (hasher_save(&s->hasher, common->digest) != 0)
		return;
	common->id = message->common_id;
	common->size = message->common_size;
	common->body = *body;
}

static int hash_body(struct dkim_signer *s, const struct dkim_message *message,
		     uint8_t ret_hash[HASH_SIZE])
{
	struct canon_body body = {};
	size_t from = message->common_id ? message->common_size : 0;
	const struct common_hash *common = from > 0 ? find_common(s, message) : NULL;
	if (common) {
		hasher_resume(&s->hasher, s->digest, common->digest);
		body = common->body;
	} else {
		hasher_begin(&s->hasher, s->digest, s->sha256);
		if (from > 0)
			save_common(s, message, &body);
	}
	put_body(s, &body, message, from, SIZE_MAX);
	canon_body_end(&body, &s->hasher);
	return hasher_end(&s->hasher, ret_hash);
}

static size_t body_size(const struct dkim_message *message)
{
	size_t size = 0;
	for (size_t i = 0; i < message->span_count; i++)
		size += message->spans[i].size;
	return size - message->header_size;
}

static bool lanes_pay(struct dkim_signer *s, const struct dkim_message *messages, size_t count)
{
	size_t longest = 0, alone = 0;
	for (size_t i = 0; s->lanes && i < count; i++) {
		const struct dkim_message *message = &messages[i];
		size_t size = body_size(message);
		bool known = message->common_id && find_common(s, message);
		longest = size > longest ? size : longest;
		alone += size - (known ? message->common_size : 0);
	}
	return alone > 0 && longest <= BODY_LIMIT &&
	       hash_lanes_pay(s->lanes, count, longest, alone);
}

bool dkim_signer_hash_bodies(struct dkim_signer *s, const struct dkim_message *messages,
			     size_t count, uint8_t (*ret_hashes)[32])
{
	struct buf out;
	str texts[DKIM_BATCH_LIMIT];
	ASSERT(count <= DKIM_BATCH_LIMIT);
	if (!lanes_pay(s, messages, count))
		return false;
	buf_init_fixed(&out, s->texts, TEXTS_SIZE);
	for (size_t i = 0; i < count; i++) {
		struct canon_body body = {};
		size_t start = out.size;
		hasher_begin_text(&s->hasher, &out);
		put_body(s, &body, &messages[i], 0, SIZE_MAX);
		canon_body_end(&body, &s->hasher);
		if (hasher_end_text(&s->hasher) < 0)
			return false;
		texts[i] = str_from(buf_str(&out), start);
	}
	return hash_lanes_run(s->lanes, texts, count, ret_hashes) == 0;
}

static int find_body_hash(struct dkim_signer *s, const struct dkim_message *message,
			  uint8_t ret_hash[HASH_SIZE])
{
	if (!message->body_hash)
		return hash_body(s, message, ret_hash);
	memcpy(ret_hash, message->body_hash, HASH_SIZE);
	return 0;
}

int dkim_signer_sign_spans(struct dkim_signer *s, const struct dkim_message *message,
			   usec wall_now, struct buf *out)
{
	ASSERT(message->span_count > 0 && message->header_size <= message->spans[0].size);
	uint8_t hash[HASH_SIZE];
	if (s->key_count == 0)
		return 0;
	if (!buf_ok(out) ||
	    choose_fields(s, str_sub(message->spans[0], 0, message->header_size)) < 0 ||
	    find_body_hash(s, message, hash) < 0)
		return -1;
	char text[HASH_SIZE / 3 * 4 + 8];
	int text_size = EVP_EncodeBlock((unsigned char *)text, hash, HASH_SIZE);
	str body_hash = str_make(text, (size_t)text_size);
	size_t start = out->size;
	for (size_t i = 0; i < s->key_count; i++) {
		if (put_signature(s, &s->keys[i], body_hash, wall_now, out) < 0) {
			out->size = start; /* all signatures or none */
			return -1;
		}
	}
	return 0;
}

int dkim_signer_sign(struct dkim_signer *s, str message, size_t header_size, usec wall_now,
		     struct buf *out)
{
	const struct dkim_message whole = {
		.spans = &message, .span_count = 1, .header_size = header_size};
	return dkim_signer_sign_spans(s, &whole, wall_now, out);
}
