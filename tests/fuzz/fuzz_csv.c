/* fuzz_csv.c - any bytes as a CSV file, read in pieces; then every row is staged for COPY.
 * The first byte chooses options, the second the size of the pieces. */
#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "importer/staged.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct pieces {
	const uint8_t *at;
	size_t left, step;
};

static ssize_t read_piece(void *context, char *to, size_t size)
{
	struct pieces *p = context;
	size_t n = p->left < p->step ? p->left : p->step;
	n = n < size ? n : size;
	memcpy(to, p->at, n);
	p->at += n;
	p->left -= n;
	return (ssize_t)n;
}

/* Columns as the first row says, the first of them the address. */
static void check_row(struct header *h, const struct csv_row *row, struct buf *out)
{
	static str names[CSV_COLUMN_LIMIT];
	static size_t order[CSV_COLUMN_LIMIT];
	ASSERT(row->field_count >= 1 && row->field_count <= CSV_COLUMN_LIMIT);
	if (h->count == 0) {
		*h = (struct header){.count = row->field_count,
				     .name = HEADER_NONE,
				     .attributes = names,
				     .order = order};
		for (size_t i = 1; i < h->count; i++) {
			names[i] = STR("x");
			order[h->order_count++] = i;
		}
	}
	buf_reset(out);
	(void)staged_put(out, h, row, true, true);
	size_t fields = 0, at = 0;
	for (uint32_t size; !out->failed && at < out->size; at += sizeof(size) + be32toh(size)) {
		ASSERT(at + sizeof(size) <= out->size);
		memcpy(&size, out->data + at, sizeof(size));
		fields++;
	}
	ASSERT(out->failed || out->size == 0 || (at == out->size && fields == staged_columns(h)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char memory[1 << 20];
	if (size < 2)
		return 0;
	struct csv_options options = {.latin1 = data[0] & 1,
				      .delimiter = data[0] & 2 ? ';' : ','};
	struct pieces pieces = {data + 2, size - 2, data[1] ? data[1] : size};
	struct csv_reader *reader = csv_reader_create(read_piece, &pieces, &options);
	struct header header = {};
	struct buf out;
	struct csv_row row;
	enum csv_step step;
	ASSERT(reader);
	buf_init_fixed(&out, memory, sizeof(memory));
	while ((step = csv_reader_next(reader, &row)) == CSV_ROW || step == CSV_REJECT)
		if (step == CSV_ROW)
			check_row(&header, &row, &out);
	csv_reader_destroy(reader);
	return 0;
}
