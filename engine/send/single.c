/* single.c - see single.h. The loop, and one session after the other on it; how each goes is
 * single_session.c. */
#include "engine/send/single_run.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/mail/address.h"
#include "engine/mail/domain.h"

#define ROUTE_LIMIT (5 * USEC_MINUTE) /* DNS and a policy, however slow */
#define CONNECT_LIMIT (30 * USEC_SECOND)
#define SESSION_LIMIT (15 * USEC_MINUTE) /* the final reply alone may take ten */

/* ---- time ---- */

static usec limit_of(enum single_phase phase)
{
	switch (phase) {
	case PHASE_ROUTE:
		return ROUTE_LIMIT;
	case PHASE_CONNECT:
		return CONNECT_LIMIT;
	case PHASE_TALK:
		return SESSION_LIMIT;
	case PHASE_CLOSING:
	case PHASE_OVER:
		break;
	}
	return USEC_NEVER / 2;
}

static usec wake_at(const struct single_run *run)
{
	usec limit = run->step_at + limit_of(run->phase);
	return run->phase == PHASE_TALK ? usec_min(limit, smtp_client_deadline(&run->client))
					: limit;
}

static void expire_route(struct single_run *run)
{
	struct reply reply = reply_local(CAUSE_DNS_TEMPORARY, STAGE_ROUTE);
	reply.text = STR("DNS gave no answer within 5 minutes");
	single_end_with(run, &reply);
	single_tell_end(run);
	run->phase = PHASE_OVER;
}

static void expire(struct single_run *run)
{
	if (run->phase == PHASE_ROUTE)
		expire_route(run);
	else if (run->phase == PHASE_CONNECT)
		single_session_refused(run, conn_timed_out(&run->conn));
	else if (run->phase == PHASE_TALK)
		single_session_expired(run, run->step_at + SESSION_LIMIT <= io_now(run->loop));
}

static int turn(struct single_run *run)
{
	while (run->phase != PHASE_OVER) {
		if (wake_at(run) <= io_now(run->loop))
			expire(run);
		if (run->phase != PHASE_OVER && io_turn(run->loop, wake_at(run)) < 0)
			return -1;
	}
	return 0;
}

/* ---- the route ---- */

