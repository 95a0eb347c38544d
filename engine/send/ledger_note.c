/* ledger_note.c - notes of the carrier into the database, now and then: incidents of providers,
 * which do not wait; what is known of hosts and paths, what became of TLS, the state of paths. These are of no weight
 * beside outcomes: they wait for a quiet moment, and what cannot be written is tried again with
 * what has come since. */
#include "engine/send/ledger.h"

#include "engine/base/log.h"

#define NOTE_AGE (2 * USEC_SECOND)
#define PATHS_FORGET_EVERY 256 /* saves: about ten minutes */

static void on_hosts(struct store_request *);
static void on_tls(struct store_request *);
static void on_incident(struct store_request *);
static void on_paths(struct store_request *);
static void on_memory(struct store_request *);

static void gather(struct ledger *ledger, usec now)
{
	bool was_empty = ledger->note_count == 0;
	while (ledger->note_count < LEDGER_NOTE_LIMIT) {
		struct carrier_note *note = lane_pop(&ledger->carrier->notes);
		if (!note)
			break;
		ledger->notes[ledger->note_count++] = note;
	}
	if (was_empty && ledger->note_count > 0)
		ledger->notes_since = now;
}

static void let_go(struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->note_count; i++)
		lane_push(&ledger->carrier->notes_back, ledger->notes[i]);
	ledger->note_count = ledger->incident_index = 0;
}

static void save_tls(struct ledger *ledger)
{
	size_t count = 0;
	for (size_t i = 0; i < ledger->note_count; i++)
		if (ledger->notes[i]->kind == NOTE_TLS)
			ledger->note_tls[count++] = ledger->notes[i]->tls;
	if (count == 0) {
		let_go(ledger);
		return;
	}
	ledger->tls_request = (struct store_tls_save){
		.request = {.on_done = on_tls}, .results = ledger->note_tls, .count = count};
	ledger->busy = true;
	store_tls_save(ledger->store, &ledger->tls_request);
}

/* Before what is counted: a batch that fails is saved again as a whole, and this does no harm.
 */
static void save_paths(struct ledger *ledger)
{
	size_t count = 0;
	for (size_t i = 0; i < ledger->note_count; i++)
		if (ledger->notes[i]->kind == NOTE_PATH)
			ledger->note_paths[count++] = ledger->notes[i]->path;
	if (count == 0) {
		save_tls(ledger);
		return;
	}
	ledger->paths_request = (struct store_paths_save){
		.request = {.on_done = on_paths},
		.engine_id = ledger->engine_id,
		.epoch = ledger->epoch,
		.paths = ledger->note_paths,
		.count = count,
		.forget = ledger->paths_saved++ % PATHS_FORGET_EVERY == 0,
	};
	ledger->busy = true;
	store_paths_save(ledger->store, &ledger->paths_request);
}

static void save_memory(struct ledger *ledger)
{
	size_t count = 0;
	for (size_t i = 0; i < ledger->note_count; i++)
		if (ledger->notes[i]->kind == NOTE_MEMORY)
			ledger->note_memories[count++] = ledger->notes[i]->memory;
	if (count == 0) {
		save_paths(ledger);
		return;
	}
	ledger->memory_request = (struct store_memory_save){
		.request = {.on_done = on_memory},
		.engine_id = ledger->engine_id,
		.epoch = ledger->epoch,
		.memories = ledger->note_memories,
		.count = count,
	};
	ledger->busy = true;
	store_memory_save(ledger->store, &ledger->memory_request);
}

static void save_hosts(struct ledger *ledger)
{
	size_t count = 0;
	for (size_t i = 0; i < ledger->note_count; i++)
		if (ledger->notes[i]->kind == NOTE_HOST)
			ledger->note_hosts[count++] = ledger->notes[i]->host;
	if (count == 0) {
		save_memory(ledger);
		return;
	}
	ledger->hosts_request = (struct store_hosts_save){
		.request = {.on_done = on_hosts}, .hosts = ledger->note_hosts, .count = count};
	ledger->busy = true;
	store_hosts_save(ledger->store, &ledger->hosts_request);
}

