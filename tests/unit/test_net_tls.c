/* What a client accepts under each need, and how it says why not. */
#include "tests/unit/tls_world.h"

#include <errno.h>

static const struct tls_need none = {.kind = TLS_NEED_NONE}, may = {.kind = TLS_NEED_MAY},
			     encrypt = {.kind = TLS_NEED_ENCRYPT},
			     pkix = {.kind = TLS_NEED_PKIX};

static struct tls_need dane(struct tlsa record)
{
	return (struct tls_need){.kind = TLS_NEED_DANE, .tlsa_count = 1, .tlsa = {record}};
}

struct verdict {
	enum tls_state state;
	enum tls_fault fault;
	bool verified;
	char text[256];
};

static struct verdict judge(const struct certificate *c, const char *host,
			    const struct tls_need *need)
{
	struct tls_context *client = world_client(NULL, TLS_VERSION_1_2);
	SSL_CTX *server = world_server(c);
	struct meeting m;
	struct verdict v = {.state = meet(&m, client, server, host, need)};
	v.fault = tls_fault(m.client);
	v.verified = tls_verified(m.client);
	snprintf(v.text, sizeof v.text, "%s", tls_describe(m.client));
	part(&m);
	SSL_CTX_free(server);
	tls_context_destroy(client);
	return v;
}

static void assert_accepted(const struct certificate *c, const char *host,
			    const struct tls_need *need, bool verified)
{
	struct verdict v = judge(c, host, need);
	assert_int_equal(v.state, TLS_OPEN);
	assert_int_equal(v.fault, TLS_FAULT_NONE);
	assert_int_equal(v.verified, verified);
	assert_ptr_equal(strstr(v.text, "TLSv1.3 TLS_AES_128"), v.text);
}

static void assert_refused(const struct certificate *c, const char *host,
			   const struct tls_need *need, enum tls_fault fault, const char *text)
{
	struct verdict v = judge(c, host, need);
	assert_int_equal(v.state, TLS_FAILED);
	assert_int_equal(v.fault, fault);
	assert_false(v.verified);
	assert_ptr_equal(strstr(v.text, "TLS failed: "), v.text);
	if (!strstr(v.text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, v.text);
}

static void test_net_tls_unverified_needs_accept_all(void **)
{
	const struct certificate *all[] = {&world_good, &world_other_name, &world_expired,
					   &world_alone};
	const struct tls_need *needs[] = {NULL, &none, &may, &encrypt};
	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < 4; k++)
			assert_accepted(all[i], "mx.example", needs[k], false);
	assert_accepted(&world_good, "", &may, false);
}

static void test_net_tls_pkix_accepts_chain_and_name(void **)
{
	assert_accepted(&world_good, "mx.example", &pkix, true);
	assert_accepted(&world_good, "MX.Example", &pkix, true);
	assert_accepted(&world_other_name, "b.example", &pkix, true);
	assert_accepted(&world_address, "127.0.0.1", &pkix, true);
}

static void test_net_tls_pkix_refuses_other_names(void **)
{
	assert_refused(&world_other_name, "mx.example", &pkix, TLS_FAULT_HOST_MISMATCH,
		       "certificate is for mx.other.example and 1 more, not mx.example");
	assert_refused(&world_address, "127.0.0.2", &pkix, TLS_FAULT_HOST_MISMATCH,
		       "certificate is for no host, not 127.0.0.2");
	/* RFC 9525: a common name names no host. */
	assert_refused(&world_common, "mx.example", &pkix, TLS_FAULT_HOST_MISMATCH, "no host");
}

static void test_net_tls_pkix_wildcard_is_one_whole_label(void **)
{
	assert_accepted(&world_wildcard, "mx.wild.example", &pkix, true);
	assert_refused(&world_wildcard, "a.mx.wild.example", &pkix, TLS_FAULT_HOST_MISMATCH,
		       "*.wild.example");
	assert_refused(&world_wildcard, "wild.example", &pkix, TLS_FAULT_HOST_MISMATCH, "");
	assert_refused(&world_partial, "mx.wild.example", &pkix, TLS_FAULT_HOST_MISMATCH, "");
}

