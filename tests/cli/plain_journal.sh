# What a journal says to people and programs; its files are written by the public description of
# the layout (journal_writer.py), not by the engine.
cat >rundbrief.conf <<-END
	database { conninfo = "host=/nonexistent dbname=none" }
	engine { journal = journal }
END
run 3 journal
tells "there is no journal in"
/usr/bin/python3 "$root/tests/cli/journal_writer.py" journal >places
read -r second end <places
run 0 journal
quiet
prints "No engine is writing it."
prints "a hole of 1000 bytes"
prints "How far it is settled is not known: the database cannot be reached."
prints "1 mark is open"
prints "The next engine that starts with this journal lists it in doubt."
prints "campaign 3, recipient 5, attempt 1, since 2023-11-14T22:13:20+00:00, to mx.google.com"
prints "It ends in order at $end."
never_prints "recipient 4"
run 0 journal --json
is_json
/usr/bin/python3 - "$second" "$end" <<-END
	import json, sys
	second, end = map(int, sys.argv[1:])
	j = json.load(open("out"))
	assert [s["from"] for s in j["segments"]] == [0, second]
	assert [(s["marks"], s["outcomes"], s["undone"]) for s in j["segments"]] == [(3, 3, 0), (3, 1, 1)]
	assert j["settled"] is None and j["ending"] == "whole" and j["end"] == end
	assert not j["running"] and j["process"] is None
	assert [(m["recipient"], m["mx_host"]) for m in j["open_marks"]] == [(5, "mx.google.com")]
END
claim $? "the same for programs"
run 0 journal --records --json
is_json
/usr/bin/python3 - <<-END
	import json
	r = json.load(open("out"))
	assert [x["recipient"] for x in r] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 6]
	assert [x["record"] for x in r[6:9]] == ["mark", "undone", "mark"]
	last = r[-1]
	assert last["verdict"] == "failed" and last["code"] == 550 and last["due"] is None
	assert r[0]["verdict"] is None and r[0]["position"] == 0
END
claim $? "each record in order"
run 0 journal --records
never_prints "$(printf '\033')"
run 0 journal --records --csv
prints "position,record,campaign"
run 2 journal --csv
tells "--csv goes with --records"
run 0 journal --recipient 5
prints "in doubt"
run 0 journal --recipient 4
prints "nothing of its end had left"
run 0 journal --recipient 6
prints "has its outcome"
run 3 journal --recipient 77
tells "nothing about recipient 77"
run 4 journal --recipient ann@example.com
tells "the database cannot be reached"
# A copy elsewhere, cut short, then damaged, then put aside.
mkdir copy
cp journal/*.journal copy/
truncate -s -3 "copy/$(printf %020d "$second").journal"
run 0 journal --directory copy
prints "It ends in a record cut short, or in zeros, at"
prints "Nothing that this record was about had left"
prints "2 marks are open"
printf x | dd of="copy/$(printf %020d 0).journal" bs=1 seek=30 conv=notrunc status=none
run 0 journal --directory copy --json
is_json
prints '"ending":"damaged"'
run 0 journal --directory copy
prints "It is damaged at 0"
touch copy/1.damaged
run 0 journal --directory copy
prints "1 file named .damaged keeps what a damaged journal had hidden"
# As long as somebody holds the lock it is being written.
run_locked() {
	: >journal/lock
	flock journal/lock sh -c '"$0" journal >out 2>err' "$program"
	last="journal, beside an engine"
}
run_locked
prints "An engine is writing it (process"
prints "The engine waits for the reply."
mkdir empty
run 0 journal --directory empty
prints "nothing was written yet"
