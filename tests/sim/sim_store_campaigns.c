/* sim_store_campaigns.c - newsletters in the simulated database: their content, cutting them
 * into slices, and their end. */
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_tables.h"
#include "tests/sim/sim_variants.h"

#include "engine/base/assert.h"

void sim_newsletters(const struct sim_newsletter *letters, size_t count)
{
	uint32_t first = 1;
	tables.campaign_count = 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t last = first + letters[i].recipients - 1;
		ASSERT(last <= world->recipient_count);
		struct table_campaign *campaign =
			table_campaign_add(letters[i].id, first, last);
		campaign->name = letters[i].name;
		campaign->settings = letters[i].settings;
		first = last + 1;
	}
}

uint64_t sim_newsletter_to(uint64_t subscriber_id)
{
	for (size_t i = 0; i < tables.campaign_count; i++)
		if (subscriber_id >= tables.campaigns[i].first &&
		    subscriber_id <= tables.campaigns[i].last)
			return tables.campaigns[i].id;
	return 0;
}

bool store_finished(void)
{
	for (size_t i = 0; i < tables.campaign_count; i++)
		if (tables.campaigns[i].state != CAMPAIGN_FINISHED &&
		    !tables.campaigns[i].accounted)
			return false;
	return true;
}

/* The text leaves in 8 bits where a host takes them, the file from where the campaign has it.
 */
static void attach(struct store_campaign *r)
{
	static const char zeros[9000];
	struct buf settings;
	str plain = r->ret_settings;
	buf_init_arena(&settings, r->arena, plain.size + 100);
	buf_put(&settings, str_sub(plain, 0, plain.size - 1));
	buf_put_cstr(&settings, ",\"encoding\":\"8bit\",\"parts\":[{\"name\":\"terms.pdf\"}]}");
	r->ret_settings = buf_str(&settings);
	r->ret_parts = ARENA_NEW(r->arena, str);
	r->ret_part_count = 1;
	ASSERT(buf_ok(&settings) && r->ret_parts);
	r->ret_parts[0] = str_make(zeros, sizeof(zeros));
}

void store_campaign(struct store *store, struct store_campaign *r)
{
	if (lost_before(store, &r->request, CALL_CAMPAIGN))
		return;
	if (r->campaign_id == SIM_TRANSACTIONAL) {
		sim_outbox_campaign(r);
		answer(store, &r->request, STORE_OK);
		return;
	}
	const struct table_campaign *campaign = table_campaign_of(r->campaign_id);
	campaign = campaign ? campaign : &tables.campaigns[0];
	r->campaign_id = campaign->id;
	r->ret_state = campaign->state;
	r->ret_name = str_of(campaign->name);
	r->ret_settings =
		campaign->settings.size ? campaign->settings
		: world->in_doubt_retry
			? STR("{\"subject\":\"Hello {{ first_name }}\",\"from_address\":"
			      "\"news@news.test\",\"in_doubt\":\"retry\"}")
			: STR("{\"subject\":\"Hello {{ first_name }}\",\"from_address\":"
			      "\"news@news.test\",\"in_doubt\":\"assume\"}");
	r->ret_html = STR("<p>Dear {{ first_name }},</p>\n<p>this is a letter.</p>\n"
			  "<p>END {{ first_name }}.</p>\n");
	r->ret_text = STR("Dear {{ first_name }} of K\xC3\xB6ln,\n.this is a letter.\n"
			  "END {{ first_name }}.\n");
	r->ret_revision = 1;
	r->ret_launched_wall = world->wall_offset;
	r->ret_expires_wall = campaign->expires_wall;
	r->ret_fully_cut = campaign->cut_mark >= campaign->last;
	r->ret_untouched = campaign->cut_mark < campaign->first;
	sim_variants_campaign(r);
	if (world->with_files)
		attach(r);
	answer(store, &r->request, STORE_OK);
}

void store_running(struct store *store, struct store_running *r)
{
	if (lost_before(store, &r->request, CALL_RUNNING))
		return;
	r->ret_ids = ARENA_ARRAY(r->arena, uint64_t, tables.campaign_count + 1);
	r->ret_count = 0;
	for (size_t i = 0; i < tables.campaign_count; i++)
		if (tables.campaigns[i].state == CAMPAIGN_RUNNING ||
		    (tables.campaigns[i].state == CAMPAIGN_CANCELLED &&
		     !tables.campaigns[i].accounted))
			r->ret_ids[r->ret_count++] = tables.campaigns[i].id;
	if (sim_outbox_count())
		r->ret_ids[r->ret_count++] = SIM_TRANSACTIONAL;
	answer(store, &r->request, STORE_OK);
}

/* -- cutting
 * -------------------------------------------------------------------------------------- */

static void cut_waiting(struct table_campaign *campaign, struct table_slice **waiting)
{
	if (!*waiting) {
		*waiting = table_slice_add(SLICE_AUDIENCE, campaign->id, 0);
		(*waiting)->state = TABLE_SLICE_WAITING;
	}
	table_slice_put(*waiting, campaign->cut_mark);
}

