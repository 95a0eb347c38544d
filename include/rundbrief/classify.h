/* rundbrief/classify.h - what an SMTP reply means for the recipient and for the list. C11 and
 * C++. */
#ifndef RUNDBRIEF_CLASSIFY_H
#define RUNDBRIEF_CLASSIFY_H

#include <stddef.h>

#include <rundbrief/delivery.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rundbrief_classifier rundbrief_classifier;

/* All names are literals of the library. */
struct rundbrief_classification {
	const char *class_name; /* "bad-mailbox", "greylisted", ... */
	const char *cause;      /* finer */
	enum rundbrief_verdict verdict;
	int suppress; /* not 0: a dead address, never mail it again */
};

/* Takes a few MB and some milliseconds: make one and keep it, it serves all threads. NULL: out
 * of memory. */
rundbrief_classifier *rundbrief_classifier_create(void);
void rundbrief_classifier_destroy(rundbrief_classifier *);

/* code: 250, 421, 550, ...; 0: not known. enhanced_code: "5.1.1", NULL or empty: not given.
 * text: the reply without both. provider: "gmail", "yahoo", ...; NULL: not known. */
void rundbrief_classify(const rundbrief_classifier *, int code, const char *enhanced_code,
			const char *text, size_t text_size, const char *provider,
			struct rundbrief_classification *ret);

#ifdef __cplusplus
}
#endif
#endif
