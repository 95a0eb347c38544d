/* tls_report_mail.c - a report as a file and as the mail that carries it, RFC 8460 5. */
#include "engine/api/tls_report.h"

#include <zlib.h>

#include "engine/mail/date.h"
#include "engine/mail/encode.h"
#include "engine/mail/header.h"

#define VALUE_LIMIT 1200      /* of a field: two domain names and an identifier */
#define GZIP_WINDOW (15 + 16) /* zlib's largest window, with gzip's header around it */

int tls_report_gzip(str json, struct buf *out)
{
	z_stream z = {};
	if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -1;
	size_t size = deflateBound(&z, json.size);
	char *room = buf_reserve(out, size);
	int result = Z_MEM_ERROR;
	if (room) {
		z.next_in = (Bytef *)(uintptr_t)json.data;
		z.avail_in = (uInt)json.size;
		z.next_out = (Bytef *)room;
		z.avail_out = (uInt)size;
		result = deflate(&z, Z_FINISH);
		buf_advance(out, size - z.avail_out);
	}
	deflateEnd(&z);
	return result == Z_STREAM_END ? 0 : -1;
}

/* ABNF of the subject, RFC 8460 5.3: "Report Domain:" FWS domain FWS "Submitter:" ... */
static void put_subject(const struct tls_report *r, struct buf *out)
{
	char memory[VALUE_LIMIT];
	struct buf value;
	buf_init_fixed(&value, memory, sizeof(memory));
	buf_printf(&value, "Report Domain: %.*s Submitter: %.*s Report-ID: <",
		   STR_FORMAT(r->domain), STR_FORMAT(r->submitter));
	tls_report_id(r, &value);
	buf_put_byte(&value, '>');
	header_put_tokens(out, STR("Subject"), buf_str(&value));
}

static void put_date_and_id(const struct tls_report *r, usec now_wall, struct buf *out)
{
	char memory[VALUE_LIMIT];
	struct buf value;
	buf_init_fixed(&value, memory, sizeof(memory));
	date_put(&value, now_wall);
	header_put_tokens(out, STR("Date"), buf_str(&value));
	buf_reset(&value);
	tls_report_id(r, &value);
	header_put_angled(out, STR("Message-ID"), STR(""), buf_str(&value));
}

/* A report about broken TLS must get through where TLS is broken: TLS-Required says so to the
 * hosts on its way (RFC 8460 3, RFC 8689 3). The boundary cannot stand in base64 or in the one
 * line of text. */
#define BOUNDARY "=_tlsrpt"

static void put_header(const struct tls_report *r, str from, str to, usec now_wall,
		       struct buf *out)
{
	header_put_mailbox(out, STR("From"), r->organization, from);
	header_put_mailbox(out, STR("To"), STR(""), to);
	put_subject(r, out);
	put_date_and_id(r, now_wall, out);
	header_put_tokens(out, STR("TLS-Report-Domain"), r->domain);
	header_put_tokens(out, STR("TLS-Report-Submitter"), r->submitter);
	header_put_tokens(out, STR("TLS-Required"), STR("No"));
	header_put_tokens(out, STR("Auto-Submitted"), STR("auto-generated"));
	header_put_tokens(out, STR("MIME-Version"), STR("1.0"));
	header_put_tokens(
		out, STR("Content-Type"),
		STR("multipart/report; report-type=\"tlsrpt\"; boundary=\"" BOUNDARY "\""));
	buf_put_cstr(out, "\r\n");
}

static void put_disposition(const struct tls_report *r, struct buf *out)
{
	char memory[VALUE_LIMIT];
	struct buf value;
	buf_init_fixed(&value, memory, sizeof(memory));
	buf_put_cstr(&value, "attachment; filename=\"");
	tls_report_file_name(r, &value);
	buf_put_byte(&value, '"');
	header_put_tokens(out, STR("Content-Disposition"), buf_str(&value));
}

int tls_report_mail(const struct tls_report *r, str gzip, str from, str to, usec now_wall,
		    struct buf *out, size_t *ret_header_size)
{
	size_t start = out->size;
	put_header(r, from, to, now_wall, out);
	*ret_header_size = out->size - start;
	buf_put_cstr(out, "--" BOUNDARY "\r\nContent-Type: text/plain; charset=\"us-ascii\"\r\n"
			  "Content-Transfer-Encoding: 7bit\r\n\r\n");
	buf_printf(out,
		   "This is an aggregate TLS report from %.*s\r\n\r\n"
		   "--" BOUNDARY "\r\nContent-Type: application/tlsrpt+gzip\r\n"
		   "Content-Transfer-Encoding: base64\r\n",
		   STR_FORMAT(r->submitter));
	put_disposition(r, out);
	buf_put_cstr(out, "\r\n");
	base64_put_lines(out, gzip);
	buf_put_cstr(out, "--" BOUNDARY "--\r\n");
	return buf_ok(out) ? 0 : -1;
}
