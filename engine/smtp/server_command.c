/* server_command.c - commands and their order (RFC 5321 4.1.4), one function a verb.
 *
 *   mail = "MAIL FROM:" Reverse-path [SP Mail-parameters]     no space behind the colon
 *   rcpt = "RCPT TO:" Forward-path [SP Rcpt-parameters]                          (4.1.1.2-3)
 *   bdat = "BDAT" SP chunk-size [SP "LAST"]                                    (RFC 3030 2) */
#include "engine/smtp/server_state.h"
#include "engine/base/buf.h"

static void say_order(struct smtp_server *s, const char *text)
{
	server_say_plain(s, 503, "5.5.1", text);
}

/* --- greeting ------------------------------------------------------------------------------
 */

static void put_offer(struct buf *out, bool offered, const char *line)
{
	if (!offered)
		return;
	buf_put_byte(out, '\n');
	buf_put_cstr(out, line);
}

static void put_offers(struct smtp_server *s, struct buf *out)
{
	const struct smtp_server_options *o = &s->options;
	put_offer(out, o->offer_pipelining, "PIPELINING");
	put_offer(out, o->size_limit > 0, "SIZE ");
	if (o->size_limit > 0)
		buf_put_u64(out, o->size_limit);
	put_offer(out, o->offer_starttls && !s->is_tls, "STARTTLS");
	put_offer(out, o->offer_8bitmime, "8BITMIME");
	put_offer(out, o->offer_smtputf8, "SMTPUTF8");
	put_offer(out, o->offer_chunking, "CHUNKING");
	put_offer(out, o->offer_requiretls && s->is_tls, "REQUIRETLS");
	put_offer(out, o->offer_enhanced, "ENHANCEDSTATUSCODES");
}

static void say_hello(struct smtp_server *s, bool is_ehlo, str name)
{
	char memory[SERVER_REPLY_LIMIT / 2];
	struct smtp_answer preset = {.code = 250}, answer = preset;
	if (s->options.hooks.on_hello)
		s->options.hooks.on_hello(s->options.hooks.context, is_ehlo, name, &answer);
	answer = server_settle(preset, answer);
	struct buf text;
	buf_init_fixed(&text, memory, sizeof(memory) - 1);
	buf_put(&text, answer.text ? str_of(answer.text) : s->options.name);
	if (answer.code == 250) {
		if (s->has_mail)
			server_forget_transaction(s);
		s->greeted = true;
		s->is_esmtp = is_ehlo;
		if (is_ehlo)
			put_offers(s, &text);
	}
	memory[text.size] = '\0';
	answer.text = memory;
	server_say(s, &answer);
}

static void hello(struct smtp_server *s, bool is_ehlo, str argument)
{
	if (argument.size == 0)
		server_say_plain(s, 501, "5.5.4", "say your name");
	else
		say_hello(s, is_ehlo, argument);
}

static void starttls(struct smtp_server *s, str argument, bool more)
{
	if (!s->options.offer_starttls || s->is_tls) {
		server_say_plain(s, 502, "5.5.1", "not offered");
	} else if (argument.size > 0) {
		server_say_plain(s, 501, "5.5.4", "no parameters");
	} else if (more) {
		/* Commands behind STARTTLS would be taken for encrypted ones (RFC 3207 6). */
		server_say(s, &(struct smtp_answer){554, "5.5.0", "talks too early", 0, false,
						    true});
	} else {
		if (s->has_mail)
			server_forget_transaction(s);
		server_say_plain(s, 220, "2.0.0", "go ahead");
		server_enter(s, SERVER_STATE_TLS);
	}
}

/* --- envelope ------------------------------------------------------------------------------
 */

/* Takes "<path>" off the front; quotes inside may hold angle brackets. False: no path. */
static bool take_path(str *rest, str *ret_path)
{
	bool quoted = false;
	if (rest->size < 2 || rest->data[0] != '<')
		return false;
	for (size_t i = 1; i < rest->size; i++) {
		char byte = rest->data[i];
		if (quoted && byte == '\\') {
			i++;
		} else if (byte == '"') {
			quoted = !quoted;
		} else if (byte == '>' && !quoted) {
			*ret_path = str_sub(*rest, 1, i - 1);
			*rest = str_from(*rest, i + 1);
			return rest->size == 0 || rest->data[0] == ' ';
		} else if (byte == ' ' && !quoted) {
			return false;
		}
	}
	return false;
}

