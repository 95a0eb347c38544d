/* classify_names.c - what classes and verdicts are called. */
#include "engine/smtp/classify.h"

const char *const bounce_class_names[CLASS_COUNT] = {
	[CLASS_NONE] = "none",
	[CLASS_BAD_MAILBOX] = "bad-mailbox",
	[CLASS_INACTIVE_MAILBOX] = "inactive-mailbox",
	[CLASS_BAD_DOMAIN] = "bad-domain",
	[CLASS_MAILBOX_FULL] = "mailbox-full",
	[CLASS_RECIPIENT_REFUSED] = "recipient-refused",
	[CLASS_RELAY_DENIED] = "relay-denied",
	[CLASS_RATE_LIMITED] = "rate-limited",
	[CLASS_GREYLISTED] = "greylisted",
	[CLASS_REPUTATION] = "reputation",
	[CLASS_AUTH_FAILURE] = "auth-failure",
	[CLASS_SENDER_REJECTED] = "sender-rejected",
	[CLASS_SPAM_CONTENT] = "spam-content",
	[CLASS_CONTENT_REJECTED] = "content-rejected",
	[CLASS_MESSAGE_TOO_LARGE] = "message-too-large",
	[CLASS_POLICY] = "policy",
	[CLASS_REMOTE_FAILURE] = "remote-failure",
	[CLASS_NETWORK] = "network",
	[CLASS_EXPIRED] = "expired",
	[CLASS_PROTOCOL_ERROR] = "protocol-error",
	[CLASS_UNKNOWN] = "unknown",
	[CLASS_COMPLAINT] = "complaint",
	[CLASS_AUTO_REPLY] = "auto-reply",
	[CLASS_DELIVERED] = "delivered",
};

const char *const verdict_names[VERDICT_COUNT] = {
	[VERDICT_NONE] = "none",           [VERDICT_DELIVERED] = "delivered",
	[VERDICT_DEFERRED] = "deferred",   [VERDICT_FAILED] = "failed",
	[VERDICT_IN_DOUBT] = "in-doubt",   [VERDICT_SUPPRESSED] = "suppressed",
	[VERDICT_CANCELLED] = "cancelled",
};
