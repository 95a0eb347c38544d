/* prove.c - see prove.h: the journal that is settled, the tenant it is settled in, and the
 * comparison of whole tables. */
#include "tests/history/prove.h"

#include <stdarg.h>

#include "engine/base/assert.h"
#include "tests/unit/live_db.h"

static char proxied[1200];

/* ---- the journal ---- */

static void as_delivered(struct store_outcome *o)
{
	o->verdict = VERDICT_DELIVERED;
	o->final = true;
	o->cause = "delivered";
	o->stage = STAGE_END;
	o->code = 250;
	o->text = STR("Ok: queued as 4BdX1y0z");
}

static void as_deferred(struct store_outcome *o, bool full)
{
	o->verdict = VERDICT_DEFERRED;
	o->class = full ? CLASS_MAILBOX_FULL : CLASS_UNKNOWN;
	o->cause = full ? "mailbox-full" : "unclassified-4yz";
	o->stage = STAGE_RCPT;
	o->code = 452;
	o->due_wall = o->at_wall + USEC_HOUR;
	o->text = full ? STR("4.2.2 mailbox full") : STR("452 the moon is in the way of 4711");
}

static void as_failed(struct store_outcome *o, enum bounce_class class, bool suppress)
{
	o->verdict = VERDICT_FAILED;
	o->final = true;
	o->suppress = suppress;
	o->class = class;
	o->cause = bounce_class_names[class];
	o->stage = STAGE_RCPT;
	o->code = 550;
	o->status = (struct status){5, 1, 1};
	o->text = STR("550 5.1.1 no such user \xff here");
}

static void as_in_doubt(struct store_outcome *o, bool final)
{
	o->verdict = VERDICT_IN_DOUBT;
	o->final = final;
	o->class = CLASS_NETWORK;
	o->cause = "crashed";
	o->origin = REPLY_LOCAL;
	o->stage = STAGE_END;
	o->code = 451;
	o->due_wall = final ? 0 : o->at_wall + USEC_MINUTE;
}

/* The first attempts of all, then the second ones of who waits, then those of the outbox. */
static void fill(struct store_outcome *o, unsigned n)
{
	if (n % 5 < 2) {
		as_delivered(o);
	} else if (n % 5 == 2) {
		as_deferred(o, n % 2);
	} else if (n % 5 == 3) {
		as_in_doubt(o, n % 2);
	} else if (n % 3 == 0) {
		as_failed(o, CLASS_BAD_MAILBOX, true);
	} else if (n % 3 == 1) {
		as_failed(o, CLASS_RECIPIENT_REFUSED, false);
	} else {
		as_failed(o, CLASS_BAD_DOMAIN, false);
		o->provider = STR("");
	}
}

static void make_journal(struct prove *p)
{
	const usec start = 1790000000ll * USEC_SECOND;
	for (unsigned n = 0; n < PROVE_OUTCOMES; n++) {
		struct store_outcome *o = &p->outcomes[n];
		bool row = n >= PROVE_OUTCOMES - 40;
		unsigned who = row ? n - (PROVE_OUTCOMES - 40) : n % (2 * PROVE_PEOPLE);
		*o = (struct store_outcome){
			.campaign_id = p->campaigns[row ? 2 : who / PROVE_PEOPLE],
			.slice_id = p->slice + (row ? 2 : who / PROVE_PEOPLE),
			.subscriber_id = row ? p->first_row + who % 20
					     : 1 + who % PROVE_PEOPLE,
			.attempt = row ? 1 + who / 20 : 1 + n / (2 * PROVE_PEOPLE),
			.revision = 1,
			.at_wall = start + n * USEC_MINUTE,
			.date_wall = start,
			.first_wall = start + who * USEC_SECOND,
			.duration_ms = 12,
			.size = 10240,
			.mx_host = STR("mx1.example.com"),
			.provider = n % 4 ? STR("gmail") : STR(""),
			.site = STR("example.com"),
			.source = n % 2 ? STR("out1") : STR("out2")};
		fill(o, n);
	}
}

/* ---- the tenant ---- */

