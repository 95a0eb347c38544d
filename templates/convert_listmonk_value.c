/* convert_listmonk_value.c - pipelines of Go's text/template as listmonk uses them.
 *
 *   pipeline = command *( "|" command )          ; what comes out is the next one's last
 * argument command  = term *( 1*space term ) term     = "." [ path ] / "$" [ name ] [ "." path
 * ] / string / number / name / "(" pipeline ")" string   = DQUOTE any DQUOTE / "`" any "`"   ;
 * a backslash keeps a double quote path     = name *( "." name ) */
#include "templates/convert_listmonk.h"

#define GROUP_DEPTH_LIMIT 8 /* of parentheses; people write one */

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t quoted_size(str in)
{
	for (size_t i = 1; i < in.size; i++) {
		if (in.data[0] == '"' && in.data[i] == '\\')
			i++;
		else if (in.data[i] == in.data[0])
			return i + 1;
	}
	return 0;
}

static size_t group_size(str in)
{
	size_t depth = 0;
	for (size_t i = 0; i < in.size; i++) {
		if (in.data[i] == '"' || in.data[i] == '`') {
			size_t size = quoted_size(str_from(in, i));
			if (size == 0)
				return 0;
			i += size - 1;
		} else if (in.data[i] == '(' && ++depth > GROUP_DEPTH_LIMIT) {
			return 0;
		} else if (in.data[i] == ')' && --depth == 0) {
			return i + 1;
		}
	}
	return 0;
}

bool go_cut(str *rest, str *ret_term)
{
	str in = *rest;
	size_t size = 0;
	while (in.size > 0 && is_space(in.data[0]))
		in = str_from(in, 1);
	if (in.size == 0 || in.data[0] == ')')
		return false;
	if (in.data[0] == '"' || in.data[0] == '`')
		size = quoted_size(in);
	else if (in.data[0] == '(')
		size = group_size(in);
	else if (in.data[0] == '|' || in.data[0] == ',')
		size = 1;
	else
		while (size < in.size && !is_space(in.data[size]) &&
		       !strchr("|()\"`,", in.data[size]))
			size++;
	*ret_term = str_sub(in, 0, size);
	*rest = str_from(in, size);
	return size > 0;
}

struct command {
	str terms[CONVERT_OPERAND_LIMIT];
	size_t count;
	const struct convert_value *piped; /* one argument more; NULL: none */
};

/* The next command off the begin of *rest, and the bar behind it. */
static bool cut_command(str *rest, struct command *command)
{
	str term;
	command->count = 0;
	while (str_trim(*rest).size > 0) {
		if (!go_cut(rest, &term))
			return false;
		if (str_eq(term, STR("|")))
			return command->count > 0 && str_trim(*rest).size > 0;
		if (command->count == CONVERT_OPERAND_LIMIT)
			return false;
		command->terms[command->count++] = term;
	}
	return command->count > 0;
}

static str members(struct convert *c, str base, str path)
{
	while (path.size > 0) {
		str name = str_cut(&path, '.');
		if (name.size > 0)
			base = convert_member(c, base, name);
	}
	return base;
}

/* A field of what listmonk gives to a template. */
static bool root_value(struct convert *c, str path, struct convert_value *value)
{
	static const struct {
		const char *field, *base, *filters;
	} rows[] = {
		{"Subscriber.Email", "email", ""},
		{"Subscriber.Name", "name", ""},
		{"Subscriber.FirstName", "name", " | split: \" \" | first"},
		{"Subscriber.LastName", "name", " | split: \" \" | last"},
		{"Subscriber.Attribs", "subscriber", ""},
		{"Campaign.Subject", "campaign.subject", ""},
		{"Campaign.Name", "campaign.name", ""},
		{"Tx.Subject", "campaign.subject", ""},
	};
	static const char *const bags[] = {"Subscriber.Attribs.", "Tx.Data."};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (str_eq(path, str_of(rows[i].field))) {
			value->base = str_of(rows[i].base);
			value->filters = str_of(rows[i].filters);
			return true;
		}
	for (size_t i = 0; i < sizeof(bags) / sizeof(*bags); i++)
		if (str_starts(path, str_of(bags[i]))) {
			value->base = members(c, STR(""), str_from(path, strlen(bags[i])));
			return value->base.size > 0;
		}
	return false;
}

static bool dot_value(const struct listmonk *l, str term, struct convert_value *value)
{
	str path = str_from(term, 1), dot = l->dots[l->dot_count - 1].path, name = term;
	if (term.data[0] == '$') {
		dot = STR("");
		path = term;
		name = str_cut(&path, '.');
		for (size_t i = l->name_count; i-- > 0;)
			if (str_eq(l->names[i].name, name)) {
				value->base = members(l->c, l->names[i].liquid, path);
				return true;
			}
		if (name.size > 1)
			return false;
	}
	if (dot.size == 0)
		return root_value(l->c, path, value);
	value->base = members(l->c, dot, path);
	return true;
}

