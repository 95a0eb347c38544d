/* fuzz_mail_address.c - an address that parses is safe in a command, its wire form parses to
 * the same local part, and its key is its own key. */
#include "engine/base/assert.h"
#include "engine/mail/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct address a, b;
	char memory[3][1024];
	struct buf wire, key, again;
	if (address_parse_any(str_make((const char *)data, size), &a) != ADDRESS_OK)
		return 0;
	for (size_t i = 0; i < size; i++)
		ASSERT(data[i] >= ' ' && data[i] != 0x7f);
	buf_init_fixed(&wire, memory[0], sizeof(memory[0]));
	buf_init_fixed(&key, memory[1], sizeof(memory[1]));
	buf_init_fixed(&again, memory[2], sizeof(memory[2]));
	ASSERT(address_wire(&wire, &a) && address_key(&key, &a));
	if (buf_str(&key).size <= ADDRESS_LIMIT && a.local.size <= ADDRESS_LOCAL_LIMIT) {
		ASSERT(address_parse_any(buf_str(&key), &b) == ADDRESS_OK);
		ASSERT(address_key(&again, &b) && str_eq(buf_str(&key), buf_str(&again)));
	}
	if (buf_str(&wire).size <= ADDRESS_LIMIT) {
		ASSERT(address_parse_any(buf_str(&wire), &b) == ADDRESS_OK);
		ASSERT(str_eq(a.local, b.local) && !b.is_idn);
	}
	return 0;
}
