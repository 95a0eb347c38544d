# Why is this not sent yet: top, why, flush and reroute, on rows as engines write them.
conninfo=$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_why/')
cat >rundbrief.conf <<-END
	database { conninfo = "$conninfo" }
	source "out1" { helo = out1.example.com }
	source "out2" { helo = out2.example.com }
END
run 0 init
run 0 top --once
prints "0 engines at work, 0 campaigns"
run 0 top --json
is_json
printf 'email\n%s@gmail.test\n%s@gmail.test\n' ann bob >people.csv
printf '%s@small.test\n%s@small.test\n' cy di >>people.csv
printf '%s@gmail.test\n%s@gmail.test\n%s@gmail.test\n' eve fay gil >>people.csv
run 0 import people.csv --list news
run 2 why
run 3 why nobody@gmail.test
tells "there is no subscriber"
run 3 why spring
tells "there is no campaign 'spring'"
run 3 why elsewhere.test
tells "no engine has had mail for 'elsewhere.test'"
run 6 why "no body@x"
run 0 why ann@gmail.test
prints "not suppressed"
prints "none of the last campaigns"
prints "no engine has had mail for it"

# Seven people: 1 delivered, 2 deferred and due in an hour, 3 deferred and claimed by an engine, 4
# put back for half an hour, 5 with an engine and not tried, 6 left out, 7 not yet chosen.
sql "insert into engines (tenant_id, name, epoch) values (1, 'mta1', 3), (1, 'mta2', 1);
	update engines set heartbeat_at = now() - interval '5 minutes' where name = 'mta2';
	insert into campaigns (tenant_id, name, state, revision, list_ids, highest_id, cut_mark, launched_at)
		values (1, 'spring', 1, 1, '{1}', 7, 6, now() - interval '1 hour');
	select campaign_partition(1);
	insert into slices (tenant_id, campaign_id, kind, state, count, suppressed_count, lo_id, hi_id,
		lease_engine_id, lease_epoch, due_at, ids, suppressed_ids) values
		(1, 1, 0, 1, 5, 1, 1, 6, 1, 3, now(), '\\x0101010101', '\\x06'),
		(1, 1, 2, 0, 1, 0, 4, 4, null, null, now() + interval '30 minutes', '\\x04', ''),
		(1, 1, 1, 1, 1, 0, 3, 3, 1, 3, now(), '\\x03', '');
	insert into delivery_rows (campaign_id, slice_id, subscriber_id, at, tenant_id, revision, status,
		duration_ms, size, verdict, class, stage, code, attempt, origin, final, cause, provider,
		source, site, mx_host, text) values
		(1, 1, 1, now(), 1, 1, 2000000, 5, 9, 1, 0, 10, 250, 1, 0, true, '', 'gmail', 'out1',
			'google.test', 'mx1.google.test', 'OK thanks'),
		(1, 1, 2, now() - interval '9 minutes', 1, 1, 4007028, 5, 9, 2, 7, 8, 421, 2, 0, false,
			'', 'gmail', 'out1', 'google.test', 'mx1.google.test', 'too' || chr(27) || 'fast'),
		(1, 1, 3, now(), 1, 1, 4007001, 5, 9, 2, 8, 8, 451, 1, 0, false, '', '', 'out2',
			'small.test', 'mx.small.test', 'greylisted');
	insert into deferrals (tenant_id, campaign_id, subscriber_id, slice_id, due_at, revision, attempts,
		verdict, class, code, status, provider, source, text, site) values
		(1, 1, 2, null, now() + interval '1 hour', 1, 2, 2, 7, 421, 4007028, 'gmail', 'out1',
			'too fast', 'google.test'),
		(1, 1, 3, 3, now(), 1, 1, 2, 8, 451, 4007001, '', 'out2', 'greylisted', 'small.test');
	insert into tallies values (1, 1, 1, 1, 0, 1, true, 'gmail', 1), (1, 1, 1, 2, 7, 1, false, 'gmail', 1),
		(1, 1, 1, 2, 7, 2, false, 'gmail', 1), (1, 1, 0, 5, 100, 0, true, '', 1);
	insert into domain_sites values (1, 'gmail.test', 'google.test', 'gmail', 'mx1.google.test', now()),
		(1, 'small.test', 'small.test', '', 'mx.small.test', now());
	insert into path_states values
		(1, 'google.test', 'out1', 1, '', 3, 'gmail', 'waiting', 'rate', now() + interval '10 minutes',
		5, 20, 432000, 864000, 4, 1234, 0, 60, 100, 10, 5, now(), '421 4.7.28 slow down', now()),
		(1, 'small.test', 'out2', 1, '', 3, '', 'waiting', 'suspended', now() + interval '2 hours',
		1, 20, null, null, 0, 3, 0, 0, 0, 1, 0, now(), '421 4.3.2 go away' || chr(27) || '[2J', now()),
		(1, 'idle.test', 'out1', 1, '', 3, '', 'idle', '', null,
		20, 20, null, null, 0, 0, 0, 0, 7, 0, 0, null, '', now()),
		(1, 'dead.test', 'out1', 2, '', 1, 'gmail', 'waiting', 'rate', null,
		5, 20, null, null, 4, 99999, 0, 60, 0, 0, 0, null, '', now()),
		(1, 'past.test', 'out1', 1, '', 2, 'gmail', 'waiting', 'rate', null,
		5, 20, null, null, 4, 88888, 0, 60, 0, 0, 0, null, '', now())" >/dev/null
