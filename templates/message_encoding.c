/* message_encoding.c - the transfer encodings that parts are rendered straight into, as
 * liquid.h wants them. Quoted-printable for every host, text as it is for those that take 8
 * bits.
 *
 * In a calendar a line end would begin another property, so those in data are written as
 * iCalendar writes them in text: ESCAPED-CHAR = "\n" among others, RFC 5545 3.3.11. */
#include "templates/message_plan.h"

#include "engine/mail/eightbit.h"
#include "engine/mail/encode.h"

/* Literal text is encoded when compiling; what liquid.h carries as bytes is our struct. */
static bool qp_prepare(void *, str text, struct arena *arena, str *ret_prepared)
{
	struct qp_literal *literal = ARENA_NEW(arena, struct qp_literal);
	if (!literal || qp_literal_compile(arena, text, literal))
		return false;
	*ret_prepared = str_make((const char *)literal, sizeof(*literal));
	return true;
}

static void go_on(struct qp *q, const struct liquid_place *place, struct buf *out)
{
	if (place->size > 0 && place->size == out->size)
		*q = (struct qp){.out = out, .column = place->column};
	else
		qp_resume_from(q, out, message_own_from(place->shares));
}

static void leave(struct liquid_place *place, const struct qp *q)
{
	place->size = q->out->size;
	place->column = q->column;
}

/* The lines of a long literal stay where they are. */
static bool may_share(const struct liquid_place *place, const struct qp_literal *literal,
		      const struct buf *out)
{
	return place->shares && place->shares->count < place->shares->limit && out->size > 0 &&
	       literal->tail.size - literal->tail_column >= MESSAGE_SHARED_SIZE;
}

static void qp_literal(void *, struct liquid_place *place, str prepared, struct buf *out)
{
	const struct qp_literal *literal = (const void *)prepared.data;
	struct qp q;
	go_on(&q, place, out);
	if (may_share(place, literal, out)) {
		struct liquid_shares *shares = place->shares;
		struct liquid_share *share = &shares->items[shares->count++];
		share->bytes = qp_put_around(&q, literal, &share->at);
	} else {
		qp_put_literal(&q, literal);
	}
	leave(place, &q);
}

static void qp_output(void *, struct liquid_place *place, str text, struct buf *out)
{
	struct qp q;
	go_on(&q, place, out);
	qp_put(&q, text);
	leave(place, &q);
}

static bool plain_prepare(void *, str text, struct arena *arena, str *ret_prepared)
{
	struct buf out;
	buf_init_arena(&out, arena, text.size + text.size / 16 + 16);
	eightbit_put(&out, text);
	*ret_prepared = buf_str(&out);
	return buf_ok(&out);
}

static void plain_literal(void *, struct liquid_place *, str prepared, struct buf *out)
{
	buf_put(out, prepared);
}

static void plain_output(void *, struct liquid_place *, str text, struct buf *out)
{
	eightbit_put(out, text);
}

/* Calls put for the text between line ends, and with an escaped one for each of those. */
static void put_in_calendar(struct liquid_place *place, str text, struct buf *out,
			    void (*put)(void *, struct liquid_place *, str, struct buf *))
{
	while (text.size > 0) {
		size_t end = 0;
		while (end < text.size && text.data[end] != '\r' && text.data[end] != '\n')
			end++;
		put(NULL, place, str_sub(text, 0, end), out);
		if (end == text.size)
			return;
		put(NULL, place, STR("\\n"), out);
		text = str_from(text, end);
		text = str_from(text, str_starts(text, STR("\r\n")) ? 2 : 1);
	}
}

static void qp_calendar_output(void *, struct liquid_place *place, str text, struct buf *out)
{
	put_in_calendar(place, text, out, qp_output);
}

static void plain_calendar_output(void *, struct liquid_place *place, str text, struct buf *out)
{
	put_in_calendar(place, text, out, plain_output);
}

const struct liquid_encoding *message_encoding(enum message_form form, bool is_calendar)
{
	static const struct liquid_encoding encodings[MESSAGE_FORM_COUNT][2] = {
		[MESSAGE_7BIT] = {{qp_prepare, qp_literal, qp_output, NULL},
				  {qp_prepare, qp_literal, qp_calendar_output, NULL}},
		[MESSAGE_8BIT] = {{plain_prepare, plain_literal, plain_output, NULL},
				  {plain_prepare, plain_literal, plain_calendar_output, NULL}},
	};
	return &encodings[form][is_calendar];
}

void message_put_literal(enum message_form form, str prepared, struct buf *out)
{
	struct qp q;
	message_encoding(form, false)
		->put_literal(NULL, &(struct liquid_place){}, prepared, out);
	if (form == MESSAGE_8BIT)
		return;
	qp_resume(&q, out);
	qp_end(&q);
}
