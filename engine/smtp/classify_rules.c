/* classify_rules.c - reading rules.tsv into a rule book.
 * A set is a list of literals; a term of a pattern is a set too, known by its own text, so that
 * equal terms are looked for once. The table is ours: a mistake in it stops the program at its
 * start, and the unit test long before. */
#include "engine/smtp/classify_rules.h"

#include "engine/base/assert.h"

/* What is only needed while reading. */
struct reader {
	struct arena *arena;
	struct rule_book *book;
	struct map literal_index, set_index; /* text -> index + 1 as a pointer */
	str *literals;
	bool failed; /* the arena is exhausted */
};

static void *index_pointer(size_t index)
{
	return (void *)(uintptr_t)(index + 1);
}

static size_t pointer_index(const void *pointer)
{
	return (size_t)(uintptr_t)pointer - 1;
}

/* "over_quota" -> " over quota ", "exceed*" -> " exceed": a star leaves out the blank that
 * stands for the word's edge. */
static str literal_bytes(struct reader *r, str text)
{
	char *bytes = arena_bytes(r->arena, text.size + 2);
	size_t size = 0;

	ASSERT(text.size > 0);
	if (!bytes) {
		r->failed = true;
		return (str){};
	}
	if (text.data[0] != '*')
		bytes[size++] = ' ';
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] != '*')
			bytes[size++] = text.data[i] == '_' ? ' ' : text.data[i];
	}
	if (text.data[text.size - 1] != '*')
		bytes[size++] = ' ';
	return str_make(bytes, size);
}

static uint8_t words_of(str literal)
{
	uint8_t words = 0;

	for (size_t i = 0; i < literal.size; i++) {
		if (literal.data[i] != ' ' && (i == 0 || literal.data[i - 1] == ' '))
			words++;
	}
	return words;
}

static size_t literal_intern(struct reader *r, str text)
{
	str bytes = literal_bytes(r, text);
	if (!bytes.data)
		return 0;
	void *known = map_get(&r->literal_index, bytes);
	if (known)
		return pointer_index(known);

	size_t index = r->book->literal_count++;
	ASSERT(index < LITERAL_LIMIT);
	r->literals[index] = bytes;
	r->book->word_counts[index] = words_of(bytes);
	if (map_put(&r->literal_index, bytes, index_pointer(index)) < 0)
		r->failed = true;
	return index;
}

static void set_bit(uint64_t *bits, size_t index)
{
	bits[index / 64] |= UINT64_C(1) << (index % 64);
}

static bool is_member(const struct rule_book *book, size_t literal, size_t set)
{
	return book->kinds[literal].sets[set / 64] >> (set % 64) & 1;
}

static void add_member(struct rule_book *book, size_t literal, size_t set)
{
	set_bit(book->kinds[literal].sets, set);
}

static void include_set(struct reader *r, str name, size_t set)
{
	void *known = map_get(&r->set_index, name);

	ASSERT(known || r->failed); /* sets are defined before they are used */
	for (size_t i = 0; known && i < r->book->literal_count; i++) {
		if (is_member(r->book, i, pointer_index(known)))
			add_member(r->book, i, set);
	}
}

/* alternatives = alternative *( "|" alternative ); alternative = "@" name / literal */
static size_t set_define(struct reader *r, str name, str alternatives)
{
	size_t set = r->book->set_count++;

	ASSERT(set < TERM_SET_LIMIT);
	if (map_put(&r->set_index, name, index_pointer(set)) < 0)
		r->failed = true;
	while (alternatives.data && !r->failed) {
		str one = str_cut(&alternatives, '|');
		if (str_starts(one, STR("@")) && one.size > 1)
			include_set(r, one, set);
		else
			add_member(r->book, literal_intern(r, one), set);
	}
	return set;
}

static size_t set_intern(struct reader *r, str term)
{
	void *known = map_get(&r->set_index, term);

	return known ? pointer_index(known) : set_define(r, term, term);
}

