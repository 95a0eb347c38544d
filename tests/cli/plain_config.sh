# The configuration: where it is looked for, what is in force, what is wrong with it.
run 0 --explain
prints "no configuration file was found"
cat >rundbrief.conf <<-END
	database { conninfo = "host=/nowhere password=hunter2" }
	smtp {
		port = 2525
	}
END
run 0 pause --explain
prints "smtp.port = 2525"
prints "# rundbrief.conf:3"
never_prints hunter2
printf 'smtp {\n\tprot = 1\n}\n' >bad.conf
run 2 pause x --config bad.conf
tells "bad.conf:2: unknown key 'prot' in smtp, did you mean 'port'?"
RUNDBRIEF_CONFIG=bad.conf
export RUNDBRIEF_CONFIG
run 2 pause x
tells "bad.conf:2"
unset RUNDBRIEF_CONFIG
run 2 pause x --config missing.conf
tells "missing.conf: No such file or directory"
run 4 pause x
tells "the database cannot be reached"
never_prints hunter2
