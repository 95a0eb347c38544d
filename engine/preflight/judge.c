/* judge.c - reads what DNS answered and says what to change.
 * Levels: an error is what large receivers refuse mail for, or what keeps bounces from coming
 * back; a warning is what costs reputation or could not be found out. */
#include "engine/preflight/check.h"

#define CLIMB_LIMIT 8 /* names asked on the way up the tree (RFC 9989 4.10 asks as many) */

/* A question that got no answer is never held against the domain. */
static bool conclude_temporary(struct check *c, const struct dns_answer *answer)
{
	if (answer->status != DNS_TEMPORARY)
		return false;
	check_conclude(c, PREFLIGHT_WARNING, false,
		       "DNS gave no answer about %s (%s): check again later",
		       check_shown(c, c->name), check_shown(c, str_of(answer->why)));
	return true;
}

static void judge_mx_hosts(struct check *c, const struct dns_answer *answer)
{
	const char *domain = check_shown(c, c->name);
	const struct dns_mx *best = &answer->mx[0];
	for (size_t i = 1; i < answer->count; i++) {
		if (answer->mx[i].preference < best->preference)
			best = &answer->mx[i];
	}
	if (best->host[0] == '\0')
		check_conclude(
			c, PREFLIGHT_ERROR, false,
			"%s says by a null MX that it takes no mail, so receivers refuse "
			"mail from it and bounces cannot come back: publish MX records that "
			"name your mail servers",
			domain);
	else
		check_conclude(c, PREFLIGHT_OK, false, "%s takes mail at %s%s", domain,
			       check_shown(c, str_of(best->host)),
			       answer->count > 1 ? " and others" : "");
}

void judge_mx(struct check *c, const struct dns_answer *answer)
{
	if (conclude_temporary(c, answer))
		return;
	const char *domain = check_shown(c, c->name);
	bool has_answer = answer->status == DNS_OK && answer->count > 0;
	if (c->step == 0 && has_answer)
		judge_mx_hosts(c, answer);
	else if (c->step == 0 && answer->status == DNS_NO_DATA)
		check_ask_address(c, c->name); /* without MX the address counts: RFC 5321 5.1 */
	else if (has_answer)
		check_conclude(c, PREFLIGHT_WARNING, false,
			       "%s has an address but no MX record: publish one that names the "
			       "server that takes replies and bounces",
			       domain);
	else
		check_conclude(
			c, PREFLIGHT_ERROR, false,
			"%s %s, so receivers refuse mail from it and bounces cannot come "
			"back: publish an MX record",
			domain,
			answer->status == DNS_NO_NAME
				? "does not exist in DNS"
				: "has neither an MX record nor an address");
}

/* record = version followed by the end, a space (SPF) or a semicolon (DMARC) */
static bool has_version(str text, str version)
{
	if (!str_starts_nocase(text, version))
		return false;
	return text.size == version.size ||
	       str_find_byte(STR(" ;\t"), text.data[version.size]) != STR_NONE;
}

static size_t find_versions(const struct dns_answer *answer, str version, str *ret_first)
{
	size_t found = 0;
	size_t count = answer->status == DNS_OK ? answer->count : 0;
	for (size_t i = 0; i < count; i++) {
		str text = str_trim(answer->texts[i]);
		if (has_version(text, version) && found++ == 0)
			*ret_first = text;
	}
	return found;
}

/* Does a term of the record let everybody send? RFC 7208 5.1: "all" without a sign is "+all".
 */
static bool allows_all(str record)
{
	for (str rest = record; rest.data;) {
		str term = str_cut(&rest, ' ');
		if (str_eq_nocase(term, STR("all")) || str_eq_nocase(term, STR("+all")))
			return true;
	}
	return false;
}

