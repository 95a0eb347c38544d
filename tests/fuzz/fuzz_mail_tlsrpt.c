/* Any text as a TLSRPT record: its URIs lie inside it, and a mailbox that comes out of one may
 * stand in a header. */
#include "engine/base/assert.h"
#include "engine/mail/address.h"
#include "engine/mail/header.h"
#include "engine/mail/tlsrpt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str text = str_make((const char *)data, size);
	struct tlsrpt_record record;
	if (!tlsrpt_parse(text, &record))
		return 0;
	ASSERT(tlsrpt_is_record(text) && record.count <= TLSRPT_URI_LIMIT);
	for (size_t i = 0; i < record.count; i++) {
		char memory[ADDRESS_LIMIT];
		struct buf out;
		str uri = record.uris[i].text;
		buf_init_fixed(&out, memory, sizeof(memory));
		ASSERT(uri.data >= text.data && uri.data + uri.size <= text.data + text.size);
		bool good = tlsrpt_mailbox(&out, uri);
		ASSERT(!good || record.uris[i].way == TLSRPT_MAIL);
		ASSERT(good ? header_address_ok(buf_str(&out)) : out.size == 0);
	}
	return 0;
}
