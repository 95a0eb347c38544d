/* sending.c - see sending.h. The signals that a process gets are one, so what counts them is
 * this file's alone. */
#include "engine/api/sending.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/api/campaign_lint.h"
#include "engine/api/campaign_store.h"
#include "engine/api/progress.h"
#include "engine/api/reload.h"
#include "engine/api/service.h"
#include "engine/api/settings.h"
#include "engine/io/clock.h"
#include "engine/sign/mac.h"

#define STOP_SLACK (10 * USEC_SECOND) /* threads end, files are closed */

struct sending {
	struct progress display;
	struct reload reload;
	struct service service;
	usec stop_limit;
	int hangups; /* seen */
	int told;    /* signals that the engine has been told of */
};

static volatile sig_atomic_t stop_signals, hangups;

int sending_find(struct db *db, const char *name_or_folder, struct campaign_row *ret_campaign)
{
	struct campaign_saved saved;
	if (!campaign_dir_is(name_or_folder))
		return db_campaign(db, name_or_folder, ret_campaign);
	return campaign_store_folder(db, name_or_folder, ret_campaign, &saved);
}

/* Two engines may be told to send one draft at the same time: who comes second joins. */
static int join_other(struct db *db, const struct campaign_row *campaign)
{
	struct campaign_row now;
	char name[256];
	int code = str_to_cstr(campaign->name, name, sizeof(name)) ? db_campaign(db, name, &now)
								   : EXIT_FAILED;
	if (code != CLI_GO || str_eq(now.state, STR("running")))
		return code;
	return cli_fail(db->cli, EXIT_FAILED,
			"'%s' has no content; rundbrief campaign create stores its folder",
			name);
}

/* A launch cannot be taken back, so a filter that chooses nobody is told before. */
static int check_filter(struct db *db, const struct campaign_row *campaign)
{
	if (!campaign->has_filter)
		return CLI_GO;
	PGresult *result = db_query(db, "api_filter_fits", 1, &campaign->id_text.data);
	if (!result)
		return db_code(db);
	bool somebody = PQntuples(result) > 0;
	PQclear(result);
	return somebody ? CLI_GO
			: cli_fail(db->cli, EXIT_INVALID,
				   "the filter of '%.*s' fits nobody on its lists. Imported "
				   "attributes are text, unless `rundbrief "
				   "import --numbers` made numbers of them: compare "
				   "$.age.double() with a number",
				   STR_FORMAT(campaign->name));
}

/* The newest secret's; empty when none is set here (whoever sends knows). */
static int newest_key(struct cli *cli, char ret_letter[2])
{
	str secrets;
	char why[200];
	ret_letter[0] = '\0';
	if (cli->config.sending.secret.size == 0)
		return CLI_GO;
	int code = settings_secret(cli, &secrets);
	if (code != CLI_GO)
		return code;
	struct mac_keys *keys = mac_keys_create(secrets, why);
	if (!keys)
		return cli_fail(cli, EXIT_FAILED, "%s", why);
	snprintf(ret_letter, 2, "%c", mac_keys_newest(keys));
	mac_keys_destroy(keys);
	return CLI_GO;
}

/* Errors stop a launch; warnings are listed, unless it is to be quiet. */
static int check_content(struct db *db, const struct campaign_row *campaign)
{
	struct cli *cli = db->cli;
	struct campaign_lint *found = ARENA_NEW(cli->arena, struct campaign_lint);
	struct buf out;
	int code = found ? campaign_lint_stored(db, campaign, found)
			 : cli_fail(cli, EXIT_FAILED, "out of memory");
	if (code != CLI_GO)
		return code;
	size_t errors = lint_count(&found->lint, LINT_ERROR);
	if (errors == 0 && (cli->quiet || lint_count(&found->lint, LINT_WARNING) == 0))
		return CLI_GO;
	buf_init_arena(&out, cli->arena, 4096);
	campaign_lint_findings(found, LINT_WARNING, &out);
	fflush(stdout);
	fprintf(stderr, "%.*s", STR_FORMAT(buf_str(&out)));
	return errors == 0 ? CLI_GO
			   : cli_fail(cli, EXIT_INVALID,
				      "'%.*s' is not sent: correct the errors, or name in "
				      "lint_off of "
				      "campaign.conf what is meant so",
				      STR_FORMAT(campaign->name));
}

