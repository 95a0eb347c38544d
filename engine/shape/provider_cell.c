/* provider_cell.c - what a cell of each column may be, with the sentence when it is not. The
 * ranges are those of rundbrief.conf's keys of the same names. */
#include "engine/shape/provider_row.h"

#include "engine/base/assert.h"

#define CONNECTIONS_LIMIT 10000
#define MESSAGES_LIMIT 1000000
#define IDLE_SECONDS_LIMIT 600
#define SOURCE_SIZE_LIMIT 200

static int take_number(struct provider_reading *r, uint32_t least, uint32_t most,
		       uint32_t *ret_value)
{
	uint64_t value = 0;

	if (!str_to_u64(r->cell, &value))
		return provider_refuse(r, "is not a whole number: write one from %u to %u",
				       least, most);
	if (value < least || value > most)
		return provider_refuse(r, "is out of range: write a number from %u to %u",
				       least, most);
	*ret_value = (uint32_t)value;
	return 0;
}

static int take_rate(struct provider_reading *r, struct rate *ret_rate)
{
	if (rate_parse(r->cell, ret_rate))
		return 0;
	return provider_refuse(r, "is not a rate: write 100/s, 1000/h, 20000/d, "
				  "5/min,burst=3 or unlimited");
}

static int take_byte_rate(struct provider_reading *r, struct rate *ret_rate)
{
	if (rate_parse_bytes(r->cell, ret_rate))
		return 0;
	return provider_refuse(r, "is not a rate of bytes: write 500kB/s, 10MB/min, 2GB/h, "
				  "1MB/s,burst=200kB or unlimited");
}

static int take_flight_name(struct provider_reading *r, enum smtp_flight *ret_flight)
{
	for (size_t i = 0; i < FLIGHT_COUNT; i++) {
		if (!str_eq(r->cell, str_of(smtp_flight_names[i])))
			continue;
		*ret_flight = (enum smtp_flight)i;
		return 0;
	}
	return provider_refuse(
		r, "is none of lockstep, group, next, chunk, window%s",
		r->column_name == provider_column_names[PROVIDER_FLIGHT] ? ", learn" : "");
}

static int take_flight(struct provider_reading *r)
{
	struct habit_rule *habits = &r->row.limits.habits;

	habits->pinned = !str_eq(r->cell, STR("learn"));
	return habits->pinned ? take_flight_name(r, &habits->flight) : 0;
}

static int take_scope(struct provider_reading *r)
{
	r->row.limits.shared = str_eq(r->cell, STR("provider"));
	if (r->row.limits.shared || str_eq(r->cell, STR("site")))
		return 0;
	return provider_refuse(r, "is neither site (each set of MX hosts has these limits for "
				  "itself) nor provider (all have them together)");
}

static int take_tls(struct provider_reading *r)
{
	for (size_t i = 0; i < PATH_TLS_COUNT; i++) {
		if (!str_eq(r->cell, str_of(path_tls_names[i])))
			continue;
		r->row.limits.tls = (enum path_tls)i;
		return 0;
	}
	return provider_refuse(r, "is none of any (as the configuration wishes), encrypt (no "
				  "mail in clear text), verify (nor without a certificate for "
				  "the host's name)");
}

/* ---- names ---- */

static bool is_word(str name)
{
	for (size_t i = 0; i < name.size; i++) {
		char c = name.data[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    !memchr("-_.,:+#", c, 7))
			return false;
	}
	return name.size > 0;
}

static int take_name(struct provider_reading *r)
{
	r->row.name = rules_normal(r->rules->arena, r->cell);
	if (!r->row.name.data)
		return PROVIDER_FILE_NO_MEMORY;
	if (!is_word(r->row.name))
		return provider_refuse(r, "a name has letters, digits, '-', '_' and '.', and "
					  "cells are parted by tabs, not by spaces");
	return 0;
}

static int check_suffix(struct provider_reading *r, str suffix)
{
	if (str_find_byte(r->cell, '*') != STR_NONE)
		return provider_refuse(r, "an ending has no '*': write .example.com for "
					  "everything below example.com and itself");
	if (str_find_byte(r->cell, ',') != STR_NONE || str_find_byte(r->cell, ';') != STR_NONE)
		return provider_refuse(r, "endings are parted by spaces");
	if (!rules_is_host(suffix))
		return provider_refuse(r, "is no ending of a host name: write .example.com, "
					  "in ASCII");
	if (str_find_byte(suffix, '.') == STR_NONE)
		return provider_refuse(r, "is a whole top-level domain: write at least two "
					  "labels, as in .example.com");
	return 0;
}

