/* campaign_keys.c - the table of campaign.conf. */
#include "engine/api/campaign_dir.h"

#include "engine/send/content.h"

#define TEXT(member, name, fallback, sentence)                                                 \
	{                                                                                      \
		name, KEY_TEXT, offsetof(struct campaign_dir, member), NULL, 0, 0, fallback,   \
			NULL, 0, sentence                                                  \
	}
#define LIST(member, name, sentence)                                                           \
	{                                                                                      \
		name, KEY_LIST, offsetof(struct campaign_dir, member), NULL, 0, 0, NULL, NULL, \
			0, sentence                                                        \
	}
#define FILE_KEY(member, name, fallback, sentence)                                             \
	{                                                                                      \
		name, KEY_FILE, offsetof(struct campaign_dir, member), NULL, 0, 0, fallback,   \
			NULL, 0, sentence                                                  \
	}
#define END                                                                                    \
	{                                                                                      \
		NULL, KEY_TEXT, 0, NULL, 0, 0, NULL, NULL, 0, NULL                         \
	}

static const char *const kind_choices[] = {"newsletter", "transactional", NULL};
static const char *const encoding_choices[] = {"quoted-printable", "8bit", NULL};
static const char *const tracking_choices[] = {"off", "anonymous", "individual", NULL};
static const char *const in_doubt_choices[] = {"as-configured", "assume", "retry", NULL};

