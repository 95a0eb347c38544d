/* caps.c - the words of an EHLO reply.
 *
 *   ehlo-ok-rsp  = "250" "-" Domain [ SP ehlo-greet ] CRLF *( "250" "-" ehlo-line CRLF ) ...
 *   ehlo-line    = ehlo-keyword *( SP ehlo-param )                    (RFC 5321 4.1.1.1)
 *   ehlo-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
 *
 * Old servers write "AUTH=LOGIN" with an equals sign; it is taken as the word AUTH. */
#include "engine/smtp/caps.h"

static void take_size(struct smtp_caps *caps, str parameters)
{
	uint64_t limit;
	caps->size = true;
	if (str_to_u64(str_cut(&parameters, ' '), &limit))
		caps->size_limit = limit;
}

static uint32_t limit_value(str text)
{
	uint64_t value;
	return str_to_u64(text, &value) && value <= UINT32_MAX ? (uint32_t)value : 0;
}

/* RFC 9422 4: LIMITS *( SP name "=" value ), unknown names ignored. */
static void take_limits(struct smtp_caps *caps, str parameters)
{
	while (parameters.size > 0) {
		str value = str_cut(&parameters, ' ');
		str name = str_cut(&value, '=');
		if (str_eq_nocase(name, STR("MAILMAX")))
			caps->limit_mail_max = limit_value(value);
		else if (str_eq_nocase(name, STR("RCPTMAX")))
			caps->limit_rcpt_max = limit_value(value);
		else if (str_eq_nocase(name, STR("RCPTDOMAINMAX")))
			caps->limit_rcpt_domain_max = limit_value(value);
	}
}

/* Two lines of them, old form and new, are joined; whole words only. */
static void take_mechanisms(struct smtp_mechanisms *mechanisms, str parameters)
{
	char *names = mechanisms->names;
	size_t used = strlen(names);
	while (parameters.size > 0) {
		str word = str_cut(&parameters, ' ');
		if (word.size == 0 || used + word.size + 2 > sizeof(mechanisms->names))
			continue;
		if (used > 0)
			names[used++] = ' ';
		memcpy(names + used, word.data, word.size);
		used += word.size;
		names[used] = '\0';
	}
}

static void take_flag(struct smtp_caps *caps, str keyword)
{
	const struct {
		const char *keyword;
		bool *flag;
	} flags[] = {
		{"PIPELINING", &caps->pipelining},
		{"CHUNKING", &caps->chunking},
		{"STARTTLS", &caps->starttls},
		{"8BITMIME", &caps->eightbitmime},
		{"SMTPUTF8", &caps->smtputf8},
		{"ENHANCEDSTATUSCODES", &caps->enhanced_codes},
		{"DSN", &caps->dsn},
		{"REQUIRETLS", &caps->requiretls},
	};
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (str_eq_nocase(keyword, str_of(flags[i].keyword)))
			*flags[i].flag = true;
}

static void take_line(struct smtp_caps *caps, struct smtp_mechanisms *mechanisms, str line)
{
	str parameters = str_trim(line);
	str keyword = str_cut(&parameters, ' ');
	if (str_eq_nocase(keyword, STR("SIZE")))
		take_size(caps, parameters);
	else if (str_eq_nocase(keyword, STR("LIMITS")))
		take_limits(caps, parameters);
	else if (str_eq_nocase(keyword, STR("AUTH")))
		take_mechanisms(mechanisms, parameters);
	else if (str_starts_nocase(keyword, STR("AUTH=")))
		take_mechanisms(mechanisms, str_from(str_trim(line), 5));
	else
		take_flag(caps, keyword);
	caps->auth |= str_eq_nocase(keyword, STR("AUTH")) ||
		      str_starts_nocase(keyword, STR("AUTH="));
}

void smtp_caps_parse(struct smtp_caps *ret_caps, struct smtp_mechanisms *ret_mechanisms,
		     str text)
{
	*ret_caps = (struct smtp_caps){.esmtp = true};
	*ret_mechanisms = (struct smtp_mechanisms){};
	(void)str_cut(&text, '\n');
	while (text.size > 0)
		take_line(ret_caps, ret_mechanisms, str_cut(&text, '\n'));
}
