/* test_api_tls_report.c - a TLS report is what RFC 8460 shows, and its mail is what Python
 * reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/api/tls_report.h"
#include "engine/io/heap.h"

static struct arena arena;

#define POLICY "version: STSv1\nmode: testing\nmx: *.mail.company-y.example\nmax_age: 86400\n"

/* The report of RFC 8460, appendix B. */
static const struct tls_report_row rows[] = {
	{.policy_type = {"sts", 3}, .policy_text = {POLICY, sizeof(POLICY) - 1}, .count = 5326},
	{.policy_type = {"sts", 3},
	 .policy_text = {POLICY, sizeof(POLICY) - 1},
	 .result_type = {"certificate-expired", 19},
	 .sending_ip = {"2001:db8:abcd:0012::1", 21},
	 .receiving_mx = {"mx1.mail.company-y.example", 26},
	 .count = 100},
	{.policy_type = {"sts", 3},
	 .policy_text = {POLICY, sizeof(POLICY) - 1},
	 .result_type = {"starttls-not-supported", 22},
	 .sending_ip = {"2001:db8:abcd:0013::1", 21},
	 .receiving_mx = {"mx2.mail.company-y.example", 26},
	 .receiving_ip = {"203.0.113.56", 12},
	 .count = 200},
	{.policy_type = {"sts", 3},
	 .policy_text = {POLICY, sizeof(POLICY) - 1},
	 .result_type = {"validation-failure", 18},
	 .sending_ip = {"198.51.100.62", 13},
	 .receiving_mx = {"mx-backup.mail.company-y.example", 32},
	 .receiving_ip = {"203.0.113.58", 12},
	 .reason = {"X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED", 37},
	 .count = 3},
};

/* As there, but without additional-information, of which we have none, and with mx-host as the
 * array that 4.4 describes. The identifier is ours. */
static const char expected[] =
	"{\"organization-name\": \"Company-X\","
	"\"date-range\": {\"start-datetime\": \"2016-04-01T00:00:00Z\","
	"\"end-datetime\": \"2016-04-01T23:59:59Z\"},"
	"\"contact-info\": \"sts-reporting@company-x.example\","
	"\"policies\": [{\"policy\": {\"policy-type\": \"sts\","
	"\"policy-string\": [\"version: STSv1\",\"mode: testing\","
	"\"mx: *.mail.company-y.example\",\"max_age: 86400\"],"
	"\"policy-domain\": \"company-y.example\","
	"\"mx-host\": [\"*.mail.company-y.example\"]},"
	"\"summary\": {\"total-successful-session-count\": 5326,"
	"\"total-failure-session-count\": 303},"
	"\"failure-details\": [{\"result-type\": \"certificate-expired\","
	"\"sending-mta-ip\": \"2001:db8:abcd:0012::1\","
	"\"receiving-mx-hostname\": \"mx1.mail.company-y.example\","
	"\"failed-session-count\": 100},"
	"{\"result-type\": \"starttls-not-supported\","
	"\"sending-mta-ip\": \"2001:db8:abcd:0013::1\","
	"\"receiving-mx-hostname\": \"mx2.mail.company-y.example\","
	"\"receiving-ip\": \"203.0.113.56\",\"failed-session-count\": 200},"
	"{\"result-type\": \"validation-failure\",\"sending-mta-ip\": \"198.51.100.62\","
	"\"receiving-ip\": \"203.0.113.58\","
	"\"receiving-mx-hostname\": \"mx-backup.mail.company-y.example\","
	"\"failed-session-count\": 3,"
	"\"failure-reason-code\": \"X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED\"}]}]}";

static struct tls_report sample(void)
{
	return (struct tls_report){.organization = STR("Company-X"),
				   .contact = STR("sts-reporting@company-x.example"),
				   .submitter = STR("company-x.example"),
				   .domain = STR("company-y.example"),
				   .day_wall = 1459468800 * USEC_SECOND,
				   .rows = rows,
				   .row_count = sizeof(rows) / sizeof(rows[0])};
}

