/* smtp_world_sender.h - the sending side of a world: the owner of the session, who submits,
 * releases, authenticates, and checks every event. Part of smtp_world.h. */
#pragma once

static inline void check_remote_result(const struct world *w, const struct world_mail *m,
				       size_t i, const struct reply *r)
{
	/* 555 to what was offered and is not known comes from the server's machine. */
	if (w->offers_strangely && r->code == 555)
		return;
	if (r->code == 421)
		WORLD_CHECK(w->said_421);
	else if (r->stage == STAGE_MAIL)
		WORLD_CHECK(r->code == m->mail_code && r->code / 100 != 2);
	else if (r->stage == STAGE_RCPT)
		WORLD_CHECK(r->code == m->rcpt_code[i] && r->code / 100 != 2);
	else if (r->stage == STAGE_DATA)
		WORLD_CHECK(r->code == m->data_code && r->code / 100 != 2);
	else
		WORLD_CHECK(r->stage == STAGE_END && r->code == m->end_code);
}

static inline void check_result(struct world *w, struct world_mail *m,
				const struct smtp_event *event)
{
	size_t i = event->rcpt_index;
	const struct reply *r = &event->reply;
	WORLD_CHECK(i < m->rcpt_count && !m->told[i] && !m->returned);
	m->told[i] = true;
	m->in_doubt[i] = event->in_doubt;
	m->result[i] = r->code;
	WORLD_CHECK(!event->in_doubt || m->released);
	if (r->origin == REPLY_LOCAL) {
		WORLD_CHECK(r->code / 100 != 2);
		return;
	}
	WORLD_CHECK(!event->in_doubt);
	WORLD_CHECK(r->code / 100 != 2 || m->released);
	if (!w->lies)
		check_remote_result(w, m, i, r);
}

static inline bool is_being_written(const struct world *w, const char *memory, size_t size)
{
	for (size_t i = 0; i < w->writing_count; i++) {
		const char *at = w->writing[i].iov_base;
		if (at >= memory && at < memory + size)
			return true;
	}
	return false;
}

static inline void check_finished(struct world *w, struct world_mail *m,
				  const struct smtp_event *event)
{
	WORLD_CHECK(m->submitted && !m->finished);
	m->finished = true;
	for (size_t i = 0; i < m->rcpt_count; i++)
		WORLD_CHECK(m->told[i] != m->returned);
	/* Whoever is told nothing gives the memory back, and ASan watches. */
	WORLD_CHECK(!is_being_written(w, m->body, m->body_size) || event->body_in_use);
	WORLD_CHECK(!event->body_in_use || w->client.state == SESSION_CLOSED);
	if (!event->body_in_use) {
		free(m->body);
		m->body = NULL;
	}
}

/* The line of AUTH is the owner's again. */
static inline void give_back_line(struct world *w)
{
	if (w->auth_line)
		WORLD_CHECK(!is_being_written(w, w->auth_line, strlen(w->auth_line)));
	free(w->auth_line);
	w->auth_line = NULL;
}

static inline void world_event(struct world *w, const struct smtp_event *event)
{
	struct world_mail *m = event->owner;
	WORLD_CHECK(!w->client_closed);
	WORLD_CHECK(!m || (m->submitted && !m->finished));
	switch (event->kind) {
	case SMTP_READY:
		w->ready_count++;
		give_back_line(w);
		break;
	case SMTP_WANT_TLS:
		w->want_tls = true;
		break;
	case SMTP_AUTH:
		WORLD_CHECK(w->client.options.auth);
		give_back_line(w);
		w->auth_due = true;
		w->auth_code = event->reply.code;
		break;
	case SMTP_GATE:
		m->gate_told = true;
		m->released = false; /* each round has its own mark */
		break;
	case SMTP_RESULT:
		check_result(w, m, event);
		break;
	case SMTP_RETURNED:
		m->returned = true;
		break;
	case SMTP_FINISHED:
		check_finished(w, m, event);
		break;
	case SMTP_CLOSE:
		w->client_closed = true;
		break;
	}
}

static inline void world_drain(struct world *w)
{
	struct smtp_event event;
	while (smtp_client_next(&w->client, &event))
		world_event(w, &event);
	other_desk(&w->client);
}

