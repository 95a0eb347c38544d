/* convert_mailchimp.c - Mailchimp's merge tags to Liquid.
 *
 *   tag       = "*|" inner "|*"                          ; on one line
 *   inner     = name / filter ":" name / "DATE:" format
 *             / ("IF:" / "IFNOT:" / "ELSEIF:") condition / "ELSE:" / "END:" block
 *             / block ":" any
 *   condition = name [ ("=" / "!=" / "<" / ">" / "<=" / ">=") any ]
 *
 * A name that no table knows is a field of the audience: *|CITY|* is {{ city }}. What Mailchimp
 * keeps in its settings is a partial here, so that a campaign without it is refused, not sent
 * without an address. */
#include "templates/convert_part.h"

#define INNER_LIMIT 300 /* bytes; longer is text */

struct row {
	const char *tag, *liquid;
};

static const struct row values[] = {
	{"FNAME", "first_name"},
	{"LNAME", "last_name"},
	{"EMAIL", "email"},
	{"MERGE0", "email"},
	{"MERGE1", "first_name"},
	{"MERGE2", "last_name"},
	{"UNSUB", "unsubscribe_url"},
	{"ARCHIVE", "view_url"},
	{"UPDATE_PROFILE", "preferences_url"},
	{"LIST:NAME", "list.name"},
	{"MC:SUBJECT", "campaign.subject"},
	{"CURRENT_YEAR", "\"now\" | date: \"%Y\""},
	{},
};
static const struct row partials[] = {
	{"LIST:COMPANY", "list_company"},
	{"USER:COMPANY", "list_company"},
	{"LIST:ADDRESS", "list_address"},
	{"LIST:ADDRESSLINE", "list_address"},
	{"USER:ADDRESS", "list_address"},
	{"LIST_ADDRESS", "list_address"},
	{"LIST_ADDRESS_HTML", "list_address"},
	{"HTML:LIST_ADDRESS_HTML", "list_address"},
	{"LIST:PHONE", "list_phone"},
	{"USER:PHONE", "list_phone"},
	{"LIST:URL", "list_url"},
	{"USER:URL", "list_url"},
	{"LIST:EMAIL", "list_email"},
	{"LIST:DESCRIPTION", "list_description"},
	{"MC_PREVIEW_TEXT", "preview_text"},
	{},
};
static const struct row filters[] = {
	{"TITLE", "capitalize"}, {"UPPER", "upcase"},   {"LOWER", "downcase"},
	{"HTML", "raw"},         {"URL", "url_encode"}, {},
};
/* Left out with a note. */
static const struct row ornaments[] = {
	{"REWARDS", "the badge of Mailchimp was left out"},
	{"HTML:REWARDS", "the badge of Mailchimp was left out"},
	{"REWARDS_TEXT", "the badge of Mailchimp was left out"},
	{},
};
/* Without an equivalent. */
static const struct row missing[] = {
	{"FORWARD", "forwarding"},
	{"UNIQID", "a number of the subscriber"},
	{"CAMPAIGN_UID", "a number of the campaign"},
	{"ABUSE_EMAIL", "an address of Mailchimp's"},
	{"MC:TOC", "a table of contents"},
	{"MC:TOC_TEXT", "a table of contents"},
	{"MC_LANGUAGE", "a language of Mailchimp's list"},
	{},
};
/* Blocks without an equivalent: shown to nobody. */
static const struct row blocks[] = {
	{"INTERESTED", "a part for groups is shown to nobody"},
	{"FEEDBLOCK", "a part made of a feed"},
	{"FEEDITEMS", "a part made of a feed"},
	{"RSSITEMS", "a part made of a feed"},
	{"RSSFEED", "a part made of a feed"},
	{"POLL", "a poll"},
	{},
};

static const struct row *find(const struct row *rows, str tag)
{
	for (; rows->tag; rows++)
		if (str_eq_nocase(tag, str_of(rows->tag)))
			return rows;
	return NULL;
}

