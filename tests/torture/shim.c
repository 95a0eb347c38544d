/* shim.c - see shim.h. A function torture_NAME stands where the engine calls NAME; calls.syms says
 * which. */
#include "tests/torture/shim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/log.h"
#include "engine/net/resolve.h"
#include "engine/net/tls.h"
#include "engine/store/store.h"
#include "tests/sim/sim_store.h"

const char *const torture_names[TORTURE_KINDS] = {
	[TORTURE_MEMORY] = "memory",
	[TORTURE_SYSTEM] = "system-call",
	[TORTURE_IO] = "io",
	[TORTURE_IO_DONE] = "io-done",
	[TORTURE_STORE_RETRY] = "store-retry",
	[TORTURE_STORE_LOST] = "store-lost",
	[TORTURE_STORE_DONE] = "store-done",
	[TORTURE_TLS] = "tls",
	[TORTURE_DNS] = "dns",
};

static struct {
	enum torture_kind kind;
	uint64_t first, last, count;
	bool struck;
} torture;

void torture_arm(enum torture_kind kind, uint64_t n, uint64_t burst)
{
	torture.kind = kind;
	torture.first = n;
	torture.last = n + burst - 1;
	torture.count = 0;
	torture.struck = false;
}

void torture_disarm(void)
{
	torture.kind = TORTURE_NOTHING;
}

uint64_t torture_count(void)
{
	return torture.count;
}

bool torture_struck(void)
{
	return torture.struck;
}

/* name: of the call, for people who follow one run. */
static bool strikes_at(enum torture_kind kind, const char *name)
{
	if (torture.kind != kind)
		return false;
	torture.count++;
	bool now = torture.count >= torture.first && torture.count <= torture.last;
	torture.struck |= now;
	if (now)
		log_event(LOG_INFO, "torture", "call=%s", name);
	return now;
}
#define strikes(kind) strikes_at(kind, __func__)

/* ---- memory ---- */

void *torture_malloc(size_t size);
void *torture_calloc(size_t count, size_t size);
void *torture_realloc(void *memory, size_t size);
void *torture_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);

void *torture_malloc(size_t size)
{
	return strikes(TORTURE_MEMORY) ? NULL : malloc(size);
}

void *torture_calloc(size_t count, size_t size)
{
	return strikes(TORTURE_MEMORY) ? NULL : calloc(count, size);
}

void *torture_realloc(void *memory, size_t size)
{
	return strikes(TORTURE_MEMORY) ? NULL : realloc(memory, size);
}

void *torture_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (!strikes(TORTURE_MEMORY))
		return mmap(at, size, protection, flags, fd, offset);
	errno = ENOMEM;
	return MAP_FAILED;
}

/* ---- files ---- */

static bool call_fails(const char *name)
{
	static const int errors[] = {ENOSPC, EIO, EROFS, EMFILE, ENOMEM};
	if (!strikes_at(TORTURE_SYSTEM, name))
		return false;
	errno = errors[torture.count % (sizeof(errors) / sizeof(errors[0]))];
	return true;
}

int torture_openat(int at, const char *path, int flags, ...);
int torture_open(const char *path, int flags, ...);

int torture_openat(int at, const char *path, int flags, ...)
{
	va_list more;
	va_start(more, flags);
	mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
	va_end(more);
	return call_fails(__func__) ? -1 : openat(at, path, flags, mode);
}

int torture_open(const char *path, int flags, ...)
{
	va_list more;
	va_start(more, flags);
	mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
	va_end(more);
	return call_fails(__func__) ? -1 : open(path, flags, mode);
}

#define CALL(type, name, parameters, ...)                                                      \
	type torture_##name parameters;                                                        \
	type torture_##name parameters                                                         \
	{                                                                                      \
		return call_fails(__func__) ? -1 : name(__VA_ARGS__);                                  \
	}

CALL(int, fsync, (int fd), fd)
CALL(int, ftruncate, (int fd, off_t size), fd, size)
CALL(int, fstat, (int fd, struct stat *state), fd, state)
CALL(int, flock, (int fd, int operation), fd, operation)
CALL(int, dup, (int fd), fd)
CALL(int, mkdir, (const char *path, mode_t mode), path, mode)
CALL(int, unlinkat, (int at, const char *path, int flags), at, path, flags)
CALL(int, renameat, (int at, const char *from, int to, const char *path), at, from, to, path)
CALL(ssize_t, pread, (int fd, void *bytes, size_t size, off_t offset), fd, bytes, size, offset)
CALL(ssize_t, read, (int fd, void *bytes, size_t size), fd, bytes, size)
CALL(ssize_t, write, (int fd, const void *bytes, size_t size), fd, bytes, size)

