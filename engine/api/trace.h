/* trace.h - a session that is watched: what `rundbrief trace` makes of the steps that
 * engine/send/single.h tells, for people as they come, for programs as one JSON object. */
#pragma once

#include "engine/api/cli.h"
#include "engine/send/single.h"
#include "engine/smtp/classify.h"

struct trace {
	struct cli *cli;
	const struct engine_settings *settings;
	const struct classifier *classifier;
	const struct single *ask;
	struct buf json;
	size_t connection_count, event_count;
	bool connected; /* JSON: a connection's object is open */
};

/* What an end means, and what an engine would do with a message that ended so. */
struct trace_verdict {
	struct classification class;
	enum verdict verdict; /* that of the engine, before retries run out */
	char then[160];       /* a sentence without its end: "tried again in 15m" */
};
struct trace_verdict trace_judge(const struct trace *, const struct single_end *);
/* "TLS, certificate verified", and "verify" as in the configuration. */
const char *trace_need_sentence(enum tls_need_kind);
const char *trace_need_name(enum tls_need_kind);

/* The trace must stay where it is; single->watch is the caller's to set. */
struct single_watch trace_watch_text(struct trace *);
struct single_watch trace_watch_json(struct trace *);
void trace_json_begin(struct trace *);
void trace_json_end(struct trace *, const struct single_result *);
