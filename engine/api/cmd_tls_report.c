/* cmd_tls_report.c - `rundbrief tls-report`: tells the domains that ask for it what became of
 * TLS on a day (RFC 8460). Made for cron: who has taken a report is noted and gets no second
 * one, who has not is tried again by the next run. */
#include "engine/api/commands.h"

#include <stdio.h>
#include <time.h>

#include "engine/api/date_option.h"
#include "engine/api/db.h"
#include "engine/api/rows.h"
#include "engine/api/settings.h"
#include "engine/api/tls_report_send.h"
#include "engine/io/clock.h"
#include "engine/io/heap.h"
#include "engine/mail/domain.h"
#include "engine/mail/header.h"

struct reporting {
	struct cli *cli;
	struct db *db;
	const struct engine_settings *settings;
	const char *day, *domain; /* as given; domain "": all */
	char day_text[16];
	bool print, dry_run;
	bool failed; /* somebody did not get his report */
	str from;
	struct tls_report report; /* what all have in common */
	struct rows rows;
};

/* One domain's report as it is made and sent. */
struct making {
	struct reporting *r;
	struct arena arena;
	str succeeded, failed; /* sessions, for people */
	struct tls_report report;
	PGresult *results; /* whose cells the report's rows are */
	struct buf gzip;
};

/* ---- what is reported ---- */

static void take_rows(struct making *m, struct tls_report_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int row = (int)i;
		rows[i] = (struct tls_report_row){
			.policy_type = db_cell(m->results, row, 0),
			.policy_text = db_cell(m->results, row, 1),
			.result_type = db_cell(m->results, row, 2),
			.sending_ip = db_cell(m->results, row, 3),
			.receiving_mx = db_cell(m->results, row, 4),
			.receiving_ip = db_cell(m->results, row, 5),
			.reason = db_cell(m->results, row, 6),
			.count = db_u64(m->results, row, 7),
		};
	}
	m->report.rows = rows;
	m->report.row_count = count;
}

static int make_json(struct making *m, struct buf *json)
{
	const char *parameters[] = {m->r->day_text,
				    arena_copy(&m->arena, m->report.domain).data};
	m->results = db_query(m->r->db, "api_tls_results", 2, parameters);
	if (!m->results)
		return db_code(m->r->db);
	size_t count = (size_t)PQntuples(m->results);
	struct tls_report_row *rows = ARENA_ARRAY(&m->arena, struct tls_report_row, count + 1);
	if (rows)
		take_rows(m, rows, count);
	buf_init_arena(json, &m->arena, 16384);
	if (!rows || tls_report_json(&m->report, m->r->print, json) != 0)
		return cli_fail(m->r->cli, EXIT_FAILED, "out of memory");
	return CLI_GO;
}

static int make_gzip(struct making *m)
{
	struct buf json;
	int code = m->gzip.size > 0 ? CLI_GO : make_json(m, &json);
	if (code != CLI_GO || m->gzip.size > 0)
		return code;
	buf_init_arena(&m->gzip, &m->arena, json.size + 64);
	if (tls_report_gzip(buf_str(&json), &m->gzip) != 0)
		return cli_fail(m->r->cli, EXIT_FAILED, "out of memory");
	return CLI_GO;
}

static int print_report(struct making *m)
{
	struct buf json;
	int code = make_json(m, &json);
	if (code != CLI_GO)
		return code;
	buf_put_byte(&json, '\n');
	cli_write(buf_str(&json));
	return CLI_GO;
}

/* ---- to whom ---- */

static void begin_rows(struct reporting *r)
{
	static const struct column columns[] = {{"domain", 30, false}, {"succeeded", 10, true},
						{"failed", 10, true},  {"to", 40, false},
						{"state", 13, false},  {"reply", 0, false}};
	if (!r->rows.columns)
		rows_begin(&r->rows, r->cli->format, columns, 6);
}

/* Cron mails what is said: with --quiet that is what went wrong. */
static void tell(struct making *m, str to, const char *state, const char *reply)
{
	const struct cli *cli = m->r->cli;
	if (cli->quiet && cli->format == OUTPUT_TEXT && strcmp(state, "sent") == 0)
		return;
	begin_rows(m->r);
	const str cells[] = {m->report.domain, m->succeeded, m->failed, to,
			     str_of(state),    str_of(reply)};
	rows_put(&m->r->rows, cells);
}

static int note_sent(struct making *m, str to)
{
	const char *parameters[] = {m->r->day_text,
				    arena_copy(&m->arena, m->report.domain).data,
				    arena_copy(&m->arena, to).data};
	PGresult *result = db_query(m->r->db, "api_tls_sent_add", 3, parameters);
	if (!result)
		return db_code(m->r->db);
	PQclear(result);
	return CLI_GO;
}

