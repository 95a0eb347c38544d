/* test_store_outbox.c - transactional mail through a real PostgreSQL: what programs insert,
 * what an engine claims, reads, retries and settles, and what programs read back. */
#include "tests/unit/store_flow.h"

#include <stdarg.h>

#include "engine/store/outbox.h"

static uint64_t receipts, codes;
static const str fields[] = {STR("order"), STR("html"), STR("missing")};

static uint64_t new_transactional(const char *name)
{
	return new_campaign(name, "kind = 1, fully_cut = true, list_ids = '{}'");
}

static int setup_outbox(void **state)
{
	if (setup(state) < 0)
		return -1;
	receipts = new_transactional("receipts");
	codes = new_transactional("codes");
	new_transactional("ready");
	return 0;
}

static struct store_claim_outbox claim_of(uint32_t limit, size_t template_count)
{
	static struct store_outbox_template templates[2];
	templates[0] = (struct store_outbox_template){receipts, fields, 3};
	templates[1] = (struct store_outbox_template){codes, NULL, 0};
	struct store_claim_outbox r = {.request.on_done = done,
				       .engine_id = engine_id,
				       .epoch = epoch,
				       .templates = templates,
				       .template_count = template_count,
				       .limit = limit,
				       .arena = &arena};
	store_claim_outbox(store, &r);
	return r;
}

static struct store_claim_outbox claim(uint32_t limit)
{
	struct store_claim_outbox r = claim_of(limit, 2);
	assert_int_equal(r.request.result, STORE_OK);
	return r;
}

static void exec(const char *statement)
{
	assert_int_equal(live_exec(live_admin, statement), 0);
}

__attribute__((format(printf, 1, 2))) static const char *value(const char *format, ...)
{
	char statement[1000];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(statement, sizeof(statement), format, arguments);
	va_end(arguments);
	return live_value(statement);
}

static const char *status_of(const char *key)
{
	return value("select status from outbox_status where key = '%s'", key);
}

static struct store_outcome row_outcome(const struct store_claim_outbox *c, size_t i)
{
	return outcome_of(c->ret_campaign_id, c->ret_slice_id,
			  c->ret_recipients[i].subscriber_id);
}

/* Settles everybody of a claim as delivered. */
static void deliver(const struct store_claim_outbox *c)
{
	struct store_outcome *outcomes = calloc(c->ret_count, sizeof(*outcomes));
	for (size_t i = 0; i < c->ret_count; i++)
		outcomes[i] = row_outcome(c, i);
	assert_int_equal(settle(outcomes, c->ret_count, &c->ret_slice_id, 1), STORE_OK);
	free(outcomes);
}

static void test_outbox_takes_what_a_program_inserts(void **)
{
	exec("insert into outbox (template, address, name, attributes, key) values "
	     "('receipts', ' Ann@Example.COM ', 'Ann', '{\"order\": {\"id\": 7}}', 'a1')");
	exec("insert into outbox (template, address, html, subject, key) values "
	     "('receipts', 'bob@example.com', '<b>\"hi\"</b>', 's', 'a2')");
	assert_string_equal(status_of("a1"), "queued");
	struct store_claim_outbox c = claim(10);
	assert_int_not_equal(c.ret_slice_id, 0);
	assert_int_equal(c.ret_campaign_id, receipts);
	assert_int_equal(c.ret_count, 2);
	assert_int_equal(c.ret_unknown_campaign_id, 0);
	const struct store_recipient *ann = &c.ret_recipients[0], *bob = &c.ret_recipients[1];
	assert_true(ann->subscriber_id >= STORE_OUTBOX_FIRST_ID);
	assert_true(str_eq(ann->email, STR("Ann@Example.COM")));
	assert_true(str_eq(ann->name, STR("Ann")));
	assert_true(str_eq(ann->fields[0], STR("{\"id\": 7}")));
	assert_null(ann->fields[1].data);
	assert_int_equal(ann->attempts, 0);
	assert_false(ann->suppressed);
	assert_true(str_eq(bob->fields[1], STR("\"<b>\\\"hi\\\"</b>\"")));
	assert_null(bob->fields[2].data);
	assert_string_equal(status_of("a1"), "sending");
	assert_string_equal(value("select state || ' ' || kind from slices where id = %llu",
				  (unsigned long long)c.ret_slice_id),
			    "1 3");
	assert_string_equal(value("select count(*) from start_marks where slice_id = %llu",
				  (unsigned long long)c.ret_slice_id),
			    "1");
	deliver(&c);
	assert_string_equal(status_of("a1"), "delivered");
	assert_string_equal(value("select reply from outbox_status where key = 'a2'"),
			    "Ok: queued as 4BdX1y0z");
	assert_string_equal(value("select count(*) from start_marks"), "0");
	assert_string_equal(value("select address from outcomes where campaign_id = %llu "
				  "order by 1 limit 1",
				  (unsigned long long)receipts),
			    "Ann@Example.COM");
}

