/* trace_text.c - a trace for people: one line a step, as it happens, with the time since the
 * connection began. Whatever a server or DNS says is made printable and cut. */
#include "engine/api/trace.h"

#include <stdio.h>

#include "engine/api/rows.h"

#define SHOWN_LIMIT 1000 /* bytes of one line */

static struct buf begin_line(char *memory, size_t size, const char *label)
{
	struct buf out;
	buf_init_fixed(&out, memory, size - 1);
	buf_printf(&out, "%-10s ", label);
	return out;
}

/* Somebody may be watching a server that takes minutes. */
static void end_line(struct buf *out)
{
	out->data[out->size] = '\n';
	cli_write(str_make(out->data, out->size + 1));
	fflush(stdout);
}

static struct buf begin_step(char *memory, size_t size, usec at)
{
	char label[40];
	snprintf(label, sizeof(label), "+%lld.%03lld s", (long long)(at / USEC_SECOND),
		 (long long)(at % USEC_SECOND / USEC_MS));
	return begin_line(memory, size, label);
}

/* ---- the route ---- */

static size_t count_patterns(str policy)
{
	size_t count = 0;
	while (policy.size > 0)
		count += str_starts(str_cut(&policy, '\n'), STR("mx:"));
	return count;
}

static void put_policy(struct buf *out, const struct route *route)
{
	size_t patterns = count_patterns(str_of(route->policy_text));
	switch (route->policy) {
	case TLS_POLICY_STS:
		buf_put_cstr(out, "mta-sts: ");
		if (patterns > 0)
			buf_printf(out, "%s, %zu pattern%s",
				   route->policy_testing ? "testing" : "enforce", patterns,
				   patterns == 1 ? "" : "s");
		else
			buf_put_cstr(out, "no policy in force");
		break;
	case TLS_POLICY_TLSA:
		buf_put_cstr(out, "dane: TLSA records of ");
		text_put_printable(out, str_of(route->policy_domain), 260);
		break;
	case TLS_POLICY_NONE:
	case TLS_POLICY_TYPE_COUNT:
		buf_put_cstr(out, "no policy of the domain in use");
		break;
	}
	if (route->policy_fault != TLS_FAULT_NONE)
		buf_printf(out, ", %s", tls_fault_names[route->policy_fault]);
}

/* Mostly all hosts need the same; where they do not, each says so on its own line. */
static bool needs_are_equal(const struct route *route)
{
	for (size_t i = 1; i < route->host_count; i++)
		if (route->hosts[i].tls.kind != route->hosts[0].tls.kind)
			return false;
	return route->host_count > 0;
}

static void write_host(const struct route_host *host, bool with_need)
{
	char memory[1200], text[46];
	struct buf out = begin_line(memory, sizeof(memory), "");
	buf_printf(&out, "%u ", host->preference);
	text_put_printable(&out, str_of(host->name), 260);
	for (size_t i = 0; i < host->address_count; i++) {
		net_address_format(&host->addresses[i], text);
		buf_printf(&out, " [%s]", text);
	}
	if (host->outside_policy)
		buf_put_cstr(&out, ", not named in the policy");
	if (with_need)
		buf_printf(&out, "; need: %s", trace_need_sentence(host->tls.kind));
	end_line(&out);
}

static void write_tls(const struct route *route)
{
	char memory[1200];
	struct buf out = begin_line(memory, sizeof(memory), "tls");
	put_policy(&out, route);
	if (needs_are_equal(route))
		buf_printf(&out, "; need: %s", trace_need_sentence(route->hosts[0].tls.kind));
	end_line(&out);
}

static void on_route(void *, usec at, const struct route_question *question)
{
	const struct route *route = &question->route;
	char memory[2000];
	struct buf out = begin_line(memory, sizeof(memory), "route");
	text_put_printable(&out, str_of(question->domain), 260);
	if (question->cause != CAUSE_NONE) {
		buf_printf(&out, ": none (%s)", local_cause_names[question->cause]);
	} else {
		bool relay = route->hosts[0].relay != ROUTE_NO_RELAY;
		buf_printf(&out, ": %zu host%s by %s, site ", route->host_count,
			   route->host_count == 1 ? "" : "s", relay ? "configuration" : "MX");
		text_put_printable(&out, str_of(route->site), 130);
		if (route->provider[0])
			buf_printf(&out, ", provider %s", route->provider);
	}
	buf_printf(&out, ", after %lld ms", (long long)(at / USEC_MS));
	end_line(&out);
	for (size_t i = 0; question->cause == CAUSE_NONE && i < route->host_count; i++)
		write_host(&route->hosts[i], !needs_are_equal(route));
	if (question->cause == CAUSE_NONE || route->policy != TLS_POLICY_NONE)
		write_tls(route);
}

