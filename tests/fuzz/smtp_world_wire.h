/* smtp_world_wire.h - the wire of a world: bytes in pieces of any size, breaks, time, lies.
 * Part of smtp_world.h. */
#pragma once

static inline void pipe_put(struct pipe_bytes *p, const char *data, size_t size)
{
	WORLD_CHECK(p->size + size <= sizeof(p->data));
	memcpy(p->data + p->size, data, size);
	p->size += size;
}

/* What is left of the last world, as far as it was used. */
static inline void world_clear(struct world *w)
{
	w->to_server.size = w->to_server.read = 0;
	w->to_client.size = w->to_client.read = 0;
	memset(w->writing, 0, sizeof(*w) - offsetof(struct world, writing));
}

/* A body leaves after its own release, nobody else's; and nothing of it that was given back. */
static inline void check_bodies(const struct world *w)
{
	for (size_t i = 0; i < w->mail_count; i++) {
		const struct world_mail *m = &w->mails[i];
		if (m->body && is_being_written(w, m->body, m->body_size))
			WORLD_CHECK(m->released);
	}
}

/* A server that offered CHUNKING and does not know BDAT. */
static inline void spoil_chunks(struct pipe_bytes *p)
{
	char *at;
	while ((at = memmem(p->data + p->read, p->size - p->read, "BDAT ", 5)))
		*at = 'X';
}

/* A write has three moments: it begins, its bytes (or a part of them) are on the wire, it is
 * known to be complete. Replies may come between the last two. */
static inline bool world_write(struct world *w)
{
	if (w->client_closed || w->wire_cut)
		return false;
	if (w->writing_count == 0) {
		w->writing_count =
			smtp_client_output(&w->client, w->writing, CLIENT_SPAN_LIMIT);
		check_bodies(w);
		return w->writing_count > 0;
	}
	if (w->written_size > 0) {
		size_t size = w->written_size;
		w->writing_count = w->written_size = 0;
		smtp_client_sent(&w->client, size, w->now);
		world_drain(w);
		return true;
	}
	size_t left = choose(w, 64);
	left = left == 0 ? SIZE_MAX : left;
	for (size_t i = 0; i < w->writing_count && left > 0; i++) {
		size_t part = w->writing[i].iov_len < left ? w->writing[i].iov_len : left;
		pipe_put(&w->to_server, w->writing[i].iov_base, part);
		left -= part;
		w->written_size += part;
	}
	if (w->swallows_no_chunk)
		spoil_chunks(&w->to_server);
	return true;
}

/* A reply is lost, said twice, another refusal in its place, or one too many; and those who
 * invent say yes to what they have refused, too. */
static inline void say_lie(struct world *w, str out)
{
	static const char *const inventions[] = {
		"503 5.5.1 bad sequence\r\n",
		"554 5.5.0 SMTP protocol synchronization\r\n",
		"452 4.5.3 too many\r\n",
		"555 5.5.4 what?\r\n",
		"421 4.3.2 bye\r\n",
		"nonsense\r\n",
		"250 2.0.0 ok\r\n",
		"354 go on\r\n",
		"334 \r\n",
	};
	size_t count = sizeof(inventions) / sizeof(inventions[0]);
	unsigned choice = choose(w, w->odds / 2);
	if (choice == 1)
		return;
	if (choice == 3 || choice == 4) {
		const char *said = inventions[choose(w, w->invents ? (unsigned)count : 6)];
		pipe_put(&w->to_client, said, strlen(said));
	}
	if (choice != 3)
		pipe_put(&w->to_client, out.data, out.size);
	if (choice == 2)
		pipe_put(&w->to_client, out.data, out.size);
}

static inline void collect_said(struct world *w)
{
	str out = smtp_server_output(w->server);
	if (smtp_server_want(w->server) == SERVER_DROP || w->in_clear || out.size == 0)
		return;
	if (w->lies)
		say_lie(w, out);
	else
		pipe_put(&w->to_client, out.data, out.size);
	smtp_server_sent(w->server, out.size);
}

/* The exchange of AUTH, which the server's machine does not know: one line, alone, one answer.
 */
