/* campaign_check.c - a campaign's folder compiled as the engine will compile it. */
#include "engine/api/campaign_dir.h"

#include "engine/api/template_error.h"
#include "engine/send/content.h"

int campaign_dir_check(struct cli *cli, const struct campaign_dir *c)
{
	struct liquid_error error;
	const struct config_sending *sending = &cli->config.sending;
	/* Whether the sender is set up is asked when sending; a letter can be written before.
	 */
	const struct content_site site = {
		.return_domain = sending->return_domain.size ? sending->return_domain
							     : STR("return-domain.invalid"),
		.base_url = sending->base_url,
		.unsubscribe_mailbox = sending->unsubscribe_mailbox,
	};
	if (content_compile(cli->arena, c->settings, c->html, c->text, &site, &error))
		return CLI_GO;
	/* The compiler knows parts; people know files. */
	if (str_eq(error.file, STR("html")))
		error.file = c->html_file;
	else if (str_eq(error.file, STR("text")))
		error.file = c->text_file;
	return template_error_tell(cli, &error);
}
