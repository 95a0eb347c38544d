/* host_tail.c - which dotted names are host names. */
#include "engine/smtp/host_tail.h"

/* The last label of what is taken for a host name. A list, because "full.please" is not one;
 * compared by eight bytes at once, without a branch that depends on the label. */
static bool is_top_level(str label)
{
	static const char known[][8] = {
		"com",     "net",   "org",     "info",     "biz", "edu", "gov", "mil",  "int",
		"io",      "co",    "me",      "tv",       "eu",  "de",  "at",  "ch",   "fr",
		"be",      "nl",    "uk",      "ie",       "it",  "es",  "pt",  "pl",   "cz",
		"sk",      "hu",    "ro",      "bg",       "gr",  "se",  "no",  "dk",   "fi",
		"ru",      "ua",    "by",      "kz",       "jp",  "cn",  "tw",  "hk",   "kr",
		"in",      "sg",    "my",      "th",       "vn",  "id",  "ph",  "au",   "nz",
		"za",      "br",    "ar",      "mx",       "cl",  "ca",  "us",  "tr",   "il",
		"ir",      "lt",    "lv",      "ee",       "si",  "hr",  "rs",  "arpa", "test",
		"example", "local", "invalid", "microsof",
	};
	char wanted[8] = "";
	bool found = false;

	if (label.size < 2 || label.size > 9)
		return false;
	for (size_t i = 0; i < label.size && i < 8; i++)
		wanted[i] = (char)(label.data[i] | 0x20); /* letters: lower case */
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		found |= memcmp(known[i], wanted, 8) == 0;
	return found;
}

bool host_tail(str name, str *ret_tail)
{
	size_t dot = str_rfind_byte(name, '.');
	if (dot == STR_NONE || dot == 0 || !is_top_level(str_from(name, dot + 1)))
		return false;

	size_t before = str_rfind_byte(str_sub(name, 0, dot), '.');
	size_t start = before == STR_NONE ? 0 : before + 1;
	if (start == dot)
		return false;
	*ret_tail = str_from(name, start);
	return true;
}
