/* sts.h - what a domain publishes for MTA-STS (RFC 8461): its TXT record and its policy. Pure;
 * fetching and remembering are sts_cache.h. */
#pragma once

#include "engine/base/buf.h"

#define STS_ID_SIZE 33              /* with the NUL */
#define STS_BODY_LIMIT 65536        /* bytes of a policy, RFC 8461 3.2 */
#define STS_MX_LIMIT 64             /* patterns; a policy with more is refused */
#define STS_MAX_AGE_LIMIT 31557600u /* seconds, RFC 8461 3.2 */
#define STS_TEXT_LIMIT 20480        /* bytes that sts_put_text() may write */

enum sts_mode { STS_NONE, STS_TESTING, STS_ENFORCE };

struct sts_policy {
	enum sts_mode mode;
	uint32_t max_age_seconds;
	size_t mx_count;
	str mx[STS_MX_LIMIT]; /* in the text that was parsed */
};

/* The id in the TXT records of _mta-sts.DOMAIN (3.1); false when there is not exactly one
 * record of the version, or when that one breaks the grammar. */
[[nodiscard]] bool sts_record_read(const str *texts, size_t count, char ret_id[STS_ID_SIZE]);
/* A policy's body (3.2); false when it is none. */
[[nodiscard]] bool sts_policy_read(str body, struct sts_policy *ret_policy);
/* Whether the policy lets mail go to that host (4.1). */
bool sts_match(const struct sts_policy *, str host);
/* The policy as lines, without what others wrote into it; it reads back as the same policy. */
void sts_put_text(struct buf *, const struct sts_policy *);
