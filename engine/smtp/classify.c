/* classify.c - from a reply to a class, and from the class to what becomes of the recipient.
 * Local endings are a table. Remote ones go through the rule book: the text becomes plain
 * words, one walk of the automaton finds which sets of words occur and where, and the first
 * rule whose conditions all hold wins. What that means for the recipient is a function of the
 * code's first digit and the class, never of the text. */
#include "engine/smtp/classify.h"

#include "engine/base/assert.h"
#include "engine/base/embedded.h"
#include "engine/smtp/classify_rules.h"

#define WAIT_LIMIT USEC_DAY /* a server that asks for more is not taken at its word */
#define HIT_LIMIT 512       /* literals in one text; what follows is not looked at */

struct classifier {
	struct rule_book book;
};

struct classifier *classifier_create_from(struct arena *arena, str table)
{
	struct classifier *classifier = ARENA_NEW(arena, struct classifier);

	if (!classifier || rule_book_create(&classifier->book, arena, table) < 0)
		return NULL;
	return classifier;
}

struct classifier *classifier_create(struct arena *arena)
{
	str table = embedded_find("engine/smtp/rules.tsv");

	ASSERT(table.data);
	return classifier_create_from(arena, table);
}

/* --- which words occur, and where --- */

/* Which literals occurred; which words a set covers is worked out when a rule asks. */
struct sightings {
	const struct rule_book *book;
	uint32_t hit_count;
	uint64_t candidates[RULE_LIMIT / 64];
	uint64_t present[TERM_SET_LIMIT / 64], known[TERM_SET_LIMIT / 64];
	words_mask words[TERM_SET_LIMIT]; /* valid where known */
	struct {
		words_mask words;
		const struct literal_kind *kind;
	} hits[HIT_LIMIT];
};

/* Both are of fixed, small sizes: without a loop. */
static inline void add_bits(uint64_t *bits, const uint64_t *more, size_t count)
{
#pragma GCC unroll 16
	for (size_t i = 0; i < count; i++)
		bits[i] |= more[i];
}

static bool is_present(const struct sightings *s, uint16_t set)
{
	return s->present[set / 64] >> (set % 64) & 1;
}

static words_mask gather_words(struct sightings *s, uint16_t set)
{
	words_mask words = 0;

	for (size_t i = 0; i < s->hit_count; i++) {
		const uint64_t *sets = s->hits[i].kind->sets;
		uint64_t all =
			-(sets[set / 64] >> (set % 64) & 1); /* a branch would be a guess */
		words |= s->hits[i].words & ((words_mask)all << 64 | all);
	}
	s->known[set / 64] |= UINT64_C(1) << (set % 64);
	s->words[set] = words;
	return words;
}

static words_mask words_of_set(struct sightings *s, uint16_t set)
{
	if (s->known[set / 64] >> (set % 64) & 1)
		return s->words[set];
	return is_present(s, set) ? gather_words(s, set) : 0;
}

static void see_literal(struct sightings *s, uint16_t literal, uint32_t last_word)
{
	uint32_t count = s->book->word_counts[literal];

	if (last_word >= PLAIN_WORD_LIMIT || s->hit_count == HIT_LIMIT)
		return;
	s->hits[s->hit_count].words = (((words_mask)1 << count) - 1) << (last_word + 1 - count);
	const struct literal_kind *kind = &s->book->kinds[s->book->kind_of[literal]];

	s->hits[s->hit_count++].kind = kind;
	add_bits(s->present, kind->sets, TERM_SET_LIMIT / 64);
	add_bits(s->candidates, kind->rules, RULE_LIMIT / 64);
}

/* Words are counted by the blanks behind them; a literal that ends in one has ended a word. */
static void look(struct sightings *s, const struct rule_book *book, const struct plain_text *t)
{
	const struct automaton *a = &book->automaton;
	uint16_t state = automaton_step(a, 0, t->bytes[0]);
	uint32_t word = 0;

	s->book = book;
	s->hit_count = 0;
	memset(s->present, 0, sizeof(s->present));
	memcpy(s->candidates, book->textless, sizeof(s->candidates));
	memset(s->known, 0, sizeof(s->known));
	for (size_t i = 1; i < t->size; i++) {
		state = automaton_step(a, state, t->bytes[i]);
		for (uint16_t end = a->cells[state].longest; end; end = a->shorter[end])
			see_literal(s, a->literals[end], word);
		word += t->bytes[i] == ' ';
	}
}

