/* carrier_state.c - see carrier_state.h. A path that came, sent what it had at once and never
 * waited is not told of: an audience of a hundred thousand small domains would be nothing else.
 */
#include "engine/send/carrier.h"

#define STATE_INTERVAL (2 * USEC_SECOND)
#define SLOT (10 * USEC_SECOND)
#define DAY_LIMIT 1e15 /* messages a day that are worth a number */

void carrier_state_init(struct carrier_state *state)
{
	*state = (struct carrier_state){.why = "", .held_until = USEC_NEVER};
	chain_link_init(&state->changed);
}

void carrier_state_forget(struct carrier *carrier, struct carrier_path *path)
{
	chain_remove(&carrier->changed_states, &path->state.changed);
}

static void touch(struct carrier *carrier, struct carrier_state *state)
{
	if (!chain_linked(&state->changed))
		chain_push_back(&carrier->changed_states, &state->changed);
}

/* What is older than the slots reach back is forgotten. */
static void turn_slots(struct carrier_state *state, usec now)
{
	int64_t slot = now / SLOT;
	for (int i = 0; state->slot < slot && i < STATE_SLOTS; i++)
		state->started[++state->slot % STATE_SLOTS] = 0;
	state->slot = slot;
}

void carrier_state_ran(struct carrier *carrier, struct carrier_path *path,
		       const struct path_grant *grant, uint32_t started, usec now)
{
	struct carrier_state *state = &path->state;
	turn_slots(state, now);
	state->started[state->slot % STATE_SLOTS] += started;
	state->why = grant->why;
	state->held_until = grant->why[0] ? grant->wake_at : USEC_NEVER;
	touch(carrier, state);
}

/* Greylisting speaks of a recipient, these speak of us. */
static bool is_throttle(const struct store_outcome *row)
{
	return row->origin == REPLY_REMOTE &&
	       (row->class == CLASS_RATE_LIMITED || row->class == CLASS_REPUTATION ||
		row->class == CLASS_REMOTE_FAILURE || row->class == CLASS_NETWORK);
}

static void keep_throttle(struct carrier_state *state, const struct store_outcome *row)
{
	struct buf text;
	buf_init_fixed(&text, state->throttle, sizeof(state->throttle) - 1);
	buf_printf(&text, "%u ", row->code);
	if (row->status.class)
		buf_printf(&text, "%u.%u.%u ", row->status.class, row->status.subject,
			   row->status.detail);
	buf_put_printable(&text, row->text, 110);
	state->throttle[text.size] = '\0';
	state->throttled_wall = row->at_wall;
}

void carrier_state_ended(struct carrier *carrier, struct carrier_path *path,
			 const struct store_outcome *row)
{
	if (!path)
		return;
	struct carrier_state *state = &path->state;
	state->delivered += row->verdict == VERDICT_DELIVERED;
	state->deferred += row->verdict == VERDICT_DEFERRED;
	state->failed += row->verdict == VERDICT_FAILED;
	if (is_throttle(row))
		keep_throttle(state, row);
	touch(carrier, state);
}

static uint64_t per_day(const struct rate *rate)
{
	if (rate->count == 0 || rate->per <= 0)
		return 0;
	double count = (double)rate->count * (double)USEC_DAY / (double)rate->per;
	return count < 1 ? 1 : count > DAY_LIMIT ? (uint64_t)DAY_LIMIT : (uint64_t)count;
}

static size_t count_in_flight(struct carrier_path *path)
{
	size_t count = 0;
	struct chain_link *link = chain_first(&path->sessions);
	for (; link; link = chain_next(&path->sessions, link))
		count += CHAIN_OWNER(link, struct session, link)->messages.count;
	return count;
}

/* What the shaping does not know of, because it is not asked then. */
static void find_other_holds(const struct carrier *carrier, const struct carrier_path *path,
			     usec now, const char **why, usec *until)
{
	if (now < path->shut_until) {
		*why = "TLS policy not met";
		*until = path->shut_until;
	} else if (carrier_source_is_held(carrier, path->source_index, now) &&
		   carrier_source_is_aside(carrier, path->source_index, now)) {
		*why = "source set aside";
		*until = atomic_load(&carrier->sources[path->source_index].aside_until);
	}
}

static bool started_lately(const struct carrier_state *state)
{
	int64_t slot = state->slot;
	return state->started[slot % STATE_SLOTS] > 0 ||
	       (slot > 0 && state->started[(slot - 1) % STATE_SLOTS] > 0);
}