int sending_launch(struct db *db, const struct campaign_row *campaign)
{
	char key[2];
	int code = check_filter(db, campaign);
	if (code == CLI_GO)
		code = check_content(db, campaign);
	if (code == CLI_GO)
		code = newest_key(db->cli, key);
	if (code != CLI_GO)
		return code;
	const char *parameters[] = {campaign->id_text.data, key[0] ? key : NULL};
	PGresult *result = db_query(db, "api_campaign_launch", 2, parameters);
	if (!result)
		return db_code(db);
	bool launched = PQntuples(result) == 1;
	PQclear(result);
	return launched ? CLI_GO : join_other(db, campaign);
}

static void on_signal(int)
{
	stop_signals++;
}

static void on_hangup(int)
{
	hangups++;
}

static bool has_terminal(void)
{
	int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* Not restarted: whatever waits is to notice. */
static void catch_signals(bool can_reload)
{
	struct sigaction action = {.sa_handler = on_signal}, before;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* SIGHUP is a terminal that closes; to a service, which has none, it says that a file
	 * has changed. Under nohup it is ignored and stays so. */
	if (can_reload && !has_terminal())
		action.sa_handler = on_hangup;
	if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
}

static void look_for_changes(struct sending *sending)
{
	int asked = hangups;
	bool wanted = asked != sending->hangups;
	if (wanted)
		service_reload_begin(&sending->service, clock_now());
	bool taken = reload_look(&sending->reload, wanted, clock_now());
	if (wanted)
		service_reload_end(&sending->service, taken);
	sending->hangups = asked;
}

static bool on_progress(void *context, const struct engine_progress *p)
{
	struct sending *sending = context;
	int signals = stop_signals;
	usec now = clock_now(), wall = clock_wall();
	progress_show(&sending->display, p, signals, now, wall);
	look_for_changes(sending);
	service_look(&sending->service, &sending->display, signals > 0, sending->stop_limit, now,
		     wall);
	if (signals <= sending->told)
		return true;
	sending->told++;
	return false;
}

static int end_code(struct cli *cli, enum engine_end end, const char *why)
{
	switch (end) {
	case ENGINE_FINISHED:
		return EXIT_OK;
	case ENGINE_STOPPED:
		return cli_fail(cli, EXIT_STOPPED,
				"stopped; the same command goes on where it ended");
	case ENGINE_CANCELLED:
		return cli_fail(cli, EXIT_STOPPED, "%s",
				why[0] ? why : "the campaign was cancelled");
	case ENGINE_FAILED:
		break;
	}
	return cli_fail(cli, EXIT_FAILED, "%s", why);
}

/* It may take days: what the engine cannot use would be held for nothing. A pooler's is none that
 * could be handed on. */
static void hand_on(struct db *db, struct engine_settings *to)
{
	if (to->pooler)
		db_close(db);
	to->store.session = &db->conn;
}

int sending_run(struct cli *cli, const struct engine_settings *settings, struct db *db,
		uint64_t campaign_id, str name, bool silent)
{
	struct sending *sending = ARENA_NEW(cli->arena, struct sending);
	char why[400] = "";
	if (!sending)
		return cli_fail(cli, EXIT_FAILED, "out of memory");
	struct engine_settings mine = *settings;
	catch_signals(cli->config.path.size > 0);
	service_begin(&sending->service, clock_now());
	progress_begin(&sending->display, silent, name, clock_now());
	reload_begin(&sending->reload, &cli->config, cli->config_path, mine.rules, clock_now());
	mine.tunings = &sending->reload.tunings;
	mine.watchdog = service_watchdog(&sending->service);
	sending->stop_limit = mine.drain_limit + ENGINE_SETTLE_LIMIT + STOP_SLACK;
	if (db)
		hand_on(db, &mine);
	enum engine_end end =
		engine_run(&mine, campaign_id, on_progress, sending, why, sizeof(why));
	if (db)
		db_close(db);
	reload_end(&sending->reload);
	service_end(&sending->service);
	progress_end(&sending->display, clock_now(), clock_wall());
	return end_code(cli, end, why);
}
