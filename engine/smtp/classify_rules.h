/* classify_rules.h - rules.tsv in memory: an ordered list of conditions, the first that holds
 * wins. The head of rules.tsv explains the language. Floor-internal: classify.h is the door. */
#pragma once

#include "engine/base/map.h"
#include "engine/smtp/automaton.h"
#include "engine/smtp/classify.h"
#include "engine/smtp/classify_text.h"

#define RULE_LIMIT 512 /* a multiple of 64 */
#define RULE_TERM_LIMIT 8
#define RULE_STATUS_LIMIT 12
#define TERM_SET_LIMIT 768
#define LITERAL_LIMIT 6144
#define LITERAL_SET_LIMIT 32768 /* memberships of literals in sets, in all */
#define NEAR_WORDS 5            /* so far apart may "near" words be */

typedef unsigned __int128 words_mask; /* bit n: word n of the text (PLAIN_WORD_LIMIT bits) */

enum term_kind {
	TERM_NEAR,     /* within NEAR_WORDS of the term before; the first term: anywhere */
	TERM_AFTER,    /* likewise, but behind it */
	TERM_ALSO,     /* anywhere in the text */
	TERM_NOWHERE,  /* must not occur */
	TERM_NOT_NEAR, /* must not occur near the term before */
};

struct rule_term {
	uint16_t kind; /* enum term_kind */
	uint16_t set;
};

/* x.1.1, 5.7.20-26: class 0 is any. */
struct rule_status {
	uint8_t class;
	uint16_t subject, first_detail, last_detail;
};

struct bounce_rule {
	enum bounce_class class;
	const char *cause;
	uint32_t line;
	uint16_t digits;      /* bit n: codes nXX pass; bit 0: unknown */
	uint16_t codes[8];    /* 0-terminated; empty together with digits: any */
	uint16_t stages;      /* bit per enum smtp_stage; 0: any */
	str provider;         /* empty: any */
	uint8_t status_count; /* 0: any */
	uint8_t term_count;
	struct rule_status statuses[RULE_STATUS_LIMIT];
	struct rule_term terms[RULE_TERM_LIMIT];
};

struct rule_book {
	struct bounce_rule *rules;
	size_t rule_count, set_count;
	/* Which sets a literal belongs to: memberships[starts[i]] up to starts[i + 1]. */
	uint16_t *starts, *memberships;
	uint8_t *word_counts; /* of each literal: a phrase covers several words */
	/* Rules to look at when a set occurs (its first term is in the set), as bits; and those
	 * that need no text. */
	uint64_t (*rules_of_set)[RULE_LIMIT / 64];
	bool begins_rules[TERM_SET_LIMIT];
	uint64_t textless[RULE_LIMIT / 64];
	uint16_t wait_set; /* "again", "wait", ...: what makes a duration a wish */
	struct automaton automaton;
};

/* Reads the table; -1 when the arena is exhausted. The table is part of the program: what is
 * wrong in it is asserted, with its line in ret_line. */
[[nodiscard]] int rule_book_create(struct rule_book *, struct arena *, str table);
