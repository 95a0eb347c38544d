/* letter.h - one recipient's message as the engine would make it, for preview and test sends.
 * The same content, recipient's data, tokens, Date and signature; only who asks is different.
 */
#pragma once

#include "engine/api/db.h"
#include "engine/send/content.h"

struct letter {
	struct cli *cli;
	const struct content *content;
	struct message_recipient recipient;
	str email; /* as stored */
	enum message_form
		form;       /* 8bit: for a host that takes it, if the campaign wants it so */
	bool was_attempted; /* the Date and the revision are those of the first attempt */
	const struct campaign_row *campaign;
	str settings, html, text;
	str *parts; /* its files, as content_compile() wants them */
	size_t part_count;
	bool is_target;                  /* text is where a link leads */
	const struct message_plan *plan; /* of the variant */
	str variant;                     /* its name; empty: the letter has one form */
	bool waits, held_out;            /* as the recipient does, or is, without being asked */
	const str *fields;               /* as content has them */
	uint32_t winner;                 /* of the campaign; 0: not named */
	uint32_t chosen;                 /* variant, from 1; 0: none */
};

/* email NULL: any one of the campaign's audience. CLI_GO, or an exit code after a sentence. */
[[nodiscard]] int letter_open(struct db *, const struct campaign_row *, const char *email,
			      struct letter *ret_letter);
/* Where a tracked link leads for one recipient: its target of campaign_links, when that is
 * Liquid. CLI_GO, or an exit code after a sentence. */
[[nodiscard]] int letter_target(struct db *, const struct campaign_row *, const char *email,
				str target, struct buf *out);
/* Another variant than the recipient's own, by its name. CLI_GO, or an exit code after a
 * sentence.
 */
[[nodiscard]] int letter_choose(struct letter *, const char *variant);
/* The whole message, and the signatures that stand before it (empty without keys). */
[[nodiscard]] int letter_raw(struct letter *, struct dkim_key *const *keys, size_t key_count,
			     struct buf *signature, struct buf *message);
/* One part as it was before encoding. */
[[nodiscard]] int letter_part(struct letter *, enum message_part, struct buf *out);
/* The files of a revision ("0": the newest), as content_compile() wants them. */
[[nodiscard]] int letter_parts(struct db *, const struct campaign_row *, const char *revision,
			       str **ret_parts, size_t *ret_count);
/* Renders with the tokens of these secrets; without them, links do not verify. */
[[nodiscard]] int letter_use_secret(struct letter *, struct db *, str secrets);
