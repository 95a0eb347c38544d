# How far new sources have come, and what a person may say about it.
conninfo=$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_warmup/')
cat >rundbrief.conf <<-END
	database { conninfo = "$conninfo" }
	sending { return_domain = bounce.example.com secret = secret base_url = "https://news.example.com" }
	source "old" {}
	source "new" { warmup = gentle }
	source "newer" { warmup = standard }
	warmup "gentle" { days = { 100, 200, 1k } }
END
run 0 init
run 0 warmup --json
is_json
never_prints "source"
run 3 warmup new
tells "has not begun to warm up"
day=$(sql "select (now() at time zone 'UTC')::date")
sql "insert into warmups (tenant_id, source, provider, step, step_since, day, mailed_day, counted,
	held) values
	(1, 'new', 'gmail', 1, date '$day' - 3, date '$day', date '$day', 150, ''),
	(1, 'new', '', 0, date '$day' - 3, date '$day' - 1, date '$day' - 1, 100, ''),
	(1, 'new', 'yahoo', 3, date '$day' - 3, date '$day', date '$day', 0, ''),
	(1, 'gone', 'yahoo', 0, null, null, null, 0, '');
	insert into source_days values
	(1, 'new', 'gmail', '$day', 120, 110, 10, 0),
	(1, 'new', '', date '$day' - 1, 100, 60, 40, 0)"
run 0 warmup
prints "allowance"
run 0 warmup --json
is_json
/usr/bin/python3 - <<-END
	import json
	gone, other, gmail, yahoo = json.load(open("out"))
	assert gone["source"] == "gone" and "no warmup" in gone["now"], gone
	assert other["provider"] == "other" and other["day"] == 1 and other["of"] == 3, other
	assert other["allowance"] == 100 and other["sent"] == 0 and other["tomorrow"] == 100, other
	assert other["held"] == "40.0 % of 100 attempts were deferred; the limit is 10 %", other
	assert gmail["day"] == 2 and gmail["allowance"] == 200 and gmail["sent"] == 150, gmail
	assert gmail["tomorrow"] == 1000 and gmail["held"] is None and gmail["now"] == "sending", gmail
	assert yahoo["now"] == "warm" and yahoo["allowance"] is None and yahoo["day"] == 3, yahoo
END
claim $? "what engines will do is shown: the day that has not begun is begun"
run 0 warmup new gmail --complaints 1 --json
is_json
prints '"tomorrow":200'
run 0 warmup new gmail --complaints 2 --day 2026-01-01 --json
prints '"tomorrow":200'
[ "$(sql "select string_agg(complained::text, ' ' order by day) from source_days
	where provider = 'gmail'")" = "2 1" ]
claim $? "complaints are kept by day"
run 0 warmup new other --set-level 3 --csv
prints "new,other,3,3,1000"
run 0 warmup new --set-level 4
never_prints "sending"
run 0 warmup newer gmail --set-level 1
prints "200"
run 3 warmup old --set-level 1
tells "no source 'old' with a warmup"
run 3 warmup newer yahoo
run 2 warmup new --set-level 5
tells "from 1 to 3, or 4: warm"
run 2 warmup new --complaints 1
tells "PROVIDER"
run 2 warmup --set-level 1
tells "SOURCE"
run 2 warmup new gmail --complaints 1 --day tomorrow
tells "not 'tomorrow'"
run 2 warmup new gmail --complaints 1 --set-level 1
echo 'pool "p" { sources = { old, nwe } }' >>rundbrief.conf
run 2 warmup
tells 'rundbrief.conf:7: pool "p".sources: there is no source "nwe", did you mean "new"?'
