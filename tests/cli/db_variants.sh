# A letter in several forms (A/B), some held out, the rest for the winner: written, looked at, named.
conninfo=$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_variants/')
port=$(free_port)
cat >rundbrief.conf <<-END
	database { conninfo = "$conninfo" }
	sending { return_domain = bounce.example.com secret = secret base_url = "https://news.example.com" }
	engine { name = cli-variants }
	smtp { allow_loopback = yes }
	route "*" { host = 127.0.0.1 port = $port }
	default_limits { message_rate = unlimited connection_rate = unlimited }
END
run 0 init
{
	echo "email,first_name,city,shop"
	i=1
	while [ $i -le 400 ]; do
		echo "p$i@example.com,P$i,Berlin,S$i"
		i=$((i + 1))
	done
} >people.csv
run 0 import people.csv --list news
mkdir ab
printf '<p>Hello {{ first_name }}</p>\n' >ab/body.html
printf '<p>{{ shop }}: hello {{ first_name }} of {{ city }}</p>\n' >ab/body-b.html
letter() {
	printf 'name = "ab"\nsubject = "News"\nfrom = "Ann <ann@example.com>"\nlists = { "news" }\n%s\n' "$1" \
		>ab/campaign.conf
}

# What is said wrongly, with its line.
letter 'variant "b" { subject = "Fresh news" share = 10% }'
run 6 campaign create ab
tells 'ab/campaign.conf:5: variant "b".share: say the share of every variant, that of "a" (the letter itself) too, or of none'
letter 'variant "a" { share = 60% }
variant "b" { subject = "Fresh news"
share = 45% }'
run 6 campaign create ab
tells 'ab/campaign.conf:7: variant "b".share: comes to more than 100% with the others and hold_out'
letter 'hold_out = 6%
variant "a" { share = 50% }
variant "b" { subject = "Fresh news" share = 45% }'
run 6 campaign create ab
tells 'ab/campaign.conf:7: variant "b".share: comes to more'
letter 'variant "b" { subject = "News" }'
run 6 campaign create ab
tells 'ab/campaign.conf:5: variant "b": is the same as "a": say another subject, from, html or text'
letter 'variant "b" { subject = "Fresh" }
variant "c" { subject = "Fresh" }'
run 6 campaign create ab
tells 'campaign.conf:6: variant "c": is the same as "b"'
letter 'variant "b" { }'
run 6 campaign create ab
tells 'variant "b": is the same as "a"'
letter 'variant "a" { subject = "Fresh" }'
run 6 campaign create ab
tells 'ab/campaign.conf:5: variant "a".subject: "a" is the letter itself: only its share is said here'
letter 'variant "a" { share = 10% }'
run 6 campaign create ab
tells 'campaign.conf:5: variant "a".share: there is no other variant'
letter 'variant "b!" { subject = "Fresh" }'
run 6 campaign create ab
tells 'campaign.conf:5: variant "b!": name it by at most 32 letters'
letter 'variant "b" { subjct = "Fresh" }'
run 6 campaign create ab
tells "did you mean 'subject'?"
letter 'variant "b" { subject = "Fresh" share = 10.005% }
variant "a" { share = 10% }'
run 6 campaign create ab
tells 'variant "b".share: goes in steps of 0.01%'
letter 'variant "b" { html = "none.html" }'
run 6 campaign create ab
tells 'ab/campaign.conf:5: variant "b".html: ab/none.html: No such file'
letter 'variant "b" { from = "nobody" }'
run 6 campaign create ab
tells 'ab/campaign.conf:5: variant "b".from: write'
letter 'hold_out = 100%'
run 6 campaign create ab
tells 'campaign.conf:5: hold_out: leaves nobody to write to'
letter 'hold_out = 105%'
run 6 campaign create ab
tells 'is not a share'
letter "$(i=1; while [ $i -le 26 ]; do echo "variant \"v$i\" { subject = \"News $i\" }"; i=$((i + 1)); done)"
run 6 campaign create ab
tells 'campaign.conf:30: variant "v26": is one too many: a letter has at most 26 variants'
letter 'kind = transactional
variant "b" { subject = "Fresh" }'
sed -i '/^lists/d' ab/campaign.conf
run 6 campaign create ab
tells 'a transactional campaign has no audience to divide'
letter 'variant "b" { html = "body-b.html" subject = "{{ city | upcsae }}" }'
run 6 campaign create ab
tells 'ab/campaign.conf (variant b: Subject):1:11: unknown filter'
printf '<p>{{ shop | upcsae }}</p>\n' >ab/bad.html
letter 'variant "b" { html = "bad.html" text = "body-b.html" }'
run 6 campaign create ab
tells 'ab/bad.html:1:'

# Even shares, nobody waits.
letter 'variant "b" { subject = "Fresh news" }'
run 0 campaign create ab
[ "$(sql "select split, hold_out from campaigns")" = "{5000,5000}|0" ]
claim $? "without shares all is divided evenly"
run 1 campaign winner ab b
tells "nobody of 'ab' waits for a winner"
letter 'hold_out = 5%'
run 0 campaign create ab
[ "$(sql "select split, hold_out from campaigns")" = "{9500}|500" ]
claim $? "a hold-out needs no variants"

