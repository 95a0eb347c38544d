/* tls_report.h - one day's TLS report to one domain (RFC 8460): the JSON, its file name, and
 * the mail that carries it. What is in it comes from other people's servers, so every text is
 * cleaned on its way; domain, submitter and addresses must be fit for a header. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/usec.h"

struct tls_report_row {
	str policy_type, policy_text; /* as engine/store/store.h has them */
	str result_type;              /* empty: success */
	str sending_ip, receiving_mx, receiving_ip, reason;
	uint64_t count;
};

struct tls_report {
	str organization, contact; /* contact: mail address */
	str submitter, domain;     /* domain names */
	usec day_wall;             /* its midnight, UTC */
	/* Rows of one policy in a row; without its text they join the policy of that type
	 * before them. */
	const struct tls_report_row *rows;
	size_t row_count;
};

/* The same for the same day and domains, so that a report sent twice is known to be one. */
void tls_report_id(const struct tls_report *, struct buf *out); /* "2026....@submitter" */
void tls_report_file_name(const struct tls_report *, struct buf *out); /* RFC 8460 5.1 */
/* RFC 8460 4.4. 0, or -1: out of memory. */
[[nodiscard]] int tls_report_json(const struct tls_report *, bool indented, struct buf *out);
/* 0, or -1: out of memory. */
[[nodiscard]] int tls_report_gzip(str json, struct buf *out);
/* The whole message of RFC 8460 5.3, unsigned. 0, or -1: out of memory. */
[[nodiscard]] int tls_report_mail(const struct tls_report *, str gzip, str from, str to,
				  usec now_wall, struct buf *out, size_t *ret_header_size);
