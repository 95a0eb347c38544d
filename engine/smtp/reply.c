/* reply.c - the reply parser, and the replies that no server sent.
 *
 *   Greeting    = "220 " ... ; the same shape as any other reply
 *   Reply-line  = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
 *   Reply-code  = %x32-35 %x30-35 %x30-39                             (RFC 5321 4.2)
 *   status-code = class "." subject "." detail                        (RFC 3463 2, 2034 4)
 *
 * The surprising thing: a line that lies whole in the input is read where it lies; only lines
 * torn between two feeds pass through parser->line. */
#include "engine/smtp/reply.h"
#include "engine/base/assert.h"

const char *const smtp_stage_names[STAGE_COUNT] = {
	[STAGE_UNKNOWN] = "unknown",   [STAGE_ROUTE] = "route",   [STAGE_CONNECT] = "connect",
	[STAGE_GREETING] = "greeting", [STAGE_EHLO] = "ehlo",     [STAGE_STARTTLS] = "starttls",
	[STAGE_AUTH] = "auth",         [STAGE_MAIL] = "mail",     [STAGE_RCPT] = "rcpt",
	[STAGE_DATA] = "data",         [STAGE_END] = "end",       [STAGE_RSET] = "rset",
	[STAGE_QUIT] = "quit",         [STAGE_BOUNCE] = "bounce",
};

/* What each cause becomes. */
static const struct cause_row {
	uint16_t code;
	struct status status;
	const char *text;
} cause_table[CAUSE_COUNT] = {
	[CAUSE_NONE] = {0, {}, ""},
	[CAUSE_DNS_TEMPORARY] = {451, {4, 4, 3}, "DNS lookup failed for now"},
	[CAUSE_DNS_NO_DOMAIN] = {550, {5, 1, 2}, "domain does not exist"},
	[CAUSE_DNS_NO_HOST] = {550, {5, 4, 4}, "domain has no mail host"},
	[CAUSE_NULL_MX] = {556, {5, 1, 10}, "domain accepts no mail (null MX)"},
	[CAUSE_MX_LOOPS] = {554, {5, 4, 6}, "mail host of the domain is this machine"},
	[CAUSE_CONNECT_REFUSED] = {451, {4, 4, 1}, "connection refused"},
	[CAUSE_CONNECT_TIMEOUT] = {451, {4, 4, 1}, "connection timed out"},
	[CAUSE_CONNECT_UNREACHABLE] = {451, {4, 4, 1}, "host unreachable"},
	[CAUSE_CONNECTION_LOST] = {451, {4, 4, 2}, "connection lost"},
	[CAUSE_TIMEOUT] = {451, {4, 4, 2}, "no reply in time"},
	[CAUSE_TIMEOUT_END] = {451, {4, 4, 2}, "no reply to the end of data in time"},
	[CAUSE_LOST_END] = {451, {4, 4, 2}, "connection lost after the end of data"},
	[CAUSE_TLS_FAILED] = {454, {4, 7, 5}, "TLS could not be established"},
	[CAUSE_PROTOCOL] = {451, {4, 5, 0}, "server broke the protocol"},
	[CAUSE_ADDRESS_INVALID] = {553, {5, 1, 3}, "address is not valid"},
	[CAUSE_ADDRESS_NEEDS_UTF8] = {553, {5, 6, 7}, "server does not offer SMTPUTF8"},
	[CAUSE_MESSAGE_TOO_LARGE] = {552,
				     {5, 3, 4},
				     "message is larger than the server allows"},
	[CAUSE_NEEDS_8BITMIME] = {554, {5, 6, 3}, "server does not offer 8BITMIME"},
	[CAUSE_RENDER_FAILED] = {554,
				 {5, 6, 0},
				 "message could not be made for this recipient"},
	[CAUSE_EXPIRED] = {554, {4, 4, 7}, "delivery time expired"},
	[CAUSE_SUPPRESSED] = {550, {5, 7, 1}, "address is suppressed"},
	[CAUSE_CANCELLED] = {554, {5, 7, 0}, "campaign was cancelled"},
	[CAUSE_OUT_OF_SYNC] = {451, {4, 5, 0}, "server lost count of pipelined commands"},
	[CAUSE_AUTH_FAILED] = {454, {4, 7, 0}, "authentication failed"},
	[CAUSE_NEEDS_REQUIRETLS] = {550, {5, 7, 30}, "server does not offer REQUIRETLS"},
	[CAUSE_TLS_POLICY] = {451,
			      {4, 7, 5},
			      "no mail host satisfies the TLS policy of the domain"},
	[CAUSE_CRASHED] = {451, {4, 3, 0}, "sender stopped after the end of data"},
	[CAUSE_SOURCE_UNAVAILABLE] = {451,
				      {4, 4, 1},
				      "the source's address or proxy is not available"},
};

