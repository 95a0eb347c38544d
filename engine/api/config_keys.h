/* config_keys.h - what the tables of rundbrief.conf share: config_keys.c has the sections and
 * most keys, config_keys_net.c the keys of how mail leaves, config_keys_policy.c those of
 * policy. Not for anybody else. */
#pragma once

#include "engine/api/config.h"

#define AT(type, member) offsetof(struct type, member)
#define TEXT(type, member, fallback, sentence)                                                 \
	{                                                                                      \
#member, KEY_TEXT, AT(type, member), NULL, 0, 0, fallback, NULL, 0,        \
			sentence                                                               \
	}
#define COUNT(type, member, unit, least, most, fallback, sentence)                             \
	{                                                                                      \
#member, KEY_COUNT, AT(type, member), unit, least, most, fallback, NULL,       \
			0, sentence                                                        \
	}
#define DURATION(type, member, least, most, fallback, sentence)                                \
	{                                                                                      \
#member, KEY_DURATION, AT(type, member), NULL, least, most, fallback, NULL,    \
			0, sentence                                                        \
	}
#define LIVE_DURATION(type, member, least, most, fallback, sentence)                           \
	{                                                                                      \
#member, KEY_DURATION, AT(type, member), NULL, least, most, fallback, NULL,    \
			KEY_LIVE, sentence                                                     \
	}
#define BOOL(type, member, fallback, sentence)                                                 \
	{                                                                                      \
#member, KEY_BOOL, AT(type, member), NULL, 0, 0, fallback, NULL, 0,        \
			sentence                                                               \
	}
#define RATE(type, member, unit, fallback, sentence)                                           \
	{                                                                                      \
#member, KEY_RATE, AT(type, member), unit, 0, 0, fallback, NULL, 0,        \
			sentence                                                               \
	}
#define CHOICE(type, member, fallback, choices, sentence)                                      \
	{                                                                                      \
#member, KEY_CHOICE, AT(type, member), NULL, 0, 0, fallback, choices, 0,   \
			sentence                                                               \
	}
#define LIST(type, member, sentence)                                                           \
	{                                                                                      \
#member, KEY_LIST, AT(type, member), NULL, 0, 0, NULL, NULL, 0, sentence   \
	}
#define FILE_OF(type, member, sentence)                                                        \
	{                                                                                      \
#member, KEY_FILE, AT(type, member), NULL, 0, 0, "", NULL, 0, sentence     \
	}
#define SECRET_FILE(type, member, sentence)                                                    \
	{                                                                                      \
#member, KEY_FILE, AT(type, member), NULL, 0, 0, "", NULL, KEY_SECRET, sentence      \
	}
#define END                                                                                    \
	{                                                                                      \
		NULL, KEY_TEXT, 0, NULL, 0, 0, NULL, NULL, 0, NULL                         \
	}

/* Each ends with END. */
extern const struct key config_provider_keys[];
extern const struct key config_campaigns_keys[];
extern const struct key config_retry_keys[];
extern const struct key config_retry_class_keys[];
extern const struct key config_limit_keys[];
extern const struct key config_dns_keys[];
extern const struct key config_source_keys[];
extern const struct key config_pool_keys[];
extern const struct key config_warmup_keys[];
extern const struct key config_smtp_keys[];
extern const struct key config_relay_keys[];
extern const struct key config_route_keys[];
