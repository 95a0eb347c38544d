/* trace_json.c - a trace for programs: one object, written when all is over. */
#include "engine/api/trace.h"

#include "engine/api/rows.h"

static void put_member(struct buf *out, const char *name, str text)
{
	buf_printf(out, ",\"%s\":", name);
	json_put_string(out, text);
}

static void put_flag(struct buf *out, const char *name, bool value)
{
	buf_printf(out, ",\"%s\":%s", name, value ? "true" : "false");
}

/* Seconds, as in the text. */
static void put_at(struct buf *out, const char *name, usec at)
{
	buf_printf(out, "\"%s\":%lld.%06lld", name, (long long)(at / USEC_SECOND),
		   (long long)(at % USEC_SECOND));
}

static void put_host(struct buf *out, const struct route_host *host)
{
	char text[46];
	buf_printf(out, "{\"preference\":%u", host->preference);
	put_member(out, "name", str_of(host->name));
	put_member(out, "need", str_of(trace_need_name(host->tls.kind)));
	buf_put_cstr(out, ",\"addresses\":[");
	for (size_t i = 0; i < host->address_count; i++) {
		net_address_format(&host->addresses[i], text);
		buf_printf(out, "%s\"%s\"", i > 0 ? "," : "", text);
	}
	buf_put_cstr(out, "]}");
}

static void on_route(void *context, usec at, const struct route_question *question)
{
	struct trace *trace = context;
	struct buf *out = &trace->json;
	const struct route *route = &question->route;
	bool found = question->cause == CAUSE_NONE;
	buf_put_cstr(out, ",\n\"route\":{");
	put_at(out, "seconds", at);
	put_member(out, "domain", str_of(question->domain));
	if (!found) {
		put_member(out, "cause", str_of(local_cause_names[question->cause]));
		put_member(out, "why", str_of(question->why));
	}
	put_member(out, "site", str_of(route->site));
	put_member(out, "provider", str_of(route->provider));
	put_member(out, "policy", str_of(tls_policy_type_names[route->policy]));
	put_member(out, "policy_domain", str_of(route->policy_domain));
	put_member(out, "policy_text", str_of(route->policy_text));
	put_flag(out, "policy_testing", route->policy_testing);
	if (route->policy_fault != TLS_FAULT_NONE)
		put_member(out, "policy_fault", str_of(tls_fault_names[route->policy_fault]));
	buf_put_cstr(out, ",\"hosts\":[");
	for (size_t i = 0; found && i < route->host_count; i++) {
		buf_put_cstr(out, i > 0 ? ",\n" : "\n");
		put_host(out, &route->hosts[i]);
	}
	buf_put_cstr(out, "]}");
}

/* One that is tried again, in clear text or with another token, has no end of its own. */
static void close_connection(struct trace *trace)
{
	if (trace->connected)
		buf_put_cstr(&trace->json, "]}");
	trace->connected = false;
}

static void on_connect(void *context, usec, const struct route_host *host,
		       const struct net_address *to, const struct source *from)
{
	struct trace *trace = context;
	struct buf *out = &trace->json;
	const struct net_address *own = source_address(from, to->sa.sa_family);
	char text[46];
	close_connection(trace);
	buf_put_cstr(out, trace->connection_count++ > 0 ? ",\n" : ",\n\"connections\":[\n");
	buf_printf(out, "{\"port\":%u",
		   ntohs(to->sa.sa_family == AF_INET6 ? to->in6.sin6_port : to->in4.sin_port));
	put_member(out, "host", str_of(host->name));
	net_address_format(to, text);
	put_member(out, "address", str_of(text));
	put_member(out, "source", str_of(from->name));
	if (own) {
		net_address_format(own, text);
		put_member(out, "source_address", str_of(text));
	}
	put_flag(out, "proxy", from->via != SOURCE_DIRECT);
	buf_put_cstr(out, ",\"steps\":[");
	trace->connected = true;
	trace->event_count = 0;
}

