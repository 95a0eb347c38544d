/* ledger.h - what came of it: settles in bulk what has been journalled.
 * Takes outcomes in the order of the journal, settles them with the journal's position in one
 * transaction, and only then lets go of their envelopes. When the database is away it waits;
 * outcomes stay in the journal and in memory, and admission stops by itself. An outcome that the
 * database refuses is set aside (refusal.h). */
#pragma once

#include "engine/base/lane.h"
#include "engine/io/doorbell.h"
#include "engine/send/carrier.h"
#include "engine/send/refusal.h"

#define LEDGER_NOTE_LIMIT 256 /* notes saved at once */

struct ledger {
	struct store *store;
	const struct limits *limits;
	struct doorbell bell; /* rung by the carrier and by the feeder */
	struct carrier *carrier;
	struct lane closable; /* struct slice, from the feeder: all its envelopes have ended */
	struct lane settled;  /* struct envelope, to the feeder */
	struct lane closed;   /* struct slice, to the feeder: closed in the database */
	struct io_bell *feeder_bell;
	struct arena arena;
	struct outcome **batch;
	const struct store_outcome **rows;
	struct slice **slices;
	uint64_t *slice_ids;
	size_t count, slice_count;
	usec batch_since;
	uint32_t engine_id, epoch;
	uint64_t position;
	struct store_settle request;
	struct refusal refusal;
	struct store_position ask;
	bool busy;      /* a request is under way (with a loop) */
	struct carrier_note *notes[LEDGER_NOTE_LIMIT]; /* gathered, not yet saved */
	struct store_host note_hosts[LEDGER_NOTE_LIMIT];
	struct store_tls_result note_tls[LEDGER_NOTE_LIMIT];
	struct store_path_state note_paths[LEDGER_NOTE_LIMIT];
	struct store_memory note_memories[LEDGER_NOTE_LIMIT];
	size_t note_count;
	usec notes_since;
	bool notes_retry;
	struct store_hosts_save hosts_request;
	struct store_tls_save tls_request;
	struct store_incident incident_request;
	size_t incident_index; /* of the notes: those before it are written */
	struct store_paths_save paths_request;
	struct store_memory_save memory_request;
	uint64_t paths_saved; /* how often */
	bool uncertain; /* the last settlement may or may not have been written */
	usec retry_at;
	_Atomic uint64_t settled_count;
	_Atomic bool idle;
	_Atomic bool lost;   /* the database is away */
	_Atomic bool fenced; /* another process runs under our name: stop */
	char why[256];       /* valid while lost or fenced; written before the flag */
};

[[nodiscard]] int ledger_init(struct ledger *, struct arena_source *, struct store *,
			      const struct limits *, struct carrier *, uint32_t engine_id,
			      uint32_t epoch, uint64_t position);
void ledger_done(struct ledger *);
/* Settles a batch when there is enough or it is old enough; flush: whatever there is. Returns
 * when it wants to be stepped again at the latest. */
usec ledger_step(struct ledger *, usec now, bool flush);
bool ledger_idle(const struct ledger *);

/* Between the ledger's own files: ledger_note.c. Only while it is not busy. */
usec ledger_step_notes(struct ledger *, usec now, bool flush);