const char *const local_cause_names[CAUSE_COUNT] = {
	[CAUSE_NONE] = "none",
	[CAUSE_DNS_TEMPORARY] = "dns-temporary",
	[CAUSE_DNS_NO_DOMAIN] = "dns-no-domain",
	[CAUSE_DNS_NO_HOST] = "dns-no-host",
	[CAUSE_NULL_MX] = "null-mx",
	[CAUSE_MX_LOOPS] = "mx-loops",
	[CAUSE_CONNECT_REFUSED] = "connect-refused",
	[CAUSE_CONNECT_TIMEOUT] = "connect-timeout",
	[CAUSE_CONNECT_UNREACHABLE] = "connect-unreachable",
	[CAUSE_CONNECTION_LOST] = "connection-lost",
	[CAUSE_TIMEOUT] = "timeout",
	[CAUSE_TIMEOUT_END] = "timeout-end",
	[CAUSE_LOST_END] = "lost-end",
	[CAUSE_TLS_FAILED] = "tls-failed",
	[CAUSE_PROTOCOL] = "protocol",
	[CAUSE_ADDRESS_INVALID] = "address-invalid",
	[CAUSE_ADDRESS_NEEDS_UTF8] = "address-needs-utf8",
	[CAUSE_MESSAGE_TOO_LARGE] = "message-too-large",
	[CAUSE_NEEDS_8BITMIME] = "needs-8bitmime",
	[CAUSE_RENDER_FAILED] = "render-failed",
	[CAUSE_EXPIRED] = "expired",
	[CAUSE_SUPPRESSED] = "suppressed",
	[CAUSE_CANCELLED] = "cancelled",
	[CAUSE_OUT_OF_SYNC] = "out-of-sync",
	[CAUSE_AUTH_FAILED] = "auth-failed",
	[CAUSE_NEEDS_REQUIRETLS] = "needs-requiretls",
	[CAUSE_TLS_POLICY] = "tls-policy",
	[CAUSE_CRASHED] = "crashed",
	[CAUSE_SOURCE_UNAVAILABLE] = "source-unavailable",
};

struct reply reply_local(enum local_cause cause, enum smtp_stage stage)
{
	ASSERT(cause > CAUSE_NONE && cause < CAUSE_COUNT);
	const struct cause_row *row = &cause_table[cause];
	return (struct reply){
		.code = row->code,
		.status = row->status,
		.origin = REPLY_LOCAL,
		.stage = stage,
		.cause = cause,
		.text = str_of(row->text),
	};
}

void reply_parser_init(struct reply_parser *p)
{
	p->line_size = p->text_size = p->total_size = p->line_count = 0;
	p->code = 0;
	p->status = (struct status){};
	p->done = false;
	p->bare_lf_count = p->code_mismatch_count = 0;
}

bool reply_parser_is_within(const struct reply_parser *p)
{
	return !p->done && p->total_size > 0;
}