static struct store_path_state state_of(struct carrier *carrier, struct carrier_path *path,
					usec now)
{
	const struct path *shaping = &path->site->shaping;
	struct carrier_state *state = &path->state;
	size_t waiting = carrier_path_pending(path), in_flight = count_in_flight(path);
	/* A limit wider than the path may have come to be what holds it, behind the verdict. */
	const char *why = waiting > 0 ? path->why : "";
	usec until = waiting > 0 && why == state->why ? state->held_until : USEC_NEVER;
	turn_slots(state, now);
	if (waiting > 0)
		find_other_holds(carrier, path, now, &why, &until);
	bool held = until != USEC_NEVER && until > now + SLOT;
	bool moves = in_flight > 0 || (!held && started_lately(state));
	uint32_t started = 0;
	for (int i = 0; i < STATE_SLOTS; i++)
		started += state->started[i];
	return (struct store_path_state){
		.state = waiting + in_flight == 0 ? STR("idle")
			 : moves                  ? STR("sending")
						  : STR("waiting"),
		.why = str_of(why),
		.held_until_wall = until == USEC_NEVER || until <= now
					   ? 0
					   : io_wall_now(carrier->loop) + (until - now),
		.connection_cap = shaping->crowd.cap,
		.connection_limit = shaping->limits.connections,
		.rate_per_day = per_day(&shaping->messages.rate),
		.rate_limit_per_day = per_day(&shaping->limits.message_rate),
		.open_count = path->open_count,
		.waiting_count = (uint32_t)waiting,
		.in_flight_count = (uint32_t)in_flight,
		.started_minute = started,
		.delivered = state->delivered,
		.deferred = state->deferred,
		.failed = state->failed,
		.throttled_wall = state->throttled_wall,
	};
}

/* False: there is no room for a note now. */
static bool tell(struct carrier *carrier, struct carrier_path *path, usec now)
{
	struct carrier_state *state = &path->state;
	struct store_path_state row = state_of(carrier, path, now);
	bool passing = str_eq(row.state, STR("idle")) && state->throttled_wall == 0;
	if (passing && !state->told)
		return true;
	struct carrier_note *note = carrier_note_borrow(carrier);
	if (!note)
		return false;
	const struct source *source = &carrier->settings->sources[path->source_index];
	row.source = carrier_note_keep(note, str_of(source->name), 64);
	row.site = carrier_note_keep(note, str_of(path->route->site), 128);
	row.tls_key = carrier_note_keep(note, str_of(path->route->tls_key), 24);
	row.why = carrier_note_keep(note, row.why, 64);
	row.provider = carrier_note_keep(note, str_of(path->route->provider), 32);
	row.throttle_text = carrier_note_keep(note, str_of(state->throttle), 200);
	note->kind = NOTE_PATH;
	note->path = row;
	carrier->state_note_count++;
	carrier_note_push(carrier, note);
	state->told = true;
	return true;
}

usec carrier_states_step(struct carrier *carrier, usec now)
{
	if (chain_empty(&carrier->changed_states))
		return USEC_NEVER;
	if (carrier->draining && carrier_idle(carrier))
		carrier->states_at = now; /* the last word */
	if (now < carrier->states_at)
		return carrier->states_at;
	carrier_notes_take_back(carrier);
	carrier->states_at = now + STATE_INTERVAL;
	for (size_t i = carrier->changed_states.count; i > 0; i--) {
		struct chain_link *link = chain_first(&carrier->changed_states);
		struct carrier_path *path =
			CHAIN_OWNER(link, struct carrier_path, state.changed);
		if (carrier->state_note_count >= STATE_NOTES || !tell(carrier, path, now))
			break;
		chain_remove(&carrier->changed_states, link);
	}
	return chain_empty(&carrier->changed_states) ? USEC_NEVER : carrier->states_at;
}

static bool is_target(const struct carrier_path *path, str kind, str name)
{
	if (kind.size == 0)
		return true;
	if (str_eq(kind, STR("provider")))
		return str_eq(name, str_of(path->route->provider));
	return str_eq(kind, STR("site")) && str_eq(name, str_of(path->route->site));
}

void carrier_flush(struct carrier *carrier, const char *target)
{
	usec now = io_now(carrier->loop);
	str name = str_of(target);
	str kind = str_cut(&name, ' ');
	size_t index = 0;
	for (struct map_entry *e; (e = map_next(&carrier->paths, &index));) {
		struct carrier_path *path = e->value;
		if (!is_target(path, kind, name))
			continue;
		path_lift(&path->site->shaping, now);
		reach_lift(&path->reach, now);
		carrier_path_return_at_once(path, now);
		carrier_path_touch(carrier, path);
	}
}
