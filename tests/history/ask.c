/* ask.c - one request of a history: the mishap that may hit it, and how its end is told. */
#include "tests/history/run.h"

#include <stdarg.h>
#include <string.h>

void say(struct run *run, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fprintf(run->out, "%u ", run->act_number);
	vfprintf(run->out, format, arguments);
	fputc('\n', run->out);
	va_end(arguments);
}

/* Something that must hold, whatever the other side says. */
void run_fail(struct run *run, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fprintf(run->out, "FAILED %s seed %llu act %u: ", side_name,
		(unsigned long long)run->history->seed, run->act_number);
	vfprintf(run->out, format, arguments);
	fputc('\n', run->out);
	va_end(arguments);
	run->failures++;
}

const char *result_name(int result)
{
	static const char *const names[] = {"ok",	 "lost",      "retry",
					    "refused", "not-found", "fenced"};
	return result <= 0 && result >= -5 ? names[-result] : "?";
}

unsigned run_below(struct run *run, unsigned bound)
{
	return (unsigned)prng_below(&run->chance, bound);
}

static bool is_armed(const struct run *run)
{
	enum mishap mishap = run->act->mishap;
	return mishap != MISHAP_NONE && mishap != MISHAP_REPEAT &&
	       run->asked == run->act->mishap_at;
}

void ask_begin(struct run *run)
{
	run->hit = is_armed(run);
	side_tick();
	if (run->hit)
		side_arm(run->act->mishap, run->act->mishap_trip);
}

int ask_end(struct run *run, struct store_request *request)
{
	run->asked++;
	if (run->hit) {
		bool struck = side_disarm();
		run->mishap_hits[run->act->mishap]++;
		say(run, "mishap: %s", mishap_names[run->act->mishap]);
		if (!struck)
			run_fail(run, "nothing struck: %s", request->why);
		run->died |= run->act->mishap == MISHAP_AFTER_CRASH;
		return STORE_LOST;
	}
	run->lost += request->result == STORE_LOST;
	run->retried += request->result == STORE_RETRY;
	if (request->result == STORE_RETRY && strstr(request->why, "deadlock"))
		run->deadlocks++;
	bool odd = request->result == STORE_LOST || request->result == STORE_RETRY;
	if ((odd && !run->is_storm) || request->result == STORE_REFUSED ||
	    request->result == STORE_UNFIT)
		run_fail(run, "%s: %s", result_name(request->result), request->why);
	return request->result;
}

/* A request that is asked twice, the first one being answered. */
bool ask_again(struct run *run, int result)
{
	if (run->repeating) {
		say(run, "again: %s", result_name(result));
		return run->repeating = false;
	}
	if (run->act->mishap != MISHAP_REPEAT || run->repeated || result != STORE_OK)
		return false;
	run->repeated = run->repeating = true;
	run->mishap_hits[MISHAP_REPEAT]++;
	return true;
}

unsigned slice_number(struct run *run, uint64_t slice_id)
{
	for (size_t i = 0; i < run->slice_count; i++)
		if (run->slices[i] == slice_id)
			return (unsigned)i;
	if (run->slice_count == VIEW_SLICES) {
		run_fail(run, "more slices than there is room for");
		return 0;
	}
	run->slices[run->slice_count] = slice_id;
	return (unsigned)run->slice_count++;
}

const char *ids_text(const uint64_t *ids, size_t count)
{
	static char text[1024];
	size_t size = 0;
	text[0] = 0;
	for (size_t i = 0; i < count && size + 24 < sizeof(text);) {
		size_t k = i;
		while (k + 1 < count && side_number(ids[k + 1]) == side_number(ids[k]) + 1)
			k++;
		int more = snprintf(text + size, sizeof(text) - size, k > i ? "%s%u-%u" : "%s%u",
				    i ? " " : "", side_number(ids[i]), side_number(ids[k]));
		size += (size_t)more;
		i = k + 1;
	}
	return text;
}

const char *due_text(usec wall)
{
	static char text[24];
	if (wall == USEC_NEVER)
		return "never";
	usec away = wall - side_wall();
	if (wall == 0 || away <= USEC_MINUTE)
		return "now";
	snprintf(text, sizeof(text), "%lldh",
		 (long long)((away + 30 * USEC_MINUTE) / USEC_HOUR));
	return text;
}

void ask_done(struct store_request *request)
{
	(void)request;
}
