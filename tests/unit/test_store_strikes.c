/* test_store_strikes.c - from replies to strikes to suppressions, in a real PostgreSQL. */
#include "tests/unit/store_flow.h"

#define AT(day) (base + (day)*USEC_DAY)

static usec base; /* four weeks ago, at noon */
static uint64_t campaign;

static void forget_all(void)
{
	assert_int_equal(
		live_exec(live_admin,
			  "delete from suppressions where reason <> 100;"
			  "delete from suppressions_scoped; delete from suppressions_held;"
			  "delete from incidents; delete from strikes;"
			  "delete from domain_strikes; delete from provider_days"),
		0);
}

static struct store_outcome refused(uint64_t id, enum bounce_class class, uint16_t code,
				    usec at)
{
	struct store_outcome o = outcome_of(campaign, 1, id);
	o.verdict = code < 500 ? VERDICT_DEFERRED : VERDICT_FAILED;
	o.final = code >= 500;
	o.due_wall = code < 500 ? at + USEC_HOUR : 0;
	o.class = class;
	o.cause = bounce_class_names[class];
	o.code = code;
	o.status = (struct status){(uint8_t)(code / 100), 1, 1};
	o.stage = STAGE_RCPT;
	o.at_wall = o.first_wall = at;
	o.text = STR("no such user");
	return o;
}

static void settle_one(struct store_outcome o)
{
	assert_int_equal(settle(&o, 1, NULL, 0), STORE_OK);
}

static uint64_t suppressed(uint64_t id)
{
	char statement[128];
	snprintf(statement, sizeof(statement),
		 "select suppressed from subscribers where id = %llu", (unsigned long long)id);
	return number(statement);
}

static uint64_t strikes(uint64_t id)
{
	char statement[160];
	snprintf(statement, sizeof(statement),
		 "select coalesce(sum(count), 0) from strikes where subscriber_id = %llu",
		 (unsigned long long)id);
	return number(statement);
}

static void test_store_strikes_dead_mailbox_is_suppressed_with_its_evidence(void **)
{
	forget_all();
	struct store_outcome o = refused(1, CLASS_BAD_MAILBOX, 550, AT(0));
	o.suppress = true;
	settle_one(o);
	assert_int_equal(suppressed(1), CLASS_BAD_MAILBOX);
	assert_int_equal(strikes(1), 0);
	assert_string_equal(
		live_value("select reason || ' ' || code || ' ' || status || ' ' || text "
			   "|| ' ' || provider || ' ' || source || ' ' || cause from "
			   "suppressions where address = 'p1@example.com'"),
		"1 550 5001001 no such user gmail out1 bad-mailbox");
	assert_int_equal(
		number("select count(*) from suppressions where expires_at is not null"), 0);
}

static void test_store_strikes_a_4yz_never_suppresses_at_once(void **)
{
	forget_all();
	struct store_outcome o = refused(2, CLASS_BAD_MAILBOX, 450, AT(0));
	o.suppress = true;
	settle_one(o);
	assert_int_equal(suppressed(2), 0);
}

static void test_store_strikes_what_is_not_the_recipients_fault_never_counts(void **)
{
	forget_all();
	static const enum bounce_class others[] = {
		CLASS_RELAY_DENIED, CLASS_RATE_LIMITED,     CLASS_GREYLISTED,
		CLASS_REPUTATION,   CLASS_AUTH_FAILURE,     CLASS_SENDER_REJECTED,
		CLASS_SPAM_CONTENT, CLASS_CONTENT_REJECTED, CLASS_MESSAGE_TOO_LARGE,
		CLASS_POLICY,       CLASS_REMOTE_FAILURE,   CLASS_NETWORK,
		CLASS_EXPIRED,      CLASS_PROTOCOL_ERROR,   CLASS_AUTO_REPLY,
	};
	for (int day = 0; day < 28; day += 4)
		for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
			struct store_outcome o = refused(3, others[i], 550, AT(day));
			o.suppress = true; /* not even when somebody says so */
			settle_one(o);
		}
	assert_int_equal(suppressed(3), 0);
	assert_int_equal(strikes(3), 0);
	assert_int_equal(number("select count(*) from suppressions_scoped"), 0);
}

