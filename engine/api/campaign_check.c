/* campaign_check.c - a campaign's folder compiled as the engine will compile it. */
#include "engine/api/campaign_dir.h"

#include <stdio.h>
#include <unistd.h>

#include "engine/api/campaign_lint.h"
#include "engine/api/inline_css.h"
#include "engine/api/template_error.h"
#include "engine/send/content.h"

/* data NULL: there is no such partial. */
static str partial_file(struct arena *arena, const struct campaign_dir *c, str name)
{
	static const char *const suffixes[] = {".liquid", ""};
	for (size_t i = 0; i < 2; i++) {
		struct buf b;
		buf_init_arena(&b, arena, 256);
		buf_put(&b, c->partials.size ? c->partials : c->folder);
		buf_put_cstr(&b, c->partials.size ? "/" : "/partials/");
		buf_put(&b, name);
		buf_put_cstr(&b, suffixes[i]);
		str path = arena_copy(arena, buf_str(&b));
		if (path.data && access(path.data, F_OK) == 0)
			return path;
	}
	return (str){};
}

/* "variant NAME: part", as engine/send/content_variants.c says it; NULL: the letter's own. */
static const struct campaign_variant *variant_in(const struct campaign_dir *c, str *part)
{
	for (size_t i = 0; i < c->variant_count; i++) {
		char head[60];
		int size = snprintf(head, sizeof(head),
				    "variant %.*s: ", STR_FORMAT(c->variants[i].name));
		if (!str_starts(*part, str_make(head, (size_t)size)))
			continue;
		*part = str_from(*part, (size_t)size);
		return &c->variants[i];
	}
	return NULL;
}

/* The compiler knows parts; people know files. */
static str file_of(struct arena *arena, const struct campaign_dir *c, str part)
{
	struct buf b;
	str whole = part;
	const struct campaign_variant *variant = variant_in(c, &part);
	if (variant && str_eq(part, STR("body.html")) && variant->html_file.size)
		return variant->html_file;
	if (variant && str_eq(part, STR("body.txt")) && variant->text_file.size)
		return variant->text_file;
	if (str_eq(part, STR("body.html")))
		return c->html_file;
	if (str_eq(part, STR("body.txt")) && !c->text_is_made)
		return c->text_file;
	if (str_eq(part, STR("body.amp.html")))
		return c->amp_file;
	if (str_eq(part, STR("calendar")) && c->calendar_count > 0)
		return c->calendars[0].name;
	str partial = partial_file(arena, c, part);
	if (partial.data)
		return partial;
	bool translation = str_starts(part, STR("locales/")), own = c->locales.size > 0;
	buf_init_arena(&b, arena, c->folder.size + c->locales.size + part.size + 40);
	buf_put(&b, translation && own ? c->locales : c->folder);
	if (translation) {
		buf_put_byte(&b, '/');
		buf_put(&b, own ? str_from(part, 8) : part);
	} else if (str_eq(part, STR("body.txt"))) {
		buf_put_cstr(&b, "/(text made from the HTML)");
	} else {
		buf_put_cstr(&b, "/campaign.conf (");
		buf_put(&b, whole);
		buf_put_byte(&b, ')');
	}
	return buf_str(&b);
}

/* NULL after the mistake was told. Whether the sender is set up is asked when sending; a letter
 * can be written before. */
static const struct content *compile_with(struct cli *cli, const struct campaign_dir *c,
					  str text)
{
	struct liquid_error error;
	const struct config_sending *sending = &cli->config.sending;
	const struct content_site site = {
		.return_domain = sending->return_domain.size ? sending->return_domain
							     : STR("return-domain.invalid"),
		.base_url = sending->base_url,
		.unsubscribe_mailbox = sending->unsubscribe_mailbox,
		.parts = c->parts,
		.part_count = c->part_count,
	};
	const struct content *content =
		content_compile(cli->arena, c->settings, c->html, text, &site, &error);
	if (content)
		return content;
	error.file = file_of(cli->arena, c, error.file);
	(void)template_error_tell(cli, &error);
	return NULL;
}

/* A text that was made carries the HTML's mistakes at other lines: the HTML is asked first. */
static int compile(struct cli *cli, const struct campaign_dir *c)
{
	if (c->pool.size && !config_pool_find(&cli->config, c->pool))
		return cli_fail(cli, EXIT_INVALID,
				"%.*s/campaign.conf: pool: rundbrief.conf has no pool \"%.*s\"",
				STR_FORMAT(c->folder), STR_FORMAT(c->pool));
	if (c->text_is_made && !compile_with(cli, c, (str){}))
		return EXIT_INVALID;
	return compile_with(cli, c, c->text) ? CLI_GO : EXIT_INVALID;
}

int campaign_dir_links(struct cli *cli, const struct campaign_dir *c, struct links *ret_links)
{
	const struct content *content = compile_with(cli, c, c->text);
	if (!content)
		return EXIT_INVALID;
	*ret_links = content->links;
	return CLI_GO;
}

static int inline_styles(struct cli *cli, struct campaign_dir *c)
{
	str command = c->inline_css.size ? c->inline_css : cli->config.campaigns.inline_css;
	char why[600];
	str html;
	if (!c->html.data || command.size == 0 || str_eq(command, STR("none")))
		return CLI_GO;
	if (inline_css(command, c->html, cli->arena, &html, why, sizeof(why)) != 0)
		return cli_fail(cli, EXIT_INVALID, "%.*s: inline_css: %s",
				STR_FORMAT(c->html_file), why);
	c->html = html;
	return compile(cli, c);
}

int campaign_dir_check(struct cli *cli, struct campaign_dir *c)
{
	struct buf conf;
	buf_init_arena(&conf, cli->arena, 256);
	buf_put(&conf, c->folder);
	buf_put_cstr(&conf, "/campaign.conf");
	int code = campaign_lint_check_off(cli, buf_str(&conf), &c->lint_off);
	if (code == CLI_GO)
		code = compile(cli, c);
	c->html_written = c->html;
	return code == CLI_GO ? inline_styles(cli, c) : code;
}
