/* carrier_connect.c - a session's way to a host that will have it: which host and address of
 * the route, by which TLS, and what is made of those that would not. A session that is refused
 * before it was ready goes on with the next target; when none is left, the path learns it, and
 * what waits gets the refusal as its reply.
 *
 * Blame goes where it belongs: a host that does not meet a domain's TLS policy is no trouble of
 * the site's other domains, a relay that refuses our login is none of the path's other relays,
 * and a source that is not there is none of anybody's but ours. */
#include "engine/send/carrier.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"

#define CONNECT_TIMEOUT (30 * USEC_SECOND)
#define SHUT_TIME (5 * USEC_MINUTE)  /* of a path whose hosts do not meet its TLS policy */
#define ASIDE_TIME (5 * USEC_MINUTE) /* of a source that is not available */

static usec now_of(const struct session *session)
{
	return io_now(session->carrier->loop);
}

static const struct source *source_of(const struct session *session)
{
	return &session->carrier->settings->sources[session->path->source_index];
}

static const struct relay *relay_of(const struct session *session)
{
	const struct router_config *route = &session->carrier->settings->route;
	return session->relay < 0 ? NULL : &route->relays[session->relay];
}

/* --- targets -------------------------------------------------------------------------------
 */

static bool address_fits(const struct session *session, const struct route_host *host, size_t i)
{
	return source_can_reach(source_of(session), &host->addresses[i]);
}

static size_t next_address(const struct session *session, const struct route_host *host,
			   size_t from)
{
	while (from < host->address_count && !address_fits(session, host, from))
		from++;
	return from;
}

static bool host_fits(const struct session *session, size_t index)
{
	const struct route_host *host = &session->path->route->hosts[index];
	const struct carrier *carrier = session->carrier;
	if (session->opening->tried_hosts & 1u << index)
		return false;
	if (host->relay >= 0 &&
	    carrier->relays[host->relay].stopped_until > io_now(carrier->loop))
		return false;
	return next_address(session, host, 0) < host->address_count;
}

/* Among the hosts of the best preference that is left, by weight (RFC 5321 5.1: at random).
 * host_count: none is left. */
static size_t pick_host(struct session *session)
{
	const struct route *route = session->path->route;
	size_t picked = route->host_count;
	uint64_t weights = 0;
	for (size_t i = 0; i < route->host_count; i++) {
		const struct route_host *host = &route->hosts[i];
		if (!host_fits(session, i))
			continue;
		if (picked < route->host_count &&
		    host->preference > route->hosts[picked].preference)
			break;
		weights += host->weight;
		if (picked == route->host_count ||
		    prng_below(&session->carrier->prng, weights) < host->weight)
			picked = i;
	}
	return picked;
}

/* The next address of the host, or another host. The route may have been renewed since the last
 * one: indexes are checked against what it holds now. */
static bool next_target(struct session *session)
{
	const struct route *route = session->path->route;
	if (session->has_target && session->host_index < route->host_count) {
		const struct route_host *host = &route->hosts[session->host_index];
		size_t next = next_address(session, host, session->address_index + 1);
		session->address_index = (uint32_t)next;
		if (session->address_index < host->address_count)
			return true;
	}
	session->host_index = (uint32_t)pick_host(session);
	if (session->host_index >= route->host_count)
		return false;
	session->has_target = true;
	session->opening->tested = false;
	session->opening->tried_hosts |= 1u << session->host_index;
	session->address_index =
		(uint32_t)next_address(session, &route->hosts[session->host_index], 0);
	return true;
}

static bool is_strict(enum tls_need_kind kind)
{
	return kind == TLS_NEED_ENCRYPT || kind == TLS_NEED_PKIX || kind == TLS_NEED_DANE;
}

/* RFC 8461 5: under a policy that is only tested, mail goes as without it; but what would have
 * failed is to be reported, so that it is tried for once. */
static void take_need(struct session *session, const struct route_host *host)
{
	session->opening->need = host->tls;
	session->opening->testing = session->path->route->policy_testing &&
			   host->tls.kind == TLS_NEED_MAY && !host->outside_policy &&
			   !session->opening->tested;
	if (session->opening->testing)
		session->opening->need.kind = TLS_NEED_PKIX;
}

static void forget_name(struct session *session)
{
	if (session->has_name)
		slab_give_back(&session->carrier->name_slab, (void *)(uintptr_t)session->host);
	session->has_name = false;
	session->host = "";
}

