/* locale_plural.c - which word goes with a number, by the rules of CLDR (UTS 35, part 3, 5.1).
 *
 *   rule     = [relation *(("and" / "or") relation)] ["@" examples]     "and" binds closer
 *   relation = operand ["%" number] ("=" / "!=") range *("," range)
 *   range    = number [".." number]
 *   operand  = "n" the number / "i" its integer / "v", "w" how many decimals, with and without
 *              zeros at the end / "f", "t" these decimals as an integer / "e", "c" exponent: 0
 */
#include "templates/locale.h"

enum { RELATIONS_LIMIT = 16, RANGES_LIMIT = 16, INTEGER_DIGITS = 18 };

struct range {
	uint64_t first, last;
};

struct relation {
	char operand;
	bool unequal;
	bool begins;      /* what "or" stands before */
	uint64_t modulus; /* 0: none */
	const struct range *ranges;
	size_t range_count;
};

struct plural_rules {
	struct plural_rule {
		const struct relation *relations;
		size_t count;
		bool given;
	} rules[PLURAL_COUNT];
};

static const char *const names[PLURAL_COUNT] = {"zero", "one", "two", "few", "many", "other"};

const char *plural_name(enum plural plural)
{
	return names[plural];
}

bool plural_from_name(str name, enum plural *ret_plural)
{
	for (int i = 0; i < PLURAL_COUNT; i++) {
		if (!str_eq(name, str_of(names[i])))
			continue;
		*ret_plural = (enum plural)i;
		return true;
	}
	return false;
}

static void skip_spaces(str *text)
{
	while (text->size && text->data[0] == ' ')
		*text = str_from(*text, 1);
}

static bool take(str *text, str token)
{
	skip_spaces(text);
	if (!str_starts(*text, token))
		return false;
	*text = str_from(*text, token.size);
	return true;
}

static bool take_number(str *text, uint64_t *ret_number)
{
	size_t size = 0;
	skip_spaces(text);
	while (size < text->size && text->data[size] >= '0' && text->data[size] <= '9')
		size++;
	bool good = str_to_u64(str_sub(*text, 0, size), ret_number);
	*text = str_from(*text, size);
	return good;
}

static bool take_ranges(struct arena *arena, str *text, struct relation *relation)
{
	struct range ranges[RANGES_LIMIT];
	size_t count = 0;
	do {
		struct range *range = &ranges[count];
		if (count == RANGES_LIMIT || !take_number(text, &range->first))
			return false;
		range->last = range->first;
		if (take(text, STR("..")) && !take_number(text, &range->last))
			return false;
		count++;
	} while (take(text, STR(",")));
	struct range *kept = ARENA_ARRAY(arena, struct range, count);
	if (!kept)
		return false;
	memcpy(kept, ranges, count * sizeof *kept);
	relation->ranges = kept;
	relation->range_count = count;
	return true;
}

static bool take_relation(struct arena *arena, str *text, struct relation *relation)
{
	skip_spaces(text);
	if (text->size == 0 || !memchr("nivwftec", text->data[0], 8))
		return false;
	relation->operand = text->data[0];
	*text = str_from(*text, 1);
	if (take(text, STR("%")) &&
	    (!take_number(text, &relation->modulus) || relation->modulus == 0))
		return false;
	relation->unequal = take(text, STR("!="));
	return (relation->unequal || take(text, STR("="))) &&
	       take_ranges(arena, text, relation);
}

static bool read_rule(struct arena *arena, str text, struct plural_rule *rule)
{
	struct relation relations[RELATIONS_LIMIT] = {};
	bool more;
	rule->given = true;
	text = str_trim(str_sub(text, 0, str_find_byte(text, '@')));
	if (text.size == 0)
		return true;
	do {
		if (rule->count == RELATIONS_LIMIT ||
		    !take_relation(arena, &text, &relations[rule->count]))
			return false;
		rule->count++;
		more = take(&text, STR("and "));
		if (!more && take(&text, STR("or "))) {
			more = true;
			if (rule->count < RELATIONS_LIMIT)
				relations[rule->count].begins = true;
		}
	} while (more);
	struct relation *kept = ARENA_ARRAY(arena, struct relation, rule->count);
	if (!kept)
		return false;
	memcpy(kept, relations, rule->count * sizeof *kept);
	rule->relations = kept;
	return text.size == 0;
}

