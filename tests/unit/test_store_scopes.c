/* test_store_scopes.c - suppressions for one list, one sender or a domain, as a slice is read,
 * in a real PostgreSQL. */
#include "tests/unit/store_flow.h"

static const struct store_recipient *recipient(const struct store_read *r, uint64_t id)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->ids[i] == id)
			return &r->ret_recipients[i];
	return NULL;
}

static void scope(const char *columns, const char *values)
{
	char statement[400];
	snprintf(statement, sizeof(statement),
		 "insert into suppressions_scoped (tenant_id, reason, %s) values (1, 100, %s)",
		 columns, values);
	assert_int_equal(live_exec(live_admin, statement), 0);
}

static void scope_address(uint64_t id, const char *columns, const char *values)
{
	char names[200], all[300];
	snprintf(names, sizeof(names), "address_hash, address, %s", columns);
	snprintf(all, sizeof(all), "address_hash('p%llu@example.com'), 'p%llu@example.com', %s",
		 (unsigned long long)id, (unsigned long long)id, values);
	scope(names, all);
}

static struct store_lease leased(uint64_t campaign)
{
	cut(campaign, 400);
	struct store_lease l = lease(campaign);
	assert_true(l.ret_slice_id != 0 && l.ret_count > 300);
	return l;
}

static void send_from(const char *address)
{
	char statement[200];
	snprintf(statement, sizeof(statement),
		 "update templates set settings = '{\"from_address\": \"%s\"}'", address);
	assert_int_equal(live_exec(live_admin, statement), 0);
}

static void forget_scopes(void)
{
	assert_int_equal(
		live_exec(live_admin, "delete from suppressions_scoped; delete from stops"), 0);
}

static void test_store_scopes_hold_for_their_sender_list_and_domain(void **)
{
	forget_scopes();
	uint64_t campaign = new_campaign("scopes", "state = 1");
	send_from("News@Sender.test");
	scope_address(11, "sender", "'news@sender.test'");
	scope_address(12, "sender", "'sender.test'");
	scope_address(13, "sender", "'other.test'");
	scope_address(14, "list_id", "1");
	scope_address(15, "list_id", "2");
	scope_address(16, "list_id, sender", "1, 'other.test'");
	assert_int_equal(live_exec(live_admin,
				   "update subscribers set domain = 'gone.test' where id = 17;"
				   "update subscribers set domain = 'half.test' where id = 18"),
			 0);
	scope("domain", "'gone.test'");
	scope("domain, sender", "'half.test', 'other.test'");
	struct store_lease l = leased(campaign);
	struct store_read r = read_slice(&l, NULL, 0);
	static const uint64_t kept_off[] = {11, 12, 14, 17}, reached[] = {13, 15, 16, 18, 19};
	for (size_t i = 0; i < 4; i++) {
		assert_true(recipient(&r, kept_off[i])->suppressed);
		assert_string_equal(recipient(&r, kept_off[i])->suppression_reason, "manual");
	}
	for (size_t i = 0; i < 5; i++)
		assert_false(recipient(&r, reached[i])->suppressed);

	/* The same for ids that lie far apart. */
	uint64_t few[] = {12, 17, 18, 390};
	struct store_lease sparse = {.ret_campaign_id = campaign,
				     .ret_slice_id = l.ret_slice_id,
				     .ret_ids = few,
				     .ret_count = 4};
	r = read_slice(&sparse, NULL, 0);
	assert_true(r.ret_recipients[0].suppressed && r.ret_recipients[1].suppressed);
	assert_false(r.ret_recipients[2].suppressed || r.ret_recipients[3].suppressed);
}

static void test_store_scopes_of_one_list_leave_the_others(void **)
{
	forget_scopes();
	uint64_t campaign = new_campaign("two lists", "list_ids = '{1, 2}'");
	scope_address(1, "list_id", "1"); /* is staff, too */
	scope_address(2, "list_id", "1");
	struct store_lease l = leased(campaign);
	struct store_read r = read_slice(&l, NULL, 0);
	assert_false(recipient(&r, 1)->suppressed);
	assert_true(recipient(&r, 2)->suppressed);
}

static void test_store_scopes_stop_what_is_under_way(void **)
{
	assert_int_equal(live_exec(live_admin, "update campaigns set state = 3"), 0);
	uint64_t mine = new_campaign("mine", "state = 1"),
		 other = new_campaign("other", "state = 2");
	char statement[200];
	send_from("news@mine.test");
	snprintf(statement, sizeof(statement),
		 "update templates set settings = '{\"from_address\": \"news@other.test\"}' "
		 "where "
		 "campaign_id = %llu",
		 (unsigned long long)other);
	assert_int_equal(live_exec(live_admin, statement), 0);
	forget_scopes();
	scope_address(21, "sender", "'mine.test'");
	snprintf(statement, sizeof(statement), "%llu 21 100", (unsigned long long)mine);
	assert_string_equal(
		live_value("select string_agg(campaign_id || ' ' || subscriber_id || ' ' "
			   "|| reason, ',') from stops where kind = 3"),
		statement);
}

static void test_store_scopes_find_whoever_comes_back(void **)
{
	forget_scopes();
	scope("address_hash, address, sender",
	      "address_hash('new@example.com'), 'new@example.com', 'mine.test'");
	assert_int_equal(
		live_exec(live_admin,
			  "insert into subscribers (tenant_id, address, address_key, domain) "
			  "values (1, 'new@example.com', 'new@example.com', 'example.com')"),
		0);
	assert_int_equal(
		number("select count(*) from suppressions_scoped x join subscribers s on s.id "
		       "= x.subscriber_id where s.address_key = 'new@example.com'"),
		1);
	assert_int_equal(
		live_exec(live_admin,
			  "delete from subscribers where address_key = 'new@example.com'"),
		0);
	assert_int_equal(
		number("select count(*) from suppressions_scoped where subscriber_id is null"),
		1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_scopes_hold_for_their_sender_list_and_domain),
		cmocka_unit_test(test_store_scopes_of_one_list_leave_the_others),
		cmocka_unit_test(test_store_scopes_stop_what_is_under_way),
		cmocka_unit_test(test_store_scopes_find_whoever_comes_back),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
