/* lint_link.c - where a link leads, as far as its bytes say.
 *
 *   URI = scheme ":" ["//" [userinfo "@"] host [":" port]] path ["?" query] ["#" fragment]
 *                                                                          RFC 3986 3
 * A scheme or a host that Liquid prints is not known, and nothing is said of it. */
#include "templates/lint_parts.h"

/* The better known; block lists of links (SURBL, URIBL) name such services as a risk. */
static const char *const shorteners[] = {
	"bit.ly",  "bitly.com", "tinyurl.com", "goo.gl",    "t.co",        "ow.ly", "is.gd",
	"buff.ly", "adf.ly",    "rebrand.ly",  "cutt.ly",   "shorturl.at", "rb.gy", "t.ly",
	"tiny.cc", "lnkd.in",   "db.tt",       "bl.ink",    "s.id",        "v.gd",  "soo.gd",
	"tr.im",   "x.co",      "mcaf.ee",     "shorte.st", "clck.ru",     "vk.cc", "surl.li",
};

static bool is_marker(char c)
{
	return c == LINT_OUTPUT || c == LINT_TAG;
}

static bool has_marker(str text)
{
	for (size_t i = 0; i < text.size; i++)
		if (is_marker(text.data[i]))
			return true;
	return false;
}

/* scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ); taken off *rest with its colon. */
static str take_scheme(str *rest)
{
	size_t size = 0;
	for (; size < rest->size; size++) {
		char c = rest->data[size];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
		if (!letter && (!other || size == 0))
			break;
	}
	if (size == 0 || size == rest->size || rest->data[size] != ':')
		return (str){};
	str scheme = str_sub(*rest, 0, size);
	*rest = str_from(*rest, size + 1);
	return scheme;
}

static str host_of(str rest)
{
	size_t end = 0;
	rest = str_from(rest, 2);
	while (end < rest.size && str_find_byte(STR("/?#\\"), rest.data[end]) == STR_NONE)
		end++;
	str host = str_sub(rest, 0, end);
	size_t at = str_rfind_byte(host, '@');
	host = at == STR_NONE ? host : str_from(host, at + 1);
	if (str_starts(host, STR("[")))
		return host;
	size_t colon = str_find_byte(host, ':');
	return colon == STR_NONE ? host : str_sub(host, 0, colon);
}

/* "192.0.2.1", and the forms 3221225985 and 0xC0000201 that browsers read as one. */
static bool is_number(str host)
{
	bool hex = str_starts_nocase(host, STR("0x"));
	if (str_starts(host, STR("[")))
		return true;
	for (size_t i = hex ? 2 : 0; i < host.size; i++) {
		char c = host.data[i];
		bool hex_letter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
		if (!((c >= '0' && c <= '9') || c == '.' || (hex && hex_letter)))
			return false;
	}
	return host.size > 0;
}

static bool is_shortener(str host)
{
	if (str_starts_nocase(host, STR("www.")))
		host = str_from(host, 4);
	for (size_t i = 0; i < sizeof(shorteners) / sizeof(*shorteners); i++)
		if (str_eq_nocase(host, str_of(shorteners[i])))
			return true;
	return false;
}

static void look_at_host(str rest, struct lint_link_facts *facts)
{
	str host = str_starts(rest, STR("//")) ? host_of(rest) : (str){"", 0};
	if (has_marker(host))
		return;
	facts->host = host;
	if (host.size == 0)
		facts->kind = LINT_LINK_EMPTY;
	else if (is_number(host))
		facts->number = true;
	else if (str_find_byte(host, '.') == STR_NONE)
		facts->short_name = true;
	else
		facts->shortener = is_shortener(host);
}

/* Without a scheme. "#" alone is where a link was to be written; "#top" is a place of the
 * letter. */
static enum lint_link kind_of_rest(str url)
{
	if (url.size == 0 || str_eq(url, STR("#")))
		return LINT_LINK_EMPTY;
	if (url.data[0] == '#')
		return LINT_LINK_FINE;
	/* The scheme may be one that Liquid has a hand in. */
	for (size_t i = 0; i < url.size; i++) {
		if (is_marker(url.data[i]))
			return LINT_LINK_FINE;
		if (str_find_byte(STR("/?#"), url.data[i]) != STR_NONE)
			break;
	}
	return LINT_LINK_RELATIVE;
}

struct lint_link_facts lint_link_of(str url)
{
	struct lint_link_facts facts = {};
	str rest = str_trim(url);
	while (rest.size > 0 && rest.data[0] == LINT_TAG)
		rest = str_trim(str_from(rest, 1));
	bool was_steered = rest.size == 0 && url.size > 0 && has_marker(url);
	str scheme = take_scheme(&rest);
	if (was_steered)
		return facts;
	if (!scheme.data) {
		facts.kind = kind_of_rest(rest);
	} else if (str_eq_nocase(scheme, STR("javascript")) ||
		   str_eq_nocase(scheme, STR("vbscript"))) {
		facts.kind = LINT_LINK_JAVASCRIPT;
	} else if (str_eq_nocase(scheme, STR("cid"))) {
		facts.kind = LINT_LINK_CID;
	} else if (str_eq_nocase(scheme, STR("file"))) {
		facts.kind = LINT_LINK_RELATIVE;
	} else if (str_eq_nocase(scheme, STR("http")) || str_eq_nocase(scheme, STR("https"))) {
		facts.http = scheme.size == 4;
		look_at_host(rest, &facts);
	} else if (rest.size == 0) {
		facts.kind = LINT_LINK_EMPTY;
	}
	return facts;
}
