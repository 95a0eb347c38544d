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
	 false,                                                                                \
	 "Hard bounces among the recipients tried; more pause it. Built in: 5%."},             \
		{"blocks",                                                                     \
		 KEY_SHARE,                                                                    \
		 AT(type, at blocks),                                                          \
		 NULL,                                                                         \
		 0,                                                                            \
		 0,                                                                            \
		 NULL,                                                                         \
		 NULL,                                                                         \
		 false,                                                                        \
		 "Blocks among the answers of one provider; more pause it. Built in: 3%."},    \
		{"complaints",                                                                 \
		 KEY_SHARE,                                                                    \
		 AT(type, at complaints),                                                      \
		 NULL,                                                                         \
		 0,                                                                            \
		 0,                                                                            \
		 NULL,                                                                         \
		 NULL,                                                                         \
		 false,                                                                        \
		 "Complaints among what was delivered; more pause it. Built in: 0.3%."},       \
		{"complaints_alarm",                                                           \
		 KEY_SHARE,                                                                    \
		 AT(type, at complaints_alarm),                                                \
		 NULL,                                                                         \
		 0,                                                                            \
		 0,                                                                            \
		 NULL,                                                                         \
		 NULL,                                                                         \
		 false,                                                                        \
		 "Complaints that only raise an alarm. Built in: 0.1%."},                      \
	{                                                                                      \
		"least", KEY_COUNT, AT(type, at least), NULL, 1, 1000000000, NULL, NULL,       \
			false,                                                                 \
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
	     "recipients. Empty: 1%, and at least 1,000."),
	{"ramp", KEY_BOOL, AT(config_campaigns, ramp), NULL, 0, 0, "true", NULL, false,
	 "Whether a sample goes first, and the rest when its outcome is sane."},
	BREAKER(config_campaigns, breaker.),
	END,
};
