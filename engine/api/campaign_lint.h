/* campaign_lint.h - all that is wrong with a campaign before anybody gets it: what its sources
 * show (templates/lint.h), what the lists say of the attributes it reads, and messages rendered
 * for some of its recipients. From counts that imports keep, so it takes no longer on ten
 * million. */
#pragma once

#include "engine/api/campaign_dir.h"
#include "engine/api/db.h"
#include "templates/lint.h"

struct campaign_lint {
	struct lint lint;
	struct lint_source source;
	struct lint_field *fields;
	uint64_t *field_counts; /* recipients who have each; UINT64_MAX: not counted */
	size_t field_count;
	uint64_t recipients;
	bool counted; /* recipients and field_counts are set: it has an audience */
	bool about;   /* they are an upper bound: several lists, or too many suppressed */
	size_t message_size, html_size; /* the largest of some; html_size as it is sent */
	str sample_email;               /* whose it was; empty: nobody's */
	str lists, exclude, filter;     /* as JSON, and as written; filter data NULL: none */
};

/* A folder as it is now; what the database has of it is not asked for. CLI_GO, or an exit code
 * after a sentence; that something was found is no such. */
[[nodiscard]] int campaign_lint_folder(struct db *, const struct campaign_dir *,
				       struct campaign_lint *ret);
/* The newest revision of a stored campaign. */
[[nodiscard]] int campaign_lint_stored(struct db *, const struct campaign_row *,
				       struct campaign_lint *ret);
/* Counts the lists of a campaign or folder again before it is asked about them. */
[[nodiscard]] int campaign_lint_recount(struct db *, const struct campaign_lint *);

/* Parts, size, fields and findings; the severities from least on. */
void campaign_lint_text(const struct campaign_lint *, enum lint_severity least,
			struct buf *out);
/* Only findings, and how many there are. */
void campaign_lint_findings(const struct campaign_lint *, enum lint_severity least,
			    struct buf *out);
/* Members of an object, without its braces. */
void campaign_lint_json(const struct campaign_lint *, struct buf *out);
void campaign_lint_csv(struct cli *, const struct campaign_lint *);

/* lint_data.c: what the lists say. CLI_GO or an exit code. */
[[nodiscard]] int campaign_lint_data(struct db *, struct campaign_lint *);
/* CLI_GO; EXIT_INVALID after telling that lint_off names what no rule is called. */
[[nodiscard]] int campaign_lint_check_off(struct cli *, str file, const struct key_list *);
