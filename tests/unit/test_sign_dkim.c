/* test_sign_dkim.c - what we sign, others verify: libopendkim over random messages,
 * python3-dkim over some of them. A changed byte is noticed by both. */
#include "tests/unit/cmocka_all.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "engine/base/prng.h"
#include "engine/sign/dkim.h"
#include "engine/sign/verify.h"

#define SIGNED_AT (1700000000 * USEC_SECOND)
#define MESSAGE_SIZE 65536

static struct dkim_key *rsa, *ed25519;
static struct dkim_signer *rsa_signer, *ed25519_signer, *both_signer;
static char record_text[2][1024];
static struct dkim_record records[2];

static struct dkim_key *make_key(enum dkim_algorithm algorithm, const char *selector, int slot)
{
	char memory[4096], why[200];
	struct buf pem, record;
	buf_init_fixed(&pem, memory, sizeof memory);
	assert_int_equal(dkim_generate(algorithm, &pem), 0);
	struct dkim_key *key = dkim_key_create(buf_str(&pem), STR("News.Example.com"),
					       str_of(selector), why, sizeof why);
	if (!key)
		fail_msg("%s", why);
	buf_init_fixed(&record, record_text[slot], sizeof record_text[slot]);
	dkim_key_record(key, &record);
	assert_true(buf_ok(&record));
	records[slot] = (struct dkim_record){str_of(selector), STR("news.example.com"),
					     buf_str(&record)};
	return key;
}

static int set_up(void **state)
{
	(void)state;
	rsa = make_key(DKIM_RSA_SHA256, "r2048", 0);
	ed25519 = make_key(DKIM_ED25519_SHA256, "ed", 1);
	const struct dkim_key *both[] = {rsa, ed25519};
	rsa_signer = dkim_signer_create(both, 1);
	ed25519_signer = dkim_signer_create(both + 1, 1);
	both_signer = dkim_signer_create(both, 2);
	return rsa_signer && ed25519_signer && both_signer ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	dkim_signer_destroy(rsa_signer);
	dkim_signer_destroy(ed25519_signer);
	dkim_signer_destroy(both_signer);
	dkim_key_destroy(rsa);
	dkim_key_destroy(ed25519);
	return 0;
}

/* Signature and message in one piece, as they leave. */
static str sign(struct dkim_signer *signer, str message, char out[MESSAGE_SIZE])
{
	struct buf b;
	buf_init_fixed(&b, out, MESSAGE_SIZE);
	size_t empty_line = str_find(message, STR("\r\n\r\n"));
	assert_true(empty_line != STR_NONE);
	assert_int_equal(dkim_signer_sign(signer, message, empty_line + 4, SIGNED_AT, &b), 0);
	buf_put(&b, message);
	assert_true(buf_ok(&b));
	return buf_str(&b);
}

static void expect_verified(str message, int count, uint64_t seed)
{
	char why[200] = "";
	int found = verify_signatures(message, records, 2, why, sizeof why);
	if (found != count)
		fail_msg("seed %lu: %d of %d verified: %s\n%.*s", (unsigned long)seed, found,
			 count, why, STR_FORMAT(message));
}

static void expect_refused(str message, const char *what)
{
	char why[200] = "";
	if (verify_signatures(message, records, 2, why, sizeof why) >= 0)
		fail_msg("verified although %s", what);
	assert_true(strlen(why) > 10);
}

static const char simple_message[] = "From: News <news@news.example.com>\r\n"
				     "To: Ann <ann@example.net>\r\n"
				     "Subject: May\r\n"
				     "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
				     "Message-ID: <1.2@news.example.com>\r\n"
				     "MIME-Version: 1.0\r\n"
				     "Content-Type: text/plain; charset=utf-8\r\n"
				     "X-Other: not signed\r\n"
				     "\r\n"
				     "Hello  Ann,\r\n\tthis is May. \r\n\r\n";

static void test_dkim_signatures_verify(void **state)
{
	(void)state;
	char out[MESSAGE_SIZE];
	expect_verified(sign(rsa_signer, STR(simple_message), out), 1, 0);
	expect_verified(sign(ed25519_signer, STR(simple_message), out), 1, 0);
	expect_verified(sign(both_signer, STR(simple_message), out), 2, 0);
}

