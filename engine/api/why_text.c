/* why_text.c - the answer as people read it: first the sentence, then what it follows from. */
#include "engine/api/why.h"

#include "engine/api/rows.h"
#include "engine/api/units.h"

#define REPLY_LIMIT 200

static void put_reply(struct buf *out, const struct why_mail *mail)
{
	if (mail->code.size)
		buf_printf(out, "%.*s ", STR_FORMAT(mail->code));
	if (mail->status.size)
		buf_printf(out, "%.*s ", STR_FORMAT(mail->status));
	text_put_printable(out, mail->text, REPLY_LIMIT);
}

static bool is(str word, const char *name)
{
	return str_eq(word, str_of(name));
}

/* What keeps any mail of the campaign from moving; false: nothing does. */
static bool put_stop(struct buf *out, str state, uint64_t engine_count)
{
	if (is(state, "paused"))
		buf_put_cstr(out, "; the campaign is paused");
	else if (is(state, "cancelled"))
		buf_put_cstr(out, "; the campaign is cancelled");
	else if (engine_count == 0)
		buf_put_cstr(out, "; no engine is at work");
	else
		return false;
	return true;
}

static void put_ending(struct buf *out, const struct why_mail *mail, usec now_wall)
{
	text_put_printable(out, mail->verdict, 40);
	if (mail->class.size && !is(mail->class, "none") && !is(mail->class, "delivered"))
		buf_printf(out, " (%.*s)", STR_FORMAT(mail->class));
	if (mail->at_wall) {
		buf_put_byte(out, ' ');
		when_put(out, mail->at_wall, now_wall);
	}
}

/* The path of the source that will take it, or the one where most waits. */
static const struct path_row *path_in_the_way(const struct why_place *place, str source)
{
	const struct path_row *found = NULL;
	for (size_t i = 0; i < place->paths.count; i++) {
		const struct path_row *path = &place->paths.items[i];
		if (path->why.size == 0)
			continue;
		if (source.size && str_eq(path->source, source))
			return path;
		if (!found)
			found = path;
	}
	return found;
}

static void put_path_in_the_way(struct buf *out, const struct why_place *place, str source,
				usec now_wall)
{
	const struct path_row *path = path_in_the_way(place, source);
	if (!path)
		return;
	buf_put_cstr(out, "; what goes from ");
	text_put_printable(out, path->source, 64);
	buf_put_cstr(out, " to ");
	text_put_printable(out, path->site, 128);
	buf_put_cstr(out, " is held back: ");
	path_put_hold(out, path, now_wall);
}

static void put_slice(struct buf *out, const struct why_person *person,
		      const struct why_mail *mail, usec now_wall)
{
	if (is(mail->slice_state, "waiting")) {
		buf_put_cstr(out, "waits for the winner of the variants (`rundbrief campaign "
				  "winner`)");
	} else if (is(mail->slice_state, "leased") && mail->engine_works) {
		buf_put_cstr(out, "engine ");
		text_put_printable(out, mail->slice_engine, 64);
		buf_put_cstr(out, " has it");
		if (!is(mail->state, "paused"))
			put_path_in_the_way(out, &person->place, mail->source, now_wall);
	} else if (mail->slice_state.size && !is(mail->slice_state, "open")) {
		buf_put_cstr(out, "engine ");
		text_put_printable(out, mail->slice_engine, 64);
		buf_put_cstr(out, " has it and is silent: start it again, or wait for another "
				  "engine to take over");
	} else if (mail->slice_due_wall > now_wall) {
		buf_put_cstr(out, "put back until ");
		when_put(out, mail->slice_due_wall, now_wall);
		when_put_distance(out, mail->slice_due_wall, now_wall);
		put_path_in_the_way(out, &person->place, mail->source, now_wall);
	} else {
		buf_put_cstr(out, "due, and waiting for an engine to take it");
	}
}

static void put_next_attempt(struct buf *out, const struct why_person *person,
			     const struct why_mail *mail, usec now_wall)
{
	if (mail->due_wall > now_wall) {
		buf_put_cstr(out, "next attempt at ");
		when_put(out, mail->due_wall, now_wall);
		when_put_distance(out, mail->due_wall, now_wall);
	} else if (mail->due_wall) {
		buf_put_cstr(out, "the next attempt is due");
	} else {
		put_slice(out, person, mail, now_wall);
		return;
	}
	put_path_in_the_way(out, &person->place, mail->source, now_wall);
}

void why_put_sentence(struct buf *out, const struct why_person *person,
		      const struct why_mail *mail, usec now_wall)
{
	if (mail->final || (mail->verdict.size && is(mail->state, "finished"))) {
		put_ending(out, mail, now_wall);
		return;
	}
	if (mail->left_out) {
		buf_put_cstr(out, mail->held_out
					  ? "held out: gets nothing of this campaign, to "
					    "compare with those who do"
					  : "left out: suppressed when the audience was "
					    "chosen");
		return;
	}
	if (mail->verdict.size) {
		put_ending(out, mail, now_wall);
		buf_printf(out, ", %llu attempt%s; ", (unsigned long long)mail->attempts,
			   mail->attempts == 1 ? "" : "s");
		put_next_attempt(out, person, mail, now_wall);
	} else if (mail->in_slice) {
		buf_put_cstr(out, "not tried yet: ");
		put_slice(out, person, mail, now_wall);
	} else {
		buf_put_cstr(out, "not chosen yet: the campaign has not come to this number");
	}
	put_stop(out, mail->state, person->engine_count);
}

