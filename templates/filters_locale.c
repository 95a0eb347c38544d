/* filters_locale.c - number, money and t, and what they and date know of the reader.
 *
 *   {{ 1234.5 | number: decimals: 2, locale: "fr" }}   {{ 9.5 | money: "EUR" }}
 *   {{ "greeting.hello" | t: name: first_name }}       {{ "points" | t: count: points }}
 *
 * A locale or zone that is unknown is a mistake where the template names it, and no reason to
 * leave a reader without a letter where his data do: then the campaign's counts. */
#include "templates/filters.h"

#include "templates/liquid_parser.h"
#include "templates/region.h"
#include "templates/value_number.h"
#include "templates/value_text.h"

enum { NUMBER_SIZE_HINT = 48, TEXT_SIZE_HINT = 96 };

static const struct value *named_by(const struct filter_input *input, str name)
{
	size_t named = 0;
	const struct value *found = NULL;
	if (!input->call->filter->takes_named)
		return NULL;
	for (size_t i = 0; i < input->call->argument_count; i++) {
		str given = input->call->arguments[i].name;
		if (!given.data)
			continue;
		named++;
		if (str_eq(given, name))
			found = &input->arguments[ARGUMENT_LIMIT - named];
	}
	return found;
}

const struct value *filter_named(const struct filter_input *input, const char *name)
{
	return named_by(input, str_of(name));
}

/* ---- who reads ---- */

static str text_of(const struct value *value)
{
	return value && value->kind == VALUE_STRING ? value->string : STR("");
}

static str of_reader(const struct liquid_frame *f, str variable)
{
	return variable.size ? text_of(value_get(f->roots, variable)) : STR("");
}

static const struct region *region_of(const struct liquid_frame *f)
{
	return f->liquid->options.region;
}

const struct zone *filter_zone(struct liquid_frame *f, const struct filter_input *input)
{
	const struct region *region = region_of(f);
	const struct value *named = filter_named(input, "zone");
	const struct zones *zones = region && region->zones ? region->zones() : NULL;
	const struct zone *zone = zones && named ? zones_find(zones, text_of(named)) : NULL;
	if (zone || !zones)
		return zone;
	if (!f->zone_known) {
		f->zone_known = true;
		f->zone = zones_find(zones, of_reader(f, region->zone_variable));
		if (!f->zone)
			f->zone = zones_find(zones, region->zone);
	}
	return f->zone;
}

static const struct locales *locales_of(const struct region *region)
{
	return region && region->locales ? region->locales() : NULL;
}

static const struct locale *locale_named(const struct liquid_frame *f,
					 const struct locales *locales, str name)
{
	const struct locale *found = locales_find(locales, name);
	return found ? found : locales_find(locales, region_of(f)->locale);
}

static const struct locale *locale_of(struct liquid_frame *f, const struct filter_input *input,
				      const struct locales *locales)
{
	const struct value *named = filter_named(input, "locale");
	const struct locale *found = named ? locales_find(locales, text_of(named)) : NULL;
	if (found)
		return found;
	if (!f->locale) {
		str own = of_reader(f, region_of(f)->locale_variable);
		f->locale = locale_named(f, locales, own);
		if (!f->locale)
			f->locale = locales->root;
	}
	return f->locale;
}

/* ---- when compiling ---- */

static const struct region *region_for(const struct parser *p)
{
	return p->compilation->options->region;
}

/* An argument that is written in the template; data NULL: it is none, or computed. */
static str literal_of(const struct filter_call *call, const char *name)
{
	for (size_t i = 0; i < call->argument_count; i++) {
		const struct argument *argument = &call->arguments[i];
		bool same = name ? str_eq(argument->name, str_of(name)) : !argument->name.data;
		if (same && argument->value.kind == EXPRESSION_LITERAL &&
		    argument->value.literal.kind == VALUE_STRING)
			return argument->value.literal.string;
	}
	return (str){};
}

static bool is_given(const struct filter_call *call, const char *name)
{
	for (size_t i = 0; i < call->argument_count; i++)
		if (str_eq(call->arguments[i].name, str_of(name)))
			return true;
	return false;
}

static int check_date(struct parser *p, const char *at, const struct filter_call *call,
		      const struct value *)
{
	char hint[80];
	const struct region *region = region_for(p);
	const struct zones *zones = region && region->zones ? region->zones() : NULL;
	str zone = literal_of(call, "zone");
	if (p->compilation->use)
		p->compilation->use->zone = true;
	if (!zones && is_given(call, "zone"))
		return parser_fail(p, at,
				   "there is no table of time zones here: install the "
				   "system's (package tzdata)");
	if (!zone.data || zones_find(zones, zone))
		return 0;
	zones_suggest(zones, zone, hint, sizeof hint);
	return parser_fail(p, at, "no time zone is called '%.*s'%s",
			   STR_FORMAT(str_sub(zone, 0, 60)), hint);
}