/* Three campaigns with a slice each that is leased; the numbers 1 to 60 are in two of them. */
static const char world_text[] =
	"insert into lists (tenant_id, id, name) values (1, 1, 'news');"
	"insert into subscribers (tenant_id, id, address, address_key, domain, name) overriding "
	"system value select 1, n, 'p' || n || '@d' || n % 9 || '.example', 'p' || n || '@d' || "
	"n % 9 || '.example', 'd' || n % 9 || '.example', 'P' from generate_series(1, 60) n;"
	"insert into subscriptions (tenant_id, list_id, subscriber_id) select 1, 1, id from "
	"subscribers;"
	"insert into campaigns (tenant_id, id, name, state, revision, highest_id, cut_mark, "
	"fully_cut, list_ids, kind, split, launched_at) values "
	"(1, 1, 'a', 1, 1, 60, 60, true, '{1}', 0, '{}', now()), "
	"(1, 2, 'b', 1, 1, 60, 60, true, '{1}', 0, '{4000,6000}', now()), "
	"(1, 3, 'receipt', 1, 1, 0, 0, true, '{}', 1, '{}', now());"
	"insert into templates select 1, id, 1, '{\"from_address\": \"news@news.example\"}', "
	"'<p>hi</p>', null from campaigns;"
	"select campaign_partition(id) from campaigns;"
	"insert into outbox (template, address) select 'receipt', 'row' || n || '@example.com' "
	"from generate_series(1, 20) n;"
	"insert into slices (tenant_id, id, campaign_id, kind, count, lo_id, hi_id, ids) "
	"select 1, 1000 + c, c, 0, 60, 1, 60, id_bytes(array(select generate_series(1, 60))) "
	"from generate_series(1, 2) c;"
	"insert into slices (tenant_id, id, campaign_id, kind, count, lo_id, hi_id, ids) "
	"select 1, 1003, 3, 3, 20, min(id), max(id), id_bytes(array(select id from outbox order "
	"by id)) from outbox";

static const char reset_text[] =
	"truncate delivery_rows, delivery_packs; delete from tallies; delete from deferrals; "
	"delete from variant_tallies; delete from strikes; delete from domain_strikes; "
	"delete from suppressions; delete from suppressions_scoped; delete from source_days; "
	"delete from provider_days; delete from campaign_provider_times; "
	"delete from unknown_replies; delete from start_marks; delete from stops; "
	"update outbox set state = 1, class = 0, attempts = 0, code = 0, reply_status = 0, "
	"reply = '', due_at = created_at, ended_at = null; "
	"update engines set position = 0; "
	"update slices set state = 1, lease_engine_id = (select min(id) from engines), "
	"lease_epoch = (select min(epoch) from engines); "
	"insert into start_marks (tenant_id, campaign_id, slice_id, engine_id, epoch, ids) "
	"select tenant_id, campaign_id, id, lease_engine_id, lease_epoch, ids from slices";

/* What the database's own clock wrote, and numbers that are given anew, are left out; so is
 * which of several pieces of evidence is quoted, which depends on how batches are made. */
static const char digest_text[] =
	"select md5(string_agg(name || line, E'\\n' order by name, line)) from ("
	"select 'deliveries' as name, d::text as line from deliveries d "
	"union all select 'tallies', t::text from tallies t "
	"union all select 'deferrals', t::text from deferrals t "
	"union all select 'variants', t::text from variant_tallies t "
	"union all select 'strikes', t::text from strikes t "
	"union all select 'domains', t::text from domain_strikes t "
	"union all select 'people', (id, suppressed)::text from subscribers "
	"union all select 'suppressions', (address, scope, reason)::text from suppressions "
	"union all select 'scoped', (address, domain, sender, reason)::text from "
	"suppressions_scoped "
	"union all select 'source', t::text from source_days t "
	"union all select 'provider', t::text from provider_days t "
	"union all select 'times', t::text from campaign_provider_times t "
	"union all select 'unknown', (to_jsonb(t) - 'example')::text from unknown_replies t "
	"union all select 'outbox', (to_jsonb(t) - 'created_at')::text from outbox t "
	"union all select 'stops', (kind, subscriber_id, campaign_id, reason)::text from stops "
	"union all select 'slices', (id, state)::text from slices "
	"union all select 'marks', (slice_id, ids)::text from start_marks "
	"union all select 'engine', (id, position)::text from engines) x";

const char *prove_digest(struct prove *)
{
	return live_value(digest_text);
}

const char *prove_conninfo(void)
{
	return live_conninfo;
}