static void list_hosts(const struct route *route, struct buf *out)
{
	for (size_t i = 0; i < route->host_count; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", route->hosts[i].name);
}

static void no_such_host(struct single_run *run)
{
	struct reply reply = reply_local(CAUSE_DNS_NO_HOST, STAGE_ROUTE);
	char why[600];
	struct buf b;
	buf_init_fixed(&b, why, sizeof(why));
	buf_put_cstr(&b, "this is none of the hosts, which are ");
	list_hosts(&run->question.route, &b);
	reply.text = buf_str(&b);
	single_end_with(run, &reply);
	single_tell_end(run);
	run->phase = PHASE_OVER;
}

static void on_route(struct route_question *question)
{
	struct single_run *run = CHAIN_OWNER(question, struct single_run, question);
	const struct single_watch *watch = run->ask->watch;
	if (watch && watch->on_route)
		watch->on_route(watch->context, io_now(run->loop) - run->step_at, question);
	if (question->cause == CAUSE_NONE && run->ask->task == SINGLE_ROUTE) {
		run->end.through = true;
		run->phase = PHASE_OVER;
		return;
	}
	if (question->cause == CAUSE_NONE) {
		if (!single_session_first(run))
			no_such_host(run);
		return;
	}
	struct reply reply = reply_local(question->cause, STAGE_ROUTE);
	if (question->why[0])
		reply.text = str_of(question->why);
	single_end_with(run, &reply);
	single_tell_end(run);
	run->phase = PHASE_OVER;
}

static enum tls_wish lowered(enum tls_wish wish)
{
	return wish > TLS_WISH_MAY ? TLS_WISH_MAY : wish;
}

/* The configuration's own routes, with the wish that is to count. */
static void wish_tls(const struct single *ask, struct router_config *config,
		     struct static_route *routes)
{
	if (ask->has_tls || ask->tls_exempt)
		config->least_tls_of = NULL;
	if (ask->has_tls)
		config->tls = ask->tls;
	else if (ask->tls_exempt)
		config->tls = lowered(config->tls);
	for (size_t i = 0; i < config->static_route_count; i++) {
		routes[i] = config->static_routes[i];
		if (ask->has_tls) {
			routes[i].has_tls = true;
			routes[i].tls = ask->tls;
		} else if (ask->tls_exempt && routes[i].relay_count == 0) {
			routes[i].tls = lowered(routes[i].tls);
		}
	}
	config->static_routes = routes;
}

static int open_router(struct single_run *run)
{
	struct router_config config = run->settings->route;
	run->static_routes = calloc(config.static_route_count + 1, sizeof(*run->static_routes));
	if (!run->static_routes)
		return -1;
	config.fetcher = run->fetcher;
	config.loop = run->loop;
	wish_tls(run->ask, &config, run->static_routes);
	return router_create(&run->router, run->resolver, &config);
}

/* ---- set up, run, take down ---- */

static int open_relays(struct single_run *run)
{
	size_t count = run->settings->route.relay_count;
	run->relays = calloc(count + 1, sizeof(*run->relays));
	return run->relays
		       ? auth_relays_init(run->relays, run->settings, run->loop, run->fetcher)
		       : -1;
}

static int set_up(struct single_run *run, char *why, size_t why_size)
{
	const struct engine_settings *settings = run->settings;
	const struct io_options options = {.mask_new = settings->mask_new_io};
	const struct fetch_config fetch = {.ca_file = settings->ca_file};
	const struct tls_context_config tls = {
		.role = TLS_CLIENT,
		.certificate_file = settings->certificate_file,
		.key_file = settings->key_file,
		.ca_file = settings->ca_file,
		.min_version = settings->tls_1_3_only ? TLS_VERSION_1_3 : TLS_VERSION_1_2};
	if (io_loop_create(&run->loop, &options, why, why_size) != 0)
		return -1;
	snprintf(why, why_size,
		 "TLS could not be set up: can its files of certificates be read?");
	if (tls_context_create(&run->tls, &tls) != 0)
		return -1;
	snprintf(why, why_size,
		 "the resolver could not be set up: check [dns] in the configuration");
	if (resolver_create(&run->resolver, run->loop, &settings->dns) != 0)
		return -1;
	snprintf(why, why_size, "out of memory, or the login of a relay is too long");
	return fetcher_create(&run->fetcher, run->loop, &fetch) == 0 && open_relays(run) == 0 &&
			       open_router(run) == 0
		       ? 0
		       : -1;
}

static void take_down(struct single_run *run)
{
	if (run->fetcher)
		fetcher_destroy(run->fetcher);
	auth_relays_done(run->relays, run->settings->route.relay_count);
	router_destroy(run->router);
	resolver_destroy(run->resolver);
	tls_context_destroy(run->tls);
	if (run->loop)
		io_loop_destroy(run->loop);
	free(run->relays);
	free(run->static_routes);
}

static bool take_target(struct single_run *run)
{
	const struct single *ask = run->ask;
	struct address address;
	struct buf out;
	buf_init_fixed(&out, run->wire, sizeof(run->wire));
	if (ask->to.size == 0 && (ask->task == SINGLE_GREET || ask->task == SINGLE_ROUTE)) {
		bool valid = domain_to_ascii(&out, ask->domain);
		run->domain = buf_str(&out);
		return valid && buf_ok(&out);
	}
	if (address_parse_any(ask->to, &address) != ADDRESS_OK || !address_wire(&out, &address))
		return false;
	run->rcpt = buf_str(&out);
	run->domain = str_from(run->rcpt, str_rfind_byte(run->rcpt, '@') + 1);
	return true;
}

static void fill_envelope(struct single_run *run)
{
	const struct single *ask = run->ask;
	struct smtp_body *body = &run->envelope.body;
	run->envelope = (struct smtp_envelope){.mail_from = ask->mail_from,
					       .rcpts = &run->rcpt,
					       .rcpt_count = 1,
					       .probe = ask->task == SINGLE_PROBE,
					       .owner = run};
	if (ask->task != SINGLE_SEND)
		return;
	*body = (struct smtp_body){.span_count = 2,
				   .size = ask->signature.size + ask->message.size,
				   .has_leading_dot = true};
	body->spans[0] =
		(struct iovec){(void *)(uintptr_t)ask->signature.data, ask->signature.size};
	body->spans[1] =
		(struct iovec){(void *)(uintptr_t)ask->message.data, ask->message.size};
}

static int run_all(struct single_run *run)
{
	/* The loop's time is of before TLS and all that were set up. */
	if (io_turn(run->loop, 0) < 0)
		return -1;
	run->step_at = io_now(run->loop);
	run->question.on_route = on_route;
	route_ask(run->router, &run->question, run->domain, NULL, 0);
	return turn(run);
}

int single_run(const struct engine_settings *settings, const struct single *ask,
	       struct single_result *ret_result)
{
	static struct single_run run; /* large, and there is one a process */
	run = (struct single_run){.ask = ask, .settings = settings};
	*ret_result = (struct single_result){.text = "this is no mail address"};
	if (!take_target(&run))
		return -1;
	fill_envelope(&run);
	int result = set_up(&run, ret_result->text, sizeof(ret_result->text));
	if (result == 0) {
		run.source = ask->source ? ask->source : &settings->sources[0];
		result = run_all(&run);
		if (result == 0)
			single_result_of(&run, ret_result);
		else
			snprintf(ret_result->text, sizeof(ret_result->text), "io_uring failed");
	}
	take_down(&run);
	return result;
}

int engine_send_test(const struct engine_settings *settings, const struct engine_letter *letter,
		     char *ret_reply, size_t reply_size)
{
	const struct single ask = {.task = SINGLE_SEND,
				   .to = letter->to,
				   .mail_from = letter->mail_from,
				   .signature = letter->signature,
				   .message = letter->message,
				   .tls_exempt = letter->tls_exempt};
	struct single_result result;
	int tried = single_run(settings, &ask, &result);
	snprintf(ret_reply, reply_size, "%s", result.text);
	return tried == 0 && result.accepted ? 0 : -1;
}
