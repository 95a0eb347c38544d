/* tls_report_send.h - where TLS reports go, and bringing them there: DNS, mail, HTTPS. Each
 * verb waits for its end; a report a day has time. */
#pragma once

#include "engine/api/tls_report.h"
#include "engine/mail/tlsrpt.h"
#include "engine/send/engine.h"

enum tls_report_wish {
	WISH_UNKNOWN, /* DNS gave no answer, see why */
	WISH_NONE,    /* it publishes no record, or more than one, or none that can be read */
	WISH_KNOWN,
};

/* A domain that is asked whether it wants reports. */
struct tls_report_domain {
	str name;
	enum tls_report_wish wish;
	struct tlsrpt_record record; /* its texts are in the arena */
	char why[128];
};

/* Asks DNS about all at once. 0; -1: nothing could be asked, and why. */
#define TLS_REPORT_ASK_LIMIT 64
[[nodiscard]] int tls_report_ask(const struct engine_settings *, struct arena *,
				 struct tls_report_domain *, size_t count, char *ret_why,
				 size_t why_size);

/* 0: accepted; -1: not. ret_reply says in what words. */
[[nodiscard]] int tls_report_send_mail(const struct engine_settings *, struct arena *,
				       const struct tls_report *, str gzip, str from, str to,
				       char *ret_reply, size_t reply_size);

struct tls_report_post {
	const char *url;
	const char *ca_file; /* NULL: the system's */
	bool allow_loopback; /* else only public addresses are spoken to */
	str gzip;
};
[[nodiscard]] int tls_report_send_https(const struct tls_report_post *, char *ret_reply,
					size_t reply_size);
