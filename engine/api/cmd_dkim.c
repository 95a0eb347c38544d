/* cmd_dkim.c - `rundbrief dkim keygen`: a private key in a file, its DNS record on the screen.
 */
#include "engine/api/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/api/rows.h"
#include "engine/sign/dkim.h"

struct keygen {
	const char *domain, *selector, *type, *out;
};

/* Made new and readable for the owner only: a key that is overwritten is mail that no longer
 * verifies. */
static int write_key(struct cli *cli, const char *path, str pem)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return cli_fail(cli, EXIT_FAILED, "%s: %s", path,
				errno == EEXIST ? "exists already; a key is never overwritten"
						: strerror(errno));
	ssize_t n = write(fd, pem.data, pem.size);
	if (n == (ssize_t)pem.size && fsync(fd) == 0 && close(fd) == 0)
		return CLI_GO;
	return cli_fail(cli, EXIT_FAILED, "%s: could not be written", path);
}

static void print_record(struct cli *cli, const struct keygen *k, const struct dkim_key *key)
{
	struct buf out;
	buf_init_arena(&out, cli->arena, 2048);
	if (cli->format == OUTPUT_JSON) {
		struct buf name, text;
		buf_init_arena(&name, cli->arena, 300);
		buf_init_arena(&text, cli->arena, 1024);
		dkim_key_record_name(key, &name);
		dkim_key_record(key, &text);
		buf_put_cstr(&out, "{\"file\":");
		json_put_string(&out, str_of(k->out));
		buf_put_cstr(&out, ",\"name\":");
		json_put_string(&out, buf_str(&name));
		buf_put_cstr(&out, ",\"text\":");
		json_put_string(&out, buf_str(&text));
		buf_put_cstr(&out, "}\n");
	} else {
		buf_printf(&out, "The private key is in %s. Publish this in DNS:\n\n", k->out);
		dkim_key_zone_line(key, &out);
		if (out.data[out.size - 1] != '\n')
			buf_put_byte(&out, '\n');
		buf_printf(&out,
			   "\nand put this into the configuration:\n\n"
			   "dkim \"%s\" {\n\tdomain = %s\n\tselector = %s\n\tkey = \"%s\"\n}\n",
			   k->selector, k->domain, k->selector, k->out);
	}
	cli_write(buf_str(&out));
}

static int keygen(struct cli *cli, const struct keygen *k, enum dkim_algorithm algorithm)
{
	char memory[8192], why[200];
	struct buf pem;
	buf_init_fixed(&pem, memory, sizeof(memory));
	if (dkim_generate(algorithm, &pem) != 0)
		return cli_fail(cli, EXIT_FAILED, "OpenSSL could not make a key");
	struct dkim_key *key = dkim_key_create(buf_str(&pem), str_of(k->domain),
					       str_of(k->selector), why, sizeof(why));
	int code = key ? write_key(cli, k->out, buf_str(&pem))
		       : cli_fail(cli, EXIT_USAGE, "%s", why);
	if (code == CLI_GO) {
		print_record(cli, k, key);
		code = EXIT_OK;
	}
	dkim_key_destroy(key);
	explicit_bzero(memory, sizeof(memory));
	return code;
}

static int dkim_run(struct cli *cli, int argc, char **argv)
{
	static const char *const verbs[] = {"keygen"};
	struct keygen k = {.type = "rsa"};
	const struct cli_option options[] = {
		{"domain", CLI_TEXT, &k.domain, "DOMAIN", "domain that signs (d=)"},
		{"selector", CLI_TEXT, &k.selector, "NAME", "selector (s=), such as s2026"},
		{"type", CLI_TEXT, &k.type, "rsa|ed25519", "rsa (2048 bits) unless told"},
		{"out", CLI_TEXT, &k.out, "FILE", "file for the private key; must not exist"},
		{},
	};
	int code = cli_parse(cli, options, &argc, &argv, 1, 1);
	if (code != CLI_GO)
		return code;
	if (strcmp(argv[0], "keygen") != 0)
		return cli_fail_unknown(cli, "dkim command", argv[0], verbs, 1);
	if (!k.domain || !k.selector || !k.out)
		return cli_fail(cli, EXIT_USAGE, "--domain, --selector and --out are needed");
	bool ed25519 = strcmp(k.type, "ed25519") == 0;
	if (!ed25519 && strcmp(k.type, "rsa") != 0)
		return cli_fail(cli, EXIT_USAGE, "--type is rsa or ed25519, not '%s'", k.type);
	return keygen(cli, &k, ed25519 ? DKIM_ED25519_SHA256 : DKIM_RSA_SHA256);
}

const struct command command_dkim = {
	.name = "dkim",
	.synopsis = "keygen --domain DOMAIN --selector NAME --out FILE [--type rsa|ed25519]",
	.summary = "Make a DKIM key and print its DNS record",
	.manual = "RSA is understood everywhere; Ed25519 costs a tenth of the time and is "
		  "verified by few\n"
		  "so far, so configure it beside RSA, not instead.",
	.run = dkim_run,
	.outputs = CLI_JSON,
};