static const struct key campaign_keys[] = {
	TEXT(name, "name", "", "Name of the campaign; left out, that of the folder."),
	{"kind", KEY_CHOICE, offsetof(struct campaign_dir, kind), NULL, 0, 0, "newsletter",
	 kind_choices, 0,
	 "newsletter: to everybody on its lists. transactional: to one recipient at a time, as "
	 "programs and `rundbrief post` ask for it; it has no lists, and runs until it is "
	 "cancelled."},
	TEXT(subject, "subject", "",
	     "The subject; may hold Liquid: \"{{ first_name }}, your news\"."),
	TEXT(from, "from", "",
	     "Who writes: \"Ann Example <ann@news.example.com>\"; the name may hold Liquid."),
	TEXT(reply_to, "reply_to", "", "Address for answers, if not the one in from."),
	LIST(lists, "lists", "Names of the lists to write to: { \"news\", \"events\" }."),
	LIST(exclude, "exclude", "Names of lists whose members are left out."),
	TEXT(filter, "filter", "",
	     "Only those for whom this SQL/JSON path predicate over their attributes is true: "
	     "'$.country == \"DE\" && $.age.double() >= 18'. Imported attributes are text, "
	     "which .double() makes a number of; with `import --numbers` they are numbers."),
	TEXT(list_id, "list_id", "",
	     "List-Id, in the form of a host name: \"news.example.com\". Left out, it is the "
	     "first list's name before the domain of from."),
	TEXT(list_name, "list_name", "",
	     "The list's name as people read it beside its List-Id."),
	TEXT(feedback_id, "feedback_id", "",
	     "Feedback-ID for postmaster tools: \"campaign:customer:type:sender\". Left out, "
	     "it is made of the campaign, its first list and the domain of from."),
	FILE_KEY(html_file, "html", "",
		 "File of the HTML body; left out, body.html if there is one."),
	FILE_KEY(text_file, "text", "",
		 "File of the text body; left out, body.txt if there is one, else it is made "
		 "from the HTML."),
	FILE_KEY(amp_file, "amp", "",
		 "File of the AMP body; left out, body.amp.html if there is one. It stands "
		 "between "
		 "text and HTML, for mailboxes that know AMP."),
	FILE_KEY(partials, "partials", "",
		 "Folder of partials; left out, partials if there is one."),
	FILE_KEY(
		data_file, "data", "",
		"File of a JSON object that templates see as campaign.NAME, lists to loop over "
		"among them; left out, data.json if there is one."),
	FILE_KEY(locales, "locales", "",
		 "Folder of translations, de.json and so on, for {{ \"key\" | t }}; left out, "
		 "locales if there is one."),
	TEXT(locale, "locale", "en",
	     "Language and country of recipients who have none of their own, or one that "
	     "nobody knows: \"de\", \"de-AT\". Its texts must be complete."),
	TEXT(recipient_locale, "recipient_locale", "locale",
	     "Attribute with the recipient's own locale, for number, money and t."),
	TEXT(zone, "zone", "UTC",
	     "Time zone of dates for recipients who have none of their own: Europe/Berlin."),
	TEXT(recipient_zone, "recipient_zone", "",
	     "Attribute with the recipient's own time zone, for the filter date; left out, "
	     "window.recipient_zone, else time_zone."),
	{"in_doubt", KEY_CHOICE, offsetof(struct campaign_dir, in_doubt), NULL, 0, 0,
	 "as-configured", in_doubt_choices, 0,
	 "What becomes of a recipient whose message was sent and never answered: assume it "
	 "arrived, "
	 "or retry."},
	{"require_tls", KEY_BOOL, offsetof(struct campaign_dir, require_tls), NULL, 0, 0,
	 "false", NULL, 0,
	 "Only to mail servers that prove who they are and promise the same for the rest of "
	 "the "
	 "way (REQUIRETLS, RFC 8689). Few offer it: others end as failed."},
	TEXT(pool, "pool", "",
	     "Name of the pool of sources that this campaign leaves by; left out, as the "
	     "routes of rundbrief.conf say, else all sources."),
	{"expires", KEY_DURATION, offsetof(struct campaign_dir, expires), NULL, 0,
	 90 * USEC_DAY, "0", NULL, 0,
	 "So long after launch nobody is tried any more; of a transactional campaign: so long "
	 "after each was asked for. 0: only as retry.expiry says."},
	{"weight", KEY_COUNT, offsetof(struct campaign_dir, weight), NULL, 1,
	 CONTENT_WEIGHT_LIMIT, "100", NULL, 0,
	 "Its share of what a provider takes, beside those of other campaigns under way: one "
	 "of "
	 "200 gets twice as much as one of 100."},
	{"rate", KEY_RATE, offsetof(struct campaign_dir, rate), "messages", 0, 0, "unlimited",
	 NULL, 0, "Messages started, to all hosts together."},
	{"byte_rate", KEY_BYTE_RATE, offsetof(struct campaign_dir, byte_rate), NULL, 0, 0,
	 "unlimited", NULL, 0, "Volume of the messages started."},
	TEXT(sample, "sample", "",
	     "Who goes first: a share of the audience, \"1%\", of at least 1,000; or a number "
	     "of "
	     "recipients. The rest follows when their outcome is sane. Left out, as "
	     "campaigns.sample of rundbrief.conf says."),
	{"ramp", KEY_BOOL, offsetof(struct campaign_dir, ramp), NULL, 0, 0, NULL, NULL, 0,
	 "Whether a sample goes first; left out, as campaigns.ramp of rundbrief.conf says."},
	{"encoding", KEY_CHOICE, offsetof(struct campaign_dir, encoding), NULL, 0, 0,
	 "quoted-printable", encoding_choices, 0,
	 "How text leaves: quoted-printable goes everywhere; 8bit as it is, to hosts that "
	 "offer "
	 "8BITMIME, and in quoted-printable to the others."},
	{"attachment_limit", KEY_SIZE, offsetof(struct campaign_dir, attachment_limit), NULL, 1,
	 100 << 20, "10M", NULL, 0,
	 "Size of all files of a message together, before they grow by a third on the way; and "
	 "of one recipient's own file."},
	{"tracking", KEY_CHOICE, offsetof(struct campaign_dir, tracking), NULL, 0, 0, "off",
	 tracking_choices, 0,
	 "Whether clicks on links are counted. off: links lead where they say, nobody is "
	 "watched, which is why it is so unless you say otherwise. anonymous: how often each "
	 "link was clicked, not by whom; all messages have the same links. individual: also "
	 "by whom. A link with the attribute track=\"false\", or written {{ url | track: "
	 "false }}, is left alone, and so are those to unsubscribe, preferences and the view "
	 "in the browser."},
	{"track_opens", KEY_BOOL, offsetof(struct campaign_dir, track_opens), NULL, 0, 0,
	 "false", NULL, 0,
	 "With tracking: a picture of one pixel ends the HTML and is counted when it is "
	 "loaded. Some programs load it for everybody, others for nobody."},
	{"track_text", KEY_BOOL, offsetof(struct campaign_dir, track_text), NULL, 0, 0, "false",
	 NULL, 0,
	 "With tracking: the links of the text part are counted, too; readers see long "
	 "addresses of yours in place of the real ones."},
	{"in_doubt_wait", KEY_DURATION, offsetof(struct campaign_dir, in_doubt_wait), NULL, 0,
	 30 * USEC_DAY, NULL, NULL, 0,
	 "With in_doubt = retry: how long to wait before the message is sent once more. "
	 "Built in: 15m."},
	LIST(lint_off, "lint_off",
	     "Findings of `rundbrief campaign check` that are not wanted, by the names that it "
	     "shows in brackets: { \"http-link\" }. What is left out here may still be "
	     "silenced "
	     "by campaigns.lint_off of rundbrief.conf."),
	TEXT(inline_css, "inline_css", "",
	     "Command that moves styles from <style> into the elements, for mail readers that "
	     "know no other: \"juice /dev/stdin /dev/stdout\". Left out, as "
	     "campaigns.inline_css of "
	     "rundbrief.conf says; none: they stay. A <style> that holds Liquid stays as it "
	     "is."),
	{"hold_out", KEY_SHARE, offsetof(struct campaign_dir, hold_out), NULL, 0, 0, NULL, NULL,
	 0,
	 "Share of the audience that gets nothing, to compare with: \"5%\". Who they are is "
	 "decided by chance, once."},
	{"strict_variables", KEY_BOOL, offsetof(struct campaign_dir, strict_variables), NULL, 0,
	 0, "false", NULL, 0,
	 "Whoever lacks an attribute that the letter reads gets no letter, and it says which; "
	 "else nothing stands in its place. Attributes that are read with a default, too."},
	{"strict_filters", KEY_BOOL, offsetof(struct campaign_dir, strict_filters), NULL, 0, 0,
	 "true", NULL, 0,
	 "Whether a filter that does not exist is an error; else it changes nothing."},
	END,
};

