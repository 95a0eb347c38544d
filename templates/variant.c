/* variant.c - see variant.h. The mixing is multiplication by an odd number below 2^31 of values
 * below 2^32, because PostgreSQL's bigint must not overflow where it does the same. */
#include "templates/variant.h"

#define SEED 0x52756e64u
#define FACTOR 0x045d9f3bu /* spreads a changed bit over half of the word in two rounds */

static uint32_t mix(uint32_t word)
{
	word = (word ^ word >> 16) * FACTOR;
	word = (word ^ word >> 16) * FACTOR;
	return word ^ word >> 16;
}

/* For one campaign a permutation of the lower 32 bits of the subscriber: as even as can be. */
uint32_t variant_bucket(uint64_t campaign_id, uint64_t subscriber_id)
{
	uint32_t hash = mix(SEED ^ (uint32_t)campaign_id);
	hash = mix(hash ^ (uint32_t)(campaign_id >> 32));
	hash = mix(hash ^ (uint32_t)(subscriber_id >> 32));
	hash = mix(hash ^ (uint32_t)subscriber_id);
	return (uint32_t)((uint64_t)hash * VARIANT_WHOLE >> 32);
}

int variant_of(const struct variant_split *split, uint64_t campaign_id, uint64_t subscriber_id)
{
	if (split->count == 0)
		return 1;
	uint32_t bucket = variant_bucket(campaign_id, subscriber_id), end = 0;
	for (uint32_t i = 0; i < split->count; i++) {
		end += split->shares[i];
		if (bucket < end)
			return (int)i + 1;
	}
	return bucket >= VARIANT_WHOLE - split->hold_out ? VARIANT_HELD_OUT : VARIANT_REST;
}

uint32_t variant_rest(const struct variant_split *split)
{
	uint32_t rest = split->count ? VARIANT_WHOLE - split->hold_out : 0;
	for (uint32_t i = 0; i < split->count; i++)
		rest -= split->shares[i];
	return rest;
}

/* array = "{" [ number *( "," number ) ] "}" */
bool variant_split_parse(str shares, uint64_t hold_out, struct variant_split *ret_split)
{
	struct variant_split split = {.hold_out = (uint32_t)hold_out};
	uint64_t sum = hold_out, share;
	if (hold_out > VARIANT_WHOLE || !str_starts(shares, STR("{")) ||
	    !str_ends(shares, STR("}")))
		return false;
	shares = str_sub(shares, 1, shares.size - 2);
	for (size_t comma = shares.size ? 0 : STR_NONE; comma != STR_NONE;) {
		comma = str_find_byte(shares, ',');
		str one = comma == STR_NONE ? shares : str_sub(shares, 0, comma);
		if (split.count == VARIANT_LIMIT || !str_to_u64(one, &share) ||
		    share > VARIANT_WHOLE || (sum += share) > VARIANT_WHOLE)
			return false;
		split.shares[split.count++] = (uint32_t)share;
		if (comma != STR_NONE)
			shares = str_from(shares, comma + 1);
	}
	*ret_split = split;
	return true;
}