DIR *torture_fdopendir(int fd);
DIR *torture_fdopendir(int fd)
{
	return call_fails(__func__) ? NULL : fdopendir(fd);
}

/* ---- operations of a loop ---- */

#define FAILING_LIMIT 64 /* under way at once */

static struct failing {
	struct io_op *op;
	void (*on_done)(struct io_op *, int);
	int error;
} failing[FAILING_LIMIT];

static void on_failing_done(struct io_op *op, int result)
{
	for (size_t i = 0; i < FAILING_LIMIT; i++) {
		struct failing f = failing[i];
		if (f.op != op)
			continue;
		failing[i].op = NULL;
		op->on_done = f.on_done;
		f.on_done(op, result < 0 ? result : f.error);
		return;
	}
}

static void watch(struct io_op *op, int error)
{
	for (size_t i = 0; i < FAILING_LIMIT; i++) {
		if (failing[i].op && failing[i].op != op)
			continue;
		failing[i] = (struct failing){op, op->on_done, error};
		op->on_done = on_failing_done;
		return;
	}
}

/* True: it is not to be done, and will be told so. */
static bool io_fails(struct io_loop *loop, struct io_op *op, const int errors[3])
{
	int error = errors[torture.count % 3];
	if (strikes(TORTURE_IO)) {
		watch(op, error);
		io_defer(loop, op);
		return true;
	}
	if (strikes(TORTURE_IO_DONE))
		watch(op, error);
	return false;
}

void torture_io_connect(struct io_loop *loop, struct io_op *op, const struct net_address *to,
			const struct net_address *from);
void torture_io_send(struct io_loop *loop, struct io_send *send, int fd, const struct iovec *spans,
		     size_t count);
void torture_io_write(struct io_loop *loop, struct io_op *op, int fd, const void *data,
		      size_t size, uint64_t offset);
void torture_io_fdatasync(struct io_loop *loop, struct io_op *op, int fd);

void torture_io_connect(struct io_loop *loop, struct io_op *op, const struct net_address *to,
			const struct net_address *from)
{
	/* What was connected and then disowned would stay open for ever: only not done. */
	static const int errors[3] = {-EMFILE, -EADDRNOTAVAIL, -ENETUNREACH};
	if (strikes(TORTURE_IO)) {
		watch(op, errors[torture.count % 3]);
		io_defer(loop, op);
	} else {
		io_connect(loop, op, to, from);
	}
}

void torture_io_send(struct io_loop *loop, struct io_send *send, int fd, const struct iovec *spans,
		     size_t count)
{
	static const int errors[3] = {-ECONNRESET, -ENOBUFS, -ETIMEDOUT};
	if (!io_fails(loop, &send->op, errors))
		io_send(loop, send, fd, spans, count);
}

void torture_io_write(struct io_loop *loop, struct io_op *op, int fd, const void *data,
		      size_t size, uint64_t offset)
{
	static const int errors[3] = {-ENOSPC, -EIO, -EROFS};
	if (!io_fails(loop, op, errors))
		io_write(loop, op, fd, data, size, offset);
}

void torture_io_fdatasync(struct io_loop *loop, struct io_op *op, int fd)
{
	static const int errors[3] = {-EIO, -ENOSPC, -EDQUOT};
	if (!io_fails(loop, op, errors))
		io_fdatasync(loop, op, fd);
}

/* ---- statements ---- */

static struct {
	struct store_request *request;
	void (*on_done)(struct store_request *);
} lost[FAILING_LIMIT];

static void on_lost_done(struct store_request *request)
{
	for (size_t i = 0; i < FAILING_LIMIT; i++) {
		if (lost[i].request != request)
			continue;
		lost[i].request = NULL;
		request->on_done = lost[i].on_done;
		request->result = STORE_LOST;
		snprintf(request->why, sizeof(request->why), "the answer was lost");
		request->on_done(request);
		return;
	}
}

static bool statement_fails(struct store *store, struct store_request *request, const char *name)
{
	if (strikes_at(TORTURE_STORE_RETRY, name)) {
		snprintf(request->why, sizeof(request->why), "deadlock detected");
		answer(store, request, STORE_RETRY);
		return true;
	}
	if (strikes_at(TORTURE_STORE_LOST, name)) {
		snprintf(request->why, sizeof(request->why), "the connection is lost");
		answer(store, request, STORE_LOST);
		return true;
	}
	for (size_t i = 0; i < FAILING_LIMIT && strikes_at(TORTURE_STORE_DONE, name); i++) {
		if (lost[i].request)
			continue;
		lost[i].request = request;
		lost[i].on_done = request->on_done;
		request->on_done = on_lost_done;
		break;
	}
	return false;
}