static void start_reply(struct reply_parser *p)
{
	p->line_size = p->text_size = p->total_size = p->line_count = 0;
	p->code = 0;
	p->status = (struct status){};
	p->done = false;
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

/* 1*3DIGIT at the front; returns its size, 0 when there is none or it goes on. */
static size_t take_number(str text, uint16_t *ret_value)
{
	unsigned value = 0;
	size_t size = 0;
	while (size < text.size && size < 3 && is_digit(text.data[size]))
		value = value * 10 + (unsigned)(text.data[size++] - '0');
	if (size < text.size && is_digit(text.data[size]))
		return 0;
	*ret_value = (uint16_t)value;
	return size;
}

/* What may stand behind a status code: anything that does not make it a longer word, so that
 * "5.1.1: unknown" and "5.1.1." are codes and "2.0.0.1" (an address) is none. */
static bool status_ends(str rest)
{
	if (rest.size == 0)
		return true;
	char byte = rest.data[0];
	if (byte == '.')
		return rest.size == 1 || !is_digit(rest.data[1]);
	return !((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_');
}

bool status_parse(str text, struct status *ret_status, size_t *ret_size)
{
	uint16_t subject, detail;
	if (text.size < 5 || text.data[1] != '.')
		return false;
	char class = text.data[0];
	if (class != '2' && class != '4' && class != '5')
		return false;
	size_t at = 2, size = take_number(str_from(text, at), &subject);
	if (size == 0 || at + size >= text.size || text.data[at + size] != '.')
		return false;
	at += size + 1;
	size = take_number(str_from(text, at), &detail);
	if (size == 0 || !status_ends(str_from(text, at + size)))
		return false;
	*ret_status = (struct status){(uint8_t)(class - '0'), subject, detail};
	if (ret_size)
		*ret_size = at + size;
	return true;
}

/* Takes the status off the front of a line's text. One whose class is not the code's first
 * digit is distrusted and stays text (RFC 2034 4). */
static str take_status(struct reply_parser *p, str text)
{
	struct status status;
	size_t size;
	if (!status_parse(text, &status, &size) || status.class != p->code / 100)
		return text;
	p->status = status;
	text = str_from(text, size);
	return text.size > 0 && text.data[0] == ' ' ? str_from(text, 1) : text;
}

static void keep_text(struct reply_parser *p, str text)
{
	if (p->line_count > 1 && p->text_size < REPLY_TEXT_LIMIT)
		p->text[p->text_size++] = '\n';
	size_t room = REPLY_TEXT_LIMIT - p->text_size;
	size_t size = text.size < room ? text.size : room;
	memcpy(p->text + p->text_size, text.data, size);
	p->text_size += size;
}

/* One line without its line end. */
static enum reply_step take_line(struct reply_parser *p, str line)
{
	if (line.size < 3 || line.data[0] < '2' || line.data[0] > '5' ||
	    !is_digit(line.data[1]) || !is_digit(line.data[2]))
		return REPLY_BAD;
	if (line.size > 3 && line.data[3] != ' ' && line.data[3] != '-')
		return REPLY_BAD;
	uint16_t code = (uint16_t)((line.data[0] - '0') * 100 + (line.data[1] - '0') * 10 +
				   (line.data[2] - '0'));
	if (p->line_count++ > 0 && code != p->code) {
		p->code_mismatch_count++;
		p->status = (struct status){};
	}
	p->code = code;
	keep_text(p, take_status(p, line.size > 4 ? str_from(line, 4) : STR("")));
	return line.size > 3 && line.data[3] == '-' ? REPLY_MORE : REPLY_READY;
}

/* Takes bytes through one LF, or all of them into parser->line when there is none. The line
 * (empty until whole) is handed out without CR and LF. */
static size_t collect_line(struct reply_parser *p, str in, str *ret_line, bool *ret_too_long)
{
	size_t lf = str_find_byte(in, '\n');
	size_t size = lf == STR_NONE ? in.size : lf + 1;
	if (p->line_size + size > REPLY_LINE_LIMIT) {
		*ret_too_long = true;
		return size;
	}
	if (lf != STR_NONE && p->line_size == 0) {
		*ret_line = str_sub(in, 0, size);
		return size;
	}
	memcpy(p->line + p->line_size, in.data, size);
	p->line_size += size;
	if (lf != STR_NONE) {
		*ret_line = str_make(p->line, p->line_size);
		p->line_size = 0;
	}
	return size;
}

static str strip_line_end(struct reply_parser *p, str line)
{
	ASSERT(line.size > 0 && line.data[line.size - 1] == '\n');
	line.size--;
	if (line.size > 0 && line.data[line.size - 1] == '\r')
		line.size--;
	else
		p->bare_lf_count++;
	return line;
}

size_t reply_feed(struct reply_parser *p, str in, enum reply_step *ret_step,
		  struct reply *ret_reply)
{
	size_t taken = 0;
	enum reply_step step = REPLY_MORE;
	if (p->done && in.size > 0)
		start_reply(p);
	while (taken < in.size && step == REPLY_MORE) {
		str line = {};
		bool too_long = false;
		size_t size = collect_line(p, str_from(in, taken), &line, &too_long);
		taken += size;
		p->total_size += size;
		if (too_long || p->total_size > REPLY_TOTAL_LIMIT)
			step = REPLY_BAD;
		else if (line.size > 0)
			step = take_line(p, strip_line_end(p, line));
	}
	*ret_step = step;
	if (step != REPLY_READY)
		return taken;
	p->done = true;
	*ret_reply = (struct reply){
		.code = p->code,
		.status = p->status,
		.origin = REPLY_REMOTE,
		.text = str_make(p->text, p->text_size),
	};
	return taken;
}
