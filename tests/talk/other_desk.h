/* other_desk.h - whoever needs nothing that lies on its desk gets another one, full of rubbish.
 * Called behind every drained session, it shows that a desk that is given back was not needed. */
#pragma once

#include <string.h>

#include "engine/smtp/client_state.h"

static inline void other_desk(struct smtp_client *client)
{
	struct smtp_desk *desk = smtp_client_clear_desk(client);
	if (!desk)
		return;
	memset(desk, 0xa5, sizeof(*desk));
	smtp_client_lend(client, desk);
}
