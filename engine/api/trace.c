/* trace.c - what both forms of a trace say: verdicts and names. */
#include "engine/api/trace.h"

#include <stdio.h>

#include "engine/api/units.h"
#include "engine/send/verdict.h"

#define FIRST_ATTEMPT_AT USEC_DAY /* any time will do: only the interval is of interest */

const char *trace_need_sentence(enum tls_need_kind kind)
{
	static const char *const sentences[] = {
		[TLS_NEED_NONE] = "clear text, never TLS",
		[TLS_NEED_MAY] = "TLS where it is offered, unverified",
		[TLS_NEED_ENCRYPT] = "TLS, any certificate",
		[TLS_NEED_PKIX] = "TLS, verified certificate",
		[TLS_NEED_DANE] = "TLS, a certificate of its TLSA records",
	};
	return sentences[kind];
}

const char *trace_need_name(enum tls_need_kind kind)
{
	static const char *const names[] = {
		[TLS_NEED_NONE] = "none",       [TLS_NEED_MAY] = "may",
		[TLS_NEED_ENCRYPT] = "encrypt", [TLS_NEED_PKIX] = "verify",
		[TLS_NEED_DANE] = "dane",
	};
	return names[kind];
}

/* After its first attempt, without the jitter. */
static void say_retry(const struct trace *trace, struct trace_verdict *v)
{
	struct retry_schedule schedule = trace->settings->retry;
	struct prng prng;
	struct buf out;
	schedule.jitter = 0;
	prng_init(&prng, 0);
	usec at = retry_next_at(&schedule, &v->class, 1, FIRST_ATTEMPT_AT, FIRST_ATTEMPT_AT,
				&prng);
	buf_init_fixed(&out, v->then, sizeof(v->then) - 1);
	if (at == USEC_NEVER) {
		buf_put_cstr(&out, "given up: its time would have run out");
	} else {
		buf_put_cstr(&out, "tried again in ");
		duration_format(&out, at - FIRST_ATTEMPT_AT);
	}
	v->then[out.size] = '\0';
}

struct trace_verdict trace_judge(const struct trace *trace, const struct single_end *end)
{
	struct trace_verdict v = {};
	v.class = classify(trace->classifier, &end->reply, str_of(end->provider));
	v.verdict = ending_verdict(&end->reply, &v.class, end->in_doubt);
	if (v.verdict == VERDICT_DEFERRED)
		say_retry(trace, &v);
	else if (v.verdict == VERDICT_DELIVERED)
		snprintf(v.then, sizeof(v.then), "the message would follow");
	else if (v.verdict == VERDICT_FAILED && v.class.suppress)
		snprintf(v.then, sizeof(v.then),
			 "given up, and the address suppressed: it is dead");
	else
		snprintf(v.then, sizeof(v.then), "given up");
	return v;
}
