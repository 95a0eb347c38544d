/* message_structure.c - which parts a message has, and all bytes around them.
 *
 *   mixed(             when there are attachments
 *     alternative(     when there are several forms of the letter, from the plainest on
 *       text/plain, text/x-amp-html,
 *       related(       when the HTML has images with it; type= names its root, RFC 2387 3.1
 *         text/html, images),
 *       text/calendar),
 *     attachments)
 *
 *   multipart = "--" boundary CRLF part *( CRLF "--" boundary CRLF part )
 *               CRLF "--" boundary "--" CRLF                             RFC 2046 5.1.1, 5.1.4
 *
 * Boundaries hold "=_": quoted-printable text never does (RFC 2045 6.7, the advice in (5) on
 * boundaries), base64 neither, and text of 8 bits is looked at (eightbit_fits), so no
 * recipient's data can end a part. They are a hash of the content: two renderings of a message
 * are the same bytes. A letter in front of the hash tells them apart.
 *
 * What stands between two slots is one piece; where both forms of a message say the same there,
 * they share it, so that the bytes of a file are there once. */
#include "templates/message_plan.h"

#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "engine/mail/parameter.h"

#define BOUNDARY_LIMIT 24
#define RUN_HINT 512
#define PIECES_BESIDE_FILES 32
#define COMMON_LEAST                                                                           \
	2048 /* hashing less anew costs no more than going on from a saved state               \
	      */

enum multipart { MIXED, ALTERNATIVE, RELATED };

struct builder {
	struct arena *arena;
	struct message_plan *plan;
	struct buf
		run[MESSAGE_FORM_COUNT]; /* being written; the second only when they differ */
	bool differs, in_header, failed;
	size_t capacity;
	uint64_t hash;
};

static uint64_t content_hash(const struct message_source *source)
{
	uint64_t hash = hash_bytes(0, source->subject);
	hash = hash_bytes(hash, source->text);
	return hash_bytes(hash, source->html);
}

static void begin_run(struct builder *b)
{
	b->differs = false;
	buf_init_arena(&b->run[0], b->arena, RUN_HINT);
}

static void add_piece(struct builder *b, const struct message_piece *piece)
{
	ASSERT(b->plan->piece_count < b->capacity);
	b->plan->pieces[b->plan->piece_count++] = *piece;
}

/* What was written since the last piece: a piece of its own. */
static void end_run(struct builder *b)
{
	str first = buf_str(&b->run[0]), second = b->differs ? buf_str(&b->run[1]) : first;
	b->failed |= !buf_ok(&b->run[0]) || (b->differs && !buf_ok(&b->run[1]));
	if (first.size > 0 || second.size > 0)
		add_piece(b, &(struct message_piece){.kind = PIECE_BYTES,
						     .bytes = {first, second}});
	begin_run(b);
}

static void put(struct builder *b, str text)
{
	buf_put(&b->run[0], text);
	if (b->differs)
		buf_put(&b->run[1], text);
}

/* From here on the forms differ, up to the next slot. */
static void part_ways(struct builder *b)
{
	if (b->differs)
		return;
	if (!b->in_header)
		end_run(b);
	b->differs = true;
	buf_init_arena(&b->run[1], b->arena, RUN_HINT + b->run[0].size);
	buf_put(&b->run[1], buf_str(&b->run[0]));
}

static void put_either(struct builder *b, const char *in_7bit, const char *in_8bit)
{
	part_ways(b);
	buf_put_cstr(&b->run[MESSAGE_7BIT], in_7bit);
	buf_put_cstr(&b->run[MESSAGE_8BIT], in_8bit);
}

/* The empty line; the message's own header becomes the plan's. */
static void end_header(struct builder *b)
{
	put(b, STR("\r\n"));
	if (!b->in_header)
		return;
	b->failed |= !buf_ok(&b->run[0]) || (b->differs && !buf_ok(&b->run[1]));
	b->plan->fixed[MESSAGE_7BIT] = buf_str(&b->run[0]);
	b->plan->fixed[MESSAGE_8BIT] = buf_str(&b->run[b->differs]);
	b->in_header = false;
	begin_run(b);
}

