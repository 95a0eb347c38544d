/* bench_message.c - what making a message costs before it is signed: its token's HMAC, header
 * fields, a letter of 10 KB in two parts with ten slots, quoted-printable; and a letter whose
 * twenty items of four fields come out of a loop. CPU time of the thread, beside RSA-2048
 * signatures of the same moment: where one takes 690 us, a message may cost what stands in
 * promises[]. The median of rounds, because neighbours disturb some of them; the exit status
 * says whether both promises were kept. */
#include <stdio.h>

#include "bench/micro/yardstick.h"
#include "engine/io/heap.h"
#include "engine/sign/mac.h"
#include "templates/message.h"

#define ROUNDS 21
#define MESSAGES 4000  /* a round */
#define SIGNATURES 20  /* a round */
#define RSA_USEC 690.0 /* on the machine the promises are for */
#define BODY_SIZE 8600 /* with the text part and the header, a message of about 10 KB */
#define ITEMS 20

static const struct {
	const char *name;
	double usec;
} promises[] = {{"ten slots", 4}, {"a loop of twenty items", 15}};

static const char row[] =
	"<tr><td style=\"padding:10px 40px; font-family:Georgia,serif; font-size:16px; "
	"line-height:26px; color:#3d322a;\">The first cold mornings are here, and with them "
	"the coffee we look forward to all year – roasted darker than in summer.</td></tr>\n";
static const char loop[] =
	"{% for item in items %}<tr><td style=\"padding:4px 40px;\"><a href=\"{{ item.url }}\">"
	"{{ item.name }}</a></td><td>{{ item.place }}</td><td align=\"right\">{{ item.price }}"
	"</td></tr>\n{% endfor %}";

/* Six slots here, three in the text and one in the subject. */
static str letter_html(struct arena *arena, bool with_loop)
{
	struct buf html;
	buf_init_arena(&html, arena, 2 * BODY_SIZE);
	buf_put_cstr(&html, "<p>Dear {{ first_name }} of {{ city }},</p>\n<table>\n");
	if (with_loop)
		buf_put_cstr(&html, loop);
	while (html.size < BODY_SIZE - (with_loop ? ITEMS * 150 : 0))
		buf_put_cstr(&html, row);
	buf_put_cstr(&html,
		     "</table>\n<p>{{ points }} points, plan {{ plan }}, {{ email }}.</p>\n"
		     "<p><a href=\"{{ unsubscribe_url }}\">Unsubscribe</a></p>\n");
	return buf_str(&html);
}

static const struct message_plan *compile(struct arena *arena, bool with_loop)
{
	struct message_source *source = ARENA_NEW(arena, struct message_source);
	struct liquid_error error;
	*source = (struct message_source){
		.subject = STR("{{ first_name }}, the autumn roast is in"),
		.html = letter_html(arena, with_loop),
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

static struct value items(struct arena *arena)
{
	static const char *const names[] = {"name", "place", "price", "url"};
	struct value *list = ARENA_ARRAY(arena, struct value, ITEMS);
	struct value_pair *pairs = ARENA_ARRAY(arena, struct value_pair, ITEMS * 4);
	for (size_t i = 0; i < ITEMS; i++) {
		struct value_pair *item = pairs + 4 * i;
		for (size_t j = 0; j < 4; j++)
			item[j].name = str_of(names[j]);
		item[0].value = value_string(STR("Autumn roast, dark & slow"));
		item[1].value = value_string(STR("K\xC3\xB6ln"));
		item[2].value = value_string(STR("12.50"));
		item[3].value = value_string(STR("https://shop.example.com/p/4711"));
		list[i] = value_hash(item, 4);
	}
	return value_array(list, ITEMS);
}

static struct value value_of(struct arena *arena, str field)
{
	return str_eq(field, STR("items"))        ? items(arena)
	       : str_eq(field, STR("first_name")) ? value_string(STR("J\xC3\xBCrgen"))
	       : str_eq(field, STR("city"))       ? value_string(STR("K\xC3\xB6ln"))
	       : str_eq(field, STR("points"))     ? value_int(640)
						  : value_string(STR("premium"));
}

struct bench {
	const struct message_plan *plan;
	struct value *values;
	struct mac_keys *key;
	struct arena scratch;
	struct buf out;
};

static double message_usec(struct bench *b)
{
	struct liquid_error error;
	size_t header_size;
	double start = cpu_usec();
	for (uint64_t id = 1; id <= MESSAGES; id++) {
		uint8_t mac[TOKEN_MAC_SIZE];
		mac_of(b->key, mac_keys_newest(b->key), &(struct token){1, 7, id}, mac);
		const struct message_recipient to = {
			.tenant = 1,
			.campaign_id = 7,
			.subscriber_id = id,
			.email = STR("juergen.mueller@example.com"),
			.name = STR("J\xC3\xBCrgen M\xC3\xBCller"),
			.values = b->values,
			.date_wall = (1785363392 + (int64_t)(id / 64)) * USEC_SECOND,
			.mac = mac,
		};
		buf_reset(&b->out);
		arena_reset(&b->scratch);
		if (message_render(b->plan, &to, &b->scratch, &b->out, &header_size, &error)) {
			fprintf(stderr, "%s\n", error.message);
			exit(1);
		}
	}
	return (cpu_usec() - start) / MESSAGES;
}

static void bench_init(struct bench *b, struct arena *arena, bool with_loop)
{
	char why[200];
	*b = (struct bench){
		.plan = compile(arena, with_loop),
		.key = mac_keys_create(STR("a secret of thirty-two characters"), why)};
	size_t count = message_field_count(b->plan);
	b->values = ARENA_ARRAY(arena, struct value, count);
	for (size_t i = 0; i < count; i++)
		b->values[i] = value_of(arena, message_field(b->plan, i));
	arena_init(&b->scratch, heap_source(), 0, 0);
	buf_init_arena(&b->out, arena, 1 << 17);
	if (!b->key)
		exit(1);
}

/* Whether the promise was kept. */
static bool measure(EVP_PKEY_CTX *signer, struct arena *arena, int which)
{
	double shares[ROUNDS], least = 1e9;
	struct bench b;
	bench_init(&b, arena, which == 1);
	for (int round = 0; round < ROUNDS; round++) {
		double signature = signature_usec(signer, SIGNATURES),
		       message = message_usec(&b);
		shares[round] = message / (signature + signature_usec(signer, SIGNATURES)) * 2;
		least = message < least ? message : least;
	}
	qsort(shares, ROUNDS, sizeof(shares[0]), by_size);
	double cost = shares[ROUNDS / 2] * RSA_USEC;
	bool kept = cost <= promises[which].usec;
	printf("%s  %s: %.2f us a message of %zu bytes where an RSA-2048 signature takes %.0f "
	       "(promised %.0f; here %.2f at best)\n",
	       kept ? "ok    " : "MISSED", promises[which].name, cost, b.out.size, RSA_USEC,
	       promises[which].usec, least);
	mac_keys_destroy(b.key);
	arena_done(&b.scratch);
	return kept;
}

int main(void)
{
	struct arena arena;
	EVP_PKEY_CTX *signer = make_signer();
	arena_init(&arena, heap_source(), 0, 0);
	bool kept = measure(signer, &arena, 0);
	kept = measure(signer, &arena, 1) && kept;
	arena_done(&arena);
	EVP_PKEY_CTX_free(signer);
	return kept ? 0 : 1;
}
