/* fetch.c - HTTPS requests by libcurl in a thread of its own.
 * The loop's thread puts questions into a chain and wakes libcurl; the fetcher's thread has
 * some of them under way at once, so that one slow server holds up no other, and puts those
 * that are answered into a second chain; an eventfd under poll brings them back onto the loop.
 * A question belongs to the thread in whose chain it is. The surprising thing: every question
 * gets a new handle, since a handle remembers connections and addresses, and what was right
 * for one question (question.address) is wrong for the next. */
#include "engine/net/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/base/buf.h"

#define UNDER_WAY_LIMIT 16 /* requests at once; a mail engine has few */
#define TIMEOUT_DEFAULT USEC_MINUTE
#define IDLE_MS 60000 /* wake-ups come when something happens; this one is a mere formality */

/* The eventfd under poll; it outlives the fetcher until the loop has let go of it. */
struct watch {
	struct io_poll poll;
	struct fetcher *fetcher; /* NULL: destroyed */
};

struct fetcher {
	struct io_loop *loop;
	struct watch *watch;
	char *ca_file; /* NULL: the system's */
	CURLM *multi;
	pthread_t thread;
	bool running;
	pthread_mutex_t mutex; /* of the two chains */
	struct chain asked, told;
	struct chain under_way; /* transfers: the thread's own */
	_Atomic bool stop;
};

struct transfer {
	struct chain_link link;
	struct fetch_question *question;
	CURL *curl;
	CURLU *url;
	struct curl_slist *resolve;
	bool too_long;
	char host[256];
	char error[CURL_ERROR_SIZE];
};

/* ---- the fetcher's thread ---- */

static void answer(struct fetcher *f, struct fetch_question *q)
{
	uint64_t one = 1;
	int fd = f->watch->poll.fd;
	pthread_mutex_lock(&f->mutex);
	chain_push_back(&f->told, &q->link);
	pthread_mutex_unlock(&f->mutex);
	ssize_t written = write(fd, &one, sizeof one);
	(void)written; /* only a full counter fails, and that one is readable */
}

static void fail(struct fetch_question *q, str host, const char *why)
{
	struct buf out;
	buf_init_fixed(&out, q->why, sizeof q->why - 1);
	buf_put_printable(&out, host, 80);
	buf_put_cstr(&out, host.size ? ": " : "");
	buf_put_printable(&out, str_of(why), 100);
	q->why[out.size] = '\0';
	q->result = -1;
}

static void transfer_free(struct transfer *t)
{
	curl_easy_cleanup(t->curl);
	curl_url_cleanup(t->url);
	curl_slist_free_all(t->resolve);
	free(t);
}

static size_t on_body(char *data, size_t one, size_t count, void *context)
{
	struct transfer *t = context;
	struct fetch_question *q = t->question;
	size_t size = one * count;
	/* All of it at once: a buffer that grows leaves copies of tokens behind. */
	if (!q->memory)
		q->memory = malloc(FETCH_BODY_LIMIT);
	t->too_long = size > FETCH_BODY_LIMIT - q->body.size;
	if (!q->memory || t->too_long)
		return CURL_WRITEFUNC_ERROR;
	memcpy(q->memory + q->body.size, data, size);
	q->body = str_make(q->memory, q->body.size + size);
	return size;
}

