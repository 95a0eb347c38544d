# Links that are counted: what becomes of them, where they lead, whom a token names; and a secret
# that is replaced while a campaign is under way.
cat >rundbrief.conf <<-END
	database { conninfo = "$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_links/')" }
	sending { return_domain = bounce.example.com secret = secret base_url = "https://news.example.com/" }
END
conninfo=$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_links/')
run 0 init
cat >people.csv <<-END
	Email,first_name,shop
	ann@example.com,Ann,berlin
END
run 0 import people.csv --list news
mkdir spring spring/partials
cat >spring/campaign.conf <<-END
	subject = "News"
	from = "Ann Example <ann@example.com>"
	lists = { "news" }
	tracking = individual
	track_opens = true
	utm { source = "the news" medium = email }
END
cat >spring/body.html <<-END
	<html><body><p><a href="https://shop.example.com/?a=1&amp;b=2#top">The shop</a>
	<a href="https://{{ shop }}.example.com/">Yours</a>
	<a href="https://example.com/legal" track="false">Terms</a>
	{% render 'foot' %}
	<a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>
END
echo '<a href="https://example.com/about">About us</a>' >spring/partials/foot.liquid
run 0 campaign create spring
prints "revision 1"
run 0 campaign show spring
prints "link 1       https://shop.example.com/?a=1&b=2&utm_source=the%20news&utm_medium=email#top (The shop)"
prints "link 2       "
prints "link 3       https://example.com/about?utm_source=the%20news&utm_medium=email (About us)"
never_prints "link 4"
run 0 campaign show spring --json
is_json
prints '"index":2,"is_liquid":true'
run 0 campaign create spring
prints "unchanged"

# What a reader gets.
preview() {
	run 0 preview spring --to ann@example.com "$@"
}
preview --html
cp out html
prints 'href="https://example.com/legal?utm_source=the%20news&amp;utm_medium=email">Terms</a>'
never_prints 'shop.example.com'
never_prints 'track'
url() { # N: the link of that number; "open": the pixel
	case $1 in
	open) sed -n 's/.*src="\([^"]*\.gif\)".*/\1/p' html ;;
	leave) sed -n 's/.*href="\([^"]*\/u\/[^"]*\)".*/\1/p' html ;;
	*) sed -n "s/.*href=\"\([^\"]*\/c\/[^\"]*\/$1\)\".*/\1/p" html ;;
	esac
}
preview --text
prints "https://shop.example.com/?a=1&b=2&utm_source=the%20news&utm_medium=email#top"
never_prints "$(url 1)"
run 0 token "$(url 1)"
prints "click, campaign 1 (spring), subscriber 1 (ann@example.com), secret '"
prints "; link 1 leads to https://shop.example.com/?a=1&b=2&utm_source=the%20news&utm_medium=email#top"
run 0 token "$(url 2)"
prints "link 2 leads to https://berlin.example.com/?utm_source=the%20news&utm_medium=email"
sql "update subscribers set attributes = '{\"shop\": \"köln\"}'"
run 0 token "$(url 2)" --json
prints "https://köln.example.com/?utm_source"
sql "update subscribers set attributes = '{\"shop\": \"berlin\"}'"
run 0 token "$(url open)"
prints "open, campaign 1 (spring), subscriber 1 (ann@example.com)"
run 0 token "$(url leave)" --json
is_json
prints '"what":"unsubscribe"'
prints '"subscriber":"ann@example.com"'

# Tokens that are not ours, or not for this.
token=$(url open | sed 's/.*\///; s/\.gif//')
forged=$(echo "$token" | sed 's/\(.\{9\}\)./\1x/')
[ "$forged" = "$token" ] && forged=$(echo "$token" | sed 's/\(.\{9\}\)./\1y/')
run 6 token "$forged"
tells "is forged, or was damaged on its way"
run 6 token "https://news.example.com/u/$token"
tells "put into this link by hand"
run 6 token "hello" "<x@y>" "$(printf '\033[31m')"
tells "holds no token of rundbrief"
never_prints "$(printf '\033')"
key=$(echo "$token" | cut -c1)
other=$(echo "$key" | tr 'a-z2-7' 'b-z2-7a')
run 6 token "$other$(echo "$token" | cut -c2-)"
tells "its secret is none of those"
printf '%s\n\n%s\n' "$(url 1)" "$(url leave)" >in
run 0 token -
prints "click, "
prints "unsubscribe, "
echo "$forged" >in
run 6 token - --json
is_json