static bool is_ascii(str text)
{
	for (size_t i = 0; i < text.size; i++)
		if ((unsigned char)text.data[i] >= 0x80)
			return false;
	return true;
}

/* One parameter of MAIL; on refusal *ret_answer says why. */
static bool take_mail_parameter(struct smtp_server *s, str word, struct smtp_answer *ret_answer)
{
	const struct smtp_server_options *o = &s->options;
	str value = word;
	str name = str_cut(&value, '=');
	uint64_t size;
	if (o->size_limit > 0 && str_eq_nocase(name, STR("SIZE")) && str_to_u64(value, &size)) {
		*ret_answer = (struct smtp_answer){
			.code = 552, .status = "5.3.4", .text = "message too large"};
		return size <= o->size_limit;
	}
	if (o->offer_smtputf8 && str_eq_nocase(word, STR("SMTPUTF8")))
		return s->is_utf8 = true;
	if (o->offer_requiretls && s->is_tls && str_eq_nocase(word, STR("REQUIRETLS")))
		return true;
	if (o->offer_8bitmime && str_eq_nocase(name, STR("BODY")))
		if (str_eq_nocase(value, STR("7BIT")) || str_eq_nocase(value, STR("8BITMIME")))
			return true;
	*ret_answer = (struct smtp_answer){
		.code = 555, .status = "5.5.4", .text = "parameter not known"};
	return false;
}

static bool take_mail_parameters(struct smtp_server *s, str rest,
				 struct smtp_answer *ret_answer)
{
	s->is_utf8 = false;
	while (rest.size > 0) {
		str word = str_cut(&rest, ' ');
		if (word.size > 0 && !take_mail_parameter(s, word, ret_answer))
			return false;
	}
	return true;
}

/* The part behind "FROM:" or "TO:"; false when the keyword is another. */
static bool take_keyword(str *rest, str keyword)
{
	if (!str_starts_nocase(*rest, keyword))
		return false;
	*rest = str_from(*rest, keyword.size);
	return true;
}

static void mail(struct smtp_server *s, str rest)
{
	str from;
	struct smtp_answer preset = {.code = 250, .status = "2.1.0", .text = "sender ok"},
			   answer;
	if (!s->greeted)
		return say_order(s, "EHLO first");
	if (s->has_mail)
		return say_order(s, "nested MAIL");
	if (!take_keyword(&rest, STR("FROM:")) || !take_path(&rest, &from))
		return server_say_plain(s, 501, "5.5.4", "syntax: MAIL FROM:<address>");
	if (!take_mail_parameters(s, rest, &answer))
		return server_say(s, &answer);
	if (!s->is_utf8 && !is_ascii(from))
		return server_say_plain(s, 553, "5.6.7", "SMTPUTF8 was not asked for");
	answer = preset;
	if (s->options.hooks.on_mail)
		s->options.hooks.on_mail(s->options.hooks.context, from, &answer);
	answer = server_settle(preset, answer);
	s->has_mail = answer.code / 100 == 2 && !answer.drop;
	s->has_failed = false; /* of a chunk that belonged to no transaction */
	server_say(s, &answer);
}

static void rcpt(struct smtp_server *s, str rest)
{
	str to;
	struct smtp_answer preset = {.code = 250, .status = "2.1.5", .text = "recipient ok"};
	if (!s->has_mail)
		return say_order(s, "MAIL first");
	if (s->is_chunked)
		return say_order(s, "BDAT has begun");
	if (!take_keyword(&rest, STR("TO:")) || !take_path(&rest, &to) || to.size == 0)
		return server_say_plain(s, 501, "5.5.4", "syntax: RCPT TO:<address>");
	if (str_trim(rest).size > 0)
		return server_say_plain(s, 555, "5.5.4", "parameter not known");
	if (!s->is_utf8 && !is_ascii(to))
		return server_say_plain(s, 553, "5.6.7", "SMTPUTF8 was not asked for");
	if (s->rcpt_count >= SERVER_RCPT_LIMIT)
		return server_say_plain(s, 452, "4.5.3", "too many recipients");
	struct smtp_answer answer = preset;
	if (s->options.hooks.on_rcpt)
		s->options.hooks.on_rcpt(s->options.hooks.context, to, &answer);
	answer = server_settle(preset, answer);
	s->rcpt_count += answer.code / 100 == 2 && !answer.drop;
	server_say(s, &answer);
}

/* --- content -------------------------------------------------------------------------------
 */