static int send_one(struct making *m, const struct tlsrpt_uri *uri, str to)
{
	char reply[600] = "";
	const struct config *config = &m->r->cli->config;
	int code = make_gzip(m);
	if (code != CLI_GO)
		return code;
	const struct tls_report_post post = {
		.url = arena_copy(&m->arena, to).data,
		.ca_file = config->tls_report.ca_file.size ? config->tls_report.ca_file.data
							   : m->r->settings->ca_file,
		.allow_loopback = config->smtp.allow_loopback,
		.gzip = buf_str(&m->gzip),
	};
	int result = uri->way == TLSRPT_HTTPS
			     ? tls_report_send_https(&post, reply, sizeof(reply))
			     : tls_report_send_mail(m->r->settings, &m->arena, &m->report,
						    buf_str(&m->gzip), m->r->from, to, reply,
						    sizeof(reply));
	tell(m, to, result == 0 ? "sent" : "failed", reply);
	m->r->failed = m->r->failed || result != 0;
	return result == 0 ? note_sent(m, to) : CLI_GO;
}

/* Where a URI leads: a mailbox or the URI itself. data NULL: to nobody. */
static str place_of(struct making *m, const struct tlsrpt_uri *uri)
{
	struct buf mailbox;
	if (uri->way == TLSRPT_HTTPS)
		return uri->text;
	buf_init_arena(&mailbox, &m->arena, 256);
	return tlsrpt_mailbox(&mailbox, uri->text) ? buf_str(&mailbox) : (str){};
}

static bool is_among(const PGresult *sent, str to)
{
	for (int i = 0; i < PQntuples(sent); i++)
		if (str_eq(db_cell(sent, i, 0), to))
			return true;
	return false;
}

/* To every place that the record names and that has not taken it yet. */
static int send_all(struct making *m, const struct tlsrpt_record *record)
{
	int code = CLI_GO;
	const char *parameters[] = {m->r->day_text,
				    arena_copy(&m->arena, m->report.domain).data};
	PGresult *sent = db_query(m->r->db, "api_tls_sent", 2, parameters);
	if (!sent)
		return db_code(m->r->db);
	for (size_t i = 0; i < record->count && code == CLI_GO; i++) {
		str to = place_of(m, &record->uris[i]);
		if (!to.data || is_among(sent, to))
			continue;
		if (m->r->dry_run)
			tell(m, to, "would be sent", "");
		else
			code = send_one(m, &record->uris[i], to);
	}
	PQclear(sent);
	return code;
}

static int report_to(struct reporting *r, const PGresult *domains, int row,
		     const struct tls_report_domain *domain)
{
	struct making m = {.r = r,
			   .succeeded = db_cell(domains, row, 1),
			   .failed = db_cell(domains, row, 2),
			   .report = r->report};
	int code = CLI_GO;
	m.report.domain = domain->name;
	arena_init(&m.arena, heap_source(), 0, 0);
	if (r->print) {
		code = print_report(&m);
	} else if (domain->wish == WISH_UNKNOWN) {
		tell(&m, STR(""), "failed", domain->why);
		r->failed = true;
	} else if (domain->wish == WISH_KNOWN) {
		code = send_all(&m, &domain->record);
	}
	PQclear(m.results);
	arena_done(&m.arena);
	return code;
}

/* ---- all of a day ---- */

/* The next domains, as many as are asked for at once. */
static int report_bundle(struct reporting *r, const PGresult *domains, int first, int count)
{
	struct tls_report_domain asked[TLS_REPORT_ASK_LIMIT] = {};
	struct arena arena;
	char why[256] = "";
	int code = CLI_GO;
	arena_init(&arena, heap_source(), 0, 0);
	for (int i = 0; i < count; i++)
		asked[i].name = db_cell(domains, first + i, 0);
	if (!r->print &&
	    tls_report_ask(r->settings, &arena, asked, (size_t)count, why, sizeof(why)) != 0)
		code = cli_fail(r->cli, EXIT_FAILED, "%s", why);
	for (int i = 0; i < count && code == CLI_GO; i++)
		if (domain_is_valid(asked[i].name))
			code = report_to(r, domains, first + i, &asked[i]);
	arena_done(&arena);
	return code;
}

static int report_day(struct reporting *r)
{
	const char *parameters[] = {r->day_text, r->domain};
	PGresult *domains = db_query(r->db, "api_tls_domains", 2, parameters);
	if (!domains)
		return db_code(r->db);
	int count = PQntuples(domains), code = CLI_GO;
	if (count == 0 && r->domain[0])
		code = cli_fail(r->cli, EXIT_NOT_FOUND, "no session with '%s' on %s", r->domain,
				r->day_text);
	for (int at = 0; at < count && code == CLI_GO; at += TLS_REPORT_ASK_LIMIT)
		code = report_bundle(r, domains, at,
				     count - at < TLS_REPORT_ASK_LIMIT ? count - at
								       : TLS_REPORT_ASK_LIMIT);
	if (!r->print && r->cli->format != OUTPUT_TEXT)
		begin_rows(r); /* no row is a table too */
	if (r->rows.columns)
		rows_end(&r->rows);
	PQclear(domains);
	if (code == CLI_GO && r->failed)
		code = cli_fail(r->cli, EXIT_FAILED,
				"not everybody got his report; the same command tries those "
				"again");
	return code == CLI_GO ? EXIT_OK : code;
}

