/* carrier_note.c - what a carrier has learned and counted, on its way to the ledger: habits of
 * hosts, and what became of TLS (RFC 8460). Nothing waits for it: a note that finds no room is
 * made at the next sweep, a count that finds none is lost. */
#include "engine/send/carrier.h"

#include <stdio.h>

str carrier_note_keep(struct carrier_note *note, str text, size_t limit)
{
	size_t room = sizeof(note->text) - note->text_size;
	text = str_sub(text, 0, limit < room ? limit : room);
	char *at = note->text + note->text_size;
	memcpy(at, text.data ? text.data : "", text.size);
	note->text_size += text.size;
	return str_make(at, text.size);
}

void carrier_note_push(struct carrier *carrier, struct carrier_note *note)
{
	lane_push(&carrier->notes, note);
	carrier->to_ledger = true;
}

struct carrier_note *carrier_note_borrow(struct carrier *carrier)
{
	struct carrier_note *note = slab_borrow(&carrier->note_slab);
	if (!note)
		return NULL;
	chain_link_init(&note->link);
	note->text_size = 0;
	return note;
}

static bool push_host(struct carrier *carrier, const struct carrier_habit *known)
{
	const struct habit *habit = &known->habit;
	struct carrier_note *note = carrier_note_borrow(carrier);
	if (!note)
		return false;
	note->kind = NOTE_HOST;
	note->host = (struct store_host){
		.name = carrier_note_keep(note, str_of(known->host), DNS_NAME_SIZE),
		.flight = (uint8_t)habit->flight,
		.flight_limit = (uint8_t)habit->ceiling,
		.window = (uint16_t)(habit->ceiling_until ? habit->window_ceiling
							  : habit->window),
		.messages_per_connection = habit->closes >= HABIT_CLOSES ? habit->messages : 0,
		.proven = habit->proven,
		.limit_until_wall = habit->ceiling_until,
		.messages_until_wall = habit->messages_until,
		.tls_broken_until_wall = habit->clear_until,
		.note = carrier_note_keep(note, str_of(known->note), sizeof(known->note)),
		.changed_wall = known->changed_wall,
	};
	carrier_note_push(carrier, note);
	return true;
}

void carrier_take_hosts(struct carrier *carrier, const struct store_host *hosts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct store_host *host = &hosts[i];
		char name[DNS_NAME_SIZE];
		if (!str_to_cstr(host->name, name, sizeof(name)) ||
		    host->flight >= FLIGHT_COUNT || host->flight_limit >= FLIGHT_COUNT)
			continue;
		struct carrier_habit *known = carrier_habit_get(carrier, name);
		if (!known)
			return;
		uint32_t window = host->window < 2 ? 2 : host->window;
		if (window > SMTP_TRANSACTION_LIMIT)
			window = SMTP_TRANSACTION_LIMIT;
		known->habit = (struct habit){
			.flight = (enum smtp_flight)host->flight,
			.window = window,
			.ceiling = (enum smtp_flight)host->flight_limit,
			.window_ceiling = window,
			.ceiling_until = host->limit_until_wall,
			.proven = host->proven,
			.messages = host->messages_per_connection,
			.closes = host->messages_per_connection ? HABIT_CLOSES : 0,
			.messages_until = host->messages_until_wall,
			.clear_until = host->tls_broken_until_wall,
		};
		known->changed_wall = host->changed_wall;
	}
}

/* One row a day, domain, host, source and result: counted here until the next sweep. */
void carrier_count_tls(struct carrier *carrier, const struct carrier_tls_result *result)
{
	char key[640];
	snprintf(key, sizeof(key), "%s %s %d %s", result->policy_domain, result->mx_host,
		 (int)result->fault, result->source);
	struct carrier_note *note = map_get(&carrier->tls_tallies, str_of(key));
	if (note) {
		note->tls.count++;
		return;
	}
	note = carrier_note_borrow(carrier);
	if (!note)
		return;
	note->kind = NOTE_TLS;
	note->tls = (struct store_tls_result){
		.day_wall = io_wall_now(carrier->loop),
		.policy = result->policy,
		.policy_domain =
			carrier_note_keep(note, str_of(result->policy_domain), DNS_NAME_SIZE),
		.policy_text = carrier_note_keep(note, str_of(result->policy_text), 256),
		.fault = result->fault,
		.source_address = carrier_note_keep(note, str_of(result->source), 64),
		.mx_host = carrier_note_keep(note, str_of(result->mx_host), DNS_NAME_SIZE),
		.mx_address = carrier_note_keep(note, str_of(result->mx_address), 64),
		.reason = carrier_note_keep(note, str_of(result->reason), 200),
		.count = 1,
	};
	note->key = carrier_note_keep(note, str_of(key), sizeof(key));
	if (note->key.size == strlen(key) &&
	    map_put(&carrier->tls_tallies, note->key, note) == 0)
		chain_push_back(&carrier->tls_counted, &note->link);
	else
		carrier_note_push(carrier, note);
}

void carrier_notes_take_back(struct carrier *carrier)
{
	for (struct carrier_note *note; (note = lane_pop(&carrier->notes_back));) {
		carrier->state_note_count -= note->kind == NOTE_PATH;
		if (note->kind == NOTE_MEMORY)
			carrier_memory_written(carrier, note);
		slab_give_back(&carrier->note_slab, note);
	}
}

bool carrier_note_incident(struct carrier *carrier, const struct store_incident *incident)
{
	struct carrier_note *note = carrier_note_borrow(carrier);
	if (!note)
		return false;
	note->kind = NOTE_INCIDENT;
	note->incident = *incident;
	note->incident.provider = carrier_note_keep(note, incident->provider, 64);
	carrier_note_push(carrier, note);
	return true;
}

void carrier_push_notes(struct carrier *carrier)
{
	carrier_notes_take_back(carrier);
	for (struct chain_link *link; (link = chain_pop(&carrier->tls_counted));) {
		struct carrier_note *note = CHAIN_OWNER(link, struct carrier_note, link);
		map_remove(&carrier->tls_tallies, note->key);
		carrier_note_push(carrier, note);
	}
	for (struct chain_link *link; (link = chain_first(&carrier->changed_habits));) {
		if (!push_host(carrier, CHAIN_OWNER(link, struct carrier_habit, changed)))
			return;
		chain_remove(&carrier->changed_habits, link);
	}
}