static int need_locales(struct parser *p, const char *at, const struct locales **ret_locales)
{
	*ret_locales = locales_of(region_for(p));
	if (p->compilation->use)
		p->compilation->use->locale = true;
	return *ret_locales ? 0
			    : parser_fail(p, at,
					  "there is no table of locales here, which "
					  "this filter needs");
}

static int check_locale(struct parser *p, const char *at, const struct filter_call *call,
			const struct locales *locales)
{
	char hint[80];
	str locale = literal_of(call, "locale");
	if (!locale.data || locales_find(locales, locale))
		return 0;
	locales_suggest(locales, locale, hint, sizeof hint);
	return parser_fail(p, at, "no locale is called '%.*s'%s",
			   STR_FORMAT(str_sub(locale, 0, 60)), hint);
}

static int check_number(struct parser *p, const char *at, const struct filter_call *call,
			const struct value *)
{
	const struct locales *locales;
	return need_locales(p, at, &locales) ? -1 : check_locale(p, at, call, locales);
}

static int check_money(struct parser *p, const char *at, const struct filter_call *call,
		       const struct value *)
{
	char hint[80];
	const struct locales *locales;
	str code = literal_of(call, NULL);
	if (need_locales(p, at, &locales))
		return -1;
	if (!code.data || currency_find(locales, code))
		return check_locale(p, at, call, locales);
	currency_suggest(locales, code, hint, sizeof hint);
	return parser_fail(p, at, "no currency has the code '%.*s'%s",
			   STR_FORMAT(str_sub(code, 0, 60)), hint);
}

/* All the names that a text asks for are given. */
static int check_names(struct parser *p, const char *at, const struct filter_call *call,
		       str key, const struct text_form *form)
{
	for (size_t i = 0; i < form->count; i++) {
		str name = form->pieces[i].name;
		bool given = !name.data;
		for (size_t j = 0; j < call->argument_count && !given; j++)
			given = str_eq(call->arguments[j].name, name);
		if (!given)
			return parser_fail(p, at,
					   "the text '%.*s' asks for '%.*s', which is "
					   "not given",
					   STR_FORMAT(str_sub(key, 0, 60)),
					   STR_FORMAT(str_sub(name, 0, 40)));
	}
	return 0;
}

/* A key that is written in the template stands in the default locale, so that nobody's letter
 * lacks it. */
static int check_key(struct parser *p, const char *at, const struct filter_call *call, str key)
{
	char hint[80];
	const struct text_set *set;
	const struct texts *texts = region_for(p)->texts;
	const struct text *text = text_find(texts, texts->usual, key, &set);
	str shown = str_sub(key, 0, 60), locale = str_sub(texts->usual_name, 0, 30);
	if (!texts->usual)
		return parser_fail(p, at,
				   "there are no translations for the default locale, "
				   "'%.*s'",
				   STR_FORMAT(locale));
	if (!text) {
		text_suggest(texts->usual, key, hint, sizeof hint);
		return parser_fail(p, at, "locale '%.*s' has no text '%.*s'%s",
				   STR_FORMAT(locale), STR_FORMAT(shown), hint);
	}
	if (text->has_plural && !is_given(call, "count"))
		return parser_fail(p, at, "the text '%.*s' has a plural: say which with count:",
				   STR_FORMAT(shown));
	for (int i = 0; i < PLURAL_COUNT; i++)
		if (check_names(p, at, call, key, &text->forms[i]))
			return -1;
	return 0;
}

static int check_t(struct parser *p, const char *at, const struct filter_call *call,
		   const struct value *input)
{
	const struct region *region = region_for(p);
	const struct locales *locales;
	if (!region || !region->texts)
		return parser_fail(p, at,
				   "there are no translations: write them to "
				   "locales/en.json, and others beside it");
	if (p->compilation->use)
		p->compilation->use->locale = true;
	if (is_given(call, "count") && need_locales(p, at, &locales))
		return -1;
	return input && input->kind == VALUE_STRING ? check_key(p, at, call, input->string) : 0;
}

static const char *const date_names[] = {"zone", NULL};
static const char *const number_names[] = {"decimals", "locale", NULL};

static const struct {
	filter_apply *apply;
	struct filter_rules rules;
} all_rules[] = {
	{filter_date, {date_names, check_date}},
	{filter_number, {number_names, check_number}},
	{filter_money, {number_names, check_money}},
	{filter_t, {NULL, check_t}},
};

const struct filter_rules *filter_rules(const struct filter *filter)
{
	for (size_t i = 0; i < sizeof all_rules / sizeof *all_rules; i++)
		if (all_rules[i].apply == filter->apply)
			return &all_rules[i].rules;
	return NULL;
}

