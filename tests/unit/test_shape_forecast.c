/* test_shape_forecast.c - forecasts against what pencil and paper say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/io/heap.h"
#include "engine/shape/forecast.h"

#define TRIP (50 * USEC_MS)
#define REPLY (50 * USEC_MS)

static struct forecast_flow flow_of(uint64_t recipients, uint32_t connections,
				    const char *message_rate, const char *connection_rate)
{
	struct forecast_flow flow = {.recipients = recipients, .paths = 1};
	flow.limits.connections = connections;
	flow.limits.idle_close = USEC_MINUTE;
	assert_true(rate_parse(str_of(message_rate), &flow.limits.message_rate));
	assert_true(rate_parse(str_of(connection_rate), &flow.limits.connection_rate));
	return flow;
}

/* One message after the other, each for as long as it takes. */
static void pin_lockstep(struct forecast_flow *flow)
{
	flow->limits.habits = habit_rule_default;
	flow->limits.habits.pinned = true;
	flow->limits.habits.flight = FLIGHT_LOCKSTEP;
}

static struct forecast run(struct forecast_flow *flows, size_t count, struct forecast asked)
{
	struct arena arena;
	asked.flows = flows;
	asked.flow_count = count;
	asked.assumption = (struct forecast_assumption){.round_trip = TRIP,
							.reply = REPLY,
							.open_trips = 4,
							.chunking = true,
							.message_size = 20000};
	asked.retry = retry_schedule_default;
	arena_init(&arena, heap_source(), 0, 64u << 20);
	assert_int_equal(forecast_run(&asked, &arena), 0);
	arena_done(&arena);
	return asked;
}

static void assert_near(usec found, usec wanted, double tolerance)
{
	double ratio = (double)found / (double)wanted;
	if (ratio < 1 - tolerance || ratio > 1 + tolerance)
		fail_msg("%.3f s, not %.3f s", (double)found / 1e6, (double)wanted / 1e6);
}

static void test_forecast_keeps_to_a_message_rate(void **)
{
	struct forecast_flow flow = flow_of(10000, 10, "100/min", "unlimited");
	struct forecast f = run(&flow, 1, (struct forecast){});
	/* It begins at a sixteenth, as paths do, and doubles until it has all. */
	assert_true(flow.end_at > 100 * USEC_MINUTE && flow.end_at < 103 * USEC_MINUTE);
	assert_true(f.end_at == flow.end_at && f.tail_at == flow.end_at);
	assert_int_equal(flow.hold, HOLD_MESSAGE_RATE);
	assert_true(flow.hold_since < USEC_SECOND);
	assert_true(flow.per_hour > 5800 && flow.per_hour < 6000);
}

static void test_forecast_of_a_million_is_that_of_a_thousand_times_more(void **)
{
	struct forecast_flow flow = flow_of(1000000, 5, "50/s", "unlimited");
	(void)run(&flow, 1, (struct forecast){});
	assert_near(flow.end_at, 20000 * USEC_SECOND, 0.001);
	flow = flow_of(10000000, 5, "20000/d", "unlimited");
	(void)run(&flow, 1, (struct forecast){});
	assert_true(flow.end_at == USEC_NEVER);
	assert_near((usec)(flow.per_hour * 24), 20000, 0.001);
}

static void test_forecast_counts_round_trips(void **)
{
	struct forecast_flow flow = flow_of(1000, 1, "unlimited", "unlimited");
	pin_lockstep(&flow);
	(void)run(&flow, 1, (struct forecast){});
	assert_near(flow.end_at, 4 * TRIP + 999 * (4 * TRIP + REPLY), 0.001);
	assert_int_equal(flow.hold, HOLD_CONNECTIONS);
	flow = flow_of(200000, 7, "unlimited", "unlimited");
	pin_lockstep(&flow);
	(void)run(&flow, 1, (struct forecast){});
	assert_near(flow.end_at, 200000 / 7 * (4 * TRIP + REPLY), 0.005);
}

static void test_forecast_renews_worn_out_connections(void **)
{
	struct forecast_flow flow = flow_of(100000, 4, "unlimited", "unlimited");
	pin_lockstep(&flow);
	flow.limits.messages_per_connection = 2;
	(void)run(&flow, 1, (struct forecast){});
	usec round = 4 * TRIP + 2 * (4 * TRIP + REPLY) + TRIP;
	assert_near(flow.end_at, 100000 / 8 * round, 0.005);
	assert_int_equal(flow.hold, HOLD_CONNECTIONS);
	flow = flow_of(100000, 4, "unlimited", "unlimited");
	pin_lockstep(&flow);
	flow.limits.messages_per_connection = 1;
	(void)run(&flow, 1, (struct forecast){});
	assert_int_equal(flow.hold, HOLD_MESSAGES_PER_CONNECTION);
}

static void test_forecast_keeps_to_a_connection_rate(void **)
{
	struct forecast_flow flow = flow_of(6000, 10, "unlimited", "30/min");
	pin_lockstep(&flow);
	flow.limits.messages_per_connection = 5;
	(void)run(&flow, 1, (struct forecast){});
	assert_near(flow.end_at, 6000 / 5 * 2 * USEC_SECOND, 0.005);
	assert_int_equal(flow.hold, HOLD_CONNECTION_RATE);
}

/* The last connection is closing, and the few that are left deserve no other beside it. */
static void test_forecast_ends_behind_a_closing_connection(void **)
{
	for (uint64_t count = 1; count <= 60; count++) {
		struct forecast_flow flow = flow_of(count, 20, "unlimited", "120/min");
		flow.limits.messages_per_connection = 5;
		(void)run(&flow, 1, (struct forecast){});
		assert_true(flow.end_at < 10 * USEC_SECOND);
	}
}