/* At most limit people, those counted who are not written to; who has left is none of them. */
static void cut(struct table_campaign *campaign, struct store_cut *r)
{
	struct table_slice *slice = NULL, *waiting = NULL;
	for (uint32_t found = 0; found < r->limit && campaign->cut_mark < campaign->last;) {
		struct truth *truth = &world->truths[++campaign->cut_mark];
		if (truth->has_left)
			continue;
		if (!slice)
			slice = table_slice_add(SLICE_AUDIENCE, campaign->id, table_wall());
		found++;
		tables.targeted++;
		if (truth->suppressed_at_cut || sim_is_held_out(campaign->cut_mark)) {
			truth->final = VERDICT_SUPPRESSED;
			truth->final_count++;
			slice->suppressed_count++;
		} else if (sim_waits_for_winner(campaign->cut_mark)) {
			cut_waiting(campaign, &waiting);
		} else {
			table_slice_put(slice, campaign->cut_mark);
		}
	}
	r->ret_slice_id = slice ? slice->id : 0;
	r->ret_count = slice ? slice->count : 0;
	if (slice && slice->count == 0) /* of suppressed ones only: nobody's to lease */
		table_slice_close(slice, TABLE_SLICE_CLOSED);
}

void store_cut(struct store *store, struct store_cut *r)
{
	if (lost_before(store, &r->request, CALL_CUT))
		return;
	struct table_campaign *campaign = table_campaign_of(r->campaign_id);
	ASSERT(campaign);
	r->ret_slice_id = 0;
	r->ret_count = 0;
	if (campaign->state == CAMPAIGN_RUNNING)
		cut(campaign, r);
	r->ret_fully_cut = campaign->cut_mark >= campaign->last;
	written(store, &r->request);
}

void sim_slice_ahead(size_t count, usec due_wall)
{
	struct table_campaign *campaign = table_campaign_of(SIM_NEWSLETTER);
	struct table_slice *slice = table_slice_add(SLICE_AUDIENCE, campaign->id, due_wall);
	for (size_t i = 0; i < count && campaign->cut_mark < campaign->last; i++) {
		table_slice_put(slice, ++campaign->cut_mark);
		tables.targeted++;
	}
}

/* -- the end
 * -------------------------------------------------------------------------------------- */

void sim_slices_release(void)
{
	for (size_t i = 0; i < tables.live_count; i++)
		if (table_slice_of(tables.live[i])->state == TABLE_SLICE_WAITING)
			table_slice_of(tables.live[i])->state = TABLE_SLICE_OPEN;
}

static uint64_t waiting_count(void)
{
	uint64_t count = 0;
	for (size_t i = 0; i < tables.live_count; i++)
		if (table_slice_of(tables.live[i])->state == TABLE_SLICE_WAITING)
			count += table_slice_of(tables.live[i])->count;
	return count;
}

/* Whether a slice of the campaign is in a state of that set of bits. */
static bool has_slices(const struct table_campaign *campaign, unsigned states)
{
	for (size_t i = 0; i < tables.live_count; i++) {
		const struct table_slice *slice = table_slice_of(tables.live[i]);
		if (slice->campaign_id == campaign->id && states >> slice->state & 1)
			return true;
	}
	return false;
}

static void cancel_one(uint64_t campaign_id, uint64_t slice_id, uint64_t subscriber_id)
{
	struct truth *truth = truth_of(world, subscriber_id);
	const struct store_outcome row = {.campaign_id = campaign_id,
					  .slice_id = slice_id,
					  .subscriber_id = subscriber_id,
					  .verdict = VERDICT_CANCELLED,
					  .final = true};
	truth->deferred = false;
	truth->claimed_by = 0;
	if (truth->burial.slice_id && truth->burial.final)
		return; /* an engine that came back late has told his verdict */
	truth->burial.final = truth->burial.slice_id != 0;
	truth->burial.verdict = VERDICT_CANCELLED;
	truth->final = VERDICT_CANCELLED;
	truth->final_count++;
	table_deliver(&row, 0, false);
}

/* Of a cancelled campaign nobody works on any more: what was never leased, and who waits. */
static void cancel_rest(struct table_campaign *campaign)
{
	for (size_t i = 0; i < tables.live_count; i++) {
		struct table_slice *slice = table_slice_of(tables.live[i]);
		if (slice->campaign_id != campaign->id ||
		    (slice->state != TABLE_SLICE_OPEN && slice->state != TABLE_SLICE_WAITING))
			continue;
		for (uint32_t k = 0; k < slice->count; k++)
			cancel_one(campaign->id, slice->id, slice->ids[k]);
		table_slice_close(slice, TABLE_SLICE_CANCELLED);
	}
	for (uint32_t id = campaign->first; id <= campaign->last; id++)
		if (world->truths[id].deferred)
			cancel_one(campaign->id, 0, id);
	campaign->accounted = true;
}

static bool somebody_waits(const struct table_campaign *campaign)
{
	for (uint32_t id = campaign->first; id <= campaign->last; id++)
		if (world->truths[id].deferred && !world->truths[id].claimed_by)
			return true;
	return false;
}

static bool finish(struct table_campaign *campaign)
{
	const unsigned held = 1u << TABLE_SLICE_LEASED | 1u << TABLE_SLICE_ORPHANED;
	const unsigned waiting = 1u << TABLE_SLICE_OPEN | 1u << TABLE_SLICE_WAITING;
	if (campaign->state == CAMPAIGN_CANCELLED && !has_slices(campaign, held)) {
		cancel_rest(campaign);
		return true;
	}
	if ((campaign->state != CAMPAIGN_RUNNING && campaign->state != CAMPAIGN_FINISHED) ||
	    campaign->cut_mark < campaign->last || has_slices(campaign, held | waiting) ||
	    somebody_waits(campaign))
		return false;
	campaign->state = CAMPAIGN_FINISHED;
	return true;
}

void store_finish(struct store *store, struct store_finish *r)
{
	if (lost_before(store, &r->request, CALL_FINISH))
		return;
	if (sim_winner_is_too_late())
		sim_slices_release();
	r->ret_waiting = waiting_count();
	struct table_campaign *campaign = table_campaign_of(r->campaign_id);
	r->ret_finished = campaign && finish(campaign);
	written(store, &r->request);
}
