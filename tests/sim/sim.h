/* sim.h - what the driver shares with the hosts: keys, the fake TLS, bounds. */
#pragma once

#include "engine/sign/verify.h"

#define SIM_VERIFY_LIMIT 3 /* signatures read per seed: reading costs more than signing */
#define SIM_TLS_MASK 0x55
#define SIM_TLS_HELLO "HELLO-TLS\n"
#define SIM_TLS_ANSWER "OLLEH-TLS\n"
#define SIM_TLS_RUBBISH "rubbish!!\n"
#define SIM_TLS_HELLO_SIZE (sizeof(SIM_TLS_HELLO) - 1)

const struct dkim_record *sim_dkim_record(void);