static void test_forecast_learns_habits(void **)
{
	struct forecast_flow slow = flow_of(100000, 1, "unlimited", "unlimited"), fast = slow;
	pin_lockstep(&slow);
	(void)run(&slow, 1, (struct forecast){});
	(void)run(&fast, 1, (struct forecast){});
	/* A full window: the server's own time is all that is left. */
	assert_true(fast.end_at < 100000 * REPLY * 11 / 10 && fast.end_at < slow.end_at / 4);
}

static void test_forecast_shares_the_connections_of_the_engine(void **)
{
	struct forecast_flow flows[2];
	for (size_t i = 0; i < 2; i++) {
		flows[i] = flow_of(i ? 2 : 20000, i ? 2 : 20, "unlimited", "unlimited");
		pin_lockstep(&flows[i]);
		flows[i].paths = i ? 30000 : 1;
	}
	(void)run(flows, 2, (struct forecast){.connection_limit = 50});
	/* The large one has its twenty; each small site takes thirty in turn. */
	assert_near(flows[0].end_at, 1000 * (4 * TRIP + REPLY), 0.02);
	assert_int_equal(flows[0].hold, HOLD_CONNECTIONS);
	assert_int_equal(flows[1].hold, HOLD_ENGINE_CONNECTIONS);
	usec work = 30000 * (4 * TRIP + 2 * (4 * TRIP + REPLY));
	assert_true(flows[1].end_at < work / 30 * 11 / 10 &&
		    flows[1].end_at > work / 50 * 8 / 10);
}

static void test_forecast_keeps_to_the_rate_of_the_campaign(void **)
{
	struct forecast_flow flows[3];
	struct forecast asked = {};
	assert_true(rate_parse(STR("3000/min"), &asked.campaign_rate));
	for (size_t i = 0; i < 3; i++)
		flows[i] = flow_of(100000, 10, "100/s", "unlimited");
	struct forecast f = run(flows, 3, asked);
	assert_near(f.end_at, 6000 * USEC_SECOND, 0.02);
	assert_int_equal(flows[0].hold, HOLD_CAMPAIGN_RATE);
	asked = (struct forecast){.engine_rate = 150};
	f = run(flows, 3, asked);
	assert_near(f.end_at, 2000 * USEC_SECOND, 0.03);
	assert_int_equal(flows[2].hold, HOLD_ENGINE_RATE);
}

static void test_forecast_tells_when_the_last_retry_is_due(void **)
{
	struct forecast_flow flow = flow_of(1000, 10, "100/s", "unlimited");
	flow.deferred = 0.05;
	struct forecast f = run(&flow, 1, (struct forecast){});
	/* Fifty are deferred, then two or three, then nobody: greylisting waits 5, then 10 min.
	 */
	assert_true(flow.tail_at >= flow.end_at + 10 * USEC_MINUTE);
	assert_true(flow.tail_at <= flow.end_at + USEC_HOUR);
	assert_true(f.tail_at == flow.tail_at);
}

static void test_forecast_keeps_to_a_byte_rate(void **)
{
	struct forecast_flow flow = flow_of(10000, 10, "unlimited", "unlimited");
	assert_true(rate_parse_bytes(STR("100kB/s"), &flow.limits.byte_rate));
	(void)run(&flow, 1, (struct forecast){});
	assert_near(flow.end_at, 2000 * USEC_SECOND, 0.01);
	assert_int_equal(flow.hold, HOLD_BYTE_RATE);
}

static void test_forecast_takes_nothing_to_do(void **)
{
	struct forecast_flow flows[2] = {flow_of(0, 1, "1/d", "unlimited"),
					 flow_of(3, 1, "1/d", "unlimited")};
	struct forecast f = run(flows, 2, (struct forecast){});
	assert_true(flows[0].end_at == 0);
	assert_near(flows[1].end_at, 2 * USEC_DAY, 0.001);
	assert_int_equal(f.last_flow, 1);
	f = run(flows, 0, (struct forecast){});
	assert_true(f.end_at == 0);
}

/* Ten million among three hundred: leaps keep it short, and each still ends where it must. */
static void test_forecast_holds_for_ten_million(void **)
{
	enum { COUNT = 300 };
	static struct forecast_flow flows[COUNT];
	for (size_t i = 0; i < COUNT; i++) {
		flows[i] = flow_of(10000000 / COUNT, 5, "100/s", "100/min");
		flows[i].limits.messages_per_connection = 100;
	}
	struct forecast f = run(flows, COUNT, (struct forecast){.connection_limit = 1000});
	for (size_t i = 0; i < COUNT; i++)
		assert_true(flows[i].end_at > 333 * USEC_SECOND);
	assert_true(f.end_at < 24 * USEC_HOUR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forecast_keeps_to_a_message_rate),
		cmocka_unit_test(test_forecast_of_a_million_is_that_of_a_thousand_times_more),
		cmocka_unit_test(test_forecast_counts_round_trips),
		cmocka_unit_test(test_forecast_renews_worn_out_connections),
		cmocka_unit_test(test_forecast_keeps_to_a_connection_rate),
		cmocka_unit_test(test_forecast_ends_behind_a_closing_connection),
		cmocka_unit_test(test_forecast_learns_habits),
		cmocka_unit_test(test_forecast_shares_the_connections_of_the_engine),
		cmocka_unit_test(test_forecast_keeps_to_the_rate_of_the_campaign),
		cmocka_unit_test(test_forecast_tells_when_the_last_retry_is_due),
		cmocka_unit_test(test_forecast_keeps_to_a_byte_rate),
		cmocka_unit_test(test_forecast_takes_nothing_to_do),
		cmocka_unit_test(test_forecast_holds_for_ten_million),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
