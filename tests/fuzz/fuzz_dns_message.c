/* fuzz_dns_message.c - a DNS reply of any bytes is read within its bounds, for every type, and
 * what was packed of it can be taken apart again, record by record. */
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/net/dns_message.h"

#define PACKED_SIZE 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool take_one(enum dns_type type, str *packed)
{
	struct dns_mx mx;
	struct net_address address;
	str text;
	struct tlsa tlsa;
	switch (type) {
	case DNS_MX:
		return dns_packed_mx(packed, &mx) && memchr(mx.host, '\0', sizeof mx.host);
	case DNS_A:
	case DNS_AAAA:
		return dns_packed_address(packed, &address);
	case DNS_TXT:
	case DNS_PTR:
		return dns_packed_text(packed, &text) && text.size <= DNS_TEXT_LIMIT;
	case DNS_TLSA:
		return dns_packed_tlsa(packed, &tlsa) && tlsa.size <= TLSA_DATA_LIMIT;
	}
	return false;
}

static void read_as(str message, enum dns_type type)
{
	char memory[PACKED_SIZE];
	struct buf packed;
	struct dns_reply reply;
	buf_init_fixed(&packed, memory, sizeof memory);
	if (!dns_message_read(message, type, 16, &packed, &reply)) {
		ASSERT(packed.size == 0);
		return;
	}
	ASSERT(reply.count <= 16 && (reply.status == DNS_OK) == (reply.count > 0));
	str rest = buf_str(&packed);
	for (size_t i = 0; i < reply.count; i++)
		ASSERT(take_one(type, &rest));
	ASSERT(rest.size == 0 && !take_one(type, &rest));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = {DNS_A, DNS_PTR, DNS_MX, DNS_TXT, DNS_AAAA, DNS_TLSA};
	/* In memory of its own, so that a byte too far is seen. */
	char *copy = malloc(size ? size : 1);
	memcpy(copy, data, size);
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		read_as(str_make(copy, size), types[i]);
	free(copy);
	return 0;
}
