/* proxy.c - see proxy.h.
 * What belongs together is passed on together: frames of a client up to a Sync, a Query or the
 * end of a COPY are one round trip (PostgreSQL's manual, 55.7). A statement outside a
 * transaction commits by itself: the server's last ReadyForQuery tells whether it is. */
#include "tests/history/proxy.h"

#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/base/assert.h"

#define GROUP_LIMIT (4u << 20)

static struct {
	char folder[64], socket_path[108], real_path[108], conninfo[1024];
	int listener;
	pthread_t thread;
	pthread_mutex_t lock;
	enum proxy_cut cut;
	unsigned trip, trips;
	bool struck;
} proxy = {.listener = -1, .lock = PTHREAD_MUTEX_INITIALIZER};

struct pipe {
	int client, server;
	bool started; /* the startup message, which has no type, is through */
	char status;  /* of the last ReadyForQuery */
	uint32_t pid;
	unsigned char *group; /* what the client said and is not passed on yet */
	size_t group_size;
	unsigned char head[10]; /* of the server's frame that is being read, */
	size_t head_size, left; /* and how much of it is to come */
	bool cut; /* so that its client shall not find anything held by it */
};

static uint32_t number_at(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static bool send_all(int fd, const unsigned char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
		bytes += sent;
		size -= (size_t)sent;
	}
	return true;
}

/* ---- what the server says ---- */

static void end_of_head(struct pipe *p)
{
	uint32_t size = number_at(p->head + 1);
	if (p->head[0] == 'Z')
		p->status = (char)p->head[5];
	if (p->head[0] == 'K')
		p->pid = number_at(p->head + 5);
	p->left = 1 + size - p->head_size;
	p->head_size = 0;
}

/* Follows the frames; true when a ReadyForQuery was among them. */
static bool follow_server(struct pipe *p, const unsigned char *bytes, size_t size)
{
	bool ready = false;
	while (size > 0) {
		size_t skipped = p->left < size ? p->left : size;
		p->left -= skipped;
		bytes += skipped;
		size -= skipped;
		if (size == 0)
			break;
		p->head[p->head_size++] = *bytes++;
		size--;
		size_t wanted = p->head[0] == 'Z' ? 6 : p->head[0] == 'K' ? 9 : 5;
		if (p->head_size < wanted)
			continue;
		ready |= p->head[0] == 'Z';
		end_of_head(p);
	}
	return ready;
}

/* ---- what the client says ---- */

/* How many bytes of what is there are whole round trips; *ret_commits: the first of them ends a
 * transaction, or is one. 0: more must come. */
static size_t whole_trip(const struct pipe *p, bool *ret_commits)
{
	const unsigned char *at = p->group, *end = at + p->group_size;
	bool executes = false;
	*ret_commits = false;
	if (!p->started)
		return end - at >= 4 && (size_t)(end - at) >= number_at(at) ? number_at(at) : 0;
	while (end - at >= 5) {
		size_t size = 1 + (size_t)number_at(at + 1);
		if ((size_t)(end - at) < size)
			return 0;
		char type = (char)*at;
		const char *text = (const char *)at + 5;
		executes |= type == 'E';
		at += size;
		if (type == 'Q')
			*ret_commits = strcmp(text, "commit") == 0 ||
				       strcmp(text, "rollback") == 0;
		if (type == 'S')
			*ret_commits = executes && p->status == 'I';
		if (type == 'Q' || type == 'S' || type == 'c' || type == 'f' || type == 'X')
			return (size_t)(at - p->group);
	}
	return 0;
}

/* What is to be done with a round trip. */
static enum proxy_cut judge(const struct pipe *p, bool commits)
{
	enum proxy_cut cut = PROXY_NONE;
	if (!p->started || p->group[0] == 'X')
		return PROXY_NONE;
	pthread_mutex_lock(&proxy.lock);
	bool here = proxy.cut == PROXY_AFTER ? commits : commits || proxy.trips >= proxy.trip;
	proxy.trips++;
	if (proxy.cut != PROXY_NONE && here) {
		cut = proxy.cut;
		proxy.cut = PROXY_NONE;
		proxy.struck = true;
	}
	pthread_mutex_unlock(&proxy.lock);
	return cut;
}

static void say_nothing(void *, const char *)
{
}

/* And waits until it is gone: what it held is free when anybody learns of it. */
static void kill_backend(uint32_t pid)
{
	char statement[120];
	PGconn *conn = PQconnectdb(proxy.conninfo);
	PQsetNoticeProcessor(conn, say_nothing, NULL); /* it may be gone already */
	snprintf(statement, sizeof(statement),
		 "select pg_terminate_backend(pid, 10000) from pg_stat_activity where pid = %u",
		 pid);
	PQclear(PQexec(conn, statement));
	PQfinish(conn);
}

/* Reads the answer and keeps it. */
static void swallow_answer(struct pipe *p)
{
	unsigned char bytes[16384];
	for (;;) {
		ssize_t size = recv(p->server, bytes, sizeof(bytes), 0);
		if (size <= 0 || follow_server(p, bytes, (size_t)size))
			return;
	}
}

