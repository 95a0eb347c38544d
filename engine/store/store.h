/* store.h - the database in campaign terms: requests submitted, completions called.
 * One struct store is one connection. With a loop it is non-blocking libpq on that loop (the
 * feeder's); with loop NULL every submit runs to its end and calls on_done before it returns
 * (the ledger's, and the commands'). Requests of one store are served in order, each in one
 * transaction of its own. The simulation links another implementation of this page.
 *
 * Ids are bigint, > 0. All rows belong to the store's tenant. Strings handed in are copied or
 * used before on_done; what a request returns lives in the arena it was given.
 *
 * Each noun has a card of its own; whoever needs one may include it alone. */
#pragma once

#include "engine/store/store_base.h"
#include "engine/store/store_campaigns.h"
#include "engine/store/store_draws.h"
#include "engine/store/store_engines.h"
#include "engine/store/store_health.h"
#include "engine/store/store_hosts.h"
#include "engine/store/store_outbox.h"
#include "engine/store/store_paths.h"
#include "engine/store/store_providers.h"
#include "engine/store/store_settle.h"
#include "engine/store/store_slices.h"
#include "engine/store/store_stops.h"