/* The habit's copy of the name serves all sessions; where the table of hosts is full, each has
 * its own. */
static void take_name(struct session *session, const char *name)
{
	struct carrier *carrier = session->carrier;
	forget_name(session);
	session->habit = carrier_habit_get(carrier, name);
	session->has_name = session->habit == NULL;
	if (session->habit) {
		session->host = session->habit->host;
		return;
	}
	char *own = slab_borrow(&carrier->name_slab);
	ASSERT(own); /* there is one for every session */
	snprintf(own, DNS_NAME_SIZE, "%s", name);
	session->host = own;
}

static void connect_target(struct session *session)
{
	struct carrier *carrier = session->carrier;
	struct session_opening *opening = session->opening;
	const struct route_host *host = &session->path->route->hosts[session->host_index];
	take_name(session, host->name);
	session->relay = (int16_t)host->relay;
	take_need(session, host);
	session->refused = session->gone = session->spoken = session->want_tls = false;
	opening->tls_fault = TLS_FAULT_NONE;
	opening->tls_why[0] = '\0';
	conn_init(&session->conn, carrier->loop, &session_events);
	conn_open(&session->conn, &host->addresses[session->address_index], source_of(session),
		  opening->why);
	wheel_arm(&carrier->wheel, &session->timer.wheel,
		  io_now(carrier->loop) + CONNECT_TIMEOUT);
}

static void session_init(struct session *session, struct carrier *carrier,
			 struct carrier_path *path)
{
	*session = (struct session){.carrier = carrier,
				    .path = path,
				    .opening = slab_borrow(&carrier->opening_slab),
				    .relay = ROUTE_NO_RELAY,
				    .host = ""};
	ASSERT(session->opening); /* there is one for every session */
	*session->opening = (struct session_opening){.session = session};
	chain_init(&session->messages);
	chain_init(&session->spent);
	session->timer.of = TIMER_SESSION;
	wheel_timer_init(&session->timer.wheel);
	chain_link_init(&session->pump);
	chain_link_init(&session->roomy);
	chain_link_init(&session->resting);
}

static void no_target(struct session *session)
{
	struct reply reply = reply_local(CAUSE_CONNECT_UNREACHABLE, STAGE_CONNECT);
	const struct route *route = session->path->route;
	reply.text = route->host_count > 0 && route->hosts[0].relay >= 0
			     ? STR("every relay refused our login, or has no address that this "
				   "source reaches")
			     : STR("no mail host has an address that this source reaches");
	session_turned_away(session, &reply);
}

/* True when a connection is on its way. Without a target the path learns it at once. */
bool session_open(struct carrier *carrier, struct carrier_path *path)
{
	struct session *session = slab_borrow(&carrier->session_slab);
	if (!session)
		return false;
	session_init(session, carrier, path);
	chain_push_back(&path->sessions, &session->link);
	path->opening_count++;
	path->site->opening_count++;
	atomic_fetch_add_explicit(&carrier->counts.connections, 1, memory_order_relaxed);
	if (next_target(session)) {
		connect_target(session);
	} else {
		no_target(session);
		session_closed(session);
	}
	return true;
}

static enum smtp_tls smtp_tls_of(const struct session *session)
{
	const struct relay *relay = relay_of(session);
	if (relay && relay->implicit_tls)
		return SMTP_TLS_IMPLICIT;
	if (session->opening->need.kind == TLS_NEED_NONE)
		return SMTP_TLS_NONE;
	if (is_strict(session->opening->need.kind))
		return SMTP_TLS_REQUIRE;
	return session_in_clear(session) ? SMTP_TLS_NONE : SMTP_TLS_MAY;
}

struct smtp_options session_options(struct session *session)
{
	const struct relay *relay = relay_of(session);
	struct auth_relay *login = relay ? &session->carrier->relays[session->relay] : NULL;
	session->opening->auth = (struct auth){.client = &session->client,
				      .loop = session->carrier->loop,
				      .relay = login,
				      .on_moved = session_auth_moved};
	session->opening->auth.channel.port = relay ? relay->port : 0;
	return (struct smtp_options){
		.helo = str_of(source_of(session)->helo),
		.timeouts = &session->carrier->tuning.timeouts,
		.tls = smtp_tls_of(session),
		.lmtp = relay && relay->lmtp,
		.auth = login && login->login,
		.flight = FLIGHT_GROUP,
	};
}

