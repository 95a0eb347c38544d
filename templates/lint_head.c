/* lint_head.c - rules about headers: who writes, the subject, how a reader leaves, and the size
 * of what is sent. */
#include "templates/lint_parts.h"

#include "engine/mail/utf8.h"

#define SUBJECT_LIMIT 150        /* characters */
#define SIZE_LIMIT (102u * 1024) /* of the HTML: Gmail shows no more, and counts it encoded */
#define LINE_LIMIT 998           /* RFC 5322 2.1.1, without CRLF */

static str domain_of(str address)
{
	size_t at = str_rfind_byte(address, '@');
	return at == STR_NONE ? (str){} : str_from(address, at + 1);
}

/* Providers of free mailboxes; those whose policy has mail of theirs by others refused or put
 * away say so in DNS (DMARC p=reject or quarantine). */
static bool is_free_mailbox(str domain)
{
	static const char *const names[] = {
		"gmail.com",   "googlemail.com", "yahoo.com",      "yahoo.de",  "yahoo.co.uk",
		"yahoo.fr",    "ymail.com",      "rocketmail.com", "aol.com",   "outlook.com",
		"hotmail.com", "hotmail.de",     "live.com",       "msn.com",   "icloud.com",
		"me.com",      "mac.com",        "gmx.de",         "gmx.net",   "gmx.com",
		"web.de",      "t-online.de",    "freenet.de",     "mail.ru",   "yandex.ru",
		"yandex.com",  "proton.me",      "protonmail.com", "orange.fr", "laposte.net",
		"free.fr",     "libero.it",      "qq.com",         "163.com",   "126.com",
		"comcast.net", "zoho.com",       "fastmail.com",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_eq_nocase(domain, str_of(names[i])))
			return true;
	return false;
}

/* How many labels an organization's domain has. Without the public suffix list: three below
 * "co.uk" and its like, else two. Too few would call strangers one, so this errs towards
 * silence only. */
static size_t organization_labels(str domain)
{
	static const char *const second[] = {"co",  "com", "org", "net", "ac", "gov",
					     "edu", "ne",  "or",  "gv",  "go"};
	size_t dot = str_rfind_byte(domain, '.');
	if (dot == STR_NONE || domain.size - dot != 3)
		return 2;
	str before = str_sub(domain, 0, dot);
	size_t previous = str_rfind_byte(before, '.');
	str label = str_from(before, previous == STR_NONE ? 0 : previous + 1);
	for (size_t i = 0; i < sizeof(second) / sizeof(*second); i++)
		if (str_eq_nocase(label, str_of(second[i])))
			return 3;
	return 2;
}

static str organization_of(str domain)
{
	size_t labels = organization_labels(domain), at = domain.size;
	while (labels > 0 && at > 0) {
		size_t dot = str_rfind_byte(str_sub(domain, 0, at), '.');
		labels--;
		if (labels == 0 || dot == STR_NONE)
			return str_from(domain, dot == STR_NONE ? 0 : dot + 1);
		at = dot;
	}
	return domain;
}

static void look_at_signature(struct lint *lint, const struct lint_source *source,
			      struct lint_place place)
{
	char memory[LINT_SHOWN_SIZE];
	str domain = domain_of(source->from_address);
	if (source->dkim_domain_count == 0) {
		lint_say(lint, LINT_UNSIGNED, (struct lint_place){STR("rundbrief.conf"), 0, 0},
			 "messages are not signed: there is no dkim section");
		return;
	}
	/* Relaxed alignment, RFC 7489 3.1.1. */
	for (size_t i = 0; i < source->dkim_domain_count; i++)
		if (str_eq_nocase(organization_of(domain),
				  organization_of(source->dkim_domains[i])))
			return;
	lint_say(lint, LINT_ALIGNMENT, place, "no signature is of %s, the domain of from",
		 lint_shown(memory, domain));
}

void lint_sender(struct lint *lint, const struct lint_source *source)
{
	char memory[LINT_SHOWN_SIZE];
	struct lint_place place = {source->conf_file, 0, 0};
	str from = domain_of(source->from_address), reply = domain_of(source->reply_to);
	str answered = source->reply_to.size ? source->reply_to : source->from_address;
	if (is_free_mailbox(from))
		lint_say(lint, LINT_FREE_MAILBOX, place,
			 "from is a mailbox of %s, which lets nobody else send its mail",
			 lint_shown(memory, from));
	else
		look_at_signature(lint, source, place);
	if (reply.size > 0 && is_free_mailbox(reply) && !str_eq_nocase(from, reply))
		lint_say(lint, LINT_REPLY_TO, place, "answers go to a mailbox of %s",
			 lint_shown(memory, reply));
	if (str_starts_nocase(answered, STR("noreply")) ||
	    str_starts_nocase(answered, STR("no-reply")) ||
	    str_starts_nocase(answered, STR("donotreply")))
		lint_say(lint, LINT_NO_REPLY, place, "answers go to %s",
			 lint_shown(memory, answered));
}

