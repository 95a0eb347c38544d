/* client_parameters.c - what stands behind the paths of MAIL and RCPT, and only where its
 * extension was offered (RFC 5321 4.1.1.3). A second try after 555 is plain: without all that
 * may be left away (4.1.1.11). */
#include "engine/smtp/client_state.h"
#include "engine/base/buf.h"

#define ENVID_LIMIT 100 /* RFC 3461 4.4 */
#define ORCPT_LIMIT 500 /* RFC 3461 4.2 */

bool client_is_ascii(str text)
{
	for (size_t i = 0; i < text.size; i++)
		if ((unsigned char)text.data[i] >= 0x80)
			return false;
	return true;
}

static bool needs_utf8(const struct smtp_transaction *t)
{
	for (size_t i = 0; i < t->envelope.rcpt_count; i++)
		if ((t->rcpts[i] & RCPT_IN_ROUND) && !client_is_ascii(t->envelope.rcpts[i]))
			return true;
	return !client_is_ascii(t->envelope.mail_from);
}

/*   xtext = *( xchar / hexchar )    xchar = any ASCII CHAR between "!" and "~", not "+", "="
 *   hexchar = "+" and two upper case hexadecimal digits                   (RFC 3461 4) */
static void put_xtext(struct buf *out, str text, size_t limit)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t end = out->size + limit;
	for (size_t i = 0; i < text.size; i++) {
		unsigned char byte = (unsigned char)text.data[i];
		bool plain = byte > ' ' && byte < 0x7f && byte != '+' && byte != '=';
		if (out->size + (plain ? 1 : 3) > end)
			return;
		if (!plain) {
			buf_put_byte(out, '+');
			buf_put_byte(out, digits[byte >> 4]);
			byte = (unsigned char)digits[byte & 15];
		}
		buf_put_byte(out, (char)byte);
	}
}

static void put_mail_dsn(struct buf *command, const struct smtp_dsn *dsn)
{
	if (dsn->ret != DSN_RET_DEFAULT)
		buf_put_cstr(command, dsn->ret == DSN_RET_HDRS ? " RET=HDRS" : " RET=FULL");
	if (dsn->envid.size > 0) {
		buf_put(command, STR(" ENVID="));
		put_xtext(command, dsn->envid, ENVID_LIMIT);
	}
}

static void put_notify(struct buf *command, const struct smtp_dsn *dsn)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = {{DSN_NOTIFY_NEVER, "NEVER"},
		     {DSN_NOTIFY_SUCCESS, "SUCCESS"},
		     {DSN_NOTIFY_FAILURE, "FAILURE"},
		     {DSN_NOTIFY_DELAY, "DELAY"}};
	const char *before = " NOTIFY=";
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!(dsn->notify & words[i].bit))
			continue;
		buf_put_cstr(command, before);
		buf_put_cstr(command, words[i].word);
		before = ",";
	}
}

/* The character at the front, and its size; a byte that begins none is a character by itself.
 */
static uint32_t take_character(str text, size_t *ret_size)
{
	unsigned char first = (unsigned char)text.data[0];
	size_t size = first < 0xc2   ? 1
		      : first < 0xe0 ? 2
		      : first < 0xf0 ? 3
		      : first < 0xf5 ? 4
				     : 1;
	uint32_t character = size == 1 ? first : first & (0x7fu >> size);
	if (size > text.size)
		size = 1;
	for (size_t i = 1; i < size; i++)
		character = character << 6 | ((unsigned char)text.data[i] & 0x3f);
	*ret_size = size;
	return character;
}

/*   utf-8-addr-xtext = 1*(QCHAR / "\x{" HEXPOINT "}")
 *   QCHAR = any ASCII CHAR between "!" and "~", not "\", "+", "="           (RFC 6533 3)
 * The form that may stand in a command of any server. */
static void put_utf8_xtext(struct buf *out, str text, size_t limit)
{
	size_t end = out->size + limit, size;
	for (; text.size > 0; text = str_from(text, size)) {
		size_t before = out->size;
		uint32_t c = take_character(text, &size);
		bool plain = c > ' ' && c < 0x7f && c != '\\' && c != '+' && c != '=';
		buf_printf(out, plain ? "%c" : "\\x{%02X}", c);
		if (out->size > end) {
			out->size = before;
			return;
		}
	}
}

/* ORCPT of an address outside of ASCII is of type utf-8. */
static void put_rcpt_dsn(struct buf *command, const struct smtp_dsn *dsn, str rcpt)
{
	put_notify(command, dsn);
	if (!dsn->orcpt)
		return;
	if (client_is_ascii(rcpt)) {
		buf_put(command, STR(" ORCPT=rfc822;"));
		put_xtext(command, rcpt, ORCPT_LIMIT - 16);
	} else {
		buf_put(command, STR(" ORCPT=utf-8;"));
		put_utf8_xtext(command, rcpt, ORCPT_LIMIT - 16);
	}
}

/* SIZE=, BODY=, RET=, AUTH=, SMTPUTF8, REQUIRETLS. The last two are no options: without the one
 * the address cannot be named, without the other the message must not leave. */
void parameters_put_mail(const struct smtp_client *c, const struct smtp_transaction *t,
			 struct buf *command)
{
	if (c->caps.size && !t->plain && !t->envelope.probe) {
		buf_put(command, STR(" SIZE="));
		buf_put_u64(command, t->envelope.body.size);
	}
	if (t->envelope.body.is_8bit && c->caps.eightbitmime && !t->plain)
		buf_put(command, STR(" BODY=8BITMIME"));
	if (c->caps.dsn && !t->plain)
		put_mail_dsn(command, &t->envelope.dsn);
	/* RFC 4954 5: it was us who authenticated, not the sender. */
	if (c->authenticated && !t->plain)
		buf_put(command, STR(" AUTH=<>"));
	if (c->caps.smtputf8 && needs_utf8(t))
		buf_put(command, STR(" SMTPUTF8"));
	if (t->envelope.require_tls)
		buf_put(command, STR(" REQUIRETLS"));
}

void parameters_put_rcpt(const struct smtp_client *c, const struct smtp_transaction *t,
			 size_t rcpt, struct buf *command)
{
	if (c->caps.dsn && !t->plain)
		put_rcpt_dsn(command, &t->envelope.dsn, t->envelope.rcpts[rcpt]);
}
