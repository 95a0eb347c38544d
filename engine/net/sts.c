/* sts.c - the grammar of RFC 8461 3.1 and 3.2.
 *
 *   record = "v=STSv1" 1*(delim field) [delim]           delim = *WSP ";" *WSP
 *   field  = "id=" 1*32(ALPHA / DIGIT) / name "=" value
 *   policy = line *(term line) [term]                    term  = LF / CRLF
 *   line   = name ":" *WSP value *WSP                    name  = (ALPHA / DIGIT) *31(ALPHA /
 *                                                                DIGIT / "_" / "-" / ".")
 *
 * Unknown names are ignored; of a name that may stand once the first counts. Kinder than the
 * grammar in one thing: empty lines and space before a name, as hand-made files have them. */
#include "engine/net/sts.h"

#define NAME_LIMIT 32
#define DOMAIN_LIMIT 253
#define LABEL_LIMIT 63

static const char *const mode_names[] = {
	[STS_NONE] = "none", [STS_TESTING] = "testing", [STS_ENFORCE] = "enforce"};

static bool alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_name(str s)
{
	if (s.size == 0 || s.size > NAME_LIMIT || !alnum(s.data[0]))
		return false;
	for (size_t i = 1; i < s.size; i++)
		if (!alnum(s.data[i]) && s.data[i] != '_' && s.data[i] != '-' &&
		    s.data[i] != '.')
			return false;
	return true;
}

/* %x21-3A / %x3C / %x3E-7E: printable, but neither ";" nor "=". */
static bool is_record_value(str s)
{
	for (size_t i = 0; i < s.size; i++)
		if (s.data[i] < 0x21 || s.data[i] > 0x7e || s.data[i] == ';' ||
		    s.data[i] == '=')
			return false;
	return s.size > 0;
}

static bool is_id(str s)
{
	for (size_t i = 0; i < s.size; i++)
		if (!alnum(s.data[i]))
			return false;
	return s.size > 0 && s.size < STS_ID_SIZE;
}

