/* bench_scenario.c - the table of a scenario, and what its settings need of each other. */
#include "engine/api/bench_scenario.h"

#include <stdio.h>

#include "bench/sink/sink.h"
#include "engine/api/config.h"
#include "engine/smtp/client.h"

#define SCENARIO_SIZE_LIMIT 65536
#define CONNECTION_LIMIT 50000
#define CORE_LIMIT 64

static const char *const kinds[] = {"campaign", "handover", "import", "scaling", NULL};
static const char *const groups[] = {"usual", "large", "named", NULL};
static const char *const signings[] = {"none", "ed25519", "rsa", "rsa+ed25519", NULL};
static const char *const flights[] = {"learn", "lockstep", "group", "next",
				      "chunk", "window",   NULL};
static const char *const scales[] = {"plain", "reference", "signature", "signatures",
					 NULL};

#define AT(type, member) offsetof(struct type, member)
#define COUNT(member, unit, least, most, fallback, sentence)                                   \
	{                                                                                      \
#member, KEY_COUNT, AT(bench_scenario, member), unit, least, most, fallback,   \
			NULL, 0, sentence                                                      \
	}
#define CHOICE(member, fallback, choices, sentence)                                            \
	{                                                                                      \
#member, KEY_CHOICE, AT(bench_scenario, member), NULL, 0, 0, fallback,         \
			choices, 0, sentence                                                   \
	}
#define BOOL(member, sentence)                                                                 \
	{                                                                                      \
#member, KEY_BOOL, AT(bench_scenario, member), NULL, 0, 0, "false", NULL, 0,   \
			sentence                                                               \
	}
#define END                                                                                    \
	{                                                                                      \
		NULL, KEY_TEXT, 0, NULL, 0, 0, NULL, NULL, 0, NULL                             \
	}

static const struct key root_keys[] = {
	{"shows", KEY_TEXT, AT(bench_scenario, shows), NULL, 0, 0, "", NULL, 0,
	 "What it shows, in one sentence. It must be there."},
	CHOICE(kind, "campaign", kinds,
	       "What is done: a campaign from PostgreSQL to settled; single messages handed "
	       "over "
	       "while a campaign fills the machine; a list imported; signing on one core and "
	       "on "
	       "two."),
	CHOICE(group, "usual", groups,
	       "When it is run: usual, by `rundbrief bench` alone; large, by --large; named, "
	       "only when it is named."),
	COUNT(recipients, "recipients", 1, 100000000, "100000",
	      "How many a run sends to, or imports."),
	COUNT(handovers, "messages", 1, 100000, "1000",
	      "Of kind handover: how many are handed over, each by itself, while a campaign "
	      "to recipients is under way."),
	COUNT(runs, "runs", 1, 99, "3",
	      "How often it is run, each time between two readings of the yardstick; medians "
	      "are "
	      "judged."),
	COUNT(warm_up, "recipients", 0, 1000000, "10000",
	      "A run before these, which counts for nothing but system calls and times; 0: "
	      "none."),
	{"size", KEY_SIZE, AT(bench_scenario, size), NULL, 0, 0, "10k", NULL, 0,
	 "Bytes of a message."},
	CHOICE(signing, "none", signings, "DKIM signatures on every message."),
	COUNT(sites, "sites", 1, SINK_LISTENER_LIMIT, "10",
	      "Mail servers that the recipients are spread over, each with its own address."),
	COUNT(connections, "connections", 1, CONNECTION_LIMIT, "100", "To all sites together."),
	{"messages_per_connection", KEY_COUNT, AT(bench_scenario, messages), "messages", 0,
	 1000000, "0", NULL, 0, "After so many a connection is closed; 0: never."},
	CHOICE(flight, "learn", flights,
	       "How much is under way on a connection; see default_limits.flight of "
	       "rundbrief.conf."),
	COUNT(window, "messages", 2, SMTP_TRANSACTION_LIMIT, "16",
	      "Of flight = window, how many are under way on a connection."),
	COUNT(envelopes, "recipients", 0, 1000000, "0",
	      "How many the engine may hold at once; 0: as it would by itself."),
	BOOL(tls, "Every connection is under TLS 1.3."),
	{"delay", KEY_DURATION, AT(bench_scenario, delay), NULL, 0, USEC_MINUTE, "0", NULL, 0,
	 "The mail servers take so long for each message of a connection."},
	{"latency", KEY_DURATION, AT(bench_scenario, latency), NULL, 0, USEC_MINUTE, "0", NULL,
	 0, "They answer each flight so late, whatever is in it; delay is not looked at then."},
	COUNT(threads, "threads", 1, CORE_LIMIT, "1", "Threads of the receiving side."),
	END,
};

