/* why_json.c - the answer for programs. Names are those of `rundbrief recipients` and `top`. */
#include "engine/api/why.h"

#include "engine/api/rows.h"

static void put_member(struct buf *out, const char *name, str text)
{
	buf_printf(out, ",\"%s\":", name);
	if (text.size)
		json_put_string(out, text);
	else
		buf_put_cstr(out, "null");
}

static void put_number(struct buf *out, const char *name, uint64_t number)
{
	buf_printf(out, ",\"%s\":%llu", name, (unsigned long long)number);
}

static void put_paths(struct buf *out, const struct path_rows *paths)
{
	buf_put_cstr(out, ",\"paths\":[");
	for (size_t i = 0; i < paths->count; i++) {
		buf_put_cstr(out, i ? "," : "");
		path_put_json(out, &paths->items[i]);
	}
	buf_put_byte(out, ']');
}

static void put_waits(struct buf *out, const struct why_waits *waits, const char *kind)
{
	buf_put_cstr(out, ",\"deferred\":[");
	for (size_t i = 0; i < waits->count; i++) {
		const struct why_wait *wait = &waits->items[i];
		buf_printf(out, "%s{\"%s\":", i ? "," : "", kind);
		json_put_string(out, wait->name);
		put_number(out, "count", wait->count);
		when_put_json(out, "next_due_at", wait->next_due_wall);
		buf_put_byte(out, '}');
	}
	buf_put_byte(out, ']');
}

static void put_place(struct buf *out, const struct why_place *place)
{
	buf_put_cstr(out, "{\"domain\":");
	json_put_string(out, place->domain);
	put_member(out, "site", place->site);
	put_member(out, "provider", place->provider);
	put_member(out, "mx_hosts", place->mx_hosts);
	when_put_json(out, "seen_at", place->seen_wall);
	put_paths(out, &place->paths);
	put_waits(out, &place->waits, "campaign");
	buf_put_byte(out, '}');
}

void why_put_place_json(struct buf *out, const struct why_place *place)
{
	put_place(out, place);
	buf_put_byte(out, '\n');
}

static void put_mail(struct buf *out, const struct why_person *person,
		     const struct why_mail *mail, usec now_wall)
{
	struct buf sentence;
	char memory[1200];
	buf_init_fixed(&sentence, memory, sizeof(memory));
	why_put_sentence(&sentence, person, mail, now_wall);
	buf_put_cstr(out, "{\"campaign\":");
	json_put_string(out, mail->name);
	put_member(out, "state", mail->state);
	put_member(out, "verdict", mail->verdict);
	buf_printf(out, ",\"final\":%s", mail->final ? "true" : "false");
	put_member(out, "class", mail->class);
	put_number(out, "attempts", mail->attempts);
	put_member(out, "code", mail->code);
	put_member(out, "status", mail->status);
	put_member(out, "text", mail->text);
	put_member(out, "mx_host", mail->mx_host);
	put_member(out, "source", mail->source);
	when_put_json(out, "at", mail->at_wall);
	when_put_json(out, "next_attempt_at", mail->due_wall);
	put_member(out, "slice", mail->final ? STR("") : mail->slice_state);
	put_member(out, "engine", mail->final ? STR("") : mail->slice_engine);
	put_member(out, "why", buf_str(&sentence));
	buf_put_byte(out, '}');
}

void why_put_person_json(struct buf *out, const struct why_person *person, usec now_wall)
{
	buf_put_cstr(out, "{\"email\":");
	json_put_string(out, person->email);
	put_member(out, "subscriber", person->id);
	put_member(out, "lists", person->lists);
	put_member(out, "suppressed",
		   person->reason.size ? person->reason : person->suppressed);
	when_put_json(out, "suppressed_at", person->suppressed_wall);
	put_member(out, "suppressed_by", person->suppressed_by);
	put_number(out, "engines", person->engine_count);
	buf_put_cstr(out, ",\"campaigns\":[");
	for (size_t i = 0; i < person->mail_count; i++) {
		buf_put_cstr(out, i ? "," : "");
		put_mail(out, person, &person->mail[i], now_wall);
	}
	buf_put_cstr(out, "],\"place\":");
	put_place(out, &person->place);
	buf_put_cstr(out, "}\n");
}

void why_put_campaign_json(struct buf *out, const struct why_campaign *why, usec now_wall)
{
	struct buf sentence;
	char memory[600];
	buf_init_fixed(&sentence, memory, sizeof(memory));
	why_put_campaign_sentence(&sentence, why, now_wall);
	buf_put_cstr(out, "{\"campaign\":");
	json_put_string(out, why->name);
	put_member(out, "state", why->state);
	put_member(out, "why", buf_str(&sentence));
	put_member(out, "reason", why->reason);
	when_put_json(out, "opens_at", why->opens_wall);
	buf_printf(out, ",\"fully_cut\":%s", why->fully_cut ? "true" : "false");
	put_number(out, "leased", why->leased);
	put_member(out, "leased_by", why->leased_by);
	put_number(out, "due", why->due);
	put_number(out, "later", why->later);
	put_number(out, "waiting_for_winner", why->for_winner);
	when_put_json(out, "next_slice_at", why->next_slice_wall);
	put_number(out, "orphaned", why->orphaned);
	put_number(out, "engines", why->engine_count);
	when_put_json(out, "launched_at", why->launched_wall);
	when_put_json(out, "finished_at", why->finished_wall);
	put_waits(out, &why->waits, "provider");
	put_paths(out, &why->paths);
	buf_put_cstr(out, "}\n");
}