static void test_net_tls_pkix_refuses_expired_and_untrusted(void **)
{
	assert_refused(&world_expired, "mx.example", &pkix, TLS_FAULT_EXPIRED,
		       "certificate has expired on 20");
	assert_refused(&world_alone, "mx.example", &pkix, TLS_FAULT_NOT_TRUSTED, "self-signed");
	struct certificate foreign_ca, foreign;
	make_certificate(&foreign_ca, "foreign-ca", "Foreign CA", NULL, NULL, -DAY, DAY);
	make_certificate(&foreign, "foreign", "x", "DNS:mx.example", &foreign_ca, -DAY, DAY);
	assert_refused(&foreign, "mx.example", &pkix, TLS_FAULT_NOT_TRUSTED, "not accepted");
	struct certificate early;
	make_certificate(&early, "early", "x", "DNS:mx.example", &world_ca, DAY, 2 * DAY);
	assert_refused(&early, "mx.example", &pkix, TLS_FAULT_NOT_TRUSTED, "not yet valid");
	struct certificate *made[] = {&foreign_ca, &foreign, &early};
	for (size_t i = 0; i < 3; i++) {
		unlink(made[i]->file);
		X509_free(made[i]->x509);
		EVP_PKEY_free(made[i]->key);
	}
}

static void test_net_tls_names_of_a_certificate_are_made_printable(void **)
{
	struct certificate evil;
	make_certificate(&evil, "evil", "x", "DNS:\x1b[31m\\r\xc3\xa4.example", &world_ca, -DAY,
			 DAY);
	struct verdict v = judge(&evil, "mx.example", &pkix);
	assert_int_equal(v.fault, TLS_FAULT_HOST_MISMATCH);
	if (!strstr(v.text, "\\x1b[31m"))
		fail_msg("%s", v.text);
	for (const char *at = v.text; *at; at++)
		assert_in_range(*at, ' ', '~');
	unlink(evil.file);
	X509_free(evil.x509);
	EVP_PKEY_free(evil.key);
}

static void test_net_tls_pkix_without_a_name_is_no_session(void **)
{
	char longer[400];
	struct tls_context *client = world_client(NULL, TLS_VERSION_1_2);
	memset(longer, 'a', sizeof longer);
	const struct tls_target targets[] = {
		{.host = STR(""), .need = &pkix},
		{.host = {longer, sizeof longer}, .need = &pkix},
	};
	for (size_t i = 0; i < 2; i++)
		assert_null(tls_session_create(client, &targets[i]));
	tls_context_destroy(client);
}

static void test_net_tls_dane_ee_looks_at_the_record_only(void **)
{
	const struct certificate *all[] = {&world_good, &world_other_name, &world_expired,
					   &world_alone, &world_common};
	for (size_t i = 0; i < 5; i++) {
		for (uint8_t selector = 0; selector < 2; selector++) {
			for (uint8_t matching = 1; matching <= 2; matching++) {
				struct tls_need need =
					dane(tlsa_of(all[i], 3, selector, matching));
				assert_accepted(all[i], "mx.example", &need, true);
			}
		}
	}
}

static void test_net_tls_dane_accepts_any_record_of_the_set(void **)
{
	struct tls_need need = dane(tlsa_of(&world_alone, 3, 1, 1));
	need.tlsa[need.tlsa_count++] = tlsa_of(&world_good, 3, 1, 1);
	assert_accepted(&world_good, "mx.example", &need, true);
}

static void test_net_tls_dane_refuses_what_matches_no_record(void **)
{
	struct tls_need need = dane(tlsa_of(&world_alone, 3, 1, 1));
	assert_refused(&world_good, "mx.example", &need, TLS_FAULT_VALIDATION,
		       "matches none of the TLSA records of mx.example");
	need = dane(tlsa_of(&world_alone, 2, 0, 1));
	assert_refused(&world_good, "mx.example", &need, TLS_FAULT_VALIDATION, "TLSA");
}

static void test_net_tls_dane_ta_checks_name_and_time(void **)
{
	struct tls_need need = dane(tlsa_of(&world_ca, 2, 0, 1));
	assert_accepted(&world_good, "mx.example", &need, true);
	assert_accepted(&world_common, "mx.example", &need, true);
	assert_refused(&world_other_name, "mx.example", &need, TLS_FAULT_HOST_MISMATCH,
		       "not mx.example");
	assert_refused(&world_expired, "mx.example", &need, TLS_FAULT_EXPIRED, "expired");
}