static const struct key provider_keys[] = {
	{"sites", KEY_COUNT, AT(bench_provider, sites), "sites", 1, SINK_LISTENER_LIMIT, "1",
	 NULL, 0, "How many of the sites are its."},
	{"reject", KEY_TEXT, AT(bench_provider, reject), NULL, 0, 0, "", NULL, 0,
	 "Share of recipients that it refuses, and how: \"3%:550 5.1.1 no such user\"."},
	{"defer", KEY_TEXT, AT(bench_provider, defer), NULL, 0, 0, "", NULL, 0,
	 "Share that it takes at the second try only: \"5%:450 4.2.1 try later\"."},
	{"delay", KEY_DURATION, AT(bench_provider, delay), NULL, 0, USEC_MINUTE, "0", NULL, 0,
	 "It answers so late; 0: as all."},
	{"messages_per_connection", KEY_COUNT, AT(bench_provider, messages), "messages", 0,
	 1000000, "0", NULL, 0, "It ends a connection after so many; 0: never."},
	END,
};

static const struct key promise_keys[] = {
	{"most", KEY_FACTOR, AT(bench_promise, most), NULL, 0, 1000000000, NULL, NULL, 0,
	 "The figure is at most that."},
	{"least", KEY_FACTOR, AT(bench_promise, least), NULL, 0, 1000000000, NULL, NULL, 0,
	 "The figure is at least that."},
	{"scale", KEY_CHOICE, AT(bench_promise, scale), NULL, 0, 0, "plain", scales, 0,
	 "plain: as measured. reference: as on a machine where a bare RSA-2048 signature "
	 "takes 690 us. signature: as a multiple of that signature. signatures: as a "
	 "multiple of one of as many bare signers at once as there are cores."},
	{"says", KEY_TEXT, AT(bench_promise, says), NULL, 0, 0, "", NULL, 0,
	 "The figure in words."},
	END,
};

static const struct key_section sections[] = {
	{"provider", "NAME", AT(bench_scenario, providers), AT(bench_scenario, provider_count),
	 sizeof(struct bench_provider), provider_keys, KEY_BY_COMMAND,
	 "How some of the sites answer; the others take everything."},
	{"promise", "FIGURE", AT(bench_scenario, promises), AT(bench_scenario, promise_count),
	 sizeof(struct bench_promise), promise_keys, KEY_BY_COMMAND,
	 "What a figure must come to; its name as in the results."},
	{"", NULL, 0, 0, 0, root_keys, KEY_BY_COMMAND, "Outside of any section:"},
	{NULL, NULL, 0, 0, 0, NULL, KEY_BY_COMMAND, NULL},
};

const struct key_table bench_table = {sections};

/* A semicolon would end the setting where the sink reads it. */
static bool is_answer(str text)
{
	struct sink_share share = {};
	return text.size == 0 ||
	       (str_find_byte(text, ';') == STR_NONE && sink_share_parse(text, &share));
}

