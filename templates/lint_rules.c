/* lint_rules.c - the table of what lint knows: names are kept for ever, as campaigns name them
 * in lint_off. What providers demand is in their rules for senders: one-click unsubscribing,
 * signed and aligned mail, a visible way out (Gmail and Yahoo since 2024-02, Outlook since
 * 2025-05). */
#include "templates/lint.h"

const char *const lint_severity_names[3] = {"information", "warning", "error"};

/* clang-format off */
const struct lint_rule_text lint_rules[LINT_RULE_COUNT] = {
	[LINT_UNKNOWN_FIELD] = {"unknown-field", LINT_ERROR,
		"correct the name, or import the column"},
	[LINT_EMPTY_FIELD] = {"empty-field", LINT_WARNING,
		"say what they read instead: {{ first_name | default: 'friend' }}"},
	[LINT_NO_RECIPIENTS] = {"no-recipients", LINT_WARNING,
		"`rundbrief import` fills a list"},
	[LINT_BROKEN_MESSAGE] = {"broken-message", LINT_ERROR,
		"a recipient's data does what the template does not expect; `rundbrief preview` shows it"},
	[LINT_SIZE] = {"size", LINT_WARNING,
		"Gmail shows the first 102 KB and hides the rest behind a link: shorten the letter or its styles"},
	[LINT_LONG_LINE] = {"long-line", LINT_ERROR,
		"no line may have more than 998 bytes (RFC 5322 2.1.1): put spaces into the header"},
	[LINT_ONE_CLICK] = {"one-click", LINT_ERROR,
		"set sending.base_url in rundbrief.conf to an https address that answers"},
	[LINT_UNSIGNED] = {"unsigned", LINT_WARNING,
		"Gmail, Yahoo, Outlook and others refuse bulk mail without DKIM, and one-click counts only when it is signed: `rundbrief dkim keygen`, then a dkim section"},
	[LINT_ALIGNMENT] = {"alignment", LINT_WARNING,
		"DMARC wants a signature of the domain that stands in From: add a dkim section for it"},
	[LINT_FREE_MAILBOX] = {"free-mailbox", LINT_ERROR,
		"its DMARC policy has mail of its domain refused that does not leave by its own servers: write from a domain of yours"},
	[LINT_REPLY_TO] = {"reply-to", LINT_INFORMATION,
		"answers to a free mailbox of another domain look like phishing to some filters"},
	[LINT_NO_REPLY] = {"no-reply", LINT_INFORMATION,
		"people answer newsletters, some of them to leave: an address that is read earns trust"},
	[LINT_NO_UNSUBSCRIBE] = {"no-unsubscribe", LINT_WARNING,
		"<a href=\"{{ unsubscribe_url }}\">Unsubscribe</a>: providers and law ask for a link that can be seen"},
	[LINT_NO_TEXT] = {"no-text", LINT_INFORMATION,
		"body.txt in the folder is used when there is one"},
	[LINT_NO_HTML] = {"no-html", LINT_INFORMATION,
		"nothing needs to be done: a letter of plain text is a good letter"},
	[LINT_SUBJECT_EMPTY] = {"subject-empty", LINT_ERROR,
		"nobody opens it, and filters mark it down"},
	[LINT_SUBJECT_LONG] = {"subject-long", LINT_WARNING,
		"phones show about 40 characters, computers about 70"},
	[LINT_SUBJECT_CAPITALS] = {"subject-capitals", LINT_WARNING,
		"filters and people take capitals for shouting"},
	[LINT_SUBJECT_EXCLAMATION] = {"subject-exclamation", LINT_WARNING,
		"one exclamation mark is enough"},
	[LINT_SUBJECT_FAKE_REPLY] = {"subject-fake-reply", LINT_WARNING,
		"a reply that is none misleads; CAN-SPAM forbids it"},
	[LINT_FOREIGN_TAG] = {"foreign-tag", LINT_WARNING,
		"`rundbrief template convert` makes Liquid of other systems' tags"},
	[LINT_CHARSET] = {"charset", LINT_WARNING,
		"messages are UTF-8: write <meta charset=\"utf-8\">"},
	[LINT_NOT_UTF8] = {"not-utf8", LINT_ERROR,
		"save the file as UTF-8; iconv converts it"},
	[LINT_BYTE_ORDER_MARK] = {"byte-order-mark", LINT_WARNING,
		"remove the mark: some readers show it as an empty line or strange letters"},
	[LINT_HTTP_LINK] = {"http-link", LINT_WARNING,
		"use https: browsers warn of the other, and readers may not load it"},
	[LINT_IP_LINK] = {"ip-link", LINT_WARNING,
		"filters take a number, or a machine without a domain, for phishing: use a name of yours"},
	[LINT_SHORTENER] = {"shortener", LINT_WARNING,
		"link to the page itself: block lists hold the domains of shorteners"},
	[LINT_EMPTY_LINK] = {"empty-link", LINT_WARNING,
		"say where it leads, or remove the link"},
	[LINT_RELATIVE_LINK] = {"relative-link", LINT_WARNING,
		"a letter has no folder that it stands in: write the whole address, https://..."},
	[LINT_IMAGE_ALT] = {"image-alt", LINT_WARNING,
		"many read with images off, or have them read aloud: alt=\"what it shows\", alt=\"\" for decoration"},
	[LINT_BROKEN_CID] = {"broken-cid", LINT_ERROR,
		"no inline image of that name is attached"},
	[LINT_IMAGE_ONLY] = {"image-only", LINT_WARNING,
		"say in words what the images show: filters distrust such letters, and images are often off"},
	[LINT_MANY_IMAGES] = {"many-images", LINT_INFORMATION,
		"each is loaded separately on a phone"},
	[LINT_JAVASCRIPT] = {"javascript", LINT_ERROR,
		"no mail reader runs it, and filters refuse the message: remove it"},
	[LINT_FORM] = {"form", LINT_WARNING,
		"most readers disable forms, and some warn of them: link to a page with the form"},
	[LINT_EMBEDDED] = {"embedded", LINT_WARNING,
		"mail readers show no frames, objects or films: link to them with an image"},
	[LINT_PREHEADER] = {"preheader", LINT_INFORMATION,
		"a hidden first line is what inboxes show beside the subject"},
	[LINT_TITLE] = {"title", LINT_INFORMATION,
		"<title> is what a browser's tab and some screen readers call the letter"},
	[LINT_LANGUAGE] = {"language", LINT_INFORMATION,
		"<html lang=\"en\"> tells a screen reader how to pronounce it"},
};
/* clang-format on */

enum lint_rule lint_rule_find(str name)
{
	unsigned rule = 0;
	while (rule < LINT_RULE_COUNT && !str_eq(name, str_of(lint_rules[rule].name)))
		rule++;
	return (enum lint_rule)rule;
}