static void test_store_strikes_inactive_needs_a_week(void **)
{
	forget_all();
	settle_one(refused(4, CLASS_INACTIVE_MAILBOX, 550, AT(0)));
	settle_one(refused(4, CLASS_INACTIVE_MAILBOX, 550, AT(6)));
	assert_int_equal(suppressed(4), 0);
	settle_one(refused(4, CLASS_INACTIVE_MAILBOX, 550, AT(7)));
	assert_int_equal(suppressed(4), CLASS_INACTIVE_MAILBOX);

	struct store_outcome o = refused(5, CLASS_INACTIVE_MAILBOX, 550, AT(0));
	o.suppress = true; /* Gmail's 5.2.1 */
	settle_one(o);
	assert_int_equal(suppressed(5), CLASS_INACTIVE_MAILBOX);
}

static void test_store_strikes_full_needs_five_over_two_weeks_in_a_row(void **)
{
	forget_all();
	for (int i = 0; i < 12; i++) /* one mailing, every four hours */
		settle_one(refused(6, CLASS_MAILBOX_FULL, 452, AT(0) + i * 4 * USEC_HOUR));
	assert_int_equal(strikes(6), 12);
	assert_int_equal(suppressed(6), 0);
	settle_one(refused(6, CLASS_MAILBOX_FULL, 552, AT(14)));
	assert_int_equal(suppressed(6), CLASS_MAILBOX_FULL);
	assert_int_equal(
		number("select count(*) from suppressions where reason = 4 and expires_at "
		       "= seen_at + interval '180 days'"),
		1);

	/* A delivery between them: the row begins anew. */
	for (int day = 0; day < 12; day += 4)
		settle_one(refused(7, CLASS_MAILBOX_FULL, 452, AT(day)));
	struct store_outcome delivered = outcome_of(campaign, 1, 7);
	delivered.at_wall = AT(12);
	settle_one(delivered);
	assert_int_equal(strikes(7), 0);
	settle_one(refused(7, CLASS_MAILBOX_FULL, 452, AT(15)));
	settle_one(refused(7, CLASS_MAILBOX_FULL, 452, AT(20)));
	assert_int_equal(strikes(7), 2);
	assert_int_equal(suppressed(7), 0);
}

static void test_store_strikes_unknown_needs_three_days(void **)
{
	forget_all();
	for (int i = 0; i < 9; i++) /* three an hour apart, on each of the days 0, 1, 2 */
		settle_one(refused(8, CLASS_UNKNOWN, 550, AT(i / 3) + i % 3 * USEC_HOUR));
	assert_int_equal(suppressed(8), CLASS_UNKNOWN);
	struct store_outcome batch[6];
	for (int i = 0; i < 6; i++)
		batch[i] = refused(9, CLASS_UNKNOWN, 550, AT(i / 3) + i % 3 * USEC_HOUR);
	assert_int_equal(settle(batch, 6, NULL, 0), STORE_OK);
	assert_int_equal(strikes(9), 6);
	assert_int_equal(suppressed(9), 0);
	settle_one(refused(9, CLASS_UNKNOWN, 450, AT(3))); /* 4yz does not count */
	assert_int_equal(suppressed(9), 0);
}

static void test_store_strikes_old_ones_do_not_count(void **)
{
	forget_all();
	settle_one(refused(10, CLASS_INACTIVE_MAILBOX, 550, AT(-100)));
	settle_one(refused(10, CLASS_INACTIVE_MAILBOX, 550, AT(0)));
	assert_int_equal(suppressed(10), 0);
	assert_int_equal(strikes(10), 1);
	settle_one(refused(10, CLASS_INACTIVE_MAILBOX, 550, AT(8)));
	assert_int_equal(suppressed(10), CLASS_INACTIVE_MAILBOX);
}

