/* habit.h - how one mail host likes to be talked to, learned: how much may be under way at
 * once, after how many messages it hangs up, whether its TLS is broken. Pure; one per MX host
 * name, shared by all paths to it, kept for days in the database (times are of the wall clock).
 *
 * Up it goes slowly, by transactions that ended in order; down at once, by one level, and for
 * days. Software that is known to read the chunk of a refused envelope to its end is trusted
 * sooner. Going down is no verdict on the host: nothing here suspends it (that is path.h). */
#pragma once

#include "engine/base/usec.h"
#include "engine/smtp/client.h"

#define HABIT_MEMORY (7 * USEC_DAY)        /* of what was learned by trouble */
#define HABIT_SUSPICION (10 * USEC_MINUTE) /* of closes that are not yet a habit */
#define HABIT_CLOSES 3 /* after as many messages, none beyond: a habit, no accident */
#define HABIT_CLEAR_TIME (10 * USEC_MINUTE) /* clear text after a handshake that failed */

/* What configuration says of it. */
struct habit_rule {
	bool pinned;             /* flight is not learned but given; trouble still lowers it,
				    or mail would go round for ever */
	enum smtp_flight flight; /* pinned: from the first message on */
	enum smtp_flight limit;  /* not pinned: the highest that may ever be reached */
	uint32_t window;         /* the widest; 2..SMTP_TRANSACTION_LIMIT */
};
extern const struct habit_rule habit_rule_default; /* all may be learned, window 16 */

struct habit {
	enum smtp_flight flight; /* reached */
	uint32_t window;         /* of FLIGHT_WINDOW */
	uint32_t clean_run;      /* transactions in order since the last change */
	enum smtp_flight ceiling;
	uint32_t window_ceiling;
	usec ceiling_until; /* both hold until then */
	uint32_t proven;    /* it took so many on a connection without hanging up */
	uint32_t messages;  /* it hung up after so many, */
	uint32_t closes;    /* so often in a row; from HABIT_CLOSES on that is obeyed */
	usec messages_until;
	usec clear_until; /* STARTTLS is not tried until then, where policy allows that */
};

/* What this session may do now. */
struct habit_plan {
	enum smtp_flight flight; /* of the next transaction */
	enum smtp_flight limit;  /* of those within what the host has proven */
	uint32_t window;
	uint32_t messages; /* of this connection; 0: no limit known */
};

enum habit_trouble {
	TROUBLE_SYNC, /* replies did not fit what was sent, or the server spoke of order */
	TROUBLE_CUT,  /* the host hung up without a word */
};

void habit_init(struct habit *);
/* submitted: transactions so far on this connection. Beyond what the host has proven to take on
 * one, nothing that ends a message leaves before the one before it is answered (and somewhat
 * beyond a long proof): so a host that hangs up after so many, as it may for the first time,
 * cuts no message of which nobody could say what became. known: the greeting names software
 * that swallows refused chunks. What the server does not offer the client leaves out by itself.
 */
struct habit_plan habit_plan(const struct habit *, const struct habit_rule *, bool known,
			     uint32_t submitted, usec now_wall);
/* A transaction ended in order under this plan, whatever the server said of it: the answered-th
 * of its connection. True when more may be under way from now on. chunking: BDAT is offered. */
[[nodiscard]] bool habit_clean(struct habit *, const struct habit_rule *,
			       const struct habit_plan *, uint32_t answered, bool chunking,
			       bool known, usec now_wall);
/* Trouble under this plan. under_way: transactions that had left and were not answered;
 * answered: messages that were, on this connection. True when something was learned. */
[[nodiscard]] bool habit_trouble(struct habit *, const struct habit_plan *, enum habit_trouble,
				 uint32_t under_way, uint32_t answered, usec now_wall);
