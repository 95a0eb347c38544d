/* embedded.c - looks a file up by name; a walk, since it is done once a file at start. */
#include "engine/base/embedded.h"

str embedded_find(const char *name)
{
	for (const struct embedded_file *f = embedded_files; f->name; f++) {
		if (str_eq(str_of(f->name), str_of(name)))
			return (str){f->data, (size_t)(f->end - f->data)};
	}
	return (str){NULL, 0};
}
