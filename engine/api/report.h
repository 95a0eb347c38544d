/* report.h - what came of a campaign, in numbers that add up.
 * Read from slices (who was meant), tallies (what came of them) and deferrals (who waits); the
 * deliveries themselves are asked only for one example a reason. */
#pragma once

#include "engine/api/db.h"
#include "engine/base/usec.h"

#define REPORT_GROUP_LIMIT                                                                     \
	200 /* providers or classes shown apart; the rest counts as "other" */

struct report_group { /* a provider, or a class of one verdict */
	str name;
	uint64_t delivered, deferrals, failed, in_doubt, count;
};

struct report_groups {
	struct report_group items[REPORT_GROUP_LIMIT];
	size_t count;
};

struct report_example {
	str verdict, class, code, status, text, mx_host;
	uint64_t count;
};

/* What `rundbrief plan` said of a provider last, and what came of it. */
struct report_forecast {
	str provider, hold;
	uint64_t recipients;
	usec forecast; /* from the start to the last first attempt; USEC_NEVER: over a year */
	usec fact;     /* the same from the launch, until now; -1: none was made yet */
};

/* Of a letter that has several forms (templates/variant.h). */
struct report_variant {
	int number; /* from 1; 0: the rest, whose name is the winner's; -1: who is held out */
	str name;
	uint64_t share;  /* of 10,000 */
	uint64_t chosen; /* recipients, without those who were suppressed from the start */
	uint64_t delivered, failed, in_doubt, suppressed, cancelled;
	uint64_t deferrals; /* attempts */
	uint64_t left,
		complaints; /* of a list of the campaign since its launch; of this campaign */
};

struct report {
	str id, name, state, reason, subject, revision, lists, excluded, filter;
	bool fully_cut;
	usec created_wall, launched_wall, first_wall, last_wall, finished_wall,
		next_due_wall; /* 0: none */
	uint64_t targeted, deferred_now;
	/* Endings. */
	uint64_t delivered_first, delivered_later, failed, in_doubt, suppressed, cancelled,
		held_out;
	uint64_t attempted; /* recipients, not attempts */
	uint64_t deferrals; /* attempts that ended so */
	struct report_groups providers, failed_classes, suppressed_reasons;
	struct report_example examples[10];
	size_t example_count;
	struct report_forecast *forecasts;
	size_t forecast_count; /* 0: nobody has planned it */
	struct report_variant *variants;
	size_t variant_count; /* 0: the letter has one form */
	uint64_t for_winner;  /* recipients who wait until the winner is named */
};

/* All memory is the command's arena. CLI_GO or an exit code. */
[[nodiscard]] int report_read(struct db *, const struct campaign_row *,
			      struct report *ret_report);
uint64_t report_ended(const struct report *);
/* Targeted and not ended: deferred, under way, or not yet started. */
uint64_t report_open(const struct report *);
/* A finished campaign's targeted is the sum of its endings; an unfinished one's is at least
 * that. */
bool report_holds(const struct report *);
double
report_rate(const struct report *); /* attempted recipients a second, first to last; 0: none */

/* report_forecast.c */
[[nodiscard]] int report_read_forecasts(struct db *, const struct campaign_row *,
					struct report *);
void report_put_forecasts_text(const struct report *, struct buf *out);
void report_put_forecasts_json(const struct report *, struct buf *out); /* ends in a comma */

/* report_variants.c */
[[nodiscard]] int report_read_variants(struct db *, const struct campaign_row *,
				       struct report *);
void report_put_variants_text(const struct report *, struct buf *out);
void report_put_variants_json(const struct report *, struct buf *out); /* ends in a comma */

void report_put_text(const struct report *, struct buf *out);
void report_put_json(const struct report *, struct buf *out);