/* One by one, before the others: an incident that was written is not written again. */
static void save_incidents(struct ledger *ledger)
{
	size_t i = ledger->incident_index;
	while (i < ledger->note_count && ledger->notes[i]->kind != NOTE_INCIDENT)
		i++;
	ledger->incident_index = i;
	if (i == ledger->note_count) {
		save_hosts(ledger);
		return;
	}
	ledger->incident_request = ledger->notes[i]->incident;
	ledger->incident_request.request = (struct store_request){.on_done = on_incident};
	ledger->busy = true;
	store_incident(ledger->store, &ledger->incident_request);
}

/* What the database refuses for good (somebody changed its tables) is not tried for ever. */
static bool failed(struct ledger *ledger, const struct store_request *request)
{
	if (request->result == STORE_OK)
		return false;
	bool again = request->result == STORE_LOST || request->result == STORE_RETRY;
	log_event(LOG_WARN, "notes-unsaved", "count=%zu next=%s why=\"%s\"", ledger->note_count,
		  again ? "retry" : "drop", log_str(str_of(request->why)));
	if (again)
		ledger->notes_retry = true; /* ledger_step_notes() sets when, from its clock */
	else
		let_go(ledger);
	return true;
}

static void on_incident(struct store_request *request)
{
	struct ledger *ledger = CHAIN_OWNER(request, struct ledger, incident_request.request);
	ledger->busy = false;
	if (failed(ledger, request))
		return;
	log_event(LOG_WARN, "incident-open", "id=%llu provider=%.*s held=%llu",
		  (unsigned long long)ledger->incident_request.ret_incident_id,
		  STR_FORMAT(ledger->incident_request.provider),
		  (unsigned long long)ledger->incident_request.ret_held);
	ledger->incident_index++;
	save_incidents(ledger);
}

static void on_hosts(struct store_request *request)
{
	struct ledger *ledger = CHAIN_OWNER(request, struct ledger, hosts_request.request);
	ledger->busy = false;
	if (!failed(ledger, request))
		save_memory(ledger);
}

static void on_memory(struct store_request *request)
{
	struct ledger *ledger = CHAIN_OWNER(request, struct ledger, memory_request.request);
	ledger->busy = false;
	if (!failed(ledger, request))
		save_paths(ledger);
}

static void on_tls(struct store_request *request)
{
	struct ledger *ledger = CHAIN_OWNER(request, struct ledger, tls_request.request);
	ledger->busy = false;
	if (!failed(ledger, request))
		let_go(ledger);
}

static bool is_urgent(const struct ledger *ledger)
{
	for (size_t i = ledger->incident_index; i < ledger->note_count; i++)
		if (ledger->notes[i]->kind == NOTE_INCIDENT ||
		    (ledger->notes[i]->kind == NOTE_MEMORY && ledger->notes[i]->urgent))
			return true;
	return false;
}

static void on_paths(struct store_request *request)
{
	struct ledger *ledger = CHAIN_OWNER(request, struct ledger, paths_request.request);
	ledger->busy = false;
	if (!failed(ledger, request))
		save_tls(ledger);
}

usec ledger_step_notes(struct ledger *ledger, usec now, bool flush)
{
	if (ledger->notes_retry) {
		ledger->notes_retry = false;
		ledger->notes_since = now;
		return now + NOTE_AGE;
	}
	gather(ledger, now);
	if (ledger->note_count == 0)
		return USEC_NEVER;
	usec due = ledger->notes_since + NOTE_AGE;
	if (!flush && now < due && ledger->note_count < LEDGER_NOTE_LIMIT &&
	    !is_urgent(ledger))
		return due;
	save_incidents(ledger);
	return now;
}
