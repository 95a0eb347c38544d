/* preflight.c - starts all checks at once and hands the report over when the last concludes. */
#include "engine/preflight/preflight.h"

#include <stdarg.h>
#include <stdio.h>

#include "engine/preflight/check.h"

#define SHOWN_LIMIT 512 /* of one text; SPF records of 450 bytes exist */
#define KEY_LIMIT 16

static const int families[] = {AF_INET, AF_INET6};

struct preflight_run {
	struct resolver *resolver;
	struct arena *arena;
	struct check *checks;
	struct preflight_finding *findings;
	size_t check_count, open_count;
	void *context;
	void (*on_done)(void *, const struct preflight_report *);
	struct preflight_report report;
};

const char *preflight_level_name(enum preflight_level level)
{
	static const char *const names[] = {"ok", "warning", "error"};
	return names[level];
}

const char *preflight_subject_name(enum preflight_subject subject)
{
	static const char *const names[] = {"MX", "SPF", "DKIM", "DMARC", "PTR"};
	return names[subject];
}

static void report(struct preflight_run *run)
{
	for (size_t i = 0; i < run->check_count; i++) {
		const struct preflight_finding *f = &run->checks[i].finding;
		run->findings[i] = *f;
		run->report.warning_count += f->level == PREFLIGHT_WARNING;
		run->report.error_count += f->level == PREFLIGHT_ERROR;
	}
	run->report.findings = run->findings;
	run->report.count = run->check_count;
	run->on_done(run->context, &run->report);
}

static void on_answer(struct dns_question *question, const struct dns_answer *answer)
{
	struct check *c = CHAIN_OWNER(question, struct check, question);
	c->judge(c, answer);
	if (c->finding.sentence.data && --c->run->open_count == 0)
		report(c->run);
}

/* Puts the question's name where it outlives the answer that brought it. Without memory the
 * check ends; on_answer() sees the finding. */
static bool keep_name(struct check *c, str name)
{
	str kept = arena_copy(c->run->arena, name);
	if (kept.data)
		c->name = kept;
	else
		check_conclude(c, PREFLIGHT_WARNING, false, "not checked");
	c->step++;
	return kept.data != NULL;
}

void check_ask_address(struct check *c, str host)
{
	if (keep_name(c, host))
		resolve_address(c->run->resolver, &c->question, c->name);
}

void check_ask_text(struct check *c, str name)
{
	if (keep_name(c, name))
		resolve_text(c->run->resolver, &c->question, c->name);
}

void check_conclude(struct check *c, enum preflight_level level, bool publish,
		    const char *format, ...)
{
	char memory[2048];
	va_list arguments;
	va_start(arguments, format);
	int wanted = vsnprintf(memory, sizeof memory, format, arguments);
	va_end(arguments);
	size_t size = wanted < 0 ? 0 : (size_t)wanted;
	if (size >= sizeof memory)
		size = sizeof memory - 1;
	str sentence = arena_copy(c->run->arena, str_make(memory, size));
	if (!sentence.data)
		sentence = STR("there was no memory left to say what was found");
	c->finding.level = level;
	c->finding.sentence = sentence;
	c->finding.record = publish ? c->zone : (str){"", 0};
}

const char *check_shown(struct check *c, str text)
{
	char memory[SHOWN_LIMIT * 4 + 4];
	struct buf b;
	buf_init_fixed(&b, memory, sizeof memory);
	buf_put_printable(&b, text, SHOWN_LIMIT);
	str shown = arena_copy(c->run->arena, buf_str(&b));
	return shown.data ? shown.data : "(no memory)";
}

/* Letters, digits, hyphens, underscores and dots: it goes into names asked and records shown.
 */
static bool is_domain(str name)
{
	for (size_t i = 0; i < name.size; i++) {
		char c = name.data[i];
		bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
		if (!good)
			return false;
	}
	return name.size > 0 && name.size < DNS_NAME_SIZE - sizeof "_dmarc." &&
	       name.data[0] != '.';
}

static struct check *new_check(struct preflight_run *run, enum preflight_subject subject,
			       void (*judge)(struct check *, const struct dns_answer *),
			       str name)
{
	struct check *c = &run->checks[run->check_count++];
	c->run = run;
	c->judge = judge;
	c->finding.subject = subject;
	c->question.on_answer = on_answer;
	c->name = arena_copy(run->arena, name);
	run->open_count++;
	return c;
}

/* The source's public address of the family; NULL when it has none. */
static const struct net_address *public_address(const struct source *s, int family)
{
	const struct net_address *address = family == AF_INET6 ? &s->ipv6 : &s->ipv4;
	bool has = family == AF_INET6 ? s->has_ipv6 : s->has_ipv4;
	return has && net_address_is_public(address) ? address : NULL;
}

/* Addresses of private networks have no public names, and SPF has no use for them. The record
 * that would cover the plan's public addresses; empty when none is known. */
static str spf_line(struct arena *arena, str domain, const struct preflight_plan *plan)
{
	struct buf b;
	size_t named = 0;
	buf_init_arena(&b, arena, 256);
	buf_put(&b, domain);
	buf_put(&b, STR(". IN TXT \"v=spf1"));
	for (size_t i = 0; i < 2 * plan->source_count; i++) {
		const struct net_address *address =
			public_address(&plan->sources[i / 2], families[i % 2]);
		if (!address)
			continue;
		char text[INET6_ADDRSTRLEN];
		net_address_format(address, text);
		buf_printf(&b, " ip%c:%s", address->sa.sa_family == AF_INET ? '4' : '6', text);
		named++;
	}
	buf_put(&b, STR(" ~all\""));
	return named && buf_ok(&b) ? buf_str(&b) : (str){"", 0};
}

