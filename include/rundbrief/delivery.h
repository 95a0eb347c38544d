/* rundbrief/delivery.h - the numbers in a delivery record: column `verdict` of the table
 * `deliveries`, and the same in the journal. They never change their meaning. C11 and C++. */
#ifndef RUNDBRIEF_DELIVERY_H
#define RUNDBRIEF_DELIVERY_H

#ifdef __cplusplus
extern "C" {
#endif

enum rundbrief_verdict {
	RUNDBRIEF_DELIVERED = 1,
	RUNDBRIEF_DEFERRED = 2,   /* will be tried again */
	RUNDBRIEF_FAILED = 3,     /* will not */
	RUNDBRIEF_IN_DOUBT = 4,   /* the end of the message left, and no reply came */
	RUNDBRIEF_SUPPRESSED = 5, /* before any attempt */
	RUNDBRIEF_CANCELLED = 6   /* before any attempt */
};

/* "delivered", "deferred", ...; NULL for a number that is no verdict. */
const char *rundbrief_verdict_name(int verdict);

#ifdef __cplusplus
}
#endif
#endif