/* One round trip; false: the connection is cut. */
static bool pass_on(struct pipe *p, size_t size, bool commits)
{
	enum proxy_cut cut = judge(p, commits);
	p->cut = cut != PROXY_NONE;
	if (cut == PROXY_BEFORE)
		return false;
	if (cut == PROXY_KILL)
		kill_backend(p->pid); /* its last words come by themselves */
	else if (!send_all(p->server, p->group, size))
		return false;
	p->started = true;
	p->group_size -= size;
	memmove(p->group, p->group + size, p->group_size);
	if (cut == PROXY_AFTER)
		swallow_answer(p);
	return cut != PROXY_AFTER;
}

static bool from_client(struct pipe *p)
{
	bool commits;
	ASSERT(p->group_size < GROUP_LIMIT);
	ssize_t got =
		recv(p->client, p->group + p->group_size, GROUP_LIMIT - p->group_size, 0);
	if (got <= 0)
		return false;
	p->group_size += (size_t)got;
	for (size_t size; (size = whole_trip(p, &commits)) > 0;)
		if (!pass_on(p, size, commits))
			return false;
	return true;
}

static bool from_server(struct pipe *p)
{
	unsigned char bytes[65536];
	ssize_t got = recv(p->server, bytes, sizeof(bytes), 0);
	if (got <= 0)
		return false;
	follow_server(p, bytes, (size_t)got);
	return send_all(p->client, bytes, (size_t)got);
}

static int connect_real(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(address.sun_path, proxy.real_path, sizeof(address.sun_path));
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void *serve_one(void *context)
{
	struct pipe p = {.client = (int)(intptr_t)context, .server = connect_real()};
	p.group = malloc(GROUP_LIMIT);
	bool open = p.server >= 0 && p.group;
	while (open) {
		struct pollfd both[2] = {{.fd = p.client, .events = POLLIN},
					 {.fd = p.server, .events = POLLIN}};
		poll(both, 2, -1);
		if (both[1].revents)
			open = from_server(&p);
		if (open && both[0].revents)
			open = from_client(&p);
	}
	if (p.server >= 0)
		close(p.server);
	if (p.cut)
		kill_backend(p.pid);
	close(p.client);
	free(p.group);
	return NULL;
}

static void *serve(void *)
{
	for (int fd; (fd = accept4(proxy.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
		pthread_t thread;
		pthread_attr_t detached;
		pthread_attr_init(&detached);
		pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
		if (pthread_create(&thread, &detached, serve_one, (void *)(intptr_t)fd) != 0)
			close(fd);
		pthread_attr_destroy(&detached);
	}
	return NULL;
}

/* host= and port= of a conninfo. */
static bool find_real(const char *conninfo)
{
	const char *host = NULL, *port = "5432";
	PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
	for (PQconninfoOption *o = options; o && o->keyword; o++) {
		if (strcmp(o->keyword, "host") == 0)
			host = o->val;
		if (strcmp(o->keyword, "port") == 0 && o->val)
			port = o->val;
	}
	bool good = host && host[0] == '/' &&
		    snprintf(proxy.real_path, sizeof(proxy.real_path), "%s/.s.PGSQL.%s", host,
			     port) < (int)sizeof(proxy.real_path);
	PQconninfoFree(options);
	snprintf(proxy.conninfo, sizeof(proxy.conninfo), "%s", conninfo);
	return good;
}

bool proxy_start(const char *conninfo, char *ret_conninfo, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(proxy.folder, sizeof(proxy.folder), "/var/tmp/rundbrief-proxy.XXXXXX");
	if (!find_real(conninfo) || !mkdtemp(proxy.folder))
		return false;
	snprintf(proxy.socket_path, sizeof(proxy.socket_path), "%s/.s.PGSQL.5432",
		 proxy.folder);
	memcpy(address.sun_path, proxy.socket_path, sizeof(address.sun_path));
	proxy.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(proxy.listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(proxy.listener, 64) != 0 ||
	    pthread_create(&proxy.thread, NULL, serve, NULL) != 0)
		return false;
	snprintf(ret_conninfo, size, "%s host=%s port=5432", conninfo, proxy.folder);
	return true;
}

void proxy_stop(void)
{
	if (proxy.listener < 0)
		return;
	shutdown(proxy.listener, SHUT_RDWR);
	pthread_join(proxy.thread, NULL);
	close(proxy.listener);
	proxy.listener = -1;
	unlink(proxy.socket_path);
	rmdir(proxy.folder);
}

void proxy_arm(enum proxy_cut cut, unsigned trip)
{
	pthread_mutex_lock(&proxy.lock);
	proxy.cut = cut;
	proxy.trip = trip;
	proxy.trips = 0;
	proxy.struck = false;
	pthread_mutex_unlock(&proxy.lock);
}

bool proxy_disarm(void)
{
	pthread_mutex_lock(&proxy.lock);
	bool struck = proxy.struck;
	proxy.cut = PROXY_NONE;
	pthread_mutex_unlock(&proxy.lock);
	return struck;
}

unsigned proxy_trips(void)
{
	pthread_mutex_lock(&proxy.lock);
	unsigned trips = proxy.trips;
	pthread_mutex_unlock(&proxy.lock);
	return trips;
}
