# classify: one class a line, in order, whatever the line is.
printf '550\t5.1.1\tNo such user here\n452\t4.2.2\tMailbox full\n\t\t\n250\t2.0.0\tok\nnonsense\n' >in
run 0 classify
quiet
[ "$(wc -l <out)" -eq 5 ]
claim $? "as many lines as came in"
[ "$(sed -n 1p out)" = bad-mailbox ]
claim $? "the first is bad-mailbox"
[ "$(sed -n 2p out)" = mailbox-full ]
claim $? "the second is mailbox-full"
printf '550\t5.1.1\tNo such user here' >in
run 0 classify
is bad-mailbox
printf '550\t5.1.1\tNo such user here\n\t\t\r\n' >in
run 0 classify --json
is_json
head -c 200000 /dev/zero | tr '\0' 'x' >in
run 0 classify
[ "$(wc -l <out)" -eq 1 ]
claim $? "a very long line is one line"
