/* Any bytes as a header value: one field, well formed, whatever they are. The first byte picks
 * the writer. */
#include "engine/base/assert.h"
#include "engine/mail/header.h"
#include "tests/golden/invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char memory[1 << 16];
	struct buf out;
	if (size == 0 || size > 4096)
		return 0;
	str value = str_make((const char *)data + 1, size - 1);
	buf_init_fixed(&out, memory, sizeof(memory));
	if (data[0] % 4 == 0)
		header_put_text(&out, STR("Subject"), value);
	else if (data[0] % 4 == 1)
		header_put_tokens(&out, STR("List-Help"), value);
	else if (data[0] % 4 == 2)
		header_put_mailbox(&out, STR("To"), value, STR("ann@example.com"));
	else if (header_address_ok(value) &&
		 (size < 70 ||
		  str_find_byte(value, ' ') == STR_NONE)) /* a quoted one never folds */
		header_put_mailbox(&out, STR("To"), STR("Ann"), value);
	else
		return 0;
	for (size_t i = 0; i + 2 < out.size; i++)
		ASSERT(out.data[i] != '\n' || out.data[i + 1] == ' ');
	buf_put(&out, STR("\r\n"));
	ASSERT(buf_ok(&out) && header_fault(buf_str(&out)) == NULL);
	return 0;
}