static struct buf *begin_step(struct trace *trace, usec at, const char *kind)
{
	buf_put_cstr(&trace->json, trace->event_count++ > 0 ? ",\n{" : "\n{");
	put_at(&trace->json, "at", at);
	put_member(&trace->json, "kind", str_of(kind));
	return &trace->json;
}

static void put_step(struct trace *trace, usec at, const char *kind, str text)
{
	struct buf *out = begin_step(trace, at, kind);
	put_member(out, "text", text);
	buf_put_byte(out, '}');
}

static void on_open(void *context, usec at)
{
	buf_put_byte(begin_step(context, at, "connected"), '}');
}

static void on_said(void *context, usec at, str line)
{
	put_step(context, at, "said", line);
}

static void on_heard(void *context, usec at, str line)
{
	put_step(context, at, "heard", line);
}

static void on_note(void *context, usec at, const char *sentence)
{
	put_step(context, at, "note", str_of(sentence));
}

static void on_tls(void *context, usec at, const struct single_tls *tls)
{
	struct buf *out = begin_step(context, at, "tls");
	put_member(out, "text", str_of(tls->describe));
	put_flag(out, "ok", tls->ok);
	put_flag(out, "verified", tls->verified);
	put_flag(out, "resumed", tls->resumed);
	buf_put_byte(out, '}');
}

static void put_reply(struct buf *out, const struct reply *reply)
{
	bool remote = reply->origin == REPLY_REMOTE;
	put_member(out, "origin", remote ? STR("remote") : STR("local"));
	put_member(out, "stage", str_of(smtp_stage_names[reply->stage]));
	if (!remote)
		put_member(out, "local_cause", str_of(local_cause_names[reply->cause]));
	buf_printf(out, ",\"code\":%u", reply->code);
	if (reply->status.class)
		buf_printf(out, ",\"status\":\"%u.%u.%u\"", reply->status.class,
			   reply->status.subject, reply->status.detail);
	put_member(out, "text", reply->text);
}

static void on_end(void *context, usec at, const struct single_end *end)
{
	struct trace *trace = context;
	struct buf *out = &trace->json;
	struct trace_verdict v = trace_judge(trace, end);
	bool greeted = trace->ask->task == SINGLE_GREET && end->through;
	buf_put_cstr(out, trace->connected ? "],\"result\":{" : ",\n\"result\":{");
	put_at(out, "at", at);
	put_flag(out, "through", end->through);
	put_reply(out, &end->reply);
	if (!greeted) {
		put_member(out, "class", str_of(bounce_class_names[v.class.class]));
		put_member(out, "cause", str_of(v.class.cause));
		put_member(out, "verdict", str_of(verdict_names[v.verdict]));
		put_flag(out, "suppress", v.class.suppress);
		put_member(out, "then", str_of(v.then));
	}
	buf_put_cstr(out, trace->connected ? "}}" : "}");
	trace->connected = false;
}

struct single_watch trace_watch_json(struct trace *trace)
{
	return (struct single_watch){.context = trace,
				     .on_route = on_route,
				     .on_connect = on_connect,
				     .on_open = on_open,
				     .on_said = on_said,
				     .on_heard = on_heard,
				     .on_tls = on_tls,
				     .on_note = on_note,
				     .on_end = on_end};
}

void trace_json_begin(struct trace *trace)
{
	const struct single *ask = trace->ask;
	bool probe = ask->task == SINGLE_PROBE;
	buf_init_arena(&trace->json, trace->cli->arena, 16384);
	buf_put_cstr(&trace->json, probe ? "{\"task\":\"probe\"" : "{\"task\":\"greet\"");
	put_member(&trace->json, probe ? "email" : "domain", probe ? ask->to : ask->domain);
}

void trace_json_end(struct trace *trace, const struct single_result *result)
{
	struct buf *out = &trace->json;
	close_connection(trace);
	if (trace->connection_count > 0)
		buf_put_cstr(out, "]");
	buf_printf(out, ",\n\"through\":%s,\"accepted\":%s}\n",
		   result->through ? "true" : "false", result->accepted ? "true" : "false");
	cli_write(buf_str(out));
}
