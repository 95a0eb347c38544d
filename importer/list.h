/* list.h - a CSV file into a list of the database: staged by COPY, merged by set.
 * The first row names the columns, without regard to case: "email" is required, "name" is the
 * person's, all others become attributes (in lower case, with "_" for what a template could not
 * name). What cannot be taken is written to a reject file and does not stop the rest. Importing
 * the same file again changes nothing; somebody who has unsubscribed stays so unless
 * resubscribe says otherwise; a suppressed address stays suppressed in any case; a person who
 * was erased is not taken. */
#pragma once

#include "importer/csv.h"

struct import_progress {
	enum import_stage { IMPORT_READING, IMPORT_MERGING, IMPORT_COUNTING } stage;
	uint64_t bytes, rows, rejects;
};

struct import_options {
	const char *conninfo;
	bool pooled; /* it leads to a pooler in transaction mode */
	uint32_t tenant;  /* 0: 1 */
	const char *list; /* made when missing */
	struct csv_options csv;
	bool resubscribe;
	bool literals;           /* takes ann@[192.0.2.1], too */
	bool numbers;            /* what looks like a number becomes one in the attributes */
	const char *reject_path; /* NULL: rejects are only counted; made when there is one */
	void (*on_progress)(void *context, const struct import_progress *); /* may be NULL */
	void *context;
};

struct import_result {
	uint64_t rows;       /* without the header */
	uint64_t rejects;    /* of them not taken */
	uint64_t duplicates; /* of them replaced by a later row with the same address */
	uint64_t added;      /* subscribers new to the tenant */
	uint64_t changed;    /* subscribers with another name or other attributes now */
	uint64_t subscribed; /* new on this list */
	uint64_t resubscribed;
	uint64_t kept_off;   /* had unsubscribed and stay so */
	uint64_t suppressed; /* on the suppression list: imported, never mailed */
	uint64_t erased;     /* of the rejects: erased on request, so not even imported */
	bool noted;
	bool bad_file, no_database; /* with -1: whose fault it was, if it was one of these */
};

/* Reads fd to its end. 0, or -1 with a sentence; then nothing was imported. With 0 and noted
 * the sentence says what went wrong after the import was done (counts of attributes,
 * statistics). */
[[nodiscard]] int import_list(int fd, const struct import_options *, struct import_result *ret,
			      char *ret_why, size_t why_size);