struct plural_rules *plural_rules_read(struct arena *arena,
				       const str texts[static PLURAL_COUNT])
{
	struct plural_rules *rules = ARENA_NEW(arena, struct plural_rules);
	for (int i = 0; rules && i < PLURAL_OTHER; i++)
		if (texts[i].data && !read_rule(arena, texts[i], &rules->rules[i]))
			return NULL;
	return rules;
}

/* What the rules ask of a number. */
struct operands {
	uint64_t integer, decimals, decimals_cut;
	uint64_t decimal_count, decimal_count_cut;
};

/* As an integer; longer ones keep their last digits below a leading 1, which every modulus of
 * CLDR's and no small number sees rightly. */
static uint64_t integer_of(const struct numeral *n, int from, int to)
{
	uint64_t integer = 0, limit = 1;
	bool long_one = false;
	for (int i = 0; i < INTEGER_DIGITS; i++)
		limit *= 10;
	for (int i = from; i < to; i++) {
		integer = integer * 10 +
			  (uint64_t)(i >= 0 && i < n->count ? n->digits[i] - '0' : 0);
		long_one = long_one || integer >= limit;
		integer %= limit;
	}
	return long_one ? integer + limit : integer;
}

static struct operands operands_of(const struct numeral *n)
{
	int cut = n->count;
	while (cut > n->point && cut > 0 && n->digits[cut - 1] == '0')
		cut--;
	bool has_decimals = n->count > n->point, has_cut = cut > n->point && cut > 0;
	return (struct operands){
		.integer = integer_of(n, 0, n->point),
		.decimals = has_decimals ? integer_of(n, n->point, n->count) : 0,
		.decimals_cut = has_cut ? integer_of(n, n->point, cut) : 0,
		.decimal_count = has_decimals ? (uint64_t)(n->count - n->point) : 0,
		.decimal_count_cut = has_cut ? (uint64_t)(cut - n->point) : 0,
	};
}

static uint64_t operand_of(const struct operands *o, char operand)
{
	switch (operand) {
	case 'n':
	case 'i':
		return o->integer;
	case 'v':
		return o->decimal_count;
	case 'w':
		return o->decimal_count_cut;
	case 'f':
		return o->decimals;
	case 't':
		return o->decimals_cut;
	default:
		return 0;
	}
}

/* A number with decimals is in no range of integers. */
static bool holds(const struct relation *relation, const struct operands *o)
{
	uint64_t number = operand_of(o, relation->operand);
	bool found = false, whole = relation->operand != 'n' || o->decimals_cut == 0;
	if (relation->modulus)
		number %= relation->modulus;
	for (size_t i = 0; whole && i < relation->range_count && !found; i++)
		found = number >= relation->ranges[i].first &&
			number <= relation->ranges[i].last;
	return found != relation->unequal;
}

static bool rule_holds(const struct plural_rule *rule, const struct operands *o)
{
	bool all = true;
	for (size_t i = 0; i < rule->count; i++) {
		if (rule->relations[i].begins) {
			if (all)
				return true;
			all = true;
		}
		all = all && holds(&rule->relations[i], o);
	}
	return all;
}

enum plural plural_of(const struct plural_rules *rules, const struct numeral *numeral)
{
	struct operands operands = operands_of(numeral);
	for (int i = 0; rules && i < PLURAL_OTHER; i++)
		if (rules->rules[i].given && rule_holds(&rules->rules[i], &operands))
			return (enum plural)i;
	return PLURAL_OTHER;
}
