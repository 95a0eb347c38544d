/* smtp_world_server.h - the receiving side of a world: what its owner answers, and what it
 * stores. Part of smtp_world.h. */
#pragma once

/* Mostly the preset; else a refusal, a delay, a close or a drop. One who lies loses count. */
static inline void world_answer(struct world *w, struct smtp_answer *answer)
{
	static const uint16_t codes[] = {450, 451, 452, 550, 552, 554, 555, 455};
	unsigned choice = choose(w, w->odds);
	if (choice == 1 || choice == 2)
		*answer =
			(struct smtp_answer){codes[choose(w, 8)], NULL, "no", 0, false, false};
	else if (choice == 3)
		*answer = (struct smtp_answer){421, "4.7.0", "bye\nbye", 0, false, true};
	else if (choice == 4)
		answer->drop = true;
	else if (choice == 5)
		answer->delay = (usec)choose(w, 200) * USEC_SECOND * 5;
	else if (choice == 6 && w->lies)
		*answer = (struct smtp_answer){503, "5.5.1", "bad sequence", 0, false, false};
	w->said_421 |= answer->code == 421 && !answer->drop;
}

static inline struct world_mail *mail_of(struct world *w, char letter)
{
	size_t index = (size_t)(letter - 'a');
	WORLD_CHECK(index < w->mail_count);
	return &w->mails[index];
}

static inline void world_connect(void *context, struct smtp_answer *answer)
{
	world_answer(context, answer);
}

static inline void world_hello(void *context, bool is_ehlo, str, struct smtp_answer *answer)
{
	struct world *w = context;
	if (choose(w, 20) == 1 && is_ehlo)
		*answer = (struct smtp_answer){502, NULL, "what?", 0, false, false};
	else
		world_answer(w, answer);
	if (is_ehlo && answer->code == 250)
		answer->text = w->hello;
}

static inline void world_mail_from(void *context, str from, struct smtp_answer *answer)
{
	struct world *w = context;
	struct world_mail *m = mail_of(w, from.data[1]);
	WORLD_CHECK(str_eq(from, str_of(m->from)));
	world_answer(w, answer);
	m->mail_code = answer->code;
	w->current = m;
	w->mixed = false;
	w->received_size = 0;
	memset(m->in_transaction, 0, sizeof(m->in_transaction));
}

static inline void world_rcpt_to(void *context, str to, struct smtp_answer *answer)
{
	struct world *w = context;
	struct world_mail *m = mail_of(w, to.data[1]);
	/* A lie may hide that a MAIL was refused; but then no body may follow. */
	w->mixed |= m != w->current;
	WORLD_CHECK(!w->mixed || w->lies);
	size_t rcpt = (size_t)(to.data[3] - '0');
	WORLD_CHECK(rcpt < m->rcpt_count && str_eq(to, m->rcpts[rcpt]));
	world_answer(w, answer);
	m->rcpt_code[rcpt] = answer->code;
	m->in_transaction[rcpt] = answer->code / 100 == 2;
}

static inline void world_data(void *context, struct smtp_answer *answer)
{
	struct world *w = context;
	world_answer(w, answer);
	if (choose(w, 40) == 1)
		*answer = (struct smtp_answer){250, NULL, "lie", 0, false, false};
	w->current->data_code = answer->code;
}

static inline void world_bytes(void *context, str bytes)
{
	struct world *w = context;
	/* A lie about DATA makes content of commands; of bodies see check_bodies(). */
	WORLD_CHECK(w->current && (w->current->released || w->lies));
	WORLD_CHECK(w->received_size + bytes.size <= sizeof(w->received));
	memcpy(w->received + w->received_size, bytes.data, bytes.size);
	w->received_size += bytes.size;
}

static inline void world_end(void *context, size_t size, struct smtp_answer *answer)
{
	struct world *w = context;
	struct world_mail *m = w->current;
	WORLD_CHECK(m && (m->released || w->lies) && size == w->received_size);
	/* Who says yes to a MAIL that it refused mixes envelopes by itself. Told that it has
	 * refused everybody, a server gets a lone dot. */
	WORLD_CHECK(w->invents || !w->mixed);
	bool whole = size == m->body_size && memcmp(m->kept, w->received, size) == 0;
	WORLD_CHECK(whole || (w->lies && size == 0) || w->invents);
	world_answer(w, answer);
	m->end_code = answer->code;
	/* Who drops may have kept it. */
	bool stores = answer->drop ? choose(w, 2) : answer->code / 100 == 2;
	for (size_t i = 0; i < m->rcpt_count; i++)
		m->stored_count[i] += stores && m->in_transaction[i];
}

static inline void world_reset(void *context)
{
	((struct world *)context)->current = NULL;
}
