/* why.h - what `rundbrief why` knows: one person's mail, a domain's, a campaign's.
 * Everything is found by an index: answers come at once, also while millions wait. */
#pragma once

#include "engine/api/path_rows.h"

#define WHY_MAIL_LIMIT 5      /* campaigns of one person: those launched last */
#define WHY_WAITS_LIMIT 50    /* providers, or campaigns, that recipients wait for */
#define WHY_COUNT_LIMIT 10000 /* more are not counted */

/* A domain, and everything that stands between it and its mail. */
struct why_wait { /* of a site: by campaign; of a campaign: by provider */
	str name, state;
	uint64_t count;
	usec next_due_wall;
};
struct why_waits {
	struct why_wait items[WHY_WAITS_LIMIT];
	size_t count;
};
struct why_place {
	str domain, site, provider,
		mx_hosts; /* site data NULL: no engine has had mail for it */
	usec seen_wall;
	struct path_rows paths;
	struct why_waits waits;
};

/* A campaign's message to one person. */
struct why_mail {
	str id, name, state;
	bool fully_cut, reached; /* the cut has come to this person */
	bool on_list, in_slice, left_out, deferred;
	bool held_out; /* left out by chance, to compare with */
	/* The last attempt, or the ending without one; verdict empty: none yet. */
	str verdict, class, code, status, text, mx_host, source;
	bool final;
	uint64_t attempts;
	usec at_wall;
	usec due_wall; /* of a deferral that nobody has claimed yet; 0: none */
	/* The slice that holds the person now; state empty: none. */
	str slice_state, slice_engine;
	bool engine_works;
	usec slice_due_wall;
};
struct why_person {
	str email, id; /* id data NULL: no subscriber */
	str lists, suppressed, reason, suppressed_by;
	usec suppressed_wall;
	uint64_t engine_count; /* at work */
	struct why_mail mail[WHY_MAIL_LIMIT];
	size_t mail_count;
	struct why_place place;
};

struct why_campaign {
	str id, name, state;
	bool fully_cut;
	uint64_t due, later, leased, orphaned; /* recipients in slices */
	usec next_slice_wall, launched_wall, finished_wall;
	str leased_by;
	str reason;      /* why it paused or ended by itself; empty: it did not */
	usec opens_wall; /* its send window is closed until then; 0: it is open */
	uint64_t engine_count;
	struct why_waits waits;
	struct path_rows paths; /* the busiest, whoever's mail it is */
	uint64_t for_winner;    /* recipients who wait until the winner is named */
};

/* All memory is the command's arena. CLI_GO or an exit code after a sentence. */
[[nodiscard]] int why_read_place(struct db *, const char *domain, struct why_place *);
[[nodiscard]] int why_read_person(struct db *, str key, struct why_person *);
[[nodiscard]] int why_read_campaign(struct db *, const struct campaign_row *,
				    struct why_campaign *);

void why_put_place(struct buf *out, const struct why_place *, usec now_wall);
void why_put_person(struct buf *out, const struct why_person *, usec now_wall);
void why_put_campaign(struct buf *out, const struct why_campaign *, usec now_wall);
/* One sentence: why it is not delivered, or that it is. The same in text and JSON. */
void why_put_sentence(struct buf *out, const struct why_person *, const struct why_mail *,
		      usec now_wall);
void why_put_campaign_sentence(struct buf *out, const struct why_campaign *, usec now_wall);

void why_put_place_json(struct buf *out, const struct why_place *);
void why_put_person_json(struct buf *out, const struct why_person *, usec now_wall);
void why_put_campaign_json(struct buf *out, const struct why_campaign *, usec now_wall);
