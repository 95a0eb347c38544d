/* sink_message_id.h - finds the Message-ID field in bytes that come in pieces. Copies nothing
 * but the id, and looks at the header only. */
#pragma once

#include "engine/base/str.h"

#define MESSAGE_ID_LIMIT 256

struct sink_message_id {
	uint8_t state;
	uint8_t matched; /* bytes of the field name seen in this line */
	bool after_lf;   /* in the value: a line has ended, its next byte decides */
	size_t size;
	char text[MESSAGE_ID_LIMIT];
};

void sink_message_id_reset(struct sink_message_id *);
void sink_message_id_feed(struct sink_message_id *, str bytes);
/* "<a@b.example>", or empty: none, or one that is too long to be kept. */
str sink_message_id_get(const struct sink_message_id *);