/* --- does a rule hold --- */

/* Every word within NEAR_WORDS (five) of the given ones: within one, three, five. */
static words_mask spread(words_mask words)
{
	_Static_assert(NEAR_WORDS == 5);
	words |= words << 1 | words >> 1;
	words |= words << 2 | words >> 2;
	return words | words << 2 | words >> 2;
}

static words_mask behind(words_mask words)
{
	words_mask up = words << 1;

	up |= up << 1;
	up |= up << 2;
	up |= up << (NEAR_WORDS - 4);
	return up & ~words;
}

/* Whether all occurs that must, and nothing that must not: most rules fail here. */
static bool occurrence_holds(const struct bounce_rule *rule, const struct sightings *s)
{
	for (size_t i = 0; i < rule->term_count; i++) {
		enum term_kind kind = (enum term_kind)rule->terms[i].kind;
		bool present = is_present(s, rule->terms[i].set);
		if (kind == TERM_NOWHERE ? present : !present && kind != TERM_NOT_NEAR)
			return false;
	}
	return true;
}

/* Whether what occurs stands where it must. */
static bool places_hold(const struct bounce_rule *rule, struct sightings *s)
{
	words_mask at = ~(words_mask)0;

	for (size_t i = 0; i < rule->term_count; i++) {
		uint16_t set = rule->terms[i].set;
		switch ((enum term_kind)rule->terms[i].kind) {
		case TERM_NEAR:
			at = words_of_set(s, set) & (i == 0 ? at : spread(at));
			if (!at)
				return false;
			break;
		case TERM_AFTER:
			at = words_of_set(s, set) & behind(at);
			if (!at)
				return false;
			break;
		case TERM_NOT_NEAR:
			if (is_present(s, set) && (words_of_set(s, set) & spread(at)))
				return false;
			break;
		case TERM_ALSO:
		case TERM_NOWHERE:
			break;
		}
	}
	return true;
}

/* What is known of a reply besides its words. */
struct facts {
	uint16_t code;  /* 0: unknown */
	uint16_t digit; /* of the code, else of the status; 0: unknown */
	struct status status;
	enum smtp_stage stage;
	str provider;
};

static bool code_holds(const struct bounce_rule *rule, const struct facts *f)
{
	if (rule->digits == 0 && rule->codes[0] == 0)
		return true;
	if (rule->digits >> f->digit & 1)
		return true;
	for (size_t i = 0; rule->codes[i]; i++) {
		if (rule->codes[i] == f->code)
			return true;
	}
	return false;
}

static bool status_holds(const struct bounce_rule *rule, const struct status *status)
{
	for (size_t i = 0; i < rule->status_count; i++) {
		const struct rule_status *wanted = &rule->statuses[i];
		if (status->class == 0 || (wanted->class && wanted->class != status->class))
			continue;
		if (wanted->subject == status->subject &&
		    status->detail >= wanted->first_detail &&
		    status->detail <= wanted->last_detail)
			return true;
	}
	return rule->status_count == 0;
}

/* Before RCPT nothing was said about a recipient or a message (bounces.md, stage guard). */
static bool stage_allows(enum smtp_stage stage, enum bounce_class class)
{
	if (stage < STAGE_ROUTE || stage > STAGE_MAIL)
		return true;
	switch (class) {
	case CLASS_BAD_MAILBOX:
	case CLASS_INACTIVE_MAILBOX:
	case CLASS_MAILBOX_FULL:
	case CLASS_RECIPIENT_REFUSED:
	case CLASS_SPAM_CONTENT:
	case CLASS_CONTENT_REJECTED:
		return false;
	case CLASS_MESSAGE_TOO_LARGE: /* MAIL FROM:<..> SIZE= */
		return stage == STAGE_MAIL;
	default:
		return true;
	}
}

static bool rule_holds(const struct bounce_rule *rule, const struct facts *f,
		       struct sightings *s)
{
	if (!occurrence_holds(rule, s) || !code_holds(rule, f) ||
	    !status_holds(rule, &f->status))
		return false;
	if (rule->stages && !(rule->stages >> f->stage & 1))
		return false;
	if (rule->provider.size && !str_eq(rule->provider, f->provider))
		return false;
	return stage_allows(f->stage, rule->class) && places_hold(rule, s);
}