/* Lines of a few bytes, many with dots, so that every kind of edge comes up. */
static inline void make_body(struct world *w, struct world_mail *m, struct smtp_body *ret_body)
{
	size_t size = 0, lines = choose(w, 8);
	for (size_t i = 0; i < lines; i++) {
		size_t length = choose(w, 6);
		for (size_t j = 0; j < length; j++)
			m->kept[size++] = "..a\r\nb"[choose(w, 2) ? choose(w, 3) : 2];
		m->kept[size++] = '\r';
		m->kept[size++] = '\n';
	}
	/* Whose it is: no two bodies are alike. */
	m->kept[size++] = m->from[1];
	m->kept[size++] = '\r';
	m->kept[size++] = '\n';
	m->body = malloc(size);
	memcpy(m->body, m->kept, size);
	m->body_size = ret_body->size = size;
	for (size_t i = 0; i < size; i++)
		if (m->body[i] == '.' && (i == 0 || m->body[i - 1] == '\n'))
			ret_body->has_leading_dot = true;
	size_t at = 0;
	for (size_t i = 0; i + 1 < SMTP_BODY_SPANS; i++) {
		size_t cut = choose(w, 9) < size - at ? choose(w, 9) : 0;
		cut = cut < size - at ? cut : 0;
		ret_body->spans[ret_body->span_count++] = (struct iovec){m->body + at, cut};
		at += cut;
	}
	ret_body->spans[ret_body->span_count++] = (struct iovec){m->body + at, size - at};
}

/* Now and then with all that DSN and REQUIRETLS have. */
static inline void make_extras(struct world *w, struct smtp_envelope *envelope)
{
	unsigned extras = choose(w, 4) == 1 ? choose(w, 256) : 0;
	envelope->dsn.ret = extras & 1   ? DSN_RET_HDRS
			    : extras & 2 ? DSN_RET_FULL
					 : DSN_RET_DEFAULT;
	envelope->dsn.notify = extras & 4 ? DSN_NOTIFY_NEVER : (extras >> 2 & 14);
	envelope->dsn.orcpt = extras & 64;
	envelope->dsn.envid = extras & 8 ? STR("17+4=\xc3\xb6") : (str){};
	envelope->require_tls = extras & 128;
}

static inline void world_submit(struct world *w)
{
	if (smtp_client_room(&w->client) == 0 || w->mail_count == WORLD_TRANSACTIONS)
		return;
	size_t index = w->mail_count++;
	struct world_mail *m = &w->mails[index];
	struct smtp_envelope envelope = {.rcpts = m->rcpts, .owner = m};
	char letter = (char)('a' + index);
	snprintf(m->from, sizeof(m->from), "t%c@news.example", letter);
	envelope.mail_from = str_of(m->from);
	m->rcpt_count = envelope.rcpt_count = 1 + choose(w, WORLD_RCPTS);
	for (size_t i = 0; i < m->rcpt_count; i++) {
		snprintf(m->rcpt_memory[i], sizeof(m->rcpt_memory[i]), "r%c.%zu@mx%zu.example",
			 letter, i, i / 2);
		m->rcpts[i] = str_of(m->rcpt_memory[i]);
	}
	make_body(w, m, &envelope.body);
	make_extras(w, &envelope);
	m->submitted = true;
	smtp_client_submit(&w->client, &m->transaction, &envelope, w->now);
	world_drain(w);
}

static inline void world_release(struct world *w, struct world_mail *m)
{
	if (!m->gate_told || m->released)
		return;
	m->released = true;
	smtp_client_release(&w->client, m, w->now);
	world_drain(w);
}

/* The owner answers SMTP_AUTH: with a line, contented, or not. */
static inline bool world_auth(struct world *w)
{
	if (!w->auth_due || w->client_closed)
		return false;
	w->auth_due = false;
	unsigned choice = choose(w, 12);
	if (choice == 1 || w->auth_line_count == WORLD_AUTH_LINES) {
		smtp_client_auth_fail(&w->client, STR("the owner is not content"), w->now);
	} else if (w->auth_code / 100 == 2) {
		smtp_client_auth_done(&w->client, w->now);
	} else {
		bool first = w->auth_line_count++ == 0;
		w->auth_line = strdup(first ? "AUTH SCRAM-SHA-256 biws" : "Yz1iaXdz");
		smtp_client_auth_say(&w->client, str_of(w->auth_line), w->now);
		if (choice == 2) /* and changes its mind before there is an answer */
			smtp_client_auth_fail(&w->client, (str){}, w->now);
	}
	world_drain(w);
	return true;
}