struct subject_counts {
	size_t characters, capitals, smalls, exclamations;
};

/* ASCII alone is told apart; others count as characters. */
static struct subject_counts count_subject(str text)
{
	struct subject_counts counts = {};
	while (text.size > 0) {
		size_t size = utf8_char_size(text);
		char c = text.data[0];
		counts.characters++;
		counts.capitals += c >= 'A' && c <= 'Z';
		counts.smalls += (c >= 'a' && c <= 'z') || size > 1;
		counts.exclamations += c == '!';
		text = str_from(text, size ? size : 1);
	}
	return counts;
}

static bool is_fake_reply(str subject)
{
	static const char *const prefixes[] = {"re:", "fwd:", "fw:", "aw:", "wg:"};
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
		if (str_starts_nocase(subject, str_of(prefixes[i])))
			return true;
	return false;
}

static void look_at_subject(struct lint *lint, struct lint_place place, str subject)
{
	struct subject_counts counts = count_subject(subject);
	if (counts.capitals >= 10 && counts.smalls * 10 <= counts.capitals)
		lint_say(lint, LINT_SUBJECT_CAPITALS, place, "the subject is in capitals");
	if (counts.exclamations >= 3 || str_find(subject, STR("!!")) != STR_NONE)
		lint_say(lint, LINT_SUBJECT_EXCLAMATION, place,
			 "the subject has %zu exclamation marks", counts.exclamations);
	if (is_fake_reply(subject))
		lint_say(lint, LINT_SUBJECT_FAKE_REPLY, place,
			 "the subject pretends to be an answer");
	if (counts.characters > SUBJECT_LIMIT)
		lint_say(lint, LINT_SUBJECT_LONG, place, "the subject has %zu characters",
			 counts.characters);
}

/* Before it is rendered only what Liquid has no hand in is looked at. */
void lint_subject(struct lint *lint, const struct lint_source *source, str subject,
		  bool is_rendered)
{
	struct lint_place place = {source->conf_file, 0, 0};
	bool has_liquid = str_find(source->subject, STR("{{")) != STR_NONE ||
			  str_find(source->subject, STR("{%")) != STR_NONE;
	if (!is_rendered)
		lint_text(lint, source->conf_file, subject, false);
	if (has_liquid != is_rendered)
		return;
	if (str_trim(subject).size == 0)
		lint_say(lint, LINT_SUBJECT_EMPTY, place, "the subject is empty");
	look_at_subject(lint, place, str_trim(subject));
}

void lint_way_out(struct lint *lint, const struct lint_source *source, bool has_link,
		  bool look_at_site)
{
	const struct lint_place conf = {STR("rundbrief.conf"), 0, 0};
	bool one_click = str_starts_nocase(source->base_url, STR("https://"));
	str file = source->html.data ? source->html_file : source->text_file;
	if (source->transactional)
		return;
	if (look_at_site && source->base_url.size == 0)
		lint_say(lint, LINT_ONE_CLICK, conf,
			 "nobody can unsubscribe with one click: sending.base_url is not set");
	else if (look_at_site && !one_click)
		lint_say(lint, LINT_ONE_CLICK, conf,
			 "nobody can unsubscribe with one click: sending.base_url is not "
			 "https");
	if (!source->html.data)
		has_link = str_find(source->text, STR("unsubscribe_url")) != STR_NONE ||
			   str_find(source->text, STR("preferences_url")) != STR_NONE ||
			   has_link;
	if (!has_link)
		lint_say_as(lint, LINT_NO_UNSUBSCRIBE, one_click ? LINT_WARNING : LINT_ERROR,
			    (struct lint_place){file, 0, 0},
			    "the letter has no link to unsubscribe");
}

static void look_at_lines(struct lint *lint, str message)
{
	char memory[LINT_SHOWN_SIZE];
	for (str rest = message; rest.size > 0;) {
		str line = str_cut(&rest, '\n');
		if (str_ends(line, STR("\r")))
			line.size--;
		if (line.size > LINE_LIMIT)
			lint_say(lint, LINT_LONG_LINE,
				 (struct lint_place){STR("the message"), 0, 0},
				 "a line has %zu bytes: %s", line.size,
				 lint_shown(memory, str_sub(line, 0, 40)));
	}
}

void lint_message(struct lint *lint, const struct lint_source *source,
		  const struct lint_sample *sample)
{
	lint_subject(lint, source, sample->subject, true);
	look_at_lines(lint, sample->message);
	if (sample->html_size > SIZE_LIMIT)
		lint_say(lint, LINT_SIZE, (struct lint_place){source->html_file, 0, 0},
			 "the HTML has %zu KB as it is sent, more than the 102 KB that Gmail "
			 "shows",
			 (sample->html_size + 1023) / 1024);
}
