/* The sink: its rules as functions, and the whole of it in a process of its own, spoken to over
 * sockets. */
#include "tests/unit/cmocka_all.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/sink/sink.h"
#include "bench/sink/sink_message_id.h"

/* --- rules --- */

static void test_shares_are_read(void **)
{
	struct sink_rules r;
	sink_rules_init(&r);
	assert_true(sink_share_parse(STR("3%"), &r.reject));
	assert_true(r.reject.share > 0.0299 && r.reject.share < 0.0301);
	assert_int_equal(r.reject.code, 550);
	assert_true(sink_share_parse(STR("0.5%:452 4.2.2 over quota, sorry"), &r.defer));
	assert_int_equal(r.defer.code, 452);
	assert_string_equal(r.defer.status, "4.2.2");
	assert_string_equal(r.defer.text, "over quota, sorry");
	assert_true(sink_share_parse(STR("1%:421 come back"), &r.defer));
	assert_string_equal(r.defer.status, "");
	assert_string_equal(r.defer.text, "come back");
	const char *bad[] = {"",   "3",   "%",      "-1%",       "101%",
			     "x%", "3%:", "3%:abc", "3%:250 ok", "3%x"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(sink_share_parse(str_of(bad[i]), &r.defer));
}

static void test_fates_are_repeatable_and_their_shares_hold(void **)
{
	struct sink_rules r;
	int counts[5] = {};
	sink_rules_init(&r);
	r.reject.share = 0.03;
	r.defer.share = 0.05;
	r.drop_after_dot = 0.01;
	for (int i = 0; i < 100000; i++) {
		char text[40], shout[40];
		int size = snprintf(text, sizeof text, "user%d@one.test", i);
		snprintf(shout, sizeof shout, "USER%d@One.Test", i);
		uint64_t key = sink_recipient_key(&r, str_make(text, (size_t)size));
		assert_true(key == sink_recipient_key(&r, str_make(shout, (size_t)size)));
		counts[sink_recipient_fate(&r, key)]++;
		counts[FATE_DROP] += sink_end_fate(&r, key) == FATE_DROP;
	}
	assert_in_range(counts[FATE_REJECT], 2800, 3200);
	assert_in_range(counts[FATE_DEFER], 4700, 5300);
	assert_in_range(counts[FATE_DROP], 900, 1100);
	uint64_t key = sink_recipient_key(&r, STR("user1@one.test"));
	r.seed = 2;
	assert_true(key != sink_recipient_key(&r, STR("user1@one.test")));
}

static void test_tally_counts_keys_and_repetitions(void **)
{
	static struct sink_tally t;
	uint64_t distinct, repeated;
	sink_tally_init(&t);
	for (uint64_t i = 0; i < 20000; i++)
		assert_int_equal(sink_tally_add(&t, i * 0x9e3779b97f4a7c15), 0);
	for (uint64_t i = 0; i < 300; i++)
		assert_int_equal(sink_tally_add(&t, 7 * 0x9e3779b97f4a7c15),
				 i < 254 ? i + 1 : 255);
	sink_tally_sum(&t, &distinct, &repeated);
	assert_int_equal(distinct, 20000);
	assert_int_equal(repeated, 300);
	sink_tally_done(&t);
}

static void check_id(const char *header, const char *id)
{
	str all = str_of(header);
	for (size_t cut = 0; cut <= all.size; cut++) {
		struct sink_message_id m;
		sink_message_id_reset(&m);
		sink_message_id_feed(&m, str_sub(all, 0, cut));
		sink_message_id_feed(&m, str_from(all, cut));
		str found = sink_message_id_get(&m);
		if (!str_eq(found, str_of(id)))
			fail_msg("cut at %zu: %.*s", cut, STR_FORMAT(found));
	}
}

static void test_message_id_is_found_at_every_split(void **)
{
	check_id("Message-ID: <a@b.test>\r\n\r\n", "<a@b.test>");
	check_id("Subject: x\r\nMESSAGE-id:\r\n <a@b.test> (why)\r\nTo: <c@d>\r\n\r\n",
		 "<a@b.test>");
	check_id("Message-Identity: <x@y>\r\nMessage-ID: <a@b.test>\r\n", "<a@b.test>");
	check_id("X-Message-ID: <x@y>\r\n\r\nMessage-ID: <a@b.test>\r\n", "");
	check_id("Message-ID:\r\nTo: <x@y>\r\n\r\n", "");
	check_id("Message-ID: <a@b\r\nTo: x>\r\n\r\n", "");
	check_id("Messag\r\nMessage-ID: <a@b>\r\n", "<a@b>");
}

/* --- options --- */

static int parse(struct sink_options *o, char *why, char **argv)
{
	int argc = 0;
	while (argv[argc])
		argc++;
	return sink_options_parse(o, argc, argv, why, 400);
}

static void test_options_reach_all_listeners_or_one(void **)
{
	static struct sink_options o;
	char why[400] = "";
	char *argv[] = {(char[]){"--listen"},
			(char[]){"127.0.0.1:2601"},
			(char[]){"--listen=[::1]:2602;name=mx.two.test;reject=5%:552 5.2.2 "
				 "full;starttls"},
			(char[]){"--reject"},
			(char[]){"3%"},
			(char[]){"--no-chunking"},
			(char[]){"--threads=2"},
			NULL};
	assert_int_equal(parse(&o, why, argv), 0);
	assert_int_equal(o.listener_count, 2);
	assert_int_equal(o.thread_count, 2);
	assert_int_equal(o.listeners[0].rules.reject.code, 550);
	assert_int_equal(o.listeners[1].rules.reject.code, 552);
	assert_string_equal(o.listeners[1].name, "mx.two.test");
	assert_false(o.listeners[0].chunking || o.listeners[1].chunking);
	assert_true(o.listeners[1].starttls && !o.listeners[0].starttls);
}

static void check_mistake(const char *argument, const char *sentence)
{
	static struct sink_options o;
	char why[400] = "", copy[200];
	snprintf(copy, sizeof copy, "%s", argument);
	char *argv[] = {copy, NULL};
	assert_true(parse(&o, why, argv) < 0);
	if (!strstr(why, sentence))
		fail_msg("%s: %s", argument, why);
}

static void test_mistakes_are_told(void **)
{
	check_mistake("--listen=192.0.2.1:25", "loopback");
	check_mistake("--listen=localhost:25", "ADDRESS:PORT");
	check_mistake("--listen=127.0.0.1:99999", "ADDRESS:PORT");
	check_mistake("--listen=127.0.0.1:25;colour=red", "colour=red");
	check_mistake("--reject=many", "--reject");
	check_mistake("--reject", "wants a value");
	check_mistake("--store=attic:x", "--store");
	check_mistake("--rules=/nonexistent/rules", "rules file");
	check_mistake("--certificate=x", "--key");
	check_mistake("listen", "no option");
	check_mistake("--threads=0", "--threads");
}

static void test_a_rules_file_says_the_same(void **)
{
	static struct sink_options o;
	char path[] = "/tmp/test_sink_rules_XXXXXX", option_text[64], why[400] = "";
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	fputs("# two providers\n\nlisten 127.0.0.1:2601;delay=5\n  listen\t127.0.0.2:2601  \r\n"
	      "reject 3%:550 5.1.1 not here, no\nstarttls\n",
	      file);
	fclose(file);
	snprintf(option_text, sizeof option_text, "--rules=%s", path);
	char *argv[] = {option_text, NULL};
	int result = parse(&o, why, argv);
	unlink(path);
	assert_int_equal(result, 0);
	assert_int_equal(o.listener_count, 2);
	assert_int_equal(o.listeners[0].rules.delay, 5 * USEC_MS);
	assert_int_equal(o.listeners[1].rules.delay, 0);
	assert_string_equal(o.listeners[1].rules.reject.text, "not here, no");
	assert_true(o.listeners[0].starttls && o.listeners[1].starttls);
}

/* --- the whole sink --- */

static char directory[] = "/tmp/test_sink_XXXXXX";
static pid_t child;
static uint16_t port;

static void run_child(char **argv, int output)
{
	static struct sink_options o;
	char why[400] = "";
	dup2(output, 1);
	int result = parse(&o, why, argv);
	if (result == 0)
		result = sink_run(&o, why, sizeof why);
	if (result)
		fprintf(stderr, "%s\n", why);
	exit(result ? 1 : 0);
}

/* The port is the kernel's choice, and read from the line that says it is ready. */
static void start(char **argv)
{
	int pipes[2];
	char line[200] = "";
	assert_int_equal(pipe(pipes), 0);
	fflush(NULL);
	child = fork();
	if (child == 0)
		run_child(argv, pipes[1]);
	close(pipes[1]);
	size_t size = 0;
	while (size < sizeof line - 1 && !strchr(line, '\n') &&
	       read(pipes[0], line + size, 1) == 1)
		size++;
	close(pipes[0]);
	unsigned number = 0;
	assert_int_equal(sscanf(line, "sink: listening on 127.0.0.1:%u", &number), 1);
	port = (uint16_t)number;
}

static void stop(void)
{
	int status;
	kill(child, SIGTERM);
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

static int dial(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct timeval patience = {.tv_sec = 10};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The last line of the next reply; empty at the end of the connection. */
static const char *hear(int fd)
{
	static char line[1000];
	do {
		size_t size = 0;
		memset(line, 0, sizeof line);
		while (size < sizeof line - 1 && read(fd, line + size, 1) == 1 &&
		       line[size] != '\n')
			size++;
		line[strcspn(line, "\r\n")] = '\0';
	} while (line[0] && line[3] == '-');
	return line;
}

static void expect(int fd, const char *beginning)
{
	const char *line = hear(fd);
	if (strncmp(line, beginning, strlen(beginning)) != 0 || (!*beginning && *line))
		fail_msg("\"%s\" instead of \"%s\"", line, beginning);
}

static int greet(void)
{
	int fd = dial();
	expect(fd, "220 ");
	say(fd, "EHLO test\r\n");
	expect(fd, "250 ");
	return fd;
}

#define BODY "Message-ID: <%s@x.test>\r\n\r\n..dot\r\nFrom here\r\n.\r\n"

static void send_one(int fd, const char *to, const char *rcpt, const char *end)
{
	char text[400];
	snprintf(text, sizeof text, "MAIL FROM:<b@x.test>\r\nRCPT TO:<%s>\r\n", to);
	say(fd, text);
	expect(fd, "250 ");
	expect(fd, rcpt);
	if (!end) {
		say(fd, "RSET\r\n");
		expect(fd, "250 ");
		return;
	}
	say(fd, "DATA\r\n");
	expect(fd, "354 ");
	snprintf(text, sizeof text, BODY, to);
	say(fd, text);
	expect(fd, end);
}

static const char *path_of(const char *name)
{
	static char path[4][100];
	static int next;
	next = (next + 1) % 4;
	snprintf(path[next], sizeof path[next], "%s/%s", directory, name);
	return path[next];
}

static const char *contents(const char *name)
{
	static char text[20000];
	FILE *file = fopen(path_of(name), "rb");
	assert_non_null(file);
	text[fread(text, 1, sizeof text - 1, file)] = '\0';
	fclose(file);
	return text;
}

static void expect_begins(const char *text, const char *beginning)
{
	if (strncmp(text, beginning, strlen(beginning)) != 0)
		fail_msg("%s\n... does not begin with\n%s", text, beginning);
}

static void expect_count(const char *name, unsigned value)
{
	char field[60];
	snprintf(field, sizeof field, "\"%s\":%u,", name, value);
	const char *text = contents("counts");
	if (!strstr(text, field))
		fail_msg("no %s in %s", field, text);
}

static char *const listen_option = (char[]){"--listen=127.0.0.1:0"};

static char *option(const char *format, const char *name)
{
	static char memory[8][200];
	static int next;
	next = (next + 1) % 8;
	snprintf(memory[next], sizeof memory[next], format, path_of(name));
	return memory[next];
}

static void test_sink_takes_counts_and_stores_exactly(void **)
{
	start((char *[]){listen_option, option("--count-file=%s", "counts"),
			 option("--store=exact:%s", "exact"),
			 option("--log-recipients=%s", "log"), NULL});
	int fd = greet();
	send_one(fd, "ann@y.test", "250 ", "250 ");
	send_one(fd, "bob@y.test", "250 ", "250 ");
	send_one(fd, "bob@y.test", "250 ", "250 ");
	say(fd, "QUIT\r\n");
	expect(fd, "221 ");
	expect(fd, "");
	close(fd);
	stop();
	expect_count("accepted", 3);
	expect_count("distinct_message_ids", 2);
	expect_count("duplicates", 1);
	expect_count("connections", 1);
	assert_non_null(strstr(contents("log"), "ann@y.test\t<ann@y.test@x.test>\t127.0.0.1:"));
	expect_begins(contents("exact"),
		      "Message-ID: <ann@y.test@x.test>\r\n\r\n.dot\r\nFrom here\r\nMessage");
	expect_begins(contents("exact.tsv"),
		      "0\t52\tb@x.test\tann@y.test\t<ann@y.test@x.test>\t");
}

/* The fields of the only line of that kind: how many there are. */
static int event(const char *kind, long long *ret_fields)
{
	const char *line = strstr(contents("events"), kind);
	assert_non_null(line);
	assert_null(strstr(line + 1, kind));
	return sscanf(line + strlen(kind), "%lld\t%lld\t%lld\t%lld\t%lld", &ret_fields[0],
		      &ret_fields[1], &ret_fields[2], &ret_fields[3], &ret_fields[4]);
}

static void test_sink_logs_when_a_transaction_began_and_was_answered(void **)
{
	long long opened[5], message[5], closed[5];
	start((char *[]){listen_option, option("--log-events=%s", "events"),
			 (char[]){"--delay=30"}, NULL});
	int fd = greet();
	send_one(fd, "ann@y.test", "250 ", "250 ");
	say(fd, "QUIT\r\n");
	expect(fd, "221 ");
	expect(fd, "");
	close(fd);
	stop();
	assert_int_equal(event("open\t", opened), 3); /* the third begins the address */
	assert_int_equal(event("message\t", message), 5);
	assert_int_equal(event("close\t", closed), 2);
	assert_true(opened[0] == 1 && message[0] == 1 && closed[0] == 1);
	assert_true(opened[1] <= message[1] && message[1] <= message[2]);
	assert_int_equal(message[3], message[2] + 30000);
	assert_int_equal(message[4], 250);
	assert_true(message[3] <= closed[1]);
	assert_non_null(strstr(contents("events"), "\t250\tann@y.test\n"));
	assert_non_null(strstr(contents("events"), "\t127.0.0.1\t127.0.0.1:"));
}

static void test_sink_logs_what_never_came_to_its_dot(void **)
{
	long long message[5];
	start((char *[]){listen_option, option("--log-events=%s", "events"), NULL});
	int fd = greet();
	say(fd, "MAIL FROM:<b@x.test>\r\n");
	expect(fd, "250 ");
	close(fd);
	stop();
	assert_int_equal(event("message\t", message), 5);
	assert_true(message[1] > 0 && message[2] == 0 && message[3] == 0 && message[4] == 0);
}

static void test_sink_writes_an_mbox(void **)
{
	start((char *[]){listen_option, option("--store=mbox:%s", "mbox"), NULL});
	int fd = greet();
	send_one(fd, "ann@y.test", "250 ", "250 ");
	close(fd);
	stop();
	const char *text = contents("mbox");
	expect_begins(text, "From b@x.test ");
	assert_non_null(strstr(text,
			       "\nReturn-Path: <b@x.test>\nDelivered-To: ann@y.test\n"
			       "Message-ID: <ann@y.test@x.test>\n\n.dot\n>From here\n\n"));
}

static void test_sink_rejects_and_defers_by_rule(void **)
{
	start((char *[]){listen_option, option("--count-file=%s", "counts"),
			 (char[]){"--defer=100%:451 4.7.1 later"}, NULL});
	int fd = greet();
	send_one(fd, "ann@y.test", "451 4.7.1 later", NULL);
	send_one(fd, "ann@y.test", "250 ", "250 ");
	kill(child, SIGUSR1);
	for (int i = 0; i < 200 && access(path_of("counts"), F_OK) != 0; i++)
		usleep(10000);
	close(fd);
	stop();
	expect_count("deferred", 1);
	expect_count("accepted", 1);
	start((char *[]){listen_option, (char[]){"--reject=100%:552 5.2.2 full"},
			 (char[]){"--at=end"}, NULL});
	fd = greet();
	send_one(fd, "ann@y.test", "250 ", "552 5.2.2 full");
	close(fd);
	stop();
}

static void test_sink_drops_after_the_dot_once(void **)
{
	start((char *[]){listen_option, option("--count-file=%s", "counts"),
			 (char[]){"--drop-after-dot=100%"}, NULL});
	int fd = greet();
	send_one(fd, "ann@y.test", "250 ", "");
	close(fd);
	fd = greet();
	send_one(fd, "ann@y.test", "250 ", "250 ");
	close(fd);
	stop();
	expect_count("dropped", 1);
	expect_count("accepted", 2);
	expect_count("duplicates", 1);
}

static void test_sink_limits_connections_and_messages(void **)
{
	start((char *[]){listen_option, (char[]){"--max-connections=1"},
			 (char[]){"--max-messages-per-connection=1"}, NULL});
	int first = greet(), second = dial();
	expect(second, "421 ");
	expect(second, "");
	close(second);
	send_one(first, "ann@y.test", "250 ", "250 ");
	say(first, "MAIL FROM:<b@x.test>\r\n");
	expect(first, "421 ");
	expect(first, "");
	close(first);
	stop();
}

static void test_sink_delays_and_splits_replies(void **)
{
	start((char *[]){listen_option, (char[]){"--tarpit=30"}, (char[]){"--split-replies"},
			 NULL});
	int fd = greet();
	/* In one piece: what waits behind a delayed reply must not get lost. */
	say(fd, "MAIL FROM:<b@x.test>\r\nRCPT TO:<a@y.test>\r\nRSET\r\nMAIL FROM:<b@x.test>\r\n"
		"RCPT TO:<a@y.test>\r\nDATA\r\n");
	for (int i = 0; i < 5; i++)
		expect(fd, "250 ");
	expect(fd, "354 ");
	say(fd, "x\r\n.\r\nNOOP\r\nQUIT\r\n");
	expect(fd, "250 ");
	expect(fd, "250 ");
	expect(fd, "221 ");
	close(fd);
	stop();
}

/* Nothing is said to MAIL and RCPT before the message, whose beginning has come, is answered. */
static void test_slow_sink_answers_a_flight_as_a_whole(void **)
{
	start((char *[]){listen_option, (char[]){"--delay=50"}, NULL});
	int fd = greet();
	say(fd, "MAIL FROM:<b@x.test>\r\nRCPT TO:<a@y.test>\r\nBDAT 8 LAST\r\nx: y");
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&ready, 1, 100), 0);
	say(fd, "\r\n\r\n");
	char replies[100] = "";
	assert_true(recv(fd, replies, sizeof replies - 1, 0) > 0);
	assert_non_null(strstr(replies, "\r\n250 "));
	assert_non_null(strstr(strstr(replies, "\r\n250 ") + 1, "\r\n250 "));
	close(fd);
	stop();
}

static long ms_since(struct timespec began)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - began.tv_sec) * 1000 + (now.tv_nsec - began.tv_nsec) / 1000000;
}

