/* keyvalue: records "KEY,VALUE" of a stream that is keyed by field 1. */
#ifndef KEYVALUE_H
#define KEYVALUE_H

#include <stdint.h>

#include <weir.h>

/* The number behind the key: 1, or 0 after weir_bad() had it skipped, or -1. */
int	 keyvalue_get(struct weir *, const struct weir_record *, int64_t *value);

/* Emit the record's key and a value. */
int	 keyvalue_emit(struct weir *, const struct weir_record *, int64_t value);

#endif
