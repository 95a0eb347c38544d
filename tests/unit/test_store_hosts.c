/* test_store_hosts.c - what engines learn about hosts and TLS, in a real PostgreSQL. */
#include "tests/unit/store_flow.h"

#define NOW (clock_wall() / USEC_SECOND * USEC_SECOND)

static int save_hosts(const struct store_host *hosts, size_t count)
{
	struct store_hosts_save r = {.request.on_done = done, .hosts = hosts, .count = count};
	store_hosts_save(store, &r);
	return r.request.result;
}

static struct store_hosts_load load_hosts(size_t limit)
{
	struct store_hosts_load r = {.request.on_done = done, .arena = &arena, .limit = limit};
	store_hosts_load(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	return r;
}

static struct store_host host_of(const char *name, usec changed)
{
	return (struct store_host){.name = str_of(name),
				   .flight = 4,
				   .flight_limit = 2,
				   .window = 12,
				   .messages_per_connection = 20,
				   .proven = 640,
				   .limit_until_wall = changed + 3 * USEC_DAY,
				   .messages_until_wall = changed + 2 * USEC_DAY,
				   .tls_broken_until_wall = changed + USEC_DAY,
				   .note = STR("503 behind the body"),
				   .changed_wall = changed};
}

static void forget_all(void)
{
	assert_int_equal(live_exec(live_admin, "truncate mail_host, tls_result"), 0);
}

static void assert_same_host(const struct store_host *a, const struct store_host *b)
{
	assert_true(str_eq(a->name, b->name));
	assert_true(str_eq(a->note, b->note));
	assert_int_equal(a->flight, b->flight);
	assert_int_equal(a->flight_limit, b->flight_limit);
	assert_int_equal(a->window, b->window);
	assert_int_equal(a->messages_per_connection, b->messages_per_connection);
	assert_int_equal(a->proven, b->proven);
	assert_int_equal(a->limit_until_wall, b->limit_until_wall);
	assert_int_equal(a->messages_until_wall, b->messages_until_wall);
	assert_int_equal(a->tls_broken_until_wall, b->tls_broken_until_wall);
	assert_int_equal(a->changed_wall, b->changed_wall);
}

static void test_store_hosts_come_back_as_they_were(void **)
{
	usec now = NOW;
	struct store_host hosts[2] = {host_of("mx1.example.net", now - 10 * USEC_SECOND),
				      {.name = STR("mx2.example.net"),
				       .window = UINT16_MAX,
				       .note = STR(""),
				       .changed_wall = now - 5 * USEC_SECOND}};
	forget_all();
	assert_int_equal(load_hosts(10).ret_count, 0);
	assert_int_equal(save_hosts(hosts, 2), STORE_OK);
	struct store_hosts_load r = load_hosts(10);
	assert_int_equal(r.ret_count, 2);
	assert_same_host(&r.ret_hosts[0], &hosts[1]);
	assert_same_host(&r.ret_hosts[1], &hosts[0]);
	r = load_hosts(1);
	assert_int_equal(r.ret_count, 1);
	assert_true(str_eq(r.ret_hosts[0].name, STR("mx2.example.net")));
}

static void test_store_hosts_newest_wins_in_any_order(void **)
{
	usec now = NOW;
	struct store_host old = host_of("mx.example.net", now - USEC_HOUR);
	struct store_host new = host_of("mx.example.net", now - USEC_MINUTE);
	new.flight = 1;
	new.note = STR("newer");
	forget_all();
	const struct store_host both[3] = {old, new, old}; /* and several times in one batch */
	assert_int_equal(save_hosts(both, 3), STORE_OK);
	assert_same_host(load_hosts(9).ret_hosts, &new);
	assert_int_equal(save_hosts(&old, 1), STORE_OK);
	assert_int_equal(save_hosts(&new, 1), STORE_OK);
	assert_int_equal(load_hosts(9).ret_count, 1);
	assert_same_host(load_hosts(9).ret_hosts, &new);
}

static void test_store_hosts_a_fast_clock_is_not_right_for_ever(void **)
{
	struct store_host fast = host_of("mx.example.net", NOW + USEC_DAY);
	forget_all();
	assert_int_equal(save_hosts(&fast, 1), STORE_OK);
	assert_true(load_hosts(1).ret_hosts[0].changed_wall < NOW + USEC_MINUTE);
	struct store_host right = host_of("mx.example.net", clock_wall() + 1);
	right.flight = 0;
	assert_int_equal(save_hosts(&right, 1), STORE_OK);
	assert_int_equal(load_hosts(1).ret_hosts[0].flight, 0);
}

static void test_store_hosts_are_forgotten_after_60_days(void **)
{
	usec now = NOW;
	const struct store_host hosts[2] = {host_of("old.example.net", now - 61 * USEC_DAY),
					    host_of("young.example.net", now - 59 * USEC_DAY)};
	forget_all();
	assert_int_equal(save_hosts(hosts, 2), STORE_OK);
	struct store_hosts_load r = load_hosts(9);
	assert_int_equal(r.ret_count, 1);
	assert_true(str_eq(r.ret_hosts[0].name, STR("young.example.net")));
}

static void test_store_hosts_take_hostile_text(void **)
{
	char long_name[300], long_note[1000];
	memset(long_name, 'a', sizeof(long_name));
	memset(long_note, 'n', sizeof(long_note));
	struct store_host hosts[3] = {host_of("a\"b'{},\\", NOW - 3), host_of("x", NOW - 2),
				      host_of("empty", NOW - 1)};
	hosts[0].note = STR("bell \a nul \0 esc \x1b[2J high \xff end");
	hosts[1].name = str_make(long_name, sizeof(long_name));
	hosts[2].name = STR("");
	forget_all();
	assert_int_equal(save_hosts(hosts, 3), STORE_OK);
	struct store_hosts_load r = load_hosts(9);
	assert_int_equal(r.ret_count, 1);
	assert_true(str_eq(r.ret_hosts[0].name, hosts[0].name));
	assert_true(str_eq(r.ret_hosts[0].note, STR("bell   nul ? esc  [2J high ? end")));
	hosts[0].note = str_make(long_note, sizeof(long_note));
	hosts[0].changed_wall++;
	assert_int_equal(save_hosts(hosts, 1), STORE_OK);
	assert_int_equal(load_hosts(9).ret_hosts[0].note.size, 200);
	assert_int_equal(save_hosts(NULL, 0), STORE_OK);
}

static int save_results(const struct store_tls_result *results, size_t count)
{
	struct store_tls_save r = {.request.on_done = done, .results = results, .count = count};
	store_tls_save(store, &r);
	return r.request.result;
}

static struct store_tls_result failure(uint64_t count)
{
	return (struct store_tls_result){.day_wall = clock_wall(),
					 .policy = TLS_POLICY_STS,
					 .policy_domain = STR("example.net"),
					 .policy_text = STR("version: STSv1\nmode: testing"),
					 .fault = TLS_FAULT_EXPIRED,
					 .source_address = STR("192.0.2.1"),
					 .mx_host = STR("mx1.example.net"),
					 .mx_address = STR("2001:db8::1"),
					 .reason = STR("certificate has expired"),
					 .count = count};
}

static void test_store_tls_results_add_up(void **)
{
	struct store_tls_result results[4] = {failure(2), failure(3), failure(1), failure(7)};
	results[2].fault = TLS_FAULT_NONE;
	results[2].reason = STR("");
	results[3].policy_domain = STR("");
	forget_all();
	assert_int_equal(save_results(results, 4), STORE_OK);
	assert_int_equal(save_results(results, 1), STORE_OK);
	assert_string_equal(
		live_value(
			"select string_agg(concat_ws('|', tenant_id, day = (now() at time zone "
			"'UTC')::date, policy_type, policy_domain, length(policy_text), "
			"result_type, sending_ip, receiving_mx, receiving_ip, failure_reason, "
			"count), ' / ' order by result_type) from tls_result"),
		"1|t|sts|example.net|28||192.0.2.1|mx1.example.net|2001:db8::1||1 / "
		"1|t|sts|example.net|28|certificate-expired|192.0.2.1|mx1.example.net|"
		"2001:db8::1|certificate has expired|7");
	assert_int_equal(save_results(NULL, 0), STORE_OK);
}

static void test_store_tls_days_are_those_of_utc(void **)
{
	struct store_tls_result results[2] = {failure(1), failure(1)};
	usec midnight = NOW / USEC_DAY * USEC_DAY;
	results[0].day_wall = midnight - 1;
	results[1].day_wall = midnight;
	forget_all();
	assert_int_equal(save_results(results, 2), STORE_OK);
	assert_int_equal(
		number("select count(distinct day) from tls_result where day in ((now() "
		       "at time zone 'UTC')::date, (now() at time zone 'UTC')::date - 1)"),
		2);
	results[0].day_wall = midnight - 31 * USEC_DAY;
	assert_int_equal(save_results(results, 1), STORE_OK);
	assert_int_equal(number("select count(*) from tls_result"), 2); /* too long ago */
}

#define FLOOD 1500

/* A domain whose hosts give another reason every time does not fill the table, and no session
 * is lost from the count. */
static void test_store_tls_failures_are_bounded(void **)
{
	static struct store_tls_result results[FLOOD];
	static char reasons[FLOOD][32];
	forget_all();
	for (size_t i = 0; i < FLOOD; i++) {
		results[i] = failure(1);
		snprintf(reasons[i], sizeof(reasons[i]), "reason %zu", i);
		results[i].reason = str_of(reasons[i]);
	}
	assert_int_equal(save_results(results, 700), STORE_OK);
	assert_int_equal(number("select count(*) from tls_result"), 700);
	assert_int_equal(save_results(results, FLOOD), STORE_OK);
	assert_int_equal(number("select count(*) from tls_result"), 1001);
	assert_int_equal(number("select sum(count) from tls_result"), 700 + FLOOD);
	assert_int_equal(number("select count from tls_result where failure_reason = ''"), 500);
	assert_int_equal(number("select count(*) from tls_result where failure_reason = '' and "
				"receiving_mx = '' and policy_text = '' and result_type = "
				"'certificate-expired'"),
			 1);
	struct store_tls_result more[3] = {results[0], results[1], results[2]};
	more[0].fault = TLS_FAULT_NONE; /* a success still has room */
	more[1].policy_domain = STR("other.test");
	assert_int_equal(save_results(more, 3), STORE_OK);
	assert_int_equal(number("select count(*) from tls_result where result_type = '' and "
				"policy_text <> ''"),
			 1);
	assert_int_equal(number("select count(*) from tls_result where policy_domain = "
				"'other.test' and failure_reason = 'reason 1'"),
			 1);
	assert_int_equal(
		number("select count from tls_result where failure_reason = 'reason 2'"), 3);
}

static void test_store_tls_texts_are_bounded(void **)
{
	static char text[100000];
	memset(text, 'p', sizeof(text));
	for (size_t i = 0; i < sizeof(text); i += 100)
		text[i] = i % 1000 == 0 ? '\n' : '\xff';
	struct store_tls_result result = failure(1);
	str all = str_make(text, sizeof(text));
	result.policy_domain = result.policy_text = all;
	result.source_address = result.mx_host = result.mx_address = result.reason = all;
	forget_all();
	assert_int_equal(save_results(&result, 1), STORE_OK);
	assert_string_equal(
		live_value("select concat_ws(' ', octet_length(policy_domain), "
			   "octet_length(policy_text), octet_length(sending_ip), "
			   "octet_length(receiving_mx), octet_length(receiving_ip), "
			   "octet_length(failure_reason)) from tls_result"),
		"253 4000 45 255 45 200");
	assert_int_equal(save_results(&result, 1), STORE_OK);
	assert_int_equal(number("select count from tls_result"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_hosts_come_back_as_they_were),
		cmocka_unit_test(test_store_hosts_newest_wins_in_any_order),
		cmocka_unit_test(test_store_hosts_a_fast_clock_is_not_right_for_ever),
		cmocka_unit_test(test_store_hosts_are_forgotten_after_60_days),
		cmocka_unit_test(test_store_hosts_take_hostile_text),
		cmocka_unit_test(test_store_tls_results_add_up),
		cmocka_unit_test(test_store_tls_days_are_those_of_utc),
		cmocka_unit_test(test_store_tls_failures_are_bounded),
		cmocka_unit_test(test_store_tls_texts_are_bounded),
	};
	return cmocka_run_group_tests_name("store hosts", tests, setup, teardown);
}