static void expect_signature(const struct dkim_message *message, str expected, size_t cut)
{
	char memory[2048];
	struct buf out;
	buf_init_fixed(&out, memory, sizeof memory);
	assert_int_equal(dkim_signer_sign_spans(ed25519_signer, message, SIGNED_AT, &out), 0);
	if (!str_eq(buf_str(&out), expected))
		fail_msg("cut at %zu the signature is another one", cut);
}

/* Ed25519 signs the same bytes alike, so any way to hash them must end in the same text. */
static void test_dkim_message_may_be_in_pieces(void **state)
{
	(void)state;
	char out[MESSAGE_SIZE];
	str text = STR(simple_message), whole = sign(ed25519_signer, text, out);
	str expected = str_sub(whole, 0, whole.size - text.size);
	size_t header_size = str_find(text, STR("\r\n\r\n")) + 4;
	for (size_t i = header_size; i <= text.size; i++) {
		for (size_t j = i; j <= text.size; j++) {
			const str spans[] = {str_sub(text, 0, i), str_sub(text, i, j - i),
					     str_from(text, j)};
			const struct dkim_message message = {
				.spans = spans, .span_count = 3, .header_size = header_size};
			expect_signature(&message, expected, i);
		}
	}
}

static void test_dkim_common_beginning_is_hashed_once(void **state)
{
	(void)state;
	char out[MESSAGE_SIZE], other_out[MESSAGE_SIZE];
	static const char other_message[] = "From: News <news@news.example.com>\r\n"
					    "\r\n"
					    "Hello  Ann,\r\n\tthis is June.\r\n";
	str texts[] = {STR(simple_message), STR(other_message)};
	str wholes[] = {sign(ed25519_signer, texts[0], out),
			sign(ed25519_signer, texts[1], other_out)};
	/* More ids than are kept, several rounds; each size of the beginning under an id of its
	 * own, cut by the end of a piece or not. */
	size_t common_size = strlen("Hello  Ann,\r\n\tthis is ");
	for (size_t round = 0; round < 3; round++) {
		for (size_t size = 1; size <= common_size; size++) {
			for (size_t i = 0; i < 2; i++) {
				size_t header_size = str_find(texts[i], STR("\r\n\r\n")) + 4;
				size_t cut = header_size + (size + round) % common_size;
				const str spans[] = {str_sub(texts[i], 0, cut),
						     str_from(texts[i], cut)};
				const struct dkim_message message = {
					.spans = spans,
					.span_count = 2,
					.header_size = header_size,
					.common_id = size,
					.common_size = size,
				};
				str expected =
					str_sub(wholes[i], 0, wholes[i].size - texts[i].size);
				expect_signature(&message, expected, size);
			}
		}
	}
}

static void test_dkim_field_is_folded_and_names_what_bulk_mail_signs(void **state)
{
	(void)state;
	char out[MESSAGE_SIZE];
	str message = sign(both_signer, STR(simple_message), out);
	str signature = str_sub(message, 0, message.size - (sizeof simple_message - 1));
	assert_true(str_ends(signature, STR("\r\n")));
	for (str rest = signature; rest.size;) {
		str line = str_cut(&rest, '\n');
		assert_true(line.size - 1 <= 76);
		assert_true(str_starts(line, STR(" ")) ||
			    str_starts(line, STR("DKIM-Signature: ")));
	}
	char flat[4096];
	size_t size = 0;
	for (size_t i = 0; i < signature.size; i++) {
		if (!strchr(" \r\n", signature.data[i]))
			flat[size++] = signature.data[i];
	}
	flat[size] = '\0';
	assert_non_null(strstr(flat, "v=1;a=rsa-sha256;c=relaxed/relaxed;d=news.example.com;"
				     "s=r2048;t=1700000000;bh="));
	assert_non_null(strstr(flat, "a=ed25519-sha256;"));
	assert_non_null(strstr(flat,
			       ";h=From:From:Sender:Reply-To:To:To:Cc:Subject:Subject:"
			       "Date:Date:Message-ID:Message-ID:MIME-Version:MIME-Version:"
			       "Content-Type:Content-Type:Content-Transfer-Encoding:"
			       "List-Unsubscribe:List-Unsubscribe-Post;b="));
	assert_null(strstr(flat, "X-Other"));
	assert_null(strstr(flat, "l="));
	/* The second one's body hash is the first one's. */
	const char *first = strstr(flat, ";bh="), *second = strstr(first + 1, ";bh=");
	assert_memory_equal(first, second, 48);
}

