/* tls_pipe.c - see tls_pipe.h. OpenSSL's own memory BIO copies all output once more when it is
 * taken and never gives memory back; here output is shown where it was written, and a session
 * at rest holds no buffer. */
#include "engine/net/tls_pipe.h"

#include <pthread.h>
#include <stdlib.h>

#include "engine/base/assert.h"

#define FIRST_CAPACITY 512
/* Alerts, handshakes, answers to key updates: more than this of them unsent means a peer that
 * makes us write without ever reading. A chain of certificates may take 100 KB. */
#define UNASKED_LIMIT 262144

static void bytes_done(struct tls_bytes *b)
{
	free(b->data);
	*b = (struct tls_bytes){};
}

static str bytes_str(const struct tls_bytes *b)
{
	return (str){b->data + b->start, b->size - b->start};
}

static bool bytes_reserve(struct tls_bytes *b, size_t more)
{
	if (b->start > 0 && b->start >= b->size - b->start) {
		memmove(b->data, b->data + b->start, b->size - b->start);
		b->size -= b->start;
		b->start = 0;
	}
	if (more <= b->capacity - b->size)
		return true;
	size_t capacity = b->capacity ? 2 * b->capacity : FIRST_CAPACITY;
	if (capacity < b->size + more)
		capacity = b->size + more;
	char *grown = realloc(b->data, capacity);
	if (!grown)
		return false;
	b->data = grown;
	b->capacity = capacity;
	return true;
}

static bool bytes_append(struct tls_bytes *b, str more)
{
	if (!bytes_reserve(b, more.size))
		return false;
	memcpy(b->data + b->size, more.data, more.size);
	b->size += more.size;
	return true;
}

static size_t take(str *from, char *out, size_t size)
{
	str part = str_sub(*from, 0, size);
	if (part.size > 0)
		memcpy(out, part.data, part.size);
	*from = str_from(*from, part.size);
	return part.size;
}

static int on_read(BIO *bio, char *out, size_t size, size_t *ret_size)
{
	struct tls_pipe *p = BIO_get_data(bio);
	str kept = bytes_str(&p->kept);
	BIO_clear_retry_flags(bio);
	*ret_size = take(&kept, out, size);
	p->kept.start = p->kept.size - kept.size;
	if (kept.size == 0) {
		if (p->kept.data)
			bytes_done(&p->kept);
		*ret_size += take(&p->fed, out + *ret_size, size - *ret_size);
	}
	if (*ret_size > 0)
		return 1;
	BIO_set_retry_read(bio);
	return 0;
}

static int on_write(BIO *bio, const char *data, size_t size, size_t *ret_size)
{
	struct tls_pipe *p = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	*ret_size = 0;
	if (!p->asked && (p->unasked_size += size) > UNASKED_LIMIT)
		return 0;
	if (!bytes_append(&p->gathering, (str){data, size}))
		return 0;
	*ret_size = size;
	return 1;
}

static long on_control(BIO *, int command, long, void *)
{
	return command == BIO_CTRL_FLUSH; /* the one that OpenSSL insists on */
}

/* One for the process: it must outlive every BIO, and contexts end in any order. */
static BIO_METHOD *method;

static void make_method(void)
{
	BIO_METHOD *made = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "memory of a session");
	if (made && BIO_meth_set_read_ex(made, on_read) &&
	    BIO_meth_set_write_ex(made, on_write) && BIO_meth_set_ctrl(made, on_control))
		method = made;
	else
		BIO_meth_free(made);
}

BIO *tls_pipe_open(struct tls_pipe *p)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, make_method);
	BIO *bio = method ? BIO_new(method) : NULL;
	if (!bio)
		return NULL;
	BIO_set_data(bio, p);
	BIO_set_init(bio, 1);
	return bio;
}

void tls_pipe_done(struct tls_pipe *p)
{
	bytes_done(&p->kept);
	bytes_done(&p->shown);
	bytes_done(&p->gathering);
}

bool tls_pipe_keep(struct tls_pipe *p)
{
	bool fits = p->fed.size == 0 || bytes_append(&p->kept, p->fed);
	p->fed = (str){};
	return fits;
}

bool tls_pipe_has_input(const struct tls_pipe *p)
{
	return p->kept.size > p->kept.start;
}

void tls_pipe_expect(struct tls_pipe *p, size_t size)
{
	/* A failure is met again, and told, when the bytes come. */
	(void)bytes_reserve(&p->gathering, size);
}

str tls_pipe_output(struct tls_pipe *p)
{
	if (p->shown.start == p->shown.size) {
		bytes_done(&p->shown);
		p->shown = p->gathering;
		p->gathering = (struct tls_bytes){};
	}
	return bytes_str(&p->shown);
}

void tls_pipe_sent(struct tls_pipe *p, size_t size)
{
	ASSERT(size <= p->shown.size - p->shown.start);
	p->shown.start += size;
	if (p->shown.start < p->shown.size)
		return;
	bytes_done(&p->shown);
	if (p->gathering.size == 0)
		p->unasked_size = 0;
}