# A new secret: what was launched keeps the old one, in every letter of it.
preview --raw --unsigned --date 2026-03-01T08:00:00Z
grep -i '^message-id:' out >id.draft
sql "update campaigns set state = 1, launched_at = now(), token_key = '$key'"
run 0 init --new-secret
prints "a new secret signs from now on"
[ "$(wc -l <secret)" = 2 ] && [ "$(stat -c %a secret)" = 600 ]
claim $? "the file has two secrets, for its owner only"
preview --raw --unsigned --date 2026-03-01T08:00:00Z
grep -i '^message-id:' out >id.launched
cmp -s id.draft id.launched
claim $? "a launched campaign keeps its Message-IDs"
run 0 token "$(url 1)"
prints "secret '$key'"
sql "update campaigns set token_key = null"
preview --raw --unsigned --date 2026-03-01T08:00:00Z
grep -i '^message-id:' out >id.null
cmp -s id.draft id.null
claim $? "so does one of which no secret is noted: with the oldest"
sql "update campaigns set state = 0"
preview --raw --unsigned --date 2026-03-01T08:00:00Z
grep -i '^message-id:' out >id.new
cmp -s id.draft id.new
[ $? -eq 1 ]
claim $? "a draft gets the newest"
run 0 campaign start spring
sql "select token_key from campaigns" >noted
[ "$(sed 's/.*<\(.\).*/\1/' id.new)" = "$(cat noted)" ]
claim $? "its launch notes which that is"
sed -i 1d secret
run 1 preview spring --to ann@example.com --html
tells "no longer holds"

# Settings that do not fit.
mkdir bad && cp spring/body.html bad/ && cp -r spring/partials bad/
sed 's/tracking = individual/tracking = off/' spring/campaign.conf >bad/campaign.conf
run 6 campaign create bad
tells "bad/campaign.conf:5: track_opens: changes nothing while tracking is off"
sed 's/"the news"/"{{ x }}"/' spring/campaign.conf >bad/campaign.conf
run 6 campaign create bad
tells "bad/campaign.conf:6: utm.source: is plain text"
cp spring/campaign.conf bad/
sed 's/base_url = "[^"]*"//' rundbrief.conf >nowhere.conf
run 6 campaign create bad --config nowhere.conf
tells "tracking needs sending.base_url"
# Mistakes are shown where they stand, whatever is rewritten before them.
sed 's/^<a href="{{ unsub/<a href="{{ x | upcsae }}">x<\/a><a href="{{ unsub/' spring/body.html >bad/body.html
run 6 campaign create bad
tells 'bad/body.html:5:17: unknown filter'
tells '<a href="{{ x | upcsae }}">'

# Anonymous: everybody's links are the same, and name nobody.
mkdir autumn && cp spring/body.html autumn/ && cp -r spring/partials autumn/
sed 's/individual/anonymous/' spring/campaign.conf >autumn/campaign.conf
run 0 campaign create autumn
run 0 preview autumn --to ann@example.com --html
cp out html
prints "https://berlin.example.com/?utm_source"
run 0 token "$(url 1)"
prints " (autumn), nobody in particular"
run 0 token "$(url open)"
prints " (autumn), nobody in particular"

# Forms of a letter: the links of each are counted apart.
mkdir ab && cp -r spring/partials ab/
sed 's/\(subject = "News"\)/\1 name = "ab"/' spring/campaign.conf >ab/campaign.conf
echo 'variant "b" { html = "b.html" }' >>ab/campaign.conf
echo '<a href="https://a.example.com/">A</a>' >ab/body.html
echo '<a href="https://b.example.com/">B</a>' >ab/b.html
run 0 campaign create ab
run 0 campaign show ab
prints "link 1       https://a.example.com/?utm_source"
prints "link 3       https://b.example.com/?utm_source"
run 0 preview ab --to ann@example.com --html --variant b
cp out html
run 0 token "$(url 3)"
prints "link 3 leads to https://b.example.com/?utm_source"
run 0 token "$(url open)"
prints "open, "