static const struct key header_keys[] = {
	{"value", KEY_TEXT, offsetof(struct campaign_header, value), NULL, 0, 0, "", NULL,
	 0, "Its value; may hold Liquid."},
	END,
};

#undef TEXT
#define TEXT(member, name, sentence)                                                           \
	{                                                                                      \
		name, KEY_TEXT, offsetof(struct campaign_window, member), NULL, 0, 0, "",      \
			NULL, 0, sentence                                                  \
	}
static const struct key window_keys[] = {
	TEXT(start, "start",
	     "Not before: \"2026-12-01 08:00\" on the clock of zone, or with its offset, "
	     "2026-12-01T08:00:00+01:00."),
	TEXT(end, "end", "Who was not reached by then is not tried any more: it is too late."),
	TEXT(from, "from", "From this hour of each day: \"08:00\"."),
	TEXT(until, "until",
	     "Until this hour of each day, \"20:00\"; earlier than from: over midnight."),
	{"zone", KEY_TEXT, offsetof(struct campaign_window, zone), NULL, 0, 0, "UTC", NULL,
	 0, "The time zone of these times, by its name: Europe/Berlin."},
	TEXT(recipient_zone, "recipient_zone",
	     "Attribute with the recipient's own time zone, \"America/New_York\", on whose "
	     "clock "
	     "from and until are for them; who has none, or an unknown one, is taken to live "
	     "in zone."),
	{"spread", KEY_BOOL, offsetof(struct campaign_window, spread), NULL, 0, 0, "false",
	 NULL, 0,
	 "Evenly over the window up to end, or until, instead of as fast as may be; not with "
	 "recipient_zone."},
	END,
};

#undef TEXT
#define TEXT(type, member, name, fallback, sentence)                                           \
	{                                                                                      \
		name, KEY_TEXT, offsetof(struct type, member), NULL, 0, 0, fallback, NULL,     \
			0, sentence                                                        \
	}
static const struct key attach_keys[] = {
	TEXT(campaign_file, shown, "name", "",
	     "The name that readers see; left out, that of the file."),
	TEXT(campaign_file, type, "type", "",
	     "Its type, \"application/pdf\"; left out, as its suffix says."),
	END,
};
static const struct key inline_keys[] = {
	TEXT(campaign_file, cid, "cid", "",
	     "What the HTML calls it: <img src=\"cid:logo\">; left out, its path."),
	TEXT(campaign_file, shown, "name", "",
	     "The name that readers see; left out, that of the file."),
	TEXT(campaign_file, type, "type", "",
	     "Its type, \"image/png\"; left out, as its suffix says."),
	END,
};
static const char *const calendar_choices[] = {"alternative", "attachment", "both", NULL};
static const struct key calendar_keys[] = {
	TEXT(campaign_calendar, method, "method", "REQUEST",
	     "What is asked for: REQUEST, PUBLISH, CANCEL. The file's METHOD says the same."),
	{"as", KEY_CHOICE, offsetof(struct campaign_calendar, as), NULL, 0, 0, "alternative",
	 calendar_choices, 0,
	 "Where it stands: beside the letter, where mailboxes show buttons to accept; as an "
	 "attachment; or both."},
	TEXT(campaign_calendar, shown, "name", "",
	     "The name of the attachment; left out, that of the file."),
	END,
};
static const struct key attach_from_keys[] = {
	TEXT(campaign_own_file, shown, "name", "attachment",
	     "The name that its reader sees; may hold Liquid: \"Invoice {{ number }}.pdf\"."),
	TEXT(campaign_own_file, type, "type", "",
	     "Its type, \"application/pdf\"; left out, as the suffix of the name says."),
	{"optional", KEY_BOOL, offsetof(struct campaign_own_file, optional), NULL, 0, 0,
	 "false", NULL, 0,
	 "Who has none gets the letter without it; else they get none, and it says why."},
	END,
};

