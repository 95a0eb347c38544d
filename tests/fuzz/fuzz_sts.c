/* fuzz_sts.c - an MTA-STS policy and its TXT record of any bytes are read within their bounds;
 * what we write of a policy reads back as the same policy. */
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/net/sts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each line of the input is a TXT record. */
static void read_records(str text)
{
	str texts[8];
	size_t count = 0;
	char id[STS_ID_SIZE];
	while (text.size > 0 && count < 8)
		texts[count++] = str_cut(&text, '\n');
	if (!sts_record_read(texts, count, id))
		return;
	ASSERT(strlen(id) > 0 && strlen(id) < STS_ID_SIZE);
}

static bool same(const struct sts_policy *a, const struct sts_policy *b)
{
	bool equal = a->mode == b->mode && a->max_age_seconds == b->max_age_seconds &&
		     a->mx_count == b->mx_count;
	for (size_t i = 0; i < a->mx_count && equal; i++)
		equal = str_eq(a->mx[i], b->mx[i]);
	return equal;
}

static void read_policy(str body)
{
	static char memory[STS_TEXT_LIMIT];
	struct sts_policy policy, again;
	struct buf text;
	if (!sts_policy_read(body, &policy))
		return;
	ASSERT(policy.max_age_seconds <= STS_MAX_AGE_LIMIT && policy.mx_count <= STS_MX_LIMIT);
	buf_init_fixed(&text, memory, sizeof memory);
	sts_put_text(&text, &policy);
	ASSERT(buf_ok(&text) && sts_policy_read(buf_str(&text), &again));
	ASSERT(same(&policy, &again));
	for (size_t i = 0; i < policy.mx_count; i++) {
		bool wild = policy.mx[i].data[0] == '*';
		ASSERT(wild || sts_match(&policy, policy.mx[i]));
	}
	sts_match(&policy, body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* In memory of its own, so that a byte too far is seen. */
	char *copy = malloc(size ? size : 1);
	memcpy(copy, data, size);
	read_records(str_make(copy, size));
	read_policy(str_make(copy, size));
	free(copy);
	return 0;
}
