/* reasons.c - the words of reasons.h. */
#include "engine/store/reasons.h"

#include <stddef.h>
#include <string.h>

static const char *const names[] = {
	[1] = "bad-mailbox",
	[2] = "inactive-mailbox",
	[3] = "bad-domain",
	[4] = "mailbox-full",
	[5] = "recipient-refused",
	[6] = "relay-denied",
	[7] = "rate-limited",
	[8] = "greylisted",
	[9] = "reputation",
	[10] = "auth-failure",
	[11] = "sender-rejected",
	[12] = "spam-content",
	[13] = "content-rejected",
	[14] = "message-too-large",
	[15] = "policy",
	[16] = "remote-failure",
	[17] = "network",
	[18] = "expired",
	[19] = "protocol-error",
	[20] = "unknown",
	[21] = "complaint",
	[22] = "auto-reply",
	[REASON_MANUAL] = "manual",
	[REASON_IMPORTED] = "imported",
	[REASON_ERASED] = "erased",
	[REASON_UNSUBSCRIBED] = "unsubscribed",
	[REASON_GONE] = "gone",
	[REASON_HELD_OUT] = "held-out",
};

#define COUNT (sizeof(names) / sizeof(*names))

const char *store_reason_name(uint32_t reason)
{
	return reason < COUNT && names[reason] ? names[reason] : "unknown";
}

uint32_t store_reason_number(const char *name)
{
	for (uint32_t i = 0; name && i < COUNT; i++)
		if (names[i] && strcmp(names[i], name) == 0)
			return i;
	return 0;
}