/* They are parted by spaces; each is looked at where it stands. */
static int take_suffixes(struct provider_reading *r)
{
	struct arena *arena = r->rules->arena;
	const str all = r->cell;
	const uint32_t begin = r->column;
	size_t most = 1;

	for (size_t i = 0; i < all.size; i++)
		most += all.data[i] == ' ';
	most = most > RULES_SUFFIX_LIMIT ? RULES_SUFFIX_LIMIT : most;
	str *suffixes = ARENA_ARRAY(arena, str, most);
	uint32_t *columns = ARENA_ARRAY(arena, uint32_t, most);
	if (!suffixes || !columns)
		return PROVIDER_FILE_NO_MEMORY;
	for (str rest = all; rest.data;) {
		size_t count = r->row.suffix_count;
		r->cell = str_cut(&rest, ' ');
		r->column = begin + (uint32_t)(r->cell.data - all.data);
		if (r->cell.size == 0)
			continue;
		if (count == RULES_SUFFIX_LIMIT)
			return provider_refuse(r, "too many: a provider has at most %d endings",
					       RULES_SUFFIX_LIMIT);
		suffixes[count] = rules_normal(arena, r->cell);
		columns[count] = r->column;
		if (!suffixes[count].data)
			return PROVIDER_FILE_NO_MEMORY;
		int result = check_suffix(r, suffixes[count]);
		if (result != 0)
			return result;
		r->row.suffix_count++;
	}
	r->row.suffixes = suffixes;
	r->row.suffix_columns = columns;
	return 0;
}

/* ---- where it is from ---- */

static int take_source(struct provider_reading *r)
{
	if (r->cell.size > SOURCE_SIZE_LIMIT)
		return provider_refuse(r, "is too long: at most %d bytes", SOURCE_SIZE_LIMIT);
	r->row.place.source = r->cell;
	return 0;
}

/* date = 4DIGIT "-" 2DIGIT [ "-" 2DIGIT ] */
static int take_date(struct provider_reading *r)
{
	const char *form = "dddd-dd-dd";
	str month = str_sub(r->cell, 5, 2), day = str_sub(r->cell, 8, 2);
	uint64_t value = 0;
	bool good = r->cell.size == 7 || r->cell.size == 10;

	for (size_t i = 0; good && i < r->cell.size; i++) {
		char c = r->cell.data[i];
		good = form[i] == '-' ? c == '-' : c >= '0' && c <= '9';
	}
	good = good && str_to_u64(month, &value) && value >= 1 && value <= 12;
	if (good && day.size > 0)
		good = str_to_u64(day, &value) && value >= 1 && value <= 31;
	if (!good)
		return provider_refuse(r, "is no date: write 2026-09 or 2026-09-30");
	r->row.place.date = r->cell;
	return 0;
}

static int take(struct provider_reading *r, enum provider_column column)
{
	struct path_limits *limits = &r->row.limits;
	uint32_t seconds = 0;
	int result;

	switch (column) {
	case PROVIDER_NAME:
		return take_name(r);
	case PROVIDER_SUFFIXES:
		return take_suffixes(r);
	case PROVIDER_CONNECTIONS:
		return take_number(r, 1, CONNECTIONS_LIMIT, &limits->connections);
	case PROVIDER_MESSAGES_PER_CONNECTION:
		return take_number(r, 0, MESSAGES_LIMIT, &limits->messages_per_connection);
	case PROVIDER_MESSAGE_RATE:
		return take_rate(r, &limits->message_rate);
	case PROVIDER_CONNECTION_RATE:
		return take_rate(r, &limits->connection_rate);
	case PROVIDER_BYTE_RATE:
		return take_byte_rate(r, &limits->byte_rate);
	case PROVIDER_IDLE_SECONDS:
		result = take_number(r, 0, IDLE_SECONDS_LIMIT, &seconds);
		limits->idle_close = seconds * USEC_SECOND;
		return result;
	case PROVIDER_FLIGHT:
		return take_flight(r);
	case PROVIDER_FLIGHT_LIMIT:
		return take_flight_name(r, &limits->habits.limit);
	case PROVIDER_WINDOW:
		return take_number(r, 2, SMTP_TRANSACTION_LIMIT, &limits->habits.window);
	case PROVIDER_SCOPE:
		return take_scope(r);
	case PROVIDER_TLS:
		return take_tls(r);
	case PROVIDER_SOURCE:
		return take_source(r);
	case PROVIDER_DATE:
		return take_date(r);
	case PROVIDER_COLUMN_COUNT:
		break;
	}
	UNREACHABLE();
}

int provider_take_cell(struct provider_reading *r, enum provider_column column)
{
	static const uint32_t own[PROVIDER_COLUMN_COUNT] = {
		[PROVIDER_CONNECTIONS] = RULES_CONNECTIONS,
		[PROVIDER_MESSAGES_PER_CONNECTION] = RULES_MESSAGES_PER_CONNECTION,
		[PROVIDER_MESSAGE_RATE] = RULES_MESSAGE_RATE,
		[PROVIDER_CONNECTION_RATE] = RULES_CONNECTION_RATE,
		[PROVIDER_BYTE_RATE] = RULES_BYTE_RATE,
		[PROVIDER_IDLE_SECONDS] = RULES_IDLE_CLOSE,
		[PROVIDER_FLIGHT] = RULES_FLIGHT,
		[PROVIDER_FLIGHT_LIMIT] = RULES_FLIGHT_LIMIT,
		[PROVIDER_WINDOW] = RULES_WINDOW,
		[PROVIDER_SCOPE] = RULES_SCOPE,
		[PROVIDER_TLS] = RULES_TLS,
	};

	r->row.own |= own[column];
	return take(r, column);
}
