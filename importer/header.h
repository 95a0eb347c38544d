/* header.h - what the first row of a list says: which column is what. Private to importer. */
#pragma once

#include "engine/base/buf.h"
#include "importer/csv.h"

#define HEADER_NONE SIZE_MAX

struct header {
	size_t count;
	size_t email, name;    /* columns; name may be HEADER_NONE */
	const str *attributes; /* of each column its attribute's name; empty: it is none */
	/* The columns that are attributes as jsonb orders their names, the shorter before the
	 * longer: what comes to it in order it need not sort. */
	const size_t *order;
	size_t order_count;
};

/* Lower case; what stands in no identifier becomes "_", once: "First Name" is first_name. */
str header_attribute_name(struct arena *, str cell);
/* 0, or -1 with a sentence. */
[[nodiscard]] int header_read(struct header *, struct arena *, const struct csv_row *,
			      char *ret_why, size_t why_size);
