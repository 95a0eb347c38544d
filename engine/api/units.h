/* units.h - durations and sizes as people write them: "10m", "1h30m", "64k".
 * Text to number and back; rates are engine/shape/bucket.h's. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/usec.h"

/* duration = "0" / 1*( 1*DIGIT unit );  unit = "ms" / "s" / "m" / "h" / "d" / "w"
 * A number without a unit is refused: nobody knows whether 10 was meant as seconds. */
[[nodiscard]] bool duration_from_text(str text, usec *ret_duration);
/* Exact to the millisecond ("1d12h"). */
void duration_format(struct buf *out, usec duration);

/* size = 1*DIGIT [ "k" / "M" / "G" ], powers of 1024. */
[[nodiscard]] bool size_parse(str text, uint64_t *ret_size);

/* share = number "%", above 0, at most 100: "0.3%" is 0.003. A bare number is refused: nobody
 * knows whether 0.5 was meant as half or as half a percent. */
[[nodiscard]] bool share_parse(str text, double *ret_share);

/* sample = share / 1*DIGIT, above 0. Of a share *ret_count is 0. */
[[nodiscard]] bool sample_parse(str text, uint64_t *ret_count);

/* As it would be written: "100/s", "5/min,burst=3", "10MB/min", "unlimited". A rate that is no
 * round one in any unit is told a second, rounded down. */
struct rate;
void rate_format(struct buf *out, const struct rate *, bool bytes);

/* For people: "1,234,567". */
void count_format(struct buf *out, uint64_t count);
/* The same, flush right in a column so wide. */
void count_put_right(struct buf *out, uint64_t count, size_t width);
