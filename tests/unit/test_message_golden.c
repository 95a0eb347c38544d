/* Whole messages against files: the gallery's newsletters for two subscribers, and a letter
 * with one part. GOLDEN_WRITE=1 writes the files anew; look at the difference before you commit
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "templates/message.h"
#include "tests/golden/invariants.h"

static const uint8_t mac[TOKEN_MAC_SIZE] = "a mac of thirty-two bytes, fixed";
static struct arena arena;

static int setup(void **)
{
	arena_init(&arena, &test_heap, 0, 0);
	return 0;
}

static int teardown(void **)
{
	arena_done(&arena);
	return 0;
}

static str file_bytes(const char *path)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		return (str){};
	char *data = arena_bytes(&arena, 1 << 17);
	size_t size = fread(data, 1, 1 << 17, file);
	fclose(file);
	return str_make(data, size);
}

static str gallery(const char *folder, const char *name)
{
	char path[200];
	snprintf(path, sizeof(path), "templates/gallery/%s/%s", folder, name);
	str bytes = file_bytes(path);
	assert_non_null(bytes.data);
	return bytes;
}

struct person {
	str email, name, first_name, city, plan, points, invoice;
};
static const struct person ann = {STR("ann@example.com"),
				  STR("Ann Lee"),
				  STR("\"Ann\""),
				  STR("\"K\xC3\xB6ln\""),
				  STR("\"premium\""),
				  STR("640"),
				  STR("\"JVBERi0xLjQKJcOkw7zDtsOfCg==\"")};
static const struct person nobody = {STR("x@example.com"), STR(""), {}, {}, {}, {}, {}};
static uint64_t subscriber_id = 41; /* each message of another one: no Message-ID comes twice */

static str field_of(const struct person *person, str name)
{
	return str_eq(name, STR("first_name")) ? person->first_name
	       : str_eq(name, STR("city"))     ? person->city
	       : str_eq(name, STR("plan"))     ? person->plan
	       : str_eq(name, STR("points"))   ? person->points
	       : str_eq(name, STR("invoice"))  ? person->invoice
					       : (str){};
}

static void compare_with_file(str message, const char *name)
{
	char path[200];
	snprintf(path, sizeof(path), "tests/golden/%s.eml", name);
	if (getenv("GOLDEN_WRITE")) {
		FILE *file = fopen(path, "wb");
		assert_non_null(file);
		fwrite(message.data, 1, message.size, file);
		fclose(file);
	}
	str expected = file_bytes(path);
	if (!str_eq(message, expected))
		fail_msg("%s differs; GOLDEN_WRITE=1 "
			 "build/debug/tests/unit/test_message_golden shows how",
			 path);
}

static void check(const struct message_source *source, const struct person *person,
		  const char *name)
{
	struct liquid_error error = {};
	struct message_plan *plan = message_compile(&arena, source, &error);
	if (!plan)
		fail_msg("%.*s:%u:%u: %s", STR_FORMAT(error.file), error.line, error.column,
			 error.message);
	str fields[20];
	assert_in_range(message_field_count(plan), 0, 20);
	for (size_t i = 0; i < message_field_count(plan); i++)
		fields[i] = field_of(person, message_field(plan, i));
	const struct message_recipient to = {
		.tenant = 1,
		.campaign_id = 7,
		.subscriber_id = ++subscriber_id,
		.email = person->email,
		.name = person->name,
		.fields = fields,
		.date_wall = 1785363392 * USEC_SECOND,
		.mac = mac,
	};
	struct buf own, whole;
	struct message_bytes message;
	enum message_form form = source->is_8bit ? MESSAGE_8BIT : MESSAGE_7BIT;
	buf_init_arena(&own, &arena, 1 << 16);
	buf_init_arena(&whole, &arena, 1 << 16);
	if (message_gather(plan, &to, form, &arena, &own, &message, &error))
		fail_msg("%.*s: %s", STR_FORMAT(error.file), error.message);
	for (size_t i = 0; i < message.span_count; i++)
		buf_put(&whole, message.spans[i]);
	assert_int_equal(message.size, whole.size);
	assert_true(message.header_size <= message.spans[0].size);
	assert_int_equal(message.is_8bit, source->is_8bit);
	if (!message.is_8bit)
		assert_null(message_fault(buf_str(&whole), message.header_size));
	compare_with_file(buf_str(&whole), name);
}

