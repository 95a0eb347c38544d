/* verify.c - libopendkim reads our signatures: other code, other authors, same RFC.
 * Its answer for a message is "good" when any signature is, so each one is asked for here. Its
 * clock is the system's: a t= in the future counts as an error. */
#include "engine/sign/verify.h"

#include <stdio.h>
#include <sys/types.h>

#include <opendkim/dkim.h>

struct lookup {
	const struct dkim_record *records;
	size_t count;
};

/* Instead of DNS: the record among those given. */
static DKIM_CBSTAT find_record(DKIM *dkim, DKIM_SIGINFO *signature, u_char *ret_text,
			       size_t text_size)
{
	const struct lookup *lookup = dkim_get_user_context(dkim);
	str domain = str_of((const char *)dkim_sig_getdomain(signature));
	str selector = str_of((const char *)dkim_sig_getselector(signature));
	for (size_t i = 0; i < lookup->count; i++) {
		const struct dkim_record *r = &lookup->records[i];
		if (!str_eq_nocase(r->domain, domain) || !str_eq_nocase(r->selector, selector))
			continue;
		return str_to_cstr(r->text, (char *)ret_text, text_size) ? DKIM_CBSTAT_CONTINUE
									 : DKIM_CBSTAT_ERROR;
	}
	return DKIM_CBSTAT_NOTFOUND;
}

/* One for the program: it holds tables that dkim_close() and a new init would build again. */
static DKIM_LIB *library(void)
{
	static DKIM_LIB *lib;
	if (!lib) {
		lib = dkim_init(NULL, NULL);
		if (lib)
			(void)dkim_set_key_lookup(lib, find_record);
	}
	return lib;
}

static int check_signatures(DKIM *dkim, DKIM_STAT end, char *ret_why, size_t why_size)
{
	DKIM_SIGINFO **signatures;
	int count = 0;
	if (dkim_getsiglist(dkim, &signatures, &count) != DKIM_STAT_OK || count == 0) {
		snprintf(ret_why, why_size, "there is no DKIM signature (%s)",
			 dkim_getresultstr(end));
		return -1;
	}
	for (int i = 0; i < count; i++) {
		if (DKIM_SIG_CHECK(signatures[i]))
			continue;
		DKIM_SIGERROR error = dkim_sig_geterror(signatures[i]);
		const char *said = dkim_sig_geterrorstr(error);
		bool body = dkim_sig_getbh(signatures[i]) == DKIM_SIGBH_MISMATCH;
		snprintf(ret_why, why_size, "signature %d of %d (d=%s s=%s) is wrong: %s",
			 i + 1, count, (const char *)dkim_sig_getdomain(signatures[i]),
			 (const char *)dkim_sig_getselector(signatures[i]),
			 body                               ? "the body was changed"
			 : error > DKIM_SIGERROR_OK && said ? said
							    : dkim_getresultstr(end));
		return -1;
	}
	return count;
}

int verify_signatures(str message, const struct dkim_record *records, size_t count,
		      char *ret_why, size_t why_size)
{
	struct lookup lookup = {records, count};
	DKIM_STAT status = DKIM_STAT_NORESOURCE;
	DKIM_LIB *lib = library();
	DKIM *dkim = lib ? dkim_verify(lib, (const u_char *)"verify", NULL, &status) : NULL;
	if (!dkim) {
		snprintf(ret_why, why_size, "libopendkim does not start: %s",
			 dkim_getresultstr(status));
		return -1;
	}
	dkim_set_user_context(dkim, &lookup);
	/* The library's input is not const, but it only reads. */
	status = dkim_chunk(dkim, (u_char *)(uintptr_t)message.data, message.size);
	if (status == DKIM_STAT_OK)
		status = dkim_chunk(dkim, NULL, 0);
	if (status == DKIM_STAT_OK)
		status = dkim_eom(dkim, NULL);
	int result = check_signatures(dkim, status, ret_why, why_size);
	dkim_free(dkim);
	return result;
}