claim $? "rows are there"

run 0 why ann@gmail.test
prints "campaign spring (running): delivered"
prints "last reply: 250 2.0.0 OK thanks from mx1.google.test to out1"
run 0 why Bob@GMAIL.test
prints "deferred (rate-limited)"
prints "2 attempts; next attempt at"
prints "(in 59m"
prints "what goes from out1 to google.test is held back: rate 5/s of 10/s, until"
prints "421 4.7.28 too\\x1bfast"
prints "gmail.test: site google.test, provider gmail, by mx1.google.test"
prints "1,234 waiting"
prints "throttled"
run 0 why cy@small.test
prints "deferred (greylisted)"
prints "engine mta1 has it; what goes from out2 to small.test is held back: suspended, until"
run 0 why di@small.test
prints "not tried yet: put back until"
run 0 why eve@gmail.test
prints "not tried yet: engine mta1 has it"
run 0 why fay@gmail.test
prints "left out: suppressed when the audience was chosen"
run 0 why gil@gmail.test
prints "not chosen yet"
run 0 why bob@gmail.test --json
is_json
/usr/bin/python3 - <<-END
	import json
	said = json.load(open("out"))
	mail, = said["campaigns"]
	assert said["lists"] == "news (subscribed)" and said["engines"] == 1
	assert mail["verdict"] == "deferred" and not mail["final"] and mail["attempts"] == 2
	assert mail["next_attempt_at"] and mail["code"] == "421" and "rate 5/s" in mail["why"]
	assert said["place"]["site"] == "google.test" and len(said["place"]["paths"]) == 1
	assert said["place"]["paths"][0]["held_by"] == "rate"
	assert said["place"]["deferred"][0]["count"] == 1
END
claim $? "why EMAIL --json has verdict, next attempt, place and the limit in the way"
run 0 why GMAIL.test
prints "1 deferred, campaign spring: next attempt at"
run 0 why small.test --json
is_json
prints '"held_by":"suspended"'
run 0 why spring
prints "campaign spring (running): under way on mta1"
prints "6 with engines, 0 due, 1 later"
prints "1 deferred, provider gmail: next attempt at"
prints "1,234 wait to go from out1 to google.test: rate 5/s of 10/s"
prints "more of the audience is to come"
never_prints "dead.test"
never_prints "past.test"
run 0 why 1 --json
is_json
prints '"leased":6'
# Deferred, and delivered by a retry that is over.
sql "insert into slices (tenant_id, campaign_id, kind, state, count, lo_id, hi_id, ids)
		values (1, 1, 1, 2, 1, 3, 3, '\\x03');
	update slices set state = 2 where id = 3;
	delete from deferrals where subscriber_id = 3;
	insert into delivery_rows select campaign_id, 4, 3, now() + interval '1 second', null, tenant_id,
		revision, 2000000, duration_ms, size, 1, 0, 10, 250, 2, origin, true, '', provider, source,
		site, mx_host, 'OK at last' from deliveries where subscriber_id = 3" >/dev/null
run 0 why cy@small.test
prints "campaign spring (running): delivered"
prints "last reply: 250 2.0.0 OK at last"
run 0 suppress add ann@gmail.test
run 0 why ann@gmail.test
prints "suppressed: manual since"

run 0 top --once
prints "1 engine at work, 1 campaign under way"
prints "silent 5m"
prints "spring"
never_prints "99,999"
never_prints "88,888"
never_prints "$(printf '\033')"
sed -n '/^SOURCE/,$p' out | sed -n 2p |
	grep -q "google.test.*1,234.*4/5.*5/s of 10/s.*rate 5/s of 10/s, until"