letter 'hold_out = 5%
variant "a" { share = 10% }
variant "b" { subject = "Fresh news" html = "body-b.html" share = 10% }'
run 0 campaign create ab
run 0 campaign create ab
prints "unchanged"
[ "$(sql "select split, hold_out from campaigns")" = "{1000,1000}|500" ]
claim $? "shares and the hold-out are stored"
id=$(sql "select id from campaigns where name = 'ab'")
of() { # one recipient of a variant: 1, 2, 0 the rest, -1 held out
	sql "select s.address from subscribers s, campaigns c
		where c.name = 'ab' and variant_of(c.split, c.hold_out, c.id, s.id) = $1 order by s.id limit 1"
}
a=$(of 1) b=$(of 2) rest=$(of 0) out_of_it=$(of -1)
run 0 preview ab --to "$a"
prints "Subject: News"
prints "Variant: a"
prints "Hello"
run 0 preview ab --to "$b"
prints "Subject: Fresh news"
prints "Variant: b"
prints "of Berlin"
run 0 preview ab --to "$b" --json
is_json
prints '"variant":"b","waits_for_winner":false,"held_out":false'
prints 'S'
run 0 preview ab --to "$a" --variant b
prints "Fresh news"
prints "of Berlin"
run 0 preview ab --to "$b" --variant a --html
never_prints "of Berlin"
run 0 preview ab --to "$rest"
prints "Variant: a (waits for the winner to be named)"
run 0 preview ab --to "$out_of_it" --json
prints '"held_out":true'
run 3 preview ab --to "$a" --variant c
tells "the campaign has no variant 'c'; its variants are a, b"
run 0 preview ab --to "$b" --variant b --raw --unsigned
prints "Subject: Fresh news"

run 0 plan ab
prints "not with them the 75.00 % who wait for the winner of its variants, and 5.00 % who are held out"
run 0 plan ab --json
is_json
prints '"recipients":80,'
prints '"waits_for_winner":0.7500,"held_out":0.0500'

# The winner.
run 1 campaign winner ab b
tells "'ab' has not been launched"
run 2 campaign winner ab
tells "which campaign, and which variant?"
run 2 campaign list ab
run 3 campaign winner nobody b
run 0 campaign start ab
run 0 campaign create ab
prints "unchanged"
sed -i 's/share = 10%/share = 12%/' ab/campaign.conf
run 1 campaign create ab
tells "'ab' has been launched and the folder says something else now"
run 3 campaign winner ab c
tells "'ab' has no variant 'c'; its variants are a, b"

"$program" sink --listen "127.0.0.1:$port" --store exact:got >sink.log 2>&1 &
sink=$!
trap 'kill $sink $sender 2>/dev/null' EXIT
"$program" send $id >send.out 2>send.err &
sender=$!
for _ in $(seq 100); do
	[ "$(sql "select fully_cut and not exists (select from slices where state in (0, 1)) from campaigns")" = t ] && break
	sleep 0.2
done
rest_count=$(sql "select sum(count) from slices where state = 5")
run 0 status ab
prints "$rest_count wait for \`rundbrief campaign winner\`"
run 0 why ab
prints "$rest_count wait for the winner: \`rundbrief campaign winner ab VARIANT\` lets them go on"
run 0 why "$rest"
prints "waits for the winner of the variants"
run 0 why "$out_of_it"
prints "held out: gets nothing of this campaign"
run 0 top --once
prints "$rest_count wait for the winner"
run 0 top --once --json
prints "\"waiting_for_winner\":$rest_count"
run 0 flush --campaign ab
[ "$(sql "select sum(count) from slices where state = 5")" = "$rest_count" ]
claim $? "flush lets nobody go who waits for the winner"
run 0 report ab
prints "wait for the winner"
prints "$rest_count wait: rundbrief campaign winner ab VARIANT"
prints "It adds up."
run 0 pause ab
run 0 campaign winner ab b
prints "the winner of ab is b: $rest_count recipients who waited are due"
run 0 campaign winner ab b --json
prints '"winner":"b","new":false'
run 1 campaign winner ab a
tells "the winner of 'ab' is 'b' already"
run 0 resume ab
for _ in $(seq 100); do
	kill -0 "$sender" 2>/dev/null || break
	sleep 0.3
done
run 1 campaign winner ab a
run 0 campaign winner ab b
prints "already"
run 0 report ab
prints "the rest: b"
prints "held out"
prints "b against a: "
prints "It adds up."
run 0 report ab --json
is_json
prints '"state":"finished"'
prints '"holds":true'
/usr/bin/python3 - <<-END
	import json, sys
	r = json.load(open("out"))
	v = {x["variant"] or x["kind"]: x for x in r["variants"] if x["kind"] != "rest"}
	rest = [x for x in r["variants"] if x["kind"] == "rest"][0]
	whole = sum(x["recipients"] for x in r["variants"])
	sys.exit(not (whole == r["targeted"] == 400 and rest["delivered"] == $rest_count and
		rest["variant"] == "b" and v["a"]["delivered"] + v["b"]["delivered"] + rest["delivered"] ==
		r["delivered"] and v["held-out"]["recipients"] == r["held_out"] > 0))
END
claim $? "the variants, the rest and those held out are everybody"
held_out=$(sql "select count from tallies where class = 105")
run 0 recipients ab --verdict held-out --csv
[ $(($(wc -l <out) - 1)) -eq "$held_out" ]
claim $? "as many are listed as are held out"
run 0 recipients ab --verdict suppressed --csv
[ $(wc -l <out) -eq 1 ]
claim $? "who is held out is not among the suppressed"
kill "$sink"
wait "$sink" 2>/dev/null
[ "$(grep -c '^Subject: Fresh news' got)" -gt "$(grep -c '^Subject: News' got)" ]
claim $? "most got the winner's subject"
