/* scenario_list.c - the internets by name: hidden limits from the seed, and the oracle. */
#include "tests/sim/scenario.h"

#include <math.h>
#include <stdio.h>

#define SECONDS(n) ((usec)((n)*1e6))

double scenario_between(struct world *w, double least, double most)
{
	double part = (double)world_below(w, 1000001) / 1e6;
	return least * pow(most / least, part);
}

static double least_of(double a, double b)
{
	return a < b ? a : b;
}

/* Long enough to learn, and not longer: what waits is looked at every minute, so that the work
 * of a run grows with the rate and the square of the time. */
static void set_times(struct plan *p)
{
	double minutes = sqrt(1.5e6 / (p->best_per_second * 60));
	minutes = fmin(fmax(minutes, 60), 300);
	p->until = SECONDS(minutes * 60);
	p->steady_from = p->until / 2;
}

/* A rate of each source and one of all together, as a token bucket each. */
static void plan_gmail(struct world *w, struct plan *p)
{
	struct regime *r = &p->regimes[0];
	double rate = scenario_between(w, 0.3, 10), all = rate * scenario_between(w, 0.8, 3);
	*r = (struct regime){
		.provider = "gmail",
		.sites = 3,
		.per_second = rate,
		.burst = fmax(3, rate * scenario_between(w, 2, 60)),
		.all_per_second = all,
		.all_burst = fmax(3, all * scenario_between(w, 2, 60)),
		.busy_per_mille = 20,
		.over_status = "4.7.28",
		.over_text =
			"our system has detected an unusual rate of mail originating from "
			"your IP address; mail sent from it has been temporarily rate "
			"limited https://support.example.com/mail/?p=UnsolicitedRateLimitError",
	};
	p->regime_count = 1;
	p->source_count = 2;
	p->best_per_second = least_of(2 * rate, all);
	set_times(p);
	snprintf(p->told, sizeof(p->told),
		 "%.2f/s a source (burst %.0f), %.2f/s together (burst %.0f)", rate, r->burst,
		 all, r->all_burst);
}

/* Connections of 20 messages, few of them at once, each message taking its time; and a rate
 * of which TSS04 speaks. */
static void plan_yahoo(struct world *w, struct plan *p)
{
	struct regime *r = &p->regimes[0];
	double rate = scenario_between(w, 0.5, 20), service = scenario_between(w, 0.1, 1.0);
	uint32_t connections = (uint32_t)scenario_between(w, 2, 20.99);
	*r = (struct regime){
		.provider = "yahoo",
		.sites = 3,
		.per_second = rate,
		.burst = fmax(3, rate * scenario_between(w, 2, 60)),
		.connections = connections,
		.messages_per_connection = 20,
		.service = SECONDS(service),
		.over_status = "4.7.0",
		.over_text = "[TSS04] messages from 10.9.0.1 temporarily deferred due to "
			     "unexpected volume or user complaints",
	};
	p->regime_count = 1;
	p->source_count = 1;
	p->best_per_second = least_of(rate, (connections < 10 ? connections : 10) / service);
	set_times(p);
	snprintf(p->told, sizeof(p->told),
		 "%.2f/s (burst %.0f), %u connections of 20 messages, %.2f s a message", rate,
		 r->burst, connections, service);
}

/* A quota for each hour of the clock. */
static void plan_hourly(struct world *w, struct plan *p)
{
	uint32_t quota = (uint32_t)scenario_between(w, 200, 2000);
	p->regimes[0] = (struct regime){
		.sites = 1,
		.quota = quota,
		.window = USEC_HOUR,
		.window_from = (usec)world_below(w, (uint64_t)USEC_HOUR),
		.over_status = "4.7.1",
		.over_text = "your host has exceeded the limit of messages an hour",
	};
	p->regime_count = 1;
	p->source_count = 1;
	p->best_per_second = quota / 3600.0;
	p->steady_from = 4 * USEC_HOUR + p->regimes[0].window_from;
	p->until = p->steady_from + 4 * USEC_HOUR;
	snprintf(p->told, sizeof(p->told), "%u an hour by the clock", quota);
}

/* A provider with a rate that answers nothing but 421 for an hour, and then is well. */
static void plan_storm(struct world *w, struct plan *p)
{
	double rate = scenario_between(w, 0.3, 3);
	p->uncounted_from = (30 + (usec)world_below(w, 30)) * USEC_MINUTE;
	p->uncounted_until = p->uncounted_from + USEC_HOUR;
	p->regimes[0] = (struct regime){
		.provider = "microsoft",
		.sites = 3,
		.per_second = rate,
		.burst = fmax(3, rate * scenario_between(w, 2, 60)),
		.storm_from = p->uncounted_from,
		.storm_until = p->uncounted_until,
		.over_status = "4.7.28",
		.over_text = "you send too fast, slow down",
	};
	p->regime_count = 1;
	p->source_count = 1;
	p->best_per_second = rate;
	/* A quarter of an hour to notice that it is over. */
	p->steady_from = p->uncounted_until + 15 * USEC_MINUTE;
	p->until = p->steady_from + 45 * USEC_MINUTE;
	snprintf(p->told, sizeof(p->told), "%.2f/s, nothing but 421 from %.0f to %.0f min",
		 rate, (double)p->uncounted_from / 60e6, (double)p->uncounted_until / 60e6);
}

/* Everybody greylists by triple: two attempts a message, at the rate that is configured. */
static void plan_greylist(struct world *w, struct plan *p)
{
	p->known_per_second = scenario_between(w, 0.5, 5);
	p->regimes[0] = (struct regime){
		.sites = 3,
		.greylist = 5 * USEC_MINUTE,
		.over_status = "4.7.1",
		.over_text = "no",
	};
	p->regime_count = 1;
	p->source_count = 1;
	p->best_per_second = 3 * p->known_per_second / 2;
	set_times(p);
	snprintf(p->told, sizeof(p->told), "3 sites, %.2f attempts a second at each",
		 p->known_per_second);
}

const struct scenario scenarios[] = {
	{"gmail", "rates of a source and of all together", plan_gmail, NULL},
	{"yahoo", "20 messages a connection, few connections, a rate", plan_yahoo, NULL},
	{"hourly", "a quota for each hour of the clock", plan_hourly, NULL},
	{"storm", "an hour of nothing but 421", plan_storm, NULL},
	{"greylist", "everybody greylists for five minutes", plan_greylist, NULL},
	{"incident", "live users are unknown for two hours", scenario_plan_incident,
	 scenario_judge_incident},
	{"warmup", "a month of a new source beside a warm one", scenario_plan_warmup,
	 scenario_judge_warmup},
	{"nonsense", "garbage, and 250 and 421 in turn", scenario_plan_nonsense,
	 scenario_judge_nonsense},
	{"block", "accepts, and then lists the first source", scenario_plan_block,
	 scenario_judge_block},
};
const unsigned scenario_count = sizeof(scenarios) / sizeof(scenarios[0]);