static inline bool world_answer_auth(struct world *w)
{
	static const char *const answers[] = {
		"235 2.7.0 welcome\r\n",    "334 cj1hYmM=\r\n",      "334 \r\n",
		"535 5.7.8 no\r\n",         "454 4.7.0 not now\r\n", "421 4.7.0 bye\r\n",
		"235-2.7.0 w\r\n235 x\r\n", "150 what?\r\n",
	};
	struct pipe_bytes *p = &w->to_server;
	const char *at = p->data + p->read, *lf = memchr(at, '\n', p->size - p->read);
	if (!lf)
		return false;
	p->read += (size_t)(lf + 1 - at);
	WORLD_CHECK(p->read == p->size);
	bool cancelled = at[0] == '*';
	const char *answer = cancelled ? "501 5.7.0 cancelled\r\n" : answers[choose(w, 8)];
	w->said_421 |= answer[0] == '4' && answer[1] == '2';
	pipe_put(&w->to_client, answer, strlen(answer));
	return true;
}

static inline bool world_to_server(struct world *w)
{
	struct pipe_bytes *p = &w->to_server;
	size_t left = p->size - p->read, part = 1 + choose(w, 50);
	collect_said(w);
	if (left == 0 || w->in_clear || smtp_server_want(w->server) != SERVER_READ)
		return false;
	if (w->client.state == SESSION_AUTH)
		return world_answer_auth(w);
	if (w->client_closed && w->auth_line)
		return false; /* a line of an exchange that was given up */
	part = part < left && part < 40 ? part : left;
	char *copy = malloc(part);
	memcpy(copy, p->data + p->read, part);
	p->read += smtp_server_feed(w->server, str_make(copy, part), w->now);
	free(copy);
	collect_said(w);
	return true;
}

static inline void check_manners(const struct world *w)
{
	const struct pipe_bytes *p = &w->to_client;
	WORLD_CHECK(memmem(p->data, p->size, "too early", 9) == NULL);
	WORLD_CHECK(memmem(p->data, p->size, "syntax", 6) == NULL);
	WORLD_CHECK(memmem(p->data, p->size, "nested", 6) == NULL);
	WORLD_CHECK(w->offers_strangely || memmem(p->data, p->size, "not known", 9) == NULL);
	WORLD_CHECK(memmem(p->data, p->size, "command not known", 17) == NULL);
}

static inline bool world_to_client(struct world *w)
{
	struct pipe_bytes *p = &w->to_client;
	size_t left = p->size - p->read, part = 1 + choose(w, 50);
	if (left == 0 || w->client_closed || w->want_tls)
		return false;
	part = part < left && part < 40 ? part : left;
	char *copy = malloc(part);
	memcpy(copy, p->data + p->read, part);
	p->read += part;
	smtp_client_feed(&w->client, str_make(copy, part), w->now);
	world_drain(w);
	free(copy);
	return true;
}

static inline bool world_handshake(struct world *w)
{
	if (!w->want_tls || w->client_closed)
		return false;
	/* A lie may have made the client believe in a 220 that was none. */
	bool both = w->in_clear || smtp_server_want(w->server) == SERVER_TLS;
	if (!both && !w->lies)
		return false;
	w->want_tls = false;
	bool ok = choose(w, 8) != 1 && both;
	if (both && !w->in_clear)
		smtp_server_tls_done(w->server, w->now);
	w->in_clear = false;
	collect_said(w);
	smtp_client_tls_done(&w->client, ok, w->now);
	world_drain(w);
	return true;
}

static inline void world_lose(struct world *w)
{
	w->wire_cut = true;
	if (w->client_closed)
		return;
	smtp_client_lost(&w->client, CAUSE_NONE, w->now);
	world_drain(w);
	WORLD_CHECK(w->client_closed);
}

/* The server's end of the wire, seen once all it said has been read. */
static inline bool world_hang_up(struct world *w)
{
	enum smtp_server_want want = smtp_server_want(w->server);
	if ((want != SERVER_CLOSE && want != SERVER_DROP) || w->wire_cut)
		return false;
	if (want == SERVER_CLOSE && w->to_client.read < w->to_client.size && !w->client_closed)
		return false;
	world_lose(w);
	return true;
}

static inline void world_pass_time(struct world *w)
{
	usec wake = smtp_server_wake_at(w->server);
	usec deadline = w->client_closed ? USEC_NEVER : smtp_client_deadline(&w->client);
	usec next = usec_min(wake, deadline);
	if (next == USEC_NEVER)
		return;
	w->now = usec_max(w->now, next);
	smtp_server_tick(w->server, w->now);
	collect_said(w);
	if (deadline <= w->now) {
		smtp_client_expire(&w->client, w->now);
		world_drain(w);
		WORLD_CHECK(w->client_closed);
	}
}