void judge_spf(struct check *c, const struct dns_answer *answer)
{
	if (conclude_temporary(c, answer))
		return;
	const char *domain = check_shown(c, c->name);
	str record = {};
	size_t count = find_versions(answer, STR("v=spf1"), &record);
	if (count == 0)
		check_conclude(
			c, PREFLIGHT_ERROR, true,
			"%s has no SPF record, which large receivers ask of bulk senders: "
			"publish one that names the addresses you send from",
			domain);
	else if (count > 1)
		check_conclude(c, PREFLIGHT_ERROR, false,
			       "%s has %zu SPF records, which counts as none (RFC 7208 4.5): "
			       "merge them into one",
			       domain, count);
	else if (allows_all(record))
		check_conclude(
			c, PREFLIGHT_WARNING, true,
			"the SPF record of %s lets the whole world send for it (+all): name "
			"your addresses and end it in ~all or -all",
			domain);
	else
		check_conclude(c, PREFLIGHT_OK, false, "%s has one SPF record: %s", domain,
			       check_shown(c, record));
}

/* The value of a tag in "a=1; b=2" (RFC 6376 3.2); data NULL when there is none. */
static str find_tag(str record, str tag)
{
	for (str rest = record; rest.data;) {
		str value = str_cut(&rest, ';');
		str name = str_trim(str_cut(&value, '='));
		if (value.data && str_eq(name, tag))
			return str_trim(value);
	}
	return (str){NULL, 0};
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Base64 in a record may be broken by white space (RFC 6376 2.10). */
static bool same_without_spaces(str a, str b)
{
	for (;;) {
		while (a.size && is_space(a.data[0]))
			a = str_from(a, 1);
		while (b.size && is_space(b.data[0]))
			b = str_from(b, 1);
		if (a.size == 0 || b.size == 0)
			return a.size == b.size;
		if (a.data[0] != b.data[0])
			return false;
		a = str_from(a, 1);
		b = str_from(b, 1);
	}
}

static bool has_flag(str flags, str flag)
{
	for (str rest = flags; rest.data;) {
		if (str_eq(str_trim(str_cut(&rest, ':')), flag))
			return true;
	}
	return false;
}

static void judge_key_record(struct check *c, str record)
{
	const char *name = check_shown(c, c->name);
	str key = find_tag(record, STR("p"));
	if (!key.data)
		check_conclude(c, PREFLIGHT_ERROR, true,
			       "the record at %s holds no key (p=): publish ours", name);
	else if (key.size == 0)
		check_conclude(
			c, PREFLIGHT_ERROR, true,
			"the key at %s is revoked (p= is empty): publish ours, or make a key "
			"under another selector",
			name);
	else if (!same_without_spaces(key, c->wanted))
		check_conclude(
			c, PREFLIGHT_ERROR, true,
			"the key at %s is not the one we sign with, so every signature fails: "
			"publish ours, or configure the selector whose key is published",
			name);
	else if (has_flag(find_tag(record, STR("t")), STR("y")))
		check_conclude(
			c, PREFLIGHT_WARNING, true,
			"the key at %s is ours but marked as a test (t=y), and receivers may "
			"treat its mail as unsigned: take the mark off",
			name);
	else if (!c->aligned)
		check_conclude(
			c, PREFLIGHT_WARNING, false,
			"the key at %s is ours, but its domain is not the From field's, so it "
			"does not count for DMARC: sign with the From domain too",
			name);
	else
		check_conclude(c, PREFLIGHT_OK, false, "the key at %s is the one we sign with",
			       name);
}

void judge_dkim(struct check *c, const struct dns_answer *answer)
{
	if (conclude_temporary(c, answer))
		return;
	const char *name = check_shown(c, c->name);
	if (answer->status != DNS_OK || answer->count == 0)
		check_conclude(c, PREFLIGHT_ERROR, true,
			       "there is no key at %s, so every signature fails: publish it",
			       name);
	else if (answer->count > 1)
		check_conclude(
			c, PREFLIGHT_ERROR, true,
			"there are %zu records at %s and receivers take any of them (RFC 6376 "
			"3.6.2.2): leave only ours",
			answer->count, name);
	else
		judge_key_record(c, str_trim(answer->texts[0]));
}

static bool is_policy(str text)
{
	return str_eq_nocase(text, STR("none")) || str_eq_nocase(text, STR("quarantine")) ||
	       str_eq_nocase(text, STR("reject"));
}

static void judge_policy(struct check *c, str record)
{
	const char *name = check_shown(c, c->name);
	str policy = find_tag(record, STR("p"));
	if (!is_policy(policy))
		check_conclude(
			c, PREFLIGHT_WARNING, c->step == 0,
			"the DMARC record at %s names no policy: it wants p=none, p=quarantine "
			"or p=reject",
			name);
	else if (!find_tag(record, STR("rua")).data)
		check_conclude(
			c, PREFLIGHT_OK, false,
			"%s asks for p=%s (with rua= you would get the receivers' reports)",
			name, check_shown(c, policy));
	else
		check_conclude(c, PREFLIGHT_OK, false, "%s asks for p=%s", name,
			       check_shown(c, policy));
}

/* "_dmarc.a.b.example" becomes "_dmarc.b.example"; false when only a top-level name is left. */
static bool climb(struct check *c)
{
	str domain = str_from(c->name, STR("_dmarc.").size), parent = domain;
	str_cut(&parent, '.');
	if (str_find_byte(parent, '.') == STR_NONE)
		return false;
	char memory[DNS_NAME_SIZE + 8];
	struct buf name;
	buf_init_fixed(&name, memory, sizeof memory);
	buf_put(&name, STR("_dmarc."));
	buf_put(&name, parent);
	check_ask_text(c, buf_str(&name));
	return true;
}

void judge_dmarc(struct check *c, const struct dns_answer *answer)
{
	if (conclude_temporary(c, answer))
		return;
	str record = {};
	size_t count = find_versions(answer, STR("v=DMARC1"), &record);
	if (count == 1)
		judge_policy(c, record);
	else if (count > 1)
		check_conclude(
			c, PREFLIGHT_ERROR, false,
			"there are %zu DMARC records at %s, which counts as none: leave one",
			count, check_shown(c, c->name));
	else if (c->step + 1 >= CLIMB_LIMIT || !climb(c))
		check_conclude(
			c, PREFLIGHT_ERROR, true,
			"there is no DMARC record, which large receivers ask of bulk senders: "
			"publish one, to begin with p=none");
}

static bool points_back(const struct dns_answer *answer, const struct net_address *address)
{
	size_t count = answer->status == DNS_OK ? answer->count : 0;
	for (size_t i = 0; i < count; i++) {
		const struct net_address *a = &answer->addresses[i];
		if (a->sa.sa_family != address->sa.sa_family)
			continue;
		if (a->sa.sa_family == AF_INET
			    ? a->in4.sin_addr.s_addr == address->in4.sin_addr.s_addr
			    : memcmp(&a->in6.sin6_addr, &address->in6.sin6_addr, 16) == 0)
			return true;
	}
	return false;
}

void judge_ptr(struct check *c, const struct dns_answer *answer)
{
	if (conclude_temporary(c, answer))
		return;
	char address[INET6_ADDRSTRLEN];
	net_address_format(&c->address, address);
	bool named = answer->status == DNS_OK && answer->count > 0;
	if (c->step == 0 && named) {
		check_ask_address(c, answer->texts[0]);
		return;
	}
	const char *name = check_shown(c, c->name);
	if (c->step == 0)
		check_conclude(c, PREFLIGHT_ERROR, false,
			       "%s has no name, and large receivers refuse mail from nameless "
			       "addresses: have its owner publish a PTR record for %s",
			       address, check_shown(c, c->helo));
	else if (!points_back(answer, &c->address))
		check_conclude(
			c, PREFLIGHT_ERROR, false,
			"%s is named %s, but that name does not lead back to it: publish the "
			"address under the name",
			address, name);
	else if (!str_eq_nocase(c->name, c->helo))
		check_conclude(c, PREFLIGHT_WARNING, false,
			       "%s is named %s but says %s in EHLO: make them the same",
			       address, name, check_shown(c, c->helo));
	else
		check_conclude(c, PREFLIGHT_OK, false, "%s is named %s, there and back",
			       address, name);
}