#define ENVELOPE "MAIL FROM:<b@x.test>\r\nRCPT TO:<a@y.test>\r\n"
#define MESSAGE ENVELOPE "BDAT 8 LAST\r\nx: y\r\n\r\n"
#define LATENCY 200 /* ms */

/* What comes in one flight is answered in one, where a slow host takes a while for each message; what
 * comes later, as much later. */
static void test_far_sink_answers_each_flight_after_its_latency(void **)
{
	start((char *[]){listen_option, (char[]){"--latency=200"}, NULL});
	int fd = greet();
	struct timespec first, second;
	clock_gettime(CLOCK_MONOTONIC, &first);
	say(fd, MESSAGE MESSAGE ENVELOPE "BDAT 8 LAST\r\nx: ");
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&ready, 1, LATENCY / 2), 0);
	clock_gettime(CLOCK_MONOTONIC, &second);
	say(fd, "y\r\n\r\n" MESSAGE);
	char replies[2000] = "";
	ssize_t size = recv(fd, replies, sizeof replies - 1, 0);
	assert_true(size > 0 && ms_since(first) >= LATENCY);
	int lines = 0;
	for (const char *at = replies; (at = strchr(at, '\n')); at++)
		lines++;
	assert_true(lines >= 6); /* of two messages */
	for (; lines < 12; lines++)
		expect(fd, "250 ");
	assert_true(ms_since(second) >= LATENCY);
	close(fd);
	stop();
}