static void refused(const char *values, const char *why)
{
	char statement[400];
	snprintf(statement, sizeof(statement),
		 "insert into outbox (template, address, key, priority) values (%s)", values);
	PGresult *result = PQexec(live_admin, statement);
	assert_int_equal(PQresultStatus(result), PGRES_FATAL_ERROR);
	if (!strstr(PQresultErrorMessage(result), why))
		fail_msg("%s: %s", values, PQresultErrorMessage(result));
	PQclear(result);
}

static void test_outbox_refuses_what_could_not_be_sent(void **)
{
	exec("insert into outbox (template, address, key) values ('codes', 'x@example.com', "
	     "'once')");
	refused("'codes', 'x@example.com', 'once', 5", "duplicate key");
	refused("'nothing', 'x@example.com', 'r', 5", "no transactional campaign \"nothing\"");
	new_campaign("letter", "state = 1");
	refused("'letter', 'x@example.com', 'r', 5", "no transactional campaign \"letter\"");
	new_campaign("draft", "kind = 1, state = 0");
	refused("'draft', 'x@example.com', 'r', 5", "\"draft\" is not running");
	refused("'codes', 'x@example.com', 'r', 10", "outbox_priority_check");
	refused("'codes', 'x', 'r', 5", "outbox_address_check");
	struct store_claim_outbox c = claim(10);
	assert_int_equal(c.ret_count, 1);
	deliver(&c);
}

static void test_outbox_gives_the_urgent_first_and_one_campaign_at_once(void **)
{
	exec("insert into outbox (template, address, key, priority) select 'receipts', 'n' || "
	     "n "
	     "|| '@example.com', 'p' || n, n % 3 from generate_series(1, 30) n");
	exec("insert into outbox (template, address, key, priority) values ('codes', "
	     "'c@example.com', 'urgent', 9)");
	struct store_claim_outbox first = claim(7), second = claim(7);
	assert_int_equal(first.ret_campaign_id, codes);
	assert_int_equal(first.ret_count, 1);
	assert_true(first.ret_next_due_wall <= clock_wall()); /* more is due */
	assert_int_equal(second.ret_campaign_id, receipts);
	assert_int_equal(second.ret_count, 7);
	assert_string_equal(value("select count(*) from outbox where state = 1 and key like "
				  "'p%%' and priority = 2"),
			    "7");
	for (size_t i = 1; i < second.ret_count; i++)
		assert_true(second.ret_recipients[i - 1].subscriber_id <
			    second.ret_recipients[i].subscriber_id);
	deliver(&first);
	deliver(&second);
	struct store_claim_outbox rest = claim(100);
	assert_int_equal(rest.ret_count, 23);
	deliver(&rest);
	assert_int_equal(claim(100).ret_slice_id, 0);
}

static void test_outbox_tells_of_campaigns_that_are_not_loaded(void **)
{
	exec("insert into outbox (template, address, key) values ('codes', 'u@example.com', "
	     "'u1')");
	struct store_claim_outbox c = claim_of(10, 1);
	assert_int_equal(c.request.result, STORE_OK);
	assert_int_equal(c.ret_slice_id, 0);
	assert_int_equal(c.ret_unknown_campaign_id, codes);
	assert_true(c.ret_next_due_wall == USEC_NEVER);
	assert_int_equal(claim_of(10, 0).ret_unknown_campaign_id, codes);
	exec("update campaigns set state = 2 where name = 'codes'");
	assert_int_equal(claim_of(10, 1).ret_unknown_campaign_id, 0);
	assert_int_equal(claim(10).ret_slice_id, 0);
	exec("update campaigns set state = 1 where name = 'codes'");
	c = claim(10);
	assert_int_equal(c.ret_count, 1);
	deliver(&c);
}