#define STATEMENT(name)                                                                        \
	void torture_##name(struct store *store, struct name *ask);                            \
	void torture_##name(struct store *store, struct name *ask)                             \
	{                                                                                      \
		if (!statement_fails(store, &ask->request, #name))                             \
			name(store, ask);                                                      \
	}

STATEMENT(store_join)
STATEMENT(store_heartbeat)
STATEMENT(store_leave)
STATEMENT(store_draw)
STATEMENT(store_known)
STATEMENT(store_memory_load)
STATEMENT(store_memory_save)
STATEMENT(store_campaign)
STATEMENT(store_running)
STATEMENT(store_cut)
STATEMENT(store_read)
STATEMENT(store_mark)
STATEMENT(store_stop_feed)
STATEMENT(store_claim_due)
STATEMENT(store_put_back)
STATEMENT(store_settle)
STATEMENT(store_position)
STATEMENT(store_recover)
STATEMENT(store_finish)
STATEMENT(store_hosts_load)
STATEMENT(store_hosts_save)
STATEMENT(store_tls_save)
STATEMENT(store_claim_outbox)
STATEMENT(store_incident)
STATEMENT(store_providers_load)
STATEMENT(store_warmup)
STATEMENT(store_paths_save)
STATEMENT(store_domains_save)
STATEMENT(store_health)
STATEMENT(store_hold)
STATEMENT(store_zones)

/* A lease whose answer was lost is the model's own affair (sim_store.c). */
void torture_store_lease(struct store *store, struct store_lease *ask);
void torture_store_lease(struct store *store, struct store_lease *ask)
{
	unsigned *rate = &world->rate[FAULT_STORE_AFTER], before = *rate;
	if (torture.kind == TORTURE_STORE_DONE)
		*rate = strikes(TORTURE_STORE_DONE) ? 1000 : before;
	else if (statement_fails(store, &ask->request, "store_lease"))
		return;
	store_lease(store, ask);
	*rate = before;
}

/* ---- TLS ---- */

int torture_tls_context_create(struct tls_context **ret_context,
			       const struct tls_context_config *config);
struct tls_session *torture_tls_session_create(struct tls_context *context,
					       const struct tls_target *target);
void torture_tls_feed(struct tls_session *session, str cipher);

int torture_tls_context_create(struct tls_context **ret_context,
			       const struct tls_context_config *config)
{
	return strikes(TORTURE_TLS) ? -ENOMEM : tls_context_create(ret_context, config);
}

struct tls_session *torture_tls_session_create(struct tls_context *context,
					       const struct tls_target *target)
{
	return strikes(TORTURE_TLS) ? NULL : tls_session_create(context, target);
}

void torture_tls_feed(struct tls_session *session, str cipher)
{
	tls_feed(session, strikes(TORTURE_TLS) ? STR("no such record\n") : cipher);
}

/* ---- DNS ---- */

static struct {
	struct dns_question *question;
	void (*on_answer)(struct dns_question *, const struct dns_answer *);
} unanswered[FAILING_LIMIT];

static void on_no_answer(struct dns_question *question, const struct dns_answer *answered)
{
	const struct dns_answer none = {.status = DNS_TEMPORARY, .why = "nobody answers"};
	(void)answered;
	for (size_t i = 0; i < FAILING_LIMIT; i++) {
		if (unanswered[i].question != question)
			continue;
		unanswered[i].question = NULL;
		question->on_answer = unanswered[i].on_answer;
		question->on_answer(question, &none);
		return;
	}
}

static void question_may_fail(struct dns_question *question)
{
	for (size_t i = 0; i < FAILING_LIMIT && strikes(TORTURE_DNS); i++) {
		if (unanswered[i].question)
			continue;
		unanswered[i].question = question;
		unanswered[i].on_answer = question->on_answer;
		question->on_answer = on_no_answer;
		return;
	}
}

#define QUESTION(name)                                                                         \
	void torture_##name(struct resolver *resolver, struct dns_question *question,          \
			    str subject);                                                      \
	void torture_##name(struct resolver *resolver, struct dns_question *question,          \
			    str subject)                                                       \
	{                                                                                      \
		question_may_fail(question);                                                   \
		name(resolver, question, subject);                                             \
	}

QUESTION(resolve_mx)
QUESTION(resolve_address)
QUESTION(resolve_text)
QUESTION(resolve_tlsa)