static str string_of(struct convert *c, str term)
{
	struct buf out;
	str inner = str_sub(term, 1, term.size - 2);
	if (term.data[0] == '`')
		return inner;
	buf_init_arena(&out, c->arena, inner.size + 1);
	for (size_t i = 0; i < inner.size; i++) {
		i += inner.data[i] == '\\' && i + 1 < inner.size;
		buf_put_byte(&out, inner.data[i]);
	}
	return buf_str(&out);
}

static bool is_string(str term)
{
	return term.size >= 2 && (term.data[0] == '"' || term.data[0] == '`');
}

static bool is_number(str term)
{
	size_t digits = 0;
	for (size_t i = 0; i < term.size; i++)
		if (term.data[i] >= '0' && term.data[i] <= '9')
			digits++;
		else if (!(term.data[i] == '-' && i == 0) &&
			 !(term.data[i] == '.' && digits > 0))
			return false;
	return digits > 0;
}

static bool call(const struct listmonk *, const struct command *, struct convert_value *);

static bool term_value(const struct listmonk *l, str term, struct convert_value *value)
{
	*value = (struct convert_value){.filters = STR("")};
	if (term.size > CONVERT_PATH_LIMIT && term.data[0] != '(')
		return false;
	if (term.data[0] == '.' || term.data[0] == '$')
		return dot_value(l, term, value);
	if (term.data[0] == '(')
		return go_value(l, str_sub(term, 1, term.size - 2), value);
	if (is_string(term))
		value->base = convert_string(l->c, string_of(l->c, term));
	else if (is_number(term) || str_eq(term, STR("nil")))
		value->base = term;
	else if (str_eq(term, STR("true")) || str_eq(term, STR("false")))
		*value = (struct convert_value){term, STR(""), true};
	else
		return call(l, &(struct command){{term}, 1, NULL}, value);
	return true;
}

static size_t argument_count(const struct command *command)
{
	return command->count - 1 + (command->piped != NULL);
}

/* From 1, as terms are counted. */
static bool argument(const struct listmonk *l, const struct command *command, size_t index,
		     struct convert_value *value)
{
	if (index < command->count)
		return term_value(l, command->terms[index], value);
	*value = *command->piped;
	return true;
}

/* Functions that are variables here; an argument, the dot, says nothing. */
static const struct {
	const char *name, *variable;
} urls[] = {
	{"UnsubscribeURL", "unsubscribe_url"},
	{"ManageURL", "preferences_url"},
	{"MessageURL", "view_url"},
	{"ArchiveURL", "view_url"},
};

/* Functions that are filters here: arguments first, in the same order, what is filtered last.
 */
static const struct {
	const char *name, *filter;
	size_t arguments;
} filters[] = {
	{"Safe", "raw", 0},        {"safeHTML", "raw", 0},        {"upper", "upcase", 0},
	{"lower", "downcase", 0},  {"title", "capitalize", 0},    {"trim", "strip", 0},
	{"html", "escape", 0},     {"urlquery", "url_encode", 0}, {"len", "size", 0},
	{"first", "first", 0},     {"last", "last", 0},           {"default", "default", 1},
	{"replace", "replace", 2}, {"join", "join", 1},           {"add", "plus", 1},
	{"mul", "times", 1},       {"trunc", "slice: 0,", 1},     {"date", "date", 1},
};

/* The index of a list or map, as often as there are names. */
static bool call_index(const struct listmonk *l, const struct command *command,
		       struct convert_value *value)
{
	struct convert_value key;
	if (command->piped || command->count < 3 || !term_value(l, command->terms[1], value))
		return false;
	str base = convert_plain(l->c, value);
	if (str_eq(base, STR("subscriber")))
		base = STR("");
	for (size_t i = 2; i < command->count; i++) {
		str term = command->terms[i];
		if (is_string(term)) {
			base = convert_member(l->c, base, string_of(l->c, term));
			continue;
		}
		if (!term_value(l, term, &key))
			return false;
		base = convert_format(l->c, "%.*s[%.*s]", STR_FORMAT(base),
				      STR_FORMAT(convert_plain(l->c, &key)));
	}
	*value = (struct convert_value){base, STR(""), false};
	return base.size <= 2 * CONVERT_PATH_LIMIT;
}

static bool call_filter(const struct listmonk *l, const struct command *command, size_t row,
			struct convert_value *value)
{
	struct buf text;
	struct convert_value given;
	size_t wanted = filters[row].arguments;
	str layout;
	if (argument_count(command) != wanted + 1 || command->count <= wanted ||
	    !argument(l, command, wanted + 1, value))
		return false;
	buf_init_arena(&text, l->c->arena, 128);
	buf_printf(&text, "%.*s | %s", STR_FORMAT(value->filters), filters[row].filter);
	for (size_t i = 0; i < wanted; i++) {
		str term = command->terms[i + 1];
		if (!term_value(l, term, &given))
			return false;
		if (str_eq(command->terms[0], STR("date")) && is_string(term) &&
		    convert_date_go(l->c, string_of(l->c, term), &layout))
			given.base = convert_string(l->c, layout);
		bool colon = i == 0 && !strchr(filters[row].filter, ':');
		buf_printf(&text, "%s %.*s",
			   colon   ? ":"
			   : i > 0 ? ","
				   : "",
			   STR_FORMAT(convert_plain(l->c, &given)));
	}
	value->filters = buf_str(&text);
	return value->filters.size < CONVERT_TAG_LIMIT;
}

