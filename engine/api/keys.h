/* keys.h - files of settings: one table of keys, one struct of values.
 * A key is born in a table (type, unit, range, default, a sentence) or it does not exist: the
 * table parses the file (libconfuse reads the syntax), fills the struct, prints the manual and
 * explains where each value came from. rundbrief.conf and campaign.conf are two such tables. */
#pragma once

#include "engine/base/buf.h"

enum key_kind {
	KEY_TEXT,  /* str */
	KEY_FILE,  /* str; a relative path counts from the folder of the file that names it */
	KEY_LIST,  /* struct key_list */
	KEY_BOOL,  /* bool */
	KEY_COUNT, /* uint64_t */
	KEY_SIZE,  /* uint64_t, "64k" */
	KEY_DURATION, /* usec, "10m" */
	KEY_RATE,     /* struct rate, "100/s" */
	KEY_BYTE_RATE, /* struct rate, "500kB/s" */
	KEY_FACTOR,   /* double */
	KEY_SHARE,    /* double above 0, at most 1: "5%" */
	KEY_CHOICE,   /* int: index into choices */
};

struct key_list {
	const str *items;
	size_t count;
};

enum key_trait {
	KEY_SECRET = 1, /* is never printed */
	KEY_LIVE = 2,   /* a reload takes it, though its section is read at the start only */
	KEY_FIXED = 4,  /* a reload leaves it, though it takes its section */
};

/* Who reads a section, and when: what a change needs to be taken up. */
enum key_reader {
	KEY_AT_START,  /* the engine, as it starts */
	KEY_ON_RELOAD, /* and again on SIGHUP */
	KEY_BY_COMMAND, /* commands, each time */
};

struct key {
	const char *name;
	enum key_kind kind;
	size_t offset;              /* in the section's struct */
	const char *unit;           /* "messages"; NULL: the kind says it */
	int64_t least, most;        /* COUNT, SIZE, DURATION (usec), FACTOR; both 0: any */
	const char *fallback;       /* the default as text; NULL: none */
	const char *const *choices; /* CHOICE: names, ends with NULL */
	unsigned traits;            /* of enum key_trait, or-ed */
	const char *sentence;
};

struct key_section {
	const char *name;       /* "": the keys stand outside of any section */
	const char *title;      /* what its title is ("NAME"); NULL: there is one, untitled */
	size_t offset;          /* of the struct; titled: of a pointer to an array of structs */
	size_t count_offset;    /* titled: of the size_t that counts them */
	size_t size;            /* titled: of one struct, whose first member is str name */
	const struct key *keys; /* ends with a NULL name */
	enum key_reader reader;
	const char *sentence;
};

struct key_setting { /* one value that a file set */
	const struct key_section *section;
	const struct key *key;
	str title, text; /* title empty: untitled */
	int line;
	struct key_setting *next;
};

struct key_table {
	const struct key_section *sections; /* ends with a NULL name */
};

/* Fills *values (zeroed by the caller) with defaults and then with the file's text. path is for
 * messages and for relative files; source data NULL: defaults only. All memory is the arena's.
 * 0, or -1 with "FILE:LINE: sentence". *ret_settings lists what was set, newest first. */
[[nodiscard]] int keys_load(const struct key_table *, void *values, const char *path,
			    str source, struct arena *, struct key_setting **ret_settings,
			    char *ret_why, size_t why_size);
/* One value from the outside ("smtp.port" style is the caller's affair). */
[[nodiscard]] int key_set(const struct key *, void *section_values, const char *path, str text,
			  struct arena *, char *ret_why, size_t why_size);

/* Whether a running engine takes up another value of it. */
bool key_is_live(const struct key_section *, const struct key *);

/* What another file says otherwise, or no longer, or anew: in *ret_live those that a reload takes, in
 * *ret_dead those that need a restart, by name ("smtp.port", once each however many sections have
 * it), separated by commas. 0, or -1: out of memory. */
[[nodiscard]] int keys_differ(const struct key_setting *before, const struct key_setting *after,
			      struct arena *, str *ret_live, str *ret_dead);

/* The manual: every section and key. */
void keys_manual(const struct key_table *, struct buf *out);
/* Effective values and where each is from; secrets show only whether they are set. */
void keys_explain(const struct key_table *, const void *values, const char *path,
		  const struct key_setting *, struct buf *out);
