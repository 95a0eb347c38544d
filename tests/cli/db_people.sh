# Suppression wins, unsubscribing stays, erasure forgets and still keeps away.
conninfo=$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_people/')
echo "database { conninfo = \"$conninfo\" }" >rundbrief.conf
run 0 init
printf 'email,name\nann@example.com,Ann\nbob@example.com,Bob\ncy@example.com,Cy\n' >people.csv
run 0 import people.csv --list news
run 2 import people.csv --list "$(printf 'a\033[31mb')"
tells "no control characters"
printf 'email\nbad\n' >in
run 0 import - --list news
prints "--rejects FILE"
run 0 subscriber show Ann@Example.com
prints "news: subscribed"
run 0 subscriber show ann@example.com --json
is_json
run 3 subscriber unsubscribe ann@example.com --list nwes
tells "did you mean 'news'?"
run 0 subscriber unsubscribe cy@example.com --list news --json
is_json
prints '"left":["news"]'
run 0 subscriber unsubscribe ann@example.com
prints "has left news"
run 0 import people.csv --list news
run 0 subscriber show ann@example.com
prints "news: unsubscribed"
run 0 subscriber erase bob@example.com --json
is_json
run 3 subscriber show bob@example.com
run 0 suppress list --csv
prints "erased"
never_prints "bob@"
run 0 import people.csv --list news
[ "$(sql "select count(*) from subscribers where address_key = 'bob@example.com' and suppressed = 0")" = 0 ]
claim $? "an erased address is not written to after an import"
[ "$(sql "select count(*) from subscribers where address_key = 'bob@example.com'")" = 0 ]
claim $? "nothing of an erased person comes back with an import"
run 0 import people.csv --list news --json
is_json
prints '"erased":1'
grep -q '^3,"erased on request' people.csv.rejects.csv && ! grep -q bob people.csv.rejects.csv
claim $? "the reject file names the erased person's line only"
run 0 suppress add dan@example.com not-an-address
tells "no @ sign"
prints "1 suppressed"
run 6 suppress add not-an-address
run 0 suppress list --reason manual --json
is_json
prints "dan@example.com"
run 0 suppress export
prints "email,reason,since,sha256"
cp out in
run 0 suppress import -
prints "0 suppressed"
run 0 suppress add eve@example.com
run 3 suppress remove dan@example.com nobody@example.com eve@example.com --json
is_json
run 3 suppress remove dan@example.com
run 2 suppress list --reason manaul
tells "did you mean 'manual'?"
run 0 suppress add fay@example.com
run 0 subscriber erase fay@example.com
run 0 suppress list --csv
never_prints fay
prints erased
run 3 subscriber erase fay@example.com
run 3 subscriber show nobody@example.com
run 6 subscriber show nobody
