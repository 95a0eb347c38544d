/* Data from anybody in templates that use every tag and filter: rendering must answer, in
 * bounded time and memory, with UTF-8. The templates are compiled once. Input: which template,
 * flags, then the values of its variables one behind the other, as read_value() reads them;
 * behind the end of the input all is nil. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/mail/utf8.h"
#include "templates/liquid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY_SIZE = 16 << 20, OUT_SIZE = 1 << 20, DEPTH = 6, VARIANTS = 4 };

static const char *const names[] = {"a", "b", "s", "n", "list", "h"};
enum { NAME_COUNT = sizeof(names) / sizeof(*names) };

static const char *const templates[] = {
	"{{ a }}{{ b }}{{ s }}{{ n }}{{ list }}{{ h }}",
	"{{ a.b.size }}{{ a[b] }}{{ list[n].title }}{{ list.first }}{{ s.last }}{{ [s] }}{{ "
	"h[s].a }}",
	"{{ n | plus: a }}{{ n | minus: a }}{{ n | times: a }}{{ a | abs }}{{ a | ceil }}{{ a "
	"| floor }}",
	"{{ n | divided_by: a }}",
	"{{ a | modulo: b }}",
	"{{ a | round: n }}",
	"{{ a | at_least: b | at_most: n }}",
	"{{ a | append: b | prepend: s | upcase | downcase | capitalize }}",
	"{{ s | strip | lstrip | rstrip | strip_newlines | strip_html | newline_to_br }}",
	"{{ s | escape }}{{ s | escape_once }}{{ s | url_encode | url_decode }}{{ a | h }}",
	"{{ s | url_decode }}",
	"{{ s | base64_encode | base64_decode }}{{ s | base64_url_safe_encode }}",
	"{{ s | base64_decode }}",
	"{{ s | base64_url_safe_decode }}",
	"{{ s | replace: a, b }}{{ s | remove: a }}",
	"{{ s | replace_first: a, b }}{{ s | replace_last: a, b }}{{ s | remove_first: a }}{{ "
	"s | remove_last: b }}",
	"{{ s | split: a | join: b }}",
	"{{ s | slice: n }}{{ list | slice: n, a | join }}",
	"{{ s | truncate: n, a }}",
	"{{ s | truncatewords: n, a }}",
	"{{ list | join: s }}{{ list | reverse | first }}{{ list | size }}{{ h | size }}",
	"{{ list | concat: list | uniq | compact | last }}",
	"{{ list | sort | join: ',' }}",
	"{{ list | sort: s | size }}",
	"{{ list | sort_natural | join: ',' }}{{ list | sort_natural: a }}",
	"{{ list | map: s }}",
	"{{ list | where: s, a | size }}",
	"{{ list | reject: s, a | size }}{{ list | has: s, a }}",
	"{{ list | find: s, a }}{{ list | find_index: s }}",
	"{{ list | sum }}{{ list | sum: s }}",
	"{{ list | uniq: s }}{{ list | compact: s }}",
	"{{ a | default: b, allow_false: n }}{{ a | raw }}",
	"{{ a | date: s }}",
	"{{ s | date: '%a %A %b %B %c %C %d %D %e %F %g %G %H %I %j %k %l %L %m %M %n %N %p %P "
	"%r %R %s'}}",
	"{{ a | date: '%S %t %T %u %U %v %V %w %W %x %X %y %Y %z %Z %% %10N %^a %-d %_m %:z "
	"%::z %#p' }}",
	"{% for i in list limit: n offset: a %}{{ i }}{{ forloop.index }}{% else %}none{% "
	"endfor %}",
	"{% for i in h reversed %}{{ i[0] }}={{ i[1] }}{% if i[1] == a %}{% break %}{% endif "
	"%}{% endfor %}",
	"{% for i in (n..a) limit: 9 %}{{ i }}{% endfor %}{% for i in list offset: continue "
	"%}{{ i }}{% endfor %}",
	"{% for i in a %}{% for j in b %}{{ forloop.parentloop.index }}{{ j }}{% endfor %}{% "
	"endfor %}",
	"{% tablerow i in list cols: n limit: a %}{{ i }}{{ tablerowloop.col_last }}{% "
	"endtablerow %}",
	"{% if a == b %}1{% elsif a < b %}2{% elsif a contains b %}3{% elsif a >= b or s != n "
	"%}4{% endif %}",
	"{% if a == empty %}e{% endif %}{% if a == blank %}b{% endif %}{% unless a and b or n "
	"%}u{% endunless %}",
	"{% case a %}{% when b, n or s %}x{% when list %}y{% else %}z{% endcase %}",
	"{% assign x = list | sort | first %}{{ x }}{% capture y %}{{ s }}{{ n }}{% endcapture "
	"%}{{ y | size }}",
	"{% cycle a: b, n, 1 %}{% cycle a: b, n %}{% cycle s, n %}{% increment n %}{% "
	"decrement n %}{{ n }}",
	"{% for i in list %}{% ifchanged %}{{ i }}{% endifchanged %}{% endfor %}",
	"{% render 'p' with a as p, q: b %}{% render 'p' for list as p %}{% include 'p' for "
	"list, q: s %}",
	"{% include s %}",
	"{% liquid for i in list\n echo i | append: s\n endfor %}{{ (a..b) | join: s }}",
};
enum { TEMPLATE_COUNT = sizeof(templates) / sizeof(*templates) };

static bool load_partial(void *, str name, struct arena *, str *ret_source)
{
	if (str_eq(name, STR("p")))
		*ret_source = STR("{{ p }}{{ forloop.index }}{% assign q = p %}{{ q }}{{ a }}");
	else if (str_eq(name, STR("self")))
		*ret_source = STR("{{ s }}{% include s %}");
	else
		return false;
	return true;
}

static void *get_block(struct arena_source *, size_t size)
{
	return malloc(size);
}

static void give_block(struct arena_source *, void *block, size_t)
{
	free(block);
}

/* With each of the options, once. */
static const struct liquid *compiled[VARIANTS][TEMPLATE_COUNT];

