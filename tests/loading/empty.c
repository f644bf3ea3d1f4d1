/* A shared library must have a source; this one is all of libweir.a. */
typedef int weir_nothing;
