/* assert.h - what the programmer promises; stays on in release builds.
 * Input from outside is never asserted, always answered. */
#pragma once

#include <assert.h> /* static_assert, a keyword only from C23 on */

_Noreturn void assert_failed(const char *file, int line, const char *claim);

/* A build that measures what is reached has its own (tests/fuzz/rules.mk). */
#ifndef ASSERT
#define ASSERT(claim) ((claim) ? (void)0 : assert_failed(__FILE__, __LINE__, #claim))
#define UNREACHABLE() assert_failed(__FILE__, __LINE__, "unreachable")
#endif
