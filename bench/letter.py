"""The letter that is sent: personal from its first line to its last, in HTML and text, or in text alone
where it is to be small; and as long as a message of a given size needs."""

import dataclasses

FIELDS = ("first_name", "city", "plan", "points")
HTML_LEAST = 3500  # bytes of a message; below that it is plain text
WORDS = ("cocoa", "walnut", "orange peel", "caramel", "cherries", "cedar", "honey", "plums")
ROW = ('<tr><td style="padding:10px 40px;font-family:Georgia,serif;font-size:16px;'
       'line-height:26px;color:#3d322a;">This week the roastery smells of {word}: the first bags '
       "of the new harvest have come in, and the tasting table is open to everybody.</td></tr>\n")
LINE = "This week the roastery smells of {word}.\n"
HEAD = ("<!doctype html><html><body><p>Dear {{ first_name }} of {{ city }},</p>\n<table>")
FOOT = ("</table>\n<p>You have {{ points }} points on the {{ plan }} plan, and this letter went to "
        '{{ email }}.</p>\n<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>\n')
TEXT = ("Dear {{ first_name }} of {{ city }},\n\nthe new harvest has come in.\n\n"
        "{{ points }} points, {{ plan }}\nUnsubscribe: {{ unsubscribe_url }}\n")
SHORT_HEAD = "Dear {{ first_name }},\n"
SHORT_FOOT = "{{ points }} points, {{ plan }}\n"


@dataclasses.dataclass
class Letter:
    html: str | None
    text: str

    @property
    def body(self):
        return self.html or self.text


def letter(rows, small=False):
    """Of so many rows."""
    words = [WORDS[i % len(WORDS)] for i in range(rows)]
    if small:
        return Letter(None, SHORT_HEAD + "".join(LINE.format(word=w) for w in words) + SHORT_FOOT)
    return Letter(HEAD + "".join(ROW.format(word=w) for w in words) + FOOT, TEXT)


def fit(size, message_size):
    """The letter whose message has about that size; message_size(letter) tells the size of one."""
    small = size < HTML_LEAST
    few, many = (0, 10) if small else (4, 40)
    at_few, at_many = (message_size(letter(n, small)) for n in (few, many))
    step = (at_many - at_few) / (many - few)
    return letter(max(0, round(few + (size - at_few) / step)), small)
