/* bench_liquid.c - what rendering a newsletter of 10 KB costs: ten slots (root variables,
 * filters, a condition, a loop), as it is, with HTML escaping, and beside a bare copy of as
 * many bytes. Then single filters of the reader's locale and zone, which may take a
 * microsecond. CPU time of the thread, best of several rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/micro/yardstick.h"
#include "engine/data/locale_load.h"
#include "engine/data/zone_load.h"
#include "templates/region.h"

enum { ROUNDS = 7, RENDERINGS = 20000, TEMPLATE_SIZE = 10240 };

static const char *const slots[] = {
	"Dear {{ first_name }},",
	"{{ city }}",
	"{{ account }}",
	"{{ company }}",
	"{{ subscriber.plan }}",
	"{{ first_name | default: \"reader\" }}",
	"{{ city | upcase }}",
	"{% if points > 100 %}You have {{ points }} points.{% endif %}",
	"{{ email }}",
	"{{ unsubscribe_url }}",
};
static const char filler[] = "<tr><td style=\"padding:8px\">Five books and a map.</td></tr>\n";

static void *get_block(struct arena_source *, size_t size)
{
	return malloc(size);
}

static void give_block(struct arena_source *, void *block, size_t)
{
	free(block);
}

static struct arena_source source = {get_block, give_block};

static str template_text(struct arena *arena, size_t slot_count)
{
	struct buf text;
	buf_init_arena(&text, arena, TEMPLATE_SIZE * 2);
	for (size_t i = 0; i < 10; i++) {
		while (text.size < (size_t)TEMPLATE_SIZE * (i + 1) / 11)
			buf_put_cstr(&text, filler);
		if (i < slot_count)
			buf_put_cstr(&text, slots[i]);
	}
	while (text.size < TEMPLATE_SIZE)
		buf_put_cstr(&text, filler);
	return buf_str(&text);
}

static struct value recipient(void)
{
	static struct value_pair plan[1], pairs[8];
	static const char *const names[] = {"first_name", "city",           "account",
					    "company",    "subscriber",     "points",
					    "email",      "unsubscribe_url"};
	static const char *const texts[] = {"Ann & Bob",
					    "Hamburg",
					    "4711",
					    "Example Ltd",
					    "",
					    "",
					    "ann@example.com",
					    "https://news.example.com/u/abc"};
	plan[0] = (struct value_pair){STR("plan"), value_string(STR("gold"))};
	for (size_t i = 0; i < 8; i++)
		pairs[i] =
			(struct value_pair){str_of(names[i]), value_string(str_of(texts[i]))};
	pairs[4].value = value_hash(plan, 1);
	pairs[5].value = value_int(250);
	return value_hash(pairs, 8);
}

static void show(const char *what, double cost, size_t size)
{
	printf("%-36s %6.2f us   %zu bytes\n", what, cost, size);
}

static double time_template(struct arena *arena, str text, const struct liquid_options *options,
			    struct value data, size_t *ret_size)
{
	struct liquid_error error;
	struct arena scratch;
	struct buf out;
	double best = 1e9;
	struct liquid *liquid = liquid_compile(arena, text, options, &error);
	if (!liquid) {
		printf("%u:%u: %s\n", error.line, error.column, error.message);
		exit(1);
	}
	buf_init_arena(&out, arena, TEMPLATE_SIZE * 2);
	arena_init(&scratch, &source, 0, 0);
	for (int round = 0; round < ROUNDS; round++) {
		double start = cpu_usec();
		for (int i = 0; i < RENDERINGS; i++) {
			buf_reset(&out);
			arena_reset(&scratch);
			if (liquid_render(liquid, &data, NULL, 0, &scratch, &out, &error))
				exit(1);
		}
		double each = (cpu_usec() - start) / RENDERINGS;
		best = each < best ? each : best;
	}
	*ret_size = out.size;
	arena_done(&scratch);
	return best;
}

static void time_rendering(const char *what, struct arena *arena, size_t slot_count,
			   enum liquid_escape escape)
{
	const struct liquid_options options = {.file = STR("bench"), .escape = escape};
	size_t size;
	double cost = time_template(arena, template_text(arena, slot_count), &options,
				    recipient(), &size);
	show(what, cost, size);
}

enum { FILTER_COUNT = 10 };

/* What one filter adds to a template of ten, without what the output itself takes. */
static void time_filter(struct arena *arena, const struct liquid_options *options,
			struct value data, const char *output, const char *plain)
{
	struct buf with, without;
	size_t size, ignored;
	buf_init_arena(&with, arena, 1024);
	buf_init_arena(&without, arena, 1024);
	for (int i = 0; i < FILTER_COUNT; i++) {
		buf_put_cstr(&with, output);
		buf_put_cstr(&without, plain);
	}
	double cost = time_template(arena, buf_str(&with), options, data, &size);
	cost -= time_template(arena, buf_str(&without), options, data, &ignored);
	show(output, cost / FILTER_COUNT, size / FILTER_COUNT);
}