static void test_store_strikes_refusal_holds_for_the_sender_only(void **)
{
	forget_all();
	assert_int_equal(live_exec(live_admin, "update templates set settings = "
					       "'{\"from_address\": \"News@Sender.test\"}'"),
			 0);
	settle_one(refused(11, CLASS_RECIPIENT_REFUSED, 550, AT(0)));
	assert_int_equal(number("select count(*) from suppressions_scoped"), 0);
	settle_one(refused(11, CLASS_RECIPIENT_REFUSED, 550, AT(1)));
	assert_int_equal(suppressed(11), 0);
	assert_string_equal(
		live_value("select sender || ' ' || subscriber_id || ' ' || reason from "
			   "suppressions_scoped"),
		"news@sender.test 11 5");
	assert_string_equal(
		live_value("select string_agg(subscriber_id || ' ' || reason, ',') from "
			   "scoped_out(1, (select max(id) from campaigns), 1, 100, null)"),
		"11 5");
	assert_int_equal(live_exec(live_admin, "update templates set settings = "
					       "'{\"from_address\": \"other@sender.test\"}'"),
			 0);
	assert_int_equal(number("select count(*) from "
				"scoped_out(1, (select max(id) from campaigns), 1, 100, null)"),
			 0);
}

static struct store_outcome no_domain(uint64_t id, usec at)
{
	struct store_outcome o = refused(id, CLASS_BAD_DOMAIN, 550, at);
	o.origin = REPLY_LOCAL;
	o.stage = STAGE_ROUTE;
	o.provider = STR("");
	return o;
}

static void test_store_strikes_a_domain_goes_at_the_second_sighting(void **)
{
	forget_all();
	assert_int_equal(live_exec(live_admin,
				   "update subscribers set domain = 'gone.test' where "
				   "id between 21 and 30"),
			 0);
	/* DNS alone must say so again after a day, of whichever address. */
	settle_one(no_domain(21, AT(0)));
	settle_one(no_domain(22, AT(0) + USEC_HOUR));
	assert_int_equal(suppressed(21), 0);
	assert_int_equal(number("select count(*) from suppressions_scoped"), 0);
	settle_one(no_domain(21, AT(1)));
	assert_int_equal(suppressed(21), CLASS_BAD_DOMAIN);
	assert_int_equal(suppressed(22), 0);
	assert_string_equal(
		live_value("select domain || ' ' || reason from suppressions_scoped"),
		"gone.test 3");
	assert_int_equal(number("select count(*) from "
				"scoped_out(1, (select max(id) from campaigns), 1, 100, null)"),
			 10);
	assert_int_equal(number("select count(*) from scoped_out(1, (select max(id) from "
				"campaigns), 1, 2000, array[5, 22, 30, 1999]::bigint[])"),
			 2);

	/* A null MX: the address at once, the domain with the second address. */
	forget_all();
	struct store_outcome o = no_domain(23, AT(0));
	o.suppress = true;
	settle_one(o);
	assert_int_equal(suppressed(23), CLASS_BAD_DOMAIN);
	assert_int_equal(number("select count(*) from suppressions_scoped"), 0);
	o = no_domain(24, AT(0));
	o.suppress = true;
	settle_one(o);
	assert_int_equal(number("select count(*) from suppressions_scoped"), 1);
}

static void test_store_strikes_are_settled_once(void **)
{
	forget_all();
	struct store_outcome o = refused(12, CLASS_MAILBOX_FULL, 452, AT(0));
	const struct store_outcome *rows[] = {&o};
	settle_one(o);
	struct store_settle again = {.request.on_done = quiet,
				     .engine_id = engine_id,
				     .epoch = epoch,
				     .outcomes = rows,
				     .count = 1,
				     .old_position = position - 100,
				     .new_position = position};
	store_settle(store, &again);
	assert_int_equal(again.request.result, STORE_FENCED);
	assert_int_equal(strikes(12), 1);
	assert_int_equal(number("select deferred from provider_days"), 1);
}