static json_t *json_of(const struct tls_report *r, bool indented)
{
	struct buf out;
	buf_init_arena(&out, &arena, 1024);
	assert_int_equal(tls_report_json(r, indented, &out), 0);
	json_t *object = json_loadb(out.data, out.size, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(object);
	return object;
}

static void test_tls_report_is_that_of_the_rfc(void **)
{
	struct tls_report r = sample();
	json_t *wanted = json_loads(expected, 0, NULL);
	assert_non_null(wanted);
	for (int indented = 0; indented < 2; indented++) {
		json_t *found = json_of(&r, indented);
		const char *id = json_string_value(json_object_get(found, "report-id"));
		assert_true(str_starts(str_of(id), STR("20160401.")));
		assert_true(str_ends(str_of(id), STR("@company-x.example")));
		json_object_del(found, "report-id");
		assert_true(json_equal(found, wanted));
		json_decref(found);
	}
	json_decref(wanted);
}

static json_t *policy_at(json_t *report, size_t i, const char *part)
{
	return json_object_get(json_array_get(json_object_get(report, "policies"), i), part);
}

static void test_tls_report_keeps_policies_apart(void **)
{
	static const struct tls_report_row mixed[] = {
		{.policy_type = {"no-policy-found", 15}, .count = 1},
		{.policy_type = {"sts", 3}, .policy_text = {"mode: none", 10}, .count = 2},
		{.policy_type = {"sts", 3}, .policy_text = {"mode: enforce", 13}, .count = 4},
		{.policy_type = {"sts", 3},
		 .result_type = {"sts-policy-invalid", 18},
		 .count = 8},
		{.policy_type = {"tlsa", 4},
		 .policy_text = {"3 1 1 ab\nmx: 1", 14},
		 .count = 16},
	};
	static const int succeeded[] = {1, 2, 4, 16}, failed[] = {0, 0, 8, 0};
	struct tls_report r = sample();
	r.rows = mixed;
	r.row_count = 5;
	json_t *found = json_of(&r, false);
	assert_int_equal(json_array_size(json_object_get(found, "policies")), 4);
	for (size_t i = 0; i < 4; i++) {
		json_t *summary = policy_at(found, i, "summary");
		assert_int_equal(json_integer_value(json_object_get(
					 summary, "total-successful-session-count")),
				 succeeded[i]);
		assert_int_equal(json_integer_value(json_object_get(
					 summary, "total-failure-session-count")),
				 failed[i]);
		assert_null(json_object_get(policy_at(found, i, "policy"), "mx-host"));
		assert_int_equal(policy_at(found, i, "failure-details") != NULL, i == 2);
	}
	assert_null(json_object_get(policy_at(found, 0, "policy"), "policy-string"));
	assert_int_equal(json_array_size(json_object_get(policy_at(found, 3, "policy"),
							 "policy-string")),
			 2);
	json_decref(found);
}

static void test_tls_report_cleans_what_servers_said(void **)
{
	struct tls_report_row row = {.policy_type = STR("sts"),
				     .policy_text = STR("a\r\n\xff\"\n\n \n\x1b[2J"),
				     .result_type = STR("validation-failure"),
				     .reason = STR("a\r\nb\0c\xc3"),
				     .count = UINT32_MAX};
	struct tls_report r = sample();
	r.rows = &row;
	r.row_count = 1;
	r.organization = STR("");
	json_t *found = json_of(&r, false);
	assert_null(json_object_get(found, "organization-name"));
	json_t *lines = json_object_get(policy_at(found, 0, "policy"), "policy-string");
	assert_int_equal(json_array_size(lines), 3);
	assert_string_equal(json_string_value(json_array_get(lines, 1)), "\xef\xbf\xbd\"");
	assert_string_equal(json_string_value(json_array_get(lines, 2)), "[2J");
	json_t *failure = json_array_get(policy_at(found, 0, "failure-details"), 0);
	assert_string_equal(json_string_value(json_object_get(failure, "failure-reason-code")),
			    "a  b c\xef\xbf\xbd");
	json_decref(found);
}

static str file_name(const struct tls_report *r)
{
	struct buf out;
	buf_init_arena(&out, &arena, 100);
	tls_report_file_name(r, &out);
	return buf_str(&out);
}

static void test_tls_report_is_named_the_same_every_time(void **)
{
	struct tls_report r = sample(), other = sample();
	str name = file_name(&r);
	const str start = STR("company-x.example!company-y.example!1459468800!1459555199!");
	assert_true(str_starts(name, start) && str_ends(name, STR(".json.gz")));
	str id = str_sub(name, start.size, name.size - start.size - 8);
	assert_int_equal(id.size, 16); /* unique-id: letters and digits only, 5.1 */
	for (size_t i = 0; i < id.size; i++)
		assert_non_null(strchr("0123456789abcdef", id.data[i]));
	assert_true(str_eq(file_name(&r), name));
	other.day_wall += USEC_DAY;
	assert_false(str_eq(str_sub(file_name(&other), start.size, 16), id));
	other = sample();
	other.domain = STR("company-z.example");
	assert_false(str_eq(str_sub(file_name(&other), start.size, 16), id));
}

/* Reads the mail from a file; prints what is wrong and exits 1. */
static const char reader[] =
	"import email, email.policy, gzip, json, re, sys\n"
	"data = open(sys.argv[1], 'rb').read()\n"
	"assert b'\\n' not in data.replace(b'\\r\\n', b'') and max(map(len, "
	"data.split(b'\\r\\n'))) < 998\n"
	"m = email.message_from_bytes(data, policy=email.policy.default)\n"
	"assert not m.defects, m.defects\n"
	"assert m.get_content_type() == 'multipart/report', m['Content-Type']\n"
	"assert m.get_param('report-type') == 'tlsrpt'\n"
	"assert m['From'].addresses[0].addr_spec == 'tls-reports@company-x.example'\n"
	"assert m['From'].addresses[0].display_name == 'Company-X'\n"
	"assert m['To'].addresses[0].addr_spec == 'reports@company-y.example'\n"
	"assert m['TLS-Report-Domain'] == 'company-y.example'\n"
	"assert m['TLS-Report-Submitter'] == 'company-x.example'\n"
	"assert m['TLS-Required'] == 'No' and m['Date'].datetime.year == 2016\n"
	"s = re.fullmatch(r'Report Domain: company-y.example Submitter: company-x.example '\n"
	"                 r'Report-ID: <(.*@company-x.example)>', m['Subject'])\n"
	"assert s and m['Message-ID'] == '<' + s[1] + '>', m['Subject']\n"
	"text, report = m.iter_parts()\n"
	"assert text.get_content_type() == 'text/plain' and 'company-x.example' in "
	"text.get_content()\n"
	"assert report.get_content_type() == 'application/tlsrpt+gzip'\n"
	"assert report.get_filename() == sys.argv[2], report.get_filename()\n"
	"r = json.loads(gzip.decompress(report.get_content()))\n"
	"assert r['report-id'] == s[1]\n"
	"assert r['policies'][0]['summary']['total-failure-session-count'] == 303\n";

static void write_file(const char *path, str text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text.data, 1, text.size, file), text.size);
	assert_int_equal(fclose(file), 0);
}