static bool call(const struct listmonk *l, const struct command *command,
		 struct convert_value *value)
{
	str name = command->terms[0], layout;
	*value = (struct convert_value){.filters = STR("")};
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++)
		if (str_eq(name, str_of(urls[i].name))) {
			value->base = str_of(urls[i].variable);
			return true;
		}
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++)
		if (str_eq(name, str_of(filters[i].name)))
			return call_filter(l, command, i, value);
	if (str_eq(name, STR("index")))
		return call_index(l, command, value);
	if (command->count < 2 || !is_string(command->terms[1]))
		return false;
	str text = string_of(l->c, command->terms[1]);
	if (str_eq(name, STR("Date")) && convert_date_go(l->c, text, &layout)) {
		value->base = STR("\"now\"");
		value->filters = convert_format(l->c, " | date: %.*s",
						STR_FORMAT(convert_string(l->c, layout)));
		return true;
	}
	value->base = convert_string(l->c, text);
	value->filters = str_eq(name, STR("L.T")) ? STR(" | t") : STR("");
	return str_eq(name, STR("L.T")) || str_eq(name, STR("TrackLink"));
}

bool go_value(const struct listmonk *l, str pipeline, struct convert_value *ret_value)
{
	struct command command = {};
	struct convert_value piped, value = {};
	for (bool first = true; str_trim(pipeline).size > 0; first = false) {
		if (!cut_command(&pipeline, &command))
			return false;
		piped = value;
		command.piped = first ? NULL : &piped;
		str term = command.terms[0];
		bool literal =
			is_string(term) || is_number(term) || strchr(".$(", term.data[0]);
		if (literal ? argument_count(&command) != 0 || !term_value(l, term, &value)
			    : !call(l, &command, &value))
			return false;
	}
	*ret_value = value;
	return value.base.size > 0;
}

/* eq, ne, lt, le, gt, ge: of numbers the order only, as text would not compare with one. */
static bool compare(const struct listmonk *l, const struct command *command,
		    const char *operator, struct convert_cond * ret_cond)
{
	struct convert_cond conds[CONVERT_OPERAND_LIMIT];
	struct convert_value left, right;
	bool order = operator[0] == '<' || operator[0] == '>';
	if (command->count < 3 || (command->count > 3 && operator[0] != '=') ||
	    !term_value(l, command->terms[1], &left))
		return false;
	if (order && !is_number(command->terms[1]))
		left.filters = convert_format(l->c, "%.*s | plus: 0", STR_FORMAT(left.filters));
	str a = convert_plain(l->c, &left);
	for (size_t i = 2; i < command->count; i++) {
		if (!term_value(l, command->terms[i], &right))
			return false;
		if (order && !is_number(command->terms[i]))
			right.filters = convert_format(l->c, "%.*s | plus: 0",
						       STR_FORMAT(right.filters));
		conds[i - 2] = convert_compare(l->c, operator, a, convert_plain(l->c, &right));
	}
	*ret_cond = convert_join(l->c, JOIN_OR, conds, command->count - 2);
	return true;
}

static bool join(const struct listmonk *l, const struct command *command,
		 struct convert_cond *ret_cond)
{
	struct convert_cond conds[CONVERT_OPERAND_LIMIT];
	str name = command->terms[0];
	for (size_t i = 1; i < command->count; i++) {
		str term = command->terms[i];
		bool group = term.data[0] == '(';
		if (!go_cond(l, group ? str_sub(term, 1, term.size - 2) : term, &conds[i - 1]))
			return false;
	}
	if (command->count < 2 || (str_eq(name, STR("not")) && command->count != 2))
		return false;
	*ret_cond = str_eq(name, STR("not"))
			    ? convert_not(conds[0])
			    : convert_join(l->c, str_eq(name, STR("and")) ? JOIN_AND : JOIN_OR,
					   conds, command->count - 1);
	return true;
}

bool go_cond(const struct listmonk *l, str pipeline, struct convert_cond *ret_cond)
{
	static const char *const operators[][2] = {{"eq", "=="}, {"ne", "!="}, {"lt", "<"},
						   {"le", "<="}, {"gt", ">"},  {"ge", ">="}};
	struct command command;
	struct convert_value value;
	str rest = pipeline;
	if (cut_command(&rest, &command) && rest.size == 0) {
		str name = command.terms[0];
		for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++)
			if (str_eq(name, str_of(operators[i][0])))
				return compare(l, &command, operators[i][1], ret_cond);
		if (str_eq(name, STR("and")) || str_eq(name, STR("or")) ||
		    str_eq(name, STR("not")))
			return join(l, &command, ret_cond);
		if (command.count == 1 && name.data[0] == '(')
			return go_cond(l, str_sub(name, 1, name.size - 2), ret_cond);
	}
	if (!go_value(l, pipeline, &value))
		return false;
	*ret_cond = convert_truth(l->c, &value);
	return true;
}