static void test_net_tls_dane_without_a_usable_record_only_encrypts(void **)
{
	struct tls_need need = {.kind = TLS_NEED_DANE};
	assert_accepted(&world_alone, "mx.example", &need, false);
	need = dane(tlsa_of(&world_good, 3, 1, 1));
	need.tlsa[0].size = 31; /* no SHA-256 */
	assert_accepted(&world_alone, "mx.example", &need, false);
	need.tlsa[need.tlsa_count++] = tlsa_of(&world_good, 3, 1, 1);
	assert_refused(&world_alone, "mx.example", &need, TLS_FAULT_VALIDATION, "TLSA");
}

static void test_net_tls_client_says_whom_it_wants(void **)
{
	static const char *const hosts[] = {"mx.example", "127.0.0.1"};
	struct tls_need needs[] = {may, pkix, dane(tlsa_of(&world_good, 3, 1, 1))};
	struct tls_context *client = world_client(NULL, TLS_VERSION_1_2);
	SSL_CTX *server = world_server(&world_good);
	for (size_t i = 0; i < 6; i++) {
		struct meeting m;
		meet(&m, client, server, hosts[i % 2], &needs[i / 2]);
		const char *name = SSL_get_servername(m.server, TLSEXT_NAMETYPE_host_name);
		if (i % 2 == 0)
			assert_string_equal(name, "mx.example");
		else if (needs[i / 2].kind != TLS_NEED_DANE) /* which is of names */
			assert_null(name);
		part(&m);
	}
	SSL_CTX_free(server);
	tls_context_destroy(client);
}

static int accept_all(int, X509_STORE_CTX *)
{
	return 1;
}

static void test_net_tls_client_shows_its_certificate_when_asked(void **)
{
	SSL_CTX *server = world_server(&world_good);
	SSL_CTX_set_verify(server, SSL_VERIFY_PEER, accept_all);
	for (int with = 0; with < 2; with++) {
		struct tls_context *client =
			world_client(with ? world_alone.file : NULL, TLS_VERSION_1_2);
		struct meeting m;
		assert_int_equal(meet(&m, client, server, "mx.example", &pkix), TLS_OPEN);
		X509 *shown = SSL_get0_peer_certificate(m.server);
		if (with)
			assert_int_equal(X509_cmp(shown, world_alone.x509), 0);
		else
			assert_null(shown);
		part(&m);
		tls_context_destroy(client);
	}
	SSL_CTX_free(server);
}

static void test_net_tls_refuses_versions_below_its_own(void **)
{
	static const int max_versions[] = {TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};
	for (size_t i = 0; i < 3; i++) {
		for (size_t min = 0; min < 2; min++) {
			struct tls_context *client = world_client(NULL, (enum tls_version)min);
			SSL_CTX *server = world_server(&world_good);
			struct meeting m;
			SSL_CTX_set_security_level(server, 0);
			SSL_CTX_set_min_proto_version(server, TLS1_VERSION);
			SSL_CTX_set_max_proto_version(server, max_versions[i]);
			bool open = meet(&m, client, server, "mx.example", &may) == TLS_OPEN;
			assert_int_equal(open, i > min);
			assert_int_equal(tls_fault(m.client),
					 open ? TLS_FAULT_NONE : TLS_FAULT_VALIDATION);
			part(&m);
			SSL_CTX_free(server);
			tls_context_destroy(client);
		}
	}
}

static void test_net_tls_plain_text_is_no_handshake(void **)
{
	const struct tls_target target = {.host = STR("mx.example")};
	struct tls_context *client = world_client(NULL, TLS_VERSION_1_2);
	struct tls_session *s = tls_session_create(client, &target);
	tls_feed(s, STR("454 4.7.0 TLS not available, sorry\r\n"));
	assert_int_equal(tls_state(s), TLS_FAILED);
	assert_int_equal(tls_fault(s), TLS_FAULT_VALIDATION);
	assert_string_equal(tls_describe(s), "TLS failed: wrong version number");
	tls_feed(s, STR("more of it")); /* has no effect and is not kept */
	tls_session_destroy(s);
	tls_context_destroy(client);
}