/* "CITY" as city; data NULL: no name. */
static str field_name(struct convert *c, str tag)
{
	char *name = arena_bytes(c->arena, tag.size + 1);
	if (!name || tag.size == 0)
		return (str){};
	for (size_t i = 0; i < tag.size; i++) {
		char byte = tag.data[i];
		bool upper = byte >= 'A' && byte <= 'Z';
		if (!upper && byte != '_' && !(byte >= 'a' && byte <= 'z') &&
		    !(byte >= '0' && byte <= '9'))
			return (str){};
		name[i] = upper ? (char)(byte + 'a' - 'A') : byte;
	}
	return convert_member(c, STR(""), str_make(name, tag.size));
}

static bool field_value(struct convert *c, str tag, struct convert_value *ret_value)
{
	const struct row *row = find(values, tag);
	*ret_value = (struct convert_value){.filters = STR("")};
	if (find(partials, tag)) {
		ret_value->base = STR("true");
		ret_value->boolean = true;
		return true;
	}
	ret_value->base = row ? str_of(row->liquid) : field_name(c, tag);
	return ret_value->base.data != NULL;
}

/* Data of a list may be text, which does not compare with numbers. */
static struct convert_cond compare(struct convert *c, const struct convert_value *value,
				   const char *operator, str right)
{
	struct convert_value left = *value;
	uint64_t whole;
	bool order = operator[0] == '<' || operator[0] == '>';
	if (order)
		left.filters = convert_format(c, "%.*s | plus: 0", STR_FORMAT(left.filters));
	if (order && !str_to_u64(right, &whole)) {
		convert_note(c, c->tag_at, "this is compared as a number: %.*s",
			     (int)(right.size < 50 ? right.size : 50), right.data);
		right = STR("0");
	}
	return convert_compare(c, operator, convert_plain(c, &left),
			       order ? right : convert_string(c, right));
}

static bool read_condition(struct convert *c, str text, struct convert_cond *ret_cond)
{
	static const char *const operators[][2] = {{"!=", "!="}, {">=", ">="}, {"<=", "<="},
						   {"=", "=="},  {">", ">"},   {"<", "<"}};
	struct convert_value value;
	size_t at = 0;
	while (at < text.size && !strchr("!=<>", text.data[at]))
		at++;
	if (!field_value(c, str_trim(str_sub(text, 0, at)), &value))
		return false;
	if (at == text.size) {
		*ret_cond = convert_truth(c, &value);
		return true;
	}
	str rest = str_from(text, at);
	for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++) {
		str sign = str_of(operators[i][0]);
		if (!str_starts(rest, sign))
			continue;
		rest = str_trim(str_from(rest, sign.size));
		*ret_cond = compare(c, &value, operators[i][1], rest);
		return true;
	}
	return false;
}

static void put_if(struct convert *c, str all, str name, str text)
{
	struct convert_cond cond;
	bool negated = str_eq_nocase(name, STR("IFNOT"));
	if (!read_condition(c, text, &cond)) {
		convert_lost(c, all, "a condition");
		cond = (struct convert_cond){STR("false"), STR("false"), JOIN_NONE};
	}
	convert_open(c, all, STR("IF"), "{% endif %}");
	convert_put(c, "{%% if %.*s %%}", STR_FORMAT(negated ? cond.no : cond.yes));
}

static void put_else(struct convert *c, str all, str name, str text)
{
	struct convert_block *block = c->depth > 0 ? &c->blocks[c->depth - 1] : NULL;
	struct convert_cond cond;
	if (!block || block->has_else) {
		convert_lost(c, all, "an else of no block");
	} else if (str_eq_nocase(name, STR("ELSE"))) {
		convert_else(c, block, STR(""));
	} else if (read_condition(c, text, &cond)) {
		convert_else(c, block, cond.yes);
	} else {
		convert_else(c, block, STR("false"));
		convert_lost(c, all, "a condition");
	}
}

