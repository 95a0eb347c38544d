/* message_body.c - one recipient's body: parts rendered in place, already in their transfer
 * encoding, the recipient's own files behind them, what all have in common between. */
#include "templates/message_plan.h"

#include "engine/mail/base64.h"
#include "engine/mail/eightbit.h"
#include "engine/mail/encode.h"

#define NAME_SIZE_HINT 256

static int refuse(struct rendering *r, str sentence, const struct message_own_part *part)
{
	message_error(r->error, STR("attach_from"), sentence, part->source->field);
	return -1;
}

/* What the recipient has in this attribute, as bytes. 1: nothing, and that is allowed. */
static int own_bytes(struct rendering *r, const struct message_own_part *part, str *ret_bytes)
{
	const struct value *value = &r->roots.hash.pairs[part->field].value;
	bool is_empty = value->kind == VALUE_NIL ||
			(value->kind == VALUE_STRING && str_trim(value->string).size == 0);
	struct buf bytes;
	if (is_empty && part->source->optional)
		return 1;
	if (is_empty)
		return refuse(r, STR("this recipient has no file in the attribute "), part);
	buf_init_arena(&bytes, r->scratch,
		       value->kind == VALUE_STRING ? value->string.size / 4 * 3 + 3 : 0);
	if (value->kind != VALUE_STRING || !base64_decode(&bytes, value->string))
		return refuse(r, STR("this attribute is not base64: "), part);
	if (!buf_ok(&bytes) || bytes.size > r->plan->source.file_limit)
		return refuse(r,
			      STR("a file larger than attachment_limit is in the attribute "),
			      part);
	*ret_bytes = buf_str(&bytes);
	return 0;
}

static int put_own(struct rendering *r, const struct message_piece *piece)
{
	const struct message_own_part *part = piece->own;
	struct buf name;
	str bytes;
	int got = own_bytes(r, part, &bytes);
	if (got != 0)
		return got > 0 ? 0 : -1;
	buf_init_arena(&name, r->scratch, NAME_SIZE_HINT);
	if (liquid_render(part->name, &r->roots, NULL, r->recipient->date_wall, r->scratch,
			  &name, r->error))
		return -1;
	if (!buf_ok(&name))
		return refuse(r, STR("there is no memory for the name of the file in "), part);
	buf_put(r->out, piece->bytes[r->form]);
	message_put_file(r->out,
			 &(struct message_file){.name = buf_str(&name),
						.type = part->source->type,
						.bytes = bytes},
			 STR(""));
	return 0;
}

/* A part in place; false: its text may not leave in 8 bits. */
static int put_body(struct rendering *r, const struct message_body *body, bool *ret_fits)
{
	const struct liquid *as_it_is =
		r->form == MESSAGE_8BIT ? body->liquid[MESSAGE_8BIT] : NULL;
	size_t start = r->out->size;
	if (liquid_gather(as_it_is ? as_it_is : body->liquid[MESSAGE_7BIT], &r->roots,
			  r->recipient->date_wall, r->scratch, r->out, &r->shares, r->error))
		return -1;
	*ret_fits = !as_it_is || eightbit_fits(str_from(buf_str(r->out), start));
	if (as_it_is)
		return 0;
	struct qp q;
	qp_resume_from(&q, r->out, message_own_from(&r->shares));
	qp_end(&q);
	return 0;
}

/* Short pieces are copied, so that a message has few spans; a long one is only noted. */
static void put_bytes(struct rendering *r, str bytes)
{
	struct liquid_shares *shares = &r->shares;
	if (bytes.size < MESSAGE_SHARED_SIZE || shares->count == shares->limit)
		buf_put(r->out, bytes);
	else
		shares->items[shares->count++] = (struct liquid_share){r->out->size, bytes};
}

int message_put_pieces(struct rendering *r, bool *ret_fits)
{
	const struct message_plan *plan = r->plan;
	for (size_t i = 0; i < plan->piece_count && *ret_fits; i++) {
		const struct message_piece *piece = &plan->pieces[i];
		if (piece->kind == PIECE_BYTES)
			put_bytes(r, piece->bytes[r->form]);
		else if (piece->kind == PIECE_BODY && put_body(r, piece->body, ret_fits))
			return -1;
		else if (piece->kind == PIECE_OWN && put_own(r, piece))
			return -1;
	}
	/* A part that stands alone may end in the middle of a line; what is shared ends one. */
	str own = str_from(buf_str(r->out), message_own_from(&r->shares));
	bool open = own.size > 0 && !str_ends(own, STR("\n"));
	if (plan->piece_count > 0 && plan->pieces[plan->piece_count - 1].kind == PIECE_BODY &&
	    open)
		buf_put(r->out, STR("\r\n"));
	return 0;
}
