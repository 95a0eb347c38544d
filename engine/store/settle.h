/* settle.h - what the files of a settlement share: settle.c runs its transaction, strikes.c
 * says what follows for addresses, domains and providers. Each function sends one statement for
 * a batch: PG_DONE when there is nothing to say, or it failed (then the request's result says
 * so). Private to engine/store. */
#pragma once

#include "engine/store/pg.h"

#define STORE_TEXT_LIMIT_DELIVERED 160 /* what a receiver says on success: its queue id */
#define STORE_NAME_LIMIT 255

/* What providers answered, per day. */
enum pg_next settle_providers(struct store *, const struct store_settle *);
/* A delivery ends the strikes of its address. */
enum pg_next settle_delivered(struct store *, const struct store_settle *);
/* Takes turns with incidents; only where there is evidence. */
enum pg_next settle_strikes_lock(struct store *, const struct store_settle *);
enum pg_next settle_strikes(struct store *, const struct store_settle *);
enum pg_next settle_domains(struct store *, const struct store_settle *);

/* The journal's position first; no row is written: fenced. */
enum pg_next settle_position(struct store *, const struct store_settle *);
extern const char settle_fenced[];
/* aside.c: the steps of a settlement of one outcome that is refused otherwise. */
enum pg_next settle_aside_step(struct store *, struct store_request *, const PGresult *);