static int check_providers(const struct bench_scenario *s, const char *path, char *why,
			   size_t why_size)
{
	uint64_t sites = 0;
	for (size_t i = 0; i < s->provider_count; i++) {
		const struct bench_provider *p = &s->providers[i];
		sites += p->sites;
		if (is_answer(p->reject) && is_answer(p->defer))
			continue;
		snprintf(why, why_size,
			 "%s: provider \"%.*s\": reject and defer are written \"3%%:550 5.1.1 "
			 "text\", without a semicolon",
			 path, STR_FORMAT(p->name));
		return -1;
	}
	if (sites <= s->sites)
		return 0;
	snprintf(why, why_size,
		 "%s: the providers have %llu sites together, more than sites = %llu", path,
		 (unsigned long long)sites, (unsigned long long)s->sites);
	return -1;
}

static int check(const struct bench_scenario *s, const char *path, char *why, size_t why_size)
{
	for (size_t i = 0; i < s->promise_count; i++) {
		if ((s->promises[i].most > 0) != (s->promises[i].least > 0))
			continue;
		snprintf(why, why_size, "%s: promise \"%.*s\" wants most or least, one of them",
			 path, STR_FORMAT(s->promises[i].name));
		return -1;
	}
	if (s->shows.size == 0)
		snprintf(why, why_size, "%s: shows is missing: what it shows, in one sentence",
			 path);
	else if (s->connections < s->sites)
		snprintf(why, why_size, "%s: connections are fewer than sites", path);
	else
		return check_providers(s, path, why, why_size);
	return -1;
}

/* "bench/scenarios/bulk.conf" is bulk. */
static str name_of(str path)
{
	size_t slash = str_rfind_byte(path, '/');
	str name = slash == STR_NONE ? path : str_from(path, slash + 1);
	if (str_ends(name, STR(".conf")))
		name.size -= 5;
	return name;
}

int bench_scenario_read(const char *path, struct arena *arena,
			struct bench_scenario *ret_scenario, char *ret_why, size_t why_size)
{
	struct bench_scenario s = {};
	struct key_setting *settings;
	str source;
	if (file_read(path, SCENARIO_SIZE_LIMIT, arena, &source, ret_why, why_size) != 0 ||
	    keys_load(&bench_table, &s, path, source, arena, &settings, ret_why, why_size) !=
		    0 ||
	    check(&s, path, ret_why, why_size) != 0)
		return -1;
	s.name = arena_copy(arena, name_of(str_of(path)));
	*ret_scenario = s;
	return 0;
}

static json_t *value_json(const struct key *key, const char *values)
{
	const void *slot = values + key->offset;
	switch (key->kind) {
	case KEY_TEXT:
	case KEY_FILE:
		return json_stringn(((const str *)slot)->data, ((const str *)slot)->size);
	case KEY_BOOL:
		return json_boolean(*(const bool *)slot);
	case KEY_COUNT:
	case KEY_SIZE:
		return json_integer((json_int_t) * (const uint64_t *)slot);
	case KEY_DURATION:
		return json_real((double)*(const usec *)slot / (double)USEC_SECOND);
	case KEY_FACTOR:
	case KEY_SHARE:
		return json_real(*(const double *)slot);
	case KEY_CHOICE:
		return json_string(key->choices[*(const int *)slot]);
	default: /* no key of this table */
		return json_null();
	}
}

static void put_keys(json_t *into, const struct key *keys, const char *values)
{
	for (const struct key *k = keys; k->name; k++)
		json_object_set_new(into, k->name, value_json(k, values));
}

json_t *bench_scenario_json(const struct bench_scenario *s)
{
	json_t *all = json_object();
	json_object_set_new(all, "name", json_stringn(s->name.data, s->name.size));
	for (const struct key_section *section = sections; section->name; section++) {
		const char *base = (const char *)s;
		if (!section->title) {
			put_keys(all, section->keys, base);
			continue;
		}
		json_t *titled = json_object();
		const char *items = *(char *const *)(base + section->offset);
		size_t count = *(const size_t *)(base + section->count_offset);
		for (size_t i = 0; i < count; i++, items += section->size) {
			str title = *(const str *)items;
			json_t *one = json_object();
			put_keys(one, section->keys, items);
			json_object_setn_new(titled, title.data, title.size, one);
		}
		json_object_set_new(all, section->name, titled);
	}
	return all;
}