#undef TEXT
#define TEXT(member, name, sentence)                                                           \
	{                                                                                      \
		name, KEY_TEXT, offsetof(struct campaign_utm, member), NULL, 0, 0, "", NULL,   \
			0, sentence                                                        \
	}
static const struct key utm_keys[] = {
	TEXT(source, "source", "Who sends them: \"newsletter\"."),
	TEXT(medium, "medium", "By what means: \"email\"."),
	TEXT(campaign, "campaign", "For what: \"spring\"."),
	TEXT(term, "term", "A word that was searched for."),
	TEXT(content, "content", "Which of several alike."),
	END,
};

#undef TEXT
#define TEXT(member, name, sentence)                                                           \
	{                                                                                      \
		name, KEY_TEXT, offsetof(struct campaign_variant, member), NULL, 0, 0, "",     \
			NULL, 0, sentence                                                  \
	}
static const struct key variant_keys[] = {
	TEXT(subject, "subject", "Another subject; left out, as outside of the section."),
	TEXT(from, "from", "Another sender; left out, as outside of the section."),
	{"html", KEY_FILE, offsetof(struct campaign_variant, html_file), NULL, 0, 0, "", NULL,
	 0, "File of another HTML body; left out, the letter's."},
	{"text", KEY_FILE, offsetof(struct campaign_variant, text_file), NULL, 0, 0, "", NULL,
	 0,
	 "File of another text body; left out, the letter's, or made from this HTML if the "
	 "letter's was made."},
	{"share", KEY_SHARE, offsetof(struct campaign_variant, share), NULL, 0, 0, NULL, NULL,
	 0,
	 "Share of the audience that gets it: \"10%\". Of every variant or of none, which "
	 "divides all evenly. What the shares and hold_out leave waits for `rundbrief campaign "
	 "winner`."},
	END,
};

static const struct key_section campaign_sections[] = {
	{"", NULL, 0, 0, 0, campaign_keys, KEY_BY_COMMAND, "Keys of campaign.conf:"},
	{"header", "X-NAME", offsetof(struct campaign_dir, headers),
	 offsetof(struct campaign_dir, header_count), sizeof(struct campaign_header),
	 header_keys, KEY_BY_COMMAND, "A header of your own on every message."},
	{"attach", "FILE", offsetof(struct campaign_dir, attached),
	 offsetof(struct campaign_dir, attached_count), sizeof(struct campaign_file),
	 attach_keys, KEY_BY_COMMAND, "A file of the campaign's folder that everybody gets."},
	{"inline", "FILE", offsetof(struct campaign_dir, inlined),
	 offsetof(struct campaign_dir, inlined_count), sizeof(struct campaign_file),
	 inline_keys, KEY_BY_COMMAND,
	 "An image that travels with the HTML. One that the HTML calls by its path, "
	 "src=\"cid:logo.png\", there or in the folder images, needs no section."},
	{"calendar", "FILE", offsetof(struct campaign_dir, calendars),
	 offsetof(struct campaign_dir, calendar_count), sizeof(struct campaign_calendar),
	 calendar_keys, KEY_BY_COMMAND, "An invitation (iCalendar); may hold Liquid."},
	{"attach_from", "ATTRIBUTE", offsetof(struct campaign_dir, own_files),
	 offsetof(struct campaign_dir, own_file_count), sizeof(struct campaign_own_file),
	 attach_from_keys, KEY_BY_COMMAND,
	 "A file of the recipient's own, in base64 in this attribute: an invoice, for "
	 "instance."},
	{"breaker", NULL, offsetof(struct campaign_dir, breaker), 0, 0, config_breaker_keys, KEY_BY_COMMAND,
	 "When the campaign pauses by itself. What is left out is as the section campaigns of "
	 "rundbrief.conf says."},
	{"window", NULL, offsetof(struct campaign_dir, window), 0, 0, window_keys, KEY_BY_COMMAND,
	 "When it may be sent. Outside of it nothing starts; what is under way ends."},
	{"utm", NULL, offsetof(struct campaign_dir, utm), 0, 0, utm_keys, KEY_BY_COMMAND,
	 "Parameters that the links of HTML and text get for web analytics, unless they have "
	 "them: utm_source=... and so on. Those to unsubscribe, preferences and the view in "
	 "the browser get none."},
	{"variant", "NAME", offsetof(struct campaign_dir, variants),
	 offsetof(struct campaign_dir, variant_count), sizeof(struct campaign_variant),
	 variant_keys, KEY_BY_COMMAND,
	 "Another form of the letter, to be compared with it (A/B); \"a\" is the letter "
	 "itself, "
	 "whose share may be said. Who gets which is decided by chance, once."},
	{NULL, NULL, 0, 0, 0, NULL, KEY_BY_COMMAND, NULL},
};
const struct key_table campaign_table = {campaign_sections};