/* --- what became of TLS --------------------------------------------------------------------
 */

static void count_tls(struct session *session, enum tls_fault fault, const char *reason)
{
	const struct route *route = session->path->route;
	const struct net_address *from =
		source_address(source_of(session), session->conn.to.sa.sa_family);
	char source[46] = "", mx_address[46];
	/* RFC 8460 speaks of policies; who has none is told nothing. That of TLSA records is
	 * each host's own (RFC 8460 1.1). */
	bool own = strcmp(session->host, route->policy_domain) == 0;
	bool of_host = route->policy == TLS_POLICY_TLSA;
	if (route->policy_domain[0] == '\0' ||
	    (of_host && !own && !is_strict(session->opening->need.kind)))
		return;
	if (from)
		net_address_format(from, source);
	net_address_format(&session->conn.to, mx_address);
	const struct carrier_tls_result result = {
		.policy = route->policy,
		.fault = fault,
		.policy_domain = of_host ? session->host : route->policy_domain,
		.policy_text = of_host && !own ? "" : route->policy_text,
		.mx_host = session->host,
		.mx_address = fault == TLS_FAULT_NONE ? "" : mx_address,
		.source = fault == TLS_FAULT_NONE ? "" : source,
		.reason = reason,
	};
	carrier_count_tls(session->carrier, &result);
}

void session_tls_failed(struct session *session)
{
	session->opening->tls_fault = conn_tls_fault(&session->conn);
	if (session->opening->tls_fault == TLS_FAULT_NONE)
		session->opening->tls_fault = TLS_FAULT_VALIDATION;
	snprintf(session->opening->tls_why, sizeof(session->opening->tls_why), "%s",
		 conn_tls_describe(&session->conn));
}

void session_tls_held(struct session *session)
{
	const struct route *route = session->path->route;
	bool outside = session->host_index < route->host_count &&
		       route->hosts[session->host_index].outside_policy;
	bool others = route->policy == TLS_POLICY_TLSA &&
		      strcmp(session->host, route->policy_domain) != 0;
	if (route->policy_fault != TLS_FAULT_NONE && !others)
		count_tls(session, route->policy_fault, "");
	else if (!conn_is_tls(&session->conn))
		return;
	else if (outside)
		count_tls(session, TLS_FAULT_VALIDATION,
			  "the host matches none of the policy's mx patterns");
	else if (!session->opening->tested)
		count_tls(session, TLS_FAULT_NONE, "");
}

/* --- refusals ------------------------------------------------------------------------------
 */

static void keep_refusal(struct reply *to, char *text, size_t size, const struct reply *from)
{
	*to = *from;
	snprintf(text, size, "%.*s", STR_FORMAT(str_sub(from->text, 0, size - 1)));
	to->text = str_of(text);
}

void session_turned_away(struct session *session, const struct reply *reply)
{
	ASSERT(reply->code >= 400); /* it becomes the outcome of those who wait */
	struct reply said = *reply;
	if (reply->cause == CAUSE_TLS_FAILED && session->opening->tls_why[0])
		said.text = str_of(session->opening->tls_why);
	session->refused = true;
	struct session_opening *opening = session->opening;
	keep_refusal(&opening->refusal, opening->refusal_text, sizeof(opening->refusal_text),
		     &said);
}

static bool refused_by_tls(const struct session *session)
{
	return session->opening->refusal.cause == CAUSE_TLS_FAILED ||
	       session->opening->refusal.stage == STAGE_STARTTLS;
}

/* The same address once more, asking for less. A policy that is only tested may fail; and RFC
 * 7435: a host whose STARTTLS fails is tried in clear text where no policy forbids it, on a new
 * connection, and for a while it is then not tried with it again. */
static bool tls_retry(struct session *session)
{
	if (!refused_by_tls(session))
		return false;
	enum tls_fault fault =
		session->opening->tls_fault ? session->opening->tls_fault
					    : TLS_FAULT_STARTTLS_NOT_SUPPORTED;
	if (session->opening->testing || is_strict(session->opening->need.kind))
		count_tls(session, fault, session->opening->refusal_text);
	if (session->opening->testing) {
		session->opening->tested = true;
		return true;
	}
	if (session->opening->need.kind != TLS_NEED_MAY || session->in_clear)
		return false;
	session_learn_broken_tls(session);
	return true;
}

