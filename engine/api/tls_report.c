/* tls_report.c - the JSON of a report, RFC 8460 4.4. */
#include "engine/api/tls_report.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/base/hash.h"
#include "engine/mail/header.h"

#define TEXT_LIMIT 4096 /* of one text; longer ones do not come out of the database */
#define LINE_LIMIT 500  /* lines of a policy */

static uint64_t hash_of(const struct tls_report *r)
{
	return hash_bytes(hash_bytes((uint64_t)r->day_wall, r->domain), r->submitter);
}

static void put_time(struct buf *out, const char *format, usec wall)
{
	char text[40];
	time_t seconds = (time_t)(wall / USEC_SECOND);
	struct tm parts;
	gmtime_r(&seconds, &parts);
	strftime(text, sizeof(text), format, &parts);
	buf_put_cstr(out, text);
}

void tls_report_id(const struct tls_report *r, struct buf *out)
{
	put_time(out, "%Y%m%d", r->day_wall);
	buf_printf(out, ".%016llx@", (unsigned long long)hash_of(r));
	buf_put(out, r->submitter);
}

void tls_report_file_name(const struct tls_report *r, struct buf *out)
{
	long long begin = (long long)(r->day_wall / USEC_SECOND);
	buf_put(out, r->submitter);
	buf_put_byte(out, '!');
	buf_put(out, r->domain);
	buf_printf(out, "!%lld!%lld!%016llx.json.gz", begin, begin + 86399,
		   (unsigned long long)hash_of(r));
}

static json_t *text_json(str text)
{
	char memory[TEXT_LIMIT * 3]; /* U+FFFD may stand for each byte */
	struct buf clean;
	buf_init_fixed(&clean, memory, sizeof(memory));
	header_clean(&clean, str_sub(text, 0, TEXT_LIMIT));
	str trimmed = str_trim(buf_str(&clean));
	return json_stringn(trimmed.data, trimmed.size);
}

static void set_text(json_t *object, const char *name, str text)
{
	if (text.size > 0)
		json_object_set_new(object, name, text_json(text));
}

static void set_time(json_t *object, const char *name, usec wall)
{
	char memory[40];
	struct buf text;
	buf_init_fixed(&text, memory, sizeof(memory));
	put_time(&text, "%Y-%m-%dT%H:%M:%SZ", wall);
	set_text(object, name, buf_str(&text));
}

/* The lines of a policy, and for STS the patterns of its hosts. */
static void set_policy_text(json_t *policy, bool is_sts, str text)
{
	json_t *lines = json_array(), *patterns = json_array();
	for (int i = 0; text.size > 0 && i < LINE_LIMIT; i++) {
		str line = str_trim(str_cut(&text, '\n'));
		if (line.size == 0)
			continue;
		json_array_append_new(lines, text_json(line));
		if (is_sts && str_starts_nocase(line, STR("mx:")))
			json_array_append_new(patterns, text_json(str_trim(str_from(line, 3))));
	}
	if (json_array_size(lines) > 0)
		json_object_set(policy, "policy-string", lines);
	if (json_array_size(patterns) > 0)
		json_object_set(policy, "mx-host", patterns);
	json_decref(lines);
	json_decref(patterns);
}

static json_t *failure_json(const struct tls_report_row *row)
{
	json_t *failure = json_object();
	set_text(failure, "result-type", row->result_type);
	set_text(failure, "sending-mta-ip", row->sending_ip);
	set_text(failure, "receiving-mx-hostname", row->receiving_mx);
	set_text(failure, "receiving-ip", row->receiving_ip);
	json_object_set_new(failure, "failed-session-count",
			    json_integer((json_int_t)row->count));
	set_text(failure, "failure-reason-code", row->reason);
	return failure;
}

static bool is_same_policy(const struct tls_report_row *first, const struct tls_report_row *row)
{
	return str_eq(first->policy_type, row->policy_type) &&
	       (row->policy_text.size == 0 || str_eq(first->policy_text, row->policy_text));
}

/* Takes the rows of one policy off the front; *at is moved behind them. */
static json_t *policy_json(const struct tls_report *r, size_t *at)
{
	const struct tls_report_row *first = &r->rows[*at];
	uint64_t succeeded = 0, failed = 0;
	json_t *failures = json_array(), *policy = json_object(), *summary = json_object();
	set_text(policy, "policy-type", first->policy_type);
	set_policy_text(policy, str_eq(first->policy_type, STR("sts")), first->policy_text);
	set_text(policy, "policy-domain", r->domain);
	for (; *at < r->row_count && is_same_policy(first, &r->rows[*at]); (*at)++) {
		const struct tls_report_row *row = &r->rows[*at];
		bool success = row->result_type.size == 0;
		*(success ? &succeeded : &failed) += row->count;
		if (!success)
			json_array_append_new(failures, failure_json(row));
	}
	json_object_set_new(summary, "total-successful-session-count",
			    json_integer((json_int_t)succeeded));
	json_object_set_new(summary, "total-failure-session-count",
			    json_integer((json_int_t)failed));
	json_t *object = json_object();
	json_object_set_new(object, "policy", policy);
	json_object_set_new(object, "summary", summary);
	if (json_array_size(failures) > 0)
		json_object_set(object, "failure-details", failures);
	json_decref(failures);
	return object;
}

static json_t *report_json(const struct tls_report *r)
{
	json_t *object = json_object(), *range = json_object(), *policies = json_array();
	char memory[400];
	struct buf id;
	buf_init_fixed(&id, memory, sizeof(memory));
	tls_report_id(r, &id);
	set_time(range, "start-datetime", r->day_wall);
	set_time(range, "end-datetime", r->day_wall + USEC_DAY - USEC_SECOND);
	set_text(object, "organization-name", r->organization);
	json_object_set_new(object, "date-range", range);
	set_text(object, "contact-info", r->contact);
	set_text(object, "report-id", buf_str(&id));
	for (size_t at = 0; at < r->row_count;)
		json_array_append_new(policies, policy_json(r, &at));
	json_object_set_new(object, "policies", policies);
	return object;
}

int tls_report_json(const struct tls_report *r, bool indented, struct buf *out)
{
	json_t *object = report_json(r);
	char *text = json_dumps(object, indented ? JSON_INDENT(2) : JSON_COMPACT);
	json_decref(object);
	if (!text)
		return -1;
	buf_put_cstr(out, text);
	free(text);
	return buf_ok(out) ? 0 : -1;
}