static void test_tls_report_mail_is_read_by_python(void **)
{
	struct tls_report r = sample();
	struct buf json, gzip, mail;
	char folder[] = "/tmp/tls-report.XXXXXX", command[600], path[100];
	size_t header_size;
	buf_init_arena(&json, &arena, 1024);
	buf_init_arena(&gzip, &arena, 1024);
	buf_init_arena(&mail, &arena, 1024);
	assert_int_equal(tls_report_json(&r, false, &json), 0);
	assert_int_equal(tls_report_gzip(buf_str(&json), &gzip), 0);
	assert_true(gzip.size < json.size);
	assert_int_equal(tls_report_mail(&r, buf_str(&gzip),
					 STR("tls-reports@company-x.example"),
					 STR("reports@company-y.example"),
					 r.day_wall + USEC_DAY, &mail, &header_size),
			 0);
	assert_true(str_ends(str_sub(buf_str(&mail), 0, header_size), STR("\r\n\r\n")));
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/mail", folder);
	write_file(path, buf_str(&mail));
	snprintf(path, sizeof(path), "%s/reader.py", folder);
	write_file(path, str_of(reader));
	snprintf(command, sizeof(command), "/usr/bin/python3 %s/reader.py %s/mail '%.*s'",
		 folder, folder, STR_FORMAT(file_name(&r)));
	int result = system(command);
	unlink(path);
	snprintf(path, sizeof(path), "%s/mail", folder);
	unlink(path);
	rmdir(folder);
	assert_int_equal(result, 0);
}

static int begin(void **)
{
	arena_init(&arena, heap_source(), 0, 0);
	return 0;
}

static int end(void **)
{
	arena_done(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tls_report_is_that_of_the_rfc),
		cmocka_unit_test(test_tls_report_keeps_policies_apart),
		cmocka_unit_test(test_tls_report_cleans_what_servers_said),
		cmocka_unit_test(test_tls_report_is_named_the_same_every_time),
		cmocka_unit_test(test_tls_report_mail_is_read_by_python),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