/* pattern = term *( SP term ); term = [ ">" / "&" / "!" / "-" ] alternatives */
static void read_pattern(struct reader *r, struct bounce_rule *rule, str pattern)
{
	while (pattern.size > 0 && !r->failed) {
		str term = str_cut(&pattern, ' ');
		enum term_kind kind = TERM_NEAR;

		ASSERT(term.size > 0 && rule->term_count < RULE_TERM_LIMIT);
		switch (term.data[0]) {
		case '>':
			kind = TERM_AFTER;
			break;
		case '&':
			kind = TERM_ALSO;
			break;
		case '!':
			kind = TERM_NOWHERE;
			break;
		case '-':
			kind = TERM_NOT_NEAR;
			break;
		default:
			break;
		}
		if (kind != TERM_NEAR)
			term = str_from(term, 1);
		rule->terms[rule->term_count++] =
			(struct rule_term){(uint16_t)kind, (uint16_t)set_intern(r, term)};
	}
}

/* codes = code *( "|" code ); code = 1DIGIT / 3DIGIT; "0" is an unknown code */
static void read_codes(struct bounce_rule *rule, str codes)
{
	size_t count = 0;

	while (codes.size > 0) {
		uint64_t value = 0;
		str one = str_cut(&codes, '|');
		bool ok = str_to_u64(one, &value) && (one.size == 1 || one.size == 3);
		ASSERT(ok && value < 600);
		if (one.size == 1) {
			rule->digits |= (uint16_t)(1U << value);
			continue;
		}
		ASSERT(count + 1 < sizeof(rule->codes) / sizeof(rule->codes[0]));
		rule->codes[count++] = (uint16_t)value;
	}
}

static uint16_t read_number(str text)
{
	uint64_t value = 0;
	bool ok = str_to_u64(text, &value) && value < 1000;

	ASSERT(ok);
	return (uint16_t)value;
}

static uint16_t read_subject(str text)
{
	uint16_t subject = read_number(text);

	ASSERT(subject < RULE_SUBJECT_LIMIT);
	return subject;
}

/* statuses = status *( "|" status ); status = ( DIGIT / "x" ) "." number "." number [ "-"
 * number ] */
static void read_statuses(struct bounce_rule *rule, str statuses)
{
	while (statuses.size > 0) {
		str rest = str_cut(&statuses, '|');
		str class = str_cut(&rest, '.');
		str subject = str_cut(&rest, '.');
		str first = str_cut(&rest, '-');
		uint16_t first_detail = read_number(first);

		ASSERT(rule->status_count < RULE_STATUS_LIMIT);
		rule->statuses[rule->status_count++] = (struct rule_status){
			.class = str_eq(class, STR("x")) ? 0 : (uint8_t)read_number(class),
			.subject = read_subject(subject),
			.first_detail = first_detail,
			.last_detail = rest.data ? read_number(rest) : first_detail,
		};
	}
}

static void read_stages(struct bounce_rule *rule, str stages)
{
	while (stages.size > 0) {
		str one = str_cut(&stages, '|');
		uint16_t bits = 0;
		for (int i = 0; i < STAGE_COUNT; i++) {
			if (str_eq(one, str_of(smtp_stage_names[i])))
				bits = (uint16_t)(1U << i);
		}
		ASSERT(bits);
		rule->stages |= bits;
	}
}

static enum bounce_class read_class(str name)
{
	for (int i = 0; i < CLASS_COUNT; i++) {
		if (str_eq(name, str_of(bounce_class_names[i])))
			return (enum bounce_class)i;
	}
	UNREACHABLE();
}

static const char *read_cause(struct reader *r, str cause)
{
	str copy = arena_copy(r->arena, cause);

	ASSERT(cause.size > 0);
	if (!copy.data)
		r->failed = true;
	return copy.data;
}

/* class TAB cause TAB code TAB status TAB stage TAB provider TAB pattern TAB example */
static void read_rule(struct reader *r, str line, uint32_t number)
{
	struct bounce_rule *rule = &r->book->rules[r->book->rule_count];

	ASSERT(r->book->rule_count < RULE_LIMIT);
	r->book->rule_count++;
	rule->line = number;
	rule->class = read_class(str_cut(&line, '\t'));
	rule->cause = read_cause(r, str_cut(&line, '\t'));
	read_codes(rule, str_cut(&line, '\t'));
	read_statuses(rule, str_cut(&line, '\t'));
	read_stages(rule, str_cut(&line, '\t'));
	rule->provider = str_cut(&line, '\t');
	read_pattern(r, rule, str_cut(&line, '\t'));
	ASSERT(line.data); /* an example stands behind */
}