static str text_line(struct arena *arena, str name, const char *text)
{
	struct buf b;
	buf_init_arena(&b, arena, 128);
	buf_put(&b, name);
	buf_printf(&b, ". IN TXT \"%s\"", text);
	return buf_ok(&b) ? buf_str(&b) : (str){"", 0};
}

static bool is_below(str name, str domain)
{
	return str_eq_nocase(name, domain) ||
	       (str_ends_nocase(name, domain) && name.data[name.size - domain.size - 1] == '.');
}

static void start_dkim(struct preflight_run *run, const struct dkim_key *key, str from_domain)
{
	struct buf name, record, zone;
	buf_init_arena(&name, run->arena, 128);
	buf_init_arena(&record, run->arena, 1024);
	buf_init_arena(&zone, run->arena, 1024);
	dkim_key_record_name(key, &name);
	dkim_key_record(key, &record);
	dkim_key_zone_line(key, &zone);
	struct check *c = new_check(run, PREFLIGHT_DKIM, judge_dkim, buf_str(&name));
	size_t p = str_find(buf_str(&record), STR("p="));
	c->wanted = str_from(buf_str(&record), p == STR_NONE ? record.size : p + 2);
	c->zone = buf_str(&zone);
	str domain = dkim_key_domain(key);
	c->aligned = is_below(from_domain, domain) || is_below(domain, from_domain);
	resolve_text(run->resolver, &c->question, c->name);
}

static void start_keys(struct preflight_run *run, const struct preflight_plan *plan)
{
	for (size_t i = 0; i < plan->key_count; i++)
		start_dkim(run, plan->keys[i], plan->domain);
	if (plan->key_count)
		return;
	struct check *c = new_check(run, PREFLIGHT_DKIM, judge_dkim, plan->domain);
	check_conclude(
		c, PREFLIGHT_ERROR, false,
		"no key is configured for %s, and large receivers refuse unsigned bulk mail: "
		"make one with rundbrief dkim keygen",
		check_shown(c, plan->domain));
	run->open_count--; /* nothing was asked */
}

static void start_sources(struct preflight_run *run, const struct preflight_plan *plan)
{
	for (size_t i = 0; i < 2 * plan->source_count && !plan->names_optional; i++) {
		const struct source *s = &plan->sources[i / 2];
		const struct net_address *address = public_address(s, families[i % 2]);
		if (!address)
			continue;
		char text[INET6_ADDRSTRLEN];
		net_address_format(address, text);
		struct check *c = new_check(run, PREFLIGHT_PTR, judge_ptr, str_of(text));
		c->address = *address;
		c->helo = arena_copy(run->arena, str_of(s->helo));
		resolve_name(run->resolver, &c->question, &c->address);
	}
}

static void start_domain(struct preflight_run *run, const struct preflight_plan *plan,
			 str return_domain)
{
	struct check *c = new_check(run, PREFLIGHT_MX, judge_mx, plan->domain);
	resolve_mx(run->resolver, &c->question, c->name);
	if (!str_eq_nocase(plan->domain, return_domain)) {
		c = new_check(run, PREFLIGHT_MX, judge_mx, return_domain);
		resolve_mx(run->resolver, &c->question, c->name);
	}
	c = new_check(run, PREFLIGHT_SPF, judge_spf, return_domain);
	c->zone = spf_line(run->arena, return_domain, plan);
	resolve_text(run->resolver, &c->question, c->name);
}

static void start_dmarc(struct preflight_run *run, str domain)
{
	char memory[DNS_NAME_SIZE];
	struct buf name;
	buf_init_fixed(&name, memory, sizeof memory);
	buf_put(&name, STR("_dmarc."));
	buf_put(&name, domain);
	struct check *c = new_check(run, PREFLIGHT_DMARC, judge_dmarc, buf_str(&name));
	c->zone = text_line(run->arena, c->name, "v=DMARC1; p=none");
	resolve_text(run->resolver, &c->question, c->name);
}

int preflight_check(struct resolver *resolver, const struct preflight_plan *plan,
		    struct arena *arena, void *context,
		    void (*on_done)(void *context, const struct preflight_report *))
{
	str return_domain = plan->return_domain.size ? plan->return_domain : plan->domain;
	if (!is_domain(plan->domain) || !is_domain(return_domain) ||
	    plan->source_count > PREFLIGHT_SOURCE_LIMIT || plan->key_count > KEY_LIMIT)
		return -1;
	size_t limit = 5 + plan->key_count + 2 * plan->source_count;
	struct preflight_run *run = ARENA_NEW(arena, struct preflight_run);
	struct check *checks = ARENA_ARRAY(arena, struct check, limit);
	struct preflight_finding *findings =
		ARENA_ARRAY(arena, struct preflight_finding, limit);
	if (!run || !checks || !findings)
		return -1;
	*run = (struct preflight_run){.resolver = resolver,
				      .arena = arena,
				      .checks = checks,
				      .findings = findings,
				      .context = context,
				      .on_done = on_done};
	start_domain(run, plan, return_domain);
	start_keys(run, plan);
	start_dmarc(run, plan->domain);
	start_sources(run, plan);
	return 0;
}
