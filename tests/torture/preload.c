/* preload.c - the n-th call of one kind fails in the program as it is installed: loaded before its
 * libraries (LD_PRELOAD), so that what these call among themselves counts, too.
 *
 *   TORTURE_KIND    memory, tls, sql-error, sql-cut, sql-late
 *   TORTURE_N       the n-th call of that kind fails, from 1 on; 0: none
 *   TORTURE_COUNT   a file that is told at the end how many there were
 *
 * sql-error: the server itself answers with an error in place of what the statement would have
 * done: deadlock, serialization, time-out, read-only, disk full in turns. sql-cut: the connection
 * breaks before the statement; sql-late: when the server has done it and its answer is under way. */
#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *kind = "";
static uint64_t wanted;
static _Atomic uint64_t count;
static _Atomic bool counting;

__attribute__((constructor)) static void begin(void)
{
	const char *n = getenv("TORTURE_N");
	kind = getenv("TORTURE_KIND") ? getenv("TORTURE_KIND") : "";
	wanted = n ? strtoull(n, NULL, 10) : 0;
	atomic_store(&counting, true);
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("TORTURE_COUNT");
	atomic_store(&counting, false);
	FILE *out = path ? fopen(path, "w") : NULL;
	if (!out)
		return;
	fprintf(out, "%llu\n", (unsigned long long)atomic_load(&count));
	fclose(out);
}

/* The number of this call; 0: it does not count. */
static bool strikes(const char *of_kind)
{
	if (!atomic_load_explicit(&counting, memory_order_relaxed) || strcmp(kind, of_kind) != 0)
		return false;
	return atomic_fetch_add(&count, 1) + 1 == wanted;
}

/* ---- memory ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t number, size_t size);
void *__libc_realloc(void *memory, size_t size);

void *malloc(size_t size)
{
	return strikes("memory") ? NULL : __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
	return strikes("memory") ? NULL : __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size)
{
	return strikes("memory") ? NULL : __libc_realloc(memory, size);
}

/* ---- TLS, and signatures ---- */

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define CALL(type, failure, name, parameters, ...)                                             \
	type name parameters                                                                   \
	{                                                                                      \
		static __typeof__(&name) real;                                                 \
		if (!real)                                                                     \
			real = NEXT(name);                                                     \
		return strikes("tls") ? failure : real(__VA_ARGS__);                           \
	}

CALL(SSL *, NULL, SSL_new, (SSL_CTX * context), context)
CALL(int, -1, SSL_do_handshake, (SSL * ssl), ssl)
CALL(int, -1, SSL_read, (SSL * ssl, void *bytes, int size), ssl, bytes, size)
CALL(int, 0, SSL_write_ex, (SSL * ssl, const void *bytes, size_t size, size_t *ret), ssl, bytes,
     size, ret)
CALL(BIO *, NULL, BIO_new, (const BIO_METHOD *method), method)
CALL(EVP_MD_CTX *, NULL, EVP_MD_CTX_new, (void), )
CALL(int, 0, EVP_MD_CTX_copy_ex, (EVP_MD_CTX * out, const EVP_MD_CTX *in), out, in)
CALL(int, 0, EVP_DigestUpdate, (EVP_MD_CTX * context, const void *bytes, size_t size), context,
     bytes, size)
CALL(int, 0, EVP_DigestSign,
     (EVP_MD_CTX * context, unsigned char *out, size_t *size, const unsigned char *in,
      size_t in_size),
     context, out, size, in, in_size)
CALL(int, 0, EVP_PKEY_sign,
     (EVP_PKEY_CTX * context, unsigned char *out, size_t *size, const unsigned char *in,
      size_t in_size),
     context, out, size, in, in_size)

/* ---- statements ---- */

static int query(PGconn *conn, const char *text)
{
	static __typeof__(&PQsendQuery) real;
	if (!real)
		real = NEXT(PQsendQuery);
	return real(conn, text);
}

static int send_error(PGconn *conn)
{
	static const char *const codes[] = {"40P01", "40001", "57014", "25006", "53100"};
	char text[160];
	snprintf(text, sizeof(text),
		 "do $$ begin raise exception 'torture' using errcode = '%s'; end $$",
		 codes[wanted % (sizeof(codes) / sizeof(codes[0]))]);
	return query(conn, text);
}

/* After the statement was sent: its answer shall not arrive. */
static int cut_late(PGconn *conn, int sent)
{
	PQflush(conn);
	usleep(50000); /* it is done meanwhile, or else it was cut early: both are right */
	shutdown(PQsocket(conn), SHUT_RDWR);
	return sent;
}

#define STATEMENT(call)                                                                        \
	do {                                                                                   \
		if (strikes("sql-error"))                                                      \
			return send_error(conn);                                               \
		if (strikes("sql-cut"))                                                        \
			shutdown(PQsocket(conn), SHUT_RDWR);                                   \
		bool late = strikes("sql-late");                                               \
		int sent = call;                                                               \
		return late ? cut_late(conn, sent) : sent;                                     \
	} while (0)

int PQsendQuery(PGconn *conn, const char *text)
{
	STATEMENT(query(conn, text));
}

int PQsendQueryPrepared(PGconn *conn, const char *name, int number, const char *const *values,
			const int *lengths, const int *formats, int format)
{
	static __typeof__(&PQsendQueryPrepared) real;
	if (!real)
		real = NEXT(PQsendQueryPrepared);
	STATEMENT(real(conn, name, number, values, lengths, formats, format));
}

int PQsendPrepare(PGconn *conn, const char *name, const char *text, int number,
		  const Oid *types)
{
	static __typeof__(&PQsendPrepare) real;
	if (!real)
		real = NEXT(PQsendPrepare);
	STATEMENT(real(conn, name, text, number, types));
}
