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

#define HABIT_MEMORY (7 * USEC_DAY)         /* of what was learned by trouble */
#define HABIT_SUSPICION (10 * USEC_MINUTE)  /* of a close that happened once */
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
	uint32_t messages;  /* it hangs up after so many a connection; 0: not known to */
	usec messages_until;
	usec clear_until; /* STARTTLS is not tried until then, where policy allows that */
};

/* What this session may do now. */
struct habit_plan {
	enum smtp_flight flight;
	uint32_t window;
	uint32_t messages; /* of this connection; 0: no limit known */
};

enum habit_trouble {
	TROUBLE_SYNC, /* replies did not fit what was sent, or the server spoke of order */
	TROUBLE_CUT,  /* the host hung up without a word */
};

void habit_init(struct habit *);
/* known: the greeting names software that swallows refused chunks. What the server does not
 * offer the client leaves out by itself. */
struct habit_plan habit_plan(const struct habit *, const struct habit_rule *, bool known,
			     usec now_wall);
/* A transaction ended in order under this plan, whatever the server said of it. True when more
 * may be under way from now on. chunking: BDAT is offered. */
[[nodiscard]] bool habit_clean(struct habit *, const struct habit_rule *,
			       const struct habit_plan *, bool chunking, bool known,
			       usec now_wall);
/* A connection has had so many messages answered: it is no habit to hang up after fewer. True
 * when that was believed. */
bool habit_outlasted(struct habit *, uint32_t answered);
/* Trouble under this plan. under_way: transactions that had left and were not answered;
 * answered: messages that were, on this connection. True when something was learned. */
[[nodiscard]] bool habit_trouble(struct habit *, const struct habit_plan *, enum habit_trouble,
				 uint32_t under_way, uint32_t answered, usec now_wall);
