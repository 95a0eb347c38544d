/* carrier_journal.c - the carrier's journal between two turns: what a write that is there lets
 * go on, what is still needed of it, and what is said when it cannot be written. */
#include "engine/send/carrier.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/log.h"

#define RETRY_PAUSE USEC_SECOND

static void tell(struct carrier *carrier, const char *why)
{
	if (atomic_load_explicit(&carrier->counts.troubled, memory_order_relaxed))
		return; /* said already, and perhaps being read */
	snprintf(carrier->trouble, sizeof(carrier->trouble), "%s", why);
	atomic_store_explicit(&carrier->counts.troubled, true, memory_order_release);
	log_event(LOG_WARN, "journal-failed", "why=\"%s\"", log_str(str_of(why)));
}

static void failed(struct carrier *carrier, int error)
{
	char why[sizeof(carrier->trouble)];
	carrier->journal_failed = true;
	carrier->journal_retry_at = io_now(carrier->loop) + RETRY_PAUSE;
	snprintf(why, sizeof(why),
		 "the journal in %s cannot be written (%s): nothing new is started until it "
		 "can",
		 carrier->settings->journal_directory, strerror(-error));
	tell(carrier, why);
}

/* The turn's write is there: what it held may leave, outcomes to the ledger, dots to the wire.
 */
void carrier_journal_written(void *context, uint64_t position, int error)
{
	struct carrier *carrier = context;
	if (error < 0) {
		failed(carrier, error);
		return;
	}
	carrier->journal_failed = carrier->journal_removed;
	if (!carrier->journal_removed &&
	    atomic_exchange_explicit(&carrier->counts.troubled, false, memory_order_release))
		log_event(LOG_INFO, "journal-back", "starting goes on");
	carrier->written_position = position;
	for (struct chain_link *link; (link = chain_first(&carrier->unwritten));) {
		struct outcome *outcome = CHAIN_OWNER(link, struct outcome, link);
		if (outcome->position > position)
			break;
		chain_remove(&carrier->unwritten, link);
		lane_push(&carrier->outcomes, outcome);
		carrier->to_ledger = true;
	}
	carrier_return_voided(carrier);
	session_released(carrier, position);
}

/* The first byte that a start would have to read: nothing before the settled position is needed
 * but marks that have no outcome in the file yet. An outcome that is only queued is none: were
 * its mark gone when the engine is killed, the recipient would be mailed again. (One whose
 * undoing is only queued is mailed again anyway.) A mark_position is behind its record. */
static uint64_t needed_from(struct carrier *carrier)
{
	uint64_t floor =
		atomic_load_explicit(&carrier->counts.settled_position, memory_order_acquire);
	struct chain_link *link = chain_first(&carrier->open_marks);
	if (link) {
		const struct message *oldest = CHAIN_OWNER(link, struct message, mark_link);
		if (oldest->mark_position <= floor)
			floor = oldest->mark_position - 1;
	}
	link = chain_first(&carrier->unwritten);
	for (; link; link = chain_next(&carrier->unwritten, link)) {
		const struct outcome *outcome = CHAIN_OWNER(link, struct outcome, link);
		if (outcome->mark_position > 0 && outcome->mark_position <= floor)
			floor = outcome->mark_position - 1;
	}
	return floor;
}

/* A server that takes minutes to answer a dot must not keep all that was written meanwhile. */
static void carry_far_marks(struct carrier *carrier)
{
	for (size_t left = carrier->open_marks.count; left > 0; left--) {
		struct message *message = CHAIN_OWNER(chain_first(&carrier->open_marks),
						      struct message, mark_link);
		if (chain_linked(&message->gate_link) ||
		    !journal_is_far(carrier->journal, message->mark_position))
			return;
		session_mark(message);
		carrier->carried_position = message->mark_position;
	}
}

void carrier_rest_journal(struct carrier *carrier)
{
	if (!carrier->journal_failed && carrier->written_position >= carrier->carried_position)
		journal_rest(carrier->journal, needed_from(carrier));
}

void carrier_keep_journal(struct carrier *carrier)
{
	if (!carrier->journal_removed && journal_is_removed(carrier->journal)) {
		char why[sizeof(carrier->trouble)];
		snprintf(why, sizeof(why),
			 "the journal in %s was removed while the engine runs: nothing new "
			 "is started, start the engine again",
			 carrier->settings->journal_directory);
		carrier->journal_removed = carrier->journal_failed = true;
		tell(carrier, why);
	}
	if (carrier->written_position < carrier->carried_position)
		return; /* the marks' first copies are the ones that count */
	uint64_t position = needed_from(carrier);
	if (position > 0)
		journal_free(carrier->journal, position);
	carry_far_marks(carrier);
}