static struct message_source letter(const char *folder)
{
	return (struct message_source){
		.subject = STR("{{ first_name | default: 'Hello' }}, the autumn roast is in"),
		.html = gallery(folder, "body.html"),
		.text = gallery(folder, "body.txt"),
		.from_name = STR("Alder & Finch Coffee"),
		.from_address = STR("letters@news.example.com"),
		.reply_to = STR("hello@example.com"),
		.list_id = STR("letters.news.example.com"),
		.list_name = STR("Letters"),
		.feedback_id = STR("autumn:alder-finch:newsletter:rundbrief"),
		.unsubscribe_url = STR("https://news.example.com"),
		.return_domain = STR("bounce.example.com"),
	};
}

static void test_golden_autumn_letter(void **)
{
	struct message_source source = letter("autumn-letter");
	check(&source, &ann, "autumn-letter-ann");
	check(&source, &nobody, "autumn-letter-nobody");
}

static void test_golden_wochenmarkt(void **)
{
	static const struct message_header headers[] = {{STR("Content-Language"), STR("de")},
							{STR("X-Stadt"), STR("{{ city }}")}};
	struct message_source source = letter("wochenmarkt");
	source.from_name = STR("Wochenmarkt am M\xC3\xBChlenplatz");
	source.headers = headers;
	source.header_count = 2;
	check(&source, &ann, "wochenmarkt-ann");
}

static void test_golden_text_only(void **)
{
	struct message_source source = letter("wochenmarkt");
	source.html = (str){};
	source.unsubscribe_url = STR("");
	check(&source, &nobody, "text-only-nobody");
}

/* A letter that is about its structure. */
static struct message_source short_letter(const char *subject)
{
	struct message_source source = letter("autumn-letter");
	source.subject = str_of(subject);
	source.text = STR("Dear {{ first_name }},\n\n.the letter, from K\xC3\xB6ln.\n");
	source.html = STR("<p>Dear {{ first_name }},</p>\n<p>the letter, from "
			  "K\xC3\xB6ln.</p>\n");
	return source;
}

/* Bytes as an image or a document has them, no two files alike. */
static str file_of(size_t size, unsigned step)
{
	char *bytes = arena_bytes(&arena, size);
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(i * step + i / 251);
	return str_make(bytes, size);
}

static void test_golden_amp(void **)
{
	struct message_source source = short_letter("With AMP");
	source.amp =
		STR("<!doctype html>\n<html \xE2\x9A\xA1"
		    "4email data-css-strict>\n<body>Dear {{ first_name }}</body>\n</html>\n");
	check(&source, &ann, "amp-ann");
}

static const struct message_file images[] = {
	{.name = STR("logo.png"), .cid = STR("logo"), .bytes = {}},
	{.name = STR("images/K\xC3\xB6ln am Rhein.jpg"),
	 .cid = STR("images/K\xC3\xB6ln am Rhein.jpg"),
	 .bytes = {}},
};

static void test_golden_images(void **)
{
	struct message_source source = short_letter("With images");
	struct message_file files[2] = {images[0], images[1]};
	source.html =
		STR("<p>Dear {{ first_name }}</p>\n<img src=\"cid:logo\">\n"
		    "<td style=\"background:url(cid:logo)\"><img src='cid:images/K\xC3\xB6ln"
		    "%20am%20Rhein.jpg'></td>\n");
	files[0].bytes = file_of(100, 7);
	files[1].bytes = file_of(300, 11);
	files[1].cid = STR("images/K\xC3\xB6ln%20am%20Rhein.jpg");
	source.files = files;
	source.file_count = 2;
	check(&source, &ann, "images-ann");
}

static void test_golden_attachments(void **)
{
	struct message_source source = short_letter("With attachments");
	const struct message_file files[] = {
		{.name = STR("Terms 2026.pdf"), .bytes = file_of(9000, 3)},
		{.name = STR("\xC3\x9C"
			     "bersicht.pdf"),
		 .bytes = file_of(57, 5)},
		{.name = STR("Eine \xC3\x9C"
			     "bersicht \xC3\xBC"
			     "ber alles, was im n\xC3\xA4"
			     "chsten Jahr auf dem Wochenmarkt zu haben sein wird.xlsx"),
		 .bytes = file_of(10, 5)},
		{.name = STR("prices.csv"), .bytes = STR("apple;1.20\npear;1.40\n")},
		{.name = STR("../etc/data"),
		 .type = STR("application/x-own"),
		 .bytes = STR("")},
	};
	source.files = files;
	source.file_count = sizeof(files) / sizeof(*files);
	check(&source, &ann, "attachments-ann");
}

