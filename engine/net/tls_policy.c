/* tls_policy.c - the names of policies and faults; from a wish, or from TLSA records, to a
 * need. */
#include "engine/net/tls_policy.h"

#include "engine/base/codec.h"

const char *const tls_wish_names[TLS_WISH_COUNT + 1] = {
	[TLS_WISH_NONE] = "none",       [TLS_WISH_MAY] = "may",
	[TLS_WISH_ENCRYPT] = "encrypt", [TLS_WISH_VERIFY] = "verify",
	[TLS_WISH_STS] = "mta-sts",     [TLS_WISH_DANE] = "dane",
};

const char *const tls_policy_type_names[TLS_POLICY_TYPE_COUNT] = {
	[TLS_POLICY_NONE] = "no-policy-found",
	[TLS_POLICY_STS] = "sts",
	[TLS_POLICY_TLSA] = "tlsa",
};

const char *const tls_fault_names[TLS_FAULT_COUNT] = {
	[TLS_FAULT_NONE] = "",
	[TLS_FAULT_STARTTLS_NOT_SUPPORTED] = "starttls-not-supported",
	[TLS_FAULT_HOST_MISMATCH] = "certificate-host-mismatch",
	[TLS_FAULT_EXPIRED] = "certificate-expired",
	[TLS_FAULT_NOT_TRUSTED] = "certificate-not-trusted",
	[TLS_FAULT_VALIDATION] = "validation-failure",
	[TLS_FAULT_TLSA_INVALID] = "tlsa-invalid",
	[TLS_FAULT_DNSSEC_INVALID] = "dnssec-invalid",
	[TLS_FAULT_DANE_REQUIRED] = "dane-required",
	[TLS_FAULT_STS_FETCH] = "sts-policy-fetch-error",
	[TLS_FAULT_STS_INVALID] = "sts-policy-invalid",
	[TLS_FAULT_STS_WEBPKI] = "sts-webpki-invalid",
};

struct tls_need tls_need_of_wish(enum tls_wish wish)
{
	switch (wish) {
	case TLS_WISH_NONE:
		return (struct tls_need){.kind = TLS_NEED_NONE};
	case TLS_WISH_ENCRYPT:
		return (struct tls_need){.kind = TLS_NEED_ENCRYPT};
	case TLS_WISH_VERIFY:
		return (struct tls_need){.kind = TLS_NEED_PKIX};
	case TLS_WISH_MAY:
	case TLS_WISH_STS:
	case TLS_WISH_DANE:
	case TLS_WISH_COUNT:
		break;
	}
	return (struct tls_need){.kind = TLS_NEED_MAY};
}

/* Usage 3 first: it names the host's own key, and is what nearly all hosts publish. */
static int compare_tlsa(const struct tlsa *a, const struct tlsa *b)
{
	if (a->usage != b->usage)
		return b->usage - a->usage;
	if (a->selector != b->selector)
		return b->selector - a->selector;
	if (a->matching != b->matching)
		return a->matching - b->matching;
	return memcmp(a->data, b->data, sizeof a->data);
}

/* Puts one in its place among those kept; when all places are taken, the last falls out. */
static void keep_tlsa(struct tls_need *need, const struct tlsa *tlsa)
{
	size_t at = 0;
	while (at < need->tlsa_count && compare_tlsa(&need->tlsa[at], tlsa) < 0)
		at++;
	if (at == TLSA_LIMIT ||
	    (at < need->tlsa_count && compare_tlsa(&need->tlsa[at], tlsa) == 0))
		return;
	if (need->tlsa_count < TLSA_LIMIT)
		need->tlsa_count++;
	memmove(&need->tlsa[at + 1], &need->tlsa[at],
		(need->tlsa_count - at - 1) * sizeof need->tlsa[0]);
	need->tlsa[at] = *tlsa;
}

struct tls_need tls_need_of_tlsa(const struct tlsa *tlsa, size_t count)
{
	struct tls_need need = {.kind = count > 0 ? TLS_NEED_DANE : TLS_NEED_ENCRYPT};
	for (size_t i = 0; i < count; i++)
		keep_tlsa(&need, &tlsa[i]);
	return need;
}

void tls_need_put_key(struct buf *out, const struct tls_need *need)
{
	buf_put_byte(out, (char)need->kind);
	buf_put_byte(out, (char)need->tlsa_count);
	for (size_t i = 0; i < need->tlsa_count; i++)
		buf_put(out, str_make((const char *)&need->tlsa[i], sizeof need->tlsa[i]));
}

void tlsa_put_text(struct buf *out, const struct tlsa *tlsa)
{
	buf_printf(out, "%u %u %u ", tlsa->usage, tlsa->selector, tlsa->matching);
	hex_encode(out, str_make((const char *)tlsa->data, tlsa->size));
}
