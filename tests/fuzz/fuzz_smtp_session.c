/* fuzz_smtp_session.c - the sender's machine against the receiver's, on a wire that cuts,
 * delays and breaks as the input chooses; see smtp_world.h for what is checked. */
#include "tests/fuzz/smtp_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	(void)world_run(data, size);
	return 0;
}