static void test_store_strikes_later_delivery_in_a_batch_settles_it(void **)
{
	forget_all();
	struct store_outcome batch[3] = {refused(13, CLASS_MAILBOX_FULL, 452, AT(0)),
					 outcome_of(campaign, 1, 13),
					 refused(14, CLASS_MAILBOX_FULL, 452, AT(0))};
	assert_int_equal(settle(batch, 3, NULL, 0), STORE_OK);
	assert_int_equal(strikes(13), 0);
	assert_int_equal(strikes(14), 1);
}

static void test_store_providers_are_counted_by_day(void **)
{
	forget_all();
	struct store_outcome batch[5] = {refused(31, CLASS_BAD_MAILBOX, 550, AT(0)),
					 refused(32, CLASS_GREYLISTED, 450, AT(0)),
					 refused(33, CLASS_REPUTATION, 550, AT(1)),
					 outcome_of(campaign, 1, 34), no_domain(35, AT(0))};
	batch[3].at_wall = AT(1);
	assert_int_equal(settle(batch, 5, NULL, 0), STORE_OK);
	assert_int_equal(settle(batch, 1, NULL, 0), STORE_OK);
	assert_string_equal(
		live_value("select string_agg(answers || ' ' || bad_mailbox || ' ' || "
			   "deferred || ' ' || blocked || ' ' || delivered, ', ' order by "
			   "day) from provider_days where provider = 'gmail'"),
		"3 2 1 0 0, 2 0 0 1 1");
	assert_string_equal(live_value("select answers || ' ' || bad_mailbox from "
				       "provider_days where provider = ''"),
			    "0 0");
	assert_string_equal(live_value("select answers || ' ' || rate from provider_usual(1)"),
			    "5 0.4");
}

static void test_store_suppressions_decay(void **)
{
	forget_all();
	for (int i = 0; i < 5; i++)
		settle_one(refused(41, CLASS_MAILBOX_FULL, 552, AT(i * 4)));
	assert_int_equal(suppressed(41), CLASS_MAILBOX_FULL);
	assert_int_equal(live_exec(live_admin,
				   "update suppressions set expires_at = now() - interval "
				   "'1 s' where reason = 4"),
			 0);
	struct store_providers_load r = {.request.on_done = done, .arena = &arena};
	store_providers_load(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	assert_int_equal(suppressed(41), 0);
	assert_int_equal(number("select count(*) from suppressions where reason = 4"), 0);
}

static int setup_strikes(void **state)
{
	if (setup(state) != 0)
		return -1;
	base = (clock_wall() / USEC_DAY - 28) * USEC_DAY + 12 * USEC_HOUR;
	campaign = new_campaign("strikes", "state = 1");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_store_strikes_dead_mailbox_is_suppressed_with_its_evidence),
		cmocka_unit_test(test_store_strikes_a_4yz_never_suppresses_at_once),
		cmocka_unit_test(
			test_store_strikes_what_is_not_the_recipients_fault_never_counts),
		cmocka_unit_test(test_store_strikes_inactive_needs_a_week),
		cmocka_unit_test(test_store_strikes_full_needs_five_over_two_weeks_in_a_row),
		cmocka_unit_test(test_store_strikes_unknown_needs_three_days),
		cmocka_unit_test(test_store_strikes_old_ones_do_not_count),
		cmocka_unit_test(test_store_strikes_refusal_holds_for_the_sender_only),
		cmocka_unit_test(test_store_strikes_a_domain_goes_at_the_second_sighting),
		cmocka_unit_test(test_store_strikes_are_settled_once),
		cmocka_unit_test(test_store_strikes_later_delivery_in_a_batch_settles_it),
		cmocka_unit_test(test_store_providers_are_counted_by_day),
		cmocka_unit_test(test_store_suppressions_decay),
	};

	return cmocka_run_group_tests(tests, setup_strikes, teardown);
}