static const char invitation[] =
	"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example.com//letters//EN\r\n"
	"METHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:tasting-{{ email }}\r\n"
	"DTSTAMP:20261101T120000Z\r\nDTSTART:20261212T170000Z\r\n"
	"DTEND:20261212T190000Z\r\nSUMMARY:A tasting for {{ first_name }} in {{ city }}\r\n"
	"ORGANIZER:mailto:letters@news.example.com\r\nATTENDEE:mailto:{{ email }}\r\n"
	"END:VEVENT\r\nEND:VCALENDAR\r\n";

static void test_golden_calendar(void **)
{
	struct message_source source = short_letter("An invitation");
	source.calendar = (struct message_calendar){.source = str_of(invitation),
						    .name = STR("invite.ics"),
						    .method = STR("REQUEST"),
						    .beside = true};
	check(&source, &ann, "calendar-ann");
	source.calendar.attached = true;
	check(&source, &ann, "calendar-attached-ann");
	source.calendar.beside = false;
	source.html = (str){};
	check(&source, &nobody, "calendar-attached-nobody");
}

static void test_golden_own_files(void **)
{
	static const struct message_own_file own[] = {
		{.field = STR("invoice"), .name = STR("Rechnung f\xC3\xBCr {{ city }}.pdf")},
		{.field = STR("voucher"), .name = STR("voucher.pdf"), .optional = true}};
	struct message_source source = short_letter("Your invoice");
	source.transactional = true;
	source.own_files = own;
	source.own_file_count = 2;
	check(&source, &ann, "invoice-ann");
}

/* Every structure in one another, and the same in 8 bits. */
static void test_golden_everything(void **)
{
	static const struct message_own_file own = {.field = STR("invoice"),
						    .name = STR("invoice.pdf")};
	struct message_source source = short_letter("Everything");
	struct message_file files[2] = {images[0], {.name = STR("terms.pdf")}};
	files[0].bytes = file_of(20000, 13);
	files[1].bytes = file_of(20000, 17);
	source.html = STR("<p>Dear {{ first_name }} of {{ city }}</p>\n"
			  "<img src=\"cid:logo\">\n");
	source.amp = STR("<p>Dear {{ first_name }} of {{ city }}</p>\n");
	source.calendar = (struct message_calendar){.source = str_of(invitation),
						    .name = STR("Einladung K\xC3\xB6ln.ics"),
						    .method = STR("REQUEST"),
						    .beside = true,
						    .attached = true};
	source.files = files;
	source.file_count = 2;
	source.own_files = &own;
	source.own_file_count = 1;
	check(&source, &ann, "everything-ann");
	source.is_8bit = true;
	check(&source, &ann, "everything-8bit-ann");
}

static void test_golden_8bit(void **)
{
	struct message_source source = letter("wochenmarkt");
	source.from_name = STR("Wochenmarkt am M\xC3\xBChlenplatz");
	source.is_8bit = true;
	check(&source, &ann, "wochenmarkt-8bit-ann");
	source.html = (str){};
	check(&source, &nobody, "text-only-8bit-nobody");
}

/* By code that shares nothing with ours: the checklist, and that it finds what is broken. */
static void test_golden_holds_the_checklist(void **)
{
	assert_int_equal(system("/usr/bin/python3 tests/golden/mime_broken.py"), 0);
	assert_int_equal(system("/usr/bin/python3 tests/golden/mime_check.py tests/golden"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_autumn_letter),
		cmocka_unit_test(test_golden_wochenmarkt),
		cmocka_unit_test(test_golden_text_only),
		cmocka_unit_test(test_golden_amp),
		cmocka_unit_test(test_golden_images),
		cmocka_unit_test(test_golden_attachments),
		cmocka_unit_test(test_golden_calendar),
		cmocka_unit_test(test_golden_own_files),
		cmocka_unit_test(test_golden_everything),
		cmocka_unit_test(test_golden_8bit),
		cmocka_unit_test(test_golden_holds_the_checklist),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