static void read_table(struct reader *r, str table)
{
	for (uint32_t number = 1; table.size > 0 && !r->failed; number++) {
		str line = str_cut(&table, '\n');
		if (line.size == 0 || line.data[0] == '#')
			continue;
		if (line.data[0] == '@') {
			str name = str_cut(&line, '\t');
			set_define(r, name, line);
		} else {
			read_rule(r, line, number);
		}
	}
}

static void index_code(struct rule_book *book, const struct bounce_rule *rule, size_t index)
{
	bool is_any = rule->digits == 0 && rule->codes[0] == 0;

	for (size_t digit = 0; digit < 10; digit++) {
		bool passes = is_any || (rule->digits >> digit & 1);
		for (size_t i = 0; rule->codes[i]; i++)
			passes = passes || rule->codes[i] / 100 == digit;
		if (passes)
			set_bit(book->of_digit[digit], index);
	}
}

static void index_status(struct rule_book *book, const struct bounce_rule *rule, size_t index)
{
	for (size_t i = 0; i < rule->status_count; i++)
		set_bit(book->of_subject[rule->statuses[i].subject], index);
	for (size_t i = 0; rule->status_count == 0 && i <= RULE_SUBJECT_LIMIT; i++)
		set_bit(book->of_subject[i], index);
}

static void add_rule_of_set(struct rule_book *book, size_t kind_count, size_t set, size_t rule)
{
	for (size_t i = 0; i < kind_count; i++) {
		if (is_member(book, i, set))
			set_bit(book->kinds[i].rules, rule);
	}
}

/* A rule is looked at when its first term occurs; without such a term, always. */
static void index_rules(struct rule_book *book, size_t kind_count)
{
	for (size_t i = 0; i < book->rule_count; i++) {
		const struct bounce_rule *rule = &book->rules[i];
		if (rule->term_count > 0 && rule->terms[0].kind == TERM_NEAR)
			add_rule_of_set(book, kind_count, rule->terms[0].set, i);
		else
			set_bit(book->textless, i);
		index_code(book, rule, i);
		index_status(book, rule, i);
	}
}

/* Keeps one of each kind, in place: what is kept moves to the front. Returns how many those are. */
static size_t merge_kinds(struct reader *r)
{
	struct rule_book *book = r->book;
	struct map index;
	size_t count = 0;

	map_init(&index, r->arena, 3);
	for (size_t i = 0; i < book->literal_count && !r->failed; i++) {
		struct literal_kind *kept = &book->kinds[count];
		*kept = book->kinds[i];
		str key = str_make((const char *)kept->sets, sizeof(kept->sets));
		void *known = map_get(&index, key);
		book->kind_of[i] = (uint16_t)(known ? pointer_index(known) : count);
		if (known)
			continue;
		if (map_put(&index, key, index_pointer(count++)) < 0)
			r->failed = true;
	}
	return count;
}

int rule_book_create(struct rule_book *book, struct arena *arena, str table)
{
	struct reader r = {.arena = arena, .book = book};

	*book = (struct rule_book){};
	book->rules = ARENA_ARRAY(arena, struct bounce_rule, RULE_LIMIT);
	book->word_counts = ARENA_ARRAY(arena, uint8_t, LITERAL_LIMIT);
	r.literals = ARENA_ARRAY(arena, str, LITERAL_LIMIT);
	book->kind_of = ARENA_ARRAY(arena, uint16_t, LITERAL_LIMIT);
	book->kinds = ARENA_ARRAY(arena, struct literal_kind, LITERAL_LIMIT);
	if (!book->rules || !book->word_counts || !r.literals || !book->kind_of || !book->kinds)
		return -1;
	map_init(&r.literal_index, arena, 1);
	map_init(&r.set_index, arena, 2);

	read_table(&r, table);
	if (r.failed)
		return -1;
	void *again = map_get(&r.set_index, STR("@again"));
	ASSERT(again);
	book->wait_set = (uint16_t)pointer_index(again);
	index_rules(book, merge_kinds(&r));
	if (r.failed)
		return -1;
	return automaton_build(&book->automaton, arena, r.literals, book->literal_count);
}