static str boundary_of(const struct builder *b, enum multipart kind,
		       char memory[BOUNDARY_LIMIT])
{
	static const char *const letters[] = {"m", "", "r"};
	struct buf boundary;
	buf_init_fixed(&boundary, memory, BOUNDARY_LIMIT);
	buf_printf(&boundary, "=_%s%016llx", letters[kind], (unsigned long long)b->hash);
	return buf_str(&boundary);
}

static bool is_8bit(const struct message_body *body)
{
	return body->source.data && body->liquid[MESSAGE_8BIT];
}

static bool holds_8bit(const struct message_plan *plan, enum multipart kind)
{
	bool alternative = is_8bit(&plan->text) || is_8bit(&plan->amp) ||
			   is_8bit(&plan->html) || is_8bit(&plan->calendar);
	return kind == RELATED ? is_8bit(&plan->html) : alternative;
}

static void open_multipart(struct builder *b, enum multipart kind)
{
	static const char *const types[] = {"multipart/mixed", "multipart/alternative",
					    "multipart/related"};
	char memory[BOUNDARY_LIMIT];
	str boundary = boundary_of(b, kind, memory);
	const struct parameter parameters[] = {{STR("boundary"), boundary},
					       {STR("type"), STR("text/html")}};
	char field_memory[200];
	struct buf field;
	buf_init_fixed(&field, field_memory, sizeof(field_memory));
	parameter_put_field(&field, STR("Content-Type"), str_of(types[kind]), parameters,
			    kind == RELATED ? 2 : 1);
	ASSERT(buf_ok(&field));
	put(b, buf_str(&field));
	if (holds_8bit(b->plan, kind))
		put_either(b, "", "Content-Transfer-Encoding: 8bit\r\n");
	end_header(b);
	put(b, STR("--"));
	put(b, boundary);
	put(b, STR("\r\n"));
}

static void put_boundary(struct builder *b, enum multipart kind, const char *end)
{
	char memory[BOUNDARY_LIMIT];
	put(b, STR("\r\n--"));
	put(b, boundary_of(b, kind, memory));
	put(b, str_of(end));
}

static void next_part(struct builder *b, enum multipart kind)
{
	put_boundary(b, kind, "\r\n");
}

static void close_multipart(struct builder *b, enum multipart kind)
{
	put_boundary(b, kind, "--\r\n");
}

/* A body without any slot is a piece like others. */
static bool put_constant(struct builder *b, const struct message_body *body)
{
	struct buf text[MESSAGE_FORM_COUNT];
	str literal;
	for (int form = 0; form < MESSAGE_FORM_COUNT; form++) {
		const struct liquid *liquid = body->liquid[form];
		buf_init_arena(&text[form], b->arena, body->source.size + RUN_HINT);
		if (!liquid)
			continue;
		if (liquid_run_count(liquid) > 1 ||
		    (liquid_run_count(liquid) == 1 && !liquid_run_literal(liquid, 0, &literal)))
			return false;
		if (liquid_run_count(liquid) == 1)
			message_put_literal(form, literal, &text[form]);
		b->failed |= !buf_ok(&text[form]);
	}
	if (b->failed)
		return true;
	if (is_8bit(body)) {
		part_ways(b);
		buf_put(&b->run[MESSAGE_7BIT], buf_str(&text[MESSAGE_7BIT]));
		buf_put(&b->run[MESSAGE_8BIT], buf_str(&text[MESSAGE_8BIT]));
	} else {
		put(b, buf_str(&text[MESSAGE_7BIT]));
	}
	return true;
}

static void put_body(struct builder *b, const struct message_body *body)
{
	if (is_8bit(body))
		put_either(b, "Content-Transfer-Encoding: quoted-printable\r\n",
			   "Content-Transfer-Encoding: 8bit\r\n");
	else
		put(b, STR("Content-Transfer-Encoding: quoted-printable\r\n"));
	end_header(b);
	if (put_constant(b, body))
		return;
	end_run(b);
	add_piece(b, &(struct message_piece){.kind = PIECE_BODY, .body = body});
}