claim $? "the path where most wait is first, with its limits and the one that binds"
grep -q "small.test.*suspended, until .*: 421 4.3.2 go away" out
claim $? "a suspension is shown with the reply that made it"
run 0 top --json
is_json
/usr/bin/python3 - <<-END
	import json
	said = json.load(open("out"))
	campaign, = said["campaigns"]
	assert campaign["targeted"] == 6 and campaign["ended"] == 2 and campaign["deferred_now"] == 1
	assert campaign["per_minute"] == 0 and campaign["deferrals"] == 2 and not campaign["fully_cut"]
	gmail, other = said["providers"]
	assert gmail["provider"] == "gmail" and gmail["waiting"] == 1234 and gmail["blocked"] == 0
	assert other["provider"] == "" and other["blocked"] == 1
	assert [p["site"] for p in said["paths"]] == ["google.test", "small.test", "idle.test"]
END
claim $? "top --json counts as the report does, and only engines at work"
# A terminal of 100 columns: q ends it, and what was there before comes back.
/usr/bin/python3 - "$program" <<-END
	import fcntl, os, pty, select, struct, sys, termios, time
	pid, fd = pty.fork()
	if pid == 0:
	    os.execv(sys.argv[1], [sys.argv[1], "top"])
	fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
	said, pressed, until = b"", False, time.monotonic() + 30
	while time.monotonic() < until:
	    if not select.select([fd], [], [], 0.2)[0]:
	        continue
	    try:
	        more = os.read(fd, 65536)
	    except OSError:
	        break
	    if not more:
	        break
	    said += more
	    if not pressed and said.count(b"\033[H") >= 3:
	        os.write(fd, b"q")
	        pressed = True
	_, status = os.waitpid(pid, 0)
	assert os.waitstatus_to_exitcode(status) == 0
	assert b"\033[?1049h" in said and said.rstrip().endswith(b"\033[?1049l")
	frame = said.split(b"\033[H")[-1].split(b"\033[J")[0].decode().replace("\033[K", "")
	lines = [line.rstrip("\r") for line in frame.split("\n")]
	assert len(lines) <= 24 and all(len(line) < 100 for line in lines), lines
	assert any(line.startswith("spring") for line in lines)
	assert any("rate 5/s of 10/s" in line for line in lines), lines
END
claim $? "on a terminal top draws a screen of its own that fits; q leaves it"

run 3 flush --provider nobody
tells "no mail of a running campaign goes to a provider 'nobody'"
run 3 flush --domain elsewhere.test
run 2 flush --provider gmail --domain gmail.test
run 3 flush --campaign summer
run 0 flush --domain small.test
prints "0 deferred recipients at small.test are due now; 1 who had been put back"
[ "$(sql "select string_agg(kind || ' ' || target, ',') from stops where kind = 6")" = "6 site small.test" ]
claim $? "engines are told of the site"
run 0 flush --provider gmail --campaign spring --json
is '{"deferrals":1,"put_back":0,"provider":"gmail","domain":null,"campaign":"spring"}'
[ "$(sql "select count(*) from deferrals where subscriber_id = 2 and due_at <= now()")" = 1 ]
claim $? "what waited is due"
run 0 why bob@gmail.test
prints "the next attempt is due"
sql "update deferrals set due_at = now() + interval '1 hour' where subscriber_id = 2" >/dev/null
run 0 flush
prints "1 deferred recipients everywhere are due now"
[ "$(sql "select target = '' from stops order by number desc limit 1")" = t ]
claim $? "everywhere is told as everywhere"

run 2 reroute --provider gmail
tells "--to SOURCE or --away-from SOURCE"
run 2 reroute --to out2
tells "whose mail?"
run 2 reroute --provider gmail --to out22
tells "did you mean 'out2'?"
sql "update deferrals set due_at = now() + interval '1 hour' where subscriber_id = 2" >/dev/null
run 0 reroute --domain gmail.test --to out2
prints "1 deferred recipients at gmail.test go on by out2, at once"
[ "$(sql "select source from deferrals where subscriber_id = 2 and due_at <= now()")" = out2 ]
claim $? "it has its new source and is due"
run 0 reroute --domain gmail.test --to out2
prints "0 deferred recipients"
run 0 reroute --provider gmail --away-from out2 --json
is '{"rerouted":1,"provider":"gmail","domain":null,"campaign":null}'
[ "$(sql "select source from deferrals where subscriber_id = 2")" = out1 ]
claim $? "away from one source is by another"

run 0 pause spring
run 0 why eve@gmail.test
prints "the campaign is paused"
run 0 why spring
prints "paused: \`rundbrief resume\` lets it go on"
run 0 top --once
prints "resume: it is paused"
sql "update engines set heartbeat_at = now() - interval '1 minute'" >/dev/null
run 0 resume spring
run 0 why spring
prints "no engine is at work"
run 0 why eve@gmail.test
prints "engine mta1 has it and is silent"