static void time_locale(struct arena *arena)
{
	static struct value_pair texts[1], sets[1], pairs[5];
	struct liquid_error error;
	texts[0] = (struct value_pair){STR("hello"), value_string(STR("Hallo {{ name }}"))};
	sets[0] = (struct value_pair){STR("de"), value_hash(texts, 1)};
	struct value locales = value_hash(sets, 1);
	pairs[0] = (struct value_pair){STR("price"), value_float(1234.5)};
	pairs[1] = (struct value_pair){STR("at"), value_string(STR("2026-12-01T09:00:00Z"))};
	pairs[2] = (struct value_pair){STR("name"), value_string(STR("Ann"))};
	pairs[3] = (struct value_pair){STR("locale"), value_string(STR("de-AT"))};
	pairs[4] = (struct value_pair){STR("time_zone"), value_string(STR("Europe/Vienna"))};
	const struct region region = {
		.zones = zones_system,
		.locales = locales_icu,
		.texts = texts_compile(arena, &locales, STR("de"), &error),
		.locale = STR("de"),
		.zone_variable = STR("time_zone"),
		.locale_variable = STR("locale"),
	};
	const struct liquid_options options = {.file = STR("bench"), .region = &region};
	struct value data = value_hash(pairs, 5);
	time_filter(arena, &options, data, "{{ price | number }}", "{{ name }}");
	time_filter(arena, &options, data, "{{ price | money: 'EUR' }}", "{{ name }}");
	time_filter(arena, &options, data, "{{ 'hello' | t: name: name }}", "{{ name }}");
	time_filter(arena, &options, data, "{{ at | date: '%d.%m. %H:%M' }}", "{{ name }}");
}

static void time_copy(struct arena *arena)
{
	str text = template_text(arena, 10);
	struct buf out;
	double best = 1e9;
	buf_init_arena(&out, arena, TEMPLATE_SIZE * 2);
	for (int round = 0; round < ROUNDS; round++) {
		double start = cpu_usec();
		for (int i = 0; i < RENDERINGS; i++) {
			buf_reset(&out);
			buf_put(&out, text);
			__asm__ volatile("" ::"r"(out.data) : "memory");
		}
		double each = (cpu_usec() - start) / RENDERINGS;
		best = each < best ? each : best;
	}
	show("a copy of the template", best, out.size);
}

int main(void)
{
	struct arena arena;
	arena_init(&arena, &source, 0, 0);
	time_copy(&arena);
	time_rendering("4 root variables", &arena, 4, LIQUID_ESCAPE_NONE);
	time_rendering("10 slots", &arena, 10, LIQUID_ESCAPE_NONE);
	time_rendering("10 slots, HTML escaped", &arena, 10, LIQUID_ESCAPE_HTML);
	time_locale(&arena);
	arena_done(&arena);
	return 0;
}
