/* bench_token.c - what a recipient's tokens cost: the MAC, and the texts that a message with
 * tracked links shows (sender and Message-ID, List-Unsubscribe, the links). CPU time of the
 * thread, best of five rounds. The last line is one number, the sum, for `make show-links`. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/micro/yardstick.h"
#include "engine/base/prng.h"
#include "engine/sign/mac.h"

#define ROUNDS 5
#define RECIPIENTS 200000
#define FORGERIES 200000

static double round_usec(struct mac_keys *keys, bool texts, size_t *ret_size)
{
	char memory[5 * TOKEN_TEXT_LIMIT];
	char letter = mac_keys_newest(keys);
	double start = cpu_usec();
	for (uint64_t id = 1; id <= RECIPIENTS; id++) {
		const struct token token = {1, 7, id};
		uint8_t mac[TOKEN_MAC_SIZE];
		struct buf out;
		buf_init_fixed(&out, memory, sizeof(memory));
		mac_of(keys, letter, &token, mac);
		buf_put(&out, str_make((const char *)mac, 1));
		if (texts) {
			token_encode(&out, &token, TOKEN_BOUNCE, mac);
			token_encode(&out, &token, TOKEN_BOUNCE, mac);
			token_encode(&out, &token, TOKEN_UNSUBSCRIBE, mac);
			token_encode(&out, &token, TOKEN_TRACK, mac);
		}
		*ret_size += out.size;
	}
	return (cpu_usec() - start) / RECIPIENTS;
}

/* Tokens with one letter changed, and the same for another purpose: how many are taken. */
static size_t forged_taken(struct mac_keys *keys)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	struct prng chance;
	size_t taken = 0;
	prng_init(&chance, 1);
	for (uint64_t id = 1; id <= FORGERIES; id++) {
		const struct token token = {1, 7, id};
		struct token found;
		enum token_purpose purpose;
		char memory[TOKEN_TEXT_LIMIT];
		uint8_t mac[TOKEN_MAC_SIZE];
		struct buf out;
		buf_init_fixed(&out, memory, sizeof(memory));
		mac_of(keys, mac_keys_newest(keys), &token, mac);
		token_encode(&out, &token, TOKEN_TRACK, mac);
		taken += mac_check(keys, buf_str(&out), TOKEN_LINK, &found);
		size_t at = prng_below(&chance, (uint32_t)out.size);
		size_t letter = (size_t)(strchr(letters, memory[at]) - letters);
		memory[at] = letters[(letter + 1 + prng_below(&chance, 31)) % 32];
		taken += mac_check_any(keys, buf_str(&out), &found, &purpose);
	}
	return taken;
}

int main(void)
{
	char why[200];
	size_t size = 0;
	double best[2] = {1e9, 1e9};
	struct mac_keys *keys = mac_keys_create(STR("0123456789abcdef0123456789abcdef"), why);
	if (!keys)
		exit(1);
	for (int i = 0; i < ROUNDS; i++) {
		for (int texts = 0; texts < 2; texts++) {
			double took = round_usec(keys, texts, &size);
			best[texts] = took < best[texts] ? took : best[texts];
		}
	}
	size_t taken = forged_taken(keys);
	mac_keys_destroy(keys);
	printf("%d forged tokens, %zu taken\n", 2 * FORGERIES, taken);
	printf("the MAC: %.3f us; with four texts (%zu bytes in all):\n%.3f\n", best[0], size,
	       best[1]);
	return taken == 0 ? 0 : 1;
}
