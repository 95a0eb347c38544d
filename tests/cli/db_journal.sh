# How far a journal is settled, and a recipient by address: what the database adds.
conninfo=$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_journal/')
cat >rundbrief.conf <<-END
	database { conninfo = "$conninfo" }
	engine { journal = journal name = one }
	sending { return_domain = bounce.example.com secret = secret base_url = "https://news.example.com" }
END
run 0 init
/usr/bin/python3 "$root/tests/cli/journal_writer.py" journal >places
read -r second end <places
run 0 journal
prints "How far it is settled is not known: the database knows no engine of that name"
sql "insert into engines (tenant_id, name, epoch, position) values (1, 'one', 3, $second)"
run 0 journal
prints "The database has everything up to $second; 1 outcome behind that is settled by"
run 0 journal --json
prints "\"settled\":$second,\"unsettled_outcomes\":1"
sql "update engines set position = $end where name = 'one'"
run 0 journal
prints "The database has everything up to $end: every outcome in the journal."
sql "update engines set position = $end + 1 where name = 'one'"
run 0 journal
prints "which is behind this journal's end: it is an older copy."
run 0 journal --engine other
prints "the database knows no engine of that name"
run 3 journal --recipient ann@example.com
tells "there is no subscriber ann@example.com"
sql "insert into subscribers (tenant_id, id, address, address_key, domain) overriding system value
	values (1, 5, 'ann@example.com', 'ann@example.com', 'example.com')"
run 0 journal --recipient ann@example.com
prints "in doubt"

# What the database refused, as the journal had it.
run 0 journal --aside
prints "The database has refused no outcome."
record=$(/usr/bin/python3 - journal <<-END
	import glob, struct, sys
	data = open(sorted(glob.glob(sys.argv[1] + "/*"))[0], "rb").read()
	at = 0
	while data[at + 8 + (3 if data[at + 8] == 0xdc else 1)] != 2:
	    at += 8 + struct.unpack_from("<I", data, at)[0]
	print(data[at:at + 8 + struct.unpack_from("<I", data, at)[0]].hex())
END
)
sql "insert into campaigns (tenant_id, id, name) overriding system value values (1, 3, 'spring');
	insert into asides (tenant_id, campaign_id, slice_id, subscriber_id, engine_id, attempt, at, why, record)
	values (1, 3, 7, 5, 1, 1, now(), 'value \"x\" is too long', '\\x$record'),
		(1, 3, 7, 6, 1, 1, now() - interval '1 day', 'unreadable', '\\x0011')"
run 0 journal --aside
prints "ann@example.com"
prints "delivered"
prints "is too long"
run 0 journal --aside --json
is_json
prints '"campaign":"spring","recipient":5,"address":"ann@example.com","engine":"one","attempt":1,"verdict":"delivered"'
prints '"recipient":6,"address":null,"engine":"one","attempt":1,"verdict":null'
run 0 journal --aside --csv
prints "at,campaign,recipient,address,engine,attempt,verdict,class,code,text,why"