static void put_text_part(struct builder *b, const struct message_body *body, const char *type)
{
	put(b, STR("Content-Type: "));
	put(b, str_of(type));
	put(b, STR("; charset=utf-8\r\n"));
	put_body(b, body);
}

static void put_calendar(struct builder *b, bool attached)
{
	const struct message_calendar *calendar = &b->plan->source.calendar;
	char plain_memory[FILE_NAME_LIMIT + 1], clean_memory[FILE_NAME_LIMIT + 1];
	char memory[8 * FILE_NAME_LIMIT];
	struct buf plain, clean, fields;
	buf_init_fixed(&plain, plain_memory, sizeof(plain_memory));
	buf_init_fixed(&clean, clean_memory, sizeof(clean_memory));
	buf_init_fixed(&fields, memory, sizeof(memory));
	file_name_clean(&clean, calendar->name);
	file_name_put_plain(&plain, buf_str(&clean));
	const struct parameter parameters[] = {{STR("charset"), STR("utf-8")},
					       {STR("method"), calendar->method},
					       {STR("name"), buf_str(&plain)}};
	const struct parameter file_name = {STR("filename"), buf_str(&clean)};
	parameter_put_field(&fields, STR("Content-Type"), STR("text/calendar"), parameters,
			    attached ? 3 : 2);
	if (attached)
		parameter_put_field(&fields, STR("Content-Disposition"), STR("attachment"),
				    &file_name, 1);
	ASSERT(buf_ok(&fields));
	put(b, buf_str(&fields));
	put_body(b, &b->plan->calendar);
}

static size_t files_size(const struct message_source *source, bool images)
{
	size_t size = 0;
	for (size_t i = 0; i < source->file_count; i++)
		if ((source->files[i].cid.size > 0) == images)
			size += source->files[i].bytes.size / 54 * 78 + 2048;
	return size;
}

/* The files are the same in both forms, so they get a piece that both share. */
static void put_files(struct builder *b, bool images)
{
	const struct message_source *source = &b->plan->source;
	size_t room = files_size(source, images);
	if (room == 0)
		return;
	if (b->differs)
		end_run(b);
	char *unused = buf_reserve(&b->run[0], room); /* one block, not ever larger ones */
	b->failed |= !unused;
	for (size_t i = 0; i < source->file_count && !b->failed; i++) {
		if ((source->files[i].cid.size > 0) != images)
			continue;
		next_part(b, images ? RELATED : MIXED);
		message_put_file(&b->run[0], &source->files[i], b->plan->content_ids[i]);
	}
}

static bool has_images(const struct message_source *source)
{
	for (size_t i = 0; i < source->file_count; i++)
		if (source->files[i].cid.size > 0)
			return true;
	return false;
}

static bool has_attachments(const struct message_source *source)
{
	bool calendar = source->calendar.source.data && source->calendar.attached;
	for (size_t i = 0; i < source->file_count; i++)
		if (source->files[i].cid.size == 0)
			return true;
	return calendar || source->own_file_count > 0;
}

static void put_html(struct builder *b)
{
	if (!has_images(&b->plan->source)) {
		put_text_part(b, &b->plan->html, "text/html");
		return;
	}
	open_multipart(b, RELATED);
	put_text_part(b, &b->plan->html, "text/html");
	put_files(b, true);
	close_multipart(b, RELATED);
}

