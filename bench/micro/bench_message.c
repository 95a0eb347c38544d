/* bench_message.c - what rendering a message costs before it is signed: a letter of 10 KB, two
 * parts, ten slots, unsigned; and the same letter with its rows in a loop. CPU time of the
 * thread, best of five rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/io/heap.h"
#include "templates/message.h"

#define ROUNDS 5
#define MESSAGES 20000
#define BODY_SIZE 8600 /* with the text part and the header, a message of about 10 KB */

static const char row[] =
	"<tr><td style=\"padding:10px 40px; font-family:Georgia,serif; font-size:16px; "
	"line-height:26px; color:#3d322a;\">The first cold mornings are here, and with them "
	"the coffee we look forward to all year – roasted darker than in summer.</td></tr>\n";

static double cpu_usec(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static str letter_html(struct arena *arena, bool loop)
{
	struct buf html;
	buf_init_arena(&html, arena, 2 * BODY_SIZE);
	buf_put_cstr(&html, "<p>Dear {{ first_name }} of {{ city }},</p>\n<table>\n");
	if (loop) {
		buf_put_cstr(&html, "{% for i in (1..31) %}");
		buf_put_cstr(&html, row);
		buf_put_cstr(&html, "{% endfor %}");
	} else {
		while (html.size < BODY_SIZE)
			buf_put_cstr(&html, row);
	}
	buf_put_cstr(&html,
		     "</table>\n<p>{{ points }} points, plan {{ plan }}, {{ email }}.</p>\n"
		     "<p><a href=\"{{ unsubscribe_url }}\">Unsubscribe</a></p>\n");
	return buf_str(&html);
}

static const struct message_plan *compile(struct arena *arena, bool loop)
{
	struct message_source *source = ARENA_NEW(arena, struct message_source);
	struct liquid_error error;
	*source = (struct message_source){
		.subject = STR("{{ first_name }}, the autumn roast is in"),
		.html = letter_html(arena, loop),
		.text = STR("Dear {{ first_name }},\n\nthe autumn roast is in.\n\n"
			    "Unsubscribe: {{ unsubscribe_url }}\n{{ email }}\n"),
		.from_name = STR("Alder & Finch Coffee"),
		.from_address = STR("letters@news.example.com"),
		.list_id = STR("letters.news.example.com"),
		.feedback_id = STR("autumn:alder-finch:newsletter:rundbrief"),
		.unsubscribe_url = STR("https://news.example.com"),
		.return_domain = STR("bounce.example.com"),
	};
	struct message_plan *plan = message_compile(arena, source, &error);
	if (!plan) {
		fprintf(stderr, "%s\n", error.message);
		exit(1);
	}
	return plan;
}

static str value_of(str field)
{
	return str_eq(field, STR("first_name")) ? STR("\"J\xC3\xBCrgen\"")
	       : str_eq(field, STR("city"))     ? STR("\"K\xC3\xB6ln\"")
	       : str_eq(field, STR("points"))   ? STR("640")
						: STR("\"premium\"");
}

static double round_usec(const struct message_plan *plan, struct arena *scratch,
			 struct buf *out)
{
	static const uint8_t mac[TOKEN_MAC_SIZE] = {1, 2, 3};
	str fields[8];
	struct liquid_error error;
	size_t header_size, count = message_field_count(plan);
	for (size_t i = 0; i < count && i < 8; i++)
		fields[i] = value_of(message_field(plan, i));
	double start = cpu_usec();
	for (uint64_t id = 1; id <= MESSAGES; id++) {
		const struct message_recipient to = {
			.tenant = 1,
			.campaign_id = 7,
			.subscriber_id = id,
			.email = STR("juergen.mueller@example.com"),
			.name = STR("J\xC3\xBCrgen M\xC3\xBCller"),
			.fields = fields,
			.date_wall = 1785363392 * USEC_SECOND,
			.mac = mac,
		};
		buf_reset(out);
		arena_reset(scratch);
		if (message_render(plan, &to, scratch, out, &header_size, &error)) {
			fprintf(stderr, "%s\n", error.message);
			exit(1);
		}
	}
	return (cpu_usec() - start) / MESSAGES;
}

int main(void)
{
	static char memory[1 << 17];
	struct arena arena, scratch;
	struct buf out;
	arena_init(&arena, heap_source(), 0, 0);
	arena_init(&scratch, heap_source(), 0, 0);
	buf_init_fixed(&out, memory, sizeof(memory));
	for (int loop = 0; loop < 2; loop++) {
		const struct message_plan *plan = compile(&arena, loop);
		double best = 1e9;
		for (int i = 0; i < ROUNDS; i++) {
			double took = round_usec(plan, &scratch, &out);
			best = took < best ? took : best;
		}
		printf("%s: %.2f us a message of %zu bytes\n", loop ? "with a loop" : "plain",
		       best, out.size);
	}
	arena_done(&scratch);
	arena_done(&arena);
	return 0;
}
