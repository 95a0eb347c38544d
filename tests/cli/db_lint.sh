# What campaign check finds, against the lists; errors stop a launch; styles are inlined.
cat >rundbrief.conf <<-CONF
	database { conninfo = "$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_lint/')" }
	sending { return_domain = bounce.example.com secret = secret base_url = "https://news.example.com" }
CONF
conninfo=$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_lint/')
run 0 init
{
	echo email,first_name,city
	for i in 1 2 3 4 5 6 7 8 9; do echo "p$i@example.com,P$i,"; done
	echo "q@example.com,,Rom"
} >people.csv
run 0 import people.csv --list news
mkdir spring
letter() {
	cat >spring/campaign.conf <<-CONF
		subject = "News of spring"
		from = "Ann Example <ann@example.com>"
		$1
	CONF
}
letter 'lists = { news }'
cat >spring/body.html <<-'HTML'
	<html lang="en"><head><title>Spring</title></head><body>
	<p>Hello {{ first_name }}, in {{ city | default: "town" }}: {{ frist_name | default: "you" }}</p>
	<a href="http://example.com/">shop</a> <a href="{{ unsubscribe_url }}">out</a>
	</body></html>
HTML
run 6 campaign check spring
prints "spring/body.html:2:61: error: none of the 10 recipients has frist_name, did you mean 'first_name'? [unknown-field]"
prints "spring/body.html:2:10: warning: 1 of 10 recipients has no first_name [empty-field]"
prints "spring/body.html:3:4: warning: the link http://example.com/ is not encrypted [http-link]"
prints "there is no dkim section [unsigned]"
prints "information: there is no preheader"
prints "1 error, 3 warnings, 2 notes"
prints "first_name, which 9 have"
quiet
run 3 campaign show spring
run 6 campaign check spring --json
is_json
prints '"errors":1,"warnings":3,"recipients":10,"exact":true'
prints '"name":"unknown-field","severity":"error","file":"spring/body.html","line":2,"column":61'
run 6 campaign check spring --csv
prints "error,unknown-field,spring/body.html,2,"
run 0 campaign create spring
prints "revision 1"
prints "error: none of the 10 recipients has frist_name"
prints "for       10 recipients"
never_prints "preheader"
run 6 campaign start spring
tells "body.html:2:61: error: none of the 10"
tells "warning"
tells "'spring' is not sent: correct the errors, or name in lint_off"
sql "select state from campaigns" | grep -qx 0
claim $? "it is a draft still"
run 6 campaign check spring --recount
prints "which 9 have"
run 2 campaign list --recount
tells "goes with check"

letter 'lists = { news } lint_off = { "unknown-field", "http-links" }'
run 6 campaign check spring
tells "no finding is called 'http-links', did you mean 'http-link'?"
letter 'lists = { news } lint_off = { "unknown-field", "http-link" }'
run 0 campaign check spring
never_prints "unknown-field"
never_prints "http-link"
cp rundbrief.conf more.conf
echo 'campaigns { lint_off = { "empty-field", "unsigned" } }' >>more.conf
run 0 campaign check spring --config more.conf
prints "0 errors, 0 warnings, 2 notes"
sed -i 's/"unsigned"/nothing/' more.conf
run 2 campaign check spring --config more.conf
tells "there is no finding"
run 0 campaign start spring
tells "warning: 1 of 10 recipients has no first_name"
run 0 cancel spring
run 0 campaign delete spring

# An audience of several lists, without some, or chosen by a filter.
{
	echo email,first_name
	echo "p1@example.com,P1"
	echo "r@example.com,"
} >more.csv
run 0 import more.csv --list events
letter 'lists = { news, events } lint_off = { "unknown-field" }'
run 0 campaign check spring
prints "2 of 11 recipients have no first_name"
letter 'lists = { news } exclude = { events } lint_off = { "unknown-field" }'
run 0 campaign check spring
prints "1 of 9 recipients has no first_name"
letter "lists = { news } filter = '\$.city == \"Rom\"'"
run 6 campaign check spring
prints "none of the 1 recipients has first_name"
letter 'lists = { news } lint_off = { "unknown-field" }'
run 0 suppress add q@example.com
run 0 campaign check spring
prints "for       9 recipients"
never_prints "empty-field"
run 0 subscriber unsubscribe p2@example.com
run 0 subscriber erase p3@example.com
run 0 campaign check spring
prints "for       7 recipients"
echo 'email' >none.csv
run 0 import none.csv --list empty
letter 'lists = { empty }'
run 0 campaign check spring
prints "nobody is on its lists [no-recipients]"