/* ---- number and money ---- */

static int decimals_wanted(const struct filter_input *input)
{
	const struct value *decimals = filter_named(input, "decimals");
	if (!decimals || decimals->kind == VALUE_NIL)
		return -1;
	int64_t count = value_to_integer_loosely(*decimals);
	return count < 0 ? 0 : count > DECIMALS_LIMIT ? DECIMALS_LIMIT : (int)count;
}

int filter_number(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	const struct locales *locales = locales_of(region_of(f));
	struct numeral numeral;
	struct buf out;
	*ret = input->value;
	if (!locales || !numeral_read(&input->value, &numeral))
		return 0;
	filter_begin(f, &out, NUMBER_SIZE_HINT);
	locale_put_number(&out, locale_of(f, input, locales), numeral, decimals_wanted(input));
	return filter_finish(f, &out, ret);
}

int filter_money(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	const struct locales *locales = locales_of(region_of(f));
	struct numeral numeral;
	struct buf out;
	str code;
	*ret = input->value;
	if (!locales || !numeral_read(&input->value, &numeral))
		return 0;
	if (!frame_text(f, &input->arguments[0], &code))
		return -1;
	filter_begin(f, &out, NUMBER_SIZE_HINT);
	locale_put_money(&out, locales, locale_of(f, input, locales), numeral, code,
			 decimals_wanted(input));
	return filter_finish(f, &out, ret);
}

/* ---- t ---- */

static const struct text_set *texts_of(struct liquid_frame *f, const struct filter_input *input)
{
	const struct region *region = region_of(f);
	const struct value *named = filter_named(input, "locale");
	if (named && named->kind == VALUE_STRING)
		return texts_for(region->texts, named->string);
	if (!f->texts_known) {
		f->texts_known = true;
		f->texts = texts_for(region->texts, of_reader(f, region->locale_variable));
	}
	return f->texts;
}

/* The words of count's plural in the language of the text; others when they are missing. */
static const struct text_form *form_of(struct liquid_frame *f, const struct filter_input *input,
				       const struct text *text, const struct text_set *set)
{
	const struct locales *locales = locales_of(region_of(f));
	const struct value *count = filter_named(input, "count");
	enum plural plural = PLURAL_OTHER;
	struct numeral numeral;
	if (text->has_plural && count && locales && numeral_read_shown(count, &numeral)) {
		const struct locale *locale = locales_find(locales, set->name);
		plural = plural_of(locale ? locale->plural : NULL, &numeral);
	}
	return text->forms[plural].pieces ? &text->forms[plural] : &text->forms[PLURAL_OTHER];
}

static bool is_safe(const struct value *value)
{
	return value && value->kind == VALUE_STRING && value->safe;
}

/* Values that are HTML make HTML of the text around them. */
static bool is_html(const struct filter_input *input, const struct text *text,
		    const struct text_form *form)
{
	bool html = text->is_html;
	for (size_t i = 0; i < form->count && !html; i++)
		html = form->pieces[i].name.data &&
		       is_safe(named_by(input, form->pieces[i].name));
	return html;
}

static int put_text(struct liquid_frame *f, struct buf *out, str text, bool escape)
{
	if (escape && !frame_escape(f, text, &text))
		return -1;
	buf_put(out, text);
	return frame_effort(f, text.size / EFFORT_BYTES) ? 0 : -1;
}

static int put_form(struct liquid_frame *f, const struct filter_input *input,
		    const struct text *text, const struct text_form *form, struct value *ret)
{
	bool html = frame_escapes(f) && is_html(input, text, form);
	struct buf out;
	filter_begin(f, &out, TEXT_SIZE_HINT);
	for (size_t i = 0; i < form->count; i++) {
		const struct text_piece *piece = &form->pieces[i];
		const struct value *value =
			piece->name.data ? named_by(input, piece->name) : NULL;
		str shown = STR("");
		if (put_text(f, &out, piece->literal, html && !text->is_html) ||
		    (value && !frame_text(f, value, &shown)) ||
		    put_text(f, &out, shown, html && !is_safe(value)))
			return -1;
	}
	if (filter_finish(f, &out, ret))
		return -1;
	ret->safe = html;
	return 0;
}

/* A key that no locale has is nothing, so that `default` can say what to write instead. */
int filter_t(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	const struct text_set *set = NULL;
	str key;
	if (!frame_text(f, &input->value, &key))
		return -1;
	const struct text *text = text_find(region_of(f)->texts, texts_of(f, input), key, &set);
	if (text)
		return put_form(f, input, text, form_of(f, input, text, set), ret);
	return f->liquid->options.strict_variables
		       ? frame_fail(f, "no locale has a text '%.*s'",
				    STR_FORMAT(str_sub(key, 0, 80)))
		       : 0;
}