static void test_dkim_notices_every_kind_of_change(void **state)
{
	(void)state;
	static const char *const changes[][2] = {
		{"Subject: May", "Subject: Mai"},
		{"this is May", "this is Mai"},
		{"Hello  Ann", "HelloAnn"},
		{"t=1700000000", "t=1700000001"},
		{"X-Other", "Subject"},
		{"X-Other", "Reply-To"},
		{"ann@example.net", "bob@example.net"},
		{"s=r2048", "s=other"},
	};
	char out[MESSAGE_SIZE], changed[MESSAGE_SIZE];
	str message = sign(rsa_signer, STR(simple_message), out);
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		str old = str_of(changes[i][0]);
		size_t at = str_find(message, old);
		assert_true(at != STR_NONE);
		struct buf b;
		buf_init_fixed(&b, changed, sizeof changed);
		buf_put(&b, str_sub(message, 0, at));
		buf_put_cstr(&b, changes[i][1]);
		buf_put(&b, str_from(message, at + old.size));
		expect_refused(buf_str(&b), changes[i][1]);
	}
	/* Relaxed form forgives white space, and unsigned fields are nobody's business. */
	memcpy(changed, message.data, message.size);
	size_t at = str_find(message, STR("Hello  Ann"));
	changed[at + 6] = '\t';
	at = str_find(message, STR("not signed"));
	changed[at] = 'h';
	expect_verified(str_make(changed, message.size), 1, 0);
}

static void test_dkim_refuses_a_flip_of_any_signed_byte(void **state)
{
	(void)state;
	char out[MESSAGE_SIZE];
	str message = sign(ed25519_signer, STR(simple_message), out);
	size_t start = str_find(message, STR("\r\n\r\n")) + 4;
	for (size_t i = start; i < message.size; i++) {
		if (strchr(" \t\r\n", out[i]))
			continue;
		out[i] ^= 1;
		expect_refused(message, "a byte of the body was flipped");
		out[i] ^= 1;
	}
	expect_verified(message, 1, 0);
	out[message.size - 5] = '!';
	expect_refused(message, "a byte behind the text was changed");
}

static void put_some(struct buf *b, struct prng *p, const char *const *parts, size_t count)
{
	for (size_t n = prng_below(p, 30); n; n--)
		buf_put_cstr(b, parts[prng_below(p, count)]);
}

/* Odd, but with CRLF lines and a first From: what a message builder might ever produce. */
static str random_message(struct prng *p, char *memory, size_t size)
{
	static const char *const names[] = {
		"From",
		"Sender",
		"Reply-To",
		"To",
		"Cc",
		"Subject",
		"SUBJECT",
		"Date",
		"Message-ID",
		"MIME-Version",
		"List-Id",
		"Content-Type",
		"X-Other",
		"references",
		"List-Unsubscribe-Post",
		"X-CSA-Complaints",
		"feedback-id",
		"Received",
		"List-Unsubscribe",
	};
	static const char *const values[] = {"a",        "word",
					     " ",        "  ",
					     "\t",       "\r\n ",
					     "\r\n\t",   ":",
					     ";",        "=",
					     "b=",       "<x@y.test>",
					     "\xc3\xa4", "a rather long run of plain text"};
	static const char *const bodies[] = {
		"a",        "word",
		" ",        "  ",
		"\t",       "\r\n",
		"\r\n",     " \r\n",
		"\r\n\r\n", ".",
		"=3D",      "\xc3\xa4",
		"-- \r\n",  "A line that is as dull as lines of mail are. "};
	struct buf b;
	buf_init_fixed(&b, memory, size);
	buf_put_cstr(&b, "From: a@b.test\r\n");
	for (size_t n = prng_below(p, 25); n; n--) {
		buf_put_cstr(&b, names[prng_below(p, sizeof names / sizeof *names)]);
		buf_put_cstr(&b, prng_below(p, 5) ? ":" : ": ");
		/* Not only white space in any line: some readers take it for the empty one. */
		buf_put_cstr(&b, "v");
		for (size_t words = prng_below(p, 6); words; words--) {
			buf_put_cstr(&b, values[prng_below(p, sizeof values / sizeof *values)]);
			buf_put_cstr(&b, "w");
		}
		buf_put_cstr(&b, prng_below(p, 4) ? "\r\n" : " \t\r\n");
	}
	buf_put_cstr(&b, "\r\n");
	for (size_t n = prng_below(p, 4); n; n--)
		put_some(&b, p, bodies, sizeof bodies / sizeof *bodies);
	if (b.data[b.size - 1] != '\n')
		buf_put_cstr(&b, "\r\n");
	assert_true(buf_ok(&b));
	return buf_str(&b);
}