static void test_outbox_waits_and_expires(void **)
{
	exec("insert into outbox (template, address, key, not_before) values ('codes', "
	     "'l@example.com', 'later', '2090-01-01')");
	exec("insert into outbox (template, address, key, expires_at) values ('codes', "
	     "'o@example.com', 'over', now() - interval '1 s')");
	assert_string_equal(status_of("over"), "expired"); /* before anybody wrote it down */
	struct store_claim_outbox c = claim(10);
	assert_int_equal(c.ret_slice_id, 0);
	assert_int_equal(c.ret_next_due_wall, (usec)3786912000 * USEC_SECOND);
	assert_string_equal(status_of("later"), "queued");
	assert_string_equal(value("select state from outbox where key = 'over'"), "6");
	assert_string_equal(value("select d.verdict || ' ' || d.class || ' ' || d.attempt from "
				  "deliveries d "
				  "join outbox o on o.id = d.subscriber_id and o.key = 'over'"),
			    "3 18 0");
	assert_string_equal(
		value("select outbox_cancel(1, id) from outbox where key = 'later'"), "t");
	assert_string_equal(
		value("select outbox_cancel(1, id) from outbox where key = 'later'"), "f");
	assert_string_equal(status_of("later"), "cancelled");
	exec("insert into outbox (template, address, key, expires_at) values ('codes', "
	     "'s@example.com', 'soon', now() + interval '1 h')");
	c = claim(10);
	assert_int_equal(c.ret_count, 1);
	assert_true(c.ret_recipients[0].expires_wall > clock_wall());
	deliver(&c);
}

static void test_outbox_spares_dead_addresses_but_not_who_left(void **)
{
	exec("insert into suppressions (tenant_id, address_hash, address, reason) values "
	     "(1, address_hash('dead@example.com'), 'dead@example.com', 1),"
	     "(1, address_hash('left@example.com'), 'left@example.com', 103),"
	     "(1, address_hash('i@xn--bcher-kva.example'), 'i@xn--bcher-kva.example', 4)");
	exec("insert into outbox (template, address, key) values "
	     "('codes', 'Dead@Example.com', 'd1'), ('codes', 'left@example.com', 'd2'),"
	     "('codes', 'I@B\u00fccher.example', 'd3')");
	struct store_claim_outbox c = claim(10);
	assert_int_equal(c.ret_count, 3);
	assert_true(c.ret_recipients[0].suppressed);
	assert_string_equal(c.ret_recipients[0].suppression_reason, "bad-mailbox");
	assert_false(c.ret_recipients[1].suppressed);
	assert_true(c.ret_recipients[2].suppressed); /* its key needed IDNA */
	struct store_outcome outcomes[3];
	for (size_t i = 0; i < 3; i++) {
		outcomes[i] = row_outcome(&c, i);
		make_outcome(&outcomes[i], &c.ret_recipients[i]);
		outcomes[i].final = true;
	}
	outcomes[1].verdict = VERDICT_FAILED;
	outcomes[1].class = CLASS_BAD_MAILBOX;
	outcomes[1].suppress = true;
	assert_int_equal(settle(outcomes, 3, &c.ret_slice_id, 1), STORE_OK);
	assert_string_equal(status_of("d1"), "suppressed");
	assert_string_equal(value("select class from outbox_status where key = 'd1'"),
			    "bad-mailbox");
	assert_string_equal(status_of("d2"), "failed");
	assert_string_equal(status_of("d3"), "suppressed");
	exec("delete from suppressions where address = 'left@example.com'");
	exec("insert into outbox (template, address, key) values ('codes', 'hard@example.com', "
	     "'d4')");
	c = claim(10);
	outcomes[0] = row_outcome(&c, 0);
	outcomes[0].verdict = VERDICT_FAILED;
	outcomes[0].class = CLASS_BAD_MAILBOX;
	outcomes[0].suppress = true;
	assert_int_equal(settle(outcomes, 1, &c.ret_slice_id, 1), STORE_OK);
	assert_string_equal(value("select reason from suppressions where address = "
				  "'hard@example.com'"),
			    "1");
}

static struct store_lease lease_due(void)
{
	struct store_claim_due due = {
		.request.on_done = done, .campaign_id = codes, .limit = 10};
	store_claim_due(store, &due);
	assert_int_equal(due.request.result, STORE_OK);
	assert_int_equal(due.ret_count, 1);
	return lease(codes);
}

static void defer(const struct store_claim_outbox *c, usec wait)
{
	struct store_outcome o = row_outcome(c, 0);
	o.verdict = VERDICT_DEFERRED;
	o.final = false;
	o.class = CLASS_GREYLISTED;
	o.code = 451;
	o.status = (struct status){4, 7, 1};
	o.text = STR("come back");
	o.due_wall = o.at_wall + wait;
	assert_int_equal(settle(&o, 1, &c->ret_slice_id, 1), STORE_OK);
}

