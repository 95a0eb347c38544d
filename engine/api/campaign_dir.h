/* campaign_dir.h - a campaign as a folder that people keep in version control.
 *   campaign.conf   name, subject, from, lists, ... (`rundbrief help campaign`)
 *   body.html       the letter; body.txt its plain text (one of the two is enough)
 *   partials/       NAME.liquid for {% render 'NAME' %}
 *   body.amp.html, images/ and whatever campaign.conf names: see campaign_parts.h
 *   data.json       an object: what {{ campaign.* }} says beside the campaign's name
 *   locales/        de.json, en.json for {{ "key" | t }}
 * Reading ends in the settings object and the bodies as the database keeps them. */
#pragma once

#include "engine/api/cli.h"
#include "engine/api/keys.h"
#include "engine/base/usec.h"
#include "templates/links.h"

struct campaign_header {
	str name, value;
};

struct campaign_window {
	str start, end, from, until, zone, recipient_zone;
	bool spread;
};

/* attach "FILE" and inline "FILE" */
struct campaign_file {
	str name; /* the path, from the folder on */
	str shown, type, cid;
	str bytes;
};

/* calendar "FILE" */
struct campaign_calendar {
	str name, shown, method;
	int as; /* enum campaign_calendar_as */
};
enum campaign_calendar_as { CALENDAR_BESIDE, CALENDAR_ATTACHED, CALENDAR_BOTH };

/* attach_from "ATTRIBUTE" */
struct campaign_own_file {
	str name, shown, type;
	bool optional;
};

/* Of a letter (A/B): what is empty is as in the letter. */
struct campaign_variant {
	str name, subject, from, html_file, text_file;
	double share; /* 0: none is said */
};

struct campaign_dir {
	str name, subject, from, reply_to, filter;
	str list_id, list_name, feedback_id;
	struct key_list lists, exclude;
	str html_file, text_file, partials;
	int kind;     /* enum campaign_kind */
	int in_doubt; /* enum campaign_in_doubt */
	bool require_tls;
	str pool;     /* of sources; empty: as routes say */
	usec expires; /* 0: as retry.expiry says */
	uint64_t weight;
	struct rate rate, byte_rate;
	str sample;
	bool ramp;
	usec in_doubt_wait;
	struct config_breaker breaker;
	struct campaign_window window;
	int tracking; /* enum campaign_tracking */
	bool track_opens, track_text;
	struct campaign_utm {
		str source, medium, campaign, term, content;
	} utm;
	struct key_list lint_off;
	str inline_css; /* empty: as campaigns.inline_css says; "none": not at all */
	struct campaign_header *headers;
	size_t header_count;
	struct key_setting *set; /* what the file sets */
	str amp_file;
	int encoding; /* enum campaign_encoding */
	uint64_t attachment_limit;
	struct campaign_file *attached, *inlined;
	struct campaign_calendar *calendars;
	struct campaign_own_file *own_files;
	size_t attached_count, inlined_count, calendar_count, own_file_count;
	str locales; /* folder */
	str locale, recipient_locale, zone, recipient_zone;
	struct campaign_variant *variants;
	size_t variant_count;
	double hold_out; /* share; 0: nobody is left out */
	bool strict_variables, strict_filters;

	/* What reading makes of it; html or text data NULL: has none. */
	str folder, html, text;
	bool text_is_made; /* from the HTML */
	str settings;      /* JSON, as engine/send/content.h describes it */
	str *parts;        /* bytes of the files, in the order of settings.parts */
	size_t part_count;
	str html_written; /* html before its styles were inlined */
	str data_file, data;
	str split; /* shares of the variants, as PostgreSQL's array; see templates/variant.h */
	uint32_t hold_out_parts;
};
enum campaign_kind { CAMPAIGN_NEWSLETTER, CAMPAIGN_TRANSACTIONAL };
enum campaign_encoding { CAMPAIGN_QUOTED_PRINTABLE, CAMPAIGN_8BIT };
enum campaign_tracking {
	CAMPAIGN_TRACKING_OFF,
	CAMPAIGN_TRACKING_ANONYMOUS,
	CAMPAIGN_TRACKING_INDIVIDUAL
};
enum campaign_in_doubt { CAMPAIGN_AS_CONFIGURED, CAMPAIGN_ASSUME, CAMPAIGN_RETRY };

extern const struct key_table campaign_table;

/* Reads the folder. 0, or -1 with FILE:LINE: sentence. All memory is the arena's. */
[[nodiscard]] int campaign_dir_read(const char *folder, const struct config *, struct arena *,
				    struct campaign_dir *ret_campaign, char *ret_why,
				    size_t why_size);
/* The campaign of rows of the outbox that bring their content with them (sql/README.md),
 * written by from. */
[[nodiscard]] int campaign_dir_ready(const char *from, const struct config *, struct arena *,
				     struct campaign_dir *ret_campaign, char *ret_why,
				     size_t why_size);
/* Compiles everything as the engine will, and inlines styles if that is wanted. CLI_GO, or
 * EXIT_INVALID after the mistakes were told.
 */
[[nodiscard]] int campaign_dir_check(struct cli *, struct campaign_dir *);
/* Its links, as the engine will number them. CLI_GO or the same. */
[[nodiscard]] int campaign_dir_links(struct cli *, const struct campaign_dir *,
				     struct links *ret_links);
/* Is it a folder with a campaign.conf? */
bool campaign_dir_is(const char *path);
