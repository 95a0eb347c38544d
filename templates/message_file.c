/* message_file.c - files of a message: what may be one, and how its part begins.
 *
 * The plain name stands in Content-Type (name=), the exact one in Content-Disposition
 * (filename=, filename*= where it is no ASCII): readers that know RFC 2231 look at the second
 * first, and both forms of a name in one field are a defect to some. */
#include "templates/message_plan.h"

#include <stdio.h>

#include "engine/mail/encode.h"
#include "engine/mail/media_type.h"
#include "engine/mail/parameter.h"
#include "engine/mail/utf8.h"

static int refuse(struct liquid_error *error, const char *part, str sentence, str detail)
{
	message_error(error, str_of(part), sentence, detail);
	return -1;
}

static bool is_utf8(str text)
{
	while (text.size > 0) {
		size_t size = utf8_char_size(text);
		if (size == 0)
			return false;
		text = str_from(text, size);
	}
	return true;
}

void message_put_file_header(struct buf *out, str name, str type, str bytes, str content_id)
{
	char clean_memory[FILE_NAME_LIMIT + 1], plain_memory[FILE_NAME_LIMIT + 1];
	struct parameter parameters[2];
	struct buf clean, plain;
	size_t count = 0;
	buf_init_fixed(&clean, clean_memory, sizeof(clean_memory));
	buf_init_fixed(&plain, plain_memory, sizeof(plain_memory));
	file_name_clean(&clean, name);
	file_name_put_plain(&plain, buf_str(&clean));
	if (type.size == 0)
		type = media_type_guess(buf_str(&clean));
	if (str_starts_nocase(type, STR("text/")) && is_utf8(bytes))
		parameters[count++] = (struct parameter){STR("charset"), STR("utf-8")};
	parameters[count++] = (struct parameter){STR("name"), buf_str(&plain)};
	parameter_put_field(out, STR("Content-Type"), type, parameters, count);
	buf_put_cstr(out, "Content-Transfer-Encoding: base64\r\n");
	if (content_id.size > 0) {
		buf_put_cstr(out, "Content-ID: <");
		buf_put(out, content_id);
		buf_put_cstr(out, ">\r\n");
	}
	parameters[0] = (struct parameter){STR("filename"), buf_str(&clean)};
	parameter_put_field(out, STR("Content-Disposition"),
			    content_id.size > 0 ? STR("inline") : STR("attachment"), parameters,
			    1);
	buf_put_cstr(out, "\r\n");
}

void message_put_file(struct buf *out, const struct message_file *file, str content_id)
{
	message_put_file_header(out, file->name, file->type, file->bytes, content_id);
	base64_put_lines(out, file->bytes);
}

static int check_type(struct liquid_error *error, const char *part, str type)
{
	if (type.size == 0 || media_type_ok(type))
		return 0;
	return refuse(error, part,
		      STR("a type is written like \"application/pdf\", and no multipart or "
			  "message: "),
		      type);
}

static int check_calendar(const struct message_source *source, struct liquid_error *error)
{
	const struct message_calendar *calendar = &source->calendar;
	str method = calendar->method;
	if (!calendar->source.data)
		return 0;
	for (size_t i = 0; i < method.size; i++)
		if (!((method.data[i] >= 'A' && method.data[i] <= 'Z') ||
		      method.data[i] == '-'))
			return refuse(
				error, "calendar",
				STR("a method is one of PUBLISH, REQUEST, CANCEL, REPLY: "),
				method);
	if (method.size == 0 || method.size > 20)
		return refuse(error, "calendar", STR("the method is missing"), STR(""));
	return 0;
}

static int check_sizes(const struct message_source *source, struct liquid_error *error)
{
	size_t total = 0;
	for (size_t i = 0; i < source->file_count; i++)
		total += source->files[i].bytes.size;
	if (total <= source->file_limit)
		return 0;
	*error = (struct liquid_error){.file = STR("attach"), .line = 1, .column = 1};
	snprintf(error->message, sizeof(error->message),
		 "the files are %zu bytes together, the limit is %zu (attachment_limit); a "
		 "message grows by a third of that again",
		 total, source->file_limit);
	return -1;
}

int message_check_files(struct message_source *source, struct liquid_error *error)
{
	if (source->file_limit == 0)
		source->file_limit = MESSAGE_FILE_LIMIT;
	for (size_t i = 0; i < source->file_count; i++) {
		const struct message_file *file = &source->files[i];
		if (check_type(error, "attach", file->type))
			return -1;
		if (file->cid.size > 0 && !source->html.data)
			return refuse(error, "inline",
				      STR("there is no HTML that could show this image: "),
				      file->name);
	}
	for (size_t i = 0; i < source->own_file_count; i++) {
		if (check_type(error, "attach_from", source->own_files[i].type))
			return -1;
		if (source->own_files[i].field.size == 0)
			return refuse(error, "attach_from",
				      STR("which attribute holds the file?"), STR(""));
	}
	return check_calendar(source, error) ? -1 : check_sizes(source, error);
}