/* RFC 4954 6. True: the same relay once more, with a fresh token. */
static bool auth_retry(struct session *session)
{
	struct session_opening *opening = session->opening;
	if (session->relay < 0 || opening->refusal.stage != STAGE_AUTH)
		return false;
	enum auth_verdict verdict = auth_refused(&opening->auth, &opening->refusal,
						 opening->reauthenticated, now_of(session));
	if (verdict == AUTH_AGAIN)
		return opening->reauthenticated = true;
	if (verdict == AUTH_STOPPED)
		log_event(LOG_ERROR, "relay-refuses-login",
			  "relay=\"%s\" code=%u why=\"%s\" next=\"correct the login in the "
			  "configuration; mail waits, the relay is tried again in %d minutes\"",
			  log_str(relay_of(session)->name), opening->refusal.code,
			  log_str(opening->refusal.text), (int)(AUTH_STOP_TIME / USEC_MINUTE));
	return false;
}

bool carrier_source_is_aside(const struct carrier *carrier, uint32_t source_index, usec now)
{
	if (!carrier_source_is_held(carrier, source_index, now))
		return true;
	return atomic_load_explicit(&carrier->sources[source_index].aside_until,
				    memory_order_relaxed) > now;
}

bool carrier_other_source_is_left(const struct carrier *carrier, uint32_t source_index,
				  usec now)
{
	bool left = false;
	for (uint32_t i = 0; i < carrier->settings->source_count; i++)
		left |= !carrier_source_is_aside(carrier, i, now);
	return left && carrier_source_is_aside(carrier, source_index, now);
}

/* Its mail goes back: the feeder gives it to other sources, or to this one when it is tried
 * again. A proxy that fails once it has been told where to may mean that place; for two of them
 * it means itself. */
static void source_failed(struct session *session)
{
	struct carrier *carrier = session->carrier;
	struct carrier_source *source = &carrier->sources[session->path->source_index];
	usec now = now_of(session);
	bool other = strcmp(source->failed_host, session->host) != 0;
	bool proven = !session->conn.asked ||
		      (other && source->failed_host[0] && now < source->failed_at + ASIDE_TIME);
	snprintf(source->failed_host, sizeof(source->failed_host), "%s", session->host);
	source->failed_at = now;
	if (!proven || carrier_source_is_aside(carrier, session->path->source_index, now))
		return;
	atomic_store_explicit(&source->aside_until, now + ASIDE_TIME, memory_order_relaxed);
	log_event(LOG_ERROR, "source-unavailable",
		  "source=\"%s\" why=\"%s\" next=\"it is left out for %d minutes; its mail "
		  "goes by other sources, or waits\"",
		  log_str(str_of(source_of(session)->name)),
		  log_str(session->opening->refusal.text),
		  (int)(ASIDE_TIME / USEC_MINUTE));
	carrier_recall_source(carrier, session->path->source_index);
}

static void policy_failed(struct session *session)
{
	struct carrier_path *path = session->path;
	path->shut_until = now_of(session) + SHUT_TIME;
	keep_refusal(&path->shut_reply, path->shut_text, sizeof(path->shut_text),
		     &session->opening->refusal);
}

/* Local causes hold back connects to these hosts; a server's own words are a reply like any
 * other, and speak of the site. True when the next connection may well be let in: a refused
 * greeting is then no attempt of anybody's. */
static bool hosts_failed(struct session *session)
{
	struct carrier_path *path = session->path;
	struct carrier_site *site = path->site;
	const struct reply *refusal = &session->opening->refusal;
	if (refusal->origin != REPLY_REMOTE || refusal->stage == STAGE_AUTH) {
		reach_failed(&path->reach, now_of(session));
		return false;
	}
	struct classification class = classify(session->carrier->classifier, refusal,
					       str_of(path->route->provider));
	bool crowded = strcmp(class.cause, "too-many-connections") == 0;
	const struct path_event event = {.kind = PATH_REPLY,
					 .classification = &class,
					 .origin = REPLY_REMOTE,
					 .others = site->open_count};
	carrier_site_learn(session->carrier, path, &event, refusal);
	return !site->shaping.suspended &&
	       (site->shaping.throttles > 0 || (crowded && site->open_count > 0));
}

