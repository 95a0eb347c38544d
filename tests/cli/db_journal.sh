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