static void put_mail(struct buf *out, const struct why_person *person,
		     const struct why_mail *mail, usec now_wall)
{
	buf_put_cstr(out, "\ncampaign ");
	text_put_printable(out, mail->name, 100);
	buf_printf(out, " (%.*s): ", STR_FORMAT(mail->state));
	why_put_sentence(out, person, mail, now_wall);
	buf_put_byte(out, '\n');
	if (mail->text.size || mail->code.size) {
		buf_put_cstr(out, "  last reply: ");
		put_reply(out, mail);
		if (mail->mx_host.size) {
			buf_put_cstr(out, " from ");
			text_put_printable(out, mail->mx_host, 100);
		}
		if (mail->source.size) {
			buf_put_cstr(out, " to ");
			text_put_printable(out, mail->source, 64);
		}
		buf_put_byte(out, '\n');
	}
}

static void put_count(struct buf *out, uint64_t count)
{
	if (count > WHY_COUNT_LIMIT)
		buf_put_cstr(out, "more than ");
	count_format(out, count > WHY_COUNT_LIMIT ? WHY_COUNT_LIMIT : count);
}

static void put_waits(struct buf *out, const struct why_waits *waits, const char *kind,
		      usec now_wall)
{
	for (size_t i = 0; i < waits->count; i++) {
		const struct why_wait *wait = &waits->items[i];
		buf_put_cstr(out, "  ");
		put_count(out, wait->count);
		buf_printf(out, " deferred, %s ", kind);
		text_put_printable(out, wait->name.size ? wait->name : STR("other"), 100);
		if (is(wait->state, "paused"))
			buf_put_cstr(out, " (paused)");
		buf_put_cstr(out, ": next attempt ");
		if (wait->next_due_wall <= now_wall) {
			buf_put_cstr(out, "due\n");
			continue;
		}
		buf_put_cstr(out, "at ");
		when_put(out, wait->next_due_wall, now_wall);
		when_put_distance(out, wait->next_due_wall, now_wall);
		buf_put_byte(out, '\n');
	}
}

void why_put_place(struct buf *out, const struct why_place *place, usec now_wall)
{
	text_put_printable(out, place->domain, 300);
	if (!place->site.data) {
		buf_put_cstr(out, ": no engine has had mail for it\n");
		return;
	}
	buf_put_cstr(out, ": site ");
	text_put_printable(out, place->site, 128);
	if (place->provider.size) {
		buf_put_cstr(out, ", provider ");
		text_put_printable(out, place->provider, 32);
	}
	if (place->mx_hosts.size) {
		buf_put_cstr(out, ", by ");
		text_put_printable(out, place->mx_hosts, 200);
	}
	buf_put_cstr(out, "; seen ");
	when_put(out, place->seen_wall, now_wall);
	buf_put_byte(out, '\n');
	for (size_t i = 0; i < place->paths.count; i++)
		path_put_text(out, &place->paths.items[i], now_wall);
	if (place->paths.count == 0)
		buf_put_cstr(out, "  no engine at work has a path there\n");
	put_waits(out, &place->waits, "campaign", now_wall);
}

static void put_suppression(struct buf *out, const struct why_person *person, usec now_wall)
{
	buf_put_cstr(out,
		     person->suppressed.size ? "suppressed: " : "on the suppression list: ");
	text_put_printable(out, person->reason.size ? person->reason : person->suppressed, 60);
	if (person->suppressed_wall) {
		buf_put_cstr(out, " since ");
		when_put(out, person->suppressed_wall, now_wall);
	}
	if (person->suppressed_by.size) {
		buf_put_cstr(out, ", by campaign ");
		text_put_printable(out, person->suppressed_by, 100);
	}
}

void why_put_person(struct buf *out, const struct why_person *person, usec now_wall)
{
	text_put_printable(out, person->email, 320);
	if (person->id.data)
		buf_printf(out, " is subscriber %.*s, ", STR_FORMAT(person->id));
	else
		buf_put_cstr(out, " is no subscriber, ");
	if (person->suppressed.size || person->reason.size)
		put_suppression(out, person, now_wall);
	else
		buf_put_cstr(out, "not suppressed");
	if (person->lists.size) {
		buf_put_cstr(out, "\nlists: ");
		text_put_printable(out, person->lists, 1000);
	}
	buf_put_byte(out, '\n');
	for (size_t i = 0; i < person->mail_count; i++)
		put_mail(out, person, &person->mail[i], now_wall);
	if (person->mail_count == 0 && person->id.data)
		buf_put_cstr(out, "\nnone of the last campaigns was meant for this address\n");
	buf_put_byte(out, '\n');
	why_put_place(out, &person->place, now_wall);
}

