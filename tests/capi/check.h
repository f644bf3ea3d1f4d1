// Checks for the C programs: each prints what is wrong and is counted; main gives the count.
#ifndef WEIR_TESTS_CAPI_CHECK_H
#define WEIR_TESTS_CAPI_CHECK_H

#include <stdio.h>
#include <weir/weir.h>

static int failures = 0;

#define CHECK(what)                                             \
  do {                                                          \
    if (!(what)) {                                              \
      printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
      printf("  last error: %s\n", weir_last_error()->message); \
      ++failures;                                               \
    }                                                           \
  } while (0)

#endif
