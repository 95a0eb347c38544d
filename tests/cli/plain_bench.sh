# Scenarios: what there is, what a file may say, and what is wrong with one; nothing is measured here.
run 0 bench --list
prints "bulk-10k-rsa"
prints "(large)"
quiet
for scenario in "$root"/bench/scenarios/*.conf; do
	run 0 bench --show "$scenario"
	is_json
done
run 0 bench --show smoke
prints '"recipients": 300'
run 0 bench --settings
prints 'promise "FIGURE"'
prints "most                       factor"
run 3 bench smok
tells "unknown scenario 'smok', did you mean 'smoke'?"
run 3 bench there/is-none.conf
tells "there/is-none.conf: No such file or directory"
run 2 bench --cuont 3
tells "did you mean '--count'?"

run 2 bench --count many smoke
tells "--count wants a whole number, not 'many'"

wrong() { # the file's text, what is told
	printf '%s\n' "$1" >wrong.conf
	run 2 bench wrong.conf
	tells "$2"
}
wrong 'recipients = 10' "wrong.conf: shows is missing"
wrong 'sze = 10k' "wrong.conf:1: unknown key 'sze', did you mean 'size'?"
wrong 'shows = "a"
runs = 0' "wrong.conf:2: "
wrong 'shows = "a"
signing = dsa' "wrong.conf:2: "
wrong 'shows = "a"
promise "cost_usec" { }' 'promise "cost_usec" wants most or least, one of them'
wrong 'shows = "a"
promise "cost_usec" { most = 1 least = 1 }' 'promise "cost_usec" wants most or least, one of them'
wrong 'shows = "a"
provider "strict" { reject = "3" }' 'reject and defer are written "3%:550 5.1.1 text"'
wrong 'shows = "a"
provider "strict" { defer = "3%:451 4.7.1 later; much" }' "without a semicolon"
wrong 'shows = "a"
sites = 2
provider "many" { sites = 3 }' "the providers have 3 sites together, more than sites = 2"
wrong 'shows = "a"
connections = 5' "connections are fewer than sites"
wrong 'shows = "a"
promise "cost_usec" { most = 1' "is not closed"
