# One reader's letter in every form: parts, bytes, header, sizes, and as a picture by a browser that
# is played (stand_in_browser.py) so that what it is given, and what goes wrong, can be looked at.
conninfo=$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_preview/')
cat >rundbrief.conf <<END
database { conninfo = "$conninfo" }
sending { return_domain = "bounce.example.com"  secret = "secret" }
END
run 0 init
mkdir -p spring
cat >spring/campaign.conf <<-END
	subject = "News for {{ first_name }}"
	from = "Ann <ann@news.example.com>"
	lists = { "news" }
END
printf '<p>Hello <b>{{ first_name }}</b>, {{ campaign.issue }}</p>' >spring/body.html
printf 'Hello {{ first_name }}, {{ campaign.issue }}\n' >spring/body.txt
echo '{"issue": "number 7"}' >spring/data.json
printf 'email,first_name\nbob@example.com,Zo\303\253\n' >people.csv
run 0 import people.csv --list news
run 0 campaign create spring
run 0 preview spring --to bob@example.com --text
is "Hello Zoë, number 7"
printf '{"issue": ' >spring/data.json
run 6 campaign create spring
tells "spring/data.json:"

run 0 preview spring --to bob@example.com --headers
prints "Subject: =?"
prints "List-Unsubscribe:"
never_prints "Hello"
run 0 preview spring --to bob@example.com --raw --date 2026-03-01T08:00:00Z
whole=$(wc -c <out)
run 0 preview spring --to bob@example.com --size --date 2026-03-01T08:00:00Z
prints "message"
grep -q "message *$whole bytes" out
claim $? "the size is that of the message as it is sent ($whole)"
grep -q "^text *21 bytes" out
claim $? "and of the text before it was encoded"
run 2 preview spring --size --html
run 2 preview spring --phone
tells "--picture"
run 2 preview spring --picture a.png --json

browser() { # NAME [TIMEOUT]: the stand-in of that name is the configured browser
	cp "$root/tests/cli/stand_in_browser.py" "$1"
	chmod 755 "$1"
	sed -i '/^preview/d' rundbrief.conf
	echo "preview { browser = \"$PWD/$1\"  timeout = ${2:-20s} }" >>rundbrief.conf
}
picture() { # WIDTH HEIGHT FILE: the file is a PNG of that size
	[ "$(/usr/bin/python3 -c 'import struct, sys
print(*struct.unpack(">II", open(sys.argv[1], "rb").read()[16:24]))' "$3")" = "$1 $2" ]
	claim $? "$3 is a picture of $1 x $2"
}
leaves_nothing() {
	[ -z "$(ls "$TMPDIR")" ]
	claim $? "no profile is left"
}
mkdir tmp
TMPDIR=$PWD/tmp
export TMPDIR
browser good
run 0 preview spring --to bob@example.com --picture wide.png
quiet
picture 700 1234 wide.png
leaves_nothing
grep -qx -e '--headless' good.argv && grep -qx -e '--remote-debugging-pipe' good.argv &&
	grep -qx -e '--host-resolver-rules=MAP \* ~NOTFOUND' good.argv
claim $? "the browser is headless, spoken to by a pipe, and knows no names"
[ "$(id -u)" -ne 0 ] || grep -qx -e '--no-sandbox' good.argv
claim $? "as root it is told that it gets no sandbox"
! grep -q "Hello\|bob" good.argv
claim $? "the letter is not in its arguments"
[ "$(grep -v '^LC_\|^PWD$\|^_$\|^SHLVL$' good.environ | tr '\n' ' ')" = "HOME LANG PATH TMPDIR " ]
claim $? "its environment has nothing of ours"
grep -q '"Emulation.setScriptExecutionDisabled", "params": {"value": true}' good.asked
claim $? "scripts are off"
grep -q '"offline": true' good.asked
claim $? "the network is off"
grep -q 'Hello <b>Zo\\u00eb</b>, number 7' good.asked
claim $? "it is given the HTML part of that reader"
grep -q '"prefers-color-scheme", "value": "light"' good.asked
claim $? "it is a reader with a light screen"
run 0 preview spring --to bob@example.com --picture phone.png --phone --dark
picture 390 1234 phone.png
grep -q '"prefers-color-scheme", "value": "dark"' good.asked
claim $? "it is a reader with a dark screen"
run 1 preview spring --to bob@example.com --picture nowhere/a.png
tells "nowhere/a.png"

browser dead
run 1 preview spring --to bob@example.com --picture a.png
tells 'the browser ended before the picture was made: no such display\x1b[2J'
browser odd
run 1 preview spring --to bob@example.com --picture a.png
tells "does not say how high"
browser endless
run 1 preview spring --to bob@example.com --picture a.png
tells "too long"
browser silent 1s
run 1 preview spring --to bob@example.com --picture a.png
tells "in time"
browser talkative 1s
run 1 preview spring --to bob@example.com --picture a.png
tells "in time"
[ ! -e a.png ]
claim $? "no picture is written when there is none"
browser stubborn 60s
timeout 60 "$program" preview spring --to bob@example.com --picture a.png >out 2>err &
waiting=$!
for _ in $(seq 200); do [ -s stubborn.pid ] && break; sleep 0.1; done
kill -TERM "$(pgrep -P $waiting -x rundbrief || echo $waiting)"
wait $waiting
[ $? -eq 5 ]
claim $? "somebody who stops it is obeyed"
! kill -0 "$(cat stubborn.pid)" 2>/dev/null
claim $? "and the browser is gone with it"
leaves_nothing
sed -i '/^preview/d' rundbrief.conf
echo 'preview { browser = "no-such-browser" }' >>rundbrief.conf
run 3 preview spring --to bob@example.com --picture a.png
tells "no-such-browser"
sed -i '/^preview/d' rundbrief.conf
mkdir bin
whole_path=$PATH
PATH=$PWD/bin
hash -r
/usr/bin/timeout 60 "$program" preview spring --to bob@example.com --picture a.png >out 2>err
code=$?
PATH=$whole_path
[ $code -eq 3 ]
claim $? "without a browser it ends with 3 (was $code)"
tells "install chromium"
unset TMPDIR