static void prove_done(struct store_request *request)
{
	(void)request;
}

void prove_connect(struct prove *p)
{
	store_close(p->store);
	p->store = NULL;
	struct store_config config = {.conninfo = proxied,
				      .application = "rundbrief prove",
				      .statement_timeout = p->statement_timeout};
	if (store_open(&p->store, NULL, &config, p->why, sizeof(p->why)) != 0)
		fprintf(stderr, "%s\n", p->why);
	ASSERT(p->store);
}

static bool begin_world(struct prove *p)
{
	if (live_exec(live_admin, world_text) < 0)
		return false;
	p->campaigns[0] = 1;
	p->campaigns[1] = 2;
	p->campaigns[2] = 3;
	p->slice = 1001;
	p->first_row = strtoull(live_value("select min(id) from outbox"), NULL, 10);
	prove_connect(p);
	struct store_join join = {.request.on_done = prove_done, .name = STR("prove")};
	store_join(p->store, &join);
	p->engine_id = join.ret_engine_id;
	p->epoch = join.ret_epoch;
	return join.request.result == STORE_OK;
}

bool prove_setup(struct prove *p)
{
	if (live_setup(NULL) != 0 || !proxy_start(live_conninfo, proxied, sizeof(proxied)) ||
	    !begin_world(p))
		return false;
	make_journal(p);
	prove_begin(p);
	if (prove_settle(p, 0, PROVE_OUTCOMES) != STORE_OK) {
		fprintf(stderr, "%s\n", p->why);
		return false;
	}
	snprintf(p->reference, sizeof(p->reference), "%.63s", prove_digest(p));
	printf("a journal of %d outcomes leaves %s rows\n", PROVE_OUTCOMES,
	       live_value("select (select count(*) from deliveries) + (select count(*) from "
			  "tallies) + (select count(*) from deferrals) + (select count(*) from "
			  "variant_tallies) + (select count(*) from strikes) + (select count(*) "
			  "from suppressions) + (select count(*) from source_days)"));
	return true;
}

void prove_teardown(struct prove *p)
{
	store_close(p->store);
	proxy_stop();
	if (live_teardown(NULL) != 0)
		fputs("the database was not removed\n", stderr);
}

void prove_begin(struct prove *)
{
	bool good = live_exec(live_admin, reset_text) == 0;
	ASSERT(good);
}

int prove_settle(struct prove *p, uint64_t from, uint64_t to)
{
	const struct store_outcome *batch[PROVE_OUTCOMES];
	const uint64_t closed[3] = {p->slice, p->slice + 1, p->slice + 2};
	for (uint64_t i = from; i < to; i++)
		batch[i - from] = &p->outcomes[i];
	struct store_settle r = {.request.on_done = prove_done,
				 .engine_id = p->engine_id,
				 .epoch = p->epoch,
				 .outcomes = batch,
				 .count = to - from,
				 .old_position = from,
				 .new_position = to,
				 .closed_slices = closed,
				 .closed_count = to == PROVE_OUTCOMES ? 3 : 0};
	store_settle(p->store, &r);
	snprintf(p->why, sizeof(p->why), "%s", r.request.why);
	return r.request.result;
}

int prove_position(struct prove *p, uint64_t *ret)
{
	struct store_position r = {.request.on_done = prove_done,
				   .engine_id = p->engine_id,
				   .epoch = p->epoch};
	store_position(p->store, &r);
	*ret = r.ret_position;
	return r.request.result;
}

/* ---- claims ---- */

void prove_fail(struct prove *p, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	if (p->faults++ < 10) {
		vprintf(format, arguments);
		putchar('\n');
	}
	va_end(arguments);
}

void prove_equal(struct prove *p, int is, int should)
{
	if (is != should)
		prove_fail(p, "it is %d and should be %d: %s", is, should, p->why);
}

void prove_same(struct prove *p, const char *digest, const char *what)
{
	if (strcmp(prove_digest(p), digest) != 0)
		prove_fail(p, "the tables differ: %s", what);
}

void prove_claim(struct prove *p, const char *format, ...)
{
	va_list arguments;
	printf(p->faults ? "FAILED  " : "ok      ");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
	if (p->faults)
		p->failed++;
	else
		p->passed++;
	p->faults = 0;
}