static void test_outbox_retries_like_any_other(void **)
{
	exec("insert into outbox (template, address, key, name) values ('codes', "
	     "'g@example.com', 'g1', 'G')");
	struct store_claim_outbox c = claim(10);
	defer(&c, -1);
	assert_string_equal(value("select status || ' ' || class || ' ' || code || ' ' || "
				  "reply_status || ' ' "
				  "|| reply || ' ' || (next_attempt_at is not null) from "
				  "outbox_status where "
				  "key = 'g1'"),
			    "deferred greylisted 451 4.7.1 come back true");
	struct store_lease l = lease_due();
	assert_int_equal(l.ret_kind, SLICE_RETRY);
	assert_int_equal(l.ret_ids[0], c.ret_recipients[0].subscriber_id);
	struct store_read r = read_slice(&l, fields, 2);
	assert_true(str_eq(r.ret_recipients[0].email, STR("g@example.com")));
	assert_true(str_eq(r.ret_recipients[0].name, STR("G")));
	assert_int_equal(r.ret_recipients[0].attempts, 1);
	assert_string_equal(
		value("select outbox_cancel(1, %llu)", (unsigned long long)l.ret_ids[0]),
		"f"); /* it is being tried */
	struct store_outcome o = outcome_of(codes, l.ret_slice_id, l.ret_ids[0]);
	o.attempt = 2;
	assert_int_equal(settle(&o, 1, &l.ret_slice_id, 1), STORE_OK);
	assert_string_equal(value("select status || attempts from outbox_status where key = "
				  "'g1'"),
			    "delivered2");
	assert_string_equal(value("select count(*) from deferrals where campaign_id = %llu",
				  (unsigned long long)codes),
			    "0");
}

static void test_outbox_ends_who_waits_for_another_attempt(void **)
{
	exec("insert into outbox (template, address, key, expires_at) values ('codes', "
	     "'e@example.com', 'e1', now() + interval '1 h')");
	struct store_claim_outbox c = claim(10);
	defer(&c, USEC_DAY);
	exec("update outbox set expires_at = now() - interval '1 s' where key = 'e1'");
	assert_int_equal(claim(10).ret_slice_id, 0);
	assert_string_equal(status_of("e1"), "expired");
	assert_string_equal(value("select reply from outbox_status where key = 'e1'"),
			    "come back"); /* the last real reply is kept */
	exec("insert into outbox (template, address, key) values ('codes', 'e@example.com', "
	     "'e2')");
	c = claim(10);
	defer(&c, USEC_DAY);
	assert_string_equal(value("select outbox_cancel(1, id) from outbox where key = 'e2'"),
			    "t");
	assert_string_equal(status_of("e2"), "cancelled");
	assert_string_equal(value("select count(*) from deferrals where campaign_id = %llu",
				  (unsigned long long)codes),
			    "0");
}

static void test_outbox_settles_the_last_of_a_batch(void **)
{
	exec("insert into outbox (template, address, key) values ('codes', 'b@example.com', "
	     "'b1'), ('codes', 'b@example.com', 'b2')");
	struct store_claim_outbox c = claim(10);
	struct store_outcome o[4] = {row_outcome(&c, 1), row_outcome(&c, 0), row_outcome(&c, 0),
				     row_outcome(&c, 1)};
	o[0].verdict = o[1].verdict = VERDICT_IN_DOUBT;
	o[0].final = o[1].final = false;
	o[2].attempt = o[3].attempt = 2;
	o[3].verdict = VERDICT_FAILED;
	o[3].class = CLASS_EXPIRED;
	assert_int_equal(settle(o, 4, &c.ret_slice_id, 1), STORE_OK);
	assert_string_equal(status_of("b1"), "delivered");
	assert_string_equal(status_of("b2"), "expired");
	assert_string_equal(value("select attempts from outbox_status where key = 'b1'"), "2");
}

