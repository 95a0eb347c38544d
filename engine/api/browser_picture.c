/* browser_picture.c - what a browser is asked for a picture: a page without scripts and
 * network, so wide and so high as it is. The page is handed over in the pipe: no file, no
 * argument. */
#include "engine/api/browser.h"

#include <stdio.h>

#include "engine/base/codec.h"

#define DESKTOP_WIDTH 700
#define PHONE_WIDTH 390
#define FIRST_HEIGHT 200   /* less than any letter, so that the picture ends where it ends */
#define HEIGHT_LIMIT 16000 /* what graphics memory takes; nobody reads so far */

/* True when the answer came; what it says does not matter. */
static bool tell(struct browser *b, const char *session, const char *method, json_t *parameters)
{
	json_t *answer = browser_ask(b, session, method, parameters);
	json_decref(answer);
	return answer != NULL;
}

/* A text in the answer, a copy in the arena; NULL with why. */
static const char *ask_text(struct browser *b, struct arena *arena, const char *session,
			    const char *method, json_t *parameters, const char *name)
{
	json_t *answer = browser_ask(b, session, method, parameters);
	const char *text = json_string_value(json_object_get(answer, name));
	const char *copy = text ? arena_copy(arena, str_of(text)).data : NULL;
	json_decref(answer);
	if (!copy && !b->why[0])
		snprintf(b->why, sizeof(b->why), "the browser does not answer to %.60s",
			 method);
	return copy;
}

static const char *open_page(struct browser *b, struct arena *arena)
{
	const char *target = ask_text(b, arena, NULL, "Target.createTarget",
				      json_pack("{s:s}", "url", "about:blank"), "targetId");
	if (!target)
		return NULL;
	return ask_text(b, arena, NULL, "Target.attachToTarget",
			json_pack("{s:s, s:b}", "targetId", target, "flatten", 1), "sessionId");
}

static bool close_off(struct browser *b, const char *session)
{
	return tell(b, session, "Network.enable", NULL) &&
	       tell(b, session, "Network.emulateNetworkConditions",
		    json_pack("{s:b, s:i, s:i, s:i}", "offline", 1, "latency", 0,
			      "downloadThroughput", 0, "uploadThroughput", 0)) &&
	       tell(b, session, "Emulation.setScriptExecutionDisabled",
		    json_pack("{s:b}", "value", 1));
}

static bool set_screen(struct browser *b, const char *session, const struct browser_view *view)
{
	const char *scheme = view->dark ? "dark" : "light";
	int width = view->phone ? PHONE_WIDTH : DESKTOP_WIDTH;
	return tell(b, session, "Emulation.setDeviceMetricsOverride",
		    json_pack("{s:i, s:i, s:i, s:b}", "width", width, "height", FIRST_HEIGHT,
			      "deviceScaleFactor", 1, "mobile", view->phone)) &&
	       tell(b, session, "Emulation.setEmulatedMedia",
		    json_pack("{s:[{s:s, s:s}]}", "features", "name", "prefers-color-scheme",
			      "value", scheme));
}

static bool put_page(struct browser *b, const char *session, str html)
{
	json_t *tree = browser_ask(b, session, "Page.getFrameTree", NULL);
	const char *frame = NULL;
	json_t *text = json_stringn(html.data, html.size);
	if (!text ||
	    json_unpack(tree, "{s:{s:{s:s}}}", "frameTree", "frame", "id", &frame) != 0) {
		if (!b->why[0])
			snprintf(b->why, sizeof(b->why), "the browser has no page to show %s",
				 text ? "a letter in" : "that is not UTF-8");
		json_decref(text);
		json_decref(tree);
		return false;
	}
	bool done = tell(b, session, "Page.setDocumentContent",
			 json_pack("{s:s, s:o}", "frameId", frame, "html", text));
	json_decref(tree);
	return done;
}

/* How high the page has become, 1 to HEIGHT_LIMIT; 0: it was not told. */
static int page_height(struct browser *b, const char *session)
{
	json_t *answer = browser_ask(b, session, "Page.getLayoutMetrics", NULL);
	json_t *size = json_object_get(answer, "cssContentSize");
	double height = json_number_value(json_object_get(size, "height"));
	json_decref(answer);
	if (!(height >= 1) && !b->why[0])
		snprintf(b->why, sizeof(b->why),
			 "the browser does not say how high the page is");
	return !(height >= 1) ? 0 : height > HEIGHT_LIMIT ? HEIGHT_LIMIT : (int)height;
}

/* RFC 4648 4, as that alphabet's neighbour for addresses is decoded. */
static bool decode(struct arena *arena, str text, str *ret_bytes)
{
	struct buf plain, out;
	buf_init_arena(&plain, arena, text.size + 1);
	buf_init_arena(&out, arena, text.size / 4 * 3 + 4);
	while (str_ends(text, STR("=")))
		text.size--;
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		buf_put_byte(&plain, c == '+' ? '-' : c == '/' ? '_' : c);
	}
	if (!buf_ok(&plain) || !base64url_decode(&out, buf_str(&plain)) || !buf_ok(&out))
		return false;
	*ret_bytes = buf_str(&out);
	return true;
}

static int take_picture(struct browser *b, const char *session, int width, int height,
			struct arena *arena, str *ret_png)
{
	str png = {};
	json_t *clip = json_pack("{s:i, s:i, s:i, s:i, s:i}", "x", 0, "y", 0, "width", width,
				 "height", height, "scale", 1);
	const char *text = ask_text(b, arena, session, "Page.captureScreenshot",
				    json_pack("{s:s, s:o, s:b}", "format", "png", "clip", clip,
					      "captureBeyondViewport", 1),
				    "data");
	if (text && decode(arena, str_of(text), &png) &&
	    str_starts(png, STR("\x89PNG\r\n\x1A\n"))) {
		*ret_png = png;
		return 0;
	}
	if (!b->why[0])
		snprintf(b->why, sizeof(b->why), "the browser's picture is none");
	return -1;
}

int browser_picture(struct browser *b, str html, const struct browser_view *view,
		    struct arena *arena, str *ret_png)
{
	int width = view->phone ? PHONE_WIDTH : DESKTOP_WIDTH;
	const char *session = open_page(b, arena);
	if (!session || !close_off(b, session) || !set_screen(b, session, view) ||
	    !put_page(b, session, html))
		return -1;
	int height = page_height(b, session);
	return height > 0 ? take_picture(b, session, width, height, arena, ret_png) : -1;
}