static const struct bounce_rule *first_rule(const struct rule_book *book, const struct facts *f,
					    struct sightings *s)
{
	size_t subject = f->status.class ? f->status.subject : RULE_SUBJECT_LIMIT;
	const uint64_t *of_digit = book->of_digit[f->digit];
	const uint64_t *of_subject =
		book->of_subject[subject < RULE_SUBJECT_LIMIT ? subject : RULE_SUBJECT_LIMIT];

	for (size_t i = 0; i < RULE_LIMIT / 64; i++) {
		uint64_t bits = s->candidates[i] & of_digit[i] & of_subject[i];
		for (; bits; bits &= bits - 1) {
			size_t index = i * 64 + (size_t)__builtin_ctzll(bits);
			if (rule_holds(&book->rules[index], f, s))
				return &book->rules[index];
		}
	}
	return NULL;
}

/* "try again in 300 seconds"; a greylist may just say how long it holds. */
static usec wait_asked(struct sightings *s, const struct plain_text *t, enum bounce_class class)
{
	words_mask near = 0;

	if (t->duration_count)
		near = spread(spread(words_of_set(s, s->book->wait_set)));
	for (size_t i = 0; i < t->duration_count; i++) {
		const struct plain_duration *d = &t->durations[i];
		if (d->length > WAIT_LIMIT || d->word >= PLAIN_WORD_LIMIT)
			continue;
		if (class == CLASS_GREYLISTED || (near >> d->word & 1))
			return d->length;
	}
	return 0;
}

/* --- what follows from a class --- */

/* How often to repeat after 4yz, and whether a 5yz may be repeated: the taxonomy's word, but
 * for what bounces.md decides otherwise. LASTING: until the recipient expires. */
enum { NEVER_AGAIN = -1, LASTING = 0 };
static const struct {
	int8_t after_4yz, after_5yz;
} repeats[CLASS_COUNT] = {
	[CLASS_BAD_MAILBOX] = {LASTING, NEVER_AGAIN},
	[CLASS_INACTIVE_MAILBOX] = {LASTING, NEVER_AGAIN},
	[CLASS_BAD_DOMAIN] = {LASTING, NEVER_AGAIN},
	[CLASS_MAILBOX_FULL] = {LASTING, NEVER_AGAIN},
	[CLASS_RECIPIENT_REFUSED] = {LASTING, NEVER_AGAIN},
	[CLASS_RELAY_DENIED] = {2, 1}, /* once more, by a route looked up anew */
	[CLASS_RATE_LIMITED] = {LASTING, LASTING},
	[CLASS_GREYLISTED] = {LASTING, 1},
	[CLASS_REPUTATION] = {LASTING, LASTING},
	[CLASS_AUTH_FAILURE] = {LASTING, LASTING}, /* until the sender's domain is mended */
	[CLASS_SENDER_REJECTED] = {LASTING, NEVER_AGAIN},
	[CLASS_SPAM_CONTENT] = {2, NEVER_AGAIN},
	[CLASS_CONTENT_REJECTED] = {1, NEVER_AGAIN},
	/* A 4yz is never final at once, whatever it says: it is asked once more. */
	[CLASS_MESSAGE_TOO_LARGE] = {1, NEVER_AGAIN},
	[CLASS_POLICY] = {LASTING, NEVER_AGAIN},
	[CLASS_REMOTE_FAILURE] = {LASTING, 2},
	[CLASS_NETWORK] = {LASTING, NEVER_AGAIN},
	[CLASS_EXPIRED] = {1, NEVER_AGAIN},
	[CLASS_PROTOCOL_ERROR] = {1, NEVER_AGAIN},
	[CLASS_UNKNOWN] = {LASTING, NEVER_AGAIN},
	[CLASS_COMPLAINT] = {NEVER_AGAIN, NEVER_AGAIN},
	[CLASS_AUTO_REPLY] = {NEVER_AGAIN, NEVER_AGAIN},
	[CLASS_DELIVERED] = {NEVER_AGAIN, NEVER_AGAIN},
};

