/* dns_message.c - the grammar of RFC 1035 4.1 and no more of it than a mail sender needs.
 *
 *   message  = header question* answer* authority* additional*
 *   header   = id(2) flags(2) qdcount(2) ancount(2) nscount(2) arcount(2)
 *   question = name qtype(2) qclass(2)
 *   record   = name type(2) class(2) ttl(4) rdlength(2) rdata
 *   name     = *( length(1) label ) ( %x00 / pointer(2) )     pointer: its two high bits are 1
 *
 * The answer section is taken as the resolver ordered it: it follows CNAMEs for us, so every
 * record of the wanted type there is an answer, and the shortest TTL of all is the answer's. */
#include "engine/net/dns_message.h"

#include <arpa/inet.h>
#include <openssl/evp.h>

#define RECORD_LIMIT 512 /* records looked at in one message; 64 KiB could claim 5,000 */
#define JUMP_LIMIT 64    /* pointers followed in one name */
#define TTL_LIMIT 604800 /* a week, RFC 8767 4 */
#define TYPE_SOA 6
#define CLASS_IN 1
#define RCODE_NXDOMAIN 3
#define SHA256_SIZE 32
#define SHA512_SIZE 64

struct reader {
	str message;
	size_t at;
	bool bad;
};

static uint32_t take_number(struct reader *r, size_t size)
{
	uint32_t value = 0;
	if (r->bad || r->message.size - r->at < size) {
		r->bad = true;
		return 0;
	}
	for (size_t i = 0; i < size; i++)
		value = value << 8 | (uint8_t)r->message.data[r->at++];
	return value;
}

static uint16_t take_u16(struct reader *r)
{
	return (uint16_t)take_number(r, 2);
}

static str take_bytes(struct reader *r, size_t size)
{
	if (r->bad || r->message.size - r->at < size) {
		r->bad = true;
		return (str){};
	}
	str bytes = {r->message.data + r->at, size};
	r->at += size;
	return bytes;
}

static bool host_byte(char c)
{
	return c > ' ' && c < 127 && c != '.' && c != '\\' && c != '"' && c != DNS_UNUSABLE;
}

/* Appends one label in lower case; false when it could not stand in a host name. */
static bool put_label(char *out, size_t *size, str label)
{
	if (*size + label.size + 1 >= DNS_NAME_SIZE)
		return false;
	if (*size > 0)
		out[(*size)++] = '.';
	for (size_t i = 0; i < label.size; i++) {
		char c = label.data[i];
		if (!host_byte(c))
			return false;
		out[(*size)++] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
	}
	return true;
}

/* A name at the reader, which moves behind it. out may be NULL. Returns whether it can be used
 * as a host name; broken grammar sets bad. */
static bool take_name(struct reader *r, char *out)
{
	char scratch[DNS_NAME_SIZE];
	size_t size = 0, behind = 0;
	bool usable = true;
	unsigned jumps = 0;
	if (!out)
		out = scratch;
	while (!r->bad) {
		uint8_t length = (uint8_t)take_number(r, 1);
		if (r->bad || length == 0)
			break;
		if (length >= 0xc0) {
			size_t low = take_number(r, 1),
			       target = (size_t)(length & 0x3f) << 8 | low;
			behind = behind ? behind : r->at;
			if (r->bad || target >= r->message.size || ++jumps > JUMP_LIMIT)
				r->bad = true;
			else
				r->at = target;
		} else if (length > 63) {
			r->bad = true;
		} else {
			str label = take_bytes(r, length);
			usable = usable && !r->bad && put_label(out, &size, label);
		}
	}
	if (behind)
		r->at = behind;
	out[usable ? size : 0] = '\0';
	return usable && !r->bad;
}

static void put_u16(struct buf *b, size_t value)
{
	buf_put_byte(b, (char)(value >> 8));
	buf_put_byte(b, (char)value);
}

/* RFC 1035 3.3.9: preference(2) exchange. A name that no host can have stays a record: a domain
 * with it has an MX, and its own address must not be tried (RFC 5321 5.1). */
static bool pack_mx(struct reader *r, struct buf *packed)
{
	char host[DNS_NAME_SIZE];
	uint16_t preference = take_u16(r);
	str name = take_name(r, host) ? str_of(host) : (str){(char[]){DNS_UNUSABLE}, 1};
	if (r->bad)
		return false;
	put_u16(packed, preference);
	buf_put_byte(packed, (char)name.size);
	buf_put(packed, name);
	return true;
}