static void put_letter(struct builder *b)
{
	const struct message_plan *plan = b->plan;
	bool beside = plan->calendar.source.data && plan->source.calendar.beside;
	const struct message_body *forms[] = {&plan->text, &plan->amp, &plan->html,
					      beside ? &plan->calendar : NULL};
	size_t count = 0, done = 0;
	for (size_t i = 0; i < 4; i++)
		count += forms[i] && forms[i]->source.data;
	if (count > 1)
		open_multipart(b, ALTERNATIVE);
	for (size_t i = 0; i < 4; i++) {
		if (!forms[i] || !forms[i]->source.data)
			continue;
		if (done++ > 0)
			next_part(b, ALTERNATIVE);
		if (forms[i] == &plan->html)
			put_html(b);
		else if (forms[i] == &plan->calendar)
			put_calendar(b, false);
		else
			put_text_part(b, forms[i], i == 0 ? "text/plain" : "text/x-amp-html");
	}
	if (count > 1)
		close_multipart(b, ALTERNATIVE);
}

static void put_own_parts(struct builder *b)
{
	for (size_t i = 0; i < b->plan->source.own_file_count; i++) {
		end_run(b);
		next_part(b, MIXED); /* left out with a file that is left out */
		str boundary = buf_str(&b->run[0]);
		b->failed |= !buf_ok(&b->run[0]);
		add_piece(b, &(struct message_piece){.kind = PIECE_OWN,
						     .bytes = {boundary, boundary},
						     .own = &b->plan->own_parts[i]});
		begin_run(b);
	}
}

static void put_all(struct builder *b)
{
	bool attachments = has_attachments(&b->plan->source);
	if (attachments)
		open_multipart(b, MIXED);
	put_letter(b);
	put_files(b, false);
	if (b->plan->calendar.source.data && b->plan->source.calendar.attached) {
		next_part(b, MIXED);
		put_calendar(b, true);
	}
	put_own_parts(b);
	if (attachments)
		close_multipart(b, MIXED);
	/* A constant part that stands alone may end in the middle of a line. */
	for (int form = 0; form <= b->differs; form++)
		if (b->run[form].size > 0 && !str_ends(buf_str(&b->run[form]), STR("\n")))
			buf_put(&b->run[form], STR("\r\n"));
	end_run(b);
}

/* Of the first part with slots: the lines before the one that the first slot is on. */
static size_t common_of_body(struct arena *arena, const struct message_body *body,
			     enum message_form form)
{
	const struct liquid *as_it_is = body->liquid[form];
	const struct liquid *liquid = as_it_is ? as_it_is : body->liquid[MESSAGE_7BIT];
	struct buf text;
	str literal;
	if (liquid_run_count(liquid) == 0 || !liquid_run_literal(liquid, 0, &literal))
		return 0;
	buf_init_arena(&text, arena, body->source.size + RUN_HINT);
	message_encoding(as_it_is ? form : MESSAGE_7BIT, false)
		->put_literal(NULL, &(struct liquid_place){}, literal, &text);
	size_t end = buf_ok(&text) ? str_rfind_byte(buf_str(&text), '\n') : STR_NONE;
	return end == STR_NONE ? 0 : end + 1;
}

static void measure_common(struct builder *b)
{
	struct message_plan *plan = b->plan;
	for (int form = 0; form < MESSAGE_FORM_COUNT; form++) {
		size_t size = 0, i = 0;
		for (; i < plan->piece_count && plan->pieces[i].kind == PIECE_BYTES; i++)
			size += plan->pieces[i].bytes[form].size;
		if (i < plan->piece_count && plan->pieces[i].kind == PIECE_BODY)
			size += common_of_body(b->arena, plan->pieces[i].body, form);
		plan->common_size[form] = size < COMMON_LEAST ? 0 : size;
	}
}

int message_write_structure(struct arena *arena, struct message_plan *plan, str fixed)
{
	struct builder b = {
		.arena = arena,
		.plan = plan,
		.in_header = true,
		.capacity = PIECES_BESIDE_FILES + 2 * plan->source.own_file_count,
		.hash = content_hash(&plan->source),
	};
	plan->pieces = ARENA_ARRAY(arena, struct message_piece, b.capacity);
	if (!plan->pieces)
		return -1;
	begin_run(&b);
	put(&b, fixed);
	put_all(&b);
	measure_common(&b);
	return b.failed ? -1 : 0;
}