/* Without any code the class must do: what passes by itself is tried again. */
static bool is_passing(enum bounce_class class)
{
	switch (class) {
	case CLASS_MAILBOX_FULL:
	case CLASS_RATE_LIMITED:
	case CLASS_GREYLISTED:
	case CLASS_REPUTATION:
	case CLASS_REMOTE_FAILURE:
	case CLASS_NETWORK:
		return true;
	default:
		return false;
	}
}

static void decide(struct classification *c, uint16_t digit, enum smtp_stage stage)
{
	int8_t repeat;

	if (digit == 0)
		repeat = is_passing(c->class) ? LASTING : NEVER_AGAIN;
	else
		repeat = digit == 5 ? repeats[c->class].after_5yz : repeats[c->class].after_4yz;
	/* A bounce mail ends what another host has tried: there is nothing to repeat. */
	if (stage == STAGE_BOUNCE && digit != 4)
		repeat = NEVER_AGAIN;
	c->verdict = repeat == NEVER_AGAIN ? VERDICT_FAILED : VERDICT_DEFERRED;
	c->retry_limit = repeat > 0 ? (uint8_t)repeat : 0;
}

/* Dead addresses only, and only on a permanent word of the remote side. An inactive mailbox
 * may come back; 5.2.1 says that it will not take mail (bounces.md). */
static bool is_dead(const struct classification *c, uint16_t digit, const struct status *status)
{
	if (digit != 5)
		return false;
	if (c->class == CLASS_INACTIVE_MAILBOX)
		return status->subject == 2 && status->detail == 1;
	return c->class == CLASS_BAD_MAILBOX || c->class == CLASS_BAD_DOMAIN;
}

/* --- local endings --- */

static const struct {
	enum bounce_class class;
	enum verdict verdict;
	const char *cause;
} local_table[CAUSE_COUNT] = {
	[CAUSE_DNS_TEMPORARY] = {CLASS_NETWORK, VERDICT_DEFERRED, "dns-failure"},
	[CAUSE_DNS_NO_DOMAIN] = {CLASS_BAD_DOMAIN, VERDICT_FAILED, "bad-domain"},
	[CAUSE_DNS_NO_HOST] = {CLASS_BAD_DOMAIN, VERDICT_FAILED, "bad-domain"},
	[CAUSE_NULL_MX] = {CLASS_BAD_DOMAIN, VERDICT_FAILED, "bad-domain"},
	[CAUSE_MX_LOOPS] = {CLASS_NETWORK, VERDICT_FAILED, "routing-loop"},
	[CAUSE_CONNECT_REFUSED] = {CLASS_NETWORK, VERDICT_DEFERRED, "connect-failed"},
	[CAUSE_CONNECT_TIMEOUT] = {CLASS_NETWORK, VERDICT_DEFERRED, "connect-failed"},
	[CAUSE_CONNECT_UNREACHABLE] = {CLASS_NETWORK, VERDICT_DEFERRED, "connect-failed"},
	[CAUSE_CONNECTION_LOST] = {CLASS_NETWORK, VERDICT_DEFERRED, "connect-failed"},
	[CAUSE_TIMEOUT] = {CLASS_NETWORK, VERDICT_DEFERRED, "connect-failed"},
	[CAUSE_TIMEOUT_END] = {CLASS_NETWORK, VERDICT_IN_DOUBT, "in-doubt"},
	[CAUSE_LOST_END] = {CLASS_NETWORK, VERDICT_IN_DOUBT, "in-doubt"},
	[CAUSE_TLS_FAILED] = {CLASS_NETWORK, VERDICT_DEFERRED, "tls-failed"},
	[CAUSE_PROTOCOL] = {CLASS_PROTOCOL_ERROR, VERDICT_DEFERRED, "protocol-error"},
	[CAUSE_ADDRESS_INVALID] = {CLASS_BAD_MAILBOX, VERDICT_FAILED, "bad-mailbox"},
	[CAUSE_ADDRESS_NEEDS_UTF8] = {CLASS_PROTOCOL_ERROR, VERDICT_FAILED, "protocol-error"},
	[CAUSE_MESSAGE_TOO_LARGE] = {CLASS_MESSAGE_TOO_LARGE, VERDICT_FAILED,
				     "message-too-large"},
	[CAUSE_NEEDS_8BITMIME] = {CLASS_CONTENT_REJECTED, VERDICT_FAILED, "malformed"},
	[CAUSE_RENDER_FAILED] = {CLASS_CONTENT_REJECTED, VERDICT_FAILED, "malformed"},
	[CAUSE_EXPIRED] = {CLASS_EXPIRED, VERDICT_FAILED, "expired"},
	[CAUSE_SUPPRESSED] = {CLASS_NONE, VERDICT_SUPPRESSED, "suppressed"},
	[CAUSE_CANCELLED] = {CLASS_NONE, VERDICT_CANCELLED, "cancelled"},
	[CAUSE_OUT_OF_SYNC] = {CLASS_PROTOCOL_ERROR, VERDICT_DEFERRED, "protocol-error"},
	[CAUSE_AUTH_FAILED] = {CLASS_PROTOCOL_ERROR, VERDICT_DEFERRED, "local-auth"},
	[CAUSE_NEEDS_REQUIRETLS] = {CLASS_POLICY, VERDICT_FAILED, "tls-failed"},
	[CAUSE_TLS_POLICY] = {CLASS_NETWORK, VERDICT_DEFERRED, "tls-failed"},
	[CAUSE_CRASHED] = {CLASS_NETWORK, VERDICT_IN_DOUBT, "in-doubt"},
	[CAUSE_SOURCE_UNAVAILABLE] = {CLASS_NETWORK, VERDICT_DEFERRED, "source-unavailable"},
};