static void test_dkim_random_messages_verify_with_libopendkim(void **state)
{
	(void)state;
	static char memory[MESSAGE_SIZE / 2], out[MESSAGE_SIZE];
	for (uint64_t seed = 0; seed < 1500; seed++) {
		struct prng p;
		prng_init(&p, seed);
		str message = random_message(&p, memory, sizeof memory);
		if (seed % 10 == 0)
			expect_verified(sign(both_signer, message, out), 2, seed);
		else
			expect_verified(sign(ed25519_signer, message, out), 1, seed);
	}
}

static void write_file(const char *folder, const char *name, str bytes)
{
	char path[300];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
	fclose(file);
}

static int run_python(const char *folder)
{
	char command[400];
	snprintf(command, sizeof command, "/usr/bin/python3 tests/unit/verify_dkim.py %s >&2",
		 folder);
	int status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void remove_folder(const char *folder)
{
	char command[400];
	snprintf(command, sizeof command, "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
}

static void test_dkim_messages_verify_with_python(void **state)
{
	(void)state;
	if (system("/usr/bin/python3 -c 'import dkim, nacl' 2>/dev/null") != 0)
		skip(); /* python3-dkim and python3-nacl are not installed */
	char folder[] = "/var/tmp/rundbrief-dkim-XXXXXX", lines[4096];
	assert_non_null(mkdtemp(folder));
	struct buf b;
	buf_init_fixed(&b, lines, sizeof lines);
	for (size_t i = 0; i < 2; i++) {
		dkim_key_record_name(i ? ed25519 : rsa, &b);
		buf_put_byte(&b, '\t');
		buf_put(&b, records[i].text);
		buf_put_byte(&b, '\n');
	}
	write_file(folder, "records", buf_str(&b));
	static char memory[MESSAGE_SIZE / 2], out[MESSAGE_SIZE];
	for (uint64_t seed = 0; seed < 30; seed++) {
		struct prng p;
		char name[40];
		prng_init(&p, 100000 + seed);
		str message =
			seed ? random_message(&p, memory, sizeof memory) : STR(simple_message);
		snprintf(name, sizeof name, "%lu.eml", (unsigned long)seed);
		write_file(folder, name, sign(both_signer, message, out));
	}
	assert_int_equal(run_python(folder), 0);
	str message = sign(both_signer, STR(simple_message), out);
	out[message.size - 8] ^= 1;
	write_file(folder, "tampered.eml", message);
	assert_int_equal(run_python(folder), 1);
	remove_folder(folder);
}

static void test_dkim_signer_refuses_what_it_cannot_sign(void **state)
{
	(void)state;
	char memory[2000], little[700];
	struct buf out;
	buf_init_fixed(&out, memory, sizeof memory);
	buf_put(&out, STR("before"));
	str no_from = STR("To: a@b.test\r\n\r\nx\r\n");
	assert_int_equal(dkim_signer_sign(rsa_signer, no_from, 16, SIGNED_AT, &out), -1);
	static char many[20 * 200];
	struct buf fields;
	buf_init_fixed(&fields, many, sizeof many);
	buf_put(&fields, STR("From: a@b.test\r\n"));
	for (int i = 0; i < DKIM_FIELD_LIMIT; i++)
		buf_put(&fields, STR("To: a@b.test\r\n"));
	assert_int_equal(
		dkim_signer_sign(rsa_signer, buf_str(&fields), fields.size, SIGNED_AT, &out),
		-1);
	assert_true(str_eq(buf_str(&out), STR("before")));
	struct buf small;
	for (size_t size = 0; size < 700; size += 50) {
		buf_init_fixed(&small, little, size);
		assert_int_equal(dkim_signer_sign(rsa_signer, STR(simple_message), 200,
						  SIGNED_AT, &small),
				 -1);
		assert_int_equal(small.size, 0);
	}
	/* No keys: nothing to write, and no reason to fail. */
	struct dkim_signer *none = dkim_signer_create(NULL, 0);
	assert_int_equal(dkim_signer_sign(none, no_from, 16, SIGNED_AT, &out), 0);
	assert_true(str_eq(buf_str(&out), STR("before")));
	dkim_signer_destroy(none);
}

static void test_dkim_signer_survives_cut_messages(void **state)
{
	(void)state;
	char memory[4096];
	str message = STR(simple_message);
	for (size_t size = 0; size <= message.size; size++) {
		for (size_t header_size = 0; header_size <= size; header_size += 1 + size / 4) {
			struct buf out;
			char *exact = malloc(size + 1);
			memcpy(exact, message.data, size);
			buf_init_fixed(&out, memory, sizeof memory);
			bool has_from = header_size >= 5; /* "From:" */
			assert_int_equal(dkim_signer_sign(ed25519_signer, str_make(exact, size),
							  header_size, SIGNED_AT, &out),
					 has_from ? 0 : -1);
			free(exact);
		}
	}
}

static void refuse_key(str pem, const char *domain, const char *selector, const char *because)
{
	char why[200] = "";
	struct dkim_key *key =
		dkim_key_create(pem, str_of(domain), str_of(selector), why, sizeof why);
	assert_null(key);
	if (!strstr(why, because))
		fail_msg("\"%s\" does not say \"%s\"", why, because);
}

static str pem_of(EVP_PKEY *pkey, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL),
			 1);
	char *data;
	long size = BIO_get_mem_data(bio, &data);
	buf_reset(out);
	buf_put(out, str_make(data, (size_t)size));
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	return buf_str(out);
}