static void assert_unusable(struct tls_context_config config)
{
	struct tls_context *context = NULL;
	assert_int_equal(tls_context_create(&context, &config), -ENOENT);
	assert_null(context);
}

/* The system's anchors are read when somebody is verified first, and hold as if they had been read
 * before; OpenSSL takes the file from SSL_CERT_FILE. */
static void test_net_tls_reads_the_systems_anchors_when_they_are_wanted(void **)
{
	for (int seldom = 0; seldom < 2; seldom++) {
		const struct tls_context_config config = {.role = TLS_CLIENT,
							  .verifies_seldom = seldom};
		struct tls_context *client = NULL;
		/* Where they are read at once it is too late to name another file. */
		setenv("SSL_CERT_FILE", seldom ? "/nowhere" : world_ca.file, 1);
		setenv("SSL_CERT_DIR", "/nowhere", 1);
		assert_int_equal(tls_context_create(&client, &config), 0);
		setenv("SSL_CERT_FILE", seldom ? world_ca.file : "/nowhere", 1);
		SSL_CTX *server = world_server(&world_good);
		struct meeting m;
		assert_int_equal(meet(&m, client, server, "mx.example", &may), TLS_OPEN);
		part(&m);
		assert_int_equal(meet(&m, client, server, "mx.example", &pkix), TLS_OPEN);
		assert_true(tls_verified(m.client));
		part(&m);
		SSL_CTX_free(server);
		tls_context_destroy(client);
	}
	unsetenv("SSL_CERT_FILE");
	unsetenv("SSL_CERT_DIR");
}

static void test_net_tls_files_that_cannot_be_used_are_told(void **)
{
	struct certificate locked = world_good;
	write_pem(&locked, "locked", NULL, EVP_aes_128_cbc());
	for (int role = 0; role < 2; role++) {
		struct tls_context_config config = {.role = (enum tls_role)role};
		config.certificate_file = "/nowhere/at/all.pem";
		assert_unusable(config);
		config.certificate_file = world_good.file;
		config.key_file = world_alone.file;
		assert_unusable(config);
		config.key_file = locked.file; /* nobody is asked for the password */
		assert_unusable(config);
	}
	assert_unusable(
		(struct tls_context_config){.role = TLS_CLIENT, .ca_file = "/nowhere.pem"});
	assert_int_equal(ERR_peek_error(), 0);
	unlink(locked.file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_net_tls_unverified_needs_accept_all),
		cmocka_unit_test(test_net_tls_pkix_accepts_chain_and_name),
		cmocka_unit_test(test_net_tls_pkix_refuses_other_names),
		cmocka_unit_test(test_net_tls_pkix_wildcard_is_one_whole_label),
		cmocka_unit_test(test_net_tls_pkix_refuses_expired_and_untrusted),
		cmocka_unit_test(test_net_tls_names_of_a_certificate_are_made_printable),
		cmocka_unit_test(test_net_tls_pkix_without_a_name_is_no_session),
		cmocka_unit_test(test_net_tls_dane_ee_looks_at_the_record_only),
		cmocka_unit_test(test_net_tls_dane_accepts_any_record_of_the_set),
		cmocka_unit_test(test_net_tls_dane_refuses_what_matches_no_record),
		cmocka_unit_test(test_net_tls_dane_ta_checks_name_and_time),
		cmocka_unit_test(test_net_tls_dane_without_a_usable_record_only_encrypts),
		cmocka_unit_test(test_net_tls_client_says_whom_it_wants),
		cmocka_unit_test(test_net_tls_client_shows_its_certificate_when_asked),
		cmocka_unit_test(test_net_tls_refuses_versions_below_its_own),
		cmocka_unit_test(test_net_tls_plain_text_is_no_handshake),
		cmocka_unit_test(test_net_tls_reads_the_systems_anchors_when_they_are_wanted),
		cmocka_unit_test(test_net_tls_files_that_cannot_be_used_are_told),
	};
	return cmocka_run_group_tests(tests, tls_world_open, tls_world_close);
}
