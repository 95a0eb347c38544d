/* email.c - see email.h. */
#include "engine/api/email.h"

#include "engine/mail/address.h"

str email_key(struct arena *arena, str text, const char **ret_why)
{
	struct address address;
	struct buf key;
	enum address_fault fault = address_parse(str_trim(text), &address);
	*ret_why = address_fault_texts[fault];
	if (fault != ADDRESS_OK)
		return (str){};
	buf_init_arena(&key, arena, ADDRESS_LIMIT + 64);
	if (address_key(&key, &address) && buf_ok(&key))
		return arena_copy(arena, buf_str(&key));
	*ret_why = "its domain is none that DNS could know";
	return (str){};
}

int email_key_of(struct cli *cli, const char *text, str *ret_key)
{
	const char *why;
	str key = email_key(cli->arena, str_of(text), &why);
	if (!key.data)
		return cli_fail(cli, EXIT_INVALID, "'%s' is not an address: %s", text, why);
	*ret_key = key;
	return CLI_GO;
}