static void test_sink_serves_with_threads(void **)
{
	start((char *[]){listen_option, (char[]){"--threads=3"},
			 option("--count-file=%s", "counts"), NULL});
	for (int i = 0; i < 20; i++) {
		char to[30];
		int fd = greet();
		snprintf(to, sizeof to, "u%d@y.test", i);
		send_one(fd, to, "250 ", "250 ");
		close(fd);
	}
	stop();
	expect_count("accepted", 20);
	expect_count("distinct_message_ids", 20);
}

static void test_sink_survives_clients_that_go_away(void **)
{
	start((char *[]){listen_option, option("--count-file=%s", "counts"), NULL});
	for (int i = 0; i < 50; i++) {
		int fd = i % 2 ? greet() : dial();
		struct linger hard = {.l_onoff = 1, .l_linger = 0};
		if (i % 3 == 0)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
		if (i % 2)
			say(fd, "MAIL FROM:<b@x.test>\r\nRCPT TO:<a@y.test>\r\nDATA\r\n");
		close(fd);
	}
	int fd = greet();
	send_one(fd, "ann@y.test", "250 ", "250 ");
	close(fd);
	stop();
	expect_count("accepted", 1);
}

static int make_directory(void **)
{
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **)
{
	char command[100];
	snprintf(command, sizeof command, "rm -rf %s", directory);
	return system(command);
}