static uint64_t deferred_count(const struct why_campaign *why)
{
	uint64_t count = 0;
	for (size_t i = 0; i < why->waits.count; i++)
		count += why->waits.items[i].count;
	return count;
}

static usec next_attempt(const struct why_campaign *why)
{
	usec next = USEC_NEVER;
	for (size_t i = 0; i < why->waits.count; i++)
		next = usec_min(next, why->waits.items[i].next_due_wall);
	if (why->next_slice_wall)
		next = usec_min(next, why->next_slice_wall);
	return next;
}

static void put_reason(struct buf *out, const struct why_campaign *why)
{
	buf_put_cstr(out, why->reason.size ? "paused by itself: " : "paused: ");
	text_put_printable(out, why->reason, 300);
	buf_put_cstr(out, why->reason.size ? "; " : "");
}

void why_put_campaign_sentence(struct buf *out, const struct why_campaign *why, usec now_wall)
{
	uint64_t deferred = deferred_count(why);
	if (is(why->state, "draft")) {
		buf_put_cstr(out, "a draft: `rundbrief send` launches it");
	} else if (is(why->state, "paused")) {
		put_reason(out, why);
		buf_put_cstr(out, "`rundbrief resume` lets it go on");
	} else if (!is(why->state, "running")) {
		text_put_printable(out, why->state, 40);
		buf_put_cstr(out, why->reason.size ? ": " : "");
		text_put_printable(out, why->reason, 300);
	} else if (why->opens_wall) {
		buf_put_cstr(out, "its send window opens at ");
		when_put(out, why->opens_wall, now_wall);
		when_put_distance(out, why->opens_wall, now_wall);
	} else if (why->engine_count == 0) {
		buf_put_cstr(out, "no engine is at work: `rundbrief send` starts one");
	} else if (why->leased > 0) {
		buf_put_cstr(out, "under way on ");
		text_put_printable(out, why->leased_by, 200);
	} else if (why->due > 0 || !why->fully_cut) {
		buf_put_cstr(out, "waiting for an engine to take what is due");
	} else if (deferred + why->later > 0) {
		buf_put_cstr(out, "everybody was tried; ");
		put_count(out, deferred + why->later);
		buf_put_cstr(out, " wait, the next until ");
		when_put(out, next_attempt(why), now_wall);
		when_put_distance(out, next_attempt(why), now_wall);
	} else if (why->for_winner > 0) {
		count_format(out, why->for_winner);
		buf_put_cstr(out, " wait for the winner: `rundbrief campaign winner ");
		text_put_shell_word(out, why->name);
		buf_put_cstr(out, " VARIANT` lets them go on");
	} else {
		buf_put_cstr(out, "about to finish");
	}
}

static void put_slices(struct buf *out, const struct why_campaign *why, usec now_wall)
{
	buf_put_cstr(out, "  recipients in slices: ");
	count_format(out, why->leased);
	buf_put_cstr(out, " with engines, ");
	count_format(out, why->due);
	buf_put_cstr(out, " due, ");
	count_format(out, why->later);
	buf_put_cstr(out, " later");
	if (why->later > 0)
		when_put_distance(out, why->next_slice_wall, now_wall);
	if (why->for_winner > 0) {
		buf_put_cstr(out, ", ");
		count_format(out, why->for_winner);
		buf_put_cstr(out, " wait for the winner");
	}
	if (why->orphaned > 0) {
		buf_put_cstr(out, ", ");
		count_format(out, why->orphaned);
		buf_put_cstr(out, " of an engine that is gone");
	}
	buf_put_cstr(out, why->fully_cut ? "; the audience is complete\n"
					 : "; more of the audience is to come\n");
}

void why_put_campaign(struct buf *out, const struct why_campaign *why, usec now_wall)
{
	buf_put_cstr(out, "campaign ");
	text_put_printable(out, why->name, 200);
	buf_printf(out, " (%.*s): ", STR_FORMAT(why->state));
	why_put_campaign_sentence(out, why, now_wall);
	buf_put_byte(out, '\n');
	bool alive = is(why->state, "running") || is(why->state, "paused");
	if (!alive)
		return;
	put_slices(out, why, now_wall);
	put_waits(out, &why->waits, "provider", now_wall);
	for (size_t i = 0; i < why->paths.count; i++) {
		const struct path_row *path = &why->paths.items[i];
		if (path->waiting == 0 || path->why.size == 0)
			continue;
		buf_put_cstr(out, "  ");
		count_format(out, path->waiting);
		buf_put_cstr(out, " wait to go from ");
		text_put_printable(out, path->source, 64);
		buf_put_cstr(out, " to ");
		text_put_printable(out, path->site, 128);
		buf_put_cstr(out, ": ");
		path_put_hold(out, path, now_wall);
		buf_put_byte(out, '\n');
	}
}