/* RFC 1035 3.4.1, RFC 3596 2.2: four or sixteen bytes. */
static bool pack_address(str data, size_t size, struct buf *packed)
{
	if (data.size != size)
		return false;
	buf_put_byte(packed, (char)size);
	buf_put(packed, data);
	return true;
}

/* RFC 1035 3.3.14: one or more <character-string>s, each length(1) bytes; joined as RFC
 * 7208 3.3 and RFC 6376 3.6.2.2 want it. */
static bool pack_text(str data, struct buf *packed)
{
	char joined[DNS_TEXT_LIMIT];
	size_t size = 0;
	while (data.size > 0) {
		size_t length = (uint8_t)data.data[0];
		if (length > data.size - 1 || size + length > sizeof joined)
			return false;
		memcpy(joined + size, data.data + 1, length);
		size += length;
		data = str_from(data, length + 1);
	}
	put_u16(packed, size);
	buf_put(packed, (str){joined, size});
	return true;
}

static bool pack_name(struct reader *r, struct buf *packed)
{
	char name[DNS_NAME_SIZE];
	if (!take_name(r, name))
		return false;
	put_u16(packed, strlen(name));
	buf_put_cstr(packed, name);
	return true;
}

static bool sha256(str data, uint8_t *digest)
{
	unsigned size = 0;
	return EVP_Digest(data.data, data.size, digest, &size, EVP_sha256(), NULL) == 1 &&
	       size == SHA256_SIZE;
}

/* RFC 6698 2.1: usage(1) selector(1) matching(1) data. False: no mail sender can use it (RFC
 * 7672 3.1.3). */
static bool read_tlsa(str data, struct tlsa *out)
{
	if (data.size < 4)
		return false;
	str digest = str_from(data, 3);
	uint8_t matching = (uint8_t)data.data[2];
	*out = (struct tlsa){.usage = (uint8_t)data.data[0],
			     .selector = (uint8_t)data.data[1],
			     .matching = matching == 0 ? 1 : matching,
			     .size = matching == 2 ? SHA512_SIZE : SHA256_SIZE};
	if ((out->usage != 2 && out->usage != 3) || out->selector > 1 || matching > 2)
		return false;
	if (matching == 0)
		return sha256(digest, out->data);
	if (digest.size != out->size)
		return false;
	memcpy(out->data, digest.data, digest.size);
	return true;
}

/* What cannot be used stays a record: a host with it wants TLS, though no certificate can be
 * checked (RFC 7672 2.2). */
static bool pack_tlsa(str data, struct buf *packed)
{
	struct tlsa tlsa;
	if (!read_tlsa(data, &tlsa))
		tlsa = (struct tlsa){};
	buf_put_byte(packed, (char)tlsa.usage);
	buf_put_byte(packed, (char)tlsa.selector);
	buf_put_byte(packed, (char)tlsa.matching);
	buf_put_byte(packed, (char)tlsa.size);
	buf_put(packed, str_make((const char *)tlsa.data, tlsa.size));
	return true;
}

/* rdata is a part of the message of r; names in it may point out of it. */
static bool pack(struct reader r, str rdata, enum dns_type type, struct buf *packed)
{
	struct reader inside = {r.message, (size_t)(rdata.data - r.message.data), false};
	switch (type) {
	case DNS_A:
		return pack_address(rdata, 4, packed);
	case DNS_AAAA:
		return pack_address(rdata, 16, packed);
	case DNS_MX:
		return rdata.size >= 3 && pack_mx(&inside, packed);
	case DNS_TXT:
		return pack_text(rdata, packed);
	case DNS_PTR:
		return rdata.size > 0 && pack_name(&inside, packed);
	case DNS_TLSA:
		return pack_tlsa(rdata, packed);
	}
	return false;
}

struct record {
	uint16_t type, class;
	uint32_t ttl;
	str rdata;
};

