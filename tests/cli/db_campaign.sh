# From an empty server to a stored campaign and a preview of it.
cat >rundbrief.conf <<-END
	database { conninfo = "$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_campaign/')" }
	sending { return_domain = bounce.example.com secret = secret base_url = "https://news.example.com" }
	dkim "k" { domain = example.com selector = s1 key = s1.pem }
END
conninfo=$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_campaign/')
run 4 campaign list
tells "rundbrief init"
run 0 init
prints "database cli_campaign created"
prints "migrations applied"
prints "secret written"
(RUNDBRIEF_CONFIG=$PWD/twice.conf; export RUNDBRIEF_CONFIG
sed 's/dbname=[a-z_]*/dbname=cli_twice/' rundbrief.conf >twice.conf
"$program" init >1 2>&1 & first=$!
"$program" init >2 2>&1 && wait $first)
claim $? "two at once both succeed: $(cat 1 2 | tr '\n' ' ')"
sql "insert into migrations values (99, 'sql/0099_future.sql', 'x')"
run 1 init
tells "a newer rundbrief has migrated this database"
run 1 campaign list
tells "a newer rundbrief has migrated this database"
run 1 import rundbrief.conf --list news
tells "a newer rundbrief has migrated this database"
sql "delete from migrations where number = 99"
psql -XAtq "$conninfo" -c "create database cli_bare"
sed 's/dbname=[a-z_]*/dbname=cli_bare/' rundbrief.conf >bare.conf
run 1 status --config bare.conf
tells "rundbrief init"
cp secret before
run 0 init
prints "up to date"
cmp -s secret before
claim $? "init leaves the secret alone"
run 0 dkim keygen --domain example.com --selector s1 --type ed25519 --out s1.pem

mkdir spring
cat >spring/campaign.conf <<-END
	name = "spring"
	subject = "News for {{ first_name | default: 'you' }}"
	from = "Ann Example <ann@example.com>"
	lists = { "news" }
	header "X-Kind" { value = "newsletter" }
END
printf 'Hello {{ first_name }}, from {{ city }}\n' >spring/body.txt
printf '<p>Hello <b>{{ first_name }}</b></p>\n' >spring/body.html
run 3 campaign create spring
tells "there is no list 'news'"
cat >people.csv <<-END
	Email,first_name,City
	ann@example.com,Ann <A>,Berlin
	bob@example.com,Bob,Köln
END
run 0 import people.csv --list news
run 0 campaign create spring
prints "revision 1"
run 0 campaign create spring
prints "revision 1, unchanged"
echo 'P.S. {{ city }}' >>spring/body.txt
run 0 campaign create spring --json
is_json
prints '"revision":2'
sed -i 's/"news"/"nwes"/' spring/campaign.conf
run 3 campaign create spring
tells "did you mean 'news'?"
sed -i 's/"nwes"/"news"/' spring/campaign.conf
printf '<p>{{ first_name | upcsae }}</p>\n' >spring/body.html
run 6 campaign create spring
tells "spring/body.html:1:"
tells "^"
printf '<p>Hello <b>{{ first_name }}</b></p>\n' >spring/body.html
echo 'filter = "$.city =="' >>spring/campaign.conf
run 6 campaign create spring
sed -i '/^filter/d' spring/campaign.conf
echo "subjct = x" >>spring/campaign.conf
run 6 campaign create spring
tells "did you mean 'subject'?"
sed -i '/^subjct/d' spring/campaign.conf
mkdir few
printf 'subject = "x"\nfrom = "Ann <ann@example.com>"\nlists = { news }\nfilter = "$.city == \\"Atlantis\\""\n' >few/campaign.conf
echo Hello >few/body.txt
run 6 send few
tells "fits nobody"
run 0 campaign show few
prints "draft"
run 3 preview few
sed -i 's/Atlantis/Köln/' few/campaign.conf
run 0 campaign create few
run 0 preview few
prints "bob@example.com"
run 0 campaign delete few
run 3 campaign create nowhere
run 0 campaign list --json
is_json
run 0 campaign show spring
prints "draft"
run 3 campaign show sprng
tells "did you mean 'spring'?"

run 0 preview spring --to ann@example.com
prints "Subject: News for Ann <A>"
prints "P.S. Berlin"
run 0 preview spring --to ANN@Example.COM --html
is "<p>Hello <b>Ann &lt;A&gt;</b></p>"
run 0 preview spring --to bob@example.com --raw --date 2026-03-01T08:00:00Z
prints "DKIM-Signature:"
prints "Date: Sun, 01 Mar 2026 08:00:00 +0000"
prints "X-Kind: newsletter"
prints "List-Unsubscribe:"
cp out one
run 0 preview spring --to bob@example.com --raw --unsigned --date 2026-03-01T08:00:00Z
never_prints "DKIM-Signature:"
cp out two
run 0 preview spring --to bob@example.com --raw --unsigned --date 2026-03-01T08:00:00Z
cmp -s out two
claim $? "the same message has the same bytes"
/usr/bin/python3 -c 'print("email,city,first_name\ncy@example.com,\"New\n\"\"York\"\"\\\",Cy")' >people.csv
run 0 import people.csv --list news
run 0 preview spring --to cy@example.com
prints '"York"\'
/usr/bin/python3 -c 'print("email,city,first_name\ncy@example.com,\x1b[2JCity,Cy\x07")' >people.csv
run 0 import people.csv --list news
run 0 preview spring --to cy@example.com
prints 'Hello Cy\x07'
prints 'P.S. \x1b[2JCity'
run 0 preview spring --to cy@example.com --json
is_json
prints '"subject":"News for Cy'
run 2 recipients spring --class mailbox-ful
tells "did you mean 'mailbox-full'?"
run 2 recipients spring --verdict deliverd
run 6 import spring/campaign.conf --list news
run 3 preview spring --to eve@example.com
run 6 preview spring --to eve
run 2 preview spring --html --raw
mkdir timed
cat >timed/campaign.conf <<-END
	subject = "x"
	from = "Ann <ann@example.com>"
	lists = { news }
	weight = 300
	rate = 500/h
	sample = 2%
	breaker { hard = 4% }
	window { start = "2026-12-01 08:00" zone = Europe/Berlin until = "20:00" spread = yes }
END
printf 'Hello\n' >timed/body.txt
run 0 campaign create timed
run 0 campaign show timed --json
is_json
prints '"start": "2026-12-01T08:00:00+01:00"'
prints '"hard": 0.04'
prints '"sample": "2%"'
sed -i 's|Europe/Berlin|Europe/Berlyn|' timed/campaign.conf
run 6 campaign create timed
tells "timed/campaign.conf:8: window.zone: no time zone is called 'Europe/Berlyn'"
run 1 pause spring
tells "is draft: it cannot be paused"
run 0 cancel spring
run 1 send spring
tells "was cancelled"
run 0 report spring --json
is_json
run 0 campaign delete spring --json
is_json
run 0 campaign list --csv
never_prints spring