static void put_end(struct convert *c, str all, str name)
{
	if (c->depth > 0 && str_eq_nocase(c->blocks[c->depth - 1].name, name))
		convert_close(c);
	else
		convert_lost(c, all, "closes what is not open");
}

static void put_date(struct convert *c, str all, str format)
{
	str strftime;
	if (!convert_date_php(c, format, &strftime))
		convert_lost(c, all, "a letter of this date");
	convert_put(c, "{{ \"now\" | date: %.*s }}", STR_FORMAT(convert_string(c, strftime)));
}

static void put_block(struct convert *c, str all, const struct row *row)
{
	convert_lost(c, all, row->liquid);
	convert_open(c, all, str_of(row->tag), "{% endif %}");
	convert_put(c, "{%% if false %%}");
}

static void put_value(struct convert *c, str all, str inner)
{
	const struct row *filter = NULL;
	struct convert_value value;
	str rest = inner, prefix = str_cut(&rest, ':');
	if (rest.data && !find(values, inner)) {
		filter = find(filters, prefix);
		inner = filter ? rest : inner;
	}
	if (find(partials, inner)) {
		str name = str_of(find(partials, inner)->liquid);
		convert_note(c, c->tag_at, "put this into partials/%s.liquid", name.data);
		convert_put(c, "{%% render '%s' %%}", name.data);
	} else if (find(missing, inner)) {
		convert_lost(c, all, find(missing, inner)->liquid);
	} else if (!field_value(c, inner, &value)) {
		convert_lost(c, all, "no such tag here");
	} else {
		if (str_eq(value.base, STR("campaign.subject")))
			convert_note(c, c->tag_at,
				     "the subject as it is written: Liquid in it is "
				     "not rendered here");
		convert_put(c, "{{ %.*s%s%s }}", STR_FORMAT(value.base), filter ? " | " : "",
			    filter ? filter->liquid : "");
	}
}

static void put_tag(struct convert *c, str all)
{
	str inner = str_sub(all, 2, all.size - 4), rest = inner, name = str_cut(&rest, ':');
	const struct row *ornament = find(ornaments, inner), *block = find(blocks, name);
	if (ornament)
		convert_note(c, c->tag_at, "%s", ornament->liquid);
	else if (rest.data &&
		 (str_eq_nocase(name, STR("IF")) || str_eq_nocase(name, STR("IFNOT"))))
		put_if(c, all, name, rest);
	else if (str_eq_nocase(name, STR("ELSE")) ||
		 (rest.data && str_eq_nocase(name, STR("ELSEIF"))))
		put_else(c, all, name, rest);
	else if (rest.data && str_eq_nocase(name, STR("END")))
		put_end(c, all, rest);
	else if (rest.data && str_eq_nocase(name, STR("DATE")))
		put_date(c, all, rest);
	else if (rest.data && block)
		put_block(c, all, block);
	else
		put_value(c, all, inner);
}

void convert_mailchimp(struct convert *c)
{
	bool told = false;
	for (str rest = c->source; rest.size > 0 && convert_going(c);) {
		size_t open = str_find(rest, STR("*|"));
		convert_text(c, str_sub(rest, 0, open));
		if (open == STR_NONE)
			break;
		rest = str_from(rest, open);
		str ahead = str_sub(rest, 2, INNER_LIMIT);
		size_t end = str_find(str_sub(ahead, 0, str_find_byte(ahead, '\n')), STR("|*"));
		if (end == STR_NONE || end == 0 ||
		    str_find(str_sub(ahead, 0, end), STR("*|")) != STR_NONE) {
			convert_text(c, str_sub(rest, 0, 2));
			rest = str_from(rest, 2);
			continue;
		}
		c->tag_at = convert_at(c, rest);
		put_tag(c, str_sub(rest, 0, end + 4));
		rest = str_from(rest, end + 4);
		if (!told)
			convert_note(c, c->tag_at,
				     "default merge values are in Mailchimp's settings, not "
				     "here: write | default: \"...\" where there is one");
		told = true;
	}
	convert_close_all(c, "never closed");
}