static struct classification classify_local(const struct reply *reply)
{
	ASSERT(reply->cause > CAUSE_NONE && reply->cause < CAUSE_COUNT);
	return (struct classification){
		.class = local_table[reply->cause].class,
		.verdict = local_table[reply->cause].verdict,
		.cause = local_table[reply->cause].cause,
		/* NXDOMAIN must be seen again a day later; a null MX is the owner's own word.
		 */
		.suppress = reply->cause == CAUSE_NULL_MX,
	};
}

/* --- the door --- */

static struct facts facts_of(const struct reply *reply, const struct plain_text *t,
			     str provider)
{
	struct facts f = {.code = reply->code ? reply->code : t->code,
			  .status = reply->status,
			  .stage = reply->stage,
			  .provider = provider};

	bool vague = f.status.subject == 0 && f.status.detail == 0;
	if (f.status.class == 0 || (vague && t->status.class == f.status.class))
		f.status = t->status;
	f.digit = f.code ? f.code / 100 : f.status.class;
	if (f.digit > 9)
		f.digit = 0;
	return f;
}

struct classification classify(const struct classifier *classifier, const struct reply *reply,
			       str provider)
{
	struct plain_text text;
	struct sightings seen;
	const struct rule_book *book = &classifier->book;

	if (reply->origin == REPLY_LOCAL)
		return classify_local(reply);
	if (reply->code >= 200 && reply->code < 300)
		return (struct classification){.verdict = VERDICT_DELIVERED,
					       .cause = "delivered"};

	plain_text_make(&text, reply->text);
	struct facts facts = facts_of(reply, &text, provider);
	if (facts.digit == 2)
		return (struct classification){.verdict = VERDICT_DELIVERED,
					       .cause = "delivered"};
	look(&seen, book, &text);
	const struct bounce_rule *rule = first_rule(book, &facts, &seen);
	ASSERT(rule); /* the last rule has no condition */

	struct classification c = {
		.class = rule->class, .cause = rule->cause, .rule = rule->line};
	decide(&c, facts.digit, facts.stage);
	c.suppress = is_dead(&c, facts.digit, &facts.status);
	c.wait = wait_asked(&seen, &text, c.class);
	return c;
}

struct classification classify_line(const struct classifier *classifier, str line)
{
	struct reply reply = {};
	uint64_t code = 0;

	str code_field = str_trim(str_cut(&line, '\t'));
	str status_field = str_trim(str_cut(&line, '\t'));
	if (str_to_u64(code_field, &code) && code >= 100 && code <= 599)
		reply.code = (uint16_t)code;
	if (!status_parse(status_field, &reply.status, NULL))
		reply.status = (struct status){};
	reply.text = line;
	return classify(classifier, &reply, STR(""));
}