static struct record take_record(struct reader *r)
{
	struct record record = {};
	take_name(r, NULL);
	record.type = take_u16(r);
	record.class = take_u16(r);
	record.ttl = take_number(r, 4);
	if (record.ttl > INT32_MAX)
		record.ttl = 0; /* RFC 2181 8 */
	record.rdata = take_bytes(r, take_u16(r));
	return record;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Records of the answer section; what cannot be used is left out, as if it were not there. */
static void take_answers(struct reader *r, size_t count, enum dns_type type, size_t limit,
			 struct buf *packed, struct dns_reply *reply)
{
	for (size_t i = 0; i < count && !r->bad; i++) {
		struct record record = take_record(r);
		if (r->bad || record.class != CLASS_IN)
			continue;
		reply->ttl_seconds = smaller(reply->ttl_seconds, record.ttl);
		if (record.type != type || reply->count == limit)
			continue;
		size_t size = packed->size;
		if (pack(*r, record.rdata, type, packed) && buf_ok(packed))
			reply->count++;
		else
			packed->size = size;
		packed->failed = false;
	}
}

/* RFC 2308 5: a denial lives as long as the SOA that came with it, and its MINIMUM field. */
static void take_denial(struct reader *r, size_t count, struct dns_reply *reply)
{
	reply->ttl_seconds = DNS_NEGATIVE_DEFAULT;
	for (size_t i = 0; i < count && !r->bad; i++) {
		struct record record = take_record(r);
		if (r->bad || record.type != TYPE_SOA || record.rdata.size < 4)
			continue;
		struct reader minimum = {record.rdata, record.rdata.size - 4, false};
		reply->ttl_seconds = smaller(record.ttl, take_number(&minimum, 4));
	}
}

static enum dns_status status_of(uint8_t rcode, size_t count)
{
	if (rcode == RCODE_NXDOMAIN)
		return DNS_NO_NAME;
	if (rcode != 0)
		return DNS_TEMPORARY;
	return count > 0 ? DNS_OK : DNS_NO_DATA;
}

bool dns_message_read(str message, enum dns_type type, size_t limit, struct buf *packed,
		      struct dns_reply *ret_reply)
{
	struct reader r = {.message = message};
	struct dns_reply reply = {.ttl_seconds = TTL_LIMIT};
	size_t size = packed->size;
	take_u16(&r); /* id: c-ares has compared it */
	uint16_t flags = take_u16(&r);
	uint16_t questions = take_u16(&r), answers = take_u16(&r), authorities = take_u16(&r);
	take_u16(&r);
	if (r.bad || !(flags & 0x8000) || questions > 1 ||
	    (size_t)answers + authorities > RECORD_LIMIT)
		return false;
	if (questions) {
		take_name(&r, NULL);
		take_number(&r, 4);
	}
	reply.rcode = flags & 0x0f;
	reply.secure = flags & 0x0020;
	take_answers(&r, answers, type, limit, packed, &reply);
	reply.status = status_of(reply.rcode, reply.count);
	if (reply.status != DNS_OK) {
		reply.count = 0;
		packed->size = size;
		take_denial(&r, authorities, &reply);
	}
	/* The authority section of an answer is not read: nothing of it is used. */
	if (r.bad) {
		packed->size = size;
		return false;
	}
	*ret_reply = reply;
	return true;
}

bool dns_packed_mx(str *packed, struct dns_mx *ret_mx)
{
	struct reader r = {.message = *packed};
	uint16_t preference = take_u16(&r);
	str host = take_bytes(&r, take_number(&r, 1));
	if (r.bad || !str_to_cstr(host, ret_mx->host, sizeof ret_mx->host))
		return false;
	ret_mx->preference = preference;
	*packed = str_from(*packed, r.at);
	return true;
}

bool dns_packed_address(str *packed, struct net_address *ret_address)
{
	struct reader r = {.message = *packed};
	size_t size = take_number(&r, 1);
	str bytes = take_bytes(&r, size);
	if (r.bad || (size != 4 && size != 16))
		return false;
	*ret_address = (struct net_address){};
	if (size == 4) {
		ret_address->in4.sin_family = AF_INET;
		memcpy(&ret_address->in4.sin_addr, bytes.data, size);
	} else {
		ret_address->in6.sin6_family = AF_INET6;
		memcpy(&ret_address->in6.sin6_addr, bytes.data, size);
	}
	*packed = str_from(*packed, r.at);
	return true;
}

bool dns_packed_text(str *packed, str *ret_text)
{
	struct reader r = {.message = *packed};
	str text = take_bytes(&r, take_u16(&r));
	if (r.bad)
		return false;
	*ret_text = text;
	*packed = str_from(*packed, r.at);
	return true;
}

bool dns_packed_tlsa(str *packed, struct tlsa *ret_tlsa)
{
	struct reader r = {.message = *packed};
	struct tlsa tlsa = {};
	tlsa.usage = (uint8_t)take_number(&r, 1);
	tlsa.selector = (uint8_t)take_number(&r, 1);
	tlsa.matching = (uint8_t)take_number(&r, 1);
	tlsa.size = (uint8_t)take_number(&r, 1);
	str digest = take_bytes(&r, tlsa.size);
	if (r.bad || digest.size > sizeof tlsa.data)
		return false;
	memcpy(tlsa.data, digest.data, digest.size);
	*ret_tlsa = tlsa;
	*packed = str_from(*packed, r.at);
	return true;
}
