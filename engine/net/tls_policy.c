/* tls_policy.c - the names of policies and faults. */
#include "engine/net/tls_policy.h"

const char *const tls_wish_names[TLS_WISH_COUNT + 1] = {
	[TLS_WISH_NONE] = "none",     [TLS_WISH_MAY] = "may",     [TLS_WISH_ENCRYPT] = "encrypt",
	[TLS_WISH_VERIFY] = "verify", [TLS_WISH_STS] = "mta-sts", [TLS_WISH_DANE] = "dane",
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
