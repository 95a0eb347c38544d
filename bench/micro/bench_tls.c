/* bench_tls.c - what TLS costs a sender: a message of 10 KB in four spans sealed and taken from
 * the output, a reply of 150 bytes fed and read, handshakes as they come and resumed, and the
 * memory of a session at rest. Both ends in memory, each timed alone. CPU time of the thread,
 * best of several rounds. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/micro/yardstick.h"
#include "engine/net/tls.h"

enum { ROUNDS = 100, MESSAGES = 500, HANDSHAKES = 20, RESTING = 200 };

struct end {
	struct tls_session *session;
	double cost_usec;
};

static struct tls_context *client_context, *server_context;

static size_t memory_used(void)
{
	return mallinfo2().uordblks;
}

/* What from has to say is fed to to, on to's account. */
static size_t carry(struct end *from, struct end *to)
{
	char plain[16384];
	double start = cpu_usec();
	str output = tls_output(from->session);
	tls_feed(to->session, output);
	while (tls_read(to->session, plain, sizeof plain) > 0)
		;
	to->cost_usec += cpu_usec() - start;
	tls_sent(from->session, output.size);
	return output.size;
}

static void shake_hands(struct end *client, struct end *server, str host)
{
	const struct tls_target target = {.host = host};
	double start = cpu_usec();
	client->session = tls_session_create(client_context, &target);
	client->cost_usec = cpu_usec() - start;
	server->session = tls_session_create(server_context, NULL);
	server->cost_usec = 0;
	while (carry(client, server) + carry(server, client) > 0)
		;
	if (tls_state(client->session) != TLS_OPEN || tls_state(server->session) != TLS_OPEN) {
		printf("%s\n", tls_describe(client->session));
		exit(1);
	}
}

static void hang_up(struct end *client, struct end *server)
{
	double start = cpu_usec();
	tls_session_destroy(client->session);
	client->cost_usec += cpu_usec() - start;
	tls_session_destroy(server->session);
}

/* A full one is one with a host never met. */
static void time_handshakes(bool resumed)
{
	double best_client = 1e9, best_server = 1e9;
	size_t before = memory_used();
	unsigned resumed_count = 0;
	for (int round = 0; round < ROUNDS; round++) {
		double client_usec = 0, server_usec = 0;
		for (int i = 0; i < HANDSHAKES; i++) {
			struct end client, server;
			char host[64] = "mx.example";
			if (!resumed)
				snprintf(host, sizeof host, "mx%d-%d.example", round, i);
			shake_hands(&client, &server, str_of(host));
			resumed_count += tls_resumed(client.session);
			hang_up(&client, &server);
			client_usec += client.cost_usec / HANDSHAKES;
			server_usec += server.cost_usec / HANDSHAKES;
		}
		best_client = client_usec < best_client ? client_usec : best_client;
		best_server = server_usec < best_server ? server_usec : best_server;
	}
	printf("handshake, %-8s  client %6.1f us  server %6.1f us  resumed %u of %u\n",
	       resumed ? "resumed" : "full", best_client, best_server, resumed_count,
	       ROUNDS * HANDSHAKES);
	if (!resumed)
		printf("tickets of a host    %6.1f KB\n",
		       (double)(memory_used() - before) / (ROUNDS * HANDSHAKES) / 1024);
}

static void time_seal(struct end *client, size_t size)
{
	static char message[65536];
	double best = 1e9;
	const struct iovec spans[4] = {{message, 80},
				       {message + 80, 600},
				       {message + 680, size - 685},
				       {message + size - 5, 5}};
	for (int round = 0; round < ROUNDS; round++) {
		double start = cpu_usec();
		for (int i = 0; i < MESSAGES; i++) {
			tls_write(client->session, spans, 4);
			for (str out; (out = tls_output(client->session)).size > 0;)
				tls_sent(client->session, out.size);
		}
		double each = (cpu_usec() - start) / MESSAGES;
		best = each < best ? each : best;
	}
	printf("seal of %5zu bytes   %6.2f us\n", size, best);
}

static void time_reply(struct end *client, struct end *server)
{
	static char reply[150];
	const struct iovec span = {reply, sizeof reply};
	double best = 1e9;
	for (int round = 0; round < ROUNDS; round++) {
		client->cost_usec = 0;
		for (int i = 0; i < MESSAGES; i++) {
			tls_write(server->session, &span, 1);
			(void)carry(server, client);
		}
		best = client->cost_usec / MESSAGES < best ? client->cost_usec / MESSAGES
							   : best;
	}
	printf("reply of   150 bytes   %6.2f us (two looks at the clock with it)\n", best);
}

static void weigh_sessions(void)
{
	static struct end clients[RESTING], servers[RESTING];
	const struct iovec span = {"250 ok\r\n", 8};
	for (int i = 0; i < RESTING; i++) {
		shake_hands(&clients[i], &servers[i], STR("mx.example"));
		tls_write(clients[i].session, &span, 1);
		(void)carry(&clients[i], &servers[i]);
		tls_write(servers[i].session, &span, 1);
		(void)carry(&servers[i], &clients[i]);
	}
	size_t before = memory_used();
	for (int i = 0; i < RESTING; i++)
		tls_session_destroy(clients[i].session);
	printf("a client at rest     %6.1f KB\n",
	       (double)(before - memory_used()) / RESTING / 1024);
	for (int i = 0; i < RESTING; i++)
		tls_session_destroy(servers[i].session);
}

int main(void)
{
	struct tls_context_config config = {.role = TLS_SERVER};
	struct end client, server;
	if (tls_context_create(&server_context, &config))
		return 1;
	config.role = TLS_CLIENT;
	if (tls_context_create(&client_context, &config))
		return 1;
	shake_hands(&client, &server, STR("mx.example"));
	printf("%s\n", tls_describe(client.session));
	time_reply(&client, &server);
	time_seal(&client, 1024);
	time_seal(&client, 10240);
	time_seal(&client, 51200);
	hang_up(&client, &server);
	weigh_sessions();
	time_handshakes(false);
	time_handshakes(true);
	tls_context_destroy(client_context);
	tls_context_destroy(server_context);
	return 0;
}