static void data(struct smtp_server *s, str argument, bool more)
{
	struct smtp_answer preset = {.code = 354, .text = "end with a lone dot"},
			   answer = preset;
	if (!s->has_mail)
		return say_order(s, "MAIL first");
	if (s->is_chunked)
		return say_order(s, "BDAT has begun");
	if (argument.size > 0)
		return server_say_plain(s, 501, "5.5.4", "no parameters");
	if (s->rcpt_count == 0)
		return server_say_plain(s, 554, "5.5.1", "no valid recipients");
	if (more)
		return server_say(s, &(struct smtp_answer){554, "5.5.0", "talks too early", 0,
							   false, true});
	if (s->options.hooks.on_data)
		s->options.hooks.on_data(s->options.hooks.context, &answer);
	answer = server_settle(preset, answer);
	if (answer.code == 354 && !answer.drop && !answer.close)
		server_begin_data(s);
	server_say(s, &answer);
}

static void bdat(struct smtp_server *s, str rest)
{
	uint64_t size;
	str number = str_cut(&rest, ' ');
	bool is_last = str_eq_nocase(str_trim(rest), STR("LAST"));
	/* What follows an unreadable size cannot be told from commands. */
	if (!str_to_u64(number, &size) || (!is_last && str_trim(rest).size > 0))
		return server_say(
			s, &(struct smtp_answer){501, "5.5.4", "chunk size?", 0, false, true});
	if (!s->options.offer_chunking || !s->has_mail || s->rcpt_count == 0)
		s->has_failed = true;
	s->is_chunked = s->has_mail;
	server_begin_chunk(s, size, is_last);
}

/* --- the rest ------------------------------------------------------------------------------
 */

static void rset(struct smtp_server *s)
{
	server_forget_transaction(s);
	server_say_plain(s, 250, "2.0.0", "forgotten");
}

static void quit(struct smtp_server *s)
{
	server_say(s, &(struct smtp_answer){221, "2.0.0", "bye", 0, false, true});
}

static bool dispatch(struct smtp_server *s, str verb, str argument, bool more)
{
	if (str_eq_nocase(verb, STR("EHLO")))
		hello(s, true, argument);
	else if (str_eq_nocase(verb, STR("HELO")))
		hello(s, false, argument);
	else if (str_eq_nocase(verb, STR("MAIL")))
		mail(s, argument);
	else if (str_eq_nocase(verb, STR("RCPT")))
		rcpt(s, argument);
	else if (str_eq_nocase(verb, STR("DATA")))
		data(s, argument, more);
	else if (str_eq_nocase(verb, STR("BDAT")))
		bdat(s, argument);
	else if (str_eq_nocase(verb, STR("RSET")))
		rset(s);
	else if (str_eq_nocase(verb, STR("STARTTLS")))
		starttls(s, argument, more);
	else if (str_eq_nocase(verb, STR("QUIT")))
		quit(s);
	else
		return false;
	return true;
}

/* May bytes have come in one piece behind this command? (RFC 2920 3.1) */
static bool may_be_followed(const struct smtp_server *s, str verb)
{
	if (str_eq_nocase(verb, STR("QUIT")) || str_eq_nocase(verb, STR("BDAT")))
		return true;
	if (str_eq_nocase(verb, STR("EHLO")) || str_eq_nocase(verb, STR("HELO")))
		return false;
	return s->is_esmtp && s->options.offer_pipelining;
}

void server_command(struct smtp_server *s, str line, bool more)
{
	str argument = line;
	str verb = str_cut(&argument, ' ');
	argument = argument.data ? argument : STR("");
	if (s->refusing && !str_eq_nocase(verb, STR("QUIT")))
		say_order(s, "only QUIT is left");
	else if (more && !may_be_followed(s, verb))
		server_say(s, &(struct smtp_answer){554, "5.5.0", "talks too early", 0, false,
						    true});
	else if (dispatch(s, verb, argument, more))
		return;
	else if (str_eq_nocase(verb, STR("NOOP")))
		server_say_plain(s, 250, "2.0.0", "ok");
	else if (str_eq_nocase(verb, STR("VRFY")))
		server_say_plain(s, 252, "2.1.5", "send it and see");
	else if (str_eq_nocase(verb, STR("HELP")))
		server_say_plain(s, 214, "2.0.0", "see RFC 5321");
	else
		server_say_plain(s, 500, "5.5.2", "command not known");
}
