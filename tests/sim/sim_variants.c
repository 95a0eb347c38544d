/* sim_variants.c - see sim_variants.h. The split is the engine's own (templates/variant.h):
 * that it is even is proved elsewhere; here, that everybody gets what it says, whatever
 * happens. */
#include "tests/sim/sim_variants.h"

#include "templates/variant.h"
#include "tests/sim/sim_store.h"

#define LATE_AFTER (20 * USEC_MINUTE)
#define FIRST_FORM "Dear "
#define SECOND_FORM "Salut "

enum state { STATE_REST = 28, STATE_HELD_OUT, STATE_TOO_LATE };

static const struct variant_split two = {.shares = {1500, 1500}, .count = 2, .hold_out = 700};

static struct {
	bool on, never_named;
	uint32_t winner; /* 0: not named */
	usec named_at;
} variants;

static void on_named(struct world *w, void *context, uint64_t winner)
{
	(void)context;
	variants.winner = (uint32_t)winner;
	variants.named_at = w->now;
	sim_slices_release();
}

void sim_variants_begin(struct world *w)
{
	variants.on = w->seed % 3 == 1;
	variants.winner = 0;
	variants.never_named = w->seed % 15 == 13;
	if (!variants.on || variants.never_named)
		return;
	bool early = w->seed % 2 == 0;
	usec delay = early ? (usec)world_below(w, 5 * USEC_SECOND)
			   : (usec)world_below(w, 90 * USEC_MINUTE);
	world_at(w, delay, on_named, NULL, 1 + w->seed % 4 / 2);
}

void sim_variants_campaign(struct store_campaign *r)
{
	if (!variants.on)
		return;
#define SETTINGS(policy)                                                                       \
	STR("{\"subject\":\"Hello {{ first_name }}\",\"from_address\":\"news@news.test\","     \
	    "\"in_doubt\":\"" policy "\",\"hold_out\":700,\"variants\":[{\"name\":\"a\","      \
	    "\"share\":1500},{\"name\":\"b\",\"share\":1500,\"text\":\"" SECOND_FORM           \
	    "{{ first_name }} of {{ city }},\\nEND {{ first_name }}.\\n\"}]}")
	r->ret_settings = world->in_doubt_retry ? SETTINGS("retry") : SETTINGS("assume");
#undef SETTINGS
	if (variants.never_named)
		r->ret_expires_wall = world->wall_offset + LATE_AFTER;
}

static int variant(uint64_t subscriber_id)
{
	return variants.on ? variant_of(&two, SIM_NEWSLETTER, subscriber_id) : 1;
}

bool sim_is_held_out(uint64_t subscriber_id)
{
	return variant(subscriber_id) == VARIANT_HELD_OUT;
}

bool sim_waits_for_winner(uint64_t subscriber_id)
{
	return variant(subscriber_id) == VARIANT_REST && variants.winner == 0;
}

uint32_t sim_winner(void)
{
	return variants.winner;
}

bool sim_winner_is_too_late(void)
{
	return variants.on && variants.never_named && world->now >= LATE_AFTER;
}

void sim_variants_accepted(struct world *w, const struct truth *truth, str message)
{
	uint64_t id = (uint64_t)(truth - w->truths);
	if (!variants.on || id > w->recipient_count)
		return; /* a row of the outbox */
	int form = str_find(message, STR(FIRST_FORM)) != STR_NONE &&
				   str_find(message, STR(SECOND_FORM)) == STR_NONE
			   ? 1
			   : 2;
	int wanted = variant(id);
	if (wanted == VARIANT_REST) {
		state_hits[STATE_REST]++;
		wanted = (int)variants.winner;
		if (variants.winner == 0)
			world_fail(w, "%s got a letter before the winner was named",
				   truth->email);
	}
	if (form != wanted)
		world_fail(w, "%s got variant %d, not %d", truth->email, form, wanted);
}

void sim_variants_check(struct world *w)
{
	for (uint32_t id = 1; variants.on && id <= w->recipient_count; id++) {
		const struct truth *t = &w->truths[id];
		bool held_out = variant(id) == VARIANT_HELD_OUT;
		bool too_late = variant(id) == VARIANT_REST && variants.winner == 0;
		if (held_out && (t->accepted_count > 0 || t->final != VERDICT_SUPPRESSED))
			world_fail(w, "%s is held out: accepted %u times, verdict %s", t->email,
				   t->accepted_count, verdict_names[t->final]);
		if (too_late && (t->accepted_count > 0 || (t->final != VERDICT_FAILED &&
							   t->final != VERDICT_SUPPRESSED)))
			world_fail(w, "%s waited in vain: accepted %u times, verdict %s",
				   t->email, t->accepted_count, verdict_names[t->final]);
		state_hits[STATE_HELD_OUT] += held_out;
		state_hits[STATE_TOO_LATE] += too_late;
	}
}
