/* route_world.h - DNS, HTTPS and a clock from tables, for the tests of the router and of the
 * MTA-STS cache: other implementations of resolve.h and fetch.h, and of io_now(). Answers come
 * when world_pump() is called, never inside the call that asked. */
#pragma once

#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/net/fetch.h"
#include "engine/net/resolve.h"

enum world_kind { MX, ADDRESS, TEXT, TLSA };

/* Records of one kind and name make one answer; its status and AD bit are the first one's. */
struct world_record {
	enum world_kind kind;
	const char *name,
		*data; /* "10 mx1.test", "192.0.2.1", a text, "3 1 1 aa", "unusable" */
	bool insecure;
	enum dns_status status;
};

struct world_page {
	const char *url;
	int result;
	bool untrusted;
	long status;
	const char *media_type, *body;
};

struct world_question {
	struct chain_link link;
	struct dns_question *question;
	enum world_kind kind;
	char name[DNS_NAME_SIZE + 16];
};

static const struct world_record *world_records;
static const struct world_page *world_pages;
static usec world_now;
static unsigned world_asked[TLSA + 1], world_fetched;
static char world_fetched_from[46]; /* the address of the last fetch, and its port */
static uint16_t world_fetched_port;
static struct chain world_questions, world_fetches;

static inline void world_begin(const struct world_record *records,
			       const struct world_page *pages)
{
	world_records = records;
	world_pages = pages;
	world_now = USEC_HOUR;
	world_fetched = 0;
	memset(world_asked, 0, sizeof world_asked);
	chain_init(&world_questions);
	chain_init(&world_fetches);
}

/* ---- the clock, DNS ---- */

usec io_now(const struct io_loop *)
{
	return world_now;
}

static inline void world_ask(struct dns_question *question, enum world_kind kind, str name)
{
	struct world_question *q = calloc(1, sizeof *q);
	q->question = question;
	q->kind = kind;
	if (!str_to_cstr(name, q->name, sizeof q->name))
		q->name[0] = '\0';
	world_asked[kind]++;
	chain_push_back(&world_questions, &q->link);
}

void resolve_mx(struct resolver *, struct dns_question *q, str domain)
{
	world_ask(q, MX, domain);
}

void resolve_address(struct resolver *, struct dns_question *q, str host)
{
	world_ask(q, ADDRESS, host);
}

void resolve_text(struct resolver *, struct dns_question *q, str name)
{
	world_ask(q, TEXT, name);
}

void resolve_tlsa(struct resolver *, struct dns_question *q, str name)
{
	world_ask(q, TLSA, name);
}

struct world_memory {
	struct dns_mx mx[DNS_MX_LIMIT];
	struct net_address addresses[DNS_ADDRESS_LIMIT];
	str texts[DNS_TEXTS_LIMIT];
	struct tlsa tlsa[DNS_TLSA_LIMIT];
};

static inline void world_put(struct world_memory *m, struct dns_answer *answer,
			     const struct world_record *r)
{
	size_t i = answer->count;
	unsigned a, b, c, fill;
	switch (r->kind) {
	case MX:
		assert_int_equal(sscanf(r->data, "%u %255s", &a, m->mx[i].host), 2);
		m->mx[i].preference = (uint16_t)a;
		break;
	case ADDRESS:
		assert_true(net_address_parse(str_of(r->data), 0, &m->addresses[i]));
		break;
	case TEXT:
		m->texts[i] = str_of(r->data);
		break;
	case TLSA:
		if (strcmp(r->data, "unusable") == 0) {
			answer->tlsa_unusable = true;
			return;
		}
		assert_int_equal(sscanf(r->data, "%u %u %u %x", &a, &b, &c, &fill), 4);
		m->tlsa[i] = (struct tlsa){.usage = (uint8_t)a,
					   .selector = (uint8_t)b,
					   .matching = (uint8_t)c,
					   .size = c == 2 ? 64 : 32};
		memset(m->tlsa[i].data, (int)fill, m->tlsa[i].size);
		break;
	}
	answer->count++;
}

static inline void world_answer(struct world_question *asked)
{
	static struct world_memory m;
	struct dns_question *question = asked->question;
	struct dns_answer answer = {.status = DNS_NO_NAME,
				    .secure = true,
				    .ttl_seconds = 300,
				    .mx = m.mx,
				    .addresses = m.addresses,
				    .texts = m.texts,
				    .tlsa = m.tlsa};
	struct net_address literal;
	bool found = false;
	if (asked->kind == ADDRESS && net_address_parse(str_of(asked->name), 0, &literal)) {
		const struct world_record r = {ADDRESS, "", asked->name, true, DNS_OK};
		world_put(&m, &answer, &r);
		answer.status = DNS_OK;
		answer.secure = false;
	}
	for (const struct world_record *r = world_records; r->name; r++) {
		if (r->kind != asked->kind || strcmp(r->name, asked->name) != 0)
			continue;
		if (!found) {
			answer.status = r->status;
			answer.secure = !r->insecure;
		}
		found = true;
		if (r->data)
			world_put(&m, &answer, r);
	}
	if (answer.status == DNS_TEMPORARY)
		snprintf(answer.why, sizeof answer.why, "SERVFAIL from the test");
	free(asked);
	question->on_answer(question, &answer);
}

/* ---- HTTPS ---- */

void fetch(struct fetcher *, struct fetch_question *q)
{
	chain_link_init(&q->link);
	chain_push_back(&world_fetches, &q->link);
}

void fetch_question_done(struct fetch_question *q)
{
	free(q->memory);
	q->memory = NULL;
}

static inline void world_fetch(struct fetch_question *q)
{
	world_fetched++;
	net_address_format(&q->address, world_fetched_from);
	world_fetched_port = ntohs(q->address.in4.sin_port);
	q->result = -1;
	snprintf(q->why, sizeof q->why, "connection refused");
	for (const struct world_page *p = world_pages; p && p->url; p++) {
		if (strcmp(p->url, q->url) != 0)
			continue;
		q->result = p->result;
		q->untrusted = p->untrusted;
		q->status = p->status;
		snprintf(q->media_type, sizeof q->media_type, "%s",
			 p->media_type ? p->media_type : "");
		q->memory = strdup(p->body ? p->body : "");
		q->body = str_of(q->memory);
	}
	q->on_fetched(q);
}

static inline void world_pump(void)
{
	for (int steps = 0; steps < 1000; steps++) {
		struct chain_link *asked = chain_pop(&world_questions);
		struct chain_link *fetch = asked ? NULL : chain_pop(&world_fetches);
		if (asked)
			world_answer(CHAIN_OWNER(asked, struct world_question, link));
		else if (fetch)
			world_fetch(CHAIN_OWNER(fetch, struct fetch_question, link));
		else
			return;
	}
	fail_msg("questions without end");
}
