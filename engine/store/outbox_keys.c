/* outbox_keys.c - addresses of the outbox that are compared by more than ASCII in lower case (IDNA,
 * needless quotes). Whoever inserted a row could only lower its letters, so whoever reads it looks
 * at the key, and puts in the exact one before it is asked for suppressions. */
#include "engine/store/outbox.h"

#include "engine/mail/address.h"

struct odd_keys {
	uint64_t *ids;
	str *keys;
	size_t count;
};

/* data NULL: the address is none, or no name that IDNA knows; its key stays as it is. */
static bool key_of(struct store *s, str address, str *ret_key)
{
	struct address parsed;
	struct buf key;
	*ret_key = (str){NULL, 0};
	if (address_parse_any(address, &parsed) != ADDRESS_OK)
		return true;
	buf_init_arena(&key, &s->scratch, ADDRESS_LIMIT + 64);
	if (!address_key(&key, &parsed))
		return buf_ok(&key);
	*ret_key = buf_str(&key);
	return true;
}

static bool find(struct store *s, const PGresult *result, const struct outbox_columns *at,
		 struct odd_keys *odd)
{
	size_t count = pg_rows(result);
	odd->ids = pg_own(s, (count + 1) * sizeof(*odd->ids));
	odd->keys = pg_own(s, (count + 1) * sizeof(*odd->keys));
	for (size_t i = 0; odd->ids && odd->keys && i < count; i++) {
		str key;
		if (!key_of(s, pg_str(result, i, at->address), &key))
			return false;
		if (!key.data || str_eq(key, pg_str(result, i, at->key)))
			continue;
		odd->ids[odd->count] = pg_u64(result, i, at->id);
		odd->keys[odd->count++] = key;
	}
	return odd->ids && odd->keys;
}

enum pg_next outbox_mend_keys(struct store *s, const PGresult *result,
			      const struct outbox_columns *at)
{
	struct odd_keys odd = {};
	if (!find(s, result, at, &odd))
		return pg_fail(s, STORE_RETRY, "no memory for keys of addresses");
	if (odd.count == 0)
		return PG_DONE;
	pg_put_tenant(s);
	pg_put_u64_array(s, odd.ids, odd.count);
	pg_put_text_array(s, odd.keys, odd.count);
	return pg_run_kept(s, "outbox_keys");
}
