/* What every membrane test includes. */
#ifndef CENO_TEST_MEMBRANE_TEST_H
#define CENO_TEST_MEMBRANE_TEST_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake.h"

#define PAGE 4096ull
#define BAD  0xdead000ull /* never mapped */

static inline int start(void **state)
{
	(void)state;
	fake_start();
	return 0;
}

#endif