static void test_outbox_outlives_an_engine(void **)
{
	exec("insert into outbox (template, address, key) select 'codes', 'k' || n || "
	     "'@example.com', 'k' || n from generate_series(1, 3) n");
	struct store_claim_outbox c = claim(10);
	struct store_outcome o = row_outcome(&c, 1);
	assert_int_equal(settle(&o, 1, NULL, 0), STORE_OK);
	join(); /* the same engine, after a crash: its journal told of one */
	struct store_recover r = {
		.request.on_done = done, .engine_id = engine_id, .epoch = epoch};
	store_recover(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	assert_int_equal(r.ret_remaining, 2);
	struct store_lease l = lease(codes);
	assert_int_equal(l.ret_kind, SLICE_REMAINDER);
	assert_int_equal(l.ret_count, 2);
	struct store_read read = read_slice(&l, NULL, 0);
	assert_true(str_eq(read.ret_recipients[1].email, STR("k3@example.com")));
	struct store_mark_slice marked = {codes, l.ret_slice_id, l.ret_ids, 2};
	struct store_mark m = {.request.on_done = done,
			       .engine_id = engine_id,
			       .epoch = epoch,
			       .slices = &marked,
			       .slice_count = 1};
	store_mark(store, &m);
	assert_int_equal(m.request.result, STORE_OK);
	join(); /* and again, with its disk lost */
	r.epoch = epoch;
	r.trust_marks = true;
	store_recover(store, &r);
	assert_int_equal(r.ret_in_doubt, 2);
	assert_string_equal(status_of("k1"), "in-doubt");
	assert_string_equal(status_of("k2"), "delivered");
	assert_string_equal(value("select count(*) from outbox where ended_at is null"), "0");
}

/* The claim was the mark: only the journal could tell, and it does not come back. */
static void test_outbox_is_in_doubt_when_an_engine_stays_away(void **)
{
	exec("insert into outbox (template, address, key) values ('codes', 't@example.com', "
	     "'t1')");
	struct store_claim_outbox c = claim(10);
	assert_int_equal(c.ret_count, 1);
	exec("update engines set heartbeat_at = now() - interval '2 days'");
	struct store_join other = {.request.on_done = done, .name = STR("other")};
	store_join(store, &other);
	for (int look = 0; look < 3; look++) {
		struct store_lease l = {.request.on_done = done,
					.engine_id = other.ret_engine_id,
					.epoch = other.ret_epoch,
					.campaign_id = codes,
					.arena = &arena};
		store_lease(store, &l);
		assert_int_equal(l.request.result, STORE_OK);
		assert_int_equal(l.ret_slice_id, 0);
	}
	assert_string_equal(status_of("t1"), "in-doubt");
	assert_string_equal(value("select count(*) from outbox_status where key = 't1' and "
				  "ended_at is not null and next_attempt_at is null"),
			    "1");
}

static void test_outbox_is_fenced(void **)
{
	exec("insert into outbox (template, address, key) values ('codes', 'f@example.com', "
	     "'f1')");
	epoch--;
	struct store_claim_outbox c = claim_of(10, 2);
	assert_int_equal(c.request.result, STORE_FENCED);
	epoch++;
	c = claim(10);
	assert_int_equal(c.ret_count, 1);
	deliver(&c);
}

static void test_outbox_numbers_add_up(void **)
{
	assert_false(finish(codes)); /* it waits for more */
	exec("insert into outbox (template, address, key, not_before) values ('codes', "
	     "'q@example.com', 'q1', '2090-01-01')");
	exec("update campaigns set state = 3 where name = 'codes'");
	assert_string_equal(status_of("q1"), "cancelled");
	assert_true(finish(codes));
	assert_string_equal(value("select count(*) from outbox where campaign_id = %llu and "
				  "ended_at is null",
				  (unsigned long long)codes),
			    "0");
	const unsigned long long both[] = {receipts, codes};
	for (size_t i = 0; i < 2; i++) {
		uint64_t rows = number(
			value("select 'select ' || count(*) from outbox where campaign_id = "
			      "%llu",
			      both[i]));
		assert_int_equal(
			strtoull(value("select sum(count) from tallies where final and "
				       "campaign_id = %llu",
				       both[i]),
				 NULL, 10),
			rows);
		assert_int_equal(strtoull(value("select sum(count + suppressed_count) from "
						"slices where kind in (0, 3) and campaign_id = "
						"%llu",
						both[i]),
					  NULL, 10),
				 rows);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outbox_takes_what_a_program_inserts),
		cmocka_unit_test(test_outbox_refuses_what_could_not_be_sent),
		cmocka_unit_test(test_outbox_gives_the_urgent_first_and_one_campaign_at_once),
		cmocka_unit_test(test_outbox_tells_of_campaigns_that_are_not_loaded),
		cmocka_unit_test(test_outbox_waits_and_expires),
		cmocka_unit_test(test_outbox_spares_dead_addresses_but_not_who_left),
		cmocka_unit_test(test_outbox_retries_like_any_other),
		cmocka_unit_test(test_outbox_ends_who_waits_for_another_attempt),
		cmocka_unit_test(test_outbox_settles_the_last_of_a_batch),
		cmocka_unit_test(test_outbox_outlives_an_engine),
		cmocka_unit_test(test_outbox_is_in_doubt_when_an_engine_stays_away),
		cmocka_unit_test(test_outbox_is_fenced),
		cmocka_unit_test(test_outbox_numbers_add_up),
	};
	return cmocka_run_group_tests_name("store outbox", tests, setup_outbox, teardown);
}
