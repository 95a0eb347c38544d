/* locale_dir.c - see locale_dir.h. */
#include "engine/api/locale_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "engine/api/cli.h"

enum { FILE_SIZE_LIMIT = 4 << 20, FILES_LIMIT = 500, NAME_SIZE_LIMIT = 40 };

/* "de", "zh_Hant-TW"; data NULL: the file is no translation. */
static str locale_of(str file)
{
	str name = str_sub(file, 0, file.size - 5);
	if (!str_ends(file, STR(".json")) || name.size == 0 || name.size > NAME_SIZE_LIMIT)
		return (str){};
	for (size_t i = 0; i < name.size; i++) {
		char c = name.data[i];
		bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_')
			return (str){};
	}
	return name;
}

static json_t *read_one(const char *path, struct arena *arena, char *why, size_t why_size)
{
	str text;
	json_error_t error;
	if (file_read(path, FILE_SIZE_LIMIT, arena, &text, why, why_size) != 0)
		return NULL;
	json_t *locale = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, &error);
	if (!locale) {
		struct buf b;
		buf_init_fixed(&b, why, why_size - 1);
		buf_printf(&b, "%s:%d: ", path, error.line);
		buf_put_printable(&b, str_of(error.text), 200);
		why[b.size] = '\0';
	} else if (!json_is_object(locale)) {
		snprintf(why, why_size, "%s:1: is no JSON object of keys and texts", path);
		json_decref(locale);
		locale = NULL;
	}
	return locale;
}

static int add(json_t *locales, const char *folder, const char *file, struct arena *arena,
	       char *why, size_t why_size)
{
	char path[4096], name[NAME_SIZE_LIMIT + 1];
	if (!str_to_cstr(locale_of(str_of(file)), name, sizeof(name)) || !name[0])
		return 0;
	int n = snprintf(path, sizeof(path), "%s/%s", folder, file);
	if (n < 0 || (size_t)n >= sizeof(path) || json_object_size(locales) >= FILES_LIMIT) {
		snprintf(why, why_size, "%s: holds too much", folder);
		return -1;
	}
	json_t *locale = read_one(path, arena, why, why_size);
	return locale ? json_object_set_new(locales, name, locale) : -1;
}

json_t *locale_dir_read(const char *folder, bool must_exist, struct arena *arena, char *ret_why,
			size_t why_size)
{
	json_t *locales = json_object();
	struct dirent *entry;
	int result = 0;
	DIR *directory = opendir(folder);
	if (!locales || (!directory && must_exist)) {
		snprintf(ret_why, why_size, "%s: %s", folder,
			 locales ? strerror(errno) : "out of memory");
		result = -1;
	}
	while (directory && result == 0 && (entry = readdir(directory)))
		result = add(locales, folder, entry->d_name, arena, ret_why, why_size);
	if (directory)
		closedir(directory);
	if (result == 0)
		return locales;
	json_decref(locales);
	return NULL;
}
