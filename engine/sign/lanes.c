/* lanes.c - the library's manager keeps the texts under way in its lanes; a batch is handed over
 * text by text and then flushed. It looks at the CPU by itself; what we look at is whether OpenSSL
 * has SHA instructions there, for those make one text alone three times as fast. */
#include "engine/sign/lanes.h"

#include <intel-ipsec-mb.h>
#include <stdlib.h>

#include "engine/base/assert.h"

struct hash_lanes {
	IMB_MGR *manager;
	size_t width; /* texts at once */
	size_t cost;  /* a batch as long as so many texts one after the other, in halves */
};

/* Measured with 10 KB (AMD EPYC): 16 lanes 47 us and 8 lanes 45 us a batch, alone 5.8 us with SHA
 * instructions and 19.2 us without. Eight lanes do not pay where those are. */
static bool look(struct hash_lanes *l)
{
	uint64_t features = l->manager->features;
	bool wide = (features & IMB_FEATURE_AVX512_SKX) == IMB_FEATURE_AVX512_SKX;
	bool has_sha = features & IMB_FEATURE_SHANI;
	l->width = wide ? 16 : 8;
	l->cost = has_sha ? 18 : 6;
	return wide || ((features & IMB_FEATURE_AVX2) && !has_sha);
}

struct hash_lanes *hash_lanes_create(void)
{
	struct hash_lanes *l = calloc(1, sizeof(*l));
	IMB_ARCH arch;
	if (!l)
		return NULL;
	l->manager = alloc_mb_mgr(0);
	if (l->manager)
		init_mb_mgr_auto(l->manager, &arch);
	if (l->manager && imb_get_errno(l->manager) == 0 && look(l))
		return l;
	hash_lanes_destroy(l);
	return NULL;
}

void hash_lanes_destroy(struct hash_lanes *l)
{
	if (!l)
		return;
	if (l->manager)
		free_mb_mgr(l->manager);
	free(l);
}

bool hash_lanes_pay(const struct hash_lanes *l, size_t count, size_t longest_size,
		    size_t alone_size)
{
	size_t batches = (count + l->width - 1) / l->width;
	return 2 * alone_size > batches * l->cost * longest_size;
}

static bool is_done(const IMB_JOB *job)
{
	return !job || job->status == IMB_STATUS_COMPLETED;
}

int hash_lanes_run(struct hash_lanes *l, const str *texts, size_t count,
		   uint8_t (*ret_hashes)[32])
{
	bool good = true;
	ASSERT(count <= HASH_LANES_LIMIT);
	for (size_t i = 0; i < count; i++) {
		IMB_JOB *job = IMB_GET_NEXT_JOB(l->manager);
		*job = (IMB_JOB){
			.cipher_mode = IMB_CIPHER_NULL,
			.cipher_direction = IMB_DIR_ENCRYPT,
			.chain_order = IMB_ORDER_HASH_CIPHER,
			.hash_alg = IMB_AUTH_SHA_256,
			.src = (const uint8_t *)texts[i].data,
			.msg_len_to_hash_in_bytes = texts[i].size,
			.auth_tag_output = ret_hashes[i],
			.auth_tag_output_len_in_bytes = 32,
		};
		good &= is_done(IMB_SUBMIT_JOB(l->manager));
	}
	for (const IMB_JOB *job; (job = IMB_FLUSH_JOB(l->manager));)
		good &= is_done(job);
	return good && imb_get_errno(l->manager) == 0 ? 0 : -1;
}
