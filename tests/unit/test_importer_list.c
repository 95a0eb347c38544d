/* test_importer_list.c - files into a real PostgreSQL: what is taken, what is refused and why,
 * and what a second import changes. */
#include "tests/unit/cmocka_all.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>

#include "importer/list.h"
#include "tests/unit/live_db.h"

static char reject_path[64];

static int file_of(const char *bytes, size_t size)
{
	int fd = memfd_create("csv", 0);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static struct import_options options_for(const char *list)
{
	return (struct import_options){
		.conninfo = live_conninfo, .list = list, .reject_path = reject_path};
}

static struct import_result import_bytes(const char *bytes, size_t size,
					 const struct import_options *options)
{
	char why[300];
	struct import_result result;
	int fd = file_of(bytes, size);
	int done = import_list(fd, options, &result, why, sizeof(why));
	close(fd);
	assert_string_equal(why, "");
	assert_int_equal(done, 0);
	return result;
}

static const char *refuse(const char *bytes)
{
	static char why[300];
	struct import_options options = options_for("refused");
	struct import_result result;
	int fd = file_of(bytes, strlen(bytes));
	assert_int_equal(import_list(fd, &options, &result, why, sizeof(why)), -1);
	close(fd);
	assert_string_equal(live_value("select count(*) from lists where name = 'refused'"),
			    "0");
	return why;
}

static const char *rejects(void)
{
	static char text[4096];
	FILE *file = fopen(reject_path, "r");
	size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	if (file)
		fclose(file);
	unlink(reject_path);
	text[size] = 0;
	return text;
}

static int setup(void **state)
{
	snprintf(reject_path, sizeof(reject_path), "/tmp/rundbrief-rejects.%d", (int)getpid());
	return live_setup(state);
}

static const char first[] = "Email,Name,First Name,City,Points\r\n"
			    "ann@example.com,Ann A,Ann,K\xc3\xb6ln,5\r\n"
			    "Bob@Example.COM,\"Bob \"\"B\"\" B\",Bob,,007\r\n"
			    "not an address,x,y,z,1\r\n"
			    "carl@example.com,Carl\r\n"
			    "dora@b\xc3\xbc"
			    "cher.example,Dora,Dora,\"a\\b\tc\nd\",-1.5\r\n"
			    "ann@EXAMPLE.com,Ann B,Ann,Bonn,6\r\n"
			    "\"eve@example.com,Eve,Eve,x,1\r\n"
			    "fritz@example.com,Fritz,\x01,x\xff,1\r\n"
			    "gone@example.com,Gone,G,x,1\r\n";

static void test_import_takes_and_refuses_row_by_row(void **)
{
	struct import_options options = options_for("news");
	assert_int_equal(
		live_exec(live_admin,
			  "insert into suppressions (tenant_id, address_hash, address, reason) "
			  "values (1, address_hash('gone@example.com'), 'gone@example.com', "
			  "100)"),
		0);
	struct import_result r = import_bytes(first, sizeof(first) - 1, &options);
	assert_int_equal(r.rows, 9);
	assert_int_equal(r.rejects, 4);
	assert_int_equal(r.duplicates, 1);
	assert_int_equal(r.added, 4);
	assert_int_equal(r.changed, 0);
	assert_int_equal(r.subscribed, 4);
	assert_int_equal(r.suppressed, 1);
	assert_string_equal(
		rejects(),
		"line,reason,text\n"
		"4,\"no @ sign\",\"not an address,x,y,z,1\"\n"
		"5,\"fewer fields than the header has columns\",\"carl@example.com,Carl\"\n"
		"9,\"a quote that is never closed\",\"\"\"eve@example.com,Eve,Eve,x,1\"\n"
		"10,\"not UTF-8 (if the file is Latin-1, say so with --latin1)\","
		"\"fritz@example.com,Fritz,\\x01,x\\xff,1\"\n");
	assert_string_equal(
		live_value(
			"select name || ' ' || address || ' ' || attributes from subscribers "
			"where address_key = 'ann@example.com'"),
		"Ann B ann@EXAMPLE.com {\"city\": \"Bonn\", \"points\": \"6\", "
		"\"first_name\": \"Ann\"}");
	assert_string_equal(live_value("select name || attributes::text from subscribers where "
				       "address_key = 'bob@example.com'"),
			    "Bob \"B\" B{\"points\": \"007\", \"first_name\": \"Bob\"}");
	assert_string_equal(
		live_value("select domain || (attributes->>'city') from subscribers where "
			   "name = 'Dora'"),
		"xn--bcher-kva.examplea\\b\tc\nd");
	assert_string_equal(
		live_value("select suppressed from subscribers where name = 'Gone'"), "100");
	assert_string_equal(
		live_value("select string_agg(attribute || count, ' ' order by attribute) from "
			   "attribute_counts where attribute <> ''"),
		"city3 first_name4 points4");
}

static void test_import_again_changes_nothing(void **)
{
	struct import_options options = options_for("news");
	const char *before = strdup(
		live_value("select md5(string_agg(s::text || x::text, '' order by s.id)) "
			   "from subscribers s join subscriptions x on "
			   "subscriber_id = id"));
	struct import_result r = import_bytes(first, sizeof(first) - 1, &options);
	assert_int_equal(r.added + r.changed + r.subscribed + r.resubscribed, 0);
	assert_string_equal(
		live_value("select md5(string_agg(s::text || x::text, '' order by s.id)) "
			   "from subscribers s join subscriptions x on subscriber_id = id"),
		before);
	free((void *)before);
	unlink(reject_path);
}

static void test_import_updates_but_keeps_who_left_off(void **)
{
	static const char second[] = "CITY,E-Mail,email,Points\nBerlin,x,ann@example.com,\n"
				     "Rom,y,bob@example.com,012\n";
	struct import_options options = options_for("news");
	options.numbers = true;
	assert_int_equal(live_exec(live_admin,
				   "update subscriptions set state = 2 where subscriber_id = "
				   "(select id from subscribers where name = 'Ann B')"),
			 0);
	struct import_result r = import_bytes(second, sizeof(second) - 1, &options);
	assert_int_equal(r.changed, 2);
	assert_int_equal(r.kept_off, 1);
	assert_int_equal(r.resubscribed, 0);
	assert_string_equal(
		live_value("select name || attributes::text from subscribers where "
			   "address_key = 'ann@example.com'"),
		"Ann B{\"city\": \"Berlin\", \"e_mail\": \"x\", \"first_name\": \"Ann\"}");
	assert_string_equal(live_value("select attributes->'points' from subscribers where "
				       "address_key = 'bob@example.com'"),
			    "\"012\"");
	options.resubscribe = true;
	r = import_bytes(second, sizeof(second) - 1, &options);
	assert_int_equal(r.resubscribed, 1);
	assert_int_equal(r.kept_off, 0);
	assert_string_equal(live_value("select count(*) from subscriptions where state <> 1"),
			    "0");
}

static void test_import_reads_latin1_and_semicolons(void **)
{
	static const char bytes[] =
		"email;name;n\nj\xfcrgen@example.com;J\xfcrgen;1.25\nk@example.com;K;-3\n";
	struct import_options options = options_for("latin");
	options.csv = (struct csv_options){.delimiter = ';', .latin1 = true};
	options.numbers = true;
	struct import_result r = import_bytes(bytes, sizeof(bytes) - 1, &options);
	assert_int_equal(r.added, 2);
	assert_string_equal(
		live_value("select name || (attributes->'n') from subscribers where name like "
			   "'J%'"),
		"J\xc3\xbcrgen1.25");
}

static void test_import_refuses_a_file_it_cannot_read(void **)
{
	assert_non_null(strstr(refuse(""), "empty"));
	assert_non_null(strstr(refuse("a;b\n1;2\n"), "no column is named email"));
	assert_non_null(strstr(refuse("email,EMAIL\n"), "two columns"));
	assert_non_null(strstr(refuse("email,a b,A-B\n"), "two columns are named a_b"));
	assert_non_null(strstr(refuse("\xff\xfe"
				      "e"),
			       "UTF-16"));
	assert_non_null(strstr(refuse("email,\"x\n"), "first row"));
}

static int progress_count;

static void on_progress(void *, const struct import_progress *)
{
	progress_count++;
}

static void test_import_is_quick(void **)
{
	size_t size = 0, count = 20000;
	char *bytes = malloc(count * 80 + 100);
	size += (size_t)sprintf(bytes, "email,name,city,plan\n");
	for (size_t i = 0; i < count; i++)
		size += (size_t)sprintf(bytes + size,
					"user%zu@d%zu.example.com,User %zu,Town %zu,plan%zu\n",
					i, i % 50, i, i % 300, i % 3);
	struct import_options options = options_for("large");
	options.on_progress = on_progress;
	struct import_result r = import_bytes(bytes, size, &options);
	assert_int_equal(r.added, count);
	assert_int_equal(r.subscribed, count);
	assert_in_range(progress_count, 4, 20);
	free(bytes);
}

struct other {
	PGconn *conn;
	const char *holds, *meanwhile, *end;
};

/* Another program that holds what an import wants to write, and lets go when the import waits.
 */
static void *let_go_when_it_waits(void *data)
{
	struct other *other = data;
	PGconn *eye = PQconnectdb(live_conninfo);
	bool waits = false;
	for (unsigned tries = 0; tries < 2000 && !waits; tries++) {
		PGresult *r =
			PQexec(eye, "select from pg_stat_activity where application_name = "
				    "'rundbrief import' and wait_event_type = 'Lock'");
		waits = PQntuples(r) == 1;
		PQclear(r);
		usleep(10000);
	}
	if (other->meanwhile)
		live_exec(eye, other->meanwhile);
	PQfinish(eye);
	live_exec(other->conn, other->end);
	return waits ? data : NULL;
}

static struct import_result import_behind_one(struct other other, const char *bytes)
{
	pthread_t thread;
	void *waited;
	struct import_options options = options_for("both");
	other.conn = PQconnectdb(live_conninfo);
	assert_int_equal(live_exec(other.conn, other.holds), 0);
	assert_int_equal(pthread_create(&thread, NULL, let_go_when_it_waits, &other), 0);
	struct import_result result = import_bytes(bytes, strlen(bytes), &options);
	pthread_join(thread, &waited);
	assert_non_null(waited);
	PQfinish(other.conn);
	return result;
}

static struct import_result import_behind(const char *holds, const char *bytes)
{
	return import_behind_one((struct other){.holds = holds, .end = "commit"}, bytes);
}

static void test_import_and_another_program_add_the_same_person(void **)
{
	struct import_result result =
		import_behind("begin; insert into subscribers (tenant_id, address, "
			      "address_key, domain) values "
			      "(1, 'both@example.com', 'both@example.com', 'example.com')",
			      "email\nmine@example.com\nboth@example.com\nalso@example.com\n");
	assert_int_equal(result.added, 2);
	assert_int_equal(result.subscribed, 3);
	assert_string_equal(live_value("select count(*) from subscribers where address_key in "
				       "('mine@example.com', 'both@example.com', "
				       "'also@example.com')"),
			    "3");
}

static void test_import_and_another_program_subscribe_the_same_person(void **)
{
	assert_int_equal(live_exec(live_admin,
				   "delete from subscriptions where list_id = (select "
				   "id from lists where name = 'both')"),
			 0);
	struct import_result result =
		import_behind("begin; insert into subscriptions (tenant_id, list_id, "
			      "subscriber_id) select 1, "
			      "l.id, s.id from lists l, subscribers s where l.name = 'both' "
			      "and s.address_key = "
			      "'both@example.com'",
			      "email\nmine@example.com\nboth@example.com\nalso@example.com\n");
	assert_int_equal(result.added, 0);
	assert_int_equal(result.subscribed, 2);
	assert_string_equal(
		live_value("select count(*) from subscriptions x join lists l on l.id "
			   "= x.list_id where l.name = 'both'"),
		"3");
	assert_string_equal(
		live_value("select sum(count) from (select count from "
			   "attribute_counts a join lists l on l.id = a.list_id where "
			   "l.name = 'both' and attribute = '' union all select change "
			   "from attribute_changes a join lists l on l.id = a.list_id "
			   "where l.name = 'both' and attribute = '') x"),
		"3");
}

/* What an erasure leaves is a hash: it is written while the import waits behind somebody. */
static void test_import_keeps_out_who_is_erased_meanwhile(void **)
{
	import_behind_one(
		(struct other){
			.holds = "begin; insert into subscribers (tenant_id, address, "
				 "address_key, domain) values (1, 'late@example.com', "
				 "'late@example.com', 'example.com')",
			.meanwhile =
				"insert into suppressions (tenant_id, address_hash, reason) "
				"values (1, address_hash('lost@example.com'), 102); insert "
				"into suppressions_scoped (tenant_id, address_hash, address, "
				"list_id, reason) values (1, address_hash('shy@example.com'), "
				"'shy@example.com', 1, 103)",
			.end = "rollback"},
		"email\nlost@example.com\nshy@example.com\nlate@example.com\n");
	assert_string_equal(live_value("select s.address_key from suppressions_scoped x join "
				       "subscribers s on s.id = x.subscriber_id"),
			    "shy@example.com");
	assert_string_equal(live_value("select string_agg(address_key, ' ') from subscribers "
				       "where address_key in ('lost@example.com', "
				       "'late@example.com')"),
			    "late@example.com");
}

#define BIG 90000 /* rows: more than two batches */

/* People from..to-1, each with a plan unless the number is a multiple of three. */
static size_t put_people(char *to, unsigned from, unsigned until, const char *plan)
{
	size_t size = 0;
	for (unsigned i = from; i < until; i++)
		size += (size_t)sprintf(to + size, "big%u@example.com,Big %u,%s\n", i, i,
					i % 3 ? plan : "");
	return size;
}

static void check_counts(const char *list)
{
	char sql[900];
	snprintf(sql, sizeof(sql),
		 "with kept as (select attribute, sum(n) as n from ("
		 " select list_id, attribute, count as n from attribute_counts union all"
		 " select list_id, attribute, change from attribute_changes) k"
		 " join lists l on l.id = k.list_id where l.name = '%s' group by 1)"
		 "select string_agg(attribute || ' ' || n, ', ' order by attribute) = ("
		 " select ' ' || count(*) || ', plan ' || count(s.attributes ->> 'plan')"
		 " from subscriptions x join subscribers s on s.id = x.subscriber_id"
		 " join lists l on l.id = x.list_id where l.name = '%s') from kept",
		 list, list);
	assert_string_equal(live_value(sql), "t");
}

/* New ones, old ones, some twice, over several batches, with ids that others have holes in. */
static void import_big(const char *list, unsigned from)
{
	struct import_options options = options_for(list);
	char *bytes = malloc((size_t)BIG * 60);
	size_t size = (size_t)sprintf(bytes, "email,name,plan\n");
	size += put_people(bytes + size, from, from + BIG, "free");
	struct import_result r = import_bytes(bytes, size, &options);
	assert_int_equal(r.added, BIG);
	assert_int_equal(r.subscribed, BIG);
	assert_int_equal(r.duplicates + r.changed + r.rejects, 0);
	check_counts(list);
	size = (size_t)sprintf(bytes, "email,name,plan\n");
	size += put_people(bytes + size, from + BIG, from + BIG + 40000, "free"); /* new */
	size += put_people(bytes + size, from + BIG - 1000, from + BIG, "pro"); /* changed */
	size += put_people(bytes + size, from + BIG + 39990, from + BIG + 40000, "pro");
	size += put_people(bytes + size, from + BIG + 39990, from + BIG + 40010, "");
	r = import_bytes(bytes, size, &options);
	assert_int_equal(r.rows, 41030);
	assert_int_equal(r.added, 40010);
	assert_int_equal(r.subscribed, 40010);
	assert_int_equal(r.changed, 667); /* of a thousand: the others have no plan */
	assert_int_equal(r.duplicates, 20);
	check_counts(list);
	free(bytes);
}

static void test_import_of_several_batches_counts_exactly(void **)
{
	import_big("big", 0);
}

static void test_import_takes_ids_beside_others(void **)
{
	assert_int_equal(live_exec(live_admin, "alter sequence subscribers_id_seq increment 3"),
			 0);
	import_big("gaps", 300000);
	assert_int_equal(live_exec(live_admin, "alter sequence subscribers_id_seq increment 1"),
			 0);
}

/* Some of a batch are known to be suppressed, and go another way than those beside them. */
static void test_import_counts_exactly_around_the_suppressed(void **)
{
	struct import_options options = options_for("around");
	char *bytes = malloc((size_t)BIG * 60);
	size_t size = (size_t)sprintf(bytes, "email,name,plan\n");
	size += put_people(bytes + size, 600000, 600000 + BIG, "free");
	assert_int_equal(
		live_exec(live_admin,
			  "insert into suppressions (tenant_id, address_hash, address, reason) "
			  "select 1, address_hash(a), a, 100 from (select 'big' || n || "
			  "'@example.com' as a from generate_series(600000, 689999, 7) n) k"),
		0);
	struct import_result r = import_bytes(bytes, size, &options);
	free(bytes);
	assert_int_equal(r.added, BIG);
	assert_int_equal(r.subscribed, BIG);
	assert_int_equal(r.suppressed, BIG / 7 + 1);
	check_counts("around");
	assert_string_equal(
		live_value("select count(*) from subscribers where suppressed = 100 and "
			   "address_key ~ '^big6[0-8]' and name = 'Big ' || "
			   "substr(address_key, 4, 6) and (attributes ->> 'plan' is null) = "
			   "(substr(address_key, 4, 6)::int % 3 = 0)"),
		"12858");
	assert_int_equal(live_exec(live_admin, "delete from suppressions where reason = 100"), 0);
}

struct written {
	int fd;
	const char *bytes;
};

static void *write_bytes(void *data)
{
	struct written *w = data;
	if (write(w->fd, w->bytes, strlen(w->bytes)) < 0)
		abort();
	close(w->fd);
	return NULL;
}

/* What comes through a pipe may come slowly, and nobody is to wait for it: it is only staged. */
static void test_import_from_a_pipe_is_the_same(void **)
{
	static const char bytes[] = "email,plan\npipe@example.com,free\nbig1@example.com,pro\n"
				    "pipe@example.com,pro\n\"a b\"@example.com,x\n";
	struct import_options options = options_for("pipe");
	struct import_result r;
	char why[300];
	int ends[2];
	pthread_t thread;
	assert_int_equal(pipe(ends), 0);
	struct written w = {ends[1], bytes};
	assert_int_equal(pthread_create(&thread, NULL, write_bytes, &w), 0);
	assert_int_equal(import_list(ends[0], &options, &r, why, sizeof(why)), 0);
	pthread_join(thread, NULL);
	close(ends[0]);
	unlink(reject_path);
	assert_int_equal(r.duplicates, 1);
	assert_int_equal(r.added, r.subscribed - 1);
	assert_int_equal(r.changed, 1);
	check_counts("pipe");
}

static void test_import_takes_quoted_addresses(void **)
{
	static const char bytes[] =
		"email,plan\n\"\"\"q\\\"\"x\"\"@example.com\",a\n\"\"\"q y\"\"@example.com\",b\n";
	struct import_options options = options_for("quoted");
	struct import_result r = import_bytes(bytes, sizeof(bytes) - 1, &options);
	assert_int_equal(r.added, 2);
	assert_string_equal(live_value("select string_agg(address, ' ' order by id) from "
				       "subscribers where address_key like '\"q%'"),
			    "\"q\\\"x\"@example.com \"q y\"@example.com");
	check_counts("quoted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_import_takes_and_refuses_row_by_row),
		cmocka_unit_test(test_import_again_changes_nothing),
		cmocka_unit_test(test_import_updates_but_keeps_who_left_off),
		cmocka_unit_test(test_import_reads_latin1_and_semicolons),
		cmocka_unit_test(test_import_refuses_a_file_it_cannot_read),
		cmocka_unit_test(test_import_is_quick),
		cmocka_unit_test(test_import_and_another_program_add_the_same_person),
		cmocka_unit_test(test_import_and_another_program_subscribe_the_same_person),
		cmocka_unit_test(test_import_keeps_out_who_is_erased_meanwhile),
		cmocka_unit_test(test_import_of_several_batches_counts_exactly),
		cmocka_unit_test(test_import_takes_ids_beside_others),
		cmocka_unit_test(test_import_counts_exactly_around_the_suppressed),
		cmocka_unit_test(test_import_from_a_pipe_is_the_same),
		cmocka_unit_test(test_import_takes_quoted_addresses),
	};
	return cmocka_run_group_tests_name("importer list", tests, setup, live_teardown);
}
