/* account_text.c - an account as the database keeps it: numbers, the first line the pool, then
 * a line for each engine. Readable, so that people can look at it, too. */
#include "engine/shape/account.h"

static bool next_number(str *line, int64_t *ret)
{
	return str_to_i64(str_cut(line, ' '), ret);
}

static bool read_holder(struct account_holder *h, str line)
{
	int64_t v[11];
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		if (!next_number(&line, &v[i]))
			return false;
	*h = (struct account_holder){
		.engine_id = (uint32_t)v[0],
		.epoch = (uint32_t)v[1],
		.number = (uint64_t)v[2],
		.parts = (uint32_t)v[3],
		.until = v[4],
		.ending = (uint32_t)v[5],
		.ending_until = v[6],
		.wanted = (uint32_t)v[7],
		.wants_until = v[8],
		.served_at = v[9],
		.largest = (uint32_t)v[10],
	};
	return line.size == 0;
}

bool account_read(struct account *a, str text)
{
	int64_t v[4];
	*a = (struct account){};
	if (text.size == 0)
		return true;
	str line = str_cut(&text, '\n');
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		if (!next_number(&line, &v[i]))
			return false;
	a->parts_of = (uint32_t)v[0];
	a->level = v[1];
	a->at = v[2];
	a->freed_at = v[3];
	while (text.size > 0) {
		line = str_cut(&text, '\n');
		if (a->count == ACCOUNT_HOLDERS || !read_holder(&a->holders[a->count], line))
			return false;
		a->count++;
	}
	return true;
}

void account_write(const struct account *a, struct buf *out)
{
	buf_printf(out, "%u %lld %lld %lld\n", a->parts_of, (long long)a->level,
		   (long long)a->at, (long long)a->freed_at);
	for (size_t i = 0; i < a->count; i++) {
		const struct account_holder *h = &a->holders[i];
		buf_printf(out, "%u %u %llu %u %lld %u %lld %u %lld %lld %u\n", h->engine_id,
			   h->epoch, (unsigned long long)h->number, h->parts,
			   (long long)h->until, h->ending, (long long)h->ending_until,
			   h->wanted, (long long)h->wants_until, (long long)h->served_at,
			   h->largest);
	}
}
