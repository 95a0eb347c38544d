/* envelope.h - what travels between the four workers: slices, envelopes, runs, messages,
 * outcomes. An envelope is written by the feeder until it is handed over in a run, then by the
 * carrier alone; its slice's arena lives until all of the slice has ended. Who holds what is
 * said by the chain or lane it is in. */
#pragma once

#include <stdatomic.h>

#include "engine/base/chain.h"
#include "engine/journal/journal.h"
#include "engine/net/route.h"
#include "engine/smtp/client_state.h"
#include "engine/send/campaign.h"
#include "engine/store/store.h"

#define MESSAGE_MAIL_FROM_LIMIT 320
#define MESSAGE_SIGNATURE_LIMIT 6144 /* four RSA keys of 4096 bits */
/* The names of host, site and source, at most 240, and the reply's text. There are as many of
 * them as recipients in memory. */
#define OUTCOME_TEXT_LIMIT 448

struct carrier_flow;
struct carrier_path;
struct warming;
struct message;
struct session;

struct slice {
	struct chain_link link;
	uint64_t id;
	struct campaign *campaign;
	enum slice_kind kind;
	struct arena arena;
	const struct store_recipient *recipients;
	struct envelope *envelopes;
	size_t count;
	size_t open_count;         /* feeder's: not yet settled or put back */
	struct chain put_back;     /* feeder's: envelopes waiting to be put back, */
	struct chain put_back_now; /* and those of the request under way, */
	usec put_back_due;         /* which may come again then; 0: at once */
	usec leased_at;
	_Atomic bool lost; /* feeder's word: another engine took it over. Nothing of it starts */
	bool awaits_zones; /* feeder's: read, and not routed before its zones are known */
};

static inline bool slice_is_lost(const struct slice *slice)
{
	return atomic_load_explicit(&slice->lost, memory_order_acquire);
}

enum envelope_state {
	ENVELOPE_FEEDER,  /* read, parked for its route, or returned */
	ENVELOPE_WAITING, /* in a path, not marked */
	ENVELOPE_MARKING, /* its start mark is being committed */
	ENVELOPE_MARKED,  /* in a path, may be ordered */
	ENVELOPE_ORDERED, /* at a press */
	ENVELOPE_READY,   /* rendered, waits for a connection */
	ENVELOPE_SENDING, /* in a session */
	ENVELOPE_ENDED,   /* its outcome is on the way to the ledger */
};

struct envelope {
	struct chain_link link;
	struct slice *slice;
	const struct store_recipient *recipient;
	struct campaign *campaign;
	str rcpt;                  /* the address as commands carry it */
	str domain;                /* its domain in A-labels */
	struct carrier_path *path; /* carrier's */
	struct carrier_flow *flow; /* the same; from WAITING to READY */
	struct message *message;   /* from order to end */
	enum envelope_state state;
	enum local_cause cause; /* an ending the feeder saw: no route, suppressed */
	str why;                /* its text, may be empty */
	usec date_wall;         /* Date of this message; set with its mark */
	usec waiting_since;
	uint64_t void_position;  /* behind the record that undoes its mark; 0: none was made */
	usec again_at;           /* returned: it may come again then; 0: at once */
	struct warming *warming; /* while it is with the carrier: whose start it takes */
	uint32_t warming_starts; /* that it took */
};

/* No attempt after this: its campaign's end, or its own where that is sooner; 0: none. */
static inline usec envelope_expires_wall(const struct envelope *envelope)
{
	usec of_campaign = envelope->campaign->content->expires_wall;
	usec own = envelope->recipient->expires_wall;
	return own && (!of_campaign || own < of_campaign) ? own : of_campaign;
}

/* Envelopes of one slice for one route, handed over together. */
struct run {
	struct slice *slice;
	const struct route *route;   /* NULL: they have ended already, each with its cause */
	const struct route *refused; /* then, if it was for a TLS policy: what a report needs */
	uint32_t source_index;
	struct warming *warming; /* of the source with the route's provider; NULL: it is warm */
	struct chain envelopes;
};

/* One message in flight: rendered bytes between order and final reply. */
struct message {
	struct chain_link link;
	/* What a press reads: it has no look at the envelope, which is the carrier's. */
	struct campaign *campaign; /* whose content it points into, until it is free */
	const struct store_recipient *recipient;
	usec date_wall;            /* of the envelope */
	usec ordered_wall;         /* of the order: the signature's time */
	enum message_form form;    /* that was ordered */
	int result; /* -1: rendering failed, and why */
	struct arena arena;         /* of what is its own; keeps one block */
	struct message_bytes bytes; /* what is not in the arena is the campaign's content's */
	str signature;              /* its field or fields, in arena too */
	size_t mail_from_size;
	/* What the carrier alone needs. */
	struct envelope *envelope;
	str rcpt;
	usec started_at;             /* MAIL left (monotonic) */
	uint64_t mark_position;      /* behind it; 0: none */
	usec marked_wall;
	struct chain_link mark_link; /* in carrier.open_marks, by position */
	struct chain_link gate_link; /* in carrier.gates until its mark is written, the same */
	struct session *session;     /* while submitted */
	struct carrier_flow *flow;   /* while ordered or ready */
	uint32_t press_index;
	bool returned; /* the session gave it back unsent */
	bool answered; /* the server said what became of it, and the session goes on */
	struct smtp_transaction transaction; /* the session's, while submitted */
	char mail_from[MESSAGE_MAIL_FROM_LIMIT];
	char why[256];
};

/* An ending on its way to the ledger; names stand in text. */
struct outcome {
	struct chain_link link;
	struct store_outcome row;
	struct envelope *envelope; /* NULL in recovery */
	uint64_t position;         /* behind its record in the journal */
	uint64_t mark_position;    /* behind its mark; 0: it had none */
	size_t text_size;
	char text[OUTCOME_TEXT_LIMIT];
};
