/* caps.h - what a server offered in its EHLO reply (RFC 5321 4.1.1.1). */
#pragma once

#include "engine/base/str.h"

struct smtp_caps {
	bool esmtp; /* false: HELO only */
	bool pipelining, chunking, starttls, eightbitmime, smtputf8, enhanced_codes, dsn, size;
	bool requiretls, auth;
	uint64_t size_limit;       /* 0: no limit stated */
	uint32_t limit_mail_max;   /* RFC 9422; 0: not stated */
	uint32_t limit_rcpt_max;
	uint32_t limit_rcpt_domain_max;
};

/* Of AUTH, separated by spaces; those that fit. */
struct smtp_mechanisms {
	char names[200];
};

/* From the joined text of a 250 reply: the first line is the greeting, unknown words are
 * ignored, case does not matter. */
void smtp_caps_parse(struct smtp_caps *ret_caps, struct smtp_mechanisms *ret_mechanisms,
		     str text);
