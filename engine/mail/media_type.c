/* media_type.c - a small table: what newsletters and receipts have with them. */
#include "engine/mail/media_type.h"

#define TYPE_LIMIT 100

static const struct {
	const char *suffix, *type;
} known[] = {
	{"pdf", "application/pdf"},
	{"png", "image/png"},
	{"jpg", "image/jpeg"},
	{"jpeg", "image/jpeg"},
	{"gif", "image/gif"},
	{"webp", "image/webp"},
	{"avif", "image/avif"},
	{"svg", "image/svg+xml"},
	{"ico", "image/vnd.microsoft.icon"},
	{"txt", "text/plain"},
	{"md", "text/markdown"},
	{"csv", "text/csv"},
	{"html", "text/html"},
	{"htm", "text/html"},
	{"css", "text/css"},
	{"ics", "text/calendar"},
	{"vcf", "text/vcard"},
	{"xml", "application/xml"},
	{"json", "application/json"},
	{"zip", "application/zip"},
	{"gz", "application/gzip"},
	{"epub", "application/epub+zip"},
	{"rtf", "application/rtf"},
	{"doc", "application/msword"},
	{"xls", "application/vnd.ms-excel"},
	{"ppt", "application/vnd.ms-powerpoint"},
	{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	{"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
	{"odt", "application/vnd.oasis.opendocument.text"},
	{"ods", "application/vnd.oasis.opendocument.spreadsheet"},
	{"odp", "application/vnd.oasis.opendocument.presentation"},
	{"pkpass", "application/vnd.apple.pkpass"},
	{"p7s", "application/pkcs7-signature"},
	{"mp3", "audio/mpeg"},
	{"m4a", "audio/mp4"},
	{"ogg", "audio/ogg"},
	{"mp4", "video/mp4"},
	{"webm", "video/webm"},
	{"woff2", "font/woff2"},
};

str media_type_guess(str file_name)
{
	size_t dot = str_rfind_byte(file_name, '.');
	str suffix = dot == STR_NONE ? STR("") : str_from(file_name, dot + 1);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (str_eq_nocase(suffix, str_of(known[i].suffix)))
			return str_of(known[i].type);
	return STR("application/octet-stream");
}

static bool is_token(str word)
{
	for (size_t i = 0; i < word.size; i++)
		if (word.data[i] <= ' ' || word.data[i] > '~' ||
		    str_find_byte(STR("()<>@,;:\\\"/[]?="), word.data[i]) != STR_NONE)
			return false;
	return word.size > 0;
}

bool media_type_ok(str type)
{
	str subtype = type, main = str_cut(&subtype, '/');
	return type.size <= TYPE_LIMIT && is_token(main) && is_token(subtype) &&
	       !str_eq_nocase(main, STR("multipart")) && !str_eq_nocase(main, STR("message"));
}
