# What the program says about itself, and about mistakes on the command line.
run 2
prints "usage: rundbrief COMMAND"
run 0 help
prints "recipients"
run 0 --version
prints "rundbrief "
	for command in init import campaign preview send serve status report recipients pause resume cancel subscriber suppress incidents dkim check trace explain tls-report hosts journal classify template token warmup post top why flush reroute plan sink bench help; do
	run 0 $command --help
	prints "usage: rundbrief $command"
	[ $command = sink ] || prints "Options:"
	run 0 help $command
	quiet
done
run 0 help config
prints "conninfo"
prints "number of messages, 0 to 1000000"
run 0 help campaign
prints "X-NAME"
run 2 camapign
tells "did you mean 'campaign'?"
run 2 pause --hlp
tells "did you mean '--help'?"
run 2 pause
tells "something is missing: rundbrief pause CAMPAIGN"
run 2 suppress
tells "  rundbrief suppress remove EMAIL..."
run 2 pause one two
tells "'two' is one argument too many"
run 2 campaign lst
tells "did you mean 'list'?"
run 2 report x --csv
tells "unknown option '--csv'"
run 2 help nonsense