/* ---- the dialogue ---- */

static void put_address(struct buf *out, const struct net_address *address)
{
	char text[46];
	net_address_format(address, text);
	buf_printf(out, "[%s]:%u", text,
		   ntohs(address->sa.sa_family == AF_INET6 ? address->in6.sin6_port
							   : address->in4.sin_port));
}

static void put_source(struct buf *out, const struct source *source, int family)
{
	const struct net_address *from = source_address(source, family);
	char text[46];
	text_put_printable(out, str_of(source->name), 70);
	if (from) {
		net_address_format(from, text);
		buf_printf(out, " (%s)", text);
	}
	if (source->via != SOURCE_DIRECT) {
		buf_put_cstr(out, " by its proxy ");
		put_address(out, &source->proxy);
	}
}

static void on_connect(void *, usec at, const struct route_host *host,
		       const struct net_address *to, const struct source *from)
{
	char memory[1200];
	struct buf out = begin_step(memory, sizeof(memory), at);
	buf_put_cstr(&out, "connecting to ");
	text_put_printable(&out, str_of(host->name), 260);
	buf_put_byte(&out, ' ');
	put_address(&out, to);
	buf_put_cstr(&out, " from ");
	put_source(&out, from, to->sa.sa_family);
	end_line(&out);
}

static void write_step(usec at, const char *mark, str text)
{
	char memory[SHOWN_LIMIT + 100];
	struct buf out = begin_step(memory, sizeof(memory), at);
	buf_put_cstr(&out, mark);
	text_put_printable(&out, text, SHOWN_LIMIT);
	end_line(&out);
}

static void on_open(void *, usec at)
{
	write_step(at, "", STR("connected"));
}

static void on_said(void *, usec at, str line)
{
	write_step(at, "> ", line);
}

static void on_heard(void *, usec at, str line)
{
	write_step(at, "< ", line);
}

static void on_note(void *, usec at, const char *sentence)
{
	write_step(at, "", str_of(sentence));
}

static void on_tls(void *, usec at, const struct single_tls *tls)
{
	char memory[SHOWN_LIMIT + 100];
	struct buf out = begin_step(memory, sizeof(memory), at);
	text_put_printable(&out, str_of(tls->describe), SHOWN_LIMIT / 2);
	if (tls->ok)
		buf_printf(&out, ", certificate %s, %s session",
			   tls->verified ? "verified" : "not verified",
			   tls->resumed ? "resumed" : "new");
	end_line(&out);
}

static void put_reply(struct buf *out, const struct reply *reply)
{
	if (reply->origin == REPLY_LOCAL)
		buf_printf(out, "%s: ", local_cause_names[reply->cause]);
	else
		buf_printf(out, "%u ", reply->code);
	if (reply->origin == REPLY_REMOTE && reply->status.class)
		buf_printf(out, "%u.%u.%u ", reply->status.class, reply->status.subject,
			   reply->status.detail);
	text_put_printable(out, reply->text, 500);
}

static void on_end(void *context, usec, const struct single_end *end)
{
	const struct trace *trace = context;
	char memory[1400];
	struct buf out = begin_line(memory, sizeof(memory), "result");
	if (trace->ask->task == SINGLE_GREET && end->through) {
		buf_put_cstr(&out, "ready for mail: the session went through to the end");
		end_line(&out);
		return;
	}
	struct trace_verdict v = trace_judge(trace, end);
	put_reply(&out, &end->reply);
	end_line(&out);
	out = begin_line(memory, sizeof(memory), "");
	buf_printf(&out, "at %s; class %s", smtp_stage_names[end->reply.stage],
		   bounce_class_names[v.class.class]);
	if (v.class.class != CLASS_NONE &&
	    strcmp(v.class.cause, bounce_class_names[v.class.class]) != 0)
		buf_printf(&out, " (%s)", v.class.cause);
	buf_printf(&out, "; the engine's verdict: %s, %s", verdict_names[v.verdict], v.then);
	end_line(&out);
}

struct single_watch trace_watch_text(struct trace *trace)
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