static str trim_blanks(str s)
{
	while (s.size > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
		s = str_from(s, 1);
	while (s.size > 0 && (s.data[s.size - 1] == ' ' || s.data[s.size - 1] == '\t'))
		s.size--;
	return s;
}

/* Whether the record is one of ours; *ret_fields is what stands behind "v=STSv1;". */
static bool take_version(str text, str *ret_fields)
{
	if (!str_starts(text, STR("v=STSv1")))
		return false;
	text = trim_blanks(str_from(text, 7));
	if (!str_starts(text, STR(";")))
		return false;
	*ret_fields = str_from(text, 1);
	return true;
}

static bool read_fields(str rest, str *ret_id)
{
	str id = {};
	while (rest.data) {
		str value = trim_blanks(str_cut(&rest, ';'));
		if (value.size == 0 && !rest.data)
			break; /* the delimiter at the end */
		str name = str_cut(&value, '=');
		if (!is_name(name) || !is_record_value(value))
			return false;
		if (!id.data && str_eq(name, STR("id")))
			id = value;
	}
	*ret_id = id;
	return is_id(id);
}

bool sts_record_read(const str *texts, size_t count, char ret_id[STS_ID_SIZE])
{
	size_t found = 0;
	str fields = {}, id;
	for (size_t i = 0; i < count; i++)
		found += take_version(texts[i], &fields);
	return found == 1 && read_fields(fields, &id) && str_to_cstr(id, ret_id, STS_ID_SIZE);
}

/* Which of the names that may stand once have been there. */
struct seen {
	bool version, mode, max_age;
};

static bool read_mode(str value, enum sts_mode *ret_mode)
{
	for (enum sts_mode mode = STS_NONE; mode <= STS_ENFORCE; mode++)
		if (str_eq(value, str_of(mode_names[mode]))) {
			*ret_mode = mode;
			return true;
		}
	return false;
}

/* 1*10DIGIT; more than a year counts as a year. */
static bool read_max_age(str value, uint32_t *ret_seconds)
{
	uint64_t seconds;
	if (value.size > 10 || !str_to_u64(value, &seconds))
		return false;
	*ret_seconds = seconds < STS_MAX_AGE_LIMIT ? (uint32_t)seconds : STS_MAX_AGE_LIMIT;
	return true;
}

static bool is_label(str s)
{
	for (size_t i = 0; i < s.size; i++)
		if (!alnum(s.data[i]) && s.data[i] != '-')
			return false;
	return s.size > 0 && s.size <= LABEL_LIMIT && s.data[0] != '-' &&
	       s.data[s.size - 1] != '-';
}

/* ["*."] Domain */
static bool is_pattern(str s)
{
	if (str_starts(s, STR("*.")))
		s = str_from(s, 2);
	if (s.size == 0 || s.size > DOMAIN_LIMIT)
		return false;
	while (s.data)
		if (!is_label(str_cut(&s, '.')))
			return false;
	return true;
}

static bool take_mx(str value, struct sts_policy *policy)
{
	if (!is_pattern(value) || policy->mx_count == STS_MX_LIMIT)
		return false;
	policy->mx[policy->mx_count++] = value;
	return true;
}

/* Whether this is the first time. */
static bool first(bool *seen)
{
	bool before = *seen;
	*seen = true;
	return !before;
}

static bool is_policy_value(str s)
{
	for (size_t i = 0; i < s.size; i++)
		if (((unsigned char)s.data[i] < ' ' && s.data[i] != '\t') || s.data[i] == 0x7f)
			return false;
	return s.size > 0;
}

static bool take_line(str line, struct sts_policy *policy, struct seen *seen)
{
	str value = line;
	str name = str_cut(&value, ':');
	value = trim_blanks(value);
	if (!is_name(name) || !is_policy_value(value))
		return false;
	if (str_eq(name, STR("mx")))
		return take_mx(value, policy);
	if (str_eq(name, STR("version")))
		return !first(&seen->version) || str_eq(value, STR("STSv1"));
	if (str_eq(name, STR("mode")))
		return !first(&seen->mode) || read_mode(value, &policy->mode);
	if (str_eq(name, STR("max_age")))
		return !first(&seen->max_age) || read_max_age(value, &policy->max_age_seconds);
	return true;
}

bool sts_policy_read(str body, struct sts_policy *ret_policy)
{
	struct sts_policy policy = {};
	struct seen seen = {};
	if (body.size > STS_BODY_LIMIT)
		return false;
	while (body.size > 0) {
		str line = str_cut(&body, '\n');
		if (str_ends(line, STR("\r")))
			line.size--;
		line = trim_blanks(line);
		if (line.size > 0 && !take_line(line, &policy, &seen))
			return false;
	}
	if (!seen.version || !seen.mode || !seen.max_age ||
	    (policy.mode != STS_NONE && policy.mx_count == 0))
		return false;
	*ret_policy = policy;
	return true;
}

/* RFC 8461 4.1: a wildcard stands for the whole left-most label and no more. */
static bool match_one(str pattern, str host)
{
	if (!str_starts(pattern, STR("*.")))
		return str_eq_nocase(pattern, host);
	size_t dot = str_find_byte(host, '.');
	return dot != STR_NONE && dot > 0 &&
	       str_eq_nocase(str_from(pattern, 1), str_from(host, dot));
}

bool sts_match(const struct sts_policy *policy, str host)
{
	for (size_t i = 0; i < policy->mx_count; i++)
		if (match_one(policy->mx[i], host))
			return true;
	return false;
}

void sts_put_text(struct buf *out, const struct sts_policy *policy)
{
	buf_put(out, STR("version: STSv1\nmode: "));
	buf_put_cstr(out, mode_names[policy->mode]);
	buf_put_byte(out, '\n');
	for (size_t i = 0; i < policy->mx_count; i++) {
		buf_put(out, STR("mx: "));
		buf_put(out, policy->mx[i]);
		buf_put_byte(out, '\n');
	}
	buf_put(out, STR("max_age: "));
	buf_put_u64(out, policy->max_age_seconds);
	buf_put_byte(out, '\n');
}
