# Transactional mail is handed over by command, asked about and cancelled.
conninfo=$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_post/')
cat >rundbrief.conf <<-END
	database { conninfo = "$conninfo" }
	sending { return_domain = bounce.example.com secret = secret base_url = "https://news.example.com" }
END
run 0 init
mkdir receipt
cat >receipt/campaign.conf <<-END
	kind = transactional
	subject = "Order {{ order }}"
	from = "Shop <shop@example.com>"
	expires = 1d
END
printf 'Thank you, {{ name }}\n' >receipt/body.txt
run 0 campaign create receipt
run 0 campaign ready "Shop <shop@example.com>"
prints "(ready): revision 1"
run 0 campaign ready "Shop <shop@example.com>"
prints "unchanged"
run 6 campaign ready shop
tells "from: write"
run 1 post receipt --to ann@example.com
tells '"receipt" is not running'
# An engine launches; here there is none.
launch() {
	sql "update campaigns set state = 1, fully_cut = true, launched_at = now(),
		expires_after = '1 day' where kind = 1; select campaign_partition(id) from campaigns"
}
launch
run 0 post receipt --to Ann@Example.com --name Ann --set order=4711 --set "note=a=b" --key order-4711 --priority 9
id=$(cat out)
quiet
run 0 post receipt --to ann@example.com --set order=4712 --key order-4711
is "$id"
tells "was handed over before"
run 0 post receipt --to ann@example.com --key order-4711 --json
is "{\"id\":$id,\"new\":false}"
[ "$(sql "select (attributes->>'order') || (attributes->>'note') || priority || name from outbox where id = $id")" = "4711a=b9Ann" ]
claim $? "the row is the first one's"
[ "$(sql "select expires_at > now() + interval '23 hours' from outbox where id = $id")" = t ]
claim $? "it expires as its campaign says"
run 0 post --status order-4711
prints "status       queued"
prints "email        Ann@Example.com"
run 0 post --status "$id" --json
is_json
prints '"status":"queued"'
run 3 post --status nothing
echo '{"order": {"id": 1}}' >data.json
run 0 post receipt --to bob@example.com --data data.json --set more=x --not-before 1h --expires 2090-01-01
bob=$(cat out)
[ "$(sql "select attributes from outbox where id = $bob")" = '{"more": "x", "order": {"id": 1}}' ]
claim $? "a file and --set make the attributes"
run 0 post --status "$bob" --json
prints '"expires_at":"2090-01-01T00:00:00Z"'
run 0 post --cancel "$bob"
prints "status       cancelled"
run 1 post --cancel "$bob"
tells "is cancelled: it cannot be cancelled"
run 0 post --cancel order-4711 --json
prints '"status":"cancelled"'
run 0 post ready --to cy@example.com --set subject=Hi --set text=there
run 0 preview receipt --to ann@example.com
prints "Subject: Order 4711"
prints "Thank you, Ann"
run 0 preview receipt --raw --unsigned
prints "To: bob@example.com"
never_prints "List-"
run 0 preview ready --text
is "there"
run 0 preview ready --html
prints ">there</pre>"
run 0 post ready --to cy@example.com --set subject=Hi --set "html=<p>a &amp; b</p>"
run 0 preview ready --html
is "<p>a &amp; b</p>"
run 0 preview ready --text
prints "a"
run 3 preview receipt --to nobody@example.com
run 3 post recipt --to a@example.com
tells "did you mean 'receipt'?"
run 6 post receipt --to ann
run 2 post receipt --to a@example.com --set order
tells "NAME=VALUE"
run 2 post receipt --to a@example.com --expires soon
tells "how long from now"
run 2 post receipt --to a@example.com --priority 10
run 2 post receipt
tells "to whom?"
run 2 post receipt --status x
run 2 post
echo '[1]' >data.json
run 6 post receipt --to a@example.com --data data.json
tells "no JSON object"
echo '{' >data.json
run 6 post receipt --to a@example.com --data data.json
run 3 post receipt --to a@example.com --data nowhere.json
run 0 report receipt --json
is_json
prints '"targeted":2'
prints '"cancelled":2'
run 0 recipients receipt --verdict cancelled --csv
prints "Ann@Example.com"
run 0 subscriber erase cy@example.com
[ "$(sql "select count(*) from outbox where address = 'cy@example.com'")" = 0 ]
claim $? "who is erased leaves no message behind"
run 0 cancel receipt
run 1 post receipt --to a@example.com
tells "not running"
run 0 campaign delete receipt
[ "$(sql "select count(*) from outbox")" = 0 ]
claim $? "a campaign that is deleted takes its messages along"
