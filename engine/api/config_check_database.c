/* config_check_database.c - whether the ways to the database can be understood, and lead to one
 * that takes writes. Nobody is asked: whether it answers is seen when it is needed. */
#include "engine/api/config.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

/* libpq's sentence on one line; it ends with a line break. */
static void one_line(char *text)
{
	size_t size = strlen(text);
	while (size && (text[size - 1] == '\n' || text[size - 1] == ' '))
		text[--size] = '\0';
	for (; *text; text++)
		if (*text == '\n')
			*text = ' ';
}

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword; options++)
		if (strcmp(options->keyword, keyword) == 0)
			return options->val ? options->val : "";
	return "";
}

static size_t count_of(const char *list)
{
	size_t count = *list != '\0';
	for (; *list; list++)
		count += *list == ',';
	return count;
}

/* Empty, or why these words will not do. */
static void judge(const PQconninfoOption *options, bool pooled, char *out, size_t out_size)
{
	const char *attributes = value_of(options, "target_session_attrs");
	size_t ports = count_of(value_of(options, "port"));
	size_t addresses = count_of(value_of(options, "hostaddr"));
	size_t hosts = count_of(value_of(options, "host"));
	if (hosts == 0)
		hosts = addresses;
	if (strstr(attributes, "standby") || strcmp(attributes, "read-only") == 0)
		snprintf(out, out_size,
			 "target_session_attrs=%s looks for a database that takes no writes; "
			 "leave it out",
			 attributes);
	else if (ports > 1 && ports != hosts)
		snprintf(out, out_size,
			 "%zu ports for %zu hosts: name one for all, or one for each", ports,
			 hosts);
	else if (pooled && *value_of(options, "options"))
		snprintf(out, out_size,
			 "a pooler takes no options: set them for the database's user (alter "
			 "role ... set ...)");
}

static int check(const struct config *config, const char *key, str conninfo, bool pooled,
		 char *ret_why, size_t why_size)
{
	char sentence[240] = "", *error = NULL;
	PQconninfoOption *options = PQconninfoParse(conninfo.data, &error);
	if (options)
		judge(options, pooled, sentence, sizeof(sentence));
	else
		snprintf(sentence, sizeof(sentence), "%s", error ? error : "is not understood");
	PQconninfoFree(options);
	PQfreemem(error);
	one_line(sentence);
	return sentence[0] ? config_refuse(config, "database", (str){}, key, sentence, ret_why,
					   why_size)
			   : 0;
}

int config_check_database(const struct config *config, char *ret_why, size_t why_size)
{
	const struct config_database *d = &config->database;
	if (check(config, "conninfo", d->conninfo, false, ret_why, why_size) != 0)
		return -1;
	return d->pooler.size ? check(config, "pooler", d->pooler, true, ret_why, why_size) : 0;
}