static void test_dkim_key_says_why_it_is_refused(void **state)
{
	(void)state;
	char memory[4096];
	struct buf pem;
	buf_init_fixed(&pem, memory, sizeof memory);
	assert_int_equal(dkim_generate(DKIM_ED25519_SHA256, &pem), 0);
	str good = buf_str(&pem);
	refuse_key(good, "", "s", "domain");
	refuse_key(good, "a..b", "s", "domain");
	refuse_key(good, "example.com; x=1", "s", "domain");
	refuse_key(good, "example.com", "s\r\nX:", "selector");
	refuse_key(STR("no pem"), "example.com", "s", "PEM");
	refuse_key(str_sub(good, 0, good.size / 2), "example.com", "s", "PEM");
	refuse_key((str){NULL, 0}, "example.com", "s", "PEM");
	struct buf other;
	buf_init_fixed(&other, memory, sizeof memory);
	refuse_key(pem_of(EVP_EC_gen("P-256"), &other), "example.com", "s", "RSA or Ed25519");
	refuse_key(pem_of(EVP_RSA_gen(512), &other), "example.com", "s", "512 bits");
}

static void test_dkim_key_zone_line_splits_long_records(void **state)
{
	(void)state;
	char memory[2000];
	struct buf line;
	buf_init_fixed(&line, memory, sizeof memory);
	dkim_key_zone_line(rsa, &line);
	assert_true(buf_ok(&line));
	assert_true(str_starts(
		buf_str(&line),
		STR("r2048._domainkey.news.example.com. IN TXT ( \"v=DKIM1; k=rsa; p=")));
	char joined[1000];
	size_t size = 0;
	str rest = buf_str(&line);
	str_cut(&rest, '"');
	while (rest.size) {
		str part = str_cut(&rest, '"');
		assert_true(part.size <= 255);
		memcpy(joined + size, part.data, part.size);
		size += part.size;
		str_cut(&rest, '"');
	}
	assert_true(str_eq(str_make(joined, size), records[0].text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dkim_signatures_verify),
		cmocka_unit_test(test_dkim_message_may_be_in_pieces),
		cmocka_unit_test(test_dkim_common_beginning_is_hashed_once),
		cmocka_unit_test(test_dkim_field_is_folded_and_names_what_bulk_mail_signs),
		cmocka_unit_test(test_dkim_notices_every_kind_of_change),
		cmocka_unit_test(test_dkim_refuses_a_flip_of_any_signed_byte),
		cmocka_unit_test(test_dkim_random_messages_verify_with_libopendkim),
		cmocka_unit_test(test_dkim_messages_verify_with_python),
		cmocka_unit_test(test_dkim_signer_refuses_what_it_cannot_sign),
		cmocka_unit_test(test_dkim_signer_survives_cut_messages),
		cmocka_unit_test(test_dkim_key_says_why_it_is_refused),
		cmocka_unit_test(test_dkim_key_zone_line_splits_long_records),
	};
	return cmocka_run_group_tests_name("dkim", tests, set_up, tear_down);
}
