/* config_keys_policy.c - keys of what holds for campaigns and deferred recipients: samples, the
 * breaker, retries, limits wider than a path. */
#include "engine/api/config_keys.h"

#define BREAKER(type, at)                                                                      \
	{"hard",                                                                               \
	 KEY_SHARE,                                                                            \
	 AT(type, at hard),                                                                    \
	 NULL,                                                                                 \
	 0,                                                                                    \
	 0,                                                                                    \
	 NULL,                                                                                 \
	 NULL,                                                                                 \
	 0,                                                                                \
	 "Hard bounces among the recipients tried; more pause it. Built in: 5%."},             \
		{"blocks",                                                                     \
		 KEY_SHARE,                                                                    \
		 AT(type, at blocks),                                                          \
		 NULL,                                                                         \
		 0,                                                                            \
		 0,                                                                            \
		 NULL,                                                                         \
		 NULL,                                                                         \
		 0,                                                                        \
		 "Blocks among the answers of one provider; more pause it. Built in: 3%."},    \
		{"complaints",                                                                 \
		 KEY_SHARE,                                                                    \
		 AT(type, at complaints),                                                      \
		 NULL,                                                                         \
		 0,                                                                            \
		 0,                                                                            \
		 NULL,                                                                         \
		 NULL,                                                                         \
		 0,                                                                        \
		 "Complaints among what was delivered; more pause it. Built in: 0.3%."},       \
		{"complaints_alarm",                                                           \
		 KEY_SHARE,                                                                    \
		 AT(type, at complaints_alarm),                                                \
		 NULL,                                                                         \
		 0,                                                                            \
		 0,                                                                            \
		 NULL,                                                                         \
		 NULL,                                                                         \
		 0,                                                                        \
		 "Complaints that only raise an alarm. Built in: 0.1%."},                      \
	{                                                                                      \
		"least", KEY_COUNT, AT(type, at least), NULL, 1, 1000000000, NULL, NULL,       \
			0,                                                                 \
			"Nothing is judged before so many recipients, answers or deliveries "  \
			"were counted."                                                        \
	}
const struct key config_breaker_keys[] = {
	BREAKER(config_breaker, ),
	END,
};
const struct key config_campaigns_keys[] = {
	TEXT(config_campaigns, sample, "",
	     "Who of a campaign goes first: a share of the audience, \"1%\", or a number of "
	     "recipients. Of a share at least 1,000; empty: 1%."),
	{"ramp", KEY_BOOL, AT(config_campaigns, ramp), NULL, 0, 0, "true", NULL, 0,
	 "Whether a sample goes first, and the rest when its outcome is sane."},
	BREAKER(config_campaigns, breaker.),
	{"lint_off", KEY_LIST, AT(config_campaigns, lint_off), NULL, 0, 0, NULL, NULL, 0,
	 "Findings of `rundbrief campaign check` that are not wanted, by the names that it "
	 "shows "
	 "in brackets: { \"no-html\", \"http-link\" }."},
	TEXT(config_campaigns, inline_css, "",
	     "Command that moves styles from <style> into the elements: HTML on its standard "
	     "input, HTML on its standard output, as `juice /dev/stdin /dev/stdout` does. Run "
	     "when a campaign is stored, never per message, and without a shell: words are "
	     "separated by spaces, or quoted."),
	END,
};

const struct key config_retry_keys[] = {
	DURATION(config_retry, first, 100 * USEC_MS, USEC_DAY, "15m",
		 "Wait after the first deferral."),
	DURATION(config_retry, last, 100 * USEC_MS, 7 * USEC_DAY, "4h", "The longest wait."),
	{"growth", KEY_FACTOR, AT(config_retry, growth), NULL, 1, 10, "2.0", NULL, 0,
	 "By how much each wait is longer than the one before."},
	{"jitter", KEY_FACTOR, AT(config_retry, jitter), NULL, 0, 1, "0.2", NULL, 0,
	 "Waits vary at random by this part, so that retries do not come in waves."},
	DURATION(config_retry, greylist_first, 100 * USEC_MS, USEC_DAY, "5m",
		 "The shortest wait after greylisting (RFC 6647)."),
	DURATION(config_retry, expiry, USEC_SECOND, 30 * USEC_DAY, "2d",
		 "A recipient not reached by then has failed; a campaign may say otherwise."),
	END,
};

const struct key config_retry_class_keys[] = {
	{"first", KEY_DURATION, AT(config_retry_class, first), NULL, 100 * USEC_MS,
	 7 * USEC_DAY, NULL, NULL, 0, "Wait after the first deferral."},
	{"last", KEY_DURATION, AT(config_retry_class, last), NULL, 100 * USEC_MS, 7 * USEC_DAY,
	 NULL, NULL, 0, "The longest wait; not longer than first: all waits are alike."},
	END,
};

const struct key config_limit_keys[] = {
	TEXT(config_limit, source, "", "Only what leaves by this source."),
	TEXT(config_limit, provider, "", "Only to this provider of mailboxes: gmail."),
	TEXT(config_limit, site, "",
	     "Only to this site, as `rundbrief explain` names it for a domain."),
	TEXT(config_limit, campaign, "", "Only mail of the campaign of this name."),
	TEXT(config_limit, list, "", "Only mail of campaigns to this list."),
	RATE(config_limit, message_rate, "messages", "unlimited", "Messages started."),
	{"byte_rate", KEY_BYTE_RATE, AT(config_limit, byte_rate), NULL, 0, 0, "unlimited", NULL,
	 0, "Volume of the messages started."},
	RATE(config_limit, connection_rate, "connections", "unlimited",
	     "Connections opened; goes with neither campaign nor list."),
	COUNT(config_limit, connections, NULL, 0, 1000000, "0",
	      "Connections open at once, 0: no limit; goes with neither campaign nor list."),
	END,
};