static void compile_all(void)
{
	static struct arena_source source = {get_block, give_block};
	static struct arena arena;
	struct liquid_error error;
	arena_init(&arena, &source, 0, 0);
	for (int variant = 0; variant < VARIANTS; variant++) {
		struct liquid_options options = {.file = STR("fuzz"),
						 .escape = variant & 1 ? LIQUID_ESCAPE_HTML
								       : LIQUID_ESCAPE_NONE,
						 .strict_variables = variant & 2,
						 .load_partial = load_partial};
		for (size_t i = 0; i < TEMPLATE_COUNT; i++)
			if (!(compiled[variant][i] = liquid_compile(
				      &arena, str_of(templates[i]), &options, &error)))
				abort();
	}
}

static uint8_t take_byte(str *in)
{
	uint8_t byte = in->size ? (uint8_t)in->data[0] : 0;
	*in = str_from(*in, in->size > 0);
	return byte;
}

static uint64_t take_bytes(str *in, size_t count)
{
	uint64_t bits = 0;
	for (size_t i = 0; i < count; i++)
		bits = bits << 8 | take_byte(in);
	return bits;
}

static str take_text(str *in)
{
	str text = str_sub(*in, 0, take_byte(in) % 64u);
	*in = str_from(*in, text.size);
	return text;
}

static str telling_text(str *in)
{
	static const char *const texts[] = {
		"a",          "title",  "-1.5",   "9223372036854775807",
		"2020-02-30", "now",    "<b>&",   "\xc3\x9f \xf0\x9f\x98\x80",
		"%41%zz",     "YQ==",   "\\0\\&", "self",
		"p",          "a b\nc", "",       "10:00 +0200"};
	return str_of(texts[take_byte(in) % 16u]);
}

static double as_double(uint64_t bits)
{
	double number;
	memcpy(&number, &bits, sizeof(number));
	return number;
}

static struct value read_value(str *in, struct arena *arena, int depth);

static struct value read_items(str *in, struct arena *arena, int depth, bool hash)
{
	size_t count = depth < DEPTH ? take_byte(in) % 8u : 0;
	struct value *items = ARENA_ARRAY(arena, struct value, count + 1);
	struct value_pair *pairs = ARENA_ARRAY(arena, struct value_pair, count + 1);
	for (size_t i = 0; i < count; i++) {
		if (hash)
			pairs[i] = (struct value_pair){telling_text(in),
						       read_value(in, arena, depth + 1)};
		else
			items[i] = read_value(in, arena, depth + 1);
	}
	return hash ? value_hash(pairs, count) : value_array(items, count);
}

static struct value read_value(str *in, struct arena *arena, int depth)
{
	struct value value = {.kind = VALUE_NIL};
	switch (take_byte(in) % 12u) {
	case 0:
		return value;
	case 1:
		return value_bool(take_byte(in) & 1);
	case 2:
		return value_int((int8_t)take_byte(in));
	case 3:
		return value_int((int64_t)take_bytes(in, 8));
	case 4:
		return value_float((int8_t)take_byte(in) / 4.0);
	case 5:
		return value_float(as_double(take_bytes(in, 8)));
	case 6:
		return value_string(telling_text(in));
	case 7:
		value.kind = VALUE_RANGE;
		value.range.first = (int8_t)take_byte(in);
		value.range.last = value.range.first + (int8_t)take_byte(in);
		return value;
	case 8:
		return read_items(in, arena, depth, true);
	case 9:
		return read_items(in, arena, depth, false);
	default:
		return value_string(take_text(in));
	}
}

static void check_text(str text)
{
	for (size_t size; text.size > 0; text = str_from(text, size))
		if ((size = utf8_char_size(text)) == 0)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *memory; /* one for all inputs: they come by the ten thousand a second */
	static char *out_memory;
	static const struct liquid_limits limits = {
		.steps = 1000, .turns = 100, .output_size = 1 << 13, .memory_size = 1 << 16};
	struct value_pair pairs[NAME_COUNT];
	static struct arena arena;
	struct liquid_error error;
	struct buf out;
	if (!memory) {
		memory = malloc(MEMORY_SIZE);
		out_memory = malloc(OUT_SIZE);
		if (!memory || !out_memory)
			abort();
		arena_init_fixed(&arena, memory, MEMORY_SIZE);
		compile_all();
	}
	str in = str_make((const char *)data, size);
	size_t which = take_byte(&in) % TEMPLATE_COUNT, variant = take_byte(&in) % VARIANTS;
	buf_init_fixed(&out, out_memory, OUT_SIZE);
	for (size_t i = 0; i < NAME_COUNT; i++)
		pairs[i] = (struct value_pair){str_of(names[i]), read_value(&in, &arena, 0)};
	struct value roots = value_hash(pairs, NAME_COUNT);
	if (liquid_render(compiled[variant][which], &roots, &limits, 1700000000 * USEC_SECOND,
			  &arena, &out, &error) == 0)
		check_text(buf_str(&out));
	else if (!error.message[0])
		abort();
	arena_reset(&arena);
	return 0;
}
