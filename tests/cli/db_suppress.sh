# Suppressions with scope and evidence, and incidents of providers.
conninfo=$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_suppress/')
cat >rundbrief.conf <<-END
	database { conninfo = "$conninfo" }
	sending { return_domain = bounce.example.com secret = secret base_url = "https://news.example.com" }
END
run 0 init
printf 'email\nann@example.com\nbob@example.com\ncem@gone.test\ndan@example.com\n' >people.csv
run 0 import people.csv --list news
sql "insert into lists (tenant_id, name) values (1, 'other')"

run 0 suppress add ann@example.com --list news
prints "1 suppressed"
run 0 suppress add ann@example.com --list news
prints "0 suppressed, 1 were so already"
run 3 suppress add ann@example.com --list nwes
tells "there is no list 'nwes'"
run 6 suppress add ann@example.com --sender 'not a sender'
tells "is no sender"
run 0 suppress add bob@example.com --sender News@Sender.test
run 0 suppress add bob@example.com --sender sender.test --expires 90d
run 2 suppress add bob@example.com --expires soon
tells "as in 90d"
run 0 suppress add --domain gone.test
run 6 suppress add --domain 'no domain'
tells "is not a domain"
[ "$(sql "select count(*) from subscribers where suppressed <> 0")" = 0 ]
claim $? "what holds for one list, sender or domain suppresses nobody everywhere"
run 0 suppress list
prints "list news"
prints "from news@sender.test"
prints "@gone.test"
run 0 suppress list --json
is_json
/usr/bin/python3 - <<-END
	import json
	rows = json.load(open("out"))
	assert len(rows) == 4
	assert [r["sender"] for r in rows if r["email"] == "bob@example.com"] == ["news@sender.test", "sender.test"]
	assert sum(r["until"] is not None for r in rows) == 1
	assert [r["domain"] for r in rows if r["domain"]] == ["gone.test"]
END
claim $? "each scope is a row of its own"
run 0 suppress list --domain --csv
prints "gone.test"
never_prints "bob"
run 0 subscriber show bob@example.com
prints "manual for sender news@sender.test since"
run 0 subscriber show cem@gone.test
prints "all of gone.test"
run 0 suppress export
never_prints "bob"
run 2 suppress export --list news
tells "what holds everywhere"
run 3 suppress remove bob@example.com --sender other.test
tells "not suppressed in this scope"
run 0 suppress remove bob@example.com --sender sender.test
run 0 suppress remove bob@example.com
prints "was: manual"
run 0 suppress remove --domain gone.test
run 0 suppress list --csv
never_prints "bob"
never_prints "gone.test"

# A suppression by a reply shows it; it decays; a person's word lasts longer.
sql "insert into suppressions (tenant_id, address_hash, address, reason, cause, code, status, text,
	provider, source, seen_at, expires_at) values (1, address_hash('dan@example.com'),
	'dan@example.com', 4, 'mailbox-full', 552, 5002002, 'box of <dan@example.com>' || chr(27) || ' full',
	'gmail', 'out1', now(), now() + interval '180 days')"
run 0 suppress list
prints "gmail: 552 5.2.2 box of <dan@example.com>"
never_prints "$(printf '\033')"
run 0 subscriber show dan@example.com
prints "gmail 552 5.2.2 box of"
run 0 suppress list --json --reason mailbox-full
is_json
prints '"code":552'
run 0 suppress add dan@example.com
prints "1 suppressed"
[ "$(sql "select expires_at is null from suppressions")" = t ]
claim $? "what a person says does not decay"
run 0 subscriber erase dan@example.com
run 0 suppress list --csv
never_prints "dan@"
[ "$(sql "select count(*) from suppressions where text <> ''")" = 0 ]
claim $? "an erasure forgets what the server said"

# An incident: what was suppressed is taken back, held, and answered by a person.
sql "insert into suppressions (tenant_id, address_hash, address, reason, code, status, text, provider,
	seen_at) values (1, address_hash('ann@example.com'), 'ann@example.com', 1, 550, 5001001,
	'no such user', 'gmail', now())" >/dev/null
[ "$(sql "select suppressed from subscribers where address_key = 'ann@example.com'")" = 1 ]
claim $? "she is suppressed"
run 0 incidents --json
is_json
sql "select * from incident_open(1, 'gmail', now() - interval '5 minutes', now(), 0.31::real, 0.008::real, 600, 186)"
[ "$(sql "select suppressed from subscribers where address_key = 'ann@example.com'")" = 0 ]
claim $? "an incident takes back what was suppressed in its window"
run 0 incidents
prints "gmail"
prints "open"
run 0 incidents --json
is_json
prints '"percent":31.00'
prints '"held":1'
run 0 incidents show 1
prints "ann@example.com"
run 0 incidents show 1 --csv
prints "no such user"
run 3 incidents show 7
run 2 incidents show one
run 2 incidents resolve 1
tells "--false-alarm"
run 2 incidents resolve 1 --false-alarm --confirm
run 0 incidents resolve 1 --false-alarm
prints "gmail goes on; the 1 that were held count for nothing"
run 1 incidents resolve 1 --confirm
tells "was answered before: false-alarm"
[ "$(sql "select suppressed from subscribers where address_key = 'ann@example.com'")" = 0 ]
claim $? "after a false alarm nobody is suppressed"
[ "$(sql "select string_agg(kind || provider, ' ' order by number) from stops where provider <> ''")" = "4gmail 5gmail" ]
claim $? "engines learn of it by the stop feed"
sql "insert into suppressions (tenant_id, address_hash, address, reason, code, status, text, provider,
	seen_at) values (1, address_hash('ann@example.com'), 'ann@example.com', 1, 550, 5001001,
	'no such user', 'gmail', now());
	select * from incident_open(1, 'gmail', now() - interval '5 minutes', now(), 0.31::real, 0.008::real, 600, 186)" >/dev/null
run 0 incidents resolve 2 --confirm --json
is '{"id":2,"provider":"gmail","state":"confirmed","held":1}'
[ "$(sql "select suppressed from subscribers where address_key = 'ann@example.com'")" = 1 ]
claim $? "confirmed, they are suppressions again"
run 2 incidents resovle 1
tells "did you mean 'resolve'?"