/* Takes the URL apart; NULL, or why it is not to be asked. */
static const char *parse_url(struct transfer *t)
{
	const struct fetch_question *q = t->question;
	char *scheme = NULL, *host = NULL;
	const char *why = "this is no URL that can be fetched";
	struct net_address address;
	if (curl_url_set(t->url, CURLUPART_URL, q->url, CURLU_DISALLOW_USER) != CURLUE_OK ||
	    curl_url_get(t->url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(t->url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		goto out;
	str bare = str_of(host);
	if (str_starts(bare, STR("[")) && str_ends(bare, STR("]")))
		bare = str_sub(bare, 1, bare.size - 2);
	if (!str_to_cstr(bare, t->host, sizeof t->host))
		goto out;
	why = NULL;
	if (strcmp(scheme, "https") == 0)
		goto out;
	why = "only https is fetched, and http from a loopback address";
	if (strcmp(scheme, "http") == 0 && net_address_parse(bare, 0, &address) &&
	    net_address_is_loopback(&address) &&
	    (q->address.sa.sa_family == AF_UNSPEC || net_address_is_loopback(&q->address)))
		why = NULL;
out:
	curl_free(scheme);
	curl_free(host);
	return why;
}

/* "mta-sts.example.com:443:192.0.2.1"; libcurl wants IPv6 addresses in brackets. */
static bool set_address(struct transfer *t)
{
	const struct net_address *address = &t->question->address;
	char text[46], entry[400], *port;
	if (address->sa.sa_family == AF_UNSPEC)
		return true;
	if (curl_url_get(t->url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return false;
	net_address_format(address, text);
	bool six = address->sa.sa_family == AF_INET6;
	snprintf(entry, sizeof entry, "%s:%s:%s%s%s", t->host, port, six ? "[" : "", text,
		 six ? "]" : "");
	curl_free(port);
	t->resolve = curl_slist_append(NULL, entry);
	return t->resolve && curl_easy_setopt(t->curl, CURLOPT_RESOLVE, t->resolve) == CURLE_OK;
}

/* What is a default of libcurl is said again where a mail engine's safety hangs on it. */
static bool set_options(struct fetcher *f, struct transfer *t)
{
	CURL *c = t->curl;
	const struct fetch_question *q = t->question;
	usec timeout = q->timeout > 0 ? q->timeout : TIMEOUT_DEFAULT;
	unsigned bad = 0;
	bad |= curl_easy_setopt(c, CURLOPT_CURLU, t->url);
	bad |= curl_easy_setopt(c, CURLOPT_PRIVATE, t);
	bad |= curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->error);
	bad |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	bad |= curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L); /* waits for no resolver */
	bad |= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	bad |= curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	bad |= curl_easy_setopt(c, CURLOPT_PROXY, ""); /* none, whatever the environment says */
	bad |= curl_easy_setopt(c, CURLOPT_NETRC, CURL_NETRC_IGNORED);
	bad |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	bad |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	bad |= curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	bad |= curl_easy_setopt(c, CURLOPT_USERAGENT, "rundbrief");
	bad |= curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)usec_max(1, timeout / USEC_MS));
	bad |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	bad |= curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	if (f->ca_file) {
		bad |= curl_easy_setopt(c, CURLOPT_CAINFO, f->ca_file);
		bad |= curl_easy_setopt(c, CURLOPT_CAPATH, NULL); /* nobody else's word */
	}
	if (q->form.size > 0) {
		bad |= curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)q->form.size);
		bad |= curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->form.data);
	}
	return bad == CURLE_OK && set_address(t);
}

static void begin(struct fetcher *f, struct fetch_question *q)
{
	const char *why = "out of memory";
	struct transfer *t = calloc(1, sizeof *t);
	if (!t) {
		fail(q, (str){}, why);
		answer(f, q);
		return;
	}
	t->question = q;
	t->curl = curl_easy_init();
	t->url = curl_url();
	if (!t->curl || !t->url)
		goto fail;
	why = parse_url(t);
	if (why)
		goto fail;
	why = "the request could not be made";
	if (!set_options(f, t) || curl_multi_add_handle(f->multi, t->curl) != CURLM_OK)
		goto fail;
	chain_push_back(&f->under_way, &t->link);
	return;
fail:
	fail(q, str_of(t->host), why);
	transfer_free(t);
	answer(f, q);
}

static void begin_some(struct fetcher *f)
{
	while (f->under_way.count < UNDER_WAY_LIMIT) {
		pthread_mutex_lock(&f->mutex);
		struct chain_link *link = chain_pop(&f->asked);
		pthread_mutex_unlock(&f->mutex);
		if (!link)
			return;
		begin(f, CHAIN_OWNER(link, struct fetch_question, link));
	}
}

/* "text/plain; charset=utf-8" -> "text/plain"; one that does not fit is none. */
static void set_media_type(struct fetch_question *q, const char *header)
{
	str rest = str_of(header);
	str type = str_trim(str_cut(&rest, ';'));
	if (!str_to_cstr(type, q->media_type, sizeof q->media_type))
		return;
	for (char *c = q->media_type; *c; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + ('a' - 'A'));
		else if (*c <= ' ' || *c > 126)
			*c = '?';
	}
}

static bool is_about_trust(CURLcode code)
{
	return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
	       code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_INVALIDCERTSTATUS;
}

static void end(struct fetcher *f, struct transfer *t, CURLcode code)
{
	struct fetch_question *q = t->question;
	char *type = NULL;
	curl_multi_remove_handle(f->multi, t->curl);
	chain_remove(&f->under_way, &t->link);
	if (code == CURLE_OK) {
		q->result = 0;
		curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &q->status);
		curl_easy_getinfo(t->curl, CURLINFO_CONTENT_TYPE, &type);
		set_media_type(q, type);
	} else {
		q->untrusted = is_about_trust(code);
		const char *why = t->error[0] ? t->error : curl_easy_strerror(code);
		fail(q, str_of(t->host),
		     t->too_long ? "the answer is longer than 64 KiB" : why);
	}
	transfer_free(t);
	answer(f, q);
}

static void end_some(struct fetcher *f)
{
	int left;
	for (CURLMsg *m; (m = curl_multi_info_read(f->multi, &left));) {
		struct transfer *t;
		CURLcode code = m->data.result;
		if (curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t) == CURLE_OK)
			end(f, t, code);
	}
}