# Data that the template does not expect: of one, of all.
letter 'lists = { news } lint_off = { "unknown-field" }'
echo '{% if first_name == "P4" %}{{ 1 | divided_by: 0 }}{% endif %}' >>spring/body.html
run 0 campaign check spring
prints "warning: the message of p4@example.com cannot be made"
echo '{{ 1 | divided_by: 0 }}' >>spring/body.html
run 6 campaign check spring
prints "[broken-message]"

# A letter that Gmail cuts, and a sender that nobody can leave.
sed -i '/divided_by/d; /unsubscribe/d' spring/body.html
/usr/bin/python3 -c 'print("<p>word</p>\n" * 10000)' >>spring/body.html
run 0 campaign check spring
prints "more than the 102 KB that Gmail shows [size]"
prints "warning: the letter has no link to unsubscribe"
sed -i 's/ base_url = "[^"]*"//' rundbrief.conf
run 6 campaign check spring
prints "error: nobody can unsubscribe with one click: sending.base_url is not set [one-click]"
prints "error: the letter has no link to unsubscribe"
letter 'kind = transactional'
run 0 campaign check spring
never_prints "unsubscribe"

# Styles inlined: by a stand-in, by hostile ones, and by juice where npm can get it.
off='lists = { news } lint_off = { "one-click", "no-unsubscribe", "unsigned", "unknown-field" }'
cat >spring/body.html <<-'HTML'
	<html><head><style>.a { color: red }</style><style>.b { color: {{ city }} }</style></head><body>
	<p class="a" title="{{ city | default: "x>" }}">Hello {{ first_name | default: "you" }}</p>
	<table>{% for i in (1..2) %}<tr {% if city %}bgcolor="#fff"{% endif %}><td class="a">{{ i }}</td></tr>{% endfor %}</table>
	</body></html>
HTML
cat >inliner <<-'SH'
	#!/bin/sh
	[ "$1" = "two words" ] && sed 's/class="a"/class="a" style="color: red"/'
SH
chmod +x inliner
tags() {
	grep -o '{[{%][^}]*}' "$1" | tr '\n' ' '
}
stored() {
	sql "select html from templates where campaign_id = (select id from campaigns where name = 'spring') order by revision desc limit 1" >stored.html
	[ -s stored.html ] && [ "$(tags stored.html)" = "$(tags spring/body.html)" ]
	claim $? "every tag of Liquid is where it was"
}
letter "$off inline_css = \"$PWD/inliner 'two words'\""
run 0 campaign create spring
stored
grep -q '<td class="a" style="color: red">' stored.html
claim $? "the styles are in the elements"
run 0 campaign create spring
prints "unchanged"
run 0 campaign check spring
hostile() { # command, what is told
	letter "$off inline_css = \"$1\""
	run 6 campaign create spring
	tells "$2"
}
hostile "false" "ended with status 1"
hostile "yes" "wrote more than 8388608 bytes"
hostile "sed s/rb.*x//" "was lost"
hostile "/nowhere/x" "cannot be run"
hostile "true" "was lost"
hostile "sh -c 'echo it is broken >&2; exit 7'" "ended with status 7: it is broken"
letter "$off inline_css = none"
echo 'campaigns { inline_css = "false" }' >>rundbrief.conf
run 0 campaign create spring
if command -v npm >/dev/null && (mkdir -p juice && cd juice && timeout 120 npm install juice --no-audit --no-fund >log 2>&1); then
	letter "$off inline_css = \"$PWD/juice/node_modules/.bin/juice /dev/stdin /dev/stdout\""
	run 0 campaign create spring
	stored
	grep -q '<td class="a" style="color: red;">{{ i }}</td>' stored.html
	claim $? "juice has put the styles into the elements"
	run 0 preview spring --to p4@example.com --html
	prints 'title="x&gt;"'
fi