/* Connected, and cut before it was ready: once that may be anything. */
static bool is_accident(struct session *session)
{
	return session->spoken && session->opening->refusal.cause == CAUSE_CONNECTION_LOST &&
	       !reach_lost(&session->path->reach);
}

/* No target would have us. What waits and has no open connection to hope for is answered. */
static void round_failed(struct session *session)
{
	struct carrier *carrier = session->carrier;
	struct carrier_path *path = session->path;
	if (session->opening->refusal.cause == CAUSE_SOURCE_UNAVAILABLE)
		source_failed(session);
	if (carrier_source_is_aside(carrier, path->source_index, now_of(session)))
		return;
	if (is_accident(session))
		return;
	if (refused_by_tls(session) && is_strict(session->opening->need.kind))
		policy_failed(session);
	else if (hosts_failed(session))
		return;
	if (path->open_count == 0 && path->opening_count == 0)
		carrier_path_fail_waiting(carrier, path, &session->opening->refusal);
}

/* Its login is settled, its refusals are told. */
void session_end_opening(struct session *session)
{
	struct session_opening *opening = session->opening;
	session->opening = NULL;
	slab_give_back(&session->carrier->opening_slab, opening);
}

static void detach(struct session *session)
{
	struct carrier_path *path = session->path;
	session_room_changed(session);
	if (session->ready) {
		path->open_count--;
		path->site->open_count--;
	} else {
		path->opening_count--;
		path->site->opening_count--;
	}
	chain_remove(&path->sessions, &session->link);
	carrier_path_closed_counted(session->carrier, path);
	atomic_fetch_sub_explicit(&session->carrier->counts.connections, 1,
				  memory_order_relaxed);
}

/* The route may have been renewed since the target was chosen. */
static bool is_in_route(const struct session *session)
{
	const struct route *route = session->path->route;
	return session->host_index < route->host_count &&
	       session->address_index < route->hosts[session->host_index].address_count;
}

/* Whether the route still has the last target in its place. */
static bool target_stands(const struct session *session)
{
	const struct route *route = session->path->route;
	return is_in_route(session) &&
	       strcmp(route->hosts[session->host_index].name, session->host) == 0;
}

/* Where a source is the trouble, no other host would be reached by it either. */
static bool try_again(struct session *session)
{
	if (!session->refused || session->carrier->draining ||
	    session->opening->refusal.cause == CAUSE_SOURCE_UNAVAILABLE)
		return false;
	if (!carrier_source_is_held(session->carrier, session->path->source_index,
				    now_of(session)))
		return false; /* another engine connects from it by now */
	bool same = tls_retry(session) || auth_retry(session);
	return (same && target_stands(session)) || next_target(session);
}

/* To its target, as soon as the rates of connections let it: to a server that counts them it is
 * one more. */
static void connect_in_turn(struct session *session)
{
	usec now = now_of(session), at = carrier_path_reopen_at(session->carrier, session->path, now);
	session->postponed = at > now;
	if (session->postponed) {
		wheel_arm(&session->carrier->wheel, &session->timer.wheel, at);
		return;
	}
	session->closing = false;
	carrier_path_reopen_counted(session->path, now);
	connect_target(session);
}

static void leave(struct session *session)
{
	struct carrier *carrier = session->carrier;
	struct carrier_path *path = session->path;
	detach(session);
	if (session->refused)
		round_failed(session);
	if (session->opening)
		session_end_opening(session);
	forget_name(session);
	slab_give_back(&carrier->session_slab, session);
	carrier_given_back(carrier);
	carrier_site_touch(carrier, path->site);
}

void session_closed(struct session *session)
{
	struct smtp_desk *desk = session->spoken ? smtp_client_done(&session->client) : NULL;
	if (desk)
		slab_give_back(&session->carrier->desk_slab, desk);
	bool again = try_again(session);
	if (session->spoken && session->opening)
		auth_end(&session->opening->auth); /* others may go on now: by what was just
						      learned */
	if (again)
		connect_in_turn(session);
	else
		leave(session);
}

void session_take_turn(struct session *session)
{
	session->postponed = false;
	if (session->carrier->draining || carrier_path_pending(session->path) == 0 ||
	    !is_in_route(session) ||
	    !carrier_source_is_held(session->carrier, session->path->source_index,
				    now_of(session)))
		leave(session);
	else
		connect_in_turn(session);
}
