/* source.h - where mail leaves from: an egress address and the name it says in EHLO. */
#pragma once

#include "engine/io/io.h"

struct source {
	char name[64]; /* as in the configuration and in reports */
	char helo[256];
	bool has_address; /* false: the kernel chooses */
	struct net_address address;
};
