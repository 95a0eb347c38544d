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
#define RULE_SUBJECT_LIMIT 8 /* x.8.y: beyond what RFC 3463 has */
#define TERM_SET_LIMIT 768   /* a multiple of 64 */
#define LITERAL_LIMIT 8192
#define NEAR_WORDS 5 /* so far apart may "near" words be */

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

/* What is looked at of every candidate stands first, on one cache line. */
struct bounce_rule {
	struct rule_term terms[RULE_TERM_LIMIT];
	uint8_t term_count;
	uint8_t status_count; /* 0: any */
	uint16_t stages;      /* bit per enum smtp_stage; 0: any */
	uint16_t digits;      /* bit n: codes nXX pass; bit 0: unknown */
	uint16_t codes[8];    /* 0-terminated; empty together with digits: any */
	enum bounce_class class;
	uint32_t line;
	str provider; /* empty: any */
	const char *cause;
	struct rule_status statuses[RULE_STATUS_LIMIT];
};

/* What literals have in common that belong to the same sets; as bits. A few hundred, so that
 * they stay near. */
struct literal_kind {
	uint64_t sets[TERM_SET_LIMIT / 64];
	uint64_t rules[RULE_LIMIT / 64]; /* whose first term is such a set: to be looked at */
};

struct rule_book {
	struct bounce_rule *rules;
	size_t rule_count, set_count;
	size_t literal_count;
	uint8_t *word_counts;               /* of each literal: a phrase covers several words */
	uint16_t *kind_of;                  /* of each literal */
	struct literal_kind *kinds;         /* while reading one a literal, then each once */
	uint64_t textless[RULE_LIMIT / 64]; /* rules that need no text */
	/* Rules that a code's first digit and a status's subject leave; the last of these is
	 * for replies without a status (and subjects that no rule names). */
	uint64_t of_digit[10][RULE_LIMIT / 64];
	uint64_t of_subject[RULE_SUBJECT_LIMIT + 1][RULE_LIMIT / 64];
	uint16_t wait_set; /* "again", "wait", ...: what makes a duration a wish */
	struct automaton automaton;
};

/* Reads the table; -1 when the arena is exhausted. The table is part of the program: what is
 * wrong in it is asserted, with its line in ret_line. */
[[nodiscard]] int rule_book_create(struct rule_book *, struct arena *, str table);