static void *fetcher_main(void *context)
{
	struct fetcher *f = context;
	int running;
	while (!atomic_load(&f->stop)) {
		begin_some(f);
		curl_multi_perform(f->multi, &running);
		size_t before = f->under_way.count;
		end_some(f);
		if (f->under_way.count == before)
			curl_multi_poll(f->multi, NULL, 0, IDLE_MS, NULL);
	}
	struct chain_link *link;
	while ((link = chain_pop(&f->under_way))) {
		struct transfer *t = CHAIN_OWNER(link, struct transfer, link);
		curl_multi_remove_handle(f->multi, t->curl);
		transfer_free(t);
	}
	return NULL;
}

/* ---- the loop's thread ---- */

static struct fetch_question *next_told(struct fetcher *f)
{
	pthread_mutex_lock(&f->mutex);
	struct chain_link *link = chain_pop(&f->told);
	pthread_mutex_unlock(&f->mutex);
	return link ? CHAIN_OWNER(link, struct fetch_question, link) : NULL;
}

static void on_told(struct io_poll *poll, int)
{
	struct watch *w = CHAIN_OWNER(poll, struct watch, poll);
	uint64_t count;
	if (read(poll->fd, &count, sizeof count) < 0)
		return;
	for (struct fetch_question *q; w->fetcher && (q = next_told(w->fetcher));)
		q->on_fetched(q);
}

static void on_watch_stopped(struct io_op *op, int)
{
	free(CHAIN_OWNER(op, struct watch, poll.op));
}

static void watch_destroy(struct io_loop *loop, struct watch *w)
{
	int fd = w->poll.fd;
	w->fetcher = NULL;
	if (!w->poll.op.busy) {
		if (fd >= 0)
			close(fd);
		free(w);
		return;
	}
	io_poll_stop(loop, &w->poll, on_watch_stopped);
	io_close(loop, fd);
}

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_begun;
static void begin_curl(void)
{
	curl_begun = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* Signals are for the threads that wait for them. */
static int start_thread(struct fetcher *f)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&f->thread, NULL, fetcher_main, f);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	f->running = error == 0;
	return -error;
}

static int open_all(struct fetcher *f, const struct fetch_config *config)
{
	pthread_once(&curl_once, begin_curl);
	f->multi = curl_begun == CURLE_OK ? curl_multi_init() : NULL;
	f->watch = calloc(1, sizeof *f->watch);
	if (!f->multi || !f->watch)
		return -ENOMEM;
	f->watch->fetcher = f;
	f->watch->poll.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (f->watch->poll.fd < 0)
		return -errno;
	if (config && config->ca_file && !(f->ca_file = strdup(config->ca_file)))
		return -ENOMEM;
	int result = start_thread(f);
	if (result < 0)
		return result;
	f->watch->poll.on_ready = on_told;
	io_poll_start(f->loop, &f->watch->poll, f->watch->poll.fd, POLLIN);
	return 0;
}

int fetcher_create(struct fetcher **ret_fetcher, struct io_loop *loop,
		   const struct fetch_config *config)
{
	struct fetcher *f = calloc(1, sizeof *f);
	if (!f)
		return -ENOMEM;
	f->loop = loop;
	pthread_mutex_init(&f->mutex, NULL);
	chain_init(&f->asked);
	chain_init(&f->told);
	chain_init(&f->under_way);
	int result = open_all(f, config);
	if (result < 0) {
		fetcher_destroy(f);
		return result;
	}
	*ret_fetcher = f;
	return 0;
}

void fetcher_destroy(struct fetcher *f)
{
	if (!f)
		return;
	if (f->running) {
		atomic_store(&f->stop, true);
		curl_multi_wakeup(f->multi);
		pthread_join(f->thread, NULL);
	}
	if (f->watch)
		watch_destroy(f->loop, f->watch);
	curl_multi_cleanup(f->multi);
	pthread_mutex_destroy(&f->mutex);
	free(f->ca_file);
	free(f);
}

void fetch(struct fetcher *f, struct fetch_question *q)
{
	fetch_question_done(q);
	q->result = 0;
	q->untrusted = false;
	q->status = 0;
	q->media_type[0] = q->why[0] = '\0';
	q->fetcher = f;
	chain_link_init(&q->link);
	pthread_mutex_lock(&f->mutex);
	chain_push_back(&f->asked, &q->link);
	pthread_mutex_unlock(&f->mutex);
	curl_multi_wakeup(f->multi);
}

void fetch_question_done(struct fetch_question *q)
{
	if (q->memory)
		OPENSSL_cleanse(q->memory, q->body.size);
	free(q->memory);
	q->memory = NULL;
	q->body = (str){};
}