/* Another that sends at the same time would send all of it twice. */
static int take_lock(struct reporting *r)
{
	PGresult *result = db_query(r->db, "api_tls_lock", 0, NULL);
	if (!result)
		return db_code(r->db);
	bool taken = str_eq(db_cell(result, 0, 0), STR("t"));
	PQclear(result);
	return taken ? CLI_GO
		     : cli_fail(r->cli, EXIT_STOPPED,
				"another `rundbrief tls-report` is at work");
}

/* ---- what was asked for ---- */

static int choose_day(struct reporting *r)
{
	usec today = clock_wall() / USEC_DAY * USEC_DAY, day = today - USEC_DAY;
	if (r->day && strcmp(r->day, "yesterday") != 0 &&
	    (!date_option(r->day, &day) || day % USEC_DAY != 0))
		return cli_fail(r->cli, EXIT_USAGE,
				"--day is a date such as 2026-03-01, not '%s'", r->day);
	if (day >= today && !r->print)
		return cli_fail(r->cli, EXIT_USAGE,
				"that day is not over (UTC); --print shows what there is");
	time_t seconds = (time_t)(day / USEC_SECOND);
	struct tm parts;
	gmtime_r(&seconds, &parts);
	strftime(r->day_text, sizeof(r->day_text), "%Y-%m-%d", &parts);
	r->report.day_wall = day;
	return CLI_GO;
}

static int choose_sender(struct reporting *r)
{
	const struct config_tls_report *config = &r->cli->config.tls_report;
	str return_domain = r->settings->return_domain;
	struct buf from;
	buf_init_arena(&from, r->cli->arena, 300);
	buf_put_cstr(&from, "tls-reports@");
	buf_put(&from, return_domain);
	r->from = config->from.size ? config->from : buf_str(&from);
	r->report.organization =
		config->organization.size ? config->organization : return_domain;
	r->report.contact = config->contact.size ? config->contact : r->from;
	r->report.submitter = str_from(r->from, str_rfind_byte(r->from, '@') + 1);
	if (!header_address_ok(r->from) || !domain_is_valid(r->report.submitter))
		return cli_fail(r->cli, EXIT_USAGE, "tls_report.from: '%.*s' is not an address",
				STR_FORMAT(r->from));
	if (!header_address_ok(r->report.contact))
		return cli_fail(r->cli, EXIT_USAGE,
				"tls_report.contact: '%.*s' is not an address",
				STR_FORMAT(r->report.contact));
	return CLI_GO;
}

static int report_with(struct reporting *r)
{
	struct db db;
	int code = choose_day(r);
	if (code == CLI_GO)
		code = choose_sender(r);
	if (code == CLI_GO)
		code = db_open_direct(&db, r->cli);
	if (code != CLI_GO)
		return code;
	r->db = &db;
	if (!r->print && !r->dry_run)
		code = take_lock(r);
	if (code == CLI_GO)
		code = report_day(r);
	db_close(&db);
	return code;
}

static int tls_report_run(struct cli *cli, int argc, char **argv)
{
	struct reporting r = {.cli = cli, .domain = ""};
	struct engine_settings settings;
	const struct cli_option options[] = {
		{"day", CLI_TEXT, &r.day, "YYYY-MM-DD", "day (UTC); yesterday unless told"},
		{"domain", CLI_TEXT, &r.domain, "DOMAIN", "only the report to this domain"},
		{"print", CLI_FLAG, &r.print, NULL,
		 "print the reports, asked for or not, and send none"},
		{"dry-run", CLI_FLAG, &r.dry_run, NULL, "say what would be sent to whom"},
		{},
	};
	int code = cli_parse(cli, options, &argc, &argv, 0, 0);
	if (code == CLI_GO)
		code = settings_open(cli, &settings);
	if (code != CLI_GO)
		return code;
	r.settings = &settings;
	if (!r.print && !r.dry_run)
		code = settings_use_sources(cli, &settings);
	if (code == CLI_GO)
		code = report_with(&r);
	settings_close(&settings);
	return code;
}

const struct command command_tls_report = {
	.name = "tls-report",
	.synopsis = "[--day YYYY-MM-DD] [--domain DOMAIN] [--print | --dry-run]",
	.summary = "Send yesterday's TLS reports to the domains that ask for them",
	.manual =
		"A domain asks by a TXT record at _smtp._tls.DOMAIN (RFC 8460). Reports go by "
		"mail, signed,\n"
		"or by HTTPS. Run it from cron a few times a day: whoever has taken a report "
		"gets it once,\n"
		"whoever has not is tried again.",
	.run = tls_report_run,
	.outputs = CLI_JSON | CLI_CSV,
};
