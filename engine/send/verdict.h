/* verdict.h - what an ending means for its recipient: the class's verdict, but for endings that
 * are no fault of his. One function for the carrier and for whoever shows what it would do. */
#pragma once

#include "engine/smtp/classify.h"

/* Before any envelope: the host would not talk to us at all (greeting, EHLO, TLS, AUTH). */
bool ending_is_before_envelopes(enum smtp_stage);
/* RFC 4954 6: 530 and its like to an envelope mean that we should have logged in. */
bool ending_wants_login(const struct reply *, const struct classification *);
enum verdict ending_verdict(const struct reply *, const struct classification *, bool in_doubt);