static int fresh(void **)
{
	char command[100];
	snprintf(command, sizeof command, "rm -rf %s/*", directory);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares_are_read),
		cmocka_unit_test(test_fates_are_repeatable_and_their_shares_hold),
		cmocka_unit_test(test_tally_counts_keys_and_repetitions),
		cmocka_unit_test(test_message_id_is_found_at_every_split),
		cmocka_unit_test(test_options_reach_all_listeners_or_one),
		cmocka_unit_test(test_mistakes_are_told),
		cmocka_unit_test(test_a_rules_file_says_the_same),
		cmocka_unit_test_setup(test_sink_takes_counts_and_stores_exactly, fresh),
		cmocka_unit_test_setup(
			test_sink_logs_when_a_transaction_began_and_was_answered, fresh),
		cmocka_unit_test_setup(test_sink_logs_what_never_came_to_its_dot, fresh),
		cmocka_unit_test_setup(test_sink_writes_an_mbox, fresh),
		cmocka_unit_test_setup(test_sink_rejects_and_defers_by_rule, fresh),
		cmocka_unit_test_setup(test_sink_drops_after_the_dot_once, fresh),
		cmocka_unit_test_setup(test_sink_limits_connections_and_messages, fresh),
		cmocka_unit_test_setup(test_sink_delays_and_splits_replies, fresh),
		cmocka_unit_test_setup(test_slow_sink_answers_a_flight_as_a_whole, fresh),
		cmocka_unit_test_setup(test_far_sink_answers_each_flight_after_its_latency, fresh),
		cmocka_unit_test_setup(test_sink_serves_with_threads, fresh),
		cmocka_unit_test_setup(test_sink_survives_clients_that_go_away, fresh),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
