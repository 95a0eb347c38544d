/* verdict.c - see verdict.h. Whoever happens to be next when a host refuses us as such, or wants
 * a login, waits: whatever the code, a listed address or a wrong configuration must not burn a
 * whole list (RFC 5321 3.1 leaves the choice). */
#include "engine/send/verdict.h"

bool ending_is_before_envelopes(enum smtp_stage stage)
{
	return stage >= STAGE_CONNECT && stage <= STAGE_AUTH;
}

bool ending_wants_login(const struct reply *reply, const struct classification *class)
{
	return reply->stage == STAGE_MAIL && class->verdict == VERDICT_FAILED &&
	       strcmp(class->cause, "local-auth") == 0;
}

enum verdict ending_verdict(const struct reply *reply, const struct classification *class,
			    bool in_doubt)
{
	if (reply->cause == CAUSE_SUPPRESSED)
		return VERDICT_SUPPRESSED;
	if (reply->cause == CAUSE_CANCELLED)
		return VERDICT_CANCELLED;
	if (in_doubt)
		return VERDICT_IN_DOUBT;
	bool ours = ending_is_before_envelopes(reply->stage) || ending_wants_login(reply, class);
	return class->verdict == VERDICT_FAILED && ours ? VERDICT_DEFERRED : class->verdict;
}
